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
    assert "for block in self.stack:\n            stack = block(stack, memory)" in source
    assert classes(archscope.read(STACK, name="net")) == ["Decoder", "Net"]


def test_a_network_without_blocks_is_one_class() -> None:
    assert len(classes(archscope.load("alexnet"))) == 1
    with pytest.raises(Uncut):
        cut(archscope.load("alexnet"))


def test_weights_that_are_shared_across_blocks_keep_the_network_in_one_class() -> None:
    text = (
        "input: [4]\nblocks: {b: {layers: {x: {type: linear, out_features: 4}, y: {type: linear, out_features: 4,"
        " shares: x}}}}\nlayers:\n  p: {type: b}\n  q: {type: b}\n"
    )
    assert classes(archscope.read(text, name="net")) == ["Net"]


@pytest.mark.parametrize("block", ["none", "_", "nn", "F", "net", "true"])
def test_a_block_of_any_name_is_a_class(block: str) -> None:
    text = f"input: [4]\nblocks: {{'{block}': {{layers: {{x: {{type: linear, out_features: 4}}}}}}}}\n"
    text += f"layers:\n  p: {{type: '{block}'}}\n  q: {{type: linear, out_features: 2}}\n"
    assert_the_same(archscope.read(text, name="net"))
