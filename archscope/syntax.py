"""What is wrong with a text that is no YAML, said so that it can be mended."""

from __future__ import annotations

import re
from typing import Any, Final

from archscope.diagnostics import Diagnostic, Note, Source, Span


def syntax_error(source: Source, error: Any) -> Diagnostic:
    """What the parser met, with the place to mend."""
    known = _quoted(source, error) or _not_closed(source, error) or _nothing_open(source, error)
    if known is not None:
        return known
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    notes: tuple[Note, ...] = ()
    context = error.context_mark
    if error.context and context and (context.line, context.column) != (line, column):
        at = Span(source, context.line, context.column, context.line, context.column + 1)
        notes = (Note(error.context, at),)
    span = Span(source, line, column, line, column + 1)
    message = f"invalid YAML: {error.problem or error.context}"
    help_ = _syntax_help(source, line, column, error.problem or "")
    return Diagnostic("invalid-yaml", message, span, notes, help=help_)


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


def _quoted(source: Source, error: Any) -> Diagnostic | None:
    """A quote that has no second one: the place to mend is where it opens."""
    opened = error.context_mark
    if not opened or not error.problem_mark or opened.line == error.problem_mark.line:
        return None
    line = source.lines[opened.line]
    column = opened.column if error.context == "while scanning a quoted scalar" else line.find('"')
    if line.count('"') % 2 == 0 and line[column] != "'":
        return None
    return Diagnostic(
        "invalid-yaml",
        f"invalid YAML: the quote {line[column]} that opens here is not closed",
        Span(source, opened.line, column, opened.line, column + 1),
        help="close it after the text, or remove it: most text needs no quotes",
    )


def _nothing_open(source: Source, error: Any) -> Diagnostic | None:
    """A bracket that closes nothing."""
    met = error.problem_mark
    sign = source.lines[met.line][met.column : met.column + 1] if met and met.line < len(source.lines) else ""
    if sign not in ("}", "]") or "flow" in (error.context or ""):
        return None
    span = Span(source, met.line, met.column, met.line, met.column + 1)
    message = f"invalid YAML: nothing is open that this `{sign}` closes"
    return Diagnostic("invalid-yaml", message, span, help="remove it")


def _syntax_help(source: Source, line: int, column: int, problem: str) -> str:
    nearby = source.lines[max(0, line - 1) : line + 1]
    if "escape" in problem or "hexdecimal" in problem:
        return r"in double quotes a backslash begins a code, such as \n; use single quotes"
    if any("\t" in each for each in nearby):
        return "indent with spaces; YAML takes no tabs"
    run_on = next(filter(None, map(re.compile(r"(?:^|[\s{,])([A-Za-z_]+):(?![\s/])(\S+)").search, nearby[::-1])), None)
    if run_on:
        return f"put a space after the colon: `{run_on[1]}: {run_on[2]}`"
    braced = next(filter(None, map(re.compile(r"\$\{\s*(\w+)\s*\}").search, nearby[::-1])), None)
    if braced:
        return f"write `${braced[1]}`: a name has no braces"
    before = source.lines[line][:column] if line < len(source.lines) else ""
    if "did not find expected ',' or '}'" in problem:
        return _between(before)
    if "alias" in problem or "anchor" in problem:
        return "put quotes around text that begins with * or &"
    if line >= len(source.lines):
        return _CHECK
    return _braces(source.lines[line]) or _indented(source, line, column) or _CHECK


_CHECK: Final = "check the indentation, the brackets, and the space after each colon"


def _between(before: str) -> str:
    """What to write between two options, given what stands on the line up to the colon of the second."""
    nested = re.search(r"(\w+):\s+(\w+)$", before)
    if nested:
        return f"put braces around what `{nested[1]}` is: `{nested[1]}: {{{nested[2]}: …}}`"
    run_on = re.search(r"[^\s,{\[]\s+([A-Za-z_]\w*)$", before)
    wrong = re.search(r"([;|/])\s*[A-Za-z_]\w*$", before)
    if wrong:
        return f"write a comma in the place of `{wrong[1]}`"
    return f"put a comma before `{run_on[1]}`" if run_on else "separate options with commas, and close the brackets"


def _braces(line: str) -> str | None:
    """A line whose options stand in no braces, or in others."""
    found = re.match(r"\s*([\w.]+):\s+\(?\s*(type):\s", line)
    if found:
        return f"put braces around its options: `{found[1]}: {{type: …}}`"
    if re.match(r"\s*\w+:\s+[^\s{\['\"][^'\"]*:\s", line):
        return "put quotes around text that has a colon in it, and braces around options"
    return None


def _indented(source: Source, line: int, column: int) -> str | None:
    """A line that begins at another column than the line above it."""
    text = source.lines[line]
    above = next((each for each in source.lines[:line][::-1] if each.strip() and each.strip()[0] != "#"), "")
    mine, theirs = (len(each) - len(each.lstrip()) for each in (text, above))
    if mine != column or mine == theirs or not above:
        return None
    return f"begin it where the line above begins: that has {theirs} spaces in front, and this one {mine}"


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
