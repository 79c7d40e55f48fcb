"""What a module's code copies as it is: which of the two each layer reads, and until when the code has either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope
from archscope.memory import memory
from tests.memory.shared import differences, same


class Copies(nn.Module):
    """Runs code with two dense layers and a norm at hand."""

    def __init__(self, code: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.code, self.a, self.b, self.norm = code, nn.Linear(6, 6), nn.Linear(6, 6), nn.LayerNorm(6)

    def forward(self, x: Tensor) -> Any:
        return self.code(self, x)


def _dense(m: Any, x: Tensor) -> Tensor:
    """As DenseNet: the first layer of a block joins one list of maps, of one."""
    made = [m.a(x)]
    for _ in range(2):
        made.append(m.b(m.norm(torch.cat(made, -1)[..., :6])))
    return torch.cat(made, -1)


def _added(m: Any, x: Tensor) -> Tensor:
    """As MobileOne: branches are added to 0."""
    x, out = m.a(x), 0
    for _ in range(2):
        out = out + m.b(x).exp()
    return m.norm(out)


def _padded(m: Any, x: Tensor) -> Tensor:
    """As Swin: maps that fit windows are padded with nothing."""
    before = m.a(x)
    x = F.pad(m.norm(before), (0, 0, 0, 0))
    return before + m.b(x.view(-1, 2, 5, 3).transpose(1, 2).reshape(before.shape))


def _written(m: Any, x: Tensor) -> Tensor:
    made = m.a(x)
    other = made.clone()
    other.mul_(2)
    return m.b(other) + made


def _kept(m: Any, x: Tensor) -> Tensor:
    other = m.a(x).clone()
    return m.b(m.norm(other.exp())) + other


def _twice(m: Any, x: Tensor) -> Tensor:
    other = m.a(x).clone().clone()
    return m.b(other).exp() * other


def _of_an_input(m: Any, x: Tensor) -> Tensor:
    other = x.clone()
    return m.b(other) + other


CODE: dict[str, Callable[[Any, Tensor], Any]] = {
    "dense": _dense,
    "added": _added,
    "padded": _padded,
    "written": _written,
    "kept": _kept,
    "twice": _twice,
    "of an input": _of_an_input,
    "a factor": lambda m, x: (lambda made: m.b(made * 1.0) + made)(m.a(x)),
    "repeated": lambda m, x: m.b(m.a(x).transpose(1, 2).repeat(1, 1, 1).transpose(1, 2)),
    "seen before": lambda m, x: m.b(m.a(x).view(-1, 5, 2, 3).clone().flatten(2)),
    "dropped": lambda m, x: m.b(F.dropout(m.a(x) * 1.0, 0.5, False)),
    "cropped": lambda m, x: (lambda made: m.b(made) + made)(F.pad(torch.cat([m.a(x)] * 2, -1), (-6, 0))),
    "given": lambda m, x: m.a(x).clone().transpose(1, 2),
}


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", CODE)
def test_a_copy_and_what_it_is_of_are_there_as_long_as_the_code_has_them(name: str, optimizer: str | None) -> None:
    same(Copies(CODE[name]), (5, 6), optimizer)


def _reads_both(m: Any, x: Tensor) -> Tensor:
    made = m.a(x)
    return made * (made * 1.0)


def _gives_both(m: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    made = m.a(x)
    return made, made.clone()


@pytest.mark.parametrize("code", [_reads_both, _gives_both])
def test_where_a_value_and_its_copy_go_one_way_the_numbers_are_at_least(code: Callable[[Any, Tensor], Any]) -> None:
    (why,) = memory(archscope.trace(Copies(code), (5, 6)), 2).not_covered.values()
    assert "which of the two it has longer is not followed" in why
    assert not differences(Copies(code), (5, 6), "sgd", 2)[1]
