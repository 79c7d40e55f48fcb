"""What PyTorch runs depends on the processor in one place: an LSTM in bfloat16."""

from __future__ import annotations

import pytest
import torch

from archscope.layers import recurring


@pytest.fixture(autouse=True)
def _as_on_this_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules tell of processors with AVX-512; on others the tracker is asked about the operations that run there."""
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        monkeypatch.setattr(recurring, "APART_IN", (*recurring.APART_IN, "bfloat16"))
