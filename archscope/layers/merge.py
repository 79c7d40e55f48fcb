"""Layers that join several inputs: arithmetic and extremes value by value, matmul, concat, stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.attending import multiplied_rows
from archscope.layers.base import Facts, Layer, Shape, spell_shape, values_in
from archscope.layers.doubt import Meaning
from archscope.layers.places import axis_in
from archscope.layers.steps import MASK, Made, Step, added, divided, extreme, input_name, like, multiplied, subtracted
from archscope.options import integer, option
from archscope.working import bare, count, product, total


class _Elementwise(Layer):
    """Value by value; an extent of 1 is repeated, as PyTorch broadcasts shapes with equally many axes."""

    family: ClassVar[str] = "merge"
    arity: ClassVar[tuple[int, int | None]] = (2, None)

    def rule(self, *inputs: Shape) -> Facts:
        output = inputs[0]
        for position, shape in enumerate(inputs[1:], start=1):
            if len(shape) != len(output):
                raise self._unequal(output, shape, position)
            output = tuple(self._extent(output, shape, axis, position) for axis in range(len(shape)))
        repeated = tuple(position for position, shape in enumerate(inputs) if shape[1:] != output[1:])
        return Facts(inputs, (output,), repeated=repeated)

    def meaning(self, came: Meaning) -> Meaning:
        return came

    def _extent(self, first: Shape, other: Shape, axis: int, position: int) -> int:
        a, b = first[axis], other[axis]
        if a != b and 1 not in (a, b):
            raise self._unequal(first, other, position)
        return max(a, b)

    @staticmethod
    def _unequal(first: Shape, other: Shape, position: int) -> Rejects:
        return Rejects(
            f"its inputs do not fit: {spell_shape(first)} and {spell_shape(other)}",
            input=position,
            help="make the shapes equal; an extent of 1 is repeated",
        )

    def one_by_one(self, facts: Facts, step: Callable[[str, str, Shape, tuple[str, ...]], Step]) -> tuple[Step, ...]:
        """Two at a time, from the first: what PyTorch runs for any number of them."""
        came, shape, ran = "input", facts.inputs[0], []
        for place, other in enumerate(facts.inputs[1:], start=1):
            after = tuple(max(a, b) for a, b in zip(shape, other, strict=True))
            smaller = ((came, shape), (input_name(place), other))
            reduces = tuple(name for name, each in smaller if values_in(each) != values_in(after))
            made = step(came, input_name(place), after, reduces)
            came = "output" if place == len(facts.inputs) - 1 else f"{made.op} {place}"
            ran.append(made.replace(makes=(Made(came, after),)))
            shape = after
        return tuple(ran)


class Add(_Elementwise):
    """The sum of its inputs: a residual connection.

    >>> Add().facts((64, 56, 56), (64, 56, 56)).output
    (64, 56, 56)
    """

    type: ClassVar[str] = "add"
    verb: ClassVar[str] = "Addition"
    symbol: ClassVar[str] = "+"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return self.one_by_one(facts, added)


class Multiply(_Elementwise):
    """The product of its inputs, value by value: a gate.

    >>> Multiply().facts((64, 56, 56), (64, 1, 1)).output
    (64, 56, 56)
    """

    type: ClassVar[str] = "multiply"
    verb: ClassVar[str] = "Multiplication"
    symbol: ClassVar[str] = "×"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return self.one_by_one(facts, multiplied)


class Subtract(_Elementwise):
    """The first input less the second.

    >>> Subtract().facts((64, 56, 56), (64, 56, 56)).output
    (64, 56, 56)
    """

    type: ClassVar[str] = "subtract"
    verb: ClassVar[str] = "Subtraction"
    symbol: ClassVar[str] = "−"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return self.one_by_one(facts, subtracted)


class Divide(_Elementwise):
    """The first input over the second, value by value.

    >>> Divide().facts((64, 56, 56), (64, 1, 1)).output
    (64, 56, 56)
    """

    type: ClassVar[str] = "divide"
    verb: ClassVar[str] = "Division"
    symbol: ClassVar[str] = "÷"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return self.one_by_one(facts, divided)


class Maximum(_Elementwise):
    """The larger of two inputs, value by value.

    >>> Maximum().facts((64, 56, 56), (64, 56, 56)).output
    (64, 56, 56)
    """

    type: ClassVar[str] = "maximum"
    verb: ClassVar[str] = "Maximum"
    symbol: ClassVar[str] = "max"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return self.one_by_one(facts, extreme)


class Minimum(_Elementwise):
    """The smaller of two inputs, value by value.

    >>> Minimum().facts((64, 56, 56), (64, 56, 56)).output
    (64, 56, 56)
    """

    type: ClassVar[str] = "minimum"
    verb: ClassVar[str] = "Minimum"
    symbol: ClassVar[str] = "min"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return self.one_by_one(facts, extreme)


class Pow(_Elementwise):
    """The first input to the power of the second, value by value; `Power` is one to a constant power.

    >>> Pow().facts((64, 56, 56), (64, 1, 1)).output
    (64, 56, 56)
    """

    type: ClassVar[str] = "pow"
    verb: ClassVar[str] = "Power"
    symbol: ClassVar[str] = "^"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        base, exponent = facts.inputs
        reduces = tuple(
            name
            for name, each in (("input", base), ("input 2", exponent))
            if values_in(each) != values_in(facts.output)
        )
        behind = (
            *like(facts.output, 3),
            *like(exponent, 1),
            Made("zero exponents", exponent, MASK),
            Made("zero", (1,), each=False),
        )
        made = (Made("output", facts.output),)
        return (
            Step("pow", ("input", "input 2"), made, ("input", "input 2", "output"), reduces=reduces, behind=behind),
        )


class Matmul(Layer):
    """The matrix product of its two inputs, for every place along the axes in front; no weights of its own.

    ``(…, l, c)`` and ``(…, c, n)`` make ``(…, l, n)``; an extent of 1 in front is repeated. MACs: ``l·c·n`` for
    every product. Where one of the two is learned and no input of the network reaches it, each of these products is a
    connection; between values there are none. Scores of attention, eight heads of 32 features over 16 positions:

    >>> facts = Matmul().facts((8, 16, 32), (8, 32, 16))
    >>> facts.output, facts.macs, facts.connections
    ((8, 16, 16), 65536, 0)
    """

    type: ClassVar[str] = "matmul"
    family: ClassVar[str] = "merge"
    verb: ClassVar[str] = "Product"
    symbol: ClassVar[str] = "@"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    def rule(self, *inputs: Shape) -> Facts:
        left, right = inputs
        if len(left) < 2:
            raise Rejects(f"takes matrices, (…, rows, columns), got {spell_shape(left)}", input=0)
        front = zip(left[:-2], right[:-2], strict=False)
        if len(left) != len(right) or any(a != b and 1 not in (a, b) for a, b in front):
            raise Rejects(
                f"its inputs do not fit: {spell_shape(left)} and {spell_shape(right)}",
                input=1,
                help="give both the same axes in front of the last two; an extent of 1 is repeated",
            )
        if left[-1] != right[-2]:
            raise Rejects(
                f"{spell_shape(left)} has {bare(left[-1])} columns and {spell_shape(right)} has {bare(right[-2])} rows",
                input=1,
                help="the last extent of the first must be the last but one of the second",
            )
        places = [count(max(a, b)) for a, b in zip(left[:-2], right[:-2], strict=True)]
        lines, inner, columns = count(left[-2], "l"), count(left[-1], "c"), count(right[-1], "n")
        return Facts(
            inputs,
            ((*places, left[-2], right[-1]),),
            macs=product([*places, lines, inner, columns]),
            windows=None,
            reasons={"receptive_field": "a matrix product joins a whole row with a whole column"},
        )

    def weighed(self, facts: Facts, places: tuple[int, ...]) -> Facts:
        return facts.replace(weighing=places, connections=facts.macs, connections_in_bounds=facts.macs)

    @property
    def label(self) -> str:
        return "matrix product"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        left, right = (tuple(bare(each) for each in shape) for shape in facts.inputs)
        heads = tuple(bare(each) for each in facts.output[:-2])
        steps: list[Step] = []
        names = []
        for name, shape in (("input", left), ("input 2", right)):
            if shape[:-2] != heads:
                steps.append(Step("expand", (name,), (Made(f"{name} repeated", (*heads, *shape[-2:])),), views=True))
                name = f"{name} repeated"
            names.append(name)
        return (*steps, *multiplied_rows(names[0], names[1], "output", heads, (left[-2], left[-1], right[-1])))


class Concat(Layer):
    """Its inputs one after the other along an axis, the channels unless told otherwise.

    >>> Concat().facts((128, 13, 13), (128, 13, 13)).output
    (256, 13, 13)
    """

    type: ClassVar[str] = "concat"
    family: ClassVar[str] = "merge"
    verb: ClassVar[str] = "Concatenation"
    symbol: ClassVar[str] = "‖"
    arity: ClassVar[tuple[int, int | None]] = (1, None)
    dim: int = option(integer, default=0, doc="The axis, counted without the batch.")

    def rule(self, *inputs: Shape) -> Facts:
        first = inputs[0]
        axis = axis_in(self.dim, first)
        for position, shape in enumerate(inputs[1:], start=1):
            if len(shape) != len(first) or self._others(shape, axis) != self._others(first, axis):
                raise Rejects(
                    f"its inputs do not fit: {spell_shape(first)} and {spell_shape(shape)}",
                    input=position,
                    help=f"all axes but axis {axis} must be equal",
                )
        # What the inputs' extents came from is told at the layers that made them.
        joined = total(count(bare(shape[axis])) for shape in inputs)
        output = (*first[:axis], joined, *first[axis + 1 :])
        along_grid = axis > 0 and len(inputs) > 1
        reasons = {"receptive_field": "inputs side by side on the grid"} if along_grid else {}
        return Facts(inputs, (output,), windows=None if along_grid else (), reasons=reasons)

    def meaning(self, came: Meaning) -> Meaning:
        return came

    @staticmethod
    def _others(shape: Shape, axis: int) -> Shape:
        return tuple(bare(extent) for position, extent in enumerate(shape) if position != axis)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        read = tuple(input_name(place) for place in range(len(facts.inputs)))
        return (Step("cat", read, (Made("output", facts.output),), passes=read),)


class Stack(Layer):
    """Its inputs, all of one shape, side by side along a new axis.

    >>> Stack(dim=1).facts((64, 7), (64, 7), (64, 7)).output
    (64, 3, 7)
    """

    type: ClassVar[str] = "stack"
    family: ClassVar[str] = "merge"
    verb: ClassVar[str] = "Stack"
    symbol: ClassVar[str] = "≡"
    arity: ClassVar[tuple[int, int | None]] = (1, None)
    dim: int = option(integer, default=0, doc="The place of the new axis, counted without the batch.")

    def rule(self, *inputs: Shape) -> Facts:
        first = inputs[0]
        place = axis_in(self.dim, first, more=1)
        for position, shape in enumerate(inputs[1:], start=1):
            if tuple(map(bare, shape)) != tuple(map(bare, first)):
                raise Rejects(
                    f"its inputs do not fit: {spell_shape(first)} and {spell_shape(shape)}",
                    input=position,
                    help="make the shapes equal; `concat` joins them along an axis that they have",
                )
        output = (*first[:place], count(len(inputs)), *first[place:])
        return Facts(inputs, (output,), windows=None, reasons={"receptive_field": "a new axis has no grid"})

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        read = tuple(input_name(place) for place in range(len(facts.inputs)))
        place = axis_in(self.dim, facts.inputs[0], more=1)
        return (Step("stack", read, (Made("output", facts.output),), passes=read, takes=place + 1),)


LAYERS: tuple[type[Layer], ...] = (Add, Multiply, Matmul, Concat, Subtract, Divide, Maximum, Minimum, Pow, Stack)
