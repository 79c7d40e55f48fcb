"""Files of Keras as somebody writes them by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def written(folder: Path, config: Any, name: str = "net.json") -> str:
    path = folder / name
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return str(path)


def layer(kind: str, name: str, *reads: str, module: str = "keras.layers", **options: Any) -> dict[str, Any]:
    nodes = [[[each, 0, 0, {}] for each in reads]] if reads else []
    return {"class_name": kind, "module": module, "name": name, "config": {"name": name, **options},
            "inbound_nodes": nodes}  # fmt: skip


def model(*layers: dict[str, Any], shape: tuple[Any, ...] = (None, 8)) -> dict[str, Any]:
    every = [layer("InputLayer", "x", batch_shape=list(shape)), *layers]
    return {"class_name": "Functional", "config": {"name": "net", "layers": every, "input_layers": [["x", 0, 0]],
                                                   "output_layers": [[every[-1]["name"], 0, 0]]}}  # fmt: skip
