"""Attention that code writes out: a product of queries and keys, a softmax of what becomes of it, and a product."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from archscope.layers.base import values_in
from archscope.network import Network, Node, Ref
from archscope.record import Record

_PRODUCT: Final = "matmul"


class Scored(Record):
    """Attention by its softmax.

    Attributes:
        name: the softmax.
        queries: what is asked with.
        keys: what is asked, turned upright for the product.
        values: what is seen.
        masks: what is added to the scores, or put in their place, on the way to the softmax.
    """

    name: str
    queries: Ref
    keys: Ref
    values: Ref
    masks: tuple[Ref, ...]


def scored(network: Network) -> Iterator[Scored]:
    """Every softmax between two products, of which the second has its shares on the left."""
    for node in network.nodes:
        if node.layer.type != "softmax" or (seen := _seen(network, node)) is None:
            continue
        asked = _asked(network, node.inputs[0])
        if asked is not None:
            product, masks = asked
            yield Scored(node.name, product.inputs[0], product.inputs[1], seen.inputs[1], masks)


def _seen(network: Network, node: Node) -> Node | None:
    """The product that shares go into on the left; None where something else becomes of them."""
    while True:
        readers = network.consumers[node.name]
        if len(readers) != 1:
            return None
        (reader,) = readers
        if reader.layer.type == _PRODUCT and len(reader.inputs) > 1:
            return reader if reader.inputs[0].node == node.name else None
        if len(reader.inputs) != 1 or not _as_many(network, reader, reader.inputs[0]):
            return None
        node = reader


def _asked(network: Network, ref: Ref) -> tuple[Node, tuple[Ref, ...]] | None:
    """The product that scores come from, and what else they are made of on the way; None where they come from none."""
    ways: list[tuple[Ref, tuple[Ref, ...]]] = [(ref, ())]
    known: set[str] = set()
    while ways:
        ref, masks = ways.pop()
        node = network.by_name.get(ref.node)
        if node is None or ref.node in known:
            continue
        known.add(ref.node)
        if node.layer.type == _PRODUCT and len(node.inputs) > 1:
            return node, masks
        # A bias of each head's has as many values as its scores, and may be the first of a sum.
        ways += [(each, (*masks, *(other for other in node.inputs if other != each)))
                 for each in reversed(node.inputs) if _as_many(network, node, each)]  # fmt: skip
    return None


def _as_many(network: Network, node: Node, ref: Ref) -> bool:
    """Whether what a node makes has as many values as one that it reads."""
    return values_in(network.shape_of(Ref(node.name))) == values_in(network.shape_of(ref))
