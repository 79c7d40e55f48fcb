"""Whatever text a network says, every language reads it back as that text, by a parser of its own."""

from __future__ import annotations

import ast
import csv
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import unicodedata
import zipfile
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import markdown as python_markdown
import pygraphviz
import pytest
import torch
from markdown_it import MarkdownIt

import archscope
from archscope import escaping
from archscope.analysis import Analysis
from archscope.diagrams.graph.mermaid import mermaid_source
from archscope.diagrams.graph.view import view_of
from archscope.diagrams.request import request
from archscope.formats import write
from archscope.site import network_html, search
from archscope.site.bibliography import bibtex
from archscope.site.build import gather
from archscope.writing.jax import write_jax
from archscope.writing.keras import write_keras
from archscope.writing.pytorch import write_pytorch
from tests.hostile import OBEYED, SHORT, Page, few, letters, network, short, texts


def analysis(text: str, name: str | None = None) -> Analysis:
    return archscope.analyze(network(text, name))


# One language at a time, by its own parser.


@texts
def test_visible_text_can_be_encoded_and_holds_nothing_that_is_obeyed(text: str) -> None:
    shown = escaping.visible(text)
    shown.encode()
    assert not OBEYED.search(shown)
    assert escaping.visible(shown) == shown
    assert not set(escaping.line(text)) & set("\n\t\r")
    painted = escaping.painted(f"\x1b[1m{escaping.terminal(text)}\x1b[0m")
    assert painted == f"\x1b[1m{escaping.terminal(text)}\x1b[0m"
    assert not OBEYED.search(re.sub("\x1b\\[[0-9;]*m", "", escaping.painted(text)))


@texts
def test_python_reads_a_docstring_back(text: str) -> None:
    for lines in ([text], [text, "", text]):
        source = "class A:\n" + "\n".join(f"    {each}" for each in escaping.python_docstring(lines))
        (only,) = ast.parse(source).body
        assert isinstance(only, ast.ClassDef)
        assert len(only.body) == 1
        expected = "\n".join(escaping.line(each) for each in lines)
        assert (ast.get_docstring(only, clean=True) or "").strip() == expected.strip()


@texts
def test_a_spreadsheet_reads_a_cell_back_and_works_nothing_out(text: str) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow([escaping.csv_cell(text), "next"])
    ((cell, following),) = csv.reader(io.StringIO(stream.getvalue(), newline=""))
    assert following == "next"
    assert cell.removeprefix("'") == escaping.visible(text)
    assert not cell.strip().startswith(("=", "+", "-", "@"))


@texts
def test_json_reads_a_text_back_exactly(text: str) -> None:
    for written in (escaping.json_text([text]), escaping.json_in_html([text])):
        assert json.loads(written) == [text]
        written.encode()
        assert not OBEYED.search(written)
    assert "<" not in escaping.json_in_html([text])


def test_a_number_that_json_has_not_is_said_in_words() -> None:
    assert json.loads(escaping.json_text({"a": [float("inf"), 1.5]})) == {"a": ["inf", 1.5]}


@texts
def test_html_and_xml_read_a_text_back(text: str) -> None:
    shown = escaping.visible(text)
    read = Page(f'<p title="{escaping.html(text)}">{escaping.html(text)}</p>')
    assert read.said == shown
    assert read.tags == [("p", [("title", shown)])]
    quoted = Page(f"<p title='{escaping.html(text)}'></p>")
    assert quoted.tags == [("p", [("title", shown)])]
    root = ElementTree.fromstring(f'<a b="{escaping.xml(text)}">{escaping.xml(text)}</a>')
    assert (root.text or "") == shown
    assert root.attrib["b"] == re.sub(r"[\n\t]", " ", shown)  # XML makes a space of each in an attribute


