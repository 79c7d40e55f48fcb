"""State dicts of PyTorch: names and shapes alone, on meta; no code of the file runs."""

from __future__ import annotations

import warnings
from typing import Any, Final

from archscope.errors import UsageError, require_torch
from archscope.escaping import LONGEST_OF_STRANGERS, line, terminal
from archscope.importing.weights.stored import Stored, Tensor

_INSIDE: Final = ("state_dict", "model_state_dict", "model", "module", "net", "params", "weights")
"""Keys that training code puts a state dict under."""


def read_states(path: str) -> Stored:
    """What a state dict holds.

    Raises:
        MissingExtra: PyTorch is not installed.
        UsageError: it holds anything but tensors, or is not whole.
    """
    require_torch(f"reading {path}")
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            said = torch.load(path, map_location="meta", weights_only=True)
    except Exception as error:  # a stranger's file may make PyTorch raise anything
        why = terminal(line(str(error)).partition(". ")[0], LONGEST_OF_STRANGERS)[:300]
        raise UsageError(f"{path} is no state dict that is read without running its code: {why}") from error
    inside = next((said[key] for key in _INSIDE if isinstance(said, dict) and isinstance(said.get(key), dict)), said)
    found = tuple(_tensors(inside))
    if not found:
        raise UsageError(f"{path} holds no tensors by name; write it with `torch.save(net.state_dict(), …)`")
    return Stored(path, "PyTorch", found)


def _tensors(said: Any) -> list[Tensor]:
    import torch

    if not isinstance(said, dict):
        return []
    return [Tensor(str(name), tuple(each.shape), str(each.dtype).removeprefix("torch."))
            for name, each in said.items() if isinstance(each, torch.Tensor)]  # fmt: skip
