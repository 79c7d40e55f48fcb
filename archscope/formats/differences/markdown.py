"""Markdown as GitHub renders it: a table of totals, what differs as a list, and the sums."""

from __future__ import annotations

from archscope.difference import Difference
from archscope.escaping import markdown as escape
from archscope.formats.differences.page import Entry, lay_out


def write(found: Difference, heading: str = "##") -> str:
    """A heading and everything below it."""
    page = lay_out(found)
    head = ["", *(escape(name) for name in found.names), "Difference"]
    lines = [head, ["---", "---:", "---:", "---:"], *([escape(cell) for cell in row] for row in page.totals)]
    parts = [f"{heading} {escape(page.title)}", f"{escape(page.subtitle)}.",
             "\n".join(f"| {' | '.join(line)} |" for line in lines)]  # fmt: skip
    if page.entries:
        parts.append("\n".join(_entry(number, entry) for number, entry in enumerate(page.entries, 1)))
    parts += [escape(page.alike), *(escape(note) for note in page.notes)]
    if not found.same:
        parts.append("\n".join(f"- {heading_}: {escape(text)}" for heading_, text in page.sums))
    return "\n\n".join(parts)


def _entry(number: int, entry: Entry) -> str:
    head = f"{number}. **{escape(entry.names)}**: {escape(entry.sentence)}"
    indent = " " * len(f"{number}. ")
    costs = [f"{indent}- {line.heading} {line.gap}: {escape('; '.join(line.workings))}" for line in entry.lines]
    return "\n".join([head, *costs])
