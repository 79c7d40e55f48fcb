"""How large every block is, and how far a stack reaches on both sides of its middle."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from archscope.diagrams import fonts
from archscope.diagrams.request import Request
from archscope.diagrams.transformer.model import (
    Fork,
    Framed,
    Model,
    Node,
    Part,
    Sublayer,
    Sum,
    last_of,
    parts_of,
)
from archscope.diagrams.transformer.shapes import height_of_text, width_of_text
from archscope.diagrams.transformer.stream import Source
from archscope.diagrams.transformer.wording import Words, experts_of, is_image, words_of

CIRCLES = ("add", "scale", "positions", "join")

Reach = tuple[float, float]


class Measures:
    """The measures of a figure, in points."""

    def __init__(self, model: Model, request: Request, loose: float) -> None:
        self.model = model
        self.request = request
        self.theme = request.theme
        self.font = request.font_size
        self.radius = 0.62 * self.font
        self.gap = 1.5 * self.font * loose
        self.lead = 1.25 * self.font * max(loose, 0.7)
        self.fork = 1.9 * self.font * max(loose, 0.8)
        self.aside = 1.3 * self.font
        self.pad = 0.9 * self.font
        self.channel = 3.2 * self.font
        self.corner = 0.5 * self.font
        self._words: dict[Part | Source, Words] = {}

    def words(self, part: Part | Source) -> Words:
        """The text of a block."""
        if part not in self._words:
            self._words[part] = words_of(part, self.model, self.request)
        return self._words[part]

    @cached_property
    def block(self) -> float:
        """The width of the blocks that stand on a stream, which is the same for all."""
        alone: list[float] = [11.0 * self.font]
        beside = {part for part in self.model.parts if part in self._apart}
        alone += [self.needed(part) for part in self.model.parts if part not in beside and not self.is_circle(part)]
        return max(alone)

    @cached_property
    def _apart(self) -> set[Part]:
        """Blocks that stand beside others, which have widths of their own."""
        found: set[Part] = set()

        def look(node: Node) -> None:
            if isinstance(node, Fork):
                found.update(part for way in node.ways for each in way for part in parts_of(each)
                             if isinstance(part, Part))  # fmt: skip
            elif isinstance(node, Sum):
                found.update(part for side in node.sides for each in side for part in parts_of(each)
                             if isinstance(part, Part))  # fmt: skip
            elif isinstance(node, Sublayer | Framed):
                for each in node.inner:
                    look(each)

        for stack in self.model.stacks:
            for node in stack:
                look(node)
        return found

    @cached_property
    def _equals(self) -> dict[Part | Source, tuple[Part, ...]]:
        """Blocks that stand alone on ways side by side, which are equally tall."""
        found: dict[Part | Source, tuple[Part, ...]] = {}

        def look(node: Node) -> None:
            if isinstance(node, Fork):
                alone = tuple(way[0] for way in node.ways if len(way) == 1 and isinstance(way[0], Part))
                found.update(dict.fromkeys(alone, alone))
            if isinstance(node, Sublayer | Framed):
                for each in node.inner:
                    look(each)

        for stack in self.model.stacks:
            for node in stack:
                look(node)
        return found

    def is_circle(self, part: Part | Source) -> bool:
        """Whether it is drawn as a sign in a circle."""
        if isinstance(part, Source):
            return False
        return part.role in ("add", "positions") or (bool(part.head.layer.symbol) and part.role in ("scale", "other"))

    def needed(self, part: Part | Source) -> float:
        """The width that its text needs."""
        words = self.words(part)
        known = experts_of(part) if isinstance(part, Part) and part.role == "experts" else None
        row = 0.0 if known is None else min(known[0], 8) * 1.9 * self.font
        return max(width_of_text(words.title, words.below, self.font), row) + 1.5 * self.font

    def width(self, part: Part | Source) -> float:
        """How wide it is drawn."""
        if self.is_circle(part):
            return 2 * self.radius
        if isinstance(part, Source):
            icon = 3.0 * self.font if is_image(part, self.model) else 0.0
            return max(self.needed(part), 5.5 * self.font) + icon
        if part in self._apart:
            return max(self.needed(part), 5.5 * self.font)
        return self.block

    def height(self, part: Part | Source) -> float:
        """How tall it is drawn."""
        if self.is_circle(part):
            return 2 * self.radius
        if part in self._equals:
            return max(self._tall(each) for each in self._equals[part])
        return self._tall(part)

    def _tall(self, part: Part | Source) -> float:
        words = self.words(part)
        more = 5.2 * self.font if isinstance(part, Part) and part.role == "experts" and experts_of(part) else 0.0
        return height_of_text(words.title, words.below, self.font) + 0.9 * self.font + more

    @property
    def copies(self) -> float:
        """The room for ×N beside a frame."""
        return 0.7 * self.font + fonts.width("×128", 1.4 * self.font, bold=True)

    def reach(self, nodes: Sequence[Node], side: float) -> Reach:
        """How far some blocks above one another reach to the left and to the right of their middle."""
        each = [self._reach(node, side) for node in nodes]
        return max(left for left, _ in each), max(right for _, right in each)

    def beside(self, nodes: Sequence[Node], side: float) -> Reach:
        """How far the sublayers of a stack reach, past which all its residual lines run."""
        found = [(0.0, 0.0)]
        for node in nodes:
            if isinstance(node, Sublayer):
                found.append(self.reach(node.inner, side))
            elif isinstance(node, Framed):
                found.append(self.beside(node.inner, side))
        return max(left for left, _ in found), max(right for _, right in found)

    def reach_of_stack(self, nodes: Sequence[Node], side: float) -> Reach:
        """The same with what stands beside the stream of a whole stack."""
        left, right = self.reach(nodes, side)
        places = 0
        for node in nodes:
            for way in node.sides if isinstance(node, Sum) else ():
                reach = self.away(way)
                if self.side_of(places, side) < 0:
                    left = max(left, reach)
                else:
                    right = max(right, reach)
                places += 1
            last = last_of(node)
            if isinstance(last, Part) and last.role == "positions":
                far = self.radius * 2.2 + 1.6 * self.font + width_of_text(("Positional", "Encoding"), (), self.font)
                left, right = (
                    (max(left, far), right) if side < 0 and len(self.model.stacks) > 1 else (left, max(right, far))
                )
        return left, right

    def away(self, way: Sequence[Node]) -> float:
        """How far what comes from beside reaches: one block near the stream, several past its blocks."""
        wide = max(self.width(part) for each in way for part in parts_of(each))
        near = self.radius + 1.6 * self.font if len(way) == 1 else self.block / 2 + 1.2 * self.font
        return near + wide

    def side_of(self, number: int, side: float) -> float:
        """On which side what comes to a stream stands: outside of a pair of stacks, else right and left in turn."""
        if len(self.model.stacks) > 1:
            return side
        return 1.0 if number % 2 == 0 else -1.0

    def _reach(self, node: Node, side: float) -> Reach:
        if isinstance(node, Sublayer):
            left, right = self.reach(node.inner, side)
            half = self.width(node.add) / 2
            left, right = max(left, half), max(right, half)
            return (left + self.aside, right) if side < 0 else (left, right + self.aside)
        if isinstance(node, Fork):
            total = self.fork_width(node, side)
            return total / 2, total / 2
        if isinstance(node, Framed):
            left, right = self.reach(node.inner, side)
            left, right = left + self.pad, right + self.pad
            return (left + self.copies, right) if side < 0 else (left, right + self.copies)
        half = self.width(node.join if isinstance(node, Sum) else node) / 2
        return half, half

    def fork_width(self, node: Fork, side: float) -> float:
        """The width of ways side by side."""
        each = [self.reach(way, side) for way in node.ways]
        return sum(left + right for left, right in each) + 0.8 * self.font * (len(each) - 1)


__all__ = ["Measures", "Reach"]
