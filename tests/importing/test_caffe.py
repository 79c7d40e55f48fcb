"""Networks in Caffe files: those that were released against what was printed, every type by hand, broken files."""

from __future__ import annotations

from pathlib import Path

import pytest

from archscope import UsageError
from archscope.building import build
from archscope.cli import main
from archscope.importing.caffe.text import parsed
from archscope.oracles import Verdict, verify
from archscope.writing.pytorch import write_pytorch
from tests.importing.caffe_nets import alexnet, conv, dense, given, googlenet, layer, nin, pool, resnet50, vgg16
from tests.importing.caffe_read import read, refused


@pytest.mark.parametrize(
    ("text", "parameters", "macs", "last"),
    [
        (alexnet(), 60_965_224, 724_406_816, (1000,)),  # of bvlc_alexnet, Krizhevsky's 61 M
        (googlenet(), 6_998_552, 1_582_671_872, (1000,)),  # of bvlc_googlenet without its side heads; 1.5 billion
        (vgg16(), 138_357_544, 15_470_264_320, (1000,)),  # Simonyan & Zisserman, table 2: 138 M
        (nin(), 7_595_176, 1_100_188_800, (1000, 1, 1)),  # 29 MB in float32, as Lin et al. say of theirs
        # 25,557,032 and 64 biases of its first convolution; He et al., table 1: 3.8 · 10⁹
        (resnet50(), 25_557_032 + 64, 3_857_973_248, (1000,)),
    ],
    ids=["alexnet", "googlenet", "vgg16", "nin", "resnet50"],
)
def test_networks_as_they_were_released_have_what_was_printed(
    text: str, parameters: int, macs: int, last: tuple[int, ...], tmp_path: Path
) -> None:
    found = read(text, tmp_path)
    assert (found.totals.parameters, found.totals.macs) == (parameters, macs)
    assert found.rows[-1].outputs[0] == last


def test_windows_round_up_as_caffe_pools(tmp_path: Path) -> None:
    found = read(googlenet(), tmp_path)
    # ⌈(112 − 3)/2⌉ + 1 = 56, where rounding down gives 55
    assert found["pool1.3x3_s2"].outputs[0] == (64, 56, 56)
    # with padding: ⌈(28 + 2 − 3)/1⌉ + 1 = 28
    assert found["inception_3a.pool"].outputs[0] == (192, 28, 28)
    assert {node.group for node in found.network.nodes if node.name.startswith("inception_3a")} == {("inception_3a",)}


@pytest.mark.parametrize(
    ("size", "body", "made"),
    [
        (55, "kernel_size: 3 stride: 2", 27),
        (6, "kernel_size: 3 stride: 2", 3),  # ⌈3/2⌉ + 1, the last window hangs over
        (6, "kernel_size: 3 stride: 2 round_mode: FLOOR", 2),
        (5, "kernel_size: 2 stride: 2 pad: 1", 3),  # ⌈5/2⌉ + 1 = 4, and 3·2 = 6 ≥ 5 + 1: dropped
        (5, "kernel_size: 1 stride: 3", 3),  # ⌈4/3⌉ + 1, the last window behind the edge, which only padding drops
        (7, "kernel_h: 3 kernel_w: 3 stride_h: 2 stride_w: 2", 3),
        (7, "global_pooling: true", 1),
    ],
)
def test_pooling_has_the_sizes_of_caffe(size: int, body: str, made: int, tmp_path: Path) -> None:
    text = given(1, 4, size, size) + layer("Pooling", "pool", "data", f"pooling_param {{ pool: AVE {body} }}")
    assert read(text, tmp_path)["pool"].outputs[0] == (4, made, made)


