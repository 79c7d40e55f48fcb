"""What is wrong with a text that is no YAML, said so that it can be mended."""

from __future__ import annotations

import re
from typing import Any

from archscope.diagnostics import Diagnostic, Note, Source, Span


def syntax_error(source: Source, error: Any) -> Diagnostic:
    """What the parser met, with the place to mend."""
    open_ = _not_closed(source, error)
    if open_ is not None:
        return open_
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    notes: tuple[Note, ...] = ()
    context = error.context_mark
    if error.context and context and (context.line, context.column) != (line, column):
        at = Span(source, context.line, context.column, context.line, context.column + 1)
        notes = (Note(error.context, at),)
    span = Span(source, line, column, line, column + 1)
    message = f"invalid YAML: {error.problem or error.context}"
    return Diagnostic("invalid-yaml", message, span, notes, help=_syntax_help(source, line, error.problem or ""))


def _not_closed(source: Source, error: Any) -> Diagnostic | None:
    """A bracket that is still open where the next line begins: the place to mend is where it opens."""
    opened, met = error.context_mark, error.problem_mark
    if error.context not in ("while parsing a flow mapping", "while parsing a flow sequence") or not opened or not met:
        return None
    sign = source.lines[opened.line][opened.column : opened.column + 1]
    if opened.line == met.line or sign not in ("{", "["):
        return None
    return Diagnostic(
        "invalid-yaml",
        f"invalid YAML: the `{sign}` that opens here is not closed",
        Span(source, opened.line, opened.column, opened.line, opened.column + 1),
        (Note("it is still open here", Span(source, met.line, met.column, met.line, met.column + 1)),),
        help=f"close it with `{ {'{': '}', '[': ']'}[sign] }` at the end of its line",
    )


def _syntax_help(source: Source, line: int, problem: str) -> str:
    nearby = source.lines[max(0, line - 1) : line + 1]
    if any("\t" in each for each in nearby):
        return "indent with spaces; YAML takes no tabs"
    run_on = next(filter(None, map(re.compile(r"(?:^|[\s{,])([A-Za-z_]+):(?![\s/])(\S+)").search, nearby[::-1])), None)
    if run_on:
        return f"put a space after the colon: `{run_on[1]}: {run_on[2]}`"
    braced = next(filter(None, map(re.compile(r"\$\{\s*(\w+)\s*\}").search, nearby[::-1])), None)
    if braced:
        return f"write `${braced[1]}`: a name has no braces"
    if "did not find expected ',' or '}'" in problem:
        return "separate options with commas, and close the brackets"
    if "alias" in problem or "anchor" in problem:
        return "put quotes around text that begins with * or &"
    return "check the indentation, the brackets, and the space after each colon"


def half_character(source: Source, error: UnicodeEncodeError) -> Diagnostic:
    """A character that no text in UTF-8 can hold."""
    before = Source("", source.text[: error.start]).lines
    line, column = len(before) - 1, len(before[-1])
    message = f"invalid YAML: U+{ord(source.text[error.start]):04X} is half a character"
    return Diagnostic("invalid-yaml", message, Span(source, line, column, line, column + 1), help="remove it")


def bad_character(source: Source, error: Any) -> Diagnostic:
    """A character that YAML does not allow."""
    position = min(int(error.position), len(source.text))
    before = source.text[:position]
    line = len(Source("", before).lines) - 1
    column = len(Source("", before).lines[-1])
    character = error.character if isinstance(error.character, int) else ord(str(error.character)[0])
    return Diagnostic(
        "invalid-yaml",
        f"invalid YAML: the character U+{character:04X} is not allowed",
        Span(source, line, column, line, column + 1),
        help="remove it",
    )
