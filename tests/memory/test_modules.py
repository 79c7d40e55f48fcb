"""A person's own module: what is in place, what its code holds, and what PyTorch's tracker counts in it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope
from archscope.memory import memory
from archscope.oracles import tracking
from archscope.oracles.own.memory import called
from archscope.tracing.calling import call_thing
from tests.memory.bars import BATCHES, MIXED, WAYS, different_in
from tests.memory.modules import MODULES, Encoder, ResNet


def same(module: nn.Module, shape: tuple[int, ...], optimizer: str | None, batch: int = 2) -> None:
    theirs = call_thing(module, [shape], {})
    found = memory(theirs.network, batch, optimizer=optimizer, as_tracked=True)
    assert not found.not_covered
    tracked = tracking.tracked(lambda: called(theirs, batch), optimizer)
    assert {phase.name: (phase.after.total, phase.most.total) for phase in found.phases} == tracked


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


class Reads(nn.Module):
    """Learned queries read what came in, as in a Perceiver; an optimizer goes through them first."""

    def __init__(self) -> None:
        super().__init__()
        self.latents, self.keys = nn.Parameter(torch.zeros(6, 16)), nn.Linear(5, 16)
        self.reads = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        queries, keys = self.latents.expand(len(x), -1, -1), self.keys(x)
        return self.reads(queries, keys, keys, need_weights=False)[0]


@pytest.mark.parametrize("optimizer", [None, "sgd", "adam"])
def test_values_that_are_the_keys_are_projected_with_them(optimizer: str | None) -> None:
    same(Reads(), (9, 5), optimizer)


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
            return self.a(x, x, x)[0]

    class Highest(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            return F.alpha_dropout(self.a(x).max(dim=1)[0], 0.1, self.training)

    for module, why in ((Attends(), "gives its weights too"), (Highest(), "notes the places of its values")):
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


class Dropping(nn.Module):
    """Attention that drops weights while it trains, which no run at inference shows."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.qkv, self.attn_dropout = nn.Linear(8, 24), nn.Dropout(share)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        share = self.attn_dropout.p if self.training else 0.0
        return F.scaled_dot_product_attention(q, k, v, dropout_p=share)


def test_attention_that_drops_only_while_it_trains_is_not_covered_then() -> None:
    network = archscope.trace(Dropping(0.1), (6, 8))
    assert not memory(network).not_covered
    (why,) = memory(network, optimizer="sgd").not_covered.values()
    assert why == "it is told not to drop (`dropout_p`) at inference, and may while training: `attn_dropout`"
    same(Dropping(0.0), (6, 8), "sgd")


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


class Ordered(nn.Module):
    """As Whisper has it: queries, keys and values of each head are put in order before they are multiplied."""

    def __init__(self, put: bool) -> None:
        super().__init__()
        self.put = put
        self.q, self.k, self.v, self.out = (nn.Linear(16, 16) for _ in range(4))

    def heads(self, x: Tensor) -> Tensor:
        apart = x.view(x.shape[0], -1, 2, 8).transpose(1, 2)
        return apart.contiguous() if self.put else apart

    def forward(self, x: Tensor) -> Tensor:
        made = F.scaled_dot_product_attention(*(self.heads(each(x)) for each in (self.q, self.k, self.v)))
        return self.out(made.transpose(1, 2).reshape(x.shape))


@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize("put", [False, True])
def test_what_code_puts_in_the_order_of_its_axes_is_held_so(put: bool, optimizer: str | None) -> None:
    same(Ordered(put), (12, 16), optimizer)
    same(Ordered(put), (12, 16), optimizer, batch=1)


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


class Marked(nn.Module):
    """As ViT has it: a token of its own in front, and numbers beside that no layer has."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.places = nn.Parameter(torch.zeros(1, 1, 16)), nn.Parameter(torch.zeros(1, 5, 16))
        self.out = nn.Linear(16, 3)
        self.register_buffer("numbers", torch.arange(40)[None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.out(torch.tanh(x)[:, 0])


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("optimizer", [None, "adam"])
def test_a_token_in_front_and_numbers_beside_are_held_as_they_are(optimizer: str | None, batch: int) -> None:
    same(Marked(), (4, 16), optimizer, batch=batch)


class Fronted(nn.Module):
    """A row in front, which has an axis for samples, is given one, or has `expand` repeat it without one."""

    def __init__(self, way: str) -> None:
        super().__init__()
        shape, self.give = ROWS[way]
        self.row, self.a, self.out = nn.Parameter(torch.zeros(shape)), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.out(torch.cat((self.give(self.row, x), x), 1))


ROWS: dict[str, tuple[tuple[int, ...], Callable[[Tensor, Tensor], Tensor]]] = {
    "has it": ((1, 1, 8), lambda row, x: row.expand(len(x), -1, -1)),
    "is given it": ((1, 8), lambda row, x: row[None].expand(len(x), -1, -1)),
    "is given two": ((8,), lambda row, x: row[None, None].expand(len(x), -1, -1)),
    "expand": ((1, 8), lambda row, x: row.expand(len(x), 1, -1)),
    "expand of a vector": ((8,), lambda row, x: row.expand(len(x), 1, 8)),
    "expand of two": ((2, 8), lambda row, x: row.expand(len(x), -1, -1)),
    "expand_as": ((1, 1, 8), lambda row, x: row.expand_as(x[:, :1])),
    "repeat": ((1, 1, 8), lambda row, x: row.repeat(len(x), 1, 1)),
}


@pytest.mark.parametrize(("optimizer", "batch"), [("sgd", 1), ("adam", 3)])
@pytest.mark.parametrize("way", ROWS)
def test_the_gradient_of_a_row_in_front_is_a_part_of_another_where_nothing_sums_it(
    way: str, optimizer: str, batch: int
) -> None:
    same(Fronted(way), (5, 8), optimizer, batch)


class Early(nn.Module):
    """Its code sees parameters as values before the layers whose results they meet, or beside."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.a, self.out = way, nn.Linear(8, 8), nn.Linear(8, 3)
        self.row, self.places = nn.Parameter(torch.zeros(1, 1, 8)), nn.Parameter(torch.zeros(1, 6, 8))

    def forward(self, x: Tensor) -> Tensor:
        row = self.row.expand(len(x), -1, -1)
        if self.way == "both":
            places = self.places.expand(len(x), -1, -1)
            return self.out(torch.cat((row, self.a(x)), 1) + places)
        if self.way == "added":
            return self.out(row + self.a(x)[:, :1])
        x = self.a(x)
        if self.way == "constants":
            x = x * torch.arange(8.0)
        return self.out(torch.cat((row, x), 1) + self.places)


