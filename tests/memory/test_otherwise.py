"""Modules whose code does something else while training: what is held then is that of what runs then."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope
from archscope.memory import after_forward, memory, per_layer, saved
from tests.memory.shared import same

Works = Callable[[Any, Tensor], Any]


class Works1d(nn.Module):
    """Dense layers, and code of its own."""

    def __init__(self, works: Works) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 4)
        self.p, self.works = 0.1, works

    def forward(self, x: Tensor) -> Any:
        return self.works(self, x)


class WorksOnMaps(nn.Module):
    """Convolutions, a norm, two classifiers, and code of its own."""

    def __init__(self, works: Works) -> None:
        super().__init__()
        self.a, self.b, self.norm = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.head, self.aux, self.works = nn.Linear(4, 5), nn.Linear(4, 5), works

    def forward(self, x: Tensor) -> Any:
        return self.works(self, x)


def path_dropped(x: Tensor, p: float, training: bool) -> Tensor:
    """As in timm."""
    if p == 0.0 or not training:
        return x
    kept = x.new_empty((len(x), *(1 for _ in x.shape[1:]))).bernoulli_(1 - p)
    return x * kept.div_(1 - p)


def deep_at_random(x: Tensor, p: float, training: bool, *, each: bool) -> Tensor:
    """As in torchvision."""
    if not training:
        return x
    kept = torch.empty([len(x) if each else 1, *(1 for _ in x.shape[1:])], dtype=x.dtype, device=x.device)
    return x * kept.bernoulli_(1 - p).div_(1 - p)


def path_rounded(x: Tensor, p: float, training: bool) -> Tensor:
    """As in transformers."""
    if not training:
        return x
    kept = 1 - p + torch.rand((len(x), *(1 for _ in x.shape[1:])), dtype=x.dtype, device=x.device)
    return x.div(1 - p) * kept.floor_()


def two(m: Any, x: Tensor) -> Any:
    x = m.a(x)
    made = m.head(x.mean((2, 3)))
    return (made, m.aux(torch.relu(x).mean((2, 3)))) if m.training else made


def shown(m: Any, x: Tensor) -> Tensor:
    """Branches that become one for inference, as in RepVGG."""
    x = m.a(x)
    return m.head((m.norm(x) + m.b(x) if m.training else m.b(x)).mean((2, 3)))


DENSE: dict[str, Works] = {
    "paths": lambda m, x: m.c(x + path_dropped(m.b(torch.relu(m.a(x))), m.p, m.training)),
    "paths of each": lambda m, x: m.c(x + deep_at_random(m.b(m.a(x)), m.p, m.training, each=True)),
    "paths of all": lambda m, x: m.c(x + deep_at_random(m.b(m.a(x)), m.p, m.training, each=False)),
    "paths rounded": lambda m, x: m.c(x + path_rounded(m.b(m.a(x)), m.p, m.training)),
    "dropout": lambda m, x: m.c(F.dropout(m.a(x), m.p, training=m.training) if m.training else m.a(x)),
    "how much dropout": lambda m, x: m.c(F.dropout(m.a(x), m.p if m.training else 0.0)),
    "noise": lambda m, x: m.c(m.a(x) + torch.randn_like(x) * 0.1 if m.training else m.a(x)),
    "another branch": lambda m, x: m.c(torch.relu(m.a(x)) if m.training else m.b(x)),
}
MAPS: dict[str, Works] = {
    "a classifier more": two,
    "a branch more": shown,
    "added over a path": lambda m, x: m.head(
        deep_at_random(m.norm(m.b(m.a(x))), 0.1, m.training, each=True).add_(m.a(x)).mean((2, 3))
    ),
    "a norm told to train": lambda m, x: m.head(path_dropped(F.batch_norm(
        m.a(x), m.norm.running_mean, m.norm.running_var, m.norm.weight, m.norm.bias, m.training
    ), 0.1, m.training).mean((2, 3))),
}  # fmt: skip


@pytest.mark.parametrize(("optimizer", "batch"), [("sgd", 1), ("adam", 2)])
@pytest.mark.parametrize("name", DENSE)
def test_what_dense_layers_hold_while_training_is_that_of_what_runs_then(name: str, optimizer: str, batch: int) -> None:
    same(Works1d(DENSE[name]), (5, 8), optimizer, batch)


@pytest.mark.parametrize(("optimizer", "batch"), [("sgd", 2), ("adam", 3)])
@pytest.mark.parametrize("name", MAPS)
def test_what_maps_hold_while_training_is_that_of_what_runs_then(name: str, optimizer: str, batch: int) -> None:
    same(WorksOnMaps(MAPS[name]), (3, 6, 6), optimizer, batch)


def test_the_table_is_of_inference_and_what_is_held_of_training() -> None:
    network = archscope.trace(WorksOnMaps(two), (3, 6, 6))
    assert "aux" not in network.by_name
    assert len(memory(network).network.outputs) == 1
    trains = memory(network, optimizer="sgd")
    assert len(trains.network.outputs) == 2
    assert "aux" in {layer for layer, _, _ in trains.holders}


def test_a_table_counts_what_runs_while_training_alone_for_the_layer_before_it() -> None:
    works = Works1d(lambda m, x: m.c(path_dropped(torch.tanh(m.a(x)), m.p, m.training)))
    network = archscope.trace(works, (5, 8))
    whole, _ = saved(network)
    by_node = {name: 0 if held is None else held.saved_bytes for name, held in per_layer(network).items()}
    # `tanh` keeps what it makes, the path the one number a sample that it is multiplied by, and the last layer what it
    # reads, which the path made: 4·(5·8 + 1 + 5·8).
    assert by_node == {"a": 0, "a.tanh": 324, "c": 0}
    assert sum(by_node.values()) == sum(whole.values()) - whole.get("", 0)


DECIDED: dict[str, Works] = {
    "PyTorch's": lambda m, x: m.c(m.a(x) if m.training and torch.rand([], device="cpu") < 0.1 else m.b(x)),
    "PyTorch's, as a number": lambda m, x: m.c(m.a(x) if m.training and torch.rand(1, device="cpu").item() < 0 else x),
    "Python's": lambda m, x: m.c(m.a(x) if m.training and random.random() < 0.1 else m.b(x)),
    "NumPy's": lambda m, x: m.c(m.a(x) if m.training and np.random.uniform() < 0.1 else m.b(x)),
}


@pytest.mark.parametrize("name", DECIDED)
def test_random_numbers_that_decide_what_runs_while_training_are_said_to(name: str) -> None:
    network = archscope.trace(Works1d(DECIDED[name]), (5, 8))
    why = "its code draws numbers that decide what it runs while training"
    assert memory(network, 2, optimizer="sgd").not_covered == {"Works1d": why}
    assert not memory(network, 2).not_covered


def left_out(m: Any, x: Tensor, drawn: Callable[[], Tensor]) -> Tensor:
    """Layers of which a share is left out while training, as in transformers."""
    for layer in (m.a, m.b):
        left = m.training and drawn()
        if not left:
            x = layer(x)
    return m.c(x)


NEVER: dict[str, Works] = {
    "none below": lambda m, x: left_out(m, x, lambda: torch.rand([], device="cpu") < m.none),
    "all at least": lambda m, x: left_out(m, x, lambda: not torch.rand(1, device="cpu") >= 0),
    "in turn": lambda m, x: left_out(m, x, lambda: torch.rand(2, 2, device="cpu")[1][0] < 0),
    "written": lambda m, x: left_out(m, x, lambda: torch.empty(1, device="cpu").uniform_() > 1.0),
}


@pytest.mark.parametrize("name", NEVER)
def test_random_numbers_that_decide_nothing_leave_what_is_held_while_training_exact(name: str) -> None:
    module = Works1d(NEVER[name])
    module.none = 0.0  # type: ignore[assignment]
    same(module, (5, 8), "sgd", values=True)


SOME: dict[str, Works] = {
    "some below": lambda m, x: left_out(m, x, lambda: torch.rand([], device="cpu") < 1e-6),
    "none or few": lambda m, x: left_out(m, x, lambda: torch.rand([], device="cpu") <= 0),
    "of another kind": lambda m, x: left_out(m, x, lambda: torch.randn([], device="cpu") < -9),
    "of another extent": lambda m, x: left_out(m, x, lambda: torch.empty([], device="cpu").uniform_(-1, 1) < -1),
    "worked on": lambda m, x: left_out(m, x, lambda: torch.rand([], device="cpu") - 1e-6 < 0),
}


@pytest.mark.parametrize("name", SOME)
def test_random_numbers_that_may_decide_are_said_to(name: str) -> None:
    found = memory(archscope.trace(Works1d(SOME[name]), (5, 8)), 2, optimizer="sgd")
    assert found.not_covered == {"Works1d": "its code draws numbers that decide what it runs while training"}


def test_at_least_is_no_more_than_any_draw_holds() -> None:
    """Weights and inputs alone are there whichever layers are left out: all of them, say."""
    for share in (0.5, 1.0):
        module = Works1d(lambda m, x: x if m.training and random.random() < m.p else m.c(m.b(m.a(x))))
        module.p = share
        network = archscope.trace(module, (5, 8))
        for optimizer in ("sgd", "adam"):
            found = memory(network, 2, optimizer=optimizer)
            assert found.not_covered
            # 2·(8 + 1)·8 + (8 + 1)·4 weights and 2·5·8 values that are fed in, of 4 bytes.
            assert {phase.most.total for phase in found.phases} == {4 * (180 + 80)}
        assert after_forward(network.replace(batch=2), optimizer="adam").total == 4 * (180 + 80)
        # A layer that runs keeps what it keeps all the same.
        assert per_layer(network)["b"] is not None


def raises(_: Any, x: Tensor) -> Tensor:
    raise ValueError(x.shape)


def looks(_: Any, x: Tensor) -> Tensor:
    """Reads values, and does not run where there are no gradients."""
    if not torch.is_grad_enabled():
        raise ValueError(float(x.sum()))
    return x * float(x.sum())


TURNS = itertools.count()


def first_otherwise(m: Any, x: Tensor) -> Tensor:
    return m.c(x) if next(TURNS) == 0 else m.c(m.b(x))


UNSHOWN: dict[str, tuple[Works, str]] = {
    "it stops": (raises, "did not run as while training"),
    "it stops without gradients": (looks, "did not run as while training"),
    "values drawn": (lambda m, x: x if torch.rand(1, device="cpu") < 0.5 else m.c(x), "draws numbers that decide"),
    "another time otherwise": (first_otherwise, "does not do the same while training each time"),
    "no layer": (lambda _, x: x, "nothing that a layer made of its input"),
}


@pytest.mark.parametrize("name", UNSHOWN)
def test_where_no_run_shows_what_trains_weights_and_inputs_alone_are_surely_there(name: str) -> None:
    works, why = UNSHOWN[name]
    module = Works1d(lambda m, x: works(m, x) if m.training else m.c(m.b(m.a(x))))
    found = memory(archscope.trace(module, (5, 8)), 2, optimizer="sgd")
    assert why in "".join(found.not_covered.values())
    assert {phase.most.total for phase in found.phases} == {4 * (180 + 80)}


def test_numbers_drawn_and_looked_at_both_ways_may_have_been_alike_by_luck() -> None:
    def works(m: Any, x: Tensor) -> Tensor:
        drawn = torch.rand(1, device="cpu").item()
        return m.c(x if m.training and drawn < 1e-9 else m.a(x))

    network = archscope.trace(Works1d(works), (5, 8))
    assert "draws numbers" in "".join(memory(network, optimizer="sgd").not_covered.values())
    assert not memory(network).not_covered
