"""What was found out beyond the arithmetic, proofs and measurements, in a form that every format can write."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """A cell that says how something came out; ``kind`` gives it its colour: holds, differs, claim or none."""

    text: str
    kind: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in SVG: the name of its file, what it shows, and the file."""

    name: str
    shows: str
    svg: str


@dataclass(frozen=True)
class Table:
    """A table: its name, its headings, which columns are numbers, its lines."""

    name: str
    headings: tuple[str, ...]
    numeric: tuple[bool, ...]
    lines: tuple[tuple[str | Mark, ...], ...]


@dataclass(frozen=True)
class Evidence:
    """A section of a page.

    Attributes:
        name: for links.
        heading: what stands above it.
        link: what the list of sections calls it.
        lead: a sentence or two.
        tables: what was found.
        pictures: what is better seen.
        notes: what else to know, a line each.
    """

    name: str
    heading: str
    link: str
    lead: str
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
