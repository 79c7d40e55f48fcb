"""YAML text → a tree in which every value knows where it is written.

The tree is built from the parser's event stream rather than by a YAML constructor, for four reasons: every
key and value keeps its place, a key written twice is noticed, nesting is bounded (a constructor
recurses), and an alias costs nothing until it is expanded, which is bounded too.

Scalars follow YAML 1.2's core schema: only ``true`` and ``false`` are flags, ``no`` and ``on`` are text,
and ``5e-4`` is a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Mapping_
from functools import cached_property
from typing import Any, Final

import yaml

from archscope.diagnostics import Diagnostic, Note, Source, Span
from archscope.limits import DEEPEST_NESTING, LONGEST_NUMBER, MOST_VALUES
from archscope.syntax import bad_character, half_character, syntax_error

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PAIR: Final = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_INTEGER: Final = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS: Final = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}

_MERGE: Final = "<<"


class Invalid(Exception):
    """The text is not a document at all; carries the one diagnostic that says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class Scalar:
    """A flag, number, text or nothing, with its place."""

    __slots__ = ("span", "value")
    values = 1

    def __init__(self, value: Any, span: Span) -> None:
        self.value = value
        self.span = span


class List:
    """A sequence, with its place; ``values`` counts everything in it, aliases expanded."""

    __slots__ = ("items", "span", "values")

    def __init__(self, span: Span, items: list[Tree] | None = None) -> None:
        self.span = span
        self.items = [] if items is None else items
        self.values = 1


class Mapping:
    """Keys in the order written; a key written twice keeps its first value."""

    __slots__ = ("entries", "span", "values")

    def __init__(self, span: Span, entries: dict[str, tuple[Scalar, Tree]] | None = None) -> None:
        self.span = span
        self.entries = {} if entries is None else entries
        self.values = 1

    def get(self, key: str) -> Tree | None:
        """The value of a key, or nothing."""
        entry = self.entries.get(key)
        return None if entry is None else entry[1]

    def key_span(self, key: str) -> Span:
        """Where a key is written."""
        return self.entries[key][0].span


Tree = Scalar | List | Mapping


def to_data(tree: Tree) -> Any:
    """The plain value of a tree: None, bool, int, float, str, list or dict."""
    if isinstance(tree, Scalar):
        return tree.value
    if isinstance(tree, List):
        return [to_data(item) for item in tree.items]
    return {key: to_data(value) for key, (_, value) in tree.entries.items()}


def locate(tree: Tree, path: tuple[int | str, ...]) -> Span:
    """The place of a value inside a tree; of the innermost value on the way where it is not written."""
    for step in path:
        if isinstance(tree, List) and isinstance(step, int) and step < len(tree.items):
            tree = tree.items[step]
        elif isinstance(tree, Mapping) and isinstance(step, str) and step in tree.entries:
            tree = tree.entries[step][1]
        else:
            break
    return tree.span


def parse(source: Source) -> tuple[Tree, list[Diagnostic]]:
    """Read one YAML document.

    Returns:
        The tree, and the mistakes that leave the rest readable: keys written twice, overlong numbers.

    Raises:
        Invalid: there is no readable document.
    """
    composer = _Composer(source)
    try:
        handlers = composer.handlers
        # Event by event: `yaml.parse` asks twice for each, which a long spec feels.
        following = _LOADER(source.text).get_event
        event: Any = None
        while type(event) is not yaml.StreamEndEvent:
            event = following()
            handler = handlers.get(type(event))
            if handler is not None:
                handler(event)
    except UnicodeEncodeError as error:
        raise Invalid(half_character(source, error)) from None
    except yaml.MarkedYAMLError as error:
        joined = _PAIR.sub(_one_character, source.text)
        if joined != source.text and "Unicode character escape" in (error.problem or ""):
            return parse(Source(source.name, joined))
        raise Invalid(syntax_error(source, error)) from None
    except yaml.reader.ReaderError as error:
        raise Invalid(bad_character(source, error)) from None
    if composer.root is None or (isinstance(composer.root, Scalar) and composer.root.value is None):
        raise Invalid(
            Diagnostic(
                "empty-spec",
                f"{source.name} is empty",
                Span(source, 0, 0, 0, 0),
                help="a spec has at least `input:` and `layers:`",
            )
        )
    return composer.root, composer.diagnostics


