"""Warnings about a spec: each kind where it is so, and nothing where it is not."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

import archscope
from archscope.errors import SpecError
from archscope.layers.doubt import KINDS
from archscope.reader import spec_names
from archscope.reader.doubts import spell_doubts
from tests.published import PUBLISHED

STAGES = """input: [3, 32, 32]
blocks:
  stage:
    options: {{c: , s: 1}}
    layers:
      conv: {{type: conv2d, out_channels: $c, kernel_size: 3, stride: $s, padding: 1}}
layers: {{body: {{type: stage, columns: [c, repeat, {}], rows: [[4, 2, 1], [8, 2, 2], [8, 1, 2]]}}}}
"""
# name: what it is raised by, where, and the message
RAISED = {
    "an image with its channels last": (
        "input: [224, 224, 3]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 3, padding: 1}",
        "channels-last", "1:8", "`input` is 224×224×3, which is 224 channels of 224×3"),
    "a film with its channels last": (
        "input: [16, 112, 112, 3]\nlayers:\n  c: {type: conv3d, out_channels: 4, kernel_size: 3}",
        "channels-last", "1:8", "`input` is 16×112×112×3, which is 16 channels of 112×112×3"),
    "an image with its channels last, behind an activation": (
        "input: [32, 48, 1]\nlayers:\n  r: {type: relu}\n  c: {type: conv2d, out_channels: 4, kernel_size: 1}",
        "channels-last", "1:8", "`input` is 32×48×1, which is 32 channels of 48×1"),
    "an input that nothing reads": (
        "input: {x: [8], y: [8]}\nlayers:\n  a: {type: linear, out_features: 3, from: x}",
        "unread-input", "1:20", "no layer reads the input `y`"),
    "a convolution over what an embedding makes": (
        ("input: [50]\nlayers:\n  e: {type: embedding, num_embeddings: 9, embedding_dim: 128}\n"
         "  d: {type: dropout}\n  c: {type: conv1d, out_channels: 4, kernel_size: 3}"),
        "positions-as-channels", "5:3", "`c` (conv1d): takes each of the 50 positions of 50×128 for a channel"),
    "a pooling over what an LSTM makes": (
        "input: [50, 6]\nlayers:\n  l: {type: lstm, hidden_size: 8}\n  p: {type: max_pool1d, kernel_size: 2}",
        "positions-as-channels", "4:3", "`p` (max_pool1d): takes each of the 50 positions of 50×8 for a channel"),
    "batch normalization over what attention makes": (
        "input: [50, 6]\nlayers:\n  a: {type: multihead_attention, num_heads: 2}\n  n: {type: batch_norm}",
        "positions-as-channels", "4:3", "`n` (batch_norm): takes each of the 50 positions of 50×6 for a channel"),
    "an LSTM over what a convolution makes": (
        ("input: [16, 64]\nlayers:\n  c: {type: conv1d, out_channels: 4, kernel_size: 3}\n"
         "  l: {type: lstm, hidden_size: 8}"),
        "channels-as-positions", "4:3", "`l` (lstm): takes each of the 4 channels of 4×62 for a position"),
    "a dense layer behind a pooling that nobody flattened": (
        ("input: [16, 64]\nlayers:\n  c: {type: conv1d, out_channels: 4, kernel_size: 3, activation: relu}\n"
         "  p: {type: adaptive_avg_pool1d, output_size: 1}\n  f: {type: linear, out_features: 8}"),
        "channels-as-positions", "5:3", "`f` (linear): takes each of the 4 channels of 4×1 for a position"),
    "a softmax over positions": (
        ("input: [35]\nlayers:\n  e: {type: embedding, num_embeddings: 9, embedding_dim: 16}\n"
         "  w: {type: linear, out_features: 9, activation: softmax}"),
        "softmax-over-positions", "4:50",
        "`w` (softmax): adds up to 1 over the 35 positions of 35×9, not over the 9 features of each"),
    "a layer norm over positions, known from what comes": (
        "input: [35]\nlayers:\n  e: {type: embedding, num_embeddings: 9, embedding_dim: 16}\n  n: {type: layer_norm}",
        "norm-over-positions", "4:3",
        "`n` (layer_norm): normalizes over all of 35×16: its statistics mix the 35 positions"),
    "a layer norm over positions, known from the experts before it": (
        ("input: [16, 64]\nlayers:\n  m: {type: mixture_of_experts, num_experts: 4, top_k: 2, hidden_features: 8}\n"
         "  n: {type: layer_norm}"),
        "norm-over-positions", "4:3",
        "`n` (layer_norm): normalizes over all of 16×64: its statistics mix the 16 positions"),
    "a layer norm over positions, known from what follows": (
        "input: [16, 64]\nlayers:\n  n: {type: layer_norm}\n  r: {type: relu}\n  f: {type: linear, out_features: 64}",
        "norm-over-positions", "3:3",
        "`n` (layer_norm): normalizes over all of 16×64: its statistics mix the 16 positions"),
    "a bias before batch normalization": (
        "input: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 3}\n  n: {type: batch_norm}",
        "bias-before-norm", "3:3", "`c` (conv2d): has a bias, which the normalization behind it takes away"),
    "a bias before groups of one channel": (
        ("input: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 3}\n"
         "  n: {type: group_norm, num_groups: 4}"),
        "bias-before-norm", "3:3", "`c` (conv2d): has a bias, which the normalization behind it takes away"),
    "a stated bias of a dense layer before batch normalization": (
        "input: [3]\nlayers:\n  f: {type: linear, out_features: 4, bias: true}\n  n: {type: batch_norm}",
        "bias-before-norm", "3:44", "`f` (linear): has a bias, which the normalization behind it takes away"),
    "a ReLU before cross-entropy": (
        "input: [3]\nlayers:\n  f: {type: linear, out_features: 4, activation: relu}\ntraining: {loss: cross_entropy}",
        "relu-before-loss", "3:50",
        "`f` (relu): the network ends in it, and is trained with cross-entropy: no class can get a score below 0"),
    "a ReLU before cross-entropy, behind a flatten": (
        ("input: [3, 1, 1]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 1}\n  r: {type: relu6}\n"
         "  f: {type: flatten}\ntraining: {epochs: 2}"),
        "relu-before-loss", "4:3",
        "`r` (relu6): the network ends in it, and is trained with cross-entropy: no class can get a score below 0"),
    "a stride larger than its kernel": (
        "input: [3, 9, 9]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 2, stride: 3}",
        "skipped-values", "3:62",
        "`c` (conv2d): a stride of 3 over a kernel of 2: nothing reads 1 of 3 positions of `input` along an axis"),
    "a dilation with the stride's factor": (
        ("input: [3, 19, 9]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: [3, 3], stride: [4, 1], "
         "dilation: [2, 1], padding: [3, 1]}"),
        "skipped-values", "3:67",
        ("`c` (conv2d): a stride of 4 over a kernel of 3 and a dilation of 2: nothing reads 2 of 4 positions of "
         "`input` along an axis")),
    "two branches that leave the same values out": (
        ("input: [3, 8, 8]\nlayers:\n  a: {type: conv2d, out_channels: 4, kernel_size: 1, stride: 2}\n"
         "  b: {type: conv2d, from: input, out_channels: 4, kernel_size: 1, stride: 2}\n"
         "  s: {type: add, from: [a, b]}"),
        "skipped-values", "3:62",
        "`a` (conv2d): a stride of 2 over a kernel of 1: nothing reads 1 of 2 positions of `input` along an axis"),
    "padding as large as the kernel": (
        "input: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 3, padding: [0, 3]}",
        "window-in-padding", "3:63",
        "`c` (conv2d): padding of 3 with a kernel of 3: the outermost windows see nothing but padding"),
    "a stage whose copies all have the stride of its row": (
        STAGES.format("s"), "stride-in-every-copy", "7:80",
        "`body.1.1.conv` (conv2d): each of the 2 copies of the row has a stride of 2"),
    "padding around single taps": (
        "input: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 1, padding: 1}",
        "window-in-padding", "3:63",
        "`c` (conv2d): padding of 1 with a kernel of 1: the outermost windows see nothing but padding"),
}  # fmt: skip

# name: what looks like one of them and is not
NOT_RAISED = {
    "a stage whose first copy has the stride of its row": STAGES.format("first.s"),
    "a volume of few values": "input: [64, 12, 3]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 1}",
    "an input that is no image": "input: [512, 16, 3]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 1}",
    "an image that a flatten reads": "input: [32, 32, 3]\nlayers:\n  f: {type: flatten}",
    "an input that is read as an output of two": "input: {x: [8], y: [8]}\nlayers:\n  a: {type: add, from: [x, y]}",
    "a convolution over one position": (
        "input: [1]\nlayers:\n  e: {type: embedding, num_embeddings: 9, embedding_dim: 128}\n"
        "  c: {type: conv1d, out_channels: 4, kernel_size: 3}"
    ),
    "a convolution over a signal": "input: [50, 128]\nlayers:\n  c: {type: conv1d, out_channels: 4, kernel_size: 3}",
    "an LSTM behind a convolution whose axes are swapped": (
        "input: [16, 64]\nlayers:\n  c: {type: conv1d, out_channels: 4, kernel_size: 3}\n"
        "  t: {type: transpose, dim0: 0, dim1: 1}\n  l: {type: lstm, hidden_size: 8}"
    ),
    "a convolution behind a reshape, which may mean anything": (
        "input: [50]\nlayers:\n  e: {type: embedding, num_embeddings: 9, embedding_dim: 128}\n"
        "  r: {type: reshape, shape: [128, 50]}\n  c: {type: conv1d, out_channels: 4, kernel_size: 3}"
    ),
    "a softmax over features": (
        "input: [35]\nlayers:\n  e: {type: embedding, num_embeddings: 9, embedding_dim: 16}\n"
        "  w: {type: linear, out_features: 9, activation: {type: softmax, dim: 1}}"
    ),
    "a softmax over positions that is asked for": (
        "input: [35]\nlayers:\n  e: {type: embedding, num_embeddings: 9, embedding_dim: 16}\n"
        "  w: {type: linear, out_features: 9, activation: {type: softmax, dim: 0}}"
    ),
    "attention that weighs positions": (
        "input: [35]\nlayers:\n  e: {type: embedding, num_embeddings: 9, embedding_dim: 16}\n"
        "  w: {type: linear, out_features: 1, activation: softmax}\n  m: {type: multiply, from: [e, w]}"
    ),
    "a softmax over the classes of each pixel": (
        "input: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 1, activation: softmax}"
    ),
    "a layer norm over features": (
        "input: [16, 64]\nlayers:\n  n: {type: layer_norm, normalized_shape: 64}\n  f: {type: linear, out_features: 64}"
    ),
    "a layer norm over a signal": (
        "input: [16, 64]\nlayers:\n  c: {type: conv1d, out_channels: 8, kernel_size: 1}\n  n: {type: layer_norm}\n"
        "  f: {type: linear, out_features: 64, allow: channels-as-positions}"
    ),
    "a layer norm over an image": (
        "input: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 1}\n  n: {type: layer_norm}"
    ),
    "a bias that another layer sees too": (
        "input: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 3, kernel_size: 1}\n  n: {type: batch_norm}\n"
        "  s: {type: add, from: [c, n]}"
    ),
    "biases that differ from unit to unit": (
        "input: [3, 8, 8]\nlayers:\n"
        "  c: {type: conv2d, out_channels: 3, kernel_size: 1, untie_biases: true}\n  n: {type: batch_norm}"
    ),
    "a bias that is an output too": (
        "input: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 3, kernel_size: 1}\n  n: {type: batch_norm}\n"
        "output: [c, n]"
    ),
    "a bias that another layer uses": (
        "input: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 3, kernel_size: 1}\n  n: {type: batch_norm}\n"
        "  d: {type: conv2d, out_channels: 3, kernel_size: 1, shares: c}"
    ),
    "a bias before an activation": (
        "input: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 3, kernel_size: 1, activation: relu}\n"
        "  n: {type: batch_norm}"
    ),
    "a bias before layer normalization": (
        "input: [3]\nlayers:\n  f: {type: linear, out_features: 4}\n  n: {type: layer_norm}"
    ),
    "a ReLU at the end of what is not trained": (
        "input: [3]\nlayers:\n  f: {type: linear, out_features: 4, activation: relu}"
    ),
    "a ReLU before squared errors": (
        "input: [3]\nlayers:\n  f: {type: linear, out_features: 4, activation: relu}\ntraining: {loss: mse}"
    ),
    "a ReLU before the last layer": (
        "input: [3]\nlayers:\n  f: {type: linear, out_features: 4, activation: relu}\n"
        "  g: {type: linear, out_features: 4}\ntraining: {loss: cross_entropy}"
    ),
    "a projection beside a branch that reads the rest": (
        "input: [3, 8, 8]\nlayers:\n  a: {type: conv2d, out_channels: 4, kernel_size: 3, stride: 2, padding: 1}\n"
        "  b: {type: conv2d, from: input, out_channels: 4, kernel_size: 1, stride: 2}\n  s: {type: add, from: [a, b]}"
    ),
    "two branches that read each other's rest": (
        "input: [3, 7]\nlayers:\n  a: {type: conv1d, out_channels: 4, kernel_size: 3, stride: 4}\n"
        "  b: {type: conv1d, from: input, out_channels: 4, kernel_size: 3, stride: 4, padding: [1, 0]}\n"
        "  s: {type: add, from: [a, b]}"
    ),
    "a window that does not move": (
        "input: [3, 2, 2]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 2, stride: 3}"
    ),
    "a stride as large as its kernel": (
        "input: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 2, stride: 2}"
    ),
    "zeros on purpose": "input: [3, 8, 8]\nlayers:\n  z: {type: zero_pad2d, padding: 3}",
    "padding inside a kernel that is spread": (
        "input: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 3, dilation: 2, padding: 4}"
    ),
}


@pytest.mark.parametrize("case", RAISED)
def test_what_is_seldom_meant_is_said_with_its_place(case: str) -> None:
    text, name, place, message = RAISED[case]
    found = archscope.read(text).doubts
    assert [(each.name, str(each.span), each.message) for each in found] == [(name, f"<network>:{place}", message)]
    assert found[0].level == "warning"
    assert found[0].help


@pytest.mark.parametrize("case", NOT_RAISED)
def test_what_is_meant_is_left_alone(case: str) -> None:
    assert archscope.read(NOT_RAISED[case]).doubts == ()


def test_every_kind_has_a_case() -> None:
    assert {name for _, name, _, _ in RAISED.values()} == set(KINDS)


def test_positions_that_are_said_to_be_skipped_are_and_no_others() -> None:
    random = Random(5)
    raised = 0
    for _ in range(150):
        branches = []
        for _ in range(random.choice((1, 1, 2))):
            kernel, dilation, padding = random.randint(1, 4), random.randint(1, 4), random.randint(0, 2)
            branches.append((kernel, dilation, padding))
        stride, length = random.randint(1, 6), 40
        lines = "".join(
            f"  c{i}: {{type: conv1d, from: input, out_channels: 1, kernel_size: {kernel}, stride: {stride}, "
            f"dilation: {dilation}, padding: {padding}, allow: window-in-padding}}\n"
            for i, (kernel, dilation, padding) in enumerate(branches)
        )
        names = ", ".join(f"c{i}" for i in range(len(branches)))
        network = archscope.read(f"input: [1, {length}]\nlayers:\n{lines}output: [{names}]\n")
        read = {start + tap * dilation for kernel, dilation, padding in branches
                for start in range(-padding, length + padding - (kernel - 1) * dilation, stride)
                for tap in range(kernel)}  # fmt: skip
        within = range(12, 12 + 2 * stride)  # away from both ends: at most 9 positions lie between taps of a window
        missed = [place for place in within if place not in read]
        assert [each.name for each in network.doubts] == (["skipped-values"] if missed else []), lines
        for each in network.doubts:
            raised += 1
            assert f"nothing reads {len(missed) // 2} of {stride} positions of `input`" in each.message, lines
    assert 20 < raised < 130


@pytest.mark.parametrize("case", RAISED)
def test_a_warning_is_silenced_by_its_name(case: str) -> None:
    text, name, _, _ = RAISED[case]
    assert archscope.read(f"{text}\nallow: [{name}]").doubts == ()
    others = [each for each in KINDS if each != name]
    assert len(archscope.read(f"{text}\nallow: [{', '.join(others)}]").doubts) == 1


def test_a_warning_about_a_layer_is_silenced_on_that_layer_and_on_no_other() -> None:
    text = (
        "input: [3, 8, 8]\nlayers:\n  a: {type: conv2d, out_channels: 3, kernel_size: 1, allow: bias-before-norm}\n"
        "  b: {type: batch_norm}\n  c: {type: conv2d, out_channels: 3, kernel_size: 1}\n  d: {type: batch_norm}"
    )
    assert [str(each.span) for each in archscope.read(text).doubts] == ["<network>:5:3"]


def test_a_bias_before_groups_of_several_channels_is_no_doubt() -> None:
    text = (
        "input: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 4, kernel_size: 3}\n"
        "  n: {type: group_norm, num_groups: 2}"
    )
    assert archscope.read(text).doubts == ()


def test_a_name_of_no_warning_is_a_mistake() -> None:
    with pytest.raises(SpecError, match="did you mean `bias-before-norm`"):
        archscope.read("input: [3]\nlayers: {a: {type: relu}}\nallow: bias-before-nom")


def test_strictly_a_warning_is_a_mistake() -> None:
    text, name, _, message = RAISED["an input that nothing reads"]
    with pytest.raises(SpecError) as caught:
        archscope.read(text, strict=True)
    assert str(caught.value).startswith(f"error[{name}]: {message}\n")


def test_warnings_of_a_kind_are_printed_once_with_the_other_places() -> None:
    lines = "".join(f"  c{i}: {{type: conv2d, out_channels: 3, kernel_size: 1}}\n  b{i}: {{type: batch_norm}}\n"
                    for i in range(13))  # fmt: skip
    shown = spell_doubts(archscope.read(f"input: [3, 8, 8]\nlayers:\n{lines}").doubts)
    assert shown.count("warning[") == 1
    assert "note: the same on lines 5, 7, 9, 11, 13, 15, 17, 19, 21, 23 and 2 more\n" in shown


@pytest.mark.parametrize("name", spec_names())
def test_no_spec_that_comes_along_has_a_warning(name: str) -> None:
    assert archscope.load(name).doubts == ()


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_network_has_no_warning_but_those_that_are_true_of_it(name: str) -> None:
    text, parameters, true = PUBLISHED[name]
    network = archscope.read(text)
    assert archscope.analyze(network).totals.parameters == parameters
    assert {each.name for each in network.doubts} == set(true)


def test_a_warning_is_on_the_error_stream_and_the_result_on_the_other(archscope_run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "net.yaml"
    path.write_text(RAISED["an image with its channels last"][0])
    for command in (["table"], ["explain", "c"], ["code"], ["diagram", "--format", "dot"]):
        run = archscope_run(command[0], str(path), *command[1:])
        assert (run.status, run.err.count("warning[channels-last]")) == (0, 1), run.err
        assert run.out
        assert "warning" not in run.out
        strict = archscope_run(command[0], str(path), *command[1:], "--strict")
        assert (strict.status, strict.out, strict.err.count("error[channels-last]")) == (2, "", 1)
