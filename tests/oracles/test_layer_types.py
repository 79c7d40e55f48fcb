"""Every layer type, in a network of its own, before every witness that counts."""

from __future__ import annotations

import pytest

from archscope.layers import Shape
from archscope.network import Network, Node, Ref
from archscope.oracles import Verdict, verify
from tests.building.builder_cases import CASES, Case, name_of


def alone(case: Case) -> Network:
    layer, shapes = case
    inputs = {f"input{number}" if number else "input": shape for number, shape in enumerate(shapes)}
    # A network has an input, also where its one layer reads none.
    unread: dict[str, Shape] = {} if inputs else {"input": (3,)}
    return Network("alone", inputs or unread, [Node("layer", layer, tuple(Ref(name) for name in inputs), "layer")])


WHO = ["module", "torchinfo", "fvcore", "FLOPs", "profiler", "source", "gradient", "Jacobian", "field"]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_witness_agrees_on_every_layer_type_or_says_why_not(case: Case) -> None:
    found = verify(alone(case), WHO)
    assert [(each.witness, each.sentence) for each in found.differing] == []
    assert all(each.why for each in found.of(Verdict.NOT_COVERED))
    assert {each.witness for each in found.findings} <= set(WHO)


@pytest.mark.parametrize("case", [each for each in CASES if alone(each).facts["layer"].weights], ids=name_of)
def test_a_sample_of_a_layers_units_says_what_all_of_them_say(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archscope.oracles.jacobian.EXACT", 0)
    found = verify(alone(case), ["Jacobian"])
    assert [each.sentence for each in found.differing] == []
    assert all("a pass of ones" in each.why for each in found.of(Verdict.AGREES) if each.layer)
