"""Blocks that are alike are listed once, however often they stand in a network, and that changes no source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import archscope
from archscope.network import Network, Node
from archscope.writing import blocks
from archscope.writing.jax import write_jax
from archscope.writing.keras import write_keras
from archscope.writing.listing import Place
from archscope.writing.pytorch import write_pytorch
from tests.blocks.specs import RESNET50
from tests.writing.test_blocks import RUNS, SIAMESE, STACK, TIED, TWO_WAYS

WRITERS = [write_pytorch, write_keras, write_jax]

REPEATED = """
input: [8, 8, 8]
blocks:
  inner: {layers: {conv: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}, act: {type: relu, repeat: 2}}}
  outer: {layers: {first: {type: inner, repeat: 2}, second: {type: inner}, norm: {type: batch_norm}}}
layers:
  body: {type: outer, repeat: COPIES}
"""

TWICE = """
input: [4, 8, 8]
blocks:
  inner:
    options: {k: 3, p: 1, start: 0, many: 1}
    layers:
      conv: {type: conv2d, out_channels: 8, kernel_size: $k, padding: $p, init: {weight: {normal: [0, $start]}}}
      act: {type: gelu, repeat: $many}
  outer: {options: {k: 3, p: 1, start: 1, many: 1},
          layers: {one: {type: inner, k: $k, p: $p, start: $start, many: $many}, two: {type: relu}}}
layers:
  first: {type: outer}
  second: {type: outer}
  third: {type: outer, OPTIONS}
  fourth: {type: outer, OPTIONS}
"""
TEXTS = {
    "two inputs": STACK,
    "two outputs": TWO_WAYS,
    "runs of layers": RUNS,
    "a weight of another": TIED,
    "a block of another": SIAMESE,
    "ResNet-50": RESNET50,
    "an input's width": TWICE.replace("OPTIONS", "k: 3"),
    "a kernel": TWICE.replace("OPTIONS", "k: 1, p: 0"),
    "how a weight starts": TWICE.replace("OPTIONS", "start: 2"),
    "how often a layer is repeated": TWICE.replace("OPTIONS", "many: 3"),
    "the order of what is read": """
input: [4]
blocks:
  b: {inputs: [x, y], layers: {a: {type: linear, out_features: 4, from: x}, d: {type: subtract, from: [a, y]}}}
  c: {inputs: [x, y], layers: {a: {type: b, from: [x, y]}, d: {type: subtract, from: [a, y]}}}
layers:
  p: {type: linear, out_features: 4}
  q: {type: c, from: [p, input]}
  r: {type: c, from: [input, p]}
  s: {type: add, from: [q, r]}
""",
}


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_source_is_the_same_where_every_block_is_listed_by_itself(
    text: str, write: Callable[[Network], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = write(archscope.read(text, name="net"))
    monkeypatch.setattr(blocks.Classes, "_alike", lambda self, piece: None)
    assert shared == write(archscope.read(text, name="net"))


@pytest.mark.parametrize("write", WRITERS)
def test_a_block_is_listed_once_however_often_it_stands_in_a_network(
    write: Callable[[Network], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []
    made = Place.__init__

    def note(self: Place, network: Network, node: Node, *rest: Any) -> None:
        listed.append(node.layer.type)
        made(self, network, node, *rest)

    monkeypatch.setattr(Place, "__init__", note)
    often = []
    for copies in (3, 30):
        listed.clear()
        write(archscope.read(REPEATED.replace("COPIES", str(copies)), name="net"))
        # A run of a plain layer, as the activations are, is looked at where the network is cut: once for each copy.
        often.append([each for each in listed if each != "relu"])
    assert often[0] == often[1]
    assert set(often[0]) == {"conv2d", "batch_norm"}
