"""Decoders that attend to what an encoder gives, as people write them: over whole sequences, and round by round."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.analysis import Analysis
from archscope.diagrams.loops import Looped, NoLoopError
from archscope.diagrams.rounds import rounds
from archscope.network import Network
from tests.diagrams.geometry import not_contained, parameters, problems
from tests.diagrams.unrolled import heads, strings


class Additive(nn.Module):
    """Bahdanau et al. 2015, equation 6."""

    def __init__(self, state: int, keys: int) -> None:
        super().__init__()
        self.w = nn.Linear(state, 8)
        self.u = nn.Linear(keys, 8)
        self.v = nn.Linear(8, 1)

    def forward(self, state: Tensor, keys: Tensor) -> Tensor:
        scores = self.v(torch.tanh(self.w(state).unsqueeze(1) + self.u(keys))).squeeze(2)
        return torch.bmm(scores.softmax(-1).unsqueeze(1), keys).squeeze(1)


class Bahdanau(nn.Module):
    """A decoder that attends with its state before, and begins with what a layer makes of the encoder's."""

    def __init__(self, *, both: bool = True, bridge: bool = True, changes: bool = False) -> None:
        super().__init__()
        wide = 12 if both else 6
        self.reads = nn.Embedding(30, 4)
        self.encoder = nn.GRU(4, 6, batch_first=True, bidirectional=both)
        self.writes = nn.Embedding(20, 4)
        self.bridge = nn.Linear(6, 6) if bridge else nn.Identity()
        self.attention = Additive(6, wide)
        self.cell = nn.GRUCell(4 + wide, 6)
        self.head = nn.Linear(6, 20)
        self.changes = changes

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        memory, last = self.encoder(self.reads(source))
        state, given, found = self.bridge(last[-1]), self.writes(target), []
        for step in range(target.shape[1]):
            context = self.attention(state, memory)
            if self.changes and step == 1:
                context = context.relu()
            state = self.cell(torch.cat([given[:, step], context], -1), state)
            found.append(self.head(state))
        return torch.stack(found, 1)


