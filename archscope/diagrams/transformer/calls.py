"""A block that runs several times with the same weights, as ALBERT's does: each call of it as a block of its own.

The calls follow one another in the list of layers and do the same, so that they are equal blocks in series, which are
drawn once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace

from archscope.diagrams.graph.units import Part, Unit


def called(found: Sequence[Unit]) -> list[Unit]:
    """The units, those of a block that is called again and again in a block for each call."""
    made = list(found)
    if all(unit.rows[0].node.shares is None for unit in found):
        return made
    within: dict[tuple[Part, ...], list[int]] = {}
    for place, unit in enumerate(found):
        for depth in range(1, len(unit.path) + 1):
            within.setdefault(unit.path[:depth], []).append(place)
    done: set[tuple[Part, ...]] = set()
    for prefix in sorted(within, key=len):
        if any(prefix[:depth] in done for depth in range(1, len(prefix))):
            continue
        places = within[prefix]
        calls = _calls([found[place] for place in places])
        if calls < 2 or places[-1] - places[0] + 1 != len(places):
            continue
        done.add(prefix)
        long = len(places) // calls
        for number, place in enumerate(places):
            path = found[place].path
            step = Part(f"call {number // long + 1}")
            made[place] = replace(found[place], path=(*prefix, step, *path[len(prefix) :]))
    return made


def _calls(members: Sequence[Unit]) -> int:
    """How often a block runs all of its layers; 1 where that is not so."""
    owners = [unit.name for unit in members if unit.rows[0].weights and unit.rows[0].node.shares is None]
    again = Counter(unit.rows[0].node.shares for unit in members if unit.rows[0].node.shares is not None)
    if not owners or set(again) != set(owners) or len(set(again.values())) != 1:
        return 1
    calls = 1 + again[owners[0]]
    if len(members) % calls:
        return 1
    kinds = [_kind(unit) for unit in members]
    long = len(members) // calls
    return calls if kinds == kinds[:long] * calls else 1


def _kind(unit: Unit) -> Hashable:
    row = unit.rows[0]
    return row.node.layer.type, row.node.layer.options, row.input_shapes, row.outputs
