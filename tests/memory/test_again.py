"""Submodules that run again hold what PyTorch's tracker says of `torch.utils.checkpoint` around the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

import archscope
from archscope.errors import UsageError
from archscope.memory import Request, largest_batch, memory
from archscope.oracles.tracking import Called, tracked


class Mixes(nn.Module):
    """Attention beside its input; the last that runs keeps nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.whole, self.out = nn.LayerNorm(8), nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        each = self.whole(self.norm(x)).view(len(x), -1, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        seen = scaled_dot_product_attention(*each, is_causal=True)
        return x + self.out(seen.transpose(1, 2).reshape(x.shape))


class Widens(nn.Module):
    """A dense layer, and one back, beside its input."""

    def __init__(self, drop: float = 0.0) -> None:
        super().__init__()
        self.wide, self.back, self.drop = nn.Linear(8, 32), nn.Linear(32, 8), nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.drop(self.back(torch.nn.functional.gelu(self.wide(x))))


class Block(nn.Module):
    def __init__(self, drop: float = 0.1) -> None:
        super().__init__()
        self.mixes, self.widens = Mixes(), Widens(drop)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.widens(self.mixes(x))
        return y


class Stack(nn.Module):
    """Three blocks that a list holds."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.out = nn.Embedding(20, 8), nn.Linear(8, 20)
        self.blocks = nn.ModuleList([Block() for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        x = self.table(x)
        for block in self.blocks:
            x = block(x)
        y: Tensor = self.out(x)
        return y


class Between(nn.Module):
    """A submodule between two dense layers, called so often."""

    def __init__(self, body: nn.Module, times: int = 1, *, last: bool = True) -> None:
        super().__init__()
        self.first, self.body = nn.Linear(8, 8), body
        self.last = nn.Linear(8, 4) if last else nn.Identity()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for _ in range(self.times):
            x = self.body(x)
        y: Tensor = self.last(x)
        return y


def squeezed() -> nn.Module:
    return nn.Sequential(nn.ReLU(), nn.Linear(8, 8), nn.Tanh())


def frozen() -> nn.Module:
    body = squeezed()
    body.requires_grad_(False)
    return body


class Two(nn.Module):
    """Gives two values, of which its caller may read one."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tanh(self.one(x)), torch.relu(self.other(x))


class Reads(nn.Module):
    def __init__(self, *, both: bool) -> None:
        super().__init__()
        self.two, self.both = Two(), both

    def forward(self, x: Tensor) -> Tensor:
        one, other = self.two(x)
        return one * other + x if self.both else one


class Gate(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)


class Seen(nn.Module):
    """Attention of positions, which are turned to the front."""

    def __init__(self) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.attend(x, x, x, need_weights=False)[0]
        return made


class Turned(nn.Module):
    """A submodule that sees its positions first, twice, so that what it reads the second time it made itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.body, self.last = nn.Linear(8, 8), Seen(), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(self.body(self.first(x).transpose(0, 1)))
        y: Tensor = self.last(torch.relu(x).transpose(0, 1))
        return y


class Gated(nn.Module):
    """Multiplies its input by a gate of it, which is one layer of two modules."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.gate = nn.Linear(8, 8), Gate()

    def forward(self, x: Tensor) -> Tensor:
        x = self.wide(x)
        return x * self.gate(x)


def maps() -> nn.Module:
    def part() -> nn.Module:
        return nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
                             nn.Conv2d(4, 4, 3, padding=1))  # fmt: skip

    return nn.Sequential(nn.Conv2d(3, 4, 3), part(), part(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3))


ROW, IDS, MAPS = (5, 8), (6,), (3, 8, 8)

