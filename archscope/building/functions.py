"""Modules for layers that PyTorch has as functions along axes.

Each is one layer type and says which, with the options of the layer; so what reads modules takes its word for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Typed(nn.Module):
    """A module that is one layer type; its options are the layer's own, axes counted without the batch."""

    layer_type: ClassVar[str]

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())


def _axis(dim: int) -> int:
    """An axis counted without the batch, counted with it."""
    return dim + 1 if dim >= 0 else dim


class Permute(Typed):
    """The axes in another order.

    >>> Permute(dims=(1, 2, 0))(torch.zeros(5, 3, 32, 48)).shape
    torch.Size([5, 32, 48, 3])
    """

    layer_type = "permute"

    def forward(self, input: Tensor) -> Tensor:
        rank = input.dim() - 1
        return input.permute(0, *(dim % rank + 1 for dim in self.options["dims"]))


class Transpose(Typed):
    """Two axes exchanged."""

    layer_type = "transpose"

    def forward(self, input: Tensor) -> Tensor:
        return input.transpose(_axis(self.options["dim0"]), _axis(self.options["dim1"]))


class Squeeze(Typed):
    """Axes of one value taken away."""

    layer_type = "squeeze"

    def forward(self, input: Tensor) -> Tensor:
        rank, dims = input.dim() - 1, self.options["dim"]
        axes = [axis for axis in range(rank) if input.shape[axis + 1] == 1] if dims is None else dims
        return input.squeeze([dim % rank + 1 for dim in axes])


class Unsqueeze(Typed):
    """An axis of one value put in."""

    layer_type = "unsqueeze"

    def forward(self, input: Tensor) -> Tensor:
        return input.unsqueeze(_axis(self.options["dim"]))


class Expand(Typed):
    """Axes of one value repeated."""

    layer_type = "expand"

    def forward(self, input: Tensor) -> Tensor:
        return input.expand(-1, *self.options["size"])


class Slice(Typed):
    """Some of the positions along an axis.

    >>> Slice(dim=1, start=-1, end=None, step=1)(torch.zeros(5, 3, 8)).shape
    torch.Size([5, 3, 1])
    """

    layer_type = "slice"

    def forward(self, input: Tensor) -> Tensor:
        axis = _axis(self.options["dim"]) % input.dim()
        along = slice(self.options["start"], self.options["end"], self.options["step"])
        return input[(slice(None),) * axis + (along,)]


class Select(Typed):
    """One position of an axis."""

    layer_type = "select"

    def forward(self, input: Tensor) -> Tensor:
        return input.select(_axis(self.options["dim"]), self.options["index"])


class Split(Typed):
    """Parts of given sizes along an axis.

    >>> [each.shape[1] for each in Split(split_size=(16, 48), dim=0)(torch.zeros(5, 64, 8))]
    [16, 48]
    """

    layer_type = "split"

    def forward(self, input: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.split_with_sizes(input, self.options["split_size"], _axis(self.options["dim"])))


class Chunk(Typed):
    """Equal parts along an axis."""

    layer_type = "chunk"

    def forward(self, input: Tensor) -> tuple[Tensor, ...]:
        return tuple(input.chunk(self.options["chunks"], dim=_axis(self.options["dim"])))


class Crop(Typed):
    """The first input cut to the size of the second."""

    layer_type = "crop"

    def forward(self, input: Tensor, like: Tensor) -> Tensor:
        offset = self.options["offset"]
        cropped = input
        for axis in range(2, input.dim()):
            first = (input.shape[axis] - like.shape[axis]) // 2
            if offset is not None:
                first = offset[axis - 2] if len(offset) > 1 else offset[0]
            cropped = cropped.narrow(axis, first, like.shape[axis])
        return cropped


class _Reduction(Typed):
    def given(self, input: Tensor) -> dict[str, Any]:
        return {"dim": [dim % (input.dim() - 1) + 1 for dim in self.options["dim"]],
                "keepdim": self.options["keepdim"]}  # fmt: skip


class Mean(_Reduction):
    """The mean over some axes."""

    layer_type = "mean"

    def forward(self, input: Tensor) -> Tensor:
        return input.mean(**self.given(input))


class Sum(_Reduction):
    """The sum over some axes."""

    layer_type = "sum"

    def forward(self, input: Tensor) -> Tensor:
        return input.sum(**self.given(input))


class Max(_Reduction):
    """The largest value over some axes."""

    layer_type = "max"

    def forward(self, input: Tensor) -> Tensor:
        return input.amax(**self.given(input))


