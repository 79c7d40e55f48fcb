"""Everything that writes a file of what a person says: its formats, as the program lists them, and how to ask for one.

A maker writes a text wherever a person can say anything. What it says names the texts that have to be read back.
"""

from __future__ import annotations

import contextlib
import functools
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import archscope
from archscope import escaping
from archscope.analysis import Analysis
from archscope.bench import report as benched
from archscope.bench.roofline import write_svgs
from archscope.budgets import report as budgeted
from archscope.budgets.checking import Kept
from archscope.classroom import Sheet, mark, report, sheet_of, slides
from archscope.classroom import writers as sheets
from archscope.cli.code import FRAMEWORKS
from archscope.conventions import TOOLS, count
from archscope.curves import Curve
from archscope.diagrams import drawing, plot, side_by_side
from archscope.diagrams.themes import theme
from archscope.difference import Difference, difference
from archscope.formats import FORMATS, View, cache, counts, derivation, differences, held, memory, write
from archscope.formats import curve as curves
from archscope.layers import Linear, MultiheadAttention
from archscope.memory import Memory, after_forward, cache_of
from archscope.memory import memory as memory_of
from archscope.network import Network, Node, Ref
from archscope.oracles import beside
from archscope.oracles import report as verified
from archscope.oracles.comparison import Comparison
from archscope.site import markdown, network_html
from archscope.site.build import FORMATS as SITES
from archscope.site.build import gather
from archscope.sweep import Here, Journal, Rows, Spec, axis, plan, run
from archscope.sweep import writing as swept
from archscope.symbols import Ground
from archscope.writing.spec import write_spec
from tests.bench.results import finished, measured
from tests.hostile import letters, network


class Maker(NamedTuple):
    """A kind of file."""

    formats: Iterable[str]
    make: Callable[[str, str], str | bytes]
    says: Callable[[str], Iterable[str]]
    varies: bool = False
    """Whether a longer text takes more lines, or a letter costs a picture: parts are compared by kind, not counted."""
    numbers: tuple[str, ...] = ()
    """Formats of numbers and words of the program's own, in which nobody's text stands."""


def _layer(text: str) -> list[str]:
    return [f"{text}a"]


def _whole(text: str) -> list[str]:
    return [text or "n", f"{text}a"]


def analysis(text: str) -> Analysis:
    return archscope.analyze(network(text))


def _held(text: str) -> Memory:
    return memory_of(network(text), 2, optimizer="adam")


def _of_memory(text: str, format: str) -> str | bytes:
    return memory.write(_held(text), format, text)


def _formulas(text: str, format: str) -> str:
    made = network(text)
    return held.write(held.Formulas(text, text, after_forward(made), Ground({})), format)


def _cache(text: str, format: str) -> str:
    made = Network(text or "n", {"input": (4, 8)}, [Node(f"{text}a", MultiheadAttention(num_heads=2, causal=True),
                                                      (Ref("input"),), f"{text}a")])  # fmt: skip
    return cache.write(cache.Asked(text or "n", cache_of(made), 4), format)


def _curve(text: str) -> Curve:
    name = text or "q"
    return Curve(text, name, (1, 2), {"macs": (3, 4), name: (5, 6)}, {name: text}, {"macs": 2})


def _drawn_curve(text: str, format: str) -> str | bytes:
    grown = _curve(text)
    return plot.written(plot.curve(text, text, (1, 2), grown.lines, grown.overtaken, theme("light")), format)


def compared(text: str) -> Difference:
    one = network(text)
    other = one.replace(nodes=[one.nodes[0].replace(layer=Linear(out_features=4)), one.nodes[1]], facts={})
    return difference(one, other, names=(text or "n", f"{text} again"))


def _checked(text: str, format: str) -> str:
    kept = Kept(budget=f"{text} macs", place=text, kept=False, sentence=f"{text} is missed")
    return budgeted.write(budgeted.Checked(kept=(kept,), base=text, differences={text: compared(text)}, new=(text,)),
                          format)  # fmt: skip


