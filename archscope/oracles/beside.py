"""A module beside a network as text: the difference as `archscope diff` writes it, with what else there is to say."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final
from xml.etree import ElementTree

from archscope.escaping import json_text, terminal, visible
from archscope.escaping import markdown as escape
from archscope.formats.differences import json, markdown, table
from archscope.oracles.comparison import Comparison

_WIDE: Final = 100
_LEAST: Final = 40


def write(found: Comparison, format: str = "table", *, width: int | None = None) -> str:
    """A comparison in one of `FORMATS`; ``width`` is for the terminal."""
    return _table(found, width) if format == "table" else FORMATS[format](found)


def _alike(found: Comparison) -> str:
    """One line for a module that is the network."""
    both = found.found
    if both is None or not found.same:
        return ""
    layers = f"{both.alike:,} layer{'' if both.alike == 1 else 's'} alike"
    total = both.totals["parameters"].after
    held = "" if total is None else f", {int(total):,} parameter{'' if total == 1 else 's'}"
    gap = both.totals["saved_bytes"].gap
    kept = f" It saves {abs(gap):,} bytes {'more' if gap > 0 else 'less'} for the backward pass." if gap else ""
    return f"{found.module} is {found.network}: {layers}{held}.{kept}"


def _table(found: Comparison, width: int | None = None) -> str:
    if found.same:
        return terminal(_alike(found))
    room = max(_LEAST, min(width or _WIDE, _WIDE))
    parts = ["\n".join(textwrap.wrap(terminal(f"{each}."), room, break_long_words=False)) for each in found.remarks]
    if found.found is not None:
        parts.append(table.write(found.found, width))
    return "\n\n".join(parts)


def _markdown(found: Comparison) -> str:
    if found.same:
        return escape(_alike(found))
    parts = [escape(f"{each}.") for each in found.remarks]
    if found.found is not None:
        parts.append(markdown.write(found.found))
    return "\n\n".join(parts)


def _json(found: Comparison) -> str:
    return json_text(
        {
            "schema": "archscope.comparison/2",
            "network": found.network,
            "module": found.module,
            "same": found.same,
            "remarks": list(found.remarks),
            "difference": None if found.found is None else json.plain(found.found),
        },
        indent=2,
    )


def _junit(found: Comparison) -> str:
    """Two test cases, whose names stay the same for a CI server: that it runs as it should, and that it is alike."""
    told = {
        "runs": " ".join(f"{each}." for each in found.remarks),
        "layers": "" if found.found is None or found.alike else table.write(found.found),
    }
    root = ElementTree.Element("testsuites", name="archscope verify")
    suite = ElementTree.SubElement(root, "testsuite", name=visible(found.network), tests=str(len(told)),
                                   failures=str(sum(map(bool, told.values()))),
                                   skipped=str(int(found.found is None)))  # fmt: skip
    for name, text in told.items():
        classname = visible(f"{found.network}.{found.module}")
        case = ElementTree.SubElement(suite, "testcase", classname=classname, name=name)
        if text:
            message = visible(text.splitlines()[0] if name == "layers" else text)
            ElementTree.SubElement(case, "failure", message=message).text = visible(text)
        elif name == "layers" and found.found is None:
            ElementTree.SubElement(case, "skipped", message="the module does not run")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


FORMATS: Final[Mapping[str, Callable[[Comparison], str]]] = MappingProxyType(
    {"table": _table, "markdown": _markdown, "json": _json, "junit": _junit}
)
"""Every format by the name that the command line uses."""
