"""What an operation made on meta is made again as it was, and only where its arguments' forms decide it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from archscope.tracing.forms import Forms
from archscope.tracing.products import operation
from archscope.tracing.strangers import tensors_in
from tests.tracing.accounted import RIGHT


def _looks(value: Any) -> list[tuple[Any, ...]]:
    return [(each.shape, each.stride(), each.dtype, each.device, each.storage_offset()) for each in tensors_in(value)]


def _memories(value: Any) -> list[int]:
    return [each.untyped_storage()._cdata for each in tensors_in(value)]


def _shared(args: Any, made: Any) -> list[list[int]]:
    """Which of the arguments and of the other results each result shares its memory with."""
    every = [*_memories(args), *_memories(made)]
    return [[place for place, other in enumerate(every) if other == mine] for mine in _memories(made)]


class Twice(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs everything as it is, and twice through the forms, and holds the three against each other."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.forms, self.compared = Forms(), 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given, found = kwargs or {}, operation(func)
        right = func(*args, **given)
        if torch.Tag.inplace_view not in func.tags:
            for _ in range(2):
                made = self.forms.run(func, found, args, given)
                assert _looks(made) == _looks(right), func
                assert type(made) is type(right), func
                assert _shared(args, made) == _shared(args, right), func
                self.compared += 1
        return right


@pytest.mark.parametrize("name", sorted(set(RIGHT) - {"a scripted part", "a scripted gate", "for one sample"}))
def test_a_result_is_the_same_the_second_time(name: str) -> None:
    right = RIGHT[name]
    module = right.make().eval().to("meta")
    with Twice() as twice, torch.no_grad():
        module(torch.zeros(2, *right.shape, device="meta"))
    assert twice.compared


def _calls() -> Iterator[Any]:
    x = torch.zeros(2, 4, 6, device="meta")
    whole = torch.zeros(2, 4, device="meta", dtype=torch.long)
    yield from (lambda: torch.add(whole, 1), lambda: torch.add(whole, 1.0), lambda: torch.add(whole, True))
    yield from (lambda: x.unsafe_chunk(2), lambda: x.transpose(0, 1) * 2, lambda: x.add_(1), lambda: x.relu_())
    yield from (lambda: x.to(torch.float64), lambda: x.transpose(1, 2).contiguous())
    yield from (lambda: x.max(1), lambda: F.layer_norm(x, (6,)), lambda: torch.sort(x), lambda: x.unfold(1, 2, 1))
    yield from (lambda: torch.stft(x[0], 4, return_complex=True, window=torch.ones(4, device="meta")).real,)
    yield from (lambda: F.max_pool2d(x, 2, return_indices=True), lambda: torch.empty_like(x), lambda: x.conj() + 1j)
    yield from (lambda: torch.cat([x, x], 1), lambda: torch.zeros_like(x, device="cpu"), lambda: x + torch.ones(()))


@pytest.mark.parametrize("number", range(len(list(_calls()))))
def test_a_function_is_the_same_the_second_time(number: int) -> None:
    call = list(_calls())[number]
    with Twice() as twice:
        call()
    assert twice.compared


def test_a_whole_number_is_not_taken_for_a_fraction_nor_for_a_truth() -> None:
    forms, whole = Forms(), torch.zeros(3, dtype=torch.long, device="meta")
    truths = torch.zeros(3, dtype=torch.bool, device="meta")
    add = torch.ops.aten.add.Tensor

    def kind(*args: Any) -> torch.dtype:
        made: Tensor = forms.run(add, operation(add), args, {})
        return made.dtype

    assert [kind(whole, each) for each in (1, 1.0, 1, True)] == [torch.long, torch.float32, torch.long, torch.long]
    assert [kind(truths, each) for each in (True, 1, True)] == [torch.bool, torch.long, torch.bool]


def test_the_type_that_numbers_have_by_default_may_change_meanwhile() -> None:
    forms, whole = Forms(), torch.zeros(3, dtype=torch.long, device="meta")
    divide = torch.ops.aten.div.Tensor
    assert forms.run(divide, operation(divide), (whole, 2), {}).dtype == torch.float32
    torch.set_default_dtype(torch.float64)
    try:
        assert forms.run(divide, operation(divide), (whole, 2), {}).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_what_blocks_have_in_common_is_worked_out_once() -> None:
    forms, ran = Forms(), []
    mm = torch.ops.aten.mm.default

    class Counts(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            ran.append(func)
            return func(*args, **(kwargs or {}))

    with Counts():  # type: ignore[no-untyped-call]
        for wide in (4, 4, 4, 8):
            weight = nn.Parameter(torch.empty(3, wide, device="meta"))
            forms.run(mm, operation(mm), (torch.empty(2, 3, device="meta"), weight), {})
    assert ran.count(mm) == 2


def test_what_does_not_fit_is_refused_each_time() -> None:
    forms, mm = Forms(), torch.ops.aten.mm.default
    for _ in range(2):
        with pytest.raises(RuntimeError):
            forms.run(mm, operation(mm), (torch.empty(2, 3, device="meta"), torch.empty(4, 5, device="meta")), {})


def _runs(forms: Forms, func: Any, *args: Any, **kwargs: Any) -> Any:
    return forms.run(func, operation(func), args, kwargs)


def test_what_changes_the_form_of_what_it_writes_is_done_each_time() -> None:
    forms, one, other = Forms(), torch.empty(2, device="meta"), torch.empty(2, device="meta")
    for each in (one, other):
        _runs(forms, torch.ops.aten.resize_.default, each, [3])
    assert (one.shape, other.shape) == ((3,), (3,))


def test_a_result_that_is_written_elsewhere_is_there() -> None:
    forms, x, elsewhere = Forms(), torch.empty(2, device="meta"), torch.empty(2, device="meta")
    add = torch.ops.aten.add.out
    assert _runs(forms, add, x, x, out=x) is x
    assert _runs(forms, add, x, x, out=elsewhere) is elsewhere


def test_a_view_that_says_it_is_none_sees_the_memory_of_its_own_argument() -> None:
    forms, view = Forms(), torch.ops.aten._unsafe_view.default
    for _ in range(2):
        x = torch.empty(2, 3, device="meta")
        assert _memories(_runs(forms, view, x, [6])) == _memories(x)


def test_results_that_share_a_memory_of_their_own_share_one_the_second_time() -> None:
    def halves(x: Tensor) -> tuple[Tensor, Tensor]:
        made = torch.empty(2 * len(x), device=x.device)
        return made[: len(x)], made[len(x) :]

    library = torch.library.Library("aten", "FRAGMENT")
    library.define("archscope_halves(Tensor x) -> (Tensor, Tensor)")
    library.impl("archscope_halves", halves, "CompositeExplicitAutograd")
    forms, func = Forms(), torch.ops.aten.archscope_halves.default
    for _ in range(2):
        one, other = _memories(_runs(forms, func, torch.empty(3, device="meta")))
        assert one == other