NET: Final = "input: [4]\nlayers:\n  a: {type: linear, out_features: 2}\n"


@contextlib.contextmanager
def sweep(text: str) -> Iterator[Rows]:
    """A sweep of a network that is called so, over a value that is none."""
    specs = [Spec(text, NET), Spec(f"{text}@{text}", NET)]
    made = plan(specs, [axis("a.out_features", ["3", f"{text} is none", "2"])], "parameters,macs")
    journal = Journal(None, made.identity)
    try:
        run(made, journal, Here())
        yield Rows(made, journal)
    finally:
        journal.close()


def _swept(text: str, format: str) -> str | bytes:
    file = io.BytesIO()
    with sweep(text) as rows:
        swept.FORMATS[format](rows, file)
    return file.getvalue() if format == "parquet" else file.getvalue().decode()


@functools.cache
def _result() -> dict[str, Any]:
    return finished(lambda cell, _: measured(cell, 0.08 * cell.batch), ("lenet5",), batches=(1,))


def _benched(text: str) -> dict[str, Any]:
    """A result file that says the text of its device, its network and each of its layers."""
    whole = _result()
    (cell,) = whole["cells"]
    layers = [{**each, "name": f"{text}a{place}"} for place, each in enumerate(cell["layers"])]
    cell = {**cell, "id": f"{text}/b1", "model": {**cell["model"], "name": text or "n"}, "layers": layers,
            "noise": "noisy", "noise_reasons": [text], "remedy": text}  # fmt: skip
    return {**whole, "ceilings": {**whole["ceilings"], "device": text}, "cells": [cell]}


def _rooflines(text: str, _: str) -> str:
    (svg,) = write_svgs(_benched(text)).values()
    return svg


def sheet(text: str, seed: int | None = None, **more: Any) -> Sheet:
    return sheet_of(analysis(text), spec=text, seed=seed, **more)


def _marked(text: str, format: str) -> str:
    asked = sheet(text, 7, blank="parameters")
    papers = [mark(asked, {(f"{text}a", "parameters"): answer}, pupil=text) for answer in (text, "12")]
    return report.write([each.replace(notes=(text,)) for each in papers], format)


def _verified(text: str, format: str) -> str:
    return verified.FORMATS[format]([archscope.verify(network(text), ["published"])])


def _beside(text: str, format: str) -> str:
    return beside.write(Comparison(text or "n", f"{text}.m", compared(text), (f"{text}: stops",)), format)


def _code(text: str, format: str) -> str | bytes:
    from archscope.writing.jax import write_jax
    from archscope.writing.keras import write_keras
    from archscope.writing.onnx.file import write_onnx
    from archscope.writing.pytorch import write_pytorch
    from archscope.writing.workloads.nests import workload
    from archscope.writing.workloads.timeloop import write_timeloop
    from archscope.writing.workloads.zigzag import write_zigzag

    said = network(text)
    if format == "onnx":
        with tempfile.TemporaryDirectory() as folder:
            write_onnx(said, Path(folder) / "net.onnx")
            return (Path(folder) / "net.onnx").read_bytes()
    if format == "timeloop":
        return "\n---\n".join(write_timeloop(said, workload(said)).values())
    sources = {"pytorch": write_pytorch, "keras": write_keras, "jax": write_jax,
               "zigzag": lambda each: write_zigzag(each, workload(each))}  # fmt: skip
    return sources[format](said)


def _spec(text: str, _: str) -> str:
    """A spec: names of layers and towers are letters and digits there, texts are free."""
    said = network(text, "net")
    nodes = [each.replace(tower=None, group=(text.replace("/", "-"),) if text else ()) for each in said.nodes]
    written = write_spec(said.replace(nodes=nodes, sources={"key": text or "nobody"}))
    again = archscope.read(written, name="net")
    whole = re.sub("[\ud800-\udfff]", "�", text)
    assert letters(again.title) == letters(whole or "net")
    assert letters(again.nodes[0].caption or "") == letters(whole)
    assert letters("".join(again.nodes[0].group)) == letters(whole.replace("/", "-"))
    return written


