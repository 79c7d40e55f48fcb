"""What each format owes its reader."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

import archscope
from archscope.analysis import Analysis
from archscope.errors import NotFound
from archscope.formats import FORMATS, View, write
from archscope.formats.columns import COLUMNS, USUAL
from archscope.formats.latex import escape as tex
from archscope.formats.markdown import escape as md
from archscope.reader import spec_names
from tests.collection import thin

NAMES = tuple(name for name in COLUMNS if name != "layer")

HOSTILE = """
title: "50% of_A & B <b>$x$</b> | {c} #1 ~^\\\\"
input: [4]
layers:
  words: {type: embedding, num_embeddings: 10, embedding_dim: 3}
"""


@pytest.fixture(scope="module")
def lenet() -> Analysis:
    return archscope.analyze(archscope.load("lenet5"))


@pytest.fixture(scope="module")
def alexnet() -> Analysis:
    return archscope.analyze(archscope.load("alexnet"))


@pytest.fixture(scope="module")
def hostile() -> Analysis:
    return archscope.analyze(archscope.read(HOSTILE))


@pytest.mark.parametrize(("spec", "width"), [
    *((spec, 80) for spec in spec_names()),
    *((spec, width) for spec in ("alexnet", "lenet5", "gpt2@small", "resnet@18") for width in (200, 100, 60, 40)),
])  # fmt: skip
@pytest.mark.parametrize("columns", [None, NAMES], ids=["usual", "all"])
def test_a_table_stays_within_the_terminal_and_breaks_no_number(
    spec: str, width: int, columns: tuple[str, ...] | None
) -> None:
    analysis = archscope.analyze(thin(spec))
    text = write(analysis, "table", View(columns=columns, width=width))
    wide = "".join(f"{write(analysis, 'table', View(columns=(name,)))}\n" for name in ("weights", "inputs"))
    single = [len(line) for line in wide.split("\n")]
    # A name is never cut: the columns that a table cannot do without may be wider than a very narrow terminal.
    bare = write(analysis, "table", View(columns=("output", "parameters"))).split("\n\n")[1]
    least = max(len(line) for line in bare.split("\n"))
    limit = max(width, least) if columns is None else max(width, *single)
    assert max(len(line) for line in text.split("\n")) <= limit
    assert f"{int(analysis.totals.parameters):,}" in text


def test_a_narrow_terminal_says_what_it_leaves_out(lenet: Analysis) -> None:
    wide = write(lenet, "table", View())
    narrow = write(lenet, "table", View(width=60))
    assert "Left out" not in wide
    assert "scaled_tanh" in wide
    assert "Left out to fit 60 columns: Activation, RF, MACs" in " ".join(narrow.split())


def test_columns_that_were_asked_for_are_stacked_and_never_left_out(alexnet: Analysis) -> None:
    text = write(alexnet, "table", View(columns=NAMES, width=80))
    assert "Left out" not in text
    assert all(COLUMNS[name].heading in text for name in NAMES)


def test_colour_is_the_only_difference_colour_makes(lenet: Analysis) -> None:
    plain = write(lenet, "table", View(width=80, working=True))
    colored = write(lenet, "table", View(width=80, working=True, color=True))
    assert "\x1b" not in plain
    assert "\x1b[36m" in colored
    assert re.sub(r"\x1b\[\d+m", "", colored) == plain


def test_numbers_are_aligned_on_their_digits(lenet: Analysis) -> None:
    lines = write(lenet, "table", View(columns=("parameters",))).split("\n")
    table = lines[3 : lines.index("", 3)]
    assert len({len(line) for line in table}) == 1


def test_a_number_that_is_not_covered_is_a_dash_with_its_reason(hostile: Analysis) -> None:
    text = write(hostile, "table", View(columns=("connections", "parameters")))
    reason = hostile["words"].reason("connections")
    assert reason
    assert re.search(r"words +–¹ ", text)
    assert f"¹ {reason}" in text
    assert re.search(r"Total +–²", text)


def test_the_reason_that_the_grid_is_lost_is_told_once_where_it_happens(alexnet: Analysis) -> None:
    text = write(alexnet, "table", View(columns=("receptive_field", "jump", "start")))
    assert text.count("from flatten on: ") == 1
    assert "²" not in text


def test_working_stands_below_the_table_for_every_count_that_is_shown(lenet: Analysis) -> None:
    text = write(lenet, "table", View(working=True, columns=("connections",)))
    assert re.search(r"C3 +Connections +\(5·5·60 \+ 16\)·10·10 +151,600", text)
    assert "5·5·60 + 16 " not in text


def test_every_node_has_a_line_of_its_own_when_asked_for(lenet: Analysis, alexnet: Analysis) -> None:
    assert "C1.scaled_tanh" in write(lenet, "table", View(every_node=True))
    assert "conv1.gpu0" in write(alexnet, "csv", View(every_node=True))
    assert "gpu0" not in write(alexnet, "csv", View())


def test_towers_state_their_parameters_and_what_crosses(alexnet: Analysis) -> None:
    text = write(alexnet, "table", View())
    assert re.search(r"GPU 0 +28,434,112 parameters", text)
    assert re.search(r"Values that cross +conv3 43,264, fc6 9,216, fc7 4,096", text)


def test_fixed_values_have_a_column_where_there_are_any() -> None:
    assert "Fixed" in write(archscope.analyze(archscope.load("lenet5-1998")))
    assert "Fixed" not in write(archscope.analyze(archscope.load("lenet5")))


def test_csv_reads_back_as_the_numbers(alexnet: Analysis) -> None:
    lines = list(csv.DictReader(io.StringIO(write(alexnet, "csv", View(columns=NAMES)))))
    assert [line["layer"] for line in lines] == [row.name for row in alexnet.rows]
    assert sum(int(line["parameters"]) for line in lines) == alexnet.totals.parameters
    assert lines[0]["output"] == "96x55x55"
    assert lines[-1]["receptive_field"] == ""


def test_csv_holds_the_working_in_fields_of_its_own(lenet: Analysis) -> None:
    first = next(csv.DictReader(io.StringIO(write(lenet, "csv", View(columns=("macs",), working=True)))))
    assert first == {"layer": "C1", "macs": "117600", "macs_working": "5·5·1·28·28·6"}


def test_json_has_the_keys_of_its_schema_and_no_others(lenet: Analysis) -> None:
    document = json.loads(write(lenet, "json"))
    assert list(document) == ["schema", "name", "title", "input", "layers", "totals"]
    assert document["schema"] == "archscope.analysis/1"
    assert document["input"] == [1, 32, 32]
    assert list(document["layers"][0]) == [
        "name", "type", "inputs", "output", "parameters", "fixed", "connections", "connections_in_bounds", "macs",
        "units", "receptive_field", "jump", "dense_equivalent", "working",
    ]  # fmt: skip
    assert document["layers"][0]["working"] == {
        "parameters": "(5·5·1 + 1)·6",
        "connections": "(5·5·1 + 1)·28·28·6",
    }
    assert document["totals"] == {
        "parameters": 60850, "fixed": 0, "connections": 340918, "connections_in_bounds": 340918, "macs": 326520,
        "units": 8094,
    }  # fmt: skip


def test_json_says_null_where_a_number_is_not_covered(lenet: Analysis) -> None:
    document = json.loads(write(lenet, "json"))
    assert document["layers"][-1]["receptive_field"] is None


def test_json_adds_the_columns_that_are_asked_for(lenet: Analysis) -> None:
    document = json.loads(write(lenet, "json", View(columns=("flops", "activation_bytes", "layer"))))
    assert document["layers"][0]["flops"] == 235_200
    assert document["layers"][0]["activation_bytes"] == 18_816
    assert document["totals"]["flops"] == 653_040


def test_markdown_is_one_pipe_table_with_as_many_cells_in_every_line(hostile: Analysis) -> None:
    text = write(hostile, "markdown", View(columns=NAMES))
    table = [line for line in text.split("\n") if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {len(NAMES) + 2}
    assert re.fullmatch(r"[|: -]+", table[1])


def test_text_cannot_break_out_of_markdown_or_tex() -> None:
    assert md("a|b_c*<d>\n`e`") == r"a&#124;b\_c\*&lt;d&gt; \`e\`"
    assert tex("50% & _#${}~^\\<>") == (
        r"50\% \& \_\#\$\{\}\textasciitilde{}\textasciicircum{}\textbackslash{}\textless{}\textgreater{}"
    )


def test_latex_is_a_booktabs_table_whose_lines_have_as_many_cells_as_columns(hostile: Analysis) -> None:
    text = write(hostile, "latex", View(working=True))
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\begin{table}", r"\end{table}", r"\caption{"):
        assert rule in text
    body = text.split(r"\begin{tabular}")[1].split(r"\end{tabular}")[0]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in body.split("\n") if line.endswith(r"\\")} == {
        body.split("@{}")[1].count("l") + body.split("@{}")[1].count("r") - 1
    }
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert "×" not in text


class _Page(HTMLParser):
    """Collects the tags, and checks that they close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.tags if name == tag)


