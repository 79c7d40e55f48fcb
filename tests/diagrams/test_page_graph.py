"""The graph in the HTML view, which is laid out there: blocks open and close, and only what is near is in the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

import archscope
from archscope.diagrams import html as writer
from archscope.network import Network
from tests.diagrams import geometry
from tests.diagrams.branching import NETWORKS, Builder, unlike
from tests.diagrams.pages import View, html

pytestmark = pytest.mark.browser

DRAWN = """() => {
    archscope.look(archscope.scene.whole);
    const drawn = picture.cloneNode(true);
    drawn.setAttribute("viewBox", archscope.scene.whole.join(" "));
    drawn.removeAttribute("style");
    drawn.querySelector("desc").remove();
    for (const kind of ["layer", "edge", "frame"]) {
        drawn.querySelectorAll(`g.${kind}`).forEach(each => each.setAttribute("class", kind));
    }
    drawn.prepend(document.createElementNS("http://www.w3.org/2000/svg", "title"),
                  document.createElementNS("http://www.w3.org/2000/svg", "desc"));
    return new XMLSerializer().serializeToString(drawn);
}"""


def drawn(view: View) -> str:
    """All of the picture, as it is now."""
    return str(view.page.evaluate(DRAWN))


def problems(view: View, network: Network) -> list[str]:
    svg = drawn(view)
    told = [each for each in geometry.problems(svg, network) if "in the description" not in each]
    return told + geometry.not_contained(svg)


def opened(view: View) -> list[str]:
    """The titles of the blocks that are open."""
    return list(view.page.evaluate("[...archscope.scene.opened].map(each => archscope.scene.parts[each].title)"))


def places(view: View) -> Mapping[str, list[float]]:
    """Where every box and every frame stands, by its number."""
    script = "Object.fromEntries([...archscope.scene.places].map(([at, { x, y }]) => [at, [x, y]]))"
    return dict(view.page.evaluate(script))


@pytest.mark.parametrize(
    ("name", "direction"), [*((name, "tb") for name in NETWORKS), *((name, "lr") for name in ("inception", "u_shaped"))]
)
def test_nothing_is_in_the_way_of_anything_whatever_is_open(
    view: View, tmp_path: Path, name: str, direction: str
) -> None:
    network = NETWORKS[name]()
    view.open(tmp_path, name, style="graph", direction=direction, depth=1)
    random = Random(name)
    for depth in range(1, view.page.evaluate("archscope.scene.deepest") + 1):
        assert problems(view, network) == [], depth
        blocks = view.page.evaluate(
            "[...archscope.scene.places.keys()].filter(each => archscope.scene.parts[each].block)"
        )
        for block in random.sample(blocks, min(2, len(blocks))):
            view.page.evaluate(f"archscope.toggle({block})")
        assert problems(view, network) == [], (depth, blocks)
        view.page.evaluate(f"archscope.enter({depth + 1}, new Set())")


def test_a_block_opens_by_itself_and_the_others_stay_closed(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", depth=1)
    assert opened(view) == []
    closed = view.count("g.layer.closed")
    view.layer("conv3.0.a.conv").dblclick()
    assert opened(view) == ["conv3"]
    assert view.count("g.layer.closed") == closed - 1 + 2  # conv3.0 and conv3.1–3
    view.frame("conv3").dblclick(position={"x": 10, "y": 40})
    assert opened(view) == []


def test_the_signs_open_and_close_with_one_click(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", depth=1)
    for block, left in ((view.layer("conv4.0.a.conv"), ["conv4"]), (view.frame("conv4"), [])):
        box = block.locator(".sign").first.bounding_box()
        view.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert opened(view) == left


def test_what_is_opened_stays_where_it_is_on_the_screen(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", depth=1)
    before = view.layer("conv4.0.a.conv").locator("polygon").first.bounding_box()
    view.layer("conv4.0.a.conv").dblclick()
    after = view.frame("conv4").locator("polygon").first.bounding_box()
    assert (after["x"], after["y"]) == pytest.approx((before["x"], before["y"]), abs=1.5)


def test_blocks_open_and_close_to_a_depth(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", depth="full")
    assert view.page.inner_text("#depth") == "Depth 3 of 3"
    assert view.page.is_disabled("#more")
    view.press("[")
    assert view.page.inner_text("#depth") == "Depth 2 of 3"
    view.page.click("#less")
    assert view.page.inner_text("#depth") == "Depth 1 of 3"
    assert view.page.is_disabled("#less")
    assert opened(view) == []
    view.layer("conv2.0.a.conv").dblclick()
    assert view.page.inner_text("#depth") == "Depth 1 of 3 · 1 by hand"
    view.press("]", "]")
    assert len(opened(view)) == 12  # four stages, each with its first block and its others


def test_a_closed_block_shows_its_sums_its_share_and_how_many_there_are(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", depth=2)
    analysis = archscope.analyze("resnet@50")

    def sum_of(start: str, quantity: str) -> int:
        return sum(int(getattr(row, quantity) or 0) for row in analysis.nodes if row.name.startswith(start))

    lines = view.layer("conv3.1.a.conv").locator("text").all_text_contents()
    for quantity, name in (("parameters", "parameters"), ("macs", "MACs")):
        one, whole = sum_of("conv3.1.", quantity), int(getattr(analysis.totals, quantity))
        # Three equal blocks; all three count for the share.
        assert f"3 × {one:,} {name} · {100 * 3 * one / whole:.1f} %" in lines
    assert "×3" in lines
    view.press("[")
    view.layer("conv3.0.a.conv").click()
    held = sum_of("conv3.", "parameters")
    assert view.chosen == "conv3"
    assert f"{held:,}" in view.side
    assert f"{100 * held / int(analysis.totals.parameters):.1f} % of the whole" in view.side


def test_search_opens_the_way_to_what_is_hidden_and_no_more(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", depth=1)
    view.page.fill("#search", "conv5.0.short")
    assert view.count("g.layer.closed:not(.dim)") == 1, "the block that holds it is not dimmed"
    view.press("Enter")
    assert view.chosen.startswith("conv5.0.short")
    assert opened(view) == ["conv5", "0"]
    assert view.page.locator("g.layer.on").bounding_box()["y"] < 800


def test_the_keyboard_opens_goes_in_and_comes_back(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", depth=1)
    view.press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown")
    assert view.chosen == "conv2"
    view.press("Enter")
    assert view.chosen == "conv2.0"
    view.press("Enter")
    assert view.chosen == "conv2.0.a.conv"
    view.press("ArrowRight")
    assert view.chosen == "conv2.0.short.conv"
    view.press("ArrowLeft", "ArrowDown")
    assert view.chosen == "conv2.0.b.conv"
    view.press("ArrowUp")
    assert view.chosen == "conv2.0.a.conv"
    view.press("Escape")
    assert (view.chosen, opened(view)) == ("conv2.0", ["conv2"])
    view.press("Escape")
    assert (view.chosen, opened(view)) == ("conv2", [])
    view.press("Escape")
    assert "Point at a layer" in view.side


def test_a_listener_hears_of_a_tree_whose_items_open(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", depth=2)
    closed, frame = view.layer("conv2.0.a.conv"), view.frame("conv2")
    assert view.page.get_attribute("#picture", "role") == "tree"
    for item, expanded, level in ((closed, "false", "2"), (frame, "true", "1")):
        assert item.get_attribute("role") == "treeitem"
        assert item.get_attribute("aria-expanded") == expanded
        assert item.get_attribute("aria-level") == level
    assert closed.get_attribute("aria-label").startswith("0, 9 layers")


def test_the_address_keeps_what_is_open(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", depth=1)
    view.layer("conv4.0.a.conv").dblclick()
    view.layer("conv2.0.a.conv").dblclick()
    seen, where = view.box, places(view)
    view.reload()
    assert opened(view) == ["conv2", "conv4"]
    assert places(view) == where
    assert view.box == pytest.approx(seen, abs=0.2)
    assert view.chosen == "conv2"


def test_the_picture_is_the_same_in_whatever_order_blocks_were_opened(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", depth=1)
    script = "archscope.scene.parts.flatMap((each, at) => each.block && each.level === 1 ? [at] : [])"
    blocks = view.page.evaluate(script)
    seen = []
    for order in (blocks, blocks[::-1]):
        view.page.evaluate("archscope.enter(1, new Set())")
        for block in order:
            view.page.evaluate(f"archscope.toggle({block})")
        seen.append(places(view))
    assert seen[0] == seen[1]
    for block in blocks:
        view.page.evaluate(f"archscope.toggle({block})")
    view.page.evaluate("archscope.toggle(archscope.scene.parts.findIndex(each => each.block))")
    assert len(places(view)) > len(blocks)


def test_columns_are_those_of_the_depth_whatever_else_is_open(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "googlenet", depth=1)
    view.page.evaluate("archscope.scene.parts.forEach((each, at) => each.block && archscope.toggle(at))")
    before = places(view)
    view.page.evaluate("() => { const changed = archscope.scene.changed; archscope.enter(2, new Set());"
                       " archscope.enter(1, changed); }")  # fmt: skip
    assert places(view) == before


def test_a_stretch_that_two_lines_share_is_drawn_once(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "googlenet", depth="full")
    drawn_again = """() => {
        const first = new Map(), found = [];
        for (const { source, draws } of archscope.scene.lines) {
            const start = String(draws[0]);
            if (first.get(start) === source) found.push(source);
            first.set(start, source);
        }
        return [archscope.scene.lines.filter(each => each.draws !== each.points).length, found];
    }"""
    parted, twice = view.page.evaluate(drawn_again)
    assert parted >= 27  # three of the four ways into each of nine modules
    assert twice == []


@pytest.mark.parametrize(("name", "copies"), [("resnet@50", True), ("googlenet", False)])
def test_a_legend_says_that_costs_are_those_of_all_copies(name: str, copies: bool) -> None:
    headings = writer.packed_in(html(name))["graph"]["headings"]
    assert {each.endswith("of all ×N copies") for each in headings} == {copies}


def test_blocks_that_were_asked_for_are_open_at_the_start(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", depth=1, expand=["conv3"])
    assert opened(view) == ["conv3"]
    view.requests.clear()
    view.open(tmp_path, "resnet@50", depth=2, collapse=["conv3"])
    assert opened(view) == ["conv2", "conv4", "conv5"]


def test_at_the_start_as_many_blocks_are_open_as_the_window_has_room_for(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50")
    assert view.page.inner_text("#depth") == "Depth 2 of 3"
    assert view.sees_all
    view.page.set_viewport_size({"width": 900, "height": 480})
    view.page.goto("about:blank")
    view.requests.clear()
    view.open(tmp_path, "resnet@50")
    assert view.page.inner_text("#depth") == "Depth 1 of 3"


def listed(many: int = 60) -> Network:
    """A module with all its layers in one list."""
    b = Builder("listed", input=(8,))
    last = "input"
    for number in range(many):
        for kind in ("linear", "relu"):
            options = {"out_features": 8 + number} if kind == "linear" else {}
            last = b.add(kind, kind, last, group=["layers", f"{number}"], **options)
    return b.network()


def test_a_block_with_nothing_beside_it_is_open_at_the_start(view: View, tmp_path: Path) -> None:
    """A module with all its layers in one list is not one box, also where a window has no room for all of it."""
    view.write(tmp_path, str(archscope.draw(listed(), style="graph").write("html")))
    assert "layers" in opened(view)
    assert view.page.evaluate("archscope.scene.boxes.length") == 62
    assert not view.sees_all


def test_a_block_of_very_many_is_closed_at_the_start_also_with_nothing_beside_it(view: View, tmp_path: Path) -> None:
    view.write(tmp_path, str(archscope.draw(listed(200), style="graph").write("html")))
    assert opened(view) == []
    assert view.sees_all


def test_the_input_stands_above_the_first_column_and_the_output_below_the_last(view: View, tmp_path: Path) -> None:
    """They stood over the middle of all columns, and lines went round to them."""
    view.write(tmp_path, str(archscope.draw(listed(), style="graph").write("html")))
    boxes = view.page.evaluate("archscope.scene.boxes.map(({ x, width }) => x + width / 2)")
    given, first, *_, last, result = boxes
    assert last - first > 300, "several columns"
    assert given == pytest.approx(first, abs=0.3)
    assert result == pytest.approx(last, abs=0.3)


def test_a_small_picture_is_not_blown_up_at_the_start(view: View, tmp_path: Path) -> None:
    b = Builder("small", input=(8,))
    b.add("only", "linear", "input", out_features=8)
    text = str(archscope.draw(b.network(), style="graph").write("html"))
    view.write(tmp_path, text)
    shown = "archscope.scene.smallest * document.querySelector('main').clientWidth / archscope.view()[2]"
    for _ in range(2):
        assert view.sees_all
        assert 9 <= view.page.evaluate(shown) <= 20.01
        view.press("+", "+", "0")


def test_what_is_said_on_a_figure_is_said_in_the_page(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "lenet5", style="graph", title="One of <two>", caption="A caption.", notes={"C3": "sparse"},
              highlight=["C5"], legend=True)  # fmt: skip
    for said in ("One of <two>", "A caption.", "sparse", "convolution"):
        assert said in view.side
    assert view.layer("C3").locator("circle").count() == 1
    bold, usual = (
        float(view.layer(each).locator("polygon").first.get_attribute("stroke-width")) for each in ("C5", "F6")
    )
    assert bold > 2 * usual


def test_a_closed_block_has_the_colour_of_all_that_is_in_it(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", depth=1, theme="light", color="parameters")
    held = sum(int(row.parameters) for row in archscope.analyze("resnet@50").nodes if row.name.startswith("conv5."))
    assert f"{held:,}" in view.page.inner_text("#legend"), "conv5 holds most"
    fill = "polygon >> nth=0"
    darkest = view.layer("conv5.0.a.conv").locator(fill).get_attribute("fill")
    assert darkest != view.layer("conv2.0.a.conv").locator(fill).get_attribute("fill")
    view.press("]")
    assert f"{held:,}" not in view.page.inner_text("#legend"), "no block holds so many now"


def ten_thousand() -> str:
    """A page of 10,000 layers in 500 blocks: those of one block of 20 that was worked out, again and again."""
    text = str(archscope.draw(unlike(1, 1, 20), style="graph", depth="full").write("html"))
    packed = writer.packed_in(text)
    graph: dict[str, Any] = packed["graph"]
    given, block, *inner, end = graph["parts"]
    size = len(inner) + 1
    inside = [(source, target) for source, target in zip(graph["edges"][::2], graph["edges"][1::2], strict=True)
              if source > 1 and target < size + 1]  # fmt: skip
    parts, edges = [given], []
    last = 0
    for number in range(500):
        start = len(parts)
        parts.append({**block, "title": f"block{number}", "name": f"block{number}", "end": start + size})
        for each in inner:
            (place, name, *_), *_ = each["rows"]
            parts.append({**each, "parent": start, "rows": [[place, f"block{number}.{name}"]]})
        edges += [end + start - 1 for pair in inside for end in pair]
        edges += [last, start + 1, last, start + size - 1]  # into the first layer, and by the skip to the sum
        last = start + size - 1
    graph["edges"] = [*edges, last, len(parts)]
    graph["parts"] = [*parts, end]
    graph["costs"] = [[1] * len(graph["parts"]) for _ in graph["costs"]]
    return re.sub(
        r'(<script id="packed" type="text/plain">)[^<]*', lambda found: found[1] + writer._packed(packed), text
    )


def test_ten_thousand_layers_are_as_light_as_their_neighbourhood(view: View, tmp_path: Path) -> None:
    text = ten_thousand()
    assert len(text.encode()) < 3_000_000
    view.write(tmp_path, text)
    assert view.page.evaluate("archscope.scene.boxes.length") == 10_002
    most = 0
    view.page.mouse.move(500, 500)
    view.page.mouse.down()
    for step in range(30):
        view.page.mouse.move(500 - 40 * (step % 10), 500 - 45 * (step % 10))
        most = max(most, view.count("#picture *"))
    view.page.mouse.up()
    assert 100 < most < 6_000
    view.page.click("#all")
    assert view.count("#picture *") < 50, "from far, a canvas shows them"
    painted = view.page.evaluate(
        "() => { const { data } = far.getContext('2d').getImageData(0, 0, far.width, far.height);"
        " return data.filter((each, at) => at % 4 === 3 && each).length; }"
    )
    assert painted > 10_000
    view.page.fill("#search", "block499.stage0.block0.conv7")
    view.press("Enter")
    assert view.chosen == "block499.stage0.block0.conv7"
    assert view.page.locator("g.layer.on").bounding_box()["width"] > 60


def test_a_page_takes_little_for_a_layer_more() -> None:
    """3 MB for 10,000 layers of which no two are equal are 300 bytes for each."""
    few, many = (len(str(archscope.draw(unlike(1, blocks, 20), style="graph").write("html"))) for blocks in (1, 16))
    assert (many - few) / 300 < 150


def test_the_page_of_a_graph_needs_no_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert "packed" in html("resnet@18")
