"""Blocks of a transformer whose layers interweave: what holds weights is never hidden behind a sign."""

from __future__ import annotations

from typing import Any

import pytest

import archscope
from tests.diagrams.stacked import check, model, roles, strings

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn


class Mixture(nn.Module):  # type: ignore[misc, name-defined]
    """Experts that all run, weighed by a softmax; written out, as a sum."""

    def __init__(self, experts: int) -> None:
        super().__init__()
        self.gate = nn.Linear(32, experts)
        self.experts = nn.ModuleList(nn.Linear(32, 32) for _ in range(experts))

    def forward(self, x: Any) -> Any:
        weights = self.gate(x).softmax(-1)
        return sum(weights[..., n : n + 1] * expert(x) for n, expert in enumerate(self.experts))


class Block(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, named: bool) -> None:
        super().__init__()
        self.qkv, self.out, self.named = nn.Linear(32, 96), nn.Linear(32, 32), named
        if named:
            self.feed_forward = Mixture(3)
        else:
            self.gate, self.one, self.two = nn.Linear(32, 32), nn.Linear(32, 32), nn.Linear(32, 32)

    def forward(self, x: Any) -> Any:
        q, k, v = (each.unflatten(-1, (4, 8)).transpose(1, 2) for each in self.qkv(x).chunk(3, -1))
        x = x + self.out(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        if self.named:
            return x + self.feed_forward(x)
        gate = self.gate(x)
        return x + (gate * self.one(x) + self.two(x).sigmoid() * gate)


@pytest.mark.parametrize(("named", "title", "parameters"), [
    (True, "feed_forward", 33 * 3 + 3 * 33 * 32), (False, "7 layers", 3 * 33 * 32),
])  # fmt: skip
def test_layers_that_interweave_before_a_sign_are_a_block_with_their_name_and_numbers(
    named: bool, title: str, parameters: int
) -> None:
    network = archscope.trace(nn.Sequential(*(Block(named) for _ in range(3))).eval(), (6, 32))
    assert roles(model(network)) == [["input", "attention", "add", "block", "add"]]
    found = strings(archscope.draw(network).scene)
    assert {title, f"{parameters:,} par.", "to 6×32"} <= {part for each in found for part in each.split(" · ")}
    check(network)
