"""What a layer type notices about its place that is allowed and yet seldom meant: a `Doubt`, of one of `KINDS`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from archscope.record import Record
from archscope.working import bare

Meaning = Literal["", "maps", "sequence"]
"""What the axes of a value mean: ``(channels, …)``, ``(positions, features)``, or nothing that is known."""

MAPS: Final = "maps"
SEQUENCE: Final = "sequence"


class Kind(Record):
    """One kind of doubt: when it is raised, and what to write instead."""

    when: str
    remedy: str


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "channels-last": Kind(
            "A layer that takes channels first reads an input such as `[224, 224, 3]`: 224 channels of 224×3.",
            "Write the channels first: `input: [3, 224, 224]`.",
        ),
        "unread-input": Kind("No layer reads an input.", "Name it in a layer's `from:`, or remove it."),
        "positions-as-channels": Kind(
            "A layer that takes channels first reads what an embedding, an LSTM or attention makes, "
            "`(positions, features)`: it slides over the features and takes each position for a channel.",
            "Swap the two axes before it.",
        ),
        "channels-as-positions": Kind(
            "A layer that takes positions first, or a dense layer, reads what a convolution or a pooling along one "
            "axis makes, `(channels, length)`: it takes each channel for a position.",
            "Put a `flatten` before it, or swap the two axes: `{type: transpose, dim0: 0, dim1: 1}`.",
        ),
        "softmax-over-positions": Kind(
            "A softmax without `dim` reads `(positions, features)`: it adds up to 1 over the positions.",
            "Write `{type: softmax, dim: 1}`; or `dim: 0`, if the positions are meant.",
        ),
        "norm-over-positions": Kind(
            "A layer norm without `normalized_shape` reads `(positions, features)`: its statistics mix all positions, "
            "and it has a weight for each value of each position.",
            "State the number of features: `normalized_shape: 64`.",
        ),
        "bias-before-norm": Kind(
            "Only a normalization of each channel (batch or instance) reads a layer with a bias: the mean that it "
            "takes away takes the bias along.",
            "Write `bias: false`.",
        ),
        "relu-before-loss": Kind(
            "The network ends in a ReLU and is trained with cross-entropy: no class can get a score below 0.",
            "Remove the activation of the last layer.",
        ),
        "skipped-values": Kind(
            "A stride is larger than its kernel, or has a factor in common with the dilation, and no other layer reads "
            "the values in between.",
            "Use a larger kernel, another dilation or a smaller stride.",
        ),
        "stride-in-every-copy": Kind(
            "A table of stages with a column `repeat` gives a stride to all copies of a stage: each makes the maps "
            "smaller. The papers' tables mean the first.",
            "Write `first.` before the name of the column: `first.s`.",
        ),
        "window-in-padding": Kind(
            "Padding is as large as the kernel: the outermost windows see nothing but padding.",
            "Use less padding; `(kernel_size − 1) / 2` keeps the size.",
        ),
    }
)
"""Every kind of doubt by its name, which ``allow:`` takes."""


class Doubt(Record):
    """One doubt of a layer about its place.

    Attributes:
        kind: its name, one of `KINDS`.
        message: a sentence with the values in it, without the layer's name.
        help: what to write instead.
        option: the option to point at, if one is.
    """

    kind: str
    message: str
    help: str
    option: str | None = None


def useless_bias() -> Doubt:
    """The doubt of a layer whose constants the normalization behind it takes away."""
    return Doubt(
        "bias-before-norm", "has a bias, which the normalization behind it takes away", "write `bias: false`", "bias"
    )


class Place(Record):
    """Where a layer stands, as far as its doubts look.

    Attributes:
        inputs: the shapes that come in.
        axes: what the axes of its first input mean.
        features: whether what reads it takes the last axis for features.
        stated: the options that the spec states.
        centred: whether all that reads it takes the mean of each channel away, and no other layer has its weights.
    """

    inputs: tuple[tuple[int, ...], ...]
    axes: Meaning = ""
    features: bool = False
    stated: frozenset[str] = frozenset()
    centred: bool = False

    @property
    def positions(self) -> int:
        """How many positions it reads, if its input is known to be ``(positions, features)``; else 0."""
        shape = self.inputs[0] if self.inputs else ()
        return bare(shape[0]) if self.axes == SEQUENCE and len(shape) == 2 else 0

    @property
    def length(self) -> int:
        """How many places there are along the one axis, if its input is known to be ``(channels, length)``; else 0."""
        shape = self.inputs[0] if self.inputs else ()
        return bare(shape[1]) if self.axes == MAPS and len(shape) == 2 else 0