@texts
def test_two_readers_of_markdown_show_a_text_as_it_is(text: str) -> None:
    shown, written = escaping.line(text), escaping.markdown(text)
    for place, tag in (("{}", "p"), ("# {}", "h1"), ("- {}", "li")):
        for read in (MarkdownIt("commonmark").enable("table").enable("strikethrough").render, python_markdown.markdown):
            page = Page(read(place.format(written)))
            assert letters(page.said) == letters(shown)
            assert {each for each, _ in page.tags} <= {tag, "ul", "p"} or not shown
    table = f"| a | b |\n| --- | --- |\n| {written} | c |"
    for page in (MarkdownIt("commonmark").enable("table").render(table),
                 python_markdown.markdown(table, extensions=["tables"])):  # fmt: skip
        assert letters(Page(page).said) == letters(f"ab{shown}c")


@texts
def test_a_block_of_code_ends_where_it_ends(text: str) -> None:
    code = escaping.visible(text)
    (token,) = MarkdownIt("commonmark").parse(escaping.markdown_code(code, "python"))
    assert token.type == "fence"
    assert token.content == f"{code}\n"


@texts
def test_graphviz_reads_a_text_back(text: str) -> None:
    graph = pygraphviz.AGraph(string=f'digraph {{ a [label="{escaping.dot(text)}"]; }}')
    assert graph.nodes() == ["a"]
    assert graph.edges() == []
    read = graph.get_node("a").attr["label"] or ""
    spelled = re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], read)
    assert spelled == escaping.visible(text)


@texts
def test_a_text_in_mermaid_holds_no_sign_of_its_language(text: str) -> None:
    written = escaping.mermaid(text)
    assert not set(re.sub(r"#(\d+|quot|lt|gt|amp);", "", written)) & set('"#<>&`\\%\n')
    names = {"quot": '"', "lt": "<", "gt": ">", "amp": "&"}
    read = re.sub(r"#(\w+);", lambda found: names.get(found[1]) or chr(int(found[1])), written)
    assert read == escaping.line(text)
    assert not set(escaping.mermaid_line(text)) & set(";{}#%<>\n")


@texts
def test_braces_close_in_what_tex_and_bibtex_read(text: str) -> None:
    for written in (escaping.latex(text), escaping.bibtex(text)):
        depth = 0
        for sign in re.sub(r"\\.", "", written):
            depth += (sign == "{") - (sign == "}")
            assert depth >= 0
        assert depth == 0
        assert "\n" not in written
        assert not re.search(r"(?<!\\)[%#&_~^]", written.replace("\\textasciitilde", ""))
    assert "@misc" in bibtex({text or "key": text})
    assert bibtex({text: text}).count("\n") <= 4


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_sets_every_text_as_it_is(tmp_path: Path) -> None:
    given = [text for text in SHORT if not escaping.latex_needs(text) and escaping.line(text)]
    lines = [f"\\noindent Begin{place}. {escaping.latex(text)} End.\\par" for place, text in enumerate(given)]
    rows = [f"{place} & {escaping.latex(text)} \\\\" for place, text in enumerate(given)]
    document = [r"\documentclass{article}\begin{document}\sloppy\hyphenpenalty=10000", *lines,
                r"\begin{tabular}{lp{5cm}}", *rows[:20], r"\end{tabular}", r"\end{document}"]  # fmt: skip
    (tmp_path / "all.tex").write_text("\n".join(document), encoding="utf-8")
    run = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"], cwd=tmp_path,
                         capture_output=True, check=False)  # fmt: skip
    assert run.returncode == 0, run.stdout.decode(errors="replace")[-800:]
    if shutil.which("pdftotext") is None:
        return
    said = subprocess.run(["pdftotext", "-raw", "all.pdf", "-"], cwd=tmp_path, capture_output=True, check=True).stdout
    read = re.sub(r"[^A-Za-z0-9=+@<>|\[\]{}\\$&#%]", "", unicodedata.normalize("NFKC", said.decode()))
    for place, text in enumerate(given):
        wanted = re.sub(r"[^A-Za-z0-9=+@<>|\[\]{}\\$&#%]", "", escaping.line(text))
        if text.isascii():
            assert f"Begin{place}{wanted}End" in read, text


