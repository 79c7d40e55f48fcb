"""What the colours of a figure mean, under it: swatches of the solids, or arrows where those are coloured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from archscope.diagrams import fonts
from archscope.diagrams.scene import Group, Item, Text, rectangle
from archscope.diagrams.solids import COPIED, solid
from archscope.diagrams.themes import BLOCK
from archscope.diagrams.volumes.form import Form, Solid, Way
from archscope.diagrams.volumes.paint import Paint, line_of


@dataclass(frozen=True)
class Entry:
    """A sign and its words: an arrow, a swatch with the end of its box, an arrow to a swatch, or a sign in a circle."""

    words: str
    family: str = ""
    way: Way | None = None
    sign: str = ""
    banded: bool = False


_SPARE = 0.08
"""Words are so much wider in Computer Modern than in Helvetica; TikZ may set them in it."""

WAYS: tuple[Way, ...] = ("convolution", "pointwise", "pooling", "upsampling", "copy", "dense")


def entries(form: Form, *, colored: bool, windows: bool) -> list[Entry]:
    """What a legend says; ``windows`` stand under the boxes."""
    return list(_ways(form, windows=windows)) if colored else list(_families(form))


def _ways(form: Form, *, windows: bool) -> Iterator[Entry]:
    solids = form.by_id
    for way in WAYS:
        arrows = [arrow for arrow in form.arrows if arrow.way == way]
        if arrows:
            targets = [solids[arrow.target] for arrow in arrows]
            boxes = dict.fromkeys((each.family, each.banded) for each in targets if not each.sign)
            family, banded = next(iter(boxes)) if len(boxes) == 1 else ("", False)
            if way == "copy":
                family, banded = COPIED, False
            said = _said_of(way, targets, {arrow.told for arrow in arrows})
            yield Entry(said + UNDER if windows and said == way == "convolution" else said, family, way, banded=banded)
    yield from _closed([each for each in form.solids if each.is_block])


def _said_of(way: Way, targets: list[Solid], told: set[str]) -> str:
    """What arrows of a kind stand for."""
    if way == "copy":
        return "copy and crop" if told == {"crop"} else "copy"
    if way == "upsampling" and any(each.sign for each in targets):
        return " or ".join(sorted(told)) or "up-sampling"
    labels = list(dict.fromkeys(_does(each) for each in targets))
    windows = list(dict.fromkeys(each.rows[0].node.layer.label for each in targets))
    if len(labels) > 1 and len(windows) == 1:
        labels = windows
    words = labels[0] if len(labels) == 1 else _VARIOUS.get(way, " or ".join(labels[:3]))
    opens = way == "upsampling" and all(each.rows[0].node.layer.kernel for each in targets)
    return f"{words}, a point opens to a window" if opens else words or "up-sampling"


_VARIOUS: dict[Way, str] = {"convolution": "convolution", "pooling": "pooling"}
"""What is said where not all do the same."""

UNDER: Final = ", window under its maps"
"""What is said of those whose windows differ, where each has its own."""


def _does(each: Solid) -> str:
    """What a solid's layers do, without what joins copies to them."""
    labels = []
    for row in each.rows:
        if row.node.layer.symbol:
            break
        if row.node.layer.family not in ("axes", "shape"):
            labels.append(row.node.layer.label)
    return " · ".join(labels)


def _families(form: Form) -> Iterator[Entry]:
    shown = [each for each in form.solids if not each.sign]
    dense = all(each.rows[0].node.layer.family == "dense" for each in shown if each.family == "softmax")
    for family, words in (
        ("convolution", "convolution"), ("pooling", "pooling"), ("upsampling", "up-sampling"), ("dense", "dense"),
        ("softmax", "dense · softmax" if dense else "softmax"),
        ("normalization", "normalization"), ("activation", "activation"), ("sequence", "sequence"),
        ("merge", "maps side by side"),
    ):  # fmt: skip
        members = [each for each in shown if each.family == family]
        if any(not each.banded for each in members):
            yield Entry(words, family)
        if any(each.banded for each in members):
            told = dict.fromkeys(_after(each) for each in members if each.banded)
            after = f" · {' or '.join(told)}" if len(told) < 3 else " and activation"
            yield Entry(words + after, family, banded=True)
    yield from _closed([each for each in shown if each.is_block])
    signs = dict.fromkeys((each.sign, _does_then(each)) for each in form.solids if each.sign)
    for sign, words in signs:
        yield Entry(words, sign=sign)


def _closed(blocks: list[Solid]) -> Iterator[Entry]:
    if blocks:
        yield Entry(_blocks(blocks), BLOCK)


def _does_then(each: Solid) -> str:
    """What a sign stands for, and what follows it."""
    return " · ".join(row.node.layer.label for row in each.rows if row.node.layer.family not in ("axes", "shape"))


