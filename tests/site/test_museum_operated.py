"""The page of all networks as its visitor uses it: points, tabs, sorts, follows, copies a citation, in the dark too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import archscope
from tests.patience import PATIENCE

pytestmark = pytest.mark.browser

MET = """() => {
    const box = each => each.getBBox();
    const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
    const names = [...document.querySelectorAll(".growth .name")];
    const others = [...document.querySelectorAll(".growth .mark"), ...names];
    return names.filter(name => others.some(other => other !== name && meet(box(name), box(other))))
        .map(each => each.textContent);
}"""


@pytest.fixture(params=["light", "dark"])
def visit(request: pytest.FixtureRequest, chromium: Any, site: Path) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme=request.param)
    context.set_default_timeout(1000 * PATIENCE)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    yield page
    context.close()


def test_a_visitor_of_the_museum_points_tabs_sorts_follows_and_copies(visit: Any, site: Path) -> None:
    page = visit
    told = page.locator(".reading")
    dots = page.locator(".growth .dot")

    # No name in the picture lies on a dot or on another name, in the font that this browser has.
    assert page.locator(".growth .name").count() > 10
    assert page.evaluate(MET) == []

    # Each dot is told when it is pointed at, with the numbers of the table, and in a colour that can be seen.
    alexnet = archscope.analyze("alexnet").totals
    said = f"AlexNet, 2012: {alexnet.parameters:,} parameters, {alexnet.macs:,} MACs"
    # U-Net stands alone: no other dot lies over it.
    page.locator('.growth .dot[href="unet/index.html"]').hover()
    assert told.inner_text().startswith("U-Net, 2015: 31,030,658 parameters")
    page.locator('.growth .dot[href="alexnet/index.html"]').focus()
    assert told.inner_text() == said
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground not in dots.evaluate_all("all => all.map(each => getComputedStyle(each).color)")

    # Tab steps from a dot to the next one, and it is that one which is told.
    page.keyboard.press("Tab")
    assert told.inner_text() == page.evaluate("document.activeElement.dataset.said") != said

    # The oldest network is first by year, and last when asked again; words sort from A.
    by_year = page.get_by_role("button", name="Year")
    oldest = page.locator(".comparison tbody tr", has_text="1989")
    by_year.click()
    assert oldest.evaluate("row => row.nextElementSibling === null")
    by_year.press("Enter")
    assert oldest.evaluate("row => row.previousElementSibling === null")
    page.get_by_role("button", name="Task").click()
    assert page.locator(".comparison tbody tr").first.locator("td").nth(1).inner_text() == "generation"

    # Every link leads somewhere: to a part of this page, or to a file that is there.
    links = page.locator("main a").evaluate_all("all => all.map(each => each.getAttribute('href'))")
    assert len(links) > 100
    assert [link for link in links if link.startswith("#") and not page.locator(link).count()] == []
    assert [link for link in links if link[0] != "#" and not (site / link.partition("#")[0]).is_file()] == []

    # A paper is copied where all are listed.
    copying = "navigator.clipboard.writeText = async text => { window.copied = text; }"
    page.evaluate(copying)
    paper = page.locator("#sources li", has_text="Attention Is All You Need")
    paper.locator("summary").click()
    paper.get_by_role("button").click()
    assert page.evaluate("window.copied").startswith("@misc{vaswani2017,")

    # A slip leads to the figure that it is about, and from there its paper is copied.
    page.locator('.slip a[href^="gpt2-small/index.html#published-"]').first.click()
    page.wait_for_url("**/gpt2-small/index.html#published-*")
    assert "117M" in page.locator(":target").inner_text()
    page.evaluate(copying)
    cited = page.locator("#sources .code", has_text="@misc")
    page.locator("#sources details:not([open]) > summary").evaluate_all("all => all.forEach(each => each.click())")
    cited.get_by_role("button").click()
    assert page.evaluate("window.copied").startswith("@misc{radford2019,")
    assert cited.get_by_role("button").inner_text() == "Copied"
