"""The law of modules at random: most of them are exact, and a byte too few is noticed, in a module made small."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from archscope.oracles import tracking
from tools.fuzz import memories
from tools.fuzz.authors import Written

SMALL = Written(
    ("self.a = nn.Linear(8, 8)", "self.b = nn.Linear(8, 4)"),
    ("x = self.a(x)", "y = F.relu(x)", "z = self.b(y)"), (("x", (5, 8), ""),), ("z", "x"),
)  # fmt: skip


def test_most_modules_at_random_are_exact() -> None:
    told = [memories.held(*memories.drawn(Random(seed))) for seed in range(8)]
    assert sum(told == ("", "") for told in told) >= 4


def test_a_byte_too_few_is_noticed_and_the_module_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = memories.Asked("sgd", False, 2)
    assert memories.held(SMALL, asked) == ("", "")
    plain = tracking.tracked

    def another(*args: Any, **kwargs: Any) -> dict[str, tuple[int, int]]:
        return {name: (after, most + 1) for name, (after, most) in plain(*args, **kwargs).items()}

    monkeypatch.setattr(tracking, "tracked", another)
    assert "after build" in memories.held(SMALL, asked).wrong
    smaller = memories.smaller(SMALL, asked)
    assert len(smaller.lines) == 1
    assert len(smaller.inits) == 1
