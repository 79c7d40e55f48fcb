"""The finished site in a real browser, opened from disk as a reader would."""

import re
from typing import Any

import pytest

import archscope
from archscope.formats import derivation
from archscope.reader import spec_names
from archscope.site.page import slug
from tests.patience import PATIENCE

pytestmark = pytest.mark.browser

PAGES = ("index.html", *(f"{slug(name)}/index.html" for name in spec_names()))
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}


class Reader:
    """A page, and what it complained about or asked for since it was opened."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._note)

    def _note(self, request: Any) -> None:
        if not request.is_navigation_request() and not request.url.startswith("data:"):
            self.complaints.append(f"request: {request.url}")


@pytest.fixture
def open_page(chromium, site):
    contexts = []

    def opened(path: str, *, size: dict[str, int] = DESKTOP, theme: str = "light", **settings: Any) -> Reader:
        context = chromium.new_context(viewport=size, color_scheme=theme, **settings)
        contexts.append(context)
        context.set_default_timeout(1000 * PATIENCE)
        reader = Reader(context.new_page())
        reader.page.goto(f"file://{site}/{path}")
        return reader

    yield opened
    for context in contexts:
        context.close()


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_every_page_opens_from_disk_without_complaint_and_no_phone_scrolls_sideways(open_page, site):
    """One visit of each page: opening one takes most of the time that looking at it does."""
    reader = open_page("index.html")
    page = reader.page
    for path in PAGES:
        page.goto(f"file://{site}/{path}")
        assert page.locator("h1").inner_text()
        assert reader.complaints == [], path
        page.set_viewport_size(PHONE)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], (path, theme)
        page.set_viewport_size(DESKTOP)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_page_of_ones_own_network_fits_whatever_its_layers_are_called(open_page, own_site, size):
    page = open_page("index.html", size=size).page
    for path in own_site.rglob("index.html"):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"], path


def test_equal_layers_are_worked_out_once_and_each_shows_it_when_it_is_looked_at(open_page, own_site):
    path = own_site / "deep" / "index.html"
    assert path.stat().st_size < 500_000
    page = open_page("index.html").page
    page.goto(path.as_uri())
    card = page.locator('.card[data-row="layer70"]')
    assert card.locator(".again").count()
    page.goto(f"{path.as_uri()}#layer-layer70")
    assert not card.locator(".again").count()
    assert card.locator('[data-quantity="macs"] .chain b').text_content() == "2,359,296"
    assert page.locator('.card[data-row="layer1"] [data-quantity="macs"] .chain b').text_content() == "2,359,296"


def test_without_a_script_equal_layers_lead_to_the_one_that_is_worked_out(open_page, own_site):
    page = open_page("index.html", java_script_enabled=False).page
    page.goto((own_site / "deep" / "index.html").as_uri())
    link = page.locator('.card[data-row="layer70"] .workings .again a')
    assert link.get_attribute("href") == "#layer-layer1"
    assert page.locator('.card[data-row="layer1"] .workings .chain b').count() > 3


def test_a_picture_is_not_blown_up_and_a_gallery_has_one_of_every_network(open_page, own_site):
    page = open_page("index.html").page
    for path in own_site.glob("*/index.html"):
        page.goto(path.as_uri())
        picture = page.locator("#figure svg")
        drawn = float(picture.get_attribute("width"))
        assert picture.evaluate("svg => svg.getBoundingClientRect().width") <= 1.75 * drawn + 1, path
    page.goto((own_site / "index.html").as_uri())
    entries = page.locator(".gallery .thumb")
    assert [entries.nth(place).locator("svg").count() for place in range(entries.count())] == [1, 1, 1]


def test_the_whole_comparison_is_seen_at_once_on_a_desktop(open_page):
    page = open_page("index.html").page
    assert page.locator("#comparison .scroll").evaluate("box => box.scrollWidth <= box.clientWidth")


def test_nothing_covers_the_source_on_a_phone(open_page):
    page = open_page("lenet5/index.html", size=PHONE).page
    button = page.locator("#code .copy").first.bounding_box()
    code = page.locator("#code .listing code").first.bounding_box()
    assert button["y"] + button["height"] <= code["y"]


def test_search_finds_c3_and_leads_to_its_card(open_page):
    reader = open_page("index.html")
    page = reader.page
    page.keyboard.press("/")
    page.keyboard.type("C3 LeNet-5")
    first = page.locator("#found a").first
    assert first.inner_text().splitlines()[0] == "C3"
    assert first.get_attribute("href") == "lenet5/index.html#layer-C3"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/lenet5/index.html#layer-C3")
    assert page.locator(".card.current h3 .name").inner_text() == "C3"
    assert reader.complaints == []


def test_search_finds_a_published_figure_and_says_when_there_is_nothing(open_page):
    page = open_page("index.html").page
    page.fill("#search", "253,440")
    assert page.locator("#found a").first.get_attribute("href") == "alexnet/index.html#published-4"
    page.fill("#search", "no such thing anywhere")
    assert page.locator("#found-count").inner_text() == "Nothing found"
    assert page.locator("#found a").count() == 0


def test_the_comparison_sorts_by_numbers_both_ways(open_page):
    page = open_page("index.html").page

    def order() -> list[int]:
        cells = page.locator(".comparison tbody tr > :nth-child(6)").all_inner_texts()
        return [int(cell.replace(",", "")) for cell in cells]

    button = page.get_by_role("button", name="Parameters")
    button.click()
    assert order() == sorted(order(), reverse=True)
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    button.press("Enter")
    assert order() == sorted(order())
    assert order() != sorted(order(), reverse=True)


def test_pointing_at_c3_lights_up_what_explain_prints(open_page):
    page = open_page("lenet5/index.html").page
    page.locator('#figure svg a[data-rows~="C3"]').hover()
    card = page.locator(".card.current")
    assert card.get_attribute("id") == "layer-C3"
    shown = squeezed(card.text_content())
    sections = derivation.derive(archscope.analyze(archscope.load("lenet5")), "C3")
    compared = 0
    for section in sections:
        if section.heading.startswith(("Options", "Weights", "In print")):
            continue
        for line in section.lines:
            # "with k = 5, c = 1" stands in the list of letters; "in" and "out" are words beside the shapes.
            formula, _, letters = line.partition("    with ")
            for step in re.split(r"(?:^|\s)= ", formula):
                numbers = re.sub(r"^\s*(in|out|size|jump|start|height, width)\s", "", step).partition(" from ")[0]
                if re.search(r"\d", numbers) and not line.lstrip().startswith(("conv2d", "then", "start")):
                    assert squeezed(numbers) in shown, line
                    compared += 1
            for letter in letters.split(", ") if letters else ():
                assert squeezed(letter).replace("=", "") in shown, line
    assert compared > 20
    assert page.locator("tr.lit").first.get_attribute("id") == "row-C3"
    lit = page.locator(".findings tr.lit")
    assert {lit.nth(place).get_attribute("data-row") for place in range(lit.count())} == {"C3"}
    assert lit.count() == 4
    assert page.locator("#figure a.lit, #graph a.lit").count() == 2


def test_what_a_card_out_of_sight_says_stands_at_the_foot_of_the_window(open_page):
    page = open_page("alexnet/index.html").page
    line = page.locator(".line")
    page.locator('#figure svg a[data-rows~="conv3"] polygon').first.hover()
    assert line.inner_text() == (
        "conv3 conv 3×3 256×13×13 → 384×13×13 · 885,120 parameters · 149,585,280 connections · 149,520,384 MACs"
    )
    page.mouse.move(5, 5)
    assert line.is_hidden()


def test_a_tap_on_the_graph_of_a_phone_is_answered_where_the_finger_is(open_page):
    page = open_page("lenet5/index.html", size=PHONE, has_touch=True).page
    node = page.locator('#graph svg a[data-rows~="S4"]')
    node.scroll_into_view_if_needed()
    node.tap()
    assert page.locator(".line").inner_text().startswith("S4 subsampling 2×2 16×10×10 → 16×5×5 · 32 parameters")
    page.locator("#downloads-heading").tap()
    assert page.locator(".line").is_hidden()


def test_every_layer_is_reached_with_the_keyboard_alone(open_page):
    page = open_page("lenet5/index.html").page
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#figure svg') !== null"):
            break
    seen.append(page.locator(".card.current").get_attribute("data-row"))
    for _ in range(6):
        page.keyboard.press("ArrowRight")
        seen.append(page.locator(".card.current").get_attribute("data-row"))
    assert seen == ["C1", "S2", "C3", "S4", "C5", "F6", "OUTPUT"]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "layer-F6"


def test_both_towers_light_up_and_are_one_stop_of_the_tab_key(open_page):
    page = open_page("alexnet/index.html").page
    page.locator('#figure svg a[data-rows~="conv3"]').last.hover()
    assert page.locator(".card.current").get_attribute("id") == "layer-conv3"
    assert page.locator("#figure a.lit").count() == 2
    assert page.locator('#figure svg a[data-rows~="conv3"]:not([tabindex="-1"])').count() == 1


def test_without_script_everything_is_there(open_page):
    page = open_page("lenet5/index.html", java_script_enabled=False).page
    cards = page.locator(".card")
    assert cards.count() == 8
    assert all(cards.nth(place).is_visible() for place in range(8))
    page.locator('#figure svg a[data-rows~="C3"]').click()
    assert page.url.endswith("#layer-C3")


def test_a_theme_is_chosen_and_kept(open_page):
    page = open_page("lenet5/index.html", theme="light").page
    ground = "getComputedStyle(document.body).backgroundColor"
    fill = "getComputedStyle(document.querySelector('#figure svg a.layer :is(path,polygon)')).fill"
    light = page.evaluate(ground), page.evaluate(fill)
    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate(ground), page.evaluate(fill)
    assert light[0] == "rgb(255, 255, 255)"
    assert dark[0] == "rgb(20, 23, 28)"
    assert light[1] != dark[1]
    page.reload()
    assert (page.evaluate(ground), page.evaluate(fill)) == dark
    assert page.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize(("path", "size", "theme"), [
    ("index.html", DESKTOP, "dark"), ("index.html", PHONE, "light"), ("lenet5/index.html", DESKTOP, "light"),
    ("alexnet/index.html", PHONE, "dark"),
])  # fmt: skip
def test_axe_finds_no_serious_fault(open_page, axe, path, size, theme):
    page = open_page(path, size=size, theme=theme).page
    page.add_script_tag(content=axe)
    found = page.evaluate("axe.run().then((result) => result.violations)")
    assert "landmark-unique" not in [each["id"] for each in found]
    serious = [
        f"{each['id']}: {each['help']}: {node['html'][:120]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert serious == []


def test_axe_notices_a_button_that_nobody_can_hear(open_page, axe):
    page = open_page("lenet5/index.html").page
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button>')")
    page.add_script_tag(content=axe)
    found = page.evaluate("axe.run({runOnly: ['button-name']}).then((result) => result.violations)")
    assert [each["id"] for each in found] == ["button-name"]


def switch_after_reload(page: Any) -> str | None:
    """What the switch says once Chromium has kept what a page stored, which a busy one may do after the next reload."""
    for _ in range(20):
        page.reload()
        said = page.get_by_role("button", name="Hide the numbers").get_attribute("aria-pressed")
        if said == "true":
            break
    return said


def test_numbers_are_hidden_asked_for_with_the_keyboard_and_kept(open_page):
    reader = open_page("lenet5/index.html")
    page = reader.page
    switch = page.get_by_role("button", name="Hide the numbers")
    switch.focus()
    page.keyboard.press("Enter")
    assert switch.get_attribute("aria-pressed") == "true"
    seen = page.locator("main").inner_text()
    for number in ("122,304", "1,516", "60,850", "340,918", "6×28×28"):
        assert number not in seen, number
    assert "out_channels: 6" in seen
    assert "1×32×32" in seen
    shape = page.get_by_label("Output of C1", exact=True)
    shape.focus()
    page.keyboard.type("28x28x6")
    page.keyboard.press("Enter")
    assert page.get_by_label("Parameters of C1", exact=True).evaluate("each => each === document.activeElement")
    page.keyboard.type("5*5*6")
    page.keyboard.press("Enter")
    wrong = page.get_by_label("Parameters of C1", exact=True)
    assert wrong.get_attribute("aria-invalid") == "true"
    assert page.get_by_role("status").inner_text() == "C1 Parameters: not yet. 1 of 35 found"
    wrong.fill("(5·5·1 + 1)·6")
    page.keyboard.press("Enter")
    assert "(5·5·1 + 1)·6" in page.locator("#row-C1").inner_text()
    assert page.get_by_role("status").inner_text() == "C1 Parameters: right. 2 of 35 found"
    page.get_by_label("Connections of Total", exact=True).fill("340 918")
    page.keyboard.press("Tab")
    assert switch_after_reload(page) == "true"
    assert page.get_by_label("Parameters of C1", exact=True).input_value() == "(5·5·1 + 1)·6"
    page.get_by_role("button", name="Hide the numbers").click()
    assert "122,304" in page.locator("main").inner_text()
    assert [each for each in reader.complaints if "navigation" not in each] == []


TYPED = {
    "122304": True, "122,304": True, "122 304": True, "122.304": True, "26*28*28*6": True, "(5²+1)·28²·6": True,
    "6(5*5+1)28*28": True, "alert(1)": False, "1e5": False, "9" * 60: False, "(" * 60 + "1": False, "122304.5": False,
    "12 2304": False, "-122304": False,
}  # fmt: skip
"""Answers to the same question, and whether they are right."""


def test_what_is_typed_on_a_page_is_read_as_arithmetic_and_never_run(open_page):
    reader = open_page("lenet5/index.html")
    reader.page.get_by_role("button", name="Hide the numbers").click()
    cell = reader.page.get_by_label("Connections of C1", exact=True)
    told = {}
    for right in (True, False):  # one of the other kind between any two, so that each answer has to change what is told
        for typed in (each for each, its in TYPED.items() if its is right):
            for text in ("1" if right else "122304", typed):
                cell.fill(text)
                cell.press("Enter")
            told[typed] = cell.get_attribute("aria-invalid") == "false"
    assert told == TYPED
    assert reader.complaints == []


def test_axe_finds_no_serious_fault_in_a_page_that_asks(open_page, axe):
    page = open_page("lenet5/index.html").page
    page.get_by_role("button", name="Hide the numbers").click()
    page.add_script_tag(content=axe)
    found = page.evaluate("axe.run().then((result) => result.violations)")
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
