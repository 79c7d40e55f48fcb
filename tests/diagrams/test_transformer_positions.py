"""A table of positions that a module adds to its stream is drawn as one, whether it is learned or held."""

from __future__ import annotations

from typing import Any

import pytest

import archscope
from archscope.network import Network
from tests.diagrams.stacked import check, model, roles, strings

torch = pytest.importorskip("torch")

OPTIONS: list[dict[str, Any]] = [
    {},
    {"theme": "dark", "color": "parameters"},
    {"color": "activation_bytes"},
    {"page": "16:9", "font_size": 7},
]


class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Adds ``scale`` times a table, or two for the sides of a grid, to what it is given."""

    def __init__(self, *tables: Any, grid: tuple[int, int] | None = None, trained: bool = True) -> None:
        super().__init__()
        for number, table in enumerate(tables):
            if trained:
                self.register_parameter(f"table{number}", torch.nn.Parameter(table))
            else:
                self.register_buffer(f"table{number}", table)
        self.grid = grid
        self.scale = torch.nn.Parameter(torch.ones(1)) if grid is None and trained else 1
        self.block = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def places(self, x: Any) -> Any:
        if self.grid is None:
            return self.scale * self.table0[: x.shape[1]]
        high, wide = self.grid
        rows = self.table0[:high].unsqueeze(1).repeat(1, wide, 1)
        columns = self.table1[:wide].unsqueeze(0).repeat(high, 1, 1)
        return torch.cat((columns, rows), -1).flatten(0, 1)

    def forward(self, x: Any) -> Any:
        return self.block(x + self.places(x))


def traced(*tables: Any, **options: Any) -> Network:
    return archscope.trace(Net(*tables, **options).eval(), (6, 8))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_table_that_is_learned_is_a_position_embedding_with_its_size(options: dict[str, Any]) -> None:
    network = traced(torch.rand(10, 8))
    assert roles(model(network))[0][:3] == ["input", "positions", "attention"]
    check(network, **options)
    found = " ".join(strings(archscope.draw(network, **options).scene))
    assert "Position Embedding" in found
    assert "10 × 8" in found
    assert "81 par" in found  # a row of 8 for each of 10 positions, and the scale


def test_a_table_that_is_held_and_not_trained_is_a_positional_encoding() -> None:
    network = traced(torch.rand(10, 8), trained=False)
    check(network)
    said = strings(archscope.draw(network).scene)
    assert {"Positional Encoding", "10 × 8"} <= set(said)
    assert "add" not in said


def test_tables_for_the_rows_and_the_columns_of_a_grid_are_one_position_embedding() -> None:
    network = traced(torch.rand(7, 5), torch.rand(9, 3), grid=(2, 3))
    check(network)
    said = strings(archscope.draw(network, legend=True).scene)
    # 7 rows of 5 values and 9 columns of 3.
    assert {"Position Embedding", "7 × 5", "9 × 3", "62 par.", "embedding"} <= set(said)


def test_what_has_no_row_for_each_position_is_no_table_of_them() -> None:
    network = traced(torch.rand(1, 8))
    check(network)
    assert "positions" not in roles(model(network))[0]


def test_a_point_is_no_patch() -> None:
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 1), torch.nn.Flatten(2), Turned(), torch.nn.TransformerEncoderLayer(8, 2, 16)
    )
    said = strings(archscope.draw(archscope.trace(net.eval(), (3, 2, 2))).scene)
    assert "conv 1×1" in said
    assert "Patch Embedding" not in said


class Turned(torch.nn.Module):  # type: ignore[misc, name-defined]
    def forward(self, x: Any) -> Any:
        return x.transpose(1, 2)


class Worked(Net):
    """Positions that the code works out, one of four ways; the last of them are no waves."""

    def __init__(self, way: str) -> None:
        super().__init__(trained=False)
        self.way = way

    def places(self, x: Any) -> Any:
        steps = torch.arange(x.shape[1]).unsqueeze(1)
        turns = steps / 10_000 ** (torch.arange(0, 8, 2) / 8)
        if self.way == "in turn":
            table = torch.zeros(x.shape[1], 8)
            table[:, 0::2], table[:, 1::2] = turns.sin(), turns.cos()
            return table
        if self.way == "halves":
            return torch.cat((turns.sin(), turns.cos()), 1).unsqueeze(0)
        if self.way == "chosen":
            each = torch.arange(8)
            angles = steps / 10_000 ** ((each - each % 2) / 8)
            return torch.where(each % 2 == 0, angles.sin(), angles.cos())
        return steps.expand(-1, 8) / 6


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("way", ["in turn", "halves", "chosen"])
def test_sines_and_cosines_that_code_works_out_are_a_positional_encoding(way: str, options: dict[str, Any]) -> None:
    network = archscope.trace(Worked(way).eval(), (6, 8))
    assert roles(model(network))[0][:3] == ["input", "positions", "attention"]
    check(network, **options)
    found = strings(archscope.draw(network, **options).scene)
    assert "Encoding" in " ".join(found)
    # They are no table that is held.
    assert archscope.analyze(network).totals.fixed == 0


def test_other_numbers_that_code_adds_are_no_positions() -> None:
    network = archscope.trace(Worked("straight").eval(), (6, 8))
    assert "positions" not in roles(model(network))[0]
