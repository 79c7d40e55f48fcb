"""Steps of a recurrence, states to begin with and weighted bags of words are one thing as module and as program."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope
from archscope import Analysis


class Loop(nn.Module):
    """Two cells over three positions, one behind the other, and a dense layer of each state."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.LSTMCell(4, 5), nn.GRUCell(5, 5), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = cell = x.new_zeros(len(x), 5)
        above, made = None, []
        for place in range(3):
            hidden, cell = self.first(x[:, place], (hidden, cell))
            above = self.second(hidden, above)
            made.append(self.head(above))
        return torch.stack(made, 1)


class Plain(nn.Module):
    """Both plain cells, with biases and without."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.RNNCell(4, 5), nn.RNNCell(5, 5, nonlinearity="relu", bias=False)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.second(self.first(x))
        return made


class Given(nn.Module):
    """Recurrence that turns the states which it is given, in a class of its own."""

    def __init__(self, kind: type[nn.RNNBase], **options: Any) -> None:
        super().__init__()
        self.inner = type("Own", (kind,), {"forward": _turned})(4, 6, 2, batch_first=True, **options)
        self.head = nn.Linear(4, 2 * 6)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.inner(x, self.head(x[:, 0]).view(-1, 2, 6))
        return made


def _turned(self: Any, x: Tensor, state: Tensor) -> Tensor:
    first = state.transpose(0, 1).contiguous()
    given = (first, torch.zeros_like(first)) if isinstance(self, nn.LSTM) else first
    made: Tensor = super(type(self), self).forward(x, given)[0]
    return made


def exported(module: nn.Module, *given: Tensor) -> Analysis:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return archscope.analyze(torch.export.export(module, given))


CELLS = {
    # (4 + 5 + 2)·4·5 = 220, (5 + 5 + 2)·3·5 = 180 and (5 + 1)·2 = 12 lines, three times; 5 + 5 + 2 units.
    "a loop over cells": (Loop, (1, 3, 4), 3 * (220 + 180 + 12), 3 * (5 + 5 + 2)),
    # (4 + 5 + 2)·5 = 55 and (5 + 5)·5 = 50.
    "plain cells": (Plain, (1, 4), 55 + 50, 5 + 5),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_program_of_cells_has_the_lines_of_its_module(name: str) -> None:
    kind, shape, lines, units = CELLS[name]
    module, given = kind().eval(), torch.randn(shape)
    for found in (archscope.analyze(module, given), exported(module, given)):
        assert (found.totals.connections, found.totals.units) == (lines, units)
        assert "function" not in {row.type for row in found.rows}


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("more", [{}, {"bidirectional": False, "bias": False}])
def test_a_program_of_recurrence_that_turns_its_states_has_the_lines_of_both_layers(
    kind: type[nn.RNNBase], more: dict[str, Any]
) -> None:
    found = exported(Given(kind, **more).eval(), torch.randn(1, 7, 4))
    gates = {nn.RNN: 1, nn.GRU: 3, nn.LSTM: 4}[kind]
    biases = 0 if more else 2
    lines = gates * 6 * 7 * (4 + 6 + biases + 6 + 6 + biases)
    assert found.totals.connections == lines + (4 + 1) * 12
    assert found.totals.units == 2 * 7 * 6 + 12


class Bag(nn.Module):
    """A bag of words of 8 features in which each has a weight."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(50, 8, mode="sum")
        self.way = way

    def forward(self, words: Tensor, weights: Tensor) -> Tensor:
        if self.way == "by name":
            made = self.table(words, per_sample_weights=weights)
        elif self.way == "a function":
            made = F.embedding_bag(words, self.table.weight, per_sample_weights=weights, mode="sum")
        elif self.way == "begins":
            made = self.table(words.flatten(), torch.tensor([0, 3]), weights.flatten())
        else:
            made = self.table(words, None, weights) if self.way == "in its place" else self.table(words)
        return made  # type: ignore[no-any-return]


@pytest.mark.parametrize("way", ["by name", "in its place", "a function", "begins", "without"])
def test_a_weight_for_each_word_is_a_product_for_each_of_its_values(way: str) -> None:
    module, given = Bag(way).eval(), (torch.randint(0, 50, (1, 6)), torch.randn(1, 6))
    macs = 0 if way == "without" else 6 * 8
    assert archscope.analyze(module, *given).totals.macs == macs
    assert exported(module, *given).totals.macs == macs