def test_every_type_with_weights_has_those_of_caffe(tmp_path: Path) -> None:
    text = (
        given(1, 4, 9, 9)
        + layer("Convolution", "c", "data", "convolution_param { num_output: 6 kernel_size: 3 group: 2 dilation: 2 "
                                            "pad_h: 2 pad_w: 1 bias_term: false }")
        + layer("Deconvolution", "d", "c", "convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 }")
        + layer("PReLU", "p", "d", top="d") + layer("PReLU", "q", "d", "prelu_param { channel_shared: true }")
        + layer("BatchNorm", "b", "q", top="q") + layer("Scale", "s", "q", "scale_param { bias_term: true }", top="q")
        + layer("BatchNorm", "alone", "q") + layer("ReLU", "r", "alone", top="alone")
        + layer("Scale", "factor", "alone", "scale_param { bias_term: true }") + layer("Bias", "shift", "factor")
        + layer("InnerProduct", "rows", "shift", "inner_product_param { num_output: 5 axis: 2 bias_term: false }")
    )  # fmt: skip
    found = read(text, tmp_path)
    # 3·3·(4/2)·6; of 9 + 2·2 − 5 = 8 + 1 and 9 + 2 − 5 = 6 + 1 positions
    assert (found["c"].parameters, found["c"].outputs[0]) == (108, (6, 9, 7))
    # 4·4·6·4 + 4; 2·(9 − 1) + 4 − 2 = 18
    assert (found["d"].parameters, found["d"].outputs[0]) == (388, (4, 18, 14))
    assert (found["p"].parameters, found["q"].parameters) == (4, 1)
    # the norm and the scale behind it are one: 4 factors and 4 shifts, 4 means and 4 variances
    assert (found["b"].parameters, found["b"].fixed) == (8, 8)
    assert "s" not in found.network.by_name
    assert (found["alone"].parameters, found["alone"].fixed) == (0, 8)
    assert [found[name].parameters for name in ("factor.weight", "factor.bias", "shift.bias")] == [4, 4, 4]
    # 18·14 = 4 rows of 252 values: from the second axis on one row for each channel
    assert (found["rows"].parameters, found["rows"].outputs[0]) == (252 * 5, (4, 5))


def test_functions_of_values_are_those_of_caffe(tmp_path: Path) -> None:
    kinds = {
        "ReLU": "relu", "Sigmoid": "sigmoid", "TanH": "tanh", "ELU": "elu", "AbsVal": "abs", "BNLL": "softplus",
        "Exp": "exp", "Log": "log", "Swish": "silu", "ReLU6": "relu6", "Dropout": "dropout", "Clip": "hardtanh",
    }  # fmt: skip
    text = given(1, 8) + "".join(layer(kind, kind, "data") for kind in kinds)
    text += layer("ReLU", "leaky", "data", "relu_param { negative_slope: 0.1 }")
    text += layer("Power", "square", "data", "power_param { power: 2 scale: 3 shift: 1 }")
    text += layer("Power", "line", "data", "power_param { scale: 3 shift: 1 }")
    text += layer("Exp", "two", "data", "exp_param { base: 2 }")
    by_name = {node.name: node.layer for node in read(text, tmp_path).network.nodes}
    assert {name: by_name[name].type for name in kinds} == kinds
    assert by_name["leaky"].negative_slope == 0.1
    # (1 + 3·x)², 1 + 3·x, 2^x = e^(x·ln 2)
    assert (by_name["square.scale"].factor, by_name["square.scale"].shift, by_name["square"].exponent) == (3, 1, 2)
    assert (by_name["line"].factor, by_name["line"].shift) == (3, 1)
    assert by_name["two.scale"].factor == pytest.approx(0.693147, abs=1e-6)


