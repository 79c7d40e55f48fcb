"""Modules for the layers of the first convolutional networks, which PyTorch does not have."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archscope.building.padding import SidedConv2d, pad_sides, padded_as
from archscope.building.sides import Sides


class Subsampling(nn.Module):
    """The sum of each window, times one trainable weight a map, plus one trainable bias a map.

    >>> layer = Subsampling(6, (2, 2), (2, 2))
    >>> sum(p.numel() for p in layer.parameters()), layer(torch.zeros(1, 6, 28, 28)).shape
    (12, torch.Size([1, 6, 14, 14]))
    """

    def __init__(self, channels: int, kernel_size: tuple[int, ...], stride: tuple[int, ...]) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as an average: the weight is one over the window, the bias 0."""
        nn.init.constant_(self.weight, 1 / (self.kernel_size[0] * self.kernel_size[1]))
        nn.init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        summed = F.avg_pool2d(input, self.kernel_size, self.stride, divisor_override=1)
        return summed * self.weight[:, None, None] + self.bias[:, None, None]

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, kernel_size={self.kernel_size}, stride={self.stride}"


class TableConv2d(nn.Module):
    """A convolution in which an output map sees only the input maps that a table lists.

    The weight holds one kernel for each connected pair, in the table's order, and nothing for the others:
    output maps with equally many inputs run together as one grouped convolution. With ``as_dense`` it computes
    the same values with one ordinary convolution in which the others are 0: several times faster on a CPU,
    at the price of multiplications that the network does not have. With ``places``, the sides of the output, each unit
    has a bias of its own.

    >>> layer = TableConv2d(3, ((0, 1), (1, 2), (0, 1, 2)), (5, 5))
    >>> layer.weight.shape, layer(torch.zeros(1, 3, 14, 14)).shape
    (torch.Size([7, 5, 5]), torch.Size([1, 3, 10, 10]))
    """

    def __init__(
        self,
        in_channels: int,
        table: Sequence[Sequence[int]],
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...] = (1, 1),
        padding: Sides | str = ((0, 0), (0, 0)),
        dilation: tuple[int, ...] = (1, 1),
        bias: bool = True,
        places: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = len(table)
        self.table = tuple(tuple(row) for row in table)
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.weight = nn.Parameter(torch.empty(sum(len(row) for row in self.table), *kernel_size))
        self.places = places
        self.bias = nn.Parameter(torch.empty(len(table), *(places or ()))) if bias else None
        self.as_dense = False
        self._wires = _wires(self.table)
        self.reset_parameters()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """The wires go along to a device: from the CPU they would be copied, and waited for, in every call."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._wires = _wires(self.table)
        if self.weight.device.type not in ("cpu", "meta"):
            self._wires = self._wires.on(self.weight.device)
        return self

    def reset_parameters(self) -> None:
        """Uniform within one over the root of an output map's fan-in, as PyTorch starts a convolution."""
        window = self.kernel_size[0] * self.kernel_size[1]
        first = 0
        for output_map, row in enumerate(self.table):
            bound = (window * len(row)) ** -0.5
            with torch.no_grad():
                self.weight[first : first + len(row)].uniform_(-bound, bound)
                if self.bias is not None:
                    self.bias[output_map].uniform_(-bound, bound)
            first += len(row)

    def forward(self, input: Tensor) -> Tensor:
        padded = pad_sides(input, self.padding, self.kernel_size, self.stride, self.dilation)
        if self.as_dense:
            dense = self.weight.new_zeros(self.out_channels, self.in_channels, *self.kernel_size)
            dense = dense.index_put([torch.as_tensor(each) for each in self._wires[:2]], self.weight)
            made = F.conv2d(padded, dense, stride=self.stride, dilation=self.dilation)
            return made if self.bias is None else made + self._shifts(self.bias)
        maps = []
        for rows, sources, kernels, fan_in in self._wires.batches:
            weight = self.weight[kernels].reshape(rows, fan_in, *self.kernel_size)
            maps.append(F.conv2d(padded[:, sources], weight, stride=self.stride, dilation=self.dilation, groups=rows))
        joined = maps[0] if len(maps) == 1 else torch.cat(maps, dim=1)
        if self._wires.order is not None:
            joined = joined[:, self._wires.order]
        return joined if self.bias is None else joined + self._shifts(self.bias)

    def _shifts(self, bias: Tensor) -> Tensor:
        return bias[:, None, None] if self.places is None else bias

    def extra_repr(self) -> str:
        pairs = sum(len(row) for row in self.table)
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"pairs={pairs} of {self.in_channels * self.out_channels}"
        )


