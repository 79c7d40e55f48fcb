"""What is added to the scores of attention: a bias by how far apart two positions are, a mask of what is not seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Weight, spell_option, spell_shape
from archscope.layers.steps import INDEX, MASK, Hidden, Made, Step
from archscope.options import flag, list_of, non_negative, option, optional, positive
from archscope.working import Count, bare, count, product

_EXTENTS = "a list of one to three extents"
_NOTHING_READ = {"receptive_field": "it reads no input"}


def _check_axes(name: str, extents: Sequence[int]) -> None:
    if len(extents) > 3:
        raise Rejects(f"`{name}` has {len(extents)} axes", option=name, help="positions lie along one to three axes")


class RelativePositionBias(Layer):
    """A learned value for each head and each distance, looked up for every query and key (Raffel et al. 2020).

    Reads nothing and gives ``(heads, queries, keys)``, the mask that attention adds to its scores. A distance is
    one of ``num_buckets``, near ones each by itself and far ones together, as in T5; or an offset between two places
    of a ``window``, as in Swin, with three rows more for a class token in front, as in BEiT.

    * parameters: rows of the table times heads; a window of ``m₁×m₂`` has ``(2·m₁ − 1)·(2·m₂ − 1)`` offsets;
    * connections: a constant line a value; nothing is multiplied.

    The window of Swin, 7 by 7, with three heads:

    >>> facts = RelativePositionBias(num_heads=3, window=[7, 7]).facts()
    >>> facts.output, facts.parameters, facts.parameters.working
    ((3, 49, 49), 507, '3·(2·7 − 1)·(2·7 − 1)')
    """

    type: ClassVar[str] = "relative_position_bias"
    family: ClassVar[str] = "sequence"
    verb: ClassVar[str] = "Relative positions"
    arity: ClassVar[tuple[int, int | None]] = (0, 0)
    num_heads: int = option(positive, doc="Number of heads, each with values of its own.")
    window: tuple[int, ...] | None = option(
        optional(list_of(positive, _EXTENTS)), default=None, doc="Positions along each axis of a window, as `[7, 7]`."
    )
    class_token: bool = option(
        flag, default=False, doc="Whether a token without a place stands before those of the window."
    )
    num_buckets: int | None = option(
        optional(positive), default=None, doc="Into how many buckets distances along one axis go."
    )
    max_distance: int = option(positive, default=128, doc="From which distance on all are in the last bucket.")
    bidirectional: bool = option(
        flag, default=True, doc="Whether half of the buckets are for keys that come later; else those are distance 0."
    )
    length: int | None = option(optional(positive), default=None, doc="Number of queries, with `num_buckets`.")
    key_length: int | None = option(optional(positive), default=None, doc="Number of keys, if there are others.")

    @property
    def label(self) -> str:
        by = f"in {self.num_buckets} buckets" if self.window is None else spell_shape(self.window)
        return f"relative positions {by}"

    @property
    def lengths(self) -> tuple[int, int]:
        """Queries and keys."""
        if self.window is not None:
            many = math.prod(self.window) + self.class_token
            return many, many
        return self.length or 0, self.key_length or self.length or 0

    def check(self) -> None:
        if (self.window is None) == (self.num_buckets is None):
            said = "both `window` and `num_buckets`" if self.window else "neither `window` nor `num_buckets`"
            raise Rejects(
                f"states {said}",
                option="window",
                help="write `window: [7, 7]` for offsets in a window, or `num_buckets: 32` and `length` for distances",
            )
        if self.window is not None:
            _check_axes("window", self.window)
            for name in ("length", "key_length", "max_distance", "bidirectional"):
                if name in self.stated():
                    raise Rejects(f"`{name}` beside `window`", option=name, help="leave it out: the window says it")
            return
        if self.class_token:
            raise Rejects("`class_token` beside `num_buckets`", option="class_token", help="it stands before a window")
        if self.length is None:
            raise Rejects("`num_buckets` without `length`", option="length", help="say how many queries there are")
        _, exact = self._halves()
        if exact < 1 or self.max_distance <= exact:
            small = "num_buckets" if exact < 1 else "max_distance"
            raise Rejects(
                f"{spell_option(small, getattr(self, small))} leaves no bucket for far distances",
                option=small,
                help=f"use {4 if self.bidirectional else 2} or more" if exact < 1 else f"use more than {exact}",
            )

    def _halves(self) -> tuple[int, int]:
        """Buckets of one direction, and those of them that are for one distance each."""
        many = (self.num_buckets or 0) // (2 if self.bidirectional else 1)
        return many, many // 2

    def rule(self, *inputs: Shape) -> Facts:
        heads = count(self.num_heads, "h")
        if self.window is None:
            rows, queries = count(self.num_buckets or 0, "b"), count(self.lengths[0], "l")
            keys = count(self.lengths[1], "l" if self.key_length is None else "s")
        else:
            letters = ["m"] if len(self.window) == 1 else ["m₁", "m₂", "m₃"]
            extents = [count(extent, letter) for extent, letter in zip(self.window, letters, strict=False)]
            rows, queries = product(count(2) * extent - 1 for extent in extents), product(extents)
            if self.class_token:
                rows, queries = rows + 3, queries + 1
            keys = queries
        lines = heads * queries * keys
        return Facts(
            inputs=inputs,
            outputs=((heads, queries, keys),),
            weights=(Weight("weight", (rows, heads)),),
            connections=lines,
            connections_in_bounds=lines,
            windows=None,
            reasons=_NOTHING_READ,
        )

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        queries, keys = self.lengths
        rows = tuple(map(bare, facts.weights[0].shape))
        one = (queries, keys, self.num_heads)
        made = tuple(map(bare, facts.output))
        return (
            Step("lift", (), (Made("rows", (queries * keys,), INDEX, each=False),)),
            Step("index", ("weight",), (Made("looked up", (queries * keys, self.num_heads), each=False),), ("rows",),
                 behind=(Made("zeros", rows, each=False),), reads_too=("rows",)),
            Step("view", ("looked up",), (Made("apart", one, each=False),), views=True),
            Step("permute", ("apart",), (Made("bias", made, each=False),), views=True),
            Step("expand", ("bias",), (Made("output", facts.output),), views=True),
        )  # fmt: skip


class AttentionMask(Layer):
    """What a query may not see, as a mask that is added to the scores of attention: 0, or −∞ where it is hidden.

    Reads nothing and gives ``(queries, keys)``: without what comes later (``causal``), without what is
    ``sliding_window`` positions away or more (Beltagy et al. 2020), or without both. Windows that were shifted over a
    ``grid`` give ``(windows, positions, positions)``: what came round the edge is hidden from what did not (Liu et al.
    2021). It is worked out and not held.

    >>> AttentionMask(length=4096, causal=True, sliding_window=1024).facts().output
    (4096, 4096)
    >>> AttentionMask(grid=[56, 56], window=[7, 7], shift=[3, 3]).facts().output
    (64, 49, 49)
    """

    type: ClassVar[str] = "attention_mask"
    family: ClassVar[str] = "sequence"
    verb: ClassVar[str] = "Mask"
    arity: ClassVar[tuple[int, int | None]] = (0, 0)
    length: int | None = option(optional(positive), default=None, doc="Number of queries.")
    key_length: int | None = option(optional(positive), default=None, doc="Number of keys, if there are others.")
    causal: bool = option(flag, default=False, doc="Whether what comes later is hidden.")
    sliding_window: int | None = option(
        optional(positive), default=None, doc="Positions in each direction that are seen, the query's own among them."
    )
    grid: tuple[int, ...] | None = option(
        optional(list_of(positive, _EXTENTS)), default=None, doc="Positions along each axis that is cut into windows."
    )
    window: tuple[int, ...] | None = option(
        optional(list_of(positive, _EXTENTS)), default=None, doc="Positions along each axis of a window."
    )
    shift: tuple[int, ...] | None = option(
        optional(list_of(non_negative, _EXTENTS)),
        default=None,
        doc="How far the grid was rolled back before it was cut, along each axis.",
    )

    @property
    def label(self) -> str:
        if self.grid is not None:
            return f"mask of shifted windows {spell_shape(self.window or ())}"
        within = "" if self.sliding_window is None else f" of {self.sliding_window:,}"
        return f"{'causal mask' if self.causal else 'mask'}{within}"

    def hides(self) -> Hidden | None:
        return Hidden(self.causal, self.sliding_window)

    @property
    def lengths(self) -> tuple[int, int]:
        """Queries and keys."""
        if self.window is not None:
            return (math.prod(self.window),) * 2
        return self.length or 0, self.key_length or self.length or 0

    def check(self) -> None:
        if self.grid is not None or self.window is not None or self.shift is not None:
            self._check_windows()
            return
        if self.length is None:
            raise Rejects("states no `length`", option="length", help="say how many queries there are")
        if not self.causal and self.sliding_window is None:
            raise Rejects("hides nothing", option="causal", help="write `causal: true`, a `sliding_window`, or both")
        queries, keys = self.lengths
        if self.sliding_window is not None and queries - self.sliding_window >= keys:
            raise Rejects(
                f"{spell_option('sliding_window', self.sliding_window)} hides all {keys} keys from query {queries - 1}",
                option="sliding_window",
                help=f"use {queries - keys + 1} or more",
            )

    def _check_windows(self) -> None:
        for name in ("length", "key_length", "causal", "sliding_window"):
            if name in self.stated():
                raise Rejects(f"`{name}` beside `grid`", option=name, help="leave it out: the windows say what is seen")
        for name in ("grid", "window", "shift"):
            if getattr(self, name) is None:
                raise Rejects(f"`{name}` is missing", option=name, help="shifted windows take all three of "
                              "`grid`, `window` and `shift`")  # fmt: skip
        grid, window, shift = self.grid or (), self.window or (), self.shift or ()
        _check_axes("grid", grid)
        for name, given in (("window", window), ("shift", shift)):
            if len(given) != len(grid):
                raise Rejects(f"`{name}` has {len(given)} axes and `grid` {len(grid)}", option=name)
        for extent, size, moved in zip(grid, window, shift, strict=True):
            if extent % size:
                raise Rejects(f"a grid of {spell_shape(grid)} is not cut by windows of {spell_shape(window)}",
                              option="window", help="use a divisor of each extent")  # fmt: skip
            if moved >= size:
                raise Rejects(f"a shift of {moved} is no less than the window of {size}", option="shift",
                              help="Swin shifts by half a window")  # fmt: skip
        if not any(shift):
            raise Rejects("hides nothing", option="shift", help="leave the mask out where windows are not shifted")

    def rule(self, *inputs: Shape) -> Facts:
        many, output = self._windows(), self._seen()
        return Facts(inputs, ((many, *output) if many else output,), windows=None, reasons=_NOTHING_READ)

    def _windows(self) -> Count | None:
        """How many windows there are; None where there are none."""
        pairs = zip(self.grid or (), self.window or (), strict=True)
        return product(count(extent).over(count(size)) for extent, size in pairs) if self.grid else None

    def _seen(self) -> Shape:
        if self.window is not None:
            positions = product(count(extent) for extent in self.window)
            return positions, positions
        queries, keys = self.lengths
        return count(queries, "l"), count(keys, "l" if self.key_length is None else "s")

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        shape = tuple(map(bare, facts.output))
        hidden = self._by_windows(shape) if self.grid else self._by_distance(shape)
        return (
            *hidden,
            Step("zeros", (), (Made("nothing hidden", shape, each=False),)),
            Step("masked_fill", (), (Made("mask", shape, each=False),), reads_too=("nothing hidden", "hidden")),
            Step("expand", ("mask",), (Made("output", shape),), views=True, reads_too=("hidden",)),
        )

    def _by_windows(self, shape: Shape) -> tuple[Step, ...]:
        return (
            Step("lift", (), (Made("regions", shape[:2], INDEX, each=False),)),
            Step("ne", (), (Made("hidden", shape, MASK, each=False),), reads_too=("regions",)),
        )

    def _by_distance(self, shape: Shape) -> tuple[Step, ...]:
        steps = [
            Step("arange", (), (Made("queries", shape[:1], INDEX, each=False),)),
            Step("arange", (), (Made("keys", shape[1:], INDEX, each=False),)),
            Step("sub", (), (Made("apart", shape, INDEX, each=False),), reads_too=("queries", "keys")),
        ]
        hidden, held = (Made("hidden", shape, MASK, each=False),), ("queries", "keys", "apart")
        if self.sliding_window is None:
            return (*steps, Step("lt", (), hidden, reads_too=held))
        if not self.causal:
            steps.append(Step("abs", (), (Made("distance", shape, INDEX, each=False),), reads_too=("apart",)))
            return (*steps, Step("ge", (), hidden, reads_too=("distance", *held)))
        return (
            *steps,
            Step("lt", (), (Made("later", shape, MASK, each=False),), reads_too=("apart",)),
            Step("ge", (), (Made("before", shape, MASK, each=False),), reads_too=("apart",)),
            Step("or", (), hidden, reads_too=("later", "before", *held)),
        )


SCORES: tuple[type[Layer], ...] = (RelativePositionBias, AttentionMask)
