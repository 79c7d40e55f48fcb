"""``blocks:`` and ``let:`` → `Definition` and named values; what is declared and never used is a mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from typing import Final

from archscope.diagnostics import Span
from archscope.errors import did_you_mean, nearest
from archscope.layers import TYPES
from archscope.limits import MOST_MISTAKES
from archscope.options import described, integer, list_of, one_or_many, option, text
from archscope.reader.blocks.expression import names_in
from archscope.reader.entries import NAME_HELP, PLACE, spaced
from archscope.reader.report import Report
from archscope.record import EMPTY
from archscope.source import List, Scalar, Tree, walk
from archscope.source import Mapping as MappingTree

USE: Final = {
    "repeat": option(integer, default=None, doc="How many copies follow one another; each reads the one before."),
    "first": option(
        described("a mapping of options"), default=None, doc="Options of the first copy that differ: `{s: 2}`."
    ),
    "last": option(described("a mapping of options"), default=None, doc="Options of the last copy that differ."),
    "each": option(
        described("a mapping of lists"),
        default=None,
        doc="Options with a list that has an entry for each copy: `{c: [64, 128]}`.",
    ),
    "columns": option(list_of(text, "a list of names"), default=None, doc="What the columns of `rows` are called."),
    "rows": option(
        described("a list of lists"),
        default=None,
        doc="A paper's table: a list of options for each copy, or for each stage.",
    ),
    "when": option(
        described("`changes`, `fits`, true or false"),
        default=None,
        doc="`changes`: only where it changes the shape; `fits`: only where all it reads have one shape; or a flag.",
    ),
}
"""What a line can say about how often it stands there, whether it is a layer or a block."""

BLOCK: Final = {
    "options": option(
        described("a mapping of values"),
        default=None,
        doc="Options by name with their defaults; one without must be given.",
    ),
    "inputs": option(one_or_many(text, "a name or a list"), default="input", doc="What it is given, by name."),
    "outputs": option(
        described("names, or a mapping of them"), default=None, doc="What may be read of it; its last line if left out."
    ),
    "layers": option(described("a mapping of lines"), doc="Its layers and blocks, as in the spec itself."),
    "summary": option(text, default=None, doc="A sentence about it, for readers of the code."),
}
"""The keys of a block's definition."""

_WORDS: Final = {
    **dict.fromkeys(("params", "parameters", "args", "arguments", "option", "let", "defaults"), "options"),
    **dict.fromkeys(("input", "from", "takes"), "inputs"),
    **dict.fromkeys(("output", "returns", "return"), "outputs"),
    **dict.fromkeys(("layer", "body", "steps", "forward"), "layers"),
}
"""Other words for the keys of a block."""

TITLE: Final = option(text, default=None, doc="What tables and pictures call the block, or the run of copies.")

TO_ALL: Final = ("towers", "shares", "init", "allow")
"""What the use of a block says for all its layers."""

ON_BLOCK: Final = ("type", "from", "group", "title", *TO_ALL, *USE)
"""What the use of a block can say beside the block's options."""

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PART: Final = re.compile(r"[A-Za-z0-9_]+\Z")


class Definition:
    """A block as it is defined."""

    def __init__(self, name: str, key: Scalar) -> None:
        self.name = name
        self.span = key.span
        self.options: dict[str, tuple[Scalar, Tree | None]] = {}
        self.inputs: tuple[str, ...] = ("input",)
        self.outputs: dict[str, tuple[str, Span]] = {}
        self.lines: Mapping[str, tuple[Scalar, Tree]] = EMPTY
        self.summary = ""
        self.broken = False

    @cached_property
    def asks_for_shapes(self) -> bool:
        """Whether its lines reckon with the size of what it is given."""
        asked = {"in", *self.inputs}
        trees = [*(tree for _, tree in self.lines.values()), *(each for _, each in self.options.values() if each)]
        return any(not asked.isdisjoint(names_of(tree)) for tree in trees)


def names_of(tree: Tree) -> Iterator[str]:
    """Every ``$name`` in a tree."""
    for scalar in walk(tree):
        if isinstance(scalar.value, str) and "$" in scalar.value:
            yield from names_in(scalar.value)


