"""A scene as PNG: its SVG drawn by resvg with the shipped font, at 300 dots an inch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archscope.diagrams import fonts
from archscope.diagrams.scene import Scene, Text
from archscope.diagrams.writers.svg import svg
from archscope.errors import MissingExtra, UsageError
from archscope.limits import MOST_PIXELS

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing

DOTS_AN_INCH: Final = 300


def write(drawing: Drawing) -> bytes:
    """A drawing as PNG."""
    return png(drawing.scene)


def png(scene: Scene, dots_an_inch: int = DOTS_AN_INCH) -> bytes:
    """The bytes of the file.

    Raises:
        MissingExtra: `resvg_py` is not installed.
        UsageError: a text has a character that the shipped font has not, or it is too large to be drawn in memory.
    """
    try:
        import resvg_py
    except ImportError:
        raise MissingExtra("format png", "resvg_py", "diagrams") from None
    strings = [fonts.settable(item.string) for item in scene.walk() if isinstance(item, Text)]
    fonts.require(strings, "png")
    files = [fonts.path(), fonts.path(bold=True)]
    if fonts.missing("".join(strings)):
        files += [each for each in (fonts.other_path(), fonts.other_path(bold=True)) if each is not None]
    across, down = (max(1, round(each * dots_an_inch / 72)) for each in (scene.width, scene.height))
    if across * down > MOST_PIXELS:
        raise UsageError(
            f"a picture of {across:,} × {down:,} pixels, of {MOST_PIXELS:,} that are drawn; write svg or pdf"
        )
    # In whole pixels, because resvg rounds a size in millimetres up and leaves the rest of the last row open.
    picture = svg(
        scene,
        size=f'width="{across}" height="{down}" preserveAspectRatio="none"',
        font=f"{fonts.FAMILY}, {fonts.OTHER}",
    )
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=fonts.settable(picture),
            skip_system_fonts=True,
            font_files=[str(each) for each in files],
            font_family=fonts.FAMILY,
            sans_serif_family=fonts.FAMILY,
        )
    )
