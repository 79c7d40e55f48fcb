"""What the colours of a figure mean, under it: swatches of the solids, or arrows where those are coloured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archscope.diagrams import fonts
from archscope.diagrams.scene import Group, Item, Text, rectangle
from archscope.diagrams.solids import BAND, solid
from archscope.diagrams.volumes.form import Form, Solid, Way
from archscope.diagrams.volumes.paint import Paint


@dataclass(frozen=True)
class Entry:
    """A sign and its words."""

    words: str
    family: str = ""
    way: Way = "plain"
    sign: str = ""


_SPARE = 0.08
"""Words are so much wider in Computer Modern than in Helvetica; TikZ may set them in it."""

WAYS: tuple[Way, ...] = ("convolution", "pointwise", "pooling", "upsampling", "copy", "dense")


def entries(form: Form, *, colored: bool) -> list[Entry]:
    """What a legend says."""
    return list(_ways(form)) if colored else list(_families(form))


def _ways(form: Form) -> Iterator[Entry]:
    solids = form.by_id
    for way in WAYS:
        targets = [solids[arrow.target] for arrow in form.arrows if arrow.way == way]
        told = {arrow.told for arrow in form.arrows if arrow.way == way}
        if not targets:
            continue
        labels = list(dict.fromkeys(_does(each) for each in targets))
        if way == "copy":
            words = "copy and crop" if told == {"crop"} else "copy"
        elif way == "upsampling" and any(each.sign for each in targets):
            words = " or ".join(sorted(told)) or "up-sampling"
        else:
            words = " or ".join(labels[:3]) if len(labels) <= 3 else {"convolution": "convolution"}.get(way, labels[0])
        if way == "upsampling" and not any(each.sign for each in targets):
            words += ", a point opens to a window"
        yield Entry(words, way=way)


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
    families = {each.family for each in shown}
    convs = [each for each in shown if each.family == "convolution"]
    if any(not each.banded for each in convs):
        yield Entry("convolution", "convolution")
    if any(each.banded for each in convs):
        told = dict.fromkeys(_after(each) for each in convs if each.banded)
        yield Entry(f"convolution · {' or '.join(told)}" if len(told) < 3 else "convolution and activation", BAND)
    dense = all(each.rows[0].node.layer.family == "dense" for each in shown if each.family == "softmax")
    for family, words in (
        ("pooling", "pooling"), ("upsampling", "up-sampling"), ("dense", "dense"),
        ("softmax", "dense · softmax" if dense else "softmax"),
        ("normalization", "normalization"), ("activation", "activation"), ("sequence", "sequence"),
        ("merge", "maps side by side"),
    ):  # fmt: skip
        if family in families:
            yield Entry(words, family)
    blocks = [each for each in shown if each.is_block]
    if blocks:
        yield Entry(_blocks(blocks), "block")
    signs = dict.fromkeys((each.sign, _does_then(each)) for each in form.solids if each.sign)
    for sign, words in signs:
        yield Entry(words, sign=sign)


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
    x = left
    for entry in told:
        sign = 1.0 * size if entry.family else 2 * paint.cells.radius if entry.sign else 2.6 * size
        wide = sign + 0.5 * size + (1 + _SPARE) * fonts.width(entry.words, size)
        if x > left and x + wide > right:
            x, y = left, y + 1.7 * size
        words = Text(x + sign + 0.5 * size, y + 0.35 * size, entry.words, size, fill=paint.theme.text)
        items.append(Group("part", (*_sign(paint, entry, x, y, sign), words), entry.words))
        x += wide + 1.6 * size
    return items


def _sign(paint: Paint, entry: Entry, x: float, y: float, wide: float) -> Iterator[Item]:
    if entry.sign:
        yield from paint.sign(entry.sign, "merge", x + wide / 2, y)
        return
    if not entry.family:
        yield from paint.arrow(entry.way, [(x, y), (x + wide, y)])
        return
    family = "convolution" if entry.family == BAND else entry.family
    shade = solid(paint.theme, family)
    yield rectangle(x, y - wide / 2, wide, wide, fill=shade.fill, stroke=shade.stroke)
    if entry.family == BAND:
        band = solid(paint.theme, BAND)
        yield rectangle(x + 0.6 * wide, y - wide / 2, 0.4 * wide, wide, fill=band.fill, stroke=band.stroke)


def widest(told: list[Entry], size: float) -> float:
    """The width of the widest entry."""
    return max((fonts.width(each.words, size) + 3.1 * size for each in told), default=0.0)
