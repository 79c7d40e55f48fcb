"""A block that runs several times with the same weights: each call of it as a block of its own.

As ALBERT's does, whose calls follow one another and are equal blocks in series, which are drawn once; or as the encoder
of a siamese pair and the discriminator of a GAN, whose calls stand side by side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from itertools import count

from archscope.diagrams.graph.units import Part, Unit


def called(found: Sequence[Unit]) -> list[Unit]:
    """The units, those of a block that is called again and again in a block for each call."""
    made = list(found)
    for depth, calls in _called_again(found):
        for number, places in enumerate(calls, 1):
            for place in places:
                path = found[place].path
                made[place] = replace(found[place], path=(*path[:depth], Part(f"call {number}"), *path[depth:]))
    return made


def calls_beside(found: Sequence[Unit]) -> tuple[Unit, ...]:
    """The units, those of a block whose calls do not read one another in a block for each call, beside the first.

    As one box they would join what the network keeps apart.
    """
    made = list(found)
    for depth, calls in _called_again(found):
        inside = [{found[place].name for place in places} for places in calls]
        reads = [{ref.node for place in places for ref in found[place].inputs} for places in calls]
        if any(reads[later] & inside[first] for later in range(len(calls)) for first in range(later)):
            continue
        own = found[calls[0][0]].path[depth - 1]
        taken = {unit.path[depth - 1].name for unit in found if len(unit.path) >= depth}
        names = (name for number in count(2) if (name := f"{own.name}_{number}") not in taken)
        for places, name in zip(calls[1:], names, strict=False):
            for place in places:
                path = found[place].path
                made[place] = replace(found[place], path=(*path[: depth - 1], replace(own, name=name), *path[depth:]))
    return tuple(made)


def _called_again(found: Sequence[Unit]) -> Iterator[tuple[int, list[Sequence[int]]]]:
    """How deep each outermost block stands that is called several times, and where the units of each call are."""
    if all(unit.rows[0].node.shares is None for unit in found):
        return
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
        yield len(prefix), [places[start : start + long] for start in range(0, len(places), long)]


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
