"""Sequences with time before the batch, and states with their layers before it: the batch is where layers take it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope import Network, UsageError, analyze, trace
from archscope.opening import open_network
from archscope.oracles import verify
from archscope.recognising.function import Function
from archscope.tracing.calling import call_module, call_thing
from archscope.tracing.inputs import Call, Given


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


class LastStep(nn.Module):
    """A recurrence over 4 features, time first, and its last step: 5·(24 + 36) products a gate, and 6·2."""

    def __init__(self, kind: str = "GRU") -> None:
        super().__init__()
        self.cells: nn.RNNBase = getattr(nn, kind)(4, 6)
        self.head = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.head(self.cells(x)[0][-1])
        return made


class Loop(nn.Module):
    """The same, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(4, 6), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(x.shape[1], 6)
        for step in x:
            state = self.cell(step, state)
        made: Tensor = self.head(state)
        return made


class Rows(nn.Module):
    """Sample by sample, whose axes behind the batch hold features."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(4, 8), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.other(each) for each in self.one(x)])


def found(network: Network) -> tuple[Any, ...]:
    assert network.observed is not None
    return dict(network.inputs), network.observed.batch, analyze(network).totals.macs


GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


@pytest.mark.parametrize("kind", GATES)
def test_the_batch_of_a_shape_lies_where_the_recurrence_takes_it(kind: str) -> None:
    called = call_thing(LastStep(kind), ((5, 4),), {})
    assert found(called.network) == ({"input": (5, 4)}, 1, GATES[kind] * 5 * 60 + 12)
    assert called.network.by_name["cells"].layer.type == kind.lower()
    assert {row.type for row in analyze(called.network).rows} == {kind.lower(), "select", "linear"}
    (given,), _ = called.inputs("cpu", batch=3)
    assert given.shape == (5, 3, 4)


@pytest.mark.parametrize(("first", "shapes"), [(False, [(5, 3, 4), (2, 3, 6)]), (True, [(3, 5, 4), (2, 3, 6)])])
def test_states_that_are_stated_by_shape_have_their_batch_second(first: bool, shapes: list[tuple[int, ...]]) -> None:
    called = call_thing(Started("GRU", lambda _, state: state, first=first), ((5, 4), (2, 6)), {})
    assert found(called.network) == ({"x": (5, 4), "state": (2, 6)}, 1, MACS["GRU"])
    assert [tuple(each.shape) for each in called.inputs("cpu", batch=3)[0]] == shapes


def exported(module: nn.Module, *given: Tensor) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.export(module.eval(), given)


@pytest.mark.parametrize(
    ("make", "given", "inputs", "batch", "macs"),
    [
        *((lambda kind=kind: LastStep(kind), [(5, 1, 4)], {"input": (5, 4)}, 1, gates * 5 * 60 + 12)
          for kind, gates in GATES.items()),
        (LastStep, [(5, 3, 4)], {"input": (5, 4)}, 3, 3 * (900 + 12)),
        (Loop, [(5, 1, 4)], {"input": (5, 4)}, 1, 912),
        (Loop, [(5, 3, 4)], {"input": (5, 4)}, 3, 3 * 912),
        (lambda: Started("GRU", lambda _, state: state, first=False), [(5, 1, 4), (2, 1, 6)],
         {"x": (5, 4), "state": (2, 6)}, 1, MACS["GRU"]),
        (lambda: Started("GRU", lambda _, state: state, first=True), [(3, 5, 4), (2, 3, 6)],
         {"x": (5, 4), "state": (2, 6)}, 3, 3 * MACS["GRU"]),
        (lambda: nn.TransformerEncoderLayer(8, 2, 16), [(5, 1, 8)], {"input": (5, 8)}, 1, 3_000 - 40),
        (LastStep, [(5, 4)], {"input": (5, 4)}, 1, 912),
        (Rows, [(3, 4)], {"input": (4,)}, 3, 3 * 48),
    ],
)  # fmt: skip
def test_a_program_has_its_batch_where_its_operations_take_it(
    make: Callable[[], nn.Module], given: list[tuple[int, ...]], inputs: dict[str, Any], batch: int, macs: int
) -> None:
    """Of 5 steps: attention of 4·8·8 a step, scores and sums of 5·8 each a step, and 2·8·16."""
    tensors = [torch.zeros(shape) for shape in given]
    program = exported(make(), *tensors)
    assert found(trace(program)) == (inputs, batch, macs)
    assert found(trace(make().eval(), *tensors))[1:] == (batch, macs)


def test_a_program_of_any_batch_is_asked_for_another_one_behind_time(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(LastStep().eval(), (torch.zeros(5, 3, 4),),
                                      dynamic_shapes=({1: torch.export.Dim("batch", min=2)},))  # fmt: skip
    torch.export.save(program, tmp_path / "net.pt2")
    assert found(open_network(tmp_path / "net.pt2"))[1:] == (3, 3 * 912)
    assert found(open_network(tmp_path / "net.pt2", batch=7)) == ({"input": (5, 4)}, 7, 7 * 912)


def test_a_witness_takes_the_batch_behind_time_away() -> None:
    called = call_thing(LastStep(), ((5, 4),), {})
    findings = verify(called.network, ["module"], module=called).findings
    said = {each.layer: each.verdict.value for each in findings if each.quantity == "output"}
    assert said == {"cells": "agrees", "head": "agrees"}


def test_where_the_batch_stands_behind_time_is_noted() -> None:
    network = trace(LastStep(), torch.zeros(5, 2, 4))
    assert network.observed is not None
    assert network.observed.places[next(iter(network.inputs))].makes == (1,)
    assert network.observed.places["cells"].reads == (1,)


class Packs(nn.Module):
    """Packs sequences, time first, by lengths that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.GRU(4, 6)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        made: Tensor = self.cells(packed)[1]
        return made


@pytest.mark.parametrize("shape", [(), (1,)])
def test_lengths_that_are_stated_by_shape_are_asked_for_as_values(shape: tuple[int, ...]) -> None:
    given = Given((5, 4)), Given(shape, "int64")
    with pytest.raises(UsageError) as raised:
        call_module(Packs(), Call(given))
    assert "packs sequences by lengths, which are values, and a shape has none" in str(raised.value)
    assert "--example mypkg.models:example" in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
