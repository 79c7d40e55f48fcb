"""What follows what, and what stands side by side: solids as series of branches within one another.

A solid that every way passes is a step of a series; between two steps lie branches, each a series again. What
cannot be split so, because ways cross, is one row whose longer ways are arcs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Edge = tuple[str, str]


@dataclass(frozen=True)
class Region:
    """What lies between two steps: branches side by side, and ways past all of them."""

    branches: tuple[Series, ...]
    past: tuple[Edge, ...] = ()


@dataclass(frozen=True)
class Tangle:
    """Solids in a row, of which the ways cannot be split into branches."""

    ids: tuple[str, ...]
    edges: tuple[Edge, ...]

    @property
    def spans(self) -> dict[Edge, tuple[int, int]]:
        """From where to where each way goes, by the places of the solids."""
        place = {each: number for number, each in enumerate(self.ids)}
        return {edge: (place.get(edge[0], -1), place.get(edge[1], len(place))) for edge in self.edges}


Step = str | Region | Tangle


@dataclass(frozen=True)
class Series:
    """Steps from left to right: solids and what lies between them."""

    steps: tuple[Step, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Every solid in it."""
        return tuple(each for step in self.steps for each in ids_of(step))

    @property
    def arcs(self) -> frozenset[Edge]:
        """The ways that go over others, with room for words."""
        found: set[Edge] = set()
        for step in self.steps:
            if isinstance(step, Region):
                found.update(step.past, *(branch.arcs for branch in step.branches))
            elif isinstance(step, Tangle):
                found.update(edge for edge, (start, end) in step.spans.items() if end - start > 1)
        return frozenset(found)


def ids_of(step: Step) -> tuple[str, ...]:
    """The solids of a step."""
    if isinstance(step, str):
        return (step,)
    if isinstance(step, Tangle):
        return step.ids
    return tuple(each for branch in step.branches for each in branch.ids)


def series_of(ids: Sequence[str], edges: Sequence[Edge]) -> Series:
    """The series of some solids, which come in an order in which they can run.

    >>> series_of("abcd", [("a", "b"), ("b", "c"), ("a", "d"), ("c", "d")]).steps[1].past
    (('a', 'd'),)
    """
    return _series(tuple(ids), tuple(edges))


def _series(ids: tuple[str, ...], edges: tuple[Edge, ...]) -> Series:
    """Of some solids, with the edges that touch them: from and to others those too."""
    place = {each: number for number, each in enumerate(ids)}
    least, most = -1, len(ids)
    spans = [(place.get(source, least), place.get(target, most)) for source, target in edges]
    given, read = {end for _, end in spans}, {start for start, _ in spans}
    spans += [(least, number) for number in range(len(ids)) if number not in given]
    spans += [(number, most) for number in range(len(ids)) if number not in read]
    covered = [0] * (len(ids) + 1)
    for start, end in spans:
        if end - start > 1:
            covered[start + 1] += 1
            covered[end] -= 1
    cuts, over = [], 0
    for number in range(len(ids)):
        over += covered[number]
        if not over:
            cuts.append(number)
    steps: list[Step] = []
    for before, after in zip([least, *cuts], [*cuts, most], strict=True):
        steps += _between(ids, edges, spans, before, after)
        if after < most:
            steps.append(ids[after])
    return Series(tuple(steps))


def _between(
    ids: tuple[str, ...], edges: tuple[Edge, ...], spans: Sequence[tuple[int, int]], before: int, after: int
) -> Iterator[Step]:
    members = ids[before + 1 : after]
    if not members:
        return
    inside = set(members)
    past = tuple(edge for edge, (start, end) in zip(edges, spans, strict=False) if start <= before and end >= after)
    branches = list(_branches(members, edges))
    if len(branches) == 1 and before < 0 and after == len(ids):
        yield Tangle(members, edges)
        return
    yield Region(
        tuple(
            _series(branch, tuple(edge for edge in edges if not set(edge).isdisjoint(set(branch) & inside)))
            for branch in branches
        ),
        past,
    )


def _branches(members: Sequence[str], edges: Sequence[Edge]) -> Iterator[tuple[str, ...]]:
    """What hangs together among some solids, in their order."""
    parent = {each: each for each in members}

    def root(each: str) -> str:
        while parent[each] != each:
            parent[each] = parent[parent[each]]
            each = parent[each]
        return each

    for source, target in edges:
        if source in parent and target in parent:
            parent[root(target)] = root(source)
    found: dict[str, list[str]] = {}
    for each in members:
        found.setdefault(root(each), []).append(each)
    yield from (tuple(branch) for branch in found.values())
