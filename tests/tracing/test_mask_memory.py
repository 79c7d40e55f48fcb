"""Masks are told by their values without more memory than those take."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from archscope.tracing.scores import mask_of


class _Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The largest memory that operations make meanwhile."""

    bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        ours = [each for each in tree_leaves(made) if isinstance(each, Tensor)]
        sizes = [each.untyped_storage().nbytes() for each in ours if each.dtype != torch.float32]
        self.bytes = max(self.bytes, *sizes, 0)
        return made


@pytest.mark.parametrize("window", [0, 3])
def test_telling_a_mask_by_its_values_takes_a_byte_for_each_of_them(window: int) -> None:
    hidden = torch.ones(64, 64, dtype=torch.bool).tril().triu(-window if window else -64).logical_not()
    values = torch.zeros(64, 64).masked_fill(hidden, float("-inf"))
    with _Largest() as largest:
        found = mask_of(values)
    assert found is not None
    assert found.causal
    assert found.sliding_window == (window + 1 if window else None)
    assert largest.bytes == 64 * 64
