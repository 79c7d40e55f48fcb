"""An ONNX file run by ONNX Runtime, for the shapes of its values; a program, since a file may make a runtime end it.

It is told on its input what file, which values, and the shapes of what the network is given, as JSON, and prints the
shapes that came out. Weights that lie in other files are not read: zeros of their shapes are given in their place.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def shapes(path: str, wanted: Sequence[str], given: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """The shapes of values as one run makes them, and how many numbers each initialiser has.

    Args:
        path: the file.
        wanted: the values; those that no operator of the outer graph makes are left out.
        given: the shapes of the inputs, with the batch.
    """
    import onnx

    model = onnx.load(path, load_external_data=False)
    graph = model.graph
    held = {each.name: [_product(each.dims), int(each.data_type)] for each in graph.initializer}
    feeds = {each.name: _zeros(each.type.tensor_type.elem_type, given[each.name])
             for each in graph.input if each.name in given}  # fmt: skip
    feeds |= _stand_ins(graph)
    if any(each.data_location == onnx.TensorProto.EXTERNAL for each in _tensors(graph)):
        raise ValueError("an operator holds numbers that lie in another file")
    made = {name for node in graph.node for name in node.output}
    ends = {each.name for each in graph.output}
    chosen = [name for name in dict.fromkeys(wanted) if name in made]
    del graph.value_info[:]  # what the file states of shapes is not believed
    for each in graph.output:
        each.type.tensor_type.ClearField("shape")
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in chosen if name not in ends)
    results = _session(model).run(chosen, feeds)
    return {"shapes": {name: list(each.shape) for name, each in zip(chosen, results, strict=True)}, "held": held}


def _session(model: Any) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # values keep their names
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _stand_ins(graph: Any) -> dict[str, Any]:
    """Zeros for initialisers whose numbers lie in other files, which become inputs."""
    import onnx

    kept, feeds = [], {}
    named = {each.name for each in graph.input}
    for each in graph.initializer:
        if each.data_location != onnx.TensorProto.EXTERNAL:
            kept.append(each)
            continue
        feeds[each.name] = _zeros(each.data_type, each.dims)
        if each.name not in named:
            graph.input.append(onnx.helper.make_tensor_value_info(each.name, each.data_type, list(each.dims)))
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return feeds


def _tensors(graph: Any) -> Iterator[Any]:
    """Every tensor of a graph and of those inside it."""
    yield from graph.initializer
    for node in graph.node:
        for each in node.attribute:
            yield from (each.t, *each.tensors)
            for inner in (each.g, *each.graphs):
                yield from _tensors(inner)


def _zeros(kind: int, shape: Sequence[int]) -> Any:
    import numpy as np
    import onnx

    return np.zeros(list(shape), onnx.helper.tensor_dtype_to_np_dtype(kind))


def _product(dims: Sequence[int]) -> int:
    values = 1
    for each in dims:
        values *= int(each)
    return values


if __name__ == "__main__":
    try:
        answer = shapes(**json.load(sys.stdin))
    except Exception as error:  # noqa: BLE001 - what a runtime does not take is told to who asked
        answer = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer))
