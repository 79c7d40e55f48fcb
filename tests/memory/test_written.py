"""What several operations of a module's code hold that are one layer, and what those hold that no layer type is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import archscope
from archscope.memory import memory, per_layer
from tests.memory.shared import same
from tests.memory.test_modules import Rotated


class Between(nn.Module):
    """A dense layer, what is done to its result, and another dense layer."""

    def __init__(self, does: Callable[[Tensor], Tensor], given: int = 16, width: int = 16) -> None:
        super().__init__()
        self.a, self.b, self.does = nn.Linear(given, width), nn.Linear(width, 3), does

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.does(self.a(x)))


class Norm(nn.Module):
    """A layer norm as people write it, or Llama's, whose code keeps the mean square in a variable."""

    def __init__(self, centred: bool) -> None:
        super().__init__()
        self.centred = centred
        self.weight, self.bias = nn.Parameter(torch.ones(16)), nn.Parameter(torch.zeros(16))

    def forward(self, x: Tensor) -> Tensor:
        if self.centred:
            apart = x - x.mean(-1, keepdim=True)
            variance = apart.pow(2).mean(-1, keepdim=True)
            return apart * torch.rsqrt(variance + 1e-5) * self.weight + self.bias
        variance = x.pow(2).mean(-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(variance + 1e-6)) + self.bias


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("centred", [False, True])
def test_a_norm_that_is_written_out_holds_what_its_operations_do(
    centred: bool, optimizer: str | None, batch: int
) -> None:
    same(Between(Norm(centred)), (8, 16), optimizer, batch)


class Attends(nn.Module):
    """Attention as products and a softmax, with what comes later hidden, and rotary positions in sines and cosines."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(16, 16) for _ in range(4))
        self.register_buffer("steps", 10000.0 ** (-torch.arange(0, 4, 2) / 4))
        self.register_buffer("earlier", torch.tril(torch.ones(8, 8)))

    def heads(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], 4, 4).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        angles = torch.outer(torch.arange(x.shape[1]).float(), self.steps)
        both = torch.cat((angles, angles), -1)
        cos, sin = both.cos(), both.sin()

        def turned(x: Tensor) -> Tensor:
            one, other = x.chunk(2, -1)
            return x * cos + torch.cat((-other, one), -1) * sin

        q, k, v = turned(self.heads(self.q(x))), turned(self.heads(self.k(x))), self.heads(self.v(x))
        scores = (q @ k.transpose(-2, -1) / 2).masked_fill(self.earlier == 0, float("-inf"))
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(x.shape))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "adam"])
def test_attention_and_rotary_positions_that_are_written_out_hold_what_their_operations_do(
    optimizer: str | None, batch: int
) -> None:
    for module, shape, type_ in ((Attends(), (8, 16), "scaled_dot_product_attention"), (Rotated(), (6, 8), "rotary")):
        assert type_ in {node.layer.type for node in archscope.trace(module, shape).nodes}
    same(Attends(), (8, 16), optimizer, batch)
    same(Rotated(), (6, 8), optimizer, batch)


def test_a_table_has_of_a_layer_what_its_operations_hold_together() -> None:
    # x: 8·16·4 bytes, kept by x² and the product; 8·4 of the root, which it keeps itself.
    network = archscope.trace(Between(Norm(centred=False)), (8, 16))
    held = per_layer(network)
    (norm,) = [node.name for node in network.nodes if node.layer.type == "rms_norm"]
    assert held["a"] is not None
    assert held["a"].saved_bytes == 512
    # The root, and the product with it, which is kept for the weight.
    assert held[norm] is not None
    assert held[norm].saved_bytes == 32 + 512


class Masked(nn.Module):
    """Scores of tokens of which those that are 0 are none, hidden by numbers so low or none at all."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.table = way, nn.Embedding(50, 16)
        self.q, self.k, self.v = (nn.Linear(16, 16) for _ in range(3))

    def forward(self, ids: Tensor) -> Tensor:
        x, none = self.table(ids), ids == 0
        scores = self.q(x) @ self.k(x).transpose(-2, -1) / 4
        if self.way == "filled":
            scores = scores.masked_fill(none[:, None, :], float("-inf"))
        elif self.way == "added":
            low = torch.zeros_like(none, dtype=scores.dtype).masked_fill_(none, float("-inf"))
            scores = scores + low[:, None, :]
        else:
            scores = torch.where(none[:, None, :], torch.finfo(scores.dtype).min, scores)
        return scores.softmax(-1) @ self.v(x)


@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize("way", ["filled", "added", "chosen"])
def test_masks_that_are_made_of_tokens_are_held_as_bytes_and_kept_where_they_fill(
    way: str, optimizer: str | None
) -> None:
    same(Masked(way), (8,), optimizer, 3)


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sin": torch.sin, "cos": torch.cos, "tan": torch.tan, "erf": torch.erf, "expm1": torch.expm1,
    "log1p": lambda x: torch.log1p(x * x), "log2": lambda x: torch.log2(x * x), "log10": lambda x: torch.log10(x * x),
    "rsqrt": lambda x: torch.rsqrt(x * x), "reciprocal": lambda x: (x * x).reciprocal(), "square": torch.square,
    "1 less": lambda x: 1 - x, "less 1": lambda x: x - 1, "third": lambda x: x / 3, "power": lambda x: x**1.5,
    "cumsum": lambda x: x.cumsum(1), "tril": torch.tril, "triu": torch.triu,
    "masked_fill": lambda x: x.masked_fill(x > 0, 2.0), "where": lambda x: torch.where(x > 0, x, 0.1 * x),
    "where, a number": lambda x: torch.where(x > 0, x, 1.0), "gate": lambda x: (1 - torch.sigmoid(x)) * torch.tanh(x),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_keeps_what_its_operation_does(name: str) -> None:
    same(Between(FUNCTIONS[name]), (8, 16), "sgd", 3)


