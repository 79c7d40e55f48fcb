"""Two networks as they are drawn, one picture beside or below the other, with what differs in colour and numbered.

`archscope.diagrams.side_by_side` lists the layers of chains; where ways part, a list would not show how the layers are
joined, and the pictures stand here themselves. What is alike is grey. A number at a layer is that of the difference in
the list that `archscope diff` prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams import cost, dressing, fonts
from archscope.diagrams.chain import NotAChainError, chain, has_weights
from archscope.diagrams.choosing import choose
from archscope.diagrams.drawing import Drawing
from archscope.diagrams.request import Request, request
from archscope.diagrams.scene import Group, Item, Path, Polygon, Scene, Text, bounds, moved, rectangle
from archscope.diagrams.themes import Shade, Theme
from archscope.difference import Difference
from archscope.difference import Item as Told

SHADES: Final = {"alike": "shape", "follows": "normalization", "changed": "activation", "removed": "dense",
                 "added": "pooling"}  # fmt: skip
"""Whose colours a difference has, by its kind."""

MOST: Final = 12
"""So many differences are told under the pictures."""

_SAID: Final = {"alike": "alike", "changed": "differs", "follows": "given something else",
                "removed": "only in the first", "added": "only in the second"}  # fmt: skip


def branches(found: Difference) -> bool:
    """Whether one of the networks is no chain."""
    return any(_branches(each) for each in (found.a, found.b))


def _branches(analysis: Analysis) -> bool:
    try:
        chain(analysis, has_weights)
    except NotAChainError:
        return True
    return False


def scene(found: Difference, theme: Theme) -> Scene:
    """Both pictures, the legend of the colours and the differences in words."""
    styles = {choose(each).style for each in (found.a, found.b)}
    asked = request(style=styles.pop() if len(styles) == 1 else "graph", theme=theme.name)
    asked = replace(asked, keys=False)
    drawn = [_marked(found, side, asked) for side in (0, 1)]
    margin, size = asked.font_size, asked.font_size
    beside = _beside(drawn)
    items: list[Item] = []
    x = y = margin
    for number, (each, name) in enumerate(zip(drawn, found.names, strict=True)):
        middle = x + each.width / 2 if beside else margin + max(one.width for one in drawn) / 2
        heading = Text(middle, y + fonts.ASCENT * 1.2 * size, name, 1.2 * size, bold=True, anchor="middle",
                       fill=theme.text)  # fmt: skip
        aside = middle - each.width / 2
        items.append(heading)
        items += [moved(_called(item, number), aside, y + 2.2 * size) for item in each.items]
        x, y = (x + max(each.width, heading.width) + 3 * size, y) if beside else (x, y + each.height + 3.6 * size)
    _, _, right, bottom = bounds(items)
    below = bottom + 1.5 * size
    told = _told(found, asked, right - margin)
    for part in [_legend(found, drawn, asked), *told]:
        items += [moved(item, margin, below) for item in part]
        below = bounds(items)[3] + 0.7 * size
    left, _, right, bottom = bounds(items)
    aside = max(0.0, margin - left)
    placed = tuple(moved(item, aside, 0.0) for item in items)
    a, b = found.names
    said = "; ".join(_sentence(item, found) for item in found.items) or "nothing differs"
    described = f"{drawn[0].description} {drawn[1].description} What differs: {said}."
    title = f"{a} and {b} side by side"
    return Scene(right + aside + margin, bottom + margin, title, described, placed, theme.background)


def _beside(drawn: Sequence[Scene]) -> bool:
    """Whether the pictures stand beside one another: what comes nearer to a page on its side."""
    one, other = drawn
    wide = (one.width + other.width) / max(one.height, other.height)
    tall = max(one.width, other.width) / (one.height + other.height)
    return max(wide / 1.4, 1.4 / wide) <= max(tall / 1.4, 1.4 / tall)


def _marked(found: Difference, side: int, asked: Request) -> Scene:
    """A network's picture with its differences in colour and numbered."""
    analysis = (found.a, found.b)[side]
    plain = Drawing(analysis, asked).plain
    kinds = _kinds(found, side, analysis)

    def shade(layers: tuple[str, ...]) -> Shade:
        return asked.theme.shade(SHADES[_kind(kinds, layers)])

    shown = cost.repainted(plain, analysis, asked.theme, shade)
    shown = replace(shown, items=tuple(_bold(item, kinds) for item in shown.items))
    named = [
        {name for change in item.changes for name in _nodes((change.a, change.b)[side], analysis)}
        for item in found.items[:MOST]
    ]
    for group in [*shown.groups("layer")]:
        numbers = [str(number) for number, names in enumerate(named, start=1) if names & set(group.layers)]
        if numbers:
            shown = replace(shown, items=(*shown.items, *dressing.mark_at(shown, numbers, group, asked)))
    return shown


