"""What a paper got wrong, in one line, and how a reader checks it.

>>> from archscope.analysis import analyze
>>> from archscope.reader import load
>>> slip = first_slip(analyze(load("alexnet")))
>>> slip.text, slip.command
('Fig. 2: input shape 3×224×224; 3×227×227 come out', 'archscope explain alexnet total')
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from archscope.analysis import Analysis
from archscope.record import Record
from archscope.site.audit import Finding, audit

_SENTENCE = re.compile(r"(?<!Sec)(?<!Fig)(?<!Tab)[.;]\s+(?=[A-Z0-9])")
"""Between two sentences."""


class Slip(Record):
    """A figure that does not hold.

    Attributes:
        text: the figure and what comes out, or the words and why they do not hold.
        why: why it does not hold.
        command: what shows it on a reader's own machine.
        place: where it is in the list of all figures.
        more: how many others there are.
    """

    text: str
    why: str
    command: str
    place: int
    more: int


def first_slip(analysis: Analysis, findings: Sequence[Finding] | None = None) -> Slip | None:
    """The first figure of a network that does not hold, those of its own paper before others; None if all do."""
    every = audit(analysis) if findings is None else findings
    wrong = [(place, each) for place, each in enumerate(every) if each.figure.why]
    if not wrong:
        return None
    own = next(iter(analysis.network.sources), "")
    # A number says more in a line than words do.
    place, chosen = min(wrong, key=lambda pair: (pair[1].figure.source != own, pair[1].figure.quantity is None))
    figure = chosen.figure
    of = f" of {figure.layer}" if figure.layer else ""
    where = f"{figure.where}: " if figure.where else ""
    why = _SENTENCE.split(" ".join((figure.why or "").split()))[0].rstrip(".;")
    if figure.quantity is None:
        text = f"{where}“{figure.claim}”. {why}"
    else:
        text = f"{where}{chosen.subject}{of} {chosen.printed}; {chosen.recomputed} come out"
    command = f"archscope explain {analysis.name} {figure.layer or 'total'}"
    return Slip(text.rstrip("."), why, command, place, len(wrong) - 1)


def all_hold(figures: int) -> str:
    """What is said where no figure of several is wrong.

    >>> all_hold(2)
    'Both published figures hold.'
    """
    return f"{'Both' if figures == 2 else f'All {figures}'} published figures hold."
