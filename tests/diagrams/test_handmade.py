"""Recurrence that code writes out of layers that are no cells, in a loop: drawn as textbooks draw recurrence."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.network import Network
from tests.diagrams.geometry import parameters, problems
from tests.diagrams.unrolled import heads, strings


class Plain(nn.Module):
    """Elman's cell."""

    states = 1

    def __init__(self, given: int, hidden: int) -> None:
        super().__init__()
        self.reads, self.keeps = nn.Linear(given, hidden), nn.Linear(hidden, hidden, bias=False)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.reads(x) + self.keeps(h))


class Joined(nn.Module):
    """The same with one matrix, as the tutorial of names has it."""

    states = 1

    def __init__(self, given: int, hidden: int) -> None:
        super().__init__()
        self.both = nn.Linear(given + hidden, hidden)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.both(torch.cat([x, h], -1)))


class Gated(nn.Module):
    """Cho's."""

    states = 1

    def __init__(self, given: int, hidden: int) -> None:
        super().__init__()
        self.reads, self.keeps = nn.Linear(given, 3 * hidden), nn.Linear(hidden, 3 * hidden)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        a, b, c = self.reads(x).chunk(3, -1)
        d, e, f = self.keeps(h).chunk(3, -1)
        z = torch.sigmoid(b + e)
        return (1 - z) * torch.tanh(c + torch.sigmoid(a + d) * f) + z * h


