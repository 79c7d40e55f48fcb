"""Graphs too large for Graphviz: placed without it, and as one would place them."""

from __future__ import annotations

import gc
import sys
from itertools import pairwise
from random import Random
from typing import Any

import pytest

import archscope
from archscope.diagrams import graph
from archscope.diagrams.graph import across, place
from archscope.diagrams.graph.across import Child, Ranking, _crossings, _with_lanes
from archscope.diagrams.graph.branches import Trunk, branch
from archscope.diagrams.graph.place import Link, Slot
from archscope.diagrams.graph.plainly import plainly
from archscope.diagrams.graph.ranks import Net, hops_of
from archscope.diagrams.writers import svg
from tests.collection import thin
from tests.diagrams import geometry
from tests.diagrams.branching import NETWORKS, unlike


def test_a_large_graph_is_drawn_without_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "LARGEST", 0)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    line = "  b{}: {{type: linear, out_features: {}, from: input}}\n"
    branches = "".join(line.format(number, number + 2) for number in range(8))
    ends = ", ".join(f"b{number}" for number in range(8))
    text = f"input: [4]\nlayers:\n{branches}  s: {{type: concat, from: [{ends}]}}\n"
    svg = archscope.draw(archscope.read(text, name="wide"), style="graph").svg
    assert all(f'data-layers="b{number}"' in svg for number in range(8))


def test_blocks_that_look_the_same_are_asked_about_once() -> None:
    place._asked.cache_clear()
    assert archscope.draw(unlike(1, 48, 3), style="graph", depth="full").svg
    asked = place._asked.cache_info()
    assert asked.hits + asked.misses >= 49  # each block and the whole, which differ in names and kernels
    assert asked.misses <= 20


def test_nothing_is_searched_for_garbage_while_a_picture_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[bool] = []
    painted, written = graph.painted, svg.svg
    monkeypatch.setattr(graph, "painted", lambda *given: searched.append(gc.isenabled()) or painted(*given))
    monkeypatch.setattr(svg, "svg", lambda *given: searched.append(gc.isenabled()) or written(*given))
    assert archscope.draw("lenet5", style="graph").svg
    assert searched == [False, False]
    assert gc.isenabled()


def test_neighbours_keep_their_distance_and_a_chain_is_straight() -> None:
    random = Random(0)
    counts = [random.randint(1, 9) for _ in range(9)]
    ranks = [[Slot(f"{at}.{n}", random.randint(2, 60)) for n in range(count)] for at, count in enumerate(counts)]
    links = [Link(random.choice(above).key, each.key) for above, below in pairwise(ranks) for each in below]
    slots = [each for rank in ranks for each in rank]
    found = plainly(slots, links, 7)
    for rank in ranks:
        row = sorted(rank, key=lambda slot: found[slot.key])
        for left, right in pairwise(row):
            assert found[right.key] - found[left.key] >= (left.width + right.width) / 2 + 7 - 0.25
    assert min(found[slot.key] - slot.width / 2 for slot in slots) == pytest.approx(0, abs=0.25)
    chain = [Slot(str(number), 10 + number) for number in range(20)]
    assert len(set(plainly(chain, [Link(str(n), str(n + 1)) for n in range(19)], 5).values())) == 1


def test_a_line_past_many_ranks_is_straight_and_so_is_what_it_passes() -> None:
    """The widths of the boxes differ, and each is joined to the line beside it, which would draw both aside."""
    random, ranks = Random(4), 300
    slots = [Slot(f"p{n}", 2) for n in range(ranks)] + [Slot(f"c{n}", random.randint(9, 60)) for n in range(ranks)]
    kinds = (("p", 8), ("c", 40))
    lines = [(f"{kind}{n}", f"{kind}{n + 1}", weight) for kind, weight in kinds for n in range(ranks - 1)]
    beside = [(f"p{n}", f"c{n + 1}", 1) for n in range(0, ranks - 1, 2)]
    found = plainly(slots, [Link(source, end, weight=weight) for source, end, weight in (*lines, *beside)], 6)
    for kind in "pc":
        assert len({found[f"{kind}{n}"] for n in range(ranks)}) == 1


def test_a_line_is_held_against_all_of_its_source_however_many_there_are() -> None:
    lines = [[(0.0, 0.0), (0.0, 9.0), (float(far), 9.0), (float(far), 20.0)] for far in range(5, 400)]
    trunk = Trunk(2.0)
    assert trunk.branch(lines[-1]) == lines[-1]
    for line in lines[:-1]:
        assert trunk.branch(line) == branch(line, lines[-1], 2.0) == [(line[2][0] - 2, 9.0), *line[2:]]


