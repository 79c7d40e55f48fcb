"""Layers that look at their neighbourhood without sharing weights, or within a map, which PyTorch does not have."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archscope.building.sides import Sides, flat


class _LocallyConnected(nn.Module):
    """A kernel for each output map at every position; maps, then positions row by row, are the first axis."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        output_size: tuple[int, ...],
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...] = (1, 1),
        sides: Sides = ((0, 0), (0, 0)),
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.output_size = in_channels, out_channels, output_size
        self.kernel_size, self.stride, self.sides = kernel_size, stride, sides
        units = out_channels
        for extent in output_size:
            units *= extent
        self.weight = nn.Parameter(torch.empty(units, in_channels, *kernel_size))
        self.bias = nn.Parameter(torch.empty(units)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as PyTorch's convolutions do."""
        reach = self.weight[0].numel() ** -0.5
        for each in self.parameters():
            nn.init.uniform_(each, -reach, reach)

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"

    def forward(self, input: Tensor) -> Tensor:
        around = F.pad(input, flat(self.sides))
        kernel, stride = self.kernel_size, self.stride
        if len(kernel) == 1:
            around, kernel, stride = around.unsqueeze(2), (1, *kernel), (1, *stride)
        windows = F.unfold(around, kernel, stride=stride)
        kernels = self.weight.reshape(self.out_channels, windows.shape[2], -1)
        output = torch.einsum("nlk,bkl->bnl", kernels, windows)
        if self.bias is not None:
            output = output + self.bias.reshape(self.out_channels, -1)
        return output.reshape(*output.shape[:2], *self.output_size)


class LocallyConnected1d(_LocallyConnected):
    """A kernel for each output map at every position of ``(channels, length)``.

    >>> LocallyConnected1d(4, 6, (8,), (3,), (1,), ((0, 0),))(torch.zeros(2, 4, 10)).shape
    torch.Size([2, 6, 8])
    """


class LocallyConnected2d(_LocallyConnected):
    """A kernel for each output map at every position of ``(channels, height, width)``.

    >>> LocallyConnected2d(3, 6, (4, 4), (5, 5))(torch.zeros(2, 3, 8, 8)).shape
    torch.Size([2, 6, 4, 4])
    """


class WithinChannelNorm(nn.Module):
    """Local response normalization over ``size`` by ``size`` neighbours in the same map, as Caffe has it.

    >>> WithinChannelNorm(3)(torch.ones(1, 2, 5, 5)).shape
    torch.Size([1, 2, 5, 5])
    """

    def __init__(self, size: int, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha:g}, beta={self.beta:g}, k={self.k:g}"

    def forward(self, input: Tensor) -> Tensor:
        mean = F.avg_pool2d(input * input, self.size, stride=1, padding=self.size // 2)
        mean = mean.mul(self.alpha).add(self.k).pow(self.beta)
        return input / mean
