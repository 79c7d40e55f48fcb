"""Two networks side by side: layers that are alike joined by a thin line, what differs in colour and in words.

Networks with branches are drawn as they are, by `archscope.diagrams.both`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, cast

from archscope import escaping, files
from archscope.diagrams import both, fonts
from archscope.diagrams.both import SHADES
from archscope.diagrams.drawing import FORMATS as WRITERS
from archscope.diagrams.drawing import call, format_of, in_notebook
from archscope.diagrams.scene import Group, Item, Scene, Text, line, rectangle
from archscope.diagrams.themes import Theme, theme
from archscope.difference import Difference
from archscope.difference.elements import Element
from archscope.difference.words import listed
from archscope.errors import NotFound

_SIZE: Final = 8.0
_WIDE: Final = 150.0
_BETWEEN: Final = 40.0
_TALL: Final = 16.0
_STEP: Final = 22.0
_MARGIN: Final = 14.0
_RUN: Final = 3
"""Layers in a row that are alike and drawn one by one; more are one box."""

_SAID: Final = {"alike": "alike", "changed": "differs", "follows": "given something else", "removed": "only here",
                "added": "only here"}  # fmt: skip


@dataclass(frozen=True)
class _Box:
    """A line of the picture: the words on the left and on the right, and how they stand to one another."""

    kind: str
    left: str
    right: str
    names: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class SideBySide:
    """A picture of a difference, which can be written as SVG, PNG, PDF and TikZ.

    >>> from archscope.difference import difference
    >>> from archscope.reader import load
    >>> SideBySide(difference(load("vgg@D"), load("vgg@E"))).write("svg").startswith("<svg ")
    True
    """

    found: Difference
    theme: Theme = theme("light")

    @cached_property
    def scene(self) -> Scene:
        """The picture as a display list."""
        return both.scene(self.found, self.theme) if both.branches(self.found) else _scene(self.found, self.theme)

    def write(self, format: str) -> str | bytes:
        """The picture as text, or as bytes for ``png`` and ``pdf``.

        Raises:
            NotFound: it cannot be written so.
            MissingExtra: a package that the format needs is not installed.
        """
        if format not in FORMATS:
            raise NotFound(f"two networks side by side are no {format}; formats: {', '.join(FORMATS)}")
        return cast("str | bytes", call(WRITERS[format].maker)(self))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file, whole or not at all; the format follows the suffix."""
        made = self.write(format_of(path))
        files.write_bytes(path, made if isinstance(made, bytes) else made.encode())

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """What a notebook shows."""
        return in_notebook(str(self.write("svg")), self.scene.width)

    def __repr__(self) -> str:
        return f"<archscope drawing of {escaping.line(' and '.join(self.found.names))} side by side>"


FORMATS: Final = ("svg", "png", "pdf", "tikz", "drawio")
"""Every format by name."""


def _scene(found: Difference, colours: Theme) -> Scene:
    boxes = list(_boxes(found))
    words = max((fonts.width(text, _SIZE) for box in boxes for text in (box.left, box.right)), default=0.0)
    wide = max(_WIDE, words + 12, *(fonts.width(name, _SIZE, bold=True) for name in found.names))
    across = 2 * _MARGIN + 2 * wide + _BETWEEN
    tall = _MARGIN + _STEP * (len(boxes) + 2) + _MARGIN
    right = _MARGIN + wide + _BETWEEN
    items: list[Item] = [
        Text(_MARGIN + wide / 2, _MARGIN + _SIZE, found.names[0], _SIZE, bold=True, anchor="middle", fill=colours.text),
        Text(right + wide / 2, _MARGIN + _SIZE, found.names[1], _SIZE, bold=True, anchor="middle", fill=colours.text),
    ]
    top = _MARGIN + _STEP
    for number, box in enumerate(boxes):
        items += _drawn(box, top + number * _STEP, wide, right, colours)
    items += _legend(top + len(boxes) * _STEP, {box.kind for box in boxes}, colours)
    told = "; ".join(f"{box.left or 'nothing'} and {box.right or 'nothing'}: {box.kind}" for box in boxes)
    title = f"{found.names[0]} and {found.names[1]} side by side"
    return Scene(across, tall, title, told, tuple(items), colours.background)


