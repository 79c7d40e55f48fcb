"""Stages in columns, the stream from the top of each to the foot of the next; beside them, what their blocks hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from archscope.diagrams.request import Request
from archscope.diagrams.scale import Plan
from archscope.diagrams.scene import Group, Item, bounds, moved
from archscope.diagrams.transformer import shapes
from archscope.diagrams.transformer.kinds import Kind, parts_in
from archscope.diagrams.transformer.measures import Measures
from archscope.diagrams.transformer.model import Model, Node, Part
from archscope.diagrams.transformer.stack import Came, Stack
from archscope.diagrams.transformer.staged import Staged
from archscope.diagrams.transformer.stream import Source
from archscope.diagrams.transformer.wording import Words

_BEFORE: Final = "·"
"""What comes to a block wherever it stands."""

_OUTWARD: Final = 1.0
"""The side of ×N and of the lines past blocks: right, so that a column's left is clear for what comes to it."""


class Columns:
    """What stays the same at every size; the kinds stand ``below`` the columns, or to their right."""

    def __init__(self, found: Staged, request: Request, *, below: bool) -> None:
        self.found = found
        self.request = request
        self.below = below

    def plan(self, loose: float, gaps: float) -> Plan:
        """``loose`` stretches what runs upward, ``gaps`` what lies between columns."""
        columns, wide = self._columns(loose, gaps)
        kinds, wide_of_kinds = self._kinds(loose, gaps)
        low, (above, foot) = bounds(columns)[3], bounds(kinds)[1::2]
        apart = 2.0 * self.request.font_size
        if self.below:
            right = max(wide, wide_of_kinds)
            columns = _moved(columns, (right - wide) / 2, 0.0)
            kinds = _moved(kinds, (right - wide_of_kinds) / 2, low + apart - above)
        else:
            right = wide + apart + wide_of_kinds
            kinds = _moved(kinds, wide + apart, low - foot)
        return Plan(0.0, right, lambda: [*columns, *kinds])

    def _columns(self, loose: float, gaps: float) -> tuple[list[Item], float]:
        found = self.found
        channel = 1.6 * self.request.font_size * gaps
        right = -channel
        came = Came("", ())
        drawn: list[_Column] = []
        for nodes in found.columns:
            measures = _Measures(found.model, nodes, found.words, self.request, loose)
            reach = measures.reach_of_stack(nodes, _OUTWARD)
            x = right + channel + reach[0]
            column = _Column(found.model, measures, x, _OUTWARD)
            column.stand(nodes, came, right + channel / 2)
            came, right = column.top, x + reach[1]
            drawn.append(column)
        drawn[-1].lead_out()
        layers: tuple[list[Item], list[Item], list[Item]] = ([], [], [])
        for each in drawn:
            layers[0].extend(each.frames)
            layers[1].extend(each.edges())
            layers[2].extend(each.blocks)
        return [item for each in layers for item in each], max(right, bounds(layers[2])[2])

    def _kinds(self, loose: float, gaps: float) -> tuple[list[Item], float]:
        items: list[Item] = []
        right = 0.0
        for kind in self.found.kinds:
            measures = _Measures(kind.model, kind.model.stacks[0], kind.words, self.request, loose)
            inside = _kind(kind, measures)
            left, _, far, _ = bounds(inside)
            apart = 2.0 * measures.font * gaps if items else 0.0
            items += _moved(inside, right + apart - left, 0.0)
            right += apart + far - left
        return items, right


def _moved(items: Sequence[Item], x: float, y: float) -> list[Item]:
    return [moved(item, x, y) for item in items]


class _Measures(Measures):
    """Blocks with words that are known, no wider than these need."""

    def __init__(self, model: Model, nodes: Sequence[Node], words: Mapping[Part | Source, Words], request: Request,
                 loose: float) -> None:  # fmt: skip
        super().__init__(model, request, loose)
        self._words.update(words)
        self.parts = parts_in(nodes)
        self.least = 6.0 * self.font
        self.sides = 1.0


class _Column(Stack):
    """One column, which begins where another ends."""

    def stand(self, nodes: Sequence[Node], came: Came, channel: float) -> None:
        """All of it; what comes from another column comes down through the ``channel`` before this one."""
        m = self.measures
        low = m.gap
        self._beside = m.beside(nodes, self.side)
        if came.way and came.name != _BEFORE:
            high = came.y - m.lead
            over = (came.way[-1][0], high)
            came = came.on(over, (channel, high), (channel, low), (self.x, low))
            self._taken = {-1.0: low, 1.0: low}
        self.top = self._series(nodes, self.x, came if came.way else Came("", ((self.x, 0.0),)))

    def lead_out(self) -> None:
        """The arrows to the outputs."""
        self._led_out(along=False)


def _kind(kind: Kind, m: Measures) -> list[Item]:
    """What blocks of a kind hold, in a frame with its name.

    It tells of several blocks that stand elsewhere, so that no layer stands here.
    """
    stack = _Column(kind.model, m, 0.0, _OUTWARD)
    stack.stand(kind.model.stacks[0], Came(_BEFORE, ((0.0, 0.0),)), 0.0)
    x, top = stack.top.way[-1]
    out = shapes.arrow([(x, stack.top.y), (x, top - m.lead)], m.font, m.theme)
    items = [*stack.frames, *stack.edges(), *out, *stack.blocks]
    return [_told(each) for each in items]


def _told(item: Item) -> Item:
    """The same where it stands for no layer and no edge."""
    if not isinstance(item, Group):
        return item
    return Group("part", item.items, item.title)
