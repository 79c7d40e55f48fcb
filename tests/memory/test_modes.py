"""What a module does otherwise while training, never does, or keeps when a pass is over: exact, or said not to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope
from archscope.memory import memory
from archscope.tracing.calling import call_thing
from tests.memory.shared import beside, same

Works = Callable[[Any, Tensor], Any]


class Between(nn.Module):
    """A function between two layers, which may keep things in the module."""

    def __init__(self, works: Works) -> None:
        super().__init__()
        self.a, self.b, self.works = nn.Linear(8, 8), nn.Linear(8, 4), works
        self.list: list[Tensor] = []
        self.register_buffer("mask", None)
        self.other = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Any:
        return self.b(self.works(self, self.a(x)))


DROPOUT: dict[str, Works] = {
    "always": lambda _, x: F.dropout(x, 0.1),
    "always, of channels": lambda _, x: F.dropout1d(x, 0.1, True),
    "always, in place": lambda _, x: F.dropout(x, 0.1, True, True),
    "never": lambda _, x: F.dropout(x, 0.1, False),
    "of all": lambda at, x: F.dropout(x, 1.0, at.training),
}


@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize("name", DROPOUT)
def test_dropout_that_nobody_switches_on_or_off_holds_what_it_does(name: str, optimizer: str | None) -> None:
    same(Between(DROPOUT[name]), (4, 8), optimizer)


def _stops(at: Any, x: Tensor) -> Tensor:
    if at.training:
        raise ValueError
    return x


def test_code_that_does_not_run_while_training_is_said_not_to() -> None:
    network = archscope.trace(Between(_stops), (4, 8))
    why = "its code did not run as while training, so that what it does then could be followed"
    assert memory(network, 2, optimizer="sgd").not_covered == {"Between": why}
    assert not memory(network, 2).not_covered


def _looks_at_what_it_knows(at: Any, x: Tensor) -> Tensor:
    for _ in range(4):
        unknown = torch.zeros(8, device=x.device)
        unknown[0] = x.sum()
        x = x + unknown
        del unknown
        known = [torch.full((8,), 2.0, device=x.device) for _ in range(6)]
        x = x * sum(float(each.sum()) for each in known)
    return x


def test_what_is_not_known_of_memory_that_has_gone_is_not_said_of_what_lies_there_next() -> None:
    network = archscope.trace(Between(_looks_at_what_it_knows), (4, 8))
    assert "Between" not in memory(network, 2, optimizer="sgd").not_covered  # where it is said that it did not run


class Frozen(nn.Module):
    """A part of it stays as at inference, as a backbone does that is only tuned."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.a, self.part, self.b = nn.Linear(8, 8), part, nn.Linear(8, 4)

    def train(self, mode: bool = True) -> Frozen:
        super().train(mode)
        self.part.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        made = self.part(self.a(x))
        return self.b(made[0] if isinstance(made, tuple) else made)


def _attention() -> nn.Module:
    return nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)


ASLEEP: dict[str, Callable[[], nn.Module]] = {
    "a batch norm": lambda: nn.BatchNorm1d(4),
    "one without weights": lambda: nn.BatchNorm1d(4, affine=False),
    "a norm that is not trained": lambda: nn.BatchNorm1d(4).requires_grad_(False),
    "layers that are alike": lambda: nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.LayerNorm(8), nn.Dropout(0.2)),
    "attention": _attention,
}


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", ASLEEP)
def test_what_stays_as_at_inference_keeps_what_it_does_there(name: str, optimizer: str | None) -> None:
    same(Frozen(ASLEEP[name]()), (4, 8), optimizer)


WAKING = [
    nn.LSTM(8, 8, batch_first=True),
    nn.GRU(8, 8, batch_first=True),
    nn.InstanceNorm1d(4, track_running_stats=True),
]


@pytest.mark.parametrize("part", WAKING, ids=["LSTM", "GRU", "instance norm"])
def test_what_stays_so_and_has_no_rule_for_it_is_said_to_have_none(part: nn.Module) -> None:
    network = archscope.trace(Frozen(part), (4, 8))
    why = "it stays as at inference while training, and no rule says what it keeps then"
    assert memory(network, 2, optimizer="sgd").not_covered == {"part": why}
    assert not memory(network, 2).not_covered


def _normalized() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))


def _dropping() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.3), nn.ReLU(), nn.Dropout2d(0.2), nn.Flatten(),
                         nn.Linear(144, 2))  # fmt: skip


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize(("make", "trains"), [(_normalized, False), (_dropping, False), (_dropping, True)])
def test_a_program_runs_as_it_was_exported(make: Callable[[], nn.Module], trains: bool, optimizer: str | None) -> None:
    program = torch.export.export(make().train(trains), (torch.zeros(2, 3, 8, 8),))
    assert beside(call_thing(program, [], {}), optimizer, 2) == ("", [])


@pytest.mark.parametrize("drops", [torch.feature_dropout, torch.dropout, F.dropout2d])
def test_dropout_of_whole_channels_has_a_number_for_each(drops: Any) -> None:
    class Drops(nn.Module):
        """A function between two convolutions."""

        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(drops(self.a(x), 0.3, self.training))

    same(Drops(), (3, 8, 8), "sgd")


