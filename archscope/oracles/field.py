"""The receptive-field probe: which input positions reach one output unit, by gradient, a layer at a time.

The gradient of a whole network is blind where an activation is flat, vanishes in depth and costs as much as training.
So each layer's own module is differentiated alone, at a point where it lets a gradient through, and only *whether* a
position is reached is handed on to the layer below. Channels play no part in that, so a module with one channel
stands for one with a thousand wherever the layer can be built so. A maximum hands its gradient to one tap of a window
and hides the others; it is replaced by the mean of the same window.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from archscope.analysis import Row
from archscope.layers import Facts, Shape, Window
from archscope.network import Network
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, not_covered
from archscope.oracles.reach import Blind, Probe

NAME = "field"
BATCH: Final = 4_000_000
"""Positions of all units that are followed at once, which is what the probe holds in memory."""

_SAMPLE: Final = "the first, the middle and the last unit of a map"

Unit = tuple[int, ...]
Box = tuple[tuple[int, int], ...]


def observe(case: Case) -> Iterator[Finding]:
    """Follow the first, the middle and the last unit of every layer that has a grid back to the inputs.

    What reaches a unit from several inputs counts together, as positions of one grid: both images of a pair.
    """
    for row in case.analysis.rows:
        if row.seen is None:
            why = row.reason("receptive_field") or "there is no grid"
            yield not_covered(NAME, row.name, "receptive_field", why)
    rows = [row for row in case.analysis.rows if row.seen is not None]
    chosen = _affordable(case, rows)
    kept = {row.name for row in chosen}
    for row in rows:
        if row.name not in kept:
            why = f"a large network is probed at {len(chosen)} of its {len(rows)} layers with a grid"
            yield not_covered(NAME, row.name, "receptive_field", why)
    probe = Probe()
    for batch in _batches(case, chosen):
        if case.pace.late:
            for row in batch:
                yield not_covered(NAME, row.name, "receptive_field", case.pace.why)
            continue
        yield from _judged(case, batch, probe)


def _judged(case: Case, rows: Sequence[Row], probe: Probe) -> Iterator[Finding]:
    """Both ways back to the input for units of some rows, and what they say."""
    units = {row.name: _units(row) for row in rows}
    seen = _follow(case, rows, units, probe)
    stated = _walk(case, rows, units)
    for row in rows:
        case.pace.at(row.name)
        theirs = seen[row.name]
        if isinstance(theirs, Blind):
            yield not_covered(NAME, row.name, "receptive_field", str(theirs))
            continue
        boxes = tuple(_box(each) for each in theirs)
        ours = tuple(_stated(case, row, unit, *each)
                     for unit, each in zip(units[row.name], stated[row.name], strict=True))  # fmt: skip
        yield compared(NAME, row.name, "receptive_field", _spell(ours), _spell(boxes),
                       why=f"input positions that reach {len(boxes)} units", sampled=_SAMPLE)  # fmt: skip


def _units(row: Row) -> list[Unit]:
    """The first, the middle and the last unit of a grid."""
    extents = _grid(row.output)
    places = (tuple(place) for place in zip(*((0, each // 2, each - 1) for each in extents), strict=True))
    return list(dict.fromkeys(places))


def _grid(shape: Shape) -> tuple[int, ...]:
    return tuple(int(extent) for extent in shape[1:])


def _end(row: Row) -> str:
    """The last node of a row, of its first tower."""
    own = [node for node in row.nodes if node.tower == row.nodes[0].tower]
    return own[-1].name


def _above(case: Case, row: Row) -> set[str]:
    """The nodes that a row's values come from, its own among them."""
    found: set[str] = set()
    waiting = [_end(row)]
    while waiting:
        name = waiting.pop()
        if name not in found and name in case.network.by_name:
            found.add(name)
            waiting += [ref.node for ref in case.network.by_name[name].inputs]
    return found


def _cost(case: Case, row: Row) -> int:
    """Multiplications, roughly, of following one unit of a row back with modules of one channel."""
    total = 0
    for name in _above(case, row):
        facts = case.facts_of[name]
        taps = math.prod(each.kernel for each in facts.windows or ())
        total += taps * max(math.prod(_grid(shape)) for shape in (facts.output, *facts.inputs[:1]))
    return total


