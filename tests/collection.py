"""The networks that come along, and the few of them that stand for the others where a test takes long."""

from __future__ import annotations

from typing import Final

import archscope
from archscope.reader import spec_names

MOST_NODES: Final = 60
MOST_MACS: Final = 2_000_000_000

LARGE: Final = ("convnext@T", "densenet@121", "googlenet", "mobilenet-v2", "resnet@18", "vgg@A")
"""Large ones that are among them, of every way to build a network."""


def _light(name: str) -> bool:
    analysis = archscope.analyze(archscope.load(name))
    return len(analysis.nodes) <= MOST_NODES and (analysis.totals.macs or 0) <= MOST_MACS


SAMPLE: Final = [name for name in spec_names() if name in LARGE or _light(name)]
"""What a test goes through that runs or compiles networks, or opens their pages."""
