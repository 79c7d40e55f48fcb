"""A parser for every language that is written: what it says, and how it is built.

A reader takes a file and gives its texts and its structure: tags, statements, nodes, cells. Text that stays text
changes the first and never the second.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import shutil
import subprocess
import tokenize
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple
from xml.etree import ElementTree

import pygraphviz
import pytest
from markdown_it import MarkdownIt

from tests.hostile import Page, seen_as_text


class Read(NamedTuple):
    """What a reader found: its texts, one after another, or None in pixels; and what it is built of."""

    said: str | None
    built: Any


Reader = Callable[[Any], Read]


def _text(written: str) -> Read:
    seen_as_text(re.sub("\x1b\\[[0-9;]*m", "", written))
    return Read(written, None)


def _json(written: str) -> Read:
    seen_as_text(written)
    said: list[str] = []

    def kinds(value: Any) -> Any:
        if isinstance(value, dict):
            said.extend(value)
            return [kinds(each) for each in value.values()]
        if isinstance(value, list):
            return [kinds(each) for each in value]
        said.append(value if isinstance(value, str) else "")
        return type(value).__name__

    built = kinds(json.loads(written))
    return Read("\n".join(said), built)


_NUMBER: Final = re.compile(r"[-+]?[\d.,eE+-]+")


def _cells(written: str) -> Read:
    """A table that a spreadsheet opens: nothing in it is worked out."""
    seen_as_text(written)
    rows = [*csv.reader(io.StringIO(written, newline=""))]
    for cell in (cell for row in rows for cell in row):
        assert cell.strip()[:1] not in ("=", "+", "-", "@") or _NUMBER.fullmatch(cell), cell
    return Read("\n".join(cell.removeprefix("'") for row in rows for cell in row), [len(row) for row in rows])


def _html(written: str) -> Read:
    seen_as_text(written)
    page = Page(written)
    told = [value or "" for _, attributes in page.tags for name, value in attributes if name in ("title", "alt")]
    return Read("\n".join([page.said, *told]), [(tag, [name for name, _ in given]) for tag, given in page.tags])


def _markdown(written: str) -> Read:
    seen_as_text(written)
    return _html(MarkdownIt("commonmark").enable("table").render(written))


_TEX_SAYS: Final = {
    "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textbar": "|", "textless": "<",
    "textgreater": ">", "textasciigrave": "`", "dots": "…", "times": "×", "cdot": "·", "pm": "±", "div": "÷",
    "surd": "√", "rightarrow": "→", "leftarrow": "←", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉",
}  # fmt: skip
_TEX: Final = re.compile(r"\\([A-Za-z]+)\*?|\\(.)|%[^\n]*|(---?)|([{}$&~^_#])|([^\\{}$&~^_#%-]+|.)", re.DOTALL)


def _tex(written: str) -> Read:
    """LaTeX by a tokenizer of its own: what is set, and the commands, braces and columns around it."""
    seen_as_text(written)
    said, built, depth = [], [], 0
    for word, sign, dashes, special, plain in _TEX.findall(written.replace("\\frac12", "½")):
        if word:
            said.append(_TEX_SAYS.get(word, ""))
            built += [] if word in _TEX_SAYS else [word]
        elif sign:
            said.append("" if sign == "\\" else sign)
            built += ["\\\\"] if sign == "\\" else []
        elif special in ("{", "}"):
            depth += 1 if special == "{" else -1
            assert depth >= 0
        elif special == "&":
            built.append("&")
        else:
            said.append({"--": "–", "---": "—"}.get(dashes, dashes) + ("\u00a0" if special == "~" else "") + plain)
    assert depth == 0
    return Read("".join(said), built)


def _xml(written: str, texts: Iterable[str] = ()) -> Read:
    seen_as_text(written)
    root = ElementTree.fromstring(written)
    said = [each.text or "" for each in root.iter()]
    said += [value for each in root.iter() for name, value in each.attrib.items() if name in {*texts}]
    built = [(each.tag.rpartition("}")[2], sorted(each.attrib)) for each in root.iter()]
    return Read("\n".join(said), built)


def _junit(written: str) -> Read:
    return _xml(written, ("name", "classname", "message"))


def _svg(written: str) -> Read:
    """A picture: longer words take more lines, and no other kind of thing."""
    said, built = _xml(written)
    return Read(said, {tag for tag, _ in built})


def _drawio(written: str) -> Read:
    said, built = _xml(written, ("name", "value", "tooltip", "label"))
    return Read(said, {tag for tag, _ in built})


def _tikz(written: str) -> Read:
    said, built = _tex(written)
    assert all(line.startswith(("%", "\\")) for line in written.splitlines())
    return Read(said, set(built))


def _dot(written: str) -> Read:
    seen_as_text(written)
    graph = pygraphviz.AGraph(string=written)
    labels = [graph.graph_attr["label"] or ""]
    for each in graph.nodes():
        label = graph.get_node(each).attr["label"] or ""
        labels.append(label)
    said = [
        Page(each).said
        if each.startswith("<")
        else re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nlr" else found[1], each)
        for each in labels
    ]
    return Read("\n".join(said), (len(graph.nodes()), len(graph.edges())))


def _mermaid(written: str) -> Read:
    """Mermaid by the signs of its language; a test with a browser reads it by Mermaid itself."""
    seen_as_text(written)
    names = {"quot": '"', "lt": "<", "gt": ">", "amp": "&"}
    inside = re.findall(r'"([^"]*)"', written)
    said = [re.sub(r"#(\w+);", lambda found: names.get(found[1]) or chr(int(found[1])), each) for each in inside]
    built = re.sub(r'"[^"]*"', "", re.sub(r"^(accTitle|accDescr|title).*$", "", written, flags=re.MULTILINE))
    return Read("\n".join(said), (built.count("-->"), len(written.splitlines())))


def _python(written: str) -> Read:
    """Source: the kinds of its statements and expressions; what it says are its strings and comments."""
    seen_as_text(written)
    tree = ast.parse(written)
    said = [each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    lines = io.StringIO(written).readline
    said += [each.string for each in tokenize.generate_tokens(lines) if each.type == tokenize.COMMENT]
    return Read("\n".join(said), [type(each).__name__ for each in ast.walk(tree)])


def _notebook(written: str) -> Read:
    import nbformat

    seen_as_text(written)
    notebook = nbformat.reads(written, as_version=4)
    nbformat.validate(notebook)
    said, built = [], []
    for cell in notebook.cells:
        read = (_python if cell.cell_type == "code" else _markdown)(cell.source)
        said.append(read.said or "")
        built.append((cell.cell_type, read.built))
    return Read("\n".join(said), built)


def _yaml(written: str) -> Read:
    import yaml

    seen_as_text(written)
    read = _json(json.dumps([*yaml.safe_load_all(written)]))
    return Read(read.said, read.built)


def _onnx(written: bytes) -> Read:
    import onnx

    model = onnx.load_from_string(written)
    onnx.checker.check_model(model)
    graph = model.graph
    said = [graph.name, graph.doc_string, model.doc_string, *(each.name for each in graph.node)]
    said += [each.name for each in (*graph.initializer, *graph.input, *graph.output)]
    return Read("\n".join(said), [each.op_type for each in graph.node])


def _office(written: bytes) -> zipfile.ZipFile:
    """A file of an office whose every part is XML."""
    packed = zipfile.ZipFile(io.BytesIO(written))
    for name in packed.namelist():
        if name.endswith((".xml", ".rels")):
            ElementTree.fromstring(packed.read(name))
    return packed


def _docx(written: bytes) -> Read:
    docx = pytest.importorskip("docx")
    _office(written)
    document = docx.Document(io.BytesIO(written))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    tables = [(len(table.rows), len(table.columns)) for table in document.tables]
    said = "\n".join([document.core_properties.title, *(each.text for each in document.paragraphs), *cells])
    seen_as_text(said)
    return Read(said, tables)


def _xlsx(written: bytes) -> Read:
    openpyxl = pytest.importorskip("openpyxl")
    _office(written)
    rows = [list(row) for sheet in openpyxl.load_workbook(io.BytesIO(written)) for row in sheet.iter_rows()]
    assert {cell.data_type for row in rows for cell in row} <= {"s", "n"}  # no formula, no link
    said = "\n".join(str(cell.value) for row in rows for cell in row if cell.value is not None)
    seen_as_text(said)
    return Read(said, [len(row) for row in rows])


def _pptx(written: bytes) -> Read:
    pptx = pytest.importorskip("pptx")
    _office(written)
    show = pptx.Presentation(io.BytesIO(written))
    shapes = [each for slide in show.slides for each in _shapes(slide.shapes)]
    said = [show.core_properties.title, *(each.text.replace("\x0b", "\n") for each in shapes if each.has_text_frame)]
    seen_as_text("\n".join(said))
    return Read("\n".join(said), {each.shape_type for each in shapes})


def _shapes(shapes: Any) -> Iterable[Any]:
    for each in shapes:
        yield each
        if each.shape_type == 6:
            yield from _shapes(each.shapes)


def _pdf(written: bytes) -> Read:
    """The letters of a PDF in poppler's order, and its title, where poppler is installed."""
    assert written.startswith(b"%PDF-")
    if shutil.which("pdftotext") is None or shutil.which("pdfinfo") is None:
        pytest.skip("needs poppler's pdftotext and pdfinfo")
    said = []
    for command in (["pdftotext", "-raw", "-", "-"], ["pdfinfo", "-"]):
        run = subprocess.run(command, input=written, capture_output=True, check=True)
        assert run.stderr == b""
        said.append(run.stdout.decode())
    return Read("\n".join(said), ())


def _png(written: bytes) -> Read:
    from PIL import Image

    with Image.open(io.BytesIO(written)) as picture:
        picture.load()
        assert picture.convert("L").getextrema()[0] < 128  # something dark is drawn
    return Read(None, None)


def _parquet(written: bytes) -> Read:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(written))
    said = [*table.column_names, *(str(each) for row in table.to_pylist() for each in row.values() if each is not None)]
    return Read("\n".join(said), [str(each) for each in table.schema.types])


READERS: Final[Mapping[str, Reader]] = {
    "table": _text, "text": _text, "markdown": _markdown, "md": _markdown, "csv": _cells, "json": _json, "html": _html,
    "latex": _tex, "tex": _tex, "junit": _junit, "svg": _svg, "png": _png, "pdf": _pdf, "tikz": _tikz, "dot": _dot,
    "mermaid": _mermaid, "pptx": _pptx, "drawio": _drawio, "docx": _docx, "ipynb": _notebook, "xlsx": _xlsx,
    "parquet": _parquet, "pytorch": _python, "keras": _python, "jax": _python, "onnx": _onnx, "timeloop": _yaml,
    "zigzag": _yaml, "yaml": _yaml,
}  # fmt: skip
"""A reader for every format, by the name it is asked for with."""
