"""Entries → nodes in an order that can run: names resolved, towers and activations expanded, no cycle."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from archscope.diagnostics import Diagnostic, Note, Span
from archscope.errors import Rejects, did_you_mean
from archscope.layers.base import Facts, Layer, Shape, spell_shape
from archscope.limits import MOST_LINES
from archscope.network import Applied, Node, Ref, propagate
from archscope.reader.doubts import remedy_of_input
from archscope.reader.entries import Entry, Reads, slug
from archscope.reader.initial import Init
from archscope.reader.names import Names
from archscope.reader.order import in_order
from archscope.reader.report import Report
from archscope.source import Invalid


def wire(
    names: Names,
    outputs: Sequence[Reads] | None,
    last: Reads | None,
    init: Init,
    report: Report,
) -> tuple[list[Node], tuple[Ref, ...]]:
    """Turn entries into nodes, in an order in which each comes after what it reads.

    ``last`` is the last line of the spec, whose output is the network's where ``outputs`` does not say.
    """
    before = report.found
    entries, inputs = names.entries, names.inputs
    reads = _resolve(names, report)
    wanted = _resolve_outputs(names, outputs, last, report)
    _check_shares(names, report)
    _check_names(entries, report)
    order = in_order(entries, reads, report)
    # A line that could not be read may have been meant to read any other.
    if report.found == before and all(entry.tree is not None for entry in entries.values()):
        _check_dead_ends(names, reads, wanted, report)
    report.place(None, None)
    copies = sum(len(entry.towers) for entry in entries.values())
    if copies > MOST_LINES:
        message = f"the layers of this spec have more than {MOST_LINES:,} copies on towers"
        at = next(entry.span for entry in entries.values() if entry.towers)
        raise Invalid(Diagnostic("too-many-layers", message, at, help="name fewer towers"))
    expansion = _Expansion(entries, inputs)
    nodes = [node for name in order for node in expansion.nodes(entries[name], reads[name], init)]
    ends = tuple(ref for each in wanted for ref in expansion.refs(each, None))
    return nodes, ends


def _resolve(names: Names, report: Report) -> dict[str, list[Reads]]:
    """What each layer reads, the layer above where it does not say; unknown names are mistakes."""
    reads: dict[str, list[Reads]] = {}
    for name, entry in names.entries.items():
        report.place(entry.origin, entry.span)
        if entry.reads is None:
            reads[name] = _default(entry, names, report)
            continue
        found = [_found(each, entry, names, report) for each in entry.reads]
        reads[name] = [each for each in found if each is not None]
        entry.broken = entry.broken or None in found
    return reads


def _default(entry: Entry, names: Names, report: Report) -> list[Reads]:
    if entry.layer is not None and entry.layer.arity[1] == 0:
        return []
    if entry.above is not None:
        above = Reads(entry.above, None, entry.span)
        found = above if entry.above in names.entries else _found(above, entry, names, report)
        entry.broken = entry.broken or found is None
        return [] if found is None else [found]
    inputs = names.inputs
    if inputs:
        listed = ", ".join(inputs)
        report.add(
            "missing-option",
            f"{entry.title}: `from` is missing; the network has {len(inputs)} inputs",
            entry.span,
            help=f"name one or more of {listed}",
        )
    entry.broken = True
    return []


def _found(each: Reads, entry: Entry, names: Names, report: Report) -> Reads | None:
    """What a name stands for: a layer, perhaps one of its outputs, or an input of the network."""
    if each.layer in names.entries or each.layer in names.inputs:
        return each
    found = names.find(each.layer)
    if found is None:
        if each.layer not in names.aliases:  # what a block was given in vain is reported where it was given
            report_unknown(entry.title, each, entry.name, entry.scope, names, report)
        return None
    return _output_of(entry.title, *found, each.span, names, report)


def _output_of(title: str, layer: str, output: str | None, span: Span, names: Names, report: Report) -> Reads | None:
    """One of a layer's outputs, if it has it."""
    producer = names.entries.get(layer)
    if output is not None and producer is not None and output not in producer.outputs:
        if producer.layer is None:  # what it gives out is not known, and it is read all the same
            return Reads(layer, None, span)
        report.add(
            "unknown-output",
            f"{title}: {producer.title} has no output `{output}`",
            span,
            help=partial(did_you_mean, output, producer.outputs, what="outputs"),
        )
        return None
    return Reads(layer, output, span)


def report_unknown(title: str, each: Reads, reader: str, scope: str, names: Names, report: Report) -> None:
    """A name that stands for nothing, with the near ones that a line could use in its place."""
    shown = each.layer.removeprefix(scope)

    def remedy() -> str:
        known = [name for name in names.within(scope) if scope + name != reader]
        return _beyond_copies(each.layer, names) or did_you_mean(shown, known, what="layers")

    report.add(
        "unknown-layer",
        f"{title}: there is no layer `{shown}` to read from",
        each.span,
        help=remedy,
    )