def test_a_tree_has_no_line_that_crosses_another() -> None:
    links = [Link(str(n), str(child)) for n in range(31) for child in (2 * n + 1, 2 * n + 2)]
    slots = [Slot(str(n), 10) for n in Random(1).sample(range(63), 63)]
    found = plainly(slots, links, 4)
    for depth in range(5):
        own = [link for link in links if 2**depth - 1 <= int(link.source) < 2 ** (depth + 1) - 1]
        assert _crossings([(found[link.source], found[link.target]) for link in own]) == 0


def test_crossings_are_those_of_every_pair() -> None:
    random = Random(2)
    for _ in range(50):
        lines = [(random.randint(0, 6), random.randint(0, 6)) for _ in range(random.randint(0, 12))]
        pairs = ((a, b) for at, a in enumerate(lines) for b in lines[at + 1 :])
        assert _crossings(lines) == sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for a, b in pairs)


@pytest.mark.parametrize("options", [{}, {"direction": "lr"}, {"show": "name"}], ids=str)
@pytest.mark.parametrize("name", [*NETWORKS, "unet", "googlenet", "alexnet"])
def test_nothing_is_in_the_way_of_anything_where_graphviz_was_not_asked(
    monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, Any]
) -> None:
    monkeypatch.setattr(place, "LARGEST", 0)
    drawn = NETWORKS[name]() if name in NETWORKS else thin(name)
    problems = geometry.problems(archscope.draw(drawn, style="graph", **options).svg, drawn)
    assert [problem for problem in problems if not problem.startswith(("edge missing", "edge too many"))] == []


def test_sixty_branches_stand_side_by_side_with_nothing_in_their_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "LARGEST", 50)
    ends = [f"b{number}" for number in range(60)]
    branches = "".join(f"  {end}: {{type: linear, out_features: {len(end)}, from: input}}\n" for end in ends)
    text = f"input: [4]\nlayers:\n{branches}  s: {{type: concat, from: [{', '.join(ends)}]}}\n"
    drawn = archscope.read(text, name="wide")
    assert geometry.problems(archscope.draw(drawn, style="graph").svg, drawn) == []


def test_a_slot_wider_than_graphviz_takes_is_placed_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    slots = [Slot("a", 20_000, ports={"left": 10, "right": 19_000}), Slot("b", 30), Slot("c", 30)]
    found = place.places(slots, [Link("a", "b", source_port="left"), Link("a", "c", source_port="right")], 7)
    assert found.keys() == {"a", "b", "c"}
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("longest", [0, 1, 3])
@pytest.mark.parametrize("name", [*NETWORKS, "unet", "densenet@121"])
def test_lines_that_pass_very_many_ranks_have_lanes_with_nothing_in_their_way(
    monkeypatch: pytest.MonkeyPatch, name: str, longest: int
) -> None:
    monkeypatch.setattr(across, "MOST_PASSES", 0)
    monkeypatch.setattr(across, "LONGEST", longest)
    drawn = NETWORKS[name]() if name in NETWORKS else thin(name)
    for direction in ("tb", "lr"):
        svg = archscope.draw(drawn, style="graph", direction=direction).svg
        assert geometry.problems(svg, drawn) + geometry.not_contained(svg) == []


def test_lanes_within_lanes_do_not_cross() -> None:
    nets = [Net("a", "a", ("b", "d")), Net("b", "b", ("c",)), Net("c", "c", ("d",))]
    ranks = {"a": 0, "b": 9, "c": 18, "d": 27}
    ranking = Ranking([Child(key, 40.0, 20.0, 20.0) for key in ranks], nets)
    _, ranking.lanes = hops_of(nets, ranks, 27, longest=3)
    x = _with_lanes(ranking, dict.fromkeys(ranks, 20.0), 10.0, 6.0)
    assert [(lane.first, lane.last, x[lane.slot]) for lane in ranking.lanes] == [
        (1, 8, 50), (9, 26, 56), (10, 17, 50), (19, 26, 50)
    ]  # fmt: skip


def test_a_source_that_begins_late_stands_beside_those_of_its_own_rank() -> None:
    slots = [Slot(key, 30) for key in "abcds"]
    links = [Link("a", "b"), Link("b", "c"), Link("c", "d"), Link("s", "d")]
    found = plainly(slots, links, 5, ranks={"a": 0, "b": 1, "c": 2, "s": 2, "d": 3})
    assert abs(found["c"] - found["s"]) >= 35
