"""`grown`: whether what the calls of a module made grows with the samples as it is read, by a run of one sample more.

Shapes of one batch do not always tell which axis is the batch's, nor whether code makes an axis of it twice, or has it
in one that does not grow. Nothing of the second run is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Final

from torch import Tensor, nn

from archscope.layers import Shape
from archscope.network import Node
from archscope.recognising.batches import WITHOUT
from archscope.recognising.operations import Frame
from archscope.theirs import raised
from archscope.tracing.events import Event, extents
from archscope.tracing.looking import Looking
from archscope.tracing.others import shares
from archscope.tracing.running import Grown, Run, Stopped, larger, run_once
from archscope.tracing.strangers import tensors_in

UNEVEN: Final = "what its code makes does not grow evenly with the samples, and no rule follows how much it is"
STILL: Final = "what its code makes does not grow with the samples, and no rule follows how much it is"
TURNED: Final = "its code copies an input whose samples do not stand first, and no rule follows who reads that copy"
OTHERS: Final = "its code runs other operations in another batch, and no rule follows which"


class _Sizes(Looking):
    """Follows a module as `Tracer` does, and writes down the extents of what its calls make alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.made: list[tuple[str, tuple[Shape, ...]]] = []
        super().__init__(*args, **kwargs)

    def heard(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any, frame: Frame) -> Any:  # noqa: ARG002 - a `Tracer` has them
        """A call has run."""
        self.made.append((name, extents(tensors_in(result))))
        return result

    def ended(self, module: nn.Module, args: Any, kwargs: Any, made: list[Tensor], frame: Frame) -> None:  # noqa: ARG002 - a `Tracer` has them
        """A module that is one layer has run."""
        self.made.append((type(module).__name__, extents(made)))


def grown(module: nn.Module, names: Sequence[str], run: Run) -> Grown:
    """Run a module with more samples, and say what a run of it read otherwise.

    Args:
        module: the module.
        names: what it calls its inputs.
        run: the run that was written down.
    """
    if run.way.alone or run.tracer.recording.samples.batch is None or _grows_surely(module):
        return Grown()
    if shares(module):  # a thread of the module's own that has work of another batch may end with it
        return Grown()
    try:
        call = larger(run.call, run.batch)
    except Exception:  # noqa: BLE001 - not every tensor of theirs gives one sample more
        return Grown()
    try:
        other = run_once(module, call, names, run.way, tracer=_Sizes)
    except Stopped as stop:
        return _refused(module, names, run, stop)
    assert isinstance(other.tracer, _Sizes)  # noqa: S101 - it is what was asked for
    return Grown(_compared(run, other.tracer.made, other.batch))


def turned(run: Run) -> int | None:
    """The number of the call that puts an input in the order of its axes, its samples standing elsewhere."""
    holding = run.tracer.recording.holding
    for number, each in enumerate(run.tracer.events.every):
        if each.ordered and each.copied is not None and each.copied.node in run.inputs:
            stood = holding.places.get(each.copied.node)
            ordered = holding.ordered.get(each.copied)
            if (0 if ordered is None else ordered.place) != (stood.makes[0] if stood else 0):
                return number
    return None


def _refused(module: nn.Module, names: Sequence[str], run: Run, stop: Stopped) -> Grown:
    """What a module raised of more samples, where it runs again of as many as before."""
    try:
        run_once(module, run.call, names, run.way, tracer=_Sizes)
    except Stopped:  # it runs once, whatever it is given
        return Grown()
    return Grown(refuses=raised(stop.error))


def _grows_surely(module: nn.Module) -> bool:
    """Whether it is made of PyTorch's own modules, of which none has samples in an axis with others, or divides it."""
    parts = [*module.modules()]
    own = all(type(each).__module__.startswith("torch.nn.") for each in parts)
    flat = any(isinstance(each, nn.Flatten) and each.start_dim == 0 for each in parts)
    return own and not flat and not any(isinstance(each, nn.Unflatten) for each in parts)


def _compared(run: Run, made: Sequence[tuple[str, tuple[Shape, ...]]], batch: int) -> dict[str, str]:
    """The nodes whose results are no such part of all samples as they are read."""
    found: dict[str, str] = {}
    events, nodes = run.tracer.events.every, run.tracer.recording.nodes.nodes
    copy = turned(run)
    if copy is not None:
        found.update((each, TURNED) for each in _next(events[copy:], nodes))
    for number, event in enumerate(events):
        name, theirs = made[number] if number < len(made) else ("", ())
        if name != event.name or (event.nodes and len(theirs) != len(event.results)):
            found.update((each, OTHERS) for each in _next(events[number:], nodes))
            return found
        pairs = [*zip(event.results, theirs, strict=True)] if event.nodes else []
        if not all(_is_alike(*each, run.batch, batch) for each in pairs):
            still = all(mine == now for (mine, _), now in pairs)
            found.update(dict.fromkeys(event.nodes, STILL if still else UNEVEN))
    if len(made) > len(events):
        found.update((each, OTHERS) for each in _next((), nodes))
    return found


def _next(events: Sequence[Event], nodes: Sequence[Node]) -> list[str]:
    """The first node of some calls; the last of all where they became none."""
    return [*(each for one in events for each in one.nodes), *(each.name for each in nodes[-1:])][:1]


def _is_alike(mine: tuple[Shape, int], theirs: Shape, batch: int, others: int) -> bool:
    """Whether a tensor grows as it is read: not at all without an axis of the batch, else with the samples."""
    shape, place = mine
    if not shape:
        return True
    if place == WITHOUT:
        return shape == theirs
    return len(shape) == len(theirs) and prod(shape) * others == prod(theirs) * batch


__all__ = ["STILL", "TURNED", "grown", "turned"]