def test_axes_are_joined_cut_and_turned(tmp_path: Path) -> None:
    text = (
        given(2, 6, 4, 5)
        + 'layer { name: "cut" type: "Slice" bottom: "data" top: "a" top: "b" slice_param { slice_point: 2 } }\n'
        + layer("Concat", "joined", "b a data") + layer("Flatten", "flat", "b", "flatten_param { axis: 2 }")
        + layer("Reshape", "shaped", "data", "reshape_param { shape { dim: 0 dim: -1 dim: 10 } }")
        + layer("Reshape", "some", "data", "reshape_param { shape { dim: 2 dim: 3 } axis: 1 num_axes: 1 }")
        + layer("Permute", "turned", "data", "permute_param { order: 0 order: 2 order: 3 order: 1 }")
        + layer("Crop", "cropped", "data flat2", "crop_param { axis: 2 offset: 1 }").replace("flat2", "small")
        + layer("Tile", "tiled", "flat", "tile_param { axis: 2 tiles: 3 }")
        + layer("Reduction", "sums", "data", "reduction_param { axis: 2 operation: MEAN }")
        + layer("ArgMax", "best", "flat", "argmax_param { axis: 1 }")
    )  # fmt: skip
    text = text.replace('layer { name: "cropped"', pool("small", "data", 2, 2) + 'layer { name: "cropped"')
    found = read(text, tmp_path)
    assert found["cut"].outputs == ((2, 4, 5), (4, 4, 5))
    shapes = {name: found[name].outputs[0] for name in found.network.by_name}
    assert shapes["joined"] == (12, 4, 5)  # 4 + 2 + 6
    assert (shapes["flat"], shapes["shaped"], shapes["some"]) == ((4, 20), (12, 10), (2, 3, 4, 5))
    # ⌈(5 − 2)/2⌉ + 1 = 3 wide
    assert (shapes["turned"], shapes["cropped"], shapes["tiled"]) == ((4, 5, 6), (6, 2, 3), (4, 60))
    assert (shapes["sums"], shapes["best"]) == ((6,), (1, 20))


def test_sums_have_their_factors(tmp_path: Path) -> None:
    both = given(1, 8) + dense("a", "data", 3) + dense("b", "data", 3)
    for body, types in (("operation: PROD", ["multiply"]), ("operation: MAX", ["maximum"]), ("", ["add"]),
                        ("coeff: 1 coeff: -1", ["subtract"]), ("coeff: 2 coeff: 1", ["scale", "add"])):  # fmt: skip
        found = read(both + layer("Eltwise", "e", "a b", f"eltwise_param {{ {body} }}"), tmp_path)
        assert [node.layer.type for node in found.network.nodes][2:] == types


def test_weights_with_a_name_are_held_once_and_those_without_a_rate_are_fixed(tmp_path: Path) -> None:
    shared = 'param { name: "w" } param { name: "b" } '
    text = given(1, 8) + dense("a", "data", 8) + dense("b", "a", 8) + dense("c", "b", 8)
    text = text.replace('top: "a"', f'top: "a" {shared}').replace('top: "b" ', f'top: "b" {shared}')
    text = text.replace('top: "c"', 'top: "c" param { name: "w" } param { lr_mult: 0 }')
    found = read(text, tmp_path)
    # 8·8 + 8 values in two places, and 8 biases of the third that are not trained
    assert (found.totals.parameters, found.totals.fixed) == (72, 8)
    assert found.network.by_name["b"].shares == "a"
    assert found.network.by_name["c"].layer.label.endswith("some weights of `a`")
    assert "where it has another shape" in refused(text.replace("num_output: 8", "num_output: 5", 1), tmp_path)


def test_weights_without_a_rate_are_frozen_where_the_network_is_built_written_and_verified(tmp_path: Path) -> None:
    """As in the FCNs of Long et al., whose enlargement is no learned one."""
    up = layer("Deconvolution", "up", "c", "param { lr_mult: 0 } convolution_param { num_output: 3 bias_term: false "
               "kernel_size: 4 stride: 2 }")  # fmt: skip
    found = read(given(1, 2, 6, 6) + conv("c", "data", 3, 3) + up + dense("d", "up", 5), tmp_path)
    # (9·2 + 1)·3 and 10·10·3·5 + 5 values that are trained, 16·3·3 that are not
    assert (found.totals.parameters, found.totals.fixed) == (57 + 1505, 144)
    held = build(found.network).named_parameters()
    assert [name for name, each in held if not each.requires_grad] == ["up.weight"]
    assert "self.up.weight.requires_grad_(False)\n" in write_pytorch(found.network)
    told = verify(found.network, ["module", "torchinfo", "gradient", "source", "memory"])
    assert [each for each in told.findings if each.verdict is Verdict.DIFFERS] == []
    agreed = {
        each.witness for each in told.findings if each.verdict is Verdict.AGREES and each.quantity == "parameters"
    }
    assert agreed == {"module", "torchinfo", "gradient", "source"}