class UntiedConv2d(SidedConv2d):
    """A convolution whose units share their weights and not their biases; ``places`` are the sides of the output.

    >>> layer = UntiedConv2d(1, 12, 5, stride=2, sides=((2, 2), (2, 2)), places=(8, 8))
    >>> sum(p.numel() for p in layer.parameters()), layer(torch.zeros(1, 1, 16, 16)).shape
    (1068, torch.Size([1, 12, 8, 8]))
    """

    bias: nn.Parameter

    def __init__(self, *arguments: Any, places: tuple[int, int], **options: Any) -> None:
        super().__init__(*arguments, bias=False, **options)
        self.places = places
        reach = (self.in_channels // self.groups * math.prod(self.kernel_size)) ** -0.5
        self.bias = nn.Parameter(torch.empty(self.out_channels, *places).uniform_(-reach, reach))

    def forward(self, input: Tensor) -> Tensor:
        sums: Tensor = self._conv_forward(padded_as(self, input), self.weight, None)
        return sums + self.bias

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, places={self.places}"


class _Wires(NamedTuple):
    """Where the kernels of a table stand: lists on the CPU, index tensors on a device.

    ``outputs`` and ``sources`` are the two ends of each connected pair, ``batches`` the output maps of one fan-in
    together: how many, the input maps that they read, their kernels, the fan-in. ``order`` says where each output map
    lies after the batches are joined; None where it is in its place already.
    """

    outputs: Any
    sources: Any
    batches: list[tuple[int, Any, Any, int]]
    order: Any

    def on(self, device: torch.device) -> _Wires:
        """The same, held by a device."""

        def held(places: list[int]) -> Tensor:
            return torch.tensor(places, device=device)

        return _Wires(
            held(self.outputs),
            held(self.sources),
            [(rows, held(sources), held(kernels), fan_in) for rows, sources, kernels, fan_in in self.batches],
            None if self.order is None else held(self.order),
        )


def _wires(table: Sequence[Sequence[int]]) -> _Wires:
    outputs = [output_map for output_map, row in enumerate(table) for _ in row]
    first_kernel = list(accumulate((len(row) for row in table), initial=0))
    batches: list[tuple[int, Any, Any, int]] = []
    for fan_in in sorted({len(row) for row in table}):
        chosen = [position for position, row in enumerate(table) if len(row) == fan_in]
        sources = [source for position in chosen for source in table[position]]
        kernels = [first_kernel[position] + place for position in chosen for place in range(fan_in)]
        batches.append((len(chosen), sources, kernels, fan_in))
    joined = sorted(range(len(table)), key=lambda position: len(table[position]))
    order = [joined.index(position) for position in range(len(table))]
    return _Wires(
        outputs,
        [source for row in table for source in row],
        batches,
        None if order == list(range(len(table))) else order,
    )


class EuclideanRBF(nn.Module):
    """``y_i = sum_j (x_j - w_ij)^2``, the squared distance of the input to each unit's code.

    Codes that are not trained are a buffer: they travel with ``state_dict`` and no optimizer sees them.

    >>> layer = EuclideanRBF(2, 2, ["#.", "##"])
    >>> layer(torch.tensor([[1.0, 1.0]]))
    tensor([[4., 0.]])
    """

    def __init__(
        self, in_features: int, out_features: int, codes: Sequence[str] | None = None, trainable: bool = False
    ) -> None:
        super().__init__()
        self.weight: Tensor
        start = codes_of(codes, out_features, in_features)
        if trainable:
            self.weight = nn.Parameter(start)
        else:
            self.register_buffer("weight", start)

    def forward(self, input: Tensor) -> Tensor:
        return (input.unsqueeze(-2) - self.weight).square().sum(-1)

    def extra_repr(self) -> str:
        units, lines = self.weight.shape
        return f"in_features={lines}, out_features={units}"


def codes_of(bitmaps: Sequence[str] | None, units: int, lines: int) -> Tensor:
    """Codes of ±1 from bitmaps of ``#`` and ``.``; drawn at random where there are none.

    >>> codes_of(["#..#"], 1, 4)
    tensor([[ 1., -1., -1.,  1.]])
    """
    if bitmaps is None:
        return torch.randint(0, 2, (units, lines)).to(torch.get_default_dtype()) * 2 - 1
    rows = [[1.0 if mark == "#" else -1.0 for mark in bitmap] for bitmap in bitmaps]
    return torch.tensor(rows)


class ScaledTanh(nn.Module):
    """``amplitude · tanh(slope · a)``, LeCun's squashing function.

    >>> round(ScaledTanh(1.7159, 2 / 3)(torch.tensor(1.0)).item(), 4)
    1.0
    """

    def __init__(self, amplitude: float, slope: float) -> None:
        super().__init__()
        self.amplitude = amplitude
        self.slope = slope

    def forward(self, input: Tensor) -> Tensor:
        return self.amplitude * torch.tanh(self.slope * input)

    def extra_repr(self) -> str:
        return f"amplitude={self.amplitude:g}, slope={self.slope:.6g}"
