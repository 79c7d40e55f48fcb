"""One stack of a figure, drawn from its input upward: frames behind, then lines, then blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archscope.diagrams.scene import Group, Item, Point, Text
from archscope.diagrams.transformer import shapes
from archscope.diagrams.transformer.blocks import block
from archscope.diagrams.transformer.measures import Measures, holds_more, mark_of
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
    name_of,
    parts_of,
)
from archscope.diagrams.transformer.roles import tables_of
from archscope.diagrams.transformer.stream import Source
from archscope.diagrams.transformer.wording import memory_of


@dataclass(frozen=True)
class Came:
    """What comes to a place from below: from which block, and the way so far. No way: nothing comes."""

    name: str
    way: tuple[Point, ...]

    def on(self, *points: Point) -> Came:
        """Further on."""
        return replace(self, way=(*self.way, *points))

    @property
    def y(self) -> float:
        """Where it is."""
        return self.way[-1][1]


class Stack:
    """Draws upward, so ``y`` gets smaller."""

    def __init__(self, model: Model, measures: Measures, x: float, side: float) -> None:
        self.model = model
        self.measures = measures
        self.x = x
        self.side = side
        self.frames: list[Item] = []
        self.blocks: list[Item] = []
        self.top = Came("", ())
        self._lines: dict[tuple[str, str], list[Item]] = {}
        self._reading: list[tuple[Part, Point, Point]] = []
        self._taken = {-1.0: 0.0, 1.0: 0.0}
        self._main = 0.0
        self._beside = (0.0, 0.0)
        self._places = 0
        self._above = 0.0
        self._under_frame = False
        self._least = x
        self._most = x
        self._ends: list[Came] = []

    def draw(self, nodes: Sequence[Node]) -> None:
        """All of it."""
        rows = self.measures.rows(nodes)
        self._beside = self.measures.beside(nodes, self.side)
        came = self._row_in(rows.before) if rows.before else Came("", ((self.x, 0.0),))
        came = self._series(rows.stream, self.x, came)
        self._under_frame = bool(rows.stream) and isinstance(rows.stream[-1], Framed)
        self.top = self._row_on(rows.after, came) if rows.after else came
        self._led_out(along=bool(rows.after))

    def _row_in(self, parts: Sequence[Part | Source]) -> Came:
        """A row from outside to the foot of the stream."""
        m = self.measures
        far = self.x + self.side * m.row(parts)
        came = Came("", ())
        for part in parts:
            came = self._in_row(part, came, far, 0.0, -self.side)
            far -= self.side * (m.width(part) + m.near)
        top = -max(m.height(part) for part in parts) / 2
        self._taken[self.side] = top
        return came.on((self.x, 0.0), (self.x, top))

    def _row_on(self, parts: Sequence[Part], came: Came) -> Came:
        """A row from the upper end of the stream to the right."""
        m = self.measures
        framed = 0.6 * m.font if self._under_frame else 0.0
        level = came.y - framed - m.gap - max(m.height(part) for part in parts) / 2
        came = came.on((self.x, level))
        at = self.x + m.near
        for part in parts:
            came = self._in_row(part, came, at, level, 1.0)
            at += m.width(part) + m.near
        return came

    def _in_row(self, part: Part | Source, came: Came, edge: float, level: float, way: float) -> Came:
        """A block of a row, of which the edge that is reached first is known; ``way`` is 1 to the right."""
        m = self.measures
        if came.name:
            self._join(came, part, [(edge, level)])
        wide = m.width(part)
        placed = self._placed(part, edge + way * wide / 2, level + m.height(part) / 2)
        return Came(placed.name, ((edge + way * wide, level),))

    def edges(self) -> list[Item]:
        """The lines between blocks, those of one pair together."""
        return [
            Group("edge", tuple(items), f"{source} to {target}", source=source, target=target)
            for (source, target), items in self._lines.items()
        ]

    def _join(self, came: Came, target: Part | Source, points: Sequence[Point], *, head: bool = True) -> None:
        """A line from what comes to a block."""
        if not came.name:
            return
        m = self.measures
        items = shapes.arrow([*came.way, *points], m.font, m.theme, radius=m.corner, head=head)
        self._lines.setdefault((came.name, name_of(target)), []).extend(items)

    def _series(self, nodes: Sequence[Node], x: float, came: Came) -> Came:
        for node in nodes:
            if x == self.x and not isinstance(node, Sum):
                clear = min(came.y, *self._taken.values())
                came = came.on((x, clear)) if came.name else came
            came = self._node(node, x, came)
            if x == self.x and not isinstance(node, Sum):
                self._main = came.y
        return came

    def _node(self, node: Node, x: float, came: Came) -> Came:
        if isinstance(node, Sublayer):
            return self._sublayer(node, x, came)
        if isinstance(node, Fork):
            return self._fork(node, x, came)
        if isinstance(node, Sum):
            return self._sum(node, x, came)
        if isinstance(node, Framed):
            return self._framed(node, x, came)
        if isinstance(node, Heads):
            return self._heads(node, x, came)
        return self._part(node, x, came)

    def _part(self, part: Part | Source, x: float, came: Came) -> Came:
        m = self.measures
        attends = isinstance(part, Part) and part.role == "attention"
        gap = m.gap if came.name else 0.0
        if attends:
            gap = max(gap, m.fork) + (0.9 * m.font if memory_of(part, self.model) else 0.0)  # type: ignore[arg-type]
        if isinstance(part, Part) and part.role == "positions" and tables_of(part.head):
            gap = max(gap, 0.5 * m.gap + m.out_to_places(part)[1] / 2 - m.radius)
        bottom = came.y - gap
        if isinstance(part, Part) and attends:
            self._queries(part, x, bottom, came)
        else:
            self._join(came, part, [(x, bottom)])
        return self._placed(part, x, bottom)

    def _placed(self, part: Part | Source, x: float, bottom: float, *, tagged: float | None = None) -> Came:
        """Draw a block on its lower border, what a circle costs on its ``tagged`` side; what comes out of it."""
        m = self.measures
        wide, tall = m.width(part), m.height(part)
        self._reach(x - wide / 2, x + wide / 2)
        tagged = -self.side if tagged is None else tagged
        tag = 0.0 if isinstance(part, Source) else m.tag(part)
        self._reach(x - (tag if tagged < 0 else 0.0), x + (tag if tagged >= 0 else 0.0))
        if isinstance(part, Part) and part.role == "positions":
            told = m.out_to_places(part)[1]
            self._above = told / 2 - m.radius + 0.17 * m.font
            if tables_of(part.head):
                self._taken[self._outward] = bottom - m.radius - told / 2
        self.blocks.append(block(part, m, (x - wide / 2, bottom - tall), outward=self._outward, tagged=tagged))
        return Came(name_of(part), ((x, bottom - tall),))

    @property
    def _outward(self) -> float:
        """The side on which the sine of the places stands."""
        return self.measures.sine(self.side)

    def _reach(self, left: float, right: float) -> None:
        self._least, self._most = min(self._least, left), max(self._most, right)

    def _queries(self, part: Part, x: float, bottom: float, came: Came) -> None:
        """Values, keys and queries: three arrows, of which the other stack may send two."""
        m = self.measures
        apart = 0.3 * m.width(part)
        if memory_of(part, self.model):
            low, high = bottom + m.fork * 0.95, bottom + m.fork * 0.62
            away = -self.side
            self._join(came, part, [(x, low), (x - away * apart, low), (x - away * apart, bottom)])
            self._reading += [(part, (x, high), (x, bottom)),
                              (part, (x + away * apart, high), (x + away * apart, bottom))]  # fmt: skip
            letters = {away * apart: "V", 0.0: "K", -away * apart: "Q"}
        else:
            fork = bottom + m.fork * 0.72
            for at in (-apart, 0.0, apart):
                self._join(came, part, [(x, fork), (x + at, fork), (x + at, bottom)])
            letters = {-apart: "V", 0.0: "K", apart: "Q"}
        size = 0.76 * m.font
        self.frames += [
            Text(x + at - 0.4 * m.font, bottom + 0.72 * m.font, letter, size, anchor="end", fill=m.theme.muted)
            for at, letter in letters.items()
        ]

    def _sublayer(self, node: Sublayer, x: float, came: Came) -> Came:
        m = self.measures
        split = came.on((x, came.y - 0.75 * m.lead)) if came.name else came
        start = split.y
        inside = self._series(node.inner, x, split)
        half = m.width(node.add) / 2
        reach = m.reach_beside(node, self.side) if x != self.x or holds_more(node) else self._beside
        far = x + self.side * (max(reach[0] if self.side < 0 else reach[1], half) + 0.75 * m.aside)
        self._reach(min(far, x), max(far, x))
        bottom = inside.y - m.gap
        middle = bottom - m.height(node.add) / 2
        self._join(inside, node.add, [(x, bottom)])
        if not came.name:
            return self._placed(node.add, x, bottom)
        self._join(Came(came.name, ((x, start),)), node.add,
                   [(far, start), (far, middle), (x + self.side * half, middle)])  # fmt: skip
        return self._placed(node.add, x, bottom)

    def _fork(self, node: Fork, x: float, came: Came) -> Came:
        m = self.measures
        level = came.y - 0.6 * m.lead
        at = x - m.fork_width(node, self.side) / 2
        tops: list[Came] = []
        for way in node.ways:
            left, right = m.reach(way, self.side)
            middle = at + left
            tops.append(self._series(way, middle, came.on((x, level), (middle, level))))
            at += left + right + 0.8 * m.font
        top = min(each.y for each in tops)
        bottom = top - m.gap * 0.7
        middle = bottom - m.height(node.join) / 2
        half = m.width(node.join) / 2
        for each in tops:
            end = each.way[-1][0]
            if abs(end - x) <= half:
                self._join(each, node.join, [(end, bottom)])
            else:
                self._join(each, node.join, [(end, middle), (x + (half if end > x else -half), middle)])
        return self._placed(node.join, x, bottom, tagged=0.0)

    def _sum(self, node: Sum, x: float, came: Came) -> Came:
        """An addition, or a concatenation, with what comes to it from beside."""
        m = self.measures
        half = m.height(node.join) / 2
        middle = came.y - m.gap - half
        brought: list[tuple[Came, float, float]] = []
        for way in node.sides:
            side = m.side_of(self._places, self.side)
            self._places += 1
            wide = max(m.width(part) for each in way for part in parts_of(each))
            at = x + side * (m.away(way) - wide / 2)
            if len(way) > 1:
                end = self._series(way, at, Came("", ((at, 0.0),)))
                middle = min(middle, end.y - 0.7 * m.gap)
                brought.append((end, side, 0.0))
            else:
                tall = m.height(last_of(way[0]))
                middle = min(middle, min(self._main, self._taken[side]) - 0.5 * m.gap - tall / 2)
                brought.append((Came("", ((at, tall),)), side, tall))
        taken = {side for _, side, _ in brought}
        tagged = -taken.pop() if len(taken) == 1 else 0.0
        told = shapes.height_of_text((), m.price(node.join), m.font) / 2
        if told and tagged:
            middle = min(middle, self._taken[tagged] - 0.3 * m.font - told)
            self._taken[tagged] = middle - told
        self._join(came, node.join, [(x, middle + half)])
        for way, (end, side, tall) in zip(node.sides, brought, strict=True):
            if tall:
                at = end.way[0][0]
                last = last_of(way[0])
                placed = self._placed(last, at, middle + tall / 2)
                end = Came(placed.name, ((at - side * m.width(last) / 2, middle),))
                self._taken[side] = placed.y
            else:
                end = end.on((end.way[-1][0], middle))
            self._join(end, node.join, [(x + side * m.width(node.join) / 2, middle)])
        return self._placed(node.join, x, middle + half, tagged=tagged)

    def _framed(self, node: Framed, x: float, came: Came) -> Came:
        m = self.measures
        # However close things are, the lines beside a circle of positions keep clear of the frame.
        clear = max(0.55 * m.gap, 0.75 * m.font, self._above)
        bottom = came.y - clear if came.name else came.y + 0.6 * m.font
        inside = came.on((x, bottom)) if came.name else came
        at = len(self.frames)
        end = self._series(node.inner, x, inside)
        top = end.y - 0.6 * m.font - m.over(node)
        left, right = m.framed(node, self.side)
        left, right = x - left, x + right
        frame = shapes.rounded(left, top, right - left, bottom - top, 0.9 * m.font, fill=m.theme.band,
                               stroke=m.theme.frame, line_width=1.0)  # fmt: skip
        size = 1.4 * m.font
        edge, anchor = (left - 0.5 * m.font, "end") if self.side < 0 else (right + 0.5 * m.font, "start")
        foot = (top + bottom) / 2 + 0.35 * size
        if node.said:  # a frame with a head has ×N in it
            edge, anchor, foot = right - 0.6 * m.font, "end", top + 0.4 * m.font + 0.85 * size
        mark = Text(edge, foot, mark_of(node), size, bold=True, anchor=anchor, fill=m.theme.text)  # type: ignore[arg-type]
        told = m.head_of(node, left + 0.6 * m.font, top + 0.4 * m.font)
        marks = (mark,) if mark_of(node) else ()
        title = f"{node.run.label} {mark_of(node)}".rstrip()
        self.frames.insert(at, Group("frame", (frame, *told, *marks), title=title))
        beside = 0.0 if node.said else m.copies
        self._reach(left if self.side > 0 else left - beside, right if self.side < 0 else right + beside)
        return end.on((x, top)) if node.said else end

    def _heads(self, node: Heads, x: float, came: Came) -> Came:
        """Ways side by side to the outputs; what comes to them is what the other stack reads."""
        m = self.measures
        level = came.y - m.lead - 0.6 * m.font
        for way, at in zip(node.ways, m.places_of_heads(node, self.side)[0], strict=True):
            end = self._series(way, x + at, came.on((x, level), (x + at, level)))
            if not (way and isinstance(way[-1], Heads)):
                self._ends.append(end)
        return came

    def bring(self, top: Came) -> None:
        """Bring what the other stack makes to all that read it, through the channel between the stacks."""
        m = self.measures
        channel = self._least - 0.5 * m.channel
        high = top.y - m.lead
        for part, (x, level), (_, bottom) in self._reading:
            way = [(top.way[-1][0], high), (channel, high), (channel, level), (x, level), (x, bottom)]
            self._join(Came(top.name, (top.way[-1],)), part, way)

    def _led_out(self, *, along: bool) -> None:
        """An arrow from each block at an end that gives an output; all end at one height."""
        m = self.measures
        names = {name_of(part): part for part in self.model.ends}
        ends = [each for each in self._ends or [self.top] if each.name in names]
        height = min((each.y for each in ends), default=0.0) - 1.3 * m.gap
        for each in ends:
            words = m.words_of_end(names[each.name])
            label, shown = words.title, words.below
            tall, wide = shapes.height_of_text(label, shown, m.font), shapes.width_of_text(label, shown, m.font)
            x, y = each.way[-1]
            if along:
                end = (x + m.near, y)
                middle, top = end[0] + 0.3 * m.font + wide / 2, end[1] - tall / 2
            else:
                end = (x, height)
                middle, top = x, height - tall - 0.1 * m.font
            items = shapes.lines_of_text(middle, top, label, shown, m.font, m.theme)
            self._reach(middle - wide / 2, middle + wide / 2)
            self.blocks.append(Group("part", tuple(items), title=m.title_of_end(names[each.name])))
            lines = shapes.arrow([*each.way, end], m.font, m.theme, radius=m.corner)
            self._lines.setdefault((each.name, label[0]), []).extend(lines)
