"""Recurrence with its loop, and at each step."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest
from torch import nn

import archscope
from archscope.diagrams.cell import gates_of
from archscope.diagrams.recurrence import sides_of
from archscope.diagrams.scene import Item, Path, Polygon, Text, bounds, walk
from archscope.network import Network
from tests.diagrams.geometry import not_contained, problems
from tests.diagrams.unrolled import heads, strings


def network(cell: str = "lstm", *, steps: int = 20, layers: int = 1, both: bool = False, end: str = "") -> Network:
    return archscope.read(
        f"name: any\ninput: {{words: [{steps}]}}\nlayers:\n"
        "  embed: {type: embedding, num_embeddings: 100, embedding_dim: 8}\n"
        f"  rnn: {{type: {cell}, hidden_size: 16, num_layers: {layers}, bidirectional: {str(both).lower()}}}\n"
        f"{end}  tag: {{type: linear, out_features: 5, activation: softmax}}\n"
    )


LAST = "  last: {type: select, dim: 0, index: -1}\n"
SCORES = "  score: {type: linear, out_features: 1, activation: {type: softmax, dim: 0}}\n"
WIDE = "  wide: {type: linear, out_features: 16, from: embed}\n"
POOLS = {
    "mean": "  mean: {type: mean, dim: 0}\n",
    "max": "  wide: {type: linear, out_features: 9}\n  most: {type: max, dim: 0}\n",
    "mean and max": "  mean: {type: mean, dim: 0}\n  most: {type: max, dim: 0, from: rnn}\n"
    "  both: {type: concat, dim: 0, from: [mean, most]}\n",
    "attention": f"{SCORES}  weighted: {{type: multiply, from: [score, rnn]}}\n  whole: {{type: sum, dim: 0}}\n",
}
"""Layers that make one value of those of all steps, and the word for it."""


@pytest.mark.parametrize("options", [{}, {"theme": "dark", "width": "300mm", "font_size": 6, "color": "macs"}], ids=str)
@pytest.mark.parametrize(
    ("cell", "steps", "layers", "both", "end"),
    [*product(("lstm", "gru"), (3, 20), (1, 2), (False, True), ("", LAST)), ("rnn", 1, 1, False, "")],
)
def test_nothing_is_in_the_way_and_nothing_is_left_out(
    cell: str, steps: int, layers: int, both: bool, end: str, options: dict[str, Any]
) -> None:
    drawn = network(cell, steps=steps, layers=layers, both=both, end=end)
    picture = archscope.draw(drawn, **options)
    assert picture.style == "unrolled"
    assert problems(picture.svg, drawn) == []


@pytest.mark.parametrize("options", [{}, {"theme": "dark", "width": "300mm", "font_size": 6, "color": "macs"}], ids=str)
@pytest.mark.parametrize(("steps", "layers", "both"), [(3, 1, False), (20, 2, False), (20, 1, True)])
@pytest.mark.parametrize("word", POOLS)
def test_what_is_made_of_all_steps_is_a_box_over_all_of_them(
    word: str, steps: int, layers: int, both: bool, options: dict[str, Any]
) -> None:
    drawn = network("gru", steps=steps, layers=layers, both=both, end=POOLS[word])
    picture = archscope.draw(drawn, **options)
    assert picture.style == "unrolled"
    assert problems(picture.svg, drawn) == []
    scene = picture.scene
    assert strings(scene).count(f"{word} over all steps") == 1
    at = {group.layers[0]: bounds([item for item in group.items if isinstance(item, Path | Polygon)])
          for group in scene.groups("layer")}  # fmt: skip
    (pool,) = (group for group in scene.groups("layer") if f"{word} over all steps" in strings_of(group.items))
    left, top, right, _ = at[pool.layers[0]]
    # It reaches over every step, and its arrows come from each; what follows stands once over its middle.
    cells = [bounds([item]) for item in next(g for g in scene.groups("layer") if g.layers[0] == "rnn").items
             if isinstance(item, Path) and item.fill and item.stroke]  # fmt: skip
    assert right == pytest.approx(max(each[2] for each in cells))
    assert left > min(each[2] for each in cells), "the cell with its loop stands for any step"
    tag = at["tag"]
    assert ((tag[0] + tag[2]) / 2, tag[3] < top) == (pytest.approx((left + right) / 2), True)
    (source,) = (edge.source for edge in scene.groups("edge") if edge.target == pool.layers[0])
    assert heads(scene, source) == min(steps, 3) * (2 if both and source == "rnn" else 1)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("mean", "16"),
        ("mean and max", "mean over all steps · max over all steps · concat"),
        ("attention", "linear · softmax · multiply · sum over all steps"),
    ],
)
def test_beside_such_a_box_the_axis_of_the_steps_is_called_so(word: str, said: str) -> None:
    found = strings(archscope.draw(network("gru", end=POOLS[word])).scene)
    assert said in found[found.index(f"{word} over all steps") + 1 :]
    assert not any("axis" in each for each in found)


def strings_of(items: Iterable[Item]) -> list[str]:
    return [item.string for item in walk(items) if isinstance(item, Text)]


@pytest.mark.parametrize(
    "end",
    [
        SCORES + "  whole: {type: sum, dim: 0}\n",
        "  mean: {type: mean, dim: 0, keepdim: true}\n  around: {type: subtract, from: [rnn, mean]}\n",
        WIDE + "  gated: {type: multiply, from: [rnn, wide]}\n  mean: {type: mean, dim: 0}\n",
        "  mean: {type: mean, dim: 1}\n",
        "  turned: {type: transpose, dim0: 0, dim1: 1}\n  mean: {type: mean, dim: 0}\n",
        "  pool: {type: adaptive_avg_pool1d, output_size: 1}\n  flat: {type: squeeze, dim: 1}\n",
        f"{SCORES}  weighted: {{type: multiply, from: [score, rnn]}}\n  whole: {{type: sum, dim: 1}}\n",
        POOLS["mean and max"].replace("max, dim: 0", "max, dim: 1"),
    ],
    ids=[
        "weights that weigh nothing",
        "a mean that is taken away",
        "what more is read than one layer",
        "a mean of features",
        "a mean of features that were turned",
        "a pool of features",
        "a sum of features",
        "the steps and the features",
    ],
)
def test_what_is_no_value_of_all_steps_of_one_layer_is_no_pooling(end: str) -> None:
    assert archscope.draw(network("gru", end=end)).style == "graph"


def test_a_turn_of_axes_before_pooling_is_part_of_it() -> None:
    drawn = network("gru", end="  turned: {type: transpose, dim0: 0, dim1: 1}\n"
                    "  pool: {type: adaptive_avg_pool1d, output_size: 1}\n"
                    "  flat: {type: squeeze, dim: 1}\n")  # fmt: skip
    found = strings(archscope.draw(drawn).scene)
    assert {"GRU", "mean over all steps", "20×16 · 1,248 parameters"} <= set(found)
    assert not any("transpose" in each for each in found)


def test_the_language_model_is_a_cell_with_its_loop_and_three_of_twenty_steps() -> None:
    scene = archscope.draw("lstm-lm@small").scene
    found = strings(scene)
    # Two layers of cells: with the loop, at steps 1, 2 and 20.
    assert found.count("LSTM") == 2 * 4
    assert [found.count(letter) for letter in ("h", "c")] == [2, 2]
    assert [heads(scene, name) for name in ("words", "embed", "lstm", "head")] == [4, 4, 4, 4]
    assert "steps 1, 2 and 20 are drawn" in scene.description


def test_what_stands_in_a_list_has_the_name_of_the_list_and_no_bare_number() -> None:
    chain = nn.Sequential(nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 4)), nn.RNN(4, 4, batch_first=True))
    found = strings(archscope.draw(archscope.trace(chain, (5, 8))).scene)
    assert [each for each in found if "0" in each and "par" not in each and "×" not in each] == ["0.0", "0.2"]


def test_few_steps_are_all_drawn() -> None:
    scene = archscope.draw(network("gru", steps=4)).scene
    assert strings(scene).count("GRU") == 5 + 1  # with its loop, at four steps, and beside them
    assert strings(scene).count("h") == 3
    assert "c" not in strings(scene)


def test_a_layer_backwards_hands_its_states_the_other_way() -> None:
    scene = archscope.draw(network("gru", steps=2, both=True)).scene
    (cells,) = (group for group in scene.groups("layer") if group.layers[0] == "rnn")
    tips = [item.points for item in cells.items if isinstance(item, Polygon)]
    # Two loops that turn back into their cell from the right, and two arrows from step to step.
    assert sorted(points[0][0] < points[1][0] for points in tips) == [False, True, True, True]


def test_what_reads_the_last_state_stands_at_the_last_step() -> None:
    scene = archscope.draw(network("gru", end=LAST)).scene
    assert [heads(scene, name) for name in ("embed", "rnn", "last", "tag")] == [4, 1, 1, 1]


def test_a_network_that_gives_the_states_a_layer_ends_with_gives_one_value() -> None:
    text = "name: any\ninput: [5, 8]\nlayers: {l: {type: gru, hidden_size: 16}}\noutput: [l.hidden]\n"
    drawn = [strings(archscope.draw(archscope.read(each)).scene) for each in (text, text.replace("l.hidden", "l"))]
    assert [[each for each in found if each == "y"] for found in drawn] == [["y"], ["y"] * 4]


TWO = """input: {a: [4, 8], b: [4, 8]}
layers: {l: {type: gru, hidden_size: 8, from: a}, s: {type: add, from: [l, b]}}"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input: [4]\nlayers: {a: {type: linear, out_features: 2}}", "has no recurrence over a sequence to unroll"),
            (TWO, "is no chain at `s`"),
        ("input: [4, 8]\nlayers: {l: {type: gru, hidden_size: 8}, s: {type: add, from: [input, l]}}",
         "is no chain at `s`"),
        ("input: [4, 8]\nlayers: {t: {type: transpose, dim0: 0, dim1: 1}, l: {type: gru, hidden_size: 8}}",
         "mixes steps"),
    ],
)  # fmt: skip
def test_what_is_no_chain_of_recurrence_is_refused_with_the_reason(text: str, message: str) -> None:
    drawn = archscope.read(f"name: any\n{text}\n")
    with pytest.raises(archscope.UsageError, match=message):
        _ = archscope.draw(drawn, style="unrolled").scene
    assert archscope.draw(drawn).style != "unrolled"