def _kinds(found: Difference, side: int, analysis: Analysis) -> Mapping[str, str]:
    """How each node that differs does."""
    kinds: dict[str, str] = {}
    for item in found.items:
        for change in item.changes:
            kind = change.kind if change.kind in SHADES else "changed"
            for name in _nodes((change.a, change.b)[side], analysis):
                if kind != "follows" or name not in kinds:
                    kinds[name] = kind
    return kinds


def _kind(kinds: Mapping[str, str], layers: Sequence[str]) -> str:
    """How what stands for several layers differs: what only one network has is so as a whole, and else in part."""
    found = {kinds.get(name, "alike") for name in layers}
    if len(found) == 1:
        return found.pop()
    return "follows" if found <= {"alike", "follows"} else "changed"


def _nodes(name: str, analysis: Analysis) -> Iterator[str]:
    """The nodes of a layer, or of a block; an input is one too."""
    if name in analysis.network.inputs:
        yield name
    if name:
        for node in analysis.network.nodes:
            if name in (node.name, node.row) or node.name.startswith(f"{name}."):
                yield node.name


def _bold(item: Item, kinds: Mapping[str, str]) -> Item:
    """What differs has a strong outline: colour is never the only sign."""
    if not isinstance(item, Group):
        return item
    if item.kind == "layer" and _kind(kinds, item.layers) != "alike":
        return replace(item, items=tuple(_strong(each) for each in item.items))
    return replace(item, items=tuple(_bold(each, kinds) for each in item.items))


def _strong(item: Item) -> Item:
    if isinstance(item, Group):
        return replace(item, items=tuple(_strong(each) for each in item.items))
    if isinstance(item, Path | Polygon) and item.fill is not None and item.stroke is not None:
        return replace(item, width=2.0 * item.width)
    return item


def _called(item: Item, side: int) -> Item:
    """The names of a picture's layers, told from those of the other's."""
    if not isinstance(item, Group):
        return item
    way = ("left", "right")[side]
    return replace(
        item,
        items=tuple(_called(each, side) for each in item.items),
        layers=tuple(f"{way}:{name}" for name in item.layers),
        source=item.source and f"{way}:{item.source}",
        target=item.target and f"{way}:{item.target}",
    )


def _legend(found: Difference, drawn: Sequence[Scene], asked: Request) -> list[Item]:
    """The colours that are in the pictures, and their words."""
    size, x = asked.font_size, 0.0
    shown: set[str] = set()
    for side, each in enumerate(drawn):
        kinds = _kinds(found, side, (found.a, found.b)[side])
        shown |= {_kind(kinds, group.layers) for group in each.groups("layer")}
    items: list[Item] = []
    for kind in (each for each in SHADES if each in shown):
        shade = asked.theme.shade(SHADES[kind])
        width = 0.6 if kind == "alike" else 1.2
        items.append(rectangle(x, 0.0, size, size, fill=shade.fill, stroke=shade.stroke, line_width=width))
        items.append(Text(x + 1.5 * size, 0.86 * size, _SAID[kind], size, fill=asked.theme.text))
        x += 3.0 * size + fonts.width(_SAID[kind], size)
    return items


def _sentence(item: Told, found: Difference) -> str:
    shown = f"{item.names} → {item.others}" if item.others else item.names
    return f"{shown}: {item.sentence(found.names)}"


def _told(found: Difference, asked: Request, room: float) -> Iterator[list[Item]]:
    """The differences in words, each behind its number."""
    for number, item in enumerate(found.items[:MOST], start=1):
        yield dressing.note(number, _sentence(item, found), room, asked)
    more = len(found.items) - MOST
    if more > 0:
        yield dressing.paragraph_of(f"and {more:,} more, which `archscope diff` tells", room, asked)
