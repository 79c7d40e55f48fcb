"""Modules in other types than float32 hold what PyTorch's tracker says of them, in the type that they are in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from archscope.analysis import analyze
from archscope.bench.plan import Cell
from archscope.bench.work import check_memory
from archscope.errors import UsageError
from archscope.formats import write
from archscope.memory import Request, cache_of, largest_batches, memory
from archscope.oracles.own.memory import called
from archscope.oracles.tracking import tracked
from archscope.site.memory import held as held_on_a_page
from archscope.tracing.calling import call_thing
from tests.memory.shared import same


class Block(nn.Module):
    """Places, an encoder layer, a recurrence."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.zeros(6, 8))
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.last = nn.GRU(8, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        states: Tensor = self.last(self.encoder(x + self.places))[0]
        return states


class Two(nn.Module):
    """A layer in bfloat16 whose result a norm in float32 reads."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(8, 16, dtype=torch.bfloat16), nn.LayerNorm(16)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.first(x))


def dense() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def grid() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten())


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "dense": (dense, (8,)), "grid": (grid, (3, 8, 8)), "block": (Block, (6, 8)),
}  # fmt: skip


@pytest.mark.parametrize("optimizer", [None, "sgd", "adam"])
@pytest.mark.parametrize("type_", [torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("name", MODULES)
def test_a_module_holds_what_the_tracker_says_in_its_own_type(
    name: str, type_: torch.dtype, optimizer: str | None
) -> None:
    make, shape = MODULES[name]
    same(make().to(type_), shape, optimizer)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_values_are_in_the_type_of_what_is_fed_in_where_weights_are_in_two(optimizer: str | None) -> None:
    same(Two(), (8,), optimizer)


def test_what_is_said_names_the_type() -> None:
    found = call_thing(dense().bfloat16(), [(8,)], {}).network
    held = memory(found, 3, optimizer="adam")
    assert held.request.dtype == "bfloat16"
    assert held == memory(found, 3, optimizer="adam", dtype="bfloat16")
    # 8 numbers come in, 16 are made and read: two bytes each.
    assert "64 bytes in bfloat16, forward pass" in write(analyze(found), "table")
    (batch,) = largest_batches(found, [held.at_most], Request(optimizer="adam"))
    assert batch == 3
    mixed = call_thing(Two(), [(8,)], {}).network
    assert "in its own types, forward pass" in write(analyze(mixed), "table")


def test_a_page_names_the_type_and_casts_only_what_is_in_float32() -> None:
    def told(module: nn.Module) -> str:
        return str(held_on_a_page(analyze(call_thing(module, [(8,)], {}).network)))

    assert "in bfloat16" in told(dense().bfloat16())
    assert "float32" not in told(dense().bfloat16())
    assert "autocast to bf16" not in told(dense().bfloat16())
    assert "autocast to bf16" in told(dense())


def test_a_benchmark_asks_what_a_module_takes_in_its_own_type() -> None:
    found = analyze(call_thing(dense().bfloat16(), [(8,)], {}).network)
    check_memory(found, Cell(found.network.name, 3, "fp32", "nchw", "eager", "infer"), torch.device("cpu"))


class Steady(nn.Module):
    """Layers with statistics, numbers beside parameters, whole ones among them, and parameters that nothing reads."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
        self.register_buffer("scale", torch.ones(40))
        self.register_buffer("places", torch.arange(30))
        self.spare = nn.Linear(5, 5)
        self.whole = nn.Parameter(torch.zeros(7, dtype=torch.int8), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.first(x)))


BROUGHT: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    **MODULES, "steady": (Steady, (3, 8, 8)),
}  # fmt: skip


@pytest.mark.parametrize("optimizer", [None, "sgd", "adam"])
@pytest.mark.parametrize("type_", ["bfloat16", "float16", "float64"])
@pytest.mark.parametrize("name", BROUGHT)
def test_a_module_in_float32_holds_in_another_type_what_the_tracker_says_of_it_brought_there(
    name: str, type_: str, optimizer: str | None
) -> None:
    make, shape = BROUGHT[name]
    theirs = call_thing(make().to(getattr(torch, type_)), [shape], {})
    found = memory(call_thing(make(), [shape], {}).network, 3, optimizer=optimizer, dtype=type_, as_tracked=True)
    held = tracked(lambda: called(theirs, 3), optimizer)
    assert {phase.name: (phase.after.total, phase.most.total) for phase in found.phases} == held


def test_another_type_than_the_weights_are_in_is_refused_with_what_to_do() -> None:
    found = call_thing(dense().bfloat16(), [(8,)], {}).network
    with pytest.raises(UsageError, match=r"its weights are in bfloat16, and float16 is asked; leave the type out"):
        memory(found, dtype="float16")


def test_a_cache_is_in_the_type_of_the_weights_unless_another_is_asked() -> None:
    found = call_thing(nn.GRU(8, 4, batch_first=True).bfloat16(), [(6, 8)], {}).network
    assert cache_of(found).dtype == "bfloat16"
    assert cache_of(found, dtype="float32").dtype == "float32"
