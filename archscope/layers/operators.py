"""Operations of PyTorch's by its own names, and what each keeps: for calls that no layer type describes.

A layer type says what it keeps itself. What a module's code runs beside layers, and what it runs in the place of one
(``rsqrt`` and ``pow(-0.5)`` are the same power, and keep other things), goes by the operation that ran.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from archscope.layers.facts import Facts
from archscope.layers.steps import Made, Step, added, divided, input_name, like, multiplied, subtracted
from archscope.record import Record


class Keeps(Record):
    """What an operation keeps of a value for its gradient.

    Attributes:
        what: ``input``, ``output``, both or neither.
        copies: tensors like the output that its backward pass holds beside the gradients.
        passes: whether the gradient lies in the memory of the one that came.
        masks: whether it keeps what it reads of yes and no.
        asks: tensors of yes and no that its backward pass makes, and chooses between a gradient and 0 by.
    """

    what: tuple[str, ...] = ()
    copies: int = 0
    passes: bool = False
    masks: bool = False
    asks: int = 0


class Ran(Record):
    """An operation that ran alone for a node, or the last of some in a line.

    Attributes:
        name: its own, without a library's: ``masked_fill``.
        numbers: how many tensors of a number are made for it first.
        dtype: PyTorch's name of the type of what it made; empty for that of the network's values.
        place: where the batch stands among the axes of its result; None where there is none.
        floats: of each value that it read from a node, whether it is a number with a point.
        batched: of each, whether it has a batch.
        before: operations that ran first, one after the other, each of one value as large as its result.
    """

    name: str
    numbers: int
    dtype: str
    place: int | None
    floats: tuple[bool, ...]
    batched: tuple[bool, ...]
    before: tuple[str, ...] = ()

    @property
    def repeats(self) -> bool:
        """Whether it repeats for every sample what has no batch."""
        return self.place is not None and self.name in _OF_TWO and not all(self.batched)

    @property
    def views(self) -> bool:
        """Whether it only sees what it reads differently."""
        return self.name in _VIEWS | RETYPED | WINDOWS

    @property
    def folds(self) -> bool:
        """Whether the samples stand in the first axis of its result with others."""
        return self.place is not None and self.place < 0

    def made(self, facts: Facts) -> Made:
        """What it made."""
        each, at = self.place is not None, self.place or 0
        return Made("output", facts.output, self.dtype, each=each, at=max(at, 0), folded=self.folds)


_INPUT, _OUTPUT = ("input",), ("output",)

_VALUES: Final[Mapping[str, Keeps]] = MappingProxyType({
    "abs": Keeps(_INPUT, 1),
    "add": Keeps(passes=True),
    "add by alpha": Keeps(),
    "ceil": Keeps(),
    "clamp": Keeps(_INPUT, asks=2),
    "clamp_max": Keeps(_INPUT, asks=1),
    "clamp_min": Keeps(_INPUT, asks=1),
    "cos": Keeps(_INPUT, 2),
    "cumsum": Keeps(copies=2),
    "div": Keeps(),
    "erf": Keeps(_INPUT, 4),
    "exp": Keeps(_OUTPUT),
    "expm1": Keeps(_OUTPUT, 1),
    "floor": Keeps(),
    "log": Keeps(_INPUT),
    "log10": Keeps(_INPUT, 1),
    "log1p": Keeps(_INPUT, 1),
    "log2": Keeps(_INPUT, 1),
    "masked_fill": Keeps(masks=True),
    "mul": Keeps(),
    "neg": Keeps(),
    "pow": Keeps(_INPUT, 2),
    "rdiv": Keeps(_INPUT, 3),
    "reciprocal": Keeps(_OUTPUT, 2),
    "repeat_interleave": Keeps(passes=True),
    "round": Keeps(),
    "rsqrt": Keeps(_OUTPUT, 2),
    "rsub": Keeps(),
    "rsub by alpha": Keeps(copies=1),
    "sign": Keeps(),
    "sin": Keeps(_INPUT, 1),
    "sqrt": Keeps(_OUTPUT, 1),
    "sub": Keeps(passes=True),
    "tan": Keeps(_OUTPUT, 2),
    "tril": Keeps(),
    "triu": Keeps(),
    "trunc": Keeps(),
    "where": Keeps(masks=True),
})  # fmt: skip
"""Operations with a gradient, of one value and constants; constants that they keep are seen where the code runs."""

_ASKS: Final = frozenset({
    "eq", "ne", "lt", "le", "gt", "ge", "logical_not", "logical_and", "logical_or", "logical_xor", "bitwise_not",
    "bitwise_and", "bitwise_or", "isnan", "isinf", "isfinite", "zeros_like", "ones_like", "full_like", "new_zeros",
    "new_ones", "new_full", "new_empty", "empty_like", "argmax", "argmin", "floor_divide", "any", "all",
    "rand_like", "randn_like",
})  # fmt: skip
"""Operations without a gradient: what they make needs none, and they keep nothing."""

_WHOLE: Final = frozenset({
    "add", "sub", "mul", "rsub", "cumsum", "sum", "abs", "neg", "clamp", "clamp_min", "maximum", "minimum", "where",
    "masked_fill", "tril", "triu", "remainder", "gather", "index_select",
})  # fmt: skip
"""Operations that have no gradient where what they make are whole numbers."""


_VIEWS: Final = frozenset({"alias", "detach", "expand", "permute", "select", "slice", "squeeze", "t", "transpose",
                           "unsqueeze", "view"})  # fmt: skip

_RESIZES: Final = frozenset({
    *(f"{name}{axes}d" for name in ("upsample_nearest", "_upsample_nearest_exact") for axes in (1, 2, 3)),
    "upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d",
    "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa",
})  # fmt: skip
"""Operations that change the extents of maps: they keep the extents alone."""

CLAMPS: Final = frozenset({"clamp", "clamp_max", "clamp_min"})
"""Operations that cut values off, as layers of other names do that keep other things: ``clamp(min=0)`` is a ReLU."""

RETYPED: Final = frozenset({"view_as_complex", "view_as_real"})
"""Operations that see the same memory as numbers of another kind."""

WINDOWS: Final = frozenset({"unfold", "diagonal"})
"""Operations that see the same memory through windows, or along a diagonal."""


def steps_of(ran: Ran, facts: Facts) -> tuple[Step, ...] | None:
    """What runs; None where no rule says what the operation keeps.

    >>> from archscope.layers import TYPES
    >>> facts = TYPES["power"](exponent=-0.5).facts((4,))
    >>> steps_of(Ran("rsqrt", 0, "", 0, (True,), (True,)), facts)[0].saves
    ('output',)
    """
    read = [input_name(place) for place in range(len(facts.inputs))]
    if len(ran.floats) != len(read) or len(facts.outputs) != 1:
        return None
    if ran.before:
        return _in_line(ran, facts)
    made, name = ran.made(facts), ran.name
    if name in _ASKS or (ran.dtype and not ran.dtype.startswith(("float", "bfloat", "complex")) and name in _WHOLE):
        typed = read[0] if name.endswith("_like") and ran.floats[:1] == (True,) else ""
        return (Step(name, (), (made.replace(typed="" if made.dtype else typed),), reads_too=tuple(read)),)
    if name in _RESIZES and len(read) == 1 and not ran.dtype:
        return (Step("upsample", ("input",), (made,)),)
    values = [each for each, number in zip(read, ran.floats, strict=True) if number]
    masks = tuple(each for each, number in zip(read, ran.floats, strict=True) if not number)
    repeated = tuple(
        each for each, shape, batched in zip(read, facts.inputs, ran.batched, strict=True)
        if each in values and (shape != facts.output or batched != (ran.place is not None))
    )  # fmt: skip
    rule = _VALUES.get(name)
    if rule is None or ran.dtype or not values:
        return None
    if len(values) == 1:
        saves = tuple(values[0] if each == "input" else each for each in rule.what)
        step = Step(name, (values[0],), (made,), saves, passes=tuple(values) if rule.passes else (),
                    behind=(*like(facts.output, rule.copies), *like(facts.output, rule.asks, "bool")))  # fmt: skip
    elif len(values) == 2 and name in _OF_TWO:
        step = _OF_TWO[name](values[0], values[1], facts.output).replace(makes=(made,))
    else:
        return None
    saved = (*step.saves, *(masks if rule.masks else ()))
    zero = like((), 1, each=False) if name == "where" or rule.asks else ()
    return (step.replace(saves=saved, reduces=repeated, reads_too=masks, beside=like((), ran.numbers, each=False),
                         behind=(*step.behind, *zero)),)  # fmt: skip


def _in_line(ran: Ran, facts: Facts) -> tuple[Step, ...] | None:
    """The steps of operations one after the other."""
    steps: list[Step] = []
    for place, name in enumerate((*ran.before, ran.name)):
        found = steps_of(ran.replace(name=name, before=()), facts)
        if found is None or len(facts.inputs) != 1:
            return None
        names = {"input": f"made {place}" if place else "input", "output": f"made {place + 1}"}
        if place == len(ran.before):
            names["output"] = "output"
        steps.extend(each.replace(
            reads=tuple(map(names.__getitem__, each.reads)), saves=tuple(map(names.__getitem__, each.saves)),
            passes=tuple(map(names.__getitem__, each.passes)),
            makes=tuple(made.replace(name=names[made.name]) for made in each.makes),
        ) for each in found)  # fmt: skip
    return tuple(steps)


def _added_by(first: str, second: str, shape: tuple[int, ...]) -> Step:
    """The first and a multiple of the second, whose gradient is one of the gradient that comes."""
    return added(first, second, shape).replace(passes=(first,))


def _chosen(first: str, second: str, shape: tuple[int, ...]) -> Step:
    return Step("where", (first, second), (Made("output", shape),))


_OfTwo = Callable[[str, str, tuple[int, ...]], Step]

_OF_TWO: Final[Mapping[str, _OfTwo]] = MappingProxyType({
    "add": added, "add by alpha": _added_by, "sub": subtracted, "mul": multiplied, "div": divided, "where": _chosen,
})  # fmt: skip
