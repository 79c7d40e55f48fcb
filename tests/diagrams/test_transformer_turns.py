"""Blocks of a transformer that take turns, as those with and without shifted windows do, are one frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import archscope
from archscope.diagrams.transformer.model import Framed
from tests.diagrams.stacked import check, model, strings

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn


class Turn(nn.Module):  # type: ignore[misc, name-defined]
    """Attention, with its tokens turned and some hidden from one another where ``kind`` is ``s``, or without a layer
    after it where that is ``n``."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.norm = kind, nn.LayerNorm(32)
        self.qkv, self.out = nn.Linear(32, 96), nn.Linear(32, 32)
        self.feed = None if kind == "n" else nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32))
        self.register_buffer("mask", torch.full((6, 6), float("-inf")).triu(1) if kind == "s" else None)

    def forward(self, x: Any) -> Any:
        y = self.norm(x)
        y = y.roll(-3, 1) if self.kind == "s" else y
        q, k, v = (each.unflatten(-1, (4, 8)).transpose(1, 2) for each in self.qkv(y).chunk(3, -1))
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=self.mask).transpose(1, 2).flatten(2)
        y = self.out(y)
        x = x + (y.roll(3, 1) if self.kind == "s" else y)
        return x if self.feed is None else x + self.feed(x)


class Turns(nn.Module):  # type: ignore[misc, name-defined]
    """Blocks in a list; all that hide have one mask, as Swin's have."""

    def __init__(self, pattern: str) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Turn(kind) for kind in pattern)
        owner = next((each for each in self.blocks if each.kind == "s"), None)
        for each in self.blocks:
            each.mask = owner.mask if owner is not None and each.kind == "s" else each.mask

    def forward(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return x


def frames(nodes: Sequence[Any]) -> list[tuple[str, int]]:
    """What stands on each frame, and how often."""
    return [(node.run.label.removeprefix("blocks."), node.run.copies) for node in nodes if isinstance(node, Framed)]


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("wsws", [("0–3, in pairs", 2)]),
        ("wswsws", [("0–5, in pairs", 3)]),
        ("snwsnw", [("0–5, in threes", 2)]),
        ("wwwsws", [("0–2", 3)]),
        ("wswsn", [("0–3, in pairs", 2)]),
        ("wsnws", []),
    ],
)
def test_blocks_that_take_turns_stand_in_one_frame(pattern: str, told: list[tuple[str, int]]) -> None:
    network = archscope.trace(Turns(pattern).eval(), (6, 32))
    assert frames(model(network).stacks[0]) == told
    check(network)


def test_attention_whose_tokens_are_turned_says_that_its_windows_are_shifted() -> None:
    said = strings(archscope.draw(archscope.trace(Turns("wsws").eval(), (6, 32))).scene)
    assert sum("shifted windows" in each for each in said) == 1
    assert not any("shifted" in each for each in strings(archscope.draw(archscope.trace(Turns("ww"), (6, 32))).scene))


def test_a_mask_that_the_second_block_makes_for_others_does_not_part_it_from_the_first() -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    config = transformers.SwinConfig(image_size=32, embed_dim=8, depths=[4], num_heads=[2], window_size=4)
    network = archscope.trace(transformers.SwinModel(config).eval(), (3, 32, 32))
    assert [frames(nodes) for nodes in model(network).stacks] == [[("0–3, in pairs", 2)]]
