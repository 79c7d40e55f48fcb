"""What style `unrolled` shows of a network: rows of layers that stand at each step, or at the last alone.

A network is one side, a chain that reads one sequence; or two, where the states that an encoder ends with are those
that a decoder begins with (Sutskever et al. 2014). A decoder may attend to all states of the encoder (Luong et al.
2015). A loop that calls a cell at each step is read as the layer that it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams.graph.units import Unit, is_glue
from archscope.diagrams.loops import Looped, folded
from archscope.diagrams.refusal import NotShownError
from archscope.network import Ref

_MIXES: Final = frozenset({"convolution", "pooling", "merge", "function", "axes"})

_ATTENDS: Final = frozenset({"Attention", "Transposition", "Permutation"})
"""Beside products and what joins their results: what attention is, and how its keys are turned."""


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
        attends: the layer to all whose states it attends; empty where it does not.
        end: the layer of it that others read, if that is not its first.
        ends: whether only what it gives at its last step comes out.
    """

    unit: Unit
    last: bool
    depth: int = 0
    directions: int = 1
    states: tuple[str, ...] = ()
    begins: str = ""
    attends: str = ""
    end: str = ""
    ends: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """What is done at one step where it takes several layers: attention, or what a loop does again at each."""
        told = self.unit.words if isinstance(self.unit, Looped) else self.unit.rows if self.attends else ()
        return tuple(row.node.layer.label for row in told if not is_glue(row.node.layer))

    @property
    def word(self) -> str:
        """What stands in its boxes."""
        if self.attends:
            return "attention"
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
    units = folded(analysis)
    recurrent = [unit for unit in units if unit.rows[0].node.layer.verb == "Recurrence"]
    again = [unit.rows[0] for unit in recurrent if unit.rows[0].shares and not isinstance(unit, Looped)
             and _steps(unit.rows[0].input_shapes[0]) in (0, 1)]  # fmt: skip
    if not again and not any(isinstance(unit, Looped) or _steps(unit.rows[0].input_shapes[0]) for unit in recurrent):
        raise NotUnrolledError(f"{title} has no recurrence over a sequence to unroll")
    if again:
        raise NotUnrolledError(f"{title} runs its recurrence step by step in a loop (`{again[0].name}` is a step), and "
                               "style unrolled shows one whose steps are alike and in which nothing but the cell reads "
                               "the step before")  # fmt: skip
    found: dict[str, list[Level]] = {name: [] for name in inputs}
    attending: list[Unit] = []
    for number, unit in enumerate(units):
        if _looks(unit, attending, found):
            attending.append(unit)
            if any(_looks(each, attending, found) for each in units[number + 1 : number + 2]):
                continue
            name, level = _attention(attending, found, title)
            found[name].append(level)
            attending = []
            continue
        side = next((name for name in inputs if unit.inputs[0].node == _end(name, found[name])), None)
        begins = "" if side is None else _begins(unit, [level for name in inputs if name != side
                                                        for level in found[name]])  # fmt: skip
        if side is None or (len(unit.inputs) > 1 and not begins):
            raise NotUnrolledError(f"{title} is no chain at `{unit.name}`, and style unrolled shows one")
        found[side].append(_next(unit, found[side], int(next(iter(inputs[side]), 0)), begins, title))
    for levels in found.values():
        levels[-1:] = [replace(level, ends=_ends_last(level, analysis)) for level in levels[-1:]]
    sides = tuple(Side(name, shape, tuple(found[name])) for name, shape in inputs.items())
    return sides if len(sides) == 1 and _ends_in(sides[0], analysis) else _joined(sides, analysis)


def _end(name: str, levels: Sequence[Level]) -> str:
    return levels[-1].end or levels[-1].unit.name if levels else name


def _looks(unit: Unit, before: Sequence[Unit], found: Mapping[str, Sequence[Level]]) -> bool:
    """Whether a unit is a part of attention to all states of a side: it reads them or such a part, and no weights."""
    layer = unit.rows[0].node.layer
    if layer.verb not in _ATTENDS and layer.symbol not in ("@", "‖"):
        return False
    memories = {levels[-1].unit.name for levels in found.values() if levels and levels[-1].depth}
    parts = {each.name for each in before}
    ends = {_end(name, levels) for name, levels in found.items()}
    read = {ref.node for ref in unit.inputs if ref.output == 0}
    whole = all(ref.output == 0 and ref.node in {*memories, *parts, *ends} for ref in unit.inputs)
    return whole and (bool(read & parts) or (len(found) > 1 and bool(read & memories)))


