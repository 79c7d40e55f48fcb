"""Whatever a network, a pupil or a file of another tool says, every file made of it reads back by its own parser."""

from __future__ import annotations

import ast
import csv
import html
import io
import json
import re
import unicodedata
from pathlib import Path
from xml.etree import ElementTree

from markdown_it import MarkdownIt

import archscope
from archscope import escaping
from archscope.classroom import Sheet, sheet_of
from archscope.classroom.submissions import read_answers
from archscope.classroom.writers import write as write_sheet
from archscope.curves import curve
from archscope.diagrams import plot
from archscope.diagrams.html import packed_in
from archscope.diagrams.themes import theme
from archscope.layers import Linear
from archscope.network import Network, Node, Ref
from archscope.sweep import Rows
from archscope.sweep.lines import from_lines, to_lines
from archscope.sweep.plane import picture
from archscope.sweep.writing import FORMATS as SWEEPS
from tests.hostile import Page, letters, network, seen_as_text, short, texts
from tests.reading_back.makers import sweep
from tools.comment import LONGEST, MARK, body_of


def cells_of(written: str) -> list[list[str]]:
    """Rows of CSV, all of one width, none of which a spreadsheet works out."""
    found = list(csv.reader(io.StringIO(written, newline="")))
    assert len({len(row) for row in found}) == 1
    numbers = re.compile(r"[-+]?[\d.,eE+-]+")
    assert not [cell for row in found for cell in row if cell.strip()[:1] in ("=", "+", "-", "@", "\t")
                and not numbers.fullmatch(cell)]  # fmt: skip
    return found


def a_grid_reads_back(written: dict[str, str], title: str, says: list[str]) -> None:
    """A table in every format that one is written in."""
    for each in written.values():
        seen_as_text(each)
    assert set(_tags(written["html"])) <= {"html", "head", "meta", "title", "style", "body", "h1", "div", "table",
                                           "thead", "tbody", "tr", "th", "td", "p"}  # fmt: skip
    said = letters(Page(written["html"]).said)
    marked = Page(MarkdownIt("commonmark").enable("table").render(written["markdown"]))
    assert {tag for tag, _ in marked.tags} <= {"h2", "table", "thead", "tbody", "tr", "th", "td", "p"}
    for each in (title, *says):
        assert letters(escaping.visible(each)) in said
        assert letters(escaping.line(each)) in letters(marked.said)
        assert letters(escaping.latex(each)) in letters(written["latex"])
    cells_of(written["csv"])


def _tags(source: str) -> list[str]:
    return [tag for tag, _ in Page(source).tags]


@short
def test_a_curve_over_an_option_of_any_layer_is_worked_out(text: str) -> None:
    found = curve(network(text), f"{text}a.out_features", 1, 4, ["macs"])
    assert found.lines["macs"] == (4, 8, 16)  # 4 inputs, and one, two and four outputs


def sweep_in(rows: Rows, format: str) -> str:
    file = io.BytesIO()
    SWEEPS[format](rows, file)
    return file.getvalue().decode()


@short
def test_a_sweep_reads_back_in_every_format_and_as_a_plot(text: str) -> None:
    with sweep(text) as rows:
        found = [*rows]
        assert [row[0] for row in found] == [0, 1, 2, 3, 4, 5]
        assert found[0][1:-1] == (escaping.line(text) or None, "3", 15, 12)
        written = {name: sweep_in(rows, name) for name in SWEEPS if name != "parquet"}
        svg = str(plot.written(picture(rows, "parameters", "macs", theme("light")), "svg"))
    a_grid_reads_back(written, "6 networks", [escaping.line(text)])
    seen_as_text(written["json"])
    read = json.loads(written["json"])["rows"]
    assert [each["parameters"] for each in read if each["a.out_features"] in ("2", "3")] == [15, 10, 15, 10]
    assert {row[1].removeprefix("'").partition("@")[0].strip() for row in cells_of(written["csv"])[1:]} == {
        escaping.line(text).partition("@")[0].strip()}  # fmt: skip
    ElementTree.fromstring(svg)
    seen_as_text(svg)


@texts
def test_what_a_notebook_shows_reads_back(text: str) -> None:
    built = network(text)
    found = archscope.analyze(built)
    shown = [built, found, *found.rows, archscope.verify(built, ["published"])]
    for each in shown:
        fragment = each._repr_html_()
        seen_as_text(fragment)
        page = Page(fragment)
        assert not {tag for tag, _ in page.tags} & {"script", "b", "img", "a"}
        assert not [name for _, attributes in page.tags for name, _ in attributes if name.startswith("on")]
        seen_as_text(repr(each))
    assert letters(escaping.visible(found.title)) in letters(Page(found._repr_html_()).said)


def sheet(text: str, seed: int | None = None) -> Sheet:
    return sheet_of(archscope.analyze(network(text)), spec=text, seed=seed)


