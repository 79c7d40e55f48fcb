"""What a call of one of PyTorch's functions does beyond any layer type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.layers import Layer
from archscope.recognising.call import Call
from archscope.recognising.calls import is_along_samples
from archscope.recognising.function import ALONG_SAMPLES
from archscope.recognising.operations import is_complex
from archscope.recognising.signatures import bound, plain_name

_USUAL: Final[Mapping[str, Mapping[str, tuple[Any, ...]]]] = MappingProxyType({
    "batch_norm": {"training": (False,)},
    "embedding": {"max_norm": (None,)},
    "scaled_dot_product_attention": {"attn_mask": (None,)},
    "interpolate": {"align_corners": (None, False), "antialias": (False,)},
    "softplus": {"threshold": (20,)},
    **{key: {"divisor_override": (None,)} for key in ("avg_pool2d", "avg_pool3d")},
    "upsample": {"align_corners": (None, False)},
})  # fmt: skip
"""Options that layer types do not have, with the values at which a call is the layer."""


def beyond(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """An option of a call that changes what it computes, and that no layer type has; empty if there is none.

    >>> beyond("interpolate", ["x"], {"align_corners": True}), beyond("interpolate", ["x"], {"align_corners": False})
    ('align_corners', '')
    """
    plain = plain_name(name)
    usual = _USUAL.get(plain, {})
    given = bound(plain, args, kwargs) if usual else {}
    if plain == "batch_norm" and given["running_mean"] is None:
        return ""  # there is nothing but the batch to normalize by
    return next((option for option, values in usual.items() if given[option] not in values), "")


def beyond_call(
    call: Call, args: Sequence[Any], kwargs: Mapping[str, Any], read: int, layers: Sequence[Layer] | None
) -> str:
    """Such an option of a call that has run on so many values; a mask that is added to scores is a fourth of them."""
    option = beyond(call.name, args, kwargs) or ("complex numbers" if is_complex(call.results) else "")
    if not option and layers is None and is_along_samples(call):
        return ALONG_SAMPLES
    if option != "attn_mask" or read != 4:
        return option
    mask = call.given["attn_mask"]
    return "" if mask.is_floating_point() or id(mask) in call.fitted else option


__all__ = ["beyond", "beyond_call"]
