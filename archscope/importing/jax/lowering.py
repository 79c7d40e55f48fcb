"""A call's operations in the words that files have for them, with channels in front.

Flax has channels last. A value that a convolution, a pool or a norm of channels works on has its channels in front
here, and what follows value by value has so too; where an operation needs them last, a row turns the axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from archscope.importing.graph import Constant, Operator
from archscope.importing.jax.counting import Tally
from archscope.importing.jax.flat import Flat, Step
from archscope.importing.jax.tracing import Traced
from archscope.layers.base import NOTHING, Shape, Weight
from archscope.working import total

OWN: Final = "archscope"
"""The library of operators that no file has."""

JAX: Final = "jax"
"""The library of operators that are JAX's own."""


SAME: Final = frozenset({
    "convert_element_type", "stop_gradient", "copy", "copy_p", "reduce_precision", "name", "sharding_constraint",
    "device_put", "optimization_barrier", "pvary", "archscope_begins", "archscope_ends",
})  # fmt: skip
"""Operations that hand on what they are given."""


class Group(NamedTuple):
    """One call of a module, with what ran in it.

    Attributes:
        begins: the mark with what it was given.
        inside: what ran.
        ends: the mark with what it made.
    """

    begins: Step
    inside: tuple[Step | Group, ...]
    ends: Step

    @property
    def steps(self) -> Iterator[Step]:
        """Everything that ran in it, marks too."""
        yield self.begins
        for each in self.inside:
            if isinstance(each, Group):
                yield from each.steps
            else:
                yield each
        yield self.ends


