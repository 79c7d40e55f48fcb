"""Attention that PyTorch's exporter writes out in operators is the layer that it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope import analyze, trace
from archscope.opening import open_network
from archscope.oracles.restated import restated
from archscope.writing.stating import state
from tests.importing.test_onnx import exported, rows, varied


class Both(nn.Module):
    """Attention to itself as one operation, and to another input as products; the second's weights have parts."""

    def __init__(self) -> None:
        super().__init__()
        options: dict[str, Any] = {"batch_first": True}
        self.one, self.other = nn.MultiheadAttention(12, 3, **options), nn.MultiheadAttention(12, 2, **options)
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        seen = x + self.one(x, x, x, need_weights=False)[0]
        return self.head(self.other(seen, y, y)[0])


@pytest.fixture(scope="module")
def both() -> Both:
    torch.manual_seed(0)
    return varied(Both()).eval()  # type: ignore[return-value]


@pytest.fixture(scope="module")
def file(both: Both, tmp_path_factory: pytest.TempPathFactory) -> str:
    given = torch.randn(2, 7, 12), torch.randn(2, 5, 12)
    return exported(both, given, tmp_path_factory.mktemp("attention") / "both.onnx", dynamo=True)


def test_attention_of_a_file_has_the_rows_of_its_module(both: Both, file: str) -> None:
    network = open_network(file)
    given = torch.randn(2, 7, 12), torch.randn(2, 5, 12)
    assert rows(network) == rows(trace(both, *given))
    assert [node.name for node in network.nodes] == ["one", "add", "other", "head"]
    assert [len(node.inputs) for node in network.nodes] == [1, 2, 3, 1]


def test_a_spec_of_attention_in_a_file_gives_its_outputs(file: str) -> None:
    network = open_network(file)
    outcome = restated(network, state(network), None)
    assert outcome is not None
    assert outcome.same, outcome.told


def test_constants_that_are_zeros_and_left_out_of_the_file_are_none(tmp_path: Path) -> None:
    """Before training all constants are zeros, and the exporter leaves out those of the last projection alone."""

    class Fresh(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.MultiheadAttention(12, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.attend(x, x, x, need_weights=False)[0]

    path = exported(Fresh(), (torch.randn(5, 2, 12),), tmp_path / "fresh.onnx", dynamo=True)
    network = open_network(path)
    (row,) = analyze(network).rows
    # Four matrices of 12·12, and constants of three projections; 5 positions, 2 samples.
    assert (row.name, int(row.parameters)) == ("attend", 4 * 144 + 36)
    assert row.macs == 2 * (4 * 144 * 5 + 2 * 5 * 5 * 12)
    made = state(network)
    assert "bias: [query, key, value]" in made.text