def test_a_page_that_is_too_small_is_refused_with_one_that_is_not() -> None:
    with pytest.raises(archscope.UsageError, match=r"needs --width \d+mm at least"):
        _ = archscope.draw("lstm-lm@small", width="50mm").scene


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize(
    ("kind", "words"),
    [("lstm", ["tanh", "tanh", "σ", "σ", "σ"]), ("rnn", ["tanh"]), ("gru", ["tanh", "σ", "σ"])],
)
def test_the_inside_of_a_cell_is_drawn_on_demand(kind: str, words: list[str], theme: str) -> None:
    drawn = network(kind, layers=2)
    picture = archscope.draw(drawn, show="name,op,shape,parameters,cell", theme=theme)
    assert problems(picture.svg, drawn) == []
    assert not_contained(picture.svg) == []
    said = strings(picture.scene)
    # Two layers of one type have one cell.
    assert said.count("rnn: inside the cell") == 1
    assert sorted(each for each in said if each in ("tanh", "σ")) == words
    plain = archscope.draw(drawn, theme=theme)
    assert "σ" not in strings(plain.scene)
    assert plain.scene.height < picture.scene.height


def test_each_gate_of_an_lstm_has_its_letter_above_it() -> None:
    scene = archscope.draw(network("lstm"), show="name,cell").scene
    inside = next(group for group in scene.groups("part") if group.title == "the inside of rnn")
    words = [item for item in walk(inside.items) if isinstance(item, Text)]
    gates = sorted((item.x, item.string) for item in words if item.string in "σfigo")
    # The cell's input goes through tanh, which is a word of its own; the letters stand left of their gates' middles.
    assert [string for _, string in gates] == ["f", "σ", "i", "σ", "g", "o", "σ"]


