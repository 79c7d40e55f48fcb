"""Modules are compared by what runs: a skip from the wrong place is found, other clothes are not taken for another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import archscope
from archscope.difference import difference
from tests.conftest import Run

Runs = Callable[..., Run]
HERE = "tests.difference.modules"


def test_a_skip_from_the_wrong_place_is_found_in_a_module(archscope_run: Runs) -> None:
    run = archscope_run("diff", f"{HERE}:Net@3,8,8", f"{HERE}:wrong@3,8,8", "--exit-code")
    assert run.status == 1
    assert "1. 2.short: reads 2.a instead of 1.add\n" in run.out
    assert "2. " not in run.out.replace("2. short", "").split("9 layers are alike.")[0].split("1. 2.short")[1]


def test_a_branch_that_runs_earlier_is_the_same(archscope_run: Runs) -> None:
    run = archscope_run("diff", f"{HERE}:Net@3,8,8", f"{HERE}:early@3,8,8", "--exit-code")
    assert (run.status, run.out.splitlines()[-1]) == (0, "Nothing differs: 10 layers are alike.")


@pytest.mark.parametrize("name", ["lenet5-pytorch", "alexnet", "resnet-cifar@20", "squeezenet@1.0"])
def test_what_archscope_builds_of_a_spec_is_that_spec(name: str) -> None:
    network = archscope.load(name)
    module = archscope.build(network, device="meta")
    shape = tuple(int(extent) for extent in next(iter(network.inputs.values())))
    found = difference(network, archscope.trace(module, torch.zeros(1, *shape, device="meta")))
    assert found.same, [(item.names, item.phrases) for item in found.items]


def test_gpt2_of_transformers_is_gpt2() -> None:
    """Its views fold the batch, its positions are an embedding of constants, its gelu is written out in arithmetic."""
    network = archscope.load("gpt2@small", changes=["let.layers=2", "let.d=48", "let.heads=4"])
    from tests.difference.modules import gpt2

    traced = archscope.trace(gpt2().eval(), torch.zeros(1, 1024, dtype=torch.long))
    found = difference(network, traced)
    own = [item for item in found.items if item.kind not in ("follows", "rest")]
    assert {change.label for item in own for change in item.changes} <= {"dropout"}
    assert (found.totals["parameters"].gap, found.totals["macs"].gap) == (0, 0)


def test_bert_of_transformers_is_itself() -> None:
    from tests.difference.modules import bert

    module = bert().eval()
    traced = [archscope.trace(module, torch.zeros(1, 16, dtype=torch.long)) for _ in range(2)]
    found = difference(*traced)
    assert found.same
    assert found.alike == 26


def test_a_spec_is_compared_with_a_module_by_the_specs_input(archscope_run: Runs) -> None:
    run = archscope_run("diff", "lenet5-pytorch", "tests.oracles.students:Net", "--exit-code")
    assert (run.status, run.out.splitlines()[-1]) == (0, "Nothing differs: 7 layers are alike.")
    other = archscope_run("diff", "lenet5-pytorch", "tests.oracles.students:TooWide")
    # fc1 of 128: (400 + 1)·128 − 48,120 = 3,208; fc2 reads 128: (128 + 1)·84 − 10,164 = 672.
    assert "65,586 − 61,706 = 3,208 (fc1 has 128 outputs instead of 120) + 672" in other.out
