"""JAX: a module of Flax or Equinox traced once more, for shapes, the leaves of its tree and XLA's count of products.

XLA leaves out products with padding, so its counts are held against those in bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from archscope.layers import Facts
from archscope.network import Node
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, Verdict, compared, first_line, not_covered
from archscope.oracles.leaves import added, held_beside
from archscope.oracles.paths import path_of, row_of
from archscope.theirs import THEIRS, heard_apart

if TYPE_CHECKING:
    from archscope.oracles.jaxpr import Seen

NAME: Final = "JAX"

Nodes = Sequence[tuple[Node, Facts]]


def observe(case: Case) -> Iterator[Finding]:
    """Trace the module and look at what JAX makes of it."""
    from archscope.oracles.jaxpr import seen_of

    if case.jax is None:
        yield not_covered(NAME, None, "everything", "it looks at modules of Flax and Equinox, and this is none")
        return
    try:
        with heard_apart():
            seen = seen_of(case.jax)
    except THEIRS as error:
        yield not_covered(NAME, None, "everything", f"JAX does not trace it once more: {first_line(error)}")
        return
    own: dict[str, list[tuple[Node, Facts]]] = {}
    for node in case.network.nodes:
        own.setdefault(path_of(node.name, seen.paths), []).append((node, case.facts_of[node.name]))
    for path, nodes in own.items():
        case.pace.at(row_of(nodes))
        yield from _output(path, nodes, own, seen, case)
    yield from _products(case, own, seen)
    yield from held_beside(NAME, case, seen.paths, seen.held)


def _output(path: str, nodes: Nodes, own: Mapping[str, Nodes], seen: Seen, case: Case) -> Iterator[Finding]:
    """The shape that leaves a module that ran once and has no other in it."""
    made = seen.outputs.get(path, [])
    if not path or len(made) != 1 or not made[0] or any(each.startswith(f"{path}.") for each in own):
        return
    node, facts = nodes[-1]
    if facts.reasons.get("output"):
        return
    ours = tuple(map(int, facts.outputs[0]))
    samples = 1 if case.network.observed is None else case.network.observed.batch
    theirs = made[0][1:] if made[0][0] == samples and len(made[0]) > len(ours) else made[0]
    turned = (theirs[-1], *theirs[:-1])
    yield compared(NAME, node.row, "output", ours, turned if turned == ours else theirs, node=node.name)


def _products(case: Case, own: Mapping[str, Nodes], seen: Seen) -> Iterator[Finding]:
    theirs = added(seen.macs, own)
    unknown = {path_of(path, own): why for path, why in seen.unknown.items()}
    totals, found = case.analysis.totals, sum(seen.macs.values())
    bounded = totals.macs if totals.macs_in_bounds is None else totals.macs_in_bounds
    for path, nodes in own.items():
        row, place = row_of(nodes), path or row_of(nodes)
        why = next((each.reasons.get("macs", "") for _, each in nodes if each.macs is None), None)
        ours = sum(int((each.macs if each.macs_in_bounds is None else each.macs_in_bounds) or 0) for _, each in nodes)
        if why is not None:
            yield not_covered(NAME, row, "macs", f"archscope has no count there: {why}", node=place)
        elif path in unknown:
            yield not_covered(NAME, row, "macs", unknown[path], node=place)
        elif ours != theirs.get(path, 0) and not unknown and bounded == found:
            # A transformation runs modules that it has put together anew, and nothing says where those were.
            yield not_covered(NAME, row, "macs", "JAX has these products in another module; the sum is the same",
                              node=place)  # fmt: skip
        elif ours or theirs.get(path):
            yield compared(NAME, row, "macs_in_bounds", ours, theirs.get(path, 0), node=place)
    if totals.macs is None or unknown:
        why = next(iter(unknown.values()), "archscope has no total: a layer is not covered")
        yield not_covered(NAME, None, "macs", why)
        return
    counted, padded = int(totals.macs), int(totals.macs) - int(bounded or 0)
    if padded and counted == found + padded:
        said = f"{padded:,} of ours are with padding, which XLA leaves out"
        yield Finding(NAME, None, "macs", Verdict.EXPLAINED, counted, found, said)
    else:
        yield compared(NAME, None, "macs", counted, found)