def _boxes(found: Difference) -> Iterator[_Box]:
    """The lines of the picture; a long run of layers that are alike is one."""
    kinds = {(change.a, change.b): _kind(item.kind) for item in found.items for change in item.changes
             if item.kind != "rest" and change.at >= 0}  # fmt: skip
    gone = _homes(found)
    run: list[_Box] = []
    last = ""
    for pair in found.pairs:
        a, b = ("" if each is None else each.name for each in (pair.a, pair.b))
        kind = "removed" if not b else "added" if not a else kinds.get((a, b), "alike")
        home = gone.get(a or b) if not (a and b) else None
        if home is not None and home[0] == last:
            continue
        last = "" if home is None else home[0]
        left, right = ("" if each is None else _words(each) for each in (pair.a, pair.b))
        if pair.moved and pair.b is not None:
            right += f", after {listed([name for name, _ in pair.b.reads] or ['nothing'])}"
        if home is not None:
            left, right = (text and f"{home[0]}: {home[1]}" for text in (left, right))
        box = _Box(kind, left, right, ((a,) if a else (), (b,) if b else ()))
        if kind == "alike":
            run.append(box)
            continue
        yield from _short(run)
        run = []
        yield box
    yield from _short(run)


def _words(element: Element) -> str:
    return f"{element.name}: {element.label}" + (f", {element.activation}" if element.activation else "")


def _homes(found: Difference) -> dict[str, tuple[str, str]]:
    """For each layer of a block that only one network has, the block's name and what it is."""
    homes: dict[str, tuple[str, str]] = {}
    for item in found.items:
        for change in item.changes:
            if change.kind not in ("removed", "added"):
                continue
            name = change.a or change.b
            path = tuple(name.split("."))
            for pair in found.pairs:
                element = pair.a if change.a else pair.b
                if element is not None and element.group[: len(path)] == path:
                    homes[element.name] = (name, change.label)
    return homes


def _kind(kind: str) -> str:
    return kind if kind in SHADES else "changed"


def _short(run: Sequence[_Box]) -> Iterator[_Box]:
    if len(run) <= _RUN:
        yield from run
        return
    names = [tuple(name for box in run for name in box.names[side]) for side in (0, 1)]
    said = [f"{names[side][0]} … {names[side][-1]}: {len(run):,} layers" for side in (0, 1)]
    yield _Box("alike", said[0], said[1], (names[0], names[1]))


def _drawn(box: _Box, y: float, wide: float, right: float, colours: Theme) -> Iterator[Item]:
    shade = colours.shade(SHADES[box.kind])
    for text, x, names in ((box.left, _MARGIN, box.names[0]), (box.right, right, box.names[1])):
        if not text:
            continue
        border = rectangle(x, y, wide, _TALL, fill=shade.fill, stroke=shade.stroke,
                           line_width=0.6 if box.kind == "alike" else 1.2)  # fmt: skip
        word = Text(x + 6, y + _TALL / 2 + _SIZE * 0.35, text, _SIZE, fill=colours.text)
        side = "left" if x == _MARGIN else "right"
        yield Group("layer", (border, word), f"{text}: {_SAID[box.kind]}", tuple(f"{side}:{name}" for name in names))
    if box.left and box.right:
        dash = () if box.kind == "alike" else (3.0, 2.0)
        middle = y + _TALL / 2
        yield line((_MARGIN + wide, middle), (right, middle), stroke=colours.line, dash=dash)


def _legend(y: float, kinds: set[str], colours: Theme) -> Iterator[Item]:
    x = _MARGIN
    for kind in ("alike", "changed", "follows", "removed", "added"):
        said = {"removed": "only in the first", "added": "only in the second"}.get(kind, _SAID[kind])
        if kind not in kinds:
            continue
        shade = colours.shade(SHADES[kind])
        yield rectangle(x, y + 4, 8, 8, fill=shade.fill, stroke=shade.stroke)
        yield Text(x + 11, y + 11, said, _SIZE - 1, fill=colours.muted)
        x += 22 + fonts.width(said, _SIZE - 1)
