"""Follow a module while it runs once, and write down a node for everything that ran."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ClassVar, Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archscope.layers import Shape
from archscope.recognising.operations import Frame
from archscope.recognising.rules import WRITTEN_OUT
from archscope.recognising.signatures import SIGNATURES, as_at_inference, bound, plain_name
from archscope.tracing.events import Events
from archscope.tracing.ledger import Ledger
from archscope.tracing.modules import LEAVES
from archscope.tracing.numbers import Numbers
from archscope.tracing.orders import as_in_functional
from archscope.tracing.recording import Recording
from archscope.tracing.roles import ANSWERS, CHOOSING, LEAVING, PICKLING
from archscope.tracing.samples import NeedsValues, Trail
from archscope.tracing.standing import Standing
from archscope.tracing.stepwise import STEPWISE, refuse_long
from archscope.tracing.strangers import misfit, tensors_in
from archscope.tracing.turns import Turn
from archscope.tracing.watching import Hanging, Watched

_INDEXING: Final = frozenset({"__getitem__", "__setitem__"})


class Numbered(NamedTuple):
    """A call that was given numbers: its name, and the numbers by name or place."""

    name: str
    numbers: Mapping[str, float]


class Tracer(TorchFunctionMode):
    """Turns calls of PyTorch's functions, and modules that are one layer, into nodes.

    Attributes:
        writes: whether it writes a network down; one that does not looks for something else.
        at: where the code that runs stands.
        ledger: the operations that ran.
        events: the calls, and the memory that they took.
        turn: of threads that are followed, one at a time writes down what ran.
        recording: the network that is written down.
        steps: what code of its own does: the functions that it calls, and the submodules, by their paths.
        modes: what may differ while training: whether each call of it was told to train, and the nodes that it became.
        numbers: what else may: the calls that were given any.
        failed: the last error, where it was raised, and what did not fit there.
        mistake: an error of archscope's own, if there was one.

    Args:
        module: what is followed; its forward passes are watched from now on.
        state: its parameters and buffers, by name.
        batch: samples that run at once; None where there is no batch axis.
        keep: whether tensors cost nothing and may be kept.
        before_write: is told of a tensor that is about to be written.
        numbers: what tensors without values hold all the same.
        guide: what a run of more samples made; see `archscope.tracing.samples`.
        beside: modules that are no parts of it, and may run all the same.
        trains: whether it runs as while training.

    Attributes:
        calls: which submodule ran, and how many nodes there were before and after.
        copied: whether the code copied a module while it ran.
    """

    writes: ClassVar[bool] = True

    def __init__(
        self,
        module: nn.Module,
        state: Mapping[str, Tensor],
        *,
        batch: int | None,
        keep: bool,
        before_write: Callable[[Tensor], None],
        numbers: Numbers,
        guide: Trail | None = None,
        beside: Iterable[nn.Module] = (),
        trains: bool = False,
    ) -> None:
        super().__init__()
        self.turn = Turn()
        self.ledger = self._ledger(before_write, numbers)
        self.at = Standing(module)
        modules = dict(module.named_modules())
        self.recording = Recording(modules, state, self.ledger, self.at, batch=batch, keep=keep, guide=guide)
        self.events = Events(self.recording)
        self.steps: list[str] = []
        self.calls: list[tuple[str, int, int]] = []
        self.copied = False
        self.modes: list[tuple[bool, tuple[str, ...]]] = []
        self.numbers: list[Numbered] = []
        self.failed: tuple[BaseException | None, str, str] = (None, "", "")
        self.mistake: Exception | None = None
        self._trains = self.recording.holding.trains = trains
        self._given: Shape = ()
        self._leaf = 0
        parts = {each: path for path, each in modules.items()}
        for each in (*parts, *(each for each in beside if each not in parts)):
            if not isinstance(each, torch.jit.ScriptModule):
                watch = Watched if each in parts else Hanging
                each.__dict__["forward"] = watch(self, parts.get(each, ""), each, each.forward)

    def _ledger(self, before_write: Callable[[Tensor], None], numbers: Numbers) -> Ledger:
        return Ledger(self._loose, before_write, numbers, self.turn)

    def heard(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any, frame: Frame) -> Any:
        """A call has run; what it returns goes on."""
        as_ever = as_at_inference(plain_name(name), args, kwargs) if self._trains else (args, kwargs)
        result = self.recording.call(name, *as_ever, result, frame)
        self.events.over(name, frame, tensors_in(result))
        self._told(name, args, kwargs)
        return result

    def _told(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Note what a call of the module's code was, and whether it was told to train."""
        if self.at.own:
            self.steps.append(name)
        plain = plain_name(name)
        nodes = self.events.every[-1].nodes if self.events.every else ()
        named = [*((str(place), each) for place, each in enumerate(args)), *kwargs.items()]
        given = bound(plain, args, kwargs) if plain in SIGNATURES else dict(named)
        types = {float: given, int: ("dropout_p",)}
        numbers = {key: each for key, each in given.items() if key in types.get(type(each), ())}
        if numbers:
            self.numbers.append(Numbered(plain, numbers))
        for told in ("training", "use_input_stats"):
            if told in SIGNATURES.get(plain, ""):
                self.modes.append((given.get(told) is True, nodes))

    def ended(self, module: nn.Module, args: Any, kwargs: Any, made: list[Tensor], frame: Frame) -> None:
        """A module that is one layer has run."""
        self.recording.leaf(module, args, kwargs, made, frame)
        self.events.over(type(module).__name__, frame, made)
        self.modes.append((module.training, self.events.every[-1].nodes))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if getattr(func, "__name__", "") in STEPWISE:
            with self.own():
                refuse_long(func.__name__, args, self.at.path)
        if func in CHOOSING and not self._leaf:
            with self:
                return CHOOSING[func](*args, **given)
        with self.turn:
            return func(*args, **given) if self._leaf else self._call(func, args, given)

    def _call(self, func: Any, args: Any, given: dict[str, Any]) -> Any:
        name = getattr(func, "__name__", str(func))
        if name in ("__get__", "__set__"):
            name = func.__self__.__name__ if name == "__get__" else f"set {func.__self__.__name__}"
        elif "." in name:
            name = name.partition(".")[0]
        if name in _INDEXING:
            args = (args[0], _index(args[1]), *args[2:])
        frame = self.ledger.frame = Frame()
        self.ledger.others.found([args, given])
        try:
            result = func(*args, **given)
        except Exception:
            with self.own():
                self._broken_off(name, frame)
            raise
        finally:
            self.ledger.frame = None
            self.ledger.others.left([args, given])
        self.ledger.others.left(result)
        if name in WRITTEN_OUT and frame.ran:
            self.ledger.multiplied(frame, WRITTEN_OUT[name](args, given, result))
        told = name in LEAVING or name == PICKLING or name.startswith("set ")
        if isinstance(result, ANSWERS) and not frame.ran and not told:
            return result
        with self.own():
            return self.heard(*as_in_functional(func, name, args, given), result, frame)

    @property
    def is_home(self) -> bool:
        """Whether this thread is one whose calls are followed."""
        return self.turn.is_home

    @contextmanager
    def visited(self, stack: Iterable[tuple[str, nn.Module]] = ()) -> Iterator[None]:
        """Follow the calls of another thread, which stands in some submodules."""
        with torch.no_grad(), self, self.ledger, self.turn.shared():
            self.at.stack[:] = stack
            yield

    def leave(self) -> None:
        """The run is over: threads that go on are followed no more."""
        with self.turn:
            self._leaf, self.ledger.asleep = 1, True

    def own(self) -> _Own:
        """Code of archscope's: what it raises is no error of the module's."""
        return _Own(self)

    def begin(self, path: str, module: nn.Module, given: Any) -> None:
        """A submodule begins to run."""
        with self.own():
            if self.at.own:
                self.steps.append(f"{path}.forward")
            self.at.stack.append((path, module))
            self._given = next((self.recording.samples.shape(each) for each in tensors_in(given)), ())
            if isinstance(module, (nn.RNNBase, nn.MultiheadAttention)):
                self.recording.samples.takes(
                    [*tensors_in(given)][:3], module.batch_first, states=isinstance(module, nn.RNNBase)
                )
            if isinstance(module, LEAVES):
                if not self._leaf:
                    self.ledger.frame = Frame()
                    self.ledger.others.found(given)
                self._leaf += 1

    def end(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        """It has run."""
        with self.own():
            if isinstance(module, LEAVES):
                self._leaf -= 1
                if not self._leaf:
                    frame, self.ledger.frame = self.ledger.frame or Frame(), None
                    self.ledger.others.left([args, kwargs, output])
                    self.ended(module, args, kwargs, tensors_in(output), frame)
            self.at.stack.pop()

    def stopped(self, module: nn.Module, depth: int, error: Exception) -> None:
        """It raised, and somebody may go on from there."""
        if self.failed[0] is not error:
            with self.own():
                why = misfit(self.at.stack[-1][1], self._given) if self.at.stack else ""
            self.failed = (error, self.at.path, why)
        if isinstance(module, LEAVES):
            self._leaf -= 1
            if not self._leaf:
                frame, self.ledger.frame = self.ledger.frame or Frame(), None
                with self.own():
                    self._broken_off(type(module).__name__.lower(), frame)
        del self.at.stack[depth:]

    @property
    def nodes(self) -> int:
        """How many nodes there are by now."""
        return len(self.recording.nodes.nodes)

    @property
    def depth(self) -> int:
        """How many submodules run inside each other."""
        return len(self.at.stack)

    def _loose(self, name: str, args: Sequence[Any], kwargs: dict[str, Any], result: Any, frame: Frame) -> None:
        """An operation ran in no call that was seen: inside a scripted part, say."""
        with self.own():
            self.heard(name, args, kwargs, result, frame)

    def _broken_off(self, name: str, frame: Frame) -> None:
        """A call raised, and somebody may go on; what had run by then has run."""
        if frame.ran:
            self.heard(name, tensors_in(frame.read), {}, None, frame)


def _index(index: Any) -> Any:
    """An index in which lists of whole numbers are tensors with values; PyTorch would make some without on meta."""
    if isinstance(index, tuple):
        return tuple(map(_index, index))
    if type(index) is list and index and all(type(each) is int for each in index):
        return torch.tensor(index, device="cpu")
    return index


class _Own:
    """Runs code of archscope's, unseen; a class, as it is entered at every call."""

    __slots__ = ("_disabled", "_outer", "_tracer")

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._disabled = torch._C.DisableTorchFunction()

    def __enter__(self) -> None:
        ledger = self._tracer.ledger
        self._tracer.turn.__enter__()
        self._outer, ledger.asleep = ledger.asleep, True
        self._disabled.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._disabled.__exit__(kind, error, trace)
        tracer = self._tracer
        tracer.ledger.asleep = self._outer
        tracer.turn.__exit__()
        if isinstance(error, NeedsValues):
            tracer.ledger.missed = True
        elif isinstance(error, Exception) and not isinstance(error, RecursionError):  # a module's, wherever it ends
            tracer.mistake = tracer.mistake or error
