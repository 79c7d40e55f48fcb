import re

import pytest

import archscope
from archscope.analysis import analyze
from archscope.reader import load, spec_names
from archscope.site import layers_html
from archscope.site.bibliography import bibtex
from archscope.site.formula import formula, numbers
from archscope.site.letters import along, meaning
from archscope.site.page import WORKED, steps, told
from archscope.working import Count, count
from tests.collection import thin
from tests.layers.test_layers import CASES


def text_of(markup: str) -> str:
    return re.sub(r"<[^>]+>", "", markup)


def all_steps():
    for name in spec_names():
        for row in analyze(thin(name)).rows:
            for quantity in WORKED:
                if told(row, quantity):
                    for step in steps(row, quantity):
                        yield row, step.value


def test_a_formula_says_what_the_working_says_in_every_network():
    for _, value in all_steps():
        assert re.sub(r"[\s/]", "", text_of(numbers(value, value.working))) == re.sub(r"[\s/]", "", value.working)
        if "/" not in value.formula:
            assert text_of(formula(value)) == re.sub(r"\s", "", value.formula)


def test_every_letter_of_every_network_is_named():
    for row, value in all_steps():
        for letter in value.letters:
            assert meaning(letter, row.node.layer.family), (row.name, letter)


def test_every_letter_of_every_layer_type_is_named():
    for case in CASES:
        facts = case.layer.facts(*case.inputs)
        for quantity in WORKED:
            for letter in getattr(getattr(facts, quantity), "letters", ()):
                assert meaning(letter, case.layer.family), (case.type, letter)


def test_every_letter_along_an_axis_is_named():
    for case in CASES:
        for output in case.layer.facts(*case.inputs).outputs:
            for extent in output[1:]:
                for letter in getattr(extent, "letters", ()):
                    assert along(letter, case.layer.family), (case.type, letter)
    for name in spec_names():
        for row in analyze(thin(name)).rows:
            for extent in (*row.seen.size, *row.seen.jump, *row.seen.start) if row.seen else ():
                for letter in getattr(extent, "letters", ()):
                    assert along(letter, row.node.layer.family), (row.name, letter)


def test_a_fraction_is_stacked_and_needs_no_fence_but_a_difference_in_a_product_does():
    k, c, g = count(5, "k"), count(96, "c"), count(2, "g")
    assert "<mfrac><mrow><mi>k</mi><mo>·</mo><mi>c</mi></mrow><mi>g</mi></mfrac>" in formula((k * c).over(g) * 3)
    assert text_of(formula((c - (k - g)) * g)) == "(c−(k−g))·g"


def test_a_negative_number_has_a_minus_sign_and_a_fence_in_a_product():
    negative = count(-3) * 2 + 1
    assert text_of(numbers(negative, negative.working)) == "(−3)·2 + 1"


def test_the_total_over_layers_is_a_sum_of_their_numbers():
    totals = analyze(load("lenet1")).totals
    assert text_of(numbers(totals.parameters, totals.parameters.working)) == totals.parameters.working


def test_an_index_and_a_side_of_the_kernel_are_set_low():
    assert "<msub><mi>p</mi><mn>1</mn></msub>" in formula(count(3, "p₁") + 1)
    assert "<msub><mi>k</mi><mi>h</mi></msub>" in formula(count(3, "kh") + 1)


def test_a_sum_over_ten_thousand_layers_is_laid_out():
    value = Count(0)
    for _ in range(10_000):
        value = value + count(1, "n")
    assert formula(value).count("<mi>") == 10_000


@pytest.mark.parametrize("name", spec_names())
def test_every_source_of_every_spec_becomes_an_entry(name):
    sources = load(name).sources
    text = bibtex(sources)
    assert re.findall(r"^@misc\{([^,]+),$", text, re.MULTILINE) == list(sources)
    assert text.count("{") == text.count("}")


def test_authors_title_and_year_are_told_apart():
    entry = bibtex({"k2012": "A. Krizhevsky, I. Sutskever, G. E. Hinton. ImageNet & Nets. NIPS 25, 1097-1105, 2012."})
    assert "author = {Krizhevsky, A. and Sutskever, I. and Hinton, G. E.}," in entry
    assert r"title = {{ImageNet \& Nets}}," in entry
    assert "howpublished = {NIPS 25, 1097--1105}," in entry
    assert "year = {2012}," in entry


def test_layers_of_equal_facts_are_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "input: [4, 8, 8]\nlayers:\n" + "".join(
        f"  c{each}: {{type: conv2d, out_channels: 4, kernel_size: 3, padding: 1}}\n" for each in range(9)
    )
    found = archscope.analyze(archscope.read(text))
    real, asked = layers_html._workings, []
    monkeypatch.setattr(layers_html, "_workings", lambda row, shown: asked.append(row.name) or real(row, shown))
    worked = layers_html._worked(found.rows)
    assert asked == ["c0"]
    for row, each in zip(found.rows, worked, strict=True):
        (alone,) = layers_html._worked([row])
        assert each == alone
