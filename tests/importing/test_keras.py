"""Networks in Keras files, with Keras as the witness of their weights and shapes; broken and hostile files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archscope import UsageError, analyze, load
from archscope.layers import TYPES
from archscope.opening import open_network
from archscope.oracles import Verdict, restated_keras, verify
from archscope.oracles.keras import path_of_modules
from archscope.oracles.keras_weights import laid
from archscope.oracles.restated import Outcome, restated
from archscope.oracles.restated_keras import ran
from archscope.writing.stating import state
from tests.conftest import Run
from tests.importing.keras_written import layer, model, written

WITNESS = Path(__file__).with_name("keras_models.py")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder of models, and what Keras says of each."""
    folder = tmp_path_factory.mktemp("keras")
    ran = subprocess.run([sys.executable, "-W", "ignore", str(WITNESS), str(folder)], capture_output=True, text=True,
                         env={**path_of_modules(), "KERAS_BACKEND": "torch"}, check=True)  # fmt: skip
    return folder, json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ["residual", "words", "shared", "norms", "frozen", "course", "functions", "prepared",
                                  "translated", "films"])  # fmt: skip
@pytest.mark.parametrize("suffix", [".keras", ".json"])
def test_weights_and_shapes_are_those_that_keras_counts(name: str, suffix: str, saved: Any) -> None:
    folder, said = saved
    analysis = analyze(folder / f"{name}{suffix}")
    totals = analysis.totals
    assert totals.parameters == said[name]["trained"]
    assert totals.parameters + totals.fixed == said[name]["all"]
    *grid, last = said[name]["output"]
    assert analysis.rows[-1].outputs[0] == ((last, *grid) if name == "films" else (*grid, last))


@pytest.mark.parametrize("name", ["lenet1", "lenet5", "lenet5-keras", "resnet-cifar@20", "squeezenet@1.1"])
def test_a_model_that_was_saved_of_our_own_source_has_the_table_of_the_spec(name: str, saved: Any) -> None:
    folder, _ = saved
    ours, theirs = analyze(load(name)), analyze(folder / f"{name}.keras")
    tables = [[(row.output, row.parameters, row.fixed, row.macs, row.connections, row.receptive_field)
               for row in each.rows] for each in (ours, theirs)]  # fmt: skip
    assert tables[0] == tables[1]
    assert ours.totals == theirs.totals
    held = {row.name.replace(".", "_") for row in ours.rows if row.parameters}
    assert held == {row.name for row in theirs.rows if row.parameters}


def test_what_prepares_pictures_multiplies_nothing_and_numbers_of_a_norm_are_fixed(saved: Any) -> None:
    found = analyze(saved[0] / "prepared.keras")
    nodes = found.network.nodes[:7]
    assert [(node.name, node.layer.type, found.network.facts[node.name].output) for node in nodes] == [
        ("flipped", "identity", (3, 8, 8)), ("turned", "identity", (3, 8, 8)), ("resized", "upsample", (3, 6, 5)),
        ("normed", "function", (3, 6, 5)), ("stated", "function", (3, 6, 5)),
        ("stated.identity", "identity", (3, 6, 5)),
        ("conv", "conv2d", (4, 4, 3)),
    ]  # fmt: skip
    # a mean and a variance for each of 3 channels and how many were seen; stated ones are no weights
    assert (found["normed"].fixed, found["stated"].fixed, found.totals.macs) == (7, 0, 4 * 4 * 3 * 9 * 3)


