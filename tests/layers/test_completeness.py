"""What every layer type owes its reader."""

from __future__ import annotations

import doctest
import re
from collections.abc import Callable

from archscope.layers import FAMILIES, TYPES, Layer
from tests.layers.layer_case import EQUATION
from tests.layers.test_layers import CASES, FAMILY_NAMES, MODULES, WRONG


def every_type(check: Callable[[type[Layer]], None]) -> Callable[[], None]:
    """One test of all types: what each of them that fails says."""

    def test() -> None:
        said = {}
        for name, kind in TYPES.items():
            try:
                check(kind)
            except AssertionError as error:
                said[name] = str(error)
        assert said == {}

    test.__name__ = check.__name__
    return test


@every_type
def test_every_type_has_a_case_with_its_hand_working(kind: type[Layer]) -> None:
    rows = [row for row in CASES if row.type == kind.type]
    assert rows
    assert all(row.why for row in rows)
    assert any(len(row.why) > 20 or EQUATION.search(row.why) for row in rows)


@every_type
def test_every_type_refuses_something(kind: type[Layer]) -> None:
    assert any(row.type == kind.type for row in WRONG)


@every_type
def test_every_type_has_a_docstring_with_an_example_that_runs(kind: type[Layer]) -> None:
    assert kind.__doc__
    summary = kind.__doc__.split("\n")[0]
    assert re.search(r"[.:]$", summary) or "`." in summary, summary
    examples = doctest.DocTestParser().get_examples(kind.__doc__)
    assert examples, f"{kind.type} shows no example"
    assert any(kind.__name__ in example.source for example in examples)


@every_type
def test_every_type_has_a_label_a_verb_and_a_family(kind: type[Layer]) -> None:
    row = next(row for row in CASES if row.type == kind.type)
    assert row.layer.label
    assert len(row.layer.label) <= 40
    assert kind.verb
    assert kind.family in FAMILY_NAMES


@every_type
def test_every_label_is_checked_by_a_case(kind: type[Layer]) -> None:
    assert any(row.label for row in CASES if row.type == kind.type)


@every_type
def test_every_option_says_what_it_means(kind: type[Layer]) -> None:
    for name, declared in kind.options.items():
        assert declared.doc.endswith("."), f"{kind.type}.{name}: {declared.doc!r}"
        assert declared.kind.name
        assert "anyOf" in declared.kind.schema or {"type", "enum"} & set(declared.kind.schema)


@every_type
def test_every_option_that_changes_a_number_is_tried_away_from_its_default(kind: type[Layer]) -> None:
    """Options that change values and no number of ours are left to the tests of what is built."""
    values = {"eps", "momentum", "mode", "count_include_pad", "alpha", "beta", "k", "p", "amplitude", "slope"}
    stated = {name for row in CASES if row.type == kind.type for name in row.layer.stated()}
    dimensions = re.sub(r"[123]d$", "", kind.type)
    if dimensions != kind.type:
        stated |= {
            name for row in CASES if re.sub(r"[123]d$", "", row.type) == dimensions for name in row.layer.stated()
        }
    assert set(kind.options) - values <= stated


@every_type
def test_every_default_is_a_value_of_its_kind(kind: type[Layer]) -> None:
    for declared in kind.options.values():
        if not declared.required:
            value = declared.kind.parse(declared.default)
            assert declared.kind.parse(declared.kind.show(value)) == value


def test_a_type_stands_in_the_module_of_its_family_and_is_named_once() -> None:
    listed = [(layer.type, family.__name__.rpartition(".")[2]) for family in FAMILIES for layer in family.LAYERS]
    assert len({name for name, _ in listed}) == len(listed) == len(TYPES)
    assert all(TYPES[name].family == family for name, family in listed)
    for family in FAMILIES:
        assert family.__doc__
        assert {row.type for row in MODULES[family.__name__.rpartition(".")[2]].CASES} == {
            each.type for each in family.LAYERS
        }


WHAT_NETWORKS_ARE_MADE_OF = """
parameter permute transpose slice select split chunk crop squeeze unsqueeze expand mean sum max subtract divide abs exp
sqrt power scale matmul multihead_attention scaled_dot_product_attention rotary rms_norm instance_norm glu geglu swiglu
reglu rnn lstm gru rnn_cell lstm_cell gru_cell pixel_shuffle pixel_unshuffle channel_shuffle unfold fold dropout2d
maxout lrn bilinear embedding_bag locally_connected1d locally_connected2d constant_pad2d reflection_pad2d
replication_pad2d sinusoidal_positions drop_path mixture_of_experts
"""


def test_what_networks_since_2015_are_made_of_has_types() -> None:
    """That each type has a construction, source, a witness and a picture, the tests of those ask of all types."""
    assert set(WHAT_NETWORKS_ARE_MADE_OF.split()) <= set(TYPES)


def test_every_class_of_a_layer_type_is_public() -> None:
    import archscope.layers as package

    for kind in TYPES.values():
        assert getattr(package, kind.__name__) is kind
        assert kind.__name__ in package.__all__


def test_outputs_have_names_as_many_as_there_are() -> None:
    for row in CASES:
        assert len(row.layer.output_names) == len(row.outputs), row.type
