"""``input:`` → the shape of each input of a network, and the vocabulary of those that are tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from archscope.diagnostics import Note, Span
from archscope.errors import did_you_mean
from archscope.layers.base import Facts, Shape, values_in
from archscope.limits import MOST_SHAPE_VALUES
from archscope.network import Node
from archscope.options import option, positive, shape
from archscope.reader.entries import NAME, NAME_HELP, Entry
from archscope.reader.report import FAILED, Report
from archscope.source import Mapping as MappingTree
from archscope.source import Scalar, Tree, to_data

INPUT: Final = {
    "shape": option(shape, doc="The shape of one sample, without a batch."),
    "vocabulary": option(positive, default=None, doc="How many tokens there are, where the input is token numbers."),
}
"""What an input can say of itself where its shape alone is not enough."""


BATCHES: Final = ("None", "none", "batch", "batch_size", "B", "N", "?", -1)
"""What others write in a shape where the batch is open."""


class Inputs:
    """The inputs of a network as they are written; a broken one keeps its place but no shape.

    Attributes:
        shapes: of one sample, by name.
        vocabularies: how many tokens there are, of the inputs that are token numbers.
        spans: where each is written.
        told: where the vocabularies are written.
    """

    def __init__(self) -> None:
        self.shapes: dict[str, Shape] = {}
        self.vocabularies: dict[str, int] = {}
        self.spans: dict[str, Span] = {}
        self.told: dict[str, Span] = {}

    def read(self, name: str, tree: Tree, report: Report) -> None:
        """Read one input: a shape, or a mapping of a shape and a vocabulary."""
        self.spans[name] = tree.span
        extents: Tree | None = tree
        if isinstance(tree, MappingTree):
            extents = self._described(name, tree, report)
        if extents is None:
            return
        parsed = report.value(shape, extents, f"`{name}`", _remedy(to_data(extents)))
        if parsed is FAILED:
            return
        self.spans[name] = extents.span
        if values_in(parsed) > MOST_SHAPE_VALUES:
            report.add(
                "wrong-value",
                f"`{name}` has {values_in(parsed):.0e} values",
                extents.span,
                help=f"no machine holds more than {MOST_SHAPE_VALUES:.0e}",
            )
        else:
            self.shapes[name] = parsed

    def _described(self, name: str, body: MappingTree, report: Report) -> Tree | None:
        for key in body.entries:
            if key not in INPUT:
                near = partial(did_you_mean, key, INPUT, what="keys")
                report.add("unknown-key", f"`{name}`: unknown key `{key}`", body.key_span(key), help=near)
        many = body.get("vocabulary")
        if many is not None:
            parsed = report.value(positive, many, f"`{name}`: `vocabulary`", "write how many tokens there are")
            if parsed is not FAILED:
                self.vocabularies[name] = parsed
                self.told[name] = many.span
        extents = body.get("shape")
        if extents is None and body.entries.keys() <= INPUT.keys():
            help_ = "write `{shape: [1024], vocabulary: 50257}`"
            report.add("missing-key", f"`{name}`: `shape` is missing", body.span, help=help_)
        return extents


def _remedy(value: Any) -> str:
    """What to write for what is no shape: a vector's length in brackets, one of Keras without its batch.

    >>> _remedy(784), _remedy(["None", 32, 32, 3])
    ('write [784]', 'a shape is that of one sample, without the batch and channels first: write [3, 32, 32]')
    """
    if isinstance(value, int) and value > 0:
        return f"write [{value}]"
    batch, *sample = value if isinstance(value, list) and value else [0]
    if (batch in BATCHES or batch is None) and sample and all(isinstance(each, int) and each > 0 for each in sample):
        first = sample[-1:] + sample[:-1] if len(sample) == 3 and sample[-1] in (1, 3, 4) else sample
        order = " and channels first" if first != sample else ""
        return f"a shape is that of one sample, without the batch{order}: write {first}"
    return "write the extents of one sample, such as [1, 32, 32]"


def read_inputs(tree: Tree | None, report: Report) -> Inputs:
    """The network's inputs; a nameless one is called ``input``."""
    inputs = Inputs()
    if tree is None:
        return inputs
    if not isinstance(tree, MappingTree) or is_one(tree):
        inputs.read("input", tree, report)
        return inputs
    if not tree.entries:
        report.add("no-input", "`input` names no input", tree.span, help="write the shape of one sample: [1, 32, 32]")
    for name, (_, value) in tree.entries.items():
        if name.startswith("vocab") and isinstance(value, Scalar) and isinstance(value.value, int):
            message = f"`{name}: {value.value}` stands beside the inputs, and is said of one of them"
            help_ = f"write `tokens: {{shape: [1024], vocabulary: {value.value}}}`"
            report.add("wrong-value", message, tree.key_span(name), help=help_)
        elif NAME.match(name):
            inputs.read(name, value, report)
        else:
            report.add("invalid-name", f"`{name}` is no name", tree.key_span(name), help=NAME_HELP)
    return inputs


def is_one(tree: Tree | None) -> bool:
    """Whether a mapping describes one nameless input and does not name several."""
    return isinstance(tree, MappingTree) and bool(tree.entries) and tree.entries.keys() <= INPUT.keys()


def check_tokens(
    nodes: Sequence[Node], inputs: Inputs, facts: Mapping[str, Facts], entries: Mapping[str, Entry], report: Report
) -> None:
    """Token numbers are looked up, in a table with a row for each of them; the rest is a mistake."""
    for node in nodes if inputs.vocabularies else ():
        for place, ref in enumerate(node.inputs):
            many = inputs.vocabularies.get(ref.node)
            if many is None or node.name not in facts:
                continue
            entry, weights = entries[node.row], facts[node.name].weights
            here = Note(f"`{ref.node}` has a vocabulary of {many:,} tokens", inputs.told[ref.node])
            report.place(entry.origin, entry.span)
            if place < node.layer.tokens and weights[0].shape[0] < many:
                report.add(
                    "small-vocabulary",
                    f"{entry.title}: it has rows for {int(weights[0].shape[0]):,} of the {many:,} tokens it reads",
                    entry.span_of("num_embeddings"),
                    here,
                    help=f"write `num_embeddings: {many}`, or change the `vocabulary` of the input",
                )
            elif place >= node.layer.tokens and weights:
                report.add(
                    "token-numbers",
                    f"{entry.title}: it has weights for values, and reads token numbers",
                    entry.span,
                    here,
                    help="put an `embedding` before it, or remove `vocabulary` if these are values",
                )
    report.place(None, None)