def _beyond_copies(name: str, names: Names) -> str | None:
    """What to write for a copy that a run does not have; None where a name means no copy."""
    parts = name.split(".")
    for at, part in enumerate(parts):
        run = ".".join(parts[:at])
        if part.isdigit() and names.find(f"{run}.0") and not names.find(f"{run}.{part}"):
            many = next(count for count in itertools.count(1) if not names.find(f"{run}.{count}"))
            copies = "one copy" if many == 1 else f"{many:,} copies"
            return f"`{run}` has {copies}, counted from 0: the last is `{run}.{many - 1}`"
    return None


def _near_other(name: str, entry: Entry, names: Names) -> str:
    """The remedy of a layer that shares with none: the near one of those whose weights it could use."""
    others = (*names.inputs, entry.name)
    known = [each for each in names.within(entry.scope) if entry.scope + each not in others]
    return did_you_mean(name, known, what="layers")


def _resolve_outputs(names: Names, outputs: Sequence[Reads] | None, last: Reads | None, report: Report) -> list[Reads]:
    report.place(None, None)
    known = []
    asked = [last] if outputs is None and last is not None else outputs or ()
    for each in (one.replace(layer=name) for one in asked for name in names.every(one.layer) or [one.layer]):
        found = names.find(each.layer)
        layer, output = (None, None) if found is None else found
        if layer in names.entries:
            read = _output_of("`output`", layer, output, each.span, names, report)
            known += [] if read is None else [read]
        elif outputs is not None:
            report.add(
                "unknown-layer",
                f"`output`: there is no layer `{each.layer}`",
                each.span,
                help=partial(did_you_mean, each.layer, names.entries, what="layers"),
            )
    return known


def _check_names(entries: Mapping[str, Entry], report: Report) -> None:
    """An activation becomes a node after its layer, which no layer may have the name of."""
    for entry in entries.values():
        other = None if entry.activation is None else entries.get(f"{entry.name}.{entry.activation.type}")
        if other is not None:
            report.place(other.origin, other.span)
            report.add(
                "duplicate-name",
                f"`{other.name}` is the name of the activation of `{entry.name}` already",
                other.span,
                help="choose another name",
            )


def _check_shares(names: Names, report: Report) -> None:
    entries = names.entries
    for entry in entries.values():
        if entry.shares is None:
            continue
        report.place(entry.origin, entry.span)
        before = report.found
        found = names.find(entry.shares.layer)
        owner = None if found is None else entries.get(found[0])
        if owner is None or owner is entry:
            shown = entry.shares.layer.removeprefix(entry.scope)
            report.add(
                "unknown-layer",
                f"{entry.title}: there is no other layer `{shown}` to share with",
                entry.shares.span,
                help=partial(_near_other, shown, entry, names),
            )
        elif owner.shares is not None:
            report.add(
                "wrong-value",
                f"{entry.title}: {owner.title} has no weights of its own",
                entry.shares.span,
                help=f"share with `{owner.shares.layer}` directly",
            )
        elif (
            entry.layer
            and owner.layer
            and (owner.layer.type not in {entry.layer.type, *entry.layer.ties} or entry.towers != owner.towers)
        ):
            report.add(
                "wrong-value",
                f"{entry.title} cannot share the weights of {owner.title}",
                entry.shares.span,
                Note("the other layer is here", owner.span),
                help="layers that share are of one type, or an embedding and the `linear` that undoes it",
            )
        else:
            entry.shares = Reads(owner.name, None, entry.shares.span)
        entry.broken = entry.broken or report.found > before


def _check_dead_ends(names: Names, reads: Mapping[str, list[Reads]], wanted: Sequence[Reads], report: Report) -> None:
    entries = names.entries
    reaches = {each.layer for each in wanted}
    stack = list(reaches)
    while stack:
        for each in reads.get(stack.pop(), ()):
            if each.layer in entries and each.layer not in reaches:
                reaches.add(each.layer)
                stack.append(each.layer)
    read = {each.layer for each_reads in reads.values() for each in each_reads}
    for name, entry in entries.items():
        if name not in reaches and name not in read:
            report.place(entry.origin, entry.span)
            report.add(
                "dead-end",
                f"{entry.title} reaches no output: nothing reads it",
                entry.span,
                help=partial(_passed_by, name, names),
            )


def _passed_by(name: str, names: Names) -> str:
    """What to write for a dead end; its one reader may be left out by `when`, and another be read in its place."""
    for path, reads in names.left_out.items():
        later = [each.layer for each in reads[1:] if names.find(each.layer) == (name, None)]
        if later:
            first, wanted = (each.rpartition(".")[2] for each in (reads[0].layer, later[0]))
            return f"`{path}` is left out here, and what reads it reads `{first}`, its first: name `{wanted}` first"
    return "name it in a later layer's `from:` or in `output:`, or remove it"


