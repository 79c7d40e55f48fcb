"""A module on meta has the rows that it has on the CPU: what its buffers would hold is told by what sets them anew."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archscope import trace
from archscope.tracing.numbers import MOST


def _frequencies(features: int) -> Tensor:
    return 1 / 10_000 ** (torch.arange(0, features, 2).float() / features)


class Rotary(nn.Module):
    """Rotary positions of eight features, whose frequencies lie in a buffer."""

    frequencies: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequencies", _frequencies(8), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        angles = torch.arange(x.shape[-2], device=x.device)[:, None] * self.frequencies
        angles = torch.cat((angles, angles), -1)
        one, other = x.chunk(2, -1)
        return x * angles.cos() + torch.cat((-other, one), -1) * angles.sin()


class SetsItself(Rotary):
    """Sets its buffer by PyTorch's word for it."""

    def reset_parameters(self) -> None:
        self.frequencies.copy_(_frequencies(8))


class Places(nn.Module):
    """Looks positions up by numbers in a buffer."""

    numbers: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(16, 8)
        self.register_buffer("numbers", torch.arange(16), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table(self.numbers[: x.shape[-2]])


class Model(nn.Module):
    """Sets the buffers of its parts, as the models of `transformers` do."""

    def __init__(self, part: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.parts = nn.Sequential(nn.Linear(8, 8), part())

    def _init_weights(self, part: nn.Module) -> None:
        if isinstance(part, Rotary):
            part.frequencies.copy_(_frequencies(8))
        elif isinstance(part, Places):
            part.numbers.copy_(torch.arange(16))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.parts(x)
        return y


class Stops(Places):
    """Has a function that would set its buffer, and cannot."""

    def reset_parameters(self) -> None:
        self.table.weight[0].item()


def _rows(module: nn.Module, device: str) -> list[tuple[Any, ...]]:
    network = trace(module.to(device), torch.zeros(2, 6, 8, device=device))
    found = [(node.name, node.layer.type, network.facts[node.name]) for node in network.nodes]
    return [(name, kind, facts.output, facts.parameters, facts.fixed, facts.macs) for name, kind, facts in found]


@pytest.mark.parametrize("make", [SetsItself, lambda: Model(Rotary), lambda: Model(Places)])
def test_what_sets_buffers_anew_says_what_they_hold_on_meta(make: Callable[[], nn.Module]) -> None:
    with torch.device("meta"):
        module = make()
    rows = _rows(module, "meta")
    assert rows == _rows(make(), "cpu")
    assert {"rotary", "parameter"} & {row[1] for row in rows}
    assert all(each.is_meta for each in (*module.parameters(), *module.buffers()))


class ByAnotherWord(Rotary):
    """Sets its buffer by the word that a library has for it."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word = word

    def __getattr__(self, name: str) -> Any:
        if name == self.__dict__.get("word"):
            return lambda: self.frequencies.copy_(_frequencies(8))
        return super().__getattr__(name)


@pytest.mark.parametrize("word", ["init_non_persistent_buffers", "reset_buffers", "reset_parameters"])
def test_every_word_for_setting_buffers_anew_is_known(word: str) -> None:
    with torch.device("meta"):
        module = ByAnotherWord(word)
    assert "rotary" in {row[1] for row in _rows(module, "meta")}


class WantsNothing(Rotary):
    """Has a function by the name of one that is given a part, and that wants none."""

    def _init_weights(self) -> None:
        self.frequencies.zero_()


class Given(Rotary):
    """Is given by its own function what it is set to, which may be told more."""

    def _init_weights(self, part: Rotary, scale: float = 1.0, **more: Any) -> None:
        part.frequencies.copy_(scale * _frequencies(8))


class Outer(Model):
    """A model around one, which would set parts that are not its own otherwise."""

    def _init_weights(self, part: nn.Module) -> None:
        if isinstance(part, Rotary):
            part.frequencies.zero_()


@pytest.mark.parametrize("make", [
    lambda: Model(WantsNothing), Given, lambda: Outer(Given), lambda: Outer(lambda: Model(Rotary)),
    lambda: Outer(SetsItself),
])  # fmt: skip
def test_the_nearest_function_that_takes_a_part_says_what_it_holds(make: Callable[[], nn.Module]) -> None:
    with torch.device("meta"):
        module = make()
    assert "rotary" in {row[1] for row in _rows(module, "meta")}


class OfItsPart(nn.Module):
    """Sets its buffer by that of a part, which is set before."""

    frequencies: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.part = SetsItself()
        self.register_buffer("frequencies", _frequencies(8), persistent=False)

    def reset_parameters(self) -> None:
        self.frequencies.copy_(self.part.frequencies)

    def forward(self, x: Tensor) -> Any:
        return Rotary.forward(self, x)  # type: ignore[arg-type]


def test_parts_are_set_before_what_they_are_parts_of() -> None:
    with torch.device("meta"):
        module = OfItsPart()
    assert "rotary" in {row[1] for row in _rows(module, "meta")}


SEEN: ContextVar[str] = ContextVar("SEEN", default="untouched")


class Notes(Rotary):
    """Notes in its context that its buffer was set."""

    def reset_parameters(self) -> None:
        self.frequencies.copy_(_frequencies(8))
        SEEN.set("set")


def test_what_sets_buffers_leaves_the_context_as_it_was() -> None:
    with torch.device("meta"):
        module = Notes()
    assert "rotary" in {row[1] for row in _rows(module, "meta")}
    assert SEEN.get() == "untouched"


class Large(Rotary):
    """Has its frequencies in the first row of a buffer, which may have more values than are worked out."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.ones(rows, 4), persistent=False)

    def reset_parameters(self) -> None:
        self.frequencies.copy_(_frequencies(8).expand(len(self.frequencies), 4))

    def forward(self, x: Tensor) -> Tensor:
        angles = torch.arange(x.shape[-2], device=x.device)[:, None] * self.frequencies[0]
        angles = torch.cat((angles, angles), -1)
        one, other = x.chunk(2, -1)
        return x * angles.cos() + torch.cat((-other, one), -1) * angles.sin()


@pytest.mark.parametrize(("rows", "known"), [(8, True), (MOST // 4 + 1, False)])
def test_a_table_that_is_too_large_to_know_is_not_set(rows: int, known: bool) -> None:
    with torch.device("meta"):
        module = Large(rows)
    assert ("rotary" in {row[1] for row in _rows(module, "meta")}) == known


def test_what_cannot_be_set_anew_stays_unknown() -> None:
    with torch.device("meta"):
        module = Stops()
    rows = _rows(module, "meta")
    assert "parameter" not in [row[1] for row in rows]
    assert sum(row[3] for row in rows) == 16 * 8


def test_a_buffer_with_values_keeps_them() -> None:
    module = SetsItself()
    with torch.no_grad():
        module.frequencies *= F.relu(torch.tensor(2.0))
    assert {row[1] for row in _rows(module, "cpu")} != {"rotary"}
