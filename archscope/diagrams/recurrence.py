"""What style `unrolled` shows of a network: rows of layers that stand at each step, or at the last alone.

A network is one side, a chain that reads one sequence; or two, where a decoder begins with the states that an encoder
ends with (Sutskever et al. 2014), or with what a layer makes of them. A decoder may attend to all states of the
encoder, with what its cell gives (Luong et al. 2015) or with its state before (Bahdanau et al. 2015). A loop that calls
a cell at each step is read as the layer that it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams.circuits import Cell
from archscope.diagrams.graph.units import Unit, is_glue, units_of
from archscope.diagrams.handmade import by_hand
from archscope.diagrams.looking import Bridge, attentions, bridges, fed, recurs, symbol, whole
from archscope.diagrams.loops import Looped, NoLoopError, folded, lays_out
from archscope.diagrams.pooled import Pool, pools_of
from archscope.diagrams.refusal import NotShownError
from archscope.diagrams.rounds import rounds
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
        attends: the layer to all whose states it attends; empty where it does not.
        looks: the cell whose state of the step before it attends with, if that is what it does.
        feeds: the layer whose value of the step before it reads beside its input; empty if there is none.
        bridge: what stands between the states of another side and those that it begins with.
        end: the layer of it that others read, if that is not its first.
        ends: whether only what it gives at its last step comes out.
        pool: what makes one value of those of all steps, if it does that.
    """

    unit: Unit
    last: bool
    depth: int = 0
    directions: int = 1
    states: tuple[str, ...] = ()
    begins: str = ""
    attends: str = ""
    looks: str = ""
    feeds: str = ""
    bridge: Bridge | None = None
    end: str = ""
    ends: bool = False
    pool: Pool | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """What is done at one step where it takes several layers: attention, or what a loop does again at each."""
        told = self.unit.words if isinstance(self.unit, Looped) else self.unit.rows if self.attends or self.pool else ()
        said = self.pool.said if self.pool is not None else lambda row: row.node.layer.label
        spoken = [said(row) for row in told if not is_glue(row.node.layer)]
        if not isinstance(self.unit, Cell):
            return tuple(spoken)
        many = Counter(spoken)
        return tuple(word if count == 1 else f"{word} ×{count}" for word, count in many.items())

    @property
    def word(self) -> str:
        """What stands in its boxes."""
        if self.attends:
            return "attention"
        if self.pool is not None:
            return self.pool.word
        if isinstance(self.unit, Cell):
            return "cell"
        return self.unit.rows[0].node.layer.label.split(" ")[0].rstrip(",")

    @property
    def family(self) -> str:
        """That of its layer, or of what it does."""
        if self.pool is not None:
            return self.pool.family
        return "sequence" if self.attends or isinstance(self.unit, Cell) else self.unit.rows[0].node.layer.family


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
    units = _units(analysis)
    recurrent = [unit for unit in units if recurs(unit)]
    again = [unit.rows[0] for unit in recurrent if unit.rows[0].shares and not isinstance(unit, Looped)
             and _steps(unit.rows[0].input_shapes[0]) in (0, 1)]  # fmt: skip
    if not again and not any(isinstance(unit, Looped) or _steps(unit.rows[0].input_shapes[0]) for unit in recurrent):
        raise NotUnrolledError(f"{title} has no recurrence over a sequence to unroll")
    if again:
        raise NotUnrolledError(f"{title} runs its recurrence step by step in a loop (`{again[0].name}` is a step), and "
                               "style unrolled shows one cell whose steps are alike")  # fmt: skip
    found: dict[str, list[Level]] = {name: [] for name in inputs}
    ways = bridges(units)
    between = {row.name for way in ways.values() for row in way.unit.rows}
    groups = attentions(units, analysis) if len(inputs) > 1 else []
    part_of = {unit.name: parts for parts in groups for unit in parts}
    pools = {pool.reads: pool for pool in pools_of(units)} if len(inputs) == 1 else {}
    pooled = {row.name: pool for pool in pools.values() for row in pool.unit.rows}
    for unit in units:
        if unit.name in between:
            continue
        if unit.name in pooled:
            (alone,) = found.values()
            pool = pooled[unit.name]
            if unit.name == pool.end and _end("", alone) == pool.reads and not alone[-1].last:
                alone.append(Level(pool.unit, last=True, end=pool.end, pool=pool))
                continue
            if unit.name != pool.end:
                continue
        if unit.name in part_of:
            parts = part_of[unit.name]
            if unit is parts[-1]:
                name, level = _attention(parts, found, title)
                found[name].append(level)
            continue
        first = unit.inputs[0].node if unit.inputs else ""
        side = next((name for name in inputs if first == _end(name, found[name])), None)
        others = [level for name in inputs if name != side for level in found[name]]
        bridge = ways.get(unit.name)
        if bridge is not None and any(level.unit.name == bridge.begins and level.depth == 1 for level in others):
            begins = bridge.begins
        else:
            begins, bridge = ("" if side is None else _begins(unit, others)), None
        if side is None or (len(unit.inputs) > 1 and not begins):
            raise NotUnrolledError(f"{title} is no chain at `{unit.name}`, and style unrolled shows one")
        if bridge is not None and not bridge.drawn:
            unit = replace(unit, rows=(*unit.rows, *bridge.unit.rows))
        if unit.name in pools:
            unit = replace(unit, rows=tuple(row for row in unit.rows if row.name not in pools[unit.name].turned))
        level = _next(unit, found[side], int(next(iter(inputs[side]), 0)), begins, title)
        found[side].append(replace(level, bridge=bridge))
    for levels in found.values():
        levels[-1:] = [replace(level, ends=_ends_last(level, analysis)) for level in levels[-1:]]
    sides = tuple(Side(name, shape, tuple(found[name])) for name, shape in inputs.items())
    return sides if len(sides) == 1 and _ends_in(sides[0], analysis) else _joined(sides, analysis)


