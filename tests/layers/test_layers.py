"""Every layer type against numbers worked out by hand, and against what it must refuse."""

from __future__ import annotations

import importlib

import pytest

from archscope.errors import Rejects
from archscope.layers import FAMILIES, TYPES
from tests.layers.layer_case import EQUATION, Case, Wrong, evaluate, name_of

FAMILY_NAMES = [family.__name__.rpartition(".")[2] for family in FAMILIES]
MODULES = {name: importlib.import_module(f"tests.layers.{name}_cases") for name in FAMILY_NAMES}
CASES: list[Case] = [row for module in MODULES.values() for row in module.CASES]
WRONG: list[Wrong] = [row for module in MODULES.values() for row in module.WRONG]

every_case = pytest.mark.parametrize("row", CASES, ids=name_of)


@every_case
def test_the_shapes_are_those_worked_out_by_hand(row: Case) -> None:
    assert row.layer.facts(*row.inputs).outputs == row.outputs


@every_case
def test_the_counts_are_those_worked_out_by_hand(row: Case) -> None:
    facts = row.layer.facts(*row.inputs)
    assert {name: getattr(facts, name) for name in row.expected} == row.expected


@every_case
def test_the_windows_are_those_worked_out_by_hand(row: Case) -> None:
    windows = row.layer.facts(*row.inputs).windows
    found = None if windows is None else tuple((w.kernel, w.stride, w.padding, w.dilation) for w in windows)
    assert found == row.windows


@every_case
def test_the_hand_working_is_right_and_names_every_number(row: Case) -> None:
    for expression, value in EQUATION.findall(row.why):
        assert evaluate(expression) == int(value.replace(",", "")), f"{expression} = {value}"
    for quantity in ("parameters", "fixed", "connections", "connections_in_bounds", "macs", "macs_in_bounds"):
        number = row.expected[quantity]
        if number:
            assert f"{number:,}" in row.why, f"{quantity} = {number:,} is not worked out"


@every_case
def test_the_arithmetic_shown_is_the_arithmetic_done(row: Case) -> None:
    facts = row.layer.facts(*row.inputs)
    counts = [getattr(facts, name) for name in (*row.expected, "flops", "dense_equivalent")]
    for number in [*counts, *(extent for shape in facts.outputs for extent in shape)]:
        if number is not None and hasattr(number, "working"):
            assert evaluate(number.working) == number, number.working
            assert evaluate(number.formula, number.letters) == number, number.formula


@every_case
def test_the_working_is_written_as_the_papers_write_it(row: Case) -> None:
    facts = row.layer.facts(*row.inputs)
    assert {name: getattr(facts, name).working for name in row.working} == dict(row.working)
    assert {name: getattr(facts, name).formula for name in row.formula} == dict(row.formula)


@every_case
def test_a_multiply_accumulate_is_two_operations(row: Case) -> None:
    facts = row.layer.facts(*row.inputs)
    assert facts.flops == (None if row.macs is None else 2 * row.macs)
    assert facts.flops is None or not facts.macs or facts.flops.working == f"2·{_factor(facts.macs.working)}"


def _factor(working: str) -> str:
    """An expression as a factor of a product."""
    depth, sums = 0, False
    for mark in working:
        depth += {"(": 1, "⌊": 1, ")": -1, "⌋": -1}.get(mark, 0)
        sums |= not depth and mark in "+−"
    return f"({working})" if sums else working


@every_case
def test_a_number_that_is_not_covered_has_a_reason(row: Case) -> None:
    facts = row.layer.facts(*row.inputs)
    unknown = {name for name in row.expected if getattr(facts, name) is None}
    if facts.windows is None:
        unknown.add("receptive_field")
    assert unknown <= set(facts.reasons)
    assert all(facts.reasons.values())


@every_case
def test_parameters_and_fixed_values_add_up_to_the_weights(row: Case) -> None:
    facts = row.layer.facts(*row.inputs)
    assert facts.parameters + facts.fixed == sum(weight.values for weight in facts.weights)
    assert len({weight.name for weight in facts.weights}) == len(facts.weights)


@pytest.mark.parametrize("row", [row for row in CASES if row.label is not None], ids=name_of)
def test_the_label_says_what_it_is_in_a_few_words(row: Case) -> None:
    assert row.layer.label == row.label


@every_case
def test_the_options_stated_make_the_same_layer_again(row: Case) -> None:
    again = TYPES[row.type](**row.layer.stated())
    assert again == row.layer
    assert hash(again) == hash(row.layer)
    assert eval(repr(row.layer), {kind.__name__: kind for kind in TYPES.values()}) == row.layer


@pytest.mark.parametrize("row", WRONG, ids=name_of)
def test_what_does_not_fit_is_refused_with_the_values_and_the_remedy(row: Wrong) -> None:
    with pytest.raises(Rejects) as caught:
        TYPES[row.type](**row.options).facts(*row.inputs)
    assert str(caught.value) == row.message
    assert (caught.value.option, caught.value.input) == (row.blamed, row.at)


def test_options_are_checked_before_there_are_inputs() -> None:
    for row in WRONG:
        if not row.inputs:
            with pytest.raises(Rejects):
                TYPES[row.type](**row.options)


def test_a_layer_cannot_be_changed() -> None:
    layer = TYPES["linear"](out_features=10)
    with pytest.raises(AttributeError, match="Linear is immutable"):
        layer.out_features = 11  # type: ignore[attr-defined]
