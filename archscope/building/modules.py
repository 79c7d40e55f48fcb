"""Small modules around functions and layers of PyTorch: merges, reshaping, bags of tokens, mixtures of experts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Add(nn.Module):
    """The sum of its inputs, value by value."""

    def forward(self, *inputs: Tensor) -> Tensor:
        total = inputs[0]
        for each in inputs[1:]:
            total = total + each
        return total


class Multiply(nn.Module):
    """The product of its inputs, value by value."""

    def forward(self, *inputs: Tensor) -> Tensor:
        result = inputs[0]
        for each in inputs[1:]:
            result = result * each
        return result


class Concat(nn.Module):
    """Its inputs one after the other along ``dim``, the batch axis counted."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Reshape(nn.Module):
    """The same values in another shape, which does not name the batch axis."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, input: Tensor) -> Tensor:
        return input.reshape(input.shape[0], *self.shape)

    def extra_repr(self) -> str:
        return f"shape={self.shape}"


class Matmul(nn.Module):
    """The matrix product of its inputs."""

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left @ right


class EmbeddingBag(nn.EmbeddingBag):
    """`torch.nn.EmbeddingBag` of one bag a sample, with weights of the tokens as a second input.

    >>> EmbeddingBag(10, 4)(torch.zeros(2, 6, dtype=torch.long)).shape
    torch.Size([2, 4])
    """

    def forward(self, input: Tensor, weights: Tensor | None = None) -> Tensor:  # type: ignore[override]
        return super().forward(input, per_sample_weights=weights)


class FeedForward(nn.Module):
    """Two dense layers and a non-linearity between, or a third that scales what is between.

    >>> FeedForward(16, 32)(torch.zeros(2, 5, 16)).shape
    torch.Size([2, 5, 16])
    """

    def __init__(
        self, features: int, hidden: int, *, gated: bool = True, nonlinearity: str = "silu", bias: bool = False
    ) -> None:
        super().__init__()
        self.nonlinearity = nonlinearity
        self.gate_proj = nn.Linear(features, hidden, bias) if gated else None
        self.up_proj = nn.Linear(features, hidden, bias)
        self.down_proj = nn.Linear(hidden, features, bias)

    def forward(self, input: Tensor) -> Tensor:
        function = getattr(nn.functional, self.nonlinearity)
        hidden = self.up_proj(input)
        hidden = function(hidden) if self.gate_proj is None else function(self.gate_proj(input)) * hidden
        output: Tensor = self.down_proj(hidden)
        return output


class Experts(nn.Module):
    """A router and ``experts`` small networks, of which the ``active`` best run for each position.

    The weights of the chosen ones are made to add up to 1, as in Mixtral; what ``shared`` experts make, one network
    as wide as all of them, is added as it is.

    >>> Experts(16, 8, 2, 32)(torch.zeros(2, 5, 16)).shape
    torch.Size([2, 5, 16])
    """

    def __init__(
        self,
        features: int,
        experts: int,
        active: int,
        hidden: int,
        *,
        gated: bool = True,
        nonlinearity: str = "silu",
        shared: int = 0,
        bias: bool = False,
        router_bias: bool = False,
    ) -> None:
        super().__init__()
        self.active, self.nonlinearity, self.biased = active, nonlinearity, bias
        self.router = nn.Linear(features, experts, bias=router_bias)
        self.gate_proj = nn.Parameter(torch.empty(experts, hidden, features)) if gated else None
        self.up_proj = nn.Parameter(torch.empty(experts, hidden, features))
        self.down_proj = nn.Parameter(torch.empty(experts, features, hidden))
        self.gate_proj_bias = nn.Parameter(torch.empty(experts, hidden)) if bias and gated else None
        self.up_proj_bias = nn.Parameter(torch.empty(experts, hidden)) if bias else None
        self.down_proj_bias = nn.Parameter(torch.empty(experts, features)) if bias else None
        for name, each in self.named_parameters(recurse=False):
            reach = (hidden if name.startswith("down") else features) ** -0.5
            nn.init.uniform_(each, -reach, reach)
        options: dict[str, Any] = {"gated": gated, "nonlinearity": nonlinearity, "bias": bias}
        self.shared_experts = FeedForward(features, shared * hidden, **options) if shared else None

    def forward(self, input: Tensor) -> Tensor:
        positions = input.reshape(-1, input.shape[-1])
        share, chosen = self.router(positions).softmax(-1).topk(self.active)
        share = share / share.sum(-1, keepdim=True)
        made = self._as_many(positions, share) if input.is_meta else self._one_by_one(positions, share, chosen)
        if self.shared_experts is not None:
            made = made + self.shared_experts(positions)
        return made.reshape(input.shape)

    def _one_by_one(self, positions: Tensor, share: Tensor, chosen: Tensor) -> Tensor:
        """Each expert on the positions that chose it."""
        result = torch.zeros_like(positions)
        for expert in range(len(self.up_proj)):
            place, rank = (chosen == expert).nonzero(as_tuple=True)
            made = self._expert(positions[place], expert)
            # Autocast makes products in another type, and no sum of two types.
            result = result.index_add(0, place, (made * share[place, rank, None]).to(result.dtype))
        return result

    def _as_many(self, positions: Tensor, share: Tensor) -> Tensor:
        """The first experts on every position, where there are no values to choose by.

        Whatever positions choose, as many products run, and the weights of as many experts are read at least.
        """
        made = [self._expert(positions, rank) * share[:, rank, None] for rank in range(self.active)]
        return torch.stack(made).sum(0)

    def _expert(self, input: Tensor, which: int) -> Tensor:
        function = getattr(nn.functional, self.nonlinearity)
        hidden = self._dense(input, "up_proj", which)
        gated = self.gate_proj is not None
        hidden = function(self._dense(input, "gate_proj", which)) * hidden if gated else function(hidden)
        return self._dense(hidden, "down_proj", which)

    def _dense(self, input: Tensor, name: str, which: int) -> Tensor:
        made: Tensor = input @ getattr(self, name)[which].mT
        return made + getattr(self, f"{name}_bias")[which] if self.biased else made
