"""The HTML view, opened from disk in headless Chromium: zoom, pan, hover, keyboard, search, and no network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import archscope
from archscope.diagrams.html import packed_in
from tests.diagrams.graph.test_languages import awkward
from tests.diagrams.pages import View, html, shapes, told


@pytest.mark.parametrize("style", ["auto", "graph"])
@pytest.mark.parametrize("name", ["lenet5", "alexnet"])
def test_every_layer_of_the_picture_has_its_facts_with_their_working(name: str, style: str) -> None:
    text = html(name, style=style)
    analysis = archscope.analyze(archscope.load(name))
    names = [layer for each in shapes(text) for _, *layers in each["rows"] for layer in layers]
    assert sorted(names) == sorted([*analysis.network.inputs, *analysis.network.by_name])
    spoken = set(told(text))
    for row in analysis.nodes:
        if row.parameters:
            assert ("parameters", f"{int(row.parameters):,}", row.parameters.working) in spoken


def test_what_is_not_covered_is_said_with_the_reason() -> None:
    from archscope.layers import TYPES
    from archscope.network import Network, Node, Ref

    recurrent = TYPES["gru"](hidden_size=4)
    network = Network("net", {"input": (10, 4)}, [Node("gru", recurrent, (Ref("input"),), "gru")])
    row = archscope.analyze(network)["gru"]
    text = str(archscope.draw(network, style="graph").write("html"))
    for quantity in ("connections", "macs"):
        if row.count_of(quantity) is None:
            name = "MACs" if quantity == "macs" else quantity
            assert (name, "not covered", row.reasons[quantity]) in told(text)


def test_resnet_50_takes_at_most_150_kilobytes() -> None:
    assert len(html("resnet@50").encode()) <= 150_000


def test_a_name_cannot_break_out_of_the_page() -> None:
    text = str(archscope.draw(awkward(), style="graph").write("html"))
    assert "<b>" not in text.replace("<body>", "")
    assert text.count("</script>") == 2
    assert len(packed_in(text)["graph"]["parts"]) >= len(awkward().nodes)


@pytest.mark.browser
def test_a_name_with_markup_is_shown_as_it_is(view: View, tmp_path: Path) -> None:
    view.write(tmp_path, str(archscope.draw(awkward(), style="graph", depth="full").write("html")))
    assert view.count("#picture b, #picture i, #picture d, aside b") == 0
    assert any("<" in each for each in view.page.locator("#picture text").all_text_contents())


def test_the_page_names_nothing_outside_itself() -> None:
    for style in ("auto", "graph"):
        text = html("alexnet", style=style)
        assert re.findall(r'(?:src|href)="([^"]*)"', text) == ["data:,"]
        assert "default-src 'none'" in text


@pytest.mark.browser
@pytest.mark.parametrize(("name", "style"), [("lenet5", "planes"), ("alexnet", "boxes"), ("alexnet", "graph")])
def test_pointing_at_a_layer_shows_its_numbers_and_how_they_come_about(
    view: View, tmp_path: Path, name: str, style: str
) -> None:
    view.open(tmp_path, name, style=style, depth="full")
    assert "Point at a layer" in view.side
    layer, working = {"lenet5": ("C3", "5·5·60 + 16"), "alexnet": ("conv2.gpu0", "(5·5·48 + 1)·128")}[name]
    view.layer(layer).locator("text, polygon").last.hover()
    assert working in view.side
    assert view.count("g.layer.on") == 1
    view.page.mouse.move(2, 2)
    assert "Point at a layer" in view.side


@pytest.mark.browser
def test_a_click_keeps_the_numbers_and_escape_lets_them_go(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "residual", style="graph")
    view.layer("stem").click()
    view.page.mouse.move(2, 2)
    assert "3·3·16·16" in view.side
    assert view.count("g.edge.lit") == 3  # from the input, to the first block and around it
    view.press("Escape")
    assert "Point at a layer" in view.side
    assert view.count(".on, .lit") == 0


@pytest.mark.browser
def test_the_wheel_zooms_at_the_pointer_and_dragging_moves(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet", style="graph", depth="full")
    view.page.click("#all")
    assert view.sees_all
    whole = view.box
    target = view.layer("fc")
    before = target.bounding_box()
    middle = before["x"] + before["width"] / 2, before["y"] + before["height"] / 2
    view.page.mouse.move(*middle)
    view.page.mouse.wheel(0, -600)
    view.page.wait_for_function(f"archscope.view()[2] < {0.9 * whole[2]}")
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
    view.open(tmp_path, "alexnet", style="boxes")
    view.press("0")
    whole = view.box
    view.press("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft")
    assert view.chosen == "conv1.gpu0"
    active = view.page.get_attribute("#picture", "aria-activedescendant")
    assert view.page.get_attribute(f"#{active}", "data-layers").startswith("conv1.gpu0")
    assert view.page.evaluate("document.activeElement.id") == "picture"
    view.press("+")
    assert view.box[2] < whole[2]
    view.press("-", "-")
    assert view.box[2] > whole[2]
    view.press("0")
    assert view.box == pytest.approx(whole)


@pytest.mark.browser
def test_the_question_mark_shows_every_key(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "lenet5")
    assert not view.page.locator("#keys").is_visible()
    view.press("?")
    said = view.page.inner_text("#keys")
    assert all(key in said for key in ("Enter", "Esc", "[ ]", "/", "+ − 0", "← →", "t", "?"))
    view.press("Escape")
    assert not view.page.locator("#keys").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("style", ["auto", "graph"])
def test_the_tab_key_reaches_the_picture_and_arrows_every_layer_in_order(
    view: View, tmp_path: Path, style: str
) -> None:
    view.open(tmp_path, "lenet5", style=style)
    for _ in range(14):
        view.press("Tab")
        if view.page.evaluate("document.activeElement.id") == "picture":
            break
    reached = [view.chosen]
    for _ in range(7):
        view.press("ArrowDown")
        reached.append(view.chosen)
    assert reached == ["input", "C1", "S2", "C3", "S4", "C5", "F6", "OUTPUT"]


@pytest.mark.browser
def test_searching_dims_the_rest_and_enter_goes_from_find_to_find(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet", style="graph", depth="full")
    view.page.click("#all")
    view.press("/")
    view.page.keyboard.type("downsample 1×1")
    assert view.page.inner_text("#count") == "4 of 41"
    assert view.count("g.layer.dim") == 37
    view.press("Enter", "Enter")
    assert view.chosen == "layer2.0.downsample.0"
    view.press("Shift+Enter")
    assert view.chosen == "layer1.0.downsample.0"
    view.page.fill("#search", "no such layer")
    assert view.page.inner_text("#count") == "0 of 41"
    view.press("Escape")
    assert view.page.input_value("#search") == ""
    assert view.count(".dim") == 0


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize("style", ["auto", "graph"])
def test_the_page_has_the_colours_of_the_theme(view: View, tmp_path: Path, theme: str, style: str) -> None:
    from archscope.diagrams.themes import THEMES

    view.open(tmp_path, "lenet5", theme=theme, style=style)
    found = view.page.evaluate("getComputedStyle(document.body).backgroundColor")
    channels = [int(each) for each in re.findall(r"\d+", found)]
    assert "#" + "".join(f"{each:02x}" for each in channels[:3]) == THEMES[theme].background


@pytest.mark.browser
def test_a_narrow_window_shows_the_numbers_below_the_picture(view: View, tmp_path: Path) -> None:
    view.page.set_viewport_size({"width": 420, "height": 800})
    view.open(tmp_path, "lenet5")
    picture, side = (view.page.locator(each).bounding_box() for each in ("main", "#side"))
    assert side["y"] >= picture["y"] + picture["height"] - 1
    assert picture["width"] == pytest.approx(420, abs=2)


@pytest.mark.browser
@pytest.mark.parametrize(("name", "options"), [
    ("resnet", {"style": "graph"}), ("resnet", {"style": "graph", "depth": "full"}), ("lenet5", {}), ("gpt2@small", {}),
])  # fmt: skip
def test_text_is_at_least_nine_pixels_high_at_the_start(
    view: View, tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    view.open(tmp_path, name, **options)
    least = view.page.evaluate(
        "() => { const size = archscope.view()[2] / document.querySelector('main').clientWidth;"
        " const sizes = [...picture.querySelectorAll('text')].map(each => each.getAttribute('font-size'));"
        " return Math.min(...sizes) / size; }"
    )
    assert least >= 8.99
    first = view.page.locator("g.layer").first.bounding_box()
    assert 0 <= first["x"] <= 1280
    assert 0 <= first["y"] <= 800


@pytest.mark.browser
@pytest.mark.parametrize(("name", "width"), [("lstm-lm@small", 1100), ("unet", 1400)])
def test_a_figure_that_can_be_read_whole_starts_whole(view: View, tmp_path: Path, name: str, width: int) -> None:
    """The index of h is read with its letter, and the side gives way: both figures began cut."""
    view.page.set_viewport_size({"width": width, "height": 900})
    view.open(tmp_path, name, style="unrolled" if name.startswith("lstm") else "boxes")
    assert view.sees_all
    script = """() => [...picture.querySelectorAll('text')].map(each => {
        const { left, top, right } = each.getBoundingClientRect();
        const size = +each.getAttribute('font-size') * document.querySelector('main').clientWidth / archscope.view()[2];
        return [each.textContent, left, right, top, size];
    })"""
    texts = view.page.evaluate(script)
    beside = [any(abs(left - right) < 1.5 for _, _, right, *_ in texts) for _, left, *_ in texts]
    read = [size for (*_, size), index in zip(texts, beside, strict=True) if not index]
    assert len(read) > 0.6 * len(texts)
    assert min(read) >= 8.99
    side = view.page.locator("#side").bounding_box()["width"]
    assert 256 <= side <= 336
    view.page.set_viewport_size({"width": 1900, "height": 900})
    view.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))")
    assert view.page.locator("#side").bounding_box()["width"] == pytest.approx(336)
    assert view.sees_all


@pytest.mark.browser
def test_the_address_keeps_what_is_seen_and_what_is_chosen(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet", style="graph", depth="full")
    view.press("ArrowRight", "ArrowDown", "+")
    seen, chosen = view.box, view.chosen
    view.reload()
    assert view.box == pytest.approx(seen, abs=0.2)
    assert view.chosen == chosen


@pytest.mark.browser
def test_the_small_picture_leads_to_where_it_is_pressed_and_goes_where_all_is_seen(view: View, tmp_path: Path) -> None:
    view.open(tmp_path, "resnet", style="graph", depth="full")
    before = view.box
    view.page.locator("#map").click(position={"x": 75, "y": 75})
    after = view.box
    assert after[:2] != pytest.approx(before[:2])
    assert after[2:] == pytest.approx(before[2:])
    view.page.click("#all")
    assert not view.page.locator("#map").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("style", ["auto", "graph"])
@pytest.mark.parametrize(("asked", "expected"), [({}, "dark"), ({"theme": "light"}, "light")])
def test_the_page_takes_the_readers_theme_where_nobody_asked_for_one(
    view: View, tmp_path: Path, asked: dict[str, str], expected: str, style: str
) -> None:
    from archscope.diagrams.themes import THEMES

    view.page.emulate_media(color_scheme="dark")
    view.open(tmp_path, "lenet5", style=style, **asked)
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
@pytest.mark.parametrize(("name", "frame", "block", "inside"), [
    ("gpt2@small", "0–11 ×12", "h", "h.0.attn"), ("resnet@18", "conv2 ×2", "conv2", "conv2.0.a.conv"),
])  # fmt: skip
def test_a_frame_of_a_figure_tells_its_sums_and_opens_in_the_graph(
    view: View, tmp_path: Path, name: str, frame: str, block: str, inside: str
) -> None:
    style = "boxes" if name == "resnet@18" else "auto"
    view.open(tmp_path, name, style=style)
    view.page.evaluate("archscope.look(archscope.scene.whole)")
    box = view.frame(frame).locator("> *").nth(0).bounding_box()
    view.page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    assert view.chosen == frame
    analysis = archscope.analyze(name)
    held = sum(int(row.parameters) for row in analysis.rows if row.name.startswith(f"{block}."))
    assert f"{held:,}" in view.side
    view.press("Enter")
    assert view.chosen == block
    assert view.layer(inside).count() == 1, "what was in the frame is seen"
    view.reload()
    assert (view.chosen, view.layer(inside).count()) == (block, 1), "the address keeps which picture is shown"
    view.press("v")
    assert view.chosen == frame, "back, at what was left"
    assert view.count("#picture g.layer[role]") == view.page.evaluate("archscope.scene.boxes.length")


@pytest.mark.browser
def test_a_shape_that_stands_for_several_layers_opens_in_the_graph_and_the_search_goes_along(
    view: View, tmp_path: Path
) -> None:
    view.open(tmp_path, "lstm-lm@small")
    view.page.fill("#search", "lstm")
    found = view.page.inner_text("#count")
    view.press("Enter")
    view.page.click("#other")
    assert view.page.evaluate("archscope.scene.lines.length") > 0
    assert view.page.input_value("#search") == "lstm"
    assert view.page.inner_text("#count").split(" of ")[0] == found.split(" of ")[0]
    assert view.complaints == []