class Groups(nn.Module):
    """A normalization over groups of what is fed in, seen otherwise than it lies."""

    def __init__(self, seen: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.norm, self.seen = nn.GroupNorm(2, 6), seen

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.seen(x))


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize(
    "seen", [lambda x: x[:, 0], lambda x: x[:, 0].transpose(1, 2)], ids=["one of an axis", "turned"]
)
def test_a_normalization_over_groups_works_on_a_copy_in_order(
    seen: Callable[[Tensor], Tensor], optimizer: str | None
) -> None:
    same(Groups(seen), (4, 6, 6), optimizer, 3)


class Once(nn.Module):
    """A parameter that something is made of before it meets the values, the same for every sample, and there once."""

    def __init__(self, shape: tuple[int, ...], made: Callable[[Once], Tensor]) -> None:
        super().__init__()
        self.own, self.made = nn.Parameter(torch.zeros(*shape)), made
        self.dense, self.out = nn.Linear(16, 16), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.relu(self.dense(x) * self.made(self)))


ONCE: dict[str, tuple[tuple[int, ...], Callable[[Once], Tensor]]] = {
    "exp of a factor": ((16,), lambda net: net.own.exp()),
    "1 and a factor": ((16,), lambda net: 1 + net.own),
    "exp of places": ((8, 16), lambda net: net.own.exp()),
    "places, turned": ((16, 8), lambda net: net.own.exp().t()),
    "places with an axis in front": ((1, 8, 16), lambda net: torch.sigmoid(net.own)),
    "places through a dense layer": ((8, 16), lambda net: net.dense(net.own)),
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", ONCE)
def test_what_is_made_of_a_parameter_is_held_once_for_all_samples(name: str, optimizer: str | None, batch: int) -> None:
    same(Once(*ONCE[name]), (8, 16), optimizer, batch)


NOT_FOLLOWED: dict[str, tuple[tuple[int, ...], Callable[[Once], Tensor], str]] = {
    "a part": ((9, 16), lambda net: net.own[:8], "it takes a part of a parameter"),
    "of a part": ((9, 16), lambda net: net.own[:8].exp(), "it works on parts of parameters alone"),
    "two ways": ((16,), lambda net: net.own * torch.sigmoid(net.own), "its code works on parameters"),
}


@pytest.mark.parametrize("name", NOT_FOLLOWED)
def test_gradients_of_parts_of_parameters_are_not_covered(name: str) -> None:
    shape, made, why = NOT_FOLLOWED[name]
    said = memory(archscope.trace(Once(shape, made), (8, 16)), 3, optimizer="sgd").not_covered
    assert any(each.startswith(why) for each in said.values())


class Around(nn.Module):
    """A part that the code lets run again in the backward pass, or under autocast."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.a, self.b, self.out = nn.Linear(16, 64), nn.Linear(64, 16), nn.Linear(16, 3)

    def part(self, x: Tensor) -> Tensor:
        return self.b(F.gelu(self.a(x)))

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "again":
            return self.out(x + checkpoint(self.part, x, use_reentrant=False))
        with torch.autocast("cpu", torch.bfloat16):
            return self.out(self.part(x))


@pytest.mark.parametrize("way", ["again", "autocast"])
def test_what_code_puts_around_its_layers_is_told_and_not_passed_over(way: str) -> None:
    # Autocast changes what inference holds too; what runs again keeps less while training.
    network = archscope.trace(Around(way), (8, 16))
    inference, training = (memory(network, 2, optimizer=each).not_covered for each in (None, "sgd"))
    word = "torch.utils.checkpoint" if way == "again" else "autocast"
    assert [*training] == (["a", "b"] if way == "again" else ["a", "b", "out"])
    assert all(word in why for why in training.values())
    assert inference == ({} if way == "again" else training)


def test_autocast_around_who_asks_is_no_part_of_the_module() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        network = archscope.trace(Between(torch.tanh), (8, 16))
    assert not memory(network, 2, optimizer="sgd").not_covered


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    "does",
    [
        lambda x: x.clamp(min=0),
        lambda x: x.clamp_min(0.0),
        lambda x: torch.clamp(x, max=0.5),
        lambda x: x.clamp(-1, 1),
        lambda x: x.clamp(0, 6),
        lambda x: x * (torch.clamp(x + 3, 0, 6) / 6),
    ],
    ids=["relu", "clamp_min", "one bound", "hardtanh", "relu6", "hardswish"],
)
def test_what_is_cut_off_keeps_what_it_was_and_asks_where_on_its_way_back(
    does: Callable[[Tensor], Tensor], batch: int
) -> None:
    # Many values between few, so that what is made of them on the way back is the most.
    same(Between(does, 2, 256), (2,), "adam", batch)
