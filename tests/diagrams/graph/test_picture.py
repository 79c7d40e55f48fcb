"""The drawn graph: nothing in the way of anything, the same bytes everywhere, Graphviz from the wheel."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import archscope
from archscope.diagrams.graph.branches import branch
from archscope.diagrams.graph.channels import Wire, tracks
from archscope.diagrams.graph.columns import Stack, columns
from archscope.diagrams.graph.ranks import BORDER, Net, main_lines, ranks_of
from archscope.diagrams.scene import Group, Polygon, Scene, Text, bounds
from archscope.diagrams.scene import Path as Line
from archscope.network import Network
from archscope.reader import spec_names
from tests.collection import thin
from tests.diagrams import geometry
from tests.diagrams.branching import NETWORKS, Builder

SPECS = spec_names()
"""Of a family its smallest member."""
VARIANTS: list[dict[str, Any]] = [
    {},
    {"direction": "lr"},
    {"depth": 1},
    {"depth": 2, "theme": "dark"},
    {"font_size": 5, "theme": "print"},
    {"width": "400mm"},
    {"direction": "lr", "width": "450mm"},
    {"show": "name"},
    {"show": "name,op,kernel,shape,parameters,macs"},
]


def network(name: str) -> Network:
    return NETWORKS[name]() if name in NETWORKS else thin(name)


LARGE = [name for name in SPECS if len(archscope.load(name).nodes) > 50]

CASES = [
    (name, options)
    for name in (*NETWORKS, *SPECS)
    # The checker takes seconds for the large ones; the other specs take turns with what is drawn otherwise.
    for options in (VARIANTS[:4] if name == "chain" else VARIANTS[:2] if name in LARGE else
                    VARIANTS if name in NETWORKS else (*VARIANTS[:2], *VARIANTS[2 + SPECS.index(name) % 3::3]))
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_nothing_is_in_the_way_of_anything(name: str, options: dict[str, Any]) -> None:
    drawn = network(name)
    problems = geometry.problems(archscope.draw(drawn, style="graph", **options).svg, drawn)
    # Which edges a graph with folded or collapsed blocks shows is tested on its view.
    assert [problem for problem in problems if not problem.startswith(("edge missing", "edge too many"))] == []


def groups(scene: Scene, kind: str) -> list[Group]:
    return list(scene.groups(kind))  # type: ignore[arg-type]


@pytest.mark.parametrize("direction", ["tb", "lr"])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_line_begins_at_its_source_or_at_a_line_from_there_and_ends_at_its_target(
    name: str, direction: str
) -> None:
    scene = archscope.draw(network(name), style="graph", direction=direction).scene
    boxes = {
        group.layers[0]: _bounds(group) for kind in ("layer", "part") for group in groups(scene, kind)
    }  # fmt: skip
    ways: dict[str, list[list[tuple[float, float]]]] = {}
    for edge in groups(scene, "edge"):
        line, head = edge.items
        assert isinstance(line, Line)
        assert isinstance(head, Polygon)
        points = [points[-1] for _, points in line.commands]
        before = ways.setdefault(edge.source, [])
        starts = _distance(points[0], boxes[edge.source]) < 0.1
        assert starts or any(_on(points[0], way) for way in before), f"{edge.source} to {edge.target}"
        before.append(points)
        target = next(box for name, box in boxes.items() if name.replace(" ", "") == edge.target.replace(" ", ""))
        assert _distance(head.points[0], target) < 0.1


def _bounds(group: Group) -> tuple[float, float, float, float]:
    return bounds([item for item in group.items if isinstance(item, Line | Polygon)])


def _distance(point: tuple[float, float], box: tuple[float, float, float, float]) -> float:
    (x, y), (left, top, right, bottom) = point, box
    outside = max(left - x, x - right, top - y, y - bottom)
    return outside if outside > 0 else min(x - left, right - x, y - top, bottom - y)


def _on(point: tuple[float, float], way: Sequence[tuple[float, float]]) -> bool:
    x, y = point
    for (x1, y1), (x2, y2) in pairwise(way):
        if min(x1, x2) - 3 <= x <= max(x1, x2) + 3 and min(y1, y2) - 3 <= y <= max(y1, y2) + 3:
            return True
    return False


def test_a_residual_networks_layers_stand_below_one_another_and_the_skip_beside_them() -> None:
    scene = archscope.draw(network("residual"), style="graph").scene
    middles = {}
    for group in groups(scene, "layer"):
        outline = group.items[0]
        xs = (
            [x for x, _ in outline.points]
            if isinstance(outline, Polygon)
            else [x for _, points in outline.commands for x, _ in points]  # type: ignore[union-attr]
        )
        middles[group.layers[0]] = (min(xs) + max(xs)) / 2
    spine = ("input", "stem", "block1.conv1", "block1.conv2", "block1.add", "block2.conv1", "block2.add", "fc")
    assert {middles[name] for name in spine} == {middles["input"]}
    (skip,) = [edge for edge in groups(scene, "edge") if (edge.source, edge.target) == ("stem", "block1.add")]
    line = skip.items[0]
    assert isinstance(line, Line)
    assert max(points[-1][0] for _, points in line.commands) > middles["stem"] + 40


def test_a_norm_stands_over_the_middle_of_its_queries_keys_and_values() -> None:
    scene = archscope.draw(archscope.load("llama2@7b"), style="graph").scene
    middle = {
        each.layers[0]: (_bounds(each)[0] + _bounds(each)[2]) / 2 for each in groups(scene, "layer") if each.layers
    }
    q, k, v = (middle[f"decoder.0.{each}.proj"] for each in "qkv")
    assert q < k < v
    assert middle["embed"] == middle["decoder.0.norm_1"] == pytest.approx((q + v) / 2)


def test_towers_stand_evenly_about_what_joins_them() -> None:
    scene = archscope.draw(network("towers"), style="graph").scene
    boxes = {group.layers[0]: _bounds(group) for group in groups(scene, "layer")}

    def middle(name: str) -> float:
        return (boxes[name][0] + boxes[name][2]) / 2

    assert middle("conv1.gpu0") + middle("conv1.gpu1") == pytest.approx(2 * middle("input"))
    assert middle("fc4.gpu0") + middle("fc4.gpu1") == pytest.approx(2 * middle("input"))


def test_a_page_is_as_wide_as_asked_and_a_width_that_cannot_hold_it_says_which_can() -> None:
    alexnet = archscope.load("alexnet")
    assert archscope.draw(alexnet, style="graph", width="183mm").scene.width == pytest.approx(183 / 25.4 * 72)
    with pytest.raises(archscope.UsageError, match=r"does not fit 89mm at 8 pt: it takes (\d+)mm") as caught:
        _ = archscope.draw(alexnet, style="graph", width="89mm").scene
    least = str(caught.value).split("it takes ")[1].split(";")[0]
    assert archscope.draw(alexnet, style="graph", width=least).scene.width > 0


def test_a_long_chain_goes_on_in_further_columns() -> None:
    tall = archscope.draw(network("chain"), style="graph").scene
    assert tall.height <= 120 * 8
    assert tall.width > 400
    wide = archscope.draw(network("chain"), style="graph", direction="lr", width="183mm").scene
    assert wide.width == pytest.approx(183 / 25.4 * 72)


_SCRIPT = """
import hashlib, locale, sys
if sys.argv[1:]:
    locale.setlocale(locale.LC_ALL, sys.argv[1])
