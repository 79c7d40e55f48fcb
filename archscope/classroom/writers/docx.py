"""A sheet as a document for a word processor, on A4, with headings, real tables and the figure as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from archscope.classroom import content
from archscope.classroom.sheet import Sheet
from archscope.errors import MissingExtra, UsageError
from archscope.escaping import line, office_property


def write(sheet: Sheet, *, key: bool = False) -> bytes:
    """The bytes of the file.

    Raises:
        MissingExtra: python-docx is not installed, or resvg_py, which makes the picture.
    """
    try:
        import docx
        from docx.shared import Mm, Pt
    except ImportError:
        raise MissingExtra("a worksheet as .docx", "python-docx", "classroom") from None
    document: Any = docx.Document()
    document.core_properties.author = "archscope"
    document.core_properties.title = office_property(sheet.title)
    document.core_properties.created = document.core_properties.modified = datetime(2000, 1, 1)
    page = document.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Mm(18)
    document.styles["Normal"].font.size = Pt(10)
    document.add_heading(line(f"{sheet.title}: {'answers' if key else 'worksheet'}"), 1)
    if sheet.number:
        document.add_paragraph(sheet.number)
    if not key:
        document.add_paragraph(f"Name: {'_' * 40}   Date: {'_' * 16}")
    _figure(document, sheet, Mm(170))
    document.add_paragraph(content.given(sheet) + ("" if key else f" {content.TASK}"))
    heads = content.headings(sheet)
    body = [(each.name, each.options, *(cell.text for cell in each.cells)) for each in content.lines(sheet, key=key)]
    cell = min(30.0, 104 / len(heads))
    widths = [20.0, 174 - 20 - cell * len(heads), *[cell] * len(heads)]
    _table(document, ("Layer", "What it is", *heads), body, [Mm(each) for each in widths], Mm(6 if key else 9),
           size=Pt(9))  # fmt: skip
    for heading, (head, *rows) in content.tables(sheet):
        document.add_paragraph()
        document.add_paragraph(line(heading))
        _table(document, head, rows, [Mm(min(9, 174 / len(head)))] * len(head), Mm(5), size=Pt(8))
    document.add_paragraph()
    for name, doc in content.definitions(sheet):
        document.add_paragraph(f"{name}: {doc}.", style="List Bullet")
    if key:
        document.add_heading("Workings", 2)
        steps = [(s.layer, s.quantity, f"{s.formula} with {s.letters}" if s.letters else s.formula, s.working, s.value)
                 for s in content.workings(sheet)]  # fmt: skip
        wide = [Mm(each) for each in (20, 26, 56, 48, 24)]
        _table(document, ("Layer", "Quantity", "Formula", "Working", "Value"), steps, wide, Mm(6), size=Pt(8))
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _figure(document: Any, sheet: Sheet, width: Any) -> None:
    scene = content.figure(sheet)
    if scene is not None:
        from archscope.diagrams.writers.png import png

        try:
            picture = png(scene)
        except UsageError:  # no font has a letter of it; the table says all that the sheet asks
            return
        document.add_picture(io.BytesIO(picture), width=width)
        shown = document.inline_shapes[-1]._inline.docPr
        shown.set("descr", line(f"{sheet.title}, drawn"))


def _table(
    document: Any, head: Sequence[str], body: Sequence[Sequence[str]], widths: Sequence[Any], height: Any, *,
    size: Any = None,
) -> None:  # fmt: skip
    table = document.add_table(rows=0, cols=len(head))
    table.style = "Table Grid"
    table.autofit = False
    for number, cells in enumerate((head, *body)):
        row = table.add_row()
        row.height = height
        for cell, text, width in zip(row.cells, cells, widths, strict=True):
            cell.width = width
            run = cell.paragraphs[0].add_run(line(text))
            run.bold = number == 0
            if size is not None:
                run.font.size = size
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width  # Word goes by the cells, LibreOffice by the columns
    _repeat_head(table)


def _repeat_head(table: Any) -> None:
    """The head of a table stands on every page."""
    from docx.oxml import OxmlElement

    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
