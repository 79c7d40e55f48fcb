"""One block of a figure, as a group of its display list."""

from __future__ import annotations

from dataclasses import replace

from archscope.diagrams.scene import HAIRLINE, Group, Item, Point, Text, circle, line, rectangle
from archscope.diagrams.themes import INPUT
from archscope.diagrams.transformer import shapes
from archscope.diagrams.transformer.measures import Measures
from archscope.diagrams.transformer.model import Part
from archscope.diagrams.transformer.roles import tables_of
from archscope.diagrams.transformer.stream import Source
from archscope.diagrams.transformer.wording import experts_of, is_image
from archscope.layers.base import spell_shape


def block(part: Part | Source, measures: Measures, corner: Point, *, outward: float, tagged: float) -> Group:
    """A block at its top left corner; the sine of places stands ``outward`` of its circle.

    What a circle costs is ``tagged`` to its right or to its left, or at 0 to the right of the line that leaves it.
    """
    if isinstance(part, Source):
        return _source(part, measures, corner)
    if part.role == "positions":
        items = _positions(part, measures, corner, outward)
    elif measures.is_circle(part):
        items = _circle(part, measures, corner, tagged)
    else:
        items = _box(part, measures, corner)
    return Group("layer", tuple(items), title=_told(part), layers=part.layers,
                 own=tuple(piece.name for piece in part.pieces))  # fmt: skip


def _told(part: Part) -> str:
    row = part.head.row
    each, once = part.parameters
    numbers = f", {each:,} parameters" if each else ""
    times = f", {part.copies} times" if part.copies > 1 else ""
    others = f"; with {', '.join(piece.name for piece in part.pieces[1:])}" if len(part.pieces) > 1 else ""
    shared = f"; {once:,} parameters for all of them" if once else ""
    return f"{row.name}: {row.label}, output {spell_shape(row.output)}{numbers}{times}{shared}{others}"


def _source(part: Source, measures: Measures, corner: Point) -> Group:
    x, y = corner
    m = measures
    words = m.words(part)
    wide, tall = m.width(part), m.height(part)
    shade = m.theme.shade(INPUT)
    items: list[Item] = [
        shapes.rounded(x, y, wide, tall, 0.45 * m.font, fill=m.theme.background, stroke=shade.stroke),
    ]
    middle = x + wide / 2
    if is_image(part, m.model):
        side = min(tall - 1.8 * m.margin, 2.4 * m.font)
        left, aside = (0.45, 0.0) if m.tight else (0.8, 0.1)
        items += shapes.patches(x + left * m.font, y + (tall - side) / 2, side, 4, m.theme)
        middle += m.icon / 2 - aside * m.font
    items += shapes.lines_of_text(middle, y + m.margin, words.title, words.below, m.font, m.theme)
    shape = m.model.analysis.network.inputs[part.name]
    return Group("layer", tuple(items), title=f"{part.name}: {spell_shape(shape)}", layers=(part.name,))


def _circle(part: Part, measures: Measures, corner: Point, tagged: float) -> list[Item]:
    m = measures
    x, y = corner[0] + m.radius, corner[1] + m.radius
    symbol = part.head.layer.symbol
    return [
        circle(x, y, m.radius, fill=m.theme.background, stroke=m.theme.line, width=1.3 * HAIRLINE),
        *shapes.sign(symbol, x, y, m.radius, m.font, m.theme.line),
        *_tag(part, m, (x, y), tagged),
    ]


def _tag(part: Part, m: Measures, middle: Point, tagged: float) -> list[Item]:
    """What a circle costs, where its colour says it."""
    said = m.price(part, lines=2 if tagged else 1)
    tall = shapes.height_of_text((), said, m.font)
    x, y = middle
    edge = x + tagged * (m.radius + 0.4 * m.font) if tagged else x + 0.4 * m.font
    top = y - tall / 2 if tagged else y - m.radius - 0.1 * m.font - tall
    return [
        replace(each, x=edge, anchor="end" if tagged < 0 else "start")
        for each in shapes.lines_of_text(edge, top, (), said, m.font, m.theme)
    ]


