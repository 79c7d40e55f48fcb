"""Cells are given states to begin with that the code makes: each is there once, and no cell makes one of its own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.memory.shared import same


class Cells(nn.Module):
    """What is written below, over cells."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.gru, self.rnn = nn.LSTMCell(8, 6), nn.GRUCell(8, 6), nn.RNNCell(8, 6)
        self.before, self.out = nn.Linear(8, 6), nn.Linear(6, 2)


def zeros(x: Tensor) -> Tensor:
    return torch.zeros(x.shape[0], 6)


class Loop(Cells):
    """An LSTM as textbooks write it."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = x.new_zeros(x.shape[0], 6)
        cell = torch.zeros_like(hidden)
        for place in range(x.shape[1]):
            hidden, cell = self.lstm(x[:, place], (hidden, cell))
        return self.out(hidden)


class Pair(Cells):
    """Both states are one tensor."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = cell = zeros(x)
        for place in range(x.shape[1]):
            hidden, cell = self.lstm(x[:, place], (hidden, cell))
        return self.out(hidden)


class Gated(Cells):
    """Every hidden state is collected."""

    def forward(self, x: Tensor) -> Tensor:
        hidden, states = zeros(x), []
        for place in range(x.shape[1]):
            hidden = self.gru(x[:, place], hidden)
            states.append(hidden)
        return self.out(torch.stack(states, 1))


class Kept(Cells):
    """The code has the state yet when the cell has run."""

    def forward(self, x: Tensor) -> Any:
        begins = zeros(x)
        return self.out(self.rnn(x[:, 0], begins)), begins


class Shared(Cells):
    """Two cells begin with the same one."""

    def forward(self, x: Tensor) -> Tensor:
        begins = zeros(x)
        return self.out(self.gru(x[:, 0], begins) + self.rnn(x[:, 1], begins))


class Half(Cells):
    """One state comes from a layer."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.before(x[:, 0])
        hidden, _ = self.lstm(x[:, 1], (hidden, torch.zeros_like(hidden)))
        return self.out(hidden)


class Ones(Cells):
    """It begins with ones."""

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.gru(x[:, 0], x.new_ones(x.shape[0], 6)))


class Own(Cells):
    """The cell makes the state itself."""

    def forward(self, x: Tensor) -> Tensor:
        states = None
        for place in range(x.shape[1]):
            states = self.lstm(x[:, place], states)
        return self.out(states[0])


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 1), (None, 3), ("sgd", 1), ("adam", 2)])
@pytest.mark.parametrize("kind", [Loop, Pair, Gated, Kept, Shared, Half, Ones, Own])
def test_a_state_that_code_begins_with_is_held_once(kind: type[Cells], optimizer: str | None, batch: int) -> None:
    same(kind(), (3, 8), optimizer, batch)