@pytest.mark.parametrize(("optimizer", "batch"), [("sgd", 1), ("adam", 3)])
@pytest.mark.parametrize("way", ["one", "both", "added", "constants"])
def test_gradients_come_to_a_parameter_when_its_code_saw_it_as_values(way: str, optimizer: str, batch: int) -> None:
    same(Early(way), (5, 8), optimizer, batch)


def test_what_takes_the_shape_of_another_value_does_not_read_that() -> None:
    network = archscope.trace(Fronted("expand_as"), (5, 8))
    assert [node.layer.type for node in network.nodes if not node.inputs] == ["parameter"]
    assert not network.observed.unused


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


class Hiding(nn.Module):
    """As T5's decoder has it: a bias by distance, and numbers so low in the place of what comes later."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.qkv, self.table = nn.Linear(16, 48), nn.Embedding(13, 2)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        q, k, v = (each.view(-1, length, 2, 8).transpose(1, 2) for each in self.qkv(x).chunk(3, -1))
        apart = torch.arange(length)[:, None] - torch.arange(length)[None] + length - 1
        bias, seen = self.table(apart).permute(2, 0, 1)[None], apart >= length - 1
        if self.way == "where":
            mask = torch.where(seen, bias, -1e9)
        elif self.way == "masked_fill":
            mask = bias.masked_fill(~seen, float("-inf"))
        else:
            mask = bias if self.way == "none" else torch.where(seen, bias, -1.0)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask.contiguous()).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("way", ["where", "masked_fill"])
def test_a_bias_whose_later_part_is_hidden_is_a_bias_and_a_mask(way: str) -> None:
    from archscope.memory import cache_of

    network = archscope.trace(Hiding(way), (7, 16))
    assert {"relative_position_bias", "attention_mask"} <= {node.layer.type for node in network.nodes}
    cache = cache_of(network)
    # Two heads of 8 features for keys and 8 for values, 4 bytes each.
    assert (cache.token_bytes, cache.not_covered) == (4 * 2 * (8 + 8), {})


@pytest.mark.parametrize("way", ["none", "low"])
def test_a_bias_that_hides_nothing_later_is_no_mask(way: str) -> None:
    network = archscope.trace(Hiding(way), (7, 16))
    assert "attention_mask" not in {node.layer.type for node in network.nodes}


class Constant(nn.Module):
    """As StyleGAN begins: with values of its own that its code repeats for every sample."""

    def __init__(self) -> None:
        super().__init__()
        self.start, self.maps = nn.Parameter(torch.randn(1, 4, 3, 3)), nn.Conv2d(4, 4, 3, padding=1)
        self.styles = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        maps = torch.relu(self.maps(self.start.repeat(x.shape[0], 1, 1, 1)))
        return maps * self.styles(x)[:, :, None, None]


class Queries(nn.Module):
    """As DETR has them: learned queries, of which the code lets go before the last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.queries, self.inner, self.out = nn.Parameter(torch.randn(3, 6)), nn.Linear(6, 6), nn.Linear(6, 9)

    def forward(self, x: Tensor) -> Tensor:
        q = self.queries.unsqueeze(0).repeat(x.shape[0], 1, 1)
        q = q + torch.relu(self.inner(q))
        return self.out(q + x[:, None])


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("made", [Constant, Queries])
def test_what_code_repeats_for_every_sample_is_held_as_long_as_its_code_has_it(
    made: Any, optimizer: str | None, batch: int
) -> None:
    same(made(), (6,), optimizer, batch)


class Ensemble(nn.Module):
    """A parameter that has an axis more than a sample, and a sample that has one for its members."""

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.work, self.members, self.inner = getattr(torch, name), nn.Parameter(torch.rand(shape)), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.work(self.members, self.inner(x)[:, None])).sum(1)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(("shape", "rest"), [((4, 6), (6,)), ((3, 1, 6), (5, 6))])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_both_sides_of_an_operation_that_repeats_them_get_their_sums_at_once(
    name: str, shape: tuple[int, ...], rest: tuple[int, ...], batch: int
) -> None:
    same(Ensemble(name, shape), rest, "sgd", batch=batch)
