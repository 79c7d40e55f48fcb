"""A layer in its place as a pupil may see it: with another option, another input, a term of its arithmetic changed.

>>> import archscope
>>> analysis = archscope.analyze(archscope.load("lenet5"))
>>> place = Place.of(analysis, analysis["C1"], "connections")
>>> place.value.working, place.with_options(kernel_size=3).value.working
('(5·5·1 + 1)·28·28·6', '(3·3·1 + 1)·30·30·6')
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from archscope.analysis import Analysis, Row
from archscope.classroom import edits
from archscope.classroom.hops import Hop, field_of, hops_to
from archscope.layers.base import Facts, Layer, Shape
from archscope.layers.windows import LETTERS
from archscope.record import Record, lazily
from archscope.working import Count, as_count, total

Tree = Callable[[Count], Iterable[Count]]


class Part(Record):
    """One layer of a row: on several towers a row has several."""

    layer: Layer
    inputs: tuple[Shape, ...]

    def with_options(self, **options: Any) -> Part:
        """The same layer with other options."""
        return self.replace(layer=_remade(self.layer, tuple(sorted(options.items()))))

    @property
    def facts(self) -> Facts:
        """What it says of itself."""
        return _facts(self.layer, self.inputs)


@lru_cache(maxsize=4096)
def _remade(layer: Layer, options: tuple[tuple[str, Any], ...]) -> Layer:
    return type(layer)(**{**layer.stated(), **dict(options)})


@lru_cache(maxsize=4096)
def _facts(layer: Layer, inputs: tuple[Shape, ...]) -> Facts:
    return layer.facts(*inputs)


class Place(Record):
    """A layer in its place, as a pupil may see it.

    Attributes:
        parts: its layers with what comes in.
        quantity: what is asked for.
        before: what came in before it was flattened.
        across: what was changed in how its sides come about.
        after: what was changed in the arithmetic of the count.
        channels: the maps that go out, where somebody says so without regard to the kernels.
        swapped: whether height and width changed places in its output.
        stated: the output, where somebody took another one to be right.
        known: the number as the analysis has it, while no option and no input is changed.
        rest: what the activation that is folded in adds.
        shared: the layer whose weights it uses; they are counted there.
        split: how many times more maps a part would see if its tower saw the maps of all.
        hops: the windows between the input and it, where its receptive field is asked for.
    """

    parts: tuple[Part, ...]
    quantity: str
    known: Count | None = None
    split: int = 1
    shared: str = ""
    before: Shape | None = None
    across: tuple[Tree, ...] = ()
    after: tuple[Tree, ...] = ()
    channels: int | None = None
    swapped: bool = False
    stated: Shape | None = None
    rest: tuple[Count, ...] = ()
    hops: tuple[Hop, ...] = ()

    @classmethod
    def of(cls, analysis: Analysis, row: Row, quantity: str) -> Place:
        """A row of an analysis."""
        nodes = [node for node in row.nodes if not node.folded]
        facts = analysis.network.facts
        parts = tuple(Part(node.layer, facts[node.name].inputs) for node in nodes)
        if quantity == "receptive_field":
            known = None if row.receptive_field is None else as_count(row.receptive_field[0])
            return cls(parts, quantity, known, hops=hops_to(analysis, row))
        folded = [facts[node.name] for node in row.nodes if node.folded and facts[node.name].weights]
        rest = () if quantity == "output" else tuple(getattr(each, quantity) or Count(0) for each in folded)
        known = None if quantity == "output" else row.count_of(quantity)
        before, shared = _flattened(analysis, row), ", ".join(row.shares)
        return cls(parts, quantity, known, _split(analysis, row, parts), shared, before, rest=rest)

    @property
    def layer(self) -> Layer:
        """The layer, or its copy on the first tower."""
        return self.parts[0].layer

    def has(self, *options: str) -> bool:
        """Whether the layer has such options."""
        return all(option in self.layer.options for option in options)

    def with_options(self, **options: Any) -> Place:
        """The same with other options."""
        return self.replace(parts=tuple(part.with_options(**options) for part in self.parts), known=None, hops=())

    def with_inputs(self, change: Callable[[Shape], Shape]) -> Place:
        """The same with another first input."""
        parts = tuple(part.replace(inputs=(change(part.inputs[0]), *part.inputs[1:])) for part in self.parts)
        return self.replace(parts=parts, known=None, hops=())

    @lazily
    def facts(self) -> tuple[Facts, ...]:
        """What its layers say of themselves."""
        return tuple(part.facts for part in self.parts)

    @lazily
    def shape(self) -> Shape:
        """The output, the copies on towers joined."""
        if self.stated is not None:
            return self.stated
        shapes = [facts.output for facts in self.facts]
        first = shapes[0]
        if not first:
            return ()
        channels: int = total(shape[0] for shape in shapes) if len(shapes) > 1 else first[0]
        if self.channels is not None:
            channels = self.channels
        sides: Sequence[int] = [self._side(extent) for extent in first[1:]]
        return (channels, *(reversed(sides) if self.swapped else sides))

    def _side(self, extent: int) -> int:
        for change in self.across:
            for changed in change(as_count(extent)):
                extent = changed
        return extent

    @lazily
    def value(self) -> Any:
        """The number, or the shape, that comes out; None where the layer does not tell it of itself alone."""
        if self.quantity == "output":
            return self.shape
        value = self.known
        if value is None:
            value = self._counted()
            if value is None:
                return None
        if self.across or self.stated is not None:
            letters = LETTERS.get(len(self.shape) - 1, ())
            for changed in edits.with_letters(value, dict(zip(letters, map(int, self.shape[1:]), strict=False))):
                value = changed
        for change in self.after:
            for changed in change(value):
                value = changed
        return value

    def _counted(self) -> Count | None:
        if self.quantity == "receptive_field":
            return field_of(self.hops) if self.hops else None
        if self.shared and self.quantity in ("parameters", "fixed"):
            return None
        counts = [*(getattr(facts, self.quantity) for facts in self.facts), *self.rest]
        if any(each is None for each in counts):
            return None
        return total(counts) if len(counts) > 1 else as_count(counts[0])


def _split(analysis: Analysis, row: Row, parts: Sequence[Part]) -> int:
    """How many times more maps there would be, if each tower saw the maps of all."""
    if len(parts) < 2 or not parts[0].inputs or len(row.inputs) != 1:
        return 1
    names = {each.name for each in analysis.rows}
    whole = int(analysis[row.inputs[0]].outputs[0][0]) if row.inputs[0] in names else 0
    own = int(parts[0].inputs[0][0])
    return whole // own if own and whole > own and not whole % own else 1


def _flattened(analysis: Analysis, row: Row) -> Shape | None:
    """The maps that a vector was made of."""
    names = {each.name for each in analysis.rows}
    for name in row.inputs:
        if name in names and len(row.input_shapes) == 1 and len(row.input_shapes[0]) == 1:
            before = analysis[name].input_shapes
            if len(before) == 1 and len(before[0]) > 1:
                return before[0]
    return None


class Slipped(Record):
    """A place as a slip leaves it, and what a tutor says."""

    place: Place
    says: str
