"""A person's own module: what is in place, what its code holds, and what PyTorch's tracker counts in it."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope
from archscope.memory import memory
from archscope.tracing.calling import call_thing
from tests.memory.bars import BATCHES, MIXED, WAYS, different_in
from tests.memory.modules import MODULES, Encoder, ResNet
from tests.memory.shared import same


@pytest.mark.parametrize("name", MODULES)
def test_the_tracker_counts_the_same_in_a_module_of_a_persons_own(name: str) -> None:
    # Inference, which shows how long their code holds a value, or an optimizer, and one of both under autocast;
    # `tasks.py memory` goes through all.
    chance = random.Random(name)
    for ways in (WAYS, MIXED):
        assert different_in(name, chance.choice(BATCHES), chance.choice(ways)) == []


class Asked(nn.Module):
    """Of one of its branches only the size is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(6, 6)
        self.small = nn.Sequential(nn.Linear(6, 5), nn.GELU(), nn.Linear(5, 3), nn.Tanh())

    def size(self, x: Tensor) -> int:
        return self.small(x).shape[-1]

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.stem(x))
        return torch.sigmoid(x[..., : self.size(x)])


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_a_branch_that_no_output_needs_is_kept_no_longer_than_its_code_has_it(optimizer: str | None) -> None:
    same(Asked(), (4, 6), optimizer)


