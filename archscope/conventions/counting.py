"""`count`: one tool's total of a network, and the way to it from our multiply-accumulates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from archscope.analysis import Analysis
from archscope.conventions.tools import TOOLS, Tool
from archscope.errors import NotFound, UsageError, did_you_mean, one
from archscope.record import Record


class Part(Record):
    """What a tool counts more than there are multiply-accumulates, or less, and why; and of which layers."""

    amount: int
    why: str
    layers: tuple[str, ...]


class Counted(Record):
    """A tool's total of a network.

    Attributes:
        analysis: the network's numbers.
        tool: the tool.
        total: what it comes to.
        base: what that starts from: our multiply-accumulates, twice where the tool counts two FLOPs for each; the
            trainable parameters where it counts those.
        parts: what is added and left out; with the base they are the total.
    """

    analysis: Analysis
    tool: Tool
    total: int
    base: int
    parts: tuple[Part, ...]

    @property
    def printed(self) -> str:
        """The total as the tool prints it, rounded where its table is."""
        if self.tool.rounds is None:
            return f"{self.total:,}"
        return f"{self.total / 1e9:.{self.tool.rounds}f} G"


def count(analysis: Analysis, tool: str) -> Counted:
    """What a tool would print for a network.

    Every layer is counted as PyTorch's module of its kind, of one sample at inference.

    Raises:
        NotFound: nobody knows the tool.
        UsageError: a layer's multiply-accumulates are not covered, so there is nothing to start from.

    >>> from archscope.analysis import analyze
    >>> from archscope.reader import load
    >>> count(analyze(load("resnet@50-v1.5")), "torchvision").printed
    '4.089 G'
    """
    if tool not in TOOLS:
        raise NotFound(f"no tool `{tool}`; {did_you_mean(tool, TOOLS, what='tools')}")
    chosen = TOOLS[tool]
    totals = analysis.totals
    if chosen.unit == "parameters":
        fixed = int(totals.fixed)
        held = tuple(row.name for row in analysis.rows if row.fixed)
        parts = (Part(fixed, "it counts what is held and not trained with the rest", held),) if fixed else ()
        return Counted(analysis, chosen, int(totals.parameters) + fixed, int(totals.parameters), parts)
    if totals.macs is None:
        raise UsageError(f"{analysis.name} has no total to start from: {totals.reasons.get('macs', 'not covered')}")
    for node in analysis.network.nodes:
        if node.layer.type in _OWN:
            what = f"`{node.row}` is {one(node.layer.type)}, which is no module of PyTorch"
            raise UsageError(f"{what}; nobody knows what {tool} would make of it")
    base = chosen.times * int(totals.macs)
    found = tuple(_parts(analysis, chosen))
    return Counted(analysis, chosen, base + sum(part.amount for part in found), base, found)


_OWN: Final = ("mixture_of_experts", "locally_connected1d", "locally_connected2d")
"""Types with products that PyTorch has no module for."""


def _parts(analysis: Analysis, tool: Tool) -> Iterator[Part]:
    """What each reason adds or takes away, with the layers it is about."""
    amounts: dict[str, int] = {}
    layers: dict[str, dict[str, None]] = {}
    assert tool.rule is not None  # noqa: S101 - who counts parameters was answered before
    for node in analysis.network.nodes:
        layer = getattr(node.layer, "like", None) or node.layer
        facts = analysis.network.facts[node.name]
        tally = tool.rule(layer, facts)
        told = [(tool.times * (tally.macs - int(facts.macs or 0)), tally.why), *tally.extras]
        for amount, why in told:
            if amount:
                amounts[why] = amounts.get(why, 0) + amount
                layers.setdefault(why, {})[node.row] = None
    for why, amount in sorted(amounts.items(), key=lambda each: -abs(each[1])):
        if amount:
            yield Part(amount, why or "it counts other products", tuple(layers[why]))
