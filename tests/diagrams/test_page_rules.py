"""The page lays graphs out by the rules that `archscope.diagrams.graph` has: each rule asked in both languages."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from archscope.diagrams.cost import Ramp, spell
from archscope.diagrams.graph import whole
from archscope.diagrams.graph.branches import branch
from archscope.diagrams.graph.channels import Wire, tracks
from archscope.diagrams.graph.columns import Stack, columns
from archscope.diagrams.graph.level import _spread
from archscope.diagrams.graph.nets import child_key, nets_of
from archscope.diagrams.graph.ranks import entry, leave, main_lines, ranks_of
from archscope.diagrams.graph.sizes import even
from archscope.diagrams.graph.view import Frame, Node
from archscope.diagrams.graph.ways import straightened
from archscope.diagrams.html import _script
from archscope.diagrams.page.facts import Facts
from archscope.diagrams.page.graph import graph_of
from archscope.diagrams.request import request
from archscope.diagrams.themes import mix, theme
from tests.diagrams.branching import NETWORKS

pytestmark = pytest.mark.browser

RULES = ("columns", "ranks", "level", "layout", "draw")
Ask = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def ask(browser: Any) -> Any:
    """What a function of the page's program gives for each list of arguments."""
    page = browser.new_page()
    program = "".join(map(_script, RULES))
    # Of the colours' file only the functions: the rest drives the page.
    colours = _script("colour")
    for name in ("mix", "placeOf", "spell"):
        start = colours.index(f"function {name}(")
        program += colours[start : colours.index("\n}", start) + 3]

    def asked(body: str, cases: list[Any]) -> list[Any]:
        script = f"(() => {{ let ramp, law; {program}\nreturn {json.dumps(cases)}.map(each => {{ {body} }}); }})()"
        return list(page.evaluate(script))

    yield asked
    page.close()


def test_columns_are_cut_at_the_same_ranks(ask: Ask) -> None:
    random = Random(1)
    cases = []
    for _ in range(300):
        ranks = random.randint(1, 40)
        cases.append({
            "heights": [random.randint(8, 120) for _ in range(ranks)],
            "gaps": [random.randint(10, 60) for _ in range(ranks - 1)],
            "lines": [random.choice((0, 1, 1, 2, 4, 5)) for _ in range(ranks - 1)],
            "widths": [random.randint(20, 400) for _ in range(ranks)],
            "gutter": random.randint(10, 40), "tallest": random.choice((100, 400, 900)),
            "ratio": random.choice((1.2, 1.8)),
        })  # fmt: skip
    expected = []
    for each in cases:
        stack = Stack(each["heights"], each["gaps"], each["lines"], [(0.0, width) for width in each["widths"]])
        expected.append(columns(stack, gutter=each["gutter"], tallest=each["tallest"], ratio=each["ratio"],
                                widest=None, strict=False))  # fmt: skip
    assert len({len(each) for each in expected}) > 3
    found = ask("return columnsOf(each, each.gutter, each.tallest, each.ratio);", cases)
    assert [[tuple(column) for column in each] for each in found] == expected


def test_lines_between_two_ranks_have_the_same_tracks(ask: Ask) -> None:
    random = Random(2)
    cases = [
        [
            {side: [random.randint(0, 30) * 5.0 for _ in range(random.choice((1, 1, 2, 3)))]
             for side in ("sources", "targets")}
            for _ in range(random.randint(0, 9))
        ]
        for _ in range(300)
    ]  # fmt: skip
    body = "const count = tracksOf(each); return [each.map(wire => wire.track ?? null), count];"
    for wires, (found, count) in zip(cases, ask(body, cases), strict=True):
        expected, most = tracks([Wire(tuple(each["sources"]), tuple(each["targets"])) for each in wires])
        assert found == [expected.get(number) for number in range(len(wires))]
        assert count == most


