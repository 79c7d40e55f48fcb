"""Recurrence with its loop, and at each step."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

import archscope
from archscope.diagrams.cell import gates_of
from archscope.diagrams.recurrence import levels_of
from archscope.diagrams.scene import Polygon, Scene, Text, walk
from archscope.network import Network
from tests.diagrams.geometry import not_contained, problems


def network(cell: str = "lstm", *, steps: int = 20, layers: int = 1, both: bool = False, end: str = "") -> Network:
    return archscope.read(
        f"name: any\ninput: {{words: [{steps}]}}\nlayers:\n"
        "  embed: {type: embedding, num_embeddings: 100, embedding_dim: 8}\n"
        f"  rnn: {{type: {cell}, hidden_size: 16, num_layers: {layers}, bidirectional: {str(both).lower()}}}\n"
        f"{end}  tag: {{type: linear, out_features: 5, activation: softmax}}\n"
    )


def strings(scene: Scene) -> list[str]:
    return [item.string for item in scene.walk() if isinstance(item, Text)]


def heads(scene: Scene, source: str) -> int:
    """Arrows that leave a layer."""
    (edge,) = (group for group in scene.groups("edge") if group.source == source)
    return sum(isinstance(item, Polygon) for item in edge.items)


LAST = "  last: {type: select, dim: 0, index: -1}\n"


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


def test_the_language_model_is_a_cell_with_its_loop_and_three_of_twenty_steps() -> None:
    scene = archscope.draw("lstm-lm@small").scene
    found = strings(scene)
    # Two layers of cells: with the loop, at steps 1, 2 and 20.
    assert found.count("LSTM") == 2 * 4
    assert [found.count(letter) for letter in ("h", "c")] == [2, 2]
    assert [heads(scene, name) for name in ("words", "embed", "lstm", "head")] == [4, 4, 4, 4]
    assert "steps 1, 2 and 20 are drawn" in scene.description


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


TWO = """input: {a: [4, 8], b: [4, 8]}
layers: {l: {type: gru, hidden_size: 8, from: a}, s: {type: add, from: [l, b]}}"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input: [4]\nlayers: {a: {type: linear, out_features: 2}}", "has no recurrence over a sequence to unroll"),
        (TWO, "has 2 inputs"),
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
@pytest.mark.parametrize(("kind", "words"), [("lstm", ["tanh", "tanh", "σ", "σ", "σ"]), ("rnn", ["tanh"])])
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


def test_a_cell_that_is_neither_is_refused_with_what_to_leave_out() -> None:
    with pytest.raises(archscope.UsageError, match="`rnn` is a GRU; leave cell out of --show"):
        _ = archscope.draw(network("gru"), show="name,cell").scene


def test_a_cell_is_known_by_the_maps_that_its_weights_hold() -> None:
    # 4·16 rows of an LSTM's first weight, 3·16 of a GRU's, 16 of a plain cell's.
    found = {kind: levels_of(archscope.analyze(network(kind)))[1] for kind in ("lstm", "gru", "rnn")}
    assert {kind: gates_of(level) for kind, level in found.items()} == {"lstm": 4, "gru": 3, "rnn": 1}
