"""Every family of ONNX's operators, as the layer that it is, with numbers worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from archscope import analyze
from tests.importing.files import onnx_file


class Case(NamedTuple):
    """An operator on ``x``, what the file holds for it, and the row that it becomes."""

    text: str
    type: str
    output: tuple[int, ...]
    given: str = "x[N,3,8,8]"
    parameters: int = 0
    macs: int | None = 0
    fixed: int = 0
    opset: int = 20
    held: dict[str, Any] = {}  # noqa: RUF012 - no case changes it


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


CASES = [
    # 3·3·3 + 1 values for each of 4 kernels; 27 products for each of 4·8·8 places
    Case("y = Conv<pads=[1,1,1,1]>(x, w, b)", "conv2d", (4, 8, 8), parameters=112, macs=6912,
         held={"w": (4, 3, 3, 3), "b": (4,)}),
    # the same without zeros around: 6·6 places
    Case("y = Conv(x, w)", "conv2d", (4, 6, 6), parameters=108, macs=27 * 4 * 36, held={"w": (4, 3, 3, 3)}),
    Case("y = Conv<auto_pad='SAME_UPPER', strides=[2,2]>(x, w)".replace("'", '"'), "conv2d", (4, 4, 4), parameters=108,
         macs=27 * 4 * 16, held={"w": (4, 3, 3, 3)}),
    Case("y = Conv<group=3>(x, w)", "conv2d", (3, 6, 6), parameters=27, macs=9 * 3 * 36, held={"w": (3, 1, 3, 3)}),
    Case("y = Conv<pads=[2,0]>(x, w)", "conv1d", (4, 8), given="x[N,3,8]", parameters=36, macs=36 * 8,
         held={"w": (4, 3, 3)}),
    # every value of the input meets 2·2·5 weights
    Case("y = ConvTranspose<strides=[2,2]>(x, w)", "conv_transpose2d", (5, 16, 16), parameters=60,
         macs=3 * 64 * 20, held={"w": (3, 5, 2, 2)}),
    Case("y = Gemm<transB=1>(x, w, b)", "linear", (5,), given="x[N,7]", parameters=40, macs=35,
         held={"w": (5, 7), "b": (5,)}),
    Case("y = Gemm(x, w, b)", "linear", (5,), given="x[N,7]", parameters=40, macs=35, held={"w": (7, 5), "b": (5,)}),
    Case("y = MatMul(x, w)", "linear", (4, 5), given="x[N,4,7]", parameters=35, macs=140, held={"w": (7, 5)}),
    Case("m = MatMul(x, w)\n y = Add(m, b)", "linear", (4, 5), given="x[N,4,7]", parameters=40, macs=140,
         held={"w": (7, 5), "b": (5,)}),
    Case("t = Transpose<perm=[0,2,1]>(x)\n y = MatMul(x, t)", "matmul", (4, 4), given="x[N,4,7]", macs=112),
    Case("y = BatchNormalization(x, s, b, m, v)", "batch_norm", (3, 8, 8), parameters=6, fixed=6,
         held={"s": (3,), "b": (3,), "m": (3,), "v": (3,)}),
    Case("y = LayerNormalization<axis=-1>(x, s, b)", "layer_norm", (4, 7), given="x[N,4,7]", parameters=14,
         held={"s": (7,), "b": (7,)}),
    Case("y = InstanceNormalization(x, s, b)", "instance_norm", (3, 8, 8), parameters=6, held={"s": (3,), "b": (3,)}),
    Case("y = GroupNormalization<num_groups=3>(x, s, b)", "group_norm", (3, 8, 8), parameters=6, opset=21,
         held={"s": (3,), "b": (3,)}),
    Case("y = LRN<size=3>(x)", "lrn", (3, 8, 8)),
    Case("y = PRelu(x, s)", "prelu", (3, 8, 8), parameters=3, held={"s": (3, 1, 1)}),
    Case("y = PRelu(x, s)", "function", (3, 8, 8), parameters=192, held={"s": (3, 8, 8)}),
    Case("y = MaxPool<kernel_shape=[2,2], strides=[2,2]>(x)", "max_pool2d", (3, 4, 4)),
    Case("y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(x)", "avg_pool2d", (3, 8, 8)),
    Case("y = GlobalAveragePool(x)", "adaptive_avg_pool2d", (3, 1, 1)),
    Case("y = GlobalMaxPool(x)", "adaptive_max_pool2d", (3, 1, 1)),
    Case("y = ReduceMean<axes=[2,3]>(x)", "adaptive_avg_pool2d", (3, 1, 1), opset=13),
    Case("y = ReduceMean(x, a)", "mean", (3, 8, 1), held={"a": ints(3)}),
    Case("y = ReduceSum<keepdims=0>(x, a)", "sum", (8, 8), held={"a": ints(1)}),
    Case("y = Softmax<axis=-1>(x)", "softmax", (3, 8, 8)),
    Case("y = Softmax<axis=1>(x)", "softmax", (7,), given="x[N,7]", opset=11),
    Case("y = Relu(x)", "relu", (3, 8, 8)),
    Case("y = LeakyRelu<alpha=0.1>(x)", "leaky_relu", (3, 8, 8)),
    Case("y = Elu(x)", "elu", (3, 8, 8)),
    Case("y = Gelu<approximate=\"tanh\">(x)", "gelu", (3, 8, 8)),
    Case("y = HardSwish(x)", "hardswish", (3, 8, 8)),
    Case("y = HardSigmoid<alpha=0.16666667, beta=0.5>(x)", "hardsigmoid", (3, 8, 8)),
    Case("y = Clip(x, lo, hi)", "relu6", (3, 8, 8),
         held={"lo": np.array(0, np.float32), "hi": np.array(6, np.float32)}),
    Case("s = Sigmoid(x)\n y = Mul(x, s)", "silu", (3, 8, 8)),
    Case("d = Div(x, r)\n e = Erf(d)\n a = Add(e, o)\n m = Mul(x, a)\n y = Mul(m, h)", "gelu", (3, 8, 8),
         held={"r": np.array(2**0.5, np.float32), "o": np.array(1, np.float32), "h": np.array(0.5, np.float32)}),
    Case("m = ReduceMean<axes=[-1]>(x)\n c = Sub(x, m)\n p = Pow(c, two)\n v = ReduceMean<axes=[-1]>(p)\n"
         "e = Add(v, eps)\n r = Sqrt(e)\n d = Div(c, r)\n g = Mul(d, s)\n y = Add(g, b)", "layer_norm", (4, 7),
         given="x[N,4,7]", parameters=14, opset=13,
         held={"two": np.array(2, np.float32), "eps": np.array(1e-5, np.float32), "s": (7,), "b": (7,)}),
    Case("p = Mul(x, x)\n v = ReduceMean<axes=[-1]>(p)\n e = Add(v, eps)\n r = Sqrt(e)\n q = Reciprocal(r)\n"
         "d = Mul(x, q)\n y = Mul(d, s)", "rms_norm", (4, 7), given="x[N,4,7]", parameters=7, opset=13,
         held={"eps": np.array(1e-5, np.float32), "s": (7,)}),
    Case("y = Transpose<perm=[0,2,3,1]>(x)", "permute", (8, 8, 3)),
    Case("y = Reshape(x, s)", "reshape", (3, 64), held={"s": ints(0, 3, 64)}),
    Case("y = Flatten(x)", "flatten", (192,)),
    Case("y = Squeeze(x, a)", "squeeze", (3,), given="x[N,3,1]", held={"a": ints(2)}),
    Case("y = Squeeze<axes=[2]>(x)", "squeeze", (3,), given="x[N,3,1]", opset=11),
    Case("y = Unsqueeze(x, a)", "unsqueeze", (3, 1), given="x[N,3]", held={"a": ints(2)}),
    Case("y = Slice(x, a, b, c)", "slice", (2, 8, 8), held={"a": ints(1), "b": ints(9), "c": ints(1)}),
    Case("y = Gather<axis=1>(x, i)", "select", (8, 8), held={"i": np.array(2, np.int64)}),
    Case("y = Concat<axis=1>(x, x)", "concat", (6, 8, 8)),
    Case("y = Expand(x, s)", "expand", (3, 4), given="x[N,3,1]", held={"s": ints(1, 3, 4)}),
    Case("y = Tile(x, s)", "repeat", (3, 4), given="x[N,3,2]", held={"s": ints(1, 1, 2)}),
    Case("y = Pad(x, p)", "zero_pad2d", (3, 10, 12), held={"p": ints(0, 0, 1, 2, 0, 0, 1, 2)}),
    Case("y = Pad<mode=\"reflect\">(x, p)", "reflection_pad2d", (3, 10, 10), held={"p": ints(0, 0, 1, 1, 0, 0, 1, 1)}),
    Case("y = Resize<mode=\"nearest\">(x, , f)", "upsample", (3, 16, 16),
         held={"f": np.array([1, 1, 2, 2], np.float32)}),
    Case("y = DepthToSpace<blocksize=2, mode=\"CRD\">(x)", "pixel_shuffle", (1, 16, 16), given="x[N,4,8,8]"),
    Case("y = Add(x, x)", "add", (3, 8, 8)),
    Case("y = Mul(x, k)", "scale", (3, 8, 8), held={"k": np.array(2, np.float32)}),
    Case("y = Sqrt(x)", "sqrt", (3, 8, 8)),
    Case("y = Pow(x, k)", "power", (3, 8, 8), held={"k": np.array(3, np.float32)}),
    Case("y = LogSoftmax<axis=1>(x)", "log_softmax", (7,), given="x[N,7]"),
    # 4·16·7 + 4·16·16 + 2·4·16 values; (7 + 16)·64 products at each of 5 steps
    Case("t = Transpose<perm=[1,0,2]>(x)\n h, last, cell = LSTM<hidden_size=16>(t, w, r, b)\n y = Squeeze(h, a)",
         "lstm", (5, 16), given="x[N,5,7]", parameters=1600, macs=7360,
         held={"w": (1, 64, 7), "r": (1, 64, 16), "b": (1, 128), "a": ints(1)}),
    Case("t = Transpose<perm=[1,0,2]>(x)\n h, last = GRU<hidden_size=4, direction=\"bidirectional\","
         "linear_before_reset=1>(t, w, r)\n p = Transpose<perm=[0,2,1,3]>(h)\n y = Reshape(p, s)", "gru", (5, 8),
         given="x[N,5,7]", parameters=2 * 12 * 11, macs=5 * 2 * 12 * 11,
         held={"w": (2, 12, 7), "r": (2, 12, 4), "s": ints(5, 0, 8)}),
    # the last state alone, where nobody reads the steps: 12·7 + 12·4 products at each of 5 steps
    Case("t = Transpose<perm=[1,0,2]>(x)\n h, last = GRU<hidden_size=4, linear_before_reset=1>(t, w, r)\n"
         "y = Gather<axis=0>(last, k)", "gru", (5, 4), given="x[N,5,7]", parameters=132, macs=660,
         held={"w": (1, 12, 7), "r": (1, 12, 4), "k": np.array(-1, np.int64)}),
    # queries and keys of 4 places and 8 features for 2 heads: 2·4·4·8 products for the scores, as many for the sum
    Case("y = Attention(x, x, x)", "scaled_dot_product_attention", (2, 4, 8), given="x[N,2,4,8]", macs=512, opset=23),
    Case("y = Einsum<equation=\"bij,jk->bik\">(x, w)", "linear", (4, 5), given="x[N,4,7]", parameters=35, macs=140,
         held={"w": (7, 5)}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.type}-{case.text[:40]}")
def test_an_operator_becomes_the_layer_that_it_is(case: Case, tmp_path: Path) -> None:
    path = onnx_file(tmp_path, f"net (float{case.given.partition('x')[2]} x) => (float y) {{ {case.text} }}",
                     opset=case.opset, **case.held)  # fmt: skip
    analysis = analyze(path)
    found = [row for row in analysis.rows if row.type == case.type]
    assert found, [row.type for row in analysis.rows]
    row = found[-1]
    assert row.outputs[0] == case.output
    totals = analysis.totals
    assert (totals.parameters, totals.fixed, totals.macs) == (case.parameters, case.fixed, case.macs)
    assert not analysis.network.observed.unused


@pytest.mark.parametrize(
    ("text", "options"),
    [
        # 8 places and a window of 2 with a step of 1 want one more place: behind, or in front
        ('y = Conv<auto_pad="SAME_UPPER">(x, w)', {"padding": [[0, 1], [0, 1]]}),
        ('y = Conv<auto_pad="SAME_LOWER">(x, w)', {"padding": [[1, 0], [1, 0]]}),
        ("y = ConvTranspose<strides=[3,3], output_padding=[1,2]>(x, w)", {"output_padding": [1, 2]}),
        ("y = MaxPool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1>(x)", {"ceil_mode": True}),
        ("y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(x)", {"count_include_pad": False}),
        ("y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1], count_include_pad=1>(x)", {"count_include_pad": True}),
    ],
)
def test_options_of_windows_are_those_of_the_file(text: str, options: dict[str, Any], tmp_path: Path) -> None:
    path = onnx_file(tmp_path, f"net (float[N,3,8,8] x) => (float y) {{ {text} }}", w=(3, 3, 2, 2))
    (node,) = analyze(path).network.nodes
    found = {name: getattr(node.layer, name) for name in options}
    assert json.loads(json.dumps(found)) == options


def test_one_number_that_is_added_to_all_units_is_no_bias_for_each(tmp_path: Path) -> None:
    path = onnx_file(tmp_path, "net (float[N,7] x) => (float y) { m = MatMul(x, w)\n y = Add(m, b) }",
                     w=(7, 5), b=np.array([0.5], np.float32))  # fmt: skip
    assert analyze(path).rows[0].parameters == 35


def test_what_reads_the_last_state_is_counted_beside_what_reads_the_steps(tmp_path: Path) -> None:
    text = """t = Transpose<perm=[1,0,2]>(x)
              h, last = GRU<hidden_size=4, linear_before_reset=1>(t, w, r)
              m = ReduceMean<axes=[0], keepdims=0>(h)
              k = MatMul(last, o)
              y = Add(m, k)"""
    path = onnx_file(tmp_path, f"net (float[N,5,7] x) => (float y) {{ {text} }}", opset=14,
                     w=(1, 12, 7), r=(1, 12, 4), o=(4, 4))  # fmt: skip
    totals = analyze(path).totals
    # 12·11 values and as many products at each of 5 steps; 4·4 of the matrix
    assert (totals.parameters, totals.macs) == (132 + 16, 660 + 16)


_STEPS = "".join(f"t{at} = Gather<axis=0>(x, k{at})\n s{at} = MatMul(t{at}, w)\n" for at in range(3))


@pytest.mark.parametrize(
    ("graph", "held", "inputs", "batch", "macs"),
    [
        # 12·7 + 12·4 products at each of 5 steps
        ("float[5,2,7] x", {"w": (1, 12, 7), "r": (1, 12, 4)}, {"input": (5, 7)}, 2, 2 * 660),
        ("float[5,2,7] x, float[1,2,4] s", {"w": (1, 12, 7), "r": (1, 12, 4)}, {"x": (5, 7), "s": (1, 4)}, 2, 2 * 660),
    ],
)
def test_the_batch_is_where_a_recurrence_takes_it(
    graph: str, held: dict[str, Any], inputs: dict[str, Any], batch: int, macs: int, tmp_path: Path
) -> None:
    states = ", , , s" if " s" in graph else ""
    text = f"h, last = GRU<hidden_size=4, linear_before_reset=1>(x, w, r{states})\n y = Squeeze(h, a)"
    path = onnx_file(tmp_path, f"net ({graph}) => (float y) {{ {text} }}", a=ints(1), **held)
    network = analyze(path).network
    assert (dict(network.inputs), network.observed.batch) == (inputs, batch)
    assert [node.layer.type for node in network.nodes] == ["function" if states else "gru"]
    assert analyze(network).totals.macs == macs


def test_a_recurrence_over_one_sample_counts_what_it_multiplies(tmp_path: Path) -> None:
    text = "t = Unsqueeze(x, a)\n h, last = GRU<hidden_size=4, linear_before_reset=1>(t, w, r)\n y = Squeeze(h, both)"
    path = onnx_file(tmp_path, f"net (float[5,7] x) => (float y) {{ {text} }}", a=ints(1), both=ints(1, 2),
                     w=(1, 12, 7), r=(1, 12, 4))  # fmt: skip
    found = analyze(path)
    assert (dict(found.network.inputs), found.network.observed.batch) == ({"input": (5, 7)}, 1)
    assert found.totals.macs == 660


@pytest.mark.parametrize(("extent", "inputs"), [(2, {"input": (3, 7)}), (1, {"input": (3, 7)})])
def test_steps_that_are_taken_one_after_another_are_no_samples(
    extent: int, inputs: dict[str, Any], tmp_path: Path
) -> None:
    held: dict[str, Any] = {f"k{at}": np.array(at, np.int64) for at in range(3)}
    path = onnx_file(tmp_path, f"net (float[3,{extent},7] x) => (float y) {{ {_STEPS} y = Sum(s0, s1, s2) }}",
                     w=(7, 4), **held)  # fmt: skip
    found = analyze(path)
    assert (dict(found.network.inputs), found.network.observed.batch) == (inputs, extent)
    assert (found.rows[-1].output, found.totals.macs) == ((4,), extent * 3 * 28)


def test_samples_that_are_taken_one_after_another_are_samples(tmp_path: Path) -> None:
    """Behind the first axis lie features, which a product sums up."""
    held: dict[str, Any] = {f"k{at}": np.array(at, np.int64) for at in range(3)}
    path = onnx_file(tmp_path, f"net (float[3,7] x) => (float y) {{ {_STEPS} y = Sum(s0, s1, s2) }}", w=(7, 4), **held)
    network = analyze(path).network
    assert (dict(network.inputs), network.observed.batch) == ({"input": (7,)}, 3)


def test_scores_are_no_samples_of_each_other(tmp_path: Path) -> None:
    """Three steps of two samples, each in one head of four features: scores and sums of 3·3·4 products a sample."""
    text = """q = Transpose<perm=[1,0,2]>(x)
              k = Transpose<perm=[1,2,0]>(x)
              s = MatMul(q, k)
              p = Softmax<axis=-1>(s)
              y = MatMul(p, q)"""
    found = analyze(onnx_file(tmp_path, f"net (float[3,2,4] x) => (float y) {{ {text} }}"))
    assert (dict(found.network.inputs), found.network.observed.batch) == ({"input": (3, 4)}, 2)
    assert found.totals.macs == 2 * 2 * 36


def test_token_numbers_look_up_rows_of_a_table(tmp_path: Path) -> None:
    path = onnx_file(tmp_path, "net (int64[N,5] x) => (float y) { y = Gather(w, x) }", w=(50, 8))
    (row,) = analyze(path).rows
    assert (row.type, row.outputs[0], row.parameters) == ("embedding", (5, 8), 400)


def test_positions_are_learned_values_that_are_added(tmp_path: Path) -> None:
    path = onnx_file(tmp_path, "net (float[N,5,8] x) => (float y) { y = Add(x, p) }", p=(1, 5, 8))
    parameter, add = analyze(path).rows
    assert (parameter.name, parameter.type, parameter.parameters) == ("p", "parameter", 40)
    assert (add.type, add.inputs) == ("add", ("input", "p"))


def test_a_weight_that_two_layers_read_counts_once(tmp_path: Path) -> None:
    path = onnx_file(tmp_path, "net (float[N,4,8] x) => (float y) { a = MatMul(x, w)\n y = MatMul(a, w) }", w=(8, 8))
    analysis = analyze(path)
    assert (analysis.totals.parameters, analysis.totals.macs) == (64, 2 * 4 * 64)


def test_an_operator_that_nobody_knows_is_not_covered_by_its_name(tmp_path: Path) -> None:
    path = onnx_file(tmp_path, "net (float[N,4] x) => (float[N,4] y) { y = own.library.Wonder(x) }")
    analysis = analyze(path)
    assert analysis.totals.macs is None
    assert dict(analysis.totals.not_covered) == {"own.library::Wonder": 1}


_AXES = {"one": ints(1), "last": ints(-1), "two": ints(2), "twice": np.array(2, np.float32)}


@pytest.mark.parametrize(
    ("axis", "square", "rbf"),
    [
        ("one", "Mul(d, d)", True),
        ("one", "Pow(d, twice)", True),
        ("one", "Mul(d, twice)", False),
        ("two", "Mul(d, d)", False),
    ],
)
def test_only_the_sum_of_squares_from_the_code_of_each_unit_is_an_rbf_layer(
    axis: str, square: str, rbf: bool, tmp_path: Path
) -> None:
    # 4 units of 4 features, so that no shape tells features along rows from those along columns.
    graph = f"u = Unsqueeze(x, {axis})\n d = Sub(u, c)\n s = {square}\n y = ReduceSum<keepdims=0>(s, last)"
    path = onnx_file(tmp_path, f"net (float[N,4] x) => (float y) {{ {graph} }}", c=(4, 4), **_AXES)
    assert ("rbf" in {row.type for row in analyze(path).rows}) is rbf


@pytest.mark.parametrize(
    ("graph", "numbers", "held"),
    [
        # Heads side by side: 2 of 8 features for queries and keys, of 10 for values; 6 keys, with a cache 6 + 3.
        (("(float[N,4,16] q, float[N,6,16] k, float[N,6,20] v) => (float y) "
         "{ y = Attention<q_num_heads=2, kv_num_heads=2>(q, k, v) }"), (0, 2 * 4 * 6 * (8 + 10), (4, 20)), {}),
        (("(float[N,2,4,8] q, float[N,2,6,8] k, float[N,2,6,8] v, float[N,2,3,8] p, float[N,2,3,8] r) => (float y) "
         "{ y, a, b = Attention(q, k, v, , p, r) }"), (0, 2 * 4 * 9 * 16, (2, 4, 8)), {}),
        # Peepholes and a first state are values that are learned: 24·(5 + 6) + 48, 18 and 6; 4·66 products a step.
        ("(float[7,1,5] x) => (float y) { y = LSTM<hidden_size=6>(x, w, r, b, , , , p) }", (330, 1848, None),
         {"w": (1, 24, 5), "r": (1, 24, 6), "b": (1, 48), "p": (1, 18)}),
        ("(float[7,1,5] x) => (float y) { y = RNN<hidden_size=6>(x, w, r, , , h) }", (72, 7 * 66, None),
         {"w": (1, 6, 5), "r": (1, 6, 6), "h": (1, 1, 6)}),
        ("(float[7,1,5] x) => (float y) { y = RNN<hidden_size=6>(x, w, r, , , h) }", (66, 7 * 66, None),
         {"w": (1, 6, 5), "r": (1, 6, 6), "h": np.zeros((1, 1, 6), np.float32)}),
        # Numbers that say how are no weights.
        ("(int64[N,5] x) => (float y) { y = OneHot(x, d, v) }", (0, 0, (5, 4)),
         {"d": np.array(4, np.int64), "v": np.array([0, 1], np.float32)}),
        ("(float[N,2,4,8] x) => (float y) { y = RotaryEmbedding(x, c, s, p) }", (0, 0, (2, 4, 8)),
         {"c": (10, 4), "s": (10, 4), "p": ints(0, 1, 2, 3).reshape(1, 4)}),
        ("(float[N,32,1] x) => (float y) { y = STFT(x, s, w) }", (0, None, (7, 5, 2)),
         {"s": np.array(4, np.int64), "w": (8,)}),
        ("(float[N,4,5,5] x) => (float y) { y = MeanVarianceNormalization(x) }", (0, 0, (4, 5, 5)), {}),
        # Which branch runs is not known, and how often a body does is not counted; what they hold is.
        (("(float[1,2] x) => (float y) { s = ReduceSum<keepdims=0>(x)\n c = Greater(s, z)\n y = If (c) <"
         "then_branch = g () => (float[1,2] t) { t = MatMul(x, w) }, else_branch = h () => (float[1,2] e) "
         "<float[2,2] v = {1.0, 2.0, 3.0, 4.0}> { e = MatMul(x, v) }> }"), (8, None, (2,)),
         {"w": (2, 2), "z": np.array(0, np.float32)}),
        (("(float[4,1,5] x, float[1,6] b) => (float y) { n, y = Scan <num_scan_inputs = 1, body = g (float[1,6] h, "
         "float[1,5] i) => (float[1,6] m, float[1,6] o) { a = MatMul(i, w)\n r = MatMul(h, v)\n m = Add(a, r)\n "
         "o = Tanh(m) }> (b, x) }"), (66, None, None), {"w": (5, 6), "v": (6, 6)}),
    ],
    ids=["heads-side-by-side", "cache", "peepholes", "first-state", "first-state-of-zeros", "one-hot", "rotary", "stft",
         "mvn", "if", "scan"],
)  # fmt: skip
def test_weights_and_products_of_operators_without_a_layer_are_counted(
    graph: str, numbers: tuple[int, int | None, tuple[int, ...] | None], held: dict[str, Any], tmp_path: Path
) -> None:
    analysis = analyze(onnx_file(tmp_path, f"net {graph}", opset=23, **held))
    parameters, macs, output = numbers
    assert (analysis.totals.parameters, analysis.totals.macs) == (parameters, macs)
    assert output is None or analysis.rows[-1].outputs[0] == output


@pytest.mark.parametrize(("slope", "amplitude", "labels"), [
    (2 / 3, 1.7159, ["scaled tanh"]), (0.5, 1.7159, ["×0.5", "×1.7159"]), (2 / 3, 2.0, ["×0.666667", "×2"]),
])  # fmt: skip
def test_a_tanh_between_two_factors_is_lecuns_by_its_numbers(
    slope: float, amplitude: float, labels: list[str], tmp_path: Path
) -> None:
    graph = """net (float[N,4] x) => (float y) {
        a = Mul(x, s)
        b = Tanh(a)
        y = Mul(b, m)
    }"""
    path = onnx_file(tmp_path, graph, s=np.array(slope, np.float32), m=np.array(amplitude, np.float32))
    assert [row.label for row in analyze(path).rows] == labels


@pytest.mark.parametrize(("times", "scales"), [("", 1), ("m = Mul(m, four)\n", 0)])
def test_sub_sampling_in_operators_has_the_lines_of_every_unit(times: str, scales: int, tmp_path: Path) -> None:
    pooled = "a = AveragePool<kernel_shape=[2,2], strides=[2,2]>(x)\n m = Identity(a)\n"
    text = f"{pooled}{times.replace('m = Mul(m', 'n = Mul(m')}"
    end = "n" if times else "m"
    graph = f"net (float[N,6,28,28] x) => (float y) {{ {text} s = Mul({end}, w)\n y = Add(s, b) }}"
    shape = (6, 1, 1)
    path = onnx_file(tmp_path, graph, w=shape, b=shape, four=np.asarray(4, np.float32))
    analysis = analyze(path)
    assert [row.type for row in analysis.rows] == [*["scale"] * scales, "subsampling"]
    # LeNet-5's S2: 14·14 units of 6 maps, each with 2·2 lines and a constant.
    assert (analysis.totals.parameters, analysis.totals.connections) == (12, 5880)


def test_constants_of_maps_that_chosen_maps_are_convolved_to_are_a_line_a_unit(tmp_path: Path) -> None:
    parts = "".join(
        f"g{at} = Gather<axis=1>(x, i{at})\n c{at} = Conv<kernel_shape=[3,3]>(g{at}, w{at})\n" for at in "01"
    )
    graph = f"net (float[N,3,8,8] x) => (float y) {{ {parts} c = Concat<axis=1>(c0, c1)\n y = Add(c, b) }}"
    indices = {"i0": np.array([2, 0]), "i1": np.array([1, 0, 2])}
    path = onnx_file(tmp_path, graph, w0=(4, 2, 3, 3), w1=(5, 3, 3, 3), b=(9, 1, 1), **indices)
    analysis = analyze(path)
    # 36 units of each map: 4 maps of 2·9 lines, 5 of 3·9, and a constant for all 9.
    assert analysis.totals.connections == 36 * (4 * 18 + 5 * 27 + 9)
    assert analysis.totals.parameters == 4 * 18 + 5 * 27 + 9
