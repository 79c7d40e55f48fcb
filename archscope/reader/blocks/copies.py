"""What is not there: what a line reads, of every copy too, `stack.*.skip`, and what is to be changed from outside."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.diagnostics import Span
from archscope.errors import did_you_mean
from archscope.reader.entries import Reads
from archscope.reader.names import Names
from archscope.reader.overrides import Changes
from archscope.reader.report import Report
from archscope.reader.wiring import report_unknown


def of_copies(reads: Sequence[Reads], prefix: str, names: Names) -> tuple[list[Reads], list[Reads]]:
    """What a line reads, of every copy where it says `*`; and what it reads of copies where there are none."""
    found: list[Reads] = []
    missing: list[Reads] = []
    for each in reads:
        every = names.every(prefix + each.layer)
        found += [Reads(name, None, each.span) for name in every]
        missing += [] if every else [Reads(prefix + each.layer, None, each.span)]
    return found, missing


def report_missing(path: str, reads: Reads, prefix: str, names: Names, report: Report) -> None:
    """Report that a line reads what is not there, or of the copies of what has none or is written below."""
    run, star, _ = reads.layer.partition(".*")
    shown = run.removeprefix(prefix)
    if not star and (names.find(run) is not None or run in names.aliases):
        return
    if names.find(run) is None and run not in names.aliases:
        report_unknown(f"`{path}`", reads.replace(layer=run), path, prefix, names, report)
        return
    below = f"{run}.0" in names.entries or f"{run}.0" in names.aliases
    report.add(
        "unknown-layer",
        f"`{path}` reads of every copy of `{shown}`, which {'is written below it' if below else 'has none'}",
        reads.span,
        help=f"write the line below `{shown}`" if below else f"give `{shown}` a `repeat`, or read `{shown}` itself",
    )


def report_unchanged(changes: Changes, names: Names, report: Report) -> None:
    """Report the layers that are to be changed from outside, and are not there."""
    for name, options in changes.items():
        written = next(iter(options.values()))[0].span
        at = Span(written.source, 0, 0, 0, len(name))
        known = [*names.entries, *names.aliases]
        report.add(
            "unknown-layer",
            f"there is no layer `{name}` to change",
            at,
            help=did_you_mean(name, known, what="layers"),
        )
