"""HTML pages of pictures, opened from disk as a reader would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import archscope
from archscope.diagrams.html import packed_in
from tests.diagrams.branching import NETWORKS


def html(name: str, **options: Any) -> str:
    network = NETWORKS[name]() if name in NETWORKS else archscope.load(name)
    return str(archscope.draw(network, **options).write("html"))


def shapes(text: str) -> list[dict[str, Any]]:
    """What a page knows of every shape that stands for layers."""
    packed = packed_in(text)
    found: list[dict[str, Any]] = packed["graph"]["parts"] if packed["first"] == "graph" else packed["still"]["items"]
    return [each for each in found if "rows" in each]


def told(text: str) -> list[tuple[str, ...]]:
    """Every fact that a page tells of a layer: its name, the value and, if any, the working or the reason."""
    return [tuple(fact) for each in packed_in(text)["told"] for fact in each["facts"]]


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
        self.write(folder, html(name, **options))

    def write(self, folder: Path, text: str) -> None:
        path = folder / "view.html"
        path.write_text(text, encoding="utf-8")
        self.page.goto(path.as_uri())
        self.wait()

    def wait(self) -> None:
        self.page.wait_for_selector("body[data-ready]")

    def reload(self) -> None:
        """After the address is written: a timer of the page's own comes after those that were set before it."""
        self.page.evaluate("() => new Promise(done => setTimeout(done, 500))")
        self.page.reload()
        self.requests.pop()
        self.wait()

    @property
    def box(self) -> list[float]:
        return [float(each) for each in self.page.evaluate("archscope.view()")]

    @property
    def whole(self) -> list[float]:
        return [float(each) for each in self.page.evaluate("archscope.scene.whole")]

    @property
    def sees_all(self) -> bool:
        (x, y, width, height), (_, _, wide, tall) = self.box, self.whole
        return x <= 0.01 and y <= 0.01 and x + width >= wide - 0.01 and y + height >= tall - 0.01

    @property
    def side(self) -> str:
        return str(self.page.inner_text("#side"))

    @property
    def chosen(self) -> str:
        return str(self.page.inner_text("#side h2"))

    def layer(self, name: str) -> Any:
        return self.page.locator(f'g.layer[data-layers="{name}"], g.layer[data-layers^="{name} "]')

    def frame(self, title: str) -> Any:
        return self.page.locator(f'g.frame[aria-label="{title}"]')

    def count(self, selector: str) -> int:
        return int(self.page.locator(selector).count())

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
