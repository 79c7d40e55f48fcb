"""How long figures of boxes take to draw: those of the networks that come along, and one of a thousand layers.

It is processor time, so that a busy machine does not count. From 250 to 500 solids the time may grow by 2.6: twice, and
what sorting adds.
"""

from __future__ import annotations

from collections.abc import Iterator

import archscope
from archscope.network import Network
from benchmarks.graph import seconds, unlike
from benchmarks.pairs import Claim
from tests.diagrams.branching import chain

MUSEUM = ("unet", "resnet@50", "googlenet", "densenet@121", "efficientnet-b0", "inception-v3")


def claims() -> Iterator[Claim]:
    """Each network alone, and how the time grows."""

    def took(network: Network) -> float:
        def draw() -> object:
            return archscope.draw(network, style="boxes", depth="auto" if network.groups else "full").svg

        return min(seconds(draw)() for _ in range(3))

    slowest = max(took(archscope.load(name)) for name in MUSEUM)
    yield Claim(
        f"the slowest figure of boxes of {len(MUSEUM)} networks of the museum", slowest, 0.5, "at most", unit="s"
    )
    yield Claim("a figure of boxes of 1,000 layers, 750 solids", took(unlike(250)), 3.0, "at most", unit="s")
    few, many = took(chain(250)), took(chain(500))
    yield Claim("figures of boxes: twice the solids, times the time", many / few, 2.6, "at most")
