"""What is written in a node of a graph: line 1 its name, line 2 what it is, line 3 its shape and its numbers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import takewhile
from typing import Final

from archscope.analysis import Row
from archscope.diagrams.graph.alike import told_together
from archscope.diagrams.graph.units import is_glue
from archscope.layers.base import spell_count, spell_shape, spell_shapes
from archscope.working import Count

DEFAULT: Final = ("name", "op", "kernel", "shape", "parameters")
"""What a node usually shows, of `archscope.diagrams.SHOWN`."""


def lines_of(
    name: str,
    rows: Sequence[Row],
    show: Collection[str],
    *,
    counts: Sequence[int],
    copies: int = 1,
    outputs: Sequence[Sequence[int]] = (),
    block: str = "",
    price: Sequence[str] = (),
    glue: bool = True,
    twins: Sequence[Sequence[Row]] = (),
) -> tuple[str, ...]:
    """The lines of a node.

    Args:
        name: what it is called.
        rows: what it stands for.
        show: what to write.
        counts: how often each row is in it.
        copies: how many equal ones it stands for; the numbers are those of one.
        outputs: the shapes that leave it.
        block: what to call it, if it is more than a layer.
        price: what all copies cost together, if its colour says that.
        glue: whether what only sees its input differently has all its lines; else it is one, if nobody named it.
        twins: what each of its copies stands for, its own rows first; where they differ, it is told in which way.

    A layer that is drawn as a sign in a circle is not named in words as well, and its shape only if it is new.
    """
    first = rows[0]
    drawn_as_sign = bool(first.node.layer.symbol) and not block
    summed = many_in(rows) if drawn_as_sign else 1
    told = rows[summed:] if drawn_as_sign else rows
    if not glue:
        told = [row for row in told if row is first or not is_glue(row.node.layer) or row.node.layer.verb == "Flatten"]
    kept = {row.name for row in told}
    places = [] if block else [number for number, row in enumerate(rows) if row.name in kept]
    copied = [[each[place] for each in twins] or [rows[place]] for place in places]
    what = block if block else " · ".join(said for each in copied if (said := _said(each, show)))
    if summed > 1 and "op" in show:
        values = sum(len(row.node.inputs) - 1 for row in rows[:summed]) + 1
        what = " · ".join((f"of {values} values", *filter(None, (what,))))
    if not glue and not block and is_glue(first.node.layer) and _is_its_type(name, first) and what:
        return (" · ".join((what, *price)),)
    if first.node.layer.family == "function" and _is_its_type(name, first) and what:
        name = ""
    each = " each" if copies > 1 else ""
    numbers = []
    same = drawn_as_sign and set(outputs) == set(first.input_shapes)
    if "shape" in show and not same:
        numbers.append(spell_shapes(outputs))
    parameters = sum(int(row.parameters) * n for row, n in zip(rows, counts, strict=True))
    if "parameters" in show and parameters:
        numbers.append(f"{spell_count(parameters, 'parameter')}{each}")
    if "parameters" in show:
        names = tuple(dict.fromkeys(name for row in rows for name in row.shares))
        others = names if not block else () if parameters else filter(None, [around(names)])
        numbers += [f"shared with {name}" for name in others]
    if "macs" in show:
        numbers.append(_macs([row.macs for row in rows], counts, each))
    numbers += price
    if what == name and "name" in show:
        what = ""
    lines = (name if "name" in show else "", what, " · ".join(number for number in numbers if number))
    return tuple(line for line in lines if line)


def around(names: Sequence[str]) -> str:
    """The block that all layers of some names stand in; empty where there is none.

    >>> around(["encoder.conv.0", "encoder.conv.1"]), around(["a.fc", "b.fc"]), around(["encoder.fc"])
    ('encoder.conv', '', 'encoder.fc')
    """
    steps = [name.split(".") for name in names]
    same = takewhile(lambda each: len({*each}) == 1, zip(*steps, strict=False))
    return ".".join(each[0] for each in same)


def many_in(rows: Sequence[Row]) -> int:
    """How many of some rows are drawn as one sign: sums of sums are one sum."""
    return sum(1 for _ in takewhile(lambda row: row.type == rows[0].type and len(row.node.inputs) > 1, rows))


def _said(rows: Sequence[Row], show: Collection[str]) -> str:
    """What a layer and its copies are."""
    labels = [_what(row, show) for row in rows]
    return told_together(rows, labels) if "kernel" in show else labels[0]


def _is_its_type(name: str, row: Row) -> bool:
    """Whether a layer has no name but its type's, or its function's, and a number."""
    plain = name.rstrip("0123456789").rstrip("_")
    return plain in (row.type, row.node.layer.label) or name in (row.type, row.node.layer.label)


def _what(row: Row, show: Collection[str]) -> str:
    layer = row.node.layer
    if "op" in show and "kernel" in show:
        return layer.label_here(row.facts[0])
    if "kernel" in show:
        return "" if layer.kernel is None else spell_shape(layer.kernel)
    if "op" in show:
        return _without_numbers(layer.label_here(row.facts[0]))
    return ""


def _without_numbers(label: str) -> str:
    """The words of a label, up to its first number.

    >>> _without_numbers("max pool 3×3 /2"), _without_numbers("ReLU6"), _without_numbers("mean over axes 1, 2")
    ('max pool', 'ReLU6', 'mean')
    >>> _without_numbers("embedding of 1,000")
    'embedding'
    """
    first, *rest = label.partition(" over ax")[0].split(" ")
    return " ".join([first, *takewhile(lambda word: word[0] not in "0123456789/×", rest)]).removesuffix(" of")


def _macs(macs: Sequence[Count | None], counts: Sequence[int], each: str) -> str:
    total = 0
    for count, often in zip(macs, counts, strict=True):
        if count is None:
            return "MACs not covered"
        total += int(count) * often
    return f"{total:,} MACs{each}" if total else ""
