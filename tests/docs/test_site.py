"""The built site, as a browser opens it from disk: no server, no network, no script errors."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_every_page_opens_from_disk_without_an_error_or_a_request(browser, site):
    page = open_page(browser, site, "index.html")
    for name in PAGES:
        page.goto((site / name).as_uri())
        assert page.locator("h1").count() == 1, name
        assert page.trouble == [], name


def test_every_page_fits_a_phone_without_scrolling_sideways(browser, site):
    page = open_page(browser, site, "index.html", viewport={"width": 360, "height": 740})
    for name in PAGES:
        page.goto((site / name).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_told_from_its_ground(browser, site, axe, theme):
    page = open_page(browser, site, "index.html", color_scheme=theme)
    for name in ("index.html", "course/3-train.html", "reference/library.html", "explanation/verification.html"):
        page.goto((site / name).as_uri())
        page.add_script_tag(content=axe)
        found = page.evaluate("axe.run({runOnly: ['color-contrast']}).then((result) => result.violations)")
        pale = [node["failureSummary"] for each in found for node in each["nodes"]]
        assert pale == [], name


def test_nobody_meets_a_serious_fault(browser, site, axe):
    page = open_page(browser, site, "index.html")
    for name in ("index.html", "course/1-derive.html", "how-to/write-a-spec.html", "reference/layers/convolution.html"):
        page.goto((site / name).as_uri())
        page.add_script_tag(content=axe)
        found = page.evaluate("axe.run().then((result) => result.violations)")
        serious = [f"{each['id']}: {each['help']}" for each in found if each["impact"] in ("serious", "critical")]
        assert serious == [], name


def test_no_line_of_code_is_cut_off_on_a_desktop(browser, site):
    # What a program writes is as wide as it is: the reference and the measurements scroll.
    written = [path for path in site.rglob("*.html") if path.relative_to(site).parts[0] in WRITTEN]
    assert len(written) > 20
    page = open_page(browser, site, "index.html", viewport={"width": 1280, "height": 900})
    for path in written:
        page.goto(path.as_uri())
        wide = page.locator("pre > code").evaluate_all(
            "all => all.filter(code => code.scrollWidth > code.clientWidth).map(code => code.textContent)"
        )
        assert [max(text.splitlines(), key=len) for text in wide] == [], path


def test_a_number_and_its_unit_stay_together_on_a_phone(browser, site):
    page = open_page(browser, site, "benchmarks/index.html", viewport={"width": 360, "height": 740})
    cell = page.locator("td", has_text="1.51 ms").first
    lines = "cell => { const all = new Range(); all.selectNodeContents(cell); return all.getClientRects().length; }"
    assert cell.evaluate(lines) == 1


def test_search_works_without_a_server(browser, site):
    page = open_page(browser, site, "index.html")
    page.locator(".md-search__input").first.click()
    page.keyboard.type("receptive field")
    page.locator(".md-search-result__item").first.wait_for()
    assert "quantities.html" in page.locator(".md-search-result__list").inner_html()
    assert page.trouble == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("resnet", "networks/resnet.html"),
        ("transformer", "networks/transformer.html"),
        ("homework", "how-to/teach.html"),
    ],
)
def test_search_finds_networks_and_what_a_teacher_asks(browser, site, words, found):
    page = open_page(browser, site, "index.html")
    page.locator(".md-search__input").first.click()
    page.keyboard.type(words)
    page.locator(".md-search-result__item").first.wait_for()
    assert found in page.locator(".md-search-result__list").inner_html()


@pytest.mark.parametrize(("theme", "other"), [("light", "dark"), ("dark", "light")])
def test_the_gallery_shows_the_pictures_of_the_readers_theme(browser, site, theme, other):
    page = open_page(browser, site, "gallery.html", color_scheme=theme)
    shown = page.locator("article img").evaluate_all("all => all.filter(e => e.checkVisibility()).map(e => e.src)")
    assert len(shown) == len(list(gallery.entries()))
    assert all(each.endswith(f"#only-{theme}") for each in shown)
    stops = page.locator("article a:has(img)").evaluate_all("all => all.filter(e => e.checkVisibility()).length")
    assert stops == len(shown)
    first = page.locator(f"article img[src$='#only-{theme}']").first
    assert first.evaluate("e => e.decode().then(() => e.naturalWidth)") > 300
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