def test_a_norm_that_needs_two_samples_while_training_is_given_them() -> None:
    class Own(nn.Sequential):
        pass

    network = archscope.trace(Own(nn.Linear(8, 8), nn.BatchNorm1d(8)), (8,))
    assert not memory(network, 2, optimizer="sgd").not_covered


def _named(at: Any, x: Tensor) -> Tensor:
    at.seen = {"values": (torch.tanh(x).detach(),)}
    return x


KEEPS: dict[str, Works] = {
    "a list": lambda at, x: at.list.append(x) or x,
    "an attribute": _named,
    "a buffer": lambda at, x: setattr(at, "mask", x.mean()) or x,
}
KEPT = "its code, or a hook, keeps what its layers make when a pass is over, and no rule says until when"


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", KEEPS)
def test_what_code_keeps_of_its_layers_when_a_pass_is_over_is_said(name: str, optimizer: str | None) -> None:
    network = archscope.trace(Between(KEEPS[name]), (4, 8))
    assert memory(network, 2, optimizer=optimizer).not_covered["Between"] == KEPT


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_what_a_hook_keeps_is_said(optimizer: str | None) -> None:
    module, kept = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 4)), dict[str, Tensor]()
    module[1].register_forward_hook(lambda _, __, made: kept.__setitem__("values", made.detach()))
    assert memory(archscope.trace(module, (4, 8)), 2, optimizer=optimizer).not_covered == {"Sequential": KEPT}
    assert not kept


def _masked(at: Any, x: Tensor) -> Tensor:
    if at.mask is None:
        at.mask = torch.ones(4, 8).tril()
    return x * at.mask


def test_a_buffer_that_the_first_pass_fills_is_held_once() -> None:
    same(Between(_masked), (4, 8), None)


class Hooked(nn.Module):
    """A hook stands behind its first layer."""

    def __init__(self, works: Callable[[Any, Any, Tensor], Any]) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 3)
        self.a.register_forward_hook(works)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(torch.tanh(self.a(x)))


def _unseen(*given: Any) -> Tensor:
    with torch.no_grad():
        return given[-1] * 2


WITHOUT: dict[str, Callable[[Any, Any, Tensor], Any]] = {
    "detach": lambda _, __, made: made.detach(),
    "detach of what it makes": lambda _, __, made: (made * 2).detach(),
    "detach and what it is of": lambda _, __, made: made * made.detach(),
    "straight through": lambda _, __, made: made + (made.round() - made).detach(),
    "only its shape": lambda _, __, made: torch.zeros_like(made),
    "no_grad": _unseen,
}


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 2), ("adam", 1), ("adam", 3)])
@pytest.mark.parametrize("name", WITHOUT)
def test_values_without_gradients_hold_nothing_of_a_backward_pass(name: str, optimizer: str | None, batch: int) -> None:
    same(Hooked(WITHOUT[name]), (5, 8), optimizer, batch)


class Teaches(nn.Module):
    """A branch whose weights get no gradients, though they are trained elsewhere; and a weight without its own."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.scale = nn.Linear(8, 8), nn.Linear(8, 8), nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            taught = torch.tanh(self.b(x))
        return self.a(x) * taught * self.scale.detach()


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_an_optimizer_has_no_state_of_weights_that_get_no_gradients(optimizer: str) -> None:
    same(Teaches(), (5, 8), optimizer)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_an_optimizer_has_no_state_of_a_branch_that_no_output_needs(optimizer: str) -> None:
    from tests.memory.test_modules import Asked

    same(Asked(), (4, 6), optimizer)


KEPT_BY_ALL: list[Any] = []
NAMED_BY_ALL: dict[str, Any] = {}


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("keeps", [
    lambda _, __, made: KEPT_BY_ALL.append(made),
    lambda _, __, made: NAMED_BY_ALL.__setitem__("made", [made.detach()]),
    lambda _, __, made: setattr(Hooked, "made", made),
    lambda _, __, made: globals().__setitem__("MADE", made),
])  # fmt: skip
def test_what_a_hook_keeps_where_all_code_reaches_it_is_said(keeps: Any, optimizer: str | None) -> None:
    network = archscope.trace(Hooked(keeps), (5, 8))
    assert memory(network, 2, optimizer=optimizer).not_covered == {"Hooked": KEPT}
    assert not KEPT_BY_ALL
    assert not NAMED_BY_ALL
    assert not hasattr(Hooked, "made")
    assert "MADE" not in globals()


def test_values_of_everybodys_that_were_there_before_are_no_layers() -> None:
    KEPT_BY_ALL.append(torch.ones(8))
    try:
        network = archscope.trace(Hooked(lambda _, __, made: made + KEPT_BY_ALL[0]), (5, 8))
    finally:
        KEPT_BY_ALL.clear()
    assert not memory(network, 2).not_covered


@torch.no_grad()
def _copied(_: Any, __: Any, made: Tensor) -> Tensor:
    return made.clone()


def test_a_copy_without_gradients_is_said_to_have_no_rule() -> None:
    network = archscope.trace(Hooked(_copied), (5, 8))
    (why,) = memory(network, 2, optimizer="sgd").not_covered.values()
    assert (
        why == "its code hands on values without their gradients (`clone`), and no rule follows which of them have any"
    )
