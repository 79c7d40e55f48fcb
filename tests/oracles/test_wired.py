"""A module is held against a network by its wiring too, and other clothes are no other network."""

from __future__ import annotations

import torch

import archscope
from archscope.oracles.comparison import compare, compare_factory
from tests.difference.modules import Net, bert, gpt2, wrong
from tests.oracles.test_comparison import gap, told


def test_a_skip_from_the_wrong_place_is_found() -> None:
    network = archscope.trace(Net().eval(), torch.zeros(1, 3, 8, 8))
    found = compare(network, wrong())
    assert told(found) == ["2.short: reads 2.a instead of 1.add"]
    assert gap(found) == 0


def test_a_skip_from_the_wrong_place_is_found_where_layers_differ_too() -> None:
    network = archscope.trace(Net().eval(), torch.zeros(1, 3, 8, 8))
    module = Net("wrong")
    module[4] = torch.nn.Linear(8 * 6 * 6, 5)
    found = compare(network, module)
    assert told(found) == ["2.short: reads 2.a instead of 1.add", "4: 5 outputs instead of 4"]
    assert gap(found) == 8 * 6 * 6 + 1


def test_the_same_skip_taken_earlier_is_the_same() -> None:
    network = archscope.trace(Net().eval(), torch.zeros(1, 3, 8, 8))
    assert compare(network, Net("early")).same


def test_gpt2_of_transformers_is_the_spec_but_for_its_dropouts() -> None:
    network = archscope.load("gpt2@small", changes=["let.layers=2", "let.d=48", "let.heads=4"])
    found = compare_factory(network, "tests.difference.modules:gpt2")
    assert found.found is not None
    assert [(item.kind, len(item.changes)) for item in found.found.items] == [("added", 5)]
    assert found.found.items[0].changes[0].label == "dropout"
    assert found.found.totals["parameters"].after == sum(each.numel() for each in gpt2().parameters())
    assert gap(found) == 0


def test_bert_of_transformers_is_itself_without_a_false_line() -> None:
    module = bert().eval()
    network = archscope.trace(module, torch.zeros(1, 16, dtype=torch.long))
    assert compare(network, module).same
