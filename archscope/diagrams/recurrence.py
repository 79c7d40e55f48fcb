"""What style `unrolled` shows of a network: rows of layers that stand at each step, or at the last alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams.graph.units import Unit, units_of
from archscope.diagrams.refusal import NotShownError

_MIXES: Final = frozenset({"convolution", "pooling", "merge", "function", "axes"})


class NotUnrolledError(NotShownError):
    """The network is no chain of recurrence."""


@dataclass(frozen=True)
class Level:
    """One row of the figure: a layer at every step, or at the last alone.

    Attributes:
        unit: the layer, with what is drawn as part of it.
        last: whether it stands at the last step alone.
        depth: recurrent layers above one another; 0 for what is no recurrence.
        directions: 2 where a second copy reads backwards.
        states: the letters of what is handed on.
    """

    unit: Unit
    last: bool
    depth: int = 0
    directions: int = 1
    states: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """What stands in its boxes."""
        return self.unit.rows[0].node.layer.label.split(" ")[0].rstrip(",")


def levels_of(analysis: Analysis) -> tuple[Level, ...]:
    """The rows of the figure, from the input upward.

    Raises:
        NotUnrolledError: the network is no chain with recurrence in it.
    """
    title = analysis.title
    if not any(row.node.layer.verb == "Recurrence" and _steps(row.input_shapes[0]) for row in analysis.nodes):
        raise NotUnrolledError(f"{title} has no recurrence over a sequence to unroll")
    if len(analysis.network.inputs) != 1:
        raise NotUnrolledError(f"{title} has {len(analysis.network.inputs)} inputs, and style unrolled shows one")
    (before,) = analysis.network.inputs
    steps = int(analysis.input[0])
    found: list[Level] = []
    last = False
    for unit in units_of(analysis):
        if tuple(dict.fromkeys(ref.node for ref in unit.inputs)) != (before,) or len(unit.inputs) != 1:
            raise NotUnrolledError(f"{title} is no chain at `{unit.name}`, and style unrolled shows one")
        layer = unit.rows[0].node.layer
        last = last or unit.inputs[0].output > 0 or layer.verb == "Selection"
        if not last and (layer.family in _MIXES or layer.verb == "Attention" or _steps(unit.outputs[0]) != steps):
            raise NotUnrolledError(f"`{unit.name}` ({layer.label}) of {title} mixes steps, which style unrolled does "
                                   "not show")  # fmt: skip
        found.append(_level(unit, last))
        before = unit.name
    if any(ref.node not in {row.name for row in found[-1].unit.rows} for ref in analysis.network.outputs):
        raise NotUnrolledError(f"{title} gives more than the end of its chain")
    return tuple(found)


def _level(unit: Unit, last: bool) -> Level:
    row = unit.rows[0]
    layer = row.node.layer
    if layer.verb != "Recurrence" or last:
        return Level(unit, last)
    states = ("h", "c")[: len(layer.output_names) - 1]
    layers = int(row.outputs[1][0]) if len(row.outputs) > 1 else 1
    both = int(row.outputs[0][-1]) // int(row.outputs[1][-1]) if len(row.outputs) > 1 else 1
    return Level(unit, last, layers // both, both, states)


def _steps(shape: Sequence[int]) -> int:
    """The positions of a sequence; 0 for a vector."""
    return int(shape[0]) if len(shape) == 2 else 0