@pytest.mark.parametrize(("options", "said"), [
    ({"kind": "RandomCrop", "height": 3, "width": 3}, "cuts out another part at inference than in training"),
    ({"kind": "Resizing", "height": 3, "width": 3, "interpolation": "lanczos5"}, "no layer type has: lanczos5"),
    ({"kind": "Resizing", "height": 3, "width": 3, "crop_to_aspect_ratio": True}, "cuts, pads or smooths as well"),
    ({"kind": "Normalization", "axis": 7}, "along axes that its input has not"),
])  # fmt: skip
def test_what_prepares_pictures_otherwise_than_a_row_says_is_refused(
    options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    options, kind = {**options}, str(options["kind"])
    del options["kind"]
    path = written(tmp_path, model(layer(kind, "a", "x", **options), shape=(None, 6, 6, 3)))
    with pytest.raises(UsageError, match=said):
        analyze(path)


def test_functions_between_layers_are_layers_and_their_padding_is_that_of_the_window_behind_it(saved: Any) -> None:
    found = analyze(saved[0] / "functions.keras")
    # (8 + 1 + 1 − 3)/2 + 1 = 4 high, (8 + 2 + 0 − 3)/2 + 1 = 4 wide; then (4 + 2 − 3)/2 + 1 = 2
    assert (found["padded"].outputs[0], found["pool"].outputs[0]) == ((8, 4, 4), (8, 2, 2))
    assert [node.layer.type for node in found.network.nodes if node.name.startswith("pad_")] == [
        "permute",
        "zero_pad2d",
    ]
    # the convolution, the gate, 2×4 by 4×2, and 8 + 8 features into 10
    assert found.totals.macs == 4 * 4 * 8 * 27 + 8 * 8 + 2 * 4 * 2 + 16 * 10


@pytest.mark.parametrize("name", ["residual", "words", "shared", "norms", "frozen", "course", "translated",
                                  "films", "of_int8"])  # fmt: skip
def test_every_layer_is_as_keras_makes_it_of_the_file(name: str, saved: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, said = saved
    monkeypatch.setattr("archscope.oracles.keras._said", lambda *_: said[name]["witness"])
    found = verify(open_network(folder / f"{name}.json"), ["Keras"])
    assert [each.sentence for each in found.differing] == []
    assert len({each.layer for each in found.of(Verdict.AGREES)}) >= 3


def test_layers_are_those_of_keras_with_channels_in_front(saved: Any) -> None:
    network = open_network(saved[0] / "residual.keras")
    assert dict(network.inputs) == {"input": (3, 16, 16)}
    found = analyze(network)
    # 3·3·3·8 weights at 16·16 places; a kernel of 9 for each of 8 maps at 8·8 places
    assert (found["stem"].parameters, found["stem"].macs) == (216, 216 * 256)
    assert (found["depthwise"].parameters, found["depthwise"].macs) == (80, 72 * 64)
    assert [found[name].outputs[0] for name in ("separable.depthwise", "separable.pointwise", "joined", "up")] == [
        (8, 8, 8), (8, 8, 8), (16, 8, 8), (4, 18, 18)]  # fmt: skip
    assert (found["bn"].parameters, found["bn"].fixed, found["bn"].connections) == (8, 16, 512)
    assert [node.row for node in network.nodes if node.folded] == ["stem_bn", "out"]


def test_what_is_pooled_to_one_axis_is_given_its_axes_anew_as_keras_has_them(saved: Any) -> None:
    found = analyze(saved[0] / "norms.keras")
    # 6 maps as one place: 6·2 weights and 2 biases
    assert (found["squeeze"].parameters, found["squeeze"].outputs[0]) == (14, (2, 1, 1))


def test_a_norm_keeps_the_one_of_its_weights_that_it_has_and_edges_are_not_in_a_mean(saved: Any) -> None:
    network = open_network(saved[0] / "norms.keras")
    names = {each: [weight.name for weight in network.facts[each].weights] for each in ("shifted", "scaled", "layer")}
    assert names == {"shifted": ["bias"], "scaled": ["weight"], "layer": ["bias"]}
    (mean,) = (node for node in open_network(saved[0] / "residual.keras").nodes if node.layer.type == "avg_pool2d")
    assert mean.layer.count_include_pad is False


def test_recurrence_has_the_one_bias_a_gate_that_keras_has(saved: Any) -> None:
    found = analyze(saved[0] / "words.keras")
    # both directions: 4·8·(16 + 8 + 1) values; 24·32 products at each of 10 steps
    assert (found["both"].parameters, found["both"].macs, found["both"].connections) == (1600, 15360, 16000)
    # with two biases, as Keras has them there too: 3·6·(16 + 6 + 2)
    assert found["gru"].parameters == 432
    assert found["attention"].parameters == 1088
    assert found["last.select"].outputs[0] == (5,)


def test_states_go_on_padding_is_left_out_and_attention_is_read_with_its_scores(saved: Any) -> None:
    found = analyze(saved[0] / "translated.keras")
    # 5 queries and 7 keys of 6: scores that are added are no product; a scale of 6, and one of 1
    assert [(found[name].parameters, found[name].macs) for name in ("bahdanau", "luong")] == [
        (6, 5 * 7 * 6), (1, 2 * 5 * 7 * 6)]  # fmt: skip
    # 6 + 6 + 6 and 7 scores into 4·4, then 4 into 3·5 with two biases; 5 steps
    assert [(found[name].parameters, found[name].macs) for name in ("cells.0", "cells.1")] == [
        (16 * (25 + 4 + 1), 5 * 16 * 29), (15 * (4 + 5 + 2), 5 * 15 * 9)]  # fmt: skip
    # 4 heads of 2 on 2: 5 → 8, twice 5 → 4, 8 → 5, with biases; scores and sums over 5 by 5
    assert (found["grouped"].parameters, found["grouped"].macs) == (6 * 8 + 2 * 6 * 4 + 9 * 5, 5 * 120 + 400)
    assert (found["wide"].type, found["wide"].parameters) == ("linear", 5 * 8 + 8)
    assert (found["table_2"].type, found["table_2"].parameters, found["table_2"].macs) == ("linear", 0, 5 * 8 * 30)
    nodes = {node.name: node for node in found.network.nodes}
    assert [each.node for each in nodes["decoder"].inputs] == ["table", "decoder.begin", "decoder.begin_2"]
    assert found.network.observed is not None
    assert found.network.observed.origin[1:] == (
        "Masks of positions that are padding change no count, and are left out; of code and memory, too.",)  # fmt: skip


def test_each_step_goes_through_a_model_whose_weights_are_held_once(saved: Any) -> None:
    found = analyze(saved[0] / "films.keras")
    # 4 pictures of 4×4 places; then a window of 2×2 over 4 + 5 maps into 4·5, at 2×2 places of 4 steps
    assert (found["each.conv"].parameters, found["each.conv"].macs) == (112, 4 * 16 * 108)
    assert (found["maps"].parameters, found["maps"].macs) == (20 * (4 * 9 + 1), 4 * 4 * 20 * 36)
    assert [found[name].outputs[0] for name in ("each.conv", "maps", "normed")] == [(4, 4, 4, 4), (5, 2, 2), (3, 2, 2)]
    assert (found["normed"].parameters, found["normed"].fixed) == (18, 3)


def test_matrices_of_int8_count_as_those_that_they_stand_for(saved: Any) -> None:
    found = analyze(saved[0] / "of_int8.keras")
    # biases alone are trained, as Keras has it
    assert (found.totals.parameters, found.totals.fixed, found.totals.macs) == (4 + 3, 24 + 12, 24 + 12)
    assert found.totals.parameters == saved[1]["of_int8"]["trained"]
    # Keras counts a scale for each of 4 + 3 units, too
    assert saved[1]["of_int8"]["all"] == 28 + 15 + 7
    assert saved[1]["of_int8"]["witness"]["weights"] == 28 + 15
    # PyTorch has no layer that is trained beside such a matrix
    (said,) = verify(found.network, ["memory"]).findings
    assert (said.verdict, said.quantity) == (Verdict.NOT_COVERED, "everything")
    assert "int8 and float32" in str(said.why)


def test_a_layer_that_is_called_twice_holds_its_weights_once(saved: Any) -> None:
    found = analyze(saved[0] / "shared.keras")
    assert [(row.name, int(row.parameters)) for row in found.rows if row.type == "linear"] == [
        ("half", 72), ("inner.d", 72), ("half_2", 0)]  # fmt: skip
    assert found.totals.macs == 3 * 64


def test_the_courses_model_has_one_table_as_spec_and_as_file(saved: Any) -> None:
    network = load("lenet5-keras")
    mine = {row.name: row for row in analyze(network).rows}
    theirs = analyze(saved[0] / "course.json").rows[0]
    assert (theirs.parameters, theirs.macs, theirs.connections) == (
        mine["conv1"].parameters, mine["conv1"].macs, mine["conv1"].connections)  # fmt: skip


def test_a_spec_of_an_archive_has_its_weights_and_gives_its_outputs(
    saved: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = open_network(saved[0] / "both.keras")
    known = {}

    def once(*args: Any) -> Any:
        known["ran"] = known.get("ran") or ran(*args)
        return known["ran"]

    monkeypatch.setattr(restated_keras, "ran", once)
    assert restated(network, state(network), None) == Outcome(
        True, "built with the same weights: the same output as Keras"
    )
    nodes = [each.replace(layer=TYPES["tanh"]()) if each.layer.type == "sigmoid" else each for each in network.nodes]
    wrong = network.replace(nodes=tuple(nodes))
    outcome = restated(wrong, state(wrong), None)
    assert outcome is not None
    assert outcome.same is False
    odd = laid(network, {"stem\tkernel": np.zeros((3, 3, 3, 9))})
    assert odd == ({}, "stem")
    (tmp_path / "net.json").write_bytes((saved[0] / "both.json").read_bytes())
    alone = open_network(tmp_path / "net.json")
    assert restated(alone, state(alone), None) == Outcome(None, "a configuration alone has no weights")


def test_what_keras_refuses_of_an_archive_leaves_with_2(
    saved: Any, archscope_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = subprocess.CompletedProcess([], 0, '{"refused": "net.keras points to another place"}\n', "")
    monkeypatch.setattr("archscope.oracles.restated_keras.subprocess.run", lambda *_, **__: said)
    ran = archscope_run("spec", str(saved[0] / "frozen.keras"))
    assert (ran.status, ran.err.splitlines()[-1]) == (2, "error: net.keras points to another place")


def test_products_are_those_of_all_samples(saved: Any) -> None:
    one, four = (analyze(open_network(saved[0] / "both.keras", batch=each)) for each in (None, 4))
    assert four.totals.macs == 4 * one.totals.macs
    assert four.network.observed is not None
    assert four.network.observed.batch == 4
    assert [row.output for row in four.rows] == [row.output for row in one.rows]
