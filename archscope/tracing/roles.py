"""What functions of PyTorch are to whoever follows values: which only hand them on, lend, hold, or leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import Tensor

from archscope.recognising.signatures import plain_name
from archscope.tracing.strangers import tensors_in

SAME_VALUES: Final = frozenset({
    "contiguous", "clone", "detach", "detach_", "to", "float", "double", "half", "bfloat16", "type", "type_as", "cpu",
    "cuda", "requires_grad_", "alias", "data", "__deepcopy__", "lift_fresh", "_to_copy",
})  # fmt: skip
"""Functions that hand on their input's values as they are."""

APART: Final = frozenset({"detach", "detach_", "data"})
"""Functions that hand on values without their gradients."""

VIEWS: Final = frozenset({"expand", "expand_as", "flatten", "reshape", "reshape_as", "squeeze", "unflatten", "view",
                           "view_as"})  # fmt: skip
"""Functions that do nothing where they leave the shape as it is."""

SAID: Final = frozenset({"new_zeros", "new_ones", "new_full", "new_empty"})
"""Functions that read nothing of their input but its type, and are told a shape."""

SHAPED: Final = SAID | frozenset({"zeros_like", "ones_like", "full_like"})
"""Functions that read nothing of their input but its type and its shape."""

LEAVING: Final = frozenset({
    "numpy", "tolist", "__array__", "item", "__dlpack__", "__float__", "__int__", "__index__", "__complex__",
})  # fmt: skip
"""Functions after which values are no longer PyTorch's."""

ENTERING: Final = frozenset({"tensor", "as_tensor", "asarray", "scalar_tensor"})
"""Functions by which numbers become PyTorch's."""

PICKLING: Final = "_backward_hooks"
"""What is read of a tensor that is pickled, and of no other: whether it has hooks, which are not."""

UNPICKLING: Final = frozenset({"set_", "empty_strided"})
"""Functions that make a tensor of what was pickled: around its memory, or, without values, in its form."""

LENDING: Final = frozenset({"expand_as", "view_as", "reshape_as"})
"""Functions of whose second argument only the size is read."""

IN_ORDER: Final = frozenset({
    "view", "reshape", "view_as", "reshape_as", "flatten", "unflatten", "unsqueeze", "squeeze", "expand", "expand_as",
    "broadcast_to", "repeat", "tile", "contiguous", "clone", "to", "float", "type", "type_as", "getitem", "narrow",
    "detach", "alias", "double", "half", "bfloat16", "cpu", "cuda", "deepcopy", "data", "requires_grad", "to_copy",
    "view_of",
})  # fmt: skip
"""Functions that leave values in their order, where they leave all of them."""

TURNING: Final = frozenset({"t", "T", "mT", "mH", "transpose", "swapaxes", "swapdims", "permute"})
"""Functions that exchange the axes of a matrix, unless they name them in their order."""

PRODUCTS: Final = frozenset({"matmul", "mm", "bmm", "addmm"})
"""Functions that take the matrix of a dense layer with its inputs in front."""

HOLDING: Final = frozenset({"embedding", "batch_norm", "layer_norm", "group_norm", "prelu"})
"""Layers with weights that multiply nothing."""

ANSWERS: Final = (int, float, bool, str, torch.Size, torch.dtype, torch.device, torch.layout, type(None))


def _branch(chosen: Tensor | bool, yes: Callable[..., Any], no: Callable[..., Any], given: Sequence[Any] = ()) -> Any:
    return yes(*given) if chosen else no(*given)


def _loop(goes_on: Callable[..., Any], step: Callable[..., Any], carried: Any, beside: Any = ()) -> Any:
    while goes_on(*carried, *beside):
        carried = step(*carried, *beside)
    return carried


CHOOSING: Final[Mapping[Any, Callable[..., Any]]] = MappingProxyType(
    {torch.ops.higher_order.cond: _branch, torch.ops.higher_order.while_loop: _loop}
)
"""Functions that stand for control flow: what they choose runs as it would without them."""


def leaves(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], made: Tensor) -> bool:
    """Whether a call leaves everything as it is: a view in the same shape, padding by nothing."""
    given = tensors_in([args, kwargs])[0]
    if plain_name(name) == "pad":
        # A width may be a tensor, and that may have no value.
        return all(type(each) is int and not each for each in (kwargs["pad"] if "pad" in kwargs else args[1]))
    return name in VIEWS and made.shape == given.shape
