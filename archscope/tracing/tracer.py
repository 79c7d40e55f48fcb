"""Follow a module while it runs once, and write down a node for everything that its input reaches."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archscope.building.builders import COUNTERS
from archscope.errors import Rejects
from archscope.layers import Facts, Layer, Shape
from archscope.layers.base import Weight
from archscope.network import Node, Ref
from archscope.tracing.calls import beyond, read
from archscope.tracing.function import Function
from archscope.tracing.modules import LEAVES, beyond_module, read_module
from archscope.tracing.samples import sample_of
from archscope.tracing.signatures import plain_name
from archscope.tracing.strangers import misfit, tensors_in
from archscope.tracing.values import Values

_SAME_VALUES: Final = frozenset({
    "contiguous", "clone", "detach", "to", "float", "double", "half", "bfloat16", "type", "type_as", "cpu", "cuda",
    "requires_grad_", "alias",
})  # fmt: skip
"""Functions that hand on their input's values as they are."""

_VIEWS: Final = frozenset({"expand", "expand_as", "flatten", "reshape", "reshape_as", "squeeze", "unflatten", "view",
                           "view_as"})  # fmt: skip
"""Functions that do nothing where they leave the shape as it is."""


class Tracer(TorchFunctionMode):
    """Turns calls of PyTorch's functions, and modules that are one layer, into nodes.

    Args:
        module: what is followed.
        state: the tensors it runs with, by the names of its parameters and buffers.
    """

    def __init__(self, module: nn.Module, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.module = module
        self.values = Values(state)
        self.nodes: list[Node] = []
        self._shapes: dict[Ref, Shape] = {}
        self._stack: list[tuple[str, nn.Module]] = []
        self._given: Shape = ()
        self._leaf = 0
        self._names: set[str] = set()
        self._paths = {path for path, _ in module.named_modules()}
        self._owners: dict[str, str] = {}
        trained = {name for name, _ in module.named_parameters(remove_duplicate=False)}
        self._held = {
            name: Weight(name, tuple(each.shape) or (1,), name in trained)
            for name, each in state.items()
            if name.rpartition(".")[2] not in COUNTERS
        }
        self._tensors = {name: each for name, each in state.items() if name in self._held}

    def enter(self, name: str, tensor: Tensor) -> None:
        """Have an input of the network."""
        self.values.made(tensor, Ref(name))
        self._shapes[Ref(name)] = tuple(tensor.shape[1:])
        self._names.add(name)

    @property
    def at(self) -> str:
        """The path of the submodule that runs, or stopped."""
        return next((path for path, _ in reversed(self._stack) if path), "")

    @property
    def misfit(self) -> str:
        """What the submodule that stopped takes and was given, if that is why."""
        return misfit(self._stack[-1][1], self._given) if self._stack else ""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Know which submodule runs; the hooks go away again."""
        handles = []
        for path, each in self.module.named_modules():
            handles.append(each.register_forward_pre_hook(partial(self._begin, path)))
            handles.append(each.register_forward_hook(self._end, with_kwargs=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        result = func(*args, **given)
        if not self._leaf:
            result = self._called(getattr(func, "__name__", str(func)), args, given, result)
        return result

    def _begin(self, path: str, module: nn.Module, given: Any) -> None:
        self._stack.append((path, module))
        self._given = next((sample_of(each) for each in tensors_in(given)), ())
        self._leaf += isinstance(module, LEAVES)

    def _end(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if isinstance(module, LEAVES):
            self._leaf -= 1
            if not self._leaf:
                self._ran(module, args, kwargs, list(tensors_in(output)))
        self._stack.pop()

    def _ran(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], made: list[Tensor]) -> None:
        """A module that is one layer has run."""
        refs = self._reached([*args, *kwargs.values()])
        if isinstance(module, nn.MultiheadAttention):
            refs, made = (refs[:1] if len(set(refs)) == 1 else refs), made[:1]
        names = [name for name, _ in (*module.named_parameters(), *module.named_buffers())]
        weights = frozenset(f"{self.at}.{name}" if self.at else name for name in names)
        layer = read_module(module)
        more = beyond_module(module, args, kwargs)
        self._keep(() if layer is None else (layer,), type(module).__name__.lower(), refs, weights, made, more)

    def _called(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Any:
        """A function of PyTorch has run; what it returns goes on."""
        made = list(tensors_in(result))
        given = [*args, *kwargs.values()]
        refs = self._reached(given)
        unreached = [each for each in tensors_in(given) if self.values.ref(each) is None]
        weights = frozenset(weight for each in unreached for weight in self.values.weights(each)) & self._held.keys()
        if not refs:
            for each in made:
                self.values.came_of(each, weights)
        elif made and (name in _SAME_VALUES or self._leaves(name, args, kwargs, made[0])):
            self.values.made(made[0], refs[0])
        elif made:
            if (
                any(result is each for each in tensors_in(given))
                and not name.endswith("_")
                and not kwargs.get("inplace")
            ):
                # Dropout hands back its very input at inference; the input itself stays what it was.
                result = result.view(result.shape)
                made = [result]
            layers = read(name, args, kwargs, made[0]) if len(made) == 1 and made[0].dim() else ()
            self._keep(layers, plain_name(name), refs, weights, made, beyond(name, args, kwargs))
        return result

    def _leaves(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], made: Tensor) -> bool:
        """Whether a call leaves everything as it is: a view in the same shape, padding by nothing."""
        given = next(tensors_in([*args, *kwargs.values()]))
        if plain_name(name) == "pad":
            return not any(kwargs["pad"] if "pad" in kwargs else args[1])
        return name in _VIEWS and made.shape == given.shape

    def _reached(self, given: Sequence[Any]) -> list[Ref]:
        return [ref for each in tensors_in(list(given)) if (ref := self.values.ref(each)) is not None]

    def _keep(
        self,
        layers: Sequence[Layer],
        called: str,
        refs: Sequence[Ref],
        weights: frozenset[str],
        made: Sequence[Tensor],
        more: str,
    ) -> None:
        """Keep a node for each layer, if they make these shapes with these weights; else a function that does.

        ``more`` is an option that the layer's type does not have: a function then counts as the layer does.
        """
        outputs = [sample_of(each) for each in made]
        owners = {self._owners.get(weight) for weight in weights & self._held.keys()}
        shares = owners.pop() if len(owners) == 1 else None
        facts = [] if owners else self._fit(layers, refs, outputs, weights)
        if not facts:
            unowned = [weight for weight in sorted(weights) if weight in self._held and weight not in self._owners]
            function = Function(called, outputs, [self._held[weight] for weight in unowned], misfit=bool(layers))
            layers, shares = [function], None
        elif more:
            layers = [Function(called, outputs, like=layer, beyond=more) for layer in layers]
        for place, layer in enumerate(layers):
            whole = len(layers) == 1 or bool(facts[place].weights)
            name = self._named(layer.type if layer.type != "function" else called, whole=whole)
            for weight in weights if whole else ():
                self._owners.setdefault(weight, name)
            group = tuple(name.split(".")[:-1])
            self.nodes.append(Node(name, layer, tuple(refs), name, group, shares=shares if whole else None))
            refs = [Ref(name)]
        for place, each in enumerate(made):
            self.values.made(each, Ref(name, place))
            self._shapes[Ref(name, place)] = outputs[place]

    def _fit(
        self, layers: Sequence[Layer], refs: Sequence[Ref], outputs: Sequence[Shape], weights: frozenset[str]
    ) -> list[Facts]:
        """The facts of layers, if they are what was seen: the first output's shape, and every weight's values."""
        shapes = [self._shapes[ref] for ref in refs]
        found: list[Facts] = []
        try:
            for layer in layers:
                found.append(layer.facts(*shapes))
                shapes = [found[-1].output]
        except Rejects:
            return []
        held = [self._held[weight] for weight in weights if weight in self._held]
        stated = [weight for facts in found for weight in facts.weights]
        # Another layer's weights have to lie as they lie there; a matrix of its own may be turned around.
        shared = any(weight.name in self._owners for weight in held)
        alike = [Counter(each.shape if shared else each.values for each in weights_) for weights_ in (held, stated)]
        made = found[-1].outputs if found else ()
        return found if len(made) == len(outputs) and made[0] == outputs[0] and alike[0] == alike[1] else []

    def unused(self) -> str:
        """A sentence on weights that no layer used that ran; empty if there are none."""
        known = {id(each) for name, each in self._tensors.items() if name in self._owners}
        idle = {id(each): each.numel() for each in self._tensors.values() if id(each) not in known}
        if not idle:
            return ""
        names = [name for name, each in self._tensors.items() if id(each) in idle]
        listed = ", ".join(f"`{place}`" for place in dict.fromkeys(name.rpartition(".")[0] or name for name in names))
        return f"Holds {sum(idle.values()):,} values more that nothing uses at inference: {listed}."

    def _named(self, what: str, *, whole: bool) -> str:
        """A module of PyTorch's own gives its path to what it is; anything else is called what it does."""
        path, module = self._stack[-1] if self._stack else ("", self.module)
        theirs = type(module).__module__.startswith(("torch.nn.", "archscope.building.")) and not list(
            module.children()
        )
        name = path if whole and path and (theirs or isinstance(module, LEAVES)) else f"{path}.{what}".lstrip(".")
        others = (each for number in itertools.count(2) if (each := f"{name}_{number}") not in self._paths)
        chosen = next(each for each in itertools.chain([name], others) if each not in self._names)
        self._names.add(chosen)
        return chosen
