"""Follow a module while it runs once, and write down a node for everything that ran."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archscope.building.builders import COUNTERS
from archscope.layers import Layer, Shape
from archscope.layers.base import Weight
from archscope.network import Ref
from archscope.tracing.calls import beyond, read
from archscope.tracing.ledger import Frame, Ledger, Ran
from archscope.tracing.modules import LEAVES, beyond_module, is_ours, read_module, why_no_layer
from archscope.tracing.moves import SEVERAL, read_move
from archscope.tracing.nodes import Nodes, Place, Seen
from archscope.tracing.packed import Packed
from archscope.tracing.products import Kind, Operation
from archscope.tracing.samples import sample_of
from archscope.tracing.signatures import SIGNATURES, bound, plain_name
from archscope.tracing.strangers import misfit, tensors_in
from archscope.tracing.values import Values, memory_of

_SAME_VALUES: Final = frozenset({
    "contiguous", "clone", "detach", "detach_", "to", "float", "double", "half", "bfloat16", "type", "type_as", "cpu",
    "cuda", "requires_grad_", "alias", "data", "__deepcopy__", "lift_fresh", "_to_copy",
})  # fmt: skip
"""Functions that hand on their input's values as they are."""

_VIEWS: Final = frozenset({"expand", "expand_as", "flatten", "reshape", "reshape_as", "squeeze", "unflatten", "view",
                           "view_as"})  # fmt: skip
"""Functions that do nothing where they leave the shape as it is."""

_LEAVING: Final = frozenset({"numpy", "tolist", "__array__", "item"})
"""Functions after which values are no longer PyTorch's."""

_ENTERING: Final = frozenset({"tensor", "as_tensor", "asarray"})
"""Functions by which numbers become PyTorch's."""

_WRITTEN: Final = "it was written into through another view of its memory"

_HOLDING: Final = frozenset({"embedding", "batch_norm", "layer_norm", "group_norm", "prelu"})
"""Layers with weights that multiply nothing."""

_ANSWERS: Final = (int, float, bool, str, torch.Size, torch.dtype, torch.device, torch.layout, type(None))