def _affordable(case: Case, rows: Sequence[Row]) -> list[Row]:
    """All rows, or evenly spread ones with the last among them."""
    costs = [3 * _cost(case, row) for row in rows] if len(rows) <= _MANY else [3 * _cost(case, rows[-1])] * len(rows)
    if sum(costs) <= case.pace.work:
        return list(rows)
    step = math.ceil(sum(costs) / case.pace.work)
    return [row for place, row in enumerate(rows) if (len(rows) - 1 - place) % step == 0]


_MANY: Final = 500
"""Rows from which on the dearest stands for all: to add up each would take the square of their number."""


def _batches(case: Case, rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows in runs whose units fit into memory together."""
    largest = max((math.prod(_grid(shape)) for facts in case.facts_of.values()
                   for shape in (*facts.inputs, facts.output)), default=1)  # fmt: skip
    size = max(1, BATCH // (3 * largest))
    for first in range(0, len(rows), size):
        yield list(rows[first : first + size])


def _masks(rows: Sequence[Row], units: Mapping[str, Sequence[Unit]]) -> tuple[dict[str, Tensor], int]:
    """For the node at the end of each row, which positions each unit of all rows is: itself, or none."""
    many = sum(len(units[row.name]) for row in rows)
    masks: dict[str, Tensor] = {}
    place = 0
    for row in rows:
        mask = masks.setdefault(_end(row), torch.zeros(many, *_grid(row.output), dtype=torch.bool))
        for unit in units[row.name]:
            mask[(place, *unit)] = True
            place += 1
    return masks, many


def _follow(
    case: Case, rows: Sequence[Row], units: Mapping[str, Sequence[Unit]], probe: Probe
) -> dict[str, list[Tensor] | Blind]:
    """The input positions that reach each unit, as the layers' modules hand it back."""
    network = case.network
    masks, many = _masks(rows, units)
    blind: dict[int, Blind] = {}
    for node in reversed(network.nodes):
        mask = masks.pop(node.name, None)
        if mask is None or case.facts_of[node.name].windows is None:  # no input of the network reaches it
            continue
        case.pace.at(node.row)
        touched = mask.flatten(1).any(1)
        facts = case.facts_of[node.name]
        try:
            reached = probe.back(node.layer, facts, mask[touched])
        except Blind as error:
            for index in touched.nonzero().flatten().tolist():
                blind[index] = Blind(f"at `{node.row}` {error}")
            continue
        for ref, part, shape in zip(node.inputs, reached, facts.inputs, strict=True):
            if not part.any():
                continue
            below = masks.setdefault(ref.node, torch.zeros(many, *_grid(shape), dtype=torch.bool))
            below[touched] |= part
    return _by_row(network, rows, units, masks, many, blind)


def _by_row(
    network: Network, rows: Sequence[Row], units: Mapping[str, Sequence[Unit]], masks: Mapping[str, Tensor],
    many: int, blind: Mapping[int, Blind],
) -> dict[str, list[Tensor] | Blind]:  # fmt: skip
    result: dict[str, list[Tensor] | Blind] = {}
    together = _together(network, rows, masks, many)
    place = 0
    for row in rows:
        own = range(place, place + len(units[row.name]))
        place = own.stop
        why = next((blind[index] for index in own if index in blind), None)
        result[row.name] = [together[_axes(row)][index] for index in own] if why is None else why
    return result


def _axes(row: Row) -> int:
    return len(row.seen.size) if row.seen is not None else 0


def _together(network: Network, rows: Sequence[Row], masks: Mapping[str, Tensor], many: int) -> dict[int, Tensor]:
    """For each number of axes, which positions of the inputs that have as many are marked, all inputs on one grid."""
    found = {}
    for axes in {_axes(row) for row in rows}:
        whole = torch.zeros(many, *_extents(network, axes), dtype=torch.bool)
        for name, shape in network.inputs.items():
            if name in masks and len(shape) == axes + 1:
                whole[(slice(None), *(slice(extent) for extent in _grid(shape)))] |= masks[name]
        found[axes] = whole
    return found


def _extents(network: Network, axes: int) -> tuple[int, ...]:
    """The largest extent along each axis of the inputs that have as many."""
    grids = [_grid(shape) for shape in network.inputs.values() if len(shape) == axes + 1]
    return tuple(max(along) for along in zip(*grids, strict=True))


def _walk(
    case: Case, rows: Sequence[Row], units: Mapping[str, Sequence[Unit]]
) -> dict[str, list[tuple[Tensor, list[bool]]]]:
    """The input positions of each unit by the windows that the rules state, cut off at the border of every map.

    With them goes, an axis at a time, whether any window was cut off.
    """
    network = case.network
    masks, many = _masks(rows, units)
    cut = {axes: torch.zeros(many, axes, dtype=torch.bool) for axes in {_axes(row) for row in rows}}
    for node in reversed(network.nodes):
        mask = masks.pop(node.name, None)
        if mask is None or case.facts_of[node.name].windows is None:  # no input of the network reaches it
            continue
        facts = case.facts_of[node.name]
        reached, hung = _through(facts, mask)
        if hung.shape[1] in cut:
            cut[hung.shape[1]] |= hung
        for seen in facts.seen_inputs:
            if seen in facts.repeated:  # no input of the network reaches it, or the grid were lost
                continue
            below = masks.setdefault(
                node.inputs[seen].node, torch.zeros(many, *_grid(facts.inputs[seen]), dtype=torch.bool)
            )
            below |= reached
    together = _together(network, rows, masks, many)
    result: dict[str, list[tuple[Tensor, list[bool]]]] = {}
    place = 0
    for row in rows:
        own = range(place, place + len(units[row.name]))
        place = own.stop
        result[row.name] = [(together[_axes(row)][index], cut[_axes(row)][index].tolist()) for index in own]
    return result


def _through(facts: Facts, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Positions of a layer's input under the windows of some of its outputs, and where a window hangs over it."""
    extents = _grid(facts.inputs[0])
    hung = torch.zeros(len(mask), len(extents), dtype=torch.bool)
    for axis, window in enumerate(facts.windows or ()):
        mask, hung[:, axis] = _along(mask, axis + 1, window, extents[axis])
    return mask, hung


def _along(mask: Tensor, axis: int, window: Window, extent: int) -> tuple[Tensor, Tensor]:
    """One axis of a window: every output position marks its taps among ``extent`` input positions."""
    made = mask.transpose(axis, -1)
    result = torch.zeros(*made.shape[:-1], extent, dtype=torch.bool)
    places = torch.arange(made.shape[-1]) * window.stride - window.padding
    hung = torch.zeros(len(mask), dtype=torch.bool)
    for tap in range(window.kernel):
        under = places + tap * window.dilation
        inside = (under >= 0) & (under < extent)
        result[..., under[inside]] |= made[..., inside]
        hung |= made[..., ~inside].flatten(1).any(1)
    return result.transpose(axis, -1), hung


def _box(mask: Tensor) -> Box:
    """First and last position along each axis; 0 and −1 where there is none."""
    places = mask.nonzero()
    if not len(places):
        return ((0, -1),) * mask.dim()
    return tuple(zip(places.amin(0).tolist(), places.amax(0).tolist(), strict=True))


def _stated(case: Case, row: Row, unit: Unit, walked: Tensor, cut: Sequence[bool]) -> Box:
    """Where the analysis puts a unit's field: by size, jump and start, but where a window hangs over its own map."""
    assert row.seen is not None  # noqa: S101 - rows without a field are not probed
    extents = _extents(case.network, _axes(row))
    box = _box(walked)
    if any(cut) and not walked.any():
        return box  # it sees padding alone
    result = []
    along = zip(row.seen.start, row.seen.jump, row.seen.size, unit, extents, box, cut, strict=True)
    for start, jump, size, place, extent, (from_, to), hangs in along:
        first = int(start) + place * int(jump)
        last = first + int(size) - 1
        # Cut off at a map on the way, a unit may see less than its field; never more.
        within = max(first, 0) <= from_ and to <= min(last, extent - 1)
        result.append((from_, to) if hangs and within else (first, last))
    return tuple(result)


def _spell(boxes: Sequence[Box]) -> str:
    def positions(first: int, last: int) -> str:
        return f"{first}–{last}" if first <= last else "none"

    return "; ".join(" × ".join(positions(*along) for along in box) for box in boxes)
