"""Rotary positions as people write them, slices and products with tables of cosines and sines, as the layer they are.

Every way to write them is linear in what is turned: each feature that comes out is a sum of features that go in, each
times a number that its position gives. What these sums are is followed, and held against what the layer does.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from archscope.layers import TYPES, Layer
from archscope.network import Node, Ref
from archscope.recognising.function import Function
from archscope.recognising.replacing import Part, Whole, readers_of, replaced

_CLOSE: Final = 2e-3
"""How near a table in single precision comes to the angles of far positions."""


_TELLING: Final = 4
"""Positions from which on it is no chance that each turns as far as the one before it."""

_CUTS: Final = ("slice", "chunk", "split", "select")
"""What takes some features of a value."""


class _Term(NamedTuple):
    """One summand of every feature: the feature that it reads, and its factor by position and feature."""

    place: Tensor
    factor: Tensor


_Terms = tuple[_Term, ...]


def turned(network: Part, factors: Mapping[str, Tensor]) -> Part:
    """A network in which rotary positions are layers.

    ``factors`` has the constant that a product multiplies with, by the name of its node.
    """
    return replaced(network, _rotations(network, factors)) if factors else network


def _rotations(network: Part, factors: Mapping[str, Tensor]) -> dict[str, Whole]:
    """The nodes that end a rotation, each with what is turned, and how."""
    readers = readers_of(network.nodes)
    found: dict[str, Whole] = {}
    within: set[str] = set()
    for base in dict.fromkeys(_bases(network.nodes, factors)):
        if base.node in within:
            continue
        shape = _shape(network, base, readers)
        if not shape:  # one number a sample has no features
            continue
        sums = _reached(network, base, factors, readers)
        for name, terms in reversed(sums.items()):
            layer = _layer(terms, shape) if network.facts[name].output == shape else None
            if layer is not None:
                found[name] = Whole((base,), layer, layer.facts(shape))
                within.update(sums)
                break
    return found


def _shape(network: Part, base: Ref, readers: Mapping[str, list[int]]) -> tuple[Any, ...]:
    """The shape of a value, a node's or an input's, as those see it that read it."""
    reading = [node for place in readers[base.node] if base in (node := network.nodes[place]).inputs]
    return network.facts[reading[0].name].inputs[reading[0].inputs.index(base)] if reading else ()


def _bases(nodes: Sequence[Node], factors: Mapping[str, Tensor]) -> Iterator[Ref]:
    """What may be turned: what products with constants read, before it was cut, the whole of it first."""
    made = {node.name: node for node in nodes}
    for node in nodes:
        if node.name in factors:
            chain = [node.inputs[0]]
            while (maker := made.get(chain[-1].node)) is not None and maker.layer.type in _CUTS:
                chain.append(maker.inputs[0])
                pairs = made.get(chain[-1].node) if maker.layer.type == "select" else None
                if pairs is not None and pairs.layer.type == "reshape":
                    chain.append(pairs.inputs[0])
            yield from reversed(chain)


def _reached(
    network: Part, base: Ref, factors: Mapping[str, Tensor], readers: Mapping[str, list[int]]
) -> dict[str, _Terms]:
    """The sums that nodes make of one value alone, by their names."""
    known: dict[Ref, _Terms] = {}
    found: dict[str, _Terms] = {}
    todo = list(readers.get(base.node, ()))
    heapq.heapify(todo)
    last = -1
    while todo:
        place = heapq.heappop(todo)
        node = network.nodes[place]
        if place == last or not all(ref == base or ref in known for ref in node.inputs):
            continue
        last = place
        shape = network.facts[node.name].inputs[0]
        if not shape:  # one number a sample has no features
            continue
        given = [known[ref] if ref in known else _whole(shape) for ref in node.inputs]
        after = network.facts[node.name].outputs[0]
        made = _paired(node, given, shape, after) or _made(node, given, shape, factors)
        if made is None:
            continue
        known.update((Ref(node.name, number), terms) for number, terms in enumerate(made))
        for each in readers.get(node.name, ()):
            heapq.heappush(todo, each)
        if len(made) == 1:
            found[node.name] = made[0]
    return found


def _whole(shape: Sequence[int]) -> _Terms:
    positions, width = (int(each) for each in shape[-2:]) if len(shape) > 1 else (1, int(shape[-1]))
    return (_Term(torch.arange(width), torch.ones(positions, width)),)


def _paired(node: Node, given: list[_Terms], shape: Sequence[int], after: Sequence[int]) -> list[_Terms] | None:
    """The sums of a node that lays features out in pairs, one after another, or takes one of each pair.

    A value with an axis for its pairs is followed by the sums of all its features, in their order.
    """
    layer: Any = node.layer
    apart = len(given[0][0].place) != int(shape[-1])
    if layer.type == "stack" and not apart and shape[-1] > 1 and layer.dim % len(after) == len(shape):
        return [_joined(given, paired=True)]
    if layer.type == "reshape":
        short, long = (after, shape) if apart else (shape, after)
        pairs = len(long) == len(short) + 1 and (*long[:-2], long[-2] * long[-1]) == tuple(short)
        return [given[0]] if pairs and long[-2] > 1 else None
    if layer.type == "select" and apart and layer.dim % len(shape) == len(shape) - 1:
        return [_cut(given[0], slice(layer.index % int(shape[-1]), None, int(shape[-1])))]
    return None


def _made(node: Node, given: list[_Terms], shape: Sequence[int], factors: Mapping[str, Tensor]) -> list[_Terms] | None:
    """The sums that a node makes of those it is given; None where it makes no sums, or works along other axes."""
    layer: Any = node.layer
    last = len(shape) - 1
    width = int(shape[-1])
    if len(given[0][0].place) != width:  # it has an axis for its pairs
        return None
    if node.name in factors:
        factor = _aligned(factors[node.name], shape)
        return None if factor is None else [_times(given[0], factor)]
    if layer.type in ("add", "subtract"):
        rest = [each if layer.type == "add" else _times(each, torch.tensor(-1.0)) for each in given[1:]]
        return [tuple(term for terms in (given[0], *rest) for term in terms)]
    if layer.type == "scale" and not layer.shift:
        return [_times(given[0], torch.tensor(layer.factor))]
    if layer.type not in ("slice", "chunk", "split", "concat") or layer.dim % len(shape) != last:
        return None
    if layer.type == "slice":
        return [_cut(given[0], slice(layer.start, layer.end, layer.step))]
    if layer.type == "concat":
        return [_joined(given)]
    size = -(-width // layer.chunks) if layer.type == "chunk" else 0
    sizes = [size] * layer.chunks if layer.type == "chunk" else [int(each) for each in layer.split_size]
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    return [_cut(given[0], slice(start, start + each)) for start, each in zip(starts, sizes, strict=True)]


def _aligned(factor: Tensor, shape: Sequence[int]) -> Tensor | None:
    """A constant by position and feature, if it is the same along all other axes."""
    if len(shape) < 2 or factor.is_complex() or any(extent != 1 for extent in factor.shape[:-2]):
        return None
    plain = factor.reshape(factor.shape[-2:]) if factor.dim() > 1 else factor
    try:
        return plain.detach().cpu().double().expand(int(shape[-2]), int(shape[-1]))
    except RuntimeError:
        return None


def _times(terms: _Terms, factor: Tensor) -> _Terms:
    return tuple(_Term(term.place, term.factor * factor) for term in terms)


def _cut(terms: _Terms, along: slice) -> _Terms:
    return tuple(_Term(term.place[along], term.factor[:, along]) for term in terms)


def _joined(parts: Sequence[_Terms], *, paired: bool = False) -> _Terms:
    """Features one after another, or in pairs; where a part has fewer summands than another, it adds nothing."""
    made = []
    for number in range(max(map(len, parts))):
        terms = [part[number] if number < len(part) else _times(part[:1], torch.tensor(0.0))[0] for part in parts]
        places, factors = [term.place for term in terms], [term.factor for term in terms]
        if paired:
            made.append(_Term(torch.stack(places, -1).flatten(), torch.stack(factors, -1).flatten(1)))
        else:
            made.append(_Term(torch.cat(places), torch.cat(factors, 1)))
    return tuple(made)


def _layer(terms: _Terms, shape: Sequence[int]) -> Layer | None:
    """The rotation that sums are; None if they are none, or positions are too few to tell."""
    positions, width = (int(each) for each in shape[-2:]) if len(shape) > 1 else (1, 0)
    if positions < 2 or width % 2 or not 2 <= len(terms) <= 4:
        return None
    if any(len(term.place) != width or int(term.place.max()) >= width for term in terms):
        return None
    dim = _turning(terms, width)
    if dim < 2 or dim % 2:
        return None
    for interleaved in (False, True):
        pairs = _pairs(width, dim, interleaved=interleaved)
        factors = _factors(terms, pairs)
        base = None if factors is None else _base(*factors, dim, interleaved=interleaved)
        if factors is not None and base is not None and _is_rotation(*factors, base, dim, interleaved=interleaved):
            return TYPES["rotary"](base=base, rotary_dim=None if dim == width else dim, interleaved=interleaved)
        otherwise = "" if factors is None else _otherwise(*factors, dim, interleaved=interleaved)
        if otherwise:
            like = TYPES["rotary"](rotary_dim=None if dim == width else dim, interleaved=interleaved)
            return Function("rotary", like.facts(tuple(shape)), like=like, beyond=otherwise)
    return None


def _turning(terms: _Terms, width: int) -> int:
    """How many features are turned: all up to the last that is not what it was."""
    own = torch.zeros(width, dtype=torch.double)
    other = torch.zeros(width, dtype=torch.bool)
    for term in terms:
        mine = term.place == torch.arange(width)
        steady = (term.factor == term.factor[0]).all(0)
        other |= ~steady | (~mine & (term.factor[0] != 0))
        own += torch.where(mine, term.factor[0].double(), 0)
    moves = (other | (own != 1)).nonzero()
    return int(moves.max()) + 1 if len(moves) else 0


def _pairs(width: int, dim: int, *, interleaved: bool) -> Tensor:
    """The feature that each one is turned with; itself for one that stays."""
    features = torch.arange(width)
    partner = features + 1 - 2 * (features % 2) if interleaved else (features + dim // 2) % dim
    return torch.where(features < dim, partner, features)


def _factors(terms: _Terms, pairs: Tensor) -> tuple[Tensor, Tensor] | None:
    """What each feature takes of itself and of its partner, by position; None where it takes of others."""
    features = torch.arange(len(pairs))
    own = torch.zeros(terms[0].factor.shape, dtype=torch.double)
    other = own.clone()
    for term in terms:
        mine, theirs = term.place == features, term.place == pairs
        if bool(term.factor[:, ~mine & ~theirs].any()):
            return None
        own += torch.where(mine, term.factor, 0)
        other += torch.where(theirs & ~mine, term.factor, 0)
    return own, other


def _first(dim: int, *, interleaved: bool) -> slice:
    """The first features of the pairs."""
    return slice(0, dim, 2) if interleaved else slice(0, dim // 2)


def _base(own: Tensor, other: Tensor, dim: int, *, interleaved: bool) -> float | None:
    """How slowly the slowest pair turns, from how far each has turned at the second position."""
    first = _first(dim, interleaved=interleaved)
    angles = torch.atan2(-other[1, first], own[1, first])
    if bool((angles <= 0).any()):
        return None
    if dim == 2:
        return 10_000.0
    base: float = angles[1].item() ** (-dim / 2)
    if not math.isfinite(base):
        return None
    plain = (float(f"{base:.{digits}e}") for digits in range(4))
    return next((each for each in plain if abs(each - base) < 1e-4 * base), base)


def _otherwise(own: Tensor, other: Tensor, dim: int, *, interleaved: bool) -> str:
    """What a rotation has beyond the layer: other angles from every position to the next, or growth; empty if none."""
    first = _first(dim, interleaved=interleaved)
    second = slice(1, dim, 2) if interleaved else slice(dim // 2, dim)
    size = float(own[0, first][0])
    angles = torch.atan2(-other[1, first], own[1, first])
    if len(own) < _TELLING or size <= 0 or bool((angles <= 0).any()):
        return ""
    turned = torch.arange(len(own), dtype=torch.double)[:, None] * angles
    found = (own[:, first], own[:, second], -other[:, first], other[:, second])
    wanted = (turned.cos(), turned.cos(), turned.sin(), turned.sin())
    if any(bool((size * each - mine).abs().max() > _CLOSE) for each, mine in zip(wanted, found, strict=True)):
        return ""
    return "frequencies of its own" if abs(size - 1) < _CLOSE else "grown"


def _is_rotation(own: Tensor, other: Tensor, base: float, dim: int, *, interleaved: bool) -> bool:
    positions = torch.arange(len(own), dtype=torch.double)
    angles = positions[:, None] / base ** (torch.arange(0, dim, 2).double() / dim)
    first = _first(dim, interleaved=interleaved)
    second = slice(1, dim, 2) if interleaved else slice(dim // 2, dim)
    wanted, beside = torch.ones_like(own), torch.zeros_like(other)
    wanted[:, first] = wanted[:, second] = angles.cos()
    beside[:, first], beside[:, second] = -angles.sin(), angles.sin()
    return bool((wanted - own).abs().max() < _CLOSE) and bool((beside - other).abs().max() < _CLOSE)
