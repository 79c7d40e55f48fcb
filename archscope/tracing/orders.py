"""Functions of PyTorch that take what one of the same name in `torch.nn.functional` takes, in another order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch

_NORM: Final = ("input", "weight", "bias", "running_mean", "running_var")

_TAKEN: Final[Mapping[str, tuple[Sequence[str], Sequence[str]]]] = {
    "batch_norm": ((*_NORM, "training", "momentum", "eps"),
                   ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")),
    "instance_norm": ((*_NORM, "use_input_stats", "momentum", "eps"),
                      ("input", "running_mean", "running_var", "weight", "bias", "use_input_stats", "momentum", "eps")),
    "embedding": (("weight", "indices", "padding_idx"), ("indices", "weight", "padding_idx")),
}  # fmt: skip
"""What ``torch.NAME`` and ATen's operation take, and the order of these in ``torch.nn.functional.NAME``."""

_NAMES: Final = {
    each: name
    for name in _TAKEN
    for each in (getattr(torch, name), getattr(torch.ops.aten, name), getattr(torch.ops.aten, name).default)
}


def as_in_functional(
    function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """The arguments of a call as the function of the same name in `torch.nn.functional` takes them.

    >>> as_in_functional(torch.embedding, ("table", "tokens"), {})
    (('tokens', 'table'), {})
    >>> as_in_functional(torch.nn.functional.embedding, ("tokens", "table"), {})
    (('tokens', 'table'), {})
    """
    name = _NAMES.get(function)
    if name is None:
        return args, kwargs
    taken, order = _TAKEN[name]
    given = {**dict(zip(taken, args, strict=False)), **kwargs}
    return tuple(given[each] for each in order if each in given), {}


__all__ = ["as_in_functional"]
