"""Everything one page says about a network, gathered before anything is written in any format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from archscope.analysis import Analysis, Row
from archscope.site.audit import Finding
from archscope.site.evidence import Evidence, Table
from archscope.site.live import Picture
from archscope.site.tools import counters
from archscope.working import Count

WORKED: Final = ("parameters", "fixed", "connections", "connections_in_bounds", "macs", "flops", "units",
                 "dense_equivalent")  # fmt: skip
"""The counts whose working a layer's card shows, in this order."""


@dataclass(frozen=True)
class Download:
    """A file beside the page."""

    name: str
    title: str
    content: bytes


@dataclass(frozen=True)
class Source:
    """A network as the source of another program; ``text`` is empty where it cannot be, ``reason`` says why."""

    language: str
    title: str
    text: str
    reason: str = ""


@dataclass(frozen=True)
class Step:
    """A working that is shown: of a whole row, or of one of its nodes where their letters differ."""

    node: str
    value: Count


EXPLORED: Final = "-explore.html"
"""How the file ends in which blocks open and colours say what layers cost."""


@dataclass(frozen=True)
class Page:
    """What a page shows of one network.

    Attributes:
        analysis: every number.
        figure: the picture as the papers drew it, or the graph where it has no such form.
        figure_style: what it is drawn as.
        graph: the graph, where the figure is another picture.
        small: the figure as a gallery shows it.
        findings: every published figure beside what comes out.
        sources: PyTorch's and Keras's.
        downloads: the files beside the page.
        left_out: the files that could not be made, a line each.
        memory: what it holds in memory, and which batch fits usual cards.
        evidence: the matrix of witnesses, where it was asked for; what was measured, where there is a result file.
        witnessed: what each witness counted for the whole network, by its name and the quantity, where it was asked.
    """

    analysis: Analysis
    figure: Picture
    figure_style: str
    graph: Picture | None
    small: Picture
    findings: tuple[Finding, ...]
    sources: tuple[Source, ...] = ()
    downloads: tuple[Download, ...] = ()
    left_out: tuple[str, ...] = ()
    memory: Evidence | None = None
    evidence: tuple[Evidence, ...] = ()
    witnessed: Mapping[tuple[str, str], str] | None = None

    @property
    def slug(self) -> str:
        """The name of its folder."""
        return slug(self.analysis.name)

    @property
    def explored(self) -> str:
        """The file to explore it in."""
        return f"{self.slug}{EXPLORED}"

    @cached_property
    def findings_by_row(self) -> Mapping[str, Sequence[tuple[int, Finding]]]:
        """The figures about each layer, with their place in the list of all."""
        found: dict[str, list[tuple[int, Finding]]] = {}
        for place, finding in enumerate(self.findings):
            if finding.figure.layer is not None:
                found.setdefault(finding.figure.layer, []).append((place, finding))
        return found

    @property
    def tools(self) -> Table:
        """How other tools count it, and what they said where they were asked."""
        asked = self.witnessed
        headings = ("Tool", "What it prints", "What answers it here", "Here")
        numeric = (False, False, False, True)
        lines = [(each.tool, each.prints, each.ours, each.value) for each in counters(self.analysis)]
        if asked is None:
            return Table("Other tools", headings, numeric, tuple(lines))
        said = (asked.get(each.witness) or asked.get(each.otherwise, "not asked") for each in counters(self.analysis))
        answered = tuple((*line, answer) for line, answer in zip(lines, said, strict=True))
        return Table("Other tools", (*headings, "It says"), (*numeric, False), answered)

    @property
    def held(self) -> int:
        """Figures that hold, rounded ones included."""
        return sum(finding.verdict not in ("differs", "claim") for finding in self.findings)


def slug(name: str) -> str:
    """A name that is good in an address and on every file system.

    >>> slug("lenet5-1998"), slug("My net (v2)")
    ('lenet5-1998', 'My-net-v2')
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "network"


def steps(row: Row, quantity: str) -> tuple[Step, ...]:
    """The workings of one count of a row: one, or one for each node where a letter stands for two numbers."""
    value = row.count_of(quantity)
    if value is None:
        return ()
    known = [
        (node.name, count)
        for node, facts in zip(row.nodes, row.facts, strict=True)
        if node.shares is None and (count := getattr(facts, quantity))
    ]
    seen: dict[str, int] = {}
    clash = any(seen.setdefault(letter, at) != at for _, count in known for letter, at in count.letters.items())
    return tuple(Step(*each) for each in known) if clash else (Step("", value),)


def told(row: Row, quantity: str) -> bool:
    """Whether a card shows a count: not one that is 0, nor one that another says already."""
    value = row.count_of(quantity)
    if quantity == "connections_in_bounds" and value is not None and row.connections is not None:
        return int(value) != int(row.connections)
    return value is None or value != 0
