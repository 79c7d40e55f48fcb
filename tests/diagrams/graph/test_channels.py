"""The tracks of the lines of a gap: few are held against each other, many are sorted, and none runs into another."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest

from archscope.diagrams.graph import channels
from archscope.diagrams.graph.channels import MANY, Wire, _crossings, _inserted, tracks


def shuffled(count: int, seed: int) -> list[Wire]:
    """Wires from each of a row of places to one of those below them."""
    ends = [20.0 * place for place in range(count)]
    Random(seed).shuffle(ends)
    return [Wire((20.0 * place,), (end,)) for place, end in enumerate(ends)]


def _touch(one: Wire, other: Wire) -> bool:
    return one.low < other.high + channels._NEAR and other.low < one.high + channels._NEAR


def cost(wires: list[Wire]) -> tuple[int, int]:
    """How often wires run into one another, and how often they cross."""
    of, _ = tracks(wires)
    pairs = [sorted(pair, key=of.__getitem__) for pair in combinations(of, 2) if of[pair[0]] != of[pair[1]]]
    merged, crossed = zip(*(divmod(_crossings(wires[a], wires[b]), channels._FORBIDDEN) for a, b in pairs), strict=True)
    return sum(merged), sum(crossed)


@pytest.mark.parametrize("count", [MANY, 3 * MANY])
@pytest.mark.parametrize("seed", range(3))
def test_wires_that_would_touch_have_tracks_of_their_own_and_no_track_is_empty(count: int, seed: int) -> None:
    wires = shuffled(count, seed)
    of, height = tracks(wires)
    assert of.keys() == {number for number, wire in enumerate(wires) if not wire.straight}
    assert all(of[a] != of[b] for a, b in combinations(of, 2) if _touch(wires[a], wires[b]))
    assert set(of.values()) == set(range(height))


def test_wires_that_do_not_touch_do_not_change_where_others_are() -> None:
    far = [
        Wire((x + 5_000 * block,), (y + 5_000 * block,))
        for block, x, y in ((b, n, 97 - n) for b in range(9) for n in range(0, 98, 7))
    ]
    of, _ = tracks(far)
    brute = _inserted(far, [number for number, wire in enumerate(far) if not wire.straight])
    for a, b in combinations(brute, 2):
        assert not _touch(far[a], far[b]) or of[a] < of[b]


def test_many_wires_run_into_one_another_less_often_than_if_each_were_put_in_after_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wires = shuffled(2 * MANY, 0)
    by_order = cost(wires)
    monkeypatch.setattr(channels, "MANY", len(wires))
    assert by_order[0] < cost(wires)[0] / 3


def test_many_wires_to_one_place_or_all_to_one_side_do_not_cross() -> None:
    row = [20.0 * place for place in range(2 * MANY)]
    assert cost([Wire((x,), (1_200 + x / 100,)) for x in row]) == (0, 0)
    assert cost([Wire((x,), (x + 70,)) for x in row]) == (0, 0)
    assert cost([Wire((x,), (x - 70,)) for x in row]) == (0, 0)


def test_what_begins_where_another_ends_is_above_it_but_for_one_of_a_ring() -> None:
    count = 2 * MANY
    ring = [Wire((20.0 * place,), (20.0 * ((place + MANY - 1) % count),)) for place in range(count)]
    assert cost(ring)[0] == 1
