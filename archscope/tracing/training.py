"""`training`: what a module's code does while training, seen in one more run; it may be another network than before."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from torch import Tensor, nn

from archscope.layers import Layer
from archscope.recognising.operations import Frame
from archscope.recognising.signatures import drops, plain_name
from archscope.tracing.graded import WithGradients, reached
from archscope.tracing.roles import APART, LEAVING, LENDING
from archscope.tracing.running import Run, guided, larger, run_once
from archscope.tracing.strangers import tensors_in
from archscope.tracing.tracer import Tracer

_OTHERWISE: Final = "its code does not do the same while training each time that it runs, so that no run shows it"
_STOPS: Final = "its code did not run as while training, so that what it does then could be followed"
_DRAWN: Final = "its code draws numbers that decide what it runs while training"
_WITHOUT: Final = "its code hands on values without their gradients (`{}`), and no rule follows which of them have any"
_LAYERS: Final = ("batch_norm", "dropout", "dropout1d", "dropout2d", "dropout3d")
"""Layers that a part of an exported program runs as an operation: recurrence and attention are modules there again."""
ASKS: Final = "its code asks for gradients of what is no parameter (`{}`), and no rule follows those"
DROPS: Final = "its code drops values that no layer makes, such as a parameter's, and no rule follows that"
_ASKING: Final = ("requires_grad_", "set requires_grad")
"""What has autograd keep the gradient of a tensor: a function, and an assignment."""
_ASLEEP: Final = "it stays as at inference while training, and no rule says what it keeps then"


class Trained(NamedTuple):
    """What was seen of a step of training.

    Attributes:
        why: why it is not known what the code does then; empty if it is.
        cut: nodes of which no gradient comes, whatever their type says.
        reached: the parameters that gradients come to, by name; None where nobody looked.
        otherwise: the run while training, where that is another network than at inference; what else is said is of it.
        unshown: whether no run shows which layers run.
    """

    why: str = ""
    cut: frozenset[str] = frozenset()
    reached: frozenset[str] | None = None
    otherwise: Run | None = None
    unshown: bool = False


class _Trains(WithGradients):
    """Follows what the code does as while training, and writes down no network.

    Attributes:
        called: the functions and modules that ran.
        cut: the numbers of those that make numbers without gradients of some with gradients.
        dropped: the numbers of those that drop values.
        looks: whether one of them looks at values.
        asks: what asks for gradients of a tensor that is no parameter; empty if nothing does.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.called: list[str] = []
        self.cut: set[int] = set()
        self.dropped: set[int] = set()
        self.looks, self.asks = False, ""
        super().__init__(*args, **kwargs)

    def heard(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any,
        frame: Frame,
    ) -> Any:  # fmt: skip
        """A call has run."""
        self.looks |= name in LEAVING or any(each.operation.looks for each in frame.ran)
        self.dropped.update([len(self.called)] if drops(plain_name(name), args, kwargs) else ())
        self.asks = self.asks or asks(name, args, kwargs)
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


