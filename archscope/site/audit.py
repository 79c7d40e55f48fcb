"""What was printed about a network, beside what comes out.

>>> import archscope
>>> from archscope.reader import load
>>> first = audit(archscope.analyze(load("lenet5")))[0]
>>> first.printed, first.recomputed, first.verdict
('156', '156', 'holds')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from archscope.analysis import Analysis
from archscope.formats.columns import COLUMNS
from archscope.layers.base import spell_shape
from archscope.network import Published
from archscope.oracles.findings import Finding as Judged
from archscope.oracles.findings import Verdict as Outcome
from archscope.oracles.findings import spell
from archscope.oracles.published import judge

Verdict = Literal["holds", "rounded", "truncated", "bound", "differs", "claim"]

SAID: Final = {
    "holds": "holds",
    "rounded": "holds, rounded",
    "truncated": "holds, cut off",
    "bound": "holds as said",
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
            stated.append(f"input {spell_shape(figure.input)}")
        said = (figure.why or figure.note or "").rstrip(".")
        memory = "" if figure.seen else "not seen in its source"
        condition = f"stated for {', '.join(stated)}" if stated else ""
        return "; ".join(each for each in (said, condition, memory) if each)


def audit(analysis: Analysis) -> tuple[Finding, ...]:
    """Every published figure of a network, in the order of its spec."""
    return tuple(_finding(figure, analysis) for figure in analysis.network.published)


def _finding(figure: Published, analysis: Analysis) -> Finding:
    found = judge(figure, analysis)
    if figure.quantity is None:
        return Finding(figure, "", figure.claim or "", "", "claim")
    subject = _SHAPES.get(figure.quantity) or _heading(figure.quantity)
    recomputed = "not known" if found.ours is None else spell(found.ours)
    return Finding(figure, subject, spell(found.theirs), recomputed, _verdict(found))


def _heading(quantity: str) -> str:
    """What it is called within a sentence: what is spelled in capitals stays so."""
    heading = COLUMNS[quantity].heading
    return heading if heading[:2].isupper() else heading.lower()


def _verdict(found: Judged) -> Verdict:
    if found.verdict is not Outcome.AGREES:
        return "differs"
    if found.why.startswith("rounded"):
        return "rounded"
    if found.why.startswith("truncated"):
        return "truncated"
    return "bound" if found.why else "holds"
