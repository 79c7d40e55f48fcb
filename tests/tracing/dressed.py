"""Modules that PyTorch dresses up: with hooks, norms of weights, parametrizations, in parallel, as scripts."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import torch
from torch import Tensor, nn


def hooked() -> nn.Module:
    """Hooks that close over what they write: a dict, a number, the module itself."""
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    found: dict[str, Any] = {}
    calls = 0

    def keep(part: nn.Module, given: Any, made: Tensor) -> None:
        nonlocal calls
        calls += 1
        found["made"] = made
        found.setdefault("parts", []).append(part)
        module.__dict__["touched"] = True

    module[0].register_forward_hook(keep)
    module[1].register_forward_hook(functools.partial(_note, found))
    return module


def _note(found: dict[str, Any], part: nn.Module, given: Any, made: Tensor) -> None:
    found["partial"] = (part, made)


def normed() -> nn.Module:
    return nn.Sequential(
        nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)),
        nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)),
    )


def normed_as_of_old() -> nn.Module:
    """The norms that recompute a plain attribute from a hook before every forward pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.Sequential(
            nn.utils.weight_norm(nn.Linear(4, 4)),
            nn.utils.spectral_norm(nn.Linear(4, 4)),
        )


class Doubled(nn.Module):
    """A parametrization that counts, and keeps what it made."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.made = 0, None

    def forward(self, w: Tensor) -> Tensor:
        self.calls += 1
        self.made = w * 2
        return w * 2


def parametrized() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    nn.utils.parametrize.register_parametrization(module[0], "weight", Doubled())
    return module


def half_scripted() -> nn.Module:
    """A scripted part with a buffer that it writes, among others that are not scripted."""

    class Writes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("seen", torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            self.seen.add_(1)
            return x + self.seen

    return nn.Sequential(nn.Linear(4, 4), torch.jit.script(Writes()), nn.Linear(4, 4))


def recurrent() -> nn.Module:
    return nn.LSTM(4, 4, num_layers=2, batch_first=True)


def scripted() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), torch.jit.script(nn.ReLU()), nn.Linear(4, 4))
