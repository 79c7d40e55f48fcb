"""`Report`: collects every mistake of a spec, and the values that could still be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import islice
from typing import Any

from archscope.diagnostics import Diagnostic, Note, Span
from archscope.errors import Rejects
from archscope.limits import MOST_MISTAKES
from archscope.options import Kind, Option, spell
from archscope.reader.foreign import option_for, remedy_of_name, remedy_of_option, remedy_of_value
from archscope.record import Record
from archscope.source import List, Scalar, Tree, locate, to_data
from archscope.source import Mapping as MappingTree


class Origin(Record):
    """The block a line comes from, and where it is used."""

    block: str
    use: Span
    above: Origin | None = None

    def notes(self) -> tuple[Note, ...]:
        """Where the block is used, and the blocks around it."""
        outer = () if self.above is None else self.above.notes()
        return (Note(f"the block `{self.block}` is used here", self.use), *outer)


class Report:
    """The mistakes found so far, in no particular order.

    A mistake in a block is reported once, however often the block is used, with the place of its first use, and so is
    one in a line that is read for each of its copies.
    ``found`` counts them all, and ``lines`` the lines that were read, those of blocks again for each use.
    """

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.found = 0
        self.lines = 0
        self.replaced: list[Tree] = []  # what stood where something else was asked for from outside
        self.names: Iterable[str] = ()  # that values may stand for where the line in hand is written
        self._origin: Origin | None = None
        self._line: Span | None = None
        self._told: set[object] = set()
        self._remedies: dict[int, Callable[[], str]] = {}

    def take(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Note mistakes that were found elsewhere."""
        for each in diagnostics:
            self.found += 1
            self.diagnostics.append(each)

    def place(self, origin: Origin | None, line: Span | None) -> None:
        """Say which line of which block is read from now on; None for what stands in no block."""
        self.lines += 1
        self._origin = origin
        self._line = line

    def add(
        self, name: str, message: str, span: Span | None, *notes: Note, help: str | Callable[[], str] | None = None
    ) -> None:
        """Note one mistake; a remedy that has to be searched for is searched for if it is shown."""
        self.found += 1
        # Copies of a block's line differ in their words; outside of blocks a line may have two mistakes of a kind.
        told = (name if self._origin is not None else message, span and (id(span.source), span.line, span.column))
        if told in self._told:
            return
        self._told.add(told)
        if self._origin is not None:
            if self._line is not None and span is not None and span.line != self._line.line:
                notes = (*notes, Note(f"the line of the block `{self._origin.block}` is here", self._line))
            notes = (*notes, *self._origin.notes())
        self.diagnostics.append(Diagnostic(name, message, span, notes, None if callable(help) else help))
        if callable(help):
            self._remedies[id(self.diagnostics[-1])] = help

    def in_order(self) -> list[Diagnostic]:
        """Every mistake, in the order of the file; those that are shown have their remedies."""
        ordered = sorted(self.diagnostics, key=_place)
        for position, each in enumerate(ordered[:MOST_MISTAKES]):
            search = self._remedies.get(id(each))
            if search is not None:
                ordered[position] = each.replace(help=search())
        return ordered

    def mapping(self, tree: Tree | None, what: str, span: Span, help: str) -> MappingTree | None:
        """The tree as a mapping, or a mistake."""
        if isinstance(tree, MappingTree):
            return tree
        got = "nothing" if tree is None else spell(to_data(tree))
        self.add("wrong-value", f"{what} must be a mapping, got {got}", span if tree is None else tree.span, help=help)
        return None

    def items(self, tree: Tree) -> list[Tree]:
        """A list's elements, or the one value that stands for a list."""
        return tree.items if isinstance(tree, List) else [tree]

    def text(self, tree: Tree, what: str) -> str | None:
        """The tree as text, or a mistake."""
        if isinstance(tree, Scalar) and isinstance(tree.value, str) and tree.value.strip():
            return tree.value.strip()
        got = spell(to_data(tree))
        quote = isinstance(tree, Scalar) and tree.value is not None and not isinstance(tree.value, str)
        self.add(
            "wrong-value",
            f"{what} must be text, got {got}",
            tree.span,
            help=f'put it in quotes: "{got}"' if quote else None,
        )
        return None

    def value(self, kind: Kind, tree: Tree, what: str, meaning: str | None = None) -> Any:
        """The tree as a value of a kind; `FAILED` after a mistake, for which ``meaning`` helps out."""
        try:
            return kind.parse(to_data(tree))
        except Rejects as error:
            self._wrong(error, tree, what, meaning)
            return FAILED

    def _wrong(self, error: Rejects, tree: Tree, what: str, meaning: str | None) -> None:
        """Note a value that its kind refuses."""
        at = locate(tree, error.path)
        written = _at(to_data(tree), error.path)
        help_ = remedy_of_value(written) or remedy_of_name(written, self.names) or error.remedy or meaning
        self.add("wrong-value", f"{what}: {error.message}", at, help=help_)

    def options(
        self, declared: Mapping[str, Option], tree: MappingTree, keys: Iterable[str], prefix: str, at: Span
    ) -> dict[str, Any] | None:
        """The stated values of declared options; None if one is wrong or missing."""
        values: dict[str, Any] = {}
        complete = True
        begun: bool | None = None  # whether a value begins with a bracket, once that is asked
        for key in keys:
            entry = tree.entries[key]
            if key not in declared:
                complete = False
                if _half_of_brackets(key):
                    begun = _begins_brackets(tree) if begun is None else begun
                    if begun:
                        continue
                self.add(
                    "unknown-option",
                    f"{prefix}: unknown option `{key}`",
                    entry[0].span,
                    help=partial(remedy_of_option, key, to_data(entry[1]), declared),
                )
                continue
            try:
                values[key] = declared[key].kind.parse(to_data(entry[1]))
            except Rejects as error:
                meaning = f"`{key}`: {declared[key].doc[0].lower()}{declared[key].doc[1:].rstrip('.')}"
                self._wrong(error, entry[1], f"{prefix}: `{key}`", meaning)
                values[key], complete = FAILED, False
        missing = [key for key, each in declared.items() if each.required and key not in values]
        misspelt = self._misspelt(missing, tree, declared) if missing else ()
        for key in missing:
            if key not in misspelt:
                help_ = f"add `{key}:`, {declared[key].kind.name}"
                self.add("missing-option", f"{prefix}: `{key}` is missing", at, help=help_)
                complete = False
        return values if complete else None

    @staticmethod
    def _misspelt(keys: Iterable[str], tree: MappingTree, declared: Mapping[str, Option]) -> set[str]:
        """Keys that one of the first unknown ones was probably meant to be: then one report is enough."""
        unknown = [*islice((name for name in tree.entries if name not in declared), MOST_MISTAKES)]
        meant = {option_for(name, declared) for name in unknown}
        hints = {remedy_of_option(name, None, declared) for name in unknown}
        return {key for key in keys if key in meant or f"did you mean `{key}`?" in hints}


def _half_of_brackets(key: str) -> bool:
    """Whether a key may be the second half of a ``(3, 3)`` that the comma broke apart; the first is reported."""
    return key.endswith(")") and "(" not in key


def _begins_brackets(tree: MappingTree) -> bool:
    values = (value for _, value in tree.entries.values())
    return any(isinstance(each, Scalar) and str(each.value).startswith("(") for each in values)


def _at(value: Any, path: tuple[int | str, ...]) -> Any:
    """The part of a value that is to blame; the innermost there is."""
    for step in path:
        if not (isinstance(value, list) and isinstance(step, int) and step < len(value)):
            break
        value = value[step]
    return value


def _place(diagnostic: Diagnostic) -> tuple[str, int, int]:
    span = diagnostic.span
    return ("", 0, 0) if span is None else (span.source.name, span.line, span.column)


class _Failed:
    def __repr__(self) -> str:
        return "FAILED"


FAILED: Any = _Failed()
"""What `Report.value` returns after a mistake; None is a value."""
