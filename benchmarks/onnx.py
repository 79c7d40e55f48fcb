"""Reading an ONNX file against `onnx_ir.load` alone, its memory, and the table of ResNet-50 as a process.

Two things are measured. The facts of a file, every operator with its attributes and the shape of every value, take
little more than loading it. A network of layers takes two to three times as long again: every operator becomes a
layer with its numbers, which `onnx_ir.load` does not do. A process is mostly what it imports.

The files are made here, without PyTorch: ResNet-50 with its batch norms folded in, 100 MB of weights in another file
that is never touched, the blocks of GPT-2 small as exporters write attention out, and 2,000 dense layers in a row.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir
from onnx import TensorProto, helper, numpy_helper

from archscope.importing.onnx.reading import read_onnx
from archscope.importing.stated import Stated
from archscope.opening import open_network
from archscope.patience import without_collector
from benchmarks.pairs import Claim, Timed, call, in_turns, python

_LOAD = "import sys, onnx_ir; onnx_ir.load(sys.argv[1])"
_PEAK = """
import sys
import archscope
from archscope.opening import open_network
from benchmarks.pairs import most_held
archscope.analyze(open_network(sys.argv[1])).totals
print(most_held() / 2**20)
"""


class _Writer:
    """Operators one after another, weights of shapes alone, and every value's shape, as exporters state it."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.held: list[Any] = []
        self.size = 0

    def weight(self, name: str, *shape: int) -> str:
        """A weight in the other file."""
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
        length = 4 * int(np.prod(shape))
        for key, value in (("location", "weights.data"), ("offset", self.size), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        self.size += length
        self.held.append(tensor)
        return name

    def numbers(self, name: str, *values: float) -> str:
        """Numbers that stand in the file."""
        kind = np.int64 if all(isinstance(each, int) for each in values) else np.float32
        self.held.append(numpy_helper.from_array(np.array(values, kind), name))
        return name

    def put(self, type: str, *reads: str, **attributes: Any) -> str:
        """One operator; the name of what it makes."""
        made = f"{type}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(type, list(reads), [made], name=made, **attributes))
        return made

    def saved(self, folder: Path, name: str, given: Any, end: str) -> str:
        """The path of the file."""
        ends = [helper.make_tensor_value_info(end, TensorProto.FLOAT, None)]
        graph = helper.make_graph(self.nodes, name, [given], ends, self.held)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        with (folder / "weights.data").open("wb") as file:
            file.truncate(self.size)
        path = folder / f"{name}.onnx"
        onnx.save(onnx.shape_inference.infer_shapes(model), str(path))
        return str(path)


def resnet(folder: Path) -> str:
    """ResNet-50 as PyTorch's exporter writes it for inference."""
    net = _Writer()

    def conv(x: str, name: str, wide: int, deep: int, k: int, stride: int = 1) -> str:
        weights = net.weight(f"{name}.weight", deep, wide, k, k), net.weight(f"{name}.bias", deep)
        return net.put("Conv", x, *weights, strides=[stride] * 2, pads=[k // 2] * 4, kernel_shape=[k] * 2)

    x = net.put("Relu", conv("input", "conv1", 3, 64, 7, 2))
    x, wide = net.put("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4), 64
    for stage, (blocks, deep) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512))):
        for block in range(blocks):
            stride, at = 2 if stage and not block else 1, f"layer{stage + 1}.{block}"
            y = net.put("Relu", conv(x, f"{at}.conv1", wide, deep, 1))
            y = net.put("Relu", conv(y, f"{at}.conv2", deep, deep, 3, stride))
            y = conv(y, f"{at}.conv3", deep, 4 * deep, 1)
            x = x if block else conv(x, f"{at}.downsample.0", wide, 4 * deep, 1, stride)
            x, wide = net.put("Relu", net.put("Add", y, x)), 4 * deep
    x = net.put("Flatten", net.put("GlobalAveragePool", x))
    end = net.put("Gemm", x, net.weight("fc.weight", 1000, 2048), net.weight("fc.bias", 1000), transB=1)
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 224, 224])
    return net.saved(folder, "resnet50", given, end)


