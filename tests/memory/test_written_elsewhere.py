"""Memory of code that writes over what it made beside its layers, or over what several results see.

Held against PyTorch's tracker: equal, or at least and never above.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archscope.memory import memory
from archscope.tracing.calling import call_thing
from tests.memory.shared import differences

Way = Callable[[Any, Tensor], Tensor]


class Asks(nn.Module):
    """A function of a layer, of parameters and of the input."""

    def __init__(self, way: Way) -> None:
        super().__init__()
        self.way, self.l = way, nn.Linear(8, 8)
        self.p, self.q, self.w = (nn.Parameter(torch.ones(each)) for each in ((1, 5, 8), (8,), (8, 8)))

    def forward(self, x: Tensor) -> Tensor:
        return self.way(self, x)


def _why(way: Way, shape: tuple[int, ...], batch: int, optimizer: str | None) -> str:
    """Why the numbers are at least, empty if they are exact; they are never above."""
    why, wrong = differences(Asks(way), shape, optimizer, batch)
    assert not wrong, wrong
    return why


def _sums_in(zeros: Callable[[Tensor], Tensor], then: Callable[[Tensor], Tensor]) -> Way:
    def sums(self: Any, x: Tensor) -> Tensor:
        out = zeros(x)
        out += self.l(x)
        return then(out)

    return sums


ZEROS: dict[str, Way] = {
    "zeros, relu": _sums_in(lambda x: torch.zeros(len(x), 5, 8), F.relu),
    "zeros, twice": _sums_in(lambda x: torch.zeros(len(x), 5, 8), lambda out: out * 2),
    "alike, twice": _sums_in(torch.zeros_like, lambda out: out * 2),
    "a copy of ones": _sums_in(lambda x: torch.ones(5, 8).expand(len(x), 5, 8).clone(), lambda out: out * out),
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd", "adam"])
@pytest.mark.parametrize("name", ZEROS)
def test_what_is_summed_up_in_zeros_has_a_gradient_of_its_size(name: str, optimizer: str | None, batch: int) -> None:
    assert not _why(ZEROS[name], (5, 8), batch, optimizer)


def _over(begun: Callable[[Any, Tensor], Tensor], then: Callable[[Tensor, Tensor], Tensor]) -> Way:
    return lambda self, x: then(begun(self, x), self.l(x))


def _set(one: Tensor, other: Tensor) -> Tensor:
    one[:] = other
    return one * 2


ELSEWHERE: dict[str, Way] = {
    "new zeros": _over(lambda self, x: x.new_zeros(x.shape), lambda one, other: one.add_(other) * 2),
    "of a parameter": _over(lambda self, x: self.p.expand(len(x), -1, -1).abs(), lambda one, other: one.add_(other)),
    "and again": _over(lambda self, x: self.p.expand(len(x), -1, -1).abs(), lambda one, other: one.add_(other).relu_()),
}  # fmt: skip
# PyTorch itself has no gradient of these.
ALONE: dict[str, Way] = {
    "given a place": _over(lambda self, x: torch.empty_like(x), lambda one, other: torch.add(other, 1, out=one)),
    "set": _over(lambda self, x: self.p.expand(len(x), -1, -1).exp(), _set),
    "given another's place": _over(lambda self, x: self.l(x), lambda one, other: torch.add(other, 1, out=one) * 2),
}  # fmt: skip


TRAINED = [(name, optimizer) for name in ELSEWHERE for optimizer in (None, "sgd", "adam")]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(("name", "optimizer"), [*TRAINED, *((name, None) for name in ALONE)])
def test_what_is_written_over_something_else_is_at_least(name: str, optimizer: str | None, batch: int) -> None:
    found = _why((ELSEWHERE | ALONE)[name], (5, 8), batch, optimizer)
    assert "it writes what it makes over something else than what it reads first" in found


ATTENDS: dict[str, Way] = {
    "attention": lambda self, x: F.scaled_dot_product_attention(
        x, x + self.q, x, dropout_p=0.1 if self.training else 0.0
    ).relu_(),
    "scores": lambda self, x: self.l((x @ self.l(x).mT).mul_(2).softmax(-1) @ x).relu_(),
    "a product": lambda self, x: (x @ (x + self.q).mT).sigmoid_(),
}


@pytest.mark.parametrize("shape", [(9, 8), (3, 5, 8), (2, 3, 5, 8)])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", ATTENDS)
def test_a_product_of_heads_that_is_written_over_is_a_view_of_nothing(
    name: str, optimizer: str | None, shape: tuple[int, ...]
) -> None:
    assert not _why(ATTENDS[name], shape, 2, optimizer)


def _written_through(self: Any, x: Tensor) -> Tensor:
    out: Tensor = self.l(self.q - (x - torch.randn(5, 8)))
    out.mT.relu_()
    return out


TWICE: dict[str, Way] = {
    "one after the other": lambda self, x: F.linear(torch.matmul(x, self.w), self.w.t()),
    "side by side": lambda self, x: torch.matmul(x, self.w).pow(2) + F.linear(x, self.w.t()),
}


@pytest.mark.parametrize("shape", [(5, 8), (3, 5, 8)])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", TWICE)
def test_a_weight_that_a_product_has_and_a_layer_too(name: str, optimizer: str | None, shape: tuple[int, ...]) -> None:
    _why(TWICE[name], shape, 2, optimizer)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_what_is_written_through_a_view_is_there_once_it_was_read(optimizer: str | None) -> None:
    assert _why(_written_through, (5, 8), 2, optimizer)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_a_parameter_that_is_turned_beside_a_norm_of_it(optimizer: str | None) -> None:
    class Turned(Asks):
        def __init__(self) -> None:
            super().__init__(lambda self, x: x)
            self.n = nn.GroupNorm(1, 5)

        def forward(self, x: Tensor) -> Tensor:
            one = self.p.expand(len(x), -1, -1)
            self.n(one).clamp(-1, 1)
            return torch.sigmoid(one.mT)

    network = call_thing(Turned(), [(5, 8)], {}).network
    assert memory(network, 3, optimizer=optimizer).not_covered
