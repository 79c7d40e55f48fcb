"""Verifications as text: a matrix for the terminal, Markdown, JSON and JUnit."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from xml.etree import ElementTree

from archscope.escaping import json_text, markdown, terminal, visible
from archscope.oracles.findings import Finding, Verdict, spell
from archscope.oracles.verification import WITNESSES, Verification

WORDS: Final[Mapping[Verdict, str]] = MappingProxyType({
    Verdict.AGREES: "agrees",
    Verdict.DIFFERS: "DIFFERS",
    Verdict.EXPLAINED: "explained",
    Verdict.NOT_COVERED: "–",
})  # fmt: skip
_STYLES: Final = {
    Verdict.AGREES: "green", Verdict.DIFFERS: "bold red", Verdict.EXPLAINED: "yellow", Verdict.NOT_COVERED: "dim",
}  # fmt: skip


def columns(verification: Verification) -> list[str]:
    """The witnesses that say anything about the network; the others have no column."""
    speaking = {each.witness for each in verification.findings if each.verdict is not Verdict.NOT_COVERED}
    return [name for name in verification.witnesses if name in speaking]


def of_the_whole(verification: Verification) -> list[str]:
    """The witnesses that speak of the whole network alone, where others speak of layers: a line each, no column."""
    shown = columns(verification)
    whole = [name for name in shown if not any(verification.cell(each, name) for each in verification.layers if each)]
    return [] if whole == shown else whole


def uncovered(verification: Verification) -> list[tuple[str, str, str]]:
    """``(witness, layers, why)`` for every cell of the matrix that nothing stands in, cells of one reason together."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for witness in verification.witnesses:
        for layer in verification.layers:
            found = verification.cell(layer, witness)
            if found and verification.verdict(layer, witness) is Verdict.NOT_COVERED:
                own = [each for each in found if each.node in (None, layer)] or found
                why = "; ".join(dict.fromkeys(each.why for each in own))
                grouped.setdefault((witness, why), []).append(layer or "total")
    reasons = Counter(witness for witness, _ in grouped)
    silent = {witness for witness, count in reasons.items() if count == 1} - {*columns(verification)}
    return [(witness, "everything" if witness in silent else ", ".join(layers), why)
            for (witness, why), layers in grouped.items()]  # fmt: skip


def write_matrix(
    verifications: Sequence[Verification], *, width: int | None = None, color: bool = False, most: int | None = None
) -> str:
    """Layers by witnesses for each network, with what differs and what is not covered; for the terminal.

    Of more than ``most`` layers, those of which something differs are shown, and the first and the last.
    """
    from rich.console import Console
    from rich.text import Text

    text = io.StringIO()
    console = Console(
        file=text, width=width or 100, force_terminal=color, color_system="standard" if color else None,
        legacy_windows=False, highlight=False, force_jupyter=False, _environ={},
    )  # fmt: skip
    for verification in verifications:
        console.print(Text(terminal(_heading(verification, "({})")), style="bold"))
        console.print()
        for part in _parts(verification, most):
            console.print(part)
            console.print()
        console.print(
            Text(terminal(verification.sentence), style="bold red" if verification.differing else "bold green")
        )
        console.print()
    console.print(_legend(verifications))
    if len(verifications) > 1:
        console.print()
        console.print(Text(terminal(total_sentence(verifications)), style="bold"))
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip("\n").split("\n"))


def total_sentence(verifications: Sequence[Verification]) -> str:
    """What came out for all networks together."""
    wrong = [each.analysis.name for each in verifications if each.differing]
    if wrong:
        return f"{len(verifications)} networks: something differs in {', '.join(wrong)}."
    facts = sum(len(each.of(Verdict.AGREES)) for each in verifications)
    return f"{len(verifications)} networks: {facts:,} facts agree and nothing differs without an explanation."


def _parts(verification: Verification, most: int | None) -> list[Any]:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = [name for name in columns(verification) if name not in of_the_whole(verification)]
    matrix = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    matrix.add_column("layer", overflow="fold")
    for name in shown:
        # A long name of a layer goes on below; a verdict is never cut short.
        words_there = [WORDS[verification.verdict(layer, name)] for layer in verification.layers]
        matrix.add_column(name, no_wrap=True, min_width=max(map(len, (name, *words_there))))
    left = _left_out(verification, shown, most)
    for place, layer in enumerate(verification.layers):
        if place in left:
            if place - 1 not in left:
                matrix.add_row(Text(left[place]))
            continue
        if layer is None:
            matrix.add_section()
        words = {name: verification.verdict(layer, name) for name in shown if verification.cell(layer, name)}
        cells = [Text(WORDS[words[name]], style=_STYLES[words[name]]) if name in words else Text("") for name in shown]
        matrix.add_row(Text(terminal(layer or "total")), *cells)
    return [matrix, *(_listed(title, lines, style) for title, style, lines in _sections(verification))]


