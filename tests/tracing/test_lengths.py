"""Samples with lengths of their own: packed sequences and nested tensors are counted as long as they are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from archscope import analyze, trace
from archscope.recognising.function import Function

pytestmark = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")


class Packed(nn.Module):
    """Sequences of 5 and 3 steps of 4 features, packed, through 6 recurrent units and whole again."""

    def __init__(self, kind: str, *, first: bool, ordered: bool = True) -> None:
        super().__init__()
        self.cells: nn.RNNBase = getattr(nn, kind)(4, 6, batch_first=first)
        self.head, self.first, self.ordered = nn.Linear(6, 2), first, ordered

    def forward(self, x: Tensor) -> Any:
        lengths = torch.tensor([5, 3] if self.ordered else [3, 5])
        packed = pack_padded_sequence(x, lengths, batch_first=self.first, enforce_sorted=self.ordered)
        made, state = self.cells(packed)
        whole, _ = pad_packed_sequence(made, batch_first=self.first)
        return self.head(whole), state


GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("first", [True, False])
def test_a_packed_sequence_has_its_batch_and_counts_the_steps_that_are_there(kind: str, *, first: bool) -> None:
    analysis = analyze(trace(Packed(kind, first=first), torch.zeros(2, 5, 4) if first else torch.zeros(5, 2, 4)))
    assert dict(analysis.network.inputs) == {"input": (5, 4)}
    cells = analysis["cells"]
    assert (cells.type, cells.facts[0].outputs[:2]) == (kind.lower(), ((5, 6), (1, 6)))
    assert cells.macs == (5 + 3) * GATES[kind] * (4 * 6 + 6 * 6)
    assert analysis["pad_packed_sequence"].facts[0].outputs == ((5, 6), ())
    assert (analysis["head"].type, analysis["head"].macs) == ("linear", 2 * 5 * 6 * 2)
    assert analysis.network.observed is not None
    assert analysis.network.observed.batch == 2


def test_sequences_in_another_order_are_sorted_and_count_the_same() -> None:
    analysis = analyze(trace(Packed("GRU", first=True, ordered=False), torch.zeros(2, 5, 4)))
    assert (analysis["cells"].type, analysis["cells"].macs) == ("gru", (5 + 3) * 180)


def test_what_works_on_the_values_of_a_packed_sequence_is_a_layer() -> None:
    class Embeds(Packed):
        def forward(self, x: Tensor) -> Any:
            packed = pack_padded_sequence(x, [5, 2], batch_first=True)
            return self.head(self.cells(PackedSequence(self.own(packed.data), packed.batch_sizes))[1])

    module = Embeds("GRU", first=True)
    module.own = nn.Linear(4, 4)
    analysis = analyze(trace(module, torch.zeros(2, 5, 4)))
    assert [(row.name, row.macs) for row in analysis.rows if row.macs] == [
        ("own", 7 * 16), ("cells", 7 * 180), ("head", 2 * 12)]  # fmt: skip
    assert not isinstance(analysis["own"].node.layer, Function)


class Attends(nn.Module):
    """Two heads over samples with lengths of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(8, out) for out in (8, 8, 8, 3))

    def forward(self, x: Tensor) -> Any:
        parts = [part(x).unflatten(-1, (2, 4)).transpose(1, 2) for part in (self.q, self.k, self.v)]
        made = F.scaled_dot_product_attention(*parts)
        return self.o(made.transpose(1, 2).flatten(-2))


class Nests(Attends):
    """Of one padded sequence the first 3 and the first 5 steps."""

    def forward(self, x: Tensor) -> Any:
        lists = torch.nested.nested_tensor([x[0, :3], x[0, :5]], layout=torch.jagged)
        return torch.nested.to_padded_tensor(super().forward(lists), 0.0)


def _jagged() -> Tensor:
    return torch.nested.nested_tensor([torch.zeros(3, 8), torch.zeros(5, 8)], layout=torch.jagged)


@pytest.mark.parametrize(("make", "given"), [(Attends, _jagged), (Nests, lambda: torch.zeros(1, 6, 8))])
def test_attention_over_jagged_samples_counts_each_as_long_as_it_is(
    make: Callable[[], nn.Module], given: Callable[[], Tensor]
) -> None:
    analysis = analyze(trace(make(), given()))
    # Three projections of 3 + 5 positions; scores and weighted sums of 3·3 and 5·5 pairs in 2 heads of 4.
    macs = {row.name: row.macs for row in analysis.rows if row.macs}
    assert macs == {"q": 8 * 64, "k": 8 * 64, "v": 8 * 64, "scaled_dot_product_attention": 2 * 2 * (9 + 25) * 4,
                    "o": 8 * 24}  # fmt: skip
    assert analysis.totals.macs == sum(macs.values())
    assert analysis["q"].reason("connections") == "its samples have lengths of their own"
    assert analysis.rows[-1].output[-2:] == (5, 3)


def test_what_pytorch_makes_for_itself_to_view_jagged_samples_is_no_work_of_a_thread_that_runs_beside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from torch.nested._internal import nested_tensor

    over = threading.Event()
    beside = threading.Thread(target=over.wait)
    beside.start()
    monkeypatch.setattr(nested_tensor, "_dummy_instance", None)  # as in a process that has seen no jagged tensor
    try:
        analysis = analyze(trace(Nests(), torch.zeros(1, 6, 8)))
    finally:
        over.set()
        beside.join()
    assert analysis.totals.macs == 3 * 8 * 64 + 2 * 2 * (9 + 25) * 4 + 8 * 24


def test_a_list_of_samples_that_are_not_jagged_counts_as_well() -> None:
    class Dense(Attends):
        def forward(self, x: Tensor) -> Any:
            return torch.nested.to_padded_tensor(self.o(self.q(x).relu()), 0.0)

    given = torch.nested.nested_tensor([torch.zeros(3, 8), torch.zeros(5, 8)])
    assert analyze(trace(Dense(), given)).totals.macs == 8 * 64 + 8 * 24
