"""Text that means something in some language, for tests that write it in every format and read it back."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any, Final

import pytest

from archscope.layers import Linear, ReLU
from archscope.network import Network, Node, Ref

TEXTS: Final = (
    '"""\nimport os\nos.system("touch broken")\n"""', "'''", "ends with a quote\"", '""""', '"', "'", "\\",
    "\\x", "\\N", "\\N{BULLET} \\u12 \\", "a\\\"b", "{}", "{0}", "%s %d", "<a>; evil -> b; label=<c>",
    "<b>bold</b>", "]]>", "</script><script>alert(1)</script>", "<!--", "-->", "&amp; &lt;",
    "\\end{verbatim}", "\\input{/etc/passwd}", "$x^2$ \\textbf{b}", "~^_#%&{}[]*", "-- --- `` ''", "?` !`",
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'quoted", "a,b;c\td", "%%{init: {'theme': 'dark'}}%%", "end",
    "a;b #35; #quot;", "graph TD; x-->y", "```\ncode\n```", "`", "| a | b |", "1. x", "- x", "# x", "==",
    "![x](y)", "[x](javascript:alert(1))", "http://example.org/a_b", "\x00\x01\x07\x08\x0b\x0c\x1b\x7f",
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b2J", "\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\",
    "line\nbreak\r\nand\rmore\u2028\u2029\x85", "  two  spaces  ", "\ud800", "\udfff lone \ud83d",
    "\u202egnp.exe", "\u2066x\u2069 \u200fשלום", "مرحبا", "층 層 слой στρώμα", "🙂 👩‍🔬", "e\u0301 ﬁ \u212b",
    "\ufeff\ufffe\uffff", "×·⌊⌋−→½…", "NaN", "null", "true", "", "x" * 100_000,
)  # fmt: skip
"""Quotes, markup, formulas, control characters, terminal codes, halves of surrogates, other directions, long words."""


def network(text: str, name: str | None = None) -> Network:
    """A network that says a text wherever a person can say anything: title, summary, names, tower, group, source."""
    own = text if name is None else name
    return Network(
        name=own or "n", title=text, summary=f"{text} and {text}", inputs={"input": (4,)}, sources={"key": text},
        nodes=[
            Node(f"{own}a" if own else "a", Linear(out_features=3), (Ref("input"),), f"{own}a" if own else "a",
                 tower=text or None, group=(text,) if text else (), caption=text),
            Node(f"{own}b" if own else "b", ReLU(), (Ref(f"{own}a" if own else "a"),), f"{own}b" if own else "b"),
        ],
    )  # fmt: skip


SHORT: Final = [text for text in TEXTS if len(text) < 1000]
FEW: Final = ('"""\nimport os\n"""', "<b>&amp;]]></script>", "=1+1", "\x1b]0;t\x07\x00\x9b2J", "\ud800 \u202egnp\u2066",
              "\\input{a} $x$ %#_{}", "| a | `b` |\n# x", "층 שלום 🙂\u2028", "'quoted", "x" * 100_000)  # fmt: skip
"""One of each kind, for what takes long to make."""

texts = pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:30])
short = pytest.mark.parametrize("text", SHORT, ids=lambda text: ascii(text)[:30])
few = pytest.mark.parametrize("text", FEW, ids=lambda text: ascii(text)[:30])
OBEYED: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys, or what turns the direction of the text around it."""


def letters(text: str) -> str:
    """Text without what only lays it out."""
    return re.sub(r"\s", "", text)


def seen_as_text(written: str) -> None:
    """It can be saved, and does nothing to the terminal it is shown on."""
    written.encode()
    assert not OBEYED.search(written)


class Page(HTMLParser):
    """What a page of HTML says, and its tags with their attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.said = ""
        self.tags: list[tuple[str, Any]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.said += data
