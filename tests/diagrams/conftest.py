"""One Chromium for all tests of a module that open a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.diagrams.browser import launch
from tests.diagrams.pages import View
from tests.patience import PATIENCE

DESKTOP = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launch(viewport=DESKTOP) as page:
        yield page.context.browser


@pytest.fixture
def view(browser: Any) -> Iterator[View]:
    """A new page, which must complain of nothing and ask for nothing but itself."""
    page = browser.new_page(viewport=DESKTOP)
    page.set_default_timeout(1000 * PATIENCE)
    opened = View(page)
    yield opened
    assert opened.complaints == []
    assert all(url.startswith(("file:", "data:")) for url in opened.requests)
    assert len(opened.requests) == 1
    page.close()
