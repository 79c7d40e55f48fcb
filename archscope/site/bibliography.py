"""Citations as a spec has them → BibTeX.

A spec cites in words, "Authors. Title. Venue, pages, year."; what cannot be told apart stays together, so that
nothing is lost.

>>> print(bibtex({"lecun1998": "Y. LeCun, L. Bottou. Gradient-Based Learning. Proceedings of the IEEE 86(11), 1998."}))
@misc{lecun1998,
  author = {LeCun, Y. and Bottou, L.},
  title = {{Gradient-Based Learning}},
  howpublished = {Proceedings of the IEEE 86(11)},
  year = {1998},
}
<BLANKLINE>
>>> print(bibtex({"slides": "The course's slides"}))
@misc{slides,
  note = {The course's slides},
}
<BLANKLINE>
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from archscope.escaping import bibtex as escaped

_YEAR: Final = re.compile(r"(?<![\d.])(1[89]\d\d|20\d\d)(?:-\d+)?(?!\d|\.\d)")
_SENTENCE: Final = re.compile(r"(?<!\b[A-Z])(?<!\bal)\.\s+")
_REST: Final = re.compile(r"(?:et al\.?|others)(?: \(.*\))?")
_INITIALS: Final = re.compile(r"((?:[A-Z]\.[ -]?)+)\s*(.+)")


def bibtex(sources: Mapping[str, str]) -> str:
    """One entry a source, in the order of the spec."""
    return "\n".join(_entry(key, " ".join(text.split())) for key, text in sources.items())


def _entry(key: str, citation: str) -> str:
    fields = _fields(citation)
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join((f"@misc{{{_key(key)},", *lines, "}", ""))


def _fields(citation: str) -> dict[str, str]:
    parts = _SENTENCE.split(citation.rstrip(". "))
    years = _YEAR.findall(citation)
    if len(parts) < 3 or not years:
        return {"note": escaped(citation.rstrip("."))}
    authors, title, *rest = parts
    venue = ". ".join(rest).rstrip()
    venue = re.sub(rf",?\s*{years[-1]}(?:-\d+)?$", "", venue)
    return {
        "author": escaped(" and ".join(_author(each) for each in re.split(r",\s+(?:and\s+)?|\s+and\s+", authors))),
        "title": f"{{{escaped(title)}}}",
        "howpublished": escaped(re.sub(r"(?<=\d)-(?=\d)", "--", venue)),
        "year": years[-1],
    }


def _author(name: str) -> str:
    """``Y. LeCun`` → ``LeCun, Y.``, which sorts right in every style.

    >>> _author("Y. LeCun"), _author("others (68 authors)")
    ('LeCun, Y.', 'others')
    """
    if _REST.fullmatch(name):
        return "others"
    match = _INITIALS.fullmatch(name)
    return f"{match[2]}, {match[1].strip()}" if match else name


def _key(name: str) -> str:
    return re.sub(r"[^\w:.-]+", "-", name, flags=re.ASCII).strip("-") or "source"
