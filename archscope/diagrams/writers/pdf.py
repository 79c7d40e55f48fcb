"""Scenes as PDF, a page each: vectors, and text in the shipped font that can be searched and copied."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from archscope.diagrams import fonts
from archscope.diagrams.scene import Group, Path, Polygon, Scene, Text
from archscope.errors import MissingExtra
from archscope.escaping import line

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing

WRITTEN: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""The date in every file, so that the same picture is the same bytes."""

_ROUND: Final = "1 j"


def write(drawing: Drawing) -> bytes:
    """A drawing as PDF."""
    return pdf(drawing.scene)


def pdf(scene: Scene) -> bytes:
    """The bytes of the file."""
    return pages((scene,))


def pages(scenes: Sequence[Scene]) -> bytes:
    """A file with a page for each scene; title and description are those of the first.

    Raises:
        MissingExtra: `fpdf2` is not installed.
        UsageError: a text has a character that the shipped font has not.
    """
    try:
        import fpdf
    except ImportError:
        raise MissingExtra("format pdf", "fpdf2", "diagrams") from None
    first = scenes[0]
    fonts.require((item.string for scene in scenes for item in scene.walk() if isinstance(item, Text)), "pdf")
    page = fpdf.FPDF(unit="pt", format=(first.width, first.height))
    page.set_margin(0)
    page.set_auto_page_break(False)
    page.set_creation_date(WRITTEN)
    page.set_title(fonts.settable(line(first.title)))
    page.set_subject(fonts.settable(line(first.description)))
    page.set_lang("en")
    page.add_font(fonts.FAMILY, "", str(fonts.path()))
    page.add_font(fonts.FAMILY, "B", str(fonts.path(bold=True)))
    _add_other(page, scenes)
    for scene in scenes:
        page.add_page(format=(scene.width, scene.height))
        page._out(_ROUND)
        _paint(page, scene)
    return bytes(page.output())


def _paint(page: Any, scene: Scene) -> None:
    """A scene on the page that was begun for it."""
    if scene.background is not None:
        page.set_fill_color(scene.background)
        page.rect(0, 0, scene.width, scene.height, style="F")
    for item in scene.walk():
        if isinstance(item, Text):
            _text(page, item)
        elif not isinstance(item, Group):
            _shape(page, item)


def _add_other(page: Any, scenes: Sequence[Scene]) -> None:
    """The font for what the shipped one lacks, in the styles in which the pictures need it."""
    items = (item for scene in scenes for item in scene.walk())
    lacking = {item.bold for item in items if isinstance(item, Text) and fonts.missing(fonts.settable(item.string))}
    for bold in sorted(lacking):
        page.add_font(fonts.OTHER, "B" if bold else "", str(fonts.other_path(bold=bold)))


def _text(page: Any, item: Text) -> None:
    page.set_text_color(item.fill)
    said = fonts.settable(item.string)
    pieces = fonts.stretches(said)
    if len(pieces) == 1 and not pieces[0][1]:
        _set_font(page, item, False)
        page.text(item.left, item.y, said)
        return
    widths = []
    for piece, other in pieces:
        _set_font(page, item, other)
        widths.append(page.get_string_width(piece))
    x = item.x - sum(widths) * {"start": 0.0, "middle": 0.5, "end": 1.0}[item.anchor]
    for (piece, other), width in zip(pieces, widths, strict=True):
        _set_font(page, item, other)
        page.text(x, item.y, piece)
        x += width


def _set_font(page: Any, item: Text, other: bool) -> None:
    page.set_font(fonts.OTHER if other else fonts.FAMILY, "B" if item.bold else "", item.size)


def _shape(page: Any, item: Path | Polygon) -> None:
    """The operators of PDF, in its own coordinates: it has y upwards."""
    if isinstance(item, Polygon):
        first, *rest = item.points
        commands: tuple[tuple[str, tuple[tuple[float, float], ...]], ...] = (
            ("M", (first,)), *(("L", (each,)) for each in rest), ("Z", ()),
        )  # fmt: skip
        dash: tuple[float, ...] = ()
    else:
        commands, dash = item.commands, item.dash
    if item.stroke is not None:
        page.set_draw_color(item.stroke)
        page.set_line_width(item.width)
    if item.fill is not None:
        page.set_fill_color(item.fill)
    words = [f"[{' '.join(f'{each:g}' for each in dash)}] 0 d"]
    for verb, points in commands:
        numbers = " ".join(f"{x:.3f} {page.h - y:.3f}" for x, y in points)
        words.append(f"{numbers} {_OPERATORS[verb]}".strip())
    words.append(_PAINT[item.fill is not None, item.stroke is not None])
    page._out("\n".join(words))


_OPERATORS: Final = {"M": "m", "L": "l", "C": "c", "Z": "h"}
_PAINT: Final = {(True, True): "B", (True, False): "f", (False, True): "S", (False, False): "n"}
