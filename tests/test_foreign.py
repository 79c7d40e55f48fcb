"""Words of other tools: each means something that there is, and is told to who writes it."""

from __future__ import annotations

import pytest

import archscope
from archscope.errors import SpecError
from archscope.layers import TYPES
from archscope.reader import words
from archscope.reader.entries import PLACE
from archscope.reader.foreign import option_for, remedy_of_option, remedy_of_type, remedy_of_value, type_for

# Classes of PyTorch, Keras, Flax, Caffe and Lasagne, and what they are here.
TYPES_OF_OTHERS = {
    "Conv2d": "conv2d", "nn.Conv1d": "conv1d", "torch.nn.Conv3d": "conv3d", "Conv2D": "conv2d", "Convolution": "conv2d",
    "ConvTranspose2d": "conv_transpose2d", "Conv2DTranspose": None, "Deconvolution": "conv_transpose2d",
    "MaxPooling2D": "max_pool2d", "max_pooling": "max_pool2d", "AveragePooling3D": "avg_pool3d",
    "GlobalAveragePooling2D": "adaptive_avg_pool2d", "AdaptiveAvgPool2d": "adaptive_avg_pool2d", "Dense": "linear",
    "fully_connected": "linear", "InnerProduct": "linear", "Linear": "linear", "BatchNormalization": "batch_norm",
    "BatchNorm2d": "batch_norm", "LayerNormalization": "layer_norm", "ReLU": "relu", "nn.ReLU6": "relu6",
    "LeakyReLU": "leaky_relu", "swish": "silu", "SiLU": "silu", "Concatenate": "concat", "Eltwise": "add",
    "MultiheadAttention": "multihead_attention", "MultiHeadAttention": "multihead_attention", "LSTM": "lstm",
    "UpSampling2D": "upsample", "ZeroPadding2D": "zero_pad2d", "Embedding": "embedding", "LocalResponseNorm": "lrn",
    "Dropout2d": "dropout2d", "PositionalEncoding": "sinusoidal_positions", "RoPE": "rotary",
    "h_swish": "hardswish", "zzz": None,
}  # fmt: skip


@pytest.mark.parametrize("word", TYPES_OF_OTHERS)
def test_a_class_of_another_tool_is_the_type_that_it_means(word: str) -> None:
    assert type_for(word, TYPES) == TYPES_OF_OTHERS[word]


def test_every_word_means_something_that_there_is() -> None:
    assert set(words.TYPE_WORDS.values()) <= set(TYPES)
    assert {each.format(axes) for each in words.WINDOWED.values() for axes in (1, 2, 3)} <= set(TYPES)
    options = {name for kind in TYPES.values() for name in kind.options}
    assert {name for meant in words.OPTIONS.values() for name in meant} <= options
    assert set(words.PLACES.values()) <= set(PLACE)


@pytest.mark.parametrize("kind", TYPES.values(), ids=list(TYPES))
def test_a_word_of_this_language_is_no_word_of_another_where_it_stands(kind: type[archscope.layers.Layer]) -> None:
    assert type_for(kind.__name__, TYPES) == kind.type or kind.__name__ == "LRN"
    for name in kind.options:
        assert option_for(name, kind.options) in (None, name)


@pytest.mark.parametrize(
    ("type_", "word", "value", "says"),
    [
        ("conv2d", "filters", 8, "write `out_channels: 8`"),
        ("linear", "units", 10, "write `out_features: 10`"),
        ("lstm", "units", 10, "write `hidden_size: 10`"),
        ("conv2d", "strides", [2, 2], "write `stride: [2, 2]`"),
        ("max_pool2d", "pool_size", 2, "write `kernel_size: 2`"),
        ("dropout", "rate", 0.5, "write `p: 0.5`"),
        ("linear", "num_output", 10, "write `out_features: 10`"),
        ("conv2d", "use_bias", False, "write `bias: false`"),
        ("leaky_relu", "alpha", 0.2, "write `negative_slope: 0.2`"),
        ("batch_norm", "epsilon", 0.001, "write `eps: 0.001`"),
        ("embedding", "input_dim", 100, "write `num_embeddings: 100`"),
        ("linear", "input_dim", 100, "remove it: what comes in is known from the layer above"),
        ("flatten", "start_dim", 2, "to flatten some axes, write `{type: reshape, shape: [channels, -1]}`"),
        ("conv2d", "in_channels", 3, "remove it: what comes in is known from the layer above"),
        ("conv2d", "name", "c", "remove it: a layer's name stands before the colon"),
        ("conv2d", "act", "relu", "write `activation:`"),
        ("conv2d", "3)", None, "write a list in square brackets: `[3, 3]`"),
        ("conv2d", "kernel_sise", 3, "did you mean `kernel_size`?"),
    ],
)  # fmt: skip
def test_an_option_of_another_tool_is_told_with_its_value(type_: str, word: str, value: object, says: str) -> None:
    assert remedy_of_option(word, value, TYPES[type_].options) == says


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("50%", "write 0.5"), ("3x3", "write [3, 3]"), ("(3, 3)", "write [3, 3]"),
        ("3×5×7", "write [3, 5, 7]"), ("(3", "write a list in square brackets: `[3, 3]`"),
        ("8", "remove the quotes: 8"),
        ("eight", None), (8, None),
    ],
)  # fmt: skip
def test_a_value_as_people_write_it_is_told_as_the_language_has_it(written: object, says: str | None) -> None:
    assert remedy_of_value(written) == says


