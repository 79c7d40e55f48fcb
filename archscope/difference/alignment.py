"""Two graphs laid side by side: which element of one is which of the other, the cheapest way of a text's diff."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from archscope.difference.elements import Element, Graph, Source
from archscope.record import Record

LARGEST: Final = 1_500_000
"""Pairs of elements up to which every way of laying two networks side by side is looked at."""

_ALIKE, _EQUAL_OPTIONS, _SAME_SHAPE, _SAME_NAME, _SAME_END = 2.0, 1.0, 0.5, 0.3, 0.15
_SAME_MAP, _SAME_FAMILY, _BOTH_HOLD = 2.5, 1.0, 0.5
_KINDLESS: Final = ("merge", "axes", "function", "arithmetic", "shape")
"""Families whose members have nothing in common that would make one stand for another."""


class Pair(Record):
    """One element of each network, or one that the other has nothing for.

    ``moved`` says that it stands in another place there.
    """

    a: Element | None
    b: Element | None
    moved: bool = False


def align(a: Graph, b: Graph) -> list[Pair]:
    """The elements of both, side by side, in the order of the networks."""
    ways = _Ways(a.elements, b.elements)
    pairs = [Pair(*each) for each in ways.pairs()]
    return _moved(pairs)


class _Ways:
    """Every way of laying two sequences side by side, and the one that keeps most alike."""

    def __init__(self, a: Sequence[Element], b: Sequence[Element]) -> None:
        self.a, self.b = a, b
        self._known: dict[tuple[int, int, float], float] = {}
        self._numbers: dict[Any, int] = {}
        self._sides = [[self._number(each) for each in side] for side in (a, b)]

    def _number(self, element: Element) -> int:
        return self._numbers.setdefault(element.signature, len(self._numbers))

    def pairs(self) -> list[tuple[Element | None, Element | None]]:
        """The elements side by side."""
        begun = 0
        for one, other in zip(range(len(self.a)), range(len(self.b)), strict=False):
            if not self._same(one, other):
                break
            begun += 1
        end = 0
        while end < min(len(self.a), len(self.b)) - begun and self._same(len(self.a) - 1 - end, len(self.b) - 1 - end):
            end += 1
        n, m = len(self.a) - end, len(self.b) - end
        found: list[tuple[int | None, int | None]] = [(at, at) for at in range(begun)]
        for block in self._blocks(begun, n, begun, m):
            found += self._between(*block)
        found += [(n + at, m + at) for at in range(end)]
        return [(None if i is None else self.a[i], None if j is None else self.b[j]) for i, j in found]

    def _same(self, i: int, j: int) -> bool:
        return self._sides[0][i] == self._sides[1][j] and self.a[i].name == self.b[j].name

    def _blocks(self, i: int, n: int, j: int, m: int) -> Iterable[tuple[int, int, int, int]]:
        """Where to look at every way: the whole, or between the runs that are equal in two very large networks."""
        if (n - i) * (m - j) <= LARGEST:
            return [(i, n, j, m)]
        blocks: list[tuple[int, int, int, int]] = []
        matcher = difflib.SequenceMatcher(None, self._sides[0][i:n], self._sides[1][j:m], autojunk=False)
        at, to = i, j
        for run in matcher.get_matching_blocks():
            if (i + run.a - at) * (j + run.b - to) > LARGEST:
                return [*blocks, *((each, each + 1, to, to) for each in range(at, n)), (n, n, to, m)]
            blocks.append((at, i + run.a, to, j + run.b))
            blocks += [(i + run.a + k, i + run.a + k + 1, j + run.b + k, j + run.b + k + 1) for k in range(run.size)]
            at, to = i + run.a + run.size, j + run.b + run.size
        return blocks

    def _between(self, i: int, n: int, j: int, m: int) -> list[tuple[int | None, int | None]]:
        if i == n or j == m:
            return [*((at, None) for at in range(i, n)), *((None, at) for at in range(j, m))]
        best = self._best(i, n, j, m)
        found: list[tuple[int | None, int | None]] = []
        at, to = i, j
        while at < n and to < m:
            value = self._alike(at, to)
            here = best[at - i][to - j]
            if value and math.isclose(here, value + best[at - i + 1][to - j + 1]):
                found.append((at, to))
                at, to = at + 1, to + 1
            elif math.isclose(here, best[at - i + 1][to - j]):
                found.append((at, None))
                at += 1
            else:
                found.append((None, to))
                to += 1
        return [*found, *((each, None) for each in range(at, n)), *((None, each) for each in range(to, m))]

    def _best(self, i: int, n: int, j: int, m: int) -> list[list[float]]:
        """How much is alike from each place on."""
        wide = m - j
        best = [[0.0] * (wide + 1) for _ in range(n - i + 1)]
        for at in range(n - 1, i - 1, -1):
            below, row = best[at - i + 1], best[at - i]
            for to in range(wide - 1, -1, -1):
                most = below[to] if below[to] > row[to + 1] else row[to + 1]
                value = self._alike(at, j + to)
                if value and value + below[to + 1] > most:
                    most = value + below[to + 1]
                row[to] = most
        return best

    def _alike(self, i: int, j: int) -> float:
        one, other = self.a[i], self.b[j]
        named = _named(one.name, other.name)
        key = (self._sides[0][i], self._sides[1][j], named)
        known = self._known.get(key)
        if known is None:
            value = likeness(one, other)
            known = self._known[key] = value + named if value else 0.0
        return known


def _named(one: str, other: str) -> float:
    if one == other:
        return _SAME_NAME
    return _SAME_END if one.rpartition(".")[2] == other.rpartition(".")[2] else 0.0


def likeness(a: Element, b: Element) -> float:
    """How well one element stands for another; 0 where it does not."""
    if a.type == b.type:
        names = {*a.options, *b.options}
        equal = sum(a.options.get(name) == b.options.get(name) for name in names)
        value = _ALIKE + (_EQUAL_OPTIONS * equal / len(names) if names else _EQUAL_OPTIONS)
    elif same_map(a, b):
        value = _SAME_MAP
    elif a.family == b.family and a.family not in _KINDLESS and a.views == b.views:
        value = _SAME_FAMILY
    elif a.count_of("parameters") and b.count_of("parameters") and _values(a) == _values(b):
        value = _BOTH_HOLD
    else:
        return 0.0
    return value + _SAME_SHAPE * (a.output == b.output) + _SAME_SHAPE * (a.inputs == b.inputs)


def same_map(a: Element, b: Element) -> bool:
    """Whether two layers of different types hold and do the same: a convolution over all it sees is a dense layer."""
    held = a.count_of("parameters")
    return (
        bool(held)
        and _values(a) == _values(b)
        and all(
            a.count_of(quantity) == b.count_of(quantity) for quantity in ("parameters", "fixed", "macs", "connections")
        )
    )


def _values(element: Element) -> int:
    return math.prod(element.output)


def _moved(pairs: Sequence[Pair]) -> list[Pair]:
    """Pairs in which what is left over on both sides and alike is one layer that moved."""
    left: dict[Any, list[int]] = {}
    for place, pair in enumerate(pairs):
        if pair.b is None and pair.a is not None:
            left.setdefault(_kind(pair.a), []).append(place)
    made: dict[int, Pair] = {}
    gone: set[int] = set()
    for place, pair in enumerate(pairs):
        if pair.a is None and pair.b is not None and left.get(_kind(pair.b)):
            other = left[_kind(pair.b)].pop(0)
            made[other] = Pair(pairs[other].a, pair.b, True)
            gone.add(place)
    return [made.get(place, pair) for place, pair in enumerate(pairs) if place not in gone]


def _kind(element: Element) -> Any:
    return (element.type, repr(sorted(element.options.items(), key=lambda each: each[0])), element.activation,
            tuple(element.count_of(quantity) for quantity in ("parameters", "fixed")))  # fmt: skip


class Wires:
    """Who feeds whom, followed through what the other network has nothing for, and through what moved if that is so."""

    def __init__(self, a: Graph, b: Graph, pairs: Sequence[Pair], *, through_moved: bool = True) -> None:
        self.a, self.b = a, b
        together = {
            pair.a.name: pair.b.name for pair in pairs if pair.a and pair.b and not (pair.moved and through_moved)
        }
        self._names: list[Mapping[str, str]] = [together, {each: each for each in together.values()}]
        self._inputs = [{name: f"\0{place}" for place, name in enumerate(graph.inputs)} for graph in (a, b)]
        self._memory: list[dict[str, frozenset[str]]] = [{}, {}]

    def sources(self, side: int, read: Iterable[Source], commutes: bool) -> list[Any]:
        """What is read, in the names of the second network."""
        found = [(sorted(self._from(side, name)), place) for name, place in read]
        return sorted(found) if commutes else found

    def _from(self, side: int, name: str) -> frozenset[str]:
        known = self._memory[side]
        stack = [name]
        graph = (self.a, self.b)[side]
        while stack:
            top = stack[-1]
            if top in known:
                stack.pop()
                continue
            if top in self._inputs[side]:
                known[top] = frozenset((self._inputs[side][top],))
            elif top in self._names[side]:
                known[top] = frozenset((self._names[side][top],))
            else:
                element = graph.by_name.get(top)
                needed = [] if element is None else [each for each, _ in element.reads if each != top]
                missing = [each for each in needed if each not in known and each not in stack]
                if missing:
                    stack += missing
                    continue
                known[top] = frozenset().union(*(known.get(each, frozenset()) for each in needed))
            stack.pop()
        return known[name]