def asks(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """The function, if it asks for gradients of a tensor that is no parameter; empty otherwise.

    >>> import torch
    >>> given = torch.ones(2)
    >>> asks("requires_grad_", [given], {}), asks("requires_grad_", [given, False], {}), asks("relu", [given], {})
    ('requires_grad_', '', '')
    """
    wanted = args[1] if len(args) > 1 else kwargs.get("requires_grad", True)
    found = name in _ASKING and bool(wanted) and not isinstance(args[0], nn.Parameter)
    return name.removeprefix("set ") if found else ""


def trained(module: nn.Module, names: Sequence[str], run: Run) -> Trained:
    """What a module does while training.

    Nodes that run one way always are noted.
    """
    if all(type(each).__module__.startswith("torch.nn.") and not _is_hooked(each) for each in module.modules()):
        if any(_is_a_part(type(each)) for each in module.modules()):
            _stay(run, run.tracer.modes, alone=_LAYERS)
        return Trained()
    again = _run_again(module, names, run)
    if again is None:
        return Trained(_STOPS, reached=frozenset(), unshown=True)
    if not isinstance(again.tracer, _Trains):
        return Trained()
    if again.drew:
        return Trained(_DRAWN, reached=_reached(again), unshown=True)
    found = _seen(run, again, again.tracer)
    if found is not None and not again.tracer.looks:
        return found
    try:
        other = guided(module, again.call, names, again.way)
    except Exception:  # noqa: BLE001 - a stranger's code may do anything without gradients
        return Trained(_STOPS, reached=_reached(again), unshown=True)
    if other.drew or other.tracer.recording.looked.at_drawn:
        return Trained(_DRAWN, reached=_reached(again), unshown=True)
    if found is not None:  # what it looks at is not what it draws
        return found
    found = _seen(other, again, again.tracer)
    if found is None:
        return Trained(_OTHERWISE, reached=_reached(again), unshown=True)
    return found._replace(otherwise=other)


def _reached(again: Run) -> frozenset[str]:
    """The parameters that gradients come to."""
    came = reached(tensors_in(again.result))
    return frozenset(name for name, each in again.shadow.named_parameters(remove_duplicate=False) if id(each) in came)


def _seen(run: Run, again: Run, tracer: _Trains) -> Trained | None:
    """What was seen of training beside a run that was written down; None if that did something else."""
    numbered = bool(tracer.cut or tracer.dropped)
    if not _are_alike(run.tracer, tracer) or (numbered and len(run.tracer.events.every) != len(tracer.called)):
        return None
    to = _reached(again)
    # A run while training that was written down says nothing of inference.
    _stay(run, [(now, became) for (before, became), (now, _) in zip(run.tracer.modes, tracer.modes, strict=True)
                if before == now and not (now and run.way.trains)])  # fmt: skip
    cut: set[str] = set()
    for number in tracer.cut:
        name, nodes = tracer.called[number], run.tracer.events.every[number].nodes
        shaped = name.endswith("_like") or name.startswith("new_")
        if not (nodes or name in APART or shaped):
            return Trained(_WITHOUT.format(name), reached=to)
        cut.update(nodes)
    if tracer.asks:
        return Trained(ASKS.format(tracer.asks), reached=to)
    no_layer = any(not run.tracer.events.every[number].nodes for number in tracer.dropped)
    return Trained(DROPS if no_layer else "", frozenset(cut), to)


def _stay(run: Run, ways: Iterable[tuple[bool, Sequence[str]]], alone: Sequence[str] = ()) -> None:
    """Note nodes that run one way always: whether as while training, and which; of some types alone, if any."""
    holding = run.tracer.recording.holding
    layers = {node.name: node.layer for node in run.tracer.recording.nodes.nodes}
    for now, names in ways:
        for name in names:
            layer = layers.get(name)
            if alone and getattr(layer, "type", "") not in alone:
                continue
            holding.steady[name] = now
            if not now and layer is not None and _wakes(layer):
                holding.unruled_in_training[name] = _ASLEEP


def _wakes(layer: Layer) -> bool:
    """Whether a layer runs something else while training of which its rule at inference does not say what it keeps.

    A batch norm that is not trained keeps no statistics, as those that it takes are its own; dropout and attention drop
    nothing.
    """
    alike = type(layer).runs_at_inference is Layer.runs_at_inference
    return not (alike or "drop" in layer.type or layer.type == "batch_norm" or "attention" in layer.type)


def _is_a_part(kind: type) -> bool:
    """Whether it is a part of an exported program, which goes by the name of the module it was, and runs one way."""
    return getattr(sys.modules.get(kind.__module__), kind.__name__, None) is not kind


def _are_alike(one: Tracer, other: Tracer) -> bool:
    """Whether two runs called the same, with the same numbers."""
    return (one.steps, one.numbers) == (other.steps, other.numbers) and len(one.modes) == len(other.modes)


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
                return run_once(module, call, names, run.way._replace(trains=True), tracer=_Trains)
            except NotImplementedError:  # that of an exported program knows one way to run
                return run
    return None


__all__ = ["Trained", "trained"]
