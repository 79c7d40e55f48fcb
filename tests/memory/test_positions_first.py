"""What is held where code puts positions before the batch: recurrence and attention as PyTorch has them by default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.memory import memory
from archscope.oracles import tracking
from archscope.oracles.own.memory import called
from archscope.tracing.calling import call_thing


class Net(nn.Module):
    """A dense layer or a table, something that is given positions first or last, and a dense layer."""

    def __init__(self, does: Callable[[Net, Tensor], Tensor], part: nn.Module, *, tokens: bool = False) -> None:
        super().__init__()
        self.a = nn.Embedding(30, 16) if tokens else nn.Linear(8, 16)
        self.part, self.out, self.does = part, nn.Linear(16, 4), does

    def forward(self, x: Tensor) -> Tensor:
        return self.does(self, x)


def first(net: Net, x: Tensor) -> Tensor:
    """A table is given tokens with positions first, and all that follows lies so."""
    return net.out(_of(net.part(net.a(x.t())))).transpose(0, 1)


def turned(net: Net, x: Tensor) -> Tensor:
    return net.out(_of(net.part(net.a(x).transpose(0, 1)))).transpose(0, 1)


def last(net: Net, x: Tensor) -> Tensor:
    return net.out(_of(net.part(net.a(x).transpose(0, 1)))[-1])


def put_in_order(net: Net, x: Tensor) -> Tensor:
    return net.out(_of(net.part(net.a(x).transpose(0, 1).contiguous()))).mean(0)


def _of(made: Any) -> Tensor:
    return made[0] if isinstance(made, tuple) else made


PARTS: dict[str, Callable[[], nn.Module]] = {
    "lstm": lambda: nn.LSTM(16, 16),
    "gru of two layers": lambda: nn.GRU(16, 16, 2),
    "rnn both ways": lambda: nn.RNN(16, 8, bidirectional=True),
    "encoder layer": lambda: nn.TransformerEncoderLayer(16, 2, 32),
    "dense": lambda: nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.LayerNorm(16)),
}


@pytest.mark.parametrize("does", [first, turned, last, put_in_order], ids=lambda does: does.__name__)
@pytest.mark.parametrize("part", PARTS)
def test_positions_first_hold_what_the_tracker_says(part: str, does: Callable[[Net, Tensor], Tensor]) -> None:
    tokens = does is first
    theirs = call_thing(Net(does, PARTS[part](), tokens=tokens), [(6,) if tokens else (6, 8)], {})
    for batch in (1, 2):
        for optimizer in (None, "adam"):
            held = memory(theirs.network, batch, optimizer=optimizer, as_tracked=True)
            tracked = tracking.tracked(lambda batch=batch: called(theirs, batch), optimizer)
            assert not held.not_covered
            for phase in held.phases:
                assert (phase.after.total, phase.most.total) == tracked[phase.name], (batch, optimizer, phase.name)


def test_what_is_fed_in_with_positions_first_is_not_copied() -> None:
    network = archscope.trace(nn.LSTM(8, 12), torch.zeros(6, 2, 8))
    behind, front = (memory(each, 2, optimizer="adam")["forward"].after.total for each in
                     (network, archscope.trace(nn.LSTM(8, 12, batch_first=True), torch.zeros(2, 6, 8))))  # fmt: skip
    assert front - behind == 4 * 2 * 6 * 8  # the inputs in the order that the layer takes them in
