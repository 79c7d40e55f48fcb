"""Attention that an exported program has as its operations is the layer that it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.formats import write
from archscope.recognising.heads import Heads
from archscope.tracing.unwrapped import unwrapped

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

DRAWN = torch.Generator().manual_seed(0)
SELF, OTHER = torch.randn(2, 7, 12, generator=DRAWN), torch.randn(2, 5, 12, generator=DRAWN)


class Attends(nn.Module):
    """Asks one input, or another; ``weighed`` is how PyTorch is told to write the product out."""

    def __init__(self, *, weighed: bool = False, **options: Any) -> None:
        super().__init__()
        self.attend, self.weighed = nn.MultiheadAttention(12, 3, **options), weighed
        # Of larger weights a softmax makes much of what the order of a sum makes of the last digit.
        generator = torch.Generator().manual_seed(0)
        for each in self.parameters():
            nn.init.normal_(each, std=0.3, generator=generator)

    def forward(self, x: Tensor, y: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        y = x if y is None else y
        if mask is not None and mask.dtype == torch.bool:
            return self.attend(x, y, y, key_padding_mask=mask, need_weights=self.weighed)[0]
        return self.attend(x, y, y, attn_mask=mask, need_weights=self.weighed)[0]


class Twice(Attends):
    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(super().forward(x))


class Causal(Attends):
    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return self.attend(x, x, x, attn_mask=MASK, is_causal=True, need_weights=False)[0]


FIRST: dict[str, Any] = {"batch_first": True}
MASK = torch.zeros(7, 7).masked_fill(torch.ones(7, 7).triu(1).bool(), -torch.inf)


@pytest.mark.parametrize(
    ("module", "inputs"),
    [
        (Attends(**FIRST), (SELF,)),
        (Attends(weighed=True, bias=False, **FIRST), (SELF,)),
        (Attends(dropout=0.5), (SELF,)),
        (Attends(), (SELF[0],)),
        (Attends(weighed=True, **FIRST), (SELF, OTHER)),
        (Attends(kdim=4, vdim=4, **FIRST), (SELF, OTHER[..., :4])),
        (Attends(**FIRST), (SELF, SELF + 1, MASK)),
        (Attends(**FIRST), (SELF, OTHER, torch.tensor([[False] * 5, [False] * 3 + [True] * 2]))),
        (Attends(add_bias_kv=True), (SELF,)),
        (Attends(add_bias_kv=True, weighed=True, **FIRST), (SELF, OTHER)),
        (Attends(add_zero_attn=True, weighed=True, kdim=4, vdim=4, **FIRST), (SELF, OTHER[..., :4])),
        (Attends(add_bias_kv=True, add_zero_attn=True, bias=False, **FIRST), (SELF[0],)),
        (Attends(add_bias_kv=True, add_zero_attn=True, **FIRST), (SELF, SELF + 1, MASK)),
        (Attends(add_bias_kv=True, **FIRST), (SELF, OTHER, torch.tensor([[False] * 5, [False] * 3 + [True] * 2]))),
        (Causal(**FIRST), (SELF,)),
        (Twice(**FIRST), (SELF,)),
        (nn.TransformerDecoderLayer(12, 3, 16, norm_first=True, **FIRST), (SELF, OTHER)),
    ],
    ids=[
        "self",
        "no biases",
        "positions first",
        "one sample",
        "cross",
        "widths",
        "mask",
        "padding",
        "learned keys",
        "learned keys, cross",
        "zeros",
        "learned keys and zeros",
        "learned keys and zeros, mask",
        "learned keys, padding",
        "causal",
        "twice",
        "decoder",
    ],
)
def test_attention_of_a_program_is_the_layer_that_it_was(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    program = torch.export.export(module.eval(), inputs)
    ours, theirs = (archscope.trace(each, *inputs) for each in (program, module))
    assert [each.layer.type for each in ours.nodes] == [each.layer.type for each in theirs.nodes]
    assert "scaled_dot_product_attention" not in [each.layer.type for each in ours.nodes]
    one, other = (archscope.analyze(each) for each in (ours, theirs))
    if not any(each.layer.type == "function" for each in theirs.nodes):  # those give their weights too
        assert write(one, "csv") == write(other, "csv")
    assert one.totals.macs == other.totals.macs
    with torch.no_grad():
        assert torch.allclose(unwrapped(program)(*inputs), module(*inputs), atol=1e-5)


def test_what_is_nearly_attention_stays_what_it_is() -> None:
    """Scores times another number than one over the root of the width are no attention of PyTorch's."""
    module = Attends(weighed=True, **FIRST).eval()
    program = torch.export.export(module, (SELF,))
    (factor,) = (each for each in program.graph.nodes if each.target is torch.ops.aten.mul.Tensor)
    factor.args = (factor.args[0], 0.75)
    read = archscope.trace(program, SELF)
    assert "multihead_attention" not in [each.layer.type for each in read.nodes]
    assert archscope.analyze(read).totals.macs == archscope.analyze(archscope.trace(module, SELF)).totals.macs


