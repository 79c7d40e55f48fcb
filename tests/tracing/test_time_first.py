"""Sequences with time before the batch, and states with their layers before it: the batch is where layers take it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from archscope import analyze, trace
from archscope.recognising.function import Function


class Started(nn.Module):
    """A recurrence over 4 features that begins with states."""

    def __init__(self, kind: str, states: Callable[[Tensor, Tensor], Tensor], *, first: bool) -> None:
        super().__init__()
        self.kind, self.states = kind, states
        self.cells: nn.RNNBase = getattr(nn, kind)(4, 6, num_layers=2, batch_first=first)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        state = self.states(x, state)
        made: Tensor = self.cells(x, (state, state.tanh()) if self.kind == "LSTM" else state)[0]
        return made


MACS = {"RNN": 5 * (24 + 36 + 36 + 36), "GRU": 3 * 5 * (24 + 36 + 36 + 36), "LSTM": 4 * 5 * (24 + 36 + 36 + 36)}
"""Five steps, two layers of 6 units: the first reads 4 features, the second 6, both their last 6 states; per gate."""


@pytest.mark.parametrize("kind", MACS)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_recurrence_that_is_given_states_with_their_batch_second_is_a_layer(
    kind: str, first: bool, batch: int
) -> None:
    x = torch.zeros(batch, 5, 4) if first else torch.zeros(5, batch, 4)
    network = trace(Started(kind, lambda _, state: state, first=first), x, torch.zeros(2, batch, 6))
    assert dict(network.inputs) == {"x": (5, 4), "state": (2, 6)}
    assert network.by_name["cells"].layer.type == kind.lower()
    assert network.observed is not None
    assert network.observed.batch == batch
    assert analyze(network).totals.macs == batch * MACS[kind]


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (lambda x, _: torch.zeros(2, x.shape[0], 6, device=x.device), "GRU ×2"),
        (lambda x, _: torch.ones(2, x.shape[0], 6, device=x.device), "GRU ×2, given states"),
    ],
)
def test_states_that_the_code_makes_are_the_layers_own_where_they_are_zero(
    states: Callable[[Tensor, Tensor], Tensor], said: str
) -> None:
    network = trace(Started("GRU", states, first=True), torch.zeros(3, 5, 4), torch.zeros(3, 1))
    assert network.by_name["cells"].layer.label == said


class Reads(nn.Module):
    """Words, time first, and the last state."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.cells, self.head = nn.Embedding(9, 4), nn.GRU(4, 6), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.head(self.cells(self.words(x))[0][-1])
        return made


@pytest.mark.parametrize(
    ("make", "given", "macs"),
    [
        # Five steps of 3·(6·4 + 6·6), and 6·2 of the last.
        (Reads, [torch.zeros(5, 3, dtype=torch.long)], 5 * 180 + 12),
        # Four projections of 5·8·8, the scores and what they weigh of 2·5·5·4 each, and 2·5·8·16.
        (lambda: nn.TransformerEncoderLayer(8, 2, 16), [torch.zeros(5, 3, 8)], 4 * 320 + 2 * 200 + 2 * 640),
    ],
)
def test_a_batch_in_the_second_place_is_no_number_of_steps(
    make: Callable[[], nn.Module], given: list[Tensor], macs: int
) -> None:
    network = trace(make(), *given)
    assert not any(isinstance(node.layer, Function) for node in network.nodes)
    assert {shape[0] for shape in network.inputs.values()} == {5}
    assert network.observed is not None
    assert network.observed.batch == 3
    assert analyze(network).totals.macs == 3 * macs
