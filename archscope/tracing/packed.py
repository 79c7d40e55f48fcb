"""Weights that lie packed in objects of PyTorch's quantized modules, where no parameter and no buffer shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from archscope.layers.base import Weight


class Packed:
    """The packed weights that a module holds, by the object that they lie in; none of them is trained."""

    def __init__(self, module: nn.Module) -> None:
        self.held: dict[str, Weight] = {}
        self._names: dict[int, frozenset[str]] = {}
        for path, each in module.named_modules():
            for inside in [value for value in vars(each).values() if isinstance(value, torch.ScriptObject)]:
                weights = {weight.name: weight for weight in _unpacked(path.removesuffix("._packed_params"), inside)}
                self.held.update(weights)
                self._names[id(inside)] = frozenset(weights)

    def read(self, given: Iterable[Any]) -> frozenset[str]:
        """The weights in what a call was given."""
        found = [self._names.get(id(each), frozenset()) for each in given] if self._names else []
        return frozenset[str]().union(*found)


def _unpacked(path: str, packed: Any) -> Iterator[Weight]:
    try:
        parts = packed.unpack()
    except (AttributeError, RuntimeError):  # no weights, or in a form of its own
        return
    for name, tensor in zip(("weight", "bias"), parts, strict=False):
        if isinstance(tensor, Tensor):
            dtype = str(tensor.dtype).removeprefix("torch.")
            yield Weight(f"{path}.{name}".lstrip("."), tuple(tensor.shape), trainable=False, dtype=dtype)
