"""Nothing endless: what is huge is answered in closed form or refused, and what is said of it is short."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import archscope
from archscope import limits
from archscope.errors import ArchscopeError, Rejects, SpecError, did_you_mean, readable
from archscope.layers import TYPES
from archscope.layers.base import Window
from archscope.layers.windows import landing
from archscope.limits import LARGEST_NUMBER, LONGEST_MESSAGE, MOST_MISTAKES
from archscope.reader import foreign
from tests.layers.test_layers import CASES
from tests.steps import within_lines

MOST_LINES = 50_000
"""Lines of Python that any rule runs; LSTMs of a thousand layers, the most there may be, need the most."""


def enlarged(case: Any) -> list[dict[str, Any]]:
    """The options of a case, with each number in turn as large as it may be."""
    found = []
    for name, declared in TYPES[case.type].options.items():
        for value in (LARGEST_NUMBER, LARGEST_NUMBER - 1, limits.MOST_RECURRENT_LAYERS, [LARGEST_NUMBER]):
            try:
                declared.kind.parse(value)
            except Rejects:
                continue
            found += [{**case.options, name: value}, {**case.options, name: value, "padding": "same"}]
    return found


@pytest.mark.parametrize("type_", TYPES)
def test_no_rule_counts_up_to_its_options(type_: str) -> None:
    case = next(case for case in CASES if case.type == type_)

    def work(options: dict[str, Any], inputs: Any) -> None:
        try:
            facts = TYPES[type_](**options).facts(*inputs)
        except Rejects:
            return
        for quantity in (facts.parameters, facts.connections, facts.macs, facts.macs_in_bounds, facts.units):
            assert quantity is None or len(quantity.working) < 200_000

    huge = tuple(tuple(100_000 if axis else extent for axis, extent in enumerate(shape)) for shape in case.inputs)
    for options in enlarged(case):
        within_lines(lambda options=options: work(options, case.inputs), 4_000_000)
        within_lines(lambda options=options: work(options, huge), 4_000_000)
    within_lines(lambda: work(dict(case.options), huge), MOST_LINES)


def test_a_window_lands_where_it_lands_when_it_is_counted_tap_by_tap() -> None:
    chance = random.Random(7)
    for _ in range(3000):
        window = Window(*(chance.randint(least, 7) for least in (1, 1, 0, 1)))
        positions, size = chance.randint(0, 9), chance.randint(1, 20)
        counted = sum(0 <= tap * window.dilation + place * window.stride - window.padding < size
                      for place in range(positions) for tap in range(window.kernel))  # fmt: skip
        assert landing(window, positions, size) == counted, (window, positions, size)


def test_a_kernel_of_a_billion_is_worked_out() -> None:
    text = "input: [4, 1000000]\nlayers:\n  a: {type: %s, out_channels: 2, kernel_size: 1000000000%s}"
    spread = archscope.read(text % ("conv_transpose1d", "")).facts["a"]
    # Each of 10⁶ inputs meets each of 10⁹ taps, of 4·2 kernels, and no product is cut off.
    assert spread.macs_in_bounds == spread.macs == 10**6 * 10**9 * 8
    same = archscope.read(text % ("conv1d", ", padding: same")).facts["a"]
    # Each of 10⁶ windows is wider than the input and sees all of it.
    assert same.macs_in_bounds == 10**6 * 10**6 * 8


def test_a_normalization_over_many_axes_has_a_letter_for_each() -> None:
    facts = archscope.read(f"input: {[1, 2] * 6}\nlayers:\n  a: {{type: layer_norm}}").facts["a"]
    assert facts.parameters == 2 * 2**6
    assert facts.parameters.letters.keys() >= {"n₉", "n₁₀", "n₁₂"}


def many(line: str, times: int = 2000) -> str:
    return "input: [4]\nlayers:\n" + "".join(
        f"  layer{each}: {line.replace('@', str(each))}\n" for each in range(times)
    )


LONG = {
    "unknown layers to read": many("{type: relu, from: laier@}"),
    "unknown types": many("{type: relu@}"),
    "unknown options": many("{type: linear, out_feats@: 3}"),
    "unknown activations": many("{type: relu, activation: rel@}"),
    "unknown layers to share with": many("{type: linear, out_features: 4, shares: q@}"),
    "wrong values": many("{type: dropout, p: 7}"),
    "wrong words": many("{type: gelu, approximate: no@}"),
    "dead ends": many("{type: relu, from: input}"),
    "a cycle": many("{type: relu, from: layer1999}").replace("layer1999}", "layer1998}", 1999),
    "names of a hundred thousand letters": many(f"{{type: {'r' * 50_000}, from: {'q' * 50_000}}}", 40),
    "a shape of a thousand axes": f"input: {[2] * 1000}\nlayers:\n  a: {{type: relu}}",
    "a line of wide letters": f"input: [4]\nlayers:\n  a: {{type: {'漢' * 3000}}}",
    "unknown keys": "input: [4]\nlayers: {a: {type: relu}}\n" + "".join(f"laier{each}: 1\n" for each in range(2000)),
    "published typos": "input: [4]\nlayers: {a: {type: relu}}\npublished:\n"
    + "  - {layer: b, quantity: parametrs, value: 3, source: s}\n" * 2000,
}


@pytest.mark.parametrize("case", LONG)
def test_any_number_of_mistakes_is_one_message_of_a_few_screens(case: str) -> None:
    with pytest.raises(SpecError) as caught:
        archscope.read(LONG[case])
    found = caught.value.diagnostics
    text = str(caught.value)
    assert len(text.encode()) <= LONGEST_MESSAGE
    assert all(len(str(each).encode()) <= LONGEST_MESSAGE for each in found)
    assert text.count("error[") == min(len(found), MOST_MISTAKES)
    if len(found) > MOST_MISTAKES:
        assert text.endswith(f"\n… and {len(found) - MOST_MISTAKES:,} more")


def test_what_is_shown_of_many_mistakes_has_its_remedies_and_the_rest_is_not_searched_for() -> None:
    with pytest.raises(SpecError) as caught:
        archscope.read(LONG["unknown layers to read"])
    helps = [each.help for each in caught.value.diagnostics]
    assert len(helps) == 2000
    assert helps[0] == "did you mean `layer0`?" or helps[0].startswith("did you mean `layer")
    assert all(helps[:MOST_MISTAKES])
    assert not any(helps[MOST_MISTAKES:])


def test_a_list_of_names_is_cut_where_it_is_no_help() -> None:
    listed = did_you_mean("zzz", [f"layer{each}" for each in range(5000)], what="layers")
    assert len(listed) < 450
    assert listed.endswith(" more")
    assert did_you_mean("l" * 100_000, ["l" * 99_999], what="layers").startswith("layers: ")


CHANGES: list[Any] = [
    {1: 2}, {"a.p": 10**5000}, {"\ud800.p": 1}, {"a.p": "\ud800"}, {"a.p": object()}, {"a.p": float("nan")},
    {"a.p": range(10**9)}, {("a", "p"): 1}, ["a.p=" + "9" * 5000], ["a.p=\ud800"], [1], 5, None, ["a.p=1e400"],
]  # fmt: skip
INPUTS: list[Any] = [
    (10**5000,), (1.5,), ("x",), 5, "9" * 5000, "\ud800", {"x": 1}, (None,), ((1,),), b"1", (float("inf"),), (True,),
    (1,) * 10_000, (10**9,) * 3,
]  # fmt: skip
TEXTS = {
    "no input at all": "input: {}\nlayers:\n  a: {type: relu}",
    "half a character": "input: [4]\ntitle: \ud800\nlayers:\n  a: {type: relu}",
    "half a character, escaped": 'input: [4]\ntitle: "\\ud800"\nlayers:\n  a: {type: relu}',
    "a number beyond float32": "input: [4]\nlayers:\n  a: {type: dropout, p: 1e39}",
    "a number beyond float64": "input: [4]\nlayers:\n  a: {type: dropout, p: 1e999}",
    "a shape beyond all memory": "input: [1000000000, 1000000000, 1000000000]\nlayers:\n  a: {type: relu}",
    "a layer beyond all memory": "input: [4, 9, 9]\nlayers:\n  a: {type: upsample, scale_factor: 1e30}",
    "an LSTM of too many layers": "input: [4, 4]\nlayers:\n  a: {type: lstm, hidden_size: 3, num_layers: 100000}",
}


@pytest.mark.parametrize("changes", CHANGES, ids=range(len(CHANGES)))
def test_a_change_that_is_none_is_refused_in_words(changes: Any) -> None:
    with pytest.raises(ArchscopeError):
        archscope.read("input: [4]\nlayers:\n  a: {type: dropout}", changes=changes)


@pytest.mark.parametrize("shape", INPUTS, ids=range(len(INPUTS)))
def test_an_input_that_is_no_shape_is_refused_in_words(shape: Any) -> None:
    with pytest.raises(ArchscopeError):
        archscope.read("input: [4]\nlayers:\n  a: {type: dropout}", input=shape)


@pytest.mark.parametrize("case", TEXTS)
def test_what_cannot_be_is_refused_where_it_is_written(case: str) -> None:
    with pytest.raises(SpecError) as caught:
        archscope.read(TEXTS[case])
    assert [each.span is not None for each in caught.value.diagnostics] == [True]


def test_a_character_that_json_writes_in_two_halves_is_one() -> None:
    text = '{"input": [4], "title": "a \\ud83d\\ude00 b", "layers": {"a": {"type": "relu"}}}'
    assert archscope.read(text).title == "a \U0001f600 b"


@pytest.mark.parametrize("piece", ["x", "/x", "x y ", "\x1b ", "층", "\udcff"])
@pytest.mark.parametrize(
    "request_",
    [("table", "?"), ("table", "lenet5", "-o", "?"), ("table", "lenet5", "--set", "?"), ("table", "lenet5", "--?"),
     ("table", "lenet5", "--input", "?"), ("table", "lenet5", "--format", "?"), ("?",), ("docs", "lenet1", "-o", "?"),
     ("table", "lenet5", "--columns", "?"), ("explain", "lenet5", "?"), ("table", "lenet5@?"), ("code", "?:?")],
)  # fmt: skip
def test_an_argument_of_any_length_is_quoted_in_a_message_of_readable_length(
    request_: tuple[str, ...], piece: str, archscope_run: Callable[..., Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    run = archscope_run(*(each.replace("?", piece * 5000) for each in request_))
    assert run.status == 2
    assert run.err.startswith("error")
    assert len(run.err.encode(errors="surrogatepass")) <= LONGEST_MESSAGE + 1


def test_both_ends_of_a_long_word_are_told_and_short_ones_are_as_they_were() -> None:
    assert readable("no `lenet6`; did you mean `lenet5`?") == "no `lenet6`; did you mean `lenet5`?"
    word = "a" + "x" * 998 + "z"
    assert readable(f"no spec {word} here") == f"no spec a{'x' * 149}…{'x' * 148}z here"
    assert str(ArchscopeError("a b " * 5000)).endswith(" b a…")


def test_a_spec_with_a_mistake_in_every_line_knows_the_types_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(f"  l{each}: {{type: relx}}\n" for each in range(300))
    folded, fold = [], foreign._folded
    monkeypatch.setattr(foreign, "_folded", lambda name: folded.append(name) or fold(name))
    foreign._by_word.cache_clear()
    with pytest.raises(SpecError):
        archscope.read(f"input: [1]\nlayers:\n{lines}")
    assert folded.count("relx") >= 300
    assert max(Counter(each for each in folded if each in TYPES).values()) <= 3


def test_the_shape_of_an_input_may_be_said_for_a_spec_that_names_none() -> None:
    with pytest.raises(SpecError, match="positive integer, got -1"):
        archscope.analyze(archscope.read("input: {}\nlayers: {a: {type: relu}}", input="-1"))
    network = archscope.read("input: {}\nlayers: {a: {type: relu}}", input="3,8,8")
    assert archscope.analyze(network).rows[-1].output == (3, 8, 8)
