"""What the steps of a layer say of sizes holds together: laws over every hand case, without PyTorch."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from typing import Any

import pytest

from archscope.layers import TYPES
from archscope.layers.base import Layer
from archscope.layers.steps import Step, input_name
from archscope.working import bare
from tests.memory.test_witness import FAMILIES, decided

SAME = {"reshape", "view", "permute", "transpose", "contiguous", "flatten", "unsqueeze", "squeeze"}
"""Operations that make as many values as they read."""
PARTS = {"slice", "split", "select", "chunk", "narrow"}
"""Operations that see a part of what they read."""


def cases() -> Iterator[Any]:
    for family in FAMILIES:
        for case in importlib.import_module(f"tests.layers.{family}_cases").CASES:
            if not decided(case):
                yield pytest.param(case, id=f"{case.type}-{'-'.join('x'.join(map(str, s)) for s in case.inputs)}")


def steps_of(layer: Layer, inputs: tuple[tuple[int, ...], ...]) -> Iterator[tuple[Step, list[int | None], list[int]]]:
    """Each step of a layer with how many values each tensor that it reads and makes has; None where it is not said."""
    facts = layer.facts(*inputs)
    sizes: dict[str, int | None] = {input_name(at): math.prod(map(bare, each)) for at, each in enumerate(inputs)}
    sizes |= {each.name: math.prod(map(bare, each.shape)) for each in facts.weights}
    for step in layer.runs(facts) or ():
        read = [sizes.get(name) for name in (*step.reads, *step.reads_too)]
        made = []
        for each in step.makes:
            said = math.prod(map(bare, each.shape)) if each.shape or not (step.turns or step.lined) else read[0]
            sizes[each.name] = said
            made.append(said if said is not None else 0)
        yield step, read, made


@pytest.mark.parametrize("case", [*cases()])
def test_every_extent_that_a_step_makes_is_a_number_of_places(case: Any) -> None:
    for step, _, _ in steps_of(case.layer, case.inputs):
        assert all(bare(extent) >= 0 for made in (*step.makes, *step.beside, *step.behind) for extent in made.shape), (
            step
        )


@pytest.mark.parametrize("case", [*cases()])
def test_axes_are_exchanged_each_for_another(case: Any) -> None:
    for step, _, _ in steps_of(case.layer, case.inputs):
        assert sorted(step.turns) == [*range(len(step.turns))], step


@pytest.mark.parametrize("case", [*cases()])
def test_what_joins_makes_all_that_it_reads_and_what_sees_makes_no_more(case: Any) -> None:
    for step, read, made in steps_of(case.layer, case.inputs):
        if not read or None in read:
            continue
        total = sum(each or 0 for each in read[: len(step.reads)])
        if step.op in ("cat", "stack"):
            # No gradient goes back to attention's row of zeros, which is joined all the same.
            behind = zip(step.reads_too, read[len(step.reads) :], strict=True)
            zeros = sum(each or 0 for name, each in behind if name.startswith("zero of "))
            assert made[0] == total + zeros, step
        elif step.op in SAME:
            assert made[0] == read[0], step
        elif step.op in PARTS:
            assert sum(made) <= total, step


def _table_of_rotary() -> dict[str, Any]:
    """What rotary positions make of 6 places and 8 features, without a look at the input."""
    layer = TYPES["rotary"]()
    return {each.name: each for step in layer.runs(layer.facts((2, 6, 8))) or () for each in step.makes}


def test_rotary_reckons_a_slowness_for_each_pair_and_an_angle_for_each_place_and_pair() -> None:
    made = _table_of_rotary()  # 8 features are 4 pairs
    shapes = [made[name].shape for name in ("places", "numbers", "exponents", "slowness", "angles")]
    assert shapes == [(6,), (4,), (4,), (4,), (6, 4)]


def test_the_angles_of_rotary_are_the_same_for_every_sample() -> None:
    made = _table_of_rotary()
    assert not any(made[name].each for name in ("places", "numbers", "exponents", "slowness", "angles", "cos", "sin"))
