"""What a page of 10,000 layers costs its reader's processor while the picture is moved, and how large it is.

Chromium is driven through its devtools. It counts what its main thread did - scripts, styles, layout, paint - in
processor time, so that a busy machine does not count; a frame of 60 in a second has 16.7 ms. The time between frames
goes by the clock, and is told beside it.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import archscope
from benchmarks.pairs import Claim
from tests.diagrams.branching import unlike
from tests.diagrams.browser import launch

FRAMES = 120
A_FRAME = 1000 / 60
LARGEST = 3.0

_OPEN = "archscope.enter(archscope.scene.deepest, new Set()); archscope.look({})"
_TICKS = """
    if (window.ticks) ticks.length = 0;
    else {
        window.ticks = [];
        requestAnimationFrame(function tick(now) { ticks.push(now); requestAnimationFrame(tick); });
    }
"""
_WHERE = {
    "where text is read": "[0, 0, 840, 670]",
    "from further away": "[0, 0, 3000, 2400]",
    "with all of it in sight": "archscope.scene.whole",
}


def claims() -> Iterator[Claim]:
    """One page, moved in three places."""
    text = str(archscope.draw(unlike(20, 25, 20), style="graph", depth=1).write("html"))
    yield Claim("a page of 10,000 layers of which no two are equal", len(text.encode()) / 1e6, LARGEST, "at most", "MB")
    with tempfile.TemporaryDirectory() as folder, launch(viewport={"width": 1280, "height": 800}) as page:
        path = Path(folder) / "page.html"
        path.write_text(text, encoding="utf-8")
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready]")
        for where, view in _WHERE.items():
            page.evaluate(_OPEN.format(view))
            work, between = _moved(page)
            says = f"work for a frame while 10,000 layers are moved, {where}"
            yield Claim(says, work, A_FRAME, "at most", "ms", f"a frame every {between:.1f} ms by the clock")


def _moved(page: Any) -> tuple[float, float]:
    """Milliseconds of work for a frame, and from frame to frame, while the picture is dragged to and fro."""
    page.evaluate(_TICKS)
    page.mouse.move(600, 400)
    page.mouse.down()
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _worked(devtools)
    for frame in range(FRAMES):
        far = abs(frame % 60 - 30)
        page.mouse.move(600 - 16 * far, 400 - 10 * far)
    after = _worked(devtools)
    page.mouse.up()
    ticks = page.evaluate("ticks")
    steps = [later - sooner for sooner, later in pairwise(ticks)]
    return 1000 * (after - before) / FRAMES, statistics.median(steps)


def _worked(devtools: Any) -> float:
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))
