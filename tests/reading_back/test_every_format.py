"""Whatever is said, every file that can be asked for is read back by the parser of its language as what was said."""

from __future__ import annotations

import ast
import importlib
import re
import unicodedata
from pathlib import Path
from typing import Any, Final

import pytest
import typer

import archscope
from archscope import escaping
from archscope.cli import COMMANDS, app
from archscope.errors import UsageError
from tests.hostile import few, letters, texts
from tests.reading_back.makers import MAKERS
from tests.reading_back.readers import READERS, Read

SLOW: Final = {"png", "pdf", "docx", "pptx", "xlsx", "onnx", "parquet"}
"""What takes long to make: these say one text of each kind."""

ASKED: Final = {
    ("table", "output"): ["archscope.formats"],
    ("explain", "output"): ["archscope.formats.derivation", "archscope.classroom.slides"],
    ("memory", "output"): ["archscope.formats.memory", "archscope.formats.held", "archscope.formats.cache",
                           "archscope.diagrams.plot timeline"],
    ("curve", "output"): ["archscope.formats.curve", "archscope.diagrams.plot"],
    ("sweep", "output"): ["archscope.sweep.writing"],
    ("diff", "output"): ["archscope.formats.differences"],
    ("diff", "diagram"): ["archscope.diagrams.side_by_side"],
    ("count", "output"): ["archscope.formats.counts"],
    ("check", "output"): ["archscope.budgets.report"],
    ("verify", "output"): ["archscope.oracles.report", "archscope.oracles.beside"],
    ("code", "output"): ["archscope.cli.code"],
    ("expand", "output"): ["archscope.writing.spec"],
    ("spec", "output"): ["archscope.writing.spec"],
    ("bench", "output"): ["archscope.bench.report"],
    ("bench", "plot"): ["archscope.bench.roofline"],
    ("diagram", "output"): ["archscope.diagrams.drawing", "archscope.diagrams.drawing boxes"],
    ("worksheet", "output"): ["archscope.classroom.writers"],
    ("mark", "output"): ["archscope.classroom.report"],
    ("docs", "output"): ["archscope.site.build"],
    ("schema", "output"): [],  # says nothing of a network
}  # fmt: skip
"""The makers behind everything that a command writes."""

everything = pytest.mark.parametrize(
    ("maker", "format"), [(name, each) for name, maker in MAKERS.items() for each in maker.formats]
)


def read(maker: str, format: str, text: str) -> Read:
    return READERS[format](MAKERS[maker].make(text, format))


# Nothing is written that has no reader here.


def test_every_format_has_a_reader() -> None:
    assert {each for maker in MAKERS.values() for each in maker.formats} == set(READERS)


def test_every_list_of_formats_in_the_source_has_a_maker_that_writes_all_of_them() -> None:
    root = Path(archscope.__file__).parent
    for path in root.rglob("*.py"):
        named = {each.id for node in ast.parse(path.read_text(encoding="utf-8")).body
                 if isinstance(node, (ast.Assign, ast.AnnAssign))
                 for each in (node.targets if isinstance(node, ast.Assign) else [node.target])
                 if isinstance(each, ast.Name) and re.search("FORMATS|FRAMEWORKS", each.id)}  # fmt: skip
        module = ".".join(("archscope", *path.relative_to(root).with_suffix("").parts)).removesuffix(".__init__")
        for name in named:
            assert {*getattr(importlib.import_module(module), name)} <= {*MAKERS[module].formats}, f"{module}: {name}"


def test_everything_that_a_command_writes_comes_from_a_maker() -> None:
    group: Any = typer.main.get_command(app)
    written = {(name, each.name) for name in COMMANDS for each in group.commands[name].params
               if each.name in ("output", "plot", "diagram")}  # fmt: skip
    assert written == set(ASKED)
    assert {maker for makers in ASKED.values() for maker in makers} == set(MAKERS)


# The law.


def plain_of(said: str) -> str:
    """Text as every reader hands it on: what cannot be shown is a sign, and no space says anything."""
    return letters(escaping.visible(said)).lower()


@texts
@pytest.mark.parametrize("maker", MAKERS)
def test_every_text_is_read_back_as_itself(maker: str, text: str) -> None:
    for each in MAKERS[maker].formats:
        if each not in SLOW:
            holds(maker, each, text)


@few
@pytest.mark.parametrize(("maker", "format"), [(name, each) for name, maker in MAKERS.items()
                                               for each in maker.formats if each in SLOW])  # fmt: skip
def test_every_text_is_read_back_from_files_of_bytes(maker: str, format: str, text: str) -> None:
    holds(maker, format, text)


def holds(maker: str, format: str, text: str) -> None:
    try:
        found = read(maker, format, text)
    except UsageError as error:  # what is wider than any page, or a letter that no font has, in a few words
        said = str(error)
        assert len(text) > 1000 or (format in ("png", "pdf") and "has no" in said), said
        assert len(said) < 4_000
        return
    if found.said is not None and format not in MAKERS[maker].numbers:
        for each in MAKERS[maker].says(text):
            stands = _in(each, found.said, format)
            assert stands, (maker, format, each[:100], found.said[:2000])
    if escaping.line(text) and len(text) < 1000:
        plain = read(maker, format, "said").built
        if MAKERS[maker].varies:
            assert {*map(str, found.built)} <= {*map(str, plain)}, (maker, format)
        elif found.built != plain:  # pytest would lay both side by side, which takes long
            pytest.fail(f"{maker}, {format}: built otherwise")


def _in(text: str, said: str, format: str) -> bool:
    if len(text) > 1000 and f"{'x' * 9}…" in letters(said):  # of a long word the beginning may be shown
        return True
    if len(text) > 1000 and format == "xlsx":  # a cell of a worksheet holds no more
        return "x" * 32_767 in said
    if format == "pdf":  # the letters that one font or another has, in the order they stand in
        return _drawn(text) in _drawn(said)
    if format in ("latex", "tex", "tikz"):  # TeX makes a mark of two
        text, said = (each.replace('"', "''").replace("−", "-") for each in (text, said))
        return plain_of(text).replace("�", "?") in plain_of(said)
    return plain_of(text) in plain_of(said)


def _drawn(text: str) -> str:
    shown = unicodedata.normalize("NFKC", plain_of(text)).replace("?", "")
    return "".join(each for each in shown if each.isascii() or unicodedata.name(each, "").split()[0] in
                   ("GREEK", "CYRILLIC", "HANGUL", "CJK"))  # fmt: skip
