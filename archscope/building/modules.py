"""Small modules around functions and layers of PyTorch: merges, reshaping, bags of tokens, mixtures of experts."""

from __future__ import annotations

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


class Experts(nn.Module):
    """A router and ``experts`` small networks, of which the ``active`` best run for each position.

    The weights of the chosen ones are made to add up to 1, as in Mixtral.

    >>> Experts(16, 8, 2, 32)(torch.zeros(2, 5, 16)).shape
    torch.Size([2, 5, 16])
    """

    def __init__(
        self, features: int, experts: int, active: int, hidden: int, *, gated: bool = True, nonlinearity: str = "silu"
    ) -> None:
        super().__init__()
        self.active = active
        self.nonlinearity = nonlinearity
        self.router = nn.Linear(features, experts, bias=False)
        self.gate_proj = nn.Parameter(torch.empty(experts, hidden, features)) if gated else None
        self.up_proj = nn.Parameter(torch.empty(experts, hidden, features))
        self.down_proj = nn.Parameter(torch.empty(experts, features, hidden))
        for each in self.parameters(recurse=False):
            nn.init.uniform_(each, -(each.shape[2] ** -0.5), each.shape[2] ** -0.5)

    def forward(self, input: Tensor) -> Tensor:
        positions = input.reshape(-1, input.shape[-1])
        share, chosen = self.router(positions).softmax(-1).topk(self.active)
        share = share / share.sum(-1, keepdim=True)
        run = self._all_at_once if input.is_meta else self._one_by_one
        return run(positions, share, chosen).reshape(input.shape)

    def _one_by_one(self, positions: Tensor, share: Tensor, chosen: Tensor) -> Tensor:
        """Each expert on the positions that chose it."""
        result = torch.zeros_like(positions)
        for expert in range(len(self.up_proj)):
            place, rank = (chosen == expert).nonzero(as_tuple=True)
            gate = None if self.gate_proj is None else self.gate_proj[expert]
            made = self._expert(positions[place], gate, self.up_proj[expert], self.down_proj[expert])
            result = result.index_add(0, place, made * share[place, rank, None])
        return result

    def _all_at_once(self, positions: Tensor, share: Tensor, chosen: Tensor) -> Tensor:
        """Each position with copies of its experts' weights; where there are no values, none are copied."""
        gate = None if self.gate_proj is None else self.gate_proj[chosen]
        # fvcore's rule for `matmul` reads the first shape as it is given and knows no broadcasting.
        each = positions[:, None, None].expand(-1, self.active, -1, -1)
        made = self._expert(each, gate, self.up_proj[chosen], self.down_proj[chosen])
        return (made.squeeze(2) * share[..., None]).sum(1)

    def _expert(self, input: Tensor, gate: Tensor | None, up: Tensor, down: Tensor) -> Tensor:
        function = getattr(nn.functional, self.nonlinearity)
        hidden = input @ up.mT
        hidden = function(hidden) if gate is None else function(input @ gate.mT) * hidden
        result: Tensor = hidden @ down.mT
        return result
