"""Where every block stands, from the inputs upward, and the display list of it."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.diagrams.request import Request
from archscope.diagrams.scale import Plan
from archscope.diagrams.scene import Item
from archscope.diagrams.transformer.measures import Measures
from archscope.diagrams.transformer.model import Model
from archscope.diagrams.transformer.stack import Stack


class Figure:
    """What stays the same at every size."""

    def __init__(self, model: Model, request: Request, *, wide: float | None = None) -> None:
        self.wide = wide
        self.model = model
        self.request = request

    def plan(self, loose: float, gaps: float) -> Plan:
        """The stacks beside one another; ``loose`` stretches what runs upward, ``gaps`` what lies between stacks."""
        measures = Measures(self.model, self.request, loose, wide=self.wide)
        stacks = self.model.stacks
        sides = [-1.0] if len(stacks) == 1 else [-1.0, 1.0]
        middles: list[float] = []
        right = left = 0.0
        for nodes, side in zip(stacks, sides, strict=True):
            reach = measures.reach_of_stack(nodes, side)
            x = reach[0] if not middles else right + measures.channel * gaps + reach[0]
            middles.append(x)
            right = x + reach[1]
        return Plan(left, right, lambda: self._items(measures, middles, sides))

    def _items(self, measures: Measures, middles: Sequence[float], sides: Sequence[float]) -> list[Item]:
        drawn = [Stack(self.model, measures, x, side) for x, side in zip(middles, sides, strict=True)]
        for stack, nodes in zip(drawn, self.model.stacks, strict=True):
            stack.draw(nodes)
        if len(drawn) > 1:
            drawn[1].bring(drawn[0].top)
        layers: tuple[list[Item], list[Item], list[Item]] = ([], [], [])
        for stack in drawn:
            layers[0].extend(stack.frames)
            layers[1].extend(stack.edges())
            layers[2].extend(stack.blocks)
        return [item for each in layers for item in each]
