"""For the terminal: what differs as a list, and below it each gap as the sum of its parts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from archscope.difference import Difference
from archscope.escaping import terminal
from archscope.formats.differences.page import Entry, Line, Page, lay_out

_WIDE: Final = 100
_LEAST: Final = 40


def write(found: Difference, width: int | None = None) -> str:
    """The totals, what differs, what is alike, and the sums."""
    page = lay_out(found)
    room = max(_LEAST, min(width or _WIDE, _WIDE))
    head = [*_wrapped(page.title, room), *_wrapped(page.subtitle, room)]
    entries = ("\n".join(_entry(number, entry, room)) for number, entry in enumerate(page.entries, 1))
    parts = ["\n".join(head), "\n".join(_totals(page, found, room)), *entries]
    parts.append("\n".join(_wrapped(page.alike, room)))
    parts += ["\n".join(_wrapped(note, room)) for note in page.notes]
    if not found.same:
        parts.append("\n".join(line for heading, text in page.sums for line in _sum(heading, text, room)))
    return "\n\n".join(parts)


def _totals(page: Page, found: Difference, room: int) -> Iterator[str]:
    rows = [("", *found.names, "difference"), *page.totals]
    widths = [max(len(terminal(row[at])) for row in rows) for at in range(4)]
    if sum(widths) + 6 > room:
        rows[0] = ("", "first", "second", "difference")
        widths = [max(len(terminal(row[at])) for row in rows) for at in range(4)]
    for row in rows:
        first, *rest = (terminal(each) for each in row)
        cells = [first.ljust(widths[0]), *(text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()


def _entry(number: int, entry: Entry, room: int) -> Iterator[str]:
    head = f"{number}. "
    yield from _wrapped(f"{entry.names}: {entry.sentence}", room, head, " " * len(head))
    for line in entry.lines:
        yield from _cost(line, len(head), room)


def _cost(line: Line, indent: int, room: int) -> Iterator[str]:
    start = f"{' ' * indent}{line.heading:<12} {line.gap:>15}   "
    for number, working in enumerate(line.workings):
        first = start if not number else " " * len(start)
        text = _wrapped(working, room, first, " " * len(start))
        yield from text


def _sum(heading: str, text: str, room: int) -> list[str]:
    return _wrapped(text, room, f"{heading:<12} ", " " * 15)


def _wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(terminal(text), width, initial_indent=first, subsequent_indent=rest, break_long_words=False,
                         break_on_hyphens=False) or [first]  # fmt: skip
