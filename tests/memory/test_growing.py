"""Memory of other batches than the one that ran, where what code makes does not grow with the samples as it seems to.

Held against PyTorch's tracker: equal, or at least and never above.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archscope.cli import main
from archscope.errors import UsageError
from archscope.memory import memory
from archscope.memory.fitting import largest_batch
from archscope.memory.passes import Request
from archscope.tracing.calling import Called, call_thing
from tests.memory.shared import beside, same


class Asks(nn.Module):
    """A function of two layers, a parameter and the input."""

    def __init__(self, way: Callable[[Any, Tensor], Tensor], **parameter: tuple[int, ...]) -> None:
        super().__init__()
        self.way, self.a, self.b = way, nn.Linear(8, 8), nn.Linear(8, 8)
        self.p = nn.Parameter(torch.ones(parameter.get("p", (1, 8))))

    def forward(self, x: Tensor) -> Tensor:
        return self.way(self, x)


PAIRS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "differences of pairs": lambda self, x: self.a(x)[:, None] - self.a(x)[None],
    "distances of pairs": lambda self, x: torch.cdist(self.a(x), self.a(x)),
    "products of pairs": lambda self, x: self.a(x) @ self.a(x).T,
    "attention of samples": lambda self, x: (self.a(x) @ self.a(x).T).softmax(-1) @ x,
    "a norm of all": lambda self, x: self.a(x).norm(dim=0, keepdim=True) * x,
    "the best of all": lambda self, x: self.a(x).topk(1, 0)[0],
    "one more": lambda self, x: self.b(F.pad(self.a(x), (0, 0, 0, 1))),
    "one more of a parameter": lambda self, x: self.b(torch.cat([self.p, self.a(x)])),
    "seen four times": lambda self, x: self.b(self.a(x)[None].expand(4, -1, -1)),
}  # fmt: skip


def _never_above(module: Called, batch: int, optimizer: str | None) -> None:
    _, wrong = beside(module, optimizer, batch)
    assert not wrong, wrong


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", PAIRS)
def test_what_does_not_grow_with_the_samples_is_at_least(name: str, optimizer: str | None, batch: int) -> None:
    _never_above(call_thing(Asks(PAIRS[name]), [(8,)], {}), batch, optimizer)


def test_where_it_stops_is_named() -> None:
    network = call_thing(Asks(PAIRS["differences of pairs"]), [(8,)], {}).network
    assert not memory(network, 1).not_covered
    why = "what its code makes does not grow evenly with the samples, and no rule follows how much it is"
    assert memory(network, 2).not_covered == {"sub": why}
    assert memory(network, 2, optimizer="sgd", loss="mse_loss").not_covered == {"sub": why}


def test_what_is_as_large_of_any_samples_is_told() -> None:
    network = call_thing(Asks(PAIRS["the best of all"]), [(8,)], {}).network
    assert not memory(network, 1).not_covered
    why = "what its code makes does not grow with the samples, and no rule follows how much it is"
    assert memory(network, 2).not_covered == {"topk": why}


def test_where_it_stops_is_named_where_layers_run_again() -> None:
    network = call_thing(Asks(PAIRS["differences of pairs"]), [(8,)], {}).network
    found = [memory(network, batch, optimizer="sgd", loss="mse_loss", checkpoint=["a"]) for batch in (1, 2)]
    assert [[*each.not_covered] for each in found] == [[], ["sub"]]


PARTS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "a row": lambda self, x: self.a(x) + self.p[:1],
    "a layer of a row": lambda self, x: self.a(x) + self.b(self.p[:1]),
    "a row a sample": lambda self, x: self.a(x) + self.b(self.p[: len(x)]).sum(0),
    "rows a sample": lambda self, x: self.a(x) + self.b(self.p[: 2 * len(x)]).exp().sum(0),
}


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", PARTS)
def test_parts_of_a_parameter_are_no_part_of_each_sample(name: str, optimizer: str | None, batch: int) -> None:
    _never_above(call_thing(Asks(PARTS[name], p=(6, 8)), [(8,)], {}), batch, optimizer)


def test_code_that_stops_however_many_samples_there_are_refuses_none(tmp_path: Path) -> None:
    broken = tmp_path / "broken"

    def breaks(self: Any, x: Tensor) -> Tensor:
        if len(x) > 1 or broken.exists():
            broken.touch()
            raise ValueError("it is broken now")
        return F.relu(self.a(x) + 1)

    network = call_thing(Asks(breaks), [(8,)], {}).network
    assert broken.exists()
    assert memory(network, 3).phases


def test_a_loop_over_samples_is_at_least_of_more() -> None:
    def loop(self: Any, x: Tensor) -> Tensor:
        out: Tensor = self.b(x)
        for _ in range(len(x)):
            out = self.a(out)
        return out

    network = call_thing(Asks(loop), [(8,)], {}).network
    assert not memory(network, 1).not_covered
    _never_above(call_thing(Asks(loop), [(8,)], {}), 3, "sgd")
    assert "other operations in another batch" in next(iter(memory(network, 3).not_covered.values()))


def test_code_that_runs_less_of_more_samples_is_at_least_of_those() -> None:
    module = call_thing(Asks(lambda self, x: self.b(self.a(x) if len(x) == 1 else x)), [(8,)], {})
    assert not memory(module.network, 1).not_covered
    _never_above(module, 3, "sgd")
    assert "other operations in another batch" in next(iter(memory(module.network, 3).not_covered.values()))


def test_code_that_runs_something_else_of_more_samples_is_at_least_of_those() -> None:
    module = call_thing(Asks(lambda self, x: torch.sin(x) if len(x) > 1 else F.relu(x) * self.p), [(8,)], {})
    _never_above(module, 2, None)
    assert "other operations in another batch" in next(iter(memory(module.network, 2).not_covered.values()))


def test_plain_layers_are_exact_in_every_batch() -> None:
    for batch in (1, 2, 5):
        same(Asks(lambda self, x: self.b(F.relu(self.a(x)))), (8,), "sgd", batch)


@pytest.mark.parametrize("shape", [(8,), (1, 8)])
def test_a_batch_that_code_does_not_take_is_refused(shape: tuple[int, ...]) -> None:
    network = call_thing(Asks(lambda self, x: self.a(x).reshape(shape)), [(8,)], {}).network
    assert memory(network, 1).phases
    with pytest.raises(UsageError, match=r"stops where it is given 2 samples .*invalid for input of size 16.*use 1$"):
        memory(network, 5)
    assert largest_batch(network, 1 << 30, Request()) == 1


def test_the_command_line_refuses_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "from torch import nn\nNet = lambda: nn.Sequential(nn.Linear(8, 6), nn.Unflatten(0, (1, 1)))\n"
    (tmp_path / "stops_at_two.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["memory", "stops_at_two:Net", "--input", "8", "--batch", "5"]) == 2
    assert "use 1" in capsys.readouterr().err


COPIES: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "repeated twice": lambda self, x: x + self.a(self.p.repeat(len(x), 1, 1)) + self.b(self.p.repeat(len(x), 1, 1)),
    "repeated and expanded": lambda self, x: (
        x + self.a(self.p.repeat(len(x), 1, 1)) + self.b(self.p.expand(len(x), -1, -1))
    ),
    "expanded twice": lambda self, x: self.b(
        self.a(torch.cat([self.p.expand(len(x), -1, -1), x], 1)) + torch.cat([self.p.expand(len(x), -1, -1), x], 1)
    ),
    "repeated in joins": lambda self, x: (
        self.a(torch.cat([self.p.repeat(len(x), 1, 1), x], 1)) + self.b(torch.cat([self.p.repeat(len(x), 1, 1), x], 1))
    ),
    "expanded, and as it is": lambda self, x: self.a(torch.cat([self.p.expand(len(x), -1, -1), x + self.p], 1)),
}  # fmt: skip


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", COPIES)
def test_a_parameter_that_is_repeated_twice_is_never_more_than_it_is(
    name: str, optimizer: str | None, batch: int
) -> None:
    module = call_thing(Asks(COPIES[name], p=(1, 5, 8)), [(5, 8)], {})
    _never_above(module, batch, optimizer)
    if optimizer is None and name.startswith("expanded"):
        assert not memory(module.network, batch).not_covered


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_an_input_whose_samples_are_copied_to_stand_elsewhere(optimizer: str | None, batch: int) -> None:
    def turns(self: Any, x: Tensor) -> Tensor:
        out: Tensor = self.b(x.transpose(0, 1).contiguous().transpose(0, 1).unsqueeze(1))
        return out

    _never_above(call_thing(Asks(turns), [(5, 8)], {}), batch, optimizer)
    assert not memory(call_thing(Asks(turns), [(5, 8)], {}).network, 1).not_covered
    why = "its code copies an input whose samples do not stand first, and no rule follows who reads that copy"
    assert memory(call_thing(Asks(turns), [torch.ones(3, 5, 8)], {}).network, 3).not_covered == {"Asks": why}


@pytest.mark.parametrize("batch", [1, 3])
def test_layers_of_what_code_makes_of_a_parameter_hold_no_more_than_it(batch: int) -> None:
    def halves(self: Any, x: Tensor) -> Tensor:
        one, _ = self.p.expand(len(x), -1, -1).split([8, 8], -1)
        out: Tensor = x + one + self.a(one)
        return out

    _never_above(call_thing(Asks(halves, p=(1, 5, 16)), [(5, 8)], {}), batch, None)


def test_a_sum_of_letters_over_one_value_is_none_that_rules_follow() -> None:
    def scores(self: Any, x: Tensor) -> Tensor:
        one, two = self.a(x)[..., :1], self.b(x)[..., :1]
        out: Tensor = torch.einsum("bij,bkj->bik", one, two).softmax(-1) @ one
        return out

    module = call_thing(Asks(scores), [(5, 8)], {})
    for optimizer in (None, "sgd"):
        _never_above(module, 2, optimizer)
        assert memory(module.network, 2, optimizer=optimizer).not_covered


def test_letters_that_are_not_summed_are_followed_as_ever() -> None:
    same(Asks(lambda self, x: torch.einsum("bij,bij->bij", self.a(x), self.b(x))), (5, 8), "sgd", 3)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_attention_of_samples_is_at_least(optimizer: str | None) -> None:
    def attends(self: Any, x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(self.a(x), self.a(x), self.b(x))

    module = call_thing(Asks(attends), [(8,)], {})
    _never_above(module, 3, optimizer)
    why = "it attends from one sample to another, and no rule follows what it keeps of those"
    assert memory(module.network, 1, optimizer=optimizer).not_covered == {"scaled_dot_product_attention": why}