class Long(nn.Module):
    """Hochreiter's and Schmidhuber's."""

    states = 2

    def __init__(self, given: int, hidden: int) -> None:
        super().__init__()
        self.reads, self.keeps = nn.Linear(given, 4 * hidden), nn.Linear(hidden, 4 * hidden)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        i, f, o, g = (self.reads(x) + self.keeps(h)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


CELLS = (Plain, Joined, Gated, Long)


class Loop(nn.Module):
    """Cells over one another in one loop, or each in its own.

    Args:
        cells: those that it calls, from the lowest up.
        end: "all" where a layer reads each step, in the loop; "after" where it reads all of them, after it; "last"
            where it reads the last state.
        words: whether it reads words, which become vectors in the loop.
        apart: whether each cell has a loop of its own.
    """

    def __init__(self, *cells: type[nn.Module], end: str = "all", words: bool = False, apart: bool = False) -> None:
        super().__init__()
        self.words = nn.Embedding(20, 6) if words else nn.Identity()
        self.cells = nn.ModuleList(kind(8 if number else 6, 8) for number, kind in enumerate(cells))
        self.head, self.end, self.apart = nn.Linear(8, 3), end, apart

    def begin(self, x: Tensor) -> list[Any]:
        empty = torch.zeros(len(x), 8)
        return [empty if each.states == 1 else (empty, empty) for each in self.cells]

    def forward(self, x: Tensor) -> Any:
        state = self.begin(x)
        found = []
        value: Any = x
        for step in range(0 if self.apart else x.shape[1]):
            value = self.words(x[:, step])
            for number, cell in enumerate(self.cells):
                state[number] = cell(value, state[number])
                value = state[number] if cell.states == 1 else state[number][0]
            found.append(self.head(value) if self.end == "all" else value)
        for number, cell in enumerate(self.cells if self.apart else ()):
            x, found = x if not number else torch.stack(found, 1), []
            for step in range(x.shape[1]):
                state[number] = cell(x[:, step], state[number])
                value = state[number] if cell.states == 1 else state[number][0]
                found.append(value)
        if self.end == "last":
            return self.head(value)
        whole = torch.stack(found, 1)
        return self.head(whole) if self.end == "after" or self.apart else whole


def traced(module: nn.Module, steps: int = 5, *, words: bool = False) -> Network:
    return archscope.trace(module.eval(), torch.zeros(1, steps, dtype=torch.int64) if words else (steps, 6))


@pytest.mark.parametrize("end", ["all", "after", "last"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_of_any_layers_in_a_loop_is_drawn_at_its_steps(cell: Any, end: str) -> None:
    network = traced(Loop(cell, end=end))
    picture = archscope.draw(network, show="name,op,shape,parameters,macs")
    said = strings(picture.scene)
    name = "cells.0.both" if cell is Joined else "cells.0"
    assert str(picture.choice) == (
        f"style unrolled: a chain with recurrence in it, in a loop that calls `{name}` again at each step"
    )
    assert problems(picture.svg, network) == []
    totals = archscope.analyze(network).totals
    assert parameters(picture.svg) == totals.parameters
    # With its loop, at steps 1, 2 and 5; the layer over it at each of them, or at the last alone.
    assert (said.count("cell"), said.count("linear")) == (4, 2 if end == "last" else 5)
    assert [letter for letter in ("h", "c") if letter in said] == ["h", "c"][: cell.states]
    many = 5 if end != "last" else 1
    assert any(each.endswith(f"{many * 24:,} MACs") for each in said)
    assert any(each.endswith(f"{int(totals.macs_at_least) - many * 24:,} MACs") for each in said)


@pytest.mark.parametrize("apart", [False, True], ids=["one loop", "two loops"])
@pytest.mark.parametrize("words", [False, True], ids=["vectors", "words"])
@pytest.mark.parametrize("steps", [2, 3, 6])
def test_cells_over_one_another_are_rows_of_their_own(steps: int, words: bool, apart: bool) -> None:
    if words and apart:
        return
    network = traced(Loop(Gated, Long, words=words, apart=apart), steps, words=words)
    picture = archscope.draw(network)
    assert picture.style == "unrolled"
    assert problems(picture.svg, network) == []
    assert parameters(picture.svg) == archscope.analyze(network).totals.parameters
    assert strings(picture.scene).count("cell") == 2 * (1 + min(steps, 3))
    assert ("embedding" in strings(picture.scene)) is words


class Odd(Loop):
    """A loop that is none, or not the same at each step.

    Args:
        what: "shifted" reads the step after; "backwards"; "twice" goes over the sequence again; "alone" has no state;
            "skips" a step; "learned" begins with a parameter; "between" gives a state that is not the last.
    """

    def __init__(self, what: str) -> None:
        super().__init__(Plain)
        self.what, self.first = what, nn.Parameter(torch.zeros(1, 8))

    def forward(self, x: Tensor) -> Any:
        (cell,) = self.cells
        h = self.first if self.what == "learned" else torch.zeros(len(x), 8)
        kept = []
        many = x.shape[1]
        steps = list(range(many))[:: -1 if self.what == "backwards" else 1]
        for step in steps:
            if self.what == "skips" and step == 2:
                continue
            read = x[:, (step + 1) % many] if self.what == "shifted" else x[:, step]
            kept.append(cell(read, torch.zeros(len(x), 8) if self.what == "alone" else h))
            h = kept[-1]
        if self.what == "twice":
            for step in steps:
                h = cell(x[:, step], h)
        return self.head(kept[2] if self.what == "between" else torch.stack(kept, 1))


@pytest.mark.parametrize("what", ["shifted", "backwards", "twice", "alone", "skips", "learned", "between"])
def test_what_goes_round_in_no_loop_is_not_unrolled(what: str) -> None:
    network = traced(Odd(what))
    picture = archscope.draw(network)
    assert picture.style == "graph"
    assert problems(picture.svg, network) == []


def test_the_inside_of_a_cell_that_code_writes_out_is_refused() -> None:
    said = "cells.0 is written out in code, of linear ×2 · add · tanh, and --show cell draws the inside of"
    with pytest.raises(archscope.UsageError, match=said):
        _ = archscope.draw(traced(Loop(Plain)), show="name,cell").scene


def test_what_a_loop_costs_colours_its_cell_once() -> None:
    network = traced(Loop(Plain))
    picture = archscope.draw(network, color="macs")
    assert problems(picture.svg, network) == []
    assert heads(picture.scene, "cells.0.reads") == 4


class Scaled(nn.Module):
    """A learned vector that scales what recurrence gives at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.scale = nn.GRU(6, 4, batch_first=True), nn.Parameter(torch.ones(4))

    def forward(self, x: Tensor) -> Any:
        return self.rnn(x)[0] * self.scale


def test_a_learned_vector_beside_recurrence_is_drawn() -> None:
    network = traced(Scaled())
    assert problems(archscope.draw(network).svg, network) == []


@pytest.mark.parametrize("end", ["all", "after"])
def test_what_pools_the_states_of_a_loop_stands_over_all_steps(end: str) -> None:
    class Pooled(Loop):
        def forward(self, x: Tensor) -> Any:
            return super().forward(x).mean(1)

    network = traced(Pooled(Gated, end=end))
    picture = archscope.draw(network)
    assert "mean over all steps" in strings(picture.scene)
    assert problems(picture.svg, network) == []
