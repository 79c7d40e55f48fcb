"""The graph of an ONNX file as it grows: operators, weights, plain numbers, names that nobody else has."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from archscope.errors import UsageError
from archscope.layers import Facts, Shape
from archscope.layers.base import Weight
from archscope.network import Network, Node, free_name
from archscope.record import Record

if TYPE_CHECKING:
    import onnx

Array = Any
"""A NumPy array of any type."""

Values = Callable[[Node, Weight], Array]
"""The values of a weight of a node, in the shape that its layer gives it."""

OPSET: Final = 23
"""The first opset in which attention, RMS norm, group norm and GELU are an operator each."""


class Held(Record):
    """A weight as it stands in the file.

    Attributes:
        shape: its extents there, which may be another order of the layer's.
        make: makes its values.
        trained: whether it is trained.
    """

    shape: tuple[int, ...]
    make: Callable[[], Array]
    trained: bool = True

    @property
    def bytes(self) -> int:
        """What it takes as float32."""
        return 4 * math.prod(self.shape)


class Sheet:
    """What is written so far.

    Attributes:
        network: what is written.
        nodes: the operators, in order.
        held: the weights by name.
        constants: plain numbers by name.
        values: where the values of weights come from; asked when a weight is made.
    """

    def __init__(self, network: Network, values: Values) -> None:
        self.network = network
        self.values = values
        self.nodes: list[onnx.NodeProto] = []
        self.held: dict[str, Held] = {}
        self.constants: dict[str, Array] = {}
        self._known: dict[tuple[Any, ...], str] = {}
        self._names = {*network.inputs, *network.by_name}
        self._batch = ""

    def free(self, name: str) -> str:
        """A name that no other value has."""
        return free_name(name, self._names)

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """Plain numbers, once however often they are asked for."""
        array = np.asarray(values, dtype)
        key = (array.shape, array.dtype.str, array.tobytes())
        if key not in self._known:
            self._known[key] = self.free(f"constant_{len(self._known)}")
            self.constants[self._known[key]] = array
        return self._known[key]

    def hold(self, name: str, held: Held) -> str:
        """The name of a weight: one that is written already is not written again, unless its extents are others."""
        at = (name, held.shape)
        if at not in self._known:
            self._known[at] = self.free(name)
            self.held[self._known[at]] = held
        return self._known[at]

    @property
    def batch(self) -> str:
        """How many samples there are, as a vector of one number."""
        if not self._batch:
            from onnx import helper

            self._batch = self.free("batch_size")
            source = next(iter(self.network.inputs))
            self.nodes.append(helper.make_node("Shape", [source], [self._batch], name=self._batch, start=0, end=1))
        return self._batch


class Place:
    """One node before a writer: its facts, what it reads, and the operators that it becomes.

    Attributes:
        node: the node.
        layer: its layer.
        facts: its facts.
        taken: the name of each value that it reads.
    """

    def __init__(self, sheet: Sheet, node: Node, taken: Sequence[str]) -> None:
        self.sheet = sheet
        self.node = node
        self.layer: Any = node.layer
        self.facts: Facts = sheet.network.facts[node.name]
        self.taken = list(taken)
        self.made: list[onnx.NodeProto] = []
        owner = node.shares
        self._theirs = set[str]() if owner is None else {each.name for each in sheet.network.facts[owner].weights}

    @property
    def shape(self) -> tuple[int, ...]:
        """The first input's shape, without the batch."""
        return self.shape_of(0)

    def shape_of(self, place: int) -> tuple[int, ...]:
        """The shape of an input, without the batch."""
        return plain(self.facts.inputs[place])

    @property
    def output(self) -> tuple[int, ...]:
        """The first output's shape, without the batch."""
        return plain(self.facts.output)

    def run(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Have an operator, and name what it makes, the first of it."""
        return self.run_all(operator, *inputs, outputs=outputs, **attributes)[0]

    def run_all(self, operator: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Have an operator, and name all that it makes."""
        from onnx import helper

        names = [self.sheet.free(f"{self.node.name}/{operator}_{len(self.made)}") for _ in range(outputs)]
        given = list(inputs)
        while given and not given[-1]:  # inputs that are left out at the end are not written
            given.pop()
        self.made.append(helper.make_node(operator, given, names, **attributes))
        return names

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """Plain numbers."""
        return self.sheet.constant(values, dtype)

    def whole(self, *values: int) -> str:
        """Whole numbers, as axes and extents are given."""
        return self.constant(values, np.int64)

    def reshape(self, value: str, *extents: int) -> str:
        """A value with other extents after the batch."""
        return self.run("Reshape", value, self.whole(0, *extents))

    def transpose(self, value: str, *axes: int) -> str:
        """A value with its axes in another order, the batch counted."""
        return self.run("Transpose", value, perm=axes)

    def slice(self, value: str, axis: int, start: int, end: int, step: int = 1) -> str:
        """Positions of an axis, the batch counted."""
        return self.run("Slice", value, *(self.whole(each) for each in (start, end, axis, step)))

    def expand(self, value: str, shape: Sequence[int]) -> str:
        """A value without a batch, once for every sample."""
        extents = self.run("Concat", self.sheet.batch, self.whole(*shape), axis=0) if shape else self.sheet.batch
        return self.run("Expand", value, extents)

    def has(self, name: str) -> bool:
        """Whether the layer has a weight of that name."""
        return any(each.name == name for each in self.facts.weights)

    def weight(
        self,
        name: str,
        shape: Sequence[int] | None = None,
        turn: Callable[[Array], Array] | None = None,
        part: str = "",
    ) -> str:
        """A weight of the layer, or of the one whose weights it shares; empty if there is none.

        ``shape`` and ``turn`` give it other extents or make it from the layer's own; ``part`` names a piece of it.
        """
        found = next((each for each in self.facts.weights if each.name == name), None)
        if found is None:
            return ""
        sheet, node = self.sheet, self._owner(name)
        extents = plain(found.shape) if shape is None else tuple(shape)

        def make() -> Array:
            made = np.asarray(sheet.values(node, found), np.float32)
            return (made if turn is None else turn(made)).reshape(extents)

        return self.sheet.hold(f"{node.name}.{name}{part}", Held(extents, make, found.trainable))

    def packed(self, name: str, names: Sequence[str], shape: Sequence[int], pack: Callable[..., Array]) -> str:
        """Several weights of the layer as one; empty if there are none."""
        found = [each for wanted in names for each in self.facts.weights if each.name == wanted]
        if not found:
            return ""
        sheet, node = self.sheet, self._owner(names[0])

        def make() -> Array:
            return pack(*(np.asarray(sheet.values(node, each), np.float32) for each in found)).reshape(shape)

        return self.sheet.hold(f"{node.name}.{name}", Held(tuple(shape), make))

    def _owner(self, name: str) -> Node:
        return self.sheet.network.by_name[self.node.shares] if name in self._theirs and self.node.shares else self.node

    def cannot(self, why: str) -> UsageError:
        """The layer cannot be written."""
        return UsageError(f"`{self.node.name}` ({self.layer.type}): {why}")


def plain(shape: Shape) -> tuple[int, ...]:
    """A shape in numbers without their working."""
    return tuple(int(extent) for extent in shape)


def axis_of(dim: int, rank: int) -> int:
    """An axis counted without the batch, counted with it and from the front; ``rank`` is that of a sample.

    >>> axis_of(0, 3), axis_of(-1, 3)
    (1, 3)
    """
    return dim % rank + 1