class Picked(nn.Module):
    """Of what a layer gives one result is taken, and the others are gone at once; or have a name, and stay."""

    def __init__(self, named: bool) -> None:
        super().__init__()
        self.named = named
        self.steps, self.out = nn.LSTM(6, 8, num_layers=2, batch_first=True, bidirectional=True), nn.Linear(16, 5)
        self.again = nn.GRU(16, 16, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        if self.named:
            hidden, _state = self.steps(x)
            hidden, _last = self.again(hidden)
        else:
            hidden = self.steps(x)[0]
            hidden = self.again(hidden)[0]
        return self.out(torch.cat([hidden.split(3, 1)[1], hidden[:, :2]], 1))


@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize("named", [False, True])
def test_each_result_of_a_layer_is_held_as_long_as_its_code_has_it(named: bool, optimizer: str | None) -> None:
    same(Picked(named), (7, 6), optimizer)


class Ends(nn.Module):
    """Gives one of two results of its last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = nn.GRU(6, 6, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.reads(x)[1]


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_a_result_that_is_no_output_goes_with_the_code_that_had_it(optimizer: str | None) -> None:
    same(Ends(), (7, 6), optimizer)


IN_PLACE = {
    **{name: getattr(nn, name)(inplace=True) for name in (
        "ReLU", "ReLU6", "LeakyReLU", "ELU", "CELU", "SELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid", "Hardtanh",
        "RReLU", "Dropout", "Dropout1d",
    )},
    "Threshold": nn.Threshold(0.1, 0.0, inplace=True),
}  # fmt: skip


class Activated(nn.Module):
    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.a, self.activation, self.b = nn.Linear(6, 6), activation, nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.activation(self.a(x)))


@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.parametrize("shape", [(6,), (4, 6)])
def test_a_function_in_place_takes_no_memory_but_copies(name: str, shape: tuple[int, ...]) -> None:
    # Over several axes a dense layer's result is seen of its rows: the backward pass then copies the gradient.
    if name == "Dropout1d" and len(shape) == 1:
        pytest.skip("it drops channels, and a vector has none")
    same(Activated(IN_PLACE[name]), shape, "sgd")


class Changed(nn.Module):
    def __init__(self, change: Any) -> None:
        super().__init__()
        self.a, self.b, self.c, self.change = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 2), change

    def forward(self, x: Tensor) -> Tensor:
        y, z = self.a(x), self.b(x)
        self.change(y, z)
        return self.c(y)


CHANGES = {
    "add_": lambda y, z: y.add_(z),
    "sub_": lambda y, z: y.sub_(z),
    "mul_": lambda y, z: y.mul_(z),
    "div_": lambda y, z: y.div_(z),
    "sigmoid_": lambda y, z: y.sigmoid_(),
    "exp_": lambda y, z: y.exp_(),
    "clamp_": lambda y, z: y.clamp_(0, 1),
    "a number": lambda y, z: y.mul_(0.5),
    "pow_": lambda y, z: y.pow_(2),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_value_that_is_changed_in_place_is_copied_only_where_it_is_needed_as_it_was(name: str) -> None:
    same(Changed(CHANGES[name]), (6,), "sgd")


def test_relu_in_place_saves_the_same_and_takes_less_meanwhile() -> None:
    # Its output is kept in either case; in place there is no second tensor of 8·16·16·4 bytes and more while it runs.
    held = [memory(archscope.trace(ResNet(inplace), (3, 16, 16)), 2, optimizer="sgd") for inplace in (True, False)]
    saved = [each["forward"].after.held["saved"] for each in held]
    most = [each["forward"].most.total for each in held]
    assert saved[0] == saved[1]
    assert most[0] < most[1]


def test_what_a_submodule_was_given_is_held_until_it_returns() -> None:
    class Held(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(100, 200), nn.Linear(200, 10), nn.Linear(10, 10))

        def forward(self, x: Tensor) -> Tensor:
            return self.body(torch.tanh(x))

    network = archscope.trace(Held(), (100,))
    # 100 values of tanh stay, 200 and 10 come: 310·4 bytes beside weights and the input of 100·4.
    weights = 4 * (100 * 200 + 200 + 200 * 10 + 10 + 10 * 10 + 10)
    assert memory(network)["forward"].most.total == weights + 400 + 4 * (100 + 200 + 10)


class Turned(nn.Module):
    """Columns of maps, one position a step, as a reader of lines takes them; then a dense layer on them turned back."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.steps, self.out = nn.Conv1d(4, 6, 1), nn.GRU(6, 5, batch_first=True), nn.Linear(9, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.steps(self.conv(x).mT)[0].mT).tanh()


@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize("batch", [1, 2])
def test_rows_of_one_sample_are_multiplied_as_they_lie_and_those_of_more_are_copied(
    batch: int, optimizer: str | None
) -> None:
    same(Turned(), (4, 9), optimizer, batch)


def test_weights_that_nothing_uses_are_held_and_not_trained() -> None:
    network = archscope.trace(MODULES["Repeated"][0](), (16,))
    held = memory(network, optimizer="adam")
    used = 16 * 16 + 16 + 16 * 4 + 4
    assert held["after build"].after.held["weights"] == 4 * (used + 3 * 3 + 3)
    assert held["after build"].after.held["state"] == 8 * used + 4 * 4


def test_what_no_rule_follows_is_said_and_no_number_is_claimed() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            later = torch.ones(4, 4, dtype=torch.bool).triu(1)
            return self.a(x, x, x, key_padding_mask=x[..., 0] > 0, attn_mask=later)[0]

    class Highest(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            return F.alpha_dropout(self.a(x).cummax(dim=1)[0], 0.1, self.training)

    for module, why in (
        (Attends(), "is given a padding mask"),
        (Highest(), "no rule says what a function keeps"),
    ):
        network = archscope.trace(module, (4, 8))
        assert any(why in each for each in memory(network, optimizer="sgd").not_covered.values())
        assert any(why in each for each in memory(network).not_covered.values())


def test_verify_sends_the_tracker_through_the_module_itself() -> None:
    from archscope.oracles import verify

    theirs = call_thing(Encoder(), [(9, 32)], {})
    found = verify(theirs.network, ["memory"], module=theirs)
    assert len(found.findings) > 15
    assert not found.differing


def test_the_tracker_takes_a_module_that_was_called_with_tensors() -> None:
    from archscope.oracles import Verdict, verify

    theirs = call_thing(nn.Sequential(nn.Linear(6, 5), nn.Tanh()), [torch.ones(3, 6)], {})
    found = verify(theirs.network, ["memory"], module=theirs)
    assert len(found.of(Verdict.AGREES)) > 15
    assert not found.differing


class Asking(nn.Module):
    """Makes a mask unless it sees that it needs none."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(6, 40)

    def forward(self, x: Tensor) -> Tensor:
        from torch._subclasses.fake_tensor import FakeTensor

        made = self.a(x)
        if isinstance(x, FakeTensor):
            return torch.relu(made + torch.zeros(40, 40, device=x.device)[0])
        return torch.relu(made)


def test_code_that_runs_otherwise_without_values_is_tracked_with_them() -> None:
    from archscope.oracles import verify

    theirs = call_thing(Asking(), [(6,)], {})
    found = verify(theirs.network, ["memory"], module=theirs)
    assert len(found.findings) > 15
    assert not found.differing


class Stateful(nn.Module):
    """Begins with a state that its code makes on the CPU, so that it is read with values; `y` stays to the end."""

    def __init__(self) -> None:
        super().__init__()
        self.steps, self.out = nn.GRU(8, 6, batch_first=True), nn.Linear(6, 300)

    def forward(self, x: Tensor) -> Tensor:
        y, _last = self.steps(x, torch.zeros(1, x.shape[0], 6))
        return torch.tanh(self.out(y))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_how_long_code_has_a_value_is_known_where_it_runs_with_values_too(batch: int) -> None:
    same(Stateful(), (5, 8), None, batch=batch)


class Rotated(nn.Module):
    """Rotary positions as people write them, with a table that is worked out for all layers once."""

    def __init__(self) -> None:
        super().__init__()
        self.q = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        angles = torch.arange(6.0)[:, None] * 10000.0 ** (-torch.arange(4) / 4)
        cos, sin = (torch.cat([each, each], -1) for each in (angles.cos(), angles.sin()))
        x = self.q(x)
        return x * cos + torch.cat([-x[..., 4:], x[..., :4]], -1) * sin
