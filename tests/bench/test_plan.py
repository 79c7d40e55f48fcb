"""The cells of a benchmark and their order."""

from __future__ import annotations

import pytest

from archscope import UsageError
from archscope.bench.plan import parse_axis, parse_batches, plan, shuffled


def test_every_combination_once() -> None:
    cells = plan(["a", "b"], batches=(1, 8), dtypes=("fp32", "bf16", "fp32"), engines=("eager", "compile"))
    assert len(cells) == len(set(cells)) == 16
    assert cells[0].id == "a/b1/fp32/nchw/eager/infer"


def test_the_order_is_random_but_seeded_and_differs_between_rounds() -> None:
    cells = plan(["a"], batches=tuple(range(1, 20)))
    assert shuffled(cells, seed=1, round=0) == shuffled(cells, seed=1, round=0)
    assert shuffled(cells, seed=1, round=0) != shuffled(cells, seed=1, round=1)
    assert shuffled(cells, seed=1, round=0) != shuffled(cells, seed=2, round=0)
    assert set(shuffled(cells, seed=1, round=0)) == set(cells)


@pytest.mark.parametrize("text", ["0", "-1", "1,x", "", "1,,2", "1.5"])
def test_a_batch_is_a_positive_whole_number(text: str) -> None:
    with pytest.raises(UsageError, match="is no batch size"):
        parse_batches(text)


def test_an_unknown_dtype_meets_the_near_one() -> None:
    with pytest.raises(UsageError, match=r"--dtype bf61: did you mean `bf16`\?"):
        parse_axis("dtype", "fp32,bf61")


def test_an_empty_axis_lists_what_there_is() -> None:
    with pytest.raises(UsageError, match="--engine is empty; write eager, graph, compile"):
        parse_axis("engine", " , ")
