"""A page for each network that comes along: what it is, its members, its layers in numbers, what its papers printed.

The museum has their figures; these pages are what the site's search finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import archscope
from archscope.analysis import Analysis
from archscope.escaping import markdown as escape
from archscope.formats import View, write
from archscope.network import Network
from archscope.reader import spec_names
from archscope.site.audit import Finding, audit
from tools.pages.markdown import fenced, page, table

MOST_LINES = 30
"""A longer table has a line for each block."""

COLUMNS = ("output", "parameters", "macs")


def pages() -> dict[str, str]:
    families: dict[str, list[Network]] = {}
    for name in spec_names(variants=True):
        families.setdefault(name.partition("@")[0], []).append(archscope.load(name))
    shown = {name.partition("@")[0]: archscope.analyze(archscope.load(name)) for name in spec_names()}
    return {f"networks/{family}.md": _page(shown[family], members) for family, members in families.items()}


def _page(analysis: Analysis, members: Sequence[Network]) -> str:
    network = analysis.network
    totals = analysis.totals
    macs = "" if totals.macs is None else f", {int(totals.macs):,} MACs"
    place = f"Published in {network.year}. " if network.year else ""
    figure = f"[Its figure](../museum.md#{anchor(analysis.name)}) hangs in the museum."
    return page(
        escape(analysis.title),
        escape(" ".join(network.summary.split())) if network.summary else "",
        f"{place}`{analysis.name}`: {int(totals.parameters):,} parameters{macs}. {figure}",
        *_members(members),
        f"## Layers of {escape(analysis.title)}" if len(members) > 1 else "## Layers",
        _layers(analysis),
        *_published(audit(analysis)),
        "## Ask more",
        fenced("\n".join(_commands(analysis.name))),
        *_sources(network),
    )


def anchor(name: str) -> str:
    """Where a network stands in the museum."""
    return name.replace("@", "-").replace(".", "-")


def _members(members: Sequence[Network]) -> Iterator[str]:
    if len(members) < 2:
        return
    yield "## Members of the family"
    lines = []
    for each in members:
        totals = archscope.analyze(each).totals
        macs = "not covered" if totals.macs is None else f"{int(totals.macs):,}"
        lines.append((f"`{each.name}`", escape(each.title or each.name), f"{int(totals.parameters):,}", macs))
    yield table(("Name", "Title", "Parameters", "MACs"), lines, numbers=2)


def _layers(analysis: Analysis) -> str:
    short = View(columns=COLUMNS, depth=None if len(analysis.rows) <= MOST_LINES else 1)
    text = write(analysis, "markdown", short)
    return text[text.index("\n| ") :].strip()


def _published(found: Sequence[Finding]) -> Iterator[str]:
    """The figures that were printed, and where one does not hold, why."""
    numbers = [each for each in found if each.figure.quantity is not None]
    if not numbers:
        return
    yield "## What its papers printed"
    yield table(
        ("Figure", "Printed", "Comes out", "Where"),
        (
            (escape(f"{each.subject} of {each.figure.layer}" if each.figure.layer else each.subject),
             escape(each.printed), escape(each.recomputed) + (" ✗" if each.figure.why else ""),
             escape(each.figure.where or ""))
            for each in numbers
        ),
    )  # fmt: skip


def _commands(name: str) -> Iterator[str]:
    file = anchor(name)
    yield f"archscope table {name}"
    yield f"archscope diagram {name} -o {file}.svg"
    yield f"archscope verify {name}"
    yield f"archscope code {name} --to pytorch"
    yield f"archscope worksheet {name} -o homework.md"


def _sources(network: Network) -> Iterator[str]:
    if network.sources:
        yield "## Sources"
        yield "\n".join(f"- {escape(' '.join(text.split()))}" for text in network.sources.values())
