"""What the use of a block says of all its layers: towers, initial values, warnings that are allowed, shared weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final

from archscope.diagnostics import Note, Span
from archscope.errors import did_you_mean
from archscope.layers.base import Facts
from archscope.network import Group, Node
from archscope.reader.entries import Entry, Reads
from archscope.reader.initial import Init
from archscope.reader.names import Names
from archscope.reader.report import Origin, Report


class Given:
    """What the layers of a block take over from its use where they do not say otherwise; the nearest use goes first."""

    __slots__ = ("allow", "init", "towers")

    def __init__(self, towers: tuple[str, ...] = (), init: Init = (), allow: tuple[str, ...] = ()) -> None:
        self.towers = towers
        self.init = init
        self.allow = allow

    def within(self, use: Entry) -> Given:
        """The same, where the use of a block within says some of it."""
        if not (use.towers or use.init or use.allow):
            return self
        init = (*use.init, *(each for each in self.init if each[0] not in dict(use.init)))
        return Given(use.towers or self.towers, init, (*use.allow, *self.allow))

    def to(self, entry: Entry) -> None:
        """Give it to a layer."""
        entry.towers = entry.towers or self.towers
        entry.allow = (*entry.allow, *self.allow)
        entry.inherited = self.init


NOTHING: Final = Given()


class Use:
    """The use of a block that says something of all its layers, and which entries those are."""

    def __init__(self, said: Entry, block: str, scope: str, origin: Origin | None, start: int, end: int) -> None:
        self.said = said
        self.block = block
        self.scope = scope
        self.origin = origin
        self.start = start
        self.end = end

    def entries(self, names: Names) -> list[Entry]:
        """The layers of the block in this place."""
        return list(islice(names.entries.values(), self.start, self.end))


def share(uses: Sequence[Use], groups: Mapping[tuple[str, ...], Group], names: Names, report: Report) -> None:
    """Let each layer of a block use the weights of the same layer in another use of the block."""
    placed = {group.name: group for group in groups.values() if group.name}
    sharing = {use.said.name for use in uses if use.said.shares is not None}
    # A block within has had its say before the one around it.
    for use in sorted(uses, key=lambda each: -each.said.name.count(".")):
        if use.said.shares is None:
            continue
        report.place(use.origin, use.said.span)
        other = _other(use, use.said.shares, placed, sharing, names, report)
        if other is not None:
            _share_layers(use, other, use.said.shares.span, names, report)
    report.place(None, None)


def _other(
    use: Use, asked: Reads, placed: Mapping[str, Group], sharing: set[str], names: Names, report: Report
) -> str | None:
    """The use whose weights are meant: of a run of copies the one with the same number."""
    title = f"`{use.said.name}` ({use.block})"
    name = use.scope + asked.layer
    found = placed.get(name)
    number = use.said.name.rpartition(".")[2]
    if found is not None and found.copies and number.isdigit():
        name = f"{name}.{number}"
        found = placed.get(name)
    shown = name.removeprefix(use.scope)
    if found is None or name == use.said.name:
        known = [
            each.removeprefix(use.scope)
            for each, group in placed.items()
            if group.block == use.block and each.startswith(use.scope) and each not in sharing
        ]
        message = f"{title}: there is no other block `{shown}` to share with"
        if name in names.entries:
            message = f"{title} cannot share the weights of `{shown}`, which is one layer"
        report.add("unknown-layer", message, asked.span, help=partial(did_you_mean, shown, known, what="blocks"))
    elif found.block != use.block:
        what = f"a use of `{found.block}`" if found.block else "a run of copies"
        help_ = "blocks that share are uses of one block"
        report.add("wrong-value", f"{title} cannot share the weights of `{shown}`, {what}", asked.span, help=help_)
    elif use.said.name.startswith(f"{name}."):
        report.add("wrong-value", f"{title} stands within `{shown}`", asked.span, help="share with a block beside it")
    elif name in sharing:
        help_ = "share with the one that it shares with"
        report.add("wrong-value", f"{title}: `{shown}` has no weights of its own", asked.span, help=help_)
    else:
        return name
    return None


def _share_layers(use: Use, other: str, span: Span, names: Names, report: Report) -> None:
    entries = use.entries(names)
    for entry in entries:
        twin = names.entries.get(other + entry.name.removeprefix(use.said.name))
        if twin is None:
            own = entry.name.removeprefix(f"{use.said.name}.")
            report.add(
                "wrong-value",
                f"`{use.said.name}` ({use.block}): `{other.removeprefix(use.scope)}` has no `{own}` to share",
                span,
                Note(f"`{own}` is written here", entry.span),
                help="blocks that share have equal options",
            )
            return
        if twin.layer is None or entry.layer is None:
            continue
        inner = twin.shares
        entry.shares = Reads(twin.name if inner is None else inner.layer, None, span)


def check_init(uses: Sequence[Use], nodes: Sequence[Node], facts: Mapping[str, Facts], names: Names,
               report: Report) -> None:  # fmt: skip
    """What a use initialises must be a weight of one of its layers."""
    saying = [use for use in uses if use.said.init]
    if not saying:
        return
    held: dict[str, set[str]] = {}
    for node in nodes:
        if node.name in facts:
            held.setdefault(node.row, set()).update(weight.name for weight in facts[node.name].weights)
    for use in saying:
        layers = use.entries(names)
        if not all(entry.name in held for entry in layers):
            continue  # a mistake that is reported
        known = sorted({weight for entry in layers for weight in held[entry.name]})
        report.place(use.origin, use.said.span)
        for name, _ in use.said.init:
            if name not in known:
                message = f"`{use.said.name}` ({use.block}): no layer of it has a weight `{name}` to initialise"
                help_ = partial(did_you_mean, name, known, what="weights") if known else "remove it"
                report.add("unknown-weight", message, use.said.span_of("init", (name,)), help=help_)
    report.place(None, None)