def test_cells_of_one_type_that_compute_otherwise_have_an_inside_each() -> None:
    drawn = archscope.read(
        "name: any\ninput: [3, 8]\nlayers:\n  a: {type: rnn, hidden_size: 4}\n"
        "  b: {type: rnn, hidden_size: 4, nonlinearity: relu}\n  c: {type: rnn, hidden_size: 6}\n"
        "  d: {type: lstm, hidden_size: 6}\n  e: {type: lstm, hidden_size: 6, proj_size: 2}\n"
    )
    picture = archscope.draw(drawn, show="name,cell")
    assert problems(picture.svg, drawn) == []
    said = strings(picture.scene)
    assert [each[0] for each in said if each.endswith(": inside the cell")] == ["a", "b", "d", "e"]
    assert said.count("ReLU") == 1
    # What goes out of the last is mapped once more.
    assert said.count("linear") == 1


def test_a_gru_resets_the_map_of_its_state_as_pytorch_does() -> None:
    scene = archscope.draw(network("gru"), show="cell").scene
    inside = next(group for group in scene.groups("part") if group.title == "the inside of rnn")
    words = [item for item in walk(inside.items) if isinstance(item, Text)]
    said = {item.string: item for item in words}
    # The state goes through a map before r multiplies it; 1 − z weighs what is new.
    assert {"linear", "1−", "r", "z", "n"} <= said.keys()
    assert said["linear"].x < said["r"].x < said["z"].x < said["1−"].x < said["n"].x + 9


