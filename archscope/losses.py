"""What a backward pass starts from, by PyTorch's names: losses of the outputs, or a gradient of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from archscope.errors import UsageError, did_you_mean

LOSSES: Final[Mapping[str, str]] = MappingProxyType({
    "sum": "the sum of each output, one number",
    "mean": "the mean of each output, one number",
    "mse_loss": "the mean squared error of each output, whose targets are held with the inputs",
    "cross_entropy": "the cross-entropy of each output, whose targets are held with the inputs",
    "nll_loss": "the negative log likelihood of each output, whose targets are held with the inputs",
    "none": "a gradient of the outputs' size, which comes from outside",
})  # fmt: skip
"""Everything that a backward pass may start from, and words that follow "it starts from"."""

DEFAULT: Final = "sum"
"""What it starts from unless told otherwise: nothing but the network and one number."""

SEQUENCE: Final = 2
"""Axes of a sample that is a sequence: positions, and the scores of classes at each."""


def loss_of(name: str) -> str:
    """The name, if there is such a loss.

    Raises:
        UsageError: there is none.
    """
    if name not in LOSSES:
        raise UsageError(f"no loss `{name}`; {did_you_mean(name, LOSSES, what='losses')}")
    return name
