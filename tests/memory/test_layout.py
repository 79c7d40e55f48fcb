"""How values lie in memory: PyTorch says the same of every tensor that is turned, cut and seen in another shape."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from archscope.memory.layout import Layout


@pytest.mark.parametrize("seed", range(300))
def test_a_tensor_lies_as_pytorch_says(seed: int) -> None:
    chance = random.Random(seed)
    shape = [chance.choice((1, 2, 3, 4, 6)) for _ in range(chance.randint(1, 4))]
    tensor, layout = torch.zeros(shape), Layout.of(shape)
    for _ in range(5):
        tensor, layout = chance.choice((_turned, _cut, _seen, _like, _taken))(chance, tensor, layout)
        assert layout.shape == tuple(tensor.shape)
        assert layout.in_order == tensor.is_contiguous(), (tensor.shape, tensor.stride(), layout)
        last = torch._prims_common.suggest_memory_format(tensor) in (torch.channels_last, torch.channels_last_3d)
        assert layout.channels_last == last, (tensor.shape, tensor.stride(), layout)
        assert layout.in_rows == _seen_in_rows(tensor), (tensor.shape, tensor.stride(), layout)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_made_of_a_repeated_value_lies_as_what_is_read_beside_it(seed: int) -> None:
    chance = random.Random(seed)
    shape = [chance.choice((2, 3, 4)) for _ in range(chance.randint(3, 4))]
    one, other = _repeated(chance, shape, [chance.randrange(len(shape))]), _repeated(chance, shape, [])
    if chance.random() < 0.5:
        other = _repeated(chance, shape, [chance.randrange(len(shape))])
    layouts = [Layout(tuple(shape), each.stride()) for each in (one, other)]
    assert layouts[0].like(layouts[1]).strides == (one * other).stride(), (shape, one.stride(), other.stride())


def _repeated(chance: random.Random, shape: list[int], axes: list[int]) -> Any:
    """Axes that lie in any order, some of them repeated."""
    order = chance.sample(range(len(shape)), len(shape))
    tensor = torch.zeros([shape[axis] for axis in order]).permute([order.index(axis) for axis in range(len(shape))])
    for axis in axes:
        tensor = tensor.narrow(axis, 0, 1).expand(shape)
    return tensor


def _seen_in_rows(tensor: Any) -> bool:
    try:
        tensor.view(-1, tensor.shape[-1])
    except RuntimeError:
        return False
    return True


def _turned(chance: random.Random, tensor: Any, layout: Layout) -> tuple[Any, Layout]:
    dims = [*range(tensor.dim())]
    chance.shuffle(dims)
    return tensor.permute(dims), layout.turned(dims)


def _cut(chance: random.Random, tensor: Any, layout: Layout) -> tuple[Any, Layout]:
    axis = chance.randrange(tensor.dim())
    many = chance.randint(1, tensor.shape[axis])
    return tensor.narrow(axis, 0, many), layout.part([*layout.shape[:axis], many, *layout.shape[axis + 1 :]])


def _taken(chance: random.Random, tensor: Any, layout: Layout) -> tuple[Any, Layout]:
    if tensor.dim() < 2:
        return tensor, layout
    axis = chance.randrange(tensor.dim())
    return tensor.select(axis, 0), layout.without(axis)


def _seen(chance: random.Random, tensor: Any, layout: Layout) -> tuple[Any, Layout]:
    shape, left = [], tensor.numel()
    while left > 1 and len(shape) < 3:
        shape.append(chance.choice([each for each in range(1, left + 1) if left % each == 0]))
        left //= shape[-1]
    shape.append(left)
    try:
        seen = tensor.view(shape)
    except RuntimeError:
        assert layout.seen_as(shape) is None, (tensor.shape, tensor.stride(), shape)
        return tensor, layout
    after = layout.seen_as(shape)
    assert after is not None, (tensor.shape, tensor.stride(), shape)
    return seen, after


def _like(_: random.Random, tensor: Any, layout: Layout) -> tuple[Any, Layout]:
    return torch.empty_like(tensor), layout.like()