def _end(name: str, levels: Sequence[Level]) -> str:
    return levels[-1].end or levels[-1].unit.name if levels else name


def _units(analysis: Analysis) -> tuple[Unit, ...]:
    """The units of a network, with its loops folded if their steps or their rounds are alike."""
    for way in (by_hand, folded, rounds):
        try:
            return tuple(fed(way(analysis)))
        except NoLoopError:
            continue
    return units_of(analysis)


def _attention(parts: Sequence[Unit], found: Mapping[str, Sequence[Level]], title: str) -> tuple[str, Level]:
    """The side that attends, and its level: what looks at the states of another, and what that is joined with.

    Raises:
        NotUnrolledError: that is not what it is.
    """
    sides = {_end(name, levels): name for name, levels in found.items()}
    own = {unit.name for unit in parts}
    looks = {ref.node for unit in parts if isinstance(unit, Looped) for ref in unit.before}
    read = dict.fromkeys(ref.node for unit in parts for ref in unit.inputs if ref.node not in own)
    multiplies = any(symbol(unit) == "@" or unit.rows[0].node.layer.verb == "Attention" for unit in parts)
    steps = _steps(parts[-1].outputs[0])
    asks = [name for name in read if name in sides and _steps(found[sides[name]][-1].unit.outputs[0]) == steps]
    # Of two sides of one length, the one asks whose values are joined with what is found, or that comes later.
    joined = [ref.node for ref in parts[-1].inputs]
    asking = next((name for name in asks if name in joined), asks[-1] if asks else "")
    memory = next((name for name in read if name != asking), "")
    known = memory in sides and found[sides[memory]] and found[sides[memory]][-1].depth
    if not multiplies or len(read) != 2 or len(looks) > 1 or not asking or not known or found[sides[asking]][-1].last:
        raise NotUnrolledError(f"{title} is no chain at `{parts[0].name}`, and style unrolled shows one")
    return sides[asking], Level(whole(parts, "attention"), last=False, attends=memory, looks=next(iter(looks), ""),
                                end=parts[-1].name)  # fmt: skip


def _begins(unit: Unit, others: Sequence[Level]) -> str:
    """The layer of another side whose last states a layer begins with; empty if there is none."""
    before = unit.inputs[1].node if len(unit.inputs) > 1 else ""
    handed = {level.unit.name: level for level in others if level.depth and level.directions == 1}
    level = handed.get(before)
    wanted = () if level is None else tuple(Ref(before, number + 1) for number in range(len(level.states)))
    return before if recurs(unit) and unit.inputs[1:] == wanted else ""


def _next(unit: Unit, below: Sequence[Level], steps: int, begins: str, title: str) -> Level:
    layer = unit.rows[0].node.layer
    last = (bool(below) and below[-1].last) or unit.inputs[0].output > 0 or layer.verb == "Selection"
    mixes = layer.family in _MIXES and not isinstance(unit, Cell)
    if not last and (mixes or layer.verb == "Attention" or _steps(unit.outputs[0]) != steps):
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
    begun = [each.begins for each in decoder.levels if each.begins and not level.looks]
    top = encoder.levels[-1].unit.name
    own = decoder.levels.index(level)
    return level.attends == top and (begun[-1] == top if begun else level.looks != "" or len(encoder.levels) <= own)


def _ends_in(side: Side, analysis: Analysis) -> bool:
    """Whether all that the network gives comes from the last layer of a side."""
    rows = {row.name for row in side.levels[-1].unit.rows} if side.levels else set()
    return all(ref.node in rows for ref in analysis.network.outputs)


def _ends_last(level: Level, analysis: Analysis) -> bool:
    """Whether of all that a recurrence gives, the network gives what it has at its last step."""
    outputs = analysis.network.outputs
    by_itself = isinstance(level.unit, Cell)
    calls = {row.name for row in level.unit.rows
             if row.node.layer.verb == "Recurrence" or (by_itself and not lays_out(row))}  # fmt: skip
    if not {ref.node for ref in outputs} <= calls:
        return False
    # A layer gives all its states first, and then those that it ends with.
    return len({ref.node for ref in outputs}) == 1 and (
        isinstance(level.unit, Looped) or all(ref.output for ref in outputs)
    )


def _level(unit: Unit, last: bool, begins: str) -> Level:
    row = unit.rows[0]
    layer = row.node.layer
    if not recurs(unit) or last:
        return Level(unit, last)
    if isinstance(unit, Looped):
        feeds = next((ref.node for ref in unit.before), "")
        return Level(unit, last, 1, 1, unit.states, begins, feeds=feeds)
    states = ("h", "c")[: len(layer.output_names) - 1]
    layers = int(row.outputs[1][0]) if len(row.outputs) > 1 else 1
    both = int(row.outputs[0][-1]) // int(row.outputs[1][-1]) if len(row.outputs) > 1 else 1
    return Level(unit, last, layers // both, both, states, begins)


def _steps(shape: Sequence[int]) -> int:
    """The positions of a sequence; 0 for a vector."""
    return int(shape[0]) if len(shape) == 2 else 0
