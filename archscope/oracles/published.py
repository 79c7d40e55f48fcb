"""The published figures of a spec: each holds, rounded or cut off or as a bound, or differs and the spec says why.

A figure is as precise as it is printed; `archscope.printed` has the rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from archscope.analysis import COUNTS, Analysis, analyze
from archscope.errors import ArchscopeError
from archscope.network import Network, Published
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, Verdict, plain
from archscope.printed import Printed, printed_number

NAME = "published"


def observe(case: Case) -> Iterator[Finding]:
    """Hold every figure of the spec against the analysis."""
    for figure in case.network.published:
        yield judge(figure, case.analysis)


def judge(figure: Published, analysis: Analysis) -> Finding:
    """One figure held against the numbers of the network, or of the variant of it that the figure is stated for."""
    found = Finding(
        NAME, figure.layer, figure.quantity or "claim", Verdict.AGREES, theirs=_said(figure),
        source=figure.source, where=figure.where, seen=figure.seen,
    )  # fmt: skip
    if figure.quantity is None:
        found = replace(found, ours=figure.note or "", theirs=figure.claim)
        if figure.why is None:
            return replace(found, verdict=Verdict.NOT_COVERED, why=f"a claim in words: {figure.claim}")
        return replace(found, verdict=Verdict.EXPLAINED, why=figure.why)
    try:
        variant = _variant(figure, analysis)
    except ArchscopeError as error:
        return _differing(replace(found, ours=None), figure, f"as stated, the network does not fit together: {error}")
    ours = plain(_ours(figure, variant))
    if ours is None:
        return replace(found, verdict=Verdict.NOT_COVERED, why=f"{figure.quantity} is not covered by the analysis")
    how = matches(ours, plain(figure.value) if figure.printed is None else figure.printed)
    found = replace(found, ours=_shown(figure, ours))
    if how is None:
        return _differing(found, figure, "")
    if figure.why is not None:
        return replace(found, verdict=Verdict.DIFFERS, why="a stale explanation: the figure holds, "
                       f"but the spec says why it does not: {figure.why}")  # fmt: skip
    return replace(found, why=how)


def _differing(found: Finding, figure: Published, why: str) -> Finding:
    if figure.why is None:
        return replace(found, verdict=Verdict.DIFFERS, why=why)
    return replace(found, verdict=Verdict.EXPLAINED, why=figure.why)


def _variant(figure: Published, analysis: Analysis) -> Analysis:
    if not figure.changes and figure.input is None:
        return analysis
    from archscope.reader import load

    network: Network = analysis.network
    if network.path is None:
        raise ArchscopeError("a figure for a variant needs a spec on disk to change")
    return analyze(load(network.path, changes=dict(figure.changes), input=figure.input))


def _ours(figure: Published, analysis: Analysis) -> Any:
    """Our number or shape; all shapes where any of several may be meant."""
    quantity = figure.quantity or ""
    if figure.layer is None:
        if quantity in COUNTS:
            return analysis.totals.count_of(quantity)
        if quantity == "input":
            return analysis.input
        return analysis.network.shape_of(analysis.network.outputs[0])
    row = analysis[figure.layer]
    if quantity in COUNTS:
        return row.count_of(quantity)
    if quantity == "weight":
        return tuple(weight.shape for _, weight in row.weights)
    if quantity == "input":
        return row.input_shapes[0]
    return getattr(row, quantity)


def _shown(figure: Published, ours: Any) -> Any:
    if figure.quantity != "weight":
        return ours
    matrices = [shape for shape in ours if len(shape) > 1]
    return (matrices or list(ours) or [None])[0]


def _said(figure: Published) -> Any:
    """What was printed, in its own notation."""
    return plain(figure.value) if figure.printed is None else figure.printed.text


def matches(ours: Any, printed: Any) -> str | None:
    """How a printed figure matches: ``""`` to the last digit, else in words; None if it does not.

    >>> matches(71_234, 71_234), matches(71_234, 70_000), matches(659_272, 650_000), matches(290_400, 253_440)
    ('', 'rounded to its 1 significant digit', 'truncated to its 2 significant digits', None)
    """
    if isinstance(printed, tuple):
        return "" if ours == printed or (isinstance(ours, tuple) and printed in ours) else None
    figure = printed if isinstance(printed, Printed) else printed_number(printed)
    if isinstance(ours, tuple):
        return "" if set(ours) == {figure.value} else None
    return figure.match(ours)
