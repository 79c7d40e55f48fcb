"""A sheet as Markdown: a pipe table whose empty cells are filled in with any editor and read back by ``mark``."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.classroom import content
from archscope.classroom.sheet import Sheet
from archscope.escaping import markdown as escape


def write(sheet: Sheet, *, key: bool = False, picture: str = "") -> str:
    """The text; ``picture`` is the address of the figure."""
    parts = [f"# {escape(sheet.title)}: {'answers' if key else 'worksheet'}"]
    if sheet.seed is not None:
        parts.append(f"Sheet: {sheet.seed}")
    if not key:
        parts.append("Pupil: ")
    if picture:
        parts.append(f"![{escape(sheet.title)}]({picture})")
    parts.append(escape(content.given(sheet)) + ("" if key else f" {escape(content.TASK)}"))
    rows = [[escape(line.name), escape(line.options), *(escape(cell.text) for cell in line.cells)]
            for line in content.lines(sheet, key=key)]  # fmt: skip
    parts.append(table(["Layer", "What it is", *content.headings(sheet)], rows))
    for heading, (head, *body) in content.tables(sheet):
        parts += [escape(heading), table([each or " " for each in head], body)]
    parts.append("\n".join(f"- **{escape(name)}**: {escape(doc)}" for name, doc in content.definitions(sheet)))
    if key:
        steps = [[escape(each) for each in (s.layer, s.quantity, s.formula, s.letters, s.working, s.value)]
                 for s in content.workings(sheet)]  # fmt: skip
        parts += ["## Workings", table(["Layer", "Quantity", "Formula", "With", "Working", "Value"], steps)]
    return "\n\n".join(parts)


def with_picture(sheet: Sheet, name: str, *, key: bool = False) -> tuple[str, str | None]:
    """The text, and the picture that it shows from a file of that name beside it, where one fits."""
    scene = content.figure(sheet)
    if scene is None:
        return write(sheet, key=key), None
    from urllib.parse import quote

    from archscope.diagrams.writers.svg import svg

    return write(sheet, key=key, picture=quote(name)), svg(scene)


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A pipe table that lines up as text too."""
    widths = [max(3, *(len(line[at]) for line in (head, *body))) for at in range(len(head))]
    rows = [head, ["-" * width for width in widths], *body]
    return "\n".join(
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in rows
    )
