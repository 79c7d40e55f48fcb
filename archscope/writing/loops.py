"""A run of copies of a plain layer as a list of layers and a loop over it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archscope.writing.classes import joined
from archscope.writing.listing import Listing
from archscope.writing.pieces import Piece


@dataclass
class Loop:
    """What a run of copies is made of and runs.

    Attributes:
        layers: the expression that makes each copy; none for copies without weights or a state.
        starts: lines that start the weights; ``{run}`` stands for the list.
        body: what a copy, ``layer``, makes of ``x`` and of the other values that it reads.
        reads: what ``body`` calls the values that the run reads.
        methods: what it needs of the class around.
    """

    layers: Sequence[str]
    starts: Sequence[str]
    body: str
    reads: Sequence[str]
    methods: Mapping[str, str]

    def after(self, target: str, value: str, taken: Sequence[str], times: int) -> list[str]:
        """The lines of the loop over a list; what comes out of it is in ``value``."""
        given = {**dict(zip(self.reads, taken, strict=True)), "x": value}
        body = re.sub(r"(?<![\w.])\w+", lambda word: given.get(word[0], word[0]), self.body)
        head = f"for layer in {target}:" if self.layers else f"for _ in range({times}):"
        return [*([] if taken[0] == value else [f"{value} = {taken[0]}"]), head, f"    {value} = {body}"]


def loop_of(piece: Piece, listing: Listing, arguments: str, result: str) -> Loop | None:
    """The loop that a run of copies is, from its lines one after another; None where its copies run differently."""
    copies = [listing.attributes.get(str(at), "") for at in range(piece.group.copies if piece.group else 0)]
    reads = arguments.split(", ")
    if not all(copies) or len(copies) != len(listing.forward):
        return None
    bodies, before = set(), reads[0]
    for line, copy in zip(listing.forward, copies, strict=True):
        value, _, body = line.partition(" = ")
        bodies.add(re.sub(rf"(?<![\w.]){before}\b", "x", re.sub(rf"\bself\.{copy}\b", "layer", body)))
        before = value
    made = joined(listing.constructor)
    heads = [f"self.{copy} = " for copy in copies]
    count = sum(text.startswith("self.") for text in made)
    if len(bodies) != 1 or result != before or count not in (0, len(copies)):
        return None
    if count and not all(text.startswith(head) for text, head in zip(made, heads, strict=False)):
        return None
    (body,) = bodies
    if not body or (count == 0) != ("layer" not in re.findall(r"[\w.]+", body)):
        return None
    layers = [text.removeprefix(head) for text, head in zip(made[:count], heads, strict=False)]
    starts = [line for text in made[count:] for line in _starts(text, copies)]
    return Loop(layers, starts, body, reads, listing.methods)


def _starts(text: str, copies: Sequence[str]) -> list[str]:
    """Lines that start weights, those of all copies in a loop."""
    first, *targets = text.split("\n")
    weights = {line.partition(f".{copies[0]}.")[2].rstrip(",") for line in targets[:1]}
    if first == "for weight in (" and len(weights) == 1:
        (weight,) = weights
        if targets[:-2] == [f"    self.{copy}.{weight}," for copy in copies]:
            return ["for layer in {run}:", targets[-1].replace("(weight", f"(layer.{weight}")]
    for at, copy in enumerate(copies):
        text = re.sub(rf"\bself\.{copy}\b", f"{{run}}[{at}]", text)
    return text.split("\n")