def _site(text: str, format: str) -> str:
    page = gather(analysis(text))
    return network_html.write(page) if format == "html" else markdown.network(page)


def _drawn(style: str) -> Callable[[str, str], str | bytes]:
    return lambda text, kind: archscope.draw(analysis(text), style=style).write(kind)


_PICTURES: Final = tuple(plot.SUFFIXES.values())
_FREE: Final = tuple(name for name, each in drawing.FORMATS.items() if each.style is None)

MAKERS: Final[Mapping[str, Maker]] = {
    "archscope.formats": Maker(FORMATS, lambda text, kind: write(analysis(text), kind, View(working=True)), _whole),
    "archscope.formats.memory": Maker(memory.FORMATS, _of_memory, _layer, numbers=("csv",)),
    "archscope.formats.held": Maker(held.FORMATS, _formulas, lambda text: [text], numbers=("csv",)),
    "archscope.formats.cache": Maker(cache.FORMATS, _cache, _layer),
    "archscope.formats.counts": Maker(
        counts.FORMATS, lambda text, kind: counts.write([count(analysis(text), tool) for tool in TOOLS], kind),
        lambda text: [text or "n"]),
    "archscope.formats.curve": Maker(curves.FORMATS, lambda text, kind: curves.write(_curve(text), kind),
                                     lambda text: [(text or "q").lower()]),
    "archscope.formats.differences": Maker(
        differences.FORMATS, lambda text, kind: differences.write(compared(text), kind), _layer),
    "archscope.formats.derivation": Maker(
        ("text",), lambda text, _: derivation.write(analysis(text), f"{text}a"), _layer),
    "archscope.sweep.writing": Maker(swept.FORMATS, _swept, lambda text: [escaping.line(text)]),
    "archscope.budgets.report": Maker(budgeted.FORMATS, _checked, lambda text: [f"{text} is missed"]),
    "archscope.bench.report": Maker(
        benched.FORMATS, lambda text, kind: benched.write(_benched(text), kind), lambda text: [f"{text}a1"]),
    "archscope.bench.roofline": Maker(("svg",), _rooflines, lambda text: [f"{text}a1"]),
    "archscope.oracles.report": Maker(verified.FORMATS, _verified, lambda text: [text or "n"]),
    "archscope.oracles.beside": Maker(beside.FORMATS, _beside, lambda text: [f"{text}: stops"]),
    "archscope.classroom.writers": Maker(
        sheets.FORMATS, lambda text, kind: sheets.write(sheet(text, 7), kind, key=kind not in ("csv", "xlsx")),
        _layer, varies=True),
    "archscope.classroom.report": Maker(
        [*report.SUFFIXES.values()], _marked, lambda text: [text]),
    "archscope.classroom.slides": Maker(
        ("pptx",), lambda text, _: slides.write(analysis(text), f"{text}a"), _layer, varies=True),
    "archscope.cli.code": Maker(FRAMEWORKS, _code, lambda text: [text]),
    "archscope.writing.spec": Maker(("yaml",), _spec, lambda text: [text]),
    "archscope.site.build": Maker(SITES, _site, _whole, varies=True),
    "archscope.diagrams.drawing": Maker(drawing.FORMATS, _drawn("graph"), _layer),
    "archscope.diagrams.drawing boxes": Maker(
        _FREE, _drawn("boxes"), lambda text: [text.rpartition(".")[2]]),
    "archscope.diagrams.side_by_side": Maker(
        side_by_side.FORMATS, lambda text, kind: side_by_side.SideBySide(compared(text)).write(kind), _layer),
    "archscope.diagrams.plot": Maker(_PICTURES, _drawn_curve, lambda text: [text]),
    "archscope.diagrams.plot timeline": Maker(
        _PICTURES, lambda text, kind: plot.written(plot.timeline(_held(text), theme("light")), kind),
        lambda text: [text or "n"]),
}  # fmt: skip
"""Every maker, by the module that lists its formats."""
