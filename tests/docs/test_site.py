"""The built site, as a browser opens it from disk: no server, no network, no script errors."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from archscope.diagrams.themes import THEMES
from tests.conftest import made_once
from tests.docs.blocks import ROOT
from tests.patience import PATIENCE
from tools.pages import gallery

pytest.importorskip("mkdocs")

CHROMIUM = os.environ.get("ARCHSCOPE_CHROMIUM") or shutil.which("chromium")
NETWORKS = ("mobilenet-v1", "resnet", "lenet5")
"""Pages of networks are made by one function: those with the most members, a family's and a single one's are opened."""

PAGES = sorted(
    path.relative_to(ROOT / "docs").with_suffix(".html")
    for path in (ROOT / "docs").rglob("*.md")
    if path.parent.name != "networks" or path.stem in NETWORKS
)
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
WRITTEN = ("index.html", "quick-start.html", "course", "how-to", "explanation", "architecture")

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return made_once(tmp_path_factory, "pages", make)


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium; name one in ARCHSCOPE_CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=1000 * PATIENCE)
        yield opened
        opened.close()


def open_page(browser, site, name, **options):
    context = browser.new_context(**options)
    context.set_default_timeout(1000 * PATIENCE)
    page = context.new_page()
    page.trouble = []
    page.on("console", lambda message: page.trouble.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("request", lambda request: page.trouble.append(request.url) if request.url.startswith("http") else None)
    page.goto((site / name).as_uri())
    return page


def test_the_pages_are_built_without_a_warning(site):
    assert (site / "index.html").is_file()


CUT_OFF = """() => [...document.querySelectorAll("pre > code")]
    .filter(code => code.scrollWidth > code.clientWidth).map(code => code.textContent)"""


def test_every_page_opens_from_disk_cuts_no_code_off_and_fits_a_phone(browser, site):
    """One visit of each page, at two widths: opening one takes most of the time that looking at it does."""
    page = open_page(browser, site, "index.html", viewport=DESKTOP)
    # What a program writes is as wide as it is: the reference and the measurements scroll.
    written = {path for path in PAGES if path.parts[0] in WRITTEN}
    assert len(written) > 20
    for name in PAGES:
        page.goto((site / name).as_uri())
        assert page.locator("h1").count() == 1, name
        assert page.trouble == [], name
        if name in written:
            assert [max(text.splitlines(), key=len) for text in page.evaluate(CUT_OFF)] == [], name
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
        page.set_viewport_size(DESKTOP)


@pytest.mark.parametrize(("theme", "asked"), [("light", "{}"), ("dark", "{runOnly: ['color-contrast']}")])
def test_nobody_meets_a_serious_fault(browser, site, axe, theme, asked):
    """That text can be told from its ground is among what is asked; all else is the same in both themes."""
    page = open_page(browser, site, "index.html", color_scheme=theme)
    for name in ("index.html", "course/3-train.html", "how-to/write-a-spec.html", "reference/layers/dense.html"):
        page.goto((site / name).as_uri())
        page.add_script_tag(content=axe)
        found = page.evaluate(f"axe.run({asked}).then((result) => result.violations)")
        serious = [node["failureSummary"] for each in found if each["impact"] in ("serious", "critical")
                   for node in each["nodes"]]  # fmt: skip
        assert serious == [], name


def test_the_keyboard_stops_at_a_table_where_it_scrolls_and_nowhere_else(browser, site, axe):
    page = open_page(browser, site, "networks/resnet.html", viewport=PHONE)
    stops = page.locator(".md-typeset__scrollwrap[tabindex]")
    stops.first.wait_for()
    page.add_script_tag(content=axe)
    looks = "axe.run({runOnly: ['scrollable-region-focusable']})"
    found = page.evaluate(f"{looks}.then((result) => [result.passes.length, result.violations.length])")
    assert found == [1, 0]
    page.set_viewport_size(DESKTOP)
    page.wait_for_function("""() => [...document.querySelectorAll(".md-typeset__scrollwrap")]
        .every(each => each.hasAttribute("tabindex") === each.scrollWidth > each.clientWidth)""")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_names_and_code_of_the_library_can_be_told_from_their_ground(browser, site, axe, theme):
    page = open_page(browser, site, "reference/library.html", color_scheme=theme)
    # All are marked up alike, and looking at one is looking at each.
    page.evaluate("[...document.querySelectorAll('.doc-object')].slice(8).forEach(each => each.remove())")
    assert page.locator(".doc-object").count() > 2
    page.add_script_tag(content=axe)
    looks = "axe.run('article', {runOnly: ['color-contrast']})"
    found = page.evaluate(f"{looks}.then((result) => [result.passes, result.violations])")
    assert found[0]
    assert [node["failureSummary"] for each in found[1] for node in each["nodes"]] == []


def test_a_number_and_its_unit_stay_together_on_a_phone(browser, site):
    page = open_page(browser, site, "benchmarks/index.html", viewport={"width": 360, "height": 740})
    cell = page.locator("td", has_text="1.51 ms").first
    lines = "cell => { const all = new Range(); all.selectNodeContents(cell); return all.getClientRects().length; }"
    assert cell.evaluate(lines) == 1


FOUND = {
    "receptive field": "quantities.html",
    "resnet": "networks/resnet.html",
    "transformer": "networks/transformer.html",
    "homework": "how-to/teach.html",
}
"""What is looked for, and a page that has it."""


def test_search_without_a_server_finds_quantities_networks_and_what_a_teacher_asks(browser, site):
    page = open_page(browser, site, "index.html")
    box = page.locator(".md-search__input").first
    for words, found in FOUND.items():
        box.fill("")
        box.click()
        page.keyboard.type(words)
        page.locator(f".md-search-result__list a[href*='{found}']").first.wait_for(state="attached")
    assert page.trouble == []


@pytest.mark.parametrize(("theme", "other"), [("light", "dark"), ("dark", "light")])
def test_the_gallery_shows_the_pictures_of_the_readers_theme(browser, site, theme, other):
    page = open_page(browser, site, "gallery.html", color_scheme=theme)
    shown = page.locator("article img").evaluate_all("all => all.filter(e => e.checkVisibility()).map(e => e.src)")
    assert len(shown) == len(list(gallery.entries()))
    assert all(each.endswith(f"#only-{theme}") for each in shown)
    ground = f"rgb{tuple(bytes.fromhex(THEMES[theme].background[1:]))}"
    grounds = page.locator("article img").evaluate_all(
        "all => all.filter(e => e.checkVisibility()).map(e => getComputedStyle(e).backgroundColor)"
    )
    assert set(grounds) == {ground}, "before a picture is there, its room has its ground"
    stops = page.locator("article a:has(img)").evaluate_all("all => all.filter(e => e.checkVisibility()).length")
    assert stops == len(shown)
    first = page.locator(f"article img[src$='#only-{theme}']").first
    assert first.evaluate("e => e.decode().then(() => e.naturalWidth)") > 300
    page.emulate_media(media="print", color_scheme=theme)
    printed = page.locator("article img").evaluate_all("all => all.filter(e => e.checkVisibility()).map(e => e.src)")
    assert len(printed) == len(shown)
    assert all(each.endswith("#only-light") for each in printed), "paper is light"
    assert page.trouble == []


def test_the_other_builder_reads_the_same_configuration(site, tmp_path):
    """Zensical builds what MkDocs builds, so that the switch is one line."""
    pytest.importorskip("zensical")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in ("archscope", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    ours, theirs = ({path.relative_to(root) for path in root.rglob("*.html")} for root in (site, tmp_path / "site"))
    assert ours == theirs
    search = (tmp_path / "site" / "search.json").read_text(encoding="utf-8")
    for words in ("ResNet-18", "Transformer (base)", "homework"):
        assert words in search


def test_the_theme_follows_the_system_and_can_be_changed(browser, site):
    page = open_page(browser, site, "index.html", color_scheme="dark")
    body = page.locator("body")
    assert body.get_attribute("data-md-color-scheme") == "slate"
    page.locator("label.md-header__button[title=Light]").click()
    assert body.get_attribute("data-md-color-scheme") == "default"
