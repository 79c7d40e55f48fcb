"""A block is a class of the source, and a run of copies a loop; the names are those of the spec."""

from __future__ import annotations

import re

import pytest

import archscope
from archscope.network import Network
from archscope.writing.pieces import Uncut, cut
from archscope.writing.pytorch import write_pytorch
from tests.blocks.specs import RESNET50
from tests.writing.test_source import assert_the_same, executed

STACK = """
input: {x: [4, 8], memory: [4, 8]}
blocks:
  decoder:
    inputs: [x, memory]
    options: {d: }
    layers:
      a: {type: linear, out_features: $d, from: x}
      b: {type: linear, out_features: 8, from: memory, activation: gelu}
      sum: {type: add, from: [a, b, x]}
layers:
  stack: {type: decoder, d: 8, repeat: 3, from: [x, memory]}
  out: {type: linear, out_features: 2}
"""

TWO_WAYS = """
input: [4, 8, 8]
blocks:
  down:
    options: {c: }
    outputs: {out: pool, skip: conv}
    layers:
      conv: {type: conv2d, out_channels: $c, kernel_size: 3, padding: 1, repeat: 2, activation: prelu}
      pool: {type: max_pool2d, kernel_size: 2}
  up:
    inputs: [x, skip]
    layers:
      grow: {type: upsample, scale_factor: 2}
      join: {type: concat, from: [grow, skip]}
      conv: {type: conv2d, out_channels: '$skip', kernel_size: 1, init: {weight: {normal: [0, 0.1]}, bias: 1}}
layers:
  d1: {type: down, c: 6}
  d2: {type: down, c: 8}
  u2: {type: up, from: [d2, d2.skip]}
  u1: {type: up, from: [u2, d1.skip]}
"""

RUNS = """
input: [3, 16, 16]
blocks:
  down:
    options: {c: }
    layers:
      conv: {type: conv2d, out_channels: $c, kernel_size: 3, padding: 1, repeat: 3, activation: relu}
      pool: {type: max_pool2d, kernel_size: 2}
layers:
  d1: {type: down, c: 6}
  d2: {type: down, c: 8}
  end: {type: flatten}
  fc: {type: linear, out_features: 5, repeat: 2}
"""

TIED = """
input: {tokens: {shape: [6], vocabulary: 20}}
blocks:
  encoder:
    layers:
      words: {type: embedding, num_embeddings: 20, embedding_dim: 4}
      turn: {type: linear, out_features: 4}
layers:
  encoder: {type: encoder}
  head: {type: linear, out_features: 20, bias: false, shares: encoder.words}
"""

SIAMESE = """
input: {left: [1, 8, 8], right: [1, 8, 8]}
blocks:
  branch:
    layers:
      conv: {type: conv2d, out_channels: 8, kernel_size: 3, activation: relu}
      pool: {type: mean, dim: [1, 2]}
layers:
  first: {type: branch, from: left}
  second: {type: branch, from: right, shares: first}
  apart: {type: subtract, from: [first, second]}
"""
SECOND = """sub: {type: subsampling, kernel_size: 2, from: right, shares: first.conv}
  second: {type: mean, dim: [1, 2]}"""


def names(network: Network) -> tuple[list[str], list[str]]:
    """The names of the weights in the source, and those of the built module."""
    either = executed(write_pytorch(network), "net"), archscope.build(network, device="meta")
    return [*either[0].state_dict()], [*either[1].state_dict()]


def classes(network: Network) -> list[str]:
    return re.findall(r"^class (\w+)", write_pytorch(network), re.MULTILINE)


@pytest.mark.parametrize("text", [STACK, TWO_WAYS], ids=["two inputs", "two outputs"])
def test_the_source_in_classes_computes_what_is_built(text: str) -> None:
    assert_the_same(archscope.read(text))


def test_a_block_is_a_class_and_what_its_uses_differ_in_are_its_arguments() -> None:
    source = write_pytorch(archscope.read(RESNET50, name="net"))
    assert re.findall(r"^class (\w+)", source, re.MULTILINE) == ["Conv", "Conv2", "Bottleneck", "Bottleneck2", "Net"]
    assert "            *(Bottleneck2(512, 128) for _ in range(3)),\n" in source
    assert "self.conv1 = Conv(3, 64, kernel_size=7, stride=2, padding=3)" in source
    assert source.count("nn.Conv2d(") == 2


def test_the_names_of_the_source_are_those_of_the_built_module_and_of_the_spec() -> None:
    network = archscope.read(RESNET50, name="net")
    built, written = archscope.build(network, device="meta"), executed(write_pytorch(network), "net")
    assert [*written.state_dict()] == [*built.state_dict()]
    assert "conv3.2.a.conv.weight" in written.state_dict()


def test_copies_that_read_more_than_the_one_before_are_called_in_a_loop() -> None:
    source = write_pytorch(archscope.read(STACK))
    assert "self.stack = nn.ModuleList([\n            *(Decoder(" in source.replace("Decoder()", "Decoder(")
    assert "for block in self.stack:\n            x = block(x, memory)" in source
    assert classes(archscope.read(STACK, name="net")) == ["Decoder", "Net"]


def test_a_network_without_blocks_is_one_class() -> None:
    assert len(classes(archscope.load("alexnet"))) == 1
    with pytest.raises(Uncut):
        cut(archscope.load("alexnet"), lambda piece: True)


def test_copies_of_a_plain_layer_are_a_list_and_a_loop() -> None:
    network = archscope.read(RUNS, name="net")
    source = assert_the_same(network)
    assert "        for layer in self.conv:\n            x = F.relu(layer(x))\n" in source
    assert "            *(nn.Conv2d(c, c, kernel_size=3, padding=1) for _ in range(2)),\n" in source.replace(
        "out_channels", "c"
    )
    assert classes(network) == ["Down", "Net"]
    written, built = names(network)
    assert written == built


