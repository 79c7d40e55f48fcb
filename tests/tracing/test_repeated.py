"""Learned values that code repeats for every sample, along whichever axis the samples lie, and of however many."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import archscope

Way = Callable[[nn.Parameter, int], Tensor]

SECOND: dict[str, Way] = {
    "repeat": lambda q, many: q.unsqueeze(1).repeat(1, many, 1),
    "expand": lambda q, many: q[:, None].expand(-1, many, -1),
    "expand_as": lambda q, many: q.unsqueeze(1).expand_as(torch.zeros(5, many, 8)),
    "tile": lambda q, many: torch.tile(q.unsqueeze(1), (1, many, 1)),
    "broadcast_to": lambda q, many: torch.broadcast_to(q.unsqueeze(1), (5, many, 8)),
    "copied": lambda q, many: q.unsqueeze(1).expand(-1, many, -1).contiguous(),
    "in front, and turned": lambda q, many: q.unsqueeze(0).repeat(many, 1, 1).transpose(0, 1),
}
"""Ways to have queries once for each sample, with the samples in the second axis, as attention takes them."""
FRONT: dict[str, Way] = {
    "repeat": lambda q, many: q.unsqueeze(0).repeat(many, 1, 1),
    "expand": lambda q, many: q.expand(many, -1, -1),
    "tile": lambda q, many: torch.tile(q.unsqueeze(0), (many, 1, 1)),
}
PARTS: dict[str, tuple[Way, int]] = {
    "some rows": (lambda q, many: q[:3].unsqueeze(1).repeat(1, many, 1), 3),
    "rows of what is repeated": (lambda q, many: q.unsqueeze(1).repeat(1, many, 1)[:2], 2),
    "repeated again": (lambda q, many: q.unsqueeze(1).expand(-1, many, -1).repeat(1, 1, 1), 5),
    "with one axis more between": (lambda q, many: q.unsqueeze(1).expand(-1, many, -1)[None][0], 5),
    "scaled with one axis more": (lambda q, many: (q[:, None].expand(-1, many, -1) * 2)[None].tanh().squeeze(0), 5),
    "scaled before": (lambda q, many: (q * 2).unsqueeze(1).expand(-1, many, -1), 5),
    "scaled after": (lambda q, many: q.unsqueeze(1).expand(-1, many, -1) * 2, 5),
}


class Asks(nn.Module):
    """Learned queries that attend to the input, as a detector's decoder does."""

    def __init__(self, way: Way, *, front: bool = False) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.rand(5, 8))
        self.attention = nn.MultiheadAttention(8, 2, batch_first=front)
        self.way, self.front = way, front

    def forward(self, x: Tensor) -> Tensor:
        keys = x if self.front else x.transpose(0, 1)
        queries = self.way(self.queries, len(x))
        out: Tensor = self.attention(queries, keys, keys, need_weights=False)[0]
        return out


def _analyzed(module: nn.Module, many: int | None) -> archscope.Analysis:
    return archscope.analyze(module, (9, 8)) if many is None else archscope.analyze(module, torch.rand(many, 9, 8))


@pytest.mark.parametrize("many", [None, 1, 3, 5, 9])
@pytest.mark.parametrize(
    ("way", "front"),
    [*((way, False) for way in SECOND.values()), *((way, True) for way in FRONT.values())],
    ids=[*SECOND, *(f"in front: {name}" for name in FRONT)],
)
def test_queries_that_are_repeated_are_one_parameter_that_attention_reads(
    way: Way, front: bool, many: int | None
) -> None:
    analysis = _analyzed(Asks(way, front=front), many)
    # 40 values, one line each; 4 · (8 · 8 + 8) weights, every one at 5 or 9 positions, and 2 · 5 · 9 · 8 of attention.
    assert [(row.name, row.output, row.connections) for row in analysis.rows] == [
        ("queries", (5, 8), 40), ("attention", (5, 8), 2 * 5 * 72 + 2 * 9 * 72)
    ]  # fmt: skip
    assert [ref.node for ref in analysis.network.by_name["attention"].inputs[:1]] == ["queries"]
    assert analysis.totals.parameters == 40 + 4 * 72
    assert analysis.totals.macs == (many or 1) * (2 * 5 * 64 + 2 * 9 * 64 + 2 * 5 * 9 * 8)


@pytest.mark.parametrize("many", [None, 3])
@pytest.mark.parametrize("name", PARTS)
def test_parts_and_functions_of_queries_keep_them(name: str, many: int | None) -> None:
    way, rows = PARTS[name]
    analysis = _analyzed(Asks(way), many)
    assert [row.name for row in analysis.rows if row.parameters] == ["queries", "attention"]
    assert analysis["queries"].output == (5, 8)
    assert analysis["attention"].output == (rows, 8)
    assert [row.output for row in analysis.rows] == [row.output for row in _analyzed(Asks(way), None).rows]
    assert analysis.totals.connections == 40 + 2 * rows * 72 + 2 * 9 * 72


def test_an_axis_that_is_as_long_as_the_batch_by_chance_is_no_batch() -> None:
    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.rand(4, 1))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.scale.expand(4, 3)

    analysis = archscope.analyze(Wide(), torch.rand(3, 4, 3))
    assert analysis["mul"].output == (4, 3)
    assert analysis.totals.parameters == 4


def test_an_axis_of_one_value_that_no_sample_makes_longer_is_no_batch() -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.queries, self.fc = nn.Parameter(torch.rand(5, 8)), nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.fc(self.queries.unsqueeze(1).repeat(1, 1, 1)).squeeze(1) + x[:, :5]
            return out

    analysis = archscope.analyze(Heads(), (9, 8))
    assert analysis["fc"].output == (5, 1, 8)
    assert analysis.totals.macs == 5 * 64
