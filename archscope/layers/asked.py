"""What attention asks of its inputs: that they are sequences, a mask fits its scores, which products weights are in."""

from __future__ import annotations

from archscope.errors import Rejects
from archscope.layers.base import Facts, Shape, ranked, spell_option, spell_shape
from archscope.working import bare, count, product, total


def sequence_of(shape: Shape, input: int = 0) -> Shape:
    """Insist on ``(positions, features)``, and say what makes that of an image, or of a vector."""
    sides = [bare(extent) for extent in shape]
    help_ = None
    if len(sides) == 3:
        rows = [sides[0] * sides[1], sides[2]]
        help_ = f"an image is no sequence: put `{{type: reshape, shape: {rows}}}` before it, and each row is a position"
    elif len(sides) == 1:
        help_ = (
            f"put an `embedding` before it if these are {sides[0]} tokens, else a `reshape` to (positions, features)"
        )
    return ranked(shape, 2, "(positions, features)", input=input, help=help_)


def hidden_pairs(queries: int, keys: int) -> int:
    """How many pairs of queries and keys a causal mask hides: a query sees no key behind its own place.

    >>> hidden_pairs(16, 16), hidden_pairs(2, 16), hidden_pairs(16, 2)
    (120, 29, 1)
    """
    alike = min(queries, keys)
    return queries * keys - alike * (alike + 1) // 2 - max(queries - keys, 0) * keys


def check_mask(mask: Shape, wanted: Shape, causal: bool, option: str, names: tuple[str, ...]) -> None:
    """Insist that a mask fits scores, aligned at their end; an extent of 1 is repeated."""
    if causal:
        raise Rejects(
            f"{spell_option(option, True)} beside a mask",
            option=option,
            input=3,
            help=f"leave `{option}` out, with −∞ in the mask for what comes later",
        )
    tail = wanted[max(0, len(wanted) - len(mask)) :]
    if not 0 < len(mask) <= len(wanted) or any(
        given not in (1, extent) for given, extent in zip(mask, tail, strict=True)
    ):
        raise Rejects(
            f"a mask of {spell_shape(mask)} does not fit scores of {spell_shape(wanted)}, ({', '.join(names)})",
            input=3,
            help="give the last extents of the scores; an extent of 1 is repeated",
        )


def weighed(facts: Facts, places: tuple[int, ...]) -> Facts:
    """The facts of attention of which queries, keys or values, by number, are weights.

    Of learned queries or keys the products with the others are lines, of learned values the weighted sums. What is
    added to scores weighs nothing.
    """
    weighing = tuple(place for place in places if place < 3)
    (*heads, queries, features), (*_, keys, _), (*_, made) = facts.inputs[:3]
    pairs = [*(count(extent, "h") for extent in heads), count(queries, "l"), count(keys, "s")]
    lines = [product([*pairs, count(features, "e")])] if {0, 1} & {*weighing} else []
    lines += [product([*pairs, count(made, "v")])] if 2 in weighing or {0, 1} <= {*weighing} else []
    return facts.replace(weighing=weighing, connections=total(lines), connections_in_bounds=total(lines))


__all__ = ["check_mask", "weighed"]
