"""Where something is written (`Span`), what is wrong with it (`Diagnostic`), and how that prints.

>>> source = Source("net.yaml", "input: [1, 32]\\nlayers: {}\\n")
>>> print(Diagnostic("no-layers", "`layers` names no layer", Span(source, 1, 8, 1, 10), help="add one"))
error[no-layers]: `layers` names no layer
 --> net.yaml:2:9
  |
2 | layers: {}
  |         ^^
help: add one
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from typing import Literal

from archscope.escaping import terminal
from archscope.limits import LONGEST_MESSAGE, LONGEST_SENTENCE, MOST_MISTAKES
from archscope.record import Record

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_WIDEST = 96
"""Characters of a source line that are shown; a longer line is cut around the mark."""


class Source(Record):
    """A text that a person wrote and the name to call it by in messages."""

    name: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """The text line by line, without the line ends."""
        return _LINE_BREAK.split(self.text)


class Span:
    """A stretch of a source; lines and columns count from 0 here and from 1 in print.

    A plain class with slots, because a spec has one for each of its values.
    """

    __slots__ = ("column", "end_column", "end_line", "line", "source")

    def __init__(self, source: Source, line: int, column: int, end_line: int, end_column: int) -> None:
        self.source = source
        self.line = line
        self.column = column
        self.end_line = end_line
        self.end_column = end_column

    def __str__(self) -> str:
        return f"{clipped(self.source.name)}:{self.line + 1}:{self.column + 1}"

    @property
    def text(self) -> str:
        """What is written there, on its first line.

        >>> Span(Source("spec", "value: 87e6"), 0, 7, 0, 11).text
        '87e6'
        """
        lines = self.source.lines
        line = lines[self.line] if self.line < len(lines) else ""
        return line[self.column : self.end_column if self.end_line == self.line else None].strip()

    def excerpt(self) -> list[str]:
        """The first line of the span between rulers, with its characters marked."""
        gutter = str(self.line + 1)
        blank = " " * len(gutter)
        lines = self.source.lines
        written = lines[self.line] if self.line < len(lines) else ""
        stop = self.end_column if self.end_line == self.line else len(written)
        start = min(self.column, len(written))
        stop = max(start, min(stop, len(written)))
        first = max(0, start - _WIDEST // 2) if len(written) > _WIDEST else 0
        last = min(len(written), first + _WIDEST)
        head = "…" if first else ""
        tail = "…" if last < len(written) else ""
        shown = _excerpted(written[first:start]), _excerpted(written[start : min(stop, last)])
        rest = _excerpted(written[min(stop, last) : last])
        marks = " " * (len(head) + _columns(shown[0])) + "^" * max(1, _columns(shown[1]))
        line = head + shown[0] + shown[1] + rest + tail
        return [f"{blank} |", f"{gutter} | {line}".rstrip(), f"{blank} | {marks}"]

    @property
    def gutter(self) -> int:
        """The width of the line number in an excerpt."""
        return len(str(self.line + 1))


class Note(Record):
    """The other place that makes a diagnostic's place wrong."""

    message: str
    span: Span | None = None

    def __str__(self) -> str:
        text = f"note: {clipped(self.message)}"
        return text if self.span is None else f"{text}\n{' ' * self.span.gutter}--> {self.span}"


class Diagnostic(Record):
    """One mistake, or a warning of one: its name, a sentence with the values, the place, and what to write instead."""

    name: str
    message: str
    span: Span | None
    notes: tuple[Note, ...] = ()
    help: str | None = None
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        parts = [f"{self.level}[{self.name}]: {clipped(self.message)}"]
        if self.span is not None:
            parts.append(f"{' ' * self.span.gutter}--> {self.span}")
            parts.extend(self.span.excerpt())
        parts.extend(str(note) for note in self.notes)
        if self.help is not None:
            parts.append(f"help: {clipped(self.help)}")
        return "\n".join(parts)

    @property
    def line(self) -> str:
        """All of it that fits on a line: its name, its place and the beginning of the sentence."""
        place = "" if self.span is None else f" at {clipped(str(self.span), 60)}"
        return f"{self.level}[{self.name}]{place}: {clipped(self.message, 80)}"


def spell_all(diagnostics: Sequence[Diagnostic]) -> str:
    """Many of them as one text of a readable length: the first ones whole, then a line each, then how many more.

    >>> spell_all([Diagnostic("dead-end", f"layer {place}", None) for place in range(100)]).splitlines()[-3:]
    ['error[dead-end]: layer 19', '', '… and 80 more']
    """
    shown = diagnostics[:MOST_MISTAKES]
    left = len(diagnostics) - len(shown)
    tail = [f"… and {left:,} more"] if left else []
    for whole in range(len(shown), -1, -1):
        parts = ["\n\n".join(map(str, shown[:whole])), "\n".join([*(each.line for each in shown[whole:]), *tail])]
        text = "\n\n".join(part for part in parts if part)
        if len(text.encode(errors="replace")) <= LONGEST_MESSAGE:
            break
    return text


def clipped(text: str, most: int = LONGEST_SENTENCE) -> str:
    """A text of any length and kind as something to print: its middle left out, control characters made visible.

    >>> clipped("a" * 50 + "\\x1b" + "b" * 50, most=11)
    'aaaaa…bbbbb'
    """
    text = text if len(text) <= most else f"{text[: most // 2]}…{text[-(most - 1 - most // 2) :]}"
    return terminal(text)


def _excerpted(text: str) -> str:
    """A tab would move what is marked away from its mark, so it becomes visible like a control character."""
    return terminal(text.replace("\t", "�"))


def _columns(text: str) -> int:
    """Terminal columns a text takes: wide East Asian characters take two, combining ones and joiners none."""
    return sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