def test_a_call_of_python_is_told_as_a_mapping() -> None:
    known = ["relu", "leaky_relu"]
    assert remedy_of_type("leaky_relu(0.2)", known, what="activations").endswith(
        "Write `{type: leaky_relu, negative_slope: 0.2}`"
    )
    assert remedy_of_type("nn.ReLU()", known, what="activations") == "did you mean `relu`? Write `relu`"


def test_a_word_of_another_tool_is_one_mistake_and_its_options_are_read_all_the_same() -> None:
    with pytest.raises(SpecError) as caught:
        archscope.read("input: [3, 8, 8]\nlayers:\n  a: {type: Conv2D, filters: 8, kernel_size: 3, stride: no}")
    assert [each.name for each in caught.value.diagnostics] == ["unknown-type", "unknown-option", "wrong-value"]


@pytest.mark.parametrize("word", ["GlobalAveragePooling2D", "global_avg_pool2d", "GlobalMaxPool2D"])
def test_a_global_pooling_says_its_size_and_is_not_asked_for_it(word: str) -> None:
    with pytest.raises(archscope.SpecError) as caught:
        archscope.read(f"input: [3, 8, 8]\nlayers:\n  pool: {{type: {word}}}\n")
    (only,) = caught.value.diagnostics
    assert only.name == "unknown-type"
    assert str(only.help).endswith("_pool2d` here with `output_size: 1`")


def test_a_block_without_a_name_is_nobody_s_word() -> None:
    with pytest.raises(SpecError, match=r"`a`: there is no layer type `b`"):
        archscope.read('input: [4]\nblocks: {"": {layers: {y: {type: relu}}}}\nlayers: {a: {type: b}}\n')


@pytest.mark.parametrize(
    ("call", "written"),
    [
        ("nn.Conv2d(3, 8, 5)", "Write `{type: conv2d, out_channels: 8, kernel_size: 5}`"),
        ("Conv2D(8, 5)", "Write `{type: conv2d, out_channels: 8, kernel_size: 5}`"),
        ("nn.Conv1d(3, 8, kernel_size=3)", "Write `{type: conv1d, out_channels: 8, kernel_size: 3}`"),
        ("nn.Linear(10, 5)", "Write `{type: linear, out_features: 5}`"),
        ("Dense(10)", "Write `{type: linear, out_features: 10}`"),
        ("nn.BatchNorm2d(64)", "Write `batch_norm`"),
        ("nn.LSTM(10, 20, 2)", "Write `{type: lstm, hidden_size: 20, num_layers: 2}`"),
        ("LSTM(128)", "Write `{type: lstm, hidden_size: 128}`"),
        ("nn.GroupNorm(8, 64)", "Write `{type: group_norm, num_groups: 8}`"),
        ("nn.Embedding(10, 5)", "Write `{type: embedding, num_embeddings: 10, embedding_dim: 5}`"),
    ],
)
def test_what_comes_in_is_no_option_of_a_call_in_python(call: str, written: str) -> None:
    text = f"input: [3, 8, 8]\nlayers:\n  a: {{type: '{call}'}}\n"
    with pytest.raises(archscope.SpecError) as caught:
        archscope.read(text)
    (only,) = caught.value.diagnostics  # what stands in the brackets is not missed besides
    assert str(only.help).endswith(written)


def test_a_block_of_the_spec_that_is_a_letter_away_is_what_was_meant_and_its_options_are_not_asked_of_a_layer() -> None:
    text = """
    input: [3, 8, 8]
    blocks: {conv: {layers: {a: {type: conv2d, out_channels: 4, kernel_size: 3}}}}
    layers: {one: {type: conv}, two: {type: %s}}
    variants: {A: , B: {layers: {two: {type: conv3}}}}
    """
    for written, variant in (("conv", "A"), ("conv", "B"), ("conv3", "B")):
        with pytest.raises(archscope.SpecError) as caught:
            archscope.read(text % written, variant=variant)
        assert {str(each.help) for each in caught.value.diagnostics} == {"did you mean `conv`?"}
