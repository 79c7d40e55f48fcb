"""Padding that PyTorch's own layers cannot state: more on one side than on the other, and Keras's `same`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archscope.building.sides import Sides, flat, same_sides


def pad_sides(
    input: Tensor,
    padding: Sides | str,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    value: float = 0.0,
) -> Tensor:
    """The input with its padding around it."""
    sides = same_sides(input.shape[2:], kernel, stride, dilation) if isinstance(padding, str) else padding
    return F.pad(input, flat(sides), value=value) if any(map(any, sides)) else input


class _SidedConv(nn.Module):
    """What convolutions with unequal sides share; mixed into PyTorch's own, which then pad nothing."""

    def __init__(self, *arguments: Any, sides: Sides | str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sides = sides

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, sides={self.sides!r}"


def padded_as(layer: Any, input: Tensor) -> Tensor:
    """The input with a layer's own padding around it."""
    return pad_sides(input, layer.sides, layer.kernel_size, layer.stride, layer.dilation)


class SidedConv1d(_SidedConv, nn.Conv1d):
    """`torch.nn.Conv1d` with padding of its own for each side, or ``same`` as Keras has it."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(padded_as(self, input))


class SidedConv2d(_SidedConv, nn.Conv2d):
    """`torch.nn.Conv2d` with padding of its own for each side, or ``same`` as Keras has it."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(padded_as(self, input))


class SidedConv3d(_SidedConv, nn.Conv3d):
    """`torch.nn.Conv3d` with padding of its own for each side, or ``same`` as Keras has it."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(padded_as(self, input))


class _Cropped(nn.Module):
    """What transposed convolutions that are cut by unequal sides share."""

    def __init__(self, *arguments: Any, sides: Sides, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sides = sides

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, sides={self.sides!r}"


def _cut(output: Tensor, sides: Sides) -> Tensor:
    return F.pad(output, [-side for side in flat(sides)])


class CroppedConvTranspose1d(_Cropped, nn.ConvTranspose1d):
    """`torch.nn.ConvTranspose1d` with each side of the output cut by a width of its own."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return _cut(super().forward(input, output_size), self.sides)


class CroppedConvTranspose2d(_Cropped, nn.ConvTranspose2d):
    """`torch.nn.ConvTranspose2d` with each side of the output cut by a width of its own."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return _cut(super().forward(input, output_size), self.sides)


class CroppedConvTranspose3d(_Cropped, nn.ConvTranspose3d):
    """`torch.nn.ConvTranspose3d` with each side of the output cut by a width of its own."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return _cut(super().forward(input, output_size), self.sides)


class _SidedPool(nn.Module):
    """Pooling with padding of its own for each side."""

    around: ClassVar[float] = 0.0

    def __init__(
        self,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        sides: Sides | str,
        dilation: tuple[int, ...] | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.sides = sides
        self.dilation = (1,) * len(kernel_size) if dilation is None else dilation
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, sides={self.sides!r}"

    def _padded(self, input: Tensor, value: float) -> Tensor:
        return pad_sides(input, self.sides, self.kernel_size, self.stride, self.dilation, value)

    def _inside(self, output: Tensor, input: Tensor) -> Tensor:
        """Drop windows that ``ceil_mode`` begins in the padding after the input, as PyTorch does."""
        if not self.ceil_mode or isinstance(self.sides, str):
            return output
        for axis, ((before, _), step) in enumerate(zip(self.sides, self.stride, strict=True), start=2):
            windows = (input.shape[axis] + before - 1) // step + 1
            output = output.narrow(axis, 0, min(output.shape[axis], windows))
        return output


class SidedMaxPool(_SidedPool):
    """Maximum pooling with padding of its own for each side, or ``same`` as Keras has it.

    >>> SidedMaxPool((2, 2), (2, 2), "same")(torch.zeros(1, 3, 5, 5)).shape
    torch.Size([1, 3, 3, 3])
    """

    def forward(self, input: Tensor) -> Tensor:
        pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[len(self.kernel_size) - 1]
        padded = self._padded(input, float("-inf"))
        pooled: Tensor = pool(padded, self.kernel_size, self.stride, dilation=self.dilation, ceil_mode=self.ceil_mode)
        return self._inside(pooled, input)


class SidedAvgPool(_SidedPool):
    """Average pooling with padding of its own for each side, or ``same`` as Keras has it.

    ``count_include_pad`` says whether the zeros around the input count in the average.
    """

    def __init__(
        self,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        sides: Sides | str,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, sides, ceil_mode=ceil_mode)
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        averaged = self._averaged(input)
        if self.count_include_pad:
            return averaged
        return averaged / self._averaged(torch.ones_like(input[:1, :1]))

    def _averaged(self, input: Tensor) -> Tensor:
        pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(self.kernel_size) - 1]
        pooled: Tensor = pool(self._padded(input, 0.0), self.kernel_size, self.stride, ceil_mode=self.ceil_mode)
        return self._inside(pooled, input)
