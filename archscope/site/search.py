"""What the search on the page of all networks finds: networks, their layers, and what was published about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from archscope.escaping import json_in_html
from archscope.layers.base import spell_count, spell_shape
from archscope.rows import Row
from archscope.site.audit import SAID
from archscope.site.page import Page


@dataclass(frozen=True)
class Entry:
    """One thing to find. The names are short because a script reads them on every page of networks.

    Attributes:
        n: its name; a hit here counts most.
        t: what else is said of it.
        h: where it is.
        k: what it is.
    """

    n: str
    t: str
    h: str
    k: Literal["network", "layer", "figure"]


def entries(pages: Sequence[Page]) -> tuple[Entry, ...]:
    """Everything that can be found, networks first."""
    return tuple(each for kind in (_network, _layers, _figures) for page in pages for each in kind(page))


def index(pages: Sequence[Page]) -> str:
    """The entries as JSON that may stand in a script element."""
    return json_in_html([asdict(entry) for entry in entries(pages)])


def _network(page: Page) -> Iterable[Entry]:
    network = page.analysis.network
    about = f"{network.name}: {int(page.analysis.totals.parameters):,} parameters. {network.summary}"
    yield Entry(page.analysis.title, about, _address(page), "network")


def _layers(page: Page) -> Iterable[Entry]:
    for row in page.analysis.rows:
        if _is_copy(page, row):
            continue
        shape = spell_shape(row.output)
        count = f", {spell_count(int(row.parameters), 'parameter')}" if row.parameters else ""
        text = f"{row.node.layer.label}, {shape}{count}, in {page.analysis.title}"
        yield Entry(row.name, text, f"{_address(page)}#layer-{row.name}", "layer")


def _is_copy(page: Page, row: Row) -> bool:
    """Whether it is in a later one of several equal blocks: the first stands for all."""
    groups = page.analysis.network.groups
    path = row.node.group
    return any(
        groups[path[:depth]].copies > 1 and path[depth] != "0"
        for depth in range(1, len(path))
        if path[:depth] in groups
    )


def _figures(page: Page) -> Iterable[Entry]:
    for place, finding in enumerate(page.findings):
        figure = finding.figure
        name = finding.printed if not finding.subject else f"{finding.printed} {finding.subject}"
        of = f"{figure.layer} of {page.analysis.title}" if figure.layer else page.analysis.title
        text = f"{SAID[finding.verdict]}; {figure.source} about {of}"
        yield Entry(name, text, f"{_address(page)}#published-{place + 1}", "figure")


def _address(page: Page) -> str:
    return f"{page.slug}/index.html"
