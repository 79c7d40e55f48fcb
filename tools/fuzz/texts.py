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
from tools.fuzz.watching import wrong_with

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
    return wrong_with(lambda: _read_back(network))


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