def test_a_convolution_of_two_values_has_one_kernel(tmp_path: Path) -> None:
    text = given(1, 3, 8, 8) + pool("p", "data", 2, 2) + (
        'layer { name: "c" type: "Convolution" bottom: "data" bottom: "p" top: "one" top: "two" '
        "convolution_param { num_output: 4 kernel_size: 3 } }"
    )  # fmt: skip
    found = read(text, tmp_path)
    assert found.totals.parameters == 3 * 3 * 3 * 4 + 4
    assert [found.network.facts[ref.node].output for ref in found.network.outputs] == [(4, 6, 6), (4, 2, 2)]


def test_steps_stand_in_front_of_the_samples_where_a_network_recurs(tmp_path: Path) -> None:
    text = given(5, 2, 3) + given(5, 2, name="cont")
    text += layer("LSTM", "lstm", "data cont", "recurrent_param { num_output: 4 }")
    text += layer("RNN", "rnn", "lstm cont", "recurrent_param { num_output: 2 }")
    text += layer("InnerProduct", "out", "rnn", "inner_product_param { num_output: 6 axis: 2 }")
    found = read(text, tmp_path)
    assert dict(found.network.inputs) == {"input": (5, 3)}
    # 4·4 gates of 3 + 4 weights and one bias; 7·16 products at each of 5 steps
    assert (found["lstm"].parameters, found["lstm"].macs, found["lstm"].outputs[0]) == (128, 560, (5, 4))
    # 2·(4 + 2 + 1), and a matrix of 2·2 with 2 biases
    assert (found["rnn"].parameters, found["rnn.output"].parameters) == (14, 6)
    assert (found["out"].parameters, found["out"].outputs[0]) == (18, (5, 6))


@pytest.mark.parametrize(("reads", "options", "told"), [
    ("data cont image", "", "takes a third value, which is the same at every step and has weights of its own"),
    ("data cont", "expose_hidden: true", "has `expose_hidden: true`, so that it takes and gives its states"),
])  # fmt: skip
def test_recurrence_with_more_than_steps_is_refused_for_its_own_reason(
    reads: str, options: str, told: str, tmp_path: Path
) -> None:
    text = given(5, 2, 3) + given(5, 2, name="cont") + given(2, 2, name="image")
    text += layer("LSTM", "lstm", reads, f"recurrent_param {{ num_output: 4 {options} }}")
    with pytest.raises(UsageError, match=f"`lstm` .*{told}"):
        read(text, tmp_path)


@pytest.mark.parametrize(("said", "size"), [
    ("zoom_factor: 8", (57, 41)), ("shrink_factor: 2", (4, 3)), ("height: 20 width: 30", (20, 30)),
    ("shrink_factor: 2 zoom_factor: 3", (10, 7)),
])  # fmt: skip
def test_interpolation_has_the_sizes_of_deeplab(said: str, size: tuple[int, int], tmp_path: Path) -> None:
    # 8·6 positions have 7 and 5 steps between them
    text = given(1, 2, 8, 6) + layer("Interp", "up", "data", f"interp_param {{ {said} }}")
    assert read(text, tmp_path)["up"].output == (2, *size)


