"""What the real tools printed, as it was recorded once: of single layers, of PyTorch's own modules, of networks.

``recorded.json`` has the versions. The tools ran on what `archscope.build` makes, at inference, one sample; calflops
and DeepSpeed are recorded by their FLOPs. Layers that `archscope.build` has a class of its own for are left out: no
convention speaks of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))

_OWN = (
    "rnn", "lstm", "gru", "lstm_cell", "mixture_of_experts", "locally_connected1d", "locally_connected2d",
    "subsampling", "rbf", "parameter", "fold", "unfold",
)  # fmt: skip


def plain(layer: Any) -> bool:
    """Whether a layer is one module of PyTorch, and no class of archscope's own."""
    padding = getattr(layer, "padding", None)
    if padding == "same" or getattr(layer, "connection_table", None) is not None or layer.type in _OWN:
        return False
    if isinstance(padding, tuple) and any(isinstance(each, tuple) and each[0] != each[1] for each in padding):
        return False
    return not getattr(layer, "within_channel", False)