def _attention(parts: Sequence[Unit], found: Mapping[str, Sequence[Level]], title: str) -> tuple[str, Level]:
    """The side that attends, and its level: what looks at the states of another, and what that is joined with.

    Raises:
        NotUnrolledError: that is not what it is.
    """
    sides = {_end(name, levels): name for name, levels in found.items()}
    read = dict.fromkeys(ref.node for unit in parts for ref in unit.inputs if ref.node in sides)
    multiplies = any(unit.rows[0].node.layer.symbol == "@" or unit.rows[0].node.layer.verb == "Attention"
                     for unit in parts)  # fmt: skip
    asks = [name for name in read if _steps(found[sides[name]][-1].unit.outputs[0]) == _steps(parts[-1].outputs[0])]
    # Of two sides of one length, the one asks whose values are joined with what is found, or that comes later.
    joined = [ref.node for ref in parts[-1].inputs]
    own = next((name for name in asks if name in joined), asks[-1] if asks else "")
    memory = next((name for name in read if name != own), "")
    if not multiplies or len(read) != 2 or not own or found[sides[own]][-1].last:
        raise NotUnrolledError(f"{title} is no chain at `{parts[0].name}`, and style unrolled shows one")
    whole = replace(parts[0], rows=tuple(row for unit in parts for row in unit.rows), label="attention")
    return sides[own], Level(whole, last=False, attends=memory, end=parts[-1].name)


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
    decoders = [side for side in sides if any(level.begins or level.attends for level in side.levels)]
    encoders = [side for side in sides if side not in decoders]
    if len(decoders) != 1 or len(encoders) != 1:
        raise NotUnrolledError(f"{title} has {len(sides)} inputs, and style unrolled shows one, or two of which one "
                               "begins with the states of the other")  # fmt: skip
    encoder, decoder = encoders[0], decoders[0]
    order = [level.unit.name for level in encoder.levels]
    places = [order.index(level.begins) for level in decoder.levels if level.begins]
    if places != sorted(places) or any(level.last for level in encoder.levels) or not _ends_in(decoder, analysis):
        raise NotUnrolledError(f"{title} gives more than the end of its decoder, or hands its states on crosswise")
    if any(level.attends and not _stands_below(encoder, decoder, level) for level in decoder.levels):
        raise NotUnrolledError(f"{title} has layers over the states that its decoder attends to")
    return encoder, decoder


def _stands_below(encoder: Side, decoder: Side, level: Level) -> bool:
    """Whether all of the encoder stands below what attends to its states."""
    begun = [each.begins for each in decoder.levels if each.begins]
    top = encoder.levels[-1].unit.name
    own = decoder.levels.index(level)
    return level.attends == top and (begun[-1] == top if begun else len(encoder.levels) <= own)


def _ends_in(side: Side, analysis: Analysis) -> bool:
    """Whether all that the network gives comes from the last layer of a side."""
    rows = {row.name for row in side.levels[-1].unit.rows} if side.levels else set()
    return all(ref.node in rows for ref in analysis.network.outputs)


def _ends_last(level: Level, analysis: Analysis) -> bool:
    """Whether of all that a recurrence gives, the network gives what it has at its last step."""
    outputs = analysis.network.outputs
    calls = {row.name for row in level.unit.rows if row.node.layer.verb == "Recurrence"}
    if not {ref.node for ref in outputs} <= calls:
        return False
    # A layer gives all its states first, and then those that it ends with.
    return len({ref.node for ref in outputs}) == 1 and (
        isinstance(level.unit, Looped) or all(ref.output for ref in outputs)
    )


def _level(unit: Unit, last: bool, begins: str) -> Level:
    row = unit.rows[0]
    layer = row.node.layer
    if layer.verb != "Recurrence" or last:
        return Level(unit, last)
    if isinstance(unit, Looped):
        return Level(unit, last, 1, 1, unit.states, begins)
    states = ("h", "c")[: len(layer.output_names) - 1]
    layers = int(row.outputs[1][0]) if len(row.outputs) > 1 else 1
    both = int(row.outputs[0][-1]) // int(row.outputs[1][-1]) if len(row.outputs) > 1 else 1
    return Level(unit, last, layers // both, both, states, begins)


def _steps(shape: Sequence[int]) -> int:
    """The positions of a sequence; 0 for a vector."""
    return int(shape[0]) if len(shape) == 2 else 0
