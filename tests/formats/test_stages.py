"""Groups as rows: their sums are those of the layers in them, in every format."""

from __future__ import annotations

import csv
import io
import json

import pytest

import archscope
from archscope.analysis import COUNTS, Analysis
from archscope.errors import NotFound, UsageError
from archscope.formats import FORMATS, View, derivation, write
from archscope.stages import Stage
from tests.blocks.specs import DENSENET121, MOBILENET_V2, RESNET50


@pytest.fixture(scope="module")
def resnet() -> Analysis:
    return archscope.analyze(archscope.read(RESNET50))


@pytest.mark.parametrize("spec", [RESNET50, MOBILENET_V2, DENSENET121], ids=["resnet", "mobilenet", "densenet"])
@pytest.mark.parametrize("depth", [1, 2, 3, 9])
def test_at_every_depth_the_rows_add_up_to_the_network(spec: str, depth: int) -> None:
    analysis = archscope.analyze(archscope.read(spec))
    for quantity in COUNTS:
        assert sum(row.count_of(quantity) or 0 for row in analysis.at(depth)) == analysis.totals.count_of(quantity)


def test_a_stage_of_the_outermost_depth_is_a_line_of_the_paper_s_table(resnet: Analysis) -> None:
    rows = {row.name: row for row in resnet.at(1)}
    assert [*rows] == ["conv1", "pool1", "conv2", "conv3", "conv4", "conv5", "pool5", "flatten", "fc"]
    conv3 = rows["conv3"]
    assert (conv3.label, conv3.inputs, conv3.output) == ("bottleneck ×4", ("conv2",), (512, 28, 28))
    # The first: 256·128 + 9·128² + 128·512 + 256·512 and 2·(128 + 128 + 512 + 512) in batch norms; the three others
    # 512·128 + 9·128² + 128·512 and 2·(128 + 128 + 512).
    first = 32_768 + 147_456 + 65_536 + 131_072 + 2_560
    other = 65_536 + 147_456 + 65_536 + 1_536
    assert (first, other) == (379_392, 280_064)
    assert conv3.parameters == first + 3 * other
    assert conv3.working("parameters") == "379,392 + 3·280,064"
    assert conv3.receptive_field == resnet["conv3.3.sum"].receptive_field


def test_equal_blocks_in_series_are_one_line(resnet: Analysis) -> None:
    rows = {row.name: row for row in resnet.at(2)}
    folded = rows["conv3.1–3"]
    assert isinstance(folded, Stage)
    assert (folded.copies, folded.label, folded.inputs) == (3, "bottleneck ×3", ("conv3.0",))
    assert (folded.parameters, folded.working("macs")) == (3 * 280_064, "3·218,365,952")
    assert rows["conv3.0"].label == "bottleneck"


def test_dense_connectivity_is_not_folded_for_no_two_copies_are_equal() -> None:
    analysis = archscope.analyze(archscope.read(DENSENET121))
    assert len(analysis.at(1)) == 14
    assert sum(row.name.startswith("dense2.") for row in analysis.at(2)) == 12


def test_equal_blocks_side_by_side_are_not_folded() -> None:
    text = (
        "input: [4]\nblocks: {b: {layers: {a: {type: linear, out_features: 4}}}}\n"
        "layers:\n  x: {type: b, from: input}\n  y: {type: b, from: input}\n  z: {type: add, from: [x, y]}\n"
    )
    assert [row.name for row in archscope.analyze(archscope.read(text)).at(1)] == ["x", "y", "z"]


def test_groups_that_a_flat_spec_names_are_rows_too() -> None:
    text = (
        "input: [4]\nlayers:\n  a: {type: linear, out_features: 4, group: stem/inner}\n"
        "  b: {type: relu, group: stem}\n  c: {type: tanh}\ntitles: {stem: The stem}\n"
    )
    analysis = archscope.analyze(archscope.read(text))
    assert [(row.name, row.label, row.shown) for row in analysis.at(1)] == [
        ("stem", "2 layers", "The stem"),
        ("c", "tanh", "c"),
    ]
    assert [row.name for row in analysis.at(2)] == ["stem.inner", "b", "c"]
    assert "The stem  2 layers" in write(analysis, "table", View(depth=1, columns=("label",)))


def test_a_stage_that_is_not_covered_says_why_and_stays_unknown() -> None:
    text = (
        "input: [5]\nblocks: {b: {layers: {e: {type: embedding, num_embeddings: 9, embedding_dim: 3}}}}\n"
        "layers:\n  x: {type: b}\n"
    )
    analysis = archscope.analyze(archscope.read(text))
    assert analysis.at(1)[0].connections is None
    assert analysis.at(1)[0].reason("connections") == analysis["x.e"].reason("connections")
    assert "–¹" in write(analysis, "table", View(depth=1))


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_stages_as_rows(form: str, resnet: Analysis) -> None:
    text = write(resnet, form, View(depth=1))
    assert "conv3" in text
    assert "conv3.0" not in text.partition('"groups"')[0]


def test_a_layer_has_its_groups_in_csv_and_json(resnet: Analysis) -> None:
    lines = list(csv.DictReader(io.StringIO(write(resnet, "csv"))))
    assert {line["layer"]: line["group"] for line in lines}["conv3.1.a.bn"] == "conv3/1/a"
    found = json.loads(write(resnet, "json"))
    layer = next(each for each in found["layers"] if each["name"] == "conv3.1.a.bn")
    group = next(each for each in found["groups"] if each["path"] == ["conv3", "1"])
    assert layer["group"] == ["conv3", "1", "a"]
    assert (group["block"], group["parameters"], group["macs"]) == ("bottleneck", 280_064, 218_365_952)
    assert next(each for each in found["groups"] if each["path"] == ["conv3"])["copies"] == 4


def test_a_network_without_groups_has_none_in_csv_and_json() -> None:
    analysis = archscope.analyze(archscope.load("lenet5"))
    assert "group" not in write(analysis, "csv").partition("\n")[0]
    assert "groups" not in json.loads(write(analysis, "json"))


def test_a_stage_is_explained_by_what_it_holds(resnet: Analysis) -> None:
    text = derivation.write(resnet, "conv3")
    assert "conv3.1–3  bottleneck ×3  512×28×28  840,192 parameters" in text
    assert "379,392 + 3·280,064\n  = 1,219,584" in text
    inner = derivation.write(resnet, "conv3.1")
    assert "65,792 + 147,712 + 66,560" in inner


def test_a_group_that_is_not_there_is_offered_its_neighbour(resnet: Analysis) -> None:
    with pytest.raises(NotFound, match="did you mean `conv5`"):
        resnet["conv55"]
    with pytest.raises(UsageError, match="a depth of 0 shows nothing"):
        resnet.at(0)


def test_a_latex_table_that_is_longer_than_a_page_is_split(resnet: Analysis) -> None:
    long, short = write(resnet, "latex"), write(resnet, "latex", View(depth=1))
    assert r"\begin{longtable}" in long
    assert r"\endhead" in long
    assert r"\begin{table}" not in long
    assert r"\begin{tabular}" in short
    assert long.count("{") - long.count(r"\{") == long.count("}") - long.count(r"\}")
