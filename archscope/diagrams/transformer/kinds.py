"""A kind of blocks: what is the same of blocks that differ but in their sizes, drawn once with all of these.

>>> together([("2 heads of 32", "GELU"), ("4 heads of 32", "GELU")])
(('2, 4 heads of 32', 'GELU'), ())
>>> together([("96 → 384 → 96",), ("192 → 768 → 192",)])
(('C → 4C → C',), ('96', '192'))
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from archscope.diagrams.graph.alike import series
from archscope.diagrams.request import Request
from archscope.diagrams.transformer.model import Fork, Framed, Model, Node, Part, Sublayer, Sum, parts_of
from archscope.diagrams.transformer.pieces import Run
from archscope.diagrams.transformer.stream import Source
from archscope.diagrams.transformer.wording import USUAL, Words, words_of

_NUMBER: Final = re.compile(r"\d[\d,]*")
_NAMED: Final = ("norm", "add-norm", "other", "convolution", "block")
"""Roles of which the layers say which of several it is."""

_WIDTH: Final = "C"
"""What the first width of a dense layer is called, where widths are so many times another."""


@dataclass(frozen=True, eq=False)
class Kind:
    """What blocks of one kind hold: a model of it, its name on a frame, and what is written on its blocks."""

    model: Model
    words: dict[Part | Source, Words]


def parts_in(nodes: Sequence[Node]) -> list[Part]:
    """The blocks of some nodes, in order."""
    return [part for node in nodes for part in parts_of(node) if isinstance(part, Part)]


def attends(node: Node) -> bool:
    """Whether a node attends beside the stream."""
    return isinstance(node, Sublayer) and any(part.role == "attention" for part in parts_in([node]))


def key_of(nodes: Sequence[Node], model: Model, request: Request) -> Hashable:
    """Equal for blocks that differ but in their sizes."""
    plain = replace(request, show=("op", "shape"), brief=False, priced=None)

    def of(node: Node) -> Hashable:
        if isinstance(node, Part):
            labels = [piece.layer.label for piece in node.pieces if piece.layer.verb == "Normalization"]
            label = [*labels, node.head.layer.label][0] if node.role in _NAMED else ""
            return node.role, _masked(label), tuple(map(_masked, words_of(node, model, plain).below))
        return type(node).__name__, *(tuple(map(of, way)) for way in _ways(node))

    return tuple(map(of, nodes))


def _masked(line: str) -> str:
    return _NUMBER.sub("#", line).replace("heads", "head")


def _ways(node: Node) -> Iterator[tuple[Node, ...]]:
    """What a node holds, each way from below."""
    if isinstance(node, Sublayer):
        yield from (node.inner, (node.add,))
    elif isinstance(node, Fork):
        yield from (*node.ways, (node.join,))
    elif isinstance(node, Sum):
        yield from (*node.sides, (node.join,))
    elif isinstance(node, Framed):
        yield node.inner


def kind_of(title: str, members: Sequence[tuple[Node, ...]], model: Model, request: Request) -> Kind:
    """A figure of blocks of one kind, with the sizes of all."""
    shown = tuple(each for each in request.shown(*USUAL) if each in ("op", "shape"))
    said = replace(request, show=shown, priced=None)
    words: dict[Part | Source, Words] = {}
    widths: tuple[str, ...] = ()

    def copied(each: Sequence[Node]) -> Node:
        nonlocal widths
        first = each[0]
        if isinstance(first, Part):
            parts = [part for part in each if isinstance(part, Part)]
            part = Part(first.role, first.pieces)
            told = [words_of(one, model, said) for one in parts]
            below, found = together([one.below for one in told])
            if first.role == "attention" and "shape" not in shown:
                # How blocks see their places is what tells one kind from another, in however few words.
                full = words_of(first, model, replace(said, show=("shape",), brief=False)).below
                below = tuple(line for line in full if not _NUMBER.search(line))
            widths = widths or found
            words[part] = Words(_one_title([one.title for one in told]), below)
            return part
        ways = [tuple(map(copied, zip(*way, strict=True))) for way in zip(*map(_ways, each), strict=True)]
        return _with(first, ways)

    nodes = tuple(map(copied, zip(*members, strict=True)))
    home = {**model.home, **{piece.name: part for part in parts_in(nodes) for piece in part.pieces}}
    sizes = (f"{_WIDTH} = {series(widths)}",) if widths else ()
    frame = Framed(nodes, Run(title, title, 0), (title, *sizes))
    return Kind(Model(model.pieces, [(frame,)], home), words)


def _one_title(titles: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The titles of several blocks as one; a single head is told with the many of others."""
    if len({tuple(map(_masked, each)) for each in titles}) > 1:
        return titles[-1]
    return tuple(map(_in_series, zip(*titles, strict=True)))


def _with(node: Node, ways: Sequence[tuple[Node, ...]]) -> Node:
    """A node that holds other ones in their places."""
    if isinstance(node, Framed):
        return Framed(ways[0], node.run)
    *inner, last = ways
    end = parts_in(last)[0]
    if isinstance(node, Sublayer):
        return Sublayer(inner[0], end)
    return Fork(tuple(inner), end) if isinstance(node, Fork) else Sum(end, tuple(inner))


def together(lines: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines of several blocks as one each, and the widths, if they are called by a letter in them."""
    widths: tuple[str, ...] = ()
    told: list[str] = []
    for each in zip(*lines, strict=True):
        first = [_NUMBER.findall(line)[0] for line in each] if all(map(_NUMBER.search, each)) else []
        if len(set(first)) > 1 and " → " in each[0]:
            told.append(_in_widths(each))
            widths = widths or tuple(first)
        else:
            told.append(_in_series(each))
    return tuple(told), widths


def _in_series(lines: Sequence[str]) -> str:
    """Lines that differ in their numbers alone, with all of these."""
    numbers = list(zip(*map(_NUMBER.findall, lines), strict=True))
    texts = _NUMBER.split(lines[-1])
    told = [each[0] if len(set(each)) == 1 else series(each) for each in numbers]
    return "".join(text + number for text, number in zip(texts, [*told, ""], strict=True))


def _in_widths(lines: Sequence[str]) -> str:
    """Widths as so many times the first, where they are."""
    found = [[int(each.replace(",", "")) for each in _NUMBER.findall(line)] for line in lines]
    if any(each % numbers[0] for numbers in found for each in numbers):
        return _in_series(lines)
    told: list[str] = []
    for each in zip(*found, strict=True):
        times = [str(number // numbers[0]) for number, numbers in zip(each, found, strict=True)]
        many = times[0] if len(set(times)) == 1 else f"({series(times)}) "
        told.append(_WIDTH if many == "1" else f"{many}{_WIDTH}")
    return " → ".join(told)
