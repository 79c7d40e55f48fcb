"""Functions of PyTorch that are those of `torch.nn.functional` by another name, or take the same in another order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch

_NORM: Final = ("input", "weight", "bias", "running_mean", "running_var")
_STATISTICS: Final = ("input", "running_mean", "running_var", "weight", "bias")
_SLID: Final = ("input", "weight", "bias", "stride", "padding", "dilation", "transposed", "output_padding", "groups")

_TAKEN: Final[Mapping[str, tuple[str, Sequence[str], Sequence[str]]]] = {
    "batch_norm": ("batch_norm", (*_NORM, "training", "momentum", "eps"),
                   (*_STATISTICS, "training", "momentum", "eps")),
    "instance_norm": ("instance_norm", (*_NORM, "use_input_stats", "momentum", "eps"),
                      (*_STATISTICS, "use_input_stats", "momentum", "eps")),
    "embedding": ("embedding", ("weight", "indices", "padding_idx"), ("indices", "weight", "padding_idx")),
    "native_batch_norm": ("batch_norm", (*_NORM, "training", "momentum", "eps"),
                          (*_STATISTICS, "training", "momentum", "eps")),
    "native_layer_norm": ("layer_norm", ("input", "normalized_shape", "weight", "bias", "eps"),
                          ("input", "normalized_shape", "weight", "bias", "eps")),
    "native_group_norm": ("group_norm", ("input", "weight", "bias", "N", "C", "HxW", "group", "eps"),
                          ("input", "group", "weight", "bias", "eps")),
}  # fmt: skip
"""``torch.NAME`` and ATen's operation: its name in `torch.nn.functional`, what it takes, the order of these there."""


def _each(name: str) -> tuple[Any, ...]:
    return getattr(torch, name), getattr(torch.ops.aten, name), getattr(torch.ops.aten, name).default


_NAMES: Final = {each: name for name in _TAKEN for each in _each(name)}
_SLIDING: Final = frozenset((*_each("convolution"), *_each("_convolution")))


def as_in_functional(
    function: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[str, Sequence[Any], Mapping[str, Any]]:
    """The name and the arguments of a call as the function of `torch.nn.functional` that does the same takes them.

    >>> as_in_functional(torch.embedding, "embedding", ("table", "tokens"), {})
    ('embedding', ('tokens', 'table'), {})
    >>> as_in_functional(torch.nn.functional.embedding, "embedding", ("tokens", "table"), {})
    ('embedding', ('tokens', 'table'), {})
    """
    if function in _SLIDING:
        return _slid({**dict(zip(_SLID, args, strict=False)), **kwargs}) or (name, args, kwargs)
    known = _NAMES.get(function)
    if known is None:
        return name, args, kwargs
    called, taken, order = _TAKEN[known]
    given = {**dict(zip(taken, args, strict=False)), **kwargs}
    return called, tuple(given[each] for each in order if each in given), {}


def _slid(given: Mapping[str, Any]) -> tuple[str, Sequence[Any], Mapping[str, Any]] | None:
    """A convolution of any number of axes, transposed or not; None where it is not of one, two or three."""
    axes = given["weight"].dim() - 2
    if axes not in (1, 2, 3) or given.keys() < set(_SLID):
        return None
    turned = bool(given["transposed"])
    called = f"conv_transpose{axes}d" if turned else f"conv{axes}d"
    last = ("output_padding", "groups", "dilation") if turned else ("dilation", "groups")
    return called, tuple(given[each] for each in ("input", "weight", "bias", "stride", "padding", *last)), {}


__all__ = ["as_in_functional"]
