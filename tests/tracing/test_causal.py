"""Attention written out with a mask that hides what comes later is read as the layer it is, and nothing else is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from archscope import analyze, build, trace

Hide = Callable[[Any, Tensor, int], Tensor]


class Attention(nn.Module):
    """As nanoGPT writes it."""

    def __init__(self, hide: Hide, scale: float = 0.5, *, shows: bool = False) -> None:
        super().__init__()
        self.c_attn, self.c_proj, self.dropout = nn.Linear(16, 48), nn.Linear(16, 16), nn.Dropout(0.1)
        self.hide, self.scale, self.shows = hide, scale, shows
        self.register_buffer("bias", torch.tril(torch.ones(8, 8)).view(1, 1, 8, 8))
        self.register_buffer("seen", torch.tril(torch.ones(8, 8)).bool())
        self.register_buffer("near", torch.tril(torch.ones(8, 8)).triu(-1).bool())
        self.register_buffer("low", torch.full((8, 8), -math.inf).triu(1), persistent=False)

    def forward(self, x: Tensor) -> Any:
        b, t, c = x.shape
        q, k, v = (each.view(b, t, 4, 4).transpose(1, 2) for each in self.c_attn(x).split(16, dim=2))
        scores = self.hide(self, (q @ k.transpose(-2, -1)) * self.scale, t)
        y = self.dropout(F.softmax(scores, dim=-1)) @ v
        made = self.c_proj(y.transpose(1, 2).contiguous().view(b, t, c))
        return (made, scores) if self.shows else made


CAUSAL: dict[str, Hide] = {
    "masked_fill": lambda self, x, t: x.masked_fill(self.bias[:, :, :t, :t] == 0, -math.inf),
    "masked_fill of low numbers": lambda self, x, t: x.masked_fill(~self.seen[:t, :t], -1e9),
    "masked_fill in place": lambda self, x, t: x.masked_fill_(~self.seen[:t, :t], value=torch.finfo(x.dtype).min),
    "where": lambda self, x, t: torch.where(self.seen[:t, :t], x, -math.inf),
    "where with a tensor": lambda self, x, t: torch.where(self.seen[:t, :t], x, torch.full([], -1e9, device=x.device)),
    "a sum": lambda self, x, t: x + self.low[:t, :t],
    "a mask made in forward": lambda self, x, t: x.masked_fill(
        torch.ones(t, t, device=x.device, dtype=torch.bool).triu(1), -math.inf
    ),
}

OTHER: dict[str, Hide] = {
    "a window": lambda self, x, t: x.masked_fill(~self.near[:t, :t], -math.inf),
    "what came before": lambda self, x, t: x.masked_fill(self.seen[:t, :t].T.logical_not(), -math.inf),
    "a number that is not low": lambda self, x, t: x.masked_fill(~self.seen[:t, :t], -1.0),
    "the other of two": lambda self, x, t: torch.where(~self.seen[:t, :t], x, -math.inf),
    "a mask of the values": lambda self, x, t: x.masked_fill(x < 0, -math.inf),
    "a sum of slopes": lambda self, x, t: x + self.bias[0, 0, :t, :t].cumsum(0),
}


def _types(module: nn.Module) -> list[str]:
    return [node.layer.type for node in trace(module, (6, 16)).nodes]


@pytest.mark.parametrize("name", CAUSAL)
@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_what_is_built_of_it_gives_what_the_module_gives(name: str, scale: float) -> None:
    module = Attention(CAUSAL[name], scale).eval()
    network = trace(module, (6, 16))
    (attention,) = [node.layer for node in network.nodes if node.layer.type == "scaled_dot_product_attention"]
    assert (attention.is_causal, attention.dropout_p) == (True, 0.1)  # type: ignore[attr-defined]
    assert "matmul" not in [node.layer.type for node in network.nodes]
    built = build(network).eval()
    mine = dict(module.named_parameters())
    with torch.no_grad():
        for path, each in built.named_parameters():
            each.copy_(mine[path])
        x = torch.randn(2, 6, 16)
        torch.testing.assert_close(built(x), module(x))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", CAUSAL)
def test_its_products_are_those_that_ran(name: str, batch: int) -> None:
    analysis = analyze(trace(Attention(CAUSAL[name]), torch.zeros(batch, 6, 16)))
    # Two dense layers and two products of 4 heads: 6·16·48 + 6·16·16 + 2·4·6·6·4 a sample.
    assert analysis.totals.macs == batch * (4608 + 1536 + 1152)
    assert "scaled_dot_product_attention" in [row.type for row in analysis.rows]
    assert analysis.totals.parameters == 16 * 48 + 48 + 16 * 16 + 16
    observed = analysis.network.observed
    assert observed is not None
    assert sum(observed.ran.values()) == observed.operations


@pytest.mark.parametrize("name", OTHER)
def test_what_hides_something_else_is_not_taken_for_it(name: str) -> None:
    assert "scaled_dot_product_attention" not in _types(Attention(OTHER[name]))


def test_scores_that_are_shown_stay_what_they_are() -> None:
    assert "scaled_dot_product_attention" not in _types(Attention(CAUSAL["masked_fill"], shows=True))


def test_one_position_hides_nothing_and_tells_nothing() -> None:
    network = trace(Attention(CAUSAL["masked_fill"]), (1, 16))
    assert "scaled_dot_product_attention" not in [node.layer.type for node in network.nodes]


class Masked(nn.Module):
    """Attention of PyTorch's own, with a mask that the module holds or makes."""

    def __init__(self, way: Any) -> None:
        super().__init__()
        self.way, self.proj = way, nn.Linear(16, 16)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        layer = nn.TransformerEncoderLayer(16, 4, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.register_buffer("low", torch.full((6, 6), -math.inf).triu(1))
        self.register_buffer("later", torch.ones(6, 6).triu(1).bool())

    def forward(self, x: Tensor) -> Any:
        return self.proj(self.way(self, x))

    def dot(self, x: Tensor, mask: Tensor) -> Tensor:
        heads = x.view(*x.shape[:2], 4, 4).transpose(1, 2)
        return F.scaled_dot_product_attention(heads, heads, heads, attn_mask=mask).transpose(1, 2).flatten(2)


def _square(x: Tensor) -> Tensor:
    return nn.Transformer.generate_square_subsequent_mask(x.shape[1], device=x.device)


_NONE: dict[str, Any] = {
    "zeros": lambda s, x: s.attention(x, x, x, attn_mask=torch.zeros(6, 6, device=x.device))[0],
    "padding of nothing": lambda s, x: s.encoder(x, src_key_padding_mask=torch.zeros(x.shape[:2], device=x.device) > 0),
    "everything is seen": lambda s, x: s.dot(x, torch.ones(1, 1, 1, 6, dtype=torch.bool, device=x.device)),
}
_LATER: dict[str, Any] = {
    "an encoder": lambda s, x: s.encoder(x, mask=_square(x)),
    "an encoder that is told so": lambda s, x: s.encoder(x, mask=_square(x), is_causal=True),
    "a buffer": lambda s, x: s.attention(x, x, x, attn_mask=s.low)[0],
    "a buffer of truths, in its place": lambda s, x: s.attention(x, x, x, None, False, s.later)[0],
    "dot products": lambda s, x: s.dot(x, s.low),
    "dot products where true is seen": lambda s, x: s.dot(x, ~s.later),
}
_ELSE: dict[str, Any] = {
    "true is hidden, and seen here": lambda s, x: s.dot(x, s.later | torch.eye(6, device=x.device).bool()),
    "a window": lambda s, x: s.dot(x, ~s.later.tril(2)),
    "padding": lambda s, x: s.attention(x, x, x, key_padding_mask=torch.arange(6, device=x.device).expand(1, 6) > 3)[0],
    "a mask of the values": lambda s, x: s.dot(x, (x[:, :, :6] > 0)[:, None]),
}


@pytest.mark.parametrize("name", [*_NONE, *_LATER])
def test_a_mask_that_an_option_says_too_is_that_option(name: str) -> None:
    module = Masked((_NONE | _LATER)[name]).eval()
    network = trace(module, (6, 16))
    (layer,) = [node.layer for node in network.nodes if "attention" in node.layer.type]
    assert getattr(layer, "causal", getattr(layer, "is_causal", None)) is (name in _LATER)
    assert not [node.name for node in network.nodes if node.layer.type == "function"]
    assert analyze(network).totals.fixed == 0
    built = build(network).eval()
    mine = dict(module.named_parameters())
    with torch.no_grad():
        for path, each in built.named_parameters():
            each.copy_(mine[path])
        x = torch.randn(2, 6, 16)
        if name != "padding of nothing":  # nothing is left of the axis of samples in a mask of one
            torch.testing.assert_close(built(x), module(x))


@pytest.mark.parametrize("name", _ELSE)
def test_another_mask_is_none_of_its_options_and_is_named(name: str) -> None:
    analysis = analyze(trace(Masked(_ELSE[name]), (6, 16)))
    (layer,) = [row.node.layer for row in analysis.rows if "attention" in row.node.layer.label]
    assert layer.type == "function"
    assert layer.label.rpartition(", ")[2] in ("attn_mask", "key_padding_mask")
    # Two products of 6 positions with each other, the last layer, and where there are some the projections.
    projections = 4 * 6 * 16 * 16 if "key" in layer.label else 0
    assert analysis.totals.macs == 2 * 6 * 6 * 16 + 6 * 16 * 16 + projections


@pytest.mark.parametrize(
    "way",
    [
        lambda x: x + torch.zeros(6, 1, device=x.device),
        lambda x: x * torch.ones(6, 1, device=x.device),
        lambda x: x.masked_fill(torch.zeros(6, 1, device=x.device).bool(), -math.inf),
        lambda x: torch.where(torch.ones(6, 1, device=x.device).bool(), x, torch.zeros((), device=x.device)),
    ],
)
def test_a_constant_that_changes_nothing_makes_no_row(way: Any) -> None:
    network = trace(Masked(lambda _, x: way(x)), (6, 16))
    assert [node.name for node in network.nodes] == ["proj"]
    assert network.observed is not None
    assert sum(network.observed.ran.values()) == network.observed.operations


class _Looks(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts how often all values of something large are looked at."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.many = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.many += func.overloadpacket.__name__ in ("any", "all", "equal") and args[0].numel() > 100
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("causal", [True, False])
def test_a_mask_of_many_blocks_is_looked_at_as_often_as_that_of_one(*, causal: bool) -> None:
    class Adds(nn.Module):
        def __init__(self, many: int) -> None:
            super().__init__()
            self.many = many

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(self.many):
                later = torch.full((16, 16), -math.inf if causal else 0.0, device=x.device).triu(1)
                x = (x + later).softmax(-1)
            return x

    looks = []
    for many in (1, 5):
        with _Looks() as seen:
            trace(Adds(many), torch.zeros(2, 16, 16, device="meta"))
        looks.append(seen.many)
    assert looks[0] == looks[1] > 0


def test_a_mask_that_is_written_after_it_was_looked_at_is_looked_at_again() -> None:
    class Written(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            mask = torch.zeros(16, 16, device=x.device)
            x = x + mask
            mask[3:5] = 1.0
            return x + mask

    names = [node.layer.type for node in trace(Written(), torch.zeros(2, 16, 16, device="meta")).nodes]
    assert len(names) == 1
