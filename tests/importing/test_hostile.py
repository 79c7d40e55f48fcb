"""Files of other tools may say anything wherever their formats let them, and it stays text."""

from __future__ import annotations

import ast
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
from onnx import helper

import archscope
from archscope.cli import main
from archscope.formats import write
from archscope.opening import open_network
from archscope.writing.keras import write_keras
from archscope.writing.pytorch import write_pytorch
from tests.hostile import few, seen_as_text


def onnx_saying(text: str, path: Path) -> None:
    """A model that says a text wherever ONNX lets one: names, values, an axis, an attribute, a domain, a kind."""
    from onnx import numpy_helper

    weight = numpy_helper.from_array(np.ones((4, 3), np.float32), f"w{text}")
    given = helper.make_tensor_value_info(f"in{text}", 1, [f"N{text}", 4])
    made = helper.make_tensor_value_info(f"out{text}", 1, None)
    nodes = [helper.make_node("MatMul", [f"in{text}", f"w{text}"], [f"m{text}"], name=f"dense{text}"),
             helper.make_node("Relu", [f"m{text}"], [f"out{text}"], name=f"act{text}", doc_string=text)]  # fmt: skip
    graph = helper.make_graph(nodes, f"g{text}", [given], [made], [weight], doc_string=text)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], producer_name=text)
    path.write_bytes(model.SerializeToString())


def keras_saying(text: str, path: Path) -> None:
    layers = [
        {"class_name": "InputLayer", "name": f"in{text}", "config": {"name": f"in{text}", "batch_shape": [None, 4]},
         "inbound_nodes": []},
        {"class_name": "Dense", "name": f"d{text}", "config": {"name": f"d{text}", "units": 3, "activation": "relu",
         "kernel_initializer": text}, f"x{text}": text, "inbound_nodes": [[[f"in{text}", 0, 0, {}]]]},
    ]  # fmt: skip
    config = {"name": f"n{text}", "layers": layers, "input_layers": [[f"in{text}", 0, 0]],
              "output_layers": [[f"d{text}", 0, 0]]}  # fmt: skip
    path.write_text(json.dumps({"class_name": "Functional", "config": config}), encoding="utf-8")


def caffe_saying(text: str, path: Path) -> None:
    said = json.dumps(text.encode(errors="ignore").decode(), ensure_ascii=False)  # its escapes are those of texts there
    path.write_text(
        f'name: {said} input: {said} input_shape {{ dim: 1 dim: 4 }} layer {{ name: {said} type: "InnerProduct" '
        f'bottom: {said} top: "d" python_param {{ module: {said} }} inner_product_param {{ num_output: 3 }} }}\n'
        f'layer {{ name: {said} type: "ReLU" bottom: "d" top: "d" }}',
        encoding="utf-8",
    )


@few
@pytest.mark.parametrize(
    ("say", "suffix"), [(onnx_saying, ".onnx"), (keras_saying, ".json"), (caffe_saying, ".prototxt")]
)
def test_a_file_of_another_tool_may_say_anything(
    text: str, say: Callable[[str, Path], None], suffix: str, tmp_path: Path
) -> None:
    if suffix == ".onnx":
        pytest.importorskip("onnx")
        text = text.encode(errors="ignore").decode()  # its strings are UTF-8
    path = tmp_path / f"net{suffix}"
    say(text, path)
    found = archscope.analyze(open_network(path))
    assert found.totals.macs == 12  # 4·3
    for kind in ("table", "csv", "json", "markdown", "html", "latex"):
        seen_as_text(write(found, kind))

    for source in (write_pytorch, write_keras):
        ast.parse(source(found.network))
    assert main(["spec", str(path), "-o", str(tmp_path / "again.yaml")]) == 0  # read back and compared by the command
    ElementTree.fromstring(archscope.draw(found, style="graph").svg)


@few
@pytest.mark.parametrize("suffix", [".onnx", ".json", ".prototxt"])
def test_what_cannot_be_read_of_another_tools_file_is_said_in_one_short_clean_message(
    text: str, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"net{suffix}"
    if suffix == ".onnx":
        onnx = pytest.importorskip("onnx")
        text = text.encode(errors="ignore").decode()
        onnx_saying(text, path)
        model = onnx.load(str(path))
        model.graph.node[1].op_type, model.graph.node[1].domain = f"Odd{text}", f"d{text}"
        path.write_bytes(model.SerializeToString())
    elif suffix == ".prototxt":
        caffe_saying(text, path)
        said = json.dumps(f"Odd{text}".encode(errors="ignore").decode(), ensure_ascii=False)
        path.write_text(path.read_text(encoding="utf-8").replace('"InnerProduct"', said), encoding="utf-8")
    else:
        keras_saying(text, path)
        path.write_text(path.read_text().replace('"Dense"', json.dumps(f"Odd{text}")))
    with pytest.raises(archscope.ArchscopeError) as caught:
        open_network(path)
    assert len(str(caught.value).encode()) < 4_096
    seen_as_text(str(caught.value))


def test_functions_that_call_each_other_twice_are_counted_before_they_are_written_out(tmp_path: Path) -> None:
    """Thirty of them are a thousand million operators in two kilobytes."""
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("own", 1)]
    pairs = ("x", "a"), ("a", "y")
    calls = [[helper.make_node(f"f{at + 1}", [read], [made], domain="own") for read, made in pairs] for at in range(30)]
    calls.append([helper.make_node("Relu", ["x"], ["y"])])
    functions = [helper.make_function("own", f"f{at}", ["x"], ["y"], each, opsets) for at, each in enumerate(calls)]
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("f0", ["x"], ["y"], domain="own")], "net", ends[:1], ends[1:])
    model = helper.make_model(graph, functions=functions, opset_imports=opsets)
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(archscope.UsageError, match="has 1,073,741,824 operators where its functions are written out"):
        open_network(path)


def test_a_tensor_that_says_it_has_more_values_than_are_there_is_no_weight(tmp_path: Path) -> None:
    held = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[4, 1 << 60], raw_data=b"1234")
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in "xy"]
    ends[0] = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "net", ends[:1], ends[1:], [held])
    path = tmp_path / "net.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(archscope.UsageError, match="`w` has more values than are there"):
        open_network(path)


@pytest.mark.parametrize(
    ("nodes", "parts"),
    [
        ([helper.make_node("Split", ["x"], ["y", "z"], axis=1, num_outputs=1 << 40)], 2),
        ([helper.make_node("Gather", ["x", "far"], ["y"], axis=1)], 1),
    ],
)
def test_numbers_beyond_any_memory_are_not_worked_out(tmp_path: Path, nodes: list[Any], parts: int) -> None:
    far = onnx.numpy_helper.from_array(np.array([0, 1 << 60]), "far")
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in "xyz"[: parts + 1]]
    ends[0] = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], [far])
    path = tmp_path / "net.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    with contextlib.suppress(archscope.UsageError):
        archscope.analyze(open_network(path))
