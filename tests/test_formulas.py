"""Formulas: polynomials are exact, and every rule says with symbols what it says with numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archscope
from archscope.errors import UsageError
from archscope.formulas import at, opened
from archscope.layers import Layer, Shape
from archscope.network import Network, Node, Ref
from archscope.polynomials import Polynomial, same_sign_around, symbol
from archscope.reader import spec_names
from archscope.symbols import NotOpen, Symbolic
from archscope.working import count
from tests.building.builder_cases import CASES, Case, name_of

COUNTS = ("parameters", "fixed", "connections", "connections_in_bounds", "macs", "macs_in_bounds", "units")

NUMBERS_ONLY = {
    "upsample": "a factor that is not whole rounds differently at every size",
}
"""Layer types that may ask for the number itself, and why."""

a, b = symbol("a"), symbol("b")
polynomials = st.recursive(
    st.one_of(st.integers(-9, 9).map(lambda n: Polynomial({(): n})), st.sampled_from([a, b])),
    lambda inner: st.tuples(inner, inner, st.sampled_from("+-*")).map(
        lambda t: t[0] + t[1] if t[2] == "+" else t[0] - t[1] if t[2] == "-" else t[0] * t[1]
    ),
    max_leaves=8,
)


@given(polynomials, polynomials, st.integers(-50, 50), st.integers(-50, 50))
def test_a_polynomial_is_worth_what_its_parts_are_worth(p: Polynomial, q: Polynomial, x: int, y: int) -> None:
    def value(each: Polynomial) -> int:
        return each.at(a=x, b=y)

    assert value(p + q) == value(p) + value(q)
    assert value(p - q) == value(p) - value(q)
    assert value(p * q) == value(p) * value(q)
    assert p.put("a", 3 * b + 1).at(b=y) == p.at(a=3 * y + 1, b=y)
    assert value(sum((part * _power(a, power) for power, part in p.by_power("a").items()), Polynomial({}))) == value(p)
    assert eval(p.code, {"a": x, "b": y}) == value(p)


def _power(base: Polynomial, power: int) -> Polynomial:
    return _power(base, power - 1) * base if power else Polynomial({(): 1})


@given(polynomials, st.integers(-30, 30))
def test_a_derivative_of_a_square_is_twice_the_product(p: Polynomial, x: int) -> None:
    assert (p * p).derivative("a").at(a=x, b=2) == 2 * p.at(a=x, b=2) * p.derivative("a").at(a=x, b=2)


@given(polynomials, st.integers(-15, 15))
def test_the_range_of_one_sign_is_the_one_that_counting_finds(p: Polynomial, here: int) -> None:
    p = 2 * p.put("b", a) + 1  # odd, so never 0, as comparisons ask it
    low, high = same_sign_around(p, "a", here)
    positive = p.at(a=here) > 0
    for step, bound in ((-1, low), (1, high)):
        x = here
        while abs(x - here) < 60 and (p.at(a=x + step) > 0) == positive:
            x += step
        assert bound == x if abs(x - here) < 60 else bound is None or abs(bound - here) >= 60


def _alone(layer: Layer, shapes: tuple[Shape, ...]) -> Network:
    inputs = {f"in{place}": shape for place, shape in enumerate(shapes)}
    return Network("one", inputs, [Node("layer", layer, tuple(Ref(name) for name in inputs), "layer")])


def _openings(case: Case) -> Iterator[tuple[Network, list[str]]]:
    """Every axis of the first input by itself, where it can be opened there; an axis of the same length with it."""
    network = _alone(*case)
    shape = case[1][0] if case[1] else ()
    names = {1: ["length"], 2: ["length", "features"], 3: ["height", "width"], 4: ["depth", "height", "width"]}
    for name in names.get(len(shape), []):
        yield network, [name]
        yield network, [name, "batch"]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_rule_says_with_symbols_what_it_says_with_numbers(case: Case) -> None:
    for network, names in _openings(case):
        try:
            formulas, ground = opened(network, names)
        except UsageError as error:
            refused = error.__context__
            if isinstance(refused, NotOpen) and case[0].type not in NUMBERS_ONLY:
                raise
            continue
        facts = formulas.facts["layer"]
        for further in (0, 1, 2, 17):
            values = {}
            for name, each in ground.ranges.items():
                step = each.here + further if each.most is None else min(each.here + further, each.most)
                values[name] = each.modulus * step + each.rest
            if not ground.holds({each.step: each.step_of(values[name]) or 0 for name, each in ground.ranges.items()}):
                continue
            plain = at(network, values).facts["layer"]
            for quantity in COUNTS:
                assert _value(getattr(facts, quantity), values) == getattr(plain, quantity), (quantity, values)
            assert [_value(each, values) for shape in facts.outputs for each in shape] == [
                int(each) for shape in plain.outputs for each in shape
            ]


def _value(number: Any, values: dict[str, int]) -> int | None:
    return number.at(**values) if isinstance(number, Symbolic) else None if number is None else int(number)


@pytest.mark.parametrize("name", [each for each in spec_names() if each.startswith(("lenet", "alexnet"))])
@pytest.mark.parametrize("further", [1, 5, 40])
def test_a_formula_of_a_network_gives_what_the_rules_give_at_another_size(name: str, further: int) -> None:
    network = archscope.load(name)
    analysis = archscope.analyze(network).symbolic("height", "batch")
    assert analysis.ground is not None
    known = analysis.ground.ranges["height"]
    height = known.modulus * (known.here + further) + known.rest
    plain = archscope.analyze(at(network, {"height": height, "batch": 3}))
    for quantity in ("parameters", "connections", "macs", "units"):
        made = analysis.totals.count_of(quantity)
        assert _value(made, {"height": height, "batch": 3}) == plain.totals.count_of(quantity), quantity


def test_alexnet_is_a_polynomial_on_the_sizes_that_leave_three() -> None:
    analysis = archscope.analyze(archscope.load("alexnet")).symbolic("resolution")
    assert analysis.ground is not None
    assert str(analysis.ground.ranges["resolution"]) == "resolution = 32·m + 3, m ≥ 2"
    macs = analysis.totals.macs
    assert isinstance(macs, Symbolic)
    assert str(macs) == "16,156,672·m² − 13,074,944·m + 24,254,496"
    assert macs.at(resolution=227) == 724_406_816  # m = 7
    with pytest.raises(ValueError, match=r"resolution = 224 is none of the sizes .* 32·m \+ 3"):
        macs.at(resolution=224)


def test_the_working_of_a_formula_is_in_the_style_of_every_working() -> None:
    analysis = archscope.analyze(archscope.load("lenet5")).symbolic("height")
    assert analysis["C1"].working("connections") == "(5·5·1 + 1)·(4·m − 4)·28·6"


def test_a_symbol_is_never_taken_for_a_number() -> None:
    _, ground = opened(archscope.load("lenet5"), ["height"])
    height = ground.open("height")
    for use in (int, float, lambda each: 5 // each, lambda each: each / 2, lambda each: each * 1.5):
        with pytest.raises(NotOpen):
            use(height)
    assert height != 32
    assert height == ground.open("height")


def test_a_number_that_no_formula_gives_is_refused() -> None:
    network = archscope.read("""
        input: [1, 9, 9]
        layers:
          up: {type: upsample, scale_factor: 1.5}
        """)
    with pytest.raises(UsageError, match=r"`up` \(upsample\) cannot be worked out with it open: .* scaled by 1.5"):
        opened(network, ["height"])


def test_an_option_that_another_fixes_cannot_be_opened() -> None:
    with pytest.raises(
        UsageError, match=r"`C3` \(conv2d\) does not take what it is given: the connection table has 16"
    ):
        opened(archscope.load("lenet5"), ["C3.out_channels"])


def test_a_kernel_is_open_as_long_as_it_fits() -> None:
    network = archscope.read("""
        input: [1, 9, 9]
        layers:
          conv: {type: conv2d, out_channels: 2, kernel_size: 3, padding: 1}
        """)
    formulas, ground = opened(network, ["conv.kernel_size"])
    assert str(ground.ranges["conv.kernel_size"]) == "2 ≤ conv.kernel_size ≤ 10"
    macs = formulas.facts["conv"].macs
    assert isinstance(macs, Symbolic)
    assert macs.at(**{"conv.kernel_size": 5}) == 5 * 5 * 7 * 7 * 2


def test_what_a_comparison_takes_for_granted_is_the_range_of_the_formula() -> None:
    _, ground = opened(archscope.load("lenet5"), ["C1.out_channels"])
    assert str(ground.ranges["C1.out_channels"]) == "C1.out_channels ≥ 6"  # C3's table reads maps 0 to 5


def test_sympy_takes_a_formula_over() -> None:
    sympy = pytest.importorskip("sympy")
    formula = (3 * a * a * b - 5).to_sympy()
    assert formula.subs(dict(zip(sorted(formula.free_symbols, key=str), (2, 7), strict=True))) == 3 * 4 * 7 - 5
    assert isinstance(formula, sympy.Expr)


def test_the_table_says_for_which_sizes_its_formulas_hold(archscope_run: Any) -> None:
    run = archscope_run("table", "alexnet", "--symbolic", "resolution")
    assert "16,156,672·m² − 13,074,944·m + 24,254,496" in run.out
    assert "resolution = 32·m + 3, m ≥ 2; 227 in the network as it stands" in run.out
    assert "96×(8·m − 1)×(8·m − 1)" in run.out


def test_json_has_formulas_that_a_program_can_evaluate(archscope_run: Any) -> None:
    made = json.loads(archscope_run("table", "lenet5", "--symbolic", "batch", "--format", "json").out)
    assert eval(made["totals"]["macs"], {"batch": 4}) == 4 * 326_520
    assert made["symbols"]["batch"] == {"is": "batch", "free": "batch", "least": 1, "most": None}


def test_other_numbers_are_put_in_place(archscope_run: Any) -> None:
    run = archscope_run("table", "lenet5", "--at", "batch=8")
    assert "2,612,160" in run.out  # 8 · 326,520
    assert "8 samples: connections and MACs are of all of them" in run.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--symbolic", "heigth"), "lenet5 has no `heigth` to leave open; did you mean `height`?"),
        (("--symbolic", "C3.groups.x"), "has no `C3.groups.x` to leave open"),
        (("--at", "batch"), "`--at batch`: write a name and a whole number, such as `length=4096`"),
        (("--at", "batch=2,batch=3"), "`--at batch=2,batch=3` says `batch` twice"),
        (("--at", "batch=0"), "`batch=0`: write a whole number above 0"),
        (("--at", "height=3"), "`C1` (conv2d) does not take what it is given: a kernel of 5 is larger"),
    ],
)
def test_a_symbol_that_is_none_is_said(archscope_run: Any, arguments: tuple[str, ...], said: str) -> None:
    run = archscope_run("table", "lenet5", *arguments)
    assert run.status == 2
    assert said in run.err


@pytest.mark.parametrize(
    ("name", "symbols", "values"),
    [
        ("gpt2@small", ["d"], {"d": 960}),
        ("gpt2@small", ["vocabulary", "length", "batch"], {"vocabulary": 101, "length": 77, "batch": 3}),
        ("gpt2@small", ["d", "length"], {"d": 120, "length": 77}),
        ("llama2@7b", ["let.hidden"], {"let.hidden": 96}),
        ("vit@b16", ["d"], {"d": 96}),
        ("gpt2@small", ["cached", "d"], {"cached": 500, "d": 96}),
    ],
)
def test_a_name_of_the_spec_can_be_left_open(name: str, symbols: list[str], values: dict[str, int]) -> None:
    network = archscope.load(name)
    formulas = archscope.analyze(network).symbolic(*symbols).totals
    plain = archscope.analyze(at(network, values)).totals
    for quantity in ("parameters", "macs"):
        formula, number = getattr(formulas, quantity), getattr(plain, quantity)
        assert (formula.at(**values) if isinstance(formula, Symbolic) else int(formula)) == int(number), quantity


def test_a_name_of_the_spec_is_what_the_spec_says_with_another_number() -> None:
    network = archscope.load("gpt2@small")
    other = archscope.load("gpt2@small", changes={"let.d": 1536})
    assert archscope.analyze(at(network, {"d": 1536})).totals == archscope.analyze(other).totals
    # Blocks of 12·d² + 13·d, the two tables of 50,257 and 1,024 rows and the last norm: d = 12·m.
    d = 768
    assert archscope.analyze(network).totals.parameters == 12 * (12 * d * d + 13 * d) + (50_257 + 1_024 + 2) * d
    assert str(archscope.analyze(network).symbolic("d").totals.parameters) == "20,736·m² + 617,268·m"


def test_a_token_more_costs_what_it_costs_alone_and_a_product_for_every_token_that_is_cached() -> None:
    network = archscope.load("gpt2@small")
    macs = archscope.analyze(network).symbolic("cached").totals.macs
    # In each of 12 layers two products of 768 features for each; the token itself 12·12·768² and the head, 768·50,257,
    # and the two products with itself.
    assert str(macs) == "18,432·cached + 123,550,464"
    assert 12 * 2 * 768 == 18_432
    assert 12 * 12 * 768 * 768 + 768 * 50_257 + 18_432 == 123_550_464
    assert isinstance(macs, Symbolic)
    # One after the other, 1,024 tokens cost half of the square that all at once cost, and what is linear.
    whole = archscope.analyze(network).totals.macs
    assert sum(macs.at(cached=before) for before in range(1, 1024)) + 123_550_464 < int(whole or 0)
    assert archscope.analyze(at(network, {"cached": 9})).totals.macs == 9 * 18_432 + 123_550_464
    assert archscope.analyze(network).symbolic("cached").totals.parameters == 124_439_808


@pytest.mark.parametrize(
    ("name", "symbols", "said"),
    [
        ("gpt2@small", "layers", "`layers` says how many layers there are, and no formula has layers that come and go"),
        ("gpt2@small", "heads", "`heads`: nothing here is a polynomial in it; other values are refused"),
        ("gpt2@small", "cached,length", "`cached` is about one more token"),
        ("transformer@base", "cached", "`encoder.0.self.attention` (multihead_attention) sees what comes later"),
        ("lenet5", "cached", "has no `cached` to leave open"),
    ],
)
def test_a_name_that_no_formula_has_is_one_line(archscope_run: Any, name: str, symbols: str, said: str) -> None:
    run = archscope_run("table", name, "--symbolic", symbols)
    assert run.status == 2
    assert said in run.err
    assert run.err.strip().count("\n") == 0


def test_what_several_symbols_take_for_granted_is_held_to_where_a_formula_is_evaluated() -> None:
    _, ground = opened(archscope.load("lenet5"), ["batch", "height"])
    batch, height = ground.open("batch"), ground.open("height")
    assert batch * 20 < height  # 20 < 32
    assert [str(each) for each in ground.conditions] == ["20·batch − 4·n < 0"]
    assert (batch + height).at(batch=1, height=40) == 41
    with pytest.raises(
        ValueError, match="batch = 2, n = 9 is none of the sizes this formula holds for: 20·batch − 4·n"
    ):
        (batch + height).at(batch=2, height=36)


def test_an_option_below_the_size_of_its_classes_has_a_formula() -> None:
    network = archscope.read("""
        input: [3, 32, 40]
        layers:
          conv: {type: conv2d, out_channels: 8, kernel_size: 3, stride: 2}
        """)
    formulas, ground = opened(network, ["conv.kernel_size"])
    # (32 − k)/2 and (40 − k)/2 are whole where k is odd less 1: k = 2·m + 1, from 1 on and no larger than the image.
    assert str(ground.ranges["conv.kernel_size"]) == "conv.kernel_size = 2·m + 1, 0 ≤ m ≤ 15"
    macs = formulas.facts["conv"].macs
    assert isinstance(macs, Symbolic)
    assert [macs.at(**{"conv.kernel_size": k}) for k in (1, 3, 31)] == [
        3 * k * k * 8 * ((32 - k) // 2 + 1) * ((40 - k) // 2 + 1) for k in (1, 3, 31)
    ]


@pytest.mark.parametrize("stands", [24, 20])
def test_a_formula_leaves_out_a_size_at_which_two_formulas_meet_wherever_the_network_stands(stands: int) -> None:
    network = archscope.read(f"""
        input: {{source: [11, 24], target: [7, 24]}}
        layers:
          dec: {{type: linear, out_features: 24, from: target}}
          enc: {{type: linear, out_features: {stands}, from: source}}
          att: {{type: multihead_attention, num_heads: 4, from: [dec, enc, enc]}}
        """)
    analysis = archscope.analyze(network).symbolic("enc.out_features")
    assert analysis.ground is not None
    assert isinstance(parameters := analysis.totals.parameters, Symbolic)
    assert parameters.at(**{"enc.out_features": stands}) == archscope.analyze(network).totals.parameters
    # With keys of another width attention has three matrices, where it has one: Adam counts the steps of each.
    state = analysis.held(optimizer="adam").state
    assert [str(each) for each in analysis.ground.conditions] == ["enc.out_features ≠ 24"]
    other = at(network, {"enc.out_features": 28})
    assert isinstance(state, Symbolic)
    assert state.at(**{"enc.out_features": 28}) == archscope.analyze(other).held(optimizer="adam").state
    with pytest.raises(ValueError, match=r"enc\.out_features ≠ 24"):
        state.at(**{"enc.out_features": 24})


def test_one_position_alone_is_left_out_where_it_is_not_copied() -> None:
    network = archscope.read("""
        input: {words: [20]}
        layers:
          embed: {type: embedding, num_embeddings: 50, embedding_dim: 32}
          heads: {type: reshape, shape: [-1, 4, 8]}
          first: {type: transpose, dim0: 0, dim1: 1}
          turned: {type: rotary}
          attention: {type: scaled_dot_product_attention, is_causal: true, from: [turned, first, first]}
          back: {type: transpose, dim0: 0, dim1: 1}
          joined: {type: reshape, shape: [-1, 32]}
          out: {type: linear, out_features: 32}
        """)
    analysis = archscope.analyze(network).symbolic("length")
    assert analysis.ground is not None
    assert str(analysis.ground.ranges["length"]) == "length ≥ 1"
    saved = analysis.held().saved
    assert isinstance(saved, Symbolic)

    def plain(length: int) -> int:
        return archscope.analyze(at(network, {"length": length})).held().saved

    assert [saved.at(length=length) for length in (2, 3, 8, 32)] == [plain(length) for length in (2, 3, 8, 32)]
    # Heads of one position lie in order either way: turning them back is no copy.
    assert saved.polynomial.at(length=1) > plain(1)
    assert str(analysis.ground.ranges["length"]) == "length ≥ 2"


def test_a_plain_count_is_no_formula() -> None:
    assert not count(5).is_open
    assert count(5, "k").text == "5"


def test_formulas_of_too_many_numbers_or_too_high_a_degree_are_refused_in_words() -> None:
    names = [f"l{place}.out_features" for place in range(30)]
    lines = "".join(f"  l{place}: {{type: linear, out_features: 1}}\n" for place in range(30))
    with pytest.raises(UsageError, match="30 numbers to leave open; formulas have at most 6"):
        archscope.analyze(archscope.read(f"input: [1]\nlayers:\n{lines}")).symbolic(*names)
    chain = "".join(f"  n{place + 1}: $n{place}*$n{place}\n" for place in range(40))
    text = f"input: [1]\nlet:\n  n0: 1\n{chain}layers:\n  a: {{type: linear, out_features: $n40}}\n"
    with pytest.raises(UsageError):
        archscope.analyze(archscope.read(text)).symbolic("n0")
    many = symbol("a") + symbol("b") + symbol("c") + symbol("d") + 1
    with pytest.raises(UsageError, match="a degree above 64; leave other numbers open"):
        reduce(lambda product, _: product * product, range(9), symbol("d"))
    with pytest.raises(UsageError, match="more than 2,000 terms; leave fewer numbers open"):
        reduce(lambda product, _: product * product, range(9), many)
