"""Layers whose module takes their options as they are: the class of each, by layer type. Needs no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

OWN: Final[Mapping[str, str]] = MappingProxyType({
    "parameter": "Parameter",
    "constant": "Constant",
    "relative_position_bias": "RelativePositionBias",
    "attention_mask": "AttentionMask",
    "roll": "Roll",
    "permute": "Permute",
    "transpose": "Transpose",
    "squeeze": "Squeeze",
    "unsqueeze": "Unsqueeze",
    "expand": "Expand",
    "slice": "Slice",
    "select": "Select",
    "split": "Split",
    "chunk": "Chunk",
    "crop": "Crop",
    "mean": "Mean",
    "sum": "Sum",
    "max": "Max",
    "min": "Min",
    "logsumexp": "LogSumExp",
    "var": "Var",
    "std": "Std",
    "repeat": "Repeat",
    "normalize": "Normalize",
    "maximum": "Maximum",
    "minimum": "Minimum",
    "pow": "Pow",
    "stack": "Stack",
    "subtract": "Subtract",
    "divide": "Divide",
    "abs": "Abs",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "power": "Power",
    "scale": "Scale",
    "geglu": "GEGLU",
    "swiglu": "SwiGLU",
    "reglu": "ReGLU",
    "maxout": "Maxout",
    "drop_path": "DropPath",
})  # fmt: skip
"""Classes of `archscope.building.functions`, `archscope.building.arithmetic` and `archscope.building.scores`."""

PYTORCHS: Final[Mapping[str, str]] = MappingProxyType({
    "pixel_shuffle": "PixelShuffle",
    "pixel_unshuffle": "PixelUnshuffle",
    "channel_shuffle": "ChannelShuffle",
    "dropout1d": "Dropout1d",
    "dropout2d": "Dropout2d",
    "dropout3d": "Dropout3d",
})  # fmt: skip
"""Classes of ``torch.nn``."""

PADS: Final[Mapping[str, str]] = MappingProxyType({
    f"{kind.lower()}_pad{axes}d": f"{kind}Pad{axes}d"
    for kind in ("Constant", "Reflection", "Replication", "Circular") for axes in (1, 2, 3)
})  # fmt: skip
"""Paddings of ``torch.nn``, which take their sides in one row."""
