"""How many independent witnesses a network's totals have: of those that come along four at least, of both."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

import archscope
from archscope.building import build
from archscope.oracles import Verdict, Verification, gradient, profiler, verify
from archscope.oracles.case import Case
from archscope.oracles.census import Census
from archscope.reader import read
from archscope.writing.pytorch import write_pytorch

ASKED = ["module", "torchinfo", "fvcore", "FLOPs", "profiler", "source", "gradient", "Jacobian", "memory"]
"""Those that speak of totals; what the papers printed is not counted with them."""

NUMBERS = {
    # Witnesses of the parameters, and of the multiply-accumulates.
    "lecun1989": (5, 6),
    "lenet1": (5, 6),
    "autoencoder@curves": (5, 6),
    "dcgan@generator": (5, 5),  # the profiler has no formula for transposed convolutions
    "gpt2@small": (4, 4),  # torchinfo counts a shared matrix twice; of attention fvcore and the Jacobian say nothing
    "lstm-lm@small": (5, 4),
    "mobilenet-v1@0.25-128": (5, 6),
    "resnet-cifar@20": (5, 6),
}  # fmt: skip
"""A network of each kind, as small as there is one: others of its family have the same layers."""


def witnesses_of(found: Verification, *quantities: str) -> set[str]:
    return {each.witness for each in found.findings
            if each.layer is None and each.quantity in quantities and each.verdict is Verdict.AGREES}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_a_total_has_four_witnesses_or_more(name: str) -> None:
    found = verify(archscope.load(name), ASKED)
    assert found.differing == ()
    numbers = len(witnesses_of(found, "parameters")), len(witnesses_of(found, "macs", "flops"))
    assert numbers == NUMBERS[name]
    assert min(numbers) >= 4


def test_squared_distances_have_five_witnesses_and_the_sixth_says_why() -> None:
    found = verify(archscope.load("lenet5-1998"), ASKED)
    assert witnesses_of(found, "macs", "flops") == {"Jacobian", "source", "gradient", "fvcore", "FLOPs"}
    assert witnesses_of(found, "parameters") == {"module", "torchinfo", "source", "gradient", "memory"}
    told = {each.witness: each.why for each in found.findings
            if each.layer is None and each.verdict is Verdict.NOT_COVERED}  # fmt: skip
    assert told["profiler"] == "no formula for square"


WIDE = """
input: [3]
layers:
  hidden: {type: linear, out_features: 7}
  distances: {type: rbf, out_features: 5, trainable: true}
"""


def test_a_square_is_one_multiplication_wherever_its_sum_is_on_the_way_forward_and_back() -> None:
    # 3·7 products and 7·5 squares, one for each input and unit: 56. A square that is halved or doubled is 38.5 or 91.
    found = verify(read(WIDE), ("fvcore", "FLOPs", "source", "gradient", "Jacobian"))
    assert found.differing == ()
    assert {each.theirs for each in found.findings if each.layer is None and each.quantity == "macs"} == {56}
    assert [each.theirs for each in found.findings if each.layer is None and each.quantity == "flops"] == [112]


def test_squares_that_are_averaged_are_no_multiply_accumulates() -> None:
    values = torch.ones(2, 6, requires_grad=True)
    with Census() as census:
        values.square().mean(-1).sum().backward()
    assert (census.macs, census.squares) == (0, 0)
    with Census() as census:
        values.square().sum(-1).sum().backward()
    assert (census.macs, census.squares) == (12, 12)


def differing(*witnesses: str) -> set[tuple[str, str]]:
    found = verify(archscope.load("lenet5-pytorch"), witnesses)
    return {(each.witness, each.quantity) for each in found.differing}


def test_source_that_holds_and_multiplies_more_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    right = write_pytorch(archscope.load("lenet5-pytorch"))
    assert right.count("nn.Linear(84, 10)") == 1
    monkeypatch.setattr("archscope.writing.pytorch.write_pytorch", lambda _: right.replace("(84, 10)", "(84, 11)"))
    assert differing("source") == {("source", "parameters"), ("source", "macs")}


def test_a_weight_that_no_gradient_reaches_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(archscope.load("lenet5-pytorch")).eval()
    model.node("fc2").weight.requires_grad_(requires_grad=False)
    monkeypatch.setattr(Case, "model", model)
    # The products of a frozen weight go back like all others; the values that are trained are fewer.
    assert differing("gradient") == {("gradient", "parameters")}


def test_no_gradient_and_no_hook_stays_on_the_module() -> None:
    case = Case(archscope.analyze(archscope.load("lstm-lm@small", changes={"let.steps": 2})))
    assert all(each.verdict is Verdict.AGREES for each in gradient.observe(case))
    assert all(each.grad is None for each in case.model.parameters())
    assert not any(each._forward_pre_hooks for each in case.model.modules())


def test_what_the_profiler_has_no_formula_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiler, "COUNTED", profiler.COUNTED - {"aten::addmm"})
    (found,) = verify(archscope.load("lenet5-pytorch"), ["profiler"]).findings
    assert (found.verdict, found.why) == (Verdict.NOT_COVERED, "no formula for addmm")


def profiled(layer: str, *, input: str) -> str:
    network = read(f"input: {input}\nlayers: {{it: {{{layer}}}}}")
    (found,) = verify(network, ["profiler"]).findings
    return found.sentence


def test_the_profiler_speaks_of_dilated_convolutions_and_names_only_what_a_module_calls() -> None:
    conv = "out_channels: 4, kernel_size: 3"
    dilated = profiled(f"type: conv2d, {conv}, padding: 2, dilation: 2", input="[3, 9, 9]")
    assert dilated == "total: flops is 17,496; profiler agrees"  # 2·(3·3·3·4)·9·9
    deep = profiled(f"type: conv3d, {conv}", input="[3, 5, 5, 5]")
    assert deep == "total: flops is not covered by profiler: no formula for conv3d"


def test_experts_are_counted_where_nobody_knows_which_are_chosen() -> None:
    found = verify(archscope.load("mixtral"), ["source"])
    assert witnesses_of(found, "macs") == {"source"}