import archscope
from tests.diagrams.branching import NETWORKS, Builder
for name in ("towers", "dense", "resnet"):
    drawing = archscope.draw(NETWORKS[name](), style="graph")
    for format in ("svg", "dot", "mermaid", "html"):
        print(name, format, hashlib.sha256(drawing.write(format).encode()).hexdigest())
assert "torch" not in sys.modules
"""


def test_the_bytes_depend_on_no_hash_seed_locale_directory_or_font(tmp_path: Path) -> None:
    root = Path(archscope.__file__).parent.parent
    listed = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.split()
    known = {name for name in listed if name.startswith("de_DE")}
    seen = set()
    for seed, places in (("0", []), ("4711", sorted(known)[:1])):
        fonts = tmp_path / f"fonts{seed}.conf"
        fonts.write_text('<?xml version="1.0"?><fontconfig></fontconfig>' if seed != "0" else "<fontconfig/>")
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root), "FONTCONFIG_FILE": str(fonts)}
        here = tmp_path / seed
        here.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT, *places], env=environment, cwd=here, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        seen.add(done.stdout)
    assert len(seen) == 1


def test_a_wire_that_would_run_into_another_gets_the_other_track() -> None:
    found, count = tracks([Wire((0,), (50,)), Wire((50,), (0,))])
    assert count == 2
    assert found[0] != found[1]
    assert tracks([Wire((0,), (20,)), Wire((40,), (60,))]) == ({0: 0, 1: 0}, 1)
    assert tracks([Wire((5,), (5,))]) == ({}, 0)


def test_columns_break_where_one_line_goes_on() -> None:
    stack = Stack([10.0] * 6, [2.0] * 5, [1, 2, 1, 2, 1], [(0.0, 10.0)] * 6)
    assert columns(stack, gutter=5, tallest=40, ratio=0, widest=None, strict=False) == [(0, 2), (3, 5)]
    assert columns(stack, gutter=5, tallest=40, ratio=0, widest=20, strict=False) == [(0, 5)]
    assert columns(stack, gutter=5, tallest=100, ratio=0, widest=None, strict=False) == [(0, 5)]


def test_a_source_stands_right_above_what_reads_it() -> None:
    nets = (Net("a", "a", ("b",)), Net("b", "b", ("c",)), Net("late", "late", ("c",)))
    assert ranks_of(["a", "late", "b", "c"], nets) == {"a": 0, "b": 1, "late": 1, "c": 2}


def test_the_spine_is_the_longest_way_and_equal_branches_have_none() -> None:
    skip = (Net("in", BORDER, ("a", "add")), Net("a", "a", ("add",)))
    assert {target for _, target in main_lines(skip, {"a": 0, "add": 1})} == {"a", "add"}
    fork = (Net("in", BORDER, ("a", "b")), Net("a", "a", ("add",)), Net("b", "b", ("add",)))
    assert main_lines(fork, {"a": 0, "b": 0, "add": 1}) == frozenset()


def test_a_line_that_leaves_a_shared_one_begins_there() -> None:
    assert branch([(0, 0), (0, 20)], [(0, 0), (0, 10), (9, 10)], 2) == [(0, 8), (0, 20)]
    assert branch([(5, 0), (5, 9)], [(0, 0), (0, 9)], 2) == [(5, 0), (5, 9)]


def tangle(seed: int) -> Network:
    """Layers that read what came before at random, in blocks and on towers at random."""
    draw = random.Random(seed)
    b = Builder(f"tangle{seed}", input=(4, 8, 8), **({"other": (4, 8, 8)} if draw.random() < 0.3 else {}))
    made, group = list(b.inputs), ()
    groups = [(), *(tuple(f"g{draw.randrange(4)}" for _ in range(draw.randrange(1, 3))) for _ in range(4))]
    for number in range(draw.randrange(3, 22)):
        group = draw.choice(groups) if draw.random() < 0.4 else group
        tower = draw.choice([None, None, None, "T0", "T1"]) if seed % 3 == 0 else None
        near = made[-5:] if draw.random() < 0.8 else made
        kind = draw.choice(["conv2d", "conv2d", "relu", "add", "add"])
        sources = [draw.choice(near) for _ in range(draw.randrange(2, 5) if kind == "add" else 1)]
        options = {"out_channels": 4, "kernel_size": 3, "padding": 1} if kind == "conv2d" else {}
        made.append(b.add(f"l{number}", kind, *sources, group=group, tower=tower, **options))
    read = {ref.node for node in b.nodes for ref in node.inputs}
    return b.network(*(node.name for node in b.nodes if node.name not in read))


@pytest.mark.parametrize("direction", ["tb", "lr"])
@pytest.mark.parametrize("seed", range(24))
def test_not_even_in_a_tangle(seed: int, direction: str) -> None:
    drawn = tangle(seed)
    problems = geometry.problems(archscope.draw(drawn, style="graph", direction=direction).svg, drawn)
    assert [problem for problem in problems if not problem.startswith(("edge missing", "edge too many"))] == []


def test_a_line_through_a_frame_of_twins_alone_keeps_its_place() -> None:
    b = Builder("net", input=(4,))
    twins = [b.add(f"t{n}", "linear", "input", group=["g"], tower=f"T{n}", out_features=4) for n in (0, 1)]
    b.add("end", "add", *twins, "input", group=["g"])
    drawn = b.network()
    problems = geometry.problems(archscope.draw(drawn, style="graph").svg, drawn)
    assert [problem for problem in problems if not problem.startswith("edge missing")] == []


def test_a_layer_without_a_name_of_its_own_is_not_called_the_same_twice() -> None:
    network = archscope.read("name: most\ninput: [3, 9]\nlayers:\n  max: {type: max, dim: 1}\n")
    scene = archscope.draw(network, style="graph", show="name,op").scene
    assert [item.string for item in scene.walk() if isinstance(item, Text)].count("max") == 1
