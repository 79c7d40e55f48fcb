"""`from: stack.*.skip` reads a line of every copy, in their order."""

from __future__ import annotations

import pytest

import archscope
from archscope.formats import write
from archscope.writing.spec import write_spec

WAVENET = """
name: wavenet
input: [16, 64]
blocks:
  residual:
    options: {d: }
    outputs: [sum, skip]
    layers:
      filter: {type: conv1d, out_channels: 16, kernel_size: 2, dilation: $d, padding: [$d, 0], activation: tanh}
      gate: {type: conv1d, out_channels: 16, kernel_size: 2, dilation: $d, padding: [$d, 0], activation: sigmoid,
             from: input}
      both: {type: multiply, from: [filter, gate]}
      skip: {type: conv1d, out_channels: 8, kernel_size: 1}
      own: {type: conv1d, out_channels: 16, kernel_size: 1, from: both}
      sum: {type: add, from: [own, input]}
layers:
  stack: {type: residual, each: {d: [1, 2, 4]}}
  skips: {type: add, from: stack.*.skip, activation: relu}
  out: {type: conv1d, out_channels: 4, kernel_size: 1}
output: [out, stack]
"""


def test_a_sum_reads_the_skip_of_every_copy() -> None:
    network = archscope.read(WAVENET)
    assert [ref.node for ref in network.by_name["skips"].inputs] == [f"stack.{n}.skip" for n in range(3)]
    # Two gates of (2·16 + 1)·16, a skip of (16 + 1)·8 and (16 + 1)·16 of its own, three times; (8 + 1)·4 at the end.
    assert archscope.analyze(network).totals.parameters == 3 * (2 * 33 * 16 + 17 * 8 + 17 * 16) + 9 * 4


def test_the_flat_spec_names_each_copy_and_is_the_same_network() -> None:
    text = write_spec(archscope.read(WAVENET))
    assert "skips: {type: add, activation: relu, from: [stack.0.skip, stack.1.skip, stack.2.skip]}" in text
    assert write(archscope.analyze(archscope.read(text)), "csv") == write(
        archscope.analyze(archscope.read(WAVENET)), "csv"
    )


PAIR = "pair: {layers: {x: {type: linear, out_features: 4, repeat: 2}}}"
SUMS = "sums: {layers: {a: {type: linear, out_features: 4, repeat: 3}, s: {type: add, from: a.*}}}"


@pytest.mark.parametrize(
    ("blocks", "layers", "read"),
    [
        ("", "a: {type: linear, out_features: 4, repeat: 2}, s: {type: add, from: a.*}", ["a.0", "a.1"]),
        (
            PAIR,
            "a: {type: pair, repeat: 2}, s: {type: add, from: [a.*.x.*, input]}",
            ["a.0.x.0", "a.0.x.1", "a.1.x.0", "a.1.x.1", "input"],
        ),
        (SUMS, "b: {type: sums}", ["b.a.0", "b.a.1", "b.a.2"]),
    ],
)
def test_copies_of_layers_copies_in_copies_and_copies_within_a_block(blocks: str, layers: str, read: list[str]) -> None:
    blocks = f"blocks: {{{blocks}}}\n" if blocks else ""
    network = archscope.read(f"input: [4]\n{blocks}layers: {{{layers}}}\n")
    sums = next(node for node in network.nodes if node.layer.type == "add")
    assert [ref.node for ref in sums.inputs] == read


def test_every_copy_may_be_an_output() -> None:
    network = archscope.read("input: [4]\nlayers: {a: {type: linear, out_features: 4, repeat: 3}}\noutput: a.*\n")
    assert [ref.node for ref in network.outputs] == ["a.0", "a.1", "a.2"]
