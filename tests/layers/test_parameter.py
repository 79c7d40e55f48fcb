"""A learned tensor among layers: it reads nothing, and what it joins stays as it is."""

from __future__ import annotations

import pytest

import archscope
from archscope import analyze
from archscope.formats import write
from archscope.oracles import verify
from archscope.reader import read

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

VIT = """
name: patches
input: [3, 32, 32]
layers:
  patches: {type: conv2d, out_channels: 12, kernel_size: 8, stride: 8}
  rows: {type: reshape, shape: [12, -1]}
  tokens: {type: transpose, dim0: 0, dim1: 1}
  class: {type: parameter, shape: [1, 12], init: {weight: 0}}
  sequence: {type: concat, from: [class, tokens]}
  positions: {type: parameter, shape: [17, 12]}
  sum: {type: add, from: [sequence, positions]}
  first: {type: select, index: 0}
"""


def test_a_class_token_and_positions_are_counted_built_and_written() -> None:
    network = read(VIT)
    analysis = analyze(network)
    # A patch of 8·8 in three colours and a constant, 12 times; one token and 17 positions of 12 values.
    assert analysis.totals.parameters == (8 * 8 * 3 + 1) * 12 + 12 + 17 * 12
    assert analysis["sequence"].output == (17, 12)
    assert analysis["class"].inputs == ()
    model = archscope.build(network)
    assert not model.state_dict()["class_.weight"].any()
    assert model.state_dict()["positions.weight"].any()
    for batch in (1, 3):
        assert model(torch.randn(batch, 3, 32, 32)).shape == (batch, 12)
    found = verify(network, ["module", "torchinfo", "FLOPs", "fvcore", "Jacobian", "field"])
    assert [each.sentence for each in found.differing] == []


def test_the_note_of_a_row_names_what_took_its_grid_away_and_not_what_never_had_one() -> None:
    text = write(analyze(read(VIT)), "table")
    marks = {line.split()[0]: line[-1] for line in text.splitlines() if line.endswith(("¹", "²", "³"))}
    assert marks == dict.fromkeys(("rows", "tokens", "sequence", "sum", "first"), "¹") | {
        "class": "²",
        "positions": "²",
    }
    assert "¹ from rows on: the grid is rearranged" in text
    assert "² it reads no input" in text


def test_what_joins_an_input_with_what_reads_none_says_why_it_has_no_grid_itself() -> None:
    network = read("""
name: latents
input: [30, 8]
layers:
  z: {type: parameter, shape: [5, 8]}
  look: {type: multihead_attention, num_heads: 2, from: [z, input, input]}
  sum: {type: add, from: [look, z]}
""")
    text = write(analyze(network), "table")
    assert "¹ it reads no input" in text
    assert "² from look on: a position sees others far away from it" in text
    assert [line[-1] for line in text.splitlines() if line.startswith(("look ", "sum "))] == ["²", "²"]


def test_a_grid_that_a_parameter_is_added_to_looks_where_it_did() -> None:
    network = read("""
name: grid
input: [3, 9, 9]
layers:
  conv: {type: conv2d, out_channels: 4, kernel_size: 3}
  learned: {type: parameter, shape: [49, 4]}
  turned: {type: transpose, dim0: 0, dim1: 1}
  map: {type: reshape, shape: [4, 7, 7]}
  sum: {type: add, from: [map, conv]}
  pool: {type: max_pool2d, kernel_size: 2}
""")
    analysis = analyze(network)
    assert analysis["map"].receptive_field is None
    assert analysis["sum"].receptive_field == (3, 3)
    assert analysis["pool"].receptive_field == (4, 4)
    assert [each.sentence for each in verify(network, ["field"]).differing] == []


def test_a_parameter_takes_no_memory_of_activations() -> None:
    plain, learned = (
        analyze(read(f"name: one\ninput: [4, 8]\nlayers:\n{layers}")).peak_activation_bytes()
        for layers in ("  a: {type: add, from: [input, input]}\n",
                       "  p: {type: parameter, shape: [4, 8]}\n  a: {type: add, from: [input, p]}\n")
    )  # fmt: skip
    assert plain == learned == 2 * 4 * 8 * 4


def test_what_reads_nothing_and_says_from_is_a_mistake() -> None:
    with pytest.raises(archscope.SpecError, match="takes 0 inputs, not 1"):
        read("name: one\ninput: [4, 8]\nlayers:\n  p: {type: parameter, shape: [4, 8], from: input}\n"
             "  a: {type: add, from: [input, p]}\n")  # fmt: skip
