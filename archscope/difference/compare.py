"""`difference`: what two networks have in common, what not, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archscope.analysis import Analysis, analyze
from archscope.difference.alignment import Pair, Wires, align
from archscope.difference.elements import QUANTITIES, Graph
from archscope.difference.graph import graph_of
from archscope.difference.items import Change, Cost, Groups, Item, changes_of, inputs_named, items_of
from archscope.difference.sums import Term, spell_sum, terms_of
from archscope.difference.words import Facet, listed
from archscope.errors import UsageError
from archscope.layers.base import spell_shape
from archscope.network import COUNTS, Network
from archscope.patience import without_collector
from archscope.printed import Printed, printed_number
from archscope.record import Record
from archscope.working import Count


class Difference(Record):
    """Two networks side by side.

    Attributes:
        a: the first.
        b: the second.
        names: what they are called.
        pairs: their layers side by side.
        items: what differs, in the order of the networks.
        alike: how many layers are alike.
        totals: each quantity of the first and of the second; None where it is not covered.
        terms: the parts of each gap that is known.
        reasons: why a gap is not known, by quantity.
        published: figures of the one that are right for the other, a sentence each.
    """

    a: Analysis
    b: Analysis
    names: tuple[str, str]
    pairs: tuple[Pair, ...]
    items: tuple[Item, ...]
    alike: int
    totals: Mapping[str, Cost]
    terms: Mapping[str, tuple[Term, ...]]
    reasons: Mapping[str, str]
    published: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.items

    @property
    def sums(self) -> Mapping[str, str]:
        """Each gap that is known as the sum of its parts."""
        return {quantity: spell_sum(quantity, int(cost.after or 0), int(cost.before or 0), self.terms[quantity])
                for quantity, cost in self.totals.items() if quantity in self.terms}  # fmt: skip


def difference(a: Network | Analysis, b: Network | Analysis, *, names: tuple[str, str] | None = None) -> Difference:
    """Lay two networks side by side.

    Args:
        a: the first, to which the second is compared.
        b: the second: what it has more is a cost, what it has less a saving.
        names: what to call them; their own names if left out.

    Raises:
        UsageError: they have nothing in common.

    >>> from archscope.reader import load
    >>> found = difference(load("vgg@D"), load("vgg@E"))
    >>> [(item.kind, item.names) for item in found.items]
    [('added', 'conv3–5.conv.3')]
    """
    one, other = (each if isinstance(each, Analysis) else analyze(each) for each in (a, b))
    with without_collector():
        return _difference(one, other, names or _names(one, other))


def _difference(one: Analysis, other: Analysis, called: tuple[str, str]) -> Difference:
    graphs, pairs = _aligned(one, other)
    if pairs and not any(pair.a and pair.b for pair in pairs):
        raise UsageError(
            f"{called[0]} and {called[1]} have nothing in common: no layer of one is like one of the other"
        )
    wires = Wires(*graphs, pairs)
    changes = [
        *_entries(*graphs),
        *changes_of(pairs, wires),
        *_ends(*graphs, Wires(*graphs, pairs, through_moved=False)),
    ]
    groups = Groups(*graphs)
    items = items_of([*changes, *_rest(*graphs, pairs)], groups)
    totals = {quantity: Cost(*(graph.total(quantity) for graph in graphs)) for quantity in QUANTITIES}
    reasons = {
        quantity: next(f"{name}: {graph.reason(quantity)}" for name, graph in zip(called, graphs, strict=True)
                       if graph.total(quantity) is None)
        for quantity, cost in totals.items() if cost.gap is None
    }  # fmt: skip
    terms = {
        quantity: tuple(terms_of(items, quantity, called[1], groups))
        for quantity in QUANTITIES
        if quantity not in reasons
    }
    alike = sum(bool(pair.a and pair.b) for pair in pairs) - sum(bool(change.a and change.b) for change in changes
                                                                 if change.at >= 0)  # fmt: skip
    return Difference(one, other, called, tuple(pairs), tuple(items), alike, totals, terms, reasons,
                      tuple(_published(one, other, called)))  # fmt: skip


def _aligned(a: Analysis, b: Analysis) -> tuple[tuple[Graph, Graph], list[Pair]]:
    """The elements side by side; towers as one layer in groups, or apart where the other is a module of two halves."""
    graphs = graph_of(a), graph_of(b)
    pairs = align(*graphs)
    towers = [bool(each.network.towers) for each in (a, b)]
    if towers[0] == towers[1] or not any(each.network.observed for each in (a, b)):
        return graphs, pairs
    split = graph_of(a, apart=towers[0]), graph_of(b, apart=towers[1])
    halves = align(*split)
    alone = [sum(not (pair.a and pair.b) for pair in each) for each in (pairs, halves)]
    return (split, halves) if alone[1] < alone[0] else (graphs, pairs)


def _names(a: Analysis, b: Analysis) -> tuple[str, str]:
    return (a.name, b.name) if a.name != b.name else (f"{a.name} (first)", f"{b.name} (second)")


def _published(a: Analysis, b: Analysis, names: tuple[str, str]) -> Iterator[str]:
    """Figures that somebody printed for the one network and that only the other has."""
    sides = ((a, b, names), (b, a, names[::-1]))
    for ours, theirs, (name, other) in sides:
        for figure in ours.network.published:
            if figure.layer is not None or figure.quantity not in COUNTS or figure.changes or figure.input is not None:
                continue
            printed = figure.printed or printed_number(figure.value)
            here, there = (each.totals.count_of(figure.quantity) for each in (ours, theirs))
            if here is None or there is None or printed.match(int(here)) is not None or not _holds(printed, int(there)):
                continue
            where = f", {figure.where}," if figure.where else ""
            yield (f"{figure.source}{where} prints {printed.text} {figure.quantity} for {name}, which has {here:,}: "
                   f"that is what {other} has, {there:,}.")  # fmt: skip


def _holds(printed: Printed, number: int) -> bool:
    return printed.relation == "is" and printed.match(number) is not None


_FREE = {quantity: Cost(Count(0), Count(0)) for quantity in QUANTITIES}


def _entries(a: Graph, b: Graph) -> list[Change]:
    """Inputs of other shapes."""
    found = []
    shapes = [list(graph.analysis.network.inputs.items()) for graph in (a, b)]
    for (name, before), (other, after) in zip(*shapes, strict=False):
        if tuple(before) != tuple(after):
            phrase = f"{spell_shape(after)} instead of {spell_shape(before)}"
            facet = Facet(phrase, f"is {phrase}", f"are {phrase}")
            found.append(Change("changed", name, other, (facet,), dict(_FREE), -1))
    if len(shapes[0]) != len(shapes[1]):
        phrase = f"{len(shapes[1])} inputs instead of {len(shapes[0])}"
        facet = Facet(phrase, f"has {phrase}", f"have {phrase}")
        found.append(Change("changed", "the network", "the network", (facet,), dict(_FREE), -1))
    return found


def _ends(a: Graph, b: Graph, wires: Wires) -> list[Change]:
    """Outputs that are taken from other layers."""
    here, there = wires.sources(0, a.outputs, False), wires.sources(1, b.outputs, False)
    if here == there:
        return []
    said = [" and ".join(inputs_named([name for names, _ in side for name in names])) for side in (there, here)]
    phrase = f"taken from {said[0]} instead of {said[1]}"
    return [Change("rewired", "the output", "the output", (Facet(phrase, f"is {phrase}", f"are {phrase}"),),
                   dict(_FREE), -1)]  # fmt: skip


_UNUSED = "what nothing uses"
_BESIDE = (
    ("parameters", _UNUSED, "is held by the module"),
    ("fixed", _UNUSED, "is held by the module"),
    ("saved_bytes", "what is fed in", "is kept for the backward pass"),
    ("connections", "the rest", "counts otherwise"),
    ("macs", "the rest", "counts otherwise"),
)


def _held(a: Graph, b: Graph, quantity: str) -> str:
    """What parameters the modules hold and nothing uses, by name."""
    observed = [graph.analysis.network.observed for graph in (a, b)]
    names = [each.name.removesuffix(".weight").removesuffix(".bias") for seen in observed if seen is not None
             for each in seen.unused if each.trainable is (quantity == "parameters")]  # fmt: skip
    return f": {listed(names)}" if names else ""


def _rest(a: Graph, b: Graph, pairs: Sequence[Pair]) -> list[Change]:
    """What no element stands for: parameters that nothing uses, what is kept of the inputs."""
    found = []
    for quantity, name, single in _BESIDE:
        costs = []
        for graph, side in ((a, "a"), (b, "b")):
            whole = graph.total(quantity)
            parts = [each.count_of(quantity) for pair in pairs if (each := getattr(pair, side)) is not None]
            known = None not in parts and whole is not None
            costs.append(Count(int(whole or 0) - sum(int(each or 0) for each in parts)) if known else None)
        cost = Cost(*costs)
        if cost.gap:
            phrase = single + (_held(a, b, quantity) if name == _UNUSED else "")
            facet = Facet(phrase, single, single)
            found.append(Change("rest", name, name, (facet,), {**_FREE, quantity: cost}, -1))
    return found
