"""What a sweep is of: ranges, grids, files of settings, families; and what is none."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscope.errors import NotFound, UsageError
from archscope.sweep import Axis, Spec, axis, input_axis, plan, set_axis
from archscope.sweep.files import axes_of, read_settings
from archscope.sweep.naming import check, named
from archscope.sweep.ranges import shapes, values

ENDLESS = "more than a sweep ever gets through; use a larger step"
TINY = Spec("tiny", "input: [4]\nlayers: {a: {type: linear, out_features: 2}}")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0..4", "0 1 2 3 4"),
        ("18,34,50", "18 34 50"),
        ("128..512:128", "128 256 384 512"),
        ("1..10:4", "1 5 9"),
        ("3..50*2", "3 6 12 24 48"),
        ("1, 4..6, 8", "1 4 5 6 8"),
        ("relu,tanh", "relu tanh"),
        ("-2..0", "-2 -1 0"),
        ("1_000..1_001", "1000 1001"),
    ],
)
def test_values_are_ranges_and_lists(text: str, wanted: str) -> None:
    assert [*values(text)] == wanted.split()


def test_a_range_of_a_million_values_is_not_written_out() -> None:
    many = values("1..1000000,7")
    assert len(many) == 1_000_001
    assert (many[0], many[999_999], many[1_000_000]) == ("1", "1000000", "7")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4..0", "`--set k=4..0`: the range 4..0 is empty; write the smaller number first"),
        ("0..", "`--set k=0..`: a range without an end; write both, such as 0..4"),
        ("..9", "`--set k=..9`: a range without a beginning; write both, such as 0..4"),
        ("0..9:0", "`--set k=0..9:0`: steps of `0` never end; write a whole number from 1 on behind the `:`"),
        ("1..9*1", "`--set k=1..9*1`: steps of `1` never end; write a whole number from 2 on behind the `*`"),
        ("0..9*2", "`--set k=0..9*2`: 0 stays 0 when it is multiplied; begin at 1 or more"),
        ("1..9:x", "`--set k=1..9:x`: steps of `x` never end; write a whole number from 1 on behind the `:`"),
        ("1,,2", "`--set k=1,,2`: a value is empty; write values with commas between, or a range such as 0..4"),
        ("1..9_000_000_000_000_000", "`--set k=1..9_000_000_000_000_000`: no option is so large"),
        ("1..99999999999", f"`--set k=1..99999999999` has 99,999,999,999 values, {ENDLESS}"),
    ],
)  # fmt: skip
def test_a_range_that_is_empty_or_endless_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        set_axis(f"k={text}")
    assert str(refused.value) == message


def test_shapes_are_products_of_their_extents_and_the_sign_of_equality_ties_two() -> None:
    assert shapes("3,32..64:32,=") == ("3,32,32", "3,64,64")
    assert shapes("3,32..64:32,8..9") == ("3,32,8", "3,32,9", "3,64,8", "3,64,9")
    several = input_axis(["1,28,28", "1,32,32", "mask=8..16:8", "mask=4,=,="])
    assert [(each.keys, [*each.single]) for each in several] == [
        (("input",), ["1,28,28", "1,32,32"]),
        (("input.mask",), ["8", "16", "4,4,4"]),
    ]
    with pytest.raises(UsageError, match="there is none"):
        shapes("=,3")


def test_every_combination_has_a_number_and_the_last_axis_is_the_fastest() -> None:
    specs = [TINY, TINY._replace(name="other")]
    found = plan(specs, [axis("a.x", ["1", "2"]), Axis(("a.y", "a.z"), several=(("5", None), (None, "6")))])
    expected = [(spec.name, x, *yz) for spec, x, yz in itertools.product(specs, ["1", "2"], [("5", None), (None, "6")])]
    assert [(each.spec.name, *each.settings) for each in found.points(0, found.size)] == expected


@given(st.lists(st.integers(1, 4), max_size=3), st.integers(1, 3), st.integers(1, 5), st.booleans())
def test_chunks_hold_every_point_once_and_what_is_sent_to_a_worker_has_the_same_points(
    sizes: list[int], specs: int, most: int, listed: bool
) -> None:
    axes = [axis(f"a.k{at}", tuple(map(str, range(size)))) for at, size in enumerate(sizes)]
    if listed:
        axes.append(Axis(("a.l",), several=tuple((str(each),) for each in range(5_001))))
    found = plan([TINY._replace(name=str(each)) for each in range(specs)], axes)
    chunks = itertools.islice(found.chunks(0, most), 40)
    done = 0
    for start, stop in chunks:
        assert (start, 0 < stop - start <= most) == (done, True)
        part = pickle.loads(pickle.dumps(found.part(start, stop)))
        assert len(part.specs) == 1
        assert [*part.points(start, stop)] == [*found.points(start, stop)]
        done = stop
    assert done == min(found.size, done)


def test_a_sweep_that_never_ends_or_sets_a_thing_twice_is_refused() -> None:
    with pytest.raises(UsageError, match=r"a sweep of 10,000,000,000,000,000 networks never ends"):
        plan([TINY], [axis("a.b", values("1..100000000")), axis("a.c", values("1..100000000"))])
    with pytest.raises(UsageError, match=r"`a\.b` is varied twice"):
        plan([TINY], [axis("a.b", ["1"]), axis("a.b", ["2"])])


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("parameters", "`parameters` compares nothing"),
        ("parametres < 3", "no quantity `parametres`; did you mean `parameters`"),
        ("__import__('os').system('x') < 3", "what a quantity takes is named"),
        ("parameters < ", "cannot be read"),
    ],
)
def test_a_filter_that_is_none_is_refused_before_anything_is_worked_out(where: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        plan([TINY], [], where=[where])
    assert message in str(refused.value)


ROWS = {
    ".csv": "C1.padding,input\n0,\n2,1x28x28\n",
    ".json": '[{"C1.padding": 0}, {"C1.padding": 2, "input": [1, 28, 28]}]',
    ".yaml": "- {C1.padding: 0}\n- {C1.padding: 2, input: [1, 28, 28]}\n",
    ".toml": '[[settings]]\n"C1.padding" = 0\n[[settings]]\nC1.padding = 2\ninput = [1, 28, 28]\n',
}
GRIDS = {
    ".json": '{"C1.padding": "0..1", "d": [64, 128], "input": "1,28..32:4,="}',
    ".yaml": "C1.padding: 0..1\nd: [64, 128]\ninput: 1,28..32:4,=\n",
    ".toml": 'd = [64, 128]\ninput = "1,28..32:4,="\n[C1]\npadding = "0..1"\n',
}


@pytest.mark.parametrize("suffix", ROWS)
def test_a_file_of_rows_is_walked_along(suffix: str) -> None:
    [found] = axes_of(ROWS[suffix], suffix, "settings")
    assert (found.keys, found.several) == (("C1.padding", "input"), (("0", None), ("2", "1,28,28")))


@pytest.mark.parametrize("suffix", GRIDS)
def test_a_file_of_keys_is_a_grid(suffix: str) -> None:
    found = {each.keys: [*each.single] for each in axes_of(GRIDS[suffix], suffix, "settings")}
    assert found == {
        ("C1.padding",): ["0", "1"], ("let.d",): ["64", "128"], ("input",): ["1,28,28", "1,32,32"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "C1.padding\n", "has no settings"),
        ("a.csv", "C1.padding,C1.padding\n1,2\n", "the key `C1.padding` stands there twice"),
        ("a.csv", "C1.padding\n1,2\n", "line 2 has 2 cells under 1 keys"),
        ("a.json", "[1]", "has no settings"),
        ("a.json", "{", "is no JSON"),
        ("a.toml", "a = ", "is no TOML"),
        ("a.yaml", "a: [", ""),
        ("a.yaml", "C1.padding: 4..0", "the range 4..0 is empty"),
        ("a.txt", "x", "files of settings: .csv, .json, .toml, .yaml, .yml"),
    ],
)
def test_a_file_that_holds_no_settings_says_so(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as refused:
        read_settings(tmp_path / name)
    assert message in str(refused.value)
    assert name in str(refused.value)


def test_families_are_named_whole_or_in_part_and_each_network_is_there_once() -> None:
    assert [each.name for each in named(["vgg@A,D", "vgg@D", "lenet5"])] == ["vgg@A", "vgg@D", "lenet5"]
    assert [each.name for each in named(["vgg"])] == [f"vgg@{each}" for each in "ABCDE"]
    with pytest.raises(NotFound, match="vgg has no variant `X`"):
        named(["vgg@A,X"])
    with pytest.raises(NotFound, match="no spec is called `lenet55`; did you mean `lenet5`"):
        named(["lenet55"])


@pytest.mark.parametrize(
    ("spec", "change", "message"),
    [
        (
            "lenet5",
            "C9.padding",
            "lenet5: there is no layer `C9` to change; layers: C1, S2, C3, S4, C5, flatten, F6, OUTPUT",
        ),
        ("lenet5", "C1.pading", "lenet5: `C1` (conv2d): unknown option `pading`; did you mean `padding`?"),
        ("lenet5", "C1", "C1 is a layer of lenet5; say which option of it: `--set C1.OPTION=VALUES`"),
        ("resnet@18", "conv2", "conv2 is a layer of resnet@18; say which option of it: `--set conv2.OPTION=VALUES`"),
        ("lenet5", "depth", "lenet5 has no name `depth` in its `let`; there are no names"),
        ("vgg@D", "kk", "vgg@D has no name `kk` in its `let`; did you mean `k`?"),
    ],
)
def test_a_layer_an_option_or_a_name_that_is_not_there_is_refused_at_once(spec: str, change: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        check(plan(named([spec]), [set_axis(f"{change}=0..4")]))
    assert str(refused.value) == f"`--set {change}=`: {message}"
