"""Witnesses that are sent through a person's own module: what they confirm, explain, and leave as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.layers import Facts
from archscope.oracles import Verdict, verify
from archscope.oracles.own.conventions import explained
from archscope.oracles.own.flops import exclusive
from archscope.oracles.own.parts import path_of
from archscope.tracing.calling import call_thing
from archscope.working import Count
from tests.oracles.own_modules import Small, asked, called, total


class LastStep(nn.Module):
    """Six steps of 4·16·(8 + 16) products, and 16·2: 9,248."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.lstm(x)[0][:, -1])


class Attends(nn.Module):
    """Four projections of 16·16 at 9 places, two products of 9·9·16, and 16·2 at 9 places: 11,808 + 288."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.out = nn.MultiheadAttention(16, 4, batch_first=True), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.attention(x, x, x, need_weights=False)[0])


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu())


class Remembers(nn.Module):
    """Keeps what it has made, a counter and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.mask, self.calls = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), None, 0
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen += 1
        if self.mask is None:
            self.mask = torch.tril(torch.ones(6, 6, device=x.device))  # type: ignore[assignment]
        return self.norm(self.conv(x)) * self.mask


@pytest.mark.parametrize(
    ("make", "shape", "macs"),
    [(Small, (3, 32, 32), 143_440), (LastStep, (6, 8), 9_248), (Attends, (9, 16), 12_096), (Tied, (6,), 72)],
)
def test_nothing_differs_that_has_no_explanation(make: type[nn.Module], shape: tuple[int, ...], macs: int) -> None:
    found = asked(called(make(), shape))
    assert [each.sentence for each in found.differing] == []
    assert found.analysis.totals.macs == macs
    assert total(found, "module", "parameters").verdict is Verdict.AGREES


def test_each_tool_that_counts_otherwise_says_why() -> None:
    found = asked(called(Small(), (3, 32, 32)))
    told = {(each.witness, each.layer): (each.ours, each.theirs, each.why) for each in found.of(Verdict.EXPLAINED)}
    assert told["torchinfo", "stem"] == (110_592, 448 * 256, "its mult-adds count the bias")
    ours, theirs, why = told["torchinfo", "up"]
    assert (ours, theirs) == (32_768, (16 * 8 * 4 + 8) * 16 * 16)
    assert "four times as much for a stride of 2" in why
    assert {witness for witness, _ in told} == {"torchinfo"}
    assert total(found, "fvcore").theirs == total(found, "FLOPs").theirs == 143_440
    assert total(found, "torchinfo").theirs == 448 * 256 + 32 + 520 * 256 + 90


def test_a_fused_attention_that_a_tool_misses_is_named() -> None:
    found = asked(called(Attends(), (9, 16)), "fvcore")
    (only,) = [each for each in found.of(Verdict.EXPLAINED) if each.layer]
    assert (only.ours, only.theirs) == (11_808, 4 * 9 * 16 * 16)
    assert "no rule for fused attention" in only.why


def test_weights_that_are_counted_twice_are_named() -> None:
    found = asked(called(Tied(), (6,)), "torchinfo")
    parameters = total(found, "torchinfo", "parameters")
    assert (parameters.ours, parameters.theirs) == (6 * 6 + 6 + 6, 2 * (6 * 6 + 6))
    assert parameters.why == "it counts shared weights once for each layer that has them"


def test_what_a_tool_is_blind_to_is_not_covered_and_never_0() -> None:
    found = asked(called(LastStep(), (6, 8)), "FLOPs", "fvcore")
    silent = [each for each in found.of(Verdict.NOT_COVERED) if each.layer == "lstm"]
    assert {each.witness for each in silent} == {"FLOPs", "fvcore"}
    assert all(each.theirs is None for each in silent)


def more(quantity: str) -> Callable[[Facts], Facts]:
    return lambda facts: facts.replace(**{quantity: Count(int(getattr(facts, quantity)) + 1)})


def wider(facts: Facts) -> Facts:
    return facts.replace(windows=tuple(each.replace(kernel=each.kernel + 1) for each in facts.windows or ()))


def narrower(facts: Facts) -> Facts:
    return facts.replace(windows=tuple(each.replace(kernel=each.kernel - 1) for each in facts.windows or ()))


def taller(facts: Facts) -> Facts:
    return facts.replace(outputs=((*facts.outputs[0][:-1], facts.outputs[0][-1] + 1),))


@pytest.mark.parametrize(
    ("witness", "change"),
    [("torchinfo", more("macs")), ("fvcore", more("macs")), ("FLOPs", more("macs")), ("Jacobian", more("connections")),
     ("module", taller), ("field", wider), ("field", narrower)],
)  # fmt: skip
def test_a_witness_of_a_module_notices_a_broken_rule(witness: str, change: Callable[[Facts], Facts]) -> None:
    it = called(Small(), (3, 32, 32))
    network = it.network.replace(facts={**it.network.facts, "stem": change(it.network.facts["stem"])})
    found = verify(network, [witness], module=it)
    assert "stem" in {each.layer for each in found.differing}


