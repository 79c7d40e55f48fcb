"""Witnesses that are sent through a person's own module: what they confirm, explain, and leave as it was."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.layers import Facts
from archscope.oracles import Verdict, verify
from archscope.oracles.own.conventions import ELSEWHERE, explained
from archscope.oracles.own.flops import exclusive
from archscope.oracles.own.parts import path_of
from archscope.oracles.own.torchinfo import TABLE
from archscope.tracing.calling import call_thing
from archscope.tracing.inputs import Given
from archscope.working import Count
from tests.oracles.own_modules import OF_A_MODULE, Small, asked, called, total


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


class Latents(nn.Module):
    """A view of a parameter is what a module is given."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.reads = nn.Embedding(20, 8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.latents, self.out = nn.Parameter(torch.zeros(4, 8)), nn.Linear(8, 20, bias=False)
        self.out.weight = self.table.weight

    def forward(self, ids: Tensor) -> Tensor:
        seen = self.table(ids)
        return self.out(self.reads(self.latents.expand(len(ids), -1, -1), seen, seen, need_weights=False)[0])


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_views_of_parameters_and_tied_weights_are_no_difference_wherever_a_module_was_made(device: str) -> None:
    with torch.device(device):
        module = Latents()
    found = asked(called(module, ids=torch.zeros(1, 6, dtype=torch.long)))
    assert [each.sentence for each in found.differing] == []
    assert total(found, "module", "parameters").theirs == 20 * 8 + (4 * 8 + 4) * 8 + 4 * 8
    again = total(found, "torchinfo", "parameters")  # the head once more, and the latents not at all
    assert again.theirs == 20 * 8 + (4 * 8 + 4) * 8 + 20 * 8
    assert "32 that a module with others in it holds itself are lost" in again.why
    assert total(found, "FLOPs").theirs


def test_a_number_that_no_convention_makes_is_not_explained() -> None:
    from archscope.oracles.case import Case
    from archscope.oracles.own.parts import parts_of

    it = called(Small(), (3, 32, 32))
    case = Case(archscope.analyze(it.network), module=it)
    stem = next(part for part in parts_of(case, it.module) if part.path == "stem")
    assert explained("torchinfo", stem, 448 * 256, 1) == "its mult-adds count the bias"
    assert explained("torchinfo", stem, 448 * 256 + 1, 1) == ""
    assert explained("torchinfo", stem, 110_592 * 4, 4) == "it counts every sample of the batch"


class Places(nn.Module):
    """Words and counted places: rows of a table by numbers that stand in the code."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places, self.head = nn.Embedding(30, 8), nn.Embedding(16, 8), nn.Linear(8, 3)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.words(ids) + self.places(torch.arange(ids.shape[1], device=ids.device)))


def test_a_table_that_is_a_learned_value_is_not_what_torchinfo_counts_and_nothing_differs() -> None:
    found = asked(called(Places(), ids=torch.zeros(1, 6, dtype=torch.long)))
    assert [each.sentence for each in found.differing] == []
    (only,) = [each for each in found.of(Verdict.NOT_COVERED) if (each.witness, each.layer) == ("torchinfo", "places")]
    assert "here it is a learned value, which multiplies nothing" in only.why


class Cell(nn.Module):
    """Takes states; without values PyTorch adds whole numbers to others, with them it does not."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(4, 8)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
        return self.cell(x, (h, c))[0]


def test_what_runs_on_nothing_and_not_on_numbers_is_not_covered() -> None:
    stated = {"x": Given((4,), "int64"), "h": Given((8,), "float32"), "c": Given((8,), "float32")}
    found = asked(called(Cell(), **stated), *OF_A_MODULE, "memory")
    assert found.differing == ()
    told = {each.witness: each.why for each in found.of(Verdict.NOT_COVERED) if each.layer is None}
    assert "it does not run with values: mat1 and mat2 must have the same dtype" in told["module"]
    assert "memory" in told


class Spectral(nn.Module):
    """A kernel of complex numbers, as a Fourier neural operator has them, beside one that a probe can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.kernel = nn.Conv1d(2, 3, 3), nn.Parameter(torch.ones(3, dtype=torch.cfloat))

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.fft.rfft(self.conv(x))
        return torch.fft.irfft(torch.einsum("bcf,c->bcf", seen, self.kernel))


def test_a_field_is_probed_beside_complex_weights() -> None:
    found = asked(called(Spectral(), (2, 12)), "field")
    assert found.verdict("conv", "field") is Verdict.AGREES


class Copied(nn.Module):
    """What runs is a copy of its layer, which no tool knows by its name; one vector of four goes through it."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([copy.deepcopy(self.dense)(each) for each in x])


