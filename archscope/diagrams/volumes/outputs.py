"""What units and blocks give, read off the analysis: shapes, and what lies side by side in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archscope.analysis import Row
from archscope.diagrams.chain import is_grid
from archscope.diagrams.graph.tree import Block, units
from archscope.diagrams.graph.units import Unit

Shape = tuple[int, ...]

CONCAT: Final = "‖"
"""The sign of what puts maps side by side."""


def holds(row: Row) -> bool:
    """Whether a layer has weights, be they another's."""
    return any(facts.weights for facts in row.facts)


def given_by(unit: Unit) -> Shape:
    """What a unit gives: maps before they are made one vector."""
    first = plain(unit.rows[0].output)
    return first if is_grid(first) else plain(unit.outputs[0])


def turned(found: Sequence[Unit]) -> frozenset[str]:
    """The units that give maps with the channels last, up to their second layer.

    A dense layer over the channels of maps is written so in PyTorch: the maps are as they were.
    """
    given: set[str] = set()
    left: set[str] = set()
    for unit in found:
        last = any(ref.node in left for ref in unit.inputs)
        for place, row in enumerate(unit.rows):
            last = _is_last(row, last)
            if last and not place:
                given.add(unit.name)
        if last:
            left.add(unit.name)
    return frozenset(given)


def _is_last(row: Row, last: bool) -> bool:
    """Whether the channels of maps are the last axis behind a layer, if they were or were not before it."""
    made = plain(row.output)
    if len(made) != 3:
        return False
    if row.node.layer.verb != "Permutation":
        return last
    before = plain(row.input_shapes[0])
    if last:
        return made != (before[-1], *before[:-1])
    return made == (*before[1:], before[0])


def parts_of(last: Unit) -> tuple[int, ...]:
    """The channels of the branches that end a block side by side."""
    row = last.rows[0]
    if row.node.layer.symbol != CONCAT or len(last.outputs[0]) < 2:
        return ()
    channels = tuple(int(shape[0]) for shape in row.input_shapes)
    return channels if len(channels) > 1 and sum(channels) == int(last.outputs[0][0]) else ()


def growth_of(block: Block) -> tuple[int, int]:
    """How many channels each of the blocks in one adds to those it was given, and how many blocks do."""
    added = []
    for child in block.children:
        last = units(child)[-1]
        row = last.rows[0]
        if not isinstance(child, Block) or row.node.layer.symbol != CONCAT or len(row.input_shapes) != 2:
            return 0, 0
        added.append(min(int(shape[0]) for shape in row.input_shapes))
    return (added[0], len(added)) if len(added) > 1 and len(set(added)) == 1 else (0, 0)


def plain(shape: Sequence[int]) -> Shape:
    """A shape of plain numbers."""
    return tuple(int(extent) for extent in shape)
