"""Tensors under `vmap`, `grad` and their kind: what a call is given stands for the tensor that the operations see."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree

_inside: Any = torch._C._functorch


def is_transformed() -> bool:
    """Whether code runs under one of `torch.func`'s transformations."""
    return _inside.peek_interpreter_stack() is not None


def bare(value: Any) -> Any:
    """A value with each tensor in it as the operations see it, with all its axes."""
    return _pytree.tree_map_only(Tensor, _unwrapped, value)


def is_mapped(value: Any) -> bool:
    """Whether some tensor in it lacks the axis that `vmap` runs over."""
    return any(_maps(each) for each in _pytree.tree_leaves(value) if isinstance(each, Tensor))


def _maps(tensor: Tensor) -> bool:
    while _inside.is_functorch_wrapped_tensor(tensor):
        if _inside.is_batchedtensor(tensor):
            return True
        tensor = _inside.get_unwrapped(tensor)
    return False


def _unwrapped(tensor: Tensor) -> Tensor:
    while _inside.is_functorch_wrapped_tensor(tensor):
        tensor = _inside.get_unwrapped(tensor)
    return tensor
