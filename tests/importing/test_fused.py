"""Operators of ONNX Runtime's that are several in one count what those count, and keep their activation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from archscope import UsageError, analyze
from archscope.opening import open_network
from tests.importing.files import onnx_file

CONV, PICTURE, ROWS = "com.microsoft.FusedConv", "float[N,3,8,8] x", "float[N,5,4] x"
FUSED: dict[str, tuple[Any, ...]] = {
    # 3·6·9 weights and 6 constants, on 64 places
    "a convolution": (PICTURE, f'y = {CONV}<activation="Relu", kernel_shape=[3,3], pads=[1,1,1,1]>(x, w, b)',
                      {"w": (6, 3, 3, 3), "b": (6,)}, 168, 64 * 162, [("conv2d", "relu")]),
    "a slope": (PICTURE, f'y = {CONV}<activation="LeakyRelu", activation_params=[0.25], kernel_shape=[1,1]>(x, w, b)',
                {"w": (2, 3, 1, 1), "b": (2,)}, 8, 64 * 6, [("conv2d", "leaky_relu")]),
    "no activation": (PICTURE, "y = com.microsoft.FusedConv<kernel_shape=[1,1]>(x, w, b)",
                      {"w": (2, 3, 1, 1), "b": (2,)}, 8, 64 * 6, [("conv2d", None)]),
    "a dense layer": ("float[N,4] x", 'y = com.microsoft.FusedGemm<activation="Tanh", transB=1>(x, w, b)',
                      {"w": (3, 4), "b": (3,)}, 15, 12, [("linear", "tanh")]),
    "a sum and a norm": (ROWS, "y = com.microsoft.SkipLayerNormalization<epsilon=0.001>(x, x, g, b)",
                         {"g": (4,), "b": (4,)}, 8, 0, [("add", None), ("layer_norm", None)]),
    "GELU": (ROWS, "y = com.microsoft.FastGelu(x)", {}, 0, 0, [("gelu", None)]),
    "GELU of a sum": (ROWS, "y = com.microsoft.BiasGelu(x, b)", {"b": (4,)}, 4, 0,
                      [("parameter", None), ("add", "gelu")]),
    # 5·4 by 4·3 weights, which lie with their outputs in front
    "a product with a matrix that is turned": (ROWS, "y = com.microsoft.FusedMatMul<transB=1>(x, w)", {"w": (3, 4)}, 12,
                                               5 * 12, [("linear", None)]),
    # 5·5 products of 4, twice half of each
    "a product of two": (ROWS, "y = com.microsoft.FusedMatMul<transB=1, alpha=0.5>(x, x)", {}, 0, 5 * 5 * 4,
                         [("transpose", None), ("matmul", None), ("scale", None)]),
    "a product of what is turned": (ROWS, "y = com.microsoft.FusedMatMul<transA=1>(x, x)", {}, 0, 4 * 4 * 5,
                                    [("transpose", None), ("matmul", None)]),
    "a sum and an RMS norm": (ROWS, "y = com.microsoft.SkipSimplifiedLayerNormalization(x, x, g)", {"g": (4,)}, 4, 0,
                              [("add", None), ("rms_norm", None)]),
}  # fmt: skip


@pytest.mark.parametrize("name", FUSED)
def test_several_operators_in_one_are_counted_as_those(name: str, tmp_path: Path) -> None:
    given, text, held, parameters, macs, rows = FUSED[name]
    analysis = analyze(open_network(onnx_file(tmp_path, f"net ({given}) => (float y) {{ {text} }}", **held)))
    assert [(row.type, row.activation) for row in analysis.rows] == rows
    assert (analysis.totals.parameters, analysis.totals.macs) == (parameters, macs)


def test_options_are_those_of_the_operator(tmp_path: Path) -> None:
    given, text, held, *_ = FUSED["a slope"]
    (_, slope) = open_network(onnx_file(tmp_path, f"net ({given}) => (float y) {{ {text} }}", **held)).nodes
    layer: Any = slope.layer
    assert layer.negative_slope == 0.25
    given, text, held, *_ = FUSED["a sum and a norm"]
    (_, norm) = open_network(onnx_file(tmp_path, f"net ({given}) => (float y) {{ {text} }}", **held)).nodes
    layer = norm.layer
    assert layer.eps == 0.001


def test_a_sum_that_is_handed_out_beside_its_norm_is_that_sum(tmp_path: Path) -> None:
    text = "y, , , s = com.microsoft.SkipLayerNormalization(x, x, g, b)\n z = Relu(s)"
    network = open_network(onnx_file(tmp_path, f"net ({ROWS}) => (float y, float z) {{ {text} }}", g=(4,), b=(4,)))
    assert [(row.type, row.activation) for row in analyze(network).rows] == [
        ("add", None), ("layer_norm", None), ("relu", None)]  # fmt: skip


@pytest.mark.parametrize("text", [
    'y = com.microsoft.FusedConv<activation="Clip", kernel_shape=[1,1]>(x, w, b)',
    "y = com.microsoft.FusedConv<kernel_shape=[1,1]>(x, w, b, x)",
])  # fmt: skip
def test_what_is_not_known_of_one_is_not_covered_by_its_name(text: str, tmp_path: Path) -> None:
    path = onnx_file(tmp_path, f"net ({PICTURE}) => (float[N,3,8,8] y) {{ {text} }}", w=(3, 3, 1, 1), b=(3,))
    totals = analyze(open_network(path)).totals
    assert (totals.parameters, totals.macs) == (12, None)


@pytest.mark.parametrize(("left", "right", "turned"), [
    ((2, 3, 4), (2, 5, 4), "transB=1"), ((2, 4, 3), (2, 4, 5), "transA=1"), ((3, 2, 4), (2, 4, 5), "transBatchA=1"),
    ((2, 3, 4), (4, 2, 5), "transBatchB=1"), ((4, 2, 6, 3), (2, 6, 4, 5), "transBatchA=1, transA=1"),
])  # fmt: skip
def test_a_product_that_turns_what_it_reads_has_the_shape_that_onnx_runtime_makes(
    left: tuple[int, ...], right: tuple[int, ...], turned: str, tmp_path: Path
) -> None:
    said = [",".join(map(str, each)) for each in (left, right)]
    graph = (
        f"net (float[{said[0]}] x, float[{said[1]}] z) => (float y) {{ y = com.microsoft.FusedMatMul<{turned}>(x, z) }}"
    )
    path = onnx_file(tmp_path, graph)
    given = {"x": np.zeros(left, np.float32), "z": np.zeros(right, np.float32)}
    (made,) = onnxruntime.InferenceSession(path).run(None, given)
    network = open_network(path)
    rows = analyze(network).rows
    assert [network.observed.batch, *rows[-1].outputs[0]] in ([1, *made.shape], [*made.shape])
    summed = left[-2] if "transA" in turned else left[-1]
    assert rows[-1].macs == made.size * (left[0] if turned == "transBatchA=1, transA=1" else summed)


def test_what_is_made_by_an_operator_without_a_rule_is_refused_by_its_name(tmp_path: Path) -> None:
    path = onnx_file(tmp_path, f"net ({PICTURE}) => (float y) {{ z = com.microsoft.nchwc.Conv(x, w)\n y = Relu(z) }}",
                     w=(8, 3, 1, 1))  # fmt: skip
    with pytest.raises(UsageError, match=r"no rule for `com.microsoft.nchwc::Conv`, which makes it"):
        open_network(path)


ATTENTION: dict[str, tuple[Any, ...]] = {
    # 5·4·12 of the projection, and 2 heads of 5·5·2 products twice; 48 weights and 12 constants
    "with its projection": (ROWS, "Attention<num_heads=2>(x, w, b)", {"w": (4, 12), "b": (12,)}, 60, 240 + 200),
    # keys are half as wide as their heads' values: 6 and 8 of 14 columns are those of queries and of values
    "with another width": (ROWS, "Attention<num_heads=2, qkv_hidden_sizes=[6, 6, 8]>(x, w, b)",
                           {"w": (4, 20), "b": (20,)}, 100, 5 * 4 * 20 + 25 * 6 + 25 * 8),
    # 2 heads of 5·3 scores, of 2 and of 3 products
    "of three": ("float[N,5,4] x, float[N,3,4] k, float[N,3,6] v", "MultiHeadAttention<num_heads=2>(x, k, v)", {}, 0,
                 2 * 15 * 2 + 2 * 15 * 3),
    # 4 heads of 5·5·8, of which two share keys
    "of shared keys": ("float[N,5,32] x, float[N,5,16] k, float[N,5,16] v, int32[N] l, int32 t",
                       "GroupQueryAttention<num_heads=4, kv_num_heads=2>(x, k, v, , , l, t)", {}, 0, 4 * 25 * 8 * 2),
    "of kept keys": ("float[N,5,32] x, float[N,5,16] k, float[N,5,16] v, float[N,2,7,8] p, int32[N] l, int32 t",
                     "GroupQueryAttention<num_heads=4, kv_num_heads=2>(x, k, v, p, p, l, t)", {}, 0, None),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTENTION)
def test_attention_of_onnx_runtime_multiplies_what_its_parts_multiply(name: str, tmp_path: Path) -> None:
    given, text, held, parameters, macs = ATTENTION[name]
    path = onnx_file(tmp_path, f"net ({given}) => (float y) {{ y = com.microsoft.{text} }}", **held)
    analysis = analyze(open_network(path))
    assert (analysis.totals.parameters, analysis.totals.macs) == (parameters, macs)
    assert analysis.totals.connections == (0 if macs and not parameters else None)
    session = onnxruntime.InferenceSession(path)
    shapes = {each.name: [1 if axis == "N" else axis for axis in each.shape] for each in session.get_inputs()}
    zeros = {each: np.zeros(shape, np.int32 if each in "lt" else np.float32) for each, shape in shapes.items()}
    if "l" in zeros:  # the last place of its keys, and how many they are
        kept = shapes["p"][2] if "p" in shapes else 0
        zeros |= {"l": np.full(1, kept + 4, np.int32), "t": np.asarray(kept + 5, np.int32)}
    (made,) = session.run(None, zeros)
    assert analysis.rows[-1].outputs == (made.shape[1:],)


# 5·4 by 4·8 weights and 8 constants; 5·4 by 4·12 of three projections, then 5·5 products of 2 for 2 heads, twice.
BY_BLOCKS = {"w": np.zeros((8, 1, 16), np.uint8), "s": (8,), "b": (8,)}
WHOLE = {"w": np.zeros((4, 12), np.int8), "b": (12,), "s": (), "t": ()}
OLDER: dict[str, tuple[str, dict[str, Any], int, int | None, str]] = {
    "GELU of a sum": ("y = com.microsoft.BiasGelu(x, b)", {"b": (4,)}, 4, 0, "gelu"),
    "GELU by its approximation": ("y = com.microsoft.FastGelu(x)", {}, 0, 0, "gelu"),
    "blocks of a few bits": ("z = com.microsoft.MatMulNBits<K=4, N=8, bits=4>(x, w, s, , , b)\ny = Relu(z)",
                             BY_BLOCKS, 32 + 8, 5 * 32, "linear"),
    "attention of whole numbers": ("y = com.microsoft.QAttention<num_heads=2>(x, w, b, s, t)", WHOLE, 48 + 12,
                                   5 * 48 + 2 * 2 * 25 * 2, "function"),
}  # fmt: skip


@pytest.mark.parametrize("name", OLDER)
def test_a_file_that_states_no_shapes_of_an_older_opset_has_the_numbers_of_onnx_runtimes_operators(
    name: str, tmp_path: Path
) -> None:
    text, held, parameters, macs, kind = OLDER[name]
    path = onnx_file(tmp_path, f"net ({ROWS}) => (float y) {{ {text} }}", opset=17, **held)
    analysis = analyze(open_network(path))
    assert (analysis.totals.parameters, analysis.totals.macs) == (parameters, macs)
    assert kind in [each for row in analysis.rows for each in (row.type, row.activation)]


def test_the_approximation_of_gelu_is_told_from_gelu(tmp_path: Path) -> None:
    path = onnx_file(tmp_path, f"net ({ROWS}) => (float y) {{ y = com.microsoft.FastGelu(x) }}", opset=17)
    (layer,) = [node.layer for node in open_network(path).nodes]
    assert layer.stated() == {"approximate": "tanh"}


def test_a_look_up_of_several_tables_and_its_norm_is_not_covered_by_its_name(tmp_path: Path) -> None:
    text = "z, m = com.microsoft.EmbedLayerNormalization(i, , w, p, , g, b)\n y = Relu(z)"
    path = onnx_file(tmp_path, f"net (int32[1,5] i) => (float y) {{ {text} }}", w=(9, 4), p=(6, 4), g=(4,), b=(4,))
    analysis = analyze(open_network(path))
    assert [row.output for row in analysis.rows] == [(5, 4)]
    assert (analysis.totals.parameters, analysis.totals.macs) == (36 + 24 + 8, None)
    assert "EmbedLayerNormalization" in str(analysis.totals.reasons["macs"])
