"""Which tensors of a file of weights are which layer's: by name, by shapes, or by how many values a part has.

Who wrote a file has other names for layers than a spec, splits what is one layer there and joins what is several. What
is placed by shapes is placed in order, the first of a kind with the first; a kind is placed only where both sides have
as many of it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from archscope.importing.weights.stored import Tensor
from archscope.layers import Shape
from archscope.layers.base import Weight

_NUMBER: Final = re.compile(r"(\d+)")
_JOINT: Final = re.compile(r"[._]")
_DOT: Final = re.compile(r"\.")
_DEEPEST: Final = 24
"""Joints of a name that are looked at: names of networks have ten."""

_Any = TypeVar("_Any")


class Own(NamedTuple):
    """The weights that a node has for its own.

    Attributes:
        node: its name.
        weights: what it holds, those it shares with another left out.
        names: what each weight may be called in a file, by its name in the node.
    """

    node: str
    weights: tuple[Weight, ...]
    names: Mapping[str, tuple[str, ...]]

    @property
    def values(self) -> int:
        """How many they are."""
        return sum(int(each.values) for each in self.weights)


class Placed(NamedTuple):
    """Nodes and the tensors that are theirs.

    Attributes:
        nodes: one, or several whose weights the file has as a part of its own.
        tensors: what the file has for them.
        named: the tensor of each weight of the one node, where names say it.
        part: what the file calls it.
    """

    nodes: tuple[Own, ...]
    tensors: tuple[Tensor, ...]
    named: Mapping[str, Tensor]
    part: str


class Placing:
    """What is placed, and what is left on both sides.

    Attributes:
        placed: nodes with their tensors.
        left: nodes that are not placed, by name.
        over: tensors that are not placed, by name.
        prefix: what stands before the names of the network in those of the file.
    """

    def __init__(self, nodes: Sequence[Own], tensors: Iterable[Tensor]) -> None:
        self.left: dict[str, Own] = {each.node: each for each in nodes}
        self.over: dict[str, Tensor] = {each.name: each for each in sorted(tensors, key=lambda each: _order(each.name))}
        self.placed: list[Placed] = []
        self._by_name(nodes)
        before = -1
        while before != len(self.left) > 0:  # what is placed leaves fewer that look alike
            before = len(self.left)
            self._by_kind({path: tuple(held) for path, held in _modules(self.over.values()).items()},
                          _blocks(self.left.values(), many=False), _shapes_of, _shapes_wanted)  # fmt: skip
            for many in (False, True):
                self._by_kind(_parts(self.over.values()), _blocks(self.left.values(), many=many), _values, _values)

    def _by_name(self, nodes: Sequence[Own]) -> None:
        """Names speak where most of the nodes are found by them; else only one that has the right shape does."""
        wanted = {name for own in nodes for names in own.names.values() for name in names}
        self.prefix = _prefix(wanted, self.over)
        found = {own.node: held for own in nodes if (held := self._called(own)) is not None}
        speak = 2 * len(found) > len(nodes)
        for own in nodes:
            held = found.get(own.node)
            if held is None or not (speak or all(same(each.shape, held[each.name].shape) for each in own.weights)):
                continue
            if all(each.name in self.over for each in held.values()):
                self._place((own,), tuple(held.values()), held, own.node)

    def _called(self, own: Own) -> dict[str, Tensor] | None:
        found: dict[str, Tensor] = {}
        for weight in own.weights:
            names = [start + name for name in own.names[weight.name] for start in (self.prefix, "")]
            tensor = next((self.over[name] for name in names if name in self.over), None)
            if tensor is None:
                return None
            found[weight.name] = tensor
        return found

    def _by_kind(
        self,
        theirs: Mapping[str, tuple[Tensor, ...]],
        ours: Mapping[str, tuple[Own, ...]],
        of_theirs: Callable[[tuple[Tensor, ...]], Hashable],
        of_ours: Callable[[tuple[Own, ...]], Hashable],
    ) -> None:
        """Place parts of one kind in order, where there are as many on both sides."""
        kinds: tuple[dict[Hashable, list[str]], dict[Hashable, list[str]]] = defaultdict(list), defaultdict(list)
        for path, held in theirs.items():
            kinds[0][of_theirs(held)].append(path)
        for name, own in ours.items():
            kinds[1][of_ours(own)].append(name)
        for kind, names in kinds[1].items():
            paths = kinds[0].get(kind, [])
            if len(paths) != len(names):
                continue
            for name, path in zip(names, paths, strict=True):
                free = all(each.node in self.left for each in ours[name])
                if free and all(each.name in self.over for each in theirs[path]):
                    self._place(ours[name], theirs[path], {}, path)

    def _place(self, own: tuple[Own, ...], held: tuple[Tensor, ...], named: Mapping[str, Tensor], part: str) -> None:
        self.placed.append(Placed(own, held, named, part))
        for each in own:
            del self.left[each.node]
        for tensor in held:
            self.over.pop(tensor.name, None)


def same(one: Shape, other: Shape) -> bool:
    """Whether two shapes have the same extents, axes of one left out and in any order.

    >>> same((3072, 768), (768, 3072)), same((1, 16), (16,)), same((4, 4), (16,))
    (True, True, False)
    """
    return extents(one) == extents(other)


def extents(shape: Shape) -> Shape:
    """The extents of a shape however it lies: sorted, without axes of one."""
    return tuple(sorted(int(each) for each in shape if each != 1))


def _shapes_of(held: tuple[Tensor, ...]) -> Hashable:
    return frozenset(Counter(extents(each.shape) for each in held).items())


def _shapes_wanted(own: tuple[Own, ...]) -> Hashable:
    return frozenset(Counter(extents(each.shape) for node in own for each in node.weights).items())


def _values(held: tuple[Tensor, ...] | tuple[Own, ...]) -> Hashable:
    return sum(each.values for each in held)


def _order(name: str) -> list[tuple[int, str]]:
    """Names in the order of their numbers: layer 2 before layer 10."""
    return [(int(part[:18]), "") if part.isdecimal() else (-1, part) for part in _NUMBER.split(name)]


def _prefix(wanted: set[str], there: Iterable[str]) -> str:
    """What most of the names that are wanted have before them: ``model.``."""
    found: Counter[str] = Counter()
    for name in there:
        ends = [0, *(each.end() for each in islice(_DOT.finditer(name), _DEEPEST))]
        found.update(name[:end] for end in ends if name[end:] in wanted)
    return max(found, key=lambda each: (found[each], -len(each)), default="")


def _modules(tensors: Iterable[Tensor]) -> dict[str, list[Tensor]]:
    """Tensors by all of their names but the last word."""
    found: dict[str, list[Tensor]] = {}
    for each in tensors:
        found.setdefault(each.name.rpartition(".")[0] or each.name, []).append(each)
    return found


def _parts(tensors: Iterable[Tensor]) -> dict[str, tuple[Tensor, ...]]:
    """Tensors by every beginning of their names; those of one beginning that are those of another once."""
    found: dict[str, list[Tensor]] = {}
    for each in tensors:
        for end in (*(joint.start() for joint in islice(_JOINT.finditer(each.name), _DEEPEST)), len(each.name)):
            found.setdefault(each.name[:end], []).append(each)
    return _once({path: tuple(held) for path, held in found.items()}, lambda each: each.name)


def _blocks(nodes: Iterable[Own], *, many: bool) -> dict[str, tuple[Own, ...]]:
    """The nodes one by one, or those whose names begin alike."""
    if not many:
        return {each.node: (each,) for each in nodes}
    found: dict[str, list[Own]] = {}
    for each in nodes:
        for joint in islice(_JOINT.finditer(each.node), _DEEPEST):
            found.setdefault(each.node[: joint.start()], []).append(each)
    return _once({path: tuple(own) for path, own in found.items() if len(own) > 1}, lambda each: each.node)


def _once(parts: Mapping[str, tuple[_Any, ...]], name: Callable[[_Any], str]) -> dict[str, tuple[_Any, ...]]:
    """The parts of which no other has the same members, the longest name of each."""
    found: dict[tuple[str, ...], str] = {}
    for path, held in parts.items():
        found[tuple(name(each) for each in held)] = path
    return {path: parts[path] for path in found.values()}


__all__ = ["Own", "Placed", "Placing", "extents", "same"]
