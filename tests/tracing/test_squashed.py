"""Activations that are written out are the layers that they are, by what they make of a value and not by their form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archscope import trace
from tests.memory.shared import same

Function = Callable[[Tensor], Tensor]


class Between(nn.Module):
    """A function between two layers."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.a, self.b, self.function = nn.Linear(4, 8), nn.Linear(8, 2), function

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.function(self.a(x)))


WRITTEN: dict[str, tuple[str, Function]] = {
    "as GPT-2": ("gelu/tanh", lambda x: 0.5 * x * (1.0 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
    "a cube of products": ("gelu/tanh", lambda x: x * 0.5 * (torch.tanh(0.79788456 * (x + 0.044715 * x * x * x)) + 1)),
    "as Megatron": ("gelu/tanh", lambda x: 0.5 * x * (1 + torch.tanh(x * 0.7978845608 * (1 + 0.044715 * x * x)))),
    "as BERT": ("gelu", lambda x: x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))),
    "swish": ("silu", lambda x: x.sigmoid() * x),
    "swish of an exponential": ("silu", lambda x: x / (1 + torch.exp(-x))),
    "mish": ("mish", lambda x: x * torch.tanh(F.softplus(x))),
    "as MobileNetV3": ("hardswish", lambda x: x * F.relu6(x + 3) / 6),
    "a gate that is cut off": ("hardswish", lambda x: x * (torch.clamp(x + 3, 0, 6) / 6)),
    "the gate alone": ("hardsigmoid", lambda x: F.relu6(x + 3) / 6),
    "as LeNet-5": ("scaled_tanh", lambda x: 1.7159 * torch.tanh(2 / 3 * x)),
    "softsign": ("softsign", lambda x: x / (1 + x.abs())),
    "logistic": ("sigmoid", lambda x: 1 / (1 + torch.exp(-x))),
}


def types(function: Function) -> list[str]:
    """The layers between the two, with how GELU is computed."""
    layers = [node.layer for node in trace(Between(function), (4,)).nodes if node.layer.type != "linear"]
    return ["/".join([each.type, *map(str, each.stated().values())]) for each in layers]


@pytest.mark.parametrize(("said", "function"), WRITTEN.values(), ids=WRITTEN)
def test_an_activation_that_is_written_out_is_one_in_any_order_of_its_factors(said: str, function: Function) -> None:
    assert types(function) == [said]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * torch.sigmoid(1.702 * x),  # no layer type of PyTorch's
        lambda x: 0.5 * x * (1 + torch.tanh(0.7979 * (x + 0.0447 * x**3))),  # other constants
        lambda x: x * torch.sigmoid(x.flip(-1)),  # another value's gate
        lambda x: x * torch.sigmoid(x.sum(-1, keepdim=True)),  # one gate for all
        lambda x: (gate := torch.sigmoid(x)) * x + gate,  # what is between is read elsewhere
        lambda x: x / (1 + x.abs().sqrt()),
        lambda x: (x - 9) ** 0.5,  # no number
    ],
)
def test_what_makes_something_else_stays_what_it_is(function: Function) -> None:
    assert not {*types(function)} & {"gelu", "gelu/tanh", "silu", "softsign", "mish", "hardswish"}


class Gated(Between):
    """A gate, which may be an output too."""

    def __init__(self, told: bool) -> None:
        super().__init__(torch.sigmoid)
        self.told = told

    def forward(self, x: Tensor) -> Any:
        value = self.a(x)
        gate = self.function(value)
        made = self.b(value * gate)
        return (gate, made) if self.told else made


@pytest.mark.parametrize(("told", "said"), [(False, ["silu"]), (True, ["sigmoid", "multiply"])])
def test_a_gate_that_is_an_output_keeps_its_row(told: bool, said: list[str]) -> None:
    assert [node.layer.type for node in trace(Gated(told), (4,)).nodes if node.layer.type != "linear"] == said


def test_a_module_that_writes_an_activation_out_gives_it_its_name() -> None:
    class Swish(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Sigmoid()

        def forward(self, x: Tensor) -> Tensor:
            return x * self.gate(x)

    net = nn.Sequential(nn.MaxPool1d(2), nn.Flatten(), nn.Unflatten(1, (2, 2)), nn.ReLU(), Swish(), nn.Linear(2, 3))
    assert [node.name for node in trace(net, (2, 4)).nodes][-2:] == ["4", "5"]


@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize("name", ["as GPT-2", "as BERT", "as MobileNetV3", "mish", "softsign"])
def test_it_holds_what_its_operations_hold_and_not_what_one_that_is_fused_does(
    name: str, optimizer: str | None
) -> None:
    same(Between(WRITTEN[name][1]), (4,), optimizer)
