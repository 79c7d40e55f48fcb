"""Weights of Keras archives, HDF5, with changes in them: refused in a line, or every number lies in the file."""

from __future__ import annotations

import io
import tempfile
from functools import cache
from pathlib import Path
from random import Random

from tools.fuzz.mutating import torn
from tools.fuzz.watching import wrong_with


def one(random: Random) -> str | None:
    """Look at what a mutated store claims."""
    from archscope.oracles.keras_run import _refuse_claims

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.weights.h5"
        path.write_bytes(torn(_store(), random))
        return wrong_with(lambda: _refuse_claims(path, "net.keras", 1000) or "")


@cache
def _store() -> bytes:
    import h5py
    import numpy as np

    made = io.BytesIO()
    with h5py.File(made, "w") as store:
        for layer in ("conv", "dense"):
            store.create_dataset(f"layers/{layer}/vars/0", data=np.ones((3, 4), np.float32))
            store.create_dataset(f"layers/{layer}/vars/1", data=np.ones(4, np.float32), compression="gzip")
        store["alias"] = h5py.SoftLink("/layers/conv")
    return made.getvalue()