def _left_out(verification: Verification, shown: Sequence[str], most: int | None) -> dict[int, str]:
    """The places of layers that are not shown, each with the line in the place of it and of those that follow."""
    many = len(verification.layers) - 1
    if most is None or many <= most:
        return {}
    middle = range(most - most // 2, many - most // 2)
    layers = verification.layers
    kept = {at for at in middle if any(verification.verdict(layers[at], each) is Verdict.DIFFERS for each in shown)}
    found: dict[int, str] = {}
    end = middle.stop
    for place in reversed(middle):
        if place in kept:
            end = place
        else:
            found[place] = f"… {end - place:,} more, none of which differs"
    return found


def _sections(verification: Verification) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """What stands below a matrix: titles with their colour, and lines of what each is about and what it says."""
    printed = [each for each in verification.of(Verdict.AGREES) if each.source and each.why]
    cut = [each for each in printed if each.why.startswith("truncated")]
    rounded = [each for each in printed if each not in cut]
    sections = [
        (_WHOLE, "bold", _of_the_whole(verification)),
        ("Differs", "bold red", [(each.witness, each.sentence) for each in verification.differing]),
        ("Differs, and the spec says why", "yellow",
         [(each.place, _printed(each)) for each in verification.of(Verdict.EXPLAINED) if each.source]),
        ("Counts otherwise, and why", "yellow", _conventions(verification)),
        ("Printed with fewer digits", "green",
         [(each.place, f"{each.quantity}: {_printed(each)}") for each in rounded]),
        ("Printed cut off, not rounded", "green",
         [(each.place, f"{each.quantity}: {_printed(each)}") for each in cut]),
        ("Looked at by a sample", "dim", _sampled(verification)),
        ("Not covered (–)", "dim",
         [(witness, f"{layers}: {why}") for witness, layers, why in uncovered(verification)]),
    ]  # fmt: skip
    return [(title, style, lines) for title, style, lines in sections if lines]


def _of_the_whole(verification: Verification) -> list[tuple[str, str]]:
    """What those say that have no column: how it compares, and of which quantities."""
    lines = []
    for name in of_the_whole(verification):
        said = [each for each in verification.cell(None, name) if each.verdict is not Verdict.NOT_COVERED]
        quantities = list(dict.fromkeys(each.quantity for each in said))
        about = ", ".join(quantities) if len(quantities) <= _FEW else f"{len(quantities)} quantities"
        lines.append((name, f"{WORDS[verification.verdict(None, name)]}: {about}"))
    return lines


_FEW: Final = 3
_WHOLE: Final = "Of the whole network"


def _sampled(verification: Verification) -> list[tuple[str, str]]:
    """What each witness saw of layers that it did not look at whole."""
    grouped: dict[tuple[str, str], dict[str, None]] = {}
    for each in verification.findings:
        if each.sampled:
            grouped.setdefault((each.witness, each.sampled), {})[each.place] = None
    return [(witness, f"{_few(list(layers))}: {words}") for (witness, words), layers in grouped.items()]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= _MANY else f"{', '.join(names[:3])} and {len(names) - 3} more"


_MANY: Final = 6


def _conventions(verification: Verification) -> list[tuple[str, str]]:
    """What tools count in another way: layers of one reason together, and their totals with both numbers."""
    lines: list[tuple[str, str]] = []
    for witness in verification.witnesses:
        own = [each for each in verification.of(Verdict.EXPLAINED) if each.witness == witness and not each.source]
        by_reason: dict[str, list[Finding]] = {}
        for each in own:
            by_reason.setdefault(each.why if each.layer else "", []).append(each)
        for why, found in by_reason.items():
            if why:
                first = found[0]
                names = _few([each.place for each in found])
                example = f"{spell(first.theirs)} for {spell(first.ours)} at {first.place}"
                lines.append((witness, f"{names}: {why} ({example})"))
        lines += [(witness, each.sentence) for each in own if each.layer is None]
    return lines


def _printed(finding: Finding) -> str:
    """A published figure, ours beside it, and what to say of it."""
    if finding.quantity == "claim":
        return f"“{finding.theirs}” ({finding.cited}). {finding.why}"
    ours = "" if finding.ours is None else f", archscope {spell(finding.ours)}"
    name = "" if finding.verdict is Verdict.AGREES else f"{finding.quantity}: "
    stop = "." if finding.verdict is Verdict.AGREES else ""
    return f"{name}{spell(finding.theirs)} ({finding.cited}){ours}. {finding.why[:1].upper()}{finding.why[1:]}{stop}"


def _heading(verification: Verification, named: str) -> str:
    """The network's title, and its name where that is another."""
    title, name = verification.analysis.title, verification.analysis.name
    return title if title == name else f"{title} {named.format(name)}"


def _listed(title: str, lines: Sequence[tuple[str, str]], style: str) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for head, text in lines:
        grid.add_row(Text(f"  {terminal(head)}"), Text(terminal(text)))
    return Group(Text(title, style=style), grid)


def _legend(verifications: Sequence[Verification]) -> Any:
    lines = [(name, WITNESSES[name].confirms) for name in WITNESSES
             if any(name in columns(each) for each in verifications)]  # fmt: skip
    return _listed("Who is asked", lines, "bold")


def write_markdown(verifications: Sequence[Verification]) -> str:
    """The matrix and what is below it, for a page or a pull request."""
    blocks = []
    for verification in verifications:
        shown = columns(verification)
        lines = [
            f"## {markdown(_heading(verification, '({})'))}",
            "",
            f"| layer | {' | '.join(shown)} |",
            f"|---|{'---|' * len(shown)}",
        ]
        for layer in verification.layers:
            name = "**total**" if layer is None else markdown(layer)
            cells = [
                WORDS[verification.verdict(layer, witness)] if verification.cell(layer, witness) else ""
                for witness in shown
            ]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines += ["", markdown(verification.sentence)]
        for title, _, entries in _sections(verification):
            if title == _WHOLE:
                continue  # it is a column here
            lines += ["", f"{title}:", "", *(f"- {markdown(f'{head}: {text}')}" for head, text in entries)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def write_json(verifications: Sequence[Verification]) -> str:
    """Every finding, schema ``archscope.verification/1``."""
    return json_text(
        {
            "schema": "archscope.verification/1",
            "differs": sum(len(each.differing) for each in verifications),
            "networks": [_network(each) for each in verifications],
        },
        indent=2,
    )


def _network(verification: Verification) -> dict[str, Any]:
    return {
        "name": verification.analysis.name,
        "title": verification.analysis.title,
        "sentence": verification.sentence,
        "stopped": verification.stopped or None,
        "witnesses": list(verification.witnesses),
        "findings": [
            {
                "witness": each.witness,
                "layer": each.layer,
                "node": each.node,
                "quantity": each.quantity,
                "verdict": each.verdict.value,
                "ours": each.ours,
                "theirs": each.theirs,
                "why": each.why,
                "source": each.source,
                "where": each.where,
                "seen": each.seen if each.source else None,
                "sampled": each.sampled or None,
            }
            for each in verification.findings
        ],
    }


def write_junit(verifications: Sequence[Verification]) -> str:
    """A test case for each finding, for a CI server: what differs fails, what is not covered is skipped."""
    root = ElementTree.Element("testsuites", name="archscope verify")
    for verification in verifications:
        suite = ElementTree.SubElement(
            root, "testsuite", name=visible(verification.analysis.name), tests=str(len(verification.findings)),
            failures=str(len(verification.differing)), skipped=str(len(verification.of(Verdict.NOT_COVERED))),
        )  # fmt: skip
        for finding in verification.findings:
            classname = visible(f"{verification.analysis.name}.{finding.witness}")
            case = ElementTree.SubElement(suite, "testcase", classname=classname, name=visible(_called(finding)))
            if finding.verdict is Verdict.DIFFERS:
                ElementTree.SubElement(case, "failure", message=visible(finding.sentence))
            elif finding.verdict is Verdict.NOT_COVERED:
                ElementTree.SubElement(case, "skipped", message=visible(finding.why))
            elif finding.verdict is Verdict.EXPLAINED:
                ElementTree.SubElement(case, "system-out").text = visible(finding.sentence)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _called(finding: Finding) -> str:
    """A name that no other finding of its witness has: a CI server follows a case by its name."""
    if not finding.source:
        return f"{finding.place} {finding.quantity}"
    return f"{finding.place} {finding.quantity} {spell(finding.theirs)} ({finding.cited})"


FORMATS: Final[Mapping[str, Callable[[Sequence[Verification]], str]]] = MappingProxyType({
    "table": write_matrix,
    "markdown": write_markdown,
    "json": write_json,
    "junit": write_junit,
})  # fmt: skip
"""Every format by the name the command line uses."""
