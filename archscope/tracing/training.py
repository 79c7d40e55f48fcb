"""`differs`: what a module's code does otherwise while training, seen in one more run, of which nothing is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from torch import Tensor, nn

from archscope.network import Node
from archscope.recognising.operations import Frame
from archscope.tracing.ledger import Ledger
from archscope.tracing.numbers import Numbers
from archscope.tracing.running import Run, larger, run_once
from archscope.tracing.tracer import Tracer
from archscope.tracing.weighing import Weights

_OTHERWISE: Final = "its code does not do the same while training as at inference, where it was followed"
_STOPS: Final = "its code did not run as while training, so that what it does then could be followed"
_ASLEEP: Final = "it stays as at inference while training, and no rule says what it keeps then"


class _Trains(Tracer):
    """Follows what the code does as while training, and writes down no network."""

    trains: ClassVar[bool] = True

    def _ledger(self, before_write: Callable[[Tensor], None], numbers: Numbers) -> Ledger:
        return Weights(lambda *_: None, self._loose, before_write, numbers, self.turn)

    def heard(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any,
        frame: Frame,  # noqa: ARG002 - a `Tracer` has it
    ) -> Any:  # fmt: skip
        """A call has run."""
        self._told(name, args, kwargs)
        return result

    def ended(self, module: nn.Module, *_: Any) -> None:
        """A module that is one layer has run."""
        self.modes.append((module.training, ()))


def differs(module: nn.Module, names: Sequence[str], run: Run, nodes: Sequence[Node]) -> str:
    """Why it is not known what a module does while training; empty if it is.

    Nodes that run one way always are noted.
    """
    if all(type(each).__module__.startswith("torch.nn.") for each in module.modules()):
        return ""
    again = _trained(module, names, run)
    if again is None:
        return _STOPS
    if again.steps != run.tracer.steps or len(again.modes) != len(run.tracer.modes):
        return _OTHERWISE
    layers, holding = {node.name: node.layer for node in nodes}, run.tracer.recording.holding
    for (before, became), (now, _) in zip(run.tracer.modes, again.modes, strict=True):
        for name in became if before == now else ():
            holding.steady[name] = now
            if not now and name in layers and "drop" not in layers[name].type:
                holding.unruled_in_training[name] = _ASLEEP
    return ""


def _trained(module: nn.Module, names: Sequence[str], run: Run) -> Tracer | None:
    """What followed the module while training: on its call, or on one sample more, as a norm may need two."""
    alone = run.way.alone or run.tracer.recording.samples.batch is None
    for more in (False,) if alone else (False, True):
        # A stranger's code may do anything while training, and not every call has one sample more to give.
        with suppress(Exception):
            call = larger(run.call, run.batch) if more else run.call
            try:
                return run_once(module, call, names, run.way, tracer=_Trains).tracer
            except NotImplementedError:  # that of an exported program knows one way to run
                return run.tracer
    return None


__all__ = ["differs"]
