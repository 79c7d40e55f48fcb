"""The numbers of a sweep are those of `archscope table --set`: whatever is remembered, whatever does not fit."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

import archscope
from archscope.errors import ArchscopeError
from archscope.sweep import Axis, Spec, axis, input_axis, plan, set_axis
from archscope.sweep import frames as frames_module
from archscope.sweep.evaluating import Evaluator, reader, reason
from archscope.sweep.naming import named

MIXED = """
let: {d: 8, e: 2*$d, act: relu, n: 2}
input: [3, 16, 16]
blocks:
  unit:
    options: {c: , d: 3}
    layers:
      conv: {type: conv2d, out_channels: $c, kernel_size: $d, padding: same}
      bn: {type: batch_norm, activation: $act}
layers:
  stem: {type: conv2d, out_channels: $d, kernel_size: 3, stride: 1}
  pool: {type: max_pool2d, kernel_size: 2}
  body: {type: unit, c: $e, repeat: $n}
  more: {type: conv2d, out_channels: 8, kernel_size: 3, init: {bias: 1}}
  flatten: {type: flatten}
  head: {type: linear, out_features: 10}
"""

# Each has one thing that hangs on another, and few enough settings that all of them meet.
TEXTS = {
    "mixed": MIXED,
    # names as the inputs are called, and nothing but a part of their shapes
    "sizes": """
let: {x: 4, y: 3}
input: {x: [2*$x], y: [$y + 1]}
layers:
  one: {type: linear, out_features: 2, from: x}
  other: {type: linear, out_features: 2, from: y}
  both: {type: concat, from: [one, other], dim: 0}
""",
    # weights that two layers have in common fit both or there is no such network
    "shared": """
input: [6, 8]
layers:
  first: {type: linear, out_features: 8}
  again: {type: linear, out_features: 8, shares: first}
  head: {type: linear, out_features: 5}
""",
    # a name that others are worked out from, and one that stands in a block alone
    "chained": """
let: {d: 4, e: 2*$d, w: 3}
input: [3, 6, 6]
blocks:
  unit: {layers: {conv: {type: conv2d, out_channels: $w, kernel_size: 1}}}
layers:
  stem: {type: conv2d, out_channels: $e, kernel_size: 3}
  body: {type: unit}
""",
    # layers that hang on the shape which reaches them
    "asking": """
input: [3, 6, 6]
blocks:
  unit:
    options: {c: }
    layers:
      conv: {type: conv2d, out_channels: 2*$in, kernel_size: 1}
      short: {type: conv2d, out_channels: $c, kernel_size: 1, when: changes}
layers:
  stem: {type: conv2d, out_channels: 3, kernel_size: 3}
  body: {type: unit, c: 6}
""",
    # an option that says how many outputs there are, of which another layer reads one
    "parts": """
input: [12, 4]
layers:
  cut: {type: chunk, chunks: 3, dim: 0}
  head: {type: linear, out_features: 3, from: cut.1}
""",
    # an option that says which weights there are, of which one begins in its own way
    "stacked": """
input: [5, 4]
layers:
  cells: {type: lstm, hidden_size: 3, num_layers: 2, init: {weight_ih_l1: 1}}
  head: {type: linear, out_features: 3}
