"""Patches side by side that become one: what cuts a map into every other row and column and stacks the parts.

With the norm and the projection that follow in the same module it is one block, as Liu et al. draw it in 2021.

>>> is_merging(())
False
"""

from __future__ import annotations

from collections.abc import Sequence

from archscope.diagrams.transformer.model import Fork, Node, Part, parts_of
from archscope.diagrams.transformer.pieces import Piece


def merged(nodes: Sequence[Node]) -> list[Node]:
    """Some nodes with what merges patches as one block each."""
    found: list[Node] = []
    for node in nodes:
        before = found[-1] if found else None
        if isinstance(node, Fork) and is_merging(_pieces(node)):
            found.append(Part("merge", [node.join.head, *(each for each in _pieces(node) if each != node.join.head)]))
        elif isinstance(before, Part) and before.role == "merge" and _follows(before, node):
            before.pieces += _pieces(node)
        else:
            found.append(node)
    return found


def is_merging(pieces: Sequence[Piece]) -> bool:
    """Whether some pieces stack parts of one map, each of which has every so many of its values."""
    joins = [piece for piece in pieces if piece.layer.symbol == "‖"]
    cuts = [piece for piece in pieces if piece.layer.verb == "Slice"]
    if len(joins) != 1 or not cuts or any(piece.owned for piece in pieces):
        return False
    ways = len(joins[0].inputs)
    spread = all(_every_so_many(piece) for piece in cuts)
    (wide, *_), whole = joins[0].row.input_shapes, joins[0].row.output
    return spread and ways > 1 and int(whole[-1]) == ways * int(wide[-1])


def _every_so_many(piece: Piece) -> bool:
    _, _, step = piece.layer.label.rpartition(":")
    return piece.layer.label.count(":") == 2 and step.isdigit()


def _follows(before: Part, node: Node) -> bool:
    """Whether a norm or the one projection of a module stands behind its patches."""
    if not isinstance(node, Part) or node.role not in ("norm", "linear"):
        return False
    held = any(piece.layer.verb == "Full connection" for piece in before.pieces)
    return not held and node.head.group == before.head.group


def _pieces(node: Node) -> list[Piece]:
    return [piece for part in parts_of(node) if isinstance(part, Part) for piece in part.pieces]


def ways_of(part: Part) -> int:
    """How many patches become one."""
    return len(part.head.inputs)
