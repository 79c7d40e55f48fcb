"""Whatever a network, a pupil or a file of another tool says, every file made of it reads back by its own parser."""

from __future__ import annotations

import ast
import contextlib
import csv
import html
import io
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

import archscope
from archscope import escaping
from archscope.classroom import Sheet, mark, report, sheet_of, slides
from archscope.classroom.submissions import read_answers
from archscope.classroom.writers import write as write_sheet
from archscope.conventions import TOOLS, count
from archscope.curves import Curve, curve
from archscope.diagrams import plot
from archscope.diagrams.html import packed_in
from archscope.diagrams.themes import theme
from archscope.formats import counts
from archscope.formats import curve as curves
from archscope.layers import Linear
from archscope.network import Network, Node, Ref
from archscope.oracles.report import write_junit, write_markdown, write_matrix
from archscope.sweep import Here, Journal, Rows, Spec, axis, plan, run
from archscope.sweep.lines import from_lines, to_lines
from archscope.sweep.plane import picture
from archscope.sweep.writing import FORMATS as SWEEPS
from tests.hostile import OBEYED, Page, few, letters, network, seen_as_text, short, texts
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


@texts
def test_what_tools_print_reads_back_in_every_format(text: str) -> None:
    found = [count(archscope.analyze(network(text)), tool) for tool in TOOLS]
    written = {name: counts.write(found, name) for name in counts.FORMATS}
    for each in written.values():
        seen_as_text(each)
    read = json.loads(written["json"])["counts"]
    assert {each["network"] for each in read} == {text or "n"}
    assert {cell.removeprefix("'") for cell in [row[0] for row in cells_of(written["csv"])][1:]} == {
        escaping.visible(text or "n")}  # fmt: skip
    marked = Page(MarkdownIt("commonmark").enable("table").render(written["markdown"]))
    assert _count(marked, "h2") == len(TOOLS)


def _count(page: Page, tag: str) -> int:
    return sum(each == tag for each, _ in page.tags)


NET = "input: [4]\nlayers:\n  a: {type: linear, out_features: 2}\n"


@contextlib.contextmanager
def swept(text: str) -> Iterator[Rows]:
    """A sweep of a network that is called so, over a value that is none."""
    specs = [Spec(text, NET), Spec(f"{text}@{text}", NET)]
    made = plan(specs, [axis("a.out_features", ["3", text, "2"])], "parameters,macs")
    journal = Journal(None, made.identity)
    try:
        run(made, journal, Here())
        yield Rows(made, journal)
    finally:
        journal.close()


def sweep_in(rows: Rows, format: str) -> str:
    file = io.BytesIO()
    SWEEPS[format](rows, file)
    return file.getvalue().decode()


@short
def test_a_sweep_reads_back_in_every_format_and_as_a_plot(text: str) -> None:
    with swept(text) as rows:
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


@few
def test_slides_of_any_layer_read_back(text: str) -> None:
    pptx = pytest.importorskip("pptx")
    show = pptx.Presentation(io.BytesIO(slides.write(archscope.analyze(network(text)), f"{text}a")))
    titles = [page.shapes.title.text for page in show.slides]
    assert letters(titles[0]) == letters(escaping.line(f"{text}a of {text}"))
    bodies = [shape.text for page in show.slides for shape in page.shapes if shape.has_text_frame]
    assert any("15" in each for each in bodies)  # 4·3 weights and 3 biases
    assert not OBEYED.search("".join(bodies).replace("\x0b", ""))  # a line end in PowerPoint


@few
def test_a_picture_for_powerpoint_and_for_drawio_reads_back(text: str) -> None:
    pptx = pytest.importorskip("pptx")
    drawing = archscope.draw(archscope.analyze(network(text[:500])), style="graph")
    root = ElementTree.fromstring(str(drawing.write("drawio")))
    assert root[0].attrib["name"] == escaping.line(text[:500])
    assert {each.tag for each in root.iter()} <= {"mxfile", "diagram", "mxGraphModel", "root", "mxCell", "UserObject",
                                                  "mxGeometry", "mxPoint", "Array"}  # fmt: skip
    assert len([each for each in root.iter("mxCell") if each.get("source")]) >= 1
    show = pptx.Presentation(io.BytesIO(drawing.write("pptx")))  # type: ignore[arg-type]
    said = letters("".join(shape.text for shape in _shapes(show.slides[0].shapes) if shape.has_text_frame))
    assert letters(escaping.line(text))[:20] in said
    assert show.core_properties.title == escaping.line(text[:500])[:255]


