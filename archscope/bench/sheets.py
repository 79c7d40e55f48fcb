"""A small table that prints itself for a terminal or as Markdown.

>>> sheet = Sheet("Speed", ("network", ">time"), [("lenet5", "79.5 µs"), ("alexnet", "38.5 ms")])
>>> print(sheet.text())
Speed
network     time
lenet5   79.5 µs
alexnet  38.5 ms
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archscope.escaping import markdown, terminal


@dataclass(frozen=True)
class Sheet:
    """A title, column heads (``>`` in front sets a column flush right) and rows of text."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    def _kept(self) -> list[int]:
        """Columns in which any row says something."""
        return [place for place in range(len(self.heads)) if any(row[place] not in ("", "–") for row in self.rows)]

    def text(self) -> str:
        """For a terminal: columns under their heads, two spaces apart."""
        kept = self._kept()
        heads = [self.heads[place] for place in kept]
        rows = [[terminal(row[place]) for place in kept] for row in self.rows]
        shown = [head.removeprefix(">") for head in heads]
        widths = [max(map(len, column)) for column in zip(shown, *rows, strict=True)]
        lines = [terminal(self.title)]
        for row in (shown, *rows):
            cells = (
                each.rjust(width) if head.startswith(">") else each.ljust(width)
                for each, width, head in zip(row, widths, heads, strict=True)
            )
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def markdown(self) -> str:
        """For GitHub and notebooks."""
        kept = self._kept()
        heads = [self.heads[place] for place in kept]
        lines = [f"**{markdown(self.title)}**", "", "| " + " | ".join(head.removeprefix(">") for head in heads) + " |"]
        lines.append("|" + "|".join("--:" if head.startswith(">") else "---" for head in heads) + "|")
        lines += ["| " + " | ".join(markdown(row[place]) for place in kept) + " |" for row in self.rows]
        return "\n".join(lines)
