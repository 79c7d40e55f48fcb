"""A line of a spec or of a block, with its names filled in and its copies told apart: `Line`.

A line is prepared once for each set of values its names can have, however often the block is used with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import partial
from itertools import islice
from typing import Any

from archscope import limits
from archscope.diagnostics import Span
from archscope.errors import did_you_mean, listed, nearest
from archscope.layers import TYPES
from archscope.layers.base import Shape
from archscope.options import spell
from archscope.reader.blocks.definitions import ON_BLOCK, TO_ALL, USE, Definition
from archscope.reader.blocks.expression import names_in
from archscope.reader.blocks.values import Env, Unfilled
from archscope.reader.entries import PLACE, Entry, Reads, read_entry, read_from, read_group, read_place, spaced
from archscope.reader.foreign import remedy_of_block_option
from archscope.reader.report import Report
from archscope.source import List, Scalar, Tree, to_data, walk
from archscope.source import Mapping as MappingTree


class Line:
    """One line, ready to be put in its place.

    Attributes:
        body: its tree without what it says about how often it stands there; None if it is none.
        control: what it says about that.
        reads: what it says it reads, in its own block's names; None if it does not say.
        when: ``"changes"``, ``"fits"``, whether it is there, or None.
        copies: the lines it stands for one after another; None if it is itself.
        target: the block it uses; None for a layer.
        layer: the entry of a layer, to be copied.
        given: the block's options as they are given.
        said: what the use of a block says for all its layers; None where it says nothing.
        envs: the block's values by the shapes of what it is given.
        broken: there is a mistake in it, which is reported.
    """

    def __init__(self, key: Scalar) -> None:
        self.key = key
        self.body: MappingTree | None = None
        self.control: dict[str, tuple[Scalar, Tree]] = {}
        self.reads: list[Reads] | None = None
        self.when: str | bool | None = None
        self.copies: list[Line] | None = None
        self.target: Definition | None = None
        self.layer: Entry | None = None
        self.given: dict[str, Tree] = {}
        self.said: Entry | None = None
        self.group: tuple[str, ...] = ()
        self.title = ""
        self.envs: dict[Any, Env | None] = {}
        self.broken = False


class Preparation:
    """Prepares lines; equal ones once."""

    def __init__(self, definitions: Mapping[str, Definition], report: Report) -> None:
        self.definitions = definitions
        self.report = report
        self._prepared: dict[tuple[int, int], Line] = {}
        self._kept: list[object] = []

    def line(self, path: str, key: Scalar, tree: Tree, env: Env) -> Line:
        """The line of a tree where names have the values of ``env``.

        Raises:
            NotKnown: it asks for the size of an input that is not known.
        """
        place = (id(tree), id(env))
        found = self._prepared.get(place)
        if found is None:
            found = self._prepared[place] = self._prepare(path, key, tree, env)
            self._kept.append((tree, env))  # their ids are keys
        return found

    def changed(self, path: str, line: Line, options: Mapping[str, tuple[Scalar, Tree]]) -> Line:
        """The same line with some options changed."""
        said = {} if line.body is None else line.body.entries
        tree = MappingTree(line.key.span, {**said, **line.control, **options})
        return self._of(path, line.key, tree)

    def _prepare(self, path: str, key: Scalar, tree: Tree, env: Env) -> Line:
        self.report.names = env.values
        times = tree.get("repeat") if isinstance(tree, MappingTree) else None
        if isinstance(times, Scalar) and times.value == 0 and times.value is not False:  # of a name it may be 0
            self.report.add(
                "wrong-value",
                f"`{path}`: `repeat: 0` is no layer at all",
                times.span,
                help="remove the line, or write `repeat: $n` where a variant or an option says how often",
            )
        try:
            return self._of(path, key, env.filled(tree))
        except Unfilled as unfilled:
            line = Line(key)
            line.broken = True
            self.report.add(
                "wrong-expression", f"`{path}`: {unfilled.error.message}", unfilled.span, help=unfilled.error.remedy
            )
            return line

    def _of(self, path: str, key: Scalar, tree: Tree) -> Line:
        line = Line(key)
        before = self.report.found
        if isinstance(tree, MappingTree):
            line.body = tree = spaced(tree, f"layer `{path}`", self.report)
            source = tree.get("from")
            if source is not None:
                line.reads = read_from(source, f"`{path}`", self.report)
            line.control = {name: each for name, each in tree.entries.items() if name in USE}
            control = {name: each for name, (_, each) in line.control.items()}
            if control:
                line.body = MappingTree(tree.span, {k: v for k, v in tree.entries.items() if k not in USE})
                self._control(path, line, control)
        if line.copies is not None and line.body is not None:
            self._place(path, line, line.body)
        else:
            self._target(path, line, tree)
        line.broken = line.layer is None and self.report.found > before
        return line

    def _control(self, path: str, line: Line, control: Mapping[str, Tree]) -> None:
        line.when = self._when(path, control.get("when"))
        body = line.body
        if body is None:
            return
        once = MappingTree(body.span, {name: each for name, each in body.entries.items() if name != "title"})
        rest = {name: each for name, each in control.items() if name in ("repeat", "first", "last", "each")}
        if "rows" in control or "columns" in control:
            rows = self._rows(path, control, line.key.span)
            line.copies = [self._row(path, line.key, once, rest, row) for row in rows]
        elif rest:
            line.copies = self._repeated(path, line.key, once, rest)

    def _when(self, path: str, tree: Tree | None) -> str | bool | None:
        if tree is None:
            return None
        value = tree.value if isinstance(tree, Scalar) else None
        if value in ("changes", "fits"):
            return str(value)
        if isinstance(value, (bool, int)):
            return bool(value)
        self.report.add(
            "wrong-value",
            f"`{path}`: `when`: expected changes, fits, or true or false, got {spell(to_data(tree))}",
            tree.span,
            help=did_you_mean(str(value), ("changes", "fits"), what="choices"),
        )
        return None

    def _rows(self, path: str, control: Mapping[str, Tree], at: Span) -> list[dict[str, tuple[Scalar, Tree]]]:
        columns, rows = control.get("columns"), control.get("rows")
        write = "write `columns: [c, repeat]` and `rows: [[64, 3], [128, 4]]`"
        if not isinstance(columns, List) or not isinstance(rows, List) or not rows.items:
            tree = next((each for each in (columns, rows) if each is not None and not isinstance(each, List)), None)
            self.report.add(
                "wrong-value",
                f"`{path}`: a table has `columns`, a list of names, and `rows`, a list of lists",
                at if tree is None else tree.span,
                help=write,
            )
            return []
        names = [self.report.text(item, f"`{path}`: `columns`") or "" for item in columns.items]
        columns_are = f"columns: {listed(names)}"
        found = []
        for row in rows.items:
            if not isinstance(row, List) or len(row.items) != len(names):
                got = f"{len(row.items)}" if isinstance(row, List) else spell(to_data(row))
                self.report.add(
                    "wrong-value",
                    f"`{path}`: a row has an entry for each of the {len(names)} columns, got {got}",
                    row.span,
                    help=columns_are,
                )
                continue
            cells = zip(names, columns.items, row.items, strict=True)
            found.append({name: (Scalar(name, head.span), cell) for name, head, cell in cells})
        return found

    def _row(self, path: str, key: Scalar, body: MappingTree, rest: Mapping[str, Tree], row: Mapping[str, Any]) -> Line:
        """A line of a table: its cells are options, and ``first.s`` one of the first copy only."""
        entries = {**body.entries, **{name: (Scalar(name, each.span), each) for name, each in rest.items()}}
        for name, (head, cell) in row.items():
            where, dot, option = name.partition(".")
            if dot and where in ("first", "last", "each"):
                old = entries.get(where)
                inner = dict(old[1].entries) if old is not None and isinstance(old[1], MappingTree) else {}
                entries[where] = (head, MappingTree(cell.span, {**inner, option: (head, cell)}))
            else:
                entries[name] = (head, cell)
        return self._of(path, key, MappingTree(body.span, entries))

    def _repeated(self, path: str, key: Scalar, body: MappingTree, rest: Mapping[str, Tree]) -> list[Line]:
        """The copies of a line; equal ones are one object."""
        first, last, each = (self._overlay(path, name, rest.get(name)) for name in ("first", "last", "each"))
        count = self._count(path, key, rest.get("repeat"), each)
        if count is None:
            return []
        made: dict[tuple[bool, bool, int], Line] = {}
        copies = []
        for number in range(count):
            tag = (bool(first) and number == 0, bool(last) and number == count - 1, number if each else 0)
            if tag not in made:
                entries = dict(body.entries)
                for name, (written, value) in each.items():
                    entries[name] = (written, value.items[number] if isinstance(value, List) else value)
                entries.update(first if tag[0] else {})
                entries.update(last if tag[1] else {})
                made[tag] = self._of(path, key, MappingTree(body.span, entries))
            copies.append(made[tag])
        return copies

    def _overlay(self, path: str, name: str, tree: Tree | None) -> Mapping[str, tuple[Scalar, Tree]]:
        if tree is None:
            return {}
        write = f"write `{name}: {{s: {'[2, 1, 1]' if name == 'each' else '2'}}}`"
        body = self.report.mapping(tree, f"`{path}`: `{name}`", tree.span, write)
        return {} if body is None else body.entries

    def _count(self, path: str, key: Scalar, tree: Tree | None, each: Mapping[str, tuple[Scalar, Tree]]) -> int | None:
        count: int | None = None
        if tree is not None:
            value = tree.value if isinstance(tree, Scalar) else None
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= limits.MOST_LINES:
                wanted, got = f"a whole number up to {limits.MOST_LINES:,}", spell(to_data(tree))
                help_ = "it is how many copies follow one another"
                self.report.add(
                    "wrong-value", f"`{path}`: `repeat`: expected {wanted}, got {got}", tree.span, help=help_
                )
                return None
            count = value
        for name, (_, value) in each.items():
            if not isinstance(value, List) or (count is not None and len(value.items) != count):
                got = f"{len(value.items)}" if isinstance(value, List) else spell(to_data(value))
                wanted = "each copy" if count is None else f"each of the {count} copies"
                self.report.add(
                    "wrong-value",
                    f"`{path}`: `each`: `{name}` has an entry for {wanted}, got {got}",
                    value.span,
                    help="write a list, such as [64, 128, 256]",
                )
                return None
            count = len(value.items)
        if count is None:
            self.report.add(
                "missing-option",
                f"`{path}`: `repeat` is missing; `first` and `last` are about its copies",
                key.span,
                help="add `repeat:`, how many copies follow one another",
            )
        return count

    def _target(self, path: str, line: Line, tree: Tree) -> None:
        """Whether the line is a layer or the use of a block, and what it says as one."""
        kind = None if line.body is None else line.body.get("type")
        name = kind.value if isinstance(kind, Scalar) else None
        line.target = self.definitions.get(name) if isinstance(name, str) else None
        if line.target is not None and line.body is not None and line.target.name in TYPES:
            # Reported where the block is defined; the line is what its options say.
            options = set(line.body.entries) - set(ON_BLOCK)
            line.target = None if options <= {*TYPES[line.target.name].options, *PLACE} else line.target
        if line.target is None or line.body is None:
            body = tree if line.body is None else line.body
            line.layer = read_entry(path, line.key, body, self.report, blocks=self.definitions)
            return
        block = line.target
        if not line.body.entries.keys().isdisjoint(TO_ALL):
            line.said = Entry(path, line.key.span)
            line.said.tree = line.body
            read_place(line.said, line.body, self.report, TO_ALL)
        for option, (key, value) in line.body.entries.items():
            if option in block.options:
                line.given[option] = value
            elif option not in ON_BLOCK and not block.broken:
                self.report.add(
                    "unknown-option",
                    f"`{path}` ({block.name}): unknown option `{option}`",
                    key.span,
                    help=partial(remedy_of_block_option, option, block.name, block.options, ON_BLOCK),
                )
        missing = [] if block.broken else [
            option for option, (_, default) in block.options.items() if default is None and option not in line.given
        ]  # fmt: skip
        misspelt = self._misspelt(line.body, block) if missing else set()
        for option in missing:
            if option not in misspelt:
                self.report.add(
                    "missing-option",
                    f"`{path}` ({block.name}): `{option}` is missing",
                    line.key.span,
                    help=f"add `{option}:`; the block says no default",
                )
        self._place(path, line, line.body)

    def _place(self, path: str, line: Line, body: MappingTree) -> None:
        """The group around a block or around copies, and its title."""
        group, title = body.get("group"), body.get("title")
        if group is not None:
            text = self.report.text(group, f"`{path}`: `group`") or ""
            line.group = read_group(text, f"`{path}`", group.span, self.report)
        if title is not None:
            line.title = self.report.text(title, f"`{path}`: `title`") or ""

    @staticmethod
    def _misspelt(body: MappingTree, block: Definition) -> set[str | None]:
        """Options that unknown ones were probably meant to be, of the first unknown ones, which are shown."""
        known = dict.fromkeys((*block.options, *ON_BLOCK))
        unknown = islice((name for name in body.entries if name not in known), limits.MOST_MISTAKES)
        return {nearest(name, known) for name in unknown}

    def env(self, path: str, line: Line, shapes: Mapping[str, Shape | None], names: Mapping[str, Tree]) -> Env | None:
        """The values of a block's names where a line uses it; None after a mistake.

        Raises:
            NotKnown: a default asks for the size of an input that is not known.
        """
        block = line.target
        if block is None:
            return None
        place = tuple(shapes.values()) if block.asks_for_shapes else ()
        if place not in line.envs:
            line.envs[place] = self._env(path, line, block, shapes, names)
        return line.envs[place]

    def _env(
        self, path: str, line: Line, block: Definition, shapes: Mapping[str, Shape | None], names: Mapping[str, Tree]
    ) -> Env | None:
        values = dict(names)
        env = Env(values, shapes)
        for option, (_, default) in block.options.items():
            tree = line.given.get(option, default)
            if tree is None:
                return None
            values.pop(option, None)
            if option not in line.given:
                try:
                    tree = env.filled(tree)
                except Unfilled as unfilled:
                    self.report.add(
                        "wrong-expression",
                        f"`{path}` ({block.name}): `{option}`: {unfilled.error.message}",
                        unfilled.span,
                        help=unfilled.error.remedy,
                    )
                    return None
            values[option] = tree
        return env


def asks_for_a_shape(tree: Tree, inputs: Set[str]) -> bool:
    """Whether anything in a tree depends on the size of an input: ``$in``, or ``when: changes``."""
    texts = (each.value for each in walk(tree) if isinstance(each.value, str))
    return any(text in ("changes", "fits") or not inputs.isdisjoint(names_in(text)) for text in texts)
