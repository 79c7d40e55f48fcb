"""A module at another length is read anew: what it does may go by it, and its formulas are those of what it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archscope
from archscope.curves import curve
from archscope.errors import UsageError
from archscope.formulas import at
from archscope.memory import largest_batch
from archscope.memory.passes import Request
from archscope.opening import open_network
from archscope.symbols import Symbolic

QUANTITIES = ("parameters", "macs", "connections_in_bounds", "units")


class Attention(nn.Module):
    """As tutorials write it: positions are counted, and a mask is cut out of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(50, 32), nn.Embedding(64, 32)
        self.qkv, self.out = nn.Linear(32, 96), nn.Linear(32, 32)
        self.register_buffer("mask", torch.tril(torch.ones(64, 64)).view(1, 1, 64, 64))

    def forward(self, tokens: Tensor) -> Tensor:
        batch, length = tokens.shape
        x = self.words(tokens) + self.places(torch.arange(length, device=tokens.device))
        q, k, v = (each.view(batch, length, 4, 8).transpose(1, 2) for each in self.qkv(x).split(32, 2))
        scores = (q @ k.transpose(-2, -1)) / 8**0.5
        hidden = scores.masked_fill(self.mask[:, :, :length, :length] == 0, float("-inf"))
        return self.out((hidden.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, 32))


class Steps(nn.Module):
    """One step of a cell for each position."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.out = nn.RNNCell(4, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(x.shape[0], 8)
        for place in range(x.shape[1]):
            state = self.cell(x[:, place], state)
        return self.out(state)


class Halves(nn.Module):
    """The first half of the positions and the last."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x, half = self.a(x), x.shape[1] // 2
        return self.b(x[:, :half] + x[:, -half:])


class Further(nn.Module):
    """Another layer for long sequences."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.b(x) if x.shape[1] > 10 else x


class Labels(nn.Module):
    """A map of labels as large as the image."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.b(self.a(x).relu()), size=x.shape[-2:], mode="bilinear")


def numbers(network: Any) -> list[Any]:
    totals = archscope.analyze(network).totals
    made = [tuple(map(int, network.facts[ref.node].outputs[ref.output])) for ref in network.outputs]
    return [*(getattr(totals, name) for name in QUANTITIES), made]


@pytest.mark.parametrize(
    ("module", "shape", "others"),
    [
        (Steps(), (4, 4), [(5, 4), (2, 4)]),
        (Halves(), (12, 8), [(16, 8), (13, 8), (2, 8)]),
        (Further(), (12, 8), [(16, 8), (10, 8), (1, 8)]),
        (Labels(), (3, 32, 32), [(3, 64, 64), (3, 33, 33), (3, 5, 5)]),
    ],
    ids=["steps", "halves", "further", "labels"],
)
def test_a_module_at_another_size_is_what_it_is_when_it_is_called_so(
    module: nn.Module, shape: tuple[int, ...], others: list[tuple[int, ...]]
) -> None:
    network, name = archscope.trace(module, shape), "length" if len(shape) == 2 else "resolution"
    for other in others:
        there = at(network, {name: other[-1] if name == "resolution" else other[0]})
        assert numbers(there) == numbers(archscope.trace(module, other))


def test_attention_that_a_module_writes_out_has_a_formula_in_its_length() -> None:
    module = Attention()
    analysis = archscope.analyze(archscope.trace(module, torch.zeros(1, 12, dtype=torch.int64))).symbolic("length")
    macs = analysis.totals.macs
    assert isinstance(macs, Symbolic)
    # Four products of 32 by 32 for each position, and two of all positions with all by 32.
    assert str(macs) == "64·length² + 4,096·length"
    assert macs.at(length=40) == archscope.analyze(archscope.trace(module, (40,))).totals.macs
    assert analysis.ground is not None
    # The mask is not cut where all of it is seen, and there are 64 places.
    assert str(analysis.ground.ranges["length"]) == "2 ≤ length ≤ 63"
    with pytest.raises(ValueError, match="length = 80 is none of the sizes this formula holds for"):
        macs.at(length=80)


