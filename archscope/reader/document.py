"""The top level of a spec: its keys, its inputs, its layers and all that hangs on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from archscope.diagnostics import Note, Span
from archscope.errors import did_you_mean, nearest
from archscope.layers.base import Facts, Shape
from archscope.network import Group, Network, Node
from archscope.options import described, option, positive, text
from archscope.reader.blocks import Expansion, expand, filled, let_values
from archscope.reader.blocks.sharing import check_init
from archscope.reader.doubts import doubts_of
from archscope.reader.entries import ALLOW, Reads, read_allow
from archscope.reader.figures import read_figures
from archscope.reader.initial import read_init
from archscope.reader.inputs import Inputs, check_tokens, read_inputs
from archscope.reader.overrides import Changes
from archscope.reader.picture import read_picture
from archscope.reader.report import Report
from archscope.reader.training import read_training
from archscope.reader.variants import SIGN
from archscope.reader.wiring import shapes, wire
from archscope.source import List, Scalar, Tree
from archscope.source import Mapping as MappingTree

KEYS: Final = {
    "name": option(text, default=None, doc="The network's name; the file's if left out."),
    "title": option(text, default=None, doc="What a heading calls it."),
    "summary": option(text, default=None, doc="A few sentences about it."),
    "year": option(positive, default=None, doc="When it was first printed, for lists."),
    "task": option(text, default=None, doc="What it is for, in a word: `vision`, `language`; for lists."),
    "sources": option(described("a mapping of text"), default=None, doc="Full citations by short name."),
    "input": option(
        described("a shape, or a mapping"),
        doc="The shape of one sample, channels first, without a batch; `{shape: [1024], vocabulary: 50257}` for token "
        "numbers; or a mapping of several by name.",
    ),
    "let": option(
        described("a mapping of values"),
        default=None,
        doc="Values by name: `$d` stands for the value of `d`, `4*$d` for its fourfold.",
    ),
    "blocks": option(
        described("a mapping of blocks"), default=None, doc="Sub-networks by name, to be used as the type of a line."
    ),
    "layers": option(described("a mapping of lines"), doc="The layers, by name, each on one line."),
    "variants": option(
        described("a mapping of changes"),
        default=None,
        doc="The members of a family by name, each with what it changes: `vgg@D`.",
    ),
    "titles": option(
        described("a mapping of text"),
        default=None,
        doc="What tables and pictures call a group, by its path: `{stem: The stem}`.",
    ),
    "output": option(
        described("the name of a layer or a list of them"),
        default=None,
        doc="The layers whose outputs are the network's; the last if left out.",
    ),
    "init": option(
        described("a mapping of schemes"),
        default=None,
        doc="How weights start where a layer does not say, by weight name.",
    ),
    "allow": option(ALLOW, default=None, doc="The warnings that are not given, by name."),
    "keep": option(
        described("a budget or a list of them"),
        default=None,
        doc="Budgets that it keeps, for `archscope check`: `[macs <= 1.2 G]`.",
    ),
    "published": option(described("a list of figures"), default=None, doc="Figures that somebody printed about it."),
    "training": option(described("a mapping"), default=None, doc="How it was trained."),
    "figure": option(
        described("a mapping"), default=None, doc="How `archscope diagram` draws it, and what is said on the picture."
    ),
}
"""The top-level keys of a spec."""


def read_document(
    body: MappingTree, default_name: str, variant: str | None, path: str | None, inner: Changes, report: Report
) -> Network | None:
    """The network of a spec; None if there is a mistake anywhere in it.

    ``inner`` are changes of layers inside of blocks, which are only there when the blocks are expanded.
    """
    body = _as_meant(body, report)
    words = {key: _words(body, key, report) for key in ("name", "title", "summary", "task")}
    year = _year(body, report)
    name = words["name"] or default_name
    name = name if variant is None else f"{name}{SIGN}{variant}"
    sources = _sources(body, report)
    values = let_values(body, report)
    given = _inputs(body, values, report)
    inputs, input_spans = given.shapes, given.spans
    expansion = _expansion(body, values, inputs, input_spans, inner, report)
    entries = expansion.names.entries
    outputs = _outputs(body, report)
    init_tree = body.get("init")
    init = () if init_tree is None else read_init(init_tree, "the spec", report)
    nodes, ends = wire(expansion.names, outputs, _last(body), init, report)
    expansion.check_uses()
    facts = shapes(nodes, inputs, input_spans, entries, report, expansion.known)
    check_init(expansion.saying, nodes, facts, expansion.names, report)
    check_tokens(nodes, given, facts, entries, report)
    expansion.check_sizes()
    groups = _titled(expansion.groups, body, nodes, report)
    published = read_figures(body.get("published"), entries, {".".join(path) for path in groups}, sources, report)
    training = read_training(body.get("training"), report)
    inside = {".".join(node.group[:depth]) for node in nodes for depth in range(1, len(node.group) + 1)}
    shown = (*entries, *(node.name for node in nodes), *inside)
    picture = read_picture(body.get("figure"), shown, report)
    allow = read_allow(body.get("allow"), "the spec", report)
    keep = _keep(body, report)
    if report.diagnostics:
        return None
    network = Network(
        name=name,
        inputs=inputs,
        nodes=_without_idle_shares(nodes, facts),
        outputs=ends,
        title=words["title"] or name,
        summary=words["summary"] or "",
        year=year,
        task=words["task"],
        sources=sources or {},
        published=published,
        training=training,
        path=path,
        facts=facts,
        groups=groups,
        vocabularies=given.vocabularies,
        keep=keep,
        figure=picture,
    )
    return network.replace(doubts=doubts_of(network, entries, input_spans, allow))


def _as_meant(body: MappingTree, report: Report) -> MappingTree:
    """A spec with its keys as they were meant, so that a misspelt one is one mistake and not two."""
    entries: dict[str, tuple[Scalar, Tree]] = {}
    held = ""  # the key below which a line would stand, were it indented
    below: dict[str, dict[str, tuple[Scalar, Tree]]] = {}
    for key, (written, value) in body.entries.items():
        if key in KEYS or key.startswith("x-"):
            held = key if key in _HOLDS and isinstance(value, Scalar) and value.value is None else ""
            entries[key] = (written, value)
        elif held and isinstance(value, MappingTree):
            below.setdefault(held, {})[key] = (written, value)
        else:
            held = ""
            meant = nearest(key, KEYS)
            if meant is not None and meant not in body.entries:
                entries.setdefault(meant, (written, value))
            near = partial(did_you_mean, key, KEYS, what="keys")
            report.add("unknown-key", f"unknown key `{key}`", written.span, help=near)
    for key, lines in below.items():
        first = next(iter(lines.values()))[0]
        message = f"nothing stands below `{key}:`, as `{first.value}` begins where it begins"
        help_ = f"put spaces before {'it' if len(lines) == 1 else f'each of the {len(lines)} lines'}"
        report.add("not-indented", message, first.span, Note(f"`{key}` is here", entries[key][0].span), help=help_)
        entries[key] = (entries[key][0], MappingTree(first.span, lines))
    return MappingTree(body.span, entries)


_HOLDS: Final = ("blocks", "layers", "variants", "let")
"""The keys whose lines stand below them."""


def _words(body: MappingTree, key: str, report: Report) -> str | None:
    tree = body.get(key)
    return None if tree is None else report.text(tree, f"`{key}`")


def _keep(body: MappingTree, report: Report) -> tuple[str, ...]:
    """Budgets as they are written; `archscope check` reads them."""
    tree = body.get("keep")
    if tree is None:
        return ()
    texts = [report.text(each, "a budget") for each in (tree.items if isinstance(tree, List) else [tree])]
    return tuple(each for each in texts if each)


def _year(body: MappingTree, report: Report) -> int | None:
    tree = body.get("year")
    value = None if tree is None else report.value(KEYS["year"].kind, tree, "`year`", "write `year: 2015`")
    return value if isinstance(value, int) else None


def _sources(body: MappingTree, report: Report) -> dict[str, str] | None:
    """Citations by short name; None after a mistake, so that no entry is blamed for it."""
    tree = body.get("sources")
    if tree is None:
        return {}
    mapping = report.mapping(tree, "`sources`", tree.span, "write `short_name: full citation`")
    if mapping is None:
        return None
    read = {key: report.text(value, f"source `{key}`") for key, (_, value) in mapping.entries.items()}
    return {key: value or "" for key, value in read.items()}


def _inputs(body: MappingTree, values: Mapping[str, Tree], report: Report) -> Inputs:
    tree = body.get("input")
    if tree is not None:
        return read_inputs(filled(tree, values, "`input`", report), report)
    if "input" not in body.entries:
        report.add(
            "missing-key",
            "`input` is missing",
            Span(body.span.source, 0, 0, 0, 0),
            help="add the shape of one sample, such as `input: [1, 32, 32]`",
        )
    none = Inputs()
    none.spans["input"] = body.span
    return none


def _expansion(
    body: MappingTree,
    values: Mapping[str, Tree],
    inputs: Mapping[str, Shape],
    input_spans: Mapping[str, Span],
    inner: Changes,
    report: Report,
) -> Expansion:
    tree = body.get("layers")
    layers: MappingTree | None = None
    if tree is None and "layers" not in body.entries:
        report.add(
            "missing-key",
            "`layers` is missing",
            Span(body.span.source, 0, 0, 0, 0),
            help="add `layers:` and a line for each layer",
        )
    else:
        help_ = "write `layers:` and below it `C1: {type: conv2d, out_channels: 6, kernel_size: 5}`"
        layers = report.mapping(tree, "`layers`", body.key_span("layers"), help_)
        if layers is not None and not layers.entries:
            report.add("no-layers", "`layers` names no layer", layers.span, help="add a line for each layer")
    return expand(body, layers or MappingTree(body.span), values, inputs, input_spans, inner, report)


def _without_idle_shares(nodes: Sequence[Node], facts: Mapping[str, Facts]) -> list[Node]:
    """Nodes without weights share none, though they stand in a block that shares its weights."""
    return [node.replace(shares=None) if node.shares and not facts[node.name].weights else node for node in nodes]


def _titled(
    groups: Mapping[tuple[str, ...], Group], body: MappingTree, nodes: Sequence[Node], report: Report
) -> dict[tuple[str, ...], Group]:
    """Every group that a node stands in, with the titles that the spec gives by path."""
    titled = dict(groups)
    for path in {node.group for node in nodes}:
        for depth in range(1, len(path) + 1):
            titled.setdefault(path[:depth], Group())
    tree = body.get("titles")
    titles = None if tree is None else report.mapping(tree, "`titles`", tree.span, "write `titles: {stem: The stem}`")
    known = {"/".join(path): path for path in titled}
    for name, (written, value) in {} if titles is None else titles.entries.items():
        path_ = known.get(name.replace(".", "/"))
        title = report.text(value, f"`titles`: `{name}`")
        if path_ is None:
            report.add(
                "unknown-group",
                f"`titles`: there is no group `{name}`",
                written.span,
                help=partial(did_you_mean, name, known, what="groups"),
            )
        elif title is not None:
            titled[path_] = titled[path_].replace(title=title)
    return titled


def _last(body: MappingTree) -> Reads | None:
    """The last line of the spec."""
    layers = body.get("layers")
    if not isinstance(layers, MappingTree) or not layers.entries:
        return None
    key, _ = next(reversed(list(layers.entries.values())))
    return Reads(key.value, None, key.span)


def _outputs(body: MappingTree, report: Report) -> list[Reads] | None:
    tree = body.get("output")
    if tree is None:
        return None
    reads = []
    for item in report.items(tree):
        name = report.text(item, "`output`")
        if name is not None:
            reads.append(Reads(name, None, item.span))
    return reads