def read_definitions(body: MappingTree, report: Report) -> dict[str, Definition]:
    """The blocks of a spec, by name."""
    tree = body.get("blocks")
    if tree is None:
        return {}
    blocks = report.mapping(tree, "`blocks`", tree.span, "write `blocks:` and below it `conv: {options: …, layers: …}`")
    if blocks is None:
        return {}
    definitions = {}
    for name, (key, value) in blocks.entries.items():
        if name in TYPES:
            report.add(
                "duplicate-name",
                f"`{name}` is a layer type; a block cannot have its name",
                key.span,
                help=f"choose another name, such as `{name}_block`",
            )
        elif not _PLAIN.match(name):
            as_function = _AS_FUNCTION.fullmatch(name)
            help_ = NAME_HELP if as_function is None else _options_of(*as_function.groups())
            report.add("invalid-name", f"`{name}` is no name for a block", key.span, help=help_)
            if as_function is not None:  # what uses it is not to be blamed
                block = definitions[as_function[1]] = Definition(as_function[1], key)
                block.broken = True
                continue
        definitions[name] = _read(Definition(name, key), value, report)
    return definitions


_AS_FUNCTION: Final = re.compile(r"([A-Za-z_]\w*)\s*\(([\w\s=,.-]+)\)")
"""A block whose options stand behind its name, as those of a function do."""


def _options_of(name: str, written: str) -> str:
    options = [each.strip().partition("=") for each in written.split(",") if each.strip()]
    shown = ", ".join(f"{one}: {value}" for one, _, value in options)
    return f"write `{name}:` and below it `options: {{{shown}}}`"


def _read(block: Definition, tree: Tree, report: Report) -> Definition:
    before = len(report.diagnostics)
    what = f"the block `{block.name}`"
    body = report.mapping(tree, what, block.span, "write `conv: {options: …, layers: …}`")
    if body is not None:
        _check_keys(body, what, report)
        block.inputs = _inputs(body, what, report)
        block.options = _options(body, what, block, report)
        _lines(body, what, block, report)
        _outputs(body, what, block, report)
        summary = body.get("summary")
        block.summary = "" if summary is None else report.text(summary, f"{what}: `summary`") or ""
    block.broken = len(report.diagnostics) > before
    return block


def _check_keys(body: MappingTree, what: str, report: Report) -> None:
    for key, (written, value) in body.entries.items():
        if key in BLOCK:
            continue
        if isinstance(value, MappingTree) and "type" in value.entries:
            help_ = "write it below the block's `layers:`"
        else:
            help_ = f"write `{_WORDS[key]}:`" if key in _WORDS else did_you_mean(key, BLOCK, what="keys")
        report.add("unknown-key", f"{what}: unknown key `{key}`", written.span, help=help_)


def _inputs(body: MappingTree, what: str, report: Report) -> tuple[str, ...]:
    tree = body.get("inputs")
    if tree is None:
        return ("input",)
    names: dict[str, None] = {}
    for item in report.items(tree):
        name = report.text(item, f"{what}: `inputs`")
        if name is not None and not _PLAIN.match(name):
            report.add("invalid-name", f"{what}: `{name}` is no name for an input", item.span, help=NAME_HELP)
        elif name in names:
            report.add("duplicate-name", f"{what}: the input `{name}` is named twice", item.span, help="rename one")
        elif name is not None:
            names[name] = None
    return tuple(names) or ("input",)


def _options(body: MappingTree, what: str, block: Definition, report: Report) -> dict[str, tuple[Scalar, Tree | None]]:
    tree = body.get("options")
    if tree is None:
        return {}
    named = (
        ", ".join(f"{each.value}: " for each in tree.items if isinstance(each, Scalar))
        if isinstance(tree, List)
        else ""
    )
    declared = report.mapping(tree, f"{what}: `options`", tree.span, f"write `options: {{{named or 'c: , k: 1'}}}`")
    if declared is None:
        return {}
    declared = spaced(declared, f"{what}: `options`", report)
    options: dict[str, tuple[Scalar, Tree | None]] = {}
    taken = {*ON_BLOCK, *PLACE, "in", *block.inputs}
    for name, (key, value) in declared.entries.items():
        if not _PLAIN.match(name):
            report.add("invalid-name", f"{what}: `{name}` is no name for an option", key.span, help=NAME_HELP)
        elif name in taken:
            report.add(
                "duplicate-name",
                f"{what}: `{name}` has a meaning of its own and cannot be an option",
                key.span,
                help="choose another name",
            )
        open_ = isinstance(value, Scalar) and value.value is None
        options[name] = (key, None if open_ else value)
    return options


