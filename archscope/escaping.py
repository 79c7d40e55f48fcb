"""A person's text in every language that archscope writes: one function for each, so that text stays text.

Whatever a spec, a module or a result file says may stand in a picture, a page, a table or in source that somebody
runs. Each function here takes any text at all and returns what its language reads back as that text, and as nothing
else. What no language can show, such as a control character, is ``�`` in all of them; see `visible`.

>>> csv_cell("=1+1"), html("<b>"), mermaid("<b>")
("'=1+1", '&lt;b&gt;', '#lt;b#gt;')
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Final

# Patterns are texts here, compiled when first used: most runs of the program need two of them.

LONGEST_OF_STRANGERS: Final = 2_000
"""Characters that are shown of what somebody else's code says, such as the message of an exception."""

_LINE_ENDS: Final = "\r\n|[\r\x85\u2028\u2029]"
_UNSEEN: Final = "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
"""Control characters, halves of surrogate pairs, what turns the direction of the text around it, and no characters.

Marks of direction and joiners stay: Hebrew, Arabic, Persian and emoji are written with them.
"""


def visible(text: str) -> str:
    r"""Text of characters that can be shown: ``�`` for each that cannot, and every line end as ``\n``.

    >>> visible("C1\x1b[31m\r\n\ud800")
    'C1�[31m\n�'
    """
    if text.isprintable():  # as most are
        return text
    return re.sub(_UNSEEN, "�", re.sub(_LINE_ENDS, "\n", text))


def line(text: str) -> str:
    r"""Visible text on one line, words one space apart.

    >>> line(" a\tb\n c ")
    'a b c'
    """
    return " ".join(visible(text).split())


def office_property(text: str) -> str:
    """Text as a property of an Office file, a title for one: on one line, of at most 255 letters.

    >>> office_property("Net\\n" + "x" * 300)[:6], len(office_property("x" * 300))
    ('Net xx', 255)
    """
    return line(text)[:255]


def terminal(text: str, longest: int | None = None) -> str:
    r"""Visible text for a terminal: nothing in it moves the cursor, colours or rings.

    >>> terminal("\x1b]0;title\x07", longest=8)
    '�]0;titl…'
    """
    shown = visible(text).replace("\t", " ")
    return shown if longest is None or len(shown) <= longest else shown[:longest] + "…"


_PAINTED: Final = "\x1b\\[[0-9;]*m"


def painted(text: str) -> str:
    r"""Text for a terminal that may carry colours, and nothing else that a terminal obeys.

    >>> painted("\x1b[1mC1\x1b[0m\x1b[2J")
    '\x1b[1mC1\x1b[0m�[2J'
    """
    if re.search(_UNSEEN, text) is None:
        return text
    parts, place = [], 0
    for code in re.finditer(_PAINTED, text):
        parts += [visible(text[place : code.start()]), code.group()]
        place = code.end()
    return "".join((*parts, visible(text[place:])))


def python_docstring(lines: Sequence[str]) -> list[str]:
    r"""The lines of a docstring as Python source, quotes around them; several lines end with quotes alone.

    >>> python_docstring(["LeNet-5.", "", r"Not a \new line."])[1:3]
    ['', 'Not a \\\\new line.']
    """
    escaped = [_in_docstring(each) for each in lines] or [""]
    escaped[0] = f'"""{escaped[0]}'
    return [*escaped, '"""'] if len(escaped) > 1 else [f'{escaped[0]}"""']


def _in_docstring(text: str) -> str:
    safe = line(text).replace("\\", "\\\\").replace('"""', r"\"\"\"")
    return safe[:-1] + r"\"" if safe.endswith('"') and not safe.endswith(r"\"") else safe


_LONGEST_IN_DOT: Final = 4_000
"""Graphviz reads no token of more than 16 KB."""


def dot(text: str) -> str:
    r"""Text inside the quotes of DOT, where a backslash begins an escape.

    >>> dot('a "b" \\N')
    'a \\"b\\" \\\\N'
    """
    shown = visible(text)
    parts = [shown[start : start + _LONGEST_IN_DOT] for start in range(0, len(shown), _LONGEST_IN_DOT)]
    escaped = (each.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for each in parts)
    return "\\\n".join(escaped)  # a backslash at the end of a line continues the string


