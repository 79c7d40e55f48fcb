"""What a module holds by its own account, beside the weights of the layers that were read from it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from archscope.network import Node
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared
from archscope.oracles.paths import path_of


class Held(NamedTuple):
    """One array that a module holds: in which of its modules, how many values, and whether they are trained."""

    path: str
    values: int
    trained: bool


def held_beside(witness: str, case: Case, paths: Container[str], held: Sequence[Held]) -> Iterator[Finding]:
    """The parameters of each module that a layer reads, and of all together.

    Args:
        witness: who says so.
        case: the network.
        paths: the modules, each by its path.
        held: what they hold.
    """
    sources = {} if case.network.observed is None else case.network.observed.sources
    found: dict[str, tuple[Node, int]] = {}
    for node in case.network.nodes:
        for weight in case.facts_of[node.name].weights if node.shares is None else ():
            source = sources.get((node.name, weight.name))
            path = path_of(f"{node.name}.{weight.name}" if source is None else source.name, paths)
            if weight.trainable and path:
                first, values = found.get(path, (node, 0))
                found[path] = (first, values + int(weight.values))
    leaves = added(summed((each.path, each.values) for each in held if each.trained), found)
    for path, (node, values) in found.items():
        yield compared(witness, node.row, "parameters", values, leaves.get(path, 0), node=path)
    for quantity, trained in (("parameters", True), ("fixed", False)):
        ours = int(case.analysis.totals.count_of(quantity) or 0)
        theirs = sum(each.values for each in held if each.trained is trained)
        if ours or theirs:
            yield compared(witness, None, quantity, ours, theirs)


def summed(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Counts by module.

    >>> summed([("a", 2), ("b", 1), ("a", 3)])
    {'a': 5, 'b': 1}
    """
    found: dict[str, int] = {}
    for path, count in counts:
        found[path] = found.get(path, 0) + count
    return found


def added(counts: Mapping[str, int], own: Container[str]) -> dict[str, int]:
    """Counts of modules, those of a module that is not among our own added to the one that it stands in.

    >>> added({"a": 1, "a.b": 2, "c": 4}, {"a"})
    {'a': 3, '': 4}
    """
    return summed((path_of(path, own), count) for path, count in counts.items())
