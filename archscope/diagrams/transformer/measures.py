"""How large every block is, and how far a stack reaches on both sides of its middle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from archscope.diagrams import fonts
from archscope.diagrams.request import Request
from archscope.diagrams.scene import Text
from archscope.diagrams.transformer.model import (
    Fork,
    Framed,
    Heads,
    Model,
    Node,
    Part,
    Sublayer,
    Sum,
    last_of,
    parts_of,
)
from archscope.diagrams.transformer.roles import tables_of
from archscope.diagrams.transformer.rows import Rows, rows_of
from archscope.diagrams.transformer.shapes import height_of_text, lines_of_text, width_of_text
from archscope.diagrams.transformer.stream import Source
from archscope.diagrams.transformer.wording import (
    Words,
    experts_of,
    is_image,
    outputs_on_the_way,
    words_of,
    words_of_end,
)

CIRCLES = ("add", "scale", "positions", "join")

Reach = tuple[float, float]


def holds_more(node: Node) -> bool:
    """Whether something is added to a stream within what is added to it, or stands in a frame there."""
    return isinstance(node, Sublayer) and any(isinstance(each, Sublayer | Framed) for each in node.inner)


def mark_of(frame: Framed) -> str:
    """How often what is in a frame stands in the network; nothing where a stage of one block has its name alone."""
    return f"×{frame.run.copies}" if frame.run.copies > 1 or not frame.said else ""


class Measures:
    """The measures of a figure, in points."""

    def __init__(self, model: Model, request: Request, loose: float, *, wide: float | None = None) -> None:
        self.wide = wide is not None
        self.longest = wide or 0.0
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
        # Where a slide is so small that little is written, no room is left around that.
        self.tight = self.wide and request.brief
        self.near = (1.1 if self.tight else 1.6) * self.font
        self.margin = (0.22 if self.tight else 0.45) * self.font
        self.narrowest = (3.0 if self.tight else 5.5) * self.font
        self.icon = (1.6 if self.tight else 3.0) * self.font
        self.least = 11.0 * self.font
        self.parts: Sequence[Part] = model.parts
        self.sides = 1.5
        self._words: dict[Part | Source, Words] = {}

    def words(self, part: Part | Source) -> Words:
        """The text of a block."""
        if part not in self._words:
            words = words_of(part, self.model, self.request)
            if self.wide and not (isinstance(part, Part) and part.role == "positions"):
                words = self._joined(part, words)
            self._words[part] = words
        return self._words[part]

    def rows(self, nodes: Sequence[Node]) -> Rows:
        """A stack with what of it lies in rows; nothing does but on a page that is wide and low."""
        if not self.wide:
            return Rows((), tuple(nodes), ())
        return rows_of(nodes, self.is_circle, ends=nodes is self.model.stacks[-1])

    @cached_property
    def _in_rows(self) -> set[Part | Source]:
        rows = [self.rows(stack) for stack in self.model.stacks]
        return {part for each in rows for part in (*each.before, *each.after)}

    def _joined(self, part: Part | Source, words: Words) -> Words:
        """In as few lines as can be: a title and a line below, in a row several where one would be too long."""
        most = self.longest * self.font if part in self._in_rows else math.inf
        below: list[str] = []
        for text in words.below:
            longer = f"{below[-1]} · {text}" if below else text
            if below and width_of_text((), (longer,), self.font) <= most:
                below[-1] = longer
            else:
                below.append(text)
        return Words((" ".join(words.title),) if words.title else (), tuple(below))

    def row(self, parts: Sequence[Part | Source]) -> float:
        """How far a row reaches from the middle of its stream."""
        return sum(self.width(part) + self.near for part in parts)

    @cached_property
    def output(self) -> float:
        """How far what is said of an output reaches from the last block of a row."""
        return self.near + 0.3 * self.font + max(self._width_of_end(part) for part in self.model.ends)

    def words_of_end(self, part: Part | Source) -> Words:
        """What is written where an arrow leads out of a block."""
        return words_of_end(part, self.model, self.request)

    def title_of_end(self, part: Part | Source) -> str:
        """The same to who hovers, with the shapes."""
        words = words_of_end(part, self.model, replace(self.request, show=None))
        return f"{', '.join(words.title)}: {', '.join(words.below)}"

    def _width_of_end(self, part: Part | Source) -> float:
        words = self.words_of_end(part)
        return width_of_text(words.title, words.below, self.font)

    def reach_of_head(self, heads: Heads, way: Sequence[Node], side: float) -> Reach:
        """How far one of the ways to outputs reaches to both sides of its middle."""
        left, right = self.reach(way, side) if way else (0.0, 0.0)
        half = self._width_of_end(last_of(way[-1]) if way else self.model.home[heads.place]) / 2
        return max(left, half), max(right, half)

    def places_of_heads(self, node: Heads, side: float) -> tuple[list[float], Reach]:
        """Where ways to outputs stand side by side, from the middle of their stack, and how far they reach from it."""
        places: list[float] = []
        edge = right = 0.0
        for way in node.ways:
            left, more = self.reach_of_head(node, way, side)
            places.append(edge + left)
            right = places[-1] + more
            edge = right + 0.8 * self.font
        nearest = min(places, key=lambda each: abs(each - right / 2))
        # A way that stands nearly above its stack stands right above it.
        middle = nearest if abs(nearest - right / 2) < 2 * self.corner else right / 2
        return [each - middle for each in places], (middle, right - middle)

    @cached_property
    def block(self) -> float:
        """The width of the blocks that stand on a stream, which is the same for all."""
        alone: list[float] = [self.least]
        beside = {part for part in self.parts if part in self._apart}
        alone += [self.needed(part) for part in self.parts if part not in beside and not self.is_circle(part)]
        return max(alone)

    @cached_property
    def _apart(self) -> set[Part]:
        """Blocks that stand beside others, which have widths of their own."""
        found: set[Part] = set()

        def look(node: Node) -> None:
            if isinstance(node, Fork | Heads):
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
        return found | {part for part in self._in_rows if isinstance(part, Part)}

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

    def price(self, part: Part, *, lines: int = 2) -> tuple[str, ...]:
        """What stands beside a circle that is coloured by what it costs; beside a block it is one of its lines."""
        if not self.is_circle(part) or part.role == "positions":
            return ()
        said = self.request.price(part.layers, part.copies)
        apart = (line for each in said for line in (each.removesuffix(" in all"), "in all"))
        given = outputs_on_the_way(part, self.model)
        return (*(apart if lines > 1 and part.copies > 1 else said), *given)

    def tag(self, part: Part) -> float:
        """How far that reaches from the middle of the circle."""
        said = self.price(part)
        return self.radius + 0.4 * self.font + width_of_text((), said, self.font) if said else 0.0

    def needed(self, part: Part | Source) -> float:
        """The width that its text needs."""
        words = self.words(part)
        known = experts_of(part) if isinstance(part, Part) and part.role == "experts" else None
        row = 0.0 if known is None else min(known[0], 8) * 1.9 * self.font
        aside = 0.9 if self.tight and part in self._in_rows else self.sides
        return max(width_of_text(words.title, words.below, self.font), row) + aside * self.font

    def width(self, part: Part | Source) -> float:
        """How wide it is drawn."""
        if self.is_circle(part):
            return 2 * self.radius
        if isinstance(part, Source):
            icon = self.icon if is_image(part, self.model) else 0.0
            return max(self.needed(part), self.narrowest) + icon
        if part in self._apart:
            return max(self.needed(part), self.narrowest)
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
        return height_of_text(words.title, words.below, self.font) + 2 * self.margin + more

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
            if isinstance(node, Sublayer) and not holds_more(node):
                found.append(self.reach(node.inner, side))
            elif isinstance(node, Sublayer | Framed):
                found.append(self.beside(node.inner, side))
        return max(left for left, _ in found), max(right for _, right in found)

    def reach_of_stack(self, nodes: Sequence[Node], side: float) -> Reach:
        """The same with what stands beside the stream of a whole stack."""
        rows = self.rows(nodes)
        left, right = self.reach(rows.stream, side) if rows.stream else (0.0, 0.0)
        if rows.before:
            before = self.row(rows.before)
            left, right = (max(left, before), right) if side < 0 else (left, max(right, before))
        if rows.after:
            right = max(right, self.row(rows.after) + self.output)
        return self.with_sides(nodes, side, (left, right))

    def with_sides(self, nodes: Sequence[Node], side: float, own: Reach) -> Reach:
        """How far blocks reach with what comes to their stream from beside."""
        left, right = own
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
                far = self.out_to_places(last)[0]
                left, right = (max(left, far), right) if self.sine(side) < 0 else (left, max(right, far))
        return left, right

    def out_to_places(self, part: Part) -> Reach:
        """How far the sine of places, or the box of a table of them, reaches from the stream; and how tall it is."""
        if tables_of(part.head):
            return self.radius + 1.6 * self.font + self.needed(part), self._tall(part)
        words, price = self.words(part).title, self.request.price(part.layers, part.copies)
        wide = width_of_text(words, price, self.font)
        return self.radius * 3.2 + 2.0 * self.font + wide, height_of_text(words, price, self.font)

    def sine(self, side: float) -> float:
        """On which side of the stream the sine of the places stands: outside of a pair of stacks, else right."""
        if not self.model.paired:
            return 1.0
        return -side if self.wide else side

    def away(self, way: Sequence[Node]) -> float:
        """How far what comes from beside reaches: one block near the stream, several past its blocks."""
        wide = max(self.width(part) for each in way for part in parts_of(each))
        near = self.radius + 1.6 * self.font if len(way) == 1 else self.block / 2 + 1.2 * self.font
        return near + wide

    def side_of(self, number: int, side: float) -> float:
        """On which side what comes to a stream stands: outside of a pair of stacks, or opposite to its row, else right
        and left in turn.
        """
        if self.model.paired:
            return -side if self.wide else side
        return 1.0 if number % 2 == 0 else -1.0

    def reach_beside(self, node: Sublayer, side: float) -> Reach:
        """How far what is added to a stream reaches, past which the stream runs."""
        reach = self.reach(node.inner, side)
        return self.with_sides(node.inner, side, reach) if holds_more(node) else reach

    def _reach(self, node: Node, side: float) -> Reach:
        if isinstance(node, Sublayer):
            left, right = self.reach_beside(node, side)
            half = self.width(node.add) / 2
            left, right = max(left, half), max(right, half)
            tag = self.tag(node.add)
            left, right = (left, max(right, tag)) if side < 0 else (max(left, tag), right)
            return (left + self.aside, right) if side < 0 else (left, right + self.aside)
        if isinstance(node, Fork):
            total = max(self.fork_width(node, side) / 2, self.tag(node.join))
            return total, total
        if isinstance(node, Heads):
            return self.places_of_heads(node, side)[1]
        if isinstance(node, Framed):
            left, right = self.framed(node, side)
            beside = 0.0 if node.said else self.copies
            return (left + beside, right) if side < 0 else (left, right + beside)
        part = node.join if isinstance(node, Sum) else node
        half = max(self.width(part) / 2, 0.0 if isinstance(part, Source) else self.tag(part))
        return half, half

    def framed(self, node: Framed, side: float) -> Reach:
        """How far a frame reaches, without its ×N."""
        left, right = self.reach(node.inner, side)
        # What stands on it keeps clear of the stream on its left.
        said = width_of_text(node.said[:1], node.said[1:], self.font, bold=True) + 1.2 * self.font
        mark = fonts.width(mark_of(node), 1.4 * self.font, bold=True) + 1.2 * self.font
        return max(left + self.pad, said if node.said else 0.0), max(right + self.pad, mark if node.said else 0.0)

    def over(self, node: Framed) -> float:
        """The room for what stands on a frame."""
        mark = 1.9 * self.font if mark_of(node) else 0.0
        return max(height_of_text(node.said[:1], node.said[1:], self.font), mark) if node.said else 0.0

    def head_of(self, node: Framed, x: float, top: float) -> list[Text]:
        """What stands on a frame, from its left."""
        made = lines_of_text(x, top, node.said[:1], node.said[1:], self.font, self.theme, bold=True)
        return [replace(each, anchor="start") for each in made]

    def fork_width(self, node: Fork, side: float) -> float:
        """The width of ways side by side."""
        each = [self.reach(way, side) for way in node.ways]
        return sum(left + right for left, right in each) + 0.8 * self.font * (len(each) - 1)


__all__ = ["Measures", "Reach", "holds_more", "mark_of"]
