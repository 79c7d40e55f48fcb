"""Caffe's layers that join, cut and turn axes, and those that sum along them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from archscope.importing.caffe.options import Options
from archscope.importing.caffe.place import Place, Value
from archscope.importing.caffe.windows import Reading


def _concat(place: Place) -> list[Value]:
    options = place.options
    axis = options.whole("concat_dim", options.whole("axis", 1, least=-8))
    own = place.axis(axis)
    return [place.made("concat", dim=own) if len(place.values) > 1 else place.value]


def _slice(place: Place) -> list[Value]:
    place.takes(1)
    options = place.options
    axis = place.axis(options.whole("slice_dim", options.whole("axis", 1, least=-8)))
    size, many = int(place.value.shape[axis]), len(place.call.tops)
    points = options.wholes("slice_point", least=1)
    if points and len(points) != many - 1:
        raise place.cannot(f"says {len(points)} `slice_point` for {many} parts")
    if many < 2:
        return [place.value]
    if not points and size % many:
        raise place.cannot(f"cuts {size} positions into {many} parts")
    ends = [0, *points, size] if points else [size // many * part for part in range(many + 1)]
    sizes = [end - start for start, end in pairwise(ends)]
    if min(sizes) < 1:
        raise place.cannot(f"cuts {size} positions at {', '.join(map(str, points))}")
    return place.layer(place.typed("split", {"split_size": sizes, "dim": axis}), place.values)


def _flatten(place: Place) -> list[Value]:
    place.takes(1)
    options = place.options
    first, last = options.whole("axis", 1, least=-8), options.whole("end_axis", -1, least=-8)
    start, end = place.axis(first), place.axis(last)
    shape = [int(each) for each in place.value.shape]
    if end < start:
        raise place.cannot(f"flattens from axis {first} to axis {last}")
    if (start, end) == (0, len(shape) - 1):
        return [place.made("flatten")]
    return [place.made("reshape", shape=[*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]])]


def _reshape(place: Place) -> list[Value]:
    """Extents of 0 stay, and one of −1 is what is left; samples stay samples."""
    place.takes(1)
    options, full = place.options, place.full(place.value)
    said = Options(options.message("shape"), place.cannot, "shape")
    wanted = said.wholes("dim", least=-1)
    said.finish()
    axis, many = options.whole("axis", 0, least=-8), options.whole("num_axes", -1, least=-1)
    start = axis if axis >= 0 else len(full) + axis + 1
    end = len(full) if many == -1 else start + many
    if not 0 <= start <= end <= len(full) or wanted.count(-1) > 1:
        raise place.cannot("reshapes axes that are not there, or leaves several open")
    given = full[start:end]
    if any(each == 0 and at >= len(given) for at, each in enumerate(wanted)):
        raise place.cannot("keeps an axis that is not there")
    made = [given[at] if each == 0 else each for at, each in enumerate(wanted)]
    if -1 in made:
        rest = math.prod(each for each in made if each != -1)
        made[made.index(-1)] = max(math.prod(given) // rest, 1)
    whole = [*full[:start], *made, *full[end:]]
    at = place.nodes.axis
    if len(whole) <= at or whole[at] != full[at] or whole[:at] != full[:at]:
        raise place.cannot("mixes samples, or their steps, with other axes, which archscope does not read")
    return [place.made("reshape", shape=[*whole[:at], *whole[at + 1 :]])]


def _permute(place: Place) -> list[Value]:
    place.takes(1)
    order = place.options.wholes("order")
    full = [*order, *(each for each in range(len(place.value.shape) + 1) if each not in order)]
    at = place.nodes.axis
    if len(full) != len(place.value.shape) + 1 or full[at] != at or len(set(full)) != len(full):
        raise place.cannot("turns the axis of the samples, or an axis that is not there")
    return [place.made("permute", dims=[place.axis(each) for each in full if each != at])]


def _crop(place: Place) -> list[Value]:
    """The axes from one on are cut to those of the second value."""
    place.takes(2)
    options = place.options
    axis, offsets = options.whole("axis", 2, least=-8), options.wholes("offset")
    first = place.axis(axis)
    value, like = place.values
    many = len(value.shape) - first
    if len(like.shape) != len(value.shape) or len(offsets) not in (0, 1, many):
        raise place.cannot(f"says `offset` {len(offsets)} times for {many} axes, or is given values of unlike axes")
    offsets = offsets if len(offsets) == many else [offsets[0] if offsets else 0] * many
    if first == 1:
        return [place.made("crop", offset=offsets)]
    for at, start in enumerate(offsets, start=first):
        end = start + int(like.shape[at])
        if (start, end) != (0, int(value.shape[at])):
            value = place.made("slice", [value], dim=at, start=start, end=end)
    return [value]


def _tile(place: Place) -> list[Value]:
    place.takes(1)
    axis = place.axis(place.options.whole("axis", 1, least=-8))
    repeats = [1] * len(place.value.shape)
    repeats[axis] = place.options.wanted("tiles")
    return [place.made("repeat", repeats=repeats)]


def _reduction(place: Place) -> list[Value]:
    place.takes(1)
    options = place.options
    kind = options.word("operation", "SUM", ("SUM", "ASUM", "SUMSQ", "MEAN"))
    axis, factor = place.axis(options.whole("axis", 0, least=-8)), options.number("coeff", 1)
    value = place.value
    if kind == "ASUM":
        value = place.made("abs", [value], name=".abs")
    elif kind == "SUMSQ":
        value = place.made("power", [value], name=".power", exponent=2)
    made = place.made("mean" if kind == "MEAN" else "sum", [value], dim=list(range(axis, len(value.shape))))
    return [made if factor == 1 else place.made("scale", [made], name=".scale", factor=factor)]


def _arg_max(place: Place) -> list[Value]:
    """The places of the largest values, one after another, or along an axis; the values too, if asked for."""
    place.takes(1)
    options = place.options
    many, values = options.whole("top_k", 1, least=1), options.flag("out_max_val", usual=False)
    said = options.one("axis")
    if said is None:
        shape = [1 + values, many]
    else:
        shape = [int(each) for each in place.value.shape]
        shape[place.axis(options.whole("axis", 1, least=-8))] = many
    return place.function("argmax", place.values, [tuple(shape)])


def _mvn(place: Place) -> list[Value]:
    place.takes(1)
    options = place.options
    scaled, whole = options.flag("normalize_variance", usual=True), options.flag("across_channels", usual=False)
    eps = options.number("eps", 1e-9)
    if scaled and not whole and len(place.value.shape) in (2, 3, 4):
        return [place.made("instance_norm", affine=False, eps=eps)]
    return place.function("mean-variance normalization", place.values, [place.value.shape])


def _threshold(place: Place) -> list[Value]:
    place.takes(1)
    place.options.number("threshold", 0)
    return place.function("threshold", place.values, [place.value.shape], pointwise=True)


def _shuffle(place: Place) -> list[Value]:
    place.takes(1)
    return [place.made("channel_shuffle", groups=place.options.whole("group", 1, least=1))]


def _parameter(place: Place) -> list[Value]:
    said = Options(place.options.message("shape"), place.cannot, "shape")
    shape = said.wholes("dim", least=1)
    said.finish()
    if len(shape) < 2 or shape[0] != 1 or place.nodes.axis:
        raise place.cannot("is a weight without an axis of 1 for the samples, which archscope does not read")
    return [place.learned(shape[1:], "", 0)]


def _normalize(place: Place) -> list[Value]:
    """SSD's: each position's channels by their length, and a weight for each channel."""
    place.takes(1)
    options = place.options
    whole, shared = options.flag("across_spatial", usual=True), options.flag("channel_shared", usual=True)
    eps = options.number("eps", 1e-10)
    options.unimportant("scale_filler")
    value = place.value
    if whole and len(value.shape) > 1:
        made = place.function("normalize", [value], [value.shape], name=".normalize")[0]
    else:
        made = place.made("normalize", [value], name=".normalize", dim=0, eps=eps)
    wide = [1 if shared else int(value.shape[0])] + [1] * (len(value.shape) - 1)
    return [place.made("multiply", [made, place.learned(wide, ".weight", 0)])]


def _prior_box(place: Place) -> list[Value]:
    """SSD's: four corners and four variances of each box at each position; no learned value decides them."""
    place.takes(2)
    options, value = place.options, place.value
    least, most = options.numbers("min_size"), options.numbers("max_size")
    ratios = {round(each, 6) for each in options.numbers("aspect_ratio")} - {1.0}
    if options.flag("flip", usual=True):
        ratios |= {round(1 / each, 6) for each in ratios if each > 0}
    if len(value.shape) != 3 or not least or len(most) not in (0, len(least)):
        raise place.cannot("says no `min_size`, as many `max_size` as it has not, or is given no maps")
    options.unimportant("clip", "variance", "img_size", "img_h", "img_w", "step", "step_h", "step_w", "offset")
    boxes = len(least) * (1 + len(ratios)) + len(most)
    return place.function("boxes", place.values, [(2, math.prod(map(int, value.shape[1:])) * boxes * 4)])


