"""A constant of one value is a number, as one in the code is; a value that is learned is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope import trace

Arithmetic = Callable[[Tensor, Tensor], Tensor]


class Scales(nn.Module):
    """Works with a number in a buffer, as Gemma scales its embeddings."""

    number: Tensor

    def __init__(self, arithmetic: Arithmetic, *, learned: bool = False) -> None:
        super().__init__()
        self.arithmetic = arithmetic
        if learned:
            self.number = nn.Parameter(torch.tensor(8.0))
        else:
            self.register_buffer("number", torch.tensor(8.0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.arithmetic(x, self.number)


def _layers(module: nn.Module) -> list[tuple[str, dict[str, Any]]]:
    return [(node.layer.type, node.layer.stated()) for node in trace(module, torch.ones(2, 3, 4)).nodes]


@pytest.mark.parametrize(
    ("arithmetic", "stated"),
    [
        (lambda x, number: x * number, {"factor": 8.0}),
        (lambda x, number: number * x, {"factor": 8.0}),
        (lambda x, number: x / number.to(x.dtype), {"factor": 0.125}),
        (lambda x, number: x + number[None], {"shift": 8.0}),
        (lambda x, number: x - number, {"shift": -8.0}),
    ],
)
def test_a_number_in_a_buffer_is_a_factor_or_a_shift(arithmetic: Arithmetic, stated: dict[str, float]) -> None:
    assert _layers(Scales(arithmetic)) == [("scale", stated)]


@pytest.mark.parametrize(
    "arithmetic",
    [
        lambda x, number: x * number.expand(4),  # four values
        lambda x, number: x[0, 0, 0] + number[None, None],  # it is given axes
    ],
)
def test_what_is_no_number_for_all_values_is_none(arithmetic: Arithmetic) -> None:
    assert "scale" not in [kind for kind, _ in _layers(Scales(arithmetic))]


def test_a_learned_number_is_a_parameter() -> None:
    network = trace(Scales(lambda x, number: x * number, learned=True), torch.ones(2, 3, 4))
    assert "scale" not in {node.layer.type for node in network.nodes}
    assert sum(facts.parameters for facts in network.facts.values()) == 1
