"""Padding, and windows without weights of their own, in Keras, by layer type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.layers.windows import same_padding
from archscope.writing.keras_functions import Form, cannot
from archscope.writing.listing import short

Pairs = Sequence[tuple[int, int]]
"""What stands before and after, axis by axis."""


def sides_of(place: Any, stride: Sequence[int], dilation: Sequence[int]) -> tuple[Pairs, bool]:
    """Padding before and after on each axis, and whether it is what Keras calls `same`."""
    layer = place.layer
    along = zip(place.shape[1:], layer.kernel_size, stride, dilation, strict=True)
    same = tuple(same_padding(size, kernel=k, stride=s, dilation=d) for size, k, s, d in along)
    sides = same if layer.padding == "same" else layer.padding
    return sides, sides == same


def sides_of_pool(place: Any) -> tuple[Pairs, bool]:
    """As `sides_of`, of a pooling."""
    dilation = getattr(place.layer, "dilation", (1,))
    if set(dilation) != {1}:
        raise cannot(place, "a pooling there has no dilation")
    return sides_of(place, place.layer.steps, (1,) * len(place.layer.kernel_size))


def around(value: str, sides: Pairs, fill: str = "") -> str:
    """The value with padding around it, in Keras's order of axes."""
    if not any(map(any, sides)):
        return value
    pairs = ", ".join(str(list(each)) for each in ((0, 0), *sides, (0, 0)))
    return f"ops.pad({value}, [{pairs}]{fill})"


def _pool(place: Any) -> str:
    layer = place.layer
    kind, axes = ("Max" if "max" in layer.type else "Average"), len(layer.kernel_size)
    sides, same = sides_of_pool(place)
    over = [(0, more) for more in hanging(place, sides)]
    size, strides = short(layer.kernel_size), short(layer.steps)
    rest = "" if size == strides else f", strides={strides}"
    if kind == "Average" and (any(map(any, over)) or not layer.count_include_pad):
        return _averaged(place, f"{kind}Pooling{axes}D({size}{rest})", sides, over)
    padded = same and any(map(any, sides)) and kind == "Max" and not any(map(any, over))
    if not padded:
        fill = ', constant_values=float("-inf")' if kind == "Max" else ""
        place.taken = [around(place.taken[0], _together(sides, over), fill)]
    rest += ', padding="same"' if padded else ""
    return str(place.made(f"{kind}Pooling{axes}D({size}{rest})"))


def _averaged(place: Any, layer: str, sides: Pairs, over: Pairs) -> str:
    """An average by the number of values in a window that count: those of the input, and of the padding if it does."""
    value, outside = place.taken[0], _together(sides, over)
    if place.layer.count_include_pad:
        value, outside = around(value, sides), over
    if not any(map(any, outside)):
        place.taken = [value]
        return str(place.made(layer))
    place.taken = [around(value, outside)]
    return f"{place.made(layer)} / self.{place.name}({around(f'ops.ones_like({value})', outside)})"


def _together(sides: Pairs, over: Pairs) -> Pairs:
    return [(before + more, after + yet) for (before, after), (more, yet) in zip(sides, over, strict=True)]


def hanging(place: Any, sides: Sequence[tuple[int, int]]) -> list[int]:
    """How far the last window of each axis hangs over the end, as `ceil_mode` lets it."""
    layer, output = place.layer, place.facts.output[1:]
    along = zip(place.shape[1:], sides, layer.kernel_size, layer.steps, output, strict=True)
    reach = [(int(made) - 1) * s + k - (n + b + a) for n, (b, a), k, s, made in along]
    return [max(each, 0) if layer.ceil_mode else 0 for each in reach]


def adaptive_sizes(place: Any) -> list[int]:
    """The window of an adaptive pooling on each axis, which is its stride too."""
    sizes = []
    for extent, made in zip(place.shape[1:], place.layer.output_size, strict=True):
        if extent % made:
            raise cannot(place, f"{made} windows over {extent} positions are not all of one size")
        sizes.append(extent // made)
    return sizes


def _adaptive(place: Any) -> str:
    kind, sizes = ("Max" if "max" in place.layer.type else "Average"), adaptive_sizes(place)
    if set(place.layer.output_size) == {1}:
        return str(place.made(f"Global{kind}Pooling{len(sizes)}D(keepdims=True)"))
    return str(place.made(f"{kind}Pooling{len(sizes)}D({short(sizes)})"))


POOLING: Final[Mapping[str, Form]] = MappingProxyType({
    **{f"{kind}_pool{axes}d": _pool for kind in ("max", "avg") for axes in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{axes}d": _adaptive for kind in ("max", "avg") for axes in (1, 2, 3)},
    **{f"zero_pad{axes}d": lambda place: around(place.taken[0], place.layer.padding) for axes in (1, 2, 3)},
})  # fmt: skip
"""How to write each."""
