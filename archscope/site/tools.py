"""What the tools that people compare with print for a network, and which of our counts it is.

The numbers are ours, named as the tools name them; whether a tool really prints them is what `archscope verify`
finds out, and a page with proofs shows.

>>> import archscope
>>> [(each.tool, each.value) for each in counters(archscope.analyze(archscope.load("lenet5-pytorch")))][:2]
[('torchinfo', '61,706'), ('torchinfo', '423,038')]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archscope.analysis import Analysis


@dataclass(frozen=True)
class Counter:
    """One line of a tool's output.

    Attributes:
        tool: its name.
        prints: what it calls the number.
        value: the number.
        counts: which of our counts that is.
    """

    tool: str
    prints: str
    value: str
    counts: str


def counters(analysis: Analysis) -> tuple[Counter, ...]:
    """Every line that a count of ours answers."""
    return tuple(_counters(analysis))


def _counters(analysis: Analysis) -> Iterable[Counter]:
    totals = analysis.totals
    parameters = f"{int(totals.parameters):,}"
    held = f"{int(totals.parameters) + int(totals.fixed):,}"
    yield Counter("torchinfo", "Total params", parameters, "parameters; what is fixed is no parameter of a module")
    if totals.connections is not None:
        yield Counter(
            "torchinfo",
            "Total mult-adds",
            f"{int(totals.connections):,}",
            "connections, a bias as one more product; of convolutions and dense layers alone",
        )
    if totals.macs is not None:
        macs = int(totals.macs)
        yield Counter("fvcore", "FlopCountAnalysis(…).total()", f"{macs:,}", "MACs, although it is called FLOPs")
        yield Counter("PyTorch", "FlopCounterMode", f"{2 * macs:,}", "2·MACs: a product and a sum are two")
    yield Counter("Keras", "count_params()", held, "parameters and fixed values together")
