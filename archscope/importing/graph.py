"""What a file says of a network, as it says it: operators, weights, shapes. No opinion on what layers they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Final

from archscope.layers.base import Shape, Weight
from archscope.record import EMPTY, Record

_MOST: Final = 3
"""Inputs of which it is tried where each has its batch."""

_STEM: Final = re.compile(r"[._](weight|kernel|bias)$")


def stem(weight: str) -> str:
    """What a weight's layer is called, by the weight's name.

    >>> stem("fc.weight"), stem("S2_bias"), stem("scale")
    ('fc', 'S2', 'scale')
    """
    return _STEM.sub("", weight)


class Operator(Record):
    """One operator of a file.

    Attributes:
        type: its name, ``Conv``.
        domain: the library that has it; empty for the format's own.
        inputs: the values that it reads, by name; empty for one that is left out.
        outputs: the values that it makes.
        attributes: what it is configured with.
        path: the module that it was written down from, ``layer1.0.conv1``; empty if nothing is said.
        alone: whether it is all that the module is.
        origin: where it stands in the file.
    """

    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = EMPTY
    domain: str = ""
    path: str = ""
    alone: bool = False
    origin: str = ""

    @property
    def name(self) -> str:
        """What it is called in messages: the name of another library's has that before it."""
        return f"{self.domain}::{self.type}" if self.domain else self.type

    def input(self, place: int) -> str:
        """The value that it reads in a place; empty where there is none."""
        return self.inputs[place] if place < len(self.inputs) else ""


class Constant(Record):
    """Numbers that stand in a file and are no weights: few enough to be read.

    Attributes:
        shape: its extents.
        values: the numbers in order.
    """

    shape: Shape
    values: tuple[Any, ...]

    @property
    def number(self) -> Any:
        """The one number that it is, if it is one."""
        return self.values[0] if len(self.values) == 1 else None


class Graph(Record):
    """A network as a file has it, every value of known shape.

    Attributes:
        name: what it is called.
        title: what a person calls it.
        summary: where it comes from, in a sentence.
        inputs: the names of what it is given.
        outputs: the names of what it makes.
        operators: in an order in which each comes after what it reads.
        shapes: the extents of each value, with the batch; values without are not known.
        dtypes: PyTorch's names of the types of their numbers.
        weights: the weights, by the name of the value.
        constants: other numbers that it holds, by the name of the value.
        corners: the first two rows and columns of large squares that are one number up to their diagonal and another
            above it, such as masks of many positions, by the name of the value.
        plain: constants that it says are its code's, and no weights however they are read.
        batch: samples that run at once; None where there is no axis for them.
        unbatched: inputs that have no axis for the batch.
        axes: the axis of an input that is the batch's, where that is not the first.
        remarks: what else is to be known of it, in sentences.
    """

    name: str
    title: str
    summary: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    operators: tuple[Operator, ...]
    shapes: Mapping[str, Shape]
    dtypes: Mapping[str, str]
    weights: Mapping[str, Weight]
    constants: Mapping[str, Constant] = EMPTY
    corners: Mapping[str, Constant] = EMPTY
    plain: frozenset[str] = frozenset()
    batch: int | None = 1
    unbatched: frozenset[str] = frozenset()
    axes: Mapping[str, int] = EMPTY
    remarks: tuple[str, ...] = ()

    def mask(self, name: str) -> Constant | None:
        """The numbers of a value that may hide scores: those of a constant, or the corner of a large square."""
        return self.constants.get(name) or self.corners.get(name)

    def elsewhere(self) -> Iterator[Graph]:
        """The graph with its batch in other places: behind time, in all inputs or in some; then some or all have none.

        >>> graph = Graph("", "", "", ("x", "state"), (), (), {"x": (5, 3, 8), "state": (2, 3, 6)}, {}, {})
        >>> [(each.batch, each.axes) for each in graph.elsewhere()][:2]
        [(3, {'x': 1, 'state': 1}), (3, {'x': 1})]
        """
        if len(self.inputs) > _MOST:
            return
        every = product((1, 0, None), repeat=len(self.inputs))
        for axes in sorted(every, key=lambda axes: (axes.count(None), len({*axes}), -axes.count(1))):
            placed = {name: axis for name, axis in zip(self.inputs, axes, strict=True) if axis is not None}
            there = all(axis < len(self.shapes[name]) for name, axis in placed.items())
            batches = {self.shapes[name][axis] for name, axis in placed.items()} if there else set()
            if 1 in axes and len(batches) == 1:
                yield self.replace(
                    batch=batches.pop(), unbatched=frozenset(self.inputs) - placed.keys(),
                    axes={name: axis for name, axis in placed.items() if axis},
                )  # fmt: skip
        yield self.replace(batch=1, unbatched=frozenset(self.inputs), axes=EMPTY)
