"""A sheet as PDF, on A4: the figure and the words are vectors and text, as in every figure of archscope."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from archscope.classroom import content
from archscope.classroom.sheet import Sheet
from archscope.diagrams import fonts
from archscope.diagrams.scene import Anchor, Item, Scene, Text, line, moved, rectangle

WIDTH, HEIGHT, MARGIN = 595.28, 841.89, 45.0
INSIDE: Final = WIDTH - 2 * MARGIN
SIZE, LEADING = 9.0, 12.0
ROOM: Final = 23.0
"""Height of a line of the table that somebody writes in by hand: 8.5 mm."""
MOST: Final = 40
"""Lines of a cell or a paragraph; of a longer text a sheet of paper has the beginning."""
_BRACKETS: Final = str.maketrans({"⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "₁": "1", "₂": "2"})
"""What the shipped font has no letter for, in words."""


def write(sheet: Sheet, *, key: bool = False) -> bytes:
    """The bytes of the file.

    Raises:
        MissingExtra: fpdf2 is not installed.
    """
    from archscope.diagrams.writers.pdf import pages

    return pages(scenes(sheet, key=key))


def scenes(sheet: Sheet, *, key: bool = False) -> tuple[Scene, ...]:
    """The pages."""
    paper = _Paper(sheet, f"{sheet.title}: {'answers' if key else 'worksheet'}")
    if not key:
        paper.write("Name: ______________________________________    Date: ____________________", gap=10)
    picture = content.figure(sheet)
    if picture is not None:
        paper.place(picture)
    paper.write(content.given(sheet), gap=8)
    if not key:
        paper.write(content.TASK)
    paper.space(6)
    _table(paper, sheet, key)
    for heading, (head, *body) in content.tables(sheet):
        paper.write(heading, gap=14, keep=(len(body) + 2) * 13.0)
        side = min(20.0, INSIDE / len(head))
        paper.table(head, body, [side] * len(head), row=12.0, centred=True)
    paper.space(10)
    for name, doc in content.definitions(sheet):
        paper.write(f"{name}: {doc}.")
    if key:
        _workings(paper, sheet)
    return paper.finished()


def _table(paper: _Paper, sheet: Sheet, key: bool) -> None:
    heads = content.headings(sheet)
    answers = min(92.0, max(62.0, (INSIDE - 254) / len(heads)))
    body = [(each.name, each.options, *(cell.text for cell in each.cells)) for each in content.lines(sheet, key=key)]
    name = min(max(50.0, *(fonts.width(line[0], SIZE - 1) + 8 for line in body)), 110.0)
    widths = [name, max(INSIDE - name - answers * len(heads), 90.0), *[answers] * len(heads)]
    scale = INSIDE / sum(widths)
    paper.table(("Layer", "What it is", *heads), body, [each * scale for each in widths],
                row=15.0 if key else ROOM, right=2)  # fmt: skip


def _workings(paper: _Paper, sheet: Sheet) -> None:
    paper.write("Workings", gap=14, bold=True, keep=60)
    body = [
        (s.layer, s.quantity, f"{s.formula} with {s.letters}" if s.letters else s.formula, s.working, s.value)
        for s in content.workings(sheet)
    ]
    widths = [INSIDE * part for part in (0.11, 0.14, 0.34, 0.27, 0.14)]
    paper.table(("Layer", "Quantity", "Formula", "Working", "Value"), body, widths, row=14.0)


class _Paper:
    """Pages that are written from top to bottom."""

    def __init__(self, sheet: Sheet, title: str) -> None:
        self.sheet = sheet
        self.title = title
        self.pages: list[list[Item]] = []
        self.y = 0.0
        self._begin()
        self.pages[0] += [
            Text(MARGIN, self.y + 14, title, 16, bold=True),
            Text(WIDTH - MARGIN, self.y + 14, sheet.number, 11, anchor="end"),
        ]
        self.y += 30

    def _begin(self) -> None:
        self.pages.append([])
        self.y = MARGIN

    def space(self, height: float) -> None:
        """Leave some room."""
        self.y += height

    def _needs(self, height: float) -> bool:
        """Begin a page where what follows does not fit on this one; tell whether it did."""
        if self.y + height <= HEIGHT - MARGIN:
            return False
        self._begin()
        return True

    def write(self, text: str, *, gap: float = 2, bold: bool = False, keep: float = 0) -> None:
        """A paragraph; ``keep`` is what has to fit below it on the same page."""
        found = _wrapped(text, SIZE, INSIDE, bold)
        self.y += gap
        self._needs(len(found) * LEADING + keep)
        for each in found:
            self.pages[-1].append(Text(MARGIN, self.y + SIZE, each, SIZE, bold=bold))
            self.y += LEADING

    def place(self, picture: Scene) -> None:
        """A picture, in the middle."""
        self.y += 10
        self._needs(picture.height)
        left = (WIDTH - picture.width) / 2
        self.pages[-1] += [moved(item, left, self.y) for item in picture.items]
        self.y += picture.height + 4

    def table(
        self, head: Sequence[str], body: Sequence[Sequence[str]], widths: Sequence[float], *,
        row: float, right: int | None = None, centred: bool = False,
    ) -> None:  # fmt: skip
        """A table whose head stands on every page; columns from ``right`` on are aligned on their digits."""
        self._row(head, widths, row=14.0, bold=True, right=None, centred=centred)
        for cells in body:
            lines = [_wrapped(cell, SIZE - 1, width - 6) for cell, width in zip(cells, widths, strict=True)]
            if self._needs(max(row, max(map(len, lines)) * 10 + 5)):
                self._row(head, widths, row=14.0, bold=True, right=None, centred=centred)
            self._row(cells, widths, row=row, bold=False, right=right, centred=centred)

    def _row(
        self, cells: Sequence[str], widths: Sequence[float], *, row: float, bold: bool, right: int | None,
        centred: bool,
    ) -> None:  # fmt: skip
        lines = [_wrapped(cell, SIZE - 1, width - 6, bold) for cell, width in zip(cells, widths, strict=True)]
        height = max(row, max(map(len, lines)) * 10 + 5)
        x = MARGIN
        for at, (texts, width) in enumerate(zip(lines, widths, strict=True)):
            fill = "#eeeeee" if bold else None
            self.pages[-1].append(rectangle(x, self.y, width, height, fill=fill, stroke="#777777", line_width=0.5))
            top = self.y + (height - len(texts) * 10) / 2
            for number, text in enumerate(texts):
                baseline = top + number * 10 + 7.6
                numeric = right is not None and at >= right
                place = x + width / 2 if centred else x + width - 3 if numeric else x + 3
                anchor: Anchor = "middle" if centred else "end" if numeric else "start"
                self.pages[-1].append(Text(place, baseline, text, SIZE - 1, bold=bold, anchor=anchor))
            x += width
        self.y += height

    def finished(self) -> tuple[Scene, ...]:
        """Every page, with its number."""
        many = len(self.pages)
        return tuple(
            Scene(WIDTH, HEIGHT, self.title, self.sheet.number, (*items, *_foot(self.sheet, at, many)))
            for at, items in enumerate(self.pages, 1)
        )


def _foot(sheet: Sheet, page: int, many: int) -> Iterator[Item]:
    yield line((MARGIN, HEIGHT - 36), (WIDTH - MARGIN, HEIGHT - 36), stroke="#999999", width=0.4)
    which = f"archscope worksheet {sheet.spec}" + ("" if sheet.seed is None else f" --vary {sheet.seed}")
    yield Text(MARGIN, HEIGHT - 26, _fit(which, INSIDE - 60), 7, fill="#555555")
    yield Text(WIDTH - MARGIN, HEIGHT - 26, f"{page} / {many}", 7, anchor="end", fill="#555555")


def _fit(text: str, width: float) -> str:
    while fonts.width(text, 7) > width and len(text) > 8:
        text = f"{text[: len(text) * 3 // 4]}…"
    return text


def _wrapped(text: str, size: float, width: float, bold: bool = False) -> list[str]:
    """A text in lines that fit, as many as a page has room for; a word that is too long is cut, after a dot at best."""
    lines, current = [], ""
    for word in text.translate(_BRACKETS).split(" "):
        tried = f"{current} {word}" if current else word
        if fonts.width(tried, size, bold=bold) <= width:
            current = tried
            continue
        if current:
            lines.append(current)
        while (cut := max(fonts.fitting(word, size, width, bold=bold), 1)) < len(word) and len(lines) < MOST:
            cut = word.rfind(".", 0, cut) + 1 or cut
            lines.append(word[:cut])
            word = word[cut:]
        current = word
        if len(lines) >= MOST:
            return [*lines[:MOST], "…"]
    return [*lines, current]
