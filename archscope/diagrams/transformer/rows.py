"""What of a stack lies in a row, where a page is wide and low: what leads into its stream, and what follows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archscope.diagrams.transformer.model import Node, Part, Sum
from archscope.diagrams.transformer.stream import Source


@dataclass(frozen=True)
class Rows:
    """A stack in three: a row below from outside into the stream, the stream, and a row on from its upper end."""

    before: tuple[Part | Source, ...]
    stream: tuple[Node, ...]
    after: tuple[Part, ...]


def rows_of(nodes: Sequence[Node], is_circle: Callable[[Part | Source], bool], *, ends: bool) -> Rows:
    """Which blocks of a stack lie in rows; those behind the stream only where the network ``ends`` with it."""

    def is_other(part: Part | Source) -> bool:
        return is_circle(part) or (isinstance(part, Part) and part.role == "attention")

    before: list[Part | Source] = []
    after: list[Part] = []
    # Ways of several blocks beside the stream begin where the row would lie.
    if not any(len(way) > 1 for node in nodes if isinstance(node, Sum) for way in node.sides):
        for node in nodes:
            if isinstance(node, Source) == bool(before) or not isinstance(node, Source | Part) or is_other(node):
                break
            before.append(node)
    rest = nodes[len(before) :]
    for node in reversed(rest if ends else ()):
        if not isinstance(node, Part) or is_other(node):
            break
        after.append(node)
    if len(after) == len(rest):
        after = []
    return Rows(tuple(before), tuple(rest[: len(rest) - len(after)]), tuple(reversed(after)))
