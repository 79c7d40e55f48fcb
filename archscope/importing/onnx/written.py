"""Operators of a graph with who makes and who reads each value, and what stands for several of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Final, NamedTuple

from archscope.importing.graph import Graph, Operator
from archscope.importing.hiding import is_causal
from archscope.layers import Layer, Shape

OWN: Final = "archscope"
"""The library of operators that stand for several."""


class Found(NamedTuple):
    """A layer, and the places of the operators that it takes the place of; the last one's is its own."""

    layer: Operator
    places: tuple[int, ...]


class Written:
    """Operators, with who makes and who reads each value.

    Attributes:
        operators: them, in order.
        ended: what attention that was found so far gives, and whether its first two axes are exchanged.
    """

    def __init__(self, graph: Graph, operators: Sequence[Operator]) -> None:
        self.operators = operators
        self._graph = graph
        self._made = {name: place for place, each in enumerate(operators) for name in each.outputs if name}
        self._readers: dict[str, list[int]] = {}
        self._by_type: dict[str, list[int]] = {}
        for place, each in enumerate(operators):
            if not each.domain:
                self._by_type.setdefault(each.type, []).append(place)
            for name in each.inputs:
                self._readers.setdefault(name, []).append(place)
        self._ends = set(graph.outputs)
        self._by_path: dict[str, list[int]] | None = None
        self._reached: set[str] | None = None
        self.ended: dict[str, bool] = {}

    def places(self, types: Sequence[str]) -> list[int]:
        """Where the format's own operators of some types are, in order."""
        return sorted(place for type_ in types for place in self._by_type.get(type_, ()))

    def beside_in(self, place: int) -> Sequence[int]:
        """Where the operators are that come of the same module as one does, and of none inside of it, in order."""
        if self._by_path is None:
            self._by_path = {}
            for at, each in enumerate(self.operators):
                if not each.domain:
                    self._by_path.setdefault(each.path, []).append(at)
        return self._by_path.get(self.operators[place].path, ())

    def maker(self, name: str, *types: str) -> int | None:
        """The operator that makes a value, if it is of one of some types."""
        place = self._made.get(name)
        fits = place is not None and not self.operators[place].domain and self.operators[place].type in types
        return place if fits else None

    def reader(self, name: str, *types: str) -> int | None:
        """The one operator that reads a value, if it is of one of some types and nothing else does."""
        places = self._readers.get(name, ())
        if len(places) != 1 or name in self._ends:
            return None
        operator = self.operators[places[0]]
        return places[0] if not operator.domain and operator.type in types else None

    def only_reader(self, name: str, *types: str) -> int | None:
        """As `reader`, also where that reads it twice."""
        places = set(self._readers.get(name, ()))
        if len(places) != 1 or name in self._ends:
            return None
        (place,) = places
        return place if not self.operators[place].domain and self.operators[place].type in types else None

    def is_within(self, name: str, places: Sequence[int]) -> bool:
        """Whether nothing but some operators reads a value."""
        return name not in self._ends and set(self._readers.get(name, ())) <= set(places)

    def number(self, name: str) -> float | None:
        """The one number that a constant is."""
        found = self._graph.constants.get(name)
        number = None if found is None else found.number
        return None if number is None or isinstance(number, (bool, str)) else float(number)

    def is_all(self, name: str, number: float) -> bool:
        """Whether a constant is one number again and again."""
        found = self._graph.constants.get(name)
        return found is not None and name not in self._graph.weights and {*found.values} == {number}

    def is_vector(self, name: str) -> int | None:
        """The length of a weight of one axis; None for anything else."""
        held = name in self._graph.weights or name in self._graph.constants
        shape = self._graph.shapes.get(name, ())
        return shape[0] if held and len(shape) == 1 else None

    def is_matrix(self, name: str) -> bool:
        """Whether a value is a matrix that is no part of what comes in: one that the file holds, or makes of others."""
        if self._reached is None:
            self._reached = set(self._graph.inputs)
            for each in self.operators:
                if not self._reached.isdisjoint(each.inputs):
                    self._reached.update(each.outputs)
        return len(self._graph.shapes.get(name, ())) == 2 and name not in self._reached

    def columns(self, name: str) -> int:
        """The length of the second axis of a matrix."""
        return self._graph.shapes[name][1]

    def beside(self, place: int, name: str) -> str:
        """What an operator of two inputs reads beside a value."""
        one, other = self.operators[place].inputs[:2]
        return other if one == name else one

    def shape(self, name: str) -> Shape:
        """The extents of a value, with the batch; a KeyError where they are not known."""
        return self._graph.shapes[name]

    def is_stored(self, name: str) -> bool:
        """Whether a value is a weight of the file."""
        return name in self._graph.weights

    def is_trained(self, name: str) -> bool:
        """Whether a value is a weight that is trained."""
        return name in self._graph.weights and self._graph.weights[name].trainable

    def is_causal(self, name: str) -> bool:
        """Whether a constant is a mask that hides what comes later, and nothing else."""
        return not self.is_trained(name) and is_causal(self._graph.mask(name))

    def indices(self, name: str) -> list[int] | None:
        """The whole numbers of a constant of one axis."""
        found = self._graph.constants.get(name)
        return None if found is None or len(found.shape) != 1 else [int(each) for each in found.values]

    def rows(self, name: str) -> tuple[str, Sequence[int] | None]:
        """What a value has rows of, and which rows these are; all of a value that is no such choice."""
        place = self.maker(name, "Gather", "Slice")
        operator = None if place is None else self.operators[place]
        if operator is None:
            return name, range(self.shape(name)[0])
        if operator.type == "Gather":
            taken = not operator.attributes.get("axis", 0)
            return (operator.inputs[0], self.indices(operator.inputs[1])) if taken else (name, None)
        before, after = self.shape(operator.inputs[0]), self.shape(name)
        said = [operator.attributes.get(each) for each in ("starts", "ends", "steps")]
        if before[1:] != after[1:] or None in said or any(len(each or ()) != len(before) for each in said):
            return name, None
        starts, ends, steps = ([int(each) for each in one or ()] for one in said)
        return operator.inputs[0], range(starts[0], ends[0], steps[0])

    def scaling(self, place: int) -> tuple[str, float] | None:
        """The value that a product takes a number of times, and how many."""
        for value, other in permutations(self.operators[place].inputs[:2]):
            number = self.number(other)
            if number is not None:
                return value, number
        return None

    def by_map(self, name: str, type_: str, maps: int) -> tuple[int, str] | None:
        """The one operator that reads a value and a weight with a number for each map: its place, and the weight."""
        place = self.reader(name, type_)
        if place is None:
            return None
        other = self.beside(place, name)
        shape = self._graph.shapes.get(other, ())
        source = self.unfolded(other)
        fits = source is not None and len(shape) > 1 and math.prod(shape) == maps == shape[-3 if len(shape) > 2 else 0]
        return (place, source) if fits and source is not None else None

    def by_unit(self, name: str, unit: Shape) -> tuple[int, str] | None:
        """The one addition of a value and a weight with a number for each unit: its place, and the weight."""
        place = self.reader(name, "Add")
        other = "" if place is None else self.beside(place, name)
        source = None if place is None else self.unfolded(other)
        if place is None or source is None or self.shape(other)[-len(unit) :] != unit:
            return None
        return (place, source) if math.prod(self.shape(other)) == math.prod(unit) else None

    def unfolded(self, name: str) -> str | None:
        """The weight that a value is, maybe with other extents."""
        source = name
        while (place := self.maker(source, "Unsqueeze", "Reshape", "Cast")) is not None:
            source = self.operators[place].inputs[0]
        return source if self.is_stored(source) else None

    def over_last(self, place: int, *, kept: bool = True) -> bool:
        """Whether a mean or a sum is one over the last axis, which stays if it is to be kept."""
        operator = self.operators[place]
        rank = len(self._graph.shapes.get(operator.input(0), ()))
        axes = operator.attributes.get("axes")
        if operator.input(1):
            found = self._graph.constants.get(operator.input(1))
            axes = None if found is None else found.values
        stays = bool(operator.attributes.get("keepdims", 1))
        return bool(rank) and stays == kept and [int(each) % rank for each in axes or ()] == [rank - 1]


def is_close(number: float | None, wanted: float) -> bool:
    return number is not None and math.isclose(number, wanted, rel_tol=1e-3)


def layer_of(written: Written, last: int, type_: str, inputs: tuple[str, ...], **attributes: object) -> Operator:
    end = written.operators[last]
    return end.replace(type=type_, domain=OWN, inputs=inputs, attributes=dict(attributes))


def whole_layer(written: Written, places: Sequence[int], layer: Layer, reads: Sequence[str]) -> Found | None:
    """A layer of archscope's in the place of operators; None where something else reads what is between them.

    ``reads`` are what it is given and then its weights.
    """
    ordered = sorted(places)
    inside = (name for each in ordered[:-1] for name in written.operators[each].outputs)
    if not all(written.is_within(name, ordered) for name in inside):
        return None
    return Found(layer_of(written, ordered[-1], "Layer", tuple(reads), layer=layer), tuple(ordered))


Pattern = tuple[tuple[str, ...], Callable[[Written, int], "Found | None"]]
"""The types of operators that it begins from, and what finds the layer from the place of one."""
