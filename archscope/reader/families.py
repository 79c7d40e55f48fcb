"""What the other variants of a family change, looked at without expanding them.

Who reads `vgg@A` is told of a layer that `vgg@E` misspells. Names, types, options and values are held against what is
there; what only shows when shapes are worked out is found when the variant itself is read, or the whole family.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Set
from functools import cached_property, partial

from archscope.diagnostics import Span
from archscope.errors import did_you_mean, listed
from archscope.layers import TYPES, Layer
from archscope.reader.blocks.definitions import ON_BLOCK, USE, names_of
from archscope.reader.document import KEYS
from archscope.reader.entries import PLACE
from archscope.reader.foreign import remedy_of_block_option, remedy_of_option, remedy_of_type
from archscope.reader.report import Report
from archscope.reader.variants import remedy_of_key
from archscope.source import List, Scalar, Tree, to_data
from archscope.source import Mapping as MappingTree


def check_others(body: MappingTree, chosen: str, report: Report) -> None:
    """Report mistakes in the variants that are not ``chosen``, which is read as a whole."""
    variants = body.get("variants")
    base = _Base(body)
    for name, (key, tree) in variants.entries.items() if isinstance(variants, MappingTree) else ():
        empty = isinstance(tree, Scalar) and tree.value is None
        if name == chosen or empty:
            continue
        over = report.mapping(tree, f"the variant `{name}`", key.span, "write `D: {let: {d: 768}}`")
        if over is not None:
            _Variant(name, base, report).check(over)


class _Base:
    """A spec without its variants, and what is asked of it for each of them."""

    def __init__(self, body: MappingTree) -> None:
        self.body = body
        self.lines = _mapping(body, "layers")
        self.blocks = {name: block for name, (_, block) in _mapping(body, "blocks").items()}
        self.let = frozenset(_mapping(body, "let"))
        self.inputs = frozenset(_inputs(body))

    @cached_property
    def asked(self) -> frozenset[str]:
        """The names that anything in the file asks for."""
        return frozenset(each for part in self.body.entries.values() for each in names_of(part[1]))


class _Variant:
    """One variant beside the rest of its spec."""

    def __init__(self, name: str, base: _Base, report: Report) -> None:
        self.what = f"the variant `{name}`"
        self.report = report
        self.base = base
        self.blocks: Mapping[str, Tree] = base.blocks
        self.let: Set[str] = base.let

    def check(self, over: MappingTree) -> None:
        """Keys, names, and lines."""
        for key in over.entries:
            if (key not in KEYS and not key.startswith("x-")) or key in ("variants", "name"):
                help_ = "a variant says what it changes: `title`, `let`, `layers` and so on"
                near = help_ if key in KEYS else remedy_of_key(key, over.entries[key][1], KEYS)
                self.report.add("unknown-key", f"{self.what}: unknown key `{key}`", over.key_span(key), help=near)
        blocks, let = _mapping(over, "blocks"), _mapping(over, "let")
        if blocks:
            self.blocks = ChainMap({name: block for name, (_, block) in blocks.items()}, dict(self.base.blocks))
        if not self.let >= let.keys():
            self.let = self.let | let.keys()
        for name, (written, value) in _mapping(over, "let").items():
            self._names(f"`let`: `{name}`", value)
            if name not in self.base.asked:
                self.report.add("unused", f"{self.what}: the name `{name}` is never used", written.span,
                                help=f"write `${name}` where it is meant, or remove it")  # fmt: skip
        lines = self.base.lines
        for name, (written, line) in _mapping(over, "layers").items():
            self._line(name, written, line, lines)

    def _names(self, what: str, tree: Tree) -> None:
        for name in names_of(tree):
            if name not in self.let and name != "in" and name not in self.base.inputs:
                help_ = partial(_near_name, name, self.let)
                self.report.add("wrong-expression", f"{self.what}: {what}: there is no name `${name}`", tree.span,
                                help=help_)  # fmt: skip

    def _line(self, name: str, key: Scalar, line: Tree, lines: Mapping[str, tuple[Scalar, Tree]]) -> None:
        before = lines.get(name)
        if isinstance(line, Scalar) and line.value is None:
            if before is None:
                self.report.add("unknown-layer", f"{self.what}: there is no layer `{name}` to take away", key.span,
                                help=partial(did_you_mean, name, lines, what="layers"))  # fmt: skip
            return
        if not isinstance(line, MappingTree):
            self.report.mapping(line, f"{self.what}: layer `{name}`", key.span, "write `name: {type: conv2d, …}`")
            return
        self._names(f"`{name}`", line)
        said = dict(before[1].entries) if before is not None and isinstance(before[1], MappingTree) else {}
        kind = {**said, **line.entries}.get("type")
        type_ = kind[1].value if kind is not None and isinstance(kind[1], Scalar) else None
        if not isinstance(type_, str):
            help_ = partial(_near_line, name, lines)
            message = f"{self.what}: layer `{name}`: `type` is missing"
            self.report.add("missing-option", message, key.span, help=help_)
        elif type_ in TYPES:
            self._options(name, line, TYPES[type_])
        elif type_ in self.blocks:
            self._use(name, line, type_)
        elif "$" not in type_ and kind is not None:
            help_ = partial(_near_type, type_, self.blocks)
            self.report.add("unknown-type", f"{self.what}: layer `{name}`: there is no layer type `{type_}`",
                            kind[1].span, help=help_)  # fmt: skip

    def _options(self, name: str, line: MappingTree, kind: type[Layer]) -> None:
        for option, (written, value) in line.entries.items():
            if option in kind.options:
                if not any(names_of(value)) and not _says_name(value):
                    meaning = f"`{option}`: {kind.options[option].doc[0].lower()}{kind.options[option].doc[1:-1]}"
                    what = f"{self.what}: `{name}` ({kind.type}): `{option}`"
                    self.report.value(kind.options[option].kind, value, what, meaning)
            elif option not in ("type", *PLACE, *USE):
                self._unknown(name, kind.type, option, written.span,
                              partial(remedy_of_option, option, to_data(value), kind.options))  # fmt: skip
        self._table(name, line)

    def _use(self, name: str, line: MappingTree, block: str) -> None:
        body = self.blocks[block]
        options = _mapping(body, "options") if isinstance(body, MappingTree) else {}
        for part in (line, *(_tree(line, each) for each in ("first", "last", "each"))):
            for option, (written, _) in part.entries.items() if isinstance(part, MappingTree) else ():
                if option not in options and option not in ON_BLOCK:
                    self._unknown(name, block, option, written.span,
                                  partial(remedy_of_block_option, option, block, options, ON_BLOCK))  # fmt: skip
        self._table(name, line)

    def _unknown(self, name: str, type_: str, option: str, at: Span, help_: Callable[[], str]) -> None:
        message = f"{self.what}: `{name}` ({type_}): unknown option `{option}`"
        self.report.add("unknown-option", message, at, help=help_)

    def _table(self, name: str, line: MappingTree) -> None:
        """Rows have as many entries as there are columns."""
        base = self.base.lines.get(name)
        columns = _tree(line, "columns") or (_tree(base[1], "columns") if base is not None else None)
        rows = _tree(line, "rows")
        if not isinstance(columns, List) or not isinstance(rows, List):
            return
        for row in rows.items:
            got = len(row.items) if isinstance(row, List) else 1
            if got != len(columns.items):
                wanted = f"an entry for each of the {len(columns.items)} columns"
                self.report.add("wrong-value", f"{self.what}: `{name}`: a row has {wanted}, got {got}", row.span,
                                help=partial(_columns_are, columns))  # fmt: skip


def _near_name(name: str, names: Set[str]) -> str:
    return did_you_mean(name, sorted(names), what="names")


def _near_type(name: str, blocks: Iterable[str]) -> str:
    return remedy_of_type(name, TYPES, what="layer types", own=blocks)


def _near_line(name: str, lines: Iterable[str]) -> str:
    near = did_you_mean(name, lines, what="layers")
    return near if near.startswith("did you mean") else "add `type:`, such as `conv2d`"


def _columns_are(columns: List) -> str:
    return f"columns: {listed([str(to_data(each)) for each in columns.items])}"


def _tree(tree: Tree | None, key: str) -> Tree | None:
    return tree.get(key) if isinstance(tree, MappingTree) else None


def _mapping(tree: Tree, key: str) -> Mapping[str, tuple[Scalar, Tree]]:
    found = _tree(tree, key)
    return found.entries if isinstance(found, MappingTree) else {}


def _inputs(body: MappingTree) -> Iterable[str]:
    tree = body.get("input")
    return tree.entries if isinstance(tree, MappingTree) else ("input",)


def _says_name(tree: Tree) -> bool:
    """Whether a value is worked out from names and not known as it stands."""
    return "$" in str(to_data(tree))
