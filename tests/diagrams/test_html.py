"""The HTML view, opened from disk in headless Chromium: zoom, pan, hover, keyboard, search, and no network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import archscope
from tests.diagrams.branching import NETWORKS
from tests.diagrams.browser import launch
from tests.patience import PATIENCE


def html(name: str, **options: Any) -> str:
    network = NETWORKS[name]() if name in NETWORKS else archscope.load(name)
    return str(archscope.draw(network, **options).write("html"))


def facts(text: str) -> list[dict[str, Any]]:
    found = re.search(r'<script id="facts" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return [each for level in json.loads(found[1]) for each in level["facts"]]


@pytest.mark.parametrize("style", ["auto", "graph"])
@pytest.mark.parametrize("name", ["lenet5", "alexnet"])
def test_every_layer_of_the_picture_has_its_facts_with_their_working(name: str, style: str) -> None:
    text = html(name, style=style)
    told = facts(text)
    assert len(told) == text.count('<g class="layer"')
    analysis = archscope.analyze(archscope.load(name))
    assert {layer for each in told for row in each["rows"] for layer in row["names"]} == {
        *analysis.network.inputs, *analysis.network.by_name,
    }  # fmt: skip
    spoken = {tuple(fact) for each in told for row in each["rows"] for fact in row["facts"]}
    for row in analysis.nodes:
        if row.parameters:
            assert ("parameters", f"{int(row.parameters):,}", row.parameters.working) in spoken


def test_what_is_not_covered_is_said_with_the_reason() -> None:
    from archscope.layers import TYPES
    from archscope.network import Network, Node, Ref

    recurrent = TYPES["gru"](hidden_size=4)
    network = Network("net", {"input": (10, 4)}, [Node("gru", recurrent, (Ref("input"),), "gru")])
    row = archscope.analyze(network)["gru"]
    told = facts(str(archscope.draw(network, style="graph").write("html")))
    for quantity in ("connections", "macs"):
        if row.count_of(quantity) is None:
            name = "MACs" if quantity == "macs" else quantity
            assert [name, "not covered", row.reasons[quantity]] in told[1]["rows"][0]["facts"]


def test_resnet_50_takes_at_most_150_kilobytes() -> None:
    assert len(html("resnet", style="graph", depth="full").encode()) <= 150_000


def test_a_name_cannot_break_out_of_the_page() -> None:
    from tests.diagrams.graph.test_languages import awkward

    text = str(archscope.draw(awkward(), style="graph").write("html"))
    assert "<b>" not in text.replace("<body>", "")
    assert text.count("</script>") == 4
    assert len(facts(text)) == text.count('<g class="layer"')


def test_the_page_names_nothing_outside_itself() -> None:
    text = html("alexnet")
    assert re.findall(r'(?:src|href)="([^"]*)"', text) == ["data:,"]
    assert "default-src 'none'" in text


class View:
    """The open page, and all it complained of or asked for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, folder: Path, name: str, **options: Any) -> None:
        path = folder / "view.html"
        path.write_text(html(name, **options), encoding="utf-8")
        self.page.goto(path.as_uri())

    @property
    def box(self) -> list[float]:
        return [float(each) for each in self.page.get_attribute("#picture", "viewBox").split()]

    @property
    def side(self) -> str:
        return str(self.page.inner_text("#side"))

    def layer(self, name: str) -> Any:
        return self.page.locator(f'g.layer[data-layers="{name}"], g.layer[data-layers^="{name} "]')

    def count(self, selector: str) -> int:
        return int(self.page.locator(selector).count())


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launch(viewport={"width": 1280, "height": 800}) as page:
        yield page.context.browser


@pytest.fixture
def view(browser: Any) -> Iterator[View]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(1000 * PATIENCE)
    opened = View(page)
    yield opened
    assert opened.complaints == []
    assert all(url.startswith(("file:", "data:")) for url in opened.requests)
    assert len(opened.requests) == 1
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize(("name", "style"), [("lenet5", "planes"), ("alexnet", "boxes"), ("alexnet", "graph")])
def test_pointing_at_a_layer_shows_its_numbers_and_how_they_come_about(
    view: View, tmp_path: Path, name: str, style: str
) -> None:
    view.open(tmp_path, name, style=style)
    assert "Point at a layer" in view.side
    layer, working = {"lenet5": ("C3", "5·5·60 + 16"), "alexnet": ("conv2.gpu0", "(5·5·48 + 1)·128")}[name]
    view.layer(layer).locator("text, polygon").last.hover()
    assert working in view.side
    assert view.count("g.layer.on") == 1
    view.page.mouse.move(2, 799)
    assert "Point at a layer" in view.side