def _shapes(shapes: Any) -> Iterator[Any]:
    for each in shapes:
        yield each
        if each.shape_type == 6:
            yield from _shapes(each.shapes)


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
def test_a_curve_reads_back_in_every_format_and_as_a_plot(text: str) -> None:
    name = text or "q"
    grown = Curve(text, name, (1, 2), {"macs": (3, 4), name: (5, 6)}, {name: text}, {"macs": 2})
    written = {kind: curves.write(grown, kind) for kind in curves.FORMATS}
    for each in written.values():
        each.encode()
        assert not OBEYED.search(each)
    assert json.loads(written["json"])["lines"] == {"macs": [3, 4], name: [5, 6]}
    head, *rows = csv.reader(io.StringIO(written["csv"], newline=""))
    assert [cell.removeprefix("'") for cell in head] == [
        escaping.visible(each.lower()) for each in (name, "macs", name)
    ]
    assert rows == [["1", "3", "5"], ["2", "4", "6"]]
    assert Page(written["html"]).tags.count(("th", [("scope", "col")])) == 3
    assert "script" not in {tag for tag, _ in Page(written["html"]).tags}
    table = MarkdownIt("commonmark").enable("table").render(written["markdown"])
    assert [tag for tag, _ in Page(table).tags].count("th") == 3
    drawn = plot.curve(text, text, (1, 2), grown.lines, grown.overtaken, theme("light"))
    assert ElementTree.fromstring(str(plot.written(drawn, "svg")))[0].text == escaping.visible(drawn.title)
    _, _, table_head, rule, first, second = written["table"].splitlines()[:6]
    assert letters(table_head) == letters(escaping.line(f"{name} macs {name}"))
    assert (set(rule), first.split(), second.split()) == ({"─"}, ["1", "3", "5"], ["2", "4", "6"])


@texts
def test_a_row_of_a_sweep_is_one_line_and_reads_back(text: str) -> None:
    rows = [(0, text, text, 5, text), (1, "plain", None, None, "")]
    written = to_lines(rows)
    assert len(written.split("\n")) == 3
    shown = escaping.line(text) or None
    assert [*from_lines(written.splitlines(keepends=True), texts=3)] == [
        (0, shown, shown, 5, shown or ""), (1, "plain", None, None, "")]  # fmt: skip


@pytest.mark.parametrize("text", ["<b>&]]>", "=1+1", "\x1b]0;t\x07 \ud800", "שלום 🙂", "x" * 300], ids=ascii)
def test_a_document_and_a_form_of_any_network_read_back(text: str) -> None:
    docx, openpyxl = pytest.importorskip("docx"), pytest.importorskip("openpyxl")
    asked = sheet_of(archscope.analyze(network(text)), spec=text, seed=7)
    document = docx.Document(io.BytesIO(write_sheet(asked, "docx", key=True)))  # type: ignore[arg-type]
    assert document.paragraphs[0].text.startswith(escaping.line(text))
    assert document.tables[0].rows[1].cells[0].text == escaping.line(f"{text}a")
    page = openpyxl.load_workbook(io.BytesIO(write_sheet(asked, "xlsx"))).active  # type: ignore[arg-type]
    rows = [*page.iter_rows()]
    assert {cell.data_type for row in rows for cell in row} <= {"s", "n"}
    assert (rows[0][1].value, rows[4][0].value) == (escaping.visible(text), escaping.visible(f"{text}a"))


@texts
def test_marks_of_a_sheet_read_back_in_every_format(text: str) -> None:
    asked = sheet_of(archscope.analyze(network(text)), spec=text, seed=7, blank="parameters")
    papers = [mark(asked, {(f"{text}a", "parameters"): answer}, pupil=text) for answer in (text, "12")]
    papers = [each.replace(notes=(text,)) for each in papers]
    for kind in ("text", "markdown", "html", "csv"):
        written = report.write(papers, kind)
        written.encode()
        assert not OBEYED.search(written)
    rows = [*csv.reader(io.StringIO(report.write(papers, "csv"), newline=""))]
    assert [row[0].removeprefix("'") for row in rows[1:]] == [escaping.visible(text)] * 2
    page = Page(report.write(papers, "html"))
    assert letters(escaping.visible(text)) in letters(page.said)
    assert not {tag for tag, _ in page.tags} & {"script", "b", "a", "img"}


@short
def test_a_verification_reads_back_in_every_format(text: str) -> None:
    found = [archscope.verify(network(text), ["published"])]
    root = ElementTree.fromstring(write_junit(found))
    assert root[0].attrib["name"] == escaping.visible(found[0].analysis.name)
    for written in (write_matrix(found), write_markdown(found)):
        written.encode()
        assert not OBEYED.search(written)
    MarkdownIt("commonmark").enable("table").render(write_markdown(found))
