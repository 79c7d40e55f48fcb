"""The weights of a network: what they take, which of them are trained, and whether those get the gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from archscope.layers.base import Weight
from archscope.memory.autocast import FULL
from archscope.memory.layout import Layout
from archscope.memory.ledger import Ledger
from archscope.memory.values import Pending, Value
from archscope.network import Network
from archscope.precision import DTYPE_BYTES, stored_bytes
from archscope.record import EMPTY
from archscope.working import bare

Weights = Mapping[tuple[str, str], Value]
"""Values of weights, by the node that has each and its name there."""

_WITH_A_POINT: Final = frozenset(each for each in DTYPE_BYTES if "float" in each)

_OTHERWISE: Final = (
    "gradients come to other parameters of it than to those of its layers, and no rule follows which way"
)


def taken(network: Network, ledger: Ledger, dtype: str, *, training: bool) -> dict[tuple[str, str], Value]:
    """Take the weights of all layers, and what a module holds beside them."""
    weights: dict[tuple[str, str], Value] = {}
    observed, leading = network.observed, _leading(network)
    for node in network.nodes:
        for weight in network.facts[node.name].weights:
            if node.shares is not None:
                weights[node.name, weight.name] = weights[node.shares, weight.name]
                continue
            ledger.layer = node.row
            type_ = _in(weight, dtype)
            size = _bytes_of(weight, type_)
            # A layer that no output needs wants gradients that never come; one that code feeds without, does not.
            wanted = node.name not in leading or is_reached(network, (node.name, weight.name))
            value = weights[node.name, weight.name] = Value(
                ledger.take(size, "weights"), size, Layout.of(tuple(bare(each) for each in weight.shape)),
                type_, grad=training and weight.trainable and wanted, weight=True)  # fmt: skip
            value.leaf = weight.trainable
            source = None if observed is None else observed.sources.get((node.name, weight.name))
            value.ahead = source is not None and source.ahead
    ledger.layer = ""
    for weight in () if observed is None else observed.unused:
        ledger.take(_bytes_of(weight, _in(weight, dtype)), "weights")
    if observed is not None:
        ledger.take(observed.buffers - observed.pointed + _cast(observed.pointed, dtype), "weights")
    return weights


def _in(weight: Weight, dtype: str) -> str:
    """The type that a weight is in where a network is brought to one: its own, if no other than float32 is asked."""
    own = weight.dtype or dtype
    return dtype if dtype != FULL and own in _WITH_A_POINT and weight.stored is None else own


def _cast(size: int, dtype: str) -> int:
    """Bytes of numbers in float32 that are brought to a type."""
    return stored_bytes(size // DTYPE_BYTES[FULL], dtype)


def own_types(network: Network) -> frozenset[str]:
    """The types of numbers with a point that a network's weights are in."""
    unused = () if network.observed is None else network.observed.unused
    weights = (*(weight for facts in network.facts.values() for weight in facts.weights), *unused)
    return frozenset(each.dtype or FULL for each in weights) & _WITH_A_POINT


def own_type(network: Network) -> str:
    """The type that a network runs in where nobody says: that of its weights if they are all in one, else float32.

    >>> from archscope.reader import load
    >>> own_type(load("lenet5"))
    'float32'
    """
    types = own_types(network)
    return next(iter(types)) if len(types) == 1 else FULL


def types_of_inputs(network: Network, dtype: str) -> Mapping[str, str]:
    """Those that are known: of numbers with a point where the network runs in its own type, which ``dtype`` may be."""
    known = EMPTY if network.observed is None else network.observed.types
    own = dtype == own_type(network)
    return known if own else {name: type_ for name, type_ in known.items() if type_ not in DTYPE_BYTES}


def trained(network: Network, weights: Weights, dtype: str) -> list[int]:
    """Bytes of the weight tensors that are trained, in the order in which an optimizer goes through them."""
    observed = network.observed
    order = {} if observed is None else {key: place for place, key in enumerate(observed.sources)}
    keys = sorted(weights, key=lambda key: order.get(key, len(order)))
    once = {id(weights[key]): (key, weights[key]) for key in keys}
    reached = (observed and observed.reached) or frozenset()
    unused = observed.unused if observed else ()
    beside = [_bytes_of(each, _in(each, dtype)) for each in unused if each.name in reached]
    return [value.size for key, value in once.values() if value.grad and is_reached(network, key)] + beside


def is_reached(network: Network, key: tuple[str, str]) -> bool:
    """Whether gradients come to a weight while training, as far as that was seen."""
    observed = network.observed
    if observed is None or observed.reached is None or key not in observed.sources:
        return True
    return observed.sources[key].name in observed.reached


def otherwise(network: Network, weights: Weights, gradients: Pending) -> str:
    """Why gradients have come to other weights than was seen; empty if to the same."""
    observed = network.observed
    if observed is None or observed.reached is None:
        return ""
    came = {id(value) for value in gradients}
    same = all((id(value) in came) == is_reached(network, key) for key, value in weights.items() if value.grad)
    return "" if same and not observed.reached & {each.name for each in observed.unused} else _OTHERWISE


def _leading(network: Network) -> frozenset[str]:
    """Nodes to which gradients are handed on all the way from an output, as was seen; none if nobody looked."""
    observed = network.observed
    if observed is None or observed.reached is None:
        return frozenset()
    found = {ref.node for ref in network.outputs if ref not in observed.parted} - observed.cut
    for node in reversed(network.nodes):
        apart = observed.apart.get(node.name, ())
        if node.name in found:
            found |= {ref.node for place, ref in enumerate(node.inputs) if place not in apart} - observed.cut
    return frozenset(found)


def _bytes_of(weight: Weight, dtype: str) -> int:
    return stored_bytes(bare(weight.values), dtype) if weight.stored is None else weight.stored
