"""A derivation tells what its own layer worked out, and one letter stands for one thing."""

from __future__ import annotations

import re
from pathlib import Path

import archscope
from archscope.diagrams.graph.view import view_of
from archscope.formats import derivation
from archscope.formats.derivation import derive
from archscope.network import Network
from archscope.oracles import verify

INCEPTION = """
input: [192, 28, 28]
layers:
  b1: {type: conv2d, from: input, out_channels: 64, kernel_size: 1, activation: relu, group: inception}
  b2a: {type: conv2d, from: input, out_channels: 96, kernel_size: 1, activation: relu, group: inception}
  b2b: {type: conv2d, from: b2a, out_channels: 128, kernel_size: 3, padding: 1, activation: relu, group: inception}
  b3a: {type: conv2d, from: input, out_channels: 16, kernel_size: 1, activation: relu, group: inception}
  b3b: {type: conv2d, from: b3a, out_channels: 32, kernel_size: 5, padding: 2, activation: relu, group: inception}
  b4a: {type: max_pool2d, from: input, kernel_size: 3, stride: 1, padding: 1, group: inception}
  b4b: {type: conv2d, from: b4a, out_channels: 32, kernel_size: 1, activation: relu, group: inception}
  cat: {type: concat, from: [b1, b2b, b3b, b4b], group: inception}
  twice: {type: add, from: [cat, cat]}
  normal: {type: batch_norm}
output: [normal, b1]
"""


def inception(folder: Path) -> Network:
    path = folder / "inception.yaml"
    path.write_text(INCEPTION, encoding="utf-8")
    return archscope.load(path)


def shapes(network: Network, layer: str) -> list[str]:
    sections = derive(archscope.analyze(network), layer)
    return [line.strip() for each in sections if each.heading == "Shapes" for line in each.lines]


def test_a_side_is_told_where_a_layer_works_it_out_and_not_where_it_is_passed_on(tmp_path: Path) -> None:
    network = inception(tmp_path)
    assert shapes(network, "b2b")[2:] == [
        "height, width = i + 2·p − k + 1 = 28 + 2·1 − 3 + 1 = 28", "i: side of the input; k: kernel; p: padding",
    ]  # fmt: skip
    assert shapes(network, "cat")[5:] == ["channels = 64 + 128 + 32 + 32 = 256"]
    for layer in ("twice", "normal"):
        assert [line for line in shapes(network, layer) if not line.startswith(("in ", "out "))] == []


def test_n_is_the_number_of_kernels_and_never_a_side() -> None:
    for name in archscope.reader.spec_names():
        analysis = archscope.analyze(archscope.load(name))
        for row in analysis.rows:
            sides = [line.strip() for each in derive(analysis, row.name) if each.heading == "Shapes"
                     for line in each.lines if re.match(r" *(height|width|length)", line)]  # fmt: skip
            assert [line for line in sides if re.search(r"\bn\b", line)] == [], row.name


def test_a_line_of_a_spec_is_one_layer_and_outputs_have_their_names(tmp_path: Path) -> None:
    view = view_of(archscope.analyze(inception(tmp_path)), depth=1)
    block = next(node for node in view.nodes if node.kind == "block")
    assert "8 layers" in block.lines
    assert [node.name for node in view.nodes if node.kind == "output"] == ["output normal", "output b1"]


def test_two_copies_on_towers_are_one_layer_of_a_block() -> None:
    network = archscope.read(
        "input: [4, 9, 9]\nlayers:\n"
        "  a: {type: conv2d, out_channels: 2, kernel_size: 3, towers: [one, two], activation: relu, group: body}\n"
        "  b: {type: conv2d, out_channels: 2, kernel_size: 3, towers: [one, two], group: body}\n"
    )
    blocks = [node for node in view_of(archscope.analyze(network), depth=1).nodes if node.kind == "block"]
    assert blocks
    assert all("2 layers" in block.lines for block in blocks)


def test_a_layer_on_a_tower_of_its_own_types_name_has_no_activation() -> None:
    network = archscope.read("input: [8]\nlayers:\n  act: {type: relu, towers: [relu, b]}\n")
    (row,) = archscope.analyze(network).rows
    assert row.activation is None
    network = archscope.read(
        "input: [8]\nlayers:\n  act: {type: linear, out_features: 2, activation: relu, towers: [relu, b]}\n"
    )
    (row,) = archscope.analyze(network).rows
    assert row.activation == "relu"
    assert [node.folded for node in row.nodes] == [False, True, False, True]


def test_what_is_said_of_keras_is_true_of_a_network_that_no_course_has(tmp_path: Path) -> None:
    (found,) = verify(inception(tmp_path), ["Keras"]).findings
    assert found.why == "only the two Keras models of the course are asked, and this is neither"


def test_a_layer_reads_a_row_and_not_the_activation_that_was_named_on_it() -> None:
    analysis = archscope.analyze(
        archscope.read(
            "input: [3, 8, 8]\nlayers:\n"
            "  b1: {type: conv2d, out_channels: 4, kernel_size: 3, activation: relu}\n"
            "  twice: {type: add, from: [b1, b1]}\n"
        )
    )
    text = derivation.write(analysis, "twice")
    assert text.count("  in   4×6×6  from b1\n") == 2
    assert "b1.relu" not in text
