"""What the reader makes of specs that are right."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

import archscope
from archscope import patience
from archscope.errors import SpecError, UsageError
from archscope.limits import DEEPEST_NESTING, LONGEST_NUMBER
from archscope.network import Ref
from archscope.reader import spec_names

TOWERS = """
input: [3, 8, 8]
layers:
  a: {type: conv2d, out_channels: 4, kernel_size: 3, padding: 1, activation: relu, towers: [GPU 0, GPU 1]}
  b: {type: conv2d, out_channels: 4, kernel_size: 3, padding: 1, towers: [GPU 0, GPU 1]}
  join: {type: concat}
  c: {type: conv2d, out_channels: 2, kernel_size: 3, padding: 1, towers: [GPU 0, GPU 1]}
  d: {type: conv2d, out_channels: 2, kernel_size: 1, towers: GPU 1, from: b}
  e: {type: add, from: [c, d]}
"""


def test_a_layer_reads_the_one_above_unless_it_says_otherwise() -> None:
    network = archscope.read(
        "input: [4]\nlayers:\n  a: {type: relu}\n  b: {type: tanh}\n  c: {type: add, from: [a, b]}\n"
    )
    assert [node.inputs for node in network.nodes] == [(Ref("input"),), (Ref("a"),), (Ref("a"), Ref("b"))]


def test_an_activation_on_a_layer_becomes_a_node_and_is_read_in_its_place() -> None:
    text = (
        "input: [1, 8, 8]\n"
        "layers:\n"
        "  a: {type: conv2d, out_channels: 2, kernel_size: 3, activation: tanh}\n"
        "  b: {type: flatten}\n"
    )
    network = archscope.read(text)
    assert [node.name for node in network.nodes] == ["a", "a.tanh", "b"]
    assert network.by_name["b"].inputs == (Ref("a.tanh"),)
    assert [row.name for row in archscope.analyze(network).rows] == ["a", "b"]
    assert archscope.analyze(network)["a"].activation == "tanh"


def test_an_activation_can_have_options() -> None:
    text = (
        "input: [4]\n"
        "layers:\n"
        "  a: {type: linear, out_features: 2, activation: {type: leaky_relu, negative_slope: 0.2}}\n"
    )
    assert archscope.read(text).nodes[1].layer.negative_slope == 0.2


def test_a_layer_of_its_own_type_named_like_an_activation_is_not_folded() -> None:
    network = archscope.read("input: [4]\nlayers:\n  relu: {type: relu}\n")
    assert not network.nodes[0].folded
    assert archscope.analyze(network)["relu"].activation is None


def test_a_layer_on_towers_has_a_copy_on_each_which_reads_its_own() -> None:
    network = archscope.read(TOWERS)
    assert network.by_name["b.gpu0"].inputs == (Ref("a.gpu0.relu"),)
    assert network.by_name["b.gpu1"].inputs == (Ref("a.gpu1.relu"),)
    assert network.by_name["b.gpu1"].tower == "GPU 1"


def test_a_layer_on_no_tower_reads_all_copies() -> None:
    assert archscope.read(TOWERS).by_name["join"].inputs == (Ref("b.gpu0"), Ref("b.gpu1"))


def test_a_layer_on_towers_reads_a_shared_one_from_each() -> None:
    network = archscope.read(TOWERS)
    assert network.by_name["c.gpu0"].inputs == network.by_name["c.gpu1"].inputs == (Ref("join"),)


def test_a_layer_on_one_tower_keeps_its_name_and_reads_that_towers_copy() -> None:
    assert archscope.read(TOWERS).by_name["d"].inputs == (Ref("b.gpu1"),)


def test_a_row_on_towers_is_the_sum_of_its_copies_joined_along_the_channels() -> None:
    row = archscope.analyze(archscope.read(TOWERS))["a"]
    assert (row.output, row.parameters, row.working("parameters")) == ((8, 8, 8), 224, "2·(3·3·3 + 1)·4")


def test_layers_can_be_written_in_any_order() -> None:
    text = (
        "input: [4]\n"
        "layers:\n"
        "  last: {type: add, from: [x, y]}\n"
        "  x: {type: relu, from: input}\n"
        "  y: {type: tanh}\n"
        "output: last\n"
    )
    assert [node.name for node in archscope.read(text).nodes] == ["x", "y", "last"]


def test_a_network_can_have_several_inputs_and_outputs() -> None:
    text = (
        "input: {image: [3, 8, 8], mask: [1, 8, 8]}\n"
        "layers:\n  a: {type: multiply, from: [image, mask]}\n  b: {type: flatten}\noutput: [a, b]\n"
    )
    network = archscope.read(text)
    assert network.facts["a"].output == (3, 8, 8)
    assert network.outputs == (Ref("a"), Ref("b"))


def test_an_output_of_a_layer_is_read_by_its_name() -> None:
    text = "input: [10, 16]\nlayers:\n  rnn: {type: lstm, hidden_size: 8}\n  last: {type: flatten, from: rnn.hidden}\n"
    network = archscope.read(text)
    assert network.by_name["last"].inputs == (Ref("rnn", 1),)
    assert network.facts["last"].output == (8,)


def test_blocks_can_be_nested() -> None:
    text = "input: [4]\nlayers:\n  a: {type: relu, group: stage1/block2}\n"
    assert archscope.read(text).nodes[0].group == ("stage1", "block2")


def test_initial_values_of_a_layer_come_before_those_of_the_network() -> None:
    text = (
        "input: [4]\n"
        "layers:\n"
        "  a: {type: linear, out_features: 2, init: {bias: 1}}\n"
        "  b: {type: linear, out_features: 2}\n"
        "init: {weight: {normal: [0, 0.01]}, bias: zeros}\n"
    )
    a, b = archscope.read(text).nodes
    assert dict(a.init) == {"bias": ("constant", (1.0,)), "weight": ("normal", (0.0, 0.01))}
    assert dict(b.init) == {"weight": ("normal", (0.0, 0.01)), "bias": ("zeros", ())}


TIED = """
input: {tokens: [6]}
layers:
  words: {type: embedding, num_embeddings: 20, embedding_dim: 4}
  head: {type: linear, out_features: %s, shares: words}
