"""Where a position is, told to layers that see a sequence as a set: rotary and sinusoidal positions."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.asked import sequence_of
from archscope.layers.base import Facts, Layer, Shape, Weight, spell_option, spell_shape
from archscope.layers.doubt import SEQUENCE, Meaning
from archscope.layers.steps import INDEX, WIDE, Made, Step, added, subtracted
from archscope.options import flag, option, optional, positive, positive_number
from archscope.working import bare, count


def _check_even(width: int, option_: str | None) -> None:
    if width % 2:
        what = spell_option(option_, width) if option_ else f"{width} features"
        raise Rejects(f"{what}: positions need pairs", option=option_, input=0, help="use an even number")


class Rotary(Layer):
    """Rotate pairs of features by an angle that grows with the position (Su et al. 2021); no weights.

    Reads ``(…, positions, features)``, queries or keys with the heads in front. Pair ``i`` of ``d`` features at
    position ``p`` turns by ``p·base^(−2i/d)``; the angles are worked out and not held.

    >>> facts = Rotary().facts((8, 16, 64))
    >>> facts.output, facts.parameters, facts.macs
    ((8, 16, 64), 0, 0)
    """

    type: ClassVar[str] = "rotary"
    family: ClassVar[str] = "sequence"
    verb: ClassVar[str] = "Rotation"
    absorbed: ClassVar[bool] = True
    base: float = option(positive_number, default=10_000, doc="How slowly the slowest pair turns.")
    rotary_dim: int | None = option(
        optional(positive), default=None, doc="Features that are turned, from the first; all of them if left out."
    )
    interleaved: bool = option(
        flag, default=False, doc="Whether neighbours are a pair, as in the paper, and not features of the two halves."
    )

    @property
    def label(self) -> str:
        return "rotary positions"

    def meaning(self, came: Meaning) -> Meaning:
        return came

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        if len(shape) < 2:
            raise Rejects(f"takes (…, positions, features), got {spell_shape(shape)}", input=0)
        if self.rotary_dim is not None and self.rotary_dim > shape[-1]:
            raise Rejects(f"{spell_option('rotary_dim', self.rotary_dim)} is more than the {bare(shape[-1])} features",
                          option="rotary_dim", input=0)  # fmt: skip
        _check_even(
            bare(shape[-1]) if self.rotary_dim is None else self.rotary_dim,
            None if self.rotary_dim is None else "rotary_dim",
        )
        return Facts(inputs, (shape,), windows=None, reasons={"receptive_field": "features are turned in pairs"})

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        shape = tuple(bare(each) for each in facts.output)
        width = shape[-1] if self.rotary_dim is None else self.rotary_dim
        half, rest = (*shape[:-1], width // 2), (*shape[:-1], shape[-1] - width)
        table = (shape[-2], width // 2)
        parts: tuple[Step, ...] = (Step("split", ("turned",), (Made("a", half), Made("b", half)), views=True),)
        joined: tuple[Step, ...] = (
            Step("cat", ("first", "second"), (Made("made", (*shape[:-1], width)),), passes=("first", "second")),
        )
        if self.interleaved:
            parts = (
                Step("slice", ("turned",), (Made("a", half),), views=True, apart=2),
                Step("slice", ("turned",), (Made("b", half),), views=True, apart=2),
            )
            joined = (
                Step("stack", ("first", "second"), (Made("pairs", (*half, 2)),), passes=("first", "second"),
                     takes=len(half) + 1),
                Step("flatten", ("pairs",), (Made("made", (*shape[:-1], width)),), views=True),
            )  # fmt: skip
        ran = [
            Step("slice", ("input",), (Made("turned", (*shape[:-1], width)),), views=True),
            Step("slice", ("input",), (Made("rest", rest),), views=True),
            Step("arange", (), (Made("places", table[:1], "float32", each=False),)),
            Step("arange", (), (Made("numbers", table[1:], INDEX, each=False),)),
            Step("div", (), (Made("exponents", table[1:], "float32", each=False),), reads_too=("numbers",)),
            Step("pow", (), (Made("slowness", table[1:], "float32", each=False),), reads_too=("exponents",)),
            Step("div", (), (Made("angles", table, "float32", each=False),), reads_too=("slowness", "places")),
            *_waves("cos", table),
            *_waves("sin", table),
            *parts,
            *_product("a", "cos", half),
            *_product("b", "sin", half),
            subtracted("a cos", "b sin", half).replace(makes=(Made("first", half),)),
            *_product("a", "sin", half),
            *_product("b", "cos", half),
            added("a sin", "b cos", half).replace(makes=(Made("second", half),)),
            *joined,
            Step("cat", ("made", "rest"), (Made("output", shape),), passes=("made", "rest"),
                 reads_too=("places", "angles", "cos", "sin")),
        ]  # fmt: skip
        return tuple(ran)


def _waves(function: str, table: Shape) -> tuple[Step, ...]:
    """Cosines or sines of the angles, in the type of what is turned."""
    wide = f"{function} in {WIDE}"
    return (
        Step(function, (), (Made(wide, table, WIDE, each=False),), reads_too=("angles",)),
        Step("to", (wide,), (Made(function, table, each=False, like=wide, typed="input"),)),
    )


def _product(name: str, by: str, shape: Shape) -> tuple[Step, ...]:
    """A part times sines or cosines, which have no gradient."""
    return (Step("mul", (name,), (Made(f"{name} {by}", shape),), (by,), reads_too=(by,)),)


class SinusoidalPositions(Layer):
    """Add sines and cosines of the position to ``(positions, features)`` (Vaswani et al. 2017, Sec. 3.5).

    The table that is added is held and not trained: its values are fixed. No line carries a trained weight.

    >>> facts = SinusoidalPositions().facts((16, 64))
    >>> facts.output, facts.parameters, facts.fixed
    ((16, 64), 0, 1024)
    """

    type: ClassVar[str] = "sinusoidal_positions"
    family: ClassVar[str] = "sequence"
    verb: ClassVar[str] = "Positions"
    takes: ClassVar[Meaning] = SEQUENCE
    absorbed: ClassVar[bool] = True
    max_len: int | None = option(
        optional(positive), default=None, doc="Positions in the table; as many as are read if left out."
    )
    base: float = option(positive_number, default=10_000, doc="How slowly the slowest wave goes.")

    @property
    def label(self) -> str:
        return "sinusoidal positions"

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - whatever came, positions leave
        return SEQUENCE

    def rule(self, *inputs: Shape) -> Facts:
        shape = sequence_of(inputs[0])
        _check_even(bare(shape[1]), None)
        held = bare(shape[0]) if self.max_len is None else self.max_len
        if held < shape[0]:
            raise Rejects(
                f"{spell_option('max_len', held)} is less than the {bare(shape[0])} positions",
                option="max_len",
                input=0,
                help=f"use {bare(shape[0])} or more",
            )
        table = Weight("table", (count(held, "l"), count(shape[1], "e")), trainable=False)
        return Facts(
            inputs=inputs,
            outputs=(shape,),
            weights=(table,),
            windows=None,
            reasons={"receptive_field": "tokens have no pixels"},
        )

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return (Step("add", ("input", "table"), (Made("output", facts.output),), passes=("input",)),)
