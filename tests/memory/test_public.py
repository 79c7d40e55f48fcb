"""What the code of public models does that made a number of memory wrong: each in as few lines as show it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.memory.shared import differences, same


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("kernel", [1, 3, 4, (4, 3)])
def test_a_convolution_with_the_same_extents_pads_first_only_where_the_sides_differ(
    kernel: int | tuple[int, int], optimizer: str | None
) -> None:
    """As in ConvMixer."""
    layers = nn.Conv2d(3, 4, 3), nn.GELU(), nn.Conv2d(4, 4, kernel, padding="same", dilation=3), nn.GELU()
    same(nn.Sequential(*layers), (3, 12, 12), optimizer)


class Windows(nn.Module):
    """Attention in windows, as in Hiera: queries, keys and values have an axis of windows beside that of heads."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).reshape(len(x), -1, 4, 3, 2, 4).permute(3, 0, 4, 2, 1, 5).unbind(0)
        return F.scaled_dot_product_attention(q.reshape(len(x), 2, 4, 4, -1, 4).amax(3), k, v)


def test_keys_that_are_scaled_are_there_while_rows_of_a_copy_of_them_are_multiplied() -> None:
    same(Windows(), (64, 8), None)


class Handed(nn.Module):
    """The channels of a norm over the last axis go in front, as between the stages of a pyramid (PVT)."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 16), nn.Linear(16, 4)
        self.norm, self.last = nn.LayerNorm(4), nn.Conv2d(4, 6, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        x = self.norm(x + self.second(self.first(x)))
        return self.last(x.reshape(len(x), 4, 4, 4).permute(0, 3, 1, 2).contiguous())


def test_the_gradient_of_a_norm_lies_as_the_one_that_came_and_is_copied_for_rows() -> None:
    same(Handed(), (16, 4), "sgd")


class Tiles(nn.Module):
    """Attention in windows that stand in one axis with the samples, as in DaViT: as of so many samples."""

    def __init__(self, mask: bool) -> None:
        super().__init__()
        self.qkv, self.out, self.mask = nn.Linear(8, 24), nn.Linear(8, 8), mask

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).reshape(-1, 16, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        seen = F.scaled_dot_product_attention(q, k, v, torch.zeros(1, 1, 16, 16) if self.mask else None)
        return self.out(seen.transpose(1, 2).reshape(x.shape))


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_windows_that_stand_in_one_axis_with_samples_are_attended_to_in_one_operation(optimizer: str | None) -> None:
    same(Tiles(mask=False), (64, 8), optimizer)


def test_windows_with_a_mask_are_exact_or_at_least() -> None:
    assert not differences(Tiles(mask=True), (64, 8), "sgd", 2)[1]


class Strips(nn.Module):
    """Every fourth row, beside the samples in one axis: of one sample that is seen so, of more it is copied."""

    def __init__(self, *, learned: bool) -> None:
        super().__init__()
        self.front = nn.Linear(8, 8) if learned else nn.Identity()
        self.one, self.other = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        strips = self.front(x).unflatten(1, (16, 4)).transpose(1, 2).reshape(-1, 16, 8)
        return (self.one(strips) + self.other(strips)).reshape(x.shape)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("learned", [False, True])
def test_what_one_sample_is_seen_as_beside_others_is_a_copy_of_more(
    learned: bool, batch: int, optimizer: str | None
) -> None:
    same(Strips(learned=learned), (64, 8), optimizer, batch)


class OneByOne(nn.Module):
    """Queries, keys and values taken one by one where windows stand beside the samples, as in Swin."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        every = self.qkv(x.reshape(-1, 16, 8)).reshape(-1, 16, 3, 2, 4).permute(2, 0, 3, 1, 4)
        q, k, v = every[0], every[1], every[2]
        return ((q * 0.5 @ k.transpose(-2, -1)).softmax(-1) @ v).transpose(1, 2).reshape(x.shape)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_what_code_sees_of_a_value_is_no_tensor_of_its_own_in_a_lower_bound(optimizer: str | None) -> None:
    why, wrong = differences(OneByOne(), (64, 8), optimizer, 2)
    assert why
    assert not wrong