def gpt2(folder: Path) -> str:
    """GPT-2 small over 128 tokens, attention and GELU written out."""
    net, d, heads = _Writer(), 768, 12

    def dense(x: str, name: str, wide: int, deep: int) -> str:
        made = net.put("MatMul", x, net.weight(f"{name}.weight", wide, deep))
        return net.put("Add", made, net.weight(f"{name}.bias", deep))

    def norm(x: str, name: str) -> str:
        return net.put("LayerNormalization", x, net.weight(f"{name}.weight", d), net.weight(f"{name}.bias", d), axis=-1)

    split, joined = net.numbers("split", 1, 128, heads, d // heads), net.numbers("joined", 1, 128, d)
    scale, half, cubic, root = (net.numbers(f"c{each}", each) for each in (0.125, 0.5, 0.044715, 0.7978845608))
    one, three = net.numbers("one", 1.0), net.numbers("three", 3.0)
    mask = net.weight("mask", 1, 1, 128, 128)
    x = net.put("Add", net.put("Gather", net.weight("wte.weight", 50257, d), "ids"), net.weight("wpe.weight", 128, d))
    for block in range(12):
        at = f"h.{block}"
        q, k, v = (net.put("Transpose", net.put("Reshape", dense(y, f"{at}.attn.{name}", d, d), split),
                           perm=[0, 2, 3, 1] if name == "k" else [0, 2, 1, 3])
                   for y in (norm(x, f"{at}.ln_1"),) for name in "qkv")  # fmt: skip
        scores = net.put("Softmax", net.put("Add", net.put("Mul", net.put("MatMul", q, k), scale), mask), axis=-1)
        y = net.put("Reshape", net.put("Transpose", net.put("MatMul", scores, v), perm=[0, 2, 1, 3]), joined)
        x = net.put("Add", x, dense(y, f"{at}.attn.c_proj", d, d))
        y = dense(norm(x, f"{at}.ln_2"), f"{at}.mlp.c_fc", d, 4 * d)
        inside = net.put("Mul", net.put("Add", y, net.put("Mul", net.put("Pow", y, three), cubic)), root)
        y = net.put("Mul", net.put("Mul", y, half), net.put("Add", net.put("Tanh", inside), one))
        x = net.put("Add", x, dense(y, f"{at}.mlp.c_proj", 4 * d, d))
    end = net.put("MatMul", norm(x, "ln_f"), net.weight("lm_head.weight", d, 50257))
    return net.saved(folder, "gpt2", helper.make_tensor_value_info("ids", TensorProto.INT64, [1, 128]), end)


def chain(folder: Path) -> str:
    """Two thousand dense layers one after another, each with its activation."""
    net, x = _Writer(), "input"
    for place in range(2_000):
        at = f"layers.{place}"
        x = net.put("Gemm", x, net.weight(f"{at}.weight", 64, 64), net.weight(f"{at}.bias", 64), transB=1)
        x = net.put("Relu", x)
    return net.saved(folder, "chain", helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 64]), x)


def claims() -> Iterator[Claim]:
    """The time of three graphs, and the memory and the whole process of the one with 100 MB beside it."""
    with tempfile.TemporaryDirectory() as folder:
        for make, called in ((resnet, "ResNet-50"), (gpt2, "GPT-2 small"), (chain, "2,000 dense layers")):
            path = make(Path(folder))

            @without_collector()  # as every file is read, so both are
            def load(path: str = path) -> object:
                return onnx_ir.load(path)

            @without_collector()
            def facts(path: str = path) -> object:
                return read_onnx(path, Stated())

            said = in_turns(call(facts), call(load))
            yield Claim(f"the facts of {called}, every operator and shape, against `onnx_ir.load`", said.ratio, 1.5,
                        "at most", spread=said.spread)  # fmt: skip
            known = in_turns(call(lambda path=path: open_network(path)), call(load))  # type: ignore[misc]
            yield Claim(f"the layers of {called}, recognised and counted, against `onnx_ir.load`", known.ratio, 5,
                        "at most", spread=known.spread)  # fmt: skip
        path = resnet(Path(folder))
        said_of = subprocess.run([sys.executable, "-c", _PEAK, path], capture_output=True, text=True, check=True)
        yield Claim("memory of a process that reads ResNet-50 beside 100 MB of weights", float(said_of.stdout), 300,
                    "at most", unit="MiB")  # fmt: skip
        table, loaded = python("-m", "archscope", "table", path), python("-c", _LOAD, path)
        whole = in_turns(_computing(table), _computing(loaded), turns=5)
        yield Claim("processor time of `archscope table resnet50.onnx` against a process of `onnx_ir.load`",
                    whole.ratio, 1.5, "at most", spread=whole.spread)  # fmt: skip
        yield Claim("processor time of `archscope table resnet50.onnx`", min(whole.first), 2, "at most", unit="s")


def _computing(run: Timed) -> Timed:
    """The seconds that a process computes, of all of them."""

    def computed() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return computed
