"""Tensors without a batch axis are one sample each: what is printed names no number that nobody gave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope import analyze, trace
from archscope.formats.sheet import View
from archscope.formats.table import write


class Each(nn.Module):
    """A layer over every tensor that it is given."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, images: Any) -> Any:
        given = images.values() if isinstance(images, dict) else images
        return [_first(self.layer(each)) for each in given]


class Detector(nn.Module):
    """Pictures of any size, as torchvision's detectors take them: normalized, padded to one size, put in a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, images: list[Tensor]) -> Tensor:
        mean = torch.tensor([0.5, 0.5, 0.5], device=images[0].device)
        images = [each - mean[:, None, None] for each in images]
        size = [max(each.shape[axis] for each in images) for axis in (1, 2)]
        batch = images[0].new_full((len(images), 3, *size), 0.0)
        for place, each in enumerate(images):
            batch[place, :, : each.shape[1], : each.shape[2]].copy_(each)
        return self.head(self.conv(batch).mean((2, 3)))


class Stacked(Detector):
    def forward(self, images: list[Tensor]) -> Tensor:
        return self.head(self.conv(torch.stack(list(images))).mean((2, 3)))


class Itself(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


class Alone(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return _first(self.layer(x))


def _first(made: Any) -> Any:
    return made[0] if isinstance(made, tuple) else made


def zeros(*shape: int) -> Tensor:
    return torch.zeros(shape)


# One place of the convolution is 27·4 = 108 products; 6·6 places of 8×8, 8·6 of 10×8 and of 8×10.
@pytest.mark.parametrize(
    ("given", "macs", "batch"),
    [
        ([zeros(3, 8, 8)], 108 * 36, 1),
        ([zeros(3, 8, 8)] * 3, 108 * 36 * 3, 3),
        ((zeros(3, 8, 8), zeros(3, 10, 8)), 108 * (36 + 48), 2),
        ({"left": zeros(3, 8, 8), "right": zeros(3, 8, 10)}, 108 * (36 + 48), 1),
    ],
)
def test_pictures_without_a_batch_axis_are_layers_of_one_sample(given: Any, macs: int, batch: int) -> None:
    analysis = analyze(trace(Each(nn.Conv2d(3, 4, 3)), given))
    network = analysis.network
    assert {node.layer.type for node in network.nodes} == {"conv2d"}
    assert len(network.nodes) == len(given)
    assert all(len(shape) == 3 and shape[0] == 3 for shape in network.inputs.values())
    assert (analysis.totals.macs, analysis.totals.parameters) == (macs, 112)
    assert network.observed is not None
    assert network.observed.batch == batch
    assert ("samples ran at once" in write(analysis, View())) is (batch > 1)


@pytest.mark.parametrize("make", [Detector, Stacked])
@pytest.mark.parametrize("many", [1, 2, 3])
def test_pictures_that_are_put_in_a_batch_are_a_sample_each(make: Callable[[], nn.Module], many: int) -> None:
    """108·36 for the convolution and 4·2 for the head, for every picture."""
    network = trace(make(), [zeros(3, 8, 8)] * many)
    analysis = analyze(network)
    assert analysis.totals.macs == many * (108 * 36 + 8)
    assert network.observed is not None
    assert network.observed.batch == many
    assert set(network.inputs.values()) == {(3, 8, 8)}
    rows = {row.name: row for row in analysis.rows}
    assert (rows["conv"].type, rows["conv"].output) == ("conv2d", (4, 6, 6))
    assert (rows["head"].type, rows["head"].output) == ("linear", (2,))


def test_pictures_of_different_sizes_are_padded_to_the_largest() -> None:
    """Both are 10×8 then: 108·48 + 8 each."""
    network = trace(Detector(), [zeros(3, 8, 8), zeros(3, 10, 8)])
    analysis = analyze(network)
    assert analysis.totals.macs == 2 * (108 * 48 + 8)
    assert network.observed is not None
    assert network.observed.batch == 2
    assert next(row for row in analysis.rows if row.name == "conv").output == (4, 8, 6)


@pytest.mark.parametrize(
    ("layer", "shape", "type_", "macs", "made"),
    [
        (nn.Linear(4, 5), (4,), "linear", 20, (5,)),
        (nn.Conv1d(4, 5, 3), (4, 9), "conv1d", 7 * 3 * 4 * 5, (5, 7)),
        (nn.Conv2d(1, 5, 3), (1, 9, 9), "conv2d", 49 * 9 * 5, (5, 7, 7)),
        (nn.Conv3d(2, 5, 3), (2, 5, 5, 5), "conv3d", 27 * 27 * 2 * 5, (5, 3, 3, 3)),
        (nn.ConvTranspose1d(4, 5, 3), (4, 9), "conv_transpose1d", 9 * 3 * 4 * 5, (5, 11)),
        (nn.ConvTranspose2d(4, 5, 3), (4, 9, 9), "conv_transpose2d", 81 * 9 * 4 * 5, (5, 11, 11)),
        # Four gates of 5 units each, of 4 inputs and 5 states, for 7 steps.
        (nn.LSTM(4, 5), (7, 4), "lstm", 7 * 4 * 5 * 9, (7, 5)),
        (nn.LSTM(4, 5, batch_first=True), (7, 4), "lstm", 7 * 4 * 5 * 9, (7, 5)),
        (nn.GRU(4, 5), (7, 4), "gru", 7 * 3 * 5 * 9, (7, 5)),
        # Four 8×8 projections of 7 positions, and two products of 7×7×8.
        (Itself(), (7, 8), "multihead_attention", 4 * 64 * 7 + 2 * 7 * 7 * 8, (7, 8)),
    ],
)
def test_a_layer_takes_one_sample_that_has_no_batch_axis(
    layer: nn.Module, shape: tuple[int, ...], type_: str, macs: int, made: tuple[int, ...]
) -> None:
    analysis = analyze(trace(Alone(layer), torch.zeros(shape)))
    (row,) = analysis.rows
    assert (row.type, row.output, analysis.totals.macs) == (type_, made, macs)
    assert dict(analysis.network.inputs) == {"input": shape}
    assert analysis.network.observed is not None
    assert analysis.network.observed.batch == 1


@pytest.mark.parametrize("many", [1, 2])
def test_pictures_whose_shapes_are_stated_in_a_list_are_a_sample_each(many: int) -> None:
    network = trace(Detector(), [(3, 8, 8)] * many)
    analysis = analyze(network)
    assert analysis.totals.macs == many * (108 * 36 + 8)
    assert network.observed is not None
    assert network.observed.batch == many
    assert next(row for row in analysis.rows if row.name == "conv").output == (4, 6, 6)


def test_sequences_of_their_own_lengths_are_padded_into_a_batch() -> None:
    """Two sequences of 7 steps then, as in the LSTM above."""

    class Padded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(4, 5, batch_first=True)

        def forward(self, parts: list[Tensor]) -> Tensor:
            return self.lstm(nn.utils.rnn.pad_sequence(parts, batch_first=True))[0]

    analysis = analyze(trace(Padded(), [zeros(7, 4), zeros(6, 4)]))
    assert analysis.totals.macs == 2 * 7 * 4 * 5 * 9
    assert analysis.rows[-1].output == (7, 5)
    assert analysis.network.observed is not None
    assert analysis.network.observed.batch == 2


def test_maps_in_a_list_that_have_a_batch_axis_keep_it() -> None:
    for given in ([zeros(2, 3, 8, 8), zeros(2, 3, 10, 8)], {"a": zeros(2, 3, 8, 8), "b": zeros(2, 3, 10, 8)}):
        analysis = analyze(trace(Each(nn.Conv2d(3, 4, 3)), given))
        assert [row.output for row in analysis.rows] == [(4, 6, 6), (4, 8, 6)]
        assert analysis.network.observed is not None
        assert analysis.network.observed.batch == 2
    words = analyze(trace(Each(nn.Linear(4, 5)), [zeros(2, 6, 4), zeros(2, 7, 4)]))
    assert words.network.observed is not None
    assert words.network.observed.batch == 2
    assert [row.output for row in words.rows] == [(6, 5), (7, 5)]
