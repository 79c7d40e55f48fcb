"""Layers of Keras that prepare what a network is given: changes at random, numbers that are scaled, other sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.importing.keras.place import Place, Value
from archscope.layers import TYPES, Facts
from archscope.layers.base import NOTHING, Weight
from archscope.recognising.function import Function

AT_RANDOM: Final = (
    "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomElasticTransform",
    "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert",
    "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear",
    "RandomTranslation", "RandomZoom", "AugMix", "CutMix", "MixUp", "RandAugment",
)  # fmt: skip
"""Classes that change pictures while a model trains, and hand them on at inference."""

_MODES: Final = {"bilinear": "bilinear", "nearest": "nearest", "bicubic": "bicubic"}


def _at_random(place: Place) -> Value:
    """Nothing at inference."""
    return place.made("identity")


def _cropped_at_random(place: Place) -> Value:
    """The middle of a picture at inference; nothing where that is the whole."""
    value = place.grid(2)
    if tuple(value.shape[1:]) != (place.options["height"], place.options["width"]):
        raise place.cannot("cuts out another part at inference than in training, and may resize it before: "
                           "archscope reads it where the picture is as large already")  # fmt: skip
    return place.made("identity", [value])


def _normalization(place: Place) -> Value:
    """Less a mean and divided by a deviation, which the archive holds unless the configuration says them."""
    rank = len(place.value.shape)
    axes = place.options.get("axis", -1)
    axes = [] if axes is None else [axes] if isinstance(axes, int) else list(axes)
    # Keras counts the batch's axis, which is not there.
    kept = sorted({each - 1 if each > 0 else rank + each for each in axes})
    if any(not 0 <= each < rank for each in kept):
        raise place.cannot("normalizes along axes that its input has not")
    by_map = kept == [rank - 1] and rank > 1
    value = place.grid(rank - 1) if by_map else place.plain()
    shape = tuple(value.shape[0 if by_map else each] for each in kept)
    said = place.options.get("mean") is not None
    names = () if said else (("mean", shape), ("variance", shape), ("count", ()))
    weights = tuple(Weight(name, own or (1,), trainable=False) for name, own in names)
    return place.function("normalization", TYPES["identity"](), [value], weights, NOTHING, "a fixed mean and deviation")


def _resizing(place: Place) -> Value:
    """An interpolation, which multiplies nothing that counts."""
    options = place.options
    mode = _MODES.get(options.get("interpolation", "bilinear"), "")
    if not mode:
        raise place.cannot(f"interpolates in a way that no layer type has: {str(options['interpolation'])[:40]}")
    if options.get("crop_to_aspect_ratio") or options.get("pad_to_aspect_ratio") or options.get("antialias"):
        raise place.cannot("cuts, pads or smooths as well, which no layer type does")
    sizes = (int(options["height"]), int(options["width"]))
    return place.made("upsample", [place.grid(2)], size=sizes, mode=mode)


def _as_it_is(place: Place) -> Value:
    """What changes each number, or each picture, by itself, and multiplies nothing that counts."""
    for name in _CHANGING:
        place.options.get(name)
    seen = Facts(inputs=(), outputs=(place.value.shape,), windows=None, reasons=_ALL_OF_IT)
    return place.stated(Function(place.kind, seen), [place.value], last=place.value.last)[0]


def _categories(place: Place) -> Value:
    """Numbers as vectors of ones and zeros, or of how often each is there."""
    many, mode, value = int(place.options["num_tokens"]), place.options.get("output_mode"), place.plain()
    place.options.get("sparse")
    one = mode == "one_hot"
    if one and len(value.shape) > 1:
        raise place.cannot("makes vectors of more than one axis, which archscope does not read")
    own = (*value.shape, many) if one and value.shape[-1:] != (1,) else (*value.shape[:-1], many)
    seen = Facts(inputs=(), outputs=(own,), windows=None, reasons=_ALL_OF_IT)
    return place.stated(Function(place.kind, seen), [value])[0]


def _center(place: Place) -> Value:
    value = place.grid(2)
    for axis, name in ((1, "height"), (2, "width")):
        wanted, there = int(place.options[name]), int(value.shape[axis])
        if wanted > there:
            raise place.cannot("makes pictures larger, which archscope does not read here")
        start = (there - wanted) // 2
        value = place.made("slice", [value], name=f".{name}", dim=axis, start=start, end=start + wanted)
    return value


_CHANGING: Final = ("value_range", "addition_factor", "threshold_factor", "bins", "clip_limit", "tile_grid_size")
"""Options that say how numbers are changed."""
_ALL_OF_IT: Final = MappingProxyType({"receptive_field": "what it makes of a place may depend on all of what comes"})

READINGS: Final[Mapping[str, Callable[[Place], Any]]] = MappingProxyType({
    **dict.fromkeys(AT_RANDOM, _at_random),
    **dict.fromkeys(("AutoContrast", "Equalization", "Solarization",
                     "ContrastLimitedAdaptiveHistogramEqualization"), _as_it_is),
    "CategoryEncoding": _categories, "CenterCrop": _center,
    "RandomCrop": _cropped_at_random, "Normalization": _normalization, "Resizing": _resizing,
})  # fmt: skip
"""Keras's classes, and the layers that each is."""