def test_a_token_more_of_a_module_is_one_token_and_a_product_for_every_one_that_is_cached() -> None:
    class Causal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.places = nn.Linear(32, 96), nn.Parameter(torch.zeros(64, 32))

        def forward(self, x: Tensor) -> Tensor:
            batch, length, _ = x.shape
            q, k, v = (each.view(batch, length, 4, 8).transpose(1, 2)
                       for each in self.qkv(x + self.places[:length]).chunk(3, -1))  # fmt: skip
            return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, 32)

    network = archscope.trace(Causal(), (12, 32))
    # 32·96 for the token, two products of 32 with itself, and as many with each that is cached.
    assert str(archscope.analyze(network).symbolic("cached").totals.macs) == "64·cached + 3,136"
    assert archscope.analyze(at(network, {"cached": 5})).totals.macs == 5 * 64 + 3_136


@pytest.mark.parametrize(
    ("module", "shape", "macs", "holds"),
    [
        (Halves(), (12, 8), "168·m", "length = 2·m, m ≥ 1"),
        (Further(), (12, 8), "128·length", "length ≥ 11"),
    ],
)
def test_a_formula_of_a_module_is_for_the_sizes_at_which_it_does_the_same(
    module: nn.Module, shape: tuple[int, ...], macs: str, holds: str
) -> None:
    analysis = archscope.analyze(archscope.trace(module, shape)).symbolic("length")
    assert analysis.ground is not None
    assert (str(analysis.totals.macs), str(analysis.ground.ranges["length"])) == (macs, holds)


def test_a_module_whose_steps_are_its_positions_has_numbers_and_no_formula() -> None:
    network = archscope.trace(Steps(), (3, 4))
    with pytest.raises(UsageError, match="`length`: other layers run at 4, and no formula has layers that come and go"):
        archscope.analyze(network).symbolic("length")
    grown = curve(network, "length", 1, 4, ["macs"])
    # A product of 4 by 8 and one of 8 by 8 for each step, and the last of 8 by 3.
    assert grown.lines["macs"] == tuple(96 * length + 24 for length in (1, 2, 4))
    assert not grown.formulas


def test_the_table_says_where_a_module_was_read(archscope_run: Any) -> None:
    run = archscope_run(
        "table", "torch.nn:Linear@12,8", "--kwargs", "in_features=8,out_features=4", "--symbolic", "length"
    )
    assert "at length = 1, 2, 11, 12, 13, 19, 49: what the module does elsewhere is taken to be the same" in run.out


def test_a_program_that_was_exported_for_one_size_is_asked_for_no_other(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(Labels().eval(), (torch.zeros(1, 3, 32, 32),)), path)
    network = open_network(path)
    said = (
        "net.pt2 was exported for `input` of 3×32×32, and 3×64×64 is asked for; name the axes that may have any length"
    )
    with pytest.raises(UsageError, match=said):
        at(network, {"resolution": 64})
    with pytest.raises(UsageError, match="name the axes that may have any length"):
        archscope.analyze(network).symbolic("height")
    assert (
        archscope.analyze(network).symbolic("batch").totals.macs.at(batch=2)
        == 2 * archscope.analyze(network).totals.macs
    )  # type: ignore[union-attr, operator]


def test_a_module_of_one_sample_has_no_batch(
    archscope_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "alone.py").write_text(
        "from torch import nn\n"
        "class One(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.a, self.b = nn.Linear(8, 16), nn.Linear(80, 3)\n"
        "    def forward(self, x):\n"
        "        assert x.shape == (5, 8)\n"
        "        return self.b(self.a(x).reshape(-1))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    said = archscope_run("table", "alone:One@5,8", "--batch", "5")
    assert (said.status, said.err.strip()) == (2, "error: One takes one sample and no batch: leave out `--batch 5`")
    network = open_network("alone:One@5,8")
    with pytest.raises(UsageError, match="One takes one sample and no batch, so there is none of 5; use 1"):
        archscope.analyze(network).memory(5)
    with pytest.raises(UsageError, match="One has no `batch` to leave open"):
        archscope.analyze(network).symbolic("batch")
    assert largest_batch(network, 1 << 30, Request()) == 1
    assert not largest_batch(network, 1 << 9, Request())