class Min(_Reduction):
    """The smallest value over some axes."""

    layer_type = "min"

    def forward(self, input: Tensor) -> Tensor:
        return input.amin(**self.given(input))


class LogSumExp(_Reduction):
    """The logarithm of a sum of exponentials over some axes."""

    layer_type = "logsumexp"

    def forward(self, input: Tensor) -> Tensor:
        return input.logsumexp(**self.given(input))


class Var(_Reduction):
    """The variance over some axes."""

    layer_type = "var"

    def forward(self, input: Tensor) -> Tensor:
        return input.var(correction=self.options["correction"], **self.given(input))


class Std(_Reduction):
    """The standard deviation over some axes."""

    layer_type = "std"

    def forward(self, input: Tensor) -> Tensor:
        return input.std(correction=self.options["correction"], **self.given(input))


class Repeat(Typed):
    """Every axis so many times in a row."""

    layer_type = "repeat"

    def forward(self, input: Tensor) -> Tensor:
        return input.repeat(1, *self.options["repeats"])


class Roll(Typed):
    """Values moved along axes, what leaves one end in at the other."""

    layer_type = "roll"

    def forward(self, input: Tensor) -> Tensor:
        rank = input.dim() - 1
        return input.roll(self.options["shifts"], [dim % rank + 1 for dim in self.options["dims"]])


class Normalize(Typed):
    """Vectors along an axis brought to length 1."""

    layer_type = "normalize"

    def forward(self, input: Tensor) -> Tensor:
        return F.normalize(input, self.options["p"], _axis(self.options["dim"]), self.options["eps"])


class Parameter(Typed):
    """A learned tensor, the same for every sample; starts as small normal values, as ViT's positions do.

    >>> Parameter(shape=(197, 768))(5).shape
    torch.Size([5, 197, 768])
    """

    layer_type = "parameter"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.weight = nn.Parameter(torch.empty(*self.options["shape"]))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, batch: int = 1) -> Tensor:
        repeated = self.weight.expand(batch, *self.weight.shape)
        # Without gradients PyTorch still says that the view of a parameter has one, and its FLOP counter looks for it.
        return repeated if torch.is_grad_enabled() else repeated.detach()


def _halves(input: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    first, second = input.chunk(2, dim=_axis(dim))
    return first, second


class Made(Typed):
    """A tensor that the code makes: where the module's values are, and of their type."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.like = torch.empty(0)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Go where the module goes, though there is no buffer to go along."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.like = fn(self.like)
        return self


class Constant(Made):
    """The same number in every place.

    >>> Constant(shape=(3,), value=2)(2)
    tensor([[2., 2., 2.],
            [2., 2., 2.]])
    """

    layer_type = "constant"

    def forward(self, batch: int = 1) -> Tensor:
        return self.like.new_full((batch, *self.options["shape"]), self.options.get("value", 0.0))


class GEGLU(Typed):
    """The first half of an axis times the GELU of the second."""

    layer_type = "geglu"

    def forward(self, input: Tensor) -> Tensor:
        value, gate = _halves(input, self.options["dim"])
        return value * F.gelu(gate)


class SwiGLU(Typed):
    """The first half of an axis times the SiLU of the second.

    >>> SwiGLU(dim=-1)(torch.zeros(5, 7, 12)).shape
    torch.Size([5, 7, 6])
    """

    layer_type = "swiglu"

    def forward(self, input: Tensor) -> Tensor:
        value, gate = _halves(input, self.options["dim"])
        return value * F.silu(gate)


class ReGLU(Typed):
    """The first half of an axis times the ReLU of the second."""

    layer_type = "reglu"

    def forward(self, input: Tensor) -> Tensor:
        value, gate = _halves(input, self.options["dim"])
        return value * F.relu(gate)


class Maxout(Typed):
    """The largest of each few neighbours along an axis."""

    layer_type = "maxout"

    def forward(self, input: Tensor) -> Tensor:
        axis = self.options["dim"] % (input.dim() - 1) + 1
        apart = (*input.shape[:axis], -1, self.options["pieces"], *input.shape[axis + 1 :])
        return input.reshape(apart).amax(axis + 1)


class DropPath(Typed):
    """Whole samples set to 0 at random while training, the others made larger by as much."""

    layer_type = "drop_path"

    def forward(self, input: Tensor) -> Tensor:
        p = self.options["p"]
        if not self.training or not p:
            return input
        kept = torch.rand(len(input), *[1] * (input.dim() - 1), device=input.device) >= p
        return input * kept / (1 - p) if p < 1 else input * 0
