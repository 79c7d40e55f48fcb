"""Small files of other tools, made by the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


def onnx_file(folder: Path, graph: str, *, opset: int = 20, name: str = "net.onnx", **held: Any) -> str:
    """An ONNX file of a graph in ONNX's own text form; ``held`` are its initializers: arrays, or shapes of floats."""
    parsed = onnx.parser.parse_graph(graph)
    for each in parsed.output:
        if not each.type.tensor_type.shape.dim:
            each.type.tensor_type.ClearField("shape")
    for key, value in held.items():
        array = value if isinstance(value, np.ndarray) else np.full(value, 0.5, np.float32)
        parsed.initializer.append(numpy_helper.from_array(array, key))
    domains = {node.domain for node in parsed.node} - {""}
    model = helper.make_model(
        parsed, opset_imports=[helper.make_opsetid("", opset), *(helper.make_opsetid(each, 1) for each in domains)]
    )
    model.ir_version = 8
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return str(path)