class Tutorial(nn.Module):
    """The same with one step of a layer in place of a cell, its word looked up at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = nn.Embedding(30, 6)
        self.encoder = nn.GRU(6, 6, batch_first=True)
        self.writes = nn.Embedding(20, 6)
        self.attention = Additive(6, 6)
        self.decoder = nn.GRU(12, 6, batch_first=True)
        self.head = nn.Linear(6, 20)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        memory, state = self.encoder(self.reads(source))
        found = []
        for step in range(target.shape[1]):
            context = self.attention(state.permute(1, 0, 2).squeeze(1), memory)
            given = torch.cat([self.writes(target[:, step : step + 1]), context.unsqueeze(1)], 2)
            out, state = self.decoder(given, state)
            found.append(self.head(out))
        return torch.cat(found, 1)


class Luong(nn.Module):
    """Attention with a matrix between, over whole sequences or with what it found given to the next step."""

    def __init__(self, *, feeds: bool) -> None:
        super().__init__()
        self.reads = nn.Embedding(30, 6)
        self.encoder = nn.LSTM(6, 6, batch_first=True)
        self.writes = nn.Embedding(20, 6)
        self.decoder: nn.Module = nn.LSTMCell(12, 6) if feeds else nn.LSTM(6, 6, batch_first=True)
        self.between = nn.Linear(6, 6, bias=False)
        self.combine = nn.Linear(12, 6, bias=False)
        self.head = nn.Linear(6, 20)
        self.feeds = feeds

    def attend(self, asks: Tensor, memory: Tensor) -> Tensor:
        weights = torch.bmm(asks, self.between(memory).transpose(1, 2)).softmax(-1)
        return torch.tanh(self.combine(torch.cat([torch.bmm(weights, memory), asks], -1)))

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        memory, (state, cell) = self.encoder(self.reads(source))
        given = self.writes(target)
        if not self.feeds:
            asks, _ = self.decoder(given, (state, cell))
            out: Tensor = self.head(self.attend(asks, memory))
            return out
        state, cell, fed, found = state[0], cell[0], torch.zeros(len(source), 6), []
        for step in range(target.shape[1]):
            state, cell = self.decoder(torch.cat([given[:, step], fed], -1), (state, cell))
            fed = self.attend(state.unsqueeze(1), memory).squeeze(1)
            found.append(self.head(fed))
        return torch.stack(found, 1)


class Beside(nn.Module):
    """Additive attention between whole sequences; the decoder begins with a layer over both last states."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = nn.Embedding(30, 4)
        self.encoder = nn.GRU(4, 3, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(6, 6)
        self.writes = nn.Embedding(20, 4)
        self.decoder = nn.GRU(4, 6, batch_first=True)
        self.w, self.u, self.v = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(8, 1)
        self.head = nn.Linear(12, 20)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        memory, last = self.encoder(self.reads(source))
        state = torch.tanh(self.bridge(torch.cat([last[0], last[1]], -1)))
        asks, _ = self.decoder(self.writes(target), state.unsqueeze(0))
        scores = self.v(torch.tanh(self.w(asks).unsqueeze(2) + self.u(memory).unsqueeze(1))).squeeze(-1)
        out: Tensor = self.head(torch.cat([torch.bmm(scores.softmax(-1), memory), asks], -1))
        return out


def traced(module: nn.Module, *, source: int = 5, target: int = 3) -> Network:
    return archscope.trace(module, torch.zeros(1, source, dtype=torch.long), torch.zeros(1, target, dtype=torch.long))


def analyzed(module: nn.Module, **steps: int) -> Analysis:
    return archscope.analyze(traced(module, **steps))


@pytest.mark.parametrize("options", [{}, {"theme": "dark", "width": "400mm", "font_size": 6, "color": "macs"}], ids=str)
@pytest.mark.parametrize(
    "module",
    [Bahdanau(), Bahdanau(both=False), Bahdanau(both=False, bridge=False), Bahdanau(bridge=False), Tutorial(),
     Luong(feeds=False), Luong(feeds=True), Beside()],
    ids=["bahdanau", "one way", "no bridge", "a state backwards", "tutorial", "luong", "feeding", "whole"],
)  # fmt: skip
def test_a_decoder_with_attention_is_drawn_at_each_step(module: nn.Module, options: dict[str, Any]) -> None:
    network = traced(module)
    picture = archscope.draw(network, **options)
    assert str(picture.choice).startswith("style unrolled: recurrence that attends to the states of another")
    assert problems(picture.svg, network) == []
    assert not_contained(picture.svg) == []
    assert parameters(picture.svg) == sum(each.numel() for each in module.parameters())
    # A box at each step of the decoder, and what it is called.
    assert strings(picture.scene).count("attention") == 3 + 1


@pytest.mark.parametrize("target", [3, 7])
def test_attention_with_the_state_before_has_it_from_the_way_into_the_cell(target: int) -> None:
    scene = archscope.draw(traced(Bahdanau(), target=target)).scene
    # At the first step what the bridge gives, at the two others that are drawn the cell's state.
    assert [heads_of(scene, source, "attention.w") for source in ("bridge", "cell")] == [1, 2]
    assert [heads_of(scene, source, "cell") for source in ("bridge", "attention.w")] == [1, 3]
    assert heads_of(scene, "encoder", "attention.w") == 3


def heads_of(scene: Any, source: str, target: str) -> int:
    """Arrows from a layer to another."""
    picked = [group for group in scene.groups("edge") if (group.source, group.target) == (source, target)]
    return sum(type(item).__name__ == "Polygon" for group in picked for item in group.items)


def test_what_attention_found_is_fed_to_the_next_step() -> None:
    scene = archscope.draw(traced(Luong(feeds=True), target=3)).scene
    assert heads_of(scene, "combine", "decoder") == 2
    assert "concat · LSTM cell" in strings(scene)


def test_the_parts_of_attention_are_told_beside_it_in_lines_that_are_not_too_long() -> None:
    found = strings(archscope.draw(traced(Bahdanau())).scene)
    assert "linear · linear · add · tanh · linear · softmax ·" in found
    assert "matrix product · concat" in found
    # w: 6·8 + 8, u: 12·8 + 8, v: 8 + 1
    assert "3×16 · 169 parameters" in found


def test_each_round_is_one_unit_that_tells_what_it_reads_of_the_round_before() -> None:
    units = {unit.name: unit for unit in rounds(analyzed(Luong(feeds=True), target=4))}
    joins = units["concat"]
    assert isinstance(joins, Looped)
    assert ([ref.node for ref in joins.inputs], [ref.node for ref in joins.before]) == (["writes"], ["combine"])
    cell = units["decoder"]
    assert isinstance(cell, Looped)
    assert (cell.steps, cell.outputs) == (4, ((4, 6), (1, 6), (1, 6)))
    assert [(ref.node, ref.output) for ref in cell.inputs[1:]] == [("encoder", 1), ("encoder", 2)]


def test_rounds_that_differ_are_no_loop() -> None:
    with pytest.raises(NoLoopError):
        rounds(analyzed(Bahdanau(changes=True)))
    assert archscope.draw(traced(Bahdanau(changes=True))).style == "graph"


def test_an_encoder_whose_states_are_read_below_attention_hands_them_on_from_where_they_end() -> None:
    """Forwards that is the last step, backwards the first."""
    lines = {}
    for module, name in ((Bahdanau(), "backwards"), (Bahdanau(both=False), "forwards")):
        scene = archscope.draw(traced(module)).scene
        (edge,) = (each for each in scene.groups("edge") if (each.source, each.target) == ("encoder", "bridge"))
        cells = [each for each in scene.groups("layer") if each.layers == ("encoder",)]
        lines[name] = min(x for item in edge.items for x, _ in points(item)) < min(
            x for group in cells for item in group.items if type(item).__name__ == "Path" for x, _ in points(item)
        )
    assert lines == {"backwards": True, "forwards": False}


def points(item: Any) -> list[tuple[float, float]]:
    """Where an item's lines go."""
    if type(item).__name__ == "Path":
        return [point for _, each in item.commands for point in each]
    return list(item.points)


def test_attention_that_is_read_elsewhere_too_is_no_part_of_the_figure() -> None:
    class Shown(Luong):
        def forward(self, source: Tensor, target: Tensor) -> Any:
            return super().forward(source, target), self.between(self.encoder(self.reads(source))[0])

    assert archscope.draw(traced(Shown(feeds=False))).style == "graph"


def test_the_input_of_a_loop_is_what_its_arrows_come_from() -> None:
    scene = archscope.draw(traced(Bahdanau(both=False))).scene
    assert heads(scene, "target") == 3
