"""Values that code makes of several learned ones: positions of rows beside those of columns, tokens beside others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import archscope

Join = Callable[[Tensor, Tensor, int], Tensor]

GRIDS: dict[str, Join] = {
    "repeat": lambda col, row, many: torch.cat(
        [col.unsqueeze(0).repeat(4, 1, 1), row.unsqueeze(1).repeat(1, 5, 1)], -1).flatten(0, 1).unsqueeze(0),
    "expand": lambda col, row, many: torch.cat(
        [col[None].expand(4, -1, -1), row[:, None].expand(-1, 5, -1)], -1).reshape(20, 6),
    "tile": lambda col, row, many: torch.concat(
        (col[None].tile(4, 1, 1), row[:, None].tile(1, 5, 1)), dim=2).view(1, 20, 6),
    "for each sample": lambda col, row, many: torch.cat(
        [col.unsqueeze(0).repeat(4, 1, 1), row.unsqueeze(1).repeat(1, 5, 1)], -1).flatten(0, 1).repeat(many, 1, 1),
    "expanded for each": lambda col, row, many: torch.cat(
        [col.unsqueeze(0).repeat(4, 1, 1), row.unsqueeze(1).repeat(1, 5, 1)], -1).flatten(0, 1).expand(many, 20, 6),
}  # fmt: skip
"""Positions of a grid of 4 by 5, half of each from its column and half from its row, as DETR has them."""

SUMS: dict[str, Join] = {
    "add": lambda col, row, many: (col[None] + row[:, None]).flatten(0, 1),
    "sub": lambda col, row, many: (col[None] - row[:, None]).flatten(0, 1).unsqueeze(0),
    "mul": lambda col, row, many: (col.unsqueeze(0) * row.unsqueeze(1)).reshape(1, 20, -1),
    "div": lambda col, row, many: (col.unsqueeze(0) / row.unsqueeze(1)).reshape(1, 20, -1),
}
"""Positions of that grid which are one number of both."""

TOKENS: dict[str, Join] = {
    "in front": lambda one, others, many: torch.cat([one[None], others[None]], 1).expand(many, -1, -1),
    "each": lambda one, others, many: torch.cat([one.expand(many, -1, -1), others.expand(many, -1, -1)], 1),
    "along the first": lambda one, others, many: torch.cat([one, others]).repeat(many, 1, 1),
}
"""Tokens one after another, once for each sample."""


class Grid(nn.Module):
    """Positions that are learned for columns and for rows, beside a sequence."""

    def __init__(self, join: Join, wide: int) -> None:
        super().__init__()
        self.col, self.row = nn.Parameter(torch.rand(5, wide)), nn.Parameter(torch.rand(4, wide))
        self.inner, self.out, self.join = nn.Linear(6, 6), nn.Linear(6, 2), join

    def forward(self, x: Tensor) -> Tensor:
        x = self.inner(x)
        return self.out(torch.tanh(x + self.join(self.col, self.row, len(x))))


class Marked(nn.Module):
    """A token of each kind in front of a sequence."""

    def __init__(self, join: Join) -> None:
        super().__init__()
        self.one, self.others = nn.Parameter(torch.rand(1, 6)), nn.Parameter(torch.rand(3, 6))
        self.inner, self.out, self.join = nn.Linear(6, 6), nn.Linear(6, 2), join

    def forward(self, x: Tensor) -> Tensor:
        x = self.inner(x)
        return self.out(torch.cat([self.join(self.one, self.others, len(x)), x], 1))


MODULES: dict[str, Callable[[], nn.Module]] = {
    **{name: lambda join=join: Grid(join, 3) for name, join in GRIDS.items()},  # type: ignore[misc]
    **{name: lambda join=join: Grid(join, 6) for name, join in SUMS.items()},  # type: ignore[misc]
    **{name: lambda join=join: Marked(join) for name, join in TOKENS.items()},  # type: ignore[misc]
}


def _analyzed(module: nn.Module, many: int | None) -> archscope.Analysis:
    return archscope.analyze(module, (20, 6)) if many is None else archscope.analyze(module, torch.rand(many, 20, 6))


@pytest.mark.parametrize("many", [None, 4, 5])
@pytest.mark.parametrize("name", [*GRIDS, *SUMS])
def test_positions_of_columns_and_rows_are_parameters_that_one_value_is_made_of(name: str, many: int | None) -> None:
    analysis = _analyzed(MODULES[name](), many)
    wide = 3 if name in GRIDS else 6
    assert [(row.name, row.parameters, row.connections) for row in analysis.rows if row.parameters] == [
        ("inner", 42, 20 * 42), ("col", 5 * wide, 5 * wide), ("row", 4 * wide, 4 * wide), ("out", 14, 20 * 14)
    ]  # fmt: skip
    assert not any(row.not_covered for row in analysis.rows if row.name != "tanh")
    # 20 positions, each of 6 · 6 + 6 and 6 · 2 + 2 lines; a line of each learned value.
    assert analysis.totals.connections == 20 * (42 + 14) + 9 * wide
    assert analysis.totals.macs == (many or 1) * 20 * (36 + 12)


@pytest.mark.parametrize("many", [None, 3])
@pytest.mark.parametrize("name", TOKENS)
def test_tokens_one_after_another_are_what_stands_in_front(name: str, many: int | None) -> None:
    analysis = _analyzed(MODULES[name](), many)
    assert [(row.name, row.connections) for row in analysis.rows if row.parameters] == [
        ("inner", 20 * 42), ("one", 6), ("others", 18), ("out", 24 * 14)
    ]  # fmt: skip
    assert analysis.totals.connections == 20 * 42 + 24 + 24 * 14