@pytest.mark.parametrize("working", [False, True])
def test_html_is_a_whole_page_that_fetches_nothing_and_runs_nothing(hostile: Analysis, working: bool) -> None:
    text = write(hostile, "html", View(working=working))
    page = _Page(text)
    assert text.startswith("<!doctype html>")
    assert page.open == []
    assert "script" not in [name for name, _ in page.tags]
    assert not re.search(r"https?:|url\(|@import|src=|href=", text)
    assert "<b>" not in text


def test_html_names_its_headings_for_those_who_listen_to_it(alexnet: Analysis) -> None:
    page = _Page(write(alexnet, "html"))
    assert next(page.all("html"))["lang"] == "en"
    assert {each["scope"] for each in page.all("th")} == {"col", "row"}
    assert [name for name, _ in page.tags].count("caption") == 1


def test_html_has_a_light_and_a_dark_face(lenet: Analysis) -> None:
    text = write(lenet, "html")
    assert "color-scheme: light dark" in text
    assert "prefers-color-scheme: dark" in text


def test_a_notebook_shows_an_analysis_as_a_table(lenet: Analysis) -> None:
    shown = lenet._repr_html_()
    assert shown.startswith("<div")
    assert _Page(shown).open == []
    assert "60,850" in shown


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_shows_every_column(format: str, alexnet: Analysis) -> None:
    text = write(alexnet, format, View(columns=NAMES, working=True))
    assert len(text) > len(write(alexnet, format, View(columns=("macs",))))


