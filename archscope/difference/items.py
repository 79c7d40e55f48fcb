"""Pairs that differ in the same way, put together as one item, with what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from archscope.difference.alignment import Pair, Wires
from archscope.difference.elements import QUANTITIES, Element, Graph
from archscope.difference.words import Facet, facets, listed
from archscope.errors import one
from archscope.record import Record
from archscope.working import Count


class Cost(Record):
    """What one pair has of a quantity in the first network and in the second; None where it is not covered."""

    before: Count | None
    after: Count | None

    @property
    def gap(self) -> int | None:
        """The second less the first."""
        return None if self.before is None or self.after is None else int(self.after) - int(self.before)


class Change(Record):
    """One pair that differs, with its words and its costs.

    Attributes:
        kind: ``changed``, ``follows`` (only what it is given is another), ``rewired``, ``moved``, ``removed``,
            ``added``, ``activation``, ``same map``.
        a: its name in the first network; empty where it is not there.
        b: its name in the second.
        facets: what differs.
        costs: by quantity.
        at: the number of its pair, in the order of the networks.
        label: what it is, where only one network has it.
    """

    kind: str
    a: str
    b: str
    facets: tuple[Facet, ...]
    costs: Mapping[str, Cost]
    at: int
    label: str = ""

    @property
    def key(self) -> Any:
        """Equal for changes that are told together."""
        own = [facet.phrase for facet in self.told if facet.own]
        return (self.kind, self.label, tuple(own or [facet.general or facet.phrase for facet in self.told]))

    @property
    def told(self) -> tuple[Facet, ...]:
        """What is said of it; the activation that follows is told for all layers together."""
        told = self.kind == "activation"
        return tuple(facet for facet in self.facets if facet.phrase and facet.of_activation is told)

    @property
    def phrases(self) -> tuple[str, ...]:
        """What is said of it, in words."""
        return tuple(facet.phrase for facet in self.told)


class Item(Record):
    """Changes that are told together.

    Attributes:
        changes: the changes.
        names: the layers it is about, by their names in the first network, or in the one that has them.
        others: their names in the second network, where those are others.
    """

    changes: tuple[Change, ...]
    names: str
    others: str = ""

    @property
    def kind(self) -> str:
        """What all of them are."""
        return self.changes[0].kind

    @property
    def phrases(self) -> tuple[str, ...]:
        """What is said of all of them."""
        return tuple(facet.phrase for facet in common([change.told for change in self.changes]))

    def sentence(self, names: tuple[str, str]) -> str:
        """What differs, in words; ``names`` are those of the networks."""
        if self.kind not in ("removed", "added"):
            return "; ".join(self.phrases)
        many, label = len(self.changes), self.changes[0].label
        what = one(label) if many == 1 else f"{many:,} × {label}"
        return f"only in {names[self.kind == 'added']}: {what}"

    def cost(self, quantity: str) -> Cost:
        """What all of them cost together."""
        costs = [change.costs[quantity] for change in self.changes]
        if any(each.gap is None for each in costs):
            return Cost(None, None)
        return Cost(*(Count(sum(int(getattr(each, side)) for each in costs)) for side in ("before", "after")))


def common(told: Sequence[Sequence[Facet]]) -> list[Facet]:
    """What several layers have in common: the same, or the same but for its numbers."""
    found: list[Facet] = []
    for facet in told[0]:
        if all(any(facet.phrase == each.phrase for each in others) for others in told):
            found.append(facet)
        elif facet.general and all(any(facet.general == each.general for each in others) for others in told):
            plural = facet.general.replace("works", "work", 1)
            found.append(facet.replace(phrase=facet.general, single=facet.general, plural=plural))
    return found


def changes_of(pairs: Sequence[Pair], wires: Wires) -> list[Change]:
    """What differs, pair by pair."""
    found = [change for at, pair in enumerate(pairs) if (change := _change(pair, wires, at)) is not None]
    return [part for change in found for part in _apart(change)]


_FREE: Final = {quantity: Cost(Count(0), Count(0)) for quantity in QUANTITIES}


def _apart(change: Change) -> Iterator[Change]:
    """A change, and the one of its activation beside it, which costs what it does with the rest."""
    yield change
    follows = tuple(facet for facet in change.facets if facet.of_activation)
    if follows and change.kind != "activation":
        yield change.replace(kind="activation", facets=follows, costs=_FREE, at=-1)


def _change(pair: Pair, wires: Wires, at: int) -> Change | None:
    a, b = pair.a, pair.b
    costs = {quantity: Cost(_has(a, quantity), _has(b, quantity)) for quantity in QUANTITIES}
    if a is None or b is None:
        there = a or b
        assert there is not None  # noqa: S101 - a pair has one at least
        label = there.label + (f", {there.activation}" if there.activation else "")
        return Change("added" if a is None else "removed", "" if a is None else a.name, "" if b is None else b.name,
                      (), costs, at, label)  # fmt: skip
    found = facets(a, b)
    wiring = None if pair.moved else _rewired(a, b, wires)
    if wiring is not None:
        found.append(wiring)
    if pair.moved:
        found.insert(0, _elsewhere(a, b))
    own = [facet for facet in found if facet.own]
    if not found:
        if all(cost.gap in (0, None) for cost in costs.values()):
            return None
        kept = costs["saved_bytes"].gap
        less = "less" if kept and kept < 0 else "more"
        found = [
            Facet(f"{less} of it is kept for what reads it", f"is kept {less}", f"are kept {less}", own=False)
            if kept
            else Facet("it counts otherwise", "counts otherwise", "count otherwise", own=False)
        ]
    kind = "follows" if not own else "changed"
    if pair.moved:
        kind = "moved"
    elif wiring is not None and len(own) == 1:
        kind = "rewired"
    elif own and all(facet.of_activation for facet in found):
        kind = "activation"
    elif all(facet.of_activation for facet in own):
        kind = "follows"
    elif (
        a.type != b.type
        and all(cost.gap == 0 for name, cost in costs.items() if name != "saved_bytes")
        and (a.count_of("parameters"))
    ):
        kind = "same map"
    return Change(kind, a.name, b.name, tuple(found), costs, at)


def _elsewhere(a: Element, b: Element) -> Facet:
    now, then = ([name for name, _ in each.reads] or ["nothing"] for each in (b, a))
    phrase = f"stands after {listed(now)} instead of after {listed(then)}"
    return Facet(phrase, "stands in another place", "stand in other places")


def _has(element: Element | None, quantity: str) -> Count | None:
    return Count(0) if element is None else element.count_of(quantity)


def _rewired(a: Element, b: Element, wires: Wires) -> Facet | None:
    """Where the two read other layers."""
    here, there = wires.sources(0, a.reads, a.commutes), wires.sources(1, b.reads, b.commutes)
    if here == there or len(here) != len(there):
        return None
    told = [(before, after) for before, after in zip(here, there, strict=True) if before != after]
    now = listed([name for _, (names, _) in told for name in inputs_named(names)] or ["nothing"])
    then = listed([name for (names, _), _ in told for name in inputs_named(names)] or ["nothing"])
    if now == then:
        now, then = f"another output of {now}", "the one"
    return Facet(f"reads {now} instead of {then}", f"reads {now}", f"read {now}", frozenset())


def inputs_named(names: Iterable[str]) -> list[str]:
    """Layers by name, and inputs of the network by number."""
    return [f"input {int(name[1:]) + 1}" if name.startswith("\0") else name for name in names]


def items_of(changes: Iterable[Change], groups: Groups) -> list[Item]:
    """Changes of the same kind and words together, in the order of the first of each."""
    together: dict[Any, list[Change]] = {}
    for change in groups.folded(changes):
        together.setdefault(change.key, []).append(change)
    items = [Item(tuple(each), groups.names(each), groups.others(each)) for each in together.values()]
    return sorted(items, key=lambda item: _RANK.get(item.kind, 0))


_RANK: Final = {"same map": 1, "moved": 2, "activation": 3, "follows": 4, "rest": 5}
"""What differs by itself goes first."""


class Groups:
    """The blocks of both networks: what is about all layers of one is about that block."""

    def __init__(self, a: Graph, b: Graph) -> None:
        self._graphs = (a, b)
        self._held: list[dict[tuple[str, ...], set[str]]] = [{}, {}]
        for graph, held in zip(self._graphs, self._held, strict=True):
            for element in graph.elements:
                for depth in range(1, len(element.group) + 1):
                    held.setdefault(element.group[:depth], set()).add(element.name)

    def names(self, changes: Sequence[Change]) -> str:
        """The layers that changes are about, whole blocks by their names."""
        side = 0 if changes[0].a else 1
        return listed(self._blocks([change.a or change.b for change in changes], side))

    def others(self, changes: Sequence[Change]) -> str:
        """Their names in the second network, where those are others."""
        theirs = [change.b for change in changes if change.a and change.b]
        if not theirs or theirs == [change.a for change in changes]:
            return ""
        return listed(self._blocks(theirs, 1))

    def _blocks(self, names: Sequence[str], side: int) -> list[str]:
        home = self._homes({*names}, side)
        return list(dict.fromkeys(".".join(home[name]) if name in home else name for name in names))

    def _homes(self, names: set[str], side: int) -> dict[str, tuple[str, ...]]:
        """The outermost block of each name all of whose layers are among the names; one of several layers."""
        home: dict[str, tuple[str, ...]] = {}
        for path, held in sorted(self._held[side].items(), key=lambda each: len(each[0])):
            if len(held) > 1 and held <= names and not held & home.keys():
                home.update(dict.fromkeys(held, path))
        return home

    def folded(self, changes: Iterable[Change]) -> Iterator[Change]:
        """Changes with the layers of a block that one network does not have as one."""
        every = list(changes)
        kinds = ("removed", "added")
        homes = [self._homes({change.a or change.b for change in every if change.kind == kind}, side)
                 for side, kind in enumerate(kinds)]  # fmt: skip
        told: dict[tuple[str, ...], list[Change]] = {}
        for change in every:
            side = kinds.index(change.kind) if change.kind in kinds else None
            path = None if side is None else homes[side].get(change.a or change.b)
            if path is not None:
                told.setdefault((change.kind, *path), []).append(change)
        for change in every:
            side = kinds.index(change.kind) if change.kind in kinds else None
            path = None if side is None else homes[side].get(change.a or change.b)
            if path is None or side is None:
                yield change
            elif change is told[(change.kind, *path)][0]:
                yield self._block(told[(change.kind, *path)], path, side)

    def _block(self, changes: Sequence[Change], path: tuple[str, ...], side: int) -> Change:
        group = self._graphs[side].analysis.network.groups.get(path)
        block = "" if group is None else group.block
        label = f"block `{block}`" if block else f"group of {len(changes)} layers"
        costs = {}
        for quantity in QUANTITIES:
            parts = [change.costs[quantity] for change in changes]
            known = all(each.gap is not None for each in parts)
            costs[quantity] = Cost(*(Count(sum(int(getattr(each, end)) for each in parts)) if known else None
                                     for end in ("before", "after")))  # fmt: skip
        name = ".".join(path)
        return changes[0].replace(a=name if side == 0 else "", b=name if side else "", label=label, costs=costs)
