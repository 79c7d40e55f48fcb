"""The figure of the module on the home page, drawn from the code that stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import archscope
from tools.pages.gallery import THEMES

PAGE = Path(__file__).parents[2] / "docs" / "index.md"


def model() -> Any:
    """The module that the first block of the page makes."""
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        raise ValueError(f"{PAGE} begins with no block of Python")
    names: dict[str, Any] = {}
    exec(found[1].partition("import archscope")[0], names)  # noqa: S102 - the page's own code, which the tests run too
    return names["model"]


def pages() -> dict[str, str]:
    network = archscope.trace(model(), (1, 32, 32))
    return {
        f"assets/figures/home{ending}.svg": archscope.draw(network, theme=name).svg for name, ending in THEMES.items()
    }