class _Composer:
    """Builds the tree from events, with a stack of its own instead of the interpreter's."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.root: Tree | None = None
        self.diagnostics: list[Diagnostic] = []
        self._anchors: dict[str, Tree] = {}
        self._open: list[tuple[List | Mapping, str | None]] = []
        self._keys: list[Scalar | None] = []
        self._documents = 0

    @cached_property
    def handlers(self) -> Mapping_[type, Callable[[Any], None]]:
        """What to do with each kind of event; the others mean nothing here."""
        return {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self._invalid(
                "second-document",
                "a spec file holds one document",
                event,
                "put each network in a file of its own",
            )

    def _span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        return Span(self.source, start.line, start.column, end.line, end.column)

    def _invalid(self, name: str, message: str, event: Any, help: str) -> Invalid:
        return Invalid(Diagnostic(name, message, self._span(event), help=help))

    def _scalar(self, event: Any) -> None:
        """Have a scalar. Most of a long spec are, so what most of them need is written out here."""
        if event.tag is not None:
            self._check_tag(event)
        start, end = event.start_mark, event.end_mark
        span = Span(self.source, start.line, start.column, end.line, end.column)
        value = event.value
        if event.implicit[0]:
            if value in _WORDS:
                value = _WORDS[value]
            elif value[0] in "+-.0123456789":
                value = self._number(value, span)
        scalar = Scalar(value, span)
        keys = self._keys
        parent = self._open[-1][0] if keys else None
        if event.anchor is not None or type(parent) is not Mapping:
            self._add(scalar, event.anchor)
            return
        key = keys[-1]
        if key is None:
            keys[-1] = scalar if type(value) is str else self._key(scalar)
        elif key.value in parent.entries or parent.values >= MOST_VALUES:
            self._add(scalar, None)
        else:
            parent.entries[key.value] = key, scalar
            parent.values += 1
            keys[-1] = None

    def _number(self, text: str, span: Span) -> Any:
        whole = _INTEGER.match(text)
        if not whole and not _FLOAT.match(text):
            return text
        if len(text) > LONGEST_NUMBER:
            self.diagnostics.append(
                Diagnostic(
                    "number-too-long",
                    f"a number of {len(text):,} characters",
                    span,
                    help=f"a number has at most {LONGEST_NUMBER}",
                )
            )
            return 1
        return int(text) if whole else float(text)

    def _check_tag(self, event: Any) -> None:
        if event.tag not in (None, "!"):
            raise self._invalid("tag", f"the tag `{event.tag}` means nothing in a spec", event, "remove it")

    def _start(self, event: Any) -> None:
        self._check_tag(event)
        if len(self._open) >= DEEPEST_NESTING:
            raise self._invalid(
                "nested-too-deeply",
                f"nested more than {DEEPEST_NESTING} levels deep",
                event,
                "a spec is a mapping of layers, each on one line",
            )
        kind = Mapping if isinstance(event, yaml.MappingStartEvent) else List
        self._open.append((kind(self._span(event)), event.anchor))
        self._keys.append(None)

    def _end(self, event: Any) -> None:
        tree, anchor = self._open.pop()
        self._keys.pop()
        start, end = tree.span, event.end_mark
        tree.span = Span(self.source, start.line, start.column, end.line, end.column)
        if isinstance(tree, Mapping) and _MERGE in tree.entries:
            self._merge(tree)
        self._add(tree, anchor)

    def _merge(self, tree: Mapping) -> None:
        """Take in what ``<<`` names: keys that are written beside it stay, and an earlier mapping goes first."""
        key, value = tree.entries.pop(_MERGE)
        for merged in value.items if isinstance(value, List) else [value]:
            if not isinstance(merged, Mapping):
                raise Invalid(
                    Diagnostic(
                        "wrong-merge",
                        "`<<` takes in a mapping, or a list of them",
                        key.span,
                        help="write `<<: *name`, where `&name` stands before a mapping above",
                    )
                )
            for name, entry in merged.entries.items():
                tree.entries.setdefault(name, entry)

    def _alias(self, event: Any) -> None:
        target = self._anchors.get(event.anchor)
        if target is None:
            known = [f"&{name}" for name in self._anchors]
            raise self._invalid(
                "unknown-anchor",
                f"`*{event.anchor}` repeats an anchor that is not complete",
                event,
                f"anchors above: {', '.join(known) or 'none'}",
            )
        self._add(target, None, self._span(event))

    def _add(self, tree: Tree, anchor: str | None, at: Span | None = None) -> None:
        if anchor is not None:
            self._anchors[anchor] = tree
        if not self._open:
            self.root = tree
            return
        parent = self._open[-1][0]
        if isinstance(parent, List):
            parent.items.append(tree)
        elif self._keys[-1] is None:
            self._keys[-1] = self._key(tree)
            return
        else:
            self._enter(parent, self._keys[-1], tree)
            self._keys[-1] = None
        parent.values += tree.values
        if parent.values > MOST_VALUES:
            if self._anchors:
                message = f"aliases expand this document to more than {MOST_VALUES:,} values"
                raise Invalid(Diagnostic("alias-bomb", message, at or tree.span, help="write the values out"))
            message = f"this document has more than {MOST_VALUES:,} values"
            help_ = "say in `blocks:` what comes again, and `repeat:` it"
            raise Invalid(Diagnostic("too-many-values", message, tree.span, help=help_))

    def _key(self, tree: Tree) -> Scalar:
        if isinstance(tree, Scalar) and not isinstance(tree.value, (list, dict)):
            if isinstance(tree.value, str):
                return tree
            written = self.source.lines[tree.span.line][tree.span.column : tree.span.end_column]
            return Scalar(written or "null", tree.span)
        raise Invalid(Diagnostic("key-not-a-name", "a key must be a name", tree.span, help="write `name: value`"))

    def _enter(self, parent: Mapping, key: Scalar, value: Tree) -> None:
        first = parent.entries.get(key.value)
        if first is None:
            parent.entries[key.value] = (key, value)
            return
        self.diagnostics.append(
            Diagnostic(
                "duplicate-key",
                f"`{key.value}` is written twice",
                key.span,
                (Note("the first one is here", first[0].span),),
                help="rename one or remove it",
            )
        )


def _one_character(pair: re.Match[str]) -> str:
    r"""The two halves of JSON's ``\ud83d\ude00`` as YAML writes the one character that they are."""
    high, low = int(pair[1], 16) - 0xD800, int(pair[2], 16) - 0xDC00
    return f"\\U{0x10000 + (high << 10) + low:08X}"


def walk(tree: Tree) -> Iterator[Scalar]:
    """Every scalar of a tree."""
    if isinstance(tree, Scalar):
        yield tree
    else:
        inner = tree.items if isinstance(tree, List) else [value for _, value in tree.entries.values()]
        for each in inner:
            yield from walk(each)
