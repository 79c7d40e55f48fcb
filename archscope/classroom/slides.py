"""A derivation as slides, a step a slide, in text that a presenter can change: what `archscope explain` prints."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from archscope.analysis import Analysis
from archscope.classroom.sheet import TOTAL
from archscope.errors import MissingExtra, UsageError
from archscope.escaping import line, office_property, visible
from archscope.formats.derivation import Section, derive
from archscope.record import Record

MOST_LINES: Final = 12
MOST_SLIDES: Final = 400
WIDTH, HEIGHT, MARGIN = 13.333, 7.5, 0.8
_SKIPPED: Final = ("Options", "Weights, by name and shape", "In print")


class Slide(Record):
    """A heading and the lines under it; ``new`` of them were not on the slide before."""

    heading: str
    lines: tuple[str, ...]
    new: int = 0


def slides(analysis: Analysis, layer: str) -> tuple[Slide, ...]:
    """The slides about one layer, or, for ``total``, about every layer that counts and the whole.

    Raises:
        NotFound: the network has no layer of that name.
        UsageError: there would be hundreds of slides.

    >>> import archscope
    >>> for slide in slides(archscope.analyze(archscope.load("lenet5")), "C1")[4:7]: print(slide.heading, slide.lines)
    C1 · Parameters: trainable values ('(k·k·c + 1)·n    with k = 5, c = 1, n = 6',)
    C1 · Parameters: trainable values ('(k·k·c + 1)·n    with k = 5, c = 1, n = 6', '= (5·5·1 + 1)·6')
    C1 · Parameters: trainable values ('(k·k·c + 1)·n    with k = 5, c = 1, n = 6', '= (5·5·1 + 1)·6', '= 156')
    """
    if layer == TOTAL and all(row.name != TOTAL for row in analysis.rows):
        names = [row.name for row in analysis.rows if row.weights or row.kernel]
        parts = [(name, _told(derive(analysis, name))) for name in names]
        parts.append(("", [*derive(analysis, TOTAL)]))
    else:
        parts = [(layer, [*derive(analysis, layer)])]
    found = []
    for name, sections in parts:
        for place, section in enumerate(sections):
            found += list(_of(section, name if place else ""))
            if len(found) > MOST_SLIDES:
                raise UsageError(
                    f"that is more than {MOST_SLIDES} slides of {analysis.name}; name a layer, not `total`"
                )
    return tuple(found)


def _told(sections: Sequence[Section]) -> list[Section]:
    return [each for each in sections if each.heading not in _SKIPPED]


def _of(section: Section, name: str) -> Iterator[Slide]:
    """A step a slide where each line follows from the one before, else all lines at once."""
    heading = f"{name} · {section.heading}" if name else section.heading
    lines = [text.strip() if text.startswith("  =") or not text.startswith("   ") else text for text in section.lines]
    if len(lines) > 1 and all(text.startswith("= ") for text in lines[1:]):
        for upto in range(1, len(lines) + 1):
            yield Slide(heading, tuple(lines[:upto]), 1)
        return
    for first in range(0, len(lines), MOST_LINES):
        yield Slide(heading, tuple(lines[first : first + MOST_LINES]))


def write(analysis: Analysis, layer: str) -> bytes:
    """The bytes of a ``.pptx`` file, 16:9.

    Raises:
        MissingExtra: python-pptx is not installed.
    """
    try:
        import pptx
        from pptx.util import Inches
    except ImportError:
        raise MissingExtra("slides", "python-pptx", "classroom") from None
    told = slides(analysis, layer)
    show: Any = pptx.Presentation()
    show.slide_width, show.slide_height = Inches(WIDTH), Inches(HEIGHT)
    known = show.core_properties
    known.author, known.title = "archscope", office_property(analysis.title)
    known.created = known.modified = datetime(2000, 1, 1)
    _first(show, analysis, layer)
    for each in told:
        _slide(show, each)
    out = io.BytesIO()
    show.save(out)
    return out.getvalue()


def _first(show: Any, analysis: Analysis, layer: str) -> None:
    """The name, and the network's figure where one fits."""
    from pptx.util import Inches

    from archscope import diagrams
    from archscope.diagrams.writers.png import png
    from archscope.errors import ArchscopeError

    about = analysis.title if layer == TOTAL else f"{layer} of {analysis.title}"
    page = _page(show, about)
    try:
        scene = diagrams.draw(analysis, page="16:9").scene
        picture = png(scene)
    except ArchscopeError:
        return
    wide = WIDTH - 2 * MARGIN
    tall = min(wide * scene.height / scene.width, HEIGHT - 2.2)
    wide = tall * scene.width / scene.height
    shape = page.shapes.add_picture(io.BytesIO(picture), Inches((WIDTH - wide) / 2), Inches(1.7), Inches(wide))
    shape._element.nvPicPr.cNvPr.set("descr", line(f"{analysis.title}, drawn"))


def _page(show: Any, heading: str) -> Any:
    from pptx.util import Inches, Pt

    page = show.slides.add_slide(show.slide_layouts[5])  # a title alone
    title = page.shapes.title
    title.left, title.top = Inches(MARGIN), Inches(0.4)
    title.width, title.height = Inches(WIDTH - 2 * MARGIN), Inches(1.1)
    title.text_frame.word_wrap = True
    title.text_frame.text = line(heading)
    title.text_frame.paragraphs[0].runs[0].font.size = Pt(30 if len(heading) < 60 else 22)
    return page


def _slide(show: Any, slide: Slide) -> None:
    from pptx.util import Inches, Pt

    page = _page(show, slide.heading)
    box = page.shapes.add_textbox(Inches(MARGIN), Inches(1.7), Inches(WIDTH - 2 * MARGIN), Inches(HEIGHT - 2.4))
    frame = box.text_frame
    frame.word_wrap = True
    size = _size(slide.lines)
    for place, text in enumerate(slide.lines):
        paragraph = frame.paragraphs[0] if not place else frame.add_paragraph()
        run = paragraph.add_run()
        run.text = visible(text.replace("    with ", "   with "))
        run.font.size = Pt(size)
        run.font.bold = bool(slide.new) and place == len(slide.lines) - 1
        paragraph.space_after = Pt(size / 3)


def _size(lines: Iterable[str]) -> int:
    """A size in points at which the longest line fits, if one of at least 14 does."""
    longest = max((len(each) for each in lines), default=1)
    return max(14, min(32, int((WIDTH - 2 * MARGIN) * 72 / (0.52 * longest))))
