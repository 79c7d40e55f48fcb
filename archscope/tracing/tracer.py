"""Follow a module while it runs once, and write down a node for everything that ran."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archscope.building.builders import COUNTERS
from archscope.layers import Shape
from archscope.layers.base import Weight
from archscope.network import Ref
from archscope.tracing.batches import LOST
from archscope.tracing.calls import beyond, layers_of, parts_of
from archscope.tracing.learned import Learned
from archscope.tracing.ledger import Frame, Ledger, Ran
from archscope.tracing.modules import LEAVES, beyond_module, is_ours, read_module, why_no_layer
from archscope.tracing.nodes import Nodes, Place, Seen
from archscope.tracing.packed import Packed
from archscope.tracing.products import Kind, Operation
from archscope.tracing.roles import (
    ANSWERS,
    ENTERING,
    HOLDING,
    LEAVING,
    LENDING,
    SAME_VALUES,
    VIEWS,
)
from archscope.tracing.samples import Samples
from archscope.tracing.signatures import SIGNATURES, bound, plain_name
from archscope.tracing.strangers import misfit, tensors_in
from archscope.tracing.values import Values, memory_of
from archscope.tracing.watching import Watched

_WRITTEN: Final = "it was written into through another view of its memory"


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
        self.samples = Samples(self.values, batch)
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
        parameters = {name: each for name, each in self.state.items() if name in trained}
        self.learned = Learned(parameters, dict(module.named_modules()), self.nodes, lambda: self._here)
        self._stack: list[tuple[str, nn.Module]] = []
        self._given: Shape = ()
        self._leaf = 0
        self._left: list[tuple[Ref, str]] = []
        for path, each in list(module.named_modules()):
            if not isinstance(each, torch.jit.ScriptModule):
                each.__dict__["forward"] = Watched(self, path, each, each.forward)

    def enter(self, name: str, tensor: Tensor) -> Shape:
        """Have an input of the network; the shape of one sample of it."""
        shape = self.samples.shape(tensor)
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
        if isinstance(result, ANSWERS) and not frame.ran and name not in LEAVING and not name.startswith("set "):
            return result
        return self._called(name, args, given, result, frame)

    def begin(self, path: str, module: nn.Module, given: Any) -> None:
        """A submodule begins to run."""
        with torch._C.DisableTorchFunction():
            self._stack.append((path, module))
            self._given = next((self.samples.shape(each) for each in tensors_in(given)), ())
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
        first = self.samples.place(given[0]) if given else LOST
        places = [self.samples.after_module(each, given[0], first, state=recurs and number > 0)
                  for number, each in enumerate(made)] if given else [LOST] * len(made)  # fmt: skip
        option = beyond_module(module, args, kwargs)
        if option in ("", "time first") and (attends or recurs) and first >= 0 and given[0].dim() == 3:
            option = "" if (first == 0) == module.batch_first else "time first"
        states = recurs and len(refs) not in (1, 3 if isinstance(module, nn.LSTM) else 2)
        seen = Seen(
            plain_name(type(module).__name__.lower()),
            self._place(),
            tuple(refs),
            tuple(self.samples.shape(each, place) for each, place in zip(made, places, strict=True)),
            frame,
            () if layer is None else (layer,),
            weights,
            option or ("given states" if states else ""),
            why_no_layer(module),
            is_ours(module),
            main=1 if states else None,
        )
        self._made(made, self.nodes.keep(seen), frame)
        for each, place in zip(made, places, strict=True):
            self.values.put(each, place)

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
        if not refs and self._left and name in ENTERING:
            for each in made:
                self._returned(each)
            return result
        if frame.looked and refs:
            self.looked.append((self.at, name.strip("_")))
        if not refs:
            self._constant(name, args, kwargs, made, given, frame)
        elif made and (name in SAME_VALUES or self._leaves(name, args, kwargs, made[0])):
            self.values.same(made[0], next(each for each in given if self.values.ref(each) is not None))
        elif made or frame.wrote or frame.multiplies:
            result, made = self._apart(result, made, given, frame)
            self._keep(name, args, kwargs, made, given, refs, frame)
        elif name in LEAVING:
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
        written = self._written(given, made, frame) if frame.wrote else []
        results = made or written or list(tensors_in(frame.made))[-1:]  # `backward` gives nothing back
        plain = plain_name(name)
        call = self.samples.call(plain, args, kwargs, given, results)
        beside = self.learned.beside(call, unreached) if unreached and made else {}
        if beside:
            refs = [ref for each in given if (ref := beside.get(id(each)) or self.values.ref(each)) is not None]
            unreached = [each for each in unreached if id(each) not in beside]
            call = call._replace(fitted=frozenset(beside))
        weights = frozenset(weight for each in unreached for weight in self.values.weights(each))
        layers = None if not made or not made[0].dim() else layers_of(call)
        if layers and plain in LENDING:
            refs = refs[:1]
        if layers == () and not frame.wrote and not weights and len(refs) == 1:
            self.values.made(made[0], refs[0])
            self.values.put(made[0], call.after)
            return
        seen = Seen(
            plain,
            self._place(),
            tuple(refs),
            tuple(self.samples.shape(each, call.after) for each in results),
            frame,
            layers or (),
            (weights & self.nodes.held.keys()) | self._packed.read([*args, *kwargs.values()]),
            self._beyond(name, args, kwargs, refs),
        )
        parts = parts_of(call) or []
        ours = self.nodes.keep(seen) if not parts else tuple(
            self.nodes.keep(seen._replace(outputs=(shape,), layers=each))[0]
            for shape, each in zip(seen.outputs, parts, strict=True)
        )  # fmt: skip
        self._made(results, ours, frame)
        for each in results:
            self.values.put(each, call.after)
        for each in written:
            self.values.wrote(each, ours[0])

    def _beyond(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], refs: list[Ref]) -> str:
        """An option that no layer type has; a mask that is added to scores is a fourth input."""
        option = beyond(name, args, kwargs)
        if option == "attn_mask" and len(refs) == 4:
            return "" if bound(plain_name(name), args, kwargs)["attn_mask"].is_floating_point() else option
        return option

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
        positions = self.learned.follow(plain, args, kwargs, given, made)
        if not positions and (frame.multiplies or (made and plain in HOLDING and weights)):
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
        learned = self.learned.alone(tensor)
        if learned is not None:
            self.values.made(tensor, learned[0])
            self.values.put(tensor, learned[1])
            return learned[0]
        weights = self.values.weights(tensor)
        name = next((name for name, each in self.state.items() if each is tensor), "")

        kind = "parameter" if isinstance(tensor, nn.Parameter) else "buffer" if name else "constant"
        place = Place(name, alone=True) if name else self._here
        ref = self.nodes.source(kind, place, self.samples.shape(tensor), weights)
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
            seen = Seen("written", self._here, refs, (self.samples.shape(tensor),), Frame(), why=_WRITTEN)
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
        seen = Seen("outside", self._here, refs, (self.samples.shape(tensor),), frame, why=why)
        self.values.made(tensor, self.nodes.keep(seen)[0])

    def _leaves(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], made: Tensor) -> bool:
        """Whether a call leaves everything as it is: a view in the same shape, padding by nothing."""
        given = next(tensors_in([args, kwargs]))
        if plain_name(name) == "pad":
            return not any(kwargs["pad"] if "pad" in kwargs else args[1])
        return name in VIEWS and made.shape == given.shape

    @property
    def _here(self) -> Place:
        """Where something is that is no call of the module that runs."""
        return Place(self.at, alone=False)

    def _place(self) -> Place:
        path, module = self._stack[-1] if self._stack else ("", self.module)
        theirs = type(module).__module__.startswith(("torch.nn.", "archscope.building."))
        theirs = theirs and not [*module.children()]
        return Place(path, theirs or isinstance(module, LEAVES))
