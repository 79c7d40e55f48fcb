"""How long figures of boxes take to draw: those of the networks that come along, and one of a thousand layers.

It is processor time, so that a busy machine does not count. On a slide several sizes of letters are tried, each with as
many blocks open as it has room for: that takes at most so many times what one picture without a page does. From 250 to
500 solids the time may grow by 2.6: twice, and
what sorting adds.
"""

from __future__ import annotations

from collections.abc import Iterator

import archscope
from archscope.network import Network
from benchmarks.graph import seconds, unlike
from benchmarks.pairs import Claim, call, in_turns
from tests.diagrams.branching import chain

MUSEUM = ("unet", "resnet@50", "googlenet", "densenet@121", "efficientnet-b0", "inception-v3")

SLIDES = ("shufflenet-v1@g3", "shufflenet-v2@2.0", "densenet@264", "mobilenet-v1@1.0-224")
"""Those that take longest on a slide."""


def claims() -> Iterator[Claim]:
    """Each network alone, and how the time grows."""

    def took(network: Network) -> float:
        def draw() -> object:
            return archscope.draw(network, style="boxes", depth="auto" if network.groups else "full").svg

        return min(seconds(draw)() for _ in range(3))

    def on_slide(name: str) -> float:
        network = archscope.load(name)
        return min(seconds(lambda: archscope.draw(network, page="16:9").svg)() for _ in range(3))

    slowest = max(took(archscope.load(name)) for name in MUSEUM)
    yield Claim(
        f"the slowest figure of boxes of {len(MUSEUM)} networks of the museum", slowest, 0.5, "at most", unit="s"
    )
    yield Claim("a figure of boxes of 1,000 layers, 750 solids", took(unlike(250)), 3.0, "at most", unit="s")
    wide = archscope.analyze(archscope.load("shufflenet-v2@1.0"))
    slide = in_turns(
        call(lambda: archscope.draw(wide, page="16:9").svg),
        call(lambda: archscope.draw(wide, style="boxes").svg),
        turns=7,
    )
    yield Claim("ShuffleNet v2 on a slide against the same without a page", slide.ratio, 14, "at most",
                spread=slide.spread)  # fmt: skip
    yield Claim("the slowest of those on a slide", max(on_slide(name) for name in (*MUSEUM, *SLIDES)), 0.5, "at most",
                unit="s")  # fmt: skip
    few, many = took(chain(250)), took(chain(500))
    yield Claim("figures of boxes: twice the solids, times the time", many / few, 2.6, "at most")