def test_the_module_is_the_same_afterwards() -> None:
    module = Remembers().train()
    it = called(module, (2, 8, 8))
    hook = module.conv.register_forward_hook(lambda *_: None)
    values = {name: (each, each.clone(), each._version) for name, each in module.state_dict(keep_vars=True).items()}
    hooks = [dict(each._forward_hooks) | dict(each._forward_pre_hooks) for each in module.modules()]
    torch.manual_seed(3)
    drawn = torch.rand(2)
    torch.manual_seed(3)
    asked(it)
    assert torch.equal(torch.rand(2), drawn)
    assert (module.mask, module.calls, module.training, module.norm.training) == (None, 0, True, True)
    assert [dict(each._forward_hooks) | dict(each._forward_pre_hooks) for each in module.modules()] == hooks
    for name, each in module.state_dict(keep_vars=True).items():
        same, value, version = values[name]
        assert each is same
        assert torch.equal(each, value)
        assert each._version == version
    hook.remove()
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_module_on_tokens_in_a_dict_is_verified() -> None:
    from tests.tracing.called import Nested, TokensAndImage, as_tuple, nested

    for module, args in ((TokensAndImage(), as_tuple()), (Nested(), (nested(),))):
        found = asked(called(module, *args))
        assert [each.sentence for each in found.differing] == []
        assert total(found, "FLOPs").verdict is Verdict.AGREES


def test_the_command_sends_the_witnesses_through_the_module(archscope_run: Any) -> None:
    run = archscope_run("verify", "tests.oracles.test_own:Small@3,32,32", "--witness", "torchinfo")
    assert run.status == 0, run.err
    assert "Counts otherwise, and why" in run.out
    assert "its mult-adds count the bias (114,688 for 110,592 at stem)" in " ".join(run.out.split())


def test_counts_of_modules_are_told_apart_from_those_in_them() -> None:
    assert exclusive({"": 30, "a": 30, "a.b.c": 10}) == {"": 0, "a": 20, "a.b.c": 10}


@pytest.mark.parametrize(
    ("name", "path"),
    [("a.fc", "a.fc"), ("a.fc_2", "a.fc"), ("a.fc.relu", "a.fc"), ("a.add", "a"), ("add", ""), ("b.c", "")],
)
def test_a_node_belongs_to_the_module_that_ran_it(name: str, path: str) -> None:
    assert path_of(name, {"": 0, "a": 0, "a.fc": 0}) == path


def test_a_number_that_no_convention_makes_is_not_explained() -> None:
    from archscope.oracles.case import Case
    from archscope.oracles.own.parts import parts_of

    it = called(Small(), (3, 32, 32))
    case = Case(archscope.analyze(it.network), module=it)
    stem = next(part for part in parts_of(case, it.module) if part.path == "stem")
    assert explained("torchinfo", stem, 448 * 256, 1) == "its mult-adds count the bias"
    assert explained("torchinfo", stem, 448 * 256 + 1, 1) == ""
    assert explained("torchinfo", stem, 110_592 * 4, 4) == "it counts every sample of the batch"


@pytest.mark.parametrize("before", [False, True])
def test_the_jacobian_of_a_layer_is_its_own_whatever_hangs_on_it(before: bool) -> None:
    """6·7 lines and 7 of biases; what a hook makes of them is not the layer's."""
    layer = nn.Linear(6, 7)
    if before:
        layer.register_forward_pre_hook(lambda module, args: (args[0] * 0,))
    else:
        layer.register_forward_hook(lambda module, args, made: made * 0 + 2)
    called = call_thing(nn.Sequential(layer, nn.Linear(7, 3)), [(6,)], {})
    found = verify(called.network, ["Jacobian"], module=called)
    assert [each.sentence for each in found.differing] == []
    assert {each.theirs for each in found.findings if each.layer == "0" and each.quantity == "connections"} == {49}
    assert len(layer._forward_pre_hooks) + len(layer._forward_hooks) == 1


def test_verify_uses_up_nobodys_random_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where what a witness imports draws some."""
    import random

    from archscope.oracles.own import torchinfo

    observe, drawn = torchinfo.observe, []

    def draws(case: Any) -> Any:
        drawn.append((random.random(), torch.rand(1)))
        return observe(case)

    monkeypatch.setattr(torchinfo, "observe", draws)
    called = call_thing(nn.Linear(3, 2), [(3,)], {})
    before, ours = random.getstate(), torch.get_rng_state()
    verify(called.network, ["torchinfo"], module=called)
    assert drawn
    assert random.getstate() == before
    assert torch.equal(torch.get_rng_state(), ours)
