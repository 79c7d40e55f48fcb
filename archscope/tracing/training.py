"""`training`: what a module's code does otherwise while training, seen in one more run, of which nothing is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final, NamedTuple

from torch import Tensor, nn

from archscope.network import Node
from archscope.recognising.operations import Frame
from archscope.tracing.graded import WithGradients, reached
from archscope.tracing.holding import Holding
from archscope.tracing.ledger import Ledger
from archscope.tracing.numbers import Numbers
from archscope.tracing.roles import APART, LENDING
from archscope.tracing.running import Run, larger, run_once
from archscope.tracing.strangers import tensors_in
from archscope.tracing.tracer import Numbered
from archscope.tracing.weighing import Weights

_OTHERWISE: Final = "its code does not do the same while training as at inference, where it was followed"
_STOPS: Final = "its code did not run as while training, so that what it does then could be followed"
_WITHOUT: Final = "its code hands on values without their gradients (`{}`), and no rule follows which of them have any"
_MASKED: Final = "it drops weights while training alone, and no rule says what becomes of its mask then"
_ALWAYS: Final = "it drops weights at inference too, and no rule says what that takes"
_ASLEEP: Final = "it stays as at inference while training, and no rule says what it keeps then"


class Trained(NamedTuple):
    """What was seen of a step of training.

    Attributes:
        why: why it is not known what the code does then; empty if it is.
        cut: nodes of which no gradient comes, whatever their type says.
        reached: the parameters that gradients come to, by name; None where nobody looked.
    """

    why: str = ""
    cut: frozenset[str] = frozenset()
    reached: frozenset[str] | None = None


class _Trains(WithGradients):
    """Follows what the code does as while training, and writes down no network.

    Attributes:
        called: the functions and modules that ran.
        cut: the numbers of those that make numbers without gradients of some with gradients.
    """

    trains: ClassVar[bool] = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.called: list[str] = []
        self.cut: set[int] = set()
        super().__init__(*args, **kwargs)

    def _ledger(self, before_write: Callable[[Tensor], None], numbers: Numbers) -> Ledger:
        return Weights(lambda *_: None, self._loose, before_write, numbers, self.turn)

    def heard(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any,
        frame: Frame,  # noqa: ARG002 - a `Tracer` has it
    ) -> Any:  # fmt: skip
        """A call has run."""
        read = args[:1] if name in LENDING | {"to", "type_as"} else [args, kwargs]
        self._over(name, tensors_in(read), result)
        self._told(name, args, kwargs)
        return result

    def ended(self, module: nn.Module, args: Any, kwargs: Any, made: list[Tensor], *_: Any) -> None:
        """A module that is one layer has run."""
        own = [*module.parameters()] if made else []
        self._over(type(module).__name__, [*tensors_in([args, kwargs]), *own], made)
        self.modes.append((module.training, ()))

    def _over(self, name: str, read: Sequence[Tensor], made: Any) -> None:
        numbers = [each for each in tensors_in(made) if each.is_floating_point() or each.is_complex()]
        if numbers and any(each.requires_grad for each in read) and not any(each.requires_grad for each in numbers):
            self.cut.add(len(self.called))
        self.called.append(name)


def trained(module: nn.Module, names: Sequence[str], run: Run, nodes: Sequence[Node]) -> Trained:
    """What a module does while training.

    Nodes that run one way always are noted.
    """
    if all(type(each).__module__.startswith("torch.nn.") and not _is_hooked(each) for each in module.modules()):
        return Trained()
    again = _run_again(module, names, run)
    if again is None:
        return Trained(_STOPS, reached=frozenset())
    if not isinstance(again.tracer, _Trains):
        return Trained()
    came = reached(tensors_in(again.result))
    to = frozenset(name for name, each in again.shadow.named_parameters(remove_duplicate=False) if id(each) in came)
    tracer, events, holding = again.tracer, run.tracer.events.every, run.tracer.recording.holding
    if tracer.steps != run.tracer.steps or len(tracer.modes) != len(run.tracer.modes):
        return Trained(_OTHERWISE, reached=to)
    layers = {node.name: node.layer for node in nodes}
    for (before, became), (now, _) in zip(run.tracer.modes, tracer.modes, strict=True):
        for name in became if before == now else ():
            holding.steady[name] = now
            if not now and name in layers and "drop" not in layers[name].type:
                holding.unruled_in_training[name] = _ASLEEP
    if _numbers(run.tracer.numbers, tracer.numbers, holding):
        return Trained(_OTHERWISE, reached=to)
    if tracer.cut and len(events) != len(tracer.called):
        return Trained(_OTHERWISE, reached=to)
    cut: set[str] = set()
    for number in tracer.cut:
        name = tracer.called[number]
        shaped = name.endswith("_like") or name.startswith("new_")
        if not (events[number].nodes or name in APART or shaped):
            return Trained(_WITHOUT.format(name), reached=to)
        cut.update(events[number].nodes)
    return Trained("", frozenset(cut), to)


def _numbers(before: Sequence[Numbered], now: Sequence[Numbered], holding: Holding) -> bool:
    """Whether calls are given other numbers while training than at inference; attention may drop weights."""
    if [each.name for each in before] != [each.name for each in now]:
        return True
    for call, trains in zip(before, now, strict=True):
        keys = {*call.numbers, *trains.numbers}
        other = {key for key in keys if call.numbers.get(key) != trains.numbers.get(key)}
        if call.name == "scaled_dot_product_attention" and other <= {"dropout_p"}:
            if call.numbers.get("dropout_p"):
                holding.unruled.update(dict.fromkeys(call.nodes, _ALWAYS))
            if other:
                holding.dropping.update(dict.fromkeys(call.nodes, trains.numbers.get("dropout_p", 0.0)))
            if other and call.masked:
                holding.unruled_in_training.update(dict.fromkeys(call.nodes, _MASKED))
        elif other:
            return True
    return False


def _is_hooked(module: nn.Module) -> bool:
    everybodys = nn.modules.module
    return bool(module._forward_hooks or module._forward_pre_hooks or everybodys._global_forward_hooks
                or everybodys._global_forward_pre_hooks)  # fmt: skip


def _run_again(module: nn.Module, names: Sequence[str], run: Run) -> Run | None:
    """The run as while training: on the module's call, or on one sample more, as a norm may need two."""
    alone = run.way.alone or run.tracer.recording.samples.batch is None
    for more in (False,) if alone else (False, True):
        # A stranger's code may do anything while training, and not every call has one sample more to give.
        with suppress(Exception):
            call = larger(run.call, run.batch) if more else run.call
            try:
                return run_once(module, call, names, run.way, tracer=_Trains)
            except NotImplementedError:  # that of an exported program knows one way to run
                return run
    return None


__all__ = ["Trained", "trained"]
