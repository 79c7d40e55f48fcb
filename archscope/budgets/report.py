"""Budgets that were checked as text: for the terminal, Markdown for a pull request, JSON and JUnit."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final
from xml.etree import ElementTree

from archscope.budgets.checking import Kept
from archscope.difference import Difference
from archscope.errors import NotFound, did_you_mean
from archscope.escaping import json_text, markdown, terminal, visible
from archscope.formats.differences import write as write_difference
from archscope.record import Record


class Checked(Record):
    """Every budget that was looked at, and what differs from the base branch.

    Attributes:
        kept: the budgets, in the order of the files.
        base: the revision that specs are compared with; empty for none.
        differences: what differs from it, by spec.
        new: specs that are not there at it.
    """

    kept: tuple[Kept, ...]
    base: str = ""
    differences: Mapping[str, Difference] = MappingProxyType({})
    new: tuple[str, ...] = ()

    @property
    def missed(self) -> tuple[Kept, ...]:
        """The budgets that do not hold."""
        return tuple(each for each in self.kept if not each.kept)


def write(checked: Checked, format: str = "table") -> str:
    """What was found, as text, without a line end behind the last line.

    Raises:
        NotFound: there is no such format.
    """
    if format not in FORMATS:
        raise NotFound(f"no format `{format}`; {did_you_mean(format, FORMATS, what='formats')}")
    return FORMATS[format](checked)


def _summary(checked: Checked) -> str:
    many = len(checked.kept)
    if not checked.missed:
        return f"{many:,} budget{'s' * (many != 1)} kept."
    return f"{len(checked.missed):,} of {many:,} budgets not kept."


def _table(checked: Checked) -> str:
    lines: list[str] = []
    for each in checked.kept:
        head = "kept    " if each.kept else "MISSED  "
        lines += textwrap.wrap(terminal(f"{each.budget}"), 79, initial_indent=head, subsequent_indent=" " * 8)
        lines += textwrap.wrap(terminal(each.sentence), 79, initial_indent=" " * 8, subsequent_indent=" " * 8)
    lines += ["", _summary(checked)]
    for path, found in checked.differences.items():
        lines += [
            "",
            f"{terminal(path)} since {terminal(checked.base)}:",
            "",
            write_difference(found, "table", width=80),
        ]
    lines += [f"{terminal(path)} is new since {terminal(checked.base)}." for path in checked.new]
    return "\n".join(lines)


def _markdown(checked: Checked) -> str:
    """What goes under a pull request."""
    rows = ["| | Budget | Numbers |", "| --- | --- | --- |"]
    rows += [
        f"| {'kept' if each.kept else '**not kept**'} | {markdown(each.budget)} | {markdown(each.sentence)} |"
        for each in checked.kept
    ]
    parts = [f"## {_summary(checked)}", "\n".join(rows)]
    for path, found in checked.differences.items():
        told = write_difference(found, "markdown").replace("## ", "### ", 1)
        parts.append(f"<details><summary>What differs in {markdown(path)} since {markdown(checked.base)}</summary>\n\n"
                     f"{told}\n\n</details>")  # fmt: skip
    parts += [f"{markdown(path)} is new since {markdown(checked.base)}." for path in checked.new]
    return "\n\n".join(parts)


def _json(checked: Checked) -> str:
    return json_text(
        {
            "schema": "archscope.check/1",
            "kept": not checked.missed,
            "budgets": [{"budget": each.budget, "place": each.place, "kept": each.kept, "numbers": each.sentence}
                        for each in checked.kept],
            "base": checked.base or None,
            "changed": list(checked.differences),
            "new": list(checked.new),
        },
        indent=2,
    )  # fmt: skip


def _junit(checked: Checked) -> str:
    """A test case for each budget, for a CI server."""
    root = ElementTree.Element("testsuites", name="archscope check")
    places: dict[str, list[Kept]] = {}
    for each in checked.kept:
        places.setdefault(each.place, []).append(each)
    for place, kept in places.items():
        suite = ElementTree.SubElement(root, "testsuite", name=visible(place), tests=str(len(kept)),
                                       failures=str(sum(not each.kept for each in kept)))  # fmt: skip
        for each in kept:
            case = ElementTree.SubElement(suite, "testcase", classname=visible(place), name=visible(each.budget))
            if not each.kept:
                ElementTree.SubElement(case, "failure", message=visible(each.sentence))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


FORMATS: Final[Mapping[str, Callable[[Checked], str]]] = MappingProxyType(
    {"table": _table, "markdown": _markdown, "json": _json, "junit": _junit}
)
"""Every format by name."""
