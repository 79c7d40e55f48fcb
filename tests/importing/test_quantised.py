"""A network that ONNX Runtime has quantised counts what it counted before, whatever the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

from archscope import analyze
from tests.importing.files import onnx_file

# 3·8·9 + 8 of a convolution, 8·5 + 5 of a dense layer, 5·4 of a product, and 4·6·(4 + 6 + 2) of an LSTM
GRAPH = """net (float[1,3,8,8] x) => (float[1,8,8] y) {
  c = Conv<kernel_shape=[3,3], pads=[1,1,1,1]>(x, cw, cb)
  r = Relu(c)
  m = ReduceMean<axes=[3], keepdims=0>(r)
  t = Transpose<perm=[0,2,1]>(m)
  d = MatMul(t, dw)
  a = Add(d, db)
  p = MatMul(a, w)
  s = Transpose<perm=[1,0,2]>(p)
  l, h, k = LSTM<hidden_size=6>(s, lw, lr, lb)
  q = Squeeze(l, axis)
  u = Transpose<perm=[1,0,2]>(q)
  v = Transpose<perm=[0,2,1]>(u)
  z = MatMul(u, v)
  y = Softmax<axis=2>(z)
}"""
SHAPES = {"cw": (8, 3, 3, 3), "cb": (8,), "dw": (8, 5), "db": (5,), "w": (5, 4), "lw": (1, 24, 4), "lr": (1, 24, 6),
          "lb": (1, 48)}  # fmt: skip
PARAMETERS = 3 * 8 * 9 + 8 + 8 * 5 + 5 + 5 * 4 + 4 * 6 * (4 + 6 + 2)
MACS = 64 * 3 * 8 * 9 + 8 * (8 * 5 + 5 * 4 + 24 * 10) + 8 * 8 * 6


class Given(CalibrationDataReader):
    def __init__(self) -> None:
        self.left: Iterator[Any] = iter([np.full((1, 3, 8, 8), each, np.float32) for each in (-1, 0.5, 2)])

    def get_next(self) -> Any:
        found = next(self.left, None)
        return None if found is None else {"x": found}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    values = np.random.default_rng(0)
    held = {name: values.random(shape, np.float32) for name, shape in SHAPES.items()}
    path = onnx_file(tmp_path_factory.mktemp("quantised"), GRAPH, opset=17, axis=np.array([1]), **held)
    onnx.checker.check_model(path)
    return path


def numbers(path: str | Path) -> tuple[int, int | None]:
    totals = analyze(path).totals
    return int(totals.parameters), None if totals.macs is None else int(totals.macs)


def test_the_network_itself_is_counted_by_hand(plain: str) -> None:
    assert numbers(plain) == (PARAMETERS, MACS)


@pytest.mark.parametrize("by_unit", [False, True])
@pytest.mark.parametrize("way", ["dynamic", "QDQ", "QOperator"])
def test_a_quantised_network_has_the_numbers_of_its_logical_weights(
    way: str, by_unit: bool, plain: str, tmp_path: Path
) -> None:
    """Scales and zero points are none, and neither is what they are multiplied by."""
    path = tmp_path / "quantised.onnx"
    if way == "dynamic":
        quantize_dynamic(plain, path, per_channel=by_unit, weight_type=QuantType.QInt8)
        assert "DynamicQuantizeLSTM" in {node.op_type for node in onnx.load(path).graph.node}
    else:
        quantize_static(plain, path, Given(), quant_format=QuantFormat[way], per_channel=by_unit)
    assert numbers(path) == (PARAMETERS, MACS)
    assert "int8" in analyze(path).weight_types
