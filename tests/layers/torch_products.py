"""Products of layers that PyTorch runs as one operation and does not count, one by one."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from torch.nn import functional  # noqa: E402

from tests.layers.torch_modules import roles  # noqa: E402


def attend(module: Any, *given: Any) -> None:
    """The matrix products of attention one by one; PyTorch runs them as one operation that it does not count."""
    inner = module.inner
    if inner.in_proj_weight is None:
        weights = (inner.q_proj_weight, inner.k_proj_weight, inner.v_proj_weight)
    else:
        weights = inner.in_proj_weight.chunk(3)
    q, k, v = (functional.linear(each, weight) for each, weight in zip(roles(given), weights, strict=True))
    more = (inner.bias_k is not None) + inner.add_zero_attn
    k, v = (functional.pad(each, (0, 0, 0, more)) for each in (k, v))
    q, k, v = (each.unflatten(-1, (inner.num_heads, -1)).transpose(1, 2) for each in (q, k, v))
    seen = (q @ k.transpose(-2, -1)).softmax(-1) @ v
    functional.linear(seen.transpose(1, 2).flatten(2), inner.out_proj.weight)


def recur(module: Any, x: Any, *_: Any) -> None:
    """The matrix products of a recurrent layer, position by position."""
    inner = module.inner
    directions = 2 if inner.bidirectional else 1
    kept = getattr(inner, "proj_size", 0) or inner.hidden_size
    for depth in range(inner.num_layers):
        for suffix in ("", "_reverse")[:directions]:
            state = x.new_empty((x.shape[0], kept))
            made = x.new_empty((x.shape[0], inner.hidden_size))
            for position in range(x.shape[1]):
                functional.linear(x[:, position], getattr(inner, f"weight_ih_l{depth}{suffix}"))
                functional.linear(state, getattr(inner, f"weight_hh_l{depth}{suffix}"))
                if kept != inner.hidden_size:
                    functional.linear(made, getattr(inner, f"weight_hr_l{depth}{suffix}"))
        x = x.new_empty((*x.shape[:2], directions * kept))


def join(module: Any, left: Any, right: Any) -> None:
    """A bilinear layer as two products: a matrix for each unit and place, and a vector."""
    rows = torch.einsum("...c,ncd->...nd", left, module.weight)
    torch.einsum("...nd,...d->...n", rows, right)


def weigh(module: Any, tokens: Any, weights: Any = None) -> None:
    """A weighted sum of vectors is a product of a row with a matrix; any other bag has no product."""
    if weights is not None:
        weights[:, None] @ module.weight[tokens]


SPELLED_OUT = {
    "multihead_attention": attend, "rnn": recur, "lstm": recur, "gru": recur, "bilinear": join, "embedding_bag": weigh,
}  # fmt: skip