def _positions(part: Part, measures: Measures, corner: Point, outward: float) -> list[Item]:
    """The sign of addition on the stream, and the sine that comes to it from beside."""
    m = measures
    x, y = corner[0] + m.radius, corner[1] + m.radius
    if tables_of(part.head):
        return _table_of_positions(part, m, (x, y), outward)
    radius = 1.1 * m.radius
    far = x + outward * (m.radius + 1.6 * m.font + radius)
    words, price = m.words(part).title, m.request.price(part.layers, part.copies)
    edge = far + outward * (radius + 0.4 * m.font)
    tall = shapes.height_of_text(words, price, m.font)
    texts = [
        Text(edge, each.y, each.string, each.size, anchor="start" if outward > 0 else "end", fill=each.fill)
        for each in shapes.lines_of_text(edge, y - tall / 2, words, price, m.font, m.theme)
    ]
    return [
        *shapes.arrow([(far - outward * radius, y), (x + outward * m.radius, y)], m.font, m.theme),
        circle(x, y, m.radius, fill=m.theme.background, stroke=m.theme.line, width=1.3 * HAIRLINE),
        *shapes.sign("+", x, y, m.radius, m.font, m.theme.line),
        *shapes.sine(far, y, radius, m.theme),
        *texts,
    ]


def _table_of_positions(part: Part, measures: Measures, middle: Point, outward: float) -> list[Item]:
    """The sign of addition on the stream, and the table that comes to it from beside."""
    m = measures
    (x, y), (far, tall), wide = middle, m.out_to_places(part), m.needed(part)
    near = far - wide
    shade = shapes.shade_of("learned", m.theme)
    words = m.words(part)
    left = x + near if outward > 0 else x - far
    return [
        *shapes.arrow([(x + outward * near, y), (x + outward * m.radius, y)], m.font, m.theme),
        circle(x, y, m.radius, fill=m.theme.background, stroke=m.theme.line, width=1.3 * HAIRLINE),
        *shapes.sign("+", x, y, m.radius, m.font, m.theme.line),
        shapes.rounded(left, y - tall / 2, wide, tall, 0.45 * m.font, fill=shade.fill, stroke=shade.stroke),
        *shapes.lines_of_text(left + wide / 2, y - tall / 2 + m.margin, words.title, words.below, m.font, m.theme),
    ]


def _box(part: Part, measures: Measures, corner: Point) -> list[Item]:
    m = measures
    (x, y), wide, tall = corner, m.width(part), m.height(part)
    shade = shapes.shade_of(part.role, m.theme)
    words = m.words(part)
    items: list[Item] = [shapes.rounded(x, y, wide, tall, 0.45 * m.font, fill=shade.fill, stroke=shade.stroke)]
    known = experts_of(part) if part.role == "experts" else None
    if known is not None:
        items += _experts(known[0], known[1], m, (x + wide / 2, y + tall - m.margin), shade.stroke)
    items += shapes.lines_of_text(x + wide / 2, y + m.margin, words.title, words.below, m.font, m.theme)
    return items


def _experts(held: int, active: int, measures: Measures, foot: Point, stroke: str) -> list[Item]:
    """A router and the experts above it; lines go to those that it chooses for one position, dashes to the rest."""
    m = measures
    x, bottom = foot
    shown = min(held, 8)
    wide, high, pitch = 1.5 * m.font, 1.35 * m.font, 1.9 * m.font
    box, tall = 5.2 * m.font, 1.4 * m.font
    top = bottom - tall
    upper = top - 1.5 * m.font
    items: list[Item] = [
        shapes.rounded(x - box / 2, top, box, tall, 0.35 * m.font, fill=m.theme.background, stroke=stroke),
        Text(x, top + tall / 2 + 0.3 * m.font, "Router", 0.85 * m.font, anchor="middle", fill=m.theme.text),
    ]
    chosen = _chosen(shown, min(active, shown))
    for number in range(shown):
        at = x + (number - (shown - 1) / 2) * pitch
        runs = number in chosen
        start = x + (number - (shown - 1) / 2) * 0.8 * box / shown
        items.append(line((start, top), (at, upper), stroke=stroke, width=1.6 * HAIRLINE if runs else 0.7 * HAIRLINE,
                          dash=() if runs else (1.5, 1.2)))  # fmt: skip
        last = number == shown - 1
        label = str(held) if last else "…" if held > shown and number == shown - 2 else str(number + 1)
        items.append(rectangle(at - wide / 2, upper - high, wide, high, stroke=stroke,
                               fill=m.theme.patch if runs else m.theme.background,
                               line_width=1.6 * HAIRLINE if runs else HAIRLINE))  # fmt: skip
        items.append(Text(at, upper - high / 2 + 0.27 * m.font, label, 0.75 * m.font, anchor="middle",
                          fill=m.theme.text))  # fmt: skip
    return items


def _chosen(shown: int, active: int) -> set[int]:
    """Which of the experts that are drawn are drawn as chosen: spread, as a router's choice is."""
    return (
        {1 + number * max(1, (shown - 2) // max(active, 1)) for number in range(active)}
        if active < shown
        else set(range(shown))
    )


__all__ = ["block"]