"""


def test_a_head_may_use_the_matrix_of_an_embedding() -> None:
    network = archscope.read(TIED % 20)
    assert network.by_name["head"].shares == "words"
    assert archscope.analyze(network).totals.parameters == 20 * 4 + 20


def test_a_head_of_another_size_than_its_embedding_is_a_mistake() -> None:
    with pytest.raises(archscope.SpecError, match=r"its weight is 21×4, that of `words` is 20×4"):
        archscope.read(TIED % 21)


def test_weights_of_other_types_are_not_shared() -> None:
    text = "input: [8]\nlayers:\n  a: {type: rbf, out_features: 8}\n  b: {type: linear, out_features: 8, shares: a}\n"
    with pytest.raises(archscope.SpecError, match=r"`b` \(linear\) cannot share the weights of `a` \(rbf\)"):
        archscope.read(text)


def test_a_shared_weight_is_counted_once() -> None:
    text = (
        "input: [8]\nlayers:\n  a: {type: linear, out_features: 8}\n  b: {type: linear, out_features: 8, shares: a}\n"
    )
    analysis = archscope.analyze(archscope.read(text))
    assert (analysis.totals.parameters, analysis.totals.macs) == (72, 128)
    assert analysis["b"].parameters == 0


@pytest.mark.parametrize(
    ("written", "value"),
    [("5e-4", 5e-4), (".5", 0.5), ("1", 1), ("0.75", 0.75), ("1.e-3", 1e-3)],
)
def test_numbers_are_those_of_yaml_1_2(written: str, value: float) -> None:
    text = f"input: [4, 2]\nlayers:\n  a: {{type: lrn, size: 5, alpha: {written}}}\n"
    assert archscope.read(text).nodes[0].layer.alpha == value


@pytest.mark.parametrize("word", ["no", "off", "yes", "on", "NaN", "012_3", "1_000", "0x10", "2026-11-22", "inf"])
def test_words_that_older_yaml_made_into_values_stay_words(word: str) -> None:
    assert archscope.read(f"title: {word}\ninput: [4]\nlayers:\n  a: {{type: relu}}\n").title == word


@pytest.mark.parametrize(
    ("padding", "sides"),
    [
        ("2", ((2, 2), (2, 2))),
        ("[1, 2]", ((1, 1), (2, 2))),
        ("[1, 2, 3, 4]", ((3, 4), (1, 2))),
        ("same", "same"),
    ],
)
def test_padding_has_one_form(padding: str, sides: object) -> None:
    text = f"input: [1, 9, 9]\nlayers:\n  a: {{type: conv2d, out_channels: 1, kernel_size: 3, padding: {padding}}}\n"
    assert archscope.read(text).nodes[0].layer.padding == sides


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfinput: [4]\nlayers:\n  a: {type: relu}\n")
    assert archscope.load(path).name == "bom"


def test_a_path_object_and_a_path_in_words_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "net.yml"
    path.write_text("input: [4]\nlayers:\n  a: {type: relu}\n", encoding="utf-8")
    assert archscope.load(path) == archscope.load(str(path))


def test_a_shipped_spec_is_found_by_name_before_a_file_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lenet5").write_text("input: [4]\nlayers:\n  a: {type: relu}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert archscope.load("lenet5").title == "LeNet-5"
    assert archscope.load("./lenet5").title == "lenet5"


def test_a_change_answers_what_if_zero_padding() -> None:
    network = archscope.load("lenet5", changes=["C1.padding=2"], input="1,28,28")
    assert network.facts["C1"].output == (6, 28, 28)
    assert (
        archscope.analyze(archscope.load("lenet5", changes={"C1.padding": 2}, input=(1, 28, 28)))["C1"].connections
        == 122304
    )


def test_a_change_can_name_an_activation() -> None:
    network = archscope.load("lenet5-pytorch", changes=["conv1.activation=tanh"])
    assert network.nodes[1].layer.type == "tanh"


def test_changing_the_shape_of_one_of_several_inputs_is_refused() -> None:
    text = "input: {a: [4], b: [4]}\nlayers:\n  c: {type: add, from: [a, b]}\n"
    with pytest.raises(UsageError, match="the network has 2 inputs"):
        archscope.read(text, input=(5,))


def test_an_anchor_saves_writing() -> None:
    text = "input: [4]\nlayers:\n  a: &dense {type: linear, out_features: 4}\n  b: *dense\n"
    assert [node.layer for node in archscope.read(text).nodes] == [archscope.read(text).nodes[0].layer] * 2


def test_nesting_and_numbers_are_bounded_where_the_messages_say() -> None:
    with pytest.raises(SpecError, match=f"more than {DEEPEST_NESTING} levels"):
        archscope.read("input: " + "[" * DEEPEST_NESTING + "]" * DEEPEST_NESTING)
    with pytest.raises(SpecError, match=f"a number of {LONGEST_NUMBER + 1} characters"):
        archscope.read(f"input: [{'1' * (LONGEST_NUMBER + 1)}]\nlayers:\n  a: {{type: relu}}\n")


def test_no_total_of_a_published_network_is_written_into_the_program() -> None:
    package = Path(archscope.__file__).parent
    totals = {
        str(int(value))
        for name in spec_names()
        for totals in [archscope.analyze(archscope.load(name)).totals]
        for value in (totals.parameters, totals.connections, totals.macs)
        if value is not None
    }
    for path in package.rglob("*.py"):
        digits = path.read_text(encoding="utf-8").replace(",", "").replace("_", "")
        assert not [total for total in totals if total in digits], path


def test_a_year_and_a_task_are_what_lists_go_by() -> None:
    text = "year: 2015\ntask: vision\ninput: [3]\nlayers: {a: {type: relu}}"
    network = archscope.read(text)
    assert (network.year, network.task) == (2015, "vision")
    with pytest.raises(SpecError, match="`year`: expected a positive integer, got 'late'"):
        archscope.read(text.replace("2015", "late"))


@pytest.mark.usefixtures("every_object_is_looked_at")
@pytest.mark.parametrize("few", [20_000, 0])
def test_a_program_that_reads_many_specs_keeps_nothing_of_the_earlier_ones(
    monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(patience, "_FEW", few)
    monkeypatch.setattr(patience, "_MOST", 10_000)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(400):
        with pytest.raises(archscope.SpecError):
            archscope.read(f"input: [4]\nlayers: {{a: {{type: linear, out_features: -{number + 1}}}}}\n")
    assert len(gc.get_objects()) < before + 10_000
