"""Run as a program with ``KERAS_BACKEND=torch``: what `count_params` of the Keras source of networks says.

Weights have shapes and no memory where what is computed depends on no value, so the largest networks take no more than
small ones.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import torch

import archscope
from archscope.writing.keras import write_keras


def total(network: archscope.Network) -> int:
    """What the summary of the Keras model prints as "Total params"."""
    # Keras chooses its backend on import, so this module may be looked at without it.
    import keras

    module = ModuleType(network.name)
    exec(compile(write_keras(network), network.name, "exec"), module.__dict__)
    own = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, keras.Model)]
    for device in ("meta", "cpu"):
        try:
            with keras.device(device):
                if not own:
                    return int(module.model().count_params())
                model = own[0]()
                model(*(_sample(shape, name in network.tokens, device) for name, shape in network.inputs.items()))
            return int(model.count_params())
        except (NotImplementedError, ValueError):
            if device == "cpu":
                raise
    raise AssertionError


def _sample(shape: Any, tokens: bool, device: str) -> torch.Tensor:
    channels, *places = (int(extent) for extent in shape)
    lasting = (*places, channels) if len(places) > 1 else (channels, *places)
    return torch.zeros(1, *lasting, dtype=torch.int64 if tokens else torch.float32, device=device)


def main(names: list[str]) -> None:
    for name in names:
        try:
            print(name, total(archscope.load(name)))
        except archscope.UsageError as error:
            print(name, "cannot:", str(error).partition("Keras: ")[2])


if __name__ == "__main__":
    main(sys.argv[1:])