CASES: list[tuple[str, Callable[[], nn.Module], tuple[int, ...], Sequence[str]]] = [
    ("all blocks", Stack, IDS, ("blocks.0", "blocks.1", "blocks.2")),
    ("one in the middle", Stack, IDS, ("blocks.1",)),
    ("parts of blocks", Stack, IDS, ("blocks.0.mixes", "blocks.2.widens")),
    ("one inside of another", Stack, IDS, ("blocks.2", "blocks.2.mixes", "blocks.0.widens.back")),
    ("an activation first", lambda: Between(squeezed()), ROW, ("body",)),
    ("called twice", lambda: Between(squeezed(), 2), ROW, ("body",)),
    ("called twice, positions first", Turned, ROW, ("body",)),
    ("at the end", lambda: Between(squeezed(), last=False), ROW, ("body",)),
    ("ends with a dense layer", lambda: Between(nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8))), ROW, ("body",)),
    ("beside its input", lambda: Between(Widens()), ROW, ("body",)),
    ("frozen", lambda: Between(frozen()), ROW, ("body",)),
    ("two results", lambda: Between(Reads(both=True)), ROW, ("body.two",)),
    ("two results, one of them read", lambda: Between(Reads(both=False)), ROW, ("body.two",)),
    ("one layer", lambda: Between(nn.Sequential(nn.Tanh(), nn.Linear(8, 8))), ROW, ("body.1",)),
    ("maps", maps, MAPS, ("1", "2")),
    ("a part of a layer", lambda: Between(Gated()), ROW, ("body.gate",)),
]


@contextmanager
def again(make: Callable[[], nn.Module], inputs: Callable[[], Tensor], paths: Sequence[str]) -> Iterator[Called]:
    """A module of which the outermost of some submodules run again in the backward pass."""
    module = make()
    for path in paths:
        if any(path.startswith(f"{other}.") for other in paths):
            continue
        part: Any = module.get_submodule(path)
        part.forward = partial(checkpoint, part.forward, use_reentrant=False)
    yield Called(module, [inputs()])


def inputs_of(shape: tuple[int, ...], batch: int) -> Tensor:
    return torch.zeros(batch, *shape, dtype=torch.int64 if shape == IDS else torch.float32)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(("make", "shape", "paths"), [each[1:] for each in CASES], ids=[each[0] for each in CASES])
def test_the_tracker_counts_the_same_where_submodules_run_again(
    make: Callable[[], nn.Module], shape: tuple[int, ...], paths: Sequence[str], batch: int
) -> None:
    network = archscope.trace(make(), inputs_of(shape, 1))
    found = memory(network, batch, optimizer="sgd", checkpoint=paths, as_tracked=True)
    assert not found.not_covered
    held = tracked(lambda: again(make, lambda: inputs_of(shape, batch), paths), "sgd")
    assert {phase.name: (phase.after.total, phase.most.total) for phase in found.phases} == held


@pytest.mark.parametrize(("make", "shape", "paths"), [each[1:] for each in CASES], ids=[each[0] for each in CASES])
def test_the_largest_batch_fits_and_one_more_sample_does_not(
    make: Callable[[], nn.Module], shape: tuple[int, ...], paths: Sequence[str]
) -> None:
    network = archscope.trace(make(), inputs_of(shape, 1))

    def most(batch: int) -> int:
        return int(memory(network, batch, optimizer="sgd", checkpoint=paths).peak.most.total)

    for room in (most(9), most(9) - 1, most(40) + 1):
        batch = largest_batch(network, room, Request(optimizer="sgd", checkpoint=tuple(paths)))
        assert most(batch) <= room < most(batch + 1)


def test_inference_keeps_nothing_whatever_runs_again() -> None:
    network = archscope.trace(Stack(), inputs_of(IDS, 1))
    plain, asked = (memory(network, 3, checkpoint=paths) for paths in ((), ("blocks.1",)))
    assert plain.phases == asked.phases


def test_a_submodule_that_is_not_there_is_named() -> None:
    network = archscope.trace(Stack(), inputs_of(IDS, 1))
    with pytest.raises(UsageError, match=r"has no group `blocks.9`; did you mean `blocks.\d`"):
        memory(network, optimizer="sgd", checkpoint=["blocks.9"])