class Lowering:
    """The operators so far.

    Attributes:
        operators: in order.
        shapes: the extents of each value that they read or make.
        weights: by name.
        constants: numbers by name.
        readers: what reads each value of the jaxpr.
        flattened: values that are flattened grids, whose features lie in another order in JAX.
        pooled: values that are sums or the like over a whole grid, whose channels are left.
        cuts: values that are one position of an axis: of which value, which axis, and which position.
        groups: values that are maps with their channels cut into groups: which maps, and how many groups.
        orders: weights that are held with their axes turned, and which of its axes each one is here.

    Args:
        flat: the operations.
        traced: the module's call.
        last: whether the library has its channels last.
    """

    def __init__(self, flat: Flat, traced: Traced, *, last: bool) -> None:
        self.flat = flat
        self.traced = traced
        self.last = last
        self.operators: list[Operator] = []
        self.shapes: dict[str, Shape] = dict(flat.shapes)
        self.dtypes: dict[str, str] = dict(flat.dtypes)
        self.weights: dict[str, Weight] = {each.name: each for each in traced.weights if each is not None}
        self.constants: dict[str, Constant] = dict(flat.constants)
        self.flattened: set[str] = set()
        self.pooled: set[str] = set()
        self.cuts: dict[str, tuple[str, int, int]] = {}
        self.groups: dict[str, tuple[str, int]] = {}
        self.orders: dict[str, tuple[int, ...]] = {}
        self.reached: set[str] = set(traced.inputs)
        self._forms: dict[tuple[str, bool], str] = {}
        self._alias: dict[str, str] = {}
        self._turned: dict[str, tuple[str, tuple[int, ...]]] = {}
        self._made: dict[tuple[str, tuple[int, ...]], str] = {}
        self._vectors: dict[str, tuple[str, int]] = {}
        self._owed: dict[str, Tally] = {}
        self.readers: dict[str, list[Step]] = {}
        for step in flat.steps:
            for name in step.reads:
                self.readers.setdefault(name, []).append(step)
            if any(name in self.reached for name in step.reads):
                self.reached.update(step.makes)
        self.in_front = self._of_maps() if last else frozenset[str]()
        for name in traced.inputs:
            self.know(name, name, maps=name in self.in_front)
            if name in self.in_front:
                self.shapes[name] = in_front(self.shapes[name])

    def _of_maps(self) -> frozenset[str]:
        """Inputs that are maps: something with a grid reads what is made of them value by value."""
        wanted: set[str] = set()
        for step in reversed(self.flat.steps):
            grid = step.name in ("conv_general_dilated", "reduce_window_max", "reduce_window_sum")
            norm = step.name == "archscope_begins" and type(self.traced.uses[step.use].module).__name__ == "BatchNorm"
            rank = max((len(self.flat.shapes[each]) for each in step.makes), default=0)
            if grid or norm or (rank > 2 and not wanted.isdisjoint(step.makes)):
                same = [each for each in step.reads if len(self.flat.shapes[each]) == rank and rank > 3]
                wanted.update(same)
        return frozenset(name for name in self.traced.inputs if name in wanted)

    # --- values -----------------------------------------------------------------------------------------------------

    def origin(self, name: str) -> str:
        """A value by its first name: marks and casts hand it on."""
        while name in self._alias:
            name = self._alias[name]
        return name

    def know(self, name: str, form: str, *, maps: bool = False) -> None:
        """Say which value a value of the jaxpr is, with its channels in front or as JAX has it."""
        self._forms[name, maps] = form

    def same(self, name: str, other: str) -> None:
        """Say that a value of the jaxpr is another one."""
        self._alias[name] = other
        if other in self._vectors:
            self._vectors[name] = self._vectors[other]

    def is_map(self, name: str) -> bool:
        """Whether a value is there with its channels in front, and only so."""
        name = self.origin(name)
        return (name, True) in self._forms and (name, False) not in self._forms

    def plain(self, name: str) -> str:
        """A value with its axes as JAX has them."""
        name = self.origin(name)
        if (name, False) not in self._forms:
            front = self._forms.get((name, True))
            rank = len(self.flat.shapes[name])
            self._forms[name, False] = name if front is None else self.turned(front, (0, *range(2, rank), 1))
        return self._forms[name, False]

    def maps(self, name: str) -> str:
        """A value with its channels in front of the grid."""
        name = self.origin(name)
        rank = len(self.flat.shapes[name])
        if not self.last or rank < 3:
            return self.plain(name)
        if (name, True) not in self._forms:
            self._forms[name, True] = self.turned(self.plain(name), (0, rank - 1, *range(1, rank - 1)))
        return self._forms[name, True]

    def turned(self, form: str, order: Sequence[int]) -> str:
        """A value with its axes in another order; what is turned back is what it was."""
        order = tuple(order)
        source, before = self.turns(form)
        whole = tuple(before[axis] for axis in order)
        if whole == tuple(range(len(whole))):
            return source
        if (source, whole) not in self._made:
            made = self.new(tuple(self.shapes[source][axis] for axis in whole), self.dtypes[source])
            self.add("Transpose", [source], [made], perm=whole)
            self._made[source, whole] = made
            self._turned[made] = source, whole
        return self._made[source, whole]

    def turns(self, form: str) -> tuple[str, tuple[int, ...]]:
        """What a value was before its axes were turned, and the order that they were turned to."""
        return self._turned.get(form, (form, tuple(range(len(self.shapes[form])))))

    def new(self, shape: Shape, dtype: str = "float32") -> str:
        """A value of the operators' own."""
        name = f"value:{len(self.shapes)}"
        self.shapes[name] = tuple(shape)
        self.dtypes[name] = dtype
        return name

    def settle(self, name: str) -> None:
        """Give a number that stands for a whole value that value's extents."""
        form = self.plain(name)
        if self.shapes[form] != self.flat.shapes[name] and form in self.constants:
            self._forms[self.origin(name), False] = self.new(self.flat.shapes[name], self.dtypes[name])

    def number(self, value: Any) -> str:
        """A number as a value."""
        name = self.new(())
        self.constants[name] = Constant((), (value,))
        return name

    def constant(self, name: str) -> Constant | None:
        """The numbers of a value of the jaxpr, if they stand in it."""
        return self.constants.get(self.plain(name)) if self.origin(name) not in self.reached else None

    def is_weight(self, name: str) -> bool:
        """Whether a value of the jaxpr is a weight as it is held."""
        return self.origin(name) in self.weights

    def vector(self, name: str) -> tuple[str, int] | None:
        """The weight of one axis that a value is, spread along one of its axes; and which."""
        name = self.origin(name)
        if name in self.weights and len(self.flat.shapes[name]) == 1:
            return name, 0
        return self._vectors.get(name)

    def spread(self, name: str, source: str, axis: int) -> None:
        """Say that a value is a weight of one axis, spread along one of its own."""
        self._vectors[name] = source, axis

    def relaid(self, name: str, order: Sequence[int]) -> str:
        """A weight with its axes as PyTorch has them; it is held so where nothing reads it otherwise."""
        name, order = self.origin(name), tuple(order)
        alone = name in self.weights and all(
            each.name in ("conv_general_dilated", "archscope_begins", "archscope_ends") for each in self.readers[name]
        )
        if not alone or self.orders.get(name, order) != order or name in self.reached:
            return self.turned(self.plain(name), order)
        if name not in self.orders:
            weight = self.weights[name]
            shape = tuple(weight.shape[axis] for axis in order)
            self.weights[name] = weight.replace(shape=shape)
            self.shapes[name] = tuple(map(int, shape))
            self.orders[name] = order
        return name

    # --- operators --------------------------------------------------------------------------------------------------

    def add(
        self, type_: str, reads: Sequence[str], makes: Sequence[str], *, domain: str = "", path: str = "",
        tally: Tally | None = None, **attributes: Any,
    ) -> None:  # fmt: skip
        """Keep an operator."""
        found = tally or Tally()
        owed = [self._owed.pop(name) for name in reads if name in self._owed]
        if owed:
            found = together_of([found, *owed])
        held = {"opset": 18, "tally": found, **attributes}
        origin = f"{path or 'the module itself'}"
        self.operators.append(Operator(type_, tuple(reads), tuple(makes), held, domain, path, origin=origin))

    def owe(self, name: str, tally: Tally) -> None:
        """Keep what was multiplied to make a constant, for whatever reads it first."""
        self._owed[name] = tally

    def finished(self, outputs: Sequence[str]) -> tuple[Operator, ...]:
        """The operators that something comes of, and those that multiply."""
        wanted = set(outputs)
        kept: list[Operator] = []
        for each in reversed(self.operators):
            tally: Tally = each.attributes["tally"]
            if not wanted.isdisjoint(each.outputs) or tally.macs or tally.why:
                wanted.update(each.inputs)
                kept.append(each)
        return tuple(reversed(kept))


