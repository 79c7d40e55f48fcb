"""Modules whose code asks for gradients on its way: energies, forces, physics; what ran there is counted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count

import archscope
from archscope.memory import memory
from archscope.oracles import tracking
from archscope.oracles.own.memory import called
from archscope.recognising.operations import Kind
from archscope.recognising.rules import RULES
from archscope.tracing.calling import call_thing
from archscope.tracing.products import operation
from tests.tracing.reachable import state_of


class Asks(nn.Module):
    """An energy, and what its code makes of it."""

    def __init__(self, code: Callable[[nn.Module, Tensor], Tensor], energy: nn.Module | None = None) -> None:
        super().__init__()
        self.energy = energy or nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
        self.code = code

    def forward(self, x: Tensor) -> Tensor:
        return self.code(self.energy, x)


def _force(energy: nn.Module, x: Tensor) -> Tensor:
    x = x.requires_grad_(True)
    return -torch.autograd.grad(energy(x).sum(), x, create_graph=True)[0]


def _detached(energy: nn.Module, x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    made = energy(x)
    return torch.autograd.grad(made, x, torch.ones_like(made))[0]


def _penalty(energy: nn.Module, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_(True)
    made = energy(x)
    (slope,) = torch.autograd.grad(made, x, torch.ones_like(made), create_graph=True)
    return made + ((slope.norm(2, dim=1, keepdim=True) - 1) ** 2)


def _burgers(energy: nn.Module, x: Tensor) -> Tensor:
    x = x.requires_grad_(True)
    u = energy(x)
    first = torch.autograd.grad(u.sum(), x, create_graph=True)[0]
    second = torch.autograd.grad(first[:, 1:2].sum(), x, create_graph=True)[0]
    return first[:, :1] + u * first[:, 1:2] - 0.01 * second[:, 1:2]


def _backward(energy: nn.Module, x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    energy(x).sum().backward()
    assert x.grad is not None
    return x.grad


def _langevin(energy: nn.Module, x: Tensor) -> Tensor:
    for _ in range(2):
        x = x.detach().requires_grad_()
        x = x - 0.1 * torch.autograd.grad(energy(x).sum(), x)[0]
    return x


CODE = {each.__name__.strip("_"): each for each in (_force, _detached, _penalty, _burgers, _backward, _langevin)}

MACS = {  # a pass: 4·8 + 8·1; one back to the input as many, and one on to kernels too
    "force": 40 + 40,
    "detached": 40 + 40,
    "penalty": 40 + 40,
    "burgers": 40 + 40 + 64,  # back through the pass back: both products with the 8 by 4 matrix
    "backward": 40 + 40 + 40,
    "langevin": 2 * (40 + 40),
}


class _Nowhere(nullcontext[None]):
    """Stands for what follows modules in PyTorch's counter, whose hooks stop at gradients that code asks for."""

    parents = frozenset({"Global"})


def _flops(module: nn.Module, x: Tensor) -> int:
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = _Nowhere()  # type: ignore[assignment]
    with torch.enable_grad(), counter, sdpa_kernel(SDPBackend.MATH):  # it knows the kernels of a GPU alone
        module(x)
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize("around", [torch.enable_grad, torch.no_grad])
@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("name", CODE)
def test_a_module_that_asks_for_gradients_has_the_products_of_its_pass_back(
    name: str, device: str, around: Callable[[], torch.no_grad]
) -> None:
    module = Asks(CODE[name]).to(device)
    with around():
        analysis = archscope.analyze(module, (4,))
    assert (analysis.totals.parameters, analysis.totals.macs) == (49, MACS[name])
    asked = [row for row in analysis.rows if row.name.startswith(("grad", "backward")) and row.macs]
    assert asked
    assert all(row.connections is None for row in asked)  # weights that it is not given multiply there
    assert _flops(Asks(CODE[name]), torch.rand(1, 4)) == MACS[name]


