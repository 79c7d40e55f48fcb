"""How the largest figure that fits is found: with few layouts, and with one that is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations
from random import Random
from typing import Any

import pytest

import archscope
from archscope.diagrams import scale
from archscope.diagrams.scene import bounds
from archscope.diagrams.volumes.breaking import Ends, Piece, broken, wide
from archscope.diagrams.volumes.levels import Levels
from archscope.diagrams.volumes.paint import Paint
from archscope.diagrams.volumes.rows import Rows
from tests.diagrams.volumes import MADE, network

BRANCHING = ("inception-v3", "densenet@121", "shufflenet-v2@1.0", "googlenet", "resnet@50", "unet")


def overs(random: Random) -> Any:
    """What is over a page at a size: straight, with bends, with a stretch where nothing changes, or with leaps."""
    bends = sorted(random.uniform(0.0, 10.0) for _ in range(random.randrange(4)))
    slopes = [random.choice((0.0, random.uniform(0.01, 1.0), random.uniform(1.0, 300.0))) for _ in range(5)]
    leaps = [random.choice((0.0, 0.0, random.uniform(0.0, 30.0))) for _ in bends]
    start = -random.uniform(0.001, 100.0)

    def over(size: float) -> float:
        ends = [0.0, *bends, 10.0]
        run = sum(slope * max(0.0, min(size, b) - a) for slope, a, b in zip(slopes, ends, ends[1:], strict=False))
        return start + run + sum(leap for leap, at in zip(leaps, bends, strict=True) if size > at)

    return over


@pytest.mark.parametrize("seed", range(400))
def test_the_largest_size_is_the_one_that_halving_finds(seed: int) -> None:
    over = overs(Random(seed))
    low, high = 0.0, 10.0
    asked: list[float] = []

    def noted(size: float) -> float:
        asked.append(size)
        return float(over(size))

    found = scale._largest(noted, low, high)
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (middle, high) if over(middle) <= 0 else (low, middle)
    assert found == (10.0 if over(10.0) <= 0 else low)
    assert len(asked) == len(set(asked)) <= 27


@pytest.mark.parametrize("bent", [False, True])
@pytest.mark.parametrize("seed", range(100))
def test_few_sizes_are_asked_where_what_is_over_grows_in_proportion(seed: int, bent: bool) -> None:
    random = Random(seed)
    slope, bend, start = random.uniform(0.01, 300), random.uniform(1, 9), -random.uniform(0.001, 9)
    asked: list[float] = []

    def over(size: float) -> float:
        asked.append(size)
        return max(start, slope * (size - bend)) if bent else start + slope * size

    scale._largest(over, 0.0, 10.0)
    assert len(asked) <= 10


@pytest.mark.parametrize("options", [{"page": "16:9"}, {"page": "beamer"}, {"width": "183mm", "height": "150mm"}])
@pytest.mark.parametrize("name", BRANCHING)
def test_a_figure_is_laid_out_a_few_times_for_its_size_and_drawn_once(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: Counter[str] = Counter()

    def counted(owner: type, method: str) -> None:
        whole = getattr(owner, method)

        def counting(self: object, *args: object) -> object:
            done[method] += 1
            return whole(self, *args)

        monkeypatch.setattr(owner, method, counting)

    for owner, method in ((Paint, "items"), (scale.Page, "scene"), (Rows, "layout"), (Levels, "layout")):
        counted(owner, method)
    shown = archscope.draw(name, style="boxes", **options).scene
    assert shown.items
    assert done["items"] == done["scene"]
    # Of each picture: how many rows, its height and its gaps; and of what else is tried to be open, whether it fits.
    assert done["layout"] <= 40 * done["scene"]


def _plans(name: str, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[scale.Plan]:
    seen: list[scale.Plan] = []
    whole = scale.Page.over

    def noting(self: scale.Page, plan: scale.Plan) -> float:
        seen.append(plan)
        return whole(self, plan)

    monkeypatch.setattr(scale.Page, "over", noting)
    with suppress(archscope.UsageError):
        assert archscope.draw(network(name), style="boxes", **options).scene.items
    yield from (plan for plan in seen if plan.reach is not None)


@pytest.mark.parametrize(
    "options", [{"page": "16:9"}, {"page": "a4", "color": "macs"}, {"page": "beamer", "theme": "print"}]
)
@pytest.mark.parametrize("name", [*BRANCHING, *MADE])
def test_how_far_a_figure_reaches_is_known_without_drawing_it(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for plan in _plans(name, monkeypatch, **options):
        assert plan.reach is not None
        _, top, _, bottom = bounds(plan.draw())
        assert plan.reach() == (top, bottom)


@pytest.mark.parametrize("name", [*BRANCHING, *MADE])
def test_rows_that_are_not_laid_out_would_not_have_fitted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Rows.layout

    def checking(self: Rows, height: float, gaps: float, rows: int = 1) -> Any:
        made = whole(self, height, gaps, rows)
        left, top, right, bottom = made.bounds()
        wide, tall = self.at_least(height, gaps, rows)
        assert wide <= right - left + 1e-6
        assert tall <= bottom - top + 1e-6
        return made

    monkeypatch.setattr(Rows, "layout", checking)
    for page in ("16:9", "beamer", "ieee-column"):
        with suppress(archscope.UsageError):
            assert archscope.draw(network(name), style="boxes", page=page).scene.items


def _rows_of(pieces: list[Piece], places: tuple[int, ...]) -> list[list[Piece]]:
    return [pieces[start:end] for start, end in zip((0, *places), (*places, len(pieces)), strict=True)]


@pytest.mark.parametrize("seed", range(60))
def test_the_widest_row_is_as_narrow_as_any_that_ends_where_rows_may_end(seed: int) -> None:
    random = Random(seed)
    pieces = [Piece(f"{n}", wide=random.choice((5.0, random.uniform(1, 30))), before=random.uniform(0, 4) if n else 0)
              for n in range(random.randrange(2, 10))]  # fmt: skip
    may = [*(random.random() < 0.7 for _ in pieces[1:]), True]
    ends: Ends = lambda between: may  # noqa: E731
    inner = [place + 1 for place, each in enumerate(may[:-1]) if each]
    for count in range(2, len(pieces) + 1):
        best = min(
            max(map(wide, _rows_of(pieces, places)))
            for many in range(min(count, len(inner) + 1))
            for places in combinations(inner, many)
        )
        found = broken(pieces, ends, count)
        assert [piece for row in found for piece in row] == pieces
        assert len(found) <= count
        assert max(map(wide, found)) <= best + 0.002
