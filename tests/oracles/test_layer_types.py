"""Every layer type, in a network of its own, before every witness that counts."""

from __future__ import annotations

import pytest

from archscope.network import Network, Node, Ref
from archscope.oracles import Verdict, verify
from tests.pytorch.builder_cases import CASES, Case, name_of


def alone(case: Case) -> Network:
    layer, shapes = case
    inputs = {f"input{number}" if number else "input": shape for number, shape in enumerate(shapes)}
    return Network("alone", inputs, [Node("layer", layer, tuple(Ref(name) for name in inputs), "layer")])


@pytest.mark.parametrize("witness", ["module", "torchinfo", "fvcore", "FLOPs", "Jacobian", "field"])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_witness_agrees_on_every_layer_type_or_says_why_not(case: Case, witness: str) -> None:
    found = verify(alone(case), [witness])
    assert [each.sentence for each in found.differing] == []
    assert all(each.why for each in found.of(Verdict.NOT_COVERED))