def test_a_layer_whose_code_is_elsewhere_is_named(tmp_path: Path) -> None:
    strange = layer("Python", "own", "fc", 'python_param { module: "m" layer: "L" }')
    text = given(1, 8) + dense("fc", "data", 3) + strange
    found = read(text, tmp_path)
    assert found.network.observed is not None
    assert found.network.observed.origin[1] == ("Left out: `own` (Python), which is no layer of Caffe's that archscope "
                                                "reads; what it multiplies is not covered.")  # fmt: skip
    assert refused(text + dense("after", "own", 3), tmp_path).endswith(
        "net.prototxt:3: the layer `own` (Python) runs code that the file does not hold: what it makes, and all that "
        "comes after it, is not covered"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (given(1, 8) + dense("fc", "nowhere", 3), ":2: the layer `fc` (InnerProduct) reads `nowhere`, which no layer"),
        (given(1, 8) + layer("ReLU", "a", "data", top="b") + layer("ReLU", "b", "data"), "makes `b`, which a layer"),
        (given(1, 8) + layer("ReLU", "a", "b") + layer("ReLU", "b", "a"), "reads `b`, which no layer"),
        (given(1, 8) + dense("fc", "data", 3).replace("num_output", "num_outputs"), "does not say `num_output`"),
        (given(1, 8) + dense("fc", "data", 3).replace("3 }", "3 bias: 1 }"), "has `bias` in `inner_product_param`"),
        (given(1, 8) + dense("fc", "data", -3), "has `num_output: -3`, and a whole number from 1 on is wanted"),
        (given(1, 8) + dense("fc", "data", 10**30), "a number of at most 64 bits"),
        (given(1, 8) + dense("fc", "data", 3).replace("3 }", f"{'9' * 5000} }}"), "a number that can be held"),
        (given(1, 10**12, 10**12) + dense("fc", "data", 3), "values"),
        (given(1, 8) + dense("fc", "data", 3)[:-20], "is no whole text"),
        (given(1, 8) + "layer " + "{ a " * 200, "messages are nested more than 100 deep"),
        (given(1, 8) + "layer { type: \x00 }", "is nothing that the text of a Caffe network has"),
        (given(1, 8) + "layers { layer { name: \"c\" type: \"conv\" } }", "is written as in 2013"),
        ("layer {}" * 20_001, "has 20,001 layers; 20,000 are read at most"),
        (given(1, 8) + layer("Concat", "c", "data data", "concat_param { axis: 0 }"), "works along the axis of"),
        (given(2, 8) + layer("Reshape", "r", "data", "reshape_param { shape { dim: 16 } }"), "mixes samples"),
        (given(1, 3, 8, 8) + layer("Convolution", "c", "data", "convolution_param { num_output: 4 }"), "`kernel_si"),
        (given(1, 3, 8, 8) + conv("c", "data", 4, 9), "a kernel of 9 is larger than the input's height of 8"),
        (given(1, 8) + layer("Im2col", "i", "data"), "is a step of a convolution by itself"),
        ('net: "train_val.prototxt"\nbase_lr: 0.01\n', "the network is in `train_val.prototxt`"),
        ("name: 1 layer { type: \"ReLU\" }", "has `name: 1`; it may be a text"),
        (given(1, 8) + layer("ReLU", "r", "data").replace("}\n", "include { phase: TEST } exclude { phase: TRAIN } }"),
         "has both `include` and `exclude`"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_in_one_line_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    message = refused(text, tmp_path)
    assert said in message
    assert "\n" not in message
    assert "net.prototxt" in message


def test_every_command_takes_such_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(given(1, 3, 8, 8) + conv("c", "data", 4, 3) + pool("p", "c") + dense("fc", "p", 5))
    for command in (["table", str(path)], ["diff", str(path), str(path)], ["memory", str(path)],
                    ["explain", str(path), "c"], ["code", str(path)]):  # fmt: skip
        assert main(command) == 0, capsys.readouterr().err
    path.write_bytes(path.read_bytes()[:-9])
    capsys.readouterr()
    assert main(["table", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_text_is_read_as_protocol_buffers_have_it() -> None:
    said = "a: \"x\" 'y\\n\\x41\\101' # no text: {\nb < c: -0x10, c: 1.5f; > d: [1, 2] e: TRUE f: -inf g: 010"
    fields = parsed(said, "net").fields
    assert {name: [each.value for each in fields[name]] for name in "adefg"} == {
        "a": ["xy\nAA"], "d": [1, 2], "e": ["TRUE"], "f": [float("-inf")], "g": [8]}  # fmt: skip
    (inner,) = fields["b"]
    assert [each.value for each in inner.value.fields["c"]] == [-16, 1.5]  # type: ignore[union-attr]
    assert inner.line == 2
