"""Run a module that somebody else wrote, and leave it and everything around it as it was found."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from archscope.layers.base import spell_shape
from archscope.recognising.tensor import Tensor as Recognised

Recognised.register(Tensor)


@contextmanager
def keeping_random() -> Iterator[None]:
    """Build modules without using up anyone's random numbers."""
    with torch.random.fork_rng(devices=[]):
        yield


@contextmanager
def kept(module: nn.Module) -> Iterator[None]:
    """Its modes and buffers, and everybody's random numbers, as they were before."""
    modes = {each: each.training for each in module.modules()}
    buffers = {name: (each, each.clone()) for name, each in module.named_buffers() if not nn.parameter.is_lazy(each)}
    try:
        with keeping_random():
            yield
    finally:
        for each, training in modes.items():
            each.training = training
        for name, (buffer, value) in buffers.items():
            path, _, own = name.rpartition(".")
            with torch.no_grad():
                buffer.copy_(value)
            module.get_submodule(path)._buffers[own] = buffer


def at_inference(module: nn.Module) -> nn.Module:
    """A module as at inference; that of an exported program knows one way to run, and refuses to be told.

    What its ``eval`` returns is not asked: many write a ``train`` of their own, and forget to return the module.
    """
    try:
        module.eval()
    except NotImplementedError:
        for each in module.modules():
            each.training = False
    return module


@contextmanager
def as_written() -> Iterator[None]:
    """Run compiled modules as they were written; the compiler would read the recorder's code along with theirs."""
    stance = getattr(torch.compiler, "set_stance", None)
    if stance is None or "torch._dynamo" not in sys.modules:
        yield
        return
    with stance("force_eager"):
        yield


def misfit(layer: nn.Module, given: Sequence[int]) -> str:
    """What a layer takes and what it was given, if that is why it stopped; empty if it is not, or nobody knows.

    >>> misfit(nn.Linear(400, 120), (256,))
    'it takes 400 features and is given 256'
    """
    if isinstance(layer, nn.Linear) and given and given[-1] != layer.in_features:
        whole = len(given) > 1 and math.prod(given) == layer.in_features
        fitting = f"{spell_shape(given)}; nothing flattens them before" if whole else f"{given[-1]:,}"
        return f"it takes {layer.in_features:,} features and is given {fitting}"
    wanted = (layer.in_channels if isinstance(layer, _ConvNd) else
              layer.num_features if isinstance(layer, _BatchNorm) else None)  # fmt: skip
    if wanted and given and given[0] != wanted:
        return f"it takes {wanted:,} channel{'s' if wanted > 1 else ''} and is given {given[0]:,}"
    return ""


def tensors_in(value: Any) -> list[Tensor]:
    """Every tensor in arguments or a result, however they are nested; those without a shape yet are left out."""
    if type(value) in _TENSORS:
        return [value]
    found: list[Tensor] = []
    _gather(value, found)
    return found


_PLAIN: Final = frozenset({int, float, bool, str, bytes, complex, type(None), slice, torch.dtype, torch.device,
                           torch.layout, torch.memory_format, torch.Size})  # fmt: skip
"""What holds no tensor, and most arguments are."""

_TENSORS: Final = frozenset({Tensor, nn.Parameter})
"""What most tensors are; those without a shape yet have types of their own."""


def _gather(value: Any, found: list[Tensor]) -> None:
    """Told by classes first: this runs some thirty times for every operation."""
    kind = type(value)
    if kind in _PLAIN:
        return
    if kind is list or kind is tuple:
        for each in value:
            kind = type(each)
            if kind in _TENSORS:
                found.append(each)
            elif kind not in _PLAIN:
                _gather(each, found)
    elif isinstance(value, Tensor):
        if not nn.parameter.is_lazy(value):
            found.append(value)
    elif isinstance(value, Mapping):
        _gather(list(value.values()), found)
    elif isinstance(value, (list, tuple)):
        _gather(list(value), found)
    elif hasattr(value, "__dataclass_fields__"):
        _gather([getattr(value, name) for name in value.__dataclass_fields__], found)
