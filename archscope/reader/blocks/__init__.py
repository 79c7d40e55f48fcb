"""Blocks: sub-networks with options, used by name and repeated, become flat layers before anything else is done.

``let:`` names values, ``blocks:`` defines, ``layers:`` uses. After expansion nothing knows of blocks but the groups
that nodes stand in.
"""

from __future__ import annotations

from collections.abc import Mapping

from archscope.diagnostics import Span
from archscope.layers.base import Shape
from archscope.limits import DEEPEST_GROUPS
from archscope.reader.blocks.definitions import check_used, read_definitions, read_let
from archscope.reader.blocks.expansion import Expansion, Scope
from archscope.reader.blocks.lines import asks_for_a_shape
from archscope.reader.blocks.values import Env, NotKnown, Unfilled
from archscope.reader.entries import NAME, NAME_HELP, Entry
from archscope.reader.names import Names
from archscope.reader.overrides import Changes
from archscope.reader.report import Report
from archscope.source import Mapping as MappingTree
from archscope.source import Scalar, Tree

__all__ = ["Expansion", "expand", "filled", "let_values"]


def let_values(body: MappingTree, report: Report) -> dict[str, Tree]:
    """The values of ``let:``, each worked out from those above it."""
    values: dict[str, Tree] = {}
    env = Env(values)
    for name, (_, tree) in read_let(body, report).items():
        try:
            values[name] = env.filled(tree)
        except Unfilled as unfilled:
            report.add(
                "wrong-expression",
                f"`let`: `{name}`: {unfilled.error.message}",
                unfilled.span,
                help=unfilled.error.remedy,
            )
            values[name] = tree
    return values


def filled(tree: Tree, values: Mapping[str, Tree], what: str, report: Report) -> Tree:
    """A tree outside of the layers, such as the input's shape, with the names of ``let:`` filled in."""
    if not values:
        return tree
    try:
        return Env(values).filled(tree)
    except Unfilled as unfilled:
        report.add("wrong-expression", f"{what}: {unfilled.error.message}", unfilled.span, help=unfilled.error.remedy)
    except NotKnown:  # no input is named here
        pass
    return tree


def expand(
    body: MappingTree,
    layers: MappingTree,
    values: Mapping[str, Tree],
    inputs: Mapping[str, Shape],
    input_spans: Mapping[str, Span],
    inner: Changes,
    report: Report,
) -> Expansion:
    """The flat entries of a spec's layers, and what the names of its blocks stand for."""
    definitions = read_definitions(body, report)
    entries: dict[str, Entry] = {}
    names = Names(entries, input_spans)
    asks = any(block.asks_for_shapes for block in definitions.values())
    if not asks and ("$" in body.span.source.text or "when" in body.span.source.text):
        asks = asks_for_a_shape(_asking(body, layers), {"in", *input_spans})
    expansion = Expansion(definitions, values, inputs, names, inner, report, tracks=asks)
    first = next(iter(input_spans), None)
    shapes: dict[str, Shape | None] = {name: inputs.get(name) for name in input_spans}
    if first is not None:
        shapes["in"] = shapes[first]
    scope = Scope(Env(values, shapes), "", (), None, ())
    above = first if len(input_spans) == 1 else None
    for name, (key, tree) in layers.entries.items():
        if name in inputs or name in ("input", "total"):
            report.add(
                "duplicate-name",
                f"`{name}` is the name of something else already",
                key.span,
                help="`input` is the network's input and `total` its sum; choose another name",
            )
            continue
        expansion.line(name, (name,), key, tree, scope, above)
        above = name
        if not NAME.match(name):
            report.place(None, None)
            report.add("invalid-name", f"`{name}` is no name for a layer", key.span, help=NAME_HELP)
        elif name.count(".") > DEEPEST_GROUPS:
            report.place(None, None)
            message = f"`{name}` has {name.count('.'):,} dots, more than {DEEPEST_GROUPS}"
            report.add("invalid-name", message, key.span, help="each dot is a group within another")
    expansion.finish()
    check_used(body, definitions, report)
    return expansion


def _asking(body: MappingTree, layers: MappingTree) -> Tree:
    """What may ask for sizes: the layers, the blocks, and what `let:` puts into them."""
    parts = {"layers": layers, "blocks": body.get("blocks"), "let": body.get("let")}
    at = layers.span
    return MappingTree(at, {name: (Scalar(name, at), tree) for name, tree in parts.items() if tree is not None})