@pytest.mark.parametrize("format", FORMATS)
def test_a_format_ends_without_a_blank_line(format: str, lenet: Analysis) -> None:
    text = write(lenet, format)
    assert text == text.strip("\n")
    assert not [line for line in text.split("\n") if line != line.rstrip()]


def test_an_unknown_format_or_column_offers_the_near_one(lenet: Analysis) -> None:
    with pytest.raises(NotFound, match="did you mean `markdown`"):
        write(lenet, "markdwn")
    with pytest.raises(NotFound, match="did you mean `dense_equivalent`"):
        write(lenet, "table", View(columns=("dense_equivalen",)))


def test_every_usual_column_exists() -> None:
    assert set(USUAL) <= set(COLUMNS)


SHARED = """
input: {a: [4], b: [4]}
layers:
  f: {type: linear, from: a, out_features: 3}
  g: {type: linear, from: b, out_features: 3, shares: f}
  s: {type: add, from: [f, g]}
"""


@pytest.mark.parametrize("name", ["table", "markdown", "html", "latex"])
def test_a_layer_with_another_ones_weights_says_whose_they_are(name: str) -> None:
    assert "g: shared with f, and counted there" in write(archscope.analyze(archscope.read(SHARED)), name)


def test_plain_formats_name_the_layer_whose_weights_another_uses() -> None:
    analysis = archscope.analyze(archscope.read(SHARED))
    layers = json.loads(write(analysis, "json"))["layers"]
    assert [layer.get("shares") for layer in layers] == [None, ["f"], None]
    lines = csv.reader(io.StringIO(write(analysis, "csv", View(columns=("shares",)))))
    assert list(lines) == [["layer", "shares"], ["f", ""], ["g", "f"], ["s", ""]]