def in_front(shape: Shape) -> Shape:
    """The extents of a value with its channels, which are last, behind the batch.

    >>> in_front((1, 28, 24, 3))
    (1, 3, 28, 24)
    """
    return (shape[0], shape[-1], *shape[1:-1])


def form_of(made: str, low: Lowering, *, maps: bool) -> str:
    """A value for what an operation makes, with its channels in front or as JAX has it."""
    shape = low.flat.shapes[made]
    form = low.new(in_front(shape) if maps else shape, low.dtypes[made])
    low.know(made, form, maps=maps)
    return form


def grouped(steps: Sequence[Step]) -> tuple[Step | Group, ...]:
    """Operations with those of each call of a module together."""
    open_: list[tuple[Step, list[Step | Group]]] = []
    found: list[Step | Group] = []
    for step in steps:
        here = open_[-1][1] if open_ else found
        if step.name == "archscope_begins":
            open_.append((step, []))
        elif step.name == "archscope_ends" and open_:
            begins, inside = open_.pop()
            (open_[-1][1] if open_ else found).append(Group(begins, tuple(inside), step))
        else:
            here.append(step)
    return tuple(found)


def together(steps: Sequence[Step]) -> Tally:
    """What several operations multiply."""
    return together_of([each.tally for each in steps])


def together_of(tallies: Sequence[Tally]) -> Tally:
    """Several tallies as one."""
    why = next((each.why for each in tallies if each.why), "")
    counted = [each.macs for each in tallies if each.macs]
    return Tally(total(counted) if counted else NOTHING, why)


def size(shape: Sequence[int]) -> int:
    """How many values there are."""
    return math.prod(map(int, shape))
