"""What another tool would print for a network, as text: a table, Markdown, CSV or JSON."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from archscope.conventions import Counted, Part
from archscope.errors import NotFound, did_you_mean
from archscope.escaping import csv_cell, json_text, terminal
from archscope.escaping import markdown as escape

_FEW: Final = 4
"""Layers that a reason names before it says how many more there are."""


def write(counted: Sequence[Counted], format: str = "table") -> str:
    """What tools would print, as text, without a line end behind the last line.

    Raises:
        NotFound: there is no such format.
    """
    if format not in FORMATS:
        raise NotFound(f"no format `{format}`; {did_you_mean(format, FORMATS, what='formats')}")
    return FORMATS[format](counted)


def _table(counted: Sequence[Counted]) -> str:
    return "\n\n".join("\n".join(_lines(each)) for each in counted)


def _lines(counted: Counted) -> list[str]:
    tool = counted.tool
    lines = [*_wrapped(f"{counted.analysis.name}: {tool.name} prints {counted.printed} ({tool.printed})"),
             *_wrapped(f"Convention: {tool.convention}.", "")]  # fmt: skip
    rows = [(counted.base, _base(counted)), *((part.amount, _why(part)) for part in counted.parts)]
    width = max(len(_signed(amount)) for amount, _ in rows)
    lines.append("")
    for number, (amount, why) in enumerate(rows):
        shown = f"{amount:,}" if not number else _signed(amount)
        first = f"{shown:>{width}}  "
        lines += textwrap.wrap(terminal(why), 79, initial_indent=first, subsequent_indent=" " * len(first),
                               break_on_hyphens=False)  # fmt: skip
    lines.append(f"{counted.total:>{width},}  in all")
    lines.append(f"As learned from {tool.learned}.")
    return lines


def _base(counted: Counted) -> str:
    unit = counted.tool.unit
    if unit == "parameters":
        return "trainable parameters"
    return "multiply-accumulates" if counted.tool.times == 1 else f"{counted.tool.times} · multiply-accumulates"


def _why(part: Part) -> str:
    names = ", ".join(part.layers[:_FEW])
    more = f" and {len(part.layers) - _FEW:,} more" if len(part.layers) > _FEW else ""
    return f"{part.why} ({names}{more})"


def _signed(amount: int) -> str:
    return f"{'−' if amount < 0 else '+'}{abs(amount):,}"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(terminal(text), 79, subsequent_indent=indent, break_on_hyphens=False)


def _markdown(counted: Sequence[Counted]) -> str:
    parts = []
    for each in counted:
        rows = [f"| {each.base:,} | {_base(each)} |"]
        rows += [f"| {escape(_signed(part.amount))} | {escape(_why(part))} |" for part in each.parts]
        rows.append(f"| **{each.total:,}** | in all |")
        head = f"## {escape(each.analysis.name)}: {escape(each.tool.name)} prints {escape(each.printed)}"
        parts.append("\n\n".join([head, f"{escape(each.tool.convention)}.", "\n".join(
            ["| Amount | What it is |", "| ---: | --- |", *rows])]))  # fmt: skip
    return "\n\n".join(parts)


def _csv(counted: Sequence[Counted]) -> str:
    text = io.StringIO()
    lines = [["network", "tool", "amount", "why"]]
    for each in counted:
        name = csv_cell(each.analysis.name)
        lines.append([name, each.tool.name, str(each.base), _base(each)])
        lines += [[name, each.tool.name, str(part.amount), csv_cell(part.why)] for part in each.parts]
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().removesuffix("\n")


def _json(counted: Sequence[Counted]) -> str:
    return json_text(
        {
            "schema": "archscope.count/1",
            "counts": [
                {
                    "network": each.analysis.name,
                    "tool": each.tool.name,
                    "prints": each.tool.printed,
                    "unit": each.tool.unit,
                    "total": each.total,
                    "printed": each.printed,
                    "convention": each.tool.convention,
                    "learned_from": each.tool.learned,
                    "base": each.base,
                    "parts": [{"amount": part.amount, "why": part.why, "layers": list(part.layers)}
                              for part in each.parts],
                }
                for each in counted
            ],
        },
        indent=2,
    )  # fmt: skip


FORMATS: Final[Mapping[str, Callable[[Sequence[Counted]], str]]] = MappingProxyType(
    {"table": _table, "markdown": _markdown, "csv": _csv, "json": _json}
)
"""Every format by name."""
