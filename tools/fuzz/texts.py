"""Hostile text, put together by chance, through every format; what is written has to be read by its own parser."""

from __future__ import annotations

import ast
import csv
import io
import json
from random import Random
from xml.etree import ElementTree

from archscope.layers import Linear, ReLU
from archscope.network import Network, Node, Ref
from tools.fuzz.watching import obeyed, wrong_with

PIECES = (
    '"', '"""', "'", "\\", "\n", "\r", "\t", "<", ">", "&", "&amp;", "]]>", "</script>", "<!--", "{", "}", "$",
    "%", "#", "_", "^", "~", "`", "```", "|", "=", "+", "-", "@", ";", ":", "/", "*", "[", "](", "!", "1. ",
    "%%{init}%%", "end", "\\end{table}", "\x00", "\x07", "\x1b[31m", "\x1b]0;", "\x9b", "\x7f", "\u2028",
    "\u202e", "\u200f", "\ud800", "\ufeff", "층", "слой", "層", "שלום", "🙂", "e\u0301", "a", "layer", " ", "  ",
    "x" * 300,
)  # fmt: skip


def text_of(random: Random) -> str:
    """A few pieces in a row."""
    return "".join(random.choice(PIECES) for _ in range(random.randint(0, 8)))


def one(random: Random) -> str | None:
    """A network that says hostile things, in every format."""
    title, name, tower = (text_of(random) for _ in range(3))
    network = Network(
        name or "n", {"input": (4,)},
        [Node(f"{name}a", Linear(out_features=3), (Ref("input"),), f"{name}a", tower=tower or None,
              group=(title or "g",)),
         Node(f"{name}b", ReLU(), (Ref(f"{name}a"),), f"{name}b")],
        title=title, summary=tower, sources={"key": title},
    )  # fmt: skip
    return wrong_with(lambda: _read_back(network)) or wrong_with(lambda: _compared(network))


def _read_back(network: Network) -> None:
    import archscope
    from archscope.formats import FORMATS, write
    from archscope.writing.keras import write_keras
    from archscope.writing.pytorch import write_pytorch

    analysis = archscope.analyze(network)
    written = {name: write(analysis, name) for name in FORMATS}
    for each in written.values():
        each.encode()
    if json.loads(written["json"])["title"] != analysis.title:
        raise ValueError("JSON says another title")
    if len(list(csv.reader(io.StringIO(written["csv"], newline="")))) != 1 + len(analysis.rows):
        raise ValueError("CSV has another number of rows")
    for source in (write_pytorch(network), write_keras(network)):
        ast.parse(source)
    ElementTree.fromstring(archscope.draw(analysis, style="graph").svg)


def _compared(network: Network) -> None:
    """The same texts where networks are compared, held to budgets, and their memory is told."""
    from archscope.budgets import report
    from archscope.budgets.checking import Kept
    from archscope.diagrams import plot
    from archscope.diagrams.themes import theme
    from archscope.difference import difference
    from archscope.formats import differences, memory
    from archscope.memory import memory as memory_of

    held = memory_of(network, 2, optimizer="adam")
    told = {name: memory.write(held, name) for name in memory.FORMATS}
    ElementTree.fromstring(str(plot.written(plot.timeline(held, theme("light")), "svg")))
    other = network.replace(nodes=[network.nodes[0].replace(layer=Linear(out_features=4)), network.nodes[1]], facts={})
    found = difference(network, other)
    told |= {f"difference {name}": differences.write(found, name) for name in differences.FORMATS}
    budget = Kept(budget=network.title, place=network.name, kept=False, sentence=network.summary)
    kept = report.Checked(kept=(budget,), base=network.title,
                          differences={network.name: found}, new=(network.summary,))  # fmt: skip
    told |= {f"check {name}": report.write(kept, name) for name in report.FORMATS}
    for name, text in told.items():
        text.encode()
        if name.endswith("json"):
            json.loads(text)
        elif name.endswith("junit"):
            ElementTree.fromstring(text)
        elif name.endswith("csv") and not name.startswith("csv"):
            widths = {len(row) for row in csv.reader(io.StringIO(text, newline=""))}
            if len(widths) != 1:
                raise ValueError(f"{name} has rows of {widths} cells")
        elif signs := obeyed(text):
            raise ValueError(f"{name} has {signs!r}")