@texts
def test_a_form_of_any_network_is_filled_in_and_read_back(text: str, tmp_path: Path) -> None:
    asked = sheet(text, 7)
    names = asked.lines
    seen_as_text(str(write_sheet(asked, "csv")))
    rows = cells_of_form(str(write_sheet(asked, "csv")))
    head = next(at for at, row in enumerate(rows) if row[0] == "layer")
    rows[head + 1][2] = "15"
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    (tmp_path / "a.csv").write_text(out.getvalue(), encoding="utf-8")
    text_of_md = str(write_sheet(asked, "md"))
    seen_as_text(text_of_md)
    marked = Page(MarkdownIt("commonmark").enable("table").render(text_of_md))
    assert letters(escaping.line(f"{text}a")) in letters(marked.said)
    assert not {tag for tag, _ in marked.tags} & {"script", "b", "img", "a"}
    (tmp_path / "a.md").write_text(text_of_md, encoding="utf-8")
    notebook = json.loads(str(write_sheet(asked, "ipynb")))
    seen_as_text(str(write_sheet(asked, "ipynb")))
    (answers,) = [each for each in ast.parse(notebook["cells"][1]["source"]).body if ast.unparse(each)[:7] == "answers"]
    assert isinstance(answers, ast.Assign)
    assert isinstance(answers.value, ast.Dict)
    assert [ast.literal_eval(key) for key in answers.value.keys if key] == [f"{text}a", f"{text}b", "total"]
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    if len(text) > 1000:
        return  # a name as long as this has no place in a cell, and the message says so
    assert read_answers(tmp_path / "a.csv", names).answers[f"{text}a", "parameters"] == "15"
    for suffix in ("md", "ipynb"):
        assert (f"{text}a", "parameters") in read_answers(tmp_path / f"a.{suffix}", names).answers


def cells_of_form(written: str) -> list[list[str]]:
    return [*csv.reader(io.StringIO(written, newline=""))]


@texts
def test_the_page_of_a_graph_packs_every_text_as_it_is(text: str) -> None:
    page = str(archscope.draw(archscope.analyze(network(text)), style="graph").write("html"))
    seen_as_text(page)
    read = Page(page)
    assert read.tags.count(("script", [])) == 1
    assert not {tag for tag, _ in read.tags} & {"b", "img", "a", "iframe"}
    assert html.unescape(page.partition("<h1>")[2].partition("</h1>")[0]) == escaping.visible(text or "n")
    packed = packed_in(page)
    lines = [each for part in packed["graph"]["parts"] for each in part["lines"]]
    assert letters(escaping.line(f"{text}a")) in {letters(each) for each in lines}


@short
def test_a_class_for_a_block_of_any_name_is_python_in_every_framework(text: str) -> None:
    from archscope.writing.jax import write_jax
    from archscope.writing.keras import write_keras
    from archscope.writing.pytorch import write_pytorch

    nodes, before = [], "input"
    for copy in range(2):
        for part, size in (("x", 3), ("y", 4)):
            name = f"{text}.{copy}.{text}{part}"
            nodes.append(Node(name, Linear(out_features=size), (Ref(before),), name, group=(text or "g", str(copy))))
            before = name
    many = Network("net", {"input": (4,)}, nodes, (Ref(before),), title=text)
    for write in (write_pytorch, write_keras, write_jax):
        tree = ast.parse(write(many))
        calls = [each.func for each in ast.walk(tree) if isinstance(each, ast.Call)]
        called = {each.id for each in calls if isinstance(each, ast.Name)}
        assert called <= {"super", "range", "len", "zip", "enumerate", "isinstance", "list", "tuple", "vars", "hasattr",
                          *_classes(tree)}  # fmt: skip
        assert {name.name for each in ast.walk(tree) if isinstance(each, ast.Import) for name in each.names} <= {
            "torch", "keras", "jax"}  # fmt: skip


def _classes(tree: ast.Module) -> set[str]:
    return {each.name for each in ast.walk(tree) if isinstance(each, (ast.ClassDef, ast.FunctionDef))}


@texts
def test_a_comment_under_a_pull_request_is_one_whatever_the_report_says(text: str) -> None:
    body = body_of(escaping.visible(text))
    assert body.startswith(f"{MARK}\n")
    assert len(body) < LONGEST + 200
    json.dumps({"body": body}).encode()


@texts
def test_what_python_prints_of_a_network_moves_no_cursor(text: str) -> None:
    found = archscope.analyze(network(text))
    for each in (found.network, found, *found.rows):
        assert not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in repr(each))
        repr(each).encode()


@texts
def test_a_row_of_a_sweep_is_one_line_and_reads_back(text: str) -> None:
    rows = [(0, text, text, 5, text), (1, "plain", None, None, "")]
    written = to_lines(rows)
    assert len(written.split("\n")) == 3
    shown = escaping.line(text) or None
    assert [*from_lines(written.splitlines(keepends=True), texts=3)] == [
        (0, shown, shown, 5, shown or ""), (1, "plain", None, None, "")]  # fmt: skip
