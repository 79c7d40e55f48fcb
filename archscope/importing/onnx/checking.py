"""What is looked at in an ONNX file before anything is made of it: whether it is whole, and not too large."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from archscope.errors import UsageError
from archscope.escaping import line

_WORD: Final = 3
_GRAPHS: Final = (5, 10)
"""Numbers of the types of attributes that are a word, and that are graphs."""
_OPERATORS: Final = 2_000_000
"""Operators that are read at most."""
_CALLED: Final = 200_000
"""Operators that a file's functions are at most, written out where they are called: a few lines may be any number."""


class Looked(NamedTuple):
    """What one walk over a graph's operators has found, of which each step takes as long as making an object of one.

    Attributes:
        text: whether all words are text: those that are no UTF-8 come as bytes.
        ordered: whether every operator comes after what it reads.
        constants: whether some are constants.
        nested: whether some have graphs inside of them, which may read more.
    """

    text: bool
    ordered: bool
    constants: bool
    nested: bool


def checked(stored: Any, shown: str) -> Looked:
    """Look at a model as the file has it.

    Args:
        stored: it.
        shown: what the file is called.

    Raises:
        UsageError: it holds no graph, too many operators, fewer values than it says, or words that are no text.
    """
    graph = stored.graph
    if not len(graph.node) and not len(graph.output):
        raise UsageError(f"{shown} is no ONNX file: it holds no graph")
    if len(graph.node) > _OPERATORS:
        raise UsageError(f"{shown} has {len(graph.node):,} operators; {_OPERATORS:,} are read at most")
    if stored.functions and (many := _called(stored)) > _CALLED:
        raise UsageError(f"{shown} has {many:,} operators where its functions are written out; {_CALLED:,} are read "
                         "at most")  # fmt: skip
    short = next((each for each in graph.initializer if each.HasField("raw_data") and _claims(each)), None)
    if short is not None:
        raise UsageError(f"{shown} is no whole ONNX file: `{line(short.name)[:80]}` has more values than are there")
    looked = _looked_at(stored)
    if not looked.text:
        raise UsageError(f"{shown} is no whole ONNX file: it has names that are no UTF-8")
    return looked


def _claims(tensor: Any) -> bool:
    """Whether a tensor says that it has more values than its bytes are."""
    import onnx_ir as ir

    try:
        bits = ir.DataType(tensor.data_type).bitwidth
    except (TypeError, ValueError):  # words, and types that nobody knows
        return False
    return math.prod(map(int, tensor.dims)) * bits > 8 * int(tensor.ByteSize())


def _called(stored: Any) -> int:
    """How many operators a model has once every call of a function of its own is what that does."""
    own = {(each.domain, each.name): each for each in stored.functions}
    known: dict[tuple[str, str], int] = {}

    def many(nodes: Any) -> int:
        found = 0
        for node in nodes:
            name = node.domain, node.op_type
            if name in own and name not in known:
                known[name] = 1  # one that calls itself is refused where it is written out
                known[name] = many(own[name].node)
            inside = (graph for each in node.attribute for graph in ([each.g] if each.HasField("g") else each.graphs))
            found += known.get(name, 1) + sum(many(graph.node) for graph in inside)
        return min(found, 10**15)

    return many(stored.graph.node)


def _looked_at(model: Any) -> Looked:
    """One walk; slices of the file's own lists are made in half the time of going through them."""
    graph = model.graph
    words: list[str | bytes] = [each.name for each in (*graph.input, *graph.initializer)]
    known, ordered, constants, nested = {"", *words}, True, False, False
    words += [each.name for each in graph.output]
    for node in graph.node[:]:
        kind, reads, made = node.op_type, node.input[:], node.output[:]
        ordered = ordered and known.issuperset(reads)
        constants = constants or kind == "Constant"
        known.update(made)
        words += (kind, node.domain, node.name, *reads, *made)
        for each in node.attribute[:]:
            type_ = each.type
            words.append(each.name)
            if type_ == _WORD:
                words.append(_decoded(each.s))
            nested = nested or type_ in _GRAPHS
        for said in node.metadata_props[:]:
            words += (said.key, said.value)
    for said in (*graph.metadata_props, *model.metadata_props):
        words += (said.key, said.value)
    text = bytes not in map(type, (*words, model.producer_name, model.producer_version))
    return Looked(text, ordered, constants, nested)


def _decoded(word: bytes) -> str | bytes:
    try:
        return word.decode()
    except UnicodeDecodeError:
        return word
