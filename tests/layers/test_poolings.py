"""A pooling is accepted exactly where PyTorch accepts it, and makes the same grid."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from archscope.building.builders import build_layer
from archscope.errors import Rejects
from archscope.layers import TYPES


def random_pooling(drawing: random.Random, kind: str, axes: int) -> tuple[dict[str, Any], list[int]]:
    """Options, and the sides of the padding in PyTorch's order: small inputs and every way of rounding."""
    kernel = tuple(drawing.randint(1, 5) for _ in range(axes))
    equal = drawing.random() < 0.6
    sides: list[int] = []
    for each in reversed(kernel):
        before = drawing.randint(0, each // 2)
        sides += [before, before if equal else drawing.randint(0, each // 2)]
    options: dict[str, Any] = {"kernel_size": kernel, "stride": tuple(drawing.randint(1, 5) for _ in range(axes)),
                               "ceil_mode": drawing.random() < 0.6}  # fmt: skip
    if kind == "max":
        options["dilation"] = tuple(drawing.choice((1, 1, 2, 3)) for _ in range(axes))
    return options, sides


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_a_pooling_is_accepted_where_pytorch_accepts_it_and_makes_the_same_grid(kind: str, axes: int) -> None:
    drawing = random.Random(axes)
    refused = 0
    for _ in range(700):
        options, sides = random_pooling(drawing, kind, axes)
        shape = (2, *(drawing.randint(1, 7) for _ in range(axes)))
        layer = TYPES[f"{kind}_pool{axes}d"](padding=sides, **options)
        befores, afters = sides[::2][::-1], sides[1::2][::-1]
        own = getattr(nn, f"{kind.title()}Pool{axes}d")
        try:
            if befores == afters:
                made = own(padding=befores, **options)(torch.zeros(1, *shape))
                theirs = made.shape[1:]
            else:
                made = build_layer(layer, shape)(torch.zeros(1, *shape))
                theirs = made.shape[1:]
                padded = F.pad(torch.zeros(1, *shape), sides)
                assert options["ceil_mode"] or own(**options)(padded).shape[1:] == theirs
        except RuntimeError:
            refused += 1
            with pytest.raises(Rejects, match="is larger than the input's"):
                layer.facts(shape)
        else:
            if torch.isinf(made).any():  # a window that holds nothing, which PyTorch lets pass
                with pytest.raises(Rejects, match="stride over the whole"):
                    layer.facts(shape)
                continue
            assert layer.facts(shape).output == tuple(theirs), (layer, shape)
    assert refused > 20


def test_an_average_over_three_axes_wants_a_whole_window_in_the_input() -> None:
    pool = TYPES["avg_pool3d"](kernel_size=2, ceil_mode=True)
    with pytest.raises(Rejects) as caught:
        pool.facts((4, 3, 1, 5))
    assert caught.value.message == (
        "a kernel of 2 is larger than the input's height of 1, "
        "which PyTorch's average over three axes does not take, padded or rounded up"
    )
    assert caught.value.help == "use a kernel of at most 1, or a larger input"
    assert TYPES["max_pool3d"](kernel_size=2, ceil_mode=True).facts((4, 3, 1, 5)).output == (4, 2, 1, 3)
