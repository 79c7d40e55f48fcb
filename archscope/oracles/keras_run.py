"""A model in a Keras archive, run by Keras with the weights beside it; a program, since Keras chooses its backend.

``KERAS_BACKEND=torch python -m archscope.oracles.keras_run net.keras FOLDER`` reads what the model is given from
``given.npz`` in the folder, and leaves the weights by layer in ``weights.npz`` and what the model makes in
``made.npz``. Nothing in the archive may name code, be larger than the model's weights, or point to another file.
"""

from __future__ import annotations

import json
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from archscope.errors import UsageError
from archscope.oracles.keras_course import count_values
from archscope.oracles.keras_file import refuse_code

WEIGHTS: Final = "model.weights.h5"
_BESIDE: Final = 4
"""How many times as many values as the model's weights a file may hold: an optimiser keeps two for each."""
_SLACK: Final = 1 << 24
_BROKEN: Final = (OSError, RuntimeError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error)


def run(path: str, folder: Path) -> None:
    """Make the model, give it its weights and its inputs, and leave both and its outputs behind.

    Raises:
        UsageError: the archive is not what it says.
    """
    import numpy as np

    from archscope.importing.keras.config import read_config

    found, _ = read_config(path)
    refuse_code(found)
    import keras

    model: Any = keras.saving.deserialize_keras_object(found, safe_mode=True)
    values = count_values(model.weights)
    _unpack(path, folder / WEIGHTS, 8 * _BESIDE * values + _SLACK)
    _refuse_claims(folder / WEIGHTS, path, _BESIDE * values + 1024)
    model.load_weights(folder / WEIGHTS)
    np.savez(folder / "weights.npz", **dict(_weights(model, "")))
    with np.load(folder / "given.npz") as kept:
        given = [kept[name] for name in kept.files]
    made = model(given[0] if len(given) == 1 else given, training=False)
    flat = keras.tree.flatten(made)
    np.savez(folder / "made.npz", **{f"made{place}": keras.ops.convert_to_numpy(each)
                                     for place, each in enumerate(flat)})  # fmt: skip


def _unpack(path: str, into: Path, most: int) -> None:
    """The weights out of the archive, which may claim any size."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(WEIGHTS) as packed, into.open("wb") as file:
            left = most
            while part := packed.read(1 << 20):
                left -= len(part)
                if left < 0:
                    raise UsageError(f"{path} holds more in `{WEIGHTS}` than the weights of its model are")
                file.write(part)
    except _BROKEN as error:
        raise UsageError(f"{path} holds no whole `{WEIGHTS}`: {type(error).__name__}") from None


def _refuse_claims(file: Path, path: str, most: int) -> None:
    """Insist that every number lies in the file itself, and that there are no more than the model has."""
    import h5py

    try:
        with h5py.File(file, "r") as store:
            total = 0
            for name, thing in _inside(store, ""):
                if thing is None or (isinstance(thing, h5py.Dataset) and (thing.external or thing.is_virtual)):
                    raise UsageError(f"{path} points to another place for `{name[:60]}`, which is not followed")
                total += int(thing.size) if isinstance(thing, h5py.Dataset) else 0
            if total > most:
                raise UsageError(f"{path} claims {total:,} values, far more than its model has")
    except _BROKEN as error:
        raise UsageError(f"{path} holds no whole `{WEIGHTS}`: {type(error).__name__}") from None


def _inside(group: Any, before: str, deep: int = 0) -> Iterator[tuple[str, Any]]:
    """Every group and data set; None for one that a link only points to."""
    import h5py

    for name in group:
        linked = group.get(name, getlink=True)
        own = None if not isinstance(linked, h5py.HardLink) or deep > 40 else group[name]
        yield f"{before}{name}", own
        if isinstance(own, h5py.Group):
            yield from _inside(own, f"{before}{name}/", deep + 1)


def _weights(model: Any, before: str) -> Iterator[tuple[str, Any]]:
    """The weights by the layer that they are of and their name in it."""
    import keras

    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _weights(layer, f"{before}{layer.name}.")
            continue
        names = [each.name for each in layer.weights]
        for each in layer.weights:
            # Attention has four kernels, each of a layer inside it.
            inside = each.path.rpartition(f"{layer.name}/")[2].replace("/", ".")
            own = each.name if names.count(each.name) == 1 else inside
            yield f"{before}{layer.name}\t{own}", keras.ops.convert_to_numpy(each)


if __name__ == "__main__":
    try:
        run(sys.argv[1], Path(sys.argv[2]))
        answer = {}
    except UsageError as error:
        answer = {"refused": str(error)}
    except Exception as error:  # noqa: BLE001 - what Keras does not take is told to who asked
        answer = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer))