@pytest.mark.parametrize("start", ["{weight: {normal: [0, 0.5]}}", "{weight: kaiming_normal, bias: 1}"])
def test_the_weights_of_copies_start_in_a_loop(start: str) -> None:
    source = write_pytorch(archscope.read(RUNS.replace("padding: 1", f"padding: 1, init: {start}")))
    assert "        for layer in self.conv:\n            nn.init." in source
    assert "nn.init" not in source.replace("nn.init", "", source.count("(layer.weight") + source.count("(layer.bias"))
    assert_the_same(archscope.read(RUNS.replace("padding: 1", f"padding: 1, init: {start}")))


@pytest.mark.parametrize(
    "line",
    [
        "{type: conv2d, out_channels: 4, kernel_size: 1, repeat: 3, activation: prelu}",
        "{type: relu, repeat: 3}",
        "{type: dropout, repeat: 2}",
        "{type: avg_pool2d, kernel_size: 2, padding: same, repeat: 2}",
        "{type: subsampling, kernel_size: 2, repeat: 2}",
        "{type: conv2d, kernel_size: 1, repeat: 3, each: {out_channels: [3, 5, 4]}, activation: gelu}",
        "{type: add, from: [input, input], repeat: 2}",
        "{type: conv2d, out_channels: 4, kernel_size: 3, padding: same, repeat: 1}",
        "{type: batch_norm, repeat: 3, activation: silu}",
        "{type: conv2d, out_channels: 4, kernel_size: 3, stride: 2, padding: same, repeat: 2}",
    ],
)
def test_copies_of_any_plain_layer_compute_what_is_built(line: str) -> None:
    assert_the_same(archscope.read(f"input: [4, 8, 8]\nlayers:\n  run: {line}\n  end: {{type: flatten}}\n"))


def test_a_loop_keeps_apart_what_goes_through_it_and_what_every_copy_reads() -> None:
    run = "layers:\n  a: {type: linear, out_features: 4}\n  run: {type: add, from: [a, input], repeat: 3}\n"
    assert "for _ in range(3):" in assert_the_same(archscope.read(f"input: [4]\n{run}"))


SHARED = {
    "a layer of one": "head: {type: linear, out_features: 4, shares: p.x}",
    "a layer of another in a copy": "r: {type: b, repeat: 2}\n  head: {type: linear, out_features: 4, shares: r.1.x}",
    "a block": "q: {type: b, shares: p}",
    "copies": "r: {type: b, repeat: 2}\n  s: {type: b, repeat: 2, shares: r}",
    "within a block": "q: {type: b}",
}


def sharing(line: str) -> str:
    """A spec with a block whose weights a line shares."""
    return (
        "input: [4]\nblocks:\n  b:\n    layers:\n      x: {type: linear, out_features: 4, activation: tanh}\n"
        f"      y: {{type: linear, out_features: 4, shares: x}}\nlayers:\n  p: {{type: b}}\n  {line}\n"
    )


@pytest.mark.parametrize("line", [*SHARED.values()], ids=[*SHARED])
def test_weights_that_are_shared_across_blocks_are_assigned_in_the_class_around_both(line: str) -> None:
    network = archscope.read(sharing(line), name="net")
    assert_the_same(network)
    assert classes(network) == ["B", "Net"]


def test_a_layer_that_is_one_of_a_block_is_not_made_before() -> None:
    text = "input: [4]\nblocks: {b: {layers: {x: {type: linear, out_features: 4}}}}\n"
    text += "layers:\n  p: {type: b}\n  again: {type: linear, out_features: 4, shares: p.x}\n"
    source = assert_the_same(archscope.read(text, name="net"))
    assert re.findall(r"self\.again = .*", source) == ["self.again = self.p.x"]


def test_an_embedding_in_a_block_gives_its_matrix_to_a_head() -> None:
    network = archscope.read(TIED, name="net")
    source = assert_the_same(network)
    assert "        self.head.weight = self.encoder.words.weight\n" in source
    written, built = names(network)
    assert written == built


def test_a_block_with_the_weights_of_another_is_the_other() -> None:
    network = archscope.read(SIAMESE, name="net")
    assert "        self.second = self.first\n" in assert_the_same(network)
    written, built = names(network)
    assert written == built


def test_copies_with_the_weights_of_others_are_the_others() -> None:
    text = SIAMESE.replace("branch, from: right", "branch, from: right, repeat: 2").replace(
        "branch, from: left", "branch, from: left, repeat: 2"
    )
    text = text.replace("pool: {type: mean, dim: [1, 2]}", "pool: {type: batch_norm}").replace(
        "channels: 8", "channels: 1"
    )
    assert "        self.second = self.first\n" in assert_the_same(archscope.read(text, name="net"))


def test_weights_of_the_classes_own_are_shared_one_by_one() -> None:
    text = SIAMESE.replace("conv2d, out_channels: 8, kernel_size: 3", "subsampling, kernel_size: 2")
    text = text.replace("second: {type: branch, from: right, shares: first}", SECOND)
    source = assert_the_same(archscope.read(text, name="net"))
    assert "        self.sub_weight = self.first.conv_weight\n" in source


@pytest.mark.parametrize("block", ["none", "_", "nn", "F", "net", "true"])
def test_a_block_of_any_name_is_a_class(block: str) -> None:
    text = f"input: [4]\nblocks: {{'{block}': {{layers: {{x: {{type: linear, out_features: 4}}}}}}}}\n"
    text += f"layers:\n  p: {{type: '{block}'}}\n  q: {{type: linear, out_features: 2}}\n"
    assert_the_same(archscope.read(text, name="net"))