def test_a_word_in_greek_is_set_in_one_font_and_a_sign_as_a_formula_has_it() -> None:
    assert escaping.latex("στρώμα, λαμδα") == "στρώμα, λαμδα"
    assert escaping.latex("σ, Δx and αβ") == r"$\sigma$, $\Delta$x and $\alpha$$\beta$"
    assert (escaping.latex_needs("λαμδα"), escaping.latex_needs("σ, αβ")) == ("λαμδ", "")


_ENGINE = "% Has letters that the fonts of pdfLaTeX lack: set it with LuaLaTeX and a font that has them."


@pytest.mark.parametrize(("text", "foreign"), [
    ("서울의 신경망", True), ("神经网络 とネット", True), ("Нейронная сеть", True), ("Δίκτυο", True),
    ("λαμδα", True), ("רשת", True),
    ("Réseau à côté, straße", False), ("100 % of a_b & c", False), ("σ and λ, 3×3", False),
])  # fmt: skip
def test_latex_and_tikz_say_which_engine_their_letters_need(text: str, foreign: bool) -> None:
    found = analysis(text)
    assert (_ENGINE in write(found, "latex")) is foreign
    drawn = str(archscope.draw(found, style="graph").write("tikz"))
    assert (_ENGINE in drawn) is foreign


@pytest.mark.parametrize(
    ("engine", "text"), [("pdflatex", "Réseau à côté, 50 % σ"), ("lualatex", "서울 网络 Сеть Δίκτυο")]
)
def test_a_table_and_a_figure_compile_with_the_engine_they_ask_for(tmp_path: Path, engine: str, text: str) -> None:
    if shutil.which(engine) is None:
        pytest.skip(f"{engine} is not installed; what is written names it all the same")
    found = analysis(text)
    (tmp_path / "table.tex").write_text(write(found, "latex"), encoding="utf-8")
    (tmp_path / "figure.tex").write_text(str(archscope.draw(found, style="graph").write("tikz")), encoding="utf-8")
    (tmp_path / "all.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs,tikz}\begin{document}\input{table}\input{figure}\end{document}",
        encoding="utf-8",
    )
    run = subprocess.run([engine, "-interaction=nonstopmode", "-halt-on-error", "all.tex"], cwd=tmp_path,
                         capture_output=True, check=False)  # fmt: skip
    assert run.returncode == 0, run.stdout.decode(errors="replace")[-800:]


# Whole files, of a network that says the text wherever a person can say anything.


@texts
def test_source_is_the_same_whatever_a_network_says(text: str) -> None:
    for source, writer in ((write_pytorch, "torch"), (write_keras, "keras"), (write_jax, "jax")):
        plain, hostile = (_without_docstring(source(network(said, "net"))) for said in ("said", text))
        assert ast.dump(plain) == ast.dump(hostile), writer
    module = ast.parse(write_pytorch(network(text, "net")))
    made = next(each for each in module.body if isinstance(each, ast.ClassDef))
    said = letters(ast.get_docstring(made) or "")
    title = escaping.line(text) or "net"
    assert said == letters(f"{title}.{escaping.line(f'{text} and {text}')}")


def _without_docstring(source: str) -> ast.Module:
    tree = ast.parse(source)
    for each in tree.body:
        if isinstance(each, ast.ClassDef):
            del each.body[0]
    return tree


@short
def test_source_runs_whatever_layers_are_called(text: str) -> None:
    module = ModuleType("written")
    exec(compile(write_pytorch(network("said", text)), "written", "exec"), module.__dict__)
    (made,) = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == "written"]
    assert made()(torch.zeros(2, 4)).shape == (2, 3)
    ast.parse(write_keras(network("said", text)))
    ast.parse(write_jax(network("said", text)))


