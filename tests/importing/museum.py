"""The networks that come along, written for another library and read back: what their rows have to be, and where not.

The lists of exceptions only get shorter: what is in one and reads back equal fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import archscope
from archscope.network import Network
from archscope.reader import spec_names
from tests.collection import thin

NAMES: Final = sorted([*spec_names(), "dcgan@discriminator", "mobilenet-v3@small", "nin@imagenet", "squeezenet@1.1"])

_FEWER: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType({
    "densenet@121": {"let.n": [2, 2, 2, 2]}, "convnext@T": {"let.n": 2},
})  # fmt: skip
"""Fewer blocks of a kind than there are: the lines are the same."""

PARTS: Final = "the two halves of a layer that the spec lays side by side are a row each"
SIZED: Final = "a pool to a given size is written as the window that it comes to"
CROPPED: Final = "a crop to the size of another value is written as the positions that it comes to"
ORDER: Final = "rows of a branch stand where its value is read, and the spec has them elsewhere"


def network_of(name: str) -> Network:
    return archscope.load(name, changes=_FEWER[name]) if name in _FEWER else thin(name)


def rows(network: Network) -> list[tuple[Any, ...]]:
    return [(row.label, row.activation, row.output, row.parameters, row.fixed, row.connections, row.macs,
             row.receptive_field) for row in archscope.analyze(network).rows]  # fmt: skip


def unlike(network: Network, found: Network) -> str:
    """How the rows of what was read back are unlike those of the spec: not at all, in their order, or in themselves.

    What the whole network holds and multiplies is the same however its rows are.
    """
    ours, theirs = (archscope.analyze(each) for each in (network, found))
    assert (ours.totals.parameters, ours.totals.fixed) == (theirs.totals.parameters, theirs.totals.fixed)
    assert ours.totals.macs == theirs.totals.macs
    assert [ours.rows[-1].output] == [theirs.rows[-1].output]
    mine, read = rows(network), rows(found)
    return "" if mine == read else "order" if Counter(mine) == Counter(read) else "rows"
