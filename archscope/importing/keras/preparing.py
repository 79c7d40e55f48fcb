"""Layers of Keras that prepare what a network is given: changes at random, numbers scaled, other sizes, categories."""

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


def _encoded(many: Callable[[Place], Any]) -> Callable[[Place], Value]:
    """Words or numbers as numbers of categories, or as vectors of ones and zeros, or of how often each is there."""

    def reading(place: Place) -> Value:
        value, mode, depth = place.plain(), place.options["output_mode"], many(place)
        for name in _OF_CATEGORIES:
            place.options.get(name)
        if mode == "int":
            own = value.shape
        elif type(depth) is not int or depth < 1:
            raise place.cannot("does not say how many categories there are; they stand beside the configuration alone")
        elif mode == "one_hot" and value.shape[-1:] != (1,):
            own = (*value.shape, depth)
        elif mode != "one_hot" and len(value.shape) > 1:
            raise place.cannot("counts along one of several axes, which archscope does not read")
        else:
            own = (*value.shape[:-1], depth)
        seen = Facts(inputs=(), outputs=(own,), windows=None, reasons=_ALL_OF_IT)
        return place.stated(Function(place.kind, seen), [value, *map(place.plain, place.values[1:])])[0]

    return reading


def _vocabulary(place: Place) -> Any:
    """Words of a vocabulary, with those for what is not in it."""
    padded = place.options.get("pad_to_max_tokens")
    return place.options.get("max_tokens" if padded else "vocabulary_size")


def _bins(place: Place) -> Any:
    bounds = place.options.get("bin_boundaries")
    return place.options.get("num_bins") if bounds is None else len(bounds) + 1


def _text(place: Place) -> Value:
    """A text as the numbers of its words, as many as are said; or as one vector."""
    if place.options.get("ragged"):
        raise place.cannot("makes rows of different lengths, which archscope does not read")
    long = place.options.get("output_sequence_length")
    if place.options["output_mode"] != "int":
        return _encoded(_vocabulary)(place)
    if type(long) is not int or long < 1:
        raise place.cannot("makes as many positions as a text has words; save it with `output_sequence_length`")
    for name in _OF_CATEGORIES:
        place.options.get(name)
    seen = Facts(inputs=(), outputs=((long,),), windows=None, reasons=_ALL_OF_IT)
    return place.stated(Function(place.kind, seen), [place.plain()])[0]


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
_OF_CATEGORIES: Final = (
    "sparse", "salt", "epsilon", "num_bins", "bin_boundaries", "invert", "num_oov_indices", "oov_token", "mask_token",
    "vocabulary_dtype", "idf_weights", "vocabulary", "vocabulary_size", "max_tokens", "pad_to_max_tokens", "oov_method",
    "encoding", "standardize", "split", "ngrams", "ragged", "output_sequence_length",
)  # fmt: skip
"""Options that say which category each is, and how vectors are held."""
_ALL_OF_IT: Final = MappingProxyType({"receptive_field": "what it makes of a place may depend on all of what comes"})

READINGS: Final[Mapping[str, Callable[[Place], Any]]] = MappingProxyType({
    **dict.fromkeys(AT_RANDOM, _at_random),
    **dict.fromkeys(("AutoContrast", "Equalization", "Solarization",
                     "ContrastLimitedAdaptiveHistogramEqualization"), _as_it_is),
    "CategoryEncoding": _encoded(lambda place: place.options["num_tokens"]), "Discretization": _encoded(_bins),
    **dict.fromkeys(("Hashing", "HashedCrossing"), _encoded(lambda place: place.options["num_bins"])),
    **dict.fromkeys(("StringLookup", "IntegerLookup"), _encoded(_vocabulary)), "TextVectorization": _text,
    "CenterCrop": _center,
    "RandomCrop": _cropped_at_random, "Normalization": _normalization, "Resizing": _resizing,
})  # fmt: skip
"""Keras's classes, and the layers that each is."""
