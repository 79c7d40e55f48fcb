"""What a model in a Keras archive gives itself, with the weights that lie beside its configuration."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archscope.errors import UsageError
from archscope.escaping import line
from archscope.importing.keras.config import channels_first, read_config
from archscope.network import Network
from archscope.oracles.keras import path_of_modules
from archscope.oracles.keras_run import WEIGHTS
from archscope.oracles.keras_weights import laid

if TYPE_CHECKING:
    from torch import Tensor

_SECONDS: Final = 300


class Ran(NamedTuple):
    """What Keras made of some values: its weights as PyTorch has them, and the outputs in either order of axes."""

    weights: Mapping[str, Any]
    made: list[Tensor]


def why_not(path: str) -> str:
    """Why Keras is not asked; empty if it is."""
    if not zipfile.is_zipfile(path):
        return "a configuration alone has no weights"
    with zipfile.ZipFile(path) as archive:
        if WEIGHTS not in archive.namelist():
            return f"the archive has no `{WEIGHTS}`"
    if find_spec("keras") is None or find_spec("h5py") is None:
        return "Keras, which runs the file, is not installed"
    return ""


def ran(network: Network, given: list[Tensor]) -> Ran | str:
    """Run the file on values with channels first; or why it does not run.

    Args:
        network: as it was read from the file.
        given: one tensor for each input.

    Raises:
        UsageError: the archive is not what it says.
    """
    import numpy as np
    import torch

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        first = channels_first(read_config(str(network.path))[0])
        turned = [each.numpy() if first or each.ndim < 4 else np.moveaxis(each.numpy(), 1, -1) for each in given]
        named: dict[str, Any] = {f"given{number}": each for number, each in enumerate(turned)}
        np.savez(folder / "given.npz", **named)
        command = [sys.executable, "-W", "ignore", "-m", "archscope.oracles.keras_run", str(network.path), place]
        environment = {**path_of_modules(), "KERAS_BACKEND": "torch"}
        try:
            done = subprocess.run(command, env=environment, timeout=_SECONDS, capture_output=True,  # noqa: S603
                                  text=True, check=False)  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"Keras took more than {_SECONDS} seconds"
        lines = done.stdout.splitlines()
        answer = json.loads(lines[-1]) if not done.returncode and lines else {"failed": "it ended"}
        if "refused" in answer:
            raise UsageError(answer["refused"])
        if "failed" in answer:
            return f"Keras does not run it: {line(answer['failed'])[:200]}"
        with np.load(folder / "weights.npz") as kept:
            weights, odd = laid(network, {name: kept[name] for name in kept.files})
        with np.load(folder / "made.npz") as kept:
            made = [torch.tensor(kept[name]) for name in kept.files]
    if odd:
        return f"the weights of `{odd}` lie otherwise in Keras, and are not copied"
    return Ran({name: torch.tensor(each.copy()) for name, each in weights.items()},
               [*made, *(each.movedim(-1, 1) for each in made if each.ndim > 2)])  # fmt: skip
