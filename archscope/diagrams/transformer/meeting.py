"""Towers side by side, as Radford et al. draw CLIP in 2021: a stack for each input, and above them what reads all."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.diagrams.request import Request
from archscope.diagrams.scale import Plan
from archscope.diagrams.scene import Item
from archscope.diagrams.transformer.measures import Measures
from archscope.diagrams.transformer.model import Model, Node, Part, parts_of
from archscope.diagrams.transformer.rows import Rows
from archscope.diagrams.transformer.stack import Came, Stack

_SIDE = -1.0
"""The side of ×N and of the lines past blocks."""


class Towers:
    """What stays the same at every size; on a page that is wide and low what is written is in fewer lines."""

    def __init__(self, model: Model, request: Request, *, wide: float | None = None) -> None:
        self.model = model
        self.request = request
        self.wide = wide

    def plan(self, loose: float, gaps: float) -> Plan:
        """``loose`` stretches what runs upward, ``gaps`` what lies between towers."""
        measures = _Measures(self.model, self.request, loose, wide=self.wide)
        *towers, above = self.model.stacks
        middles: list[float] = []
        right = -2.0 * measures.font * gaps
        for nodes in towers:
            reach = measures.reach_of_stack(nodes, _SIDE)
            middles.append(right + 2.0 * measures.font * gaps + reach[0])
            right = middles[-1] + reach[1]
        middle = (middles[0] + middles[-1]) / 2
        if len(middles) > 2 and middles[0] < middles[1] < middles[-1]:
            middle = middles[1]
        reach = measures.reach_of_stack(above, _SIDE)
        left, right = min(0.0, middle - reach[0]), max(right, middle + reach[1])
        return Plan(left, right, lambda: self._items(measures, [*middles, middle]))

    def _items(self, measures: Measures, middles: Sequence[float]) -> list[Item]:
        drawn = [_Tower(self.model, measures, x, _SIDE) for x in middles]
        *towers, above = drawn
        for tower, nodes in zip(towers, self.model.stacks, strict=False):
            tower.stand(nodes)
        above.meet([tower.top for tower in towers], self.model.stacks[-1])
        layers: tuple[list[Item], list[Item], list[Item]] = ([], [], [])
        for each in drawn:
            layers[0].extend(each.frames)
            layers[1].extend(each.edges())
            layers[2].extend(each.blocks)
        return [item for each in layers for item in each]


class _Measures(Measures):
    """All of a tower stands on its stream."""

    def rows(self, nodes: Sequence[Node]) -> Rows:
        """Nothing lies in a row."""
        return Rows((), tuple(nodes), ())


class _Tower(Stack):
    def stand(self, nodes: Sequence[Node]) -> None:
        """One tower, from its input upward."""
        self._beside = self.measures.beside(nodes, self.side)
        self.top = self._series(nodes, self.x, Came("", ((self.x, 0.0),)))

    def meet(self, tops: Sequence[Came], nodes: Sequence[Node]) -> None:
        """What reads all towers, above the highest, and what follows: those beside it come to its sides."""
        m = self.measures
        rest = nodes[1:]
        join = next(part for part in parts_of(nodes[0]) if isinstance(part, Part))
        self._beside = m.beside(rest, self.side)
        bottom = min(each.y for each in tops) - m.lead - m.gap
        middle, half = bottom - m.height(join) / 2, m.width(join) / 2
        for each in tops:
            at = each.way[-1][0]
            if abs(at - self.x) < 1e-6:
                self._join(each, join, [(self.x, bottom)])
            else:
                self._join(each, join, [(at, middle), (self.x + (half if at > self.x else -half), middle)])
        self._taken = {-1.0: bottom, 1.0: bottom}
        self.top = self._series(rest, self.x, self._placed(join, self.x, bottom))
        self._led_out(along=False)
