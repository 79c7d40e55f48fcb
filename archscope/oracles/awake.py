"""What draws at inference although it is for training: a dropout that nobody can switch off."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import torch
from torch.overrides import TorchFunctionMode

from archscope.recognising.signatures import bound, plain_name
from archscope.tracing.calling import Called
from archscope.tracing.standin import stand_in

_REMEDIES: Final = {
    **dict.fromkeys(
        ("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"),
        "stays on at inference; write `F.{name}(x, p, self.training)`",
    ),
    "rrelu": "draws slopes at inference; write `F.rrelu(x, training=self.training)`",
}


class _Listening(TorchFunctionMode):
    """Keeps the names of functions that are told to train."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = plain_name(getattr(func, "__name__", ""))
        if name in _REMEDIES and bound(name, args, kwargs or {})["training"]:
            self.heard.append(name)
        return func(*args, **(kwargs or {}))


def awake(called: Called) -> Iterator[str]:
    """A sentence for each function that still trains in a module at inference."""
    listening = _Listening()
    for values in (False, True):
        # Some code looks at values, and meta has none.
        with contextlib.suppress(Exception):
            listening.heard.clear()
            with stand_in(called, values=values) as shadow, torch.no_grad(), listening:
                shadow.run()
            break
    for name in dict.fromkeys(listening.heard):
        times = listening.heard.count(name)
        often = "" if times == 1 else f", {times:,} times"
        yield f"its {name}{often} {_REMEDIES[name].format(name=name)}"