def test_layers_whose_names_come_to_the_same_keep_weights_of_their_own() -> None:
    from archscope.layers import Linear
    from archscope.network import Network, Node, Ref

    names = ["a b", "a-b", "a.b", "A-B", "a_b"]
    nodes = [Node(name, Linear(out_features=3 + place), (Ref("input"),), name) for place, name in enumerate(names)]
    many = Network("many", {"input": (4,)}, nodes, tuple(Ref(name) for name in names))
    module = ModuleType("written")
    exec(write_pytorch(many), module.__dict__)
    assert [tuple(each.shape) for each in module.__dict__["Many"]()(torch.zeros(2, 4))] == [
        (2, 3 + place) for place in range(5)
    ]


@few
def test_workloads_files_of_offices_and_onnx_read_back(text: str, tmp_path: Path) -> None:
    import onnx
    import yaml

    from archscope.writing.onnx.file import write_onnx
    from archscope.writing.workloads.nests import workload
    from archscope.writing.workloads.timeloop import write_timeloop
    from archscope.writing.workloads.zigzag import write_zigzag

    said = network(text)
    (layer,) = yaml.safe_load(write_zigzag(said, workload(said)))
    assert layer["name"] == escaping.visible(f"{text}a")
    ((_, problem),) = write_timeloop(said, workload(said)).items()
    (told,) = yaml.safe_load_all(problem)
    assert told["problem"]["shape"]["name"] == escaping.visible(f"{text}a")
    write_onnx(said, tmp_path / "net.onnx")
    graph = onnx.load(tmp_path / "net.onnx").graph
    assert [each.op_type for each in graph.node] == ["Gemm", "Relu"]
    if len(text) > 1000:  # no page of an office is as wide, and it says so
        return
    drawing = archscope.draw(archscope.analyze(said), style="graph")
    assert len(list(ElementTree.fromstring(str(drawing.write("drawio"))).iter("mxCell"))) > 3
    with zipfile.ZipFile(io.BytesIO(drawing.write("pptx"))) as packed:  # type: ignore[arg-type]
        for name in packed.namelist():
            if name.endswith((".xml", ".rels")):
                ElementTree.fromstring(packed.read(name))


@short
def test_a_page_and_its_search_read_back(text: str) -> None:
    page = gather(analysis(text, "net"))
    written = network_html.write(page)
    written.encode()
    assert html.unescape(re.search(r"<h1[^>]*>(.*?)</h1>", written, re.DOTALL)[1]) == escaping.visible(  # type: ignore[index]
        page.analysis.title)  # fmt: skip
    plain = network_html.write(gather(analysis("said", "net")))
    assert written.count("<script") == plain.count("<script")
    entries = json.loads(search.index([page]))
    assert entries[0]["n"] == page.analysis.title
    assert not OBEYED.search(written)


@pytest.mark.browser
@pytest.mark.skipif("MERMAID" not in os.environ, reason="MERMAID names no mermaid.min.js of the npm package")
def test_mermaid_reads_back_every_text() -> None:
    from tests.diagrams.browser import launch

    with launch() as page:
        page.add_script_tag(path=Path(os.environ["MERMAID"]))
        for text in SHORT[::3]:  # what holds for every text is above
            source = mermaid_source(view_of(analysis(text), depth="full"), request())
            drawn = page.evaluate("async text => (await mermaid.render('drawn', text)).svg", source)
            read = Page(drawn)
            assert letters(escaping.line(network(text).nodes[0].name)) in letters(read.said), text
            assert "script" not in {tag for tag, _ in read.tags}


def test_what_a_stranger_prints_moves_no_cursor_and_names_no_window(capsys: pytest.CaptureFixture[str]) -> None:
    from archscope.theirs import heard_apart

    with heard_apart():
        print("\x1b]0;owned\x07\x1b[2Jhello \x1b[31mred\x1b[0m")
        sys.stdout.flush()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "�]0;owned��[2Jhello \x1b[31mred\x1b[0m\n"
