"""Rotary positions, however they are written, are one layer with their base; what is none stays what it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope import trace
from archscope.network import Network

POSITIONS, FEATURES = 6, 8


def tables(base: float, features: int, start: int = 0, stretch: float = 1.0) -> tuple[Tensor, Tensor]:
    """Cosines and sines of half as many angles as there are features, by position."""
    angles = (torch.arange(POSITIONS) + start)[:, None] / stretch / base ** (torch.arange(0, features, 2) / features)
    return angles.cos(), angles.sin()


def by_halves(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """As in `transformers`: the halves change places, one with a minus."""
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
    return x * torch.cat((cos, cos), -1) + turned * torch.cat((sin, sin), -1)


def by_parts(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + sin * first), dim=-1)


def by_neighbours(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Pairs of neighbours, first all that come out in even places, laid back in order by a split and a cat."""
    first, second = x[..., 0::2], x[..., 1::2]
    even, odd = first * cos - second * sin, first * sin + second * cos
    pairs = zip(even.split(1, -1), odd.split(1, -1), strict=True)
    return torch.cat([each for pair in pairs for each in pair], dim=-1)


def by_stacks(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """As Cohere and GPT-J do: the neighbours change places, one with a minus, and angles are repeated."""
    turned = torch.stack((-x[..., 1::2], x[..., ::2]), dim=-1).flatten(-2)
    return x * cos.repeat_interleave(2, -1) + turned * sin.repeat_interleave(2, -1)


def by_pairs(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """With an axis of its own for the two of a pair."""
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    first, second = pairs[..., 0], pairs[..., 1]
    return torch.stack((first * cos - second * sin, first * sin + second * cos), -1).reshape(x.shape)


def in_another_order(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The neighbours with a minus first, then the others: no rotation of neighbours."""
    turned = torch.stack((-x[..., 1::2], x[..., ::2]), dim=-1).transpose(-1, -2).flatten(-2)
    return x * cos.repeat_interleave(2, -1) + turned * sin.repeat_interleave(2, -1)


class Turns(nn.Module):
    """Heads of queries that are turned between two dense layers."""

    cos: Tensor
    sin: Tensor

    def __init__(
        self, way: Callable[[Tensor, Tensor, Tensor], Tensor], cos: Tensor, sin: Tensor, part: int = 0
    ) -> None:
        super().__init__()
        self.first, self.last, self.way, self.part = nn.Linear(16, 16), nn.Linear(16, 16), way, part
        self.register_buffer("cos", cos)
        self.register_buffer("sin", sin)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).unflatten(-1, (2, FEATURES)).transpose(1, 2)
        if self.part:
            x = torch.cat((self.way(x[..., : self.part], self.cos, self.sin), x[..., self.part :]), dim=-1)
        else:
            x = self.way(x, self.cos, self.sin)
        return self.last(x.transpose(1, 2).flatten(2))


def read(module: nn.Module) -> Network:
    return trace(module, (POSITIONS, 16))


@pytest.mark.parametrize("base", [10_000.0, 500_000.0, 37.5])
@pytest.mark.parametrize(
    ("way", "interleaved"),
    [(by_halves, False), (by_parts, False), (by_neighbours, True), (by_stacks, True), (by_pairs, True)],
)
def test_rotary_positions_are_one_layer(
    way: Callable[[Tensor, Tensor, Tensor], Tensor], interleaved: bool, base: float
) -> None:
    module = Turns(way, *tables(base, FEATURES)).eval()
    network = read(module)
    assert [node.layer.type for node in network.nodes] == [
        "linear", "reshape", "transpose", "rotary", "transpose", "reshape", "linear",
    ]  # fmt: skip
    layer = network.by_name["rotary"].layer
    stated = layer.stated()
    assert stated.get("base", 10_000) == pytest.approx(base, rel=1e-4)
    assert {**stated, "base": 0} == {"base": 0, **({"interleaved": True} if interleaved else {})}

    built = archscope.build(network).eval()
    built.load_state_dict(module.state_dict(), strict=False)
    given = torch.randn(2, POSITIONS, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(built(given), module(given), atol=1e-4)


def test_the_first_features_alone_may_be_turned() -> None:
    network = read(Turns(by_halves, *tables(10_000, 4), part=4))
    assert network.by_name["rotary"].layer.stated() == {"rotary_dim": 4}


def test_each_operation_of_a_rotation_still_belongs_to_a_row() -> None:
    network = read(Turns(by_halves, *tables(10_000, FEATURES)))
    assert network.observed is not None
    assert sum(network.observed.ran.values()) == network.observed.operations


@pytest.mark.parametrize(
    "module",
    [
        Turns(by_halves, *tables(10_000, FEATURES, start=1)),
        Turns(by_halves, *tables(10_000, FEATURES, stretch=4)),
        Turns(by_halves, tables(10_000, FEATURES)[0], -tables(10_000, FEATURES)[1]),
        Turns(by_halves, tables(10_000, FEATURES)[0], tables(9_000, FEATURES)[1]),
        Turns(lambda x, cos, sin: by_halves(x, cos * 1.1, sin * 1.1), *tables(10_000, FEATURES)),
        Turns(lambda x, cos, sin: by_halves(x, cos, sin) + x, *tables(10_000, FEATURES)),
        Turns(lambda x, cos, sin: by_stacks(x, cos, -sin), *tables(10_000, FEATURES)),
        Turns(in_another_order, *tables(10_000, FEATURES)),
    ],
    ids=[
        "from one on",
        "stretched",
        "backwards",
        "two bases",
        "grown",
        "beside itself",
        "stacked backwards",
        "in another order",
    ],
)
def test_what_turns_otherwise_is_no_rotary_layer(module: nn.Module) -> None:
    types = [node.layer.type for node in read(module).nodes]
    assert "rotary" not in types or (types.count("rotary") == 1 and "add" in types)


@pytest.mark.parametrize(
    ("module", "beyond"),
    [
        (Turns(by_halves, *tables(10_000, FEATURES, stretch=4)), "frequencies of its own"),
        (Turns(by_stacks, *tables(10_000, FEATURES, stretch=4)), "frequencies of its own"),
        (Turns(lambda x, cos, sin: by_parts(x, cos * 1.1, sin * 1.1), *tables(10_000, FEATURES)), "grown"),
    ],
)
def test_a_rotation_by_other_angles_is_one_row_that_says_so(module: nn.Module, beyond: str) -> None:
    """As Llama 3 stretches its slow waves, and YaRN scales what it turns."""
    labels = [node.layer.label for node in read(module).nodes if node.layer.type == "function"]
    assert labels == [f"rotary positions, {beyond}"]


def test_a_table_that_a_module_on_meta_was_made_with_is_not_guessed() -> None:
    with torch.device("meta"):
        module = Turns(by_halves, *tables(10_000, FEATURES))
    assert "rotary" not in [node.layer.type for node in read(module).nodes]


def test_one_number_a_sample_is_multiplied_and_turns_nothing() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x).mean(-1) * torch.full((), 0.5, device=x.device)

    totals = archscope.analyze(trace(Scaled(), (4,))).totals
    assert (totals.parameters, totals.macs) == (20, 16)