class Tracer(TorchFunctionMode):
    """Turns calls of PyTorch's functions, and modules that are one layer, into nodes.

    Attributes:
        looked: where values were looked at, and by what function.
        failed: the last error, where it was raised, and what did not fit there.

    Args:
        module: what is followed; its forward passes are watched from now on.
        state: its parameters and buffers, by name.
        batch: samples that run at once; None where there is no batch axis.
        keep: whether tensors cost nothing and may be kept.
        before_write: is told of a tensor that is about to be written.
    """

    def __init__(
        self,
        module: nn.Module,
        state: Mapping[str, Tensor],
        *,
        batch: int | None,
        keep: bool,
        before_write: Callable[[Tensor], None],
    ) -> None:
        super().__init__()
        self.module = module
        self.batch = batch
        self.values = Values(state, keep=keep)
        self.ledger = Ledger(self._loose, before_write)
        self.looked: list[tuple[str, str]] = []
        self.failed: tuple[BaseException | None, str, str] = (None, "", "")
        trained = {name for name, _ in module.named_parameters(remove_duplicate=False)}
        self.state = {name: each for name, each in state.items() if name.rpartition(".")[2] not in COUNTERS}
        held = {
            name: Weight(
                name,
                tuple(each.shape) or (1,),
                name in trained and each.requires_grad,
                str(each.dtype).removeprefix("torch."),
            )
            for name, each in self.state.items()
            if name in trained or each.dtype not in (torch.bool, torch.int64)
        }
        self._packed = Packed(module)
        self.nodes = Nodes(held | self._packed.held, [path for path, _ in module.named_modules()], batch or 1)
        self._stack: list[tuple[str, nn.Module]] = []
        self._given: Shape = ()
        self._leaf = 0
        self._left: list[tuple[Ref, str]] = []
        for path, each in list(module.named_modules()):
            if not isinstance(each, torch.jit.ScriptModule):
                each.__dict__["forward"] = _Watched(self, path, each, each.forward)

    def enter(self, name: str, tensor: Tensor) -> Shape:
        """Have an input of the network; the shape of one sample of it."""
        shape = self._sample(tensor)
        self.values.made(tensor, self.nodes.enter(name, shape))
        return shape

    @property
    def at(self) -> str:
        """The path of the submodule that runs."""
        return next((path for path, _ in reversed(self._stack) if path), "")

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if self._leaf:
            return func(*args, **given)
        name = getattr(func, "__name__", str(func))
        if name in ("__get__", "__set__"):
            name = func.__self__.__name__ if name == "__get__" else f"set {func.__self__.__name__}"
        elif "." in name:
            name = name.partition(".")[0]
        frame = self.ledger.frame = Frame()
        try:
            result = func(*args, **given)
        finally:
            self.ledger.frame = None
        if isinstance(result, _ANSWERS) and not frame.ran and name not in _LEAVING and not name.startswith("set "):
            return result
        return self._called(name, args, given, result, frame)

    def begin(self, path: str, module: nn.Module, given: Any) -> None:
        """A submodule begins to run."""
        with torch._C.DisableTorchFunction():
            self._stack.append((path, module))
            self._given = next((self._sample(each) for each in tensors_in(given)), ())
            if isinstance(module, LEAVES):
                if not self._leaf:
                    self.ledger.frame = Frame()
                self._leaf += 1

    def end(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        """It has run."""
        with torch._C.DisableTorchFunction():
            if isinstance(module, LEAVES):
                self._leaf -= 1
                if not self._leaf:
                    frame, self.ledger.frame = self.ledger.frame or Frame(), None
                    self._ran(module, args, kwargs, list(tensors_in(output)), frame)
            self._stack.pop()

    def stopped(self, module: nn.Module, depth: int, error: Exception) -> None:
        """It raised, and somebody may go on from there."""
        if self.failed[0] is not error:
            with torch._C.DisableTorchFunction():
                why = misfit(self._stack[-1][1], self._given) if self._stack else ""
            self.failed = (error, self.at, why)
        if isinstance(module, LEAVES):
            self._leaf -= 1
            if not self._leaf:
                self.ledger.frame = None
        del self._stack[depth:]

    @property
    def depth(self) -> int:
        """How many submodules run inside each other."""
        return len(self._stack)

    def _ran(self, module: nn.Module, args: Any, kwargs: Any, made: list[Tensor], frame: Frame) -> None:
        """A module that is one layer has run."""
        given = list(tensors_in([args, kwargs]))
        names = [name for name, _ in (*module.named_parameters(), *module.named_buffers())]
        weights = frozenset(f"{self.at}.{name}" if self.at else name for name in names)
        attends, recurs = isinstance(module, nn.MultiheadAttention), isinstance(module, nn.RNNBase)
        if recurs:  # a packed sequence carries its lengths along
            given, made = (list(filter(Tensor.is_floating_point, each)) for each in (given, made))
        refs = []
        for place, each in enumerate(given):
            ref = self._origin(each)
            if ref is None and (place == 0 or (attends and place < 3) or self.values.weights(each)):
                ref = self._source(each)
            refs += [] if ref is None else [ref]
        if attends and len(set(refs)) == 1:
            refs = refs[:1]
        layer = read_module(module)
        states = recurs and len(refs) not in (1, 3 if isinstance(module, nn.LSTM) else 2)
        seen = Seen(
            plain_name(type(module).__name__.lower()),
            self._place(),
            tuple(refs),
            tuple(self._sample(each) for each in made),
            frame,
            () if layer is None else (layer,),
            weights,
            beyond_module(module, args, kwargs) or ("given states" if states else ""),
            why_no_layer(module),
            is_ours(module),
            main=1 if states else None,
        )
        self._made(made, self.nodes.keep(seen), frame)

    def _loose(self, name: str, args: Sequence[Any], kwargs: dict[str, Any], result: Any, frame: Frame) -> None:
        """An operation ran in no call that was seen: inside a scripted part, say."""
        with torch._C.DisableTorchFunction():
            self._called(name, args, kwargs, result, frame)

    def _called(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any, frame: Frame) -> Any:
        """A function of PyTorch has run; what it returns goes on."""
        made = list(tensors_in(result))
        given = list(tensors_in([args, kwargs]))
        if name.startswith("set "):
            if given and name == "set data":
                self.values.same(given[0], given[-1])
            return result
        refs = [ref for each in given if (ref := self._origin(each)) is not None]
        if not refs and any(not self.values.known(each) for each in given):
            # Under `vmap` what a call is given stands for what the operations read.
            refs = [ref for each in tensors_in(frame.read) if (ref := self.values.ref(each)) is not None]
            refs = list(dict.fromkeys(refs))
        if not refs and self._left and name in _ENTERING:
            for each in made:
                self._returned(each)
            return result
        if frame.looked and refs:
            self.looked.append((self.at, name.strip("_")))
        if not refs:
            self._constant(name, args, kwargs, made, given, frame)
        elif made and (name in _SAME_VALUES or self._leaves(name, args, kwargs, made[0])):
            self.values.same(made[0], next(each for each in given if self.values.ref(each) is not None))
        elif made or frame.wrote or frame.multiplies:
            result, made = self._apart(result, made, given, frame)
            self._keep(name, args, kwargs, made, given, refs, frame)
        elif name in _LEAVING:
            self._left += [(ref, name.strip("_")) for ref in refs]
        return result

    def _apart(self, result: Any, made: list[Tensor], given: list[Tensor], frame: Frame) -> tuple[Any, list[Tensor]]:
        """Dropout hands back its very input at inference; the input itself stays what it was."""
        if frame.wrote or not isinstance(result, Tensor) or not any(result is each for each in given):
            return result, made
        result = result.view(result.shape)
        return result, [result]

    def _keep(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        made: list[Tensor],
        given: list[Tensor],
        refs: list[Ref],
        frame: Frame,
    ) -> None:
        """Keep a node of a call, and know what it made and what it wrote."""
        unreached = [each for each in given if self.values.ref(each) is None]
        weights = frozenset(weight for each in unreached for weight in self.values.weights(each))
        written = self._written(given, made, frame) if frame.wrote else []
        results = made or written or list(tensors_in(frame.made))[-1:]  # `backward` gives nothing back
        layers: tuple[Layer, ...] = ()
        if len(made) == 1 and made[0].dim():
            layers = read(name, args, kwargs, made[0], self.batch)
        if not layers and (len(made) == 1 or plain_name(name) in SEVERAL):
            layers = read_move(plain_name(name), args, kwargs, made, self.batch)
        seen = Seen(
            plain_name(name),
            self._place(),
            tuple(refs),
            tuple(self._sample(each) for each in results),
            frame,
            layers,
            (weights & self.nodes.held.keys()) | self._packed.read([*args, *kwargs.values()]),
            beyond(name, args, kwargs),
        )
        ours = self.nodes.keep(seen)
        self._made(results, ours, frame)
        for each in written:
            self.values.wrote(each, ours[0])

    def _made(self, made: Sequence[Tensor], refs: Sequence[Ref], frame: Frame) -> None:
        for each, ref in zip(made, refs, strict=True):
            self.values.made(each, ref)
        for each in tensors_in(frame.made):
            if not self.values.known(each):
                self.values.made(each, refs[0])

    def _written(self, given: list[Tensor], made: list[Tensor], frame: Frame) -> list[Tensor]:
        """What a call was given and has written, if that is what it is for."""
        memories = {memory_of(each) for each in frame.wrote}
        changed = [each for each in given if memory_of(each) in memories]
        return [each for each in changed if not made or any(each is other for other in made)]

    def _constant(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        made: list[Tensor],
        given: list[Tensor],
        frame: Frame,
    ) -> None:
        """A call on constants: a node if there is anything to count, else what it makes is a constant too."""
        weights = frozenset(weight for each in given for weight in self.values.weights(each))
        plain = plain_name(name)
        if frame.multiplies or (made and plain in _HOLDING and weights):
            worked_on = bound(plain, args, kwargs).get("input") if plain in SIGNATURES else None
            first = worked_on if isinstance(worked_on, Tensor) else given[0] if given else None
            if first is not None:
                refs = [self._source(first)]
                self._keep(name, args, kwargs, made, given, refs, frame)
                return
        for each in (*made, *(self._written(given, made, frame) if frame.wrote else ())):
            self.values.came_of(each, weights)

    def _source(self, tensor: Tensor) -> Ref:
        """A node for a constant that something works on."""
        weights = self.values.weights(tensor)
        name = next((name for name, each in self.state.items() if each is tensor), "")

        kind = "parameter" if isinstance(tensor, nn.Parameter) else "buffer" if name else "constant"
        place = Place(name, alone=True) if name else self._here
        ref = self.nodes.source(kind, place, self._sample(tensor), weights)
        self.values.made(tensor, ref)
        return ref

    def _origin(self, tensor: Tensor) -> Ref | None:
        """The node that made a tensor; None if it is a constant."""
        if not self.values.known(tensor) and not self.values.found(tensor):
            if not self._left:
                return None
            self._returned(tensor)
        writer = self.values.written(tensor)
        if writer is not None:
            before = self.values.ref(tensor)
            refs = (writer,) if before is None else (before, writer)
            seen = Seen("written", self._here, refs, (self._sample(tensor),), Frame(), why=_WRITTEN)
            self.values.made(tensor, self.nodes.keep(seen)[0])
        return self.values.ref(tensor)

    def _returned(self, tensor: Tensor) -> None:
        """A tensor came from outside after values had left: a node that says so."""
        left, self._left = self._left, []
        ways = ", ".join(dict.fromkeys(way for _, way in left))
        frame = Frame()
        frame.ran.append(Ran(Operation(f"values left PyTorch by {ways}", Kind.UNKNOWN), None))
        self.ledger.every += frame.ran
        refs = tuple(dict.fromkeys(ref for ref, _ in left))
        why = f"values left PyTorch by `{ways}`, and what happened to them is not known"
        seen = Seen("outside", self._here, refs, (self._sample(tensor),), frame, why=why)
        self.values.made(tensor, self.nodes.keep(seen)[0])

    def _leaves(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], made: Tensor) -> bool:
        """Whether a call leaves everything as it is: a view in the same shape, padding by nothing."""
        given = next(tensors_in([args, kwargs]))
        if plain_name(name) == "pad":
            return not any(kwargs["pad"] if "pad" in kwargs else args[1])
        return name in _VIEWS and made.shape == given.shape

    def _sample(self, tensor: Tensor) -> Shape:
        return sample_of(tensor, self.batch)

    @property
    def _here(self) -> Place:
        """Where something is that is no call of the module that runs."""
        return Place(self.at, alone=False)

    def _place(self) -> Place:
        path, module = self._stack[-1] if self._stack else ("", self.module)
        theirs = type(module).__module__.startswith(("torch.nn.", "archscope.building."))
        theirs = theirs and not [*module.children()]
        return Place(path, theirs or isinstance(module, LEAVES))


class _Watched:
    """The ``forward`` of a module whose runs are followed; a copy of the module is followed as the module is."""

    def __init__(self, tracer: Tracer, path: str, module: nn.Module, run: Any) -> None:
        self._tracer, self._path, self._module, self._run = tracer, path, module, run
        self.__wrapped__ = run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        tracer = self._tracer
        depth = tracer.depth
        tracer.begin(self._path, self._module, [args, kwargs])
        try:
            result = self._run(*args, **kwargs)
            tracer.end(self._module, args, kwargs, result)
        except Exception as error:
            tracer.stopped(self._module, depth, error)
            raise
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> _Watched:
        module = copy.deepcopy(self._module, memo)
        return _Watched(self._tracer, self._path, module, copy.deepcopy(self._run, memo))
