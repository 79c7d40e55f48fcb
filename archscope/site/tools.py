"""What the tools that people compare with call a number, and which of our counts answers it.

The numbers are ours. Whether a tool really prints them is what a witness of `archscope verify` finds out; where one
was asked, its answer stands beside.

>>> import archscope
>>> [each.tool for each in counters(archscope.analyze(archscope.load("lenet5-pytorch")))][:2]
['torchinfo', 'torchinfo']
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
        ours: which of our counts answers it, and how it differs.
        value: that count.
        witness: the witness of `archscope verify` that asks the tool, and the quantity it asks for.
    """

    tool: str
    prints: str
    ours: str
    value: str
    witness: tuple[str, str]

    @property
    def otherwise(self) -> tuple[str, str]:
        """Where the witness says why it has no answer at all."""
        return self.witness[0], "parameters"


def counters(analysis: Analysis) -> tuple[Counter, ...]:
    """Every line that a count of ours answers."""
    return tuple(_counters(analysis))


def _counters(analysis: Analysis) -> Iterable[Counter]:
    totals = analysis.totals
    parameters = int(totals.parameters)
    yield Counter(
        "torchinfo",
        "Total params",
        "parameters; fixed values are buffers, which it leaves out",
        f"{parameters:,}",
        ("torchinfo", "parameters"),
    )
    if totals.connections is not None:
        yield Counter(
            "torchinfo",
            "Total mult-adds",
            "connections of convolutions and dense layers, because it counts a bias as one more product; "
            "of other layers it counts something else",
            f"{int(totals.connections):,}",
            ("torchinfo", "connections"),
        )
    if totals.macs is not None:
        macs = int(totals.macs)
        yield Counter(
            "fvcore", "FlopCountAnalysis.total()", "MACs, although it calls them FLOPs", f"{macs:,}", ("fvcore", "macs")
        )
        yield Counter("PyTorch", "FlopCounterMode", "FLOPs = 2·MACs", f"{2 * macs:,}", ("FLOPs", "flops"))
    held = parameters + int(totals.fixed)
    yield Counter(
        "Keras", "count_params()", "parameters and fixed values together", f"{held:,}", ("Keras", "count_params")
    )