def _interpolated(place: Place) -> list[Value]:
    """DeepLab's: a bilinear interpolation, to so many positions, or to so many times the steps between them."""
    place.takes(1)
    options, value = place.options, place.value
    edges = [options.whole(name, 0, least=-(1 << 20)) for name in ("pad_beg", "pad_end")]
    if len(value.shape) != 3 or any(edges):
        raise place.cannot("is given no maps, or cuts their edges, which archscope does not read")
    zoom, shrink = options.whole("zoom_factor", 1, least=1), options.whole("shrink_factor", 1, least=1)
    said = [options.whole(name, 0) for name in ("height", "width")]
    sides = [each or (((int(there) - 1) // shrink + 1) - 1) * (zoom - 1) + (int(there) - 1) // shrink + 1
             for each, there in zip(said, value.shape[1:], strict=True)]  # fmt: skip
    return [place.made("upsample", size=sides, mode="bilinear")]


def _im2col(place: Place) -> list[Value]:
    raise place.cannot("is a step of a convolution by itself, which archscope does not read")


READINGS: Final[Mapping[str, tuple[str, Reading]]] = MappingProxyType({
    "Concat": ("concat_param", _concat),
    "Slice": ("slice_param", _slice),
    "Flatten": ("flatten_param", _flatten),
    "Reshape": ("reshape_param", _reshape),
    "Permute": ("permute_param", _permute),
    "Crop": ("crop_param", _crop),
    "Tile": ("tile_param", _tile),
    "Reduction": ("reduction_param", _reduction),
    "ArgMax": ("argmax_param", _arg_max),
    "MVN": ("mvn_param", _mvn),
    "Threshold": ("threshold_param", _threshold),
    "ShuffleChannel": ("shuffle_channel_param", _shuffle),
    "Parameter": ("parameter_param", _parameter),
    "Normalize": ("norm_param", _normalize),
    "PriorBox": ("prior_box_param", _prior_box),
    "Interp": ("interp_param", _interpolated),
    "Im2col": ("convolution_param", _im2col),
})  # fmt: skip
"""Caffe's types, the messages that hold their options, and the layers that each is."""