def dot_html(text: str) -> str:
    """Text inside a label that DOT reads as HTML; what no line of a picture can hold is left out.

    >>> dot_html("<b>")
    '&lt;b&gt;'
    """
    return xml(terminal(text, _LONGEST_IN_DOT // 2))


_MERMAID: Final = str.maketrans(
    {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\\": "#92;", "%": "#37;"}
)


def mermaid(text: str) -> str:
    """Text inside the quotes of Mermaid: what it or HTML would read as markup or as a directive is spelled out.

    >>> mermaid('%%{init}%% "a"')
    '#37;#37;{init}#37;#37; #quot;a#quot;'
    """
    return line(text).translate(_MERMAID)


def mermaid_line(text: str) -> str:
    """Text of a line of its own, which has no escapes: what would end or change the line gives way.

    >>> mermaid_line("50 %; {a} #1")
    '50 ％, (a) ＃1'
    """
    return line(text).translate(str.maketrans(";{}#%<>", ",()＃％‹›"))


_TEX: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}", "<": r"\textless{}",
    ">": r"\textgreater{}", '"': "''", "`": r"\textasciigrave{}", "[": "{[}", "]": "{]}", "*": "{*}",
    "–": "--", "—": "---", "…": r"\dots{}", "�": "?", "\u00a0": "~",
} | {
    sign: f"${meaning}$"
    for sign, meaning in {
        "×": r"\times", "·": r"\cdot", "±": r"\pm", "÷": r"\div", "∑": r"\sum", "∞": r"\infty", "≈": r"\approx",
        "≤": r"\leq", "≥": r"\geq", "→": r"\rightarrow", "←": r"\leftarrow", "↑": r"\uparrow", "↓": r"\downarrow",
        "‖": r"\Vert", "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil", "½": r"\frac12", "−": "-",
        "√": r"\surd", "°": r"^\circ", "²": "^2", "³": "^3", "µ": r"\mu", "′": "'",
        "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\epsilon", "λ": r"\lambda",
        "μ": r"\mu", "ν": r"\nu", "ρ": r"\rho", "σ": r"\sigma", "φ": r"\phi", "ω": r"\omega", "Δ": r"\Delta",
        "Σ": r"\Sigma", "Ω": r"\Omega",
    }.items()
}  # fmt: skip
_GREEK: Final = "[\u0370-\u03ff\u1f00-\u1fff]+"
_TEX_SPECIAL: Final = "|".join((_GREEK, r"(?<=-)-", *map(re.escape, _TEX)))


def latex(text: str) -> str:
    r"""Text that LaTeX, and so TikZ, sets as it is.

    >>> latex("50% of fc_6, 3×3")
    '50\\% of fc\\_6, 3$\\times$3'
    >>> latex("√512")
    '$\\surd$512'
    >>> latex("σ of a στρώμα")
    '$\\sigma$ of a στρώμα'
    """
    return re.sub(_TEX_SPECIAL, lambda found: _set(found.group()), line(text))


def _set(found: str) -> str:
    if found == "-":
        return "{}-"
    return found if _is_greek(found) else "".join(_TEX[each] for each in found)


def _is_greek(found: str) -> bool:
    """Whether letters are a word in Greek and not signs: three, or one that no formula has."""
    return re.fullmatch(_GREEK, found) is not None and (len(found) > 2 or any(each not in _TEX for each in found))


def latex_needs(text: str) -> str:
    """The letters that LaTeX's own fonts lack, each once; LuaLaTeX sets them in a font that has them.

    >>> latex_needs("층 conv, étage")
    '층'
    """
    said = line(text)
    foreign = [each for each in said if each not in _TEX and (ord(each) > 0x17E or each in "ĦħĸĿŀŉŦŧ")]
    words = "".join(found for found in re.findall(_GREEK, said) if _is_greek(found))
    return "".join(dict.fromkeys((*foreign, *words)))


_MARKDOWN: Final = {
    "<": "&lt;", ">": "&gt;", "&": "&amp;", "~": "&#126;", "$": "&#36;", ":": ":", "@": "&#64;", "|": "&#124;",
    **{mark: f"\\{mark}" for mark in "\\`*_{}[]#"},
}  # fmt: skip
_MARKDOWN_SPECIAL: Final = r"[\\`*_{}\[\]|#<>&~$@]"
_MARKDOWN_FIRST: Final = r"^(?:([-+!])|(=)|(\d+)([.)])(?= |$))"


def markdown(text: str) -> str:
    r"""Text that Markdown shows as it is, on one line: GitHub's, and that of site generators.

    >>> markdown("scaled_tanh | a*b <i>")
    'scaled\\_tanh &#124; a\\*b &lt;i&gt;'
    >>> markdown("- 2. x"), markdown("2. x")
    ('\\- 2. x', '2\\. x')
    """
    shown = re.sub(_MARKDOWN_SPECIAL, lambda found: _MARKDOWN[found.group()], line(text))
    return re.sub(_MARKDOWN_FIRST, _not_first, shown)


def _not_first(found: re.Match[str]) -> str:
    """What would begin a list or underline a heading, as a letter."""
    return f"\\{found[1]}" if found[1] else "&#61;" if found[2] else f"{found[3]}\\{found[4]}"


def markdown_code(text: str, language: str) -> str:
    """A block of code whose fence is longer than any in it.

    >>> print(markdown_code("x = 1", "python"))
    ```python
    x = 1
    ```
    """
    longest = max((len(each) for each in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def html(text: str) -> str:
    """Text inside an element or a quoted attribute of HTML.

    >>> html('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return xml(text).replace("'", "&#x27;")


def xml(text: str) -> str:
    """Text inside an element or a double-quoted attribute of XML: SVG, and JUnit's reports.

    >>> xml("]]> & more")
    ']]&gt; &amp; more'
    """
    escaped = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace('"', "&quot;")


def csv_cell(text: str) -> str:
    """A text that a spreadsheet shows and does not work out: one that begins as a formula has ``'`` before it.

    Numbers are no texts; write them as they are.

    >>> csv_cell("@SUM(A1)"), csv_cell("conv1")
    ("'@SUM(A1)", 'conv1')
    """
    shown = visible(text)
    return f"'{shown}" if shown.lstrip()[:1] in ("=", "+", "-", "@", "'") or shown[:1] == "\t" else shown


_JSON_UNSAFE: Final = "[\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"


def json_text(value: Any, *, indent: int | None = None, compact: bool = False) -> str:
    r"""A value as JSON that any program reads back exactly, and that does nothing to a terminal it is shown on.

    >>> json_text("층 \x9b2J \ud800")
    '"층 \\u009b2J \\ud800"'
    """
    import json

    separators = (",", ":") if compact else None
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, indent=indent, separators=separators)
    return re.sub(_JSON_UNSAFE, lambda found: f"\\u{ord(found.group()):04x}", text)


def _finite(value: Any) -> Any:
    """JSON has no number for infinity; what is none is said in words."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value


def json_in_html(value: Any) -> str:
    """A value as JSON inside a script element, where only ``</script`` and ``<!--`` mean anything.

    >>> json_in_html("</script>")
    '"\\\\u003c/script>"'
    """
    return json_text(value, compact=True).replace("<", "\\u003c")


_BIBTEX: Final[dict[int, int]] = str.maketrans(r"\{}~^@", "/() '+")
_BIBTEX_SPECIAL: Final = r"([&%$#_])"


def bibtex(text: str) -> str:
    r"""Text inside the braces of a BibTeX field; LaTeX reads it afterwards.

    >>> bibtex(r"50% {x} \n")
    '50\\% (x) /n'
    """
    shown = line(text).translate(_BIBTEX)
    return re.sub(_BIBTEX_SPECIAL, r"\\\1", shown)