@pytest.mark.browser
def test_a_click_keeps_the_numbers_and_escape_lets_them_go(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "residual", style="graph")
    view.layer("block1.conv2").click()
    view.page.mouse.move(2, 799)
    assert "3·3·16·16" in view.side
    assert view.count("g.edge.lit") == 2
    view.page.keyboard.press("Escape")
    assert "Point at a layer" in view.side
    assert view.count(".on, .lit") == 0


@pytest.mark.browser
def test_the_wheel_zooms_at_the_pointer_and_dragging_moves(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet", style="graph")
    view.page.click("#all")
    whole = view.box
    target = view.layer("fc")
    before = target.bounding_box()
    middle = before["x"] + before["width"] / 2, before["y"] + before["height"] / 2
    view.page.mouse.move(*middle)
    view.page.mouse.wheel(0, -600)
    view.page.wait_for_function(f"document.getElementById('picture').viewBox.baseVal.width < {whole[2]}")
    after = target.bounding_box()
    assert after["width"] > 2 * before["width"]
    assert after["x"] + after["width"] / 2 == pytest.approx(middle[0], abs=2)

    view.page.mouse.move(400, 400)
    view.page.mouse.down()
    view.page.mouse.move(450, 430, steps=5)
    view.page.mouse.up()
    moved = target.bounding_box()
    assert (moved["x"] - after["x"], moved["y"] - after["y"]) == pytest.approx((50, 30), abs=2)
    assert "Point at a layer" in view.side, "dragging is not clicking"
    view.page.click("#all")
    assert view.box == pytest.approx(whole)


@pytest.mark.browser
def test_the_keyboard_does_it_all(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "alexnet", style="graph")
    view.page.keyboard.press("0")
    whole = view.box
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        view.page.keyboard.press(key)
    assert view.page.inner_text("#side h2") == "conv1.gpu0"
    assert view.page.evaluate("document.activeElement.dataset.layers.split(' ')[0]") == "conv1.gpu0"
    view.page.keyboard.press("+")
    assert view.box[2] < whole[2]
    view.page.keyboard.press("-")
    view.page.keyboard.press("-")
    assert view.box[2] > whole[2]
    view.page.keyboard.press("0")
    assert view.box == pytest.approx(whole)


@pytest.mark.browser
def test_the_tab_key_reaches_every_layer_in_order(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "lenet5", style="graph")
    reached = []
    for _ in range(14):
        view.page.keyboard.press("Tab")
        if view.page.evaluate("document.activeElement.matches('g.layer')"):
            reached.append(view.page.inner_text("#side h2"))
    assert reached == ["input", "C1", "S2", "C3", "S4", "C5", "F6", "OUTPUT"]


@pytest.mark.browser
def test_searching_dims_the_rest_and_enter_goes_from_find_to_find(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet", style="graph")
    view.page.keyboard.press("/")
    view.page.keyboard.type("downsample 1×1")
    assert view.page.inner_text("#count") == "4 of 41"
    assert view.count("g.layer.dim") == 37
    view.page.keyboard.press("Enter")
    view.page.keyboard.press("Enter")
    assert view.page.inner_text("#side h2") == "layer2.0.downsample.0"
    view.page.keyboard.press("Shift+Enter")
    assert view.page.inner_text("#side h2") == "layer1.0.downsample.0"
    view.page.fill("#search", "no such layer")
    assert view.page.inner_text("#count") == "0 of 41"
    view.page.keyboard.press("Escape")
    assert view.page.input_value("#search") == ""
    assert view.count(".dim") == 0


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_the_page_has_the_colours_of_the_theme(view: View, tmp_path: Path, theme: str) -> None:
    from archscope.diagrams.themes import THEMES

    view.open(tmp_path, "lenet5", theme=theme)
    found = view.page.evaluate("getComputedStyle(document.body).backgroundColor")
    channels = [int(each) for each in re.findall(r"\d+", found)]
    assert "#" + "".join(f"{each:02x}" for each in channels[:3]) == THEMES[theme].background


@pytest.mark.browser
def test_a_narrow_window_shows_the_numbers_below_the_picture(view: View, tmp_path: Path) -> None:
    view.page.set_viewport_size({"width": 420, "height": 800})
    view.open(tmp_path, "lenet5")
    picture, side = (view.page.locator(each).bounding_box() for each in ("#picture", "#side"))
    assert side["y"] >= picture["y"] + picture["height"] - 1
    assert picture["width"] == pytest.approx(420, abs=2)


@pytest.mark.browser
@pytest.mark.parametrize("name", ["resnet", "lenet5", "gpt2@small"])
def test_text_is_at_least_nine_pixels_high_at_the_start(view: View, tmp_path: Path, name: str) -> None:
    view.open(tmp_path, name, style="graph" if name == "resnet" else "auto")
    least = view.page.evaluate(
        "() => { const size = Math.max(view[2] / picture.clientWidth, view[3] / picture.clientHeight);"
        " const sizes = [...picture.querySelectorAll('text')].map(each => each.getAttribute('font-size'));"
        " return Math.min(...sizes) / size; }"
    )
    assert least >= 8.99
    first = view.page.locator("g.layer").first.bounding_box()
    assert 0 <= first["x"] <= 1280
    assert 0 <= first["y"] <= 800


@pytest.mark.browser
def test_the_address_keeps_what_is_seen_and_what_is_chosen(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet", style="graph")
    view.page.keyboard.press("ArrowRight")
    view.page.keyboard.press("ArrowRight")
    view.page.keyboard.press("+")
    seen, chosen = view.box, view.page.inner_text("#side h2")
    view.page.wait_for_function("() => location.hash.includes('layer=')")
    view.page.wait_for_timeout(200)
    view.page.reload()
    view.requests.pop()
    assert view.box == pytest.approx(seen, abs=0.1)
    assert view.page.inner_text("#side h2") == chosen


@pytest.mark.browser
def test_the_small_picture_leads_to_where_it_is_pressed_and_goes_where_all_is_seen(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet", style="graph")
    before = view.box
    view.page.locator("#map").click(position={"x": 75, "y": 75})
    after = view.box
    assert after[:2] != pytest.approx(before[:2])
    assert after[2:] == pytest.approx(before[2:])
    view.page.click("#all")
    assert not view.page.locator("#map").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize(("asked", "expected"), [({}, "dark"), ({"theme": "light"}, "light")])
def test_the_page_takes_the_readers_theme_where_nobody_asked_for_one(
    view: View, tmp_path: Path, asked: dict[str, str], expected: str
) -> None:
    from archscope.diagrams.themes import THEMES

    view.page.emulate_media(color_scheme="dark")
    view.open(tmp_path, "lenet5", **asked)
    families = {theme: THEMES[theme].shade("convolution").fill for theme in ("light", "dark")}
    fills = view.page.evaluate("() => [...picture.querySelectorAll('[fill]')].map(each => each.getAttribute('fill'))")
    assert families[expected] in fills
    assert families["light" if expected == "dark" else "dark"] not in fills
    view.page.click("#theme")
    assert view.page.evaluate("() => getComputedStyle(document.documentElement).getPropertyValue('--page')") == (
        THEMES["light" if expected == "dark" else "dark"].background
    )


@pytest.mark.browser
def test_a_block_of_a_transformer_takes_the_colours_of_costs_and_gets_its_own_back(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "gpt2@small", theme="light")
    fill = "() => picture.querySelector('g.layer[data-layers^=\"h.0.attn\"] path').getAttribute('fill')"
    own = view.page.evaluate(fill)
    view.page.select_option("#colour", "macs")
    assert view.page.evaluate(fill) != own
    view.page.select_option("#colour", "family")
    assert view.page.evaluate(fill) == own


@pytest.mark.browser
def test_blocks_close_and_open_to_a_depth_and_a_closed_one_shows_its_sums(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", style="graph")
    assert view.page.inner_text("#depth") == "Depth 3 of 3"
    whole = view.count("g.layer")
    view.page.keyboard.press("[")
    view.page.click("#less")
    assert view.page.inner_text("#depth") == "Depth 1 of 3"
    assert view.page.is_disabled("#less")
    assert view.count("g.layer") < whole
    view.page.locator("g.layer.closed").first.click()
    analysis = archscope.analyze("resnet@50")
    held = sum(int(row.parameters) for row in analysis.nodes if row.name.startswith("conv2."))
    assert view.page.inner_text("#side h2") == "conv2"
    assert f"{held:,}" in view.side
    assert f"{100 * held / int(analysis.totals.parameters):.1f} % of the whole" in view.side
    view.page.keyboard.press("]")
    view.page.keyboard.press("]")
    assert view.count("g.layer") == whole


@pytest.mark.browser
def test_a_closed_block_opens_by_itself_and_search_opens_the_way(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", style="graph", depth=1)
    assert view.page.inner_text("#depth") == "Depth 1 of 3"
    view.page.locator("g.layer.closed").first.dblclick()
    assert view.page.inner_text("#depth") != "Depth 1 of 3"
    assert view.page.inner_text("#side h2").startswith("conv2")
    view.page.keyboard.press("[")
    view.page.fill("#search", "conv5.0.short")
    view.page.keyboard.press("Enter")
    assert view.page.inner_text("#depth") == "Depth 3 of 3"
    assert view.page.inner_text("#side h2").startswith("conv5.0.short")


@pytest.mark.browser
def test_the_address_keeps_the_depth(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet@50", style="graph")
    view.page.click("#less")
    view.page.wait_for_timeout(250)
    view.page.reload()
    view.requests.pop()
    assert view.page.inner_text("#depth") == "Depth 2 of 3"


def test_a_picture_without_blocks_has_one_depth() -> None:
    assert html("lenet5").count('<g class="level">') == 1
