"""`Outline`: which lines of a spec an option that is set touches, read off the text and without any shape.

>>> from archscope.reader import specs_folder
>>> vgg = outline((specs_folder() / "vgg.yaml").read_text(encoding="utf-8"), "D")
>>> vgg and [sorted(vgg.touched(each)) for each in ("conv1.c", "let.k", "input")]
[['conv1'], ['conv3', 'conv4', 'conv5'], ['input']]
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from archscope.diagnostics import Source
from archscope.errors import NotFound
from archscope.layers import TYPES
from archscope.layers.base import Layer
from archscope.reader.blocks.definitions import names_of
from archscope.reader.blocks.lines import asks_for_a_shape
from archscope.reader.document import KEYS
from archscope.reader.entries import PLACE, read_entry
from archscope.reader.inputs import is_one
from archscope.reader.report import Report
from archscope.reader.variants import apply_variant
from archscope.record import Record
from archscope.source import Invalid, Scalar, Tree, parse
from archscope.source import Mapping as MappingTree

INPUT: Final = "input"
"""Stands for the input of the network among the lines that are touched; no line has that name."""


class Outline(Record):
    """A spec in which no line hangs on a shape, a variant laid over it."""

    body: MappingTree
    layers: MappingTree

    def touched(self, key: str) -> frozenset[str]:
        """The lines that a key may change, ``C1.padding``, ``let.d`` or ``input``: rather one too many."""
        if key == INPUT or key.startswith(f"{INPUT}."):
            return frozenset({INPUT})
        place, _, name = key.rpartition(".")
        if place == "let":
            return frozenset(self._saying(name))
        return frozenset(filter(None, [line_of(place, self.layers.entries)]))

    def layer(self, line: str, options: Mapping[str, int]) -> Layer | None:
        """The layer of a line with other options, as the reader reads it; None where more than that depends on them.

        >>> pool = outline("input: [1, 8, 8]\\nlayers: {a: {type: max_pool2d, kernel_size: 2}}", None)
        >>> pool.layer("a", {"kernel_size": 4}).kernel_size
        (4, 4)
        """
        if line not in self.layers.entries:
            return None
        key, tree = self.layers.entries[line]
        kind = _plain(tree)
        if kind is None or not isinstance(tree, MappingTree) or any(names_of(tree)):
            return None
        stated = [each for each in tree.entries if each != "type"]
        if (
            "init" in stated
            or not {*options, *stated} <= {*kind.options, *PLACE}
            or not options.keys().isdisjoint(PLACE)
        ):
            return None
        entries = {**tree.entries, **{name: (Scalar(name, key.span), Scalar(value, key.span))
                                      for name, value in options.items()}}  # fmt: skip
        report = Report()
        entry = read_entry(line, key, MappingTree(tree.span, entries), report)
        return None if report.found or entry.broken else entry.layer

    def _saying(self, name: str) -> Iterable[str]:
        """The lines with a name of ``let:`` in them, or one that is worked out from it, or a block that has one."""
        meant = {name}
        let = self.body.get("let")
        for other, (_, tree) in let.entries.items() if isinstance(let, MappingTree) else ():  # each uses those above
            if not meant.isdisjoint(names_of(tree)):
                meant.add(other)
        given, blocks = self.body.get("input"), self.body.get("blocks")
        if given is not None and not meant.isdisjoint(names_of(given)):
            yield INPUT
        bodies = blocks.entries.values() if isinstance(blocks, MappingTree) else ()
        in_blocks = any(not meant.isdisjoint(_asked(tree)) for _, tree in bodies)
        for line, (_, tree) in self.layers.entries.items():
            if not meant.isdisjoint(names_of(tree)) or (in_blocks and _plain(tree) is None):
                yield line


def outline(text: str, variant: str | None) -> Outline | None:
    """The outline of a spec; None where what a line becomes hangs on shapes: ``when: changes``, ``$in``.

    None, too, where the spec cannot be read.
    """
    body = _body(text, variant)
    layers = None if body is None else body.get("layers")
    if body is None or not isinstance(layers, MappingTree):
        return None
    parts = [each for each in (layers, body.get("blocks"), body.get("let")) if each is not None]
    given = body.get("input")
    inputs = given.entries if isinstance(given, MappingTree) and not is_one(given) else (INPUT,)
    if any(asks_for_a_shape(part, {"in", *inputs}) for part in parts):
        return None
    return Outline(body, layers)


def let_names(text: str, variant: str | None) -> list[str]:
    """The names of ``let:`` of a spec, in the order written."""
    body = _body(text, variant)
    let = None if body is None else body.get("let")
    return [*let.entries] if isinstance(let, MappingTree) else []


def _body(text: str, variant: str | None) -> MappingTree | None:
    """The tree of a spec with a variant laid over it; None where it cannot be read."""
    try:
        body, mistakes = parse(Source("spec", text))
        if mistakes or not isinstance(body, MappingTree):
            return None
        apply_variant(body, variant, "spec", KEYS, Report())
    except (Invalid, NotFound):
        return None
    return body


def line_of(place: str, lines: Collection[str]) -> str | None:
    """The line of ``layers:`` that a layer stands in, ``conv3`` of ``conv3.0.a``; names may have dots themselves."""
    while place and place not in lines:
        place = place.rpartition(".")[0]
    return place or None


def _asked(block: Tree) -> set[str]:
    """The names that a block has from outside: its own options hide those of ``let:``."""
    parts = block.entries if isinstance(block, MappingTree) else {}
    own = parts["options"][1] if "options" in parts else None
    hidden = set(own.entries) if isinstance(own, MappingTree) else set()
    inside = {name for key, (_, tree) in parts.items() if key != "options" for name in names_of(tree)}
    return (inside - hidden) | set(names_of(own) if own is not None else ())


def _plain(tree: Tree) -> type[Layer] | None:
    """The type of a line in which one is written out, so that it uses no block."""
    kind = tree.get("type") if isinstance(tree, MappingTree) else None
    return TYPES.get(kind.value) if isinstance(kind, Scalar) and isinstance(kind.value, str) else None
