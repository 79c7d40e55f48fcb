"""Letters for a page where nobody says how large they are: as large as fit, or as small as can be read.

Where they would be too small, less is written, if that makes them larger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from archscope.diagrams import volumes
from archscope.diagrams.choosing import choose
from archscope.diagrams.drawing import Drawing
from archscope.diagrams.request import LETTERS, SMALLER, millimetres
from archscope.diagrams.scale import TooSmallError
from archscope.errors import MissingExtra, UsageError

Directions = Sequence[Literal["tb", "lr"]]

COLUMN: Final = "ieee-column"
"""A page on which letters are as usual where they fit, and smaller only where nothing else does."""

_LEGIBLE: Final[Mapping[str, float]] = {"beamer": 7.0, "16:9": 14.0, COLUMN: 6.0}
"""Letters on a page that are smaller than these are made larger, if less is written or another style allows it."""

_WITH_NUMBERS: Final = {("boxes", "beamer"): 4.5, ("boxes", "16:9"): 12.0}
"""Of a style on a page, letters that are not too small where all is written: the size of maps and the number of their
channels are what boxes are drawn for."""

_BRIEF: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "transformer": (("op",),), "unrolled": (("name",),), "boxes": (("name", "shape"), ("name",), ("op",)),
    "planes": (("name", "shape"), ("op",)),
}  # fmt: skip
"""For each style the little that says what a layer is; of several, the first whose letters are large enough."""

_OWN: Final = ("transformer", "unrolled")
"""Styles for which a graph stands in only where they do not fit."""

_TRIED: Final = (7.0, 6.0, 5.0, 4.0)
"""Letters that are named where those that were asked for leave no room, the largest that does."""

_SPOKEN: Final = {**_BRIEF, "planes": (("name", "shape"), ("shape",), ("op",))}
"""The same on a slide, where somebody says the names."""


def on_page(drawing: Drawing, page: str, directions: Directions) -> Drawing:
    """With letters for a page, and as much written as they leave room for; in another style where none fits so."""
    tried = [_on_page(drawing, page, directions)]
    # A graph of attention or recurrence says less of it, with letters of any size.
    enough = 1.0 if drawing.style in _OWN else _legible(tried[0], page)
    if _letters(tried[0]) < enough and drawing.request.style == "auto":
        others = (replace(drawing, request=replace(drawing.request, instead=each)) for each in _others(drawing))
        tried += [_on_page(each, page, directions) for each in others]
    return max(tried, key=lambda each: min(_letters(each), _LEGIBLE[page]))


def fitting(drawing: Drawing) -> Drawing:
    """The same, in rows of boxes or as a graph where the style that ``auto`` takes does not fit its page."""
    if drawing.request.style != "auto" or _shapes(drawing):
        return drawing
    others = (replace(drawing, request=replace(drawing.request, instead=each)) for each in _others(drawing))
    return next((each for each in others if _shapes(each)), drawing)


def style_that_fits(drawing: Drawing) -> str | None:
    """What to ask for where a picture does not fit: the first style that does, those that show the network well first.

    Letters that a page leaves open are as small as they would be there.
    """
    asked = drawing.request
    for style in dict.fromkeys((choose(drawing.analysis).style, "boxes", "unrolled", "graph")):
        for direction in (asked.direction, "lr" if asked.direction == "tb" else "tb"):
            if style == drawing.style or (style != "graph" and direction != asked.direction):
                continue
            other = replace(drawing, request=replace(asked, style=style, instead="", direction=direction))
            if _shapes(on_page(other, asked.page, (direction,)) if asked.page else other):
                return f"--style {style}" + ("" if direction == asked.direction else f" --direction {direction}")
    return None


def letters_that_fit(drawing: Drawing) -> float | None:
    """The largest letters with which a picture fits that does not fit with those that were asked for, in points."""
    asked = drawing.request
    sizes = () if asked.page in LETTERS and asked.page != COLUMN else _TRIED
    return next((size for size in sizes if size < asked.font_size and _shapes(_sized(drawing, size))), None)


def least_letters(drawing: Drawing) -> str | None:
    """What to ask for where no letters make a picture fit: a graph with smaller ones; else how much room it takes."""
    asked = drawing.request
    graph = replace(drawing, request=replace(asked, style="graph", instead=""))
    found = None if drawing.style == "graph" else letters_that_fit(graph)
    if found is not None:
        return f"--style graph --font-size {found:g}"
    size = min(*_TRIED, asked.font_size)
    try:
        _ = _sized(drawing, size).tried
    except TooSmallError as error:
        wide, tall = map(millimetres, error.room)
        depth = "; no --depth makes it fit" if asked.depth == "auto" else ""
        return f"letters below --font-size {size:g}, with which it takes {wide} by {tall}{depth}"
    return None


def _others(drawing: Drawing) -> tuple[str, ...]:
    """The styles that take less room: boxes in rows where all stood in one, or a graph."""
    if drawing.style == "graph":
        return ()
    if drawing.style in _OWN:
        return ("graph",)
    convolves = volumes.slides_windows(drawing.analysis) and not drawing.request.towers
    alone = convolves and volumes.columns(drawing.analysis, drawing.request) is not None
    return ("boxes",) if alone else () if convolves else ("graph",)


def _on_page(drawing: Drawing, page: str, directions: Directions) -> Drawing:
    plain = drawing.request.show is None and drawing.request.color == "family"
    known = _BRIEF if page == COLUMN else _SPOKEN
    briefs = [
        replace(drawing, request=replace(drawing.request, show=show, brief=True))
        for show in (known.get(drawing.style, (("name", "op"),)) if plain else ())
    ]
    if drawing.style == "transformer":
        briefs += [replace(each, request=replace(each.request, bare=True)) for each in briefs]
    if page == COLUMN:
        sizes = (_sized(each, size) for each in (drawing, *briefs) for size in LETTERS[page])
        return next((each for each in sizes if _shapes(each)), drawing)
    best = _on_slide(drawing, page, directions)
    for each in briefs:
        if _letters(best) >= _legible(best, page):
            break
        best = max(best, _on_slide(each, page, directions), key=_letters)
    return best


def _legible(drawing: Drawing, page: str) -> float:
    """The least letters of a picture on a page that need not be made larger."""
    usual = _LEGIBLE[page]
    return usual if drawing.request.brief else _WITH_NUMBERS.get((drawing.style, page), usual)


def _letters(drawing: Drawing) -> float:
    """How large they are; 0 where it does not fit."""
    return drawing.request.font_size if _shapes(drawing) else 0.0


def _on_slide(drawing: Drawing, page: str, directions: Directions) -> Drawing:
    """With the largest letters that fit a slide, or smaller ones; a graph in the direction that opens more of it.

    Where nothing fits it is drawn with the least of the letters that are read from afar, which says what it needs.
    """
    turned = [replace(drawing, request=replace(drawing.request, direction=each)) for each in directions]
    if drawing.style != "graph":
        turned = [drawing]
    tries = [_largest(each, LETTERS[page]) for each in turned]
    smaller = (_sized(each, size) for size in SMALLER[page] for each in turned)
    best = max(tries, key=_shapes)
    return best if _shapes(best) else next((each for each in smaller if _shapes(each)), tries[0])


def _largest(drawing: Drawing, sizes: Sequence[float]) -> Drawing:
    """With the largest of some fonts, given from the largest on, that closes no more blocks than the least does."""
    high, low = 0, len(sizes) - 1
    best = _sized(drawing, sizes[low])
    shown = _shapes(best)
    while high < low and shown:
        middle = (high + low) // 2
        tried = _sized(drawing, sizes[middle])
        if _shapes(tried) >= shown:
            best, low = tried, middle
        else:
            high = middle + 1
    return best


def _sized(drawing: Drawing, size: float) -> Drawing:
    return replace(drawing, request=replace(drawing.request, font_size=size))


def _shapes(drawing: Drawing) -> int:
    """How many shapes a picture has; none where it does not fit, or needs a package that is not there."""
    try:
        return len(list(drawing.tried.groups("layer")))
    except (MissingExtra, UsageError):
        return 0
