"""Streams of several inputs that meet stand side by side as towers, with what reads them above."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

import archscope
from archscope.diagrams.transformer.model import Framed, Sublayer, name_of
from archscope.network import Network
from tests.diagrams.geometry import not_contained, read
from tests.diagrams.stacked import check, model, strings

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn


class Block(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, width: int, *, causal: bool = False) -> None:
        super().__init__()
        self.one, self.two, self.causal = nn.LayerNorm(width), nn.LayerNorm(width), causal
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Any) -> Any:
        q, k, v = (each.unflatten(-1, (2, -1)).transpose(1, 2) for each in self.qkv(self.one(x)).chunk(3, -1))
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.feed(self.two(x))


class Text(nn.Module):  # type: ignore[misc, name-defined]
    """Takes the last position, or that of the largest id, as CLIP does."""

    def __init__(self, blocks: int, *, ends: bool = False) -> None:
        super().__init__()
        self.table, self.places, self.ends = nn.Embedding(50, 16), nn.Parameter(torch.zeros(8, 16)), ends
        self.blocks = nn.Sequential(*(Block(16, causal=True) for _ in range(blocks)))
        self.norm, self.out = nn.LayerNorm(16), nn.Linear(16, 12)

    def forward(self, ids: Any) -> Any:
        x = self.norm(self.blocks(self.table(ids) + self.places))
        return self.out(x[torch.arange(x.shape[0]), ids.argmax(-1)] if self.ends else x[:, -1])


class Image(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.patch, self.places = nn.Conv2d(3, 24, 4, 4), nn.Parameter(torch.zeros(1, 17, 24))
        self.token, self.norm = nn.Parameter(torch.zeros(1, 1, 24)), nn.LayerNorm(24)
        self.blocks, self.out = nn.Sequential(*(Block(24) for _ in range(blocks))), nn.Linear(24, 12)

    def forward(self, image: Any) -> Any:
        x = self.patch(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.out(self.norm(self.blocks(x))[:, 0])


class Towers(nn.Module):  # type: ignore[misc, name-defined]
    """Encoders of each input, joined by a product, a sum, a difference, or one after the other."""

    def __init__(self, kinds: str, join: str, *, ends: bool = False) -> None:
        super().__init__()
        made = {"t": lambda at: Text(at + 2, ends=ends), "i": lambda at: Image(at + 2),
                "m": lambda _: nn.Sequential(nn.Linear(5, 20), nn.ReLU(), nn.Linear(20, 12))}  # fmt: skip
        self.encoders = nn.ModuleList(made[kind](at) for at, kind in enumerate(kinds))
        self.join, self.scale = join, nn.Parameter(torch.ones(())) if join == "clip" else None
        self.head = None if join == "clip" else nn.Linear(12 * len(kinds) if join == "cat" else 12, 3)

    def forward(self, one: Any, two: Any, *more: Any) -> Any:
        first, second, *rest = (encode(x) for encode, x in zip(self.encoders, (one, two, *more), strict=True))
        if self.join == "clip":
            first, second = nn.functional.normalize(first, dim=-1), nn.functional.normalize(second, dim=-1)
            return self.scale.exp() * first @ second.T
        if self.join == "cat":
            return self.head(torch.cat([first, second, *rest], -1))
        return self.head(first - second if self.join == "less" else first + second)


GIVEN = {"t": torch.zeros(1, 8, dtype=torch.long), "i": torch.zeros(1, 3, 16, 16), "m": torch.zeros(1, 5)}


@cache
def traced(kinds: str, join: str, *, ends: bool = False) -> Network:
    return archscope.trace(Towers(kinds, join, ends=ends).eval(), *(GIVEN[kind].clone() for kind in kinds))


NETWORKS = [("ti", "clip"), ("it", "cat"), ("tm", "cat"), ("ti", "less"), ("ii", "sum"), ("tim", "cat"), ("mit", "cat")]


def frames(nodes: Sequence[Any]) -> list[int]:
    """How often what stands in each frame of a stack stands in the network."""
    found = []
    for node in nodes:
        found += [node.run.copies] if isinstance(node, Framed) else []
        found += frames(node.inner) if isinstance(node, Sublayer) else []
    return found


@pytest.mark.parametrize(("kinds", "join"), NETWORKS)
def test_each_input_has_a_tower_that_is_open_to_its_repeated_block(kinds: str, join: str) -> None:
    known = model(traced(kinds, join))
    assert known.towers
    assert len(known.stacks) == len(kinds) + 1
    assert [frames(stack) for stack in known.stacks[:-1]] == [
        [] if kind == "m" else [at + 2] for at, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize(("kinds", "join"), NETWORKS)
@pytest.mark.parametrize("options", [{}, {"page": "16:9"}, {"show": "op"}, {"color": "macs"}])
def test_nothing_of_towers_is_in_the_way_and_all_of_them_is_there(kinds: str, join: str, options: Any) -> None:
    network = traced(kinds, join)
    check(network, **options)
    assert not_contained(archscope.draw(network, style="transformer", **options).svg) == []


@pytest.mark.parametrize("options", [{}, {"page": "16:9"}])
def test_no_block_of_a_tower_is_in_another(options: Any) -> None:
    for network in (traced("ti", "clip"), traced("ti", "clip", ends=True), traced("tim", "cat")):
        picture = read(archscope.draw(network, style="transformer", **options).svg)
        boxes = []
        for group in picture.of("layer"):
            outlines = [point for shape in picture.shapes_of(group)[:1] for point in shape.outline]
            xs, ys = [x for x, _ in outlines], [y for _, y in outlines]
            boxes.append((group.layers[0], min(xs), min(ys), max(xs), max(ys)))
        for at, (one, *a) in enumerate(boxes):
            for other, *b in boxes[at + 1 :]:
                assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (one, other)


def test_the_towers_of_a_slide_are_a_figure_and_not_closed_boxes() -> None:
    drawn = archscope.draw(traced("ti", "clip"), page="16:9")
    assert drawn.style == "transformer"
    assert {"×2", "×3"} <= set(strings(drawn.scene))


def test_a_position_that_is_chosen_by_the_ids_leaves_the_tower_open() -> None:
    network = traced("ti", "clip", ends=True)
    known = model(network)
    assert [frames(stack) for stack in known.stacks[:-1]] == [[2], [3]]
    chosen = next(part for part in known.parts if any(piece.layer.label == "argmax" for piece in part.pieces))
    assert "Position of argmax" in strings(archscope.draw(network).scene)
    assert any(target == name_of(chosen) and source in network.inputs for source, target in known.edges)
    check(network)


def test_tables_that_are_added_to_one_another_are_no_towers() -> None:
    assert not model("bert@base").towers
    assert not model("transformer@base").towers


def test_gelu_by_a_sigmoid_is_called_by_its_name() -> None:
    class Quick(nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return x * torch.sigmoid(1.702 * x)

    block = Block(16)
    block.feed[1] = Quick()
    said = strings(archscope.draw(archscope.trace(nn.Sequential(block), (6, 16))).scene)
    assert "GELU" in said
    assert "sigmoid" not in said
