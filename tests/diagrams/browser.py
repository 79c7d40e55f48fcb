"""Headless Chromium, where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.patience import PATIENCE


@contextmanager
def launch(**options: Any) -> Iterator[Any]:
    """A new page; the test is skipped, with the reason, where no browser can be opened."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine: install one, or name it in CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=1000 * PATIENCE)
        try:
            page = browser.new_page(**options)
            page.set_default_timeout(1000 * PATIENCE)
            yield page
        finally:
            browser.close()
