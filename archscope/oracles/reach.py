"""`Probe`: which input positions of one layer reach given output positions, by its module's own gradient."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from archscope.building.builders import build_layer
from archscope.building.historic import EuclideanRBF
from archscope.building.padding import SidedMaxPool, pad_sides
from archscope.errors import ArchscopeError, Rejects
from archscope.layers import Facts, Layer, Shape
from archscope.tracing.strangers import keeping_random

POINTS: Final = (0.5, -0.5, 0.05, 2.0, -2.0, 6.5, -6.5, 20.0, -20.0, 100.0)
"""Inputs, the same everywhere, at which a layer is tried until it lets a gradient through.

The same everywhere, so that it does or does not everywhere: flat pieces of an activation cannot hide some positions.
"""

_ONE: Final = ("out_channels", "groups", "num_parameters", "num_groups")
"""Options that say how many channels there are, and that one channel has as 1."""


class Blind(Exception):
    """A layer let no gradient through where it was tried, so what it sees cannot be told."""


class Probe:
    """Modules of layers with as few channels as they can have, each built and tried once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Layer, tuple[Shape, ...]], tuple[nn.Module, tuple[Shape, ...], float] | Blind] = {}

    def back(self, layer: Layer, facts: Facts, mask: Tensor) -> list[Tensor]:
        """For each input of a layer, the positions that reach the outputs of a mask ``(units, *grid)``.

        Raises:
            Blind: the layer passes no gradient on, whatever its input.
        """
        shapes = tuple(_plain(shape) for shape in facts.inputs)
        key = (layer, shapes)
        if key not in self._known:
            self._known[key] = _tried(layer, shapes, _plain(facts.output))
        found = self._known[key]
        if isinstance(found, Blind):
            raise found
        module, taken, point = found
        return _pulled(module, taken, point, mask)


def _plain(shape: Sequence[int]) -> Shape:
    return tuple(int(extent) for extent in shape)


def _tried(
    layer: Layer, shapes: tuple[Shape, ...], output: Shape
) -> tuple[nn.Module, tuple[Shape, ...], float] | Blind:
    """A module of the layer, its input shapes, and an input at which it lets a gradient through."""
    everything = torch.ones(1, *output[1:], dtype=torch.bool)
    for own, taken in _thin(layer, shapes, output):
        with keeping_random():
            module = _seeing(build_layer(own, *taken)).double().eval()
        _fill(module)
        if hasattr(module, "kernel_size"):
            # Products with positive weights, the same at every point; all windows may lie in the padding.
            return module, taken, POINTS[0]
        for point in POINTS:
            # One input at least: another may only lend its size.
            if any(bool(each.any()) for each in _pulled(module, taken, point, everything)):
                return module, taken, point
    return Blind(f"{layer.label} passes no gradient on for any input that the probe tries")


def _thin(layer: Layer, shapes: tuple[Shape, ...], output: Shape) -> Iterator[tuple[Layer, tuple[Shape, ...]]]:
    """The layer on one channel, on two, and as it is; the first two where they make the same grid."""
    for channels in (1, 2):
        stated: dict[str, Any] = {name: getattr(layer, name) for name in layer.options}
        if stated.get("correction", 0) >= channels:
            continue  # so few values have no spread
        ones: dict[str, Any] = {name: 1 for name in _ONE if name in stated}
        taken = tuple((channels, *shape[1:]) for shape in shapes)
        try:
            own = type(layer)(**{**stated, **ones})
            made = own.facts(*taken).output
        except (Rejects, ArchscopeError):
            continue
        if _plain(made[1:]) == output[1:]:
            yield own, taken
    yield layer, shapes


def _pulled(module: nn.Module, taken: tuple[Shape, ...], point: float, mask: Tensor) -> list[Tensor]:
    """Positions with a gradient to any marked output, an entry for each input."""
    inputs = [_point(len(mask), shape, point + place) for place, shape in enumerate(taken)]
    with torch.enable_grad():
        made = module(*inputs)
        output = made if isinstance(made, Tensor) else made[0]
        # Different shares, because the channels of a softmax add up to one whatever the input is.
        shares = torch.arange(1, output.shape[1] + 1, dtype=output.dtype).view(1, -1, *[1] * (output.dim() - 2))
        gradients = torch.autograd.grad(output, inputs, mask.unsqueeze(1) * shares, allow_unused=True)
    return [torch.zeros(len(mask), *shape[1:], dtype=torch.bool) if each is None else (each != 0).any(1)
            for each, shape in zip(gradients, taken, strict=True)]  # fmt: skip


def _point(many: int, shape: Shape, value: float) -> Tensor:
    return torch.full((many, *shape), value, dtype=torch.float64, requires_grad=True)


class Mean(nn.Module):
    """The mean of the windows of a maximum pooling."""

    def __init__(self, pool: Any, sides: Any) -> None:
        super().__init__()
        axes = {nn.MaxPool1d: 1, nn.MaxPool2d: 2, nn.MaxPool3d: 3}.get(type(pool), 0)
        self.kernel_size = _each(pool.kernel_size, axes)
        self.stride = _each(pool.stride, axes)
        self.dilation = _each(pool.dilation, axes)
        self.pool = pool
        self.sides = sides if isinstance(sides, str) else tuple(
            each if isinstance(each, tuple) else (each, each) for each in _each(sides, axes)
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        convolve = (F.conv1d, F.conv2d, F.conv3d)[len(self.kernel_size) - 1]
        padded = pad_sides(input, self.sides, self.kernel_size, self.stride, self.dilation)
        # A last window that `ceil_mode` lets hang over the end sees nothing there.
        padded = F.pad(padded, [side for step in reversed(self.stride) for side in (0, step - 1)])
        maps = input.shape[1]
        weight = input.new_full((maps, 1, *self.kernel_size), 1 / math.prod(self.kernel_size))
        means = convolve(padded, weight, stride=self.stride, dilation=self.dilation, groups=maps)
        windows = self.pool(input[:1]).shape[2:]
        inside: tuple[Any, ...] = (..., *(slice(extent) for extent in windows))
        return means[inside]


def _each(value: Any, axes: int) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,) * axes


def _seeing(module: nn.Module) -> nn.Module:
    """The module, or one that sees the same and shows all of it."""
    if isinstance(module, _BatchNorm) and not module.track_running_stats:
        # What it takes from the batch is no line from a position of this sample.
        return nn.Identity()
    if isinstance(module, SidedMaxPool):
        return Mean(module, module.sides)
    if isinstance(module, (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)):
        return Mean(module, module.padding)
    adaptive = {nn.AdaptiveMaxPool1d: nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool2d: nn.AdaptiveAvgPool2d,
                nn.AdaptiveMaxPool3d: nn.AdaptiveAvgPool3d}  # fmt: skip
    for maximum, average in adaptive.items():
        if isinstance(module, maximum):
            return average(module.output_size)
    return module


def _fill(module: nn.Module) -> None:
    """Weights that are all positive, so that nothing cancels."""
    with torch.no_grad():
        for part in module.modules():
            for name, tensor in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
                if tensor.is_floating_point():
                    tensor.fill_(0.0 if name == "running_mean" else -1.0 if isinstance(part, EuclideanRBF) else 1.0)