def _lines(body: MappingTree, what: str, block: Definition, report: Report) -> None:
    tree = body.get("layers")
    if tree is None:
        # Lines that stand beside `options:` are told by themselves where they should be.
        if not any(isinstance(each, MappingTree) and "type" in each.entries for _, each in body.entries.values()):
            help_ = "add `layers:` and a line for each"
            report.add("missing-key", f"{what}: `layers` is missing", block.span, help=help_)
        return
    lines = report.mapping(tree, f"{what}: `layers`", tree.span, "write a line for each layer")
    if lines is None:
        return
    block.lines = lines.entries
    if not lines.entries:
        report.add("no-layers", f"{what} names no layer", lines.span, help="add a line for each layer")
    inputs = frozenset(block.inputs)
    for name, (key, _) in lines.entries.items():
        if name in inputs:
            report.add("duplicate-name", f"{what}: `{name}` is what it is given", key.span, help="choose another name")
        elif not _PART.match(name):
            report.add("invalid-name", f"{what}: `{name}` is no name for a layer", key.span, help=NAME_HELP)


def _outputs(body: MappingTree, what: str, block: Definition, report: Report) -> None:
    tree = body.get("outputs")
    if tree is None:
        if block.lines:
            last = next(reversed(list(block.lines)))
            block.outputs = {last: (last, block.lines[last][0].span)}
        return
    named: list[tuple[str, Tree]]
    if isinstance(tree, MappingTree):
        named = [(name, each) for name, (_, each) in tree.entries.items()]
    else:
        named = [("", item) for item in report.items(tree)]
    known = dict.fromkeys((*block.lines, *block.inputs))
    for own, item in named:
        target = report.text(item, f"{what}: `outputs`")
        if target is None:
            continue
        name = own or target
        head = target.partition(".")[0]
        if head not in known:
            report.add(
                "unknown-layer",
                f"{what}: there is no layer `{target}` to put out",
                item.span,
                help=partial(did_you_mean, head, known, what="layers"),
            )
        elif own in known and own != target:
            report.add(
                "duplicate-name", f"{what}: `{own}` is the name of a layer already", item.span, help="rename one"
            )
        block.outputs[name] = (target, item.span)
    if not named:
        report.add("wrong-value", f"{what}: `outputs` names no layer", tree.span, help="remove it for the last line")


def read_let(body: MappingTree, report: Report) -> dict[str, tuple[Scalar, Tree]]:
    """The names of ``let:`` with their values as they are written."""
    tree = body.get("let")
    named = None if tree is None else report.mapping(tree, "`let`", tree.span, "write `let: {d: 768}`")
    if named is None:
        return {}
    named = spaced(named, "`let`", report)
    for name, (key, _) in named.entries.items():
        if name == "in" or not _PLAIN.match(name):
            help_ = "`$in` is the size of the input; choose another name" if name == "in" else NAME_HELP
            report.add("invalid-name", f"`let`: `{name}` is no name", key.span, help=help_)
    return dict(named.entries)


def check_used(body: MappingTree, definitions: Mapping[str, Definition], report: Report) -> None:
    """A block that no line uses, an option that no line reads, a name of ``let:`` that nothing asks for.

    What the spec says is looked at, also where a change from outside stands in its place.
    """
    if not definitions and body.get("let") is None:
        return
    places = [*(body.get(key) for key in ("input", "let", "blocks", "layers", "variants")), *report.replaced]
    said: set[str] = set()
    asked: set[str] = set()
    for tree in places:
        if tree is not None:
            said.update(each.value for each in walk(tree) if isinstance(each.value, str))
            asked.update(names_of(tree))
    others = [each for each in said if each and each not in definitions and each not in TYPES]
    unused = 0
    for name, block in definitions.items():
        unused += name not in said
        # What is nearly the name of a block and nothing else is reported where it is said.
        if name not in said and (unused > MOST_MISTAKES or nearest(name, others) is None):
            report.add(
                "unused",
                f"the block `{name}` is never used",
                block.span,
                help=f"write `type: {name}` on a line, or remove it",
            )
        own: set[str] = set()
        for tree in [
            *(line for _, line in block.lines.values()),
            *(each for _, each in block.options.values() if each),
        ]:
            own.update(names_of(tree))
        for option_, (key, _) in block.options.items():
            if option_ not in own and not block.broken:
                report.add(
                    "unused",
                    f"no line of the block `{name}` reads its option `{option_}`",
                    key.span,
                    help=f"write `${option_}` where it is meant, or remove it",
                )
    let = body.get("let")
    if isinstance(let, MappingTree):
        for name in let.entries:
            if name not in asked:
                report.add(
                    "unused",
                    f"the name `{name}` is never used",
                    let.key_span(name),
                    help=f"write `${name}` where it is meant, or remove it",
                )
