"""`Heads`: attention with its projections, as exporters write it out, in whatever order axes are turned and joined.

A reading tells each operation in turn; what comes out says what is projected, how many heads there are, and in which
order the axes end. Nothing is matched by its place among operations, so that a transposition more or less is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from archscope.layers import Shape
from archscope.recognising.atoms import Atom, Axes, Turned, extents, fresh, joined, reshaped


class Value(NamedTuple):
    """A value while it is followed.

    Attributes:
        axes: its axes, as parts of those that it began with.
        what: what began with those axes.
        starts: where it begins on them, where that is not at the start.
        factor: what it is multiplied by.
        places: the operations that it was made by since the values that come in.
    """

    axes: Axes
    what: Any
    starts: tuple[tuple[int, int], ...] = ()
    factor: float = 1.0
    places: frozenset[int] = frozenset()

    def start(self, base: int) -> int:
        """Where it begins on an axis."""
        return dict(self.starts).get(base, 0)


class Root(NamedTuple):
    """A value that comes in, or a weight."""

    name: str
    axes: Axes


class Projected(NamedTuple):
    """A value times a matrix, and a constant for each feature; behind its positions those of others, by name."""

    source: Value
    matrix: Value
    bias: Value | None
    base: int
    more: tuple[str, ...] = ()


class Scores(NamedTuple):
    """Products of queries and keys, maybe with masks, and a softmax of them."""

    queries: Value
    keys: Value
    masks: tuple[Value, ...] = ()
    soft: bool = False
    dropped: float = 0.0
    causal: bool = False


class Context(NamedTuple):
    """What scores make of values; its features begin with a base of their own."""

    scores: Scores
    values: Value
    base: int


class Attention(NamedTuple):
    """Attention that was found.

    Attributes:
        reads: what is projected to queries, keys and values, by name.
        heads: how many heads there are.
        features: how many features.
        batch: the axis of the batch in what comes in; None where there is none.
        matrices: the weight of each projection, or the one of all three, and whether its axes are exchanged.
        biases: the constants of the three projections: one weight or none.
        output: the weight of the last projection, whether its axes are exchanged, and its constants.
        masks: what is added to the scores, by name, and whether it hides keys of each sample.
        causal: whether it hides what comes later.
        dropped: how probably a weight is dropped.
        places: the operations.
        more: what stands behind the keys and behind the values, a position each, by name; ``NOTHING`` for zeros.
    """

    reads: tuple[str, str, str]
    heads: int
    features: int
    batch: int | None
    matrices: tuple[tuple[str, bool], ...]
    biases: str
    output: tuple[str, bool, str]
    masks: tuple[tuple[str, bool], ...]
    causal: bool
    dropped: float
    places: frozenset[int]
    more: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


NOTHING: Final = ""
"""What zeros are called that come in."""


class Heads:
    """Follows values through the operations of attention; a method for each kind of operation."""

    def __init__(self) -> None:
        self._bases = 0

    def root(self, name: str, shape: Shape) -> Value:
        """A value that comes in, or a weight."""
        axes = self._fresh(shape)
        return Value(axes, Root(name, axes))

    def _fresh(self, shape: Shape) -> Axes:
        self._bases += len(shape)
        return fresh(shape, self._bases - len(shape))

    def permuted(self, value: Value, order: Sequence[int]) -> Value:
        """Its axes in another order."""
        return value._replace(axes=tuple(value.axes[each] for each in order))

    def reshaped(self, value: Value, shape: Sequence[int]) -> Value:
        """The same values in another shape."""
        return value._replace(axes=reshaped(value.axes, shape))

    def part(self, value: Value, axis: int, start: int, length: int, *, keep: bool = True) -> Value:
        """Some steps of an axis; without that axis, if one step is taken out."""
        found = value.axes[axis]
        if len(found) > 1 or (not found and start):
            raise Turned
        axes, starts = list(value.axes), dict(value.starts)
        if found:
            (atom,) = found
            starts[atom.base] = starts.get(atom.base, 0) + start * atom.stride
            axes[axis] = (atom._replace(extent=length),) if length > 1 else ()
        if not keep:
            del axes[axis]
        return value._replace(axes=tuple(axes), starts=tuple(sorted(starts.items())))

    def linear(self, value: Value, matrix: Value, bias: Value | None) -> Value:
        """Its features times a matrix of (made, read)."""
        if len(matrix.axes) != 2 or extents(matrix.axes)[1] != extents(value.axes)[-1]:
            raise Turned
        made = self._fresh((extents(matrix.axes)[0],))
        what = Projected(value, matrix, bias, self._bases - 1)
        return Value((*value.axes[:-1], *made), what, places=value.places)

    def shifted(self, value: Value, bias: Value) -> Value:
        """A constant for each feature added to a projection that has none."""
        if not isinstance(value.what, Projected) or value.what.bias is not None or value.factor != 1:
            raise Turned
        if len(bias.axes) != 1 or extents(bias.axes)[0] != extents(value.axes)[-1]:
            raise Turned
        return value._replace(what=value.what._replace(bias=bias))

    def longer(self, value: Value, other: Value, axis: int) -> Value:
        """A position more behind those of a projection: a weight, or zeros."""
        what, axes = value.what, list(value.axes)
        if not isinstance(what, Projected) or not isinstance(other.what, Root) or value.factor != 1:
            raise Turned
        wanted = [*extents(value.axes)]
        wanted[axis] = 1
        if [*extents(other.axes)] != wanted or other.factor != 1 or len(axes[axis]) != 1:
            raise Turned
        (atom,) = axes[axis]
        if atom.base == what.base or atom.stride != 1 or value.start(atom.base) or other.starts:
            raise Turned
        axes[axis] = (atom._replace(extent=atom.extent + 1),)
        return value._replace(axes=tuple(axes), what=what._replace(more=(*what.more, other.what.name)))

    def times(self, value: Value, factor: float) -> Value:
        """Every value times a number."""
        return value._replace(factor=value.factor * factor)

    def product(self, one: Value, other: Value) -> Value:
        """A matrix product of the last two axes."""
        if isinstance(one.what, Scores) and one.what.soft:
            return self._context(one, other)
        return self._scores(one, self.permuted(other, (*range(len(other.axes) - 2), -1, -2)))

    def _scores(self, queries: Value, keys: Value) -> Value:
        if not (isinstance(queries.what, Projected) and isinstance(keys.what, Projected)):
            raise Turned
        if not _alike(queries, keys) or extents(queries.axes)[-1] != extents(keys.axes)[-1]:
            raise Turned
        axes = (*queries.axes[:-1], keys.axes[-2])
        return Value(axes, Scores(queries, keys), (), queries.factor * keys.factor, queries.places | keys.places)

    def masked(self, scores: Value, mask: Value) -> Value:
        """Something added to the scores."""
        if not isinstance(scores.what, Scores) or scores.what.soft:
            raise Turned
        what = scores.what._replace(masks=(*scores.what.masks, mask))
        return scores._replace(what=what)

    def softmax(self, scores: Value, axis: int) -> Value:
        """A softmax of the scores, over the keys."""
        if not isinstance(scores.what, Scores) or scores.what.soft or axis % len(scores.axes) != len(scores.axes) - 1:
            raise Turned
        width = extents(scores.what.queries.axes)[-1]
        if not math.isclose(scores.factor * math.sqrt(width), 1, rel_tol=1e-4):
            raise Turned
        return scores._replace(what=scores.what._replace(soft=True), factor=1.0)

    def dropped(self, scores: Value, probability: float) -> Value:
        """Weights dropped after the softmax."""
        if not isinstance(scores.what, Scores) or not scores.what.soft:
            raise Turned
        return scores._replace(what=scores.what._replace(dropped=probability))

    def _context(self, scores: Value, values: Value) -> Value:
        what: Scores = scores.what
        if not isinstance(values.what, Projected) or values.factor != 1 or not _alike(scores, values):
            raise Turned
        width = extents(values.axes)[-1]
        if extents(scores.axes)[-1] != extents(values.axes)[-2] or width != extents(what.queries.axes)[-1]:
            raise Turned
        base = what.queries.what.base
        heads = math.prod(atom.extent for axis in scores.axes for atom in axis if atom.base == base)
        self._fresh((heads * width,))
        own = self._bases - 1
        inner = tuple(
            joined([atom._replace(base=own) if atom.base == base else atom for atom in axis])
            for axis in scores.axes[:-1]
        )
        last = (Atom(own, width),) if width > 1 else ()
        return Value((*inner, last), Context(what, values, own), (), 1.0, scores.places | values.places)

    def widened(self, value: Value, shape: Shape) -> Value:
        """Axes of one step as often as wanted."""
        more = (None,) * (len(shape) - len(value.axes))
        axes: list[tuple[Atom, ...]] = []
        for axis, extent in zip((*more, *value.axes), shape, strict=True):
            wide = extent > 1 and not axis
            axes.append(self._fresh((extent,))[0] if wide else axis or ())
        if extents(tuple(axes)) != tuple(shape):
            raise Turned
        return value._replace(axes=tuple(axes))

    def fused(self, queries: Value, keys: Value, values: Value, **options: Any) -> Value:
        """The product of attention alone, as one operation has it."""
        scores = self._scores(queries, keys)
        width = extents(queries.axes)[-1]
        scale = options.get("scale")
        scores = self.times(scores, 1 / math.sqrt(width) if scale is None else scale)
        what = scores.what._replace(causal=bool(options.get("causal")))
        scores = scores._replace(what=what)
        mask = options.get("mask")
        scores = scores if mask is None else self.masked(scores, mask)
        scores = self.softmax(scores, -1)
        return self.product(self.dropped(scores, options.get("dropped", 0.0)), values)

    def found(self, value: Value) -> Attention | None:
        """Attention, where a value is what it gives, its axes as they came in; None where it is not, or not yet."""
        what = value.what
        context = what.source.what if isinstance(what, Projected) else None
        if not isinstance(context, Context) or value.starts or value.factor != 1:
            return None
        made = (context.scores.queries, context.scores.keys, context.values)
        roots = [_root(each.what.source) for each in made]
        width, features = extents(made[0].axes)[-1], extents(value.axes)[-1]
        if (
            made[0].what.more
            or None in roots
            or what.source.axes[-1] != (Atom(context.base, features),)
            or features % width
        ):
            return None
        if value.axes != (*roots[0].axes[:-1], (Atom(what.base, features),)):
            return None
        positions = [_position(*each) for each in zip(made, roots, strict=True)]
        common = set.intersection(*positions) if len({len(each.axes) for each in roots}) == 1 else set()
        inner = _inner(made, features) if all(_in_heads(each, width) for each in made) else None
        last, bias = _matrix(what.matrix), _vector(what.bias)
        whole = last is not None and last[2] == 0 and bias[1] == 0 and _length(what.bias) in (0, features)
        masks = [each.what.name for each in context.scores.masks if isinstance(each.what, Root)]
        if not common or inner is None or last is None or not whole or len(masks) < len(context.scores.masks):
            return None
        names = (roots[0].name, roots[1].name, roots[2].name)
        batch = None if len(roots[0].axes) == 2 else 1 - max(common)
        padding = tuple(_is_padding(each) for each in context.scores.masks)
        return Attention(names, features // width, features, batch, *inner, (*last[:2], bias[0]),
                         tuple(zip(masks, padding, strict=True)), context.scores.causal, context.scores.dropped,
                         value.places, (made[1].what.more, made[2].what.more))  # fmt: skip


def _alike(one: Value, other: Value) -> bool:
    """Whether the axes in front of two factors are those of the same samples and heads."""
    both = []
    for value in (one, other):
        base = (value.what.queries if isinstance(value.what, Scores) else value).what.base
        both.append([(atom.base == base, atom.extent) for axis in value.axes[:-2] for atom in axis])
    return both[0] == both[1]


def _root(source: Value) -> Any:
    """What came in, if all of it is there, its features last."""
    what = source.what
    if not isinstance(what, Root) or source.starts or source.factor != 1 or len(what.axes) not in (2, 3):
        return None
    here, there = ([atom for axis in axes for atom in axis] for axes in (source.axes, what.axes))
    return what if sorted(here) == sorted(there) and source.axes[-1] == what.axes[-1] else None


def _position(value: Value, root: Root) -> set[int]:
    """The axes of what came in that may be that of the positions."""
    more = len(value.what.more)
    own = tuple(atom._replace(extent=atom.extent - more) for atom in value.axes[-2])
    return {place for place, axis in enumerate(root.axes[:-1]) if axis == own}


def _in_heads(value: Value, width: int) -> bool:
    """Whether each head has features beside each other."""
    base = value.what.base
    last = (Atom(base, width),) if width > 1 else ()
    heads = [atom for axis in value.axes[:-2] for atom in axis if atom.base == base]
    return value.axes[-1] == last and len(heads) <= 1 and all(each.stride == width for each in heads)


def _inner(made: Sequence[Value], features: int) -> tuple[tuple[tuple[str, bool], ...], str] | None:
    """The matrices of three projections, or the one of them all, and their biases."""
    begin = [value.start(value.what.base) for value in made]
    matrices = [_matrix(value.what.matrix) for value in made]
    biases = [_vector(value.what.bias) for value in made]
    if None in matrices or len({name for name, _ in biases}) != 1:
        return None
    rows = [start + each[2] for start, each in zip(begin, matrices, strict=True) if each is not None]
    thirds = [0, features, 2 * features]
    named = tuple((each[0], each[1]) for each in matrices if each is not None)
    lengths = {value.what.matrix.what.axes[1 if turned else 0][0].extent
               for value, (_, turned) in zip(made, named, strict=True)}  # fmt: skip
    together = len(set(named)) == 1
    if rows != (thirds if together else [0, 0, 0]) or lengths != {3 * features if together else features}:
        return None
    name = biases[0][0]
    places = [start + each[1] for start, each in zip(begin, biases, strict=True)]
    if name and (places != thirds or _length(made[0].what.bias) != 3 * features):
        return None
    return (named[:1] if together else named), name


def _matrix(value: Value) -> tuple[str, bool, int] | None:
    """The weight that a matrix is rows of, whether its axes are exchanged, and the first row."""
    what = value.what
    if not isinstance(what, Root) or value.factor != 1 or len(what.axes) != 2 or () in (*what.axes, *value.axes):
        return None
    (made, *_), (read, *_) = value.axes
    turned = what.axes[0] == value.axes[1]
    if not turned and what.axes[1] != value.axes[1]:
        return None
    return what.name, turned, value.start(made.base) if value.start(read.base) == 0 else -1


def _vector(value: Value | None) -> tuple[str, int]:
    """The weight that a vector is a part of, and where that begins."""
    if value is None:
        return "", 0
    what = value.what
    if not isinstance(what, Root) or value.factor != 1 or len(what.axes) != 1 or () in value.axes:
        return "", -1
    return what.name, value.start(value.axes[0][0].base)


def _length(bias: Value | None) -> int:
    """How many values the weight has that a vector is a part of."""
    return 0 if bias is None else extents(bias.what.axes)[0]


def _is_padding(mask: Value) -> bool:
    """Whether it hides keys of each sample, whatever asks."""
    own = {atom.base for axis in mask.what.axes for atom in axis}
    asks = mask.axes[-2] if len(mask.axes) > 1 else ()
    return len(mask.axes) > 2 and len(mask.what.axes) == 2 and own.isdisjoint(atom.base for atom in asks)


__all__ = ["NOTHING", "Attention", "Heads", "Value"]
