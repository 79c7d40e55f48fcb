"""Products in Keras of axes that an equation or a number names, and recurrence over maps."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from archscope.importing.keras.layers import Reading, activated
from archscope.importing.keras.place import Place, Value
from archscope.layers import Facts, Shape
from archscope.layers.attention import GRIDLESS
from archscope.layers.base import NOTHING, Weight, extents
from archscope.recognising.function import Function
from archscope.working import count, product

_EQUATION: Final = re.compile(r"(0?)([a-zA-Z]+)(0?),([a-zA-Z]+)->(0?)([a-zA-Z]+)(0?)")


def _einsum(place: Place) -> Value:
    value = place.plain()
    taken, kernel, made = _letters(place, len(value.shape) + 1)
    known = dict(zip(taken[1:], map(int, value.shape), strict=True))
    _know_output(place, known, taken, made)
    if any(letter not in known for letter in kernel + made[1:]):
        raise place.cannot("does not say how long all axes of its kernel are")
    axes = place.options.get("bias_axes")
    bias = [each for each in made if each in axes] if axes else []
    activation = place.options.get("activation")
    if taken[:-1] == made[:-1] and kernel == taken[-1] + made[-1] and bias in ([], [made[-1]]):
        linear = place.made("linear", [value], out_features=known[made[-1]], bias=bool(bias),
                            every_position=len(value.shape) > 2)  # fmt: skip
        return activated(place, linear, activation)
    if set(taken) - set(made) - set(kernel):
        raise place.cannot("sums over an axis that its kernel has not, which archscope does not read")
    every = {letter: count(extent, letter) for letter, extent in known.items()}
    lines = product([every[letter] for letter in dict.fromkeys([*taken[1:], *kernel])])
    output = tuple(known[letter] for letter in made[1:])
    weights = [Weight("kernel", tuple(every[letter] for letter in kernel))]
    weights += [Weight("bias", tuple(every[letter] for letter in bias))] if bias else []
    connections = lines + extents(output) if bias else lines
    # Without an axis to sum over each value is multiplied by one weight, which is no product of matrices.
    seen = Facts(inputs=(), outputs=(output,), weights=tuple(weights), connections=connections,
                 connections_in_bounds=connections, macs=lines if set(kernel) - set(made) else NOTHING, windows=None,
                 reasons=GRIDLESS)  # fmt: skip
    return activated(place, place.stated(Function(str(place.options["equation"])[:60], seen), [value])[0], activation)


def _letters(place: Place, rank: int) -> tuple[str, str, str]:
    """The letters of all axes of what comes, the batch first; of the kernel; and of what is made."""
    said = place.options["equation"]
    found = _EQUATION.fullmatch(str(said).replace("...", "0"))
    if found is None:
        raise place.cannot("has an equation that is none of Keras's")
    left, taken, right, kernel, *ends = found.groups()
    free = [each for each in string.ascii_uppercase + string.ascii_lowercase if each not in taken + kernel + ends[1]]
    more = "".join(free[: max(rank - len(taken), 0)])
    fits = [left, right] == [ends[0], ends[2]] and not (left and right) and len(taken + more) == rank
    if not fits or (more and not left + right):
        raise place.cannot(f"has an equation that does not fit {rank} axes, the batch among them")
    whole = [more + each if left else each + more for each in (taken, ends[1])]
    twice = any(len(set(each)) != len(each) for each in (*whole, kernel))
    if twice or whole[0][0] != whole[1][0] or whole[0][0] in kernel:
        raise place.cannot("has an equation that mixes samples, or names an axis twice")
    return whole[0], kernel, whole[1]


def _know_output(place: Place, known: dict[str, int], taken: str, made: str) -> None:
    """What the option says of what is made: extents without the batch and what an ellipsis stands for."""
    said = place.options["output_shape"]
    given = [said] if isinstance(said, int) else [*said]
    dots = str(place.options["equation"]).replace(" ", "")
    more = len(taken) - len(dots.partition(",")[0].replace("...", ""))
    own = made[more:] if dots.startswith("...") else made[1 : len(made) - more]
    if len(given) != len(own):
        raise place.cannot(f"has an `output_shape` of {len(given)} axes where its equation has {len(own)}")
    for letter, extent in zip(own, given, strict=True):
        if extent is not None and known.setdefault(letter, int(extent)) != int(extent):
            raise place.cannot(f"has an axis `{letter}` of {known[letter]} and of {int(extent)}")


def _reversible(place: Place) -> Value:
    """A table that is also the matrix of the layer that undoes it, unless that has one of its own."""
    tied, many = bool(place.options.get("tie_weights", True)), place.options["input_dim"]
    width, back = place.options["output_dim"], bool(place.given.get("reverse"))
    if not tied or (back and place.options.get("logit_soft_cap") is not None):
        raise place.cannot(
            "has `tie_weights: False` or a `logit_soft_cap`, two matrices or caps on what it makes, which archscope "
            "does not read"
        )
    for name in ("reverse_dtype", "logit_soft_cap"):
        place.options.get(name)  # neither changes a number of what is left
    if back:
        deep = len(place.value.shape) > 2
        return place.made("linear", [place.plain()], out_features=many, bias=False, every_position=deep)
    return place.made("embedding", num_embeddings=many, embedding_dim=width)._replace(last=False)


def _dot(place: Place) -> Value:
    if len(place.values) != 2:
        raise place.cannot(f"multiplies {len(place.values)} values")
    one, other = values = [place.plain(each) for each in place.values]
    said = place.options["axes"]
    ranks = [len(each.shape) + 1 for each in values]
    axes = [said, said] if isinstance(said, int) else [int(each) for each in said]
    summed = [axis % rank - 1 for axis, rank in zip(axes, ranks, strict=True)]
    if min(summed) < 0 or int(one.shape[summed[0]]) != int(other.shape[summed[1]]):
        raise place.cannot("sums over the batch, or over axes of different lengths")
    rest = [tuple(extent for place_, extent in enumerate(each.shape) if place_ != axis)
            for each, axis in zip(values, summed, strict=True)]  # fmt: skip
    macs = product([count(each) for each in (*one.shape, *rest[1])])
    seen = Facts(inputs=(), outputs=((*rest[0], *rest[1]) or (1,),), macs=macs, windows=None, reasons=GRIDLESS)
    called = "normalized dot product" if place.options.get("normalize") else "dot product"
    return place.stated(Function(called, seen), values)[0]


def _conv_lstm(axes: int) -> Reading:
    """Convolutions of what comes and of the last state at each step: four maps for each that is made."""

    def reading(place: Place) -> Value | list[Value]:
        value = place.grid(axes + 1)
        channels, steps, *grid = map(int, value.shape if not place.nodes.first else
                                     (value.shape[1], value.shape[0], *value.shape[2:]))  # fmt: skip
        if place.options.get("activation", "tanh") is None:
            place.options.get("recurrent_activation")
        maps, bias = int(place.options["filters"]), bool(place.options.get("use_bias", True))
        kernel, stride, apart = (place.numbers(name, axes) for name in ("kernel_size", "strides", "dilation_rate"))
        same = place.options.get("padding", "valid") == "same"
        made = [_positions(*each, same=same) for each in zip(grid, kernel, stride, apart, strict=True)]
        if min(made) < 1:
            raise place.cannot("is given maps that are smaller than its window")
        window, gated = [count(each, "k") for each in kernel], count(4) * count(maps, "n")
        seen, hidden = (Weight("kernel", (gated, count(channels, "c"), *window)),
                        Weight("recurrent_kernel", (gated, count(maps, "n"), *window)))  # fmt: skip
        weights = (seen, hidden, *((Weight("bias", (gated,)),) if bias else ()))
        each = product(window) * (count(channels, "c") + count(maps, "n"))
        where = gated * product([count(extent, "h") for extent in made]) * count(steps, "t")
        lines = (each + 1 if bias else each) * where
        sequences, states = place.options.get("return_sequences"), place.options.get("return_state")
        own = (maps, *made)
        along = (steps, *own) if place.nodes.first else (maps, steps, *made)
        outputs: Sequence[Shape] = (along if sequences else own, *((own, own) if states else ()))
        beyond = ", backwards" if place.options.get("go_backwards") else ""
        facts = Facts(inputs=(), outputs=tuple(outputs), weights=weights, connections=lines,
                      connections_in_bounds=None, macs=each * where, macs_in_bounds=None, windows=None,
                      reasons={**GRIDLESS, **_BORDERS})  # fmt: skip
        shown = "×".join(map(str, kernel))
        found = place.stated(Function(f"ConvLSTM {shown}{beyond}", facts), [value], last=value.last)
        return found if states else found[0]

    return reading


_BORDERS: Final[Mapping[str, str]] = MappingProxyType(dict.fromkeys(
    ("connections_in_bounds", "macs_in_bounds"), "lines into the padding of a recurrence over maps are not taken off"
))  # fmt: skip


def _positions(extent: int, window: int, step: int, apart: int, *, same: bool) -> int:
    return -(-extent // step) if same else (extent - apart * (window - 1) - 1) // step + 1


READINGS: Final[Mapping[str, Reading]] = MappingProxyType({
    "EinsumDense": _einsum, "Dot": _dot, "ReversibleEmbedding": _reversible,
    **{f"ConvLSTM{axes}D": _conv_lstm(axes) for axes in (1, 2, 3)},
})  # fmt: skip
"""Keras's classes, and what each is."""