def test_a_cell_is_known_by_the_maps_that_its_weights_hold() -> None:
    # 4·16 rows of an LSTM's first weight, 3·16 of a GRU's, 16 of a plain cell's.
    found = {kind: sides_of(archscope.analyze(network(kind)))[0].levels[1] for kind in ("lstm", "gru", "rnn")}
    assert {kind: gates_of(level) for kind, level in found.items()} == {"lstm": 4, "gru": 3, "rnn": 1}


def pair(cell: str = "lstm", *, layers: int = 1, steps: tuple[int, int] = (12, 3), more: str = "") -> Network:
    """An encoder, and a decoder that begins with its last states."""
    states = "encoder.hidden, encoder.cell" if cell == "lstm" else "encoder.hidden"
    return archscope.read(
        f"name: pair\ninput: {{target: [{steps[1]}], source: [{steps[0]}]}}\nlayers:\n"
        "  reads: {type: embedding, num_embeddings: 90, embedding_dim: 8, from: source}\n"
        f"  encoder: {{type: {cell}, hidden_size: 16, num_layers: {layers}}}\n"
        "  writes: {type: embedding, num_embeddings: 80, embedding_dim: 8, from: target}\n"
        f"  decoder: {{type: {cell}, hidden_size: 16, num_layers: {layers}, from: [writes, {states}]}}\n"
        f"  head: {{type: linear, out_features: 80}}\n{more}"
    )


@pytest.mark.parametrize("options", [{}, {"theme": "dark", "width": "300mm", "font_size": 6, "color": "macs"}], ids=str)
@pytest.mark.parametrize(("cell", "layers", "steps"), [("lstm", 2, (12, 3)), ("gru", 1, (1, 20)), ("rnn", 3, (4, 5))])
def test_an_encoder_stands_before_the_decoder_that_begins_with_its_states(
    cell: str, layers: int, steps: tuple[int, int], options: dict[str, Any]
) -> None:
    drawn = pair(cell, layers=layers, steps=steps)
    picture = archscope.draw(drawn, **options)
    assert str(picture.choice) == "style unrolled: recurrence that begins where another ends"
    assert problems(picture.svg, drawn) == []


def test_what_an_encoder_ends_with_is_handed_to_the_first_step_of_the_decoder() -> None:
    scene = archscope.draw(pair(layers=2)).scene
    edges = {(group.source, group.target): group for group in scene.groups("edge")}
    handed = edges["encoder", "decoder"]
    # Two layers of cells with two states each, all of the 12th step.
    assert sum(isinstance(item, Polygon) for item in handed.items) == 2 * 2
    assert [item.string for item in handed.items if isinstance(item, Text)] == [
        "h", "12", "(1)", "c", "12", "(1)", "h", "12", "(2)", "c", "12", "(2)",
    ]  # fmt: skip
    # Three of twelve steps before, all three after; no loops.
    assert strings(scene).count("LSTM") == 2 * (3 + 3)
    assert heads(scene, "source") == heads(scene, "target") == 3
    assert "each step is drawn" in scene.description
    assert "steps 1, 2 and 12 are drawn" in scene.description
    assert "loops" not in scene.description


