"""What was printed about a network, beside what comes out.

>>> import archscope
>>> from archscope.reader import load
>>> first = audit(archscope.analyze(load("lenet5")))[0]
>>> first.printed, first.recomputed, first.verdict
('156', '156', 'holds')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from archscope.analysis import COUNTS, Analysis, analyze
from archscope.errors import ArchscopeError
from archscope.formats.columns import COLUMNS
from archscope.formats.sheet import spell_extents
from archscope.network import Published
from archscope.reader import load

Verdict = Literal["holds", "rounded", "differs", "claim"]

SAID: Final = {
    "holds": "holds",
    "rounded": "holds, rounded",
    "differs": "does not hold",
    "claim": "commented",
}
"""Each verdict in words."""

_SHAPES: Final = {"output": "output shape", "input": "input shape", "weight": "weight shape"}


@dataclass(frozen=True)
class Finding:
    """A published figure and what comes out.

    Attributes:
        figure: the entry of the spec.
        subject: what it is a figure of, in words: ``connections``.
        printed: what was printed.
        recomputed: what comes out; empty for a claim in words.
        verdict: whether the two agree.
    """

    figure: Published
    subject: str
    printed: str
    recomputed: str
    verdict: Verdict

    @property
    def remark(self) -> str:
        """Why it does not hold, or what to know of it where it does; the conditions it is stated for."""
        figure = self.figure
        stated = [f"{option} = {value}" for option, value in figure.changes.items()]
        if figure.input is not None:
            stated.append(f"input {spell_extents(figure.input)}")
        said = (figure.why or figure.note or "").rstrip(".")
        condition = f"stated for {', '.join(stated)}" if stated else ""
        return "; ".join(each for each in (said, condition) if each)


def audit(analysis: Analysis) -> tuple[Finding, ...]:
    """Every published figure of a network, in the order of its spec."""
    return tuple(_finding(figure, analysis) for figure in analysis.network.published)


def _finding(figure: Published, analysis: Analysis) -> Finding:
    if figure.quantity is None:
        return Finding(figure, "", figure.claim or "", "", "claim")
    subject = _SHAPES.get(figure.quantity) or COLUMNS[figure.quantity].heading.lower()
    try:
        value = _recomputed(figure, _as_stated(figure, analysis))
    except ArchscopeError as error:
        return Finding(figure, subject, _spelled(figure.value), f"nothing: {error}", "differs")
    return Finding(figure, subject, _spelled(figure.value), _spelled(value), _verdict(figure.value, value))


def _as_stated(figure: Published, analysis: Analysis) -> Analysis:
    """The network with the options and the input the figure is stated for."""
    path = analysis.network.path
    if (not figure.changes and figure.input is None) or path is None:
        return analysis
    return analyze(load(path, changes=figure.changes, input=figure.input))


def _recomputed(figure: Published, analysis: Analysis) -> Any:
    quantity = figure.quantity or ""
    if figure.layer is None:
        if quantity == "input":
            return analysis.input
        return analysis.totals.count_of(quantity) if quantity in COUNTS else analysis.rows[-1].output
    row = analysis[figure.layer]
    if quantity == "weight":
        return row.weights[0][1].shape if row.weights else None
    if quantity == "input":
        return row.input_shapes[0]
    return getattr(row, quantity)


def _verdict(printed: Any, value: Any) -> Verdict:
    if value is None:
        return "differs"
    if isinstance(value, tuple):
        wanted = printed if isinstance(printed, Sequence) else (printed,) * len(value)
        return "holds" if tuple(int(each) for each in value) == tuple(wanted) else "differs"
    if int(value) == printed:
        return "holds"
    unit = _unit(printed)
    return "rounded" if unit > 1 and abs(int(value) - printed) < unit else "differs"


def _unit(printed: float) -> int:
    """What the last digit that is no zero stands for: 10,000 for 60,000."""
    unit = 1
    while printed and printed % (unit * 10) == 0:
        unit *= 10
    return unit


def _spelled(value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, Sequence):
        return spell_extents(value)
    return f"{value:,}" if isinstance(value, float) else f"{int(value):,}"