@pytest.mark.parametrize("name", CODE)
def test_it_is_left_as_it_was(name: str) -> None:
    module, x = Asks(CODE[name]), torch.rand(3, 4)
    before = state_of(module)
    assert archscope.analyze(module, x).totals.macs == 3 * MACS[name]
    assert state_of(module) == before
    assert not x.requires_grad
    assert all(each.grad is None for each in module.parameters())


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "convolution": (lambda: nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, groups=2), nn.SiLU(), nn.Flatten()), (4, 9, 9)),
    "transposed": (lambda: nn.Sequential(nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), nn.Flatten()), (4, 5, 5)),
    "pools": (lambda: nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(2)), (4, 8, 8)),
    "norms": (lambda: nn.Sequential(nn.LayerNorm(8), nn.GroupNorm(2, 4), nn.BatchNorm2d(4), nn.RMSNorm(8)), (4, 8, 8)),
    "activations": (
        lambda: nn.Sequential(nn.ELU(), nn.GELU(), nn.LeakyReLU(), nn.Hardtanh(), nn.Hardsigmoid(), nn.Hardswish(),
                              nn.LogSigmoid(), nn.Softshrink(), nn.Hardshrink(), nn.PReLU(), nn.Mish(), nn.GLU(-1),
                              nn.Softplus(), nn.Softmax(-1), nn.LogSoftmax(-1)), (4, 8)),
    "padding": (lambda: nn.Sequential(nn.ReflectionPad2d(1), nn.ReplicationPad2d(1), nn.ZeroPad2d(1)), (4, 8, 8)),
    "larger": (lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.UpsamplingBilinear2d(scale_factor=2)), (4, 8, 8)),
    "recurrence": (lambda: _First(nn.GRU(4, 8, batch_first=True)), (5, 4)),
    "attention": (lambda: _Attends(), (2, 5, 8)),
}  # fmt: skip


class _First(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.layer(x)[0]
        return made


class _Attends(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.scaled_dot_product_attention(x, x, x)


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("name", LAYERS)
def test_the_pass_back_through_a_layer_is_counted_as_pytorchs_counter_does(name: str, device: str) -> None:
    made, shape = LAYERS[name]
    module = Asks(_force, made()).to(device)
    found = archscope.analyze(module, shape).totals.macs
    assert found == _flops(Asks(_force, made()), torch.rand(1, *shape))


def test_the_pass_back_through_fused_attention_has_four_products_of_five() -> None:
    query, key, value = (torch.empty(2, 3, length, 8, device="meta") for length in (5, 7, 7))
    names = [name for name in RULES if name.startswith("aten::_scaled_dot_product") and name.endswith("_backward")]
    assert len(names) == 5
    # PyTorch's counter has the scores, too, which these kernels work out anew.
    theirs = sdpa_backward_flop_count(query.shape, query.shape, key.shape, value.shape) // 2
    for name in names:
        assert 5 * RULES[name]((query, query, key, value), None) == 4 * theirs


def test_kernels_that_may_drop_values_are_not_taken_for_random_numbers_alone() -> None:
    names = [name for name in dir(torch.ops.aten) if ("attention" in name or "lstm" in name)]
    tagged = [
        (name, op)
        for name in names
        for overload in getattr(torch.ops.aten, name).overloads()
        if torch.Tag.nondeterministic_seeded in (op := getattr(getattr(torch.ops.aten, name), overload)).tags
    ]
    assert len(tagged) > 3
    for name, op in tagged:
        assert operation(op).kind is not Kind.NOTHING, name


@pytest.mark.parametrize("name", ["force", "penalty", "burgers"])
def test_memory_of_it_is_at_least_what_is_said(name: str) -> None:
    module = call_thing(Asks(CODE[name]), [(4,)], {})
    found = memory(module.network, 3, optimizer="sgd", as_tracked=True)
    assert found.not_covered
    theirs = tracking.tracked(lambda: called(module, 3), "sgd")
    ours = {phase.name: (phase.after.total, phase.most.total) for phase in found.phases}
    assert all(one <= other for phase in theirs for one, other in zip(ours[phase], theirs[phase], strict=True))
