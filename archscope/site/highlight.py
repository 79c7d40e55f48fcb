"""Python source with its words, strings, numbers and comments told apart.

>>> highlight("class Net:  # small\\n    size = 28\\n")
'<span class="kw">class</span> Net:  <span class="co">\
# small</span>\\n    size = <span class="nu">28</span>\\n'
"""

from __future__ import annotations

import io
import keyword
import tokenize
from typing import Final

from archscope.site.markup import Markup, join, tag

_CLASSES: Final = {tokenize.STRING: "st", tokenize.NUMBER: "nu", tokenize.COMMENT: "co"}


def highlight(source: str) -> Markup:
    """Markup of a source that Python can read."""
    lines = source.splitlines(keepends=True)
    pieces: list[str] = []
    row, column = 1, 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        css = _CLASSES.get(token.type) or (
            "kw" if token.type == tokenize.NAME and keyword.iskeyword(token.string) else ""
        )
        if not css:
            continue
        pieces.append(_between(lines, (row, column), token.start))
        pieces.append(tag("span", token.string, class_=css))
        row, column = token.end
    pieces.append(_between(lines, (row, column), (len(lines) + 1, 0)))
    return join(pieces)


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]] if start[0] <= len(lines) else ""
    first = lines[start[0] - 1][start[1] :] if start[0] <= len(lines) else ""
    last = lines[end[0] - 1][: end[1]] if end[0] <= len(lines) else ""
    return first + "".join(lines[start[0] : end[0] - 1]) + last
