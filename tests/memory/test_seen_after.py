"""What is seen of another tensor and written over, how gradients lie, and dropout that hands on what it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.memory.shared import differences, same


class Does(nn.Module):
    """Works on what a dense layer makes, by a function of the module, that and the input."""

    def __init__(self, does: Callable[[Any, Tensor, Tensor], Any], width: int = 8, **parts: nn.Module) -> None:
        super().__init__()
        self.first, self.does = nn.Linear(width, width), does
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Any:
        return self.does(self, self.first(x), x)


OVER: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "means of rows": (nn.AvgPool1d(2), (5, 8)),
    "largest of rows": (nn.MaxPool1d(2), (5, 8)),
    "rows of one mean": (nn.AdaptiveAvgPool1d(2), (5, 8)),
    "means of maps": (nn.AvgPool2d(2), (4, 8, 8)),
    "rows by themselves": (nn.InstanceNorm1d(5), (5, 8)),
    "maps by themselves": (nn.InstanceNorm2d(4, affine=True), (4, 8, 8)),
}


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 2), ("sgd", 2), ("adam", 3)])
@pytest.mark.parametrize("name", OVER)
def test_what_a_layer_sees_of_another_tensor_and_code_writes_over_is_copied_on_the_way_back(
    name: str, optimizer: str | None, batch: int
) -> None:
    part, shape = OVER[name]
    same(Does(lambda m, y, x: m.part(x + y).clamp_(-1, 1), part=part), shape, optimizer, batch)


LIES: dict[str, Callable[[Any, Tensor, Tensor], Tensor]] = {
    "a divisor": lambda _, y, x: x.transpose(1, 2) / (y.transpose(1, 2) + 9),
    "one over it": lambda _, y, x: 1 / (y.transpose(1, 2) + 9),
    "its reciprocal": lambda _, y, x: (y.transpose(1, 2) + 9).reciprocal(),
    "of its root": lambda _, y, x: (y.transpose(1, 2) + 9).rsqrt(),
    "side by side": lambda m, y, x: torch.sin(torch.stack([y, m.second(y)], 1)),
    "side by side last": lambda m, y, x: torch.sin(torch.stack([y, m.second(y)], -1)),
    "side by side, and means of both": lambda m, y, x: torch.stack([y, m.second(y)], 1).mean(-1),
    "side by side, and shares of both": lambda m, y, x: torch.stack([y, m.second(y)], 2).transpose(1, -1).softmax(-1),
    "dropped as it lies": lambda m, y, x: nn.functional.dropout(y.transpose(1, 2), 0.1, m.training).sum(-1),
}


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 2), ("sgd", 2), ("adam", 3)])
@pytest.mark.parametrize("name", LIES)
def test_a_gradient_lies_as_what_it_is_made_of(name: str, optimizer: str | None, batch: int) -> None:
    same(Does(LIES[name], second=nn.Linear(8, 8)), (5, 8), optimizer, batch)


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 2), ("sgd", 2), ("sgd", 3)])
def test_dropout_of_turned_states_has_a_mask_that_lies_as_they_do(optimizer: str | None, batch: int) -> None:
    def does(m: Any, _: Tensor, x: Tensor) -> Tensor:
        turned = m.states(x.transpose(0, 1))[0].transpose(0, 1).unsqueeze(1)
        return nn.functional.dropout(turned + m.second(turned), 0.1, m.training).reshape(x.shape[0], -1)

    same(Does(does, states=nn.GRU(8, 8), second=nn.Linear(8, 8)), (5, 8), optimizer, batch)


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 1), (None, 2), ("sgd", 2)])
def test_attention_to_what_dropout_hands_on_is_attention_to_itself_at_inference(
    optimizer: str | None, batch: int
) -> None:
    def does(m: Any, y: Tensor, _: Tensor) -> Tensor:
        return m.attends(m.drops(y), m.drops(y), y, need_weights=False)[0]

    parts = {"attends": nn.MultiheadAttention(8, 2, batch_first=True), "drops": nn.Dropout(0.1)}
    same(Does(does, **parts), (5, 8), optimizer, batch)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_what_is_copied_last_is_held_no_longer_where_dropout_stands_before(optimizer: str | None) -> None:
    def does(m: Any, y: Tensor, x: Tensor) -> Tensor:
        y = nn.functional.dropout(m.attends(x + y, x, x, need_weights=False)[0], 0.1, m.training)
        return nn.functional.layer_norm(y, (8,)).clone()

    same(Does(does, attends=nn.MultiheadAttention(8, 2, batch_first=True)), (5, 8), optimizer)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_dropout_of_maps_leaves_its_input_what_it_was(optimizer: str | None) -> None:
    def does(m: Any, y: Tensor, _: Tensor) -> Tensor:
        dropped = m.drops(y)
        return m.second(dropped) + y.sin() * y

    same(Does(does, second=nn.Linear(8, 8), drops=nn.Dropout2d(0.1)), (4, 8, 8), optimizer)


def test_what_may_be_kept_as_a_copy_of_a_part_is_at_least() -> None:
    why, wrong = differences(Does(lambda m, _, x: m.first(x.flip(1)[:, 1:])), (5, 8), "sgd", 2)
    assert "flip" in why
    assert not wrong, wrong


def in_a_variable(_: Any, y: Tensor, x: Tensor) -> Tensor:
    z = y.transpose(1, 2) + 9
    return (1 / z).contiguous()


def written_over(_: Any, y: Tensor, x: Tensor) -> Tensor:
    y = y.transpose(1, 2) + 9
    y = y.exp().contiguous()
    return torch.sin(y)


ORDERED: dict[str, Callable[[Any, Tensor, Tensor], Tensor]] = {
    "one over it": lambda _, y, x: (1 / (y.transpose(1, 2) + 9)).contiguous(),
    "its reciprocal": lambda _, y, x: (y.transpose(1, 2) + 9).reciprocal().contiguous(),
    "a quotient": lambda _, y, x: (x.transpose(1, 2) / (y.transpose(1, 2) + 9)).contiguous(),
    "of a power": lambda _, y, x: torch.sin((y.transpose(1, 2) + 9).exp().contiguous()),
    "in a variable": in_a_variable,
    "in a variable that is written over": written_over,
}


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 2), ("sgd", 1), ("adam", 3)])
@pytest.mark.parametrize("name", ORDERED)
def test_what_nothing_reads_is_gone_before_code_puts_in_order_what_was_made_of_it(
    name: str, optimizer: str | None, batch: int
) -> None:
    same(Does(ORDERED[name]), (5, 8), optimizer, batch)
