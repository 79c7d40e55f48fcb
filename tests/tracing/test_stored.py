"""Bytes of weights that do not lie value by value: sparse, packed, and made of other tensors."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope import analyze, trace, verify
from archscope.formats.sheet import View
from archscope.formats.table import write
from archscope.oracles.findings import Verdict
from archscope.tracing.calling import call_thing

pytestmark = pytest.mark.filterwarnings("ignore:Sparse", "ignore:.*quant")

DENSE = torch.tensor([[1.0, 0, 2, 0], [0, 0, 0, 0], [0, 3, 0, 0], [0, 4, 5, 0]])
"""Five values that are not zero."""

LAYOUTS = {
    # 5 values of 4 bytes; two places of 8 bytes each; or one each, and where 4 rows begin and end.
    torch.sparse_coo: (5 * 4 + 5 * 2 * 8, 5),
    torch.sparse_csr: (5 * 4 + 5 * 8 + 5 * 8, 5),
    torch.sparse_csc: (5 * 4 + 5 * 8 + 5 * 8, 5),
    # Four blocks of 2·2 values, one place each, and where 2 rows of blocks begin and end.
    torch.sparse_bsr: (4 * 4 * 4 + 4 * 8 + 3 * 8, 16),
}


def _sparse(layout: torch.layout) -> Tensor:
    return DENSE.to_sparse(layout=layout, blocksize=(2, 2) if layout is torch.sparse_bsr else None)


class Graph(nn.Module):
    """Neighbours of 4 nodes summed up, then a layer of 3 features."""

    def __init__(self, adjacency: Tensor, *, trained: bool) -> None:
        super().__init__()
        self.lin = nn.Linear(3, 2, bias=False)
        self.adjacency: Any
        if trained:
            self.adjacency = nn.Parameter(adjacency)
        else:
            self.register_buffer("adjacency", adjacency)

    def forward(self, x: Tensor) -> Any:
        return self.lin(torch.sparse.mm(self.adjacency, x[0]))[None]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("trained", [True, False])
def test_a_sparse_weight_takes_its_values_and_places_and_multiplies_what_it_holds(
    layout: torch.layout, *, trained: bool
) -> None:
    size, values = LAYOUTS[layout]
    analysis = analyze(trace(Graph(_sparse(layout), trained=trained), torch.zeros(1, 4, 3)))
    assert analysis.weight_bytes() == size + 6 * 4
    assert analysis["sparse_mm"].macs == values * 3
    assert analysis.totals.macs == values * 3 + 4 * 6
    assert (analysis.totals.parameters, analysis.totals.fixed) == ((22, 0) if trained else (6, 16))
    assert f"{size + 24} bytes in float32 (1 sparse or packed): " in write(analysis, View())


def test_a_layer_of_sparse_weights_multiplies_what_they_hold_and_tools_that_count_zeros_are_explained() -> None:
    layer = nn.Linear(4, 4)
    layer.weight = nn.Parameter(_sparse(torch.sparse_csr))
    called = call_thing(layer, (torch.zeros(2, 4),), {})
    assert analyze(called.network).totals.macs == 2 * 5
    (found,) = [each for each in verify(called.network, ["FLOPs"], module=called).findings if each.layer is None]
    assert (found.verdict, found.theirs) == (Verdict.EXPLAINED, 2 * 16)
    assert found.why == "it counts the zeros of sparse weights too"


def test_weights_of_a_quantized_recurrence_are_counted_where_they_are_packed() -> None:
    module = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.LSTM(16, 8)), {nn.LSTM}, dtype=torch.qint8)
    analysis = analyze(trace(module, torch.zeros(5, 2, 16)))
    assert (analysis.totals.parameters, analysis.totals.fixed) == (0, 4 * 8 * (16 + 8) + 2 * 32)
    assert analysis.weight_bytes() == 4 * 8 * (16 + 8) + 2 * 32 * 4
    assert analysis.totals.macs == 10 * 4 * 8 * (16 + 8)
