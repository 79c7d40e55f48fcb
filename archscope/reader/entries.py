"""One line of a spec → `Entry`: the layer it configures and what it says about its place."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any, Final

from archscope.diagnostics import Source, Span
from archscope.errors import Rejects
from archscope.layers import TYPES
from archscope.layers.base import Layer
from archscope.layers.doubt import KINDS
from archscope.limits import DEEPEST_GROUPS, MOST_READ_BY_ONE, MOST_TOWERS
from archscope.options import choice, described, one_or_many, option, spell, text
from archscope.reader.foreign import meant_type, remedy_of_name, remedy_of_no_type, remedy_of_type, says_options
from archscope.reader.initial import Init, read_init
from archscope.reader.report import FAILED, Origin, Report
from archscope.record import Record
from archscope.source import Invalid, List, Mapping, Scalar, Tree, locate, parse, to_data

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*\Z")
_RUN_ON: Final = re.compile(r"[A-Za-z_]+:\w[\w.-]*\Z")
NAME_HELP: Final = "a name is made of letters from a to z, digits and _, and does not begin with a digit"

ALLOW: Final = one_or_many(choice(*KINDS), "the name of a warning or a list of them")
"""What ``allow:`` takes, of a spec and of a layer."""

PLACE: Final = {
    "from": option(
        one_or_many(text, "the name of a layer or a list of them"),
        default=None,
        doc="The layers it reads, `input` for the network's input; the layer above if left out.",
    ),
    "activation": option(
        described("a type, or a mapping"),
        default=None,
        doc="An activation after it: a type, or a mapping of a type and its options.",
    ),
    "group": option(text, default=None, doc="The block it belongs to; `a/b` for a block in a block."),
    "towers": option(
        one_or_many(text, "the name of a tower or a list of them"),
        default=None,
        doc="The towers (AlexNet's GPUs) that each hold a copy of it.",
    ),
    "shares": option(text, default=None, doc="The layer whose weights it uses: one of its type, or an embedding."),
    "init": option(described("a mapping of schemes"), default=None, doc="How its weights start, by weight name."),
    "allow": option(ALLOW, default=None, doc="The warnings about it that are not given, by name."),
    "caption": option(text, default=None, doc="What a figure calls the step to it; the type's own word if left out."),
}
"""What a line of a spec can say besides the options of its layer type."""


class Reads(Record):
    """A name in ``from:`` and where it is written."""

    layer: str
    output: str | None
    span: Span


class Entry:
    """A layer as it is written; ``layer`` is None after a mistake in it.

    ``above`` is what it reads where it does not say; ``scope`` begins the names it may use, and ``origin`` is the
    block it comes from; ``inherited`` is how its weights start as the use of that block says.
    """

    def __init__(self, name: str, span: Span) -> None:
        self.name = name
        self.span = span
        self.tree: Mapping | None = None
        self.layer: Layer | None = None
        self.activation: Layer | None = None
        self.reads: list[Reads] | None = None
        self.group: tuple[str, ...] = ()
        self.towers: tuple[str, ...] = ()
        self.shares: Reads | None = None
        self.init: Init = ()
        self.inherited: Init = ()
        self.caption = ""
        self.allow: tuple[str, ...] = ()
        self.broken = True
        self.outputs: tuple[str, ...] = ("output",)
        self.above: str | None = None
        self.scope = ""
        self.origin: Origin | None = None

    def copied(self, name: str) -> Entry:
        """The same line under another name."""
        copy = Entry.__new__(Entry)
        copy.__dict__.update(self.__dict__)
        copy.name = name
        return copy

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"`{self.name}`" if self.layer is None else f"`{self.name}` ({self.layer.type})"

    def span_of(self, option_name: str | None, path: tuple[int | str, ...] = ()) -> Span:
        """Where an option's value is written; the layer's name where it is not."""
        value = None if option_name is None or self.tree is None else self.tree.get(option_name)
        return self.span if value is None else locate(value, path)


def read_entry(name: str, key: Scalar, tree: Tree, report: Report, blocks: Iterable[str] = ()) -> Entry:
    """Read one layer, noting every mistake in it; ``blocks`` are what its type may have been meant to be."""
    entry = Entry(name, key.span)
    body = report.mapping(tree, f"layer `{name}`", key.span, _remedy_of_no_mapping(name, tree))
    if body is None:
        return entry
    body = spaced(body, f"layer `{name}`", report)
    entry.tree = body
    read_place(entry, body, report)
    kind = _read_type(
        f"layer `{name}`", body, key.span, report, what="layer types", unknown="unknown-type", blocks=blocks
    )
    if kind is None:
        return entry
    options = [each for each in body.entries if each != "type" and each not in PLACE]
    entry.layer = _configure(kind, body, options, f"`{name}` ({kind.type})", key.span, report)
    if entry.layer is not None:
        entry.outputs = entry.layer.output_names
    entry.broken = entry.layer is None or (entry.activation is None and "activation" in body.entries)
    if entry.activation is not None and entry.activation.type == "identity":
        entry.activation = None  # so that a block can be told to have none
    return entry


def _remedy_of_no_mapping(name: str, tree: Tree) -> str:
    """What to write where a layer is but a word: that word as its type, if it is one."""
    said = tree.value if isinstance(tree, Scalar) else None
    meant = said if isinstance(said, str) and said in TYPES else "conv2d, …"
    return f"write `{name if NAME.fullmatch(name) else 'name'}: {{type: {meant}}}`"


def spaced(body: Mapping, title: str, report: Report) -> Mapping:
    """A mapping with its keys as they were meant: ``type:conv2d`` without a space is a key and no value."""
    if not any(type(value) is Scalar and value.value is None for _, value in body.entries.values()):
        return body
    body = _listed(body, title, report)
    run_on = [key for key, (_, value) in body.entries.items() if _RUN_ON.match(key) and to_data(value) is None]
    if not run_on:
        return body
    entries = dict(body.entries)
    for key in run_on:
        written = entries.pop(key)[0]
        name, _, text_ = key.partition(":")
        report.add("missing-space", f"{title}: there is no space after the colon of `{key}`", written.span,
                   help=f"write `{name}: {text_}`")  # fmt: skip
        try:
            value = to_data(parse(Source("", text_))[0])
        except Invalid:
            value = text_
        entries.setdefault(name, (Scalar(name, written.span), Scalar(value, written.span)))
    return Mapping(body.span, entries)


def _listed(body: Mapping, title: str, report: Report) -> Mapping:
    """A mapping with what it reads as a list: of ``from: a, b`` the comma made a key of ``b``."""
    keys = [*body.entries]
    first = keys.index("from") if "from" in keys else len(keys)
    more = [*itertools.takewhile(lambda key: to_data(body.entries[key][1]) is None, keys[first + 1 :])]
    if not more or not isinstance(body.entries["from"][1], Scalar):
        return body
    key, value = body.entries["from"]
    items: list[Tree] = [value, *(body.entries[each][0] for each in more)]
    shown = ", ".join(str(to_data(each)) for each in items)
    report.add(
        "wrong-value", f"{title}: `from` names several without brackets", value.span, help=f"write `from: [{shown}]`"
    )
    kept = {name: entry for name, entry in body.entries.items() if name not in more}
    return Mapping(body.span, {**kept, "from": (key, List(value.span, items))})


def _read_type(
    what_for: str,
    body: Mapping,
    span: Span,
    report: Report,
    *,
    what: str,
    unknown: str,
    family: str | None = None,
    blocks: Iterable[str] = (),
) -> type[Layer] | None:
    tree = body.get("type")
    if tree is None:
        help_ = remedy_of_no_type(to_data(body), TYPES, own=blocks)
        report.add("missing-option", f"{what_for}: `type` is missing", span, help=help_)
        return None
    name = report.text(tree, f"{what_for}: `type`")
    if name is None:
        return None
    found = TYPES.get(name)
    if found is None or family not in (None, found.family):
        types = [name for name, each in TYPES.items() if family is None or each.family == family]
        report.add(
            unknown,
            f"{what_for}: there is no {what[:-1]} `{name}`",
            tree.span,
            help=remedy_of_name(name, report.names) or partial(remedy_of_type, name, types, what=what, own=blocks),
        )
        if says_options(name):
            return None
        meant = meant_type(name, types, own=blocks)  # its options are read as those of what is meant
        return None if meant is None else TYPES.get(meant)
    return found


def _configure(
    kind: type[Layer], body: Mapping, keys: list[str], prefix: str, span: Span, report: Report
) -> Layer | None:
    values = report.options(kind.options, body, keys, prefix, span)
    if values is None:
        return None
    try:
        return _made(kind.type, tuple(values.items()))
    except Rejects as error:
        value = None if error.option is None else body.get(error.option)
        at = span if value is None else locate(value, error.path)
        report.add("wrong-value", f"{prefix}: {error.message}", at, help=error.remedy)
        return None


@lru_cache(maxsize=1024)
def _made(type_: str, values: tuple[tuple[str, Any], ...]) -> Layer:
    """A layer with these options; equal ones are one object, for layers are immutable and networks repeat them."""
    return TYPES[type_](**dict(values))


def read_place(entry: Entry, body: Mapping, report: Report, keys: Iterable[str] = tuple(PLACE)) -> None:
    """Read what a line says about its place into its entry."""
    prefix = f"`{entry.name}`"
    for key, value in ((key, body.get(key)) for key in keys):
        if value is None:
            continue
        match key:
            case "activation":
                entry.activation = _read_activation(value, prefix, report)
            case "group":
                text_ = report.text(value, f"{prefix}: `group`")
                entry.group = () if text_ is None else read_group(text_, prefix, value.span, report)
            case "towers":
                entry.towers = _read_towers(value, prefix, report)
            case "shares":
                text_ = report.text(value, f"{prefix}: `shares`")
                entry.shares = None if text_ is None else Reads(text_, None, value.span)
            case "init":
                entry.init = read_init(value, prefix, report)
            case "allow":
                entry.allow = read_allow(value, prefix, report)
            case "caption":
                entry.caption = report.text(value, f"{prefix}: `caption`") or ""


def read_group(text_: str, prefix: str, at: Span, report: Report) -> tuple[str, ...]:
    """The groups of ``group: a/b``, the outermost first."""
    parts = tuple(part for part in text_.split("/") if part)
    if len(parts) <= DEEPEST_GROUPS:
        return parts
    message = f"{prefix}: `group` has {len(parts):,} groups within one another, more than {DEEPEST_GROUPS}"
    report.add("wrong-value", message, at, help="name the few that a table or a picture shows")
    return ()


def read_from(value: Tree, prefix: str, report: Report) -> list[Reads]:
    """The names in ``from:``; which are outputs of layers, ``rnn.hidden``, is seen when all names are known."""
    reads: list[Reads] = []
    items = report.items(value)
    if len(items) > MOST_READ_BY_ONE:
        message = f"{prefix}: `from` names {len(items):,} layers, more than {MOST_READ_BY_ONE:,}"
        report.add("wrong-value", message, value.span, help="join them in groups, and the groups in another line")
        return reads
    for item in items:
        text_ = report.text(item, f"{prefix}: `from`")
        if text_ is not None:
            reads.append(Reads(text_, None, item.span))
    if isinstance(value, List) and not value.items:
        report.add(
            "wrong-value", f"{prefix}: `from` names no layer", value.span, help="remove it to read the layer above"
        )
    return reads


def _read_activation(value: Tree, prefix: str, report: Report) -> Layer | None:
    if isinstance(value, Mapping):
        kind = _read_type(
            f"{prefix}: `activation`",
            value,
            value.span,
            report,
            what="activations",
            unknown="unknown-activation",
            family="activation",
        )
        options = [key for key in value.entries if key != "type"]
        return None if kind is None else _configure(kind, value, options, f"{prefix} ({kind.type})", value.span, report)
    if isinstance(value, List):
        help_ = "a line has one; write each of the others as a layer below it: `dropout: {type: dropout}`"
        report.add(
            "wrong-value", f"{prefix}: `activation` is one layer, got {spell(to_data(value))}", value.span, help=help_
        )
        return None
    name = report.text(value, f"{prefix}: `activation`")
    if name is None:
        return None
    known = [each for each, kind in TYPES.items() if kind.family == "activation"]
    if name not in known:
        report.add(
            "unknown-activation",
            f"{prefix}: there is no activation `{name}`",
            value.span,
            help=partial(remedy_of_type, name, known, what="activations"),
        )
        return None
    return TYPES[name]()


def read_allow(value: Tree | None, prefix: str, report: Report) -> tuple[str, ...]:
    """Read ``allow:``, the names of warnings."""
    parsed = () if value is None else report.value(ALLOW, value, f"{prefix}: `allow`", "name warnings to silence")
    return () if parsed is FAILED else tuple(parsed)


def _read_towers(value: Tree, prefix: str, report: Report) -> tuple[str, ...]:
    names: dict[str, str] = {}
    items = report.items(value)
    if len(items) > MOST_TOWERS:
        report.add("wrong-value", f"{prefix}: it stands on {len(items):,} towers, more than {MOST_TOWERS}", value.span,
                   help="towers are the devices of a machine that a network was split over")  # fmt: skip
        return ()
    for item in items:
        name = report.text(item, f"{prefix}: `towers`")
        if name is None:
            continue
        if not slug(name):
            report.add("wrong-value", f"{prefix}: a tower's name needs a letter or a digit, got '{name}'", item.span)
        elif slug(name) in names:
            report.add("duplicate-name", f"{prefix}: the tower '{name}' is named twice", item.span)
        else:
            names[slug(name)] = name
    return tuple(names.values())


def slug(tower: str) -> str:
    """A tower's name inside a node's: ``GPU 0`` → ``gpu0``."""
    return re.sub(r"[^a-z0-9]", "", tower.lower())
