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


class Written(nn.Module):  # type: ignore[misc, name-defined]
    """Attention as books write it: two products with a softmax between them."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(32, 32) for _ in range(4))

    def forward(self, x: Any, memory: Any) -> Any:
        q, k, v = self.q(x), self.k(memory), self.v(memory)
        if self.heads > 1:
            q, k, v = (each.unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in (q, k, v))
        seen = (q @ k.transpose(-1, -2) / 8**0.5).softmax(-1) @ v
        return self.o(seen.transpose(1, 2).flatten(2) if self.heads > 1 else seen)


class Stack(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, heads: int, *, crosses: bool) -> None:
        super().__init__()
        self.attends, self.crosses = Written(heads), Written(heads) if crosses else None
        self.norm, self.norm_2 = nn.LayerNorm(32), nn.LayerNorm(32) if crosses else None
        self.wide, self.narrow = nn.Linear(32, 64), nn.Linear(64, 32)

    def forward(self, x: Any, memory: Any = None) -> Any:
        seen = self.norm(x)
        x = x + self.attends(seen, seen)
        x = x if self.crosses is None else x + self.crosses(self.norm_2(x), memory)
        return x + self.narrow(self.wide(x).relu())


class Translates(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(Stack(4, crosses=False) for _ in range(2))
        self.decoder = nn.ModuleList(Stack(4, crosses=True) for _ in range(2))

    def forward(self, source: Any, target: Any) -> Any:
        for block in self.encoder:
            source = block(source)
        for block in self.decoder:
            target = block(target, source)
        return target


@pytest.mark.parametrize(("heads", "said"), [(4, ("Multi-Head", "4 heads of 8")), (1, ("Single-Head", "1 head of 32"))])
def test_attention_that_a_module_writes_out_is_chosen_for_and_says_its_heads(heads: int, said: tuple[str, str]) -> None:
    network = archscope.trace(nn.Sequential(*(Stack(heads, crosses=False) for _ in range(3))).eval(), (6, 32))
    drawn = archscope.draw(network)
    assert drawn.style == "transformer"
    assert {*said, "Self-Attention", "×3"} <= set(strings(drawn.scene))
    check(network)


def test_attention_to_an_encoder_that_a_module_writes_out_is_one_block_with_an_arrow_from_there() -> None:
    network = archscope.trace(Translates().eval(), (6, 32), (5, 32))
    encoder, decoder = roles(model(network))
    assert encoder == ["source", "norm", "attention", "add", "feed", "add"]
    assert decoder == ["target", "norm", "attention", "add", "norm", "attention", "add", "feed", "add"]
    found = strings(archscope.draw(network).scene)
    assert (found.count("Cross-Attention"), found.count("4 heads of 8")) == (1, 3)
    check(network)
