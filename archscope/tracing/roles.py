"""What functions of PyTorch are to whoever follows values: which only hand them on, lend, hold, or leave."""

from __future__ import annotations

from typing import Final

import torch

SAME_VALUES: Final = frozenset({
    "contiguous", "clone", "detach", "detach_", "to", "float", "double", "half", "bfloat16", "type", "type_as", "cpu",
    "cuda", "requires_grad_", "alias", "data", "__deepcopy__", "lift_fresh", "_to_copy",
})  # fmt: skip
"""Functions that hand on their input's values as they are."""

VIEWS: Final = frozenset({"expand", "expand_as", "flatten", "reshape", "reshape_as", "squeeze", "unflatten", "view",
                           "view_as"})  # fmt: skip
"""Functions that do nothing where they leave the shape as it is."""

LEAVING: Final = frozenset({"numpy", "tolist", "__array__", "item"})
"""Functions after which values are no longer PyTorch's."""

ENTERING: Final = frozenset({"tensor", "as_tensor", "asarray"})
"""Functions by which numbers become PyTorch's."""

LENDING: Final = frozenset({"expand_as", "view_as", "reshape_as"})
"""Functions of whose second argument only the size is read."""

HOLDING: Final = frozenset({"embedding", "batch_norm", "layer_norm", "group_norm", "prelu"})
"""Layers with weights that multiply nothing."""

ANSWERS: Final = (int, float, bool, str, torch.Size, torch.dtype, torch.device, torch.layout, type(None))
