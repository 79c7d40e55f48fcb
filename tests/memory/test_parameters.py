"""Parameters that code takes for values: rows in front, positions, queries, members of an ensemble."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
from tests.memory.shared import same


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


class InFront(nn.Module):
    """A parameter that puts an axis in front of the values that it meets, and so in front of their batch."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.work, self.row, self.inner = getattr(torch, name), nn.Parameter(torch.rand(1, 1, 1, 1, 6)), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.work(self.inner(x)[:, None], self.row)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", ["add", "sub", "mul"])
def test_the_gradient_of_values_with_an_axis_put_in_front_is_summed_along_it_in_memory_of_its_own(
    name: str, batch: int
) -> None:
    same(InFront(name), (5, 6), "sgd", batch=batch)