""",
}
COLUMNS = "parameters,macs,connections"
SWEEPS = {
    "lenet5": ("C1.padding=0..2", "C1.kernel_size=3,5,[3, 5]", "S2.kernel_size=1..3", "C1.activation=relu,tanh",
               "F6.out_features=1..5", "C3.out_channels=16,8"),
    "alexnet": ("conv1.stride=1..4", "fc6.out_features=8..64:8", "conv2.out_channels=16,17", "pool1.kernel_size=2..4"),
    "vgg@A": ("k=1,3", "n=[1, 1, 1, 1, 1],[2, 1, 1, 1, 1]", "conv1.c=4..8:2", "conv1.pool.kernel_size=1,2",
              "classes.out_features=4,8"),
    "resnet@18": ("conv2.c=64,32", "conv1.s=1,2"),
    "mixed": ("d=4..8:2", "n=1..2", "act=relu,identity", "more.bias=true,false", "pool.kernel_size=2..4",
              "body.d=1..3", "body.1.conv.kernel_size=1,5", "head.out_features=0..2"),
    "gpt2@small": ("d=24,48,50", "layers=1,2"),
    "sizes": ("x=2..5", "y=1..3"),
    "shared": ("head.out_features=3..5",),
    "chained": ("d=3..5", "w=2..4"),
    "asking": ("stem.out_channels=2..4", "body.c=4,6"),
    "parts": ("cut.chunks=1..4", "head.out_features=3,4"),
    "stacked": ("cells.num_layers=1..3", "head.out_features=3,4"),
}  # fmt: skip
SHAPES = {"lenet5": "1,28..34,=", "alexnet": "3,60..300:60,=", "mixed": "3,12..20,8..16:4", "vgg@A": "3,32..64:16,=",
          "shared": "6,8..9"}  # fmt: skip
TRIES = {"gpt2@small": 4, "resnet@18": 4, "vgg@A": 20, "alexnet": 35}


def plainly(spec: Spec, keys: Sequence[str], settings: Sequence[str | None]) -> tuple[object, ...]:
    """What one reading of the spec and one analysis say, and nothing is remembered."""
    try:
        totals = archscope.analyze(reader(spec, keys)(tuple(settings))).totals
    except ArchscopeError as error:
        return None, None, None, reason(error)
    return totals.parameters, totals.macs, totals.connections, "; ".join(
        f"{each} is not covered: {totals.reasons[each]}" for each in COLUMNS.split(",") if each in totals.reasons
    )  # fmt: skip


@pytest.mark.parametrize("name", SWEEPS)
def test_every_row_has_the_numbers_of_the_network_read_alone(name: str) -> None:
    [spec] = [Spec(name, TEXTS[name])] if name in TEXTS else named([name])
    axes = [*map(set_axis, SWEEPS[name]), *input_axis([SHAPES[name]] if name in SHAPES else [])]
    made = plan([spec], axes, COLUMNS)
    chosen = random.Random(name)
    evaluator = Evaluator(made)
    start = chosen.randrange(max(1, made.size - 40))
    neighbours = [*range(start, min(start + 15, made.size))]  # what they share is remembered
    numbers = [*neighbours, *(chosen.randrange(made.size) for _ in range(40))][: TRIES.get(name, 60)]
    fit = 0
    for number in numbers:
        point = made.point(number)
        row = evaluator.row(point)
        assert row is not None
        wanted = plainly(spec, made.keys, point.settings)
        assert row[-4:-1] == wanted[:-1], point
        assert bool(row[-1]) == bool(wanted[-1]), point
        fit += row[-4] is not None
    assert fit, "every setting was refused, so nothing was compared"


def test_a_layer_that_does_not_fit_is_told_in_the_words_of_the_reader() -> None:
    [spec] = named(["lenet5"])
    made = plan([spec], [set_axis("C5.kernel_size=4..7"), *input_axis(["1,28..32:4,="])], COLUMNS)
    evaluator = Evaluator(made)
    for point in [*made.points(0, made.size)] * 2:  # at the second time all is remembered
        row = evaluator.row(point)
        assert row is not None
        assert row[-4:] == plainly(spec, made.keys, point.settings)


def test_nothing_is_read_again_that_has_been_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # 30 · 30 networks: the spec is read for the first of them; whole numbers of options are put in as they are.
    read: list[object] = []
    [spec] = named(["lenet5"])
    made = plan([spec], [set_axis("C5.out_channels=1..30"), set_axis("F6.out_features=1..30")])
    evaluator = Evaluator(made)
    within = reader(spec, made.keys)
    varied = evaluator._variations(spec)
    varied.read = lambda settings: read.append(settings) or within(settings)  # type: ignore[func-returns-value]
    for point in made.points(0, made.size):
        evaluator.row(point)
    assert len(read) == 1


def test_what_is_remembered_does_not_grow_with_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "MOST_REMEMBERED", 100)
    [spec] = named(["lenet5"])
    made = plan([spec], [set_axis("F6.out_features=1..90")])
    evaluator = Evaluator(made)
    for point in made.points(0, made.size):
        row = evaluator.row(point)
        assert row is not None
        # C5's 120 maps are read by F6, whose outputs OUTPUT's ten units read; the layers above have 49,836.
        assert row[3] == 49_836 + 121 * (point.number + 1) + 10 * (point.number + 2)
        for form in evaluator._variations(spec)._forms.values():
            assert sum(map(len, form._facts)) <= 100 + 14


def test_bytes_of_memory_and_numbers_of_layers_are_columns_too() -> None:
    [spec] = named(["lenet5"])
    made = plan([spec], [set_axis("C1.out_channels=6,12")], "C1.parameters,weight_bytes,peak_bytes(batch=4)")
    six, twelve = (Evaluator(made).row(point) for point in made.points(0, 2))
    alone = archscope.analyze("lenet5")
    assert six is not None
    assert six[3:5] == (156, 4 * 60_850)
    assert six[5] == alone.memory(4).peak.most.total
    assert twelve is not None
    assert twelve[3] == 312


def test_a_number_that_is_not_covered_is_none_and_the_row_says_why_whatever_the_filter() -> None:
    text = "input: [4]\nlayers: {look: {type: embedding, num_embeddings: 9, embedding_dim: 2}}"
    made = plan([Spec("net", text)], [axis("look.embedding_dim", ["2", "3"])], "parameters,connections",
                ["connections < 1", "parameters < 20"])  # fmt: skip
    rows = [Evaluator(made).row(point) for point in made.points(0, 2)]
    why = "connections is not covered: `look` is not covered: a look-up selects weights; no input line carries one"
    assert rows == [(0, "net", "2", 18, None, why), None]  # nine rows of 2 are 18 weights, of 3 they are 27


def test_filters_take_rows_away_and_what_fits_no_network_stays_with_its_reason() -> None:
    [spec] = named(["lenet5"])
    grid = [set_axis("C5.out_channels=10,120,500"), set_axis("C1.kernel_size=5,99")]
    kept = plan([spec], grid, "parameters", ["1 k < parameters < 100 k", "macs <= 400 k"])
    rows = [Evaluator(kept).row(point) for point in kept.points(0, kept.size)]
    assert [row and (row[2], row[3], bool(row[-1])) for row in rows] == [
        ("10", "5", False), ("10", "99", True), ("120", "5", False), ("120", "99", True), None, ("500", "99", True),
    ]  # fmt: skip
    fitting = kept.replace(fitting=True)
    assert [Evaluator(fitting).row(point) is not None for point in kept.points(0, 6)] == [
        True, False, True, False, False, False,
    ]  # fmt: skip


def test_rows_of_a_file_leave_alone_what_they_do_not_set() -> None:
    [spec] = named(["lenet5"])
    made = plan([spec], [Axis(("C1.padding", "F6.out_features"), several=((None, None), ("2", None), (None, "10")))])
    rows = [Evaluator(made).row(point) for point in made.points(0, 3)]
    assert [row and row[4] for row in rows] == [60_850, 91_090, 60_850 - 121 * 74 - 10 * 74]


def test_a_shape_of_no_input_by_name_is_refused_where_there_are_several_even_when_the_network_has_been_read() -> None:
    made = plan([Spec("sizes", TEXTS["sizes"])], [Axis(("input",), several=((None,), ("2",)))], "parameters")
    rows = [Evaluator(made).row(point) for point in made.points(0, 2)]
    evaluator = Evaluator(made)
    assert [evaluator.row(point) for point in made.points(0, 2)] == rows
    # 2 units on each of 2·4 and of 3 + 1 inputs, with their biases.
    assert rows[0] == (0, "sizes", None, 28, "")
    assert rows[1] is not None
    assert rows[1][3] is None
    assert "name the one that is meant" in rows[1][-1]
