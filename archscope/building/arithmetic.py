"""Modules for arithmetic value by value, which PyTorch has as functions."""

from __future__ import annotations

import torch
from torch import Tensor

from archscope.building.functions import Typed


class Maximum(Typed):
    """The larger of two inputs."""

    layer_type = "maximum"

    def forward(self, input: Tensor, other: Tensor) -> Tensor:
        return torch.maximum(input, other)


class Minimum(Typed):
    """The smaller of two inputs."""

    layer_type = "minimum"

    def forward(self, input: Tensor, other: Tensor) -> Tensor:
        return torch.minimum(input, other)


class Pow(Typed):
    """The first input to the power of the second."""

    layer_type = "pow"

    def forward(self, input: Tensor, exponent: Tensor) -> Tensor:
        return input.pow(exponent)


class Stack(Typed):
    """Inputs side by side along a new axis."""

    layer_type = "stack"

    def forward(self, *inputs: Tensor) -> Tensor:
        dim = self.options["dim"]
        return torch.stack(inputs, dim + 1 if dim >= 0 else dim)


class Subtract(Typed):
    """The first input less the second."""

    layer_type = "subtract"

    def forward(self, input: Tensor, other: Tensor) -> Tensor:
        return input - other


class Divide(Typed):
    """The first input over the second."""

    layer_type = "divide"

    def forward(self, input: Tensor, other: Tensor) -> Tensor:
        return input / other


class Abs(Typed):
    """The absolute value."""

    layer_type = "abs"

    def forward(self, input: Tensor) -> Tensor:
        return input.abs()


class Exp(Typed):
    """The exponential."""

    layer_type = "exp"

    def forward(self, input: Tensor) -> Tensor:
        return input.exp()


class Log(Typed):
    """The natural logarithm."""

    layer_type = "log"

    def forward(self, input: Tensor) -> Tensor:
        return input.log()


class Sqrt(Typed):
    """The square root."""

    layer_type = "sqrt"

    def forward(self, input: Tensor) -> Tensor:
        return input.sqrt()


class Power(Typed):
    """A constant power."""

    layer_type = "power"

    def forward(self, input: Tensor) -> Tensor:
        return input.pow(self.options["exponent"])


class Scale(Typed):
    """A constant factor, and a constant added."""

    layer_type = "scale"

    def forward(self, input: Tensor) -> Tensor:
        scaled = input if self.options["factor"] == 1 else input * self.options["factor"]
        return scaled + self.options["shift"] if self.options["shift"] else scaled
