"""Rotary positions as people write them, slices and products with tables of cosines and sines, as the layer they are.

Every way to write them is linear in what is turned: each feature that comes out is a sum of features that go in, each
times a number that its position gives. What these sums are is followed, and held against what the layer does.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from archscope.errors import Rejects
from archscope.layers import TYPES, Facts, Layer
from archscope.network import Node, Ref

_CLOSE: Final = 2e-3
"""How near a table in single precision comes to the angles of far positions."""

_ROOM: Final = 1 << 21
"""Values that the sums of all positions may take."""


class _Term(NamedTuple):
    """One summand of every feature: the feature that it reads, and its factor by position and feature."""

    place: Tensor
    factor: Tensor


_Terms = tuple[_Term, ...]


class Turned(NamedTuple):
    """A network in which turned features are layers, and what became of each node that is part of one."""

    nodes: list[Node]
    outputs: tuple[Ref, ...]
    facts: dict[str, Facts]
    within: dict[str, str]


def turned(
    nodes: Sequence[Node], outputs: Sequence[Ref], facts: Mapping[str, Facts], factors: Mapping[str, Tensor]
) -> Turned:
    """Nodes in which rotary positions are one.

    ``factors`` has the constant that a product multiplies with, by the name of its node.
    """
    found = Turned([*nodes], tuple(outputs), {**facts}, {})
    names = {node.name for node in nodes}
    for base in dict.fromkeys(_bases(nodes, factors)) if factors else ():
        if base.node not in found.facts:
            continue
        shape = found.facts[base.node].outputs[base.output]
        sums = _reached(found, base, factors)
        layers = {name: layer for name, terms in reversed(sums.items())
                  if found.facts[name].output == shape and (layer := _layer(terms, shape)) is not None}  # fmt: skip
        for name, layer in layers.items():
            if name in found.facts:
                found = _replaced(found, base, name, layer, names)
    return found


def _bases(nodes: Sequence[Node], factors: Mapping[str, Tensor]) -> Iterator[Ref]:
    """What may be turned: what products with constants read, before it was cut, the whole of it first."""
    made = {node.name: node for node in nodes}
    for node in nodes:
        if node.name in factors:
            chain = [node.inputs[0]]
            while (maker := made.get(chain[-1].node)) is not None and maker.layer.type in ("slice", "chunk", "split"):
                chain.append(maker.inputs[0])
            yield from reversed(chain)


def _reached(network: Turned, base: Ref, factors: Mapping[str, Tensor]) -> dict[str, _Terms]:
    """The sums that nodes make of one value alone, by their names."""
    known: dict[Ref, _Terms] = {}
    found: dict[str, _Terms] = {}
    reading = {base.node}
    for node in network.nodes:
        if reading.isdisjoint(ref.node for ref in node.inputs):
            continue
        if not all(ref == base or ref in known for ref in node.inputs):
            continue
        shape = network.facts[node.name].inputs[0]
        given = [known[ref] if ref in known else _whole(shape) for ref in node.inputs]
        made = _made(node, given, shape, factors)
        if made is None:
            continue
        reading.add(node.name)
        known.update((Ref(node.name, number), terms) for number, terms in enumerate(made))
        if len(made) == 1:
            found[node.name] = made[0]
    return found


def _whole(shape: Sequence[int]) -> _Terms:
    positions, width = (int(each) for each in shape[-2:]) if len(shape) > 1 else (1, int(shape[-1]))
    return (_Term(torch.arange(width), torch.ones(positions, width)),)


def _made(node: Node, given: list[_Terms], shape: Sequence[int], factors: Mapping[str, Tensor]) -> list[_Terms] | None:
    """The sums that a node makes of those it is given; None where it makes no sums, or works along other axes."""
    layer: Any = node.layer
    last = len(shape) - 1
    width = int(shape[-1])
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
    if len(shape) < 2 or any(extent != 1 for extent in factor.shape[:-2]):
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


def _joined(parts: Sequence[_Terms]) -> _Terms:
    """Features one after another; where a part has fewer summands than another, it adds nothing."""
    made = []
    for number in range(max(map(len, parts))):
        terms = [part[number] if number < len(part) else _times(part[:1], torch.tensor(0.0))[0] for part in parts]
        made.append(_Term(torch.cat([term.place for term in terms]), torch.cat([term.factor for term in terms], 1)))
    return tuple(made)


def _layer(terms: _Terms, shape: Sequence[int]) -> Layer | None:
    """The rotation that sums are; None if they are none, or positions are too few to tell."""
    positions, width = (int(each) for each in shape[-2:]) if len(shape) > 1 else (1, 0)
    if positions < 2 or width % 2 or not 2 <= len(terms) <= 4:
        return None
    chosen = _chosen(positions, width)
    sums = torch.zeros(len(chosen), width, width, dtype=torch.double)
    for term in terms:
        if int(term.place.max()) >= width or len(term.place) != width:
            return None
        sums[:, torch.arange(width), term.place] += term.factor[chosen].double()
    still = [feature for feature in range(width) if _is_still(sums, feature)]
    dim = width - len(still)
    if dim < 2 or dim % 2 or still != list(range(dim, width)):
        return None
    for interleaved in (False, True):
        base = _base(sums, dim, interleaved=interleaved)
        if base is not None and _is_rotation(sums, chosen, base, dim, interleaved=interleaved):
            return TYPES["rotary"](base=base, rotary_dim=None if dim == width else dim, interleaved=interleaved)
    return None


def _chosen(positions: int, width: int) -> Tensor:
    """The positions that are looked at: the first two, and of the others as many as there is room for."""
    many = min(positions, max(2, _ROOM // width**2))
    return (
        torch.cat([torch.arange(2), torch.linspace(2, positions - 1, many - 2).long()]) if many > 2 else torch.arange(2)
    )


def _is_still(sums: Tensor, feature: int) -> bool:
    one = torch.zeros(sums.shape[-1], dtype=sums.dtype)
    one[feature] = 1
    return bool((sums[:, feature] == one).all())


def _pairs(dim: int, *, interleaved: bool) -> tuple[Tensor, Tensor]:
    first = torch.arange(0, dim, 2) if interleaved else torch.arange(dim // 2)
    return first, first + 1 if interleaved else first + dim // 2


def _base(sums: Tensor, dim: int, *, interleaved: bool) -> float | None:
    """How slowly the slowest pair turns, from how far each has turned at the second position."""
    first, second = _pairs(dim, interleaved=interleaved)
    angles = torch.atan2(sums[1, second, first], sums[1, first, first])
    if bool((angles <= 0).any()):
        return None
    if dim == 2:
        return 10_000.0
    base: float = angles[1].item() ** (-dim / 2)
    if not math.isfinite(base):
        return None
    plain = (float(f"{base:.{digits}e}") for digits in range(4))
    return next((each for each in plain if abs(each - base) < 1e-4 * base), base)


def _is_rotation(sums: Tensor, positions: Tensor, base: float, dim: int, *, interleaved: bool) -> bool:
    first, second = _pairs(dim, interleaved=interleaved)
    angles = positions.double()[:, None] / base ** (torch.arange(0, dim, 2).double() / dim)
    wanted = torch.zeros_like(sums)
    wanted[:, first, first] = wanted[:, second, second] = angles.cos()
    wanted[:, first, second], wanted[:, second, first] = -angles.sin(), angles.sin()
    rest = torch.arange(dim, sums.shape[-1])
    wanted[:, rest, rest] = 1
    return bool((wanted - sums).abs().max() < _CLOSE)


def _replaced(found: Turned, base: Ref, name: str, layer: Layer, names: set[str]) -> Turned:
    """The network with one node for the rotation; what nothing reads any more is gone."""
    node = next(each for each in found.nodes if each.name == name)
    try:
        facts = layer.facts(found.facts[name].output)
    except Rejects:
        return found
    own = _free(".".join((*node.group, "rotary")), names)
    made = Node(own, layer, (base,), own, node.group)
    nodes = [made if each is node else _reading(each, name, own) for each in found.nodes]
    outputs = tuple(Ref(own, ref.output) if ref.node == name else ref for ref in found.outputs)
    within = {old: own if new == name else new for old, new in found.within.items()} | {name: own}
    gone = _unread(nodes, outputs, before=found)
    left = {each: its for each, its in found.facts.items() if each != name and each not in gone}
    return Turned([each for each in nodes if each.name not in gone], outputs, {**left, own: facts},
                  {**within, **dict.fromkeys(gone, own)})  # fmt: skip


def _reading(node: Node, old: str, new: str) -> Node:
    if all(ref.node != old for ref in node.inputs):
        return node
    return node.replace(inputs=tuple(Ref(new, ref.output) if ref.node == old else ref for ref in node.inputs))


def _unread(nodes: Sequence[Node], outputs: Sequence[Ref], *, before: Turned) -> list[str]:
    """Nodes that something read before, and nothing reads now."""
    had = {ref.node for node in before.nodes for ref in node.inputs} | {ref.node for ref in before.outputs}
    readers = Counter(ref.node for node in nodes for ref in node.inputs)
    readers.update(ref.node for ref in outputs)
    gone = []
    for node in reversed(nodes):
        if node.name in had and not readers[node.name]:
            gone.append(node.name)
            readers.subtract(ref.node for ref in node.inputs)
    return gone


def _free(name: str, names: set[str]) -> str:
    number, chosen = 1, name
    while chosen in names:
        number += 1
        chosen = f"{name}_{number}"
    names.add(chosen)
    return chosen