def test_small_rules_give_the_same(ask: Ask) -> None:
    random = Random(3)
    spreads = [(sorted(random.uniform(0, 100) for _ in range(random.randint(1, 6))), 10, 90, 12) for _ in range(100)]
    assert ask("return spread(...each);", spreads) == [pytest.approx(_spread(*each)) for each in spreads]
    ways = [
        [(random.choice((0, 0.04, 10, 20)), random.choice((0, 0.04, 10, 20))) for _ in range(8)] for _ in range(200)
    ]
    assert ask("return straightened(each);", ways) == [[list(each) for each in straightened(way)] for way in ways]
    lengths = [0.0, 1.0, 2.0, 2.0000001, 7.3]
    assert ask("return even(each);", lengths) == [even(each) for each in lengths]
    pairs = []
    for _ in range(200):
        shared = _way(random, (0.0, 0.0), random.randint(0, 3))
        pairs.append((_way(random, shared[-1], 3, shared), _way(random, shared[-1], 3, shared)))
    found = ask("return branch(each[0], each[1], 4);", pairs)
    assert found == [[pytest.approx(point) for point in branch(one, other, 4)] for one, other in pairs]


def _way(
    random: Random, at: tuple[float, float], steps: int, before: list[tuple[float, float]] | None = None
) -> list[tuple[float, float]]:
    """A way with right angles, down and to the right."""
    way = list(before or [at])
    for _ in range(steps):
        x, y = way[-1]
        length = random.choice((10.0, 20.0, 30.0))
        way.append((x + length, y) if len(way) % 2 else (x, y + length))
    return way


def test_costs_have_the_same_colours_and_words(ask: Ask) -> None:
    costs = [0, 1, 7, 1000, 25_557_032, 0.25, 0.000236, 1.5, 3.2e-7]
    assert ask("return spell(each);", costs) == [spell(each) for each in costs]
    cases = [(law, least, 900.0, cost) for law in ("linear", "log") for least in (3.0, 900.0)
             for cost in (0.0, 3.0, 40.0, 900.0)]  # fmt: skip
    found = ask("law = each[0]; ramp = { least: each[1], most: each[2] }; return placeOf(each[3]);", cases)
    light = theme("light")
    assert found == pytest.approx([Ramp(least, most, law, light).place(cost) for law, least, most, cost in cases])
    mixed = [("#0a64ff", "#ffffff", part) for part in (0.0, 0.125, 0.5, 0.77, 1.0)]
    assert ask("return mix(...each);", mixed) == [mix(*each) for each in mixed]


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_stand_in_the_same_ranks_and_the_same_lines_are_the_spine(ask: Ask, name: str) -> None:
    import archscope

    analysis = archscope.analyze(NETWORKS[name]())
    asked = request(style="graph", depth="full")
    view = whole(analysis, asked)
    numbers: dict[str, int] = {}
    frames: list[tuple[int, tuple[int, ...], Frame]] = []

    def number(frame: Frame, key: tuple[int, ...], own: int) -> None:
        frames.append((own, key, frame))
        for place, each in enumerate(frame.children):
            numbers[child_key(key, place, each)] = at = len(numbers)
            if not isinstance(each, Node):
                number(each, (*key, place), at)

    number(view.root, (), -1)
    nets = nets_of(view.root, view.edges)
    expected = {}
    for own, key, frame in frames:
        children = [child_key(key, place, each) for place, each in enumerate(frame.children)]
        found = nets.get(key, ())
        ranks = ranks_of(children, found)
        ends = {entry(net): f"in {numbers[net.key]}" for net in found} | {
            leave(net): f"out {numbers[net.key]}" for net in found
        }
        spine = [[ends.get(end) or str(numbers[end]) for end in line] for line in main_lines(found, ranks)]
        expected[str(own)] = [
            sorted([numbers[child], rank] for child, rank in ranks.items()), sorted(map(" ".join, spine))
        ]  # fmt: skip
    graph = graph_of(Facts(analysis), asked)
    graph["parts"] = [{"parent": -1, "end": at + 1, "copies": 1, "box": [0, 0, part["width"], part["height"]], **part}
                      for at, part in enumerate(graph["parts"])]  # fmt: skip
    body = """
        const open = new Set(each.parts.flatMap((part, at) => part.sums ? [at] : []));
        const { frames, lines } = seen(each.parts, each.edges, open), nets = netsOf(each.parts, lines), found = {};
        for (const [at, inner] of frames) {
            const own = nets.get(at) ?? [], ranks = ranksOf(inner.map(key => ({ key })), own);
            found[at] = [inner.map(key => [key, ranks.get(key)]), [...mainLines(own, ranks)].sort()];
        }
        return found;"""
    assert ask(body, [graph]) == [expected]