@pytest.mark.parametrize(("where", "value"), [((1, 0), 0.0), ((0, 1), -torch.inf)])
def test_a_mask_that_hides_what_the_layer_adds_itself_is_no_mask_of_it(where: tuple[int, int], value: float) -> None:
    module = Attends(add_zero_attn=True, weighed=True, **FIRST).eval()
    program = torch.export.export(module, (SELF, SELF + 1, MASK))
    (padded,) = (each for each in program.graph.nodes if each.target is torch.ops.aten.pad.default)
    padded.args = (padded.args[0], list(where), "constant", value)
    assert not any(isinstance(each, nn.MultiheadAttention) for each in unwrapped(program).modules())


def test_positions_before_the_keys_are_none_that_the_layer_adds() -> None:
    program = torch.export.export(Attends(add_bias_kv=True, **FIRST).eval(), (SELF,))
    for each in program.graph.nodes:
        if each.target is torch.ops.aten.cat.default:
            each.args = ([*reversed(each.args[0])],)
    assert not any(isinstance(each, nn.MultiheadAttention) for each in unwrapped(program).modules())


def test_keys_that_learn_what_the_layer_has_for_values_are_none_of_its_own() -> None:
    program = torch.export.export(Attends(add_bias_kv=True, **FIRST).eval(), (SELF,))
    assert any(isinstance(each, nn.MultiheadAttention) for each in unwrapped(program).modules())
    keys, values = (each for each in program.graph.nodes if each.target is torch.ops.aten.repeat.default)
    for each in (keys, values):
        others = [other for other in program.graph.nodes if other.name.endswith("bias_v" if each is keys else "bias_k")]
        each.args = (others[0], *each.args[1:])
    assert not any(isinstance(each, nn.MultiheadAttention) for each in unwrapped(program).modules())


def _ended(*, first: int = 0, order: tuple[int, ...] = (0, 2, 1, 3), heads: int = 3) -> Any:
    """Self-attention of (2, 7, 12), told operation by operation, with something that may be wrong."""
    follow = Heads()
    came = follow.root("x", (2, 7, 12))
    made = follow.linear(came, follow.root("w", (36, 12)), follow.root("b", (36,)))
    starts = [first, 12, 24]
    query, key, value = (
        follow.permuted(follow.reshaped(follow.part(made, 2, at, 12), (2, 7, heads, 12 // heads)), (0, 2, 1, 3))
        for at in starts
    )
    seen = follow.permuted(follow.fused(query, key, value), order)
    joined = follow.reshaped(seen, (2, 7, 12))
    return follow.found(follow.linear(joined, follow.root("o", (12, 12)), None))


def test_heads_are_found_where_every_feature_is_where_the_layer_has_it() -> None:
    found = _ended()
    assert (found.heads, found.features, found.batch, found.reads) == (3, 12, 0, ("x", "x", "x"))
    assert (found.matrices, found.biases, found.output) == ((("w", False),), "b", ("o", False, ""))
    assert _ended(first=12) is None  # queries from the rows of the keys


def test_heads_that_are_joined_in_another_order_are_no_attention() -> None:
    follow = Heads()
    made = follow.linear(follow.root("x", (2, 7, 12)), follow.root("w", (36, 12)), None)
    parts = [follow.reshaped(follow.part(made, 2, at, 12), (2, 7, 4, 3)) for at in (0, 12, 24)]
    # A head is every third feature.
    query, key, value = (follow.permuted(each, (0, 3, 1, 2)) for each in parts)
    seen = follow.permuted(follow.fused(query, key, value), (0, 2, 3, 1))
    assert follow.found(follow.linear(follow.reshaped(seen, (2, 7, 12)), follow.root("o", (12, 12)), None)) is None