class _Expansion:
    """Copies a layer onto its towers and puts an activation named on it into a node of its own."""

    def __init__(self, entries: Mapping[str, Entry], inputs: Mapping[str, Span | None]) -> None:
        self.entries = entries
        self.inputs = inputs

    def nodes(self, entry: Entry, reads: Sequence[Reads], init: Init) -> list[Node]:
        """The nodes of one entry; none if it is broken, so that what reads it is left alone."""
        layer = entry.layer
        if layer is None or entry.broken:
            return []
        return [node for tower in entry.towers or (None,) for node in self._on(tower, entry, layer, reads, init)]

    def _on(self, tower: str | None, entry: Entry, layer: Layer, reads: Sequence[Reads], init: Init) -> list[Node]:
        name = self._name(entry, tower)
        refs = tuple(ref for each in reads for ref in self.refs(each, tower))
        if layer.of_itself and len(set(refs)) == 1:
            refs = refs[:1]
        shares = None if entry.shares is None else self._name(self.entries[entry.shares.layer], tower)
        told: dict[str, Any] = {}
        for weight, how in (*entry.init, *entry.inherited, *init):  # what is nearest to the layer goes first
            told.setdefault(weight, how)
        own_init = tuple(told.items())
        node = Node(name, layer, refs, entry.name, entry.group, tower, shares, own_init, entry.span, entry.caption)
        if entry.activation is None:
            return [node]
        after = f"{name}.{entry.activation.type}"
        place = (entry.name, entry.group, tower)
        return [node, Node(after, entry.activation, (Ref(name),), *place, span=entry.span, folded=True)]

    def refs(self, reads: Reads, tower: str | None) -> list[Ref]:
        """What a name means to a reader: its own tower's copy where there is one, else all copies."""
        if reads.layer in self.inputs:
            return [Ref(reads.layer)]
        entry = self.entries[reads.layer]
        towers: Sequence[str | None] = entry.towers or (None,)
        chosen = [tower] if tower in towers else towers
        output = 0 if reads.output is None else entry.outputs.index(reads.output)
        return [Ref(self._end(entry, each, output), output) for each in chosen]

    def _end(self, entry: Entry, tower: str | None, output: int) -> str:
        name = self._name(entry, tower)
        return name if entry.activation is None or output else f"{name}.{entry.activation.type}"

    @staticmethod
    def _name(entry: Entry, tower: str | None) -> str:
        return entry.name if tower is None or len(entry.towers) == 1 else f"{entry.name}.{slug(tower)}"


def shapes(
    nodes: Sequence[Node],
    inputs: Mapping[str, Shape],
    input_spans: Mapping[str, Span],
    entries: Mapping[str, Entry],
    report: Report,
    known: dict[Applied, Facts],
) -> dict[str, Facts]:
    """The facts of every node; a layer that does not take its inputs is a mistake, reported once a layer.

    ``known`` are facts that were worked out before, and grows by the others.
    """
    rows = {node.name: node.row for node in nodes}
    refused: set[str] = set()

    def origin(ref: Ref, shape: Shape) -> Note:
        if ref.node in inputs:
            return Note(f"`{ref.node}` is {spell_shape(shape)}", input_spans[ref.node])
        row = rows[ref.node]
        return Note(f"`{row}` produces {spell_shape(shape)}", entries[row].span)

    def note(node: Node, error: Rejects, came: tuple[Shape, ...]) -> None:
        if node.row in refused:
            return
        refused.add(node.row)
        entry = entries[node.row]
        report.place(entry.origin, entry.span)
        last = -1 if error.input is None else min(error.input, len(came) - 1)
        blamed = sorted({0, last}) if last >= 0 else []
        notes = [origin(node.inputs[each], came[each]) for each in blamed]
        name = "wrong-value" if error.input is None else "shape-mismatch"
        read = node.inputs[last].node if blamed else ""
        help_ = (remedy_of_input(node.layer, came[last], read) if read in inputs else None) or error.remedy
        report.add(name, f"{entry.title}: {error.message}", entry.span_of(error.option, error.path), *notes, help=help_)

    facts = propagate(nodes, inputs, note, known)
    for node in nodes:
        if node.name in facts:
            _check_weights(node, facts, entries[node.row], report)
    report.place(None, None)
    return facts


def _check_weights(node: Node, facts: Mapping[str, Facts], entry: Entry, report: Report) -> None:
    """Initial values must name weights there are; shared weights must be of one shape."""
    weights = facts[node.name].weights
    names = [weight.name for weight in weights]
    if entry.init or node.shares is not None:
        report.place(entry.origin, entry.span)
    for name, _ in entry.init:
        if name not in names and not node.folded:
            help_ = partial(did_you_mean, name, names, what="weights") if names else "remove it"
            at = entry.span_of("init", (name,))
            report.add("unknown-weight", f"{entry.title}: it has no weight `{name}` to initialise", at, help=help_)
            return
    owner = facts.get(node.shares) if node.shares is not None else None
    if owner is None or entry.shares is None:
        return
    known = {weight.name: weight for weight in owner.weights}
    for mine in weights:
        theirs = known.get(mine.name, mine)
        if mine.shape != theirs.shape:
            report.add(
                "shape-mismatch",
                f"{entry.title}: its {mine.name} is {spell_shape(mine.shape)}, "
                f"that of `{entry.shares.layer}` is {spell_shape(theirs.shape)}",
                entry.shares.span,
                help="layers that share have equal weights",
            )
            return
