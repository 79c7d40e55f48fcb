"""A few tries of every harness of `python -m tools.fuzz`, always the same ones."""

from __future__ import annotations

from random import Random

import pytest

from tools.fuzz.__main__ import HARNESSES
from tools.fuzz.mutating import mutated, places
from tools.fuzz.watching import wrong_with, wrong_with_command

TRIES = {"specs": 150, "results": 150, "kept": 500, "stacks": 200, "texts": 150, "faults": 150, "onnx": 300,
         "keras": 300, "weights": 300, "caffe": 300, "requests": 60, "budgets": 120, "pairs": 60,
         "answers": 120, "config": 20, "programs": 8, "stores": 300, "jax": 3, "exports": 6,
         "memory": 30, "products": 6}  # fmt: skip


@pytest.mark.parametrize("name", HARNESSES)
def test_nothing_falls_over(name: str) -> None:
    failures = {seed: HARNESSES[name](Random(seed)) for seed in range(TRIES[name])}
    assert {seed: failure for seed, failure in failures.items() if failure} == {}


def test_a_mutation_is_the_same_for_the_same_seed_and_leaves_the_document_alone() -> None:
    document = {"a": [1, {"b": "text"}], "c": 2.5}
    tried = [repr(mutated(document, Random(seed))) for seed in range(300)]
    assert tried == [repr(mutated(document, Random(seed))) for seed in range(300)]
    assert document == {"a": [1, {"b": "text"}], "c": 2.5}
    assert len(set(tried)) > 150
    assert len(list(places(document))) == 5


def test_a_foreign_exception_a_long_message_and_a_terminal_code_are_noticed() -> None:
    import archscope

    def raising(error: BaseException) -> object:
        raise error

    assert "ZeroDivisionError" in (wrong_with(lambda: 1 / 0) or "")

    class Wordy(archscope.UsageError):
        def __str__(self) -> str:
            return "x" * 5000

    assert wrong_with(lambda: raising(archscope.UsageError("no"))) is None
    assert "5,000 characters" in (wrong_with(lambda: raising(Wordy("no"))) or "")
    assert wrong_with_command(["table", "lenet5"]) is None
    assert "exit 2" in (wrong_with_command(["table", "nowhere"], allowed=(0,)) or "")
