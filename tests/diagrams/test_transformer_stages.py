"""Blocks that are the same at several sizes stand closed in columns, one a stage, and open once for each kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

import archscope
from archscope.diagrams.transformer.model import Framed, Model, Node, Part
from archscope.diagrams.transformer.staged import Staged, staged
from archscope.network import Network
from tests.diagrams.geometry import not_contained, problems
from tests.diagrams.stacked import model, strings

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn


class Block(nn.Module):  # type: ignore[misc, name-defined]
    """Attention and a layer after it; tokens are turned first where ``kind`` is ``s``."""

    def __init__(self, width: int, kind: str) -> None:
        super().__init__()
        self.kind, self.heads = kind, width // 8
        self.one, self.two = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Any) -> Any:
        y = self.one(x)
        y = y.roll(-1, 1) if self.kind == "s" else y
        q, k, v = (each.unflatten(-1, (self.heads, 8)).transpose(1, 2) for each in self.qkv(y).chunk(3, -1))
        y = self.out(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        x = x + (y.roll(1, 1) if self.kind == "s" else y)
        return x + self.feed(self.two(x))


class Merge(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.less = nn.LayerNorm(4 * width), nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Any) -> Any:
        side = int(x.shape[1] ** 0.5)
        x = x.unflatten(1, (side, side))
        four = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        return self.less(self.norm(torch.cat(four, -1).flatten(1, 2)))


class Pyramid(nn.Module):  # type: ignore[misc, name-defined]
    """Stages of blocks, each with twice the width and a quarter of the tokens of the one before."""

    def __init__(self, *patterns: str, head: bool = True) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 2, 2)
        self.stages = nn.ModuleList(
            nn.Sequential(*([Merge(8 * 2**at)] if at else []), *(Block(16 * 2**at, kind) for kind in pattern))
            for at, pattern in enumerate(patterns)
        )
        self.head = nn.Linear(16 * 2 ** (len(patterns) - 1), 10) if head else None

    def forward(self, x: Any) -> Any:
        x = self.patch(x).flatten(2).transpose(1, 2)
        for stage in self.stages:
            x = stage(x)
        return x if self.head is None else self.head(x.mean(1))


@cache
def traced(*patterns: str, **options: Any) -> Network:
    return archscope.trace(Pyramid(*patterns, **options).eval(), (3, 32, 32))


def found(network: Network, **options: Any) -> Staged | None:
    return staged(model(network), archscope.draw(network, **options).request)


def in_columns(network: Network) -> list[list[tuple[list[str], int]]]:
    """Of each stage, the blocks of its frames and how often these stand there."""
    known = found(network)
    assert known is not None
    return [_blocks(node, known) for column in known.columns for node in column if isinstance(node, Framed)]


def _blocks(frame: Framed, known: Staged) -> list[tuple[list[str], int]]:
    own = [known.words[node].title[0].removeprefix("Block ") for node in frame.inner if isinstance(node, Part)]
    within = [each for node in frame.inner if isinstance(node, Framed) for each in _blocks(node, known)]
    return [*([(own, frame.run.copies)] if own else []), *within]


def written(nodes: Sequence[Node], drawn: Model, known: Staged, times: int = 1) -> int:
    """The parameters that are written on the columns, each as often as it stands for."""
    total = 0
    for node in nodes:
        if isinstance(node, Framed):
            total += written(node.inner, drawn, known, times * node.run.copies)
        elif isinstance(node, Part):
            each, once = node.parameters
            said = known.words[node].below if node in known.words else (f"{each:,} par.",)
            numbers = [int(line.removesuffix(" par.").replace(",", "")) for line in said if line.endswith(" par.")]
            assert once == 0
            total += times * sum(numbers)
    return total


@pytest.mark.parametrize(
    ("patterns", "stages"),
    [
        (("ws", "ws", "wswsws", "ww"), [[(["a", "b"], 1)], [(["a", "b"], 1)], [(["a", "b"], 3)], [(["a"], 2)]]),
        (("w", "www", "ww"), [[(["Block"], 1)], [(["Block"], 3)], [(["Block"], 2)]]),
        (("ww", "ws", "wws"), [[(["a"], 2)], [(["a", "b"], 1)], [(["b"], 1), (["a"], 2)]]),
    ],
)
def test_equal_blocks_of_a_stage_stand_in_its_frame(patterns: Sequence[str], stages: Any) -> None:
    assert in_columns(traced(*patterns)) == stages


@pytest.mark.parametrize("patterns", [("ws", "ws"), ("w",), ("wswsws",)])
def test_fewer_stages_stand_open_in_one_column(patterns: Sequence[str]) -> None:
    network = traced(*patterns)
    assert found(network) is None
    assert "Stage 1" not in strings(archscope.draw(network).scene)


def test_all_blocks_stand_open_where_somebody_asks_for_full_depth() -> None:
    network = traced("w", "ww", "w")
    assert found(network, depth="full") is None
    assert "Stage 1" in strings(archscope.draw(network).scene)
    assert "Stage 1" not in strings(archscope.draw(network, depth="full").scene)


@pytest.mark.parametrize("patterns", [("ws", "ws", "wswsws", "ww"), ("w", "www", "ww"), ("ww", "ws", "wws")])
@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize(
    "options", [{}, {"page": "16:9"}, {"page": "a4"}, {"show": "op"}, {"color": "macs"}, {"theme": "dark"}]
)
def test_nothing_is_in_the_way_and_each_layer_edge_and_parameter_is_there(
    patterns: Sequence[str], head: bool, options: Any
) -> None:
    network = traced(*patterns, head=head)
    drawn = archscope.draw(network, style="transformer", **options)
    wrong = problems(drawn.svg, network)
    # From one copy of a block to the next no line is drawn; the lines are held to the model below.
    assert [each for each in wrong if not each.startswith(("edge missing", "edge too many"))] == []
    assert not_contained(drawn.svg) == []
    known = found(network)
    assert known is not None
    edges = {(group.source, group.target) for group in drawn.scene.groups("edge")}
    assert {each for each in edges if each[1] != "output"} == known.model.edges
    total = archscope.analyze(network).totals.parameters
    assert sum(each * part.copies + once for part in known.model.parts for each, once in [part.parameters]) == total
    assert sum(written(column, known.model, known) for column in known.columns) == total


def test_no_stage_is_open_beside_a_closed_one() -> None:
    known = found(traced("ws", "w", "wswsws", "ww"))
    assert known is not None
    roles = {part.role for part in known.model.parts}
    assert "stage" in roles
    assert not roles & {"attention", "feed", "add"}


def test_what_a_kind_holds_has_the_sizes_of_every_stage() -> None:
    said = strings(archscope.draw(traced("ws", "ws", "wswsws", "ww")).scene)
    assert "C = 16, 32, 64, 128" in said  # Block a, in all stages
    assert "C = 16, 32, 64" in said  # Block b, in those whose tokens are turned
    assert said.count("C → 4C → C") == 2
    assert "2, 4, 8, 16 heads of 8" in said
    assert "2, 4, 8 heads of 8" in said


def test_what_tells_two_kinds_apart_is_said_in_however_few_words() -> None:
    said = strings(archscope.draw(traced("ws", "ws", "wswsws", "ww"), show="op").scene)
    assert said.count("shifted windows") == 1


def test_patches_side_by_side_that_become_one_are_one_block() -> None:
    network = traced("w", "w")
    merge = next(part for part in model(network).parts if part.role == "merge")
    assert sum(piece.owned for piece in merge.pieces) == 2 * 64 + 64 * 32
    said = strings(archscope.draw(network).scene)
    assert "Patch Merging" in said
    assert "4 into 1 · LN" in said
    assert not any(re.match("slice", each) for each in said)