def test_stacked_encoders_hand_their_states_each_to_its_decoder_beside_it() -> None:
    drawn = archscope.read(
        "name: stacks\ninput: {source: [5, 8], target: [5, 8]}\nlayers:\n"
        "  e1: {type: gru, hidden_size: 8, from: source}\n  e2: {type: gru, hidden_size: 8}\n"
        "  d1: {type: gru, hidden_size: 8, from: [target, e1.hidden]}\n"
        "  d2: {type: gru, hidden_size: 8, from: [d1, e2.hidden]}\n"
    )
    picture = archscope.draw(drawn)
    assert picture.style == "unrolled"
    assert problems(picture.svg, drawn) == []


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("  e: {type: gru, hidden_size: 8, from: a}\n  d: {type: gru, hidden_size: 8, from: b}\noutput: [e, d]",
         "has 2 inputs"),
        (("  e: {type: gru, hidden_size: 8, from: a}\n  d: {type: gru, hidden_size: 8, from: [b, e.hidden]}\n"
         "output: [e, d]"), "gives more than the end of its decoder"),
        (("  e1: {type: gru, hidden_size: 8, from: a}\n  e2: {type: gru, hidden_size: 8}\n"
         "  d1: {type: gru, hidden_size: 8, from: [b, e2.hidden]}\n"
         "  d2: {type: gru, hidden_size: 8, from: [d1, e1.hidden]}\n"), "crosswise"),
        (("  e: {type: lstm, hidden_size: 8, from: a}\n"
         "  d: {type: lstm, hidden_size: 8, from: [b, e.cell, e.hidden]}\n"), "is no chain at `d`"),
        ("  e: {type: gru, hidden_size: 8, from: a}\n  s: {type: add, from: [b, e]}\n", "is no chain at `s`"),
    ],
)  # fmt: skip
def test_two_sides_that_are_no_encoder_and_decoder_are_refused(layers: str, message: str) -> None:
    drawn = archscope.read(f"name: any\ninput: {{a: [4, 8], b: [4, 8]}}\nlayers:\n{layers}\n")
    with pytest.raises(archscope.UsageError, match=message):
        _ = archscope.draw(drawn, style="unrolled").scene
    assert archscope.draw(drawn).style != "unrolled"


def attending(cell: str, states: str, *, directions: int = 1, steps: tuple[int, int] = (12, 10)) -> Network:
    """A decoder that attends to an encoder's states, by products (Luong et al. 2015), with what it found beside."""
    source, target = steps
    return archscope.read(
        f"name: luong\ninput: {{source: [{source}], target: [{target}]}}\nlayers:\n"
        "  reads: {type: embedding, num_embeddings: 90, embedding_dim: 8, from: source}\n"
        f"  encoder: {{type: {cell}, hidden_size: {16 // directions}, bidirectional: {str(directions == 2).lower()}}}\n"
        "  writes: {type: embedding, num_embeddings: 80, embedding_dim: 8, from: target}\n"
        f"  decoder: {{type: {cell}, hidden_size: 16, from: [writes{states}]}}\n"
        "  turned: {type: transpose, dim0: 0, dim1: 1, from: encoder}\n"
        "  scores: {type: matmul, from: [decoder, turned], activation: softmax}\n"
        "  context: {type: matmul, from: [scores, encoder]}\n"
        "  both: {type: concat, dim: -1, from: [context, decoder]}\n"
        "  combine: {type: linear, out_features: 16, activation: tanh}\n"
        "  head: {type: linear, out_features: 80}\n"
    )


@pytest.mark.parametrize("options", [{}, {"theme": "print", "width": "300mm", "font_size": 6}], ids=str)
@pytest.mark.parametrize(
    ("cell", "states", "directions", "steps"),
    [("gru", ", encoder.hidden", 1, (12, 10)), ("lstm", "", 2, (3, 20)), ("gru", ", encoder.hidden", 1, (6, 6))],
)
def test_a_decoder_attends_to_all_states_of_the_encoder(
    cell: str, states: str, directions: int, steps: tuple[int, int], options: dict[str, Any]
) -> None:
    drawn = attending(cell, states, directions=directions, steps=steps)
    picture = archscope.draw(drawn, **options)
    assert str(picture.choice) == "style unrolled: recurrence that attends to the states of another"
    assert problems(picture.svg, drawn) == []
    # A box at each step of the decoder that is drawn, with an arrow from the line of the states to each.
    found = strings(picture.scene)
    assert found.count("attention") == 3 + 1
    assert "matrix product · softmax · matrix product · concat" in found
    (looks,) = (group for group in picture.scene.groups("edge") if group.title.startswith("all states of encoder"))
    assert sum(isinstance(item, Polygon) for item in looks.items) == 3