def test_a_copy_that_runs_in_place_of_a_layer_is_told_from_what_a_tool_is_blind_to() -> None:
    found = asked(called(Copied(), (4,)), "torchinfo", "FLOPs", "memory")
    assert [each.sentence for each in found.differing] == []
    told = {each.witness: each.why for each in found.of(Verdict.NOT_COVERED) if each.layer == "dense"}
    assert told == dict.fromkeys(("torchinfo", "FLOPs"), ELSEWHERE)


class Repeats(nn.Module):
    """A learned map for each sample, copied and not only seen; and a kernel that nobody trains."""

    def __init__(self) -> None:
        super().__init__()
        self.map, self.conv = nn.Parameter(torch.zeros(1, 4, 6, 6)), nn.Conv2d(4, 4, 3, padding=1)
        self.requires_grad_(False)
        self.map.requires_grad_(True)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.map.repeat(x.shape[0], 1, 1, 1)) * x


def test_copies_of_weights_and_layers_that_nobody_trains_are_no_difference_of_memory() -> None:
    assert [each.sentence for each in asked(called(Repeats(), (4, 6, 6)), "memory").differing] == []
    fixed = nn.Conv2d(2, 3, 3).requires_grad_(False)
    assert [each.sentence for each in asked(called(nn.Sequential(fixed), (2, 6, 6)), "memory").differing] == []


class Turned(nn.Module):
    """Positions as angles of complex numbers, as in the authors' Llama: no table of sines that a rule could follow."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(4, 4)
        self.register_buffer("angles", torch.polar(torch.ones(3, 2), torch.ones(3, 2)))

    def forward(self, x: Tensor) -> Tensor:
        pairs = torch.view_as_complex(self.dense(x).reshape(*x.shape[:-1], 2, 2))
        return torch.view_as_real(pairs * self.angles).flatten(-2)


def test_a_table_of_complex_numbers_is_not_taken_for_real_ones() -> None:
    found = asked(called(Turned(), (3, 4)), "module", "FLOPs")  # a warning of PyTorch's would be an error here
    assert found.differing == ()
    assert found.analysis.totals.macs == 3 * 4 * 4


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


class Refers(nn.Module):
    """Where learned queries look, with two axes of one value more, as in attention that samples a map."""

    def __init__(self) -> None:
        super().__init__()
        self.queries, self.refer, self.bend = nn.Parameter(torch.randn(5, 8)), nn.Linear(8, 2), nn.Linear(8, 12)

    def forward(self, x: Tensor) -> Tensor:
        queries = self.queries.expand(len(x), -1, -1)
        places = self.refer(queries)[:, :, None, None] + self.bend(queries).view(len(x), -1, 2, 3, 2)
        return places * x


def test_axes_of_what_is_there_once_for_all_samples_stay_so() -> None:
    found = asked(called(Refers(), (5, 2, 3, 2)), "memory")
    assert [each.sentence for each in found.differing] == []
    assert [each.why for each in found.of(Verdict.NOT_COVERED)]


class OwnNorm(nn.Module):
    """A norm by its root of mean squares, as everybody writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(6))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class Biased(nn.Module):
    """Attention with a bias by distance, which is looked up in a table of vectors, behind a norm of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.table, self.out = OwnNorm(), nn.Embedding(32, 2), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        heads = x.view(len(x), 5, 2, 3).transpose(1, 2)
        later = torch.arange(5)[None] - torch.arange(5)[:, None]
        bias = self.table((later > 0) * 16 + later.abs()).permute(2, 0, 1).unsqueeze(0)
        scores = heads @ heads.transpose(2, 3) + bias
        return self.out((scores.softmax(-1) @ heads).transpose(1, 2).reshape(len(x), 5, 6))


def test_a_norm_and_a_table_of_distances_that_the_module_writes_itself_are_what_they_are() -> None:
    found = asked(called(Biased(), (5, 6)))
    types = {row.name: row.type for row in found.analysis.rows}
    assert (types["norm"], types["table"]) == ("rms_norm", "relative_position_bias")
    assert [each.sentence for each in found.differing] == []
    norm = [each.why for each in found.cell("norm", "Jacobian")]
    assert norm == ["its statistics join every output to every input, by lines without weights"] * 2
    (table,) = [each for each in found.cell("table", "torchinfo") if each.quantity == "macs"]
    assert table.why == TABLE
