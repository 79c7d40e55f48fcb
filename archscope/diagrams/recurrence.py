"""What style `unrolled` shows of a network: rows of layers that stand at each step, or at the last alone.

A network is one side, a chain that reads one sequence; or two, where the states that an encoder ends with are those
that a decoder begins with (Sutskever et al. 2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams.graph.units import Unit, units_of
from archscope.diagrams.refusal import NotShownError
from archscope.network import Ref

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
        begins: the layer whose last states it begins with; empty for those that are 0.
    """

    unit: Unit
    last: bool
    depth: int = 0
    directions: int = 1
    states: tuple[str, ...] = ()
    begins: str = ""

    @property
    def word(self) -> str:
        """What stands in its boxes."""
        return self.unit.rows[0].node.layer.label.split(" ")[0].rstrip(",")


@dataclass(frozen=True)
class Side:
    """One sequence with the layers that read it, from the input upward."""

    name: str
    shape: tuple[int, ...]
    levels: tuple[Level, ...]

    @property
    def steps(self) -> int:
        """Its positions."""
        return int(self.shape[0])


def sides_of(analysis: Analysis) -> tuple[Side, ...]:
    """The chain of a network, or its encoder and its decoder.

    Raises:
        NotUnrolledError: the network is neither.
    """
    title, inputs = analysis.title, analysis.network.inputs
    if not any(row.node.layer.verb == "Recurrence" and _steps(row.input_shapes[0]) for row in analysis.nodes):
        raise NotUnrolledError(f"{title} has no recurrence over a sequence to unroll")
    found: dict[str, list[Level]] = {name: [] for name in inputs}
    for unit in units_of(analysis):
        side = next((name for name in inputs if unit.inputs[0].node == _end(name, found[name])), None)
        begins = "" if side is None else _begins(unit, [level for name in inputs if name != side
                                                        for level in found[name]])  # fmt: skip
        if side is None or (len(unit.inputs) > 1 and not begins):
            raise NotUnrolledError(f"{title} is no chain at `{unit.name}`, and style unrolled shows one")
        found[side].append(_next(unit, found[side], int(next(iter(inputs[side]), 0)), begins, title))
    sides = tuple(Side(name, shape, tuple(found[name])) for name, shape in inputs.items())
    return sides if len(sides) == 1 and _ends_in(sides[0], analysis) else _joined(sides, analysis)


def _end(name: str, levels: Sequence[Level]) -> str:
    return levels[-1].unit.name if levels else name


def _begins(unit: Unit, others: Sequence[Level]) -> str:
    """The layer of another side whose last states a layer begins with; empty if there is none."""
    before = unit.inputs[1].node if len(unit.inputs) > 1 else ""
    handed = {level.unit.name: level for level in others if level.depth and level.directions == 1}
    level = handed.get(before)
    wanted = () if level is None else tuple(Ref(before, number + 1) for number in range(len(level.states)))
    return before if unit.rows[0].node.layer.verb == "Recurrence" and unit.inputs[1:] == wanted else ""


def _next(unit: Unit, below: Sequence[Level], steps: int, begins: str, title: str) -> Level:
    layer = unit.rows[0].node.layer
    last = (bool(below) and below[-1].last) or unit.inputs[0].output > 0 or layer.verb == "Selection"
    if not last and (layer.family in _MIXES or layer.verb == "Attention" or _steps(unit.outputs[0]) != steps):
        raise NotUnrolledError(f"`{unit.name}` ({layer.label}) of {title} mixes steps, which style unrolled does "
                               "not show")  # fmt: skip
    return _level(unit, last, begins)


def _joined(sides: Sequence[Side], analysis: Analysis) -> tuple[Side, ...]:
    """An encoder and its decoder, in this order.

    Raises:
        NotUnrolledError: that is not what they are.
    """
    title = analysis.title
    if len(sides) == 1:
        raise NotUnrolledError(f"{title} gives more than the end of its chain")
    decoders = [side for side in sides if any(level.begins for level in side.levels)]
    encoders = [side for side in sides if side not in decoders]
    if len(decoders) != 1 or len(encoders) != 1:
        raise NotUnrolledError(f"{title} has {len(sides)} inputs, and style unrolled shows one, or two of which one "
                               "begins with the states of the other")  # fmt: skip
    encoder, decoder = encoders[0], decoders[0]
    order = [level.unit.name for level in encoder.levels]
    places = [order.index(level.begins) for level in decoder.levels if level.begins]
    if places != sorted(places) or any(level.last for level in encoder.levels) or not _ends_in(decoder, analysis):
        raise NotUnrolledError(f"{title} gives more than the end of its decoder, or hands its states on crosswise")
    return encoder, decoder


def _ends_in(side: Side, analysis: Analysis) -> bool:
    """Whether all that the network gives comes from the last layer of a side."""
    rows = {row.name for row in side.levels[-1].unit.rows} if side.levels else set()
    return all(ref.node in rows for ref in analysis.network.outputs)


def _level(unit: Unit, last: bool, begins: str) -> Level:
    row = unit.rows[0]
    layer = row.node.layer
    if layer.verb != "Recurrence" or last:
        return Level(unit, last)
    states = ("h", "c")[: len(layer.output_names) - 1]
    layers = int(row.outputs[1][0]) if len(row.outputs) > 1 else 1
    both = int(row.outputs[0][-1]) // int(row.outputs[1][-1]) if len(row.outputs) > 1 else 1
    return Level(unit, last, layers // both, both, states, begins)


def _steps(shape: Sequence[int]) -> int:
    """The positions of a sequence; 0 for a vector."""
    return int(shape[0]) if len(shape) == 2 else 0
