"""Modules whose layers have no shapes before they run: they are read as what they become, and stay lazy."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope import trace
from archscope.tracing.calling import call_thing
from tests.tracing.reachable import state_of

pytestmark = pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")


class Late(nn.Module):
    """Every kind of lazy layer that PyTorch has for pictures; it counts its runs, and fills a cache in the first."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.up = nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.LazyConvTranspose2d(3, 2)
        self.fc, self.known = nn.LazyLinear(3), nn.Linear(3, 2)
        self.runs, self.cache = 0, None

    def forward(self, x: Tensor) -> Any:
        self.runs += 1
        if self.cache is None:
            self.cache = torch.zeros(2)
        return self.known(self.fc(self.up(self.norm(self.conv(x)).relu()).flatten(1))) + self.cache


def begun() -> Late:
    """It has run once, and is as a person would have it then."""
    module = Late().eval()
    with torch.no_grad():
        module(torch.zeros(1, 1, 8, 8))
    module.runs, module.cache = 0, None
    return module


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("training", [True, False])
def test_lazy_layers_are_read_as_what_they_become(device: str, *, training: bool) -> None:
    module = begun()
    with torch.device(device):
        lazy = Late().train(training)
    theirs, found = trace(module, (1, 8, 8)), trace(lazy, (1, 8, 8))
    assert found.nodes == theirs.nodes
    assert found.facts == theirs.facts
    # 3·3·1·4+4, two of four, 2·2·4·3+3, 7·7·3·3+3, 3·2+2
    assert archscope.analyze(found).totals.parameters == 40 + 8 + 51 + 444 + 8
    assert sum(each.numel() for each in module.parameters()) == 551


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 2, 2)])
def test_a_lazy_module_stays_lazy(shape: tuple[int, ...]) -> None:
    module = Late()
    torch.manual_seed(3)
    before, random = state_of(module, ()), torch.random.get_rng_state()
    if shape == (1, 8, 8):
        trace(module, shape)
    else:
        with pytest.raises(archscope.UsageError, match="Late, given 1×2×2, stops at `conv`: "):
            trace(module, shape)
    assert state_of(module, ()) == before
    assert torch.equal(torch.random.get_rng_state(), random)
    assert all(map(nn.parameter.is_lazy, (*module.conv.parameters(), module.norm.running_var, *module.fc.parameters())))


def test_what_stands_for_a_lazy_module_holds_the_tensors_that_were_there_and_has_not_run() -> None:
    module = Late()
    stands: Any = call_thing(module, [(1, 8, 8)], {}).module
    assert stands is not module
    assert stands.known.weight is module.known.weight
    assert (type(stands.conv), stands.conv.in_channels, stands.runs, stands.cache) == (nn.Conv2d, 1, 0, None)
    assert not any("forward" in vars(each) for each in stands.modules())
    assert stands(torch.zeros(2, 1, 8, 8)).shape == (2, 2)
    assert torch.isfinite(stands.fc.weight).all()
    assert stands.fc.weight.abs().max() <= 147**-0.5  # as nn.Linear begins, of 147 features


def test_a_lazy_module_is_verified() -> None:
    module = Late()
    called = call_thing(module, [(1, 8, 8)], {})
    found = archscope.verify(called.network, witnesses=("torchinfo", "FLOPs", "Jacobian"), module=called)
    assert not found.differing, found
    assert all(map(nn.parameter.is_lazy, module.conv.parameters()))


def test_lazy_layers_that_share_a_weight_share_it_then() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.LazyLinear(3), nn.Linear(3, 3, bias=False), nn.LazyLinear(3, bias=False)
            self.c.weight = self.a.weight

        def forward(self, x: Tensor) -> Any:
            return self.c(self.b(self.a(x)))

    assert archscope.analyze(Tied(), (3,)).totals.parameters == 9 + 3 + 9


def test_a_lazy_layer_that_nothing_reaches_is_refused_with_its_name() -> None:
    class More(Late):
        def __init__(self) -> None:
            super().__init__()
            self.other = nn.LazyLinear(3)

    with pytest.raises(
        archscope.UsageError, match=r"`other\.weight` of More has no shape before it runs, and this call"
    ):
        trace(More(), (1, 8, 8))


def test_a_hook_of_a_lazy_layer_runs_where_its_copy_does() -> None:
    module = Late()
    heard: list[Any] = []
    module.fc.register_forward_hook(lambda *_: heard.append(1))
    before = len(module.fc._forward_hooks)
    trace(module, (1, 8, 8))
    assert (heard, len(module.fc._forward_hooks)) == ([], before)


def standing(module: nn.Module, *inputs: tuple[int, ...]) -> Any:
    """What stands for a lazy module."""
    return call_thing(module, list(inputs), {}).module


def test_a_layer_of_which_statistics_alone_have_no_shape_is_lazy_too() -> None:
    lazy: Any = nn.Sequential(nn.Conv2d(1, 4, 3), nn.LazyBatchNorm2d(affine=False))
    assert type(standing(lazy, (1, 8, 8))[1]) is nn.BatchNorm2d
    assert nn.parameter.is_lazy(lazy[1].running_var)


def test_statistics_that_something_else_holds_are_one_tensor_with_those_of_the_layer() -> None:
    module: Any = Late()
    module.kept = [module.norm.running_var]
    stands = standing(module, (1, 8, 8))
    assert stands.kept[0] is stands.norm.running_var


def test_a_lazy_layer_that_was_given_a_weight_keeps_it() -> None:
    given: nn.Module = nn.Linear(3, 3, bias=False)
    late: Any = nn.LazyLinear(3, bias=False)
    late.weight = given.weight
    module = nn.Sequential(given, late, nn.LazyLinear(2))
    stands = standing(module, (3,))
    assert stands[0].weight is stands[1].weight is given.weight
    assert archscope.analyze(module, (3,)).totals.parameters == 3 * 3 + 3 * 2 + 2


def test_a_lazy_layer_whose_object_has_code_of_its_own_has_it_still() -> None:
    module: Any = nn.Sequential(nn.LazyLinear(3))
    module[0].forward = lambda x: nn.Linear.forward(module[0], x) * 0
    stands = standing(module, (3,))
    assert not stands(torch.ones(1, 3)).any()
    (cell,) = stands[0].forward.__closure__
    assert cell.cell_contents is stands  # and neither the lazy module nor what ran to find its shapes


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_lazy_layers_that_only_hang_there_run_as_those_with_shapes(device: str) -> None:
    class Hangs(nn.Module):
        def __init__(self, norm: nn.Module, dense: nn.Module) -> None:
            super().__init__()
            self.conv, self.more = nn.Conv2d(1, 4, 3), [norm, dense]

        def forward(self, x: Tensor) -> Any:
            norm, dense = self.more
            return dense(norm(self.conv(x)).mean((2, 3)))

    with torch.device(device):
        lazy, shapes = Hangs(nn.LazyBatchNorm2d(), nn.LazyLinear(2)), Hangs(nn.BatchNorm2d(4), nn.Linear(4, 2))
    found, others = (archscope.analyze(each, (1, 8, 8)).totals for each in (lazy, shapes))
    assert (found.parameters, found.macs) == (others.parameters, others.macs) == (40, 36 * 36 + 8)
    assert nn.parameter.is_lazy(lazy.more[0].running_var)
    assert nn.parameter.is_lazy(lazy.more[1].weight)
