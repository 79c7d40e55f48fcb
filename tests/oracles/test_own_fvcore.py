"""What fvcore counts otherwise of a person's own module, and the reason that is told."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope.oracles import Verdict, verify
from archscope.oracles.own.fvcore import UNTRACED
from archscope.tracing.calling import call_thing
from tests.oracles.own_modules import asked, called, total


class Votes(nn.Module):
    """Each capsule votes for each class, as in Sabour 2017."""

    def __init__(self) -> None:
        super().__init__()
        self.votes = nn.Parameter(torch.zeros(7, 123, 4, 3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("jiok,bik->bjio", self.votes, x)


def test_fvcores_count_of_an_einsum_has_four_digits() -> None:
    found = asked(called(Votes(), (123, 3)), "fvcore")
    assert (total(found, "fvcore").ours, total(found, "fvcore").theirs) == (7 * 123 * 4 * 3, 10_330)
    assert "read from what NumPy prints, in four digits" in total(found, "fvcore").why


class Contracts(nn.Module):
    def __init__(self, equation: str, *shapes: tuple[int, ...]) -> None:
        super().__init__()
        self.equation = equation
        self.weights = nn.ParameterList([torch.ones(shape) for shape in shapes])

    def forward(self, x: Tensor) -> Any:
        return torch.einsum(self.equation, x, *self.weights)


@pytest.mark.parametrize(
    ("equation", "shapes", "ours", "theirs"),
    [
        ("bi,i,i->b", ((6,), (6,)), 6, 9),  # x · w value by value, 6 halves, and 6 that are summed up
        ("bi,i,io->bo", ((6,), (6, 5)), 30, 33),
        ("bi,oi,ki->bok", ((5, 6), (4, 6)), 120, 132),  # the 4·6 of x · w, halves
        ("bi,i->bi", ((6,),), 0, 3),
    ],
)
def test_fvcores_count_of_an_einsum_that_sums_up_less_than_it_multiplies(
    equation: str, shapes: tuple[tuple[int, ...], ...], ours: int, theirs: int
) -> None:
    found = asked(called(Contracts(equation, *shapes), (6,)), "fvcore")
    assert (total(found, "fvcore").ours, total(found, "fvcore").theirs) == (ours, theirs)
    assert total(found, "fvcore").verdict is Verdict.EXPLAINED
    assert "half for a product that nothing sums up" in total(found, "fvcore").why


@pytest.mark.parametrize(("planned", "ours"), [(True, 3 * 4 * 5), (False, 3 * 4 * 5 + 3 * 5)])
def test_an_einsum_ran_in_the_order_that_a_planner_chose(
    monkeypatch: pytest.MonkeyPatch, *, planned: bool, ours: int
) -> None:
    """With a planner PyTorch multiplies the two vectors first, value by value; without one what stands first."""
    pytest.importorskip("opt_einsum")
    monkeypatch.setattr(torch.backends.opt_einsum, "enabled", planned)
    found = asked(called(Contracts("bi,kij,bj->bk", (3, 4, 5), (1, 5)), (4,)), "fvcore")
    assert (total(found, "fvcore").ours, total(found, "fvcore").theirs) == (ours, 70)
    assert total(found, "fvcore").verdict is Verdict.EXPLAINED


@pytest.mark.parametrize("path", [True, False])
@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ab,bc,cd,de,ef->af", ((2, 3), (3, 5), (5, 7), (7, 11), (11, 2))),
        ("...i,ij->...j", ((4, 5, 6), (6, 3))), ("...i,...i", ((4, 1, 6), (3, 6))), ("bi,ij", ((4, 6), (6, 3))),
        ("ab,b,a->", ((3, 4), (4,), (3,))), ("i,j->", ((3,), (4,))), ("bi,bi,bi->b", ((2, 3),) * 3),
        ("bic,bic->b", ((2, 1, 1),) * 2), ("ii,ij->j", ((3, 3), (3, 4))),
    ],
)  # fmt: skip
def test_products_of_an_einsum_are_those_that_run(
    equation: str, shapes: tuple[tuple[int, ...], ...], *, path: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from archscope.oracles.own.einsums import products

    monkeypatch.setattr(torch.backends.opt_einsum, "enabled", path and torch.backends.opt_einsum.is_available())
    order = None
    if torch.backends.opt_einsum.enabled:
        pairs = torch.backends.opt_einsum.get_opt_einsum().contract_path(equation, *shapes, shapes=True)[0]
        order = [each for pair in pairs for each in pair] if len(shapes) > 2 else None
    with FlopCounterMode(display=False) as counter:
        torch.einsum(equation, *map(torch.ones, shapes))
    assert products(equation, shapes, order) == counter.get_total_flops() // 2


class Unread(nn.Module):
    """Products of which nothing reads the last two."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.w = nn.Linear(4, 4), nn.Linear(4, 3), nn.Parameter(torch.randn(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.a(x)
        made = self.b(hidden @ self.w)
        self.a(made @ torch.ones(3, 4))
        return made


class Writes(nn.Module):
    """A memory that is written after it was read: 4·4 in each of two steps, and 4 products for what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.out = nn.LSTMCell(4, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        memory, state, made = torch.zeros(len(x), 4, 1), None, []
        for step in range(2):
            state = self.cell(x[:, step] + memory.squeeze(2), state)
            made.append(self.out(state[0]))
            memory = memory + torch.bmm(x[:, step, :, None], state[0][:, None, :1])
        return torch.stack(made, 1)


@pytest.mark.parametrize(
    ("module", "shape", "ours", "theirs"),
    [
        # 4·4 · 3 + 3·4 + 4·3 = 72, and without the last two products (16 and 3·4) 44.
        (Unread, (4,), 72, 44),
        # 4·5·(4 + 5) and 5·3 in two steps, and 4 written in the first; and 4 in the last, which nobody reads.
        (Writes, (2, 4), 398, 394),
    ],
)
def test_what_nothing_reads_is_not_in_the_trace_of_fvcore(
    module: type[nn.Module], shape: tuple[int, ...], ours: int, theirs: int
) -> None:
    called = call_thing(module(), (shape,), {})
    found = verify(called.network, ["fvcore", "FLOPs", "torchinfo"], module=called)
    assert [each.sentence for each in found.differing] == []
    (whole,) = [each for each in found.cell(None, "fvcore") if each.quantity == "macs"]
    assert (whole.ours, whole.theirs, whole.verdict) == (ours, theirs, Verdict.EXPLAINED)
    assert whole.why == UNTRACED
