"""Lines and blocks → flat entries with real names: ``conv3.2.a.conv``.

Lines are put in their places one by one, in the order written. What a line reads is kept by name, blocks and their
inputs included (`Names`), so a line may read what is written below it. Where a spec asks for sizes (``$in``,
``when: changes``) the shapes are worked out on the way, by the rules the analysis uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archscope import limits
from archscope.diagnostics import Diagnostic, Span
from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape
from archscope.network import Applied, Group
from archscope.reader.blocks.copies import of_copies, report_missing, report_unchanged
from archscope.reader.blocks.definitions import Definition
from archscope.reader.blocks.lines import Line, Preparation
from archscope.reader.blocks.sharing import NOTHING, Given, Use, share
from archscope.reader.blocks.values import Env, NotKnown
from archscope.reader.entries import Entry, Reads
from archscope.reader.names import Names
from archscope.reader.overrides import Changes
from archscope.reader.report import Origin, Report
from archscope.source import Invalid, Scalar, Tree


class Scope:
    """Where a line stands: in which block, under which names, with which values."""

    __slots__ = ("env", "given", "group", "origin", "prefix", "stack")

    def __init__(
        self,
        env: Env,
        prefix: str,
        group: tuple[str, ...],
        origin: Origin | None,
        stack: tuple[Definition, ...],
        given: Given = NOTHING,
    ) -> None:
        self.env = env
        self.prefix = prefix
        self.group = group
        self.origin = origin
        self.stack = stack
        self.given = given


class Expansion:
    """Puts lines in their places.

    Attributes:
        names: the flat entries, and what stands for them.
        groups: the blocks in their places, by the path of the group.
        uses: what the uses of blocks read, to be looked up when all names are known.
        saying: the uses of blocks that say something of all their layers.
        known: the facts that sizes were looked up in, of which the network need not work out one again.
    """

    def __init__(
        self,
        definitions: Mapping[str, Definition],
        values: Mapping[str, Tree],
        inputs: Mapping[str, Shape],
        names: Names,
        inner: Changes,
        report: Report,
        *,
        tracks: bool,
    ) -> None:
        self.values = values
        self.inputs = inputs
        self.names = names
        self.inner = inner
        self.report = report
        self.tracks = tracks
        self.groups: dict[tuple[str, ...], Group] = {}
        self.uses: list[tuple[str, Scope, Reads]] = []
        self.saying: list[Use] = []
        self.known: dict[Applied, Facts] = {}
        self._preparation = Preparation(definitions, report)
        self._outputs: dict[str, tuple[Shape, ...] | None] = {}
        self._refused: set[Applied] = set()
        self._unknown: list[tuple[str, Scope, Reads, Span]] = []
        self._below: set[str] = set()
        self._placed = 0

    def line(self, path: str, parts: tuple[str, ...], key: Scalar, tree: Tree, scope: Scope, above: str | None) -> None:
        """Put a line in its place; ``above`` is what it reads if it does not say."""
        self.report.place(scope.origin, key.span)
        try:
            line = self._preparation.line(path, key, tree, scope.env)
        except NotKnown as unknown:
            asked = scope.stack[-1].inputs[0] if unknown.name == "in" and scope.stack else unknown.name
            self._ask(path, scope, Reads(scope.prefix + asked, None, key.span), key.span)
            self._broken(path, key.span, scope)
            return
        reads = None if above is None else [Reads(above, None, key.span)]
        stated = line.reads is not None
        if line.reads is not None:
            reads, missing = of_copies(line.reads, scope.prefix, self.names)
            self.uses += [(path, scope, each) for each in missing]  # told when all names are known
            if missing:
                self._broken(path, key.span, scope)
                return
        self._put(path, parts, line, reads, stated, scope)

    def finish(self) -> None:
        """Report the sizes that were asked for before they could be known."""
        for path, scope, reads, span in self._unknown:
            self.report.place(scope.origin, span)
            shown = reads.layer.removeprefix(scope.prefix)
            found = self.names.find(reads.layer)
            entry = None if found is None else self.names.entries.get(found[0])
            if entry is not None and entry.towers:
                self.report.add(
                    "unknown-size",
                    f"`{path}`: `{shown}` stands on towers, so its size depends on who reads it",
                    span,
                    help="put a `concat` where the towers meet, and read that",
                )
            elif reads.layer in self._below and found is not None:
                self.report.add(
                    "unknown-size",
                    f"`{path}` asks for the size of `{shown}`, which is written below it",
                    span,
                    help="write the layers it reads above it",
                )
        share(self.saying, self.groups, self.names, self.report)
        report_unchanged(self.inner, self.names, self.report)

    def check_uses(self) -> None:
        """Report what the uses of blocks read that is not there."""
        for path, scope, reads in self.uses:
            self.report.place(scope.origin, reads.span)
            report_missing(path, reads, scope.prefix, self.names, self.report)
        self.report.place(None, None)

    def check_sizes(self) -> None:
        """Report the sizes that are not known for no other mistake, when everything else has been looked at."""
        for path, scope, reads, span in () if self.report.found else self._unknown:
            self.report.place(scope.origin, span)
            shown = reads.layer.removeprefix(scope.prefix)
            self.report.add("unknown-size", f"`{path}`: the size of `{shown}` is not known", span, help="write it out")
        self.report.place(None, None)

    def _put(
        self, path: str, parts: tuple[str, ...], line: Line, reads: list[Reads] | None, stated: bool, scope: Scope
    ) -> None:
        self._count(line.key.span)
        if path in self.inner:
            line = self._preparation.changed(path, line, self.inner.pop(path))
        if line.broken:
            self._broken(path, line.key.span, scope)
            return
        if line.when is not None and reads:
            if line.when is False or (line.when == "fits" and not self._fits(path, reads, line, scope)):
                self.names.aliases[path] = self._end(reads[0])
                self.names.left_out[path] = reads
                return
            if line.when == "changes":
                self._where_it_changes(path, parts, line, reads, stated, scope)
                return
        self._place(path, parts, line, reads, stated, scope)

    def _place(
        self, path: str, parts: tuple[str, ...], line: Line, reads: list[Reads] | None, stated: bool, scope: Scope
    ) -> None:
        if line.copies is not None:
            self._copies(path, parts, line, reads, stated, scope)
        elif line.target is not None:
            self._block(path, parts, line, line.target, reads, stated, scope)
        elif line.layer is not None:
            self._layer(path, parts, line.layer, reads, stated, scope)

    def _copies(
        self, path: str, parts: tuple[str, ...], line: Line, reads: list[Reads] | None, stated: bool, scope: Scope
    ) -> None:
        """Copies in series: each reads the one before it, and what else the line reads."""
        before = reads
        last = None
        for number, copy in enumerate(line.copies or ()):
            last = f"{path}.{number}"
            self.report.place(scope.origin, line.key.span)
            self._put(last, (*parts, str(number)), copy, before, stated, scope)
            before = [Reads(last, None, line.key.span), *(reads or [])[1:]]
            for output in () if copy.target is None else copy.target.outputs:
                self.names.aliases[f"{path}.{output}"] = f"{last}.{output}"
        if last is not None:
            self.names.aliases[path] = last
            self.groups[(*scope.group, *line.group, *_groups(parts, line.group))] = Group(
                copies=len(line.copies or ()), title=line.title, name=path
            )
        elif reads:
            self.names.aliases[path] = reads[0].layer

    def _where_it_changes(
        self, path: str, parts: tuple[str, ...], line: Line, reads: list[Reads], stated: bool, scope: Scope
    ) -> None:
        """Put a line in its place and take it away again where its output has the shape of what it reads."""
        kept: tuple[dict[Any, Any], ...] = (self.names.entries, self.names.aliases, self.groups)
        sizes, uses, saying = [len(each) for each in kept], len(self.uses), len(self.saying)
        self._place(path, parts, line, reads, stated, scope)
        given = self._shape(path, reads[0], line, scope)
        made = self._shape(path, Reads(path, None, line.key.span), line, scope)
        if given is None or made is None or given != made:
            return
        for each, size in zip(kept, sizes, strict=True):
            while len(each) > size:
                each.popitem()
        del self.uses[uses:], self.saying[saying:]
        self.names.aliases[path] = self._end(reads[0])

    def _end(self, reads: Reads) -> str:
        """What a line that is left out stands for: where its reading ends, or a thousand of them were a long way."""
        found = self.names.find(reads.layer)
        return reads.layer if found is None or found[1] is not None else found[0]

    def _fits(self, path: str, reads: list[Reads], line: Line, scope: Scope) -> bool:
        shapes = [self._shape(path, each, line, scope) for each in reads]
        return None in shapes or all(each == shapes[0] for each in shapes)

    def _block(
        self,
        path: str,
        parts: tuple[str, ...],
        line: Line,
        block: Definition,
        reads: list[Reads] | None,
        stated: bool,
        scope: Scope,
    ) -> None:
        span = line.key.span
        if block.broken or reads is None or not self._takes(path, block, reads, stated, span, scope):
            self._broken(path, span, scope)
            return
        if stated:
            self.uses.extend((path, scope, each) for each in reads)
        prefix = f"{path}."
        for name, each in zip(block.inputs, reads, strict=True):
            self.names.aliases[prefix + name] = each.layer
        shapes: dict[str, Shape | None] = {}
        if block.asks_for_shapes:
            shapes = {name: self._size(each) for name, each in zip(block.inputs, reads, strict=True)}
            shapes["in"] = shapes[block.inputs[0]]
        try:
            env = self._preparation.env(path, line, shapes, self.values)
        except NotKnown:
            env = None
        if env is None:
            self._broken(path, span, scope)
            return
        group = (*scope.group, *line.group, *_groups(parts, line.group))
        self.groups[group] = Group(block.name, title=line.title, name=path)
        given = scope.given if line.said is None else scope.given.within(line.said)
        inner = Scope(env, prefix, group, Origin(block.name, span, scope.origin), (*scope.stack, block), given)
        start = len(self.names.entries)
        above = prefix + block.inputs[0]
        for name, (key, tree) in block.lines.items():
            self.line(prefix + name, (name,), key, tree, inner, above)
            above = prefix + name
        if line.said is not None:
            end = len(self.names.entries)
            self.saying.append(Use(line.said.copied(path), block.name, scope.prefix, scope.origin, start, end))
        for output, (target, _) in block.outputs.items():
            if output != target:
                self.names.aliases[prefix + output] = prefix + target
        self.names.aliases[path] = prefix + next(iter(block.outputs))

    def _takes(self, path: str, block: Definition, reads: list[Reads], stated: bool, span: Span, scope: Scope) -> bool:
        """Whether a block can be used here with what it is given."""
        if block in scope.stack:
            chain = " → ".join(f"`{each.name}`" for each in [*scope.stack[scope.stack.index(block) :], block])
            self.report.add(
                "block-cycle", f"`{path}`: a block within itself: {chain}", span, help="a block holds other blocks only"
            )
            return False
        if len(scope.stack) >= limits.DEEPEST_BLOCKS:
            self.report.add(
                "block-too-deep", f"`{path}`: a block within {len(scope.stack)} others", span,
                help=f"blocks go {limits.DEEPEST_BLOCKS} deep at most",
            )  # fmt: skip
            return False
        wanted, got = len(block.inputs), len(reads)
        if wanted == got:
            return True
        names = ", ".join(block.inputs)
        self.report.add(
            "wrong-inputs",
            f"`{path}` ({block.name}): it takes {wanted} input{'s' if wanted > 1 else ''} ({names}), got {got}",
            reads[-1].span if stated else span,
            help=f"name {'one' if wanted == 1 else f'{wanted} of them'} in `from:`",
        )
        return False

    def _layer(
        self, path: str, parts: tuple[str, ...], read: Entry, reads: list[Reads] | None, stated: bool, scope: Scope
    ) -> None:
        entry = read.copied(path)
        entry.reads = reads if stated else None
        entry.above = reads[0].layer if reads and not stated else None
        entry.scope = scope.prefix
        entry.origin = scope.origin
        within = parts[:-1] if scope.prefix or len(parts) > 1 or entry.group else tuple(path.split(".")[:-1])
        entry.group = (*scope.group, *entry.group, *_groups(within, entry.group))
        if entry.shares is not None and scope.prefix:
            entry.shares = Reads(scope.prefix + entry.shares.layer, None, entry.shares.span)
        if scope.given is not NOTHING:
            scope.given.to(entry)
        self.names.entries[path] = entry
        if self.tracks:
            self._outputs[path] = self._tracked(entry, reads)

    def _broken(self, path: str, span: Span, scope: Scope) -> None:
        """A name without a layer, so that what reads it is left alone."""
        entry = Entry(path, span)
        entry.reads = []
        entry.scope = scope.prefix
        self.names.entries[path] = entry

    def _count(self, span: Span) -> None:
        self._placed += 1
        if self._placed > limits.MOST_LINES:
            raise Invalid(
                Diagnostic(
                    "too-many-layers",
                    f"the blocks of this spec become more than {limits.MOST_LINES:,} lines",
                    span,
                    help="repeat them less often",
                )
            )

    def _tracked(self, entry: Entry, reads: list[Reads] | None) -> tuple[Shape, ...] | None:
        """The shapes a layer puts out, if what it reads is known; its mistakes are reported later."""
        if entry.layer is None or entry.broken or entry.towers:
            return None
        if entry.layer.arity[1] == 0:  # a learned parameter reads nothing, whatever stands above it
            reads = []
        elif not reads:
            reads = [Reads(next(iter(self.inputs), ""), None, entry.span)]
        shapes = [self._size(each) for each in reads]
        came = tuple(shape for shape in shapes if shape is not None)
        outputs = self._made(entry.layer, came) if len(came) == len(shapes) else None
        if outputs is not None and entry.activation is not None:
            return self._made(entry.activation, outputs[:1])
        return outputs

    def _made(self, layer: Layer, shapes: tuple[Shape, ...]) -> tuple[Shape, ...] | None:
        place = (layer, shapes)
        if place not in self.known:
            if place in self._refused:
                return None
            try:
                self.known[place] = layer.facts(*shapes)
            except Rejects:
                self._refused.add(place)
                return None
        return self.known[place].outputs

    def _size(self, reads: Reads) -> Shape | None:
        """The shape of what a name stands for, as far as it is known by now."""
        found = self.names.find(reads.layer)
        if found is None:
            return None
        name, output = found
        if name in self.inputs:
            return self.inputs[name]
        outputs = self._outputs.get(name)
        if outputs is None:
            return None
        if output is None:
            return outputs[0]
        names = self.names.entries[name].outputs
        return outputs[names.index(output)] if output in names and len(outputs) == len(names) else None

    def _shape(self, path: str, reads: Reads, line: Line, scope: Scope) -> Shape | None:
        """As `_size`, for a line that depends on it."""
        shape = self._size(reads)
        if shape is None:
            self._ask(path, scope, reads, line.key.span)
        return shape

    def _ask(self, path: str, scope: Scope, reads: Reads, span: Span) -> None:
        """Remember a size that is not known: it is a mistake where nothing else is wrong with it."""
        self._unknown.append((path, scope, reads, span))
        if self.names.find(reads.layer) is None:
            self._below.add(reads.layer)


def _groups(parts: tuple[str, ...], stated: tuple[str, ...]) -> tuple[str, ...]:
    """The groups that a name stands in by its dots, where no group was stated.

    >>> _groups(("down.0",), ()), _groups(("down.0",), ("encoder",))
    (('down', '0'), ('down.0',))
    """
    return parts if stated else tuple(each for part in parts for each in part.split("."))
