"""What is added to the scores of attention, found by its values: relative positions, masks, and both together."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archscope import analyze, build, trace
from archscope.building.builders import build_layer
from archscope.building.offsets import rows_of_window
from archscope.layers import AttentionMask, Layer, RelativePositionBias
from archscope.tracing.scores import bias_of, mask_of

BIASES = [
    RelativePositionBias(num_heads=2, window=[3, 4]),
    RelativePositionBias(num_heads=2, window=[5]),
    RelativePositionBias(num_heads=2, window=[2, 3, 2]),
    RelativePositionBias(num_heads=2, window=[3, 3], class_token=True),
    RelativePositionBias(num_heads=2, num_buckets=32, length=40),
    RelativePositionBias(num_heads=2, num_buckets=8, max_distance=20, bidirectional=False, length=30, key_length=50),
]
MASKS = [
    AttentionMask(length=6, causal=True, sliding_window=3),
    AttentionMask(length=6, causal=True),
    AttentionMask(length=6, key_length=9, sliding_window=2),
    AttentionMask(grid=[8, 12], window=[4, 4], shift=[2, 2]),
    AttentionMask(grid=[4, 8], window=[4, 4], shift=[0, 2]),
]


@pytest.mark.parametrize("layer", BIASES, ids=str)
def test_a_bias_is_known_by_the_rows_that_it_looks_up(layer: RelativePositionBias) -> None:
    module: Any = build_layer(layer)
    assert bias_of(torch.tensor(module._rows).view(layer.lengths), 2, len(module.weight)) == layer


@pytest.mark.parametrize("layer", MASKS, ids=str)
@pytest.mark.parametrize("low", [float("-inf"), -1e9, "seen"])
def test_a_mask_is_known_by_its_values(layer: AttentionMask, low: float | str) -> None:
    mask = build_layer(layer)(1)
    assert mask_of(mask == 0 if isinstance(low, str) else mask.clamp(min=low)) == layer


def test_other_values_are_no_mask_and_other_rows_no_bias() -> None:
    assert mask_of(torch.zeros(4, 4)) is None
    assert mask_of(torch.tensor([[0.0, -1.0], [0.0, 0.0]])) is None
    hidden = torch.zeros(4, 4, dtype=torch.bool)
    hidden[0, 3] = True
    assert mask_of(hidden) is None
    assert bias_of(torch.tensor([[0, 1], [1, 1]]), 2, 3) is None


class Biased(nn.Module):
    """Attention of a window as Swin writes it, the mask and the function by choice."""

    def __init__(self, *, spelled: bool = False, masked: bool = False, last: bool = False) -> None:
        super().__init__()
        self.spelled, self.masked, self.last = spelled, masked, last
        self.qkv = nn.Linear(8, 24)
        self.table = nn.Parameter(torch.randn(5 * 5, 2))
        rows = torch.tensor(rows_of_window([3, 3]))
        self.register_buffer("index", rows.view(9, 9), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).reshape(len(x), 9, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        bias = self.table[self.index.view(-1)].view(9, 9, 2)
        bias = bias.permute(2, 0, 1).contiguous().unsqueeze(0) if not self.last else torch.moveaxis(bias, 2, 0)
        if self.masked:
            places = torch.arange(9)
            bias = bias + torch.where(places[:, None] < places[None], float("-inf"), 0.0)
        if not self.spelled:
            return F.scaled_dot_product_attention(q, k, v, bias).transpose(1, 2).flatten(2)
        scores = q @ k.transpose(-2, -1) * 0.5 + bias
        return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("spelled", [False, True])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_bias_that_a_module_looks_up_is_one_row_with_its_table(spelled: bool, device: str) -> None:
    module = Biased(spelled=spelled)
    index = module.index
    network = trace(module.to(device), (9, 8)) if device == "cpu" else trace(_on_meta(module, index), (9, 8))
    rows = {row.name: row for row in analyze(network).rows}
    assert network.by_name["table"].layer == RelativePositionBias(num_heads=2, window=[3, 3])
    assert (rows["table"].parameters, rows["table"].output) == (50, (2, 9, 9))
    totals = analyze(network).totals
    # One projection, 9·8·24; scores and their sum, 2·9·9·4 each.
    assert (totals.parameters, totals.macs) == (8 * 24 + 24 + 50, 9 * 8 * 24 + 2 * 2 * 9 * 9 * 4)


@pytest.mark.parametrize("spelled", [False, True])
@pytest.mark.parametrize("last", [False, True])
def test_a_bias_and_a_mask_that_are_added_up_are_a_row_each_and_their_sum(spelled: bool, last: bool) -> None:
    network = trace(Biased(spelled=spelled, masked=True, last=last), (9, 8))
    found = [node.layer.type for node in network.nodes]
    assert [found.count(name) for name in ("relative_position_bias", "attention_mask")] == [1, 1]
    assert AttentionMask(length=9, causal=True) in [node.layer for node in network.nodes]
    assert found.count("add") == 1 + spelled
    built = build(network).eval()
    module = Biased(spelled=spelled, masked=True, last=last)
    built.load_state_dict(module.state_dict())
    given = torch.randn(2, 9, 8)
    assert torch.allclose(built(given), module(given), atol=1e-5)


def _on_meta(module: Biased, index: Tensor) -> Biased:
    """Parameters without values; the index, which says what is looked up, keeps its own."""
    module.to("meta")
    module.index = index
    return module


def _layers(module: nn.Module, *given: tuple[int, ...]) -> list[Layer]:
    return [node.layer for node in trace(module, *given).nodes]


def test_a_table_is_told_its_numbers_where_an_index_on_meta_has_no_values() -> None:
    totals = analyze(trace(Biased().to("meta"), (9, 8))).totals
    assert (totals.parameters, totals.macs) == (8 * 24 + 24 + 50, 9 * 8 * 24 + 2 * 2 * 9 * 9 * 4)


class Windowed(nn.Module):
    """Causal attention that sees three positions, the mask of yes and no or added."""

    def __init__(self, *, added: bool) -> None:
        super().__init__()
        self.added = added
        self.qkv = nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        places = torch.arange(x.shape[1])
        apart = places[:, None] - places[None]
        mask = (apart >= 0) & (apart < 3)
        if self.added:
            mask = torch.zeros(mask.shape).masked_fill(~mask, float("-inf"))
        return F.scaled_dot_product_attention(q, k, v, mask)


@pytest.mark.parametrize("added", [False, True])
def test_a_sliding_window_is_a_mask_of_its_own(added: bool) -> None:
    assert AttentionMask(length=7, causal=True, sliding_window=3) in _layers(Windowed(added=added), (7, 8))