def _blocks(blocks: list[Solid]) -> str:
    if any(each.grows[1] for each in blocks):
        return "block; a strip for what each layer in it adds"
    if any(each.parts for each in blocks):
        return f"block; a strip for each branch{_branches(blocks)}"
    if all(each.around for each in blocks):
        return "block with a skip connection"
    return "block; under an arc, with a skip connection" if any(each.around for each in blocks) else "block"


def _branches(blocks: list[Solid]) -> str:
    """The last windows of the branches, where they are the same in all blocks."""
    told = set()
    for each in blocks:
        if each.parts:
            join = next(row for row in reversed(each.rows) if row.node.layer.symbol)
            told.add(tuple(_window(each, ref.node) for ref in join.node.inputs))
    words = told.pop() if len(told) == 1 else ()
    return f": {', '.join(words)}" if words and all(words) else ""


def _window(each: Solid, name: str) -> str:
    """The window of the layer that a branch ends with, through the activations after it."""
    rows = {row.name: row for row in each.rows}
    while name in rows:
        row = rows[name]
        if row.kernel is not None:
            before = rows.get(row.node.inputs[0].node)
            pooled = before is not None and before.node.layer.family == "pooling"
            return f"{row.node.layer.label.removeprefix('conv ')}{' of the pool' if pooled else ''}"
        name = row.node.inputs[0].node
    return ""


def _after(each: Solid) -> str:
    ends = (row for row in each.rows[1:] if row.node.layer.family in ("normalization", "activation"))
    return " · ".join(row.node.layer.label for row in ends)


def legend(paint: Paint, told: list[Entry], left: float, right: float, y: float) -> list[Item]:
    """The legend from left to right, in as many lines as it takes."""
    size = paint.cells.small
    items: list[Item] = []
    for entry, x, at, sign in _placed(paint, told, left, right, y):
        words = Text(x + sign + 0.5 * size, at + 0.35 * size, entry.words, size, fill=paint.theme.text)
        items.append(Group("part", (*_sign(paint, entry, x, at, sign), words), entry.words))
    return items


def reach(paint: Paint, told: list[Entry], left: float, right: float, y: float) -> Iterator[float]:
    """Where the entries of the legend end, without drawing them."""
    size = paint.cells.small
    for entry, _, at, _ in _placed(paint, told, left, right, y):
        yield line_of(at + 0.35 * size, size)[1]
        if entry.sign:
            yield at + paint.cells.radius


def _placed(
    paint: Paint, told: list[Entry], left: float, right: float, y: float
) -> Iterator[tuple[Entry, float, float, float]]:
    """Each entry with its place, and the width of its sign."""
    size = paint.cells.small
    x = left
    for entry in told:
        sign = _wide(entry, size, 2 * paint.cells.radius)
        wide = sign + 0.5 * size + (1 + _SPARE) * fonts.width(entry.words, size)
        if x > left and x + wide > right:
            x, y = left, y + 1.7 * size
        yield entry, x, y, sign
        x += wide + 1.6 * size


def _wide(entry: Entry, size: float, circle: float) -> float:
    """The width of what stands before the words."""
    arrow = 0.0 if entry.way is None else 2.6 * size
    return arrow + (circle if entry.sign else size if entry.family else 0.0)


def _sign(paint: Paint, entry: Entry, x: float, y: float, wide: float) -> Iterator[Item]:
    side = paint.cells.small
    if entry.way is not None:
        yield from paint.arrow(entry.way, [(x, y), (x + 2.6 * side, y)])
    if entry.sign:
        yield from paint.sign(entry.sign, "merge", x + wide / 2, y)
    elif entry.family:
        yield from _swatch(paint, entry, x + wide - side, y - side / 2, side)


def _swatch(paint: Paint, entry: Entry, x: float, y: float, side: float) -> Iterator[Item]:
    shade = solid(paint.theme, entry.family)
    if paint.request.color != "family" or not paint.request.keys:  # the boxes have colours of another meaning
        yield rectangle(x, y, side, side, fill=paint.theme.background, stroke=paint.theme.line)
        return
    yield rectangle(x, y, side, side, fill=shade.fill, stroke=shade.stroke)
    part = 0.6 * side if entry.banded else side
    yield from paint.hatch(entry.family, (x, y, x + part, y + side))
    if entry.banded:
        yield rectangle(x + part, y, side - part, side, fill=paint.end_of(entry.family), stroke=shade.stroke)


def widest(told: list[Entry], size: float) -> float:
    """The width of the widest entry."""
    return max((fonts.width(each.words, size) + _wide(each, size, 1.5 * size) + 0.5 * size for each in told),
               default=0.0)  # fmt: skip
