"""What a figure of volumes shows of a network: solids, what joins them, and the stages around them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from archscope.analysis import Analysis, Row
from archscope.diagrams.themes import BLOCK
from archscope.diagrams.volumes.outputs import Shape
from archscope.diagrams.volumes.series import Series, series_of

Way = Literal["convolution", "pointwise", "pooling", "upsampling", "dense", "copy", "skip", "plain"]
"""What an arrow stands for."""


@dataclass(frozen=True)
class Solid:
    """What is drawn as one thing.

    Attributes:
        id: the name of its first layer, or of the input.
        layers: the nodes of the network that it stands for, with those of its copies.
        rows: the analysis of one copy, its own first.
        shape: of what it gives.
        family: gives it its colour.
        name: what it is called where it stands.
        sign: what is drawn in a circle instead of a box.
        parameters: trainable values, of all copies.
        macs: of all copies; None where those of any are not covered.
        repeats: how many equal ones it stands for by itself.
        parts: the channels of what lies side by side in it.
        copied: how many of its first channels are another's.
        grows: how many channels each of its inner blocks adds, and how many do.
        banded: whether an activation ends it.
        around: it adds what it was given.
        shares: whose weights it uses.
        stages: the ids of the frames around it, outermost first.
        heading: what stands over it: its name, or that of the open block that it begins; empty where its place says
            enough.
        headed: how often the block is there that the heading names.
        times: how often other open blocks are there that it begins.
    """

    id: str
    layers: tuple[str, ...]
    rows: tuple[Row, ...]
    shape: Shape
    family: str
    name: str
    sign: str = ""
    parameters: int = 0
    macs: int | None = 0
    repeats: int = 1
    parts: tuple[int, ...] = ()
    copied: int = 0
    grows: tuple[int, int] = (0, 0)
    banded: bool = False
    around: bool = False
    shares: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    heading: str = ""
    headed: int = 1
    times: int = 1

    @property
    def is_block(self) -> bool:
        """Whether it is a closed block."""
        return self.family == BLOCK


@dataclass(frozen=True)
class Arrow:
    """What goes from one solid to another.

    ``told`` is what lies on the way, in words, and ``layers`` are its nodes, with those of their copies; nodes that
    lie on several ways are of the first. ``ways`` is for how many it stands that do different things.
    """

    source: str
    target: str
    way: Way = "plain"
    told: str = ""
    layers: tuple[str, ...] = ()
    ways: int = 1


@dataclass(frozen=True)
class Stage:
    """An open block with a frame: its title is over its solids. ``nested`` in another frame; ``copies`` of it."""

    id: str
    title: str
    nested: bool = False
    copies: int = 1


@dataclass(frozen=True)
class Form:
    """Solids in the order of the network, arrows, and stages by id.

    ``passed`` is what stands on an arrow or nowhere, and for each what it is.
    """

    analysis: Analysis
    solids: tuple[Solid, ...]
    arrows: tuple[Arrow, ...]
    stages: dict[str, Stage] = field(default_factory=dict)
    passed: tuple[tuple[str, str], ...] = ()
    depth: int = 1
    deepest: int = 1
    folded: bool = False

    @property
    def series(self) -> Series:
        """The solids from left to right."""
        return series_of([each.id for each in self.solids], [(each.source, each.target) for each in self.arrows])

    @property
    def by_id(self) -> dict[str, Solid]:
        """The solids by their ids."""
        return {solid.id: solid for solid in self.solids}
