"""What the use of a block says holds for every layer in it: shared weights, towers, initial values, warnings."""

from __future__ import annotations

import pytest
import torch

import archscope
from archscope.errors import SpecError
from archscope.network import Network
from archscope.writing.pytorch import write_pytorch
from archscope.writing.spec import write_spec

BRANCH = """
blocks:
  branch:
    options: {c: 4}
    layers:
      conv: {type: conv2d, out_channels: $c, kernel_size: 3, bias: false}
      bn: {type: batch_norm, activation: relu}
      flat: {type: flatten}
      out: {type: linear, out_features: 8}
"""

SIAMESE = f"""
input: {{left: [1, 6, 6], right: [1, 6, 6]}}
{BRANCH}
layers:
  a: {{type: branch, from: left}}
  b: {{type: branch, from: right, shares: a}}
  apart: {{type: subtract, from: [a, b]}}
"""


def shared(network: Network) -> dict[str, str]:
    return {node.name: node.shares for node in network.nodes if node.shares is not None}


def test_the_branches_of_a_siamese_network_have_one_set_of_weights() -> None:
    network = archscope.read(SIAMESE, name="siamese")
    assert shared(network) == {"b.conv": "a.conv", "b.bn": "a.bn", "b.out": "a.out"}  # a flatten has none
    totals = archscope.analyze(network).totals
    assert totals.parameters == 9 * 4 + 2 * 4 + (4 * 4 * 4 + 1) * 8  # once
    assert totals.macs == 2 * (9 * 4 * 16 + 64 * 8)  # twice


def test_a_siamese_network_gives_0_for_two_equal_inputs_built_and_as_source() -> None:
    network = archscope.read(SIAMESE, name="siamese")
    scope: dict[str, type[torch.nn.Module]] = {}
    exec(write_pytorch(network), scope)
    value = torch.randn(2, 1, 6, 6)
    for model in (archscope.build(network), scope["Siamese"]()):
        assert sum(each.numel() for each in model.parameters()) == 36 + 8 + 520
        assert torch.equal(model.eval()(value, value), torch.zeros(2, 8))


def test_the_flat_spec_of_shared_blocks_reads_as_the_same_network() -> None:
    network = archscope.read(SIAMESE.replace("shares: a", "shares: a, init: {weight: zeros}"), name="siamese")
    again = archscope.read(write_spec(network), name="siamese")
    assert shared(again) == shared(network)
    assert archscope.analyze(again).totals == archscope.analyze(network).totals


REPEATED = """
input: [4]
blocks:
  step: {{layers: {{fc: {{type: linear, out_features: 4}}, act: {{type: relu}}}}}}
layers:
  first: {{type: step{first}}}
  rest: {{type: step, repeat: 3, shares: first}}
"""


def test_copies_share_with_one_block_as_albert_does_or_each_with_the_copy_of_its_number() -> None:
    albert = archscope.read(REPEATED.format(first=""))
    assert shared(albert) == {f"rest.{number}.fc": "first.fc" for number in range(3)}
    pairs = archscope.read(REPEATED.format(first=", repeat: 3"))
    assert shared(pairs) == {f"rest.{number}.fc": f"first.{number}.fc" for number in range(3)}
    with pytest.raises(SpecError, match=r"there is no other block `first\.2` to share with"):
        archscope.read(REPEATED.format(first=", repeat: 2"))


def test_blocks_within_blocks_share_with_what_holds_the_weights_in_whatever_order_they_are_written() -> None:
    text = """
input: [4]
blocks:
  step: {layers: {fc: {type: linear, out_features: 4}}}
  pair: {layers: {one: {type: step}, two: {type: step, shares: one}}}
layers:
  b: {type: pair, shares: a}
  a: {type: pair, from: b}
"""
    assert shared(archscope.read(text)) == {"b.one.fc": "a.one.fc", "b.two.fc": "a.one.fc", "a.two.fc": "a.one.fc"}


def test_a_block_on_towers_has_a_copy_of_every_layer_on_each() -> None:
    text = "input: [1, 6, 6]\n" + BRANCH + "layers:\n  a: {type: branch, towers: [GPU 0, GPU 1]}\n  b: {type: concat}\n"
    network = archscope.read(text)
    assert [node.name for node in network.nodes if node.row == "a.conv"] == ["a.conv.gpu0", "a.conv.gpu1"]
    assert network.facts["b"].output == (16,)


def test_initial_values_of_the_use_stand_behind_those_of_the_layer_and_before_those_of_the_spec() -> None:
    text = (
        "input: [1, 6, 6]\ninit: {weight: ones, bias: ones}\n"
        + BRANCH.replace("out_features: 8", "out_features: 8, init: {bias: 5}")
        + "layers:\n  a: {type: branch, init: {weight: zeros, bias: zeros}}\n"
    )
    built = archscope.build(archscope.read(text)).state_dict()
    assert float(built["a.conv.weight"].abs().sum()) == 0
    assert built["a.out.bias"].unique().tolist() == [5]
    assert built["a.bn.bias"].unique().tolist() == [0]


def test_a_warning_is_allowed_for_all_layers_of_a_block() -> None:
    text = "input: [1, 6, 6]\n" + BRANCH.replace(", bias: false", "") + "layers:\n  a: {type: branch}\n"
    assert [each.name for each in archscope.read(text).doubts] == ["bias-before-norm"]
    assert not archscope.read(text.replace("{type: branch}", "{type: branch, allow: bias-before-norm}")).doubts
