"""HTML as nested calls: text is escaped, markup is not, and attributes come in the order they are given.

>>> tag("p", "5 < 6 ", tag("b", "maps"), class_="note")
'<p class="note">5 &lt; 6 <b>maps</b></p>'
>>> tag("td", None, "156", hidden=False, tabindex=0)
'<td tabindex="0">156</td>'
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from archscope.escaping import html, xml

_VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta", "wbr"})


class Markup(str):
    """Text that is markup already and must not be escaped again."""

    __slots__ = ()


def tag(name: str, /, *children: str | Iterable[str | None] | None, **attributes: str | int | bool | None) -> Markup:
    """One element; a child that is None and an attribute that is None or False are left out.

    An underscore ends an attribute that is a word of Python, and stands for a hyphen in any other:
    ``class_="x"``, ``aria_label="y"``.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def leaf(name: str, text: str) -> Markup:
    """An element of text alone, of which a formula has hundreds.

    >>> leaf("mo", "<")
    '<mo>&lt;</mo>'
    """
    return Markup(f"<{name}>{xml(text)}</{name}>")


def join(*children: str | Iterable[str | None] | None) -> Markup:
    """Children one after the other.

    >>> join("a < b", Markup("<br>"), ["c", None])
    'a &lt; b<br>c'
    """
    pieces: list[str] = []
    _put(children, pieces)
    return Markup("".join(pieces))


def prose(text: str) -> Markup:
    """A person's sentences, with what stands between backticks as code.

    >>> prose("keep `groups: 2` < 3")
    'keep <code>groups: 2</code> &lt; 3'
    """
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0:  # a backtick that nothing closes is just that
        return join("`".join(parts))
    return join(*(tag("code", part) if place % 2 else part for place, part in enumerate(parts)))


def _put(children: Iterable[str | Iterable[str | None] | None], pieces: list[str]) -> None:
    for child in children:
        if isinstance(child, Markup):
            pieces.append(child)
        elif isinstance(child, str):
            pieces.append(xml(child))
        elif child is not None:
            _put(child, pieces)


def _attribute(key: str, value: str | int | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{html(str(value))}"'
