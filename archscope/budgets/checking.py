"""`check`: budgets of a file held against the networks that they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from archscope.analysis import Analysis, analyze
from archscope.budgets.expressions import Asked, Budget, holds
from archscope.budgets.files import Named
from archscope.difference import Difference, difference
from archscope.errors import ArchscopeError, NotFound, UsageError, did_you_mean, nearest
from archscope.losses import DEFAULT
from archscope.memory import memory
from archscope.memory.running import Run
from archscope.opening import open_network
from archscope.precision import DTYPE_BYTES
from archscope.reader import near_spec, spec_names
from archscope.record import Record


class Kept(Record):
    """One budget that was looked at.

    Attributes:
        budget: as it is written.
        place: the file it is written in.
        kept: whether it holds.
        sentence: the numbers, and by how much it is missed.
    """

    budget: str
    place: str
    kept: bool
    sentence: str


class Networks:
    """The networks of a file by name, each opened when it is first asked for."""

    def __init__(self, named: Mapping[str, Named], place: str) -> None:
        self.named, self.place = named, place
        self._open: dict[str, Analysis] = {}

    def __getitem__(self, name: str) -> Analysis:
        """The numbers of a network.

        Raises:
            NotFound: there is none of that name, in the file or among the specs that come along.
        """
        if name not in self._open:
            self._open[name] = analyze(open_network(**self._said(name)))
        return self._open[name]

    def _said(self, name: str) -> dict[str, Any]:
        if name in self.named:
            return self.named[name].said
        shipped = spec_names(variants=True)
        if name in shipped or "/" in name or ":" in name or name.endswith((".yaml", ".yml")):
            return {"spec": name}
        near = nearest(name, self.named) or near_spec(name)
        remedy = f"did you mean `{near}`?" if near else did_you_mean("", [*self.named, *shipped], what="networks")
        raise NotFound(f"{self.place}: no network is called `{name}`; {remedy}")


def check(budgets: Sequence[Budget], networks: Networks) -> list[Kept]:
    """Hold every budget against its networks.

    Raises:
        NotFound: a budget is about a network or a layer that is nowhere.
        UsageError: a quantity cannot be asked for so.
    """
    return [_one(budget, networks) for budget in budgets]


def _one(budget: Budget, networks: Networks) -> Kept:
    if budget.equal is not None:
        return _equal(budget, networks)
    unknown: list[str] = []
    asked: dict[Asked, int] = {}

    def number(each: Asked) -> int:
        try:
            value = number_of(networks[each.network], each)
        except ArchscopeError as error:
            raise type(error)(f"{networks.place}: `{budget.text}`: {error}") from None
        if isinstance(value, str):
            unknown.append(f"{each.written} is not covered: {value}")
            return 0
        asked[each] = value
        return value

    kept, values = holds(budget, number)
    if unknown:
        return Kept(budget.text, networks.place, False, "; ".join(unknown))
    return Kept(budget.text, networks.place, kept, _sentence(asked, values, kept))


def _sentence(asked: Mapping[Asked, int], values: Sequence[Fraction], kept: bool) -> str:
    said = "; ".join(f"{each.written} is {value:,}" for each, value in asked.items())
    if kept or len(values) != 2 or values[0] == values[1]:
        return said
    gap = values[0] - values[1]
    return f"{said}; that is {_plain(abs(gap))} {'more' if gap > 0 else 'less'}"


def _plain(value: Fraction) -> str:
    return f"{int(value):,}" if value.denominator == 1 else f"{float(value):,.6g}"


def _equal(budget: Budget, networks: Networks) -> Kept:
    first, second = budget.equal or ("", "")
    try:
        found = difference(networks[first], networks[second], names=(first, second))
    except UsageError as error:
        if "nothing in common" not in str(error):
            raise
        return Kept(budget.text, networks.place, False, str(error))
    return Kept(budget.text, networks.place, found.same, _parted(found))


def _parted(found: Difference) -> str:
    if found.same:
        return f"{found.alike:,} layers are alike"
    first = found.items[0]
    what = "; ".join(first.phrases) or f"{first.changes[0].label}, only in one of them"
    more = len(found.items) - 1
    return f"{first.names}: {what}" + (f", and {more:,} more difference{'s' * (more > 1)}" if more else "")


def number_of(analysis: Analysis, asked: Asked) -> int | str:
    """A quantity; or why it is not covered."""
    said = dict(asked.said)
    if asked.quantity in ("saved_bytes", "weight_bytes", "peak_bytes"):
        if asked.layer:
            raise UsageError(f"`{asked.quantity}` is asked of a whole network; leave `{asked.layer}` out")
        return _bytes(analysis, asked.quantity, said)
    if not asked.layer:
        total = analysis.totals.count_of(asked.quantity)
        return analysis.totals.reasons.get(asked.quantity, "no rule") if total is None else int(total)
    row = analysis[asked.layer]
    value = row.count_of(asked.quantity)
    return row.reason(asked.quantity) or "no rule" if value is None else int(value)


def _bytes(analysis: Analysis, quantity: str, said: dict[str, Any]) -> int | str:
    batch, dtype = said.get("batch", 1), said.get("dtype", "float32")
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        raise UsageError(f"a batch of {batch} holds nothing; use 1 or more")
    if dtype not in DTYPE_BYTES:
        raise UsageError(f"no type `{dtype}`; {did_you_mean(str(dtype), DTYPE_BYTES, what='types')}")
    if quantity == "weight_bytes":
        return analysis.weight_bytes(dtype if "dtype" in said else None)
    network = analysis.network
    if quantity == "saved_bytes":
        run = Run(network, batch, dtype, training=True)
        run.build()
        run.forward()
        return _unknown(run.not_covered) or int(run.ledger.by_kind["saved"])
    held = memory(network, batch, dtype=dtype, optimizer=said.get("optimizer"),
                  loss=said.get("loss", DEFAULT))  # fmt: skip
    if held.not_covered:
        return _unknown(held.not_covered)
    if held.decided:
        layer, why = next(iter(held.decided.items()))
        return f"`{layer}`: {why}; it is {held.peak.most.total:,} to {held.at_most:,}"
    return held.peak.most.total


def _unknown(not_covered: Mapping[str, str]) -> str:
    """The first layer that is not covered, and why; empty if all are."""
    return next((f"`{layer}`: {why}" for layer, why in not_covered.items()), "")
