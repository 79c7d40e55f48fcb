"""The networks that come along, and the few of them that stand for the others where a test takes long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import archscope
from archscope.network import Network
from archscope.reader import spec_names

MOST_NODES: Final = 60
MOST_MACS: Final = 2_000_000_000

LARGE: Final = ("mobilenet-v2", "resnet@18", "squeezenet@1.0")
"""Large ones that are among them, of every way to build a network: they narrow and widen, add, and lay side by side."""


def _light(name: str) -> bool:
    analysis = archscope.analyze(archscope.load(name))
    return len(analysis.nodes) <= MOST_NODES and (analysis.totals.macs or 0) <= MOST_MACS


SAMPLE: Final = [name for name in spec_names() if name in LARGE or _light(name)]
"""What a test goes through that runs or compiles networks, or opens their pages."""


MEMBERS: Final = sorted([
    *spec_names(), "dcgan@discriminator", "mobilenet-v3@small", "nin@imagenet", "resnet@50", "squeezenet@1.1",
])  # fmt: skip
"""What a test goes through that reads and writes specs: other variants are the same lines with other numbers."""

_DECODER: Final = {"let.d": 256, "let.groups": 1, "let.hidden": 96, "let.n": 2, "let.vocabulary": 97}
_THIN: Final[Mapping[str, Mapping[str, Any]]] = {
    "bert@base": {"let.d": 64, "let.heads": 4, "let.n": 2},
    "gpt2@small": {"let.d": 64, "let.heads": 4, "let.layers": 2, "let.vocabulary": 97},
    "llama2@7b": _DECODER,
    "lstm-lm@small": {"let.steps": 3},
    "mixtral": _DECODER,
    "transformer@base": {"let.d": 64, "let.heads": 4, "let.vocabulary": 97},
    "vit@b16": {"let.d": 64, "let.heads": 4, "let.n": 2},
}
"""What is changed of those whose weights take too long to make: the lines are the same."""
_SMALL: Final[Mapping[str, tuple[int, ...]]] = {
    "unet": (1, 188, 188), "vgg@A": (3, 32, 32), **{name: (16,) for name, its in _THIN.items() if its is _DECODER},
}  # fmt: skip
"""Inputs as small as the layers take."""


def thin(name: str, shape: str | None = None) -> Network:
    """A spec that can be built and run: as it is, or the same lines with small numbers; on another input if wished."""
    return archscope.load(name, changes=_THIN.get(name, {}), input=shape or _SMALL.get(name))
