"""What a decoder remembers of its own tokens, and of the sequence that it reads beside them."""

from __future__ import annotations

import pytest

import archscope
from archscope.memory import cache_of

HEADS = """
    blocks:
      heads:
        layers:
          proj: {type: linear, out_features: 32, every_position: true}
          split: {type: reshape, shape: [-1, 4, 8]}
          first: {type: transpose, dim0: 0, dim1: 1}
    """

TWO = (
    HEADS
    + """
    input: {own: [7, 32], source: [12, 32]}
    layers:
      q: {type: heads, from: own}
      k: {type: heads, from: KEYS}
      v: {type: heads, from: KEYS}
      attention: {type: scaled_dot_product_attention, from: [q, k, v]}
      unread: {type: relu, from: source}
    output: [attention, unread]
    """
)


def test_keys_and_values_of_another_sequence_are_held_once() -> None:
    cache = cache_of(archscope.read(TWO.replace("KEYS", "source")))
    # 4 heads of 8 features for keys and 8 for values, 12 positions of the source, 4 bytes each.
    assert cache.fixed_bytes == 4 * (8 + 8) * 12 * 4
    assert (cache.fixed_bytes.working, cache.token_bytes) == ("4·4·(8 + 8)·12", 0)
    assert cache.at(50) == cache.at(1)


def test_keys_and_values_of_the_same_sequence_are_not() -> None:
    with pytest.raises(archscope.ArchscopeError, match="remembers nothing"):
        cache_of(archscope.read(TWO.replace("KEYS", "own")))


def test_the_transformer_holds_its_own_tokens_and_the_source_once() -> None:
    cache = cache_of(archscope.load("transformer@base"), dtype="float16")
    # Six layers of 8 heads of 64 features, keys and values, 2 bytes; the source has 100 tokens.
    assert cache.token_bytes == 6 * 2 * 8 * 64 * 2
    assert cache.fixed_bytes == 6 * 2 * 8 * 64 * 2 * 100


def test_attention_whose_mask_is_values_is_named_and_what_is_like_no_attention_is_not() -> None:
    from archscope.layers import Linear, ScaledDotProductAttention
    from archscope.network import Network, Node, Ref
    from archscope.recognising.function import Function

    like = ScaledDotProductAttention()
    seen = like.facts((2, 5, 8), (2, 5, 8), (2, 5, 8))
    read = (Ref("x"), Ref("x"), Ref("x"))
    masked = Node("masked", Function("attention", seen, like=like, beyond="attn_mask"), read, "masked")
    cache = cache_of(Network("biased", {"x": (2, 5, 8)}, [masked]))
    why = "whether what is added to its scores hides what comes later is not known"
    assert (cache.not_covered, cache.token_bytes) == ({"masked": why}, 0)
    dense = Function("dense", Linear(out_features=3).facts((8,)), like=Linear(out_features=3), beyond="scale")
    assert dense.remembers(dense.seen) is None


ROLES = (
    HEADS
    + """
    input: [7, 32]
    layers:
      q: {type: heads, from: input}
      k: {type: heads, from: input}
      v: {type: heads, from: input}
      mask: {type: attention_mask, length: 7, MASK}
      for_heads: {type: reshape, shape: [1, 7, 7], from: mask}
    """
)
MASKED = (
    ROLES
    + """
      bias: {type: relative_position_bias, num_heads: 4, num_buckets: 8, max_distance: 16, length: 7}
      both: {type: add, from: [bias, for_heads]}
      attention: {type: scaled_dot_product_attention, from: [q, k, v, both]}
    """
)


def test_a_mask_that_hides_what_comes_later_makes_attention_remember() -> None:
    cache = cache_of(archscope.read(MASKED.replace("MASK", "causal: true")))
    # 4 heads of 8 features for keys and 8 for values, 4 bytes each, as T5's decoder has them beside its bias.
    assert cache.token_bytes == 4 * 4 * (8 + 8)
    assert (cache.token_bytes.working, cache.at(50)) == ("4·4·(8 + 8)", 50 * 256)


def test_a_mask_of_a_window_bounds_what_its_layer_remembers() -> None:
    cache = cache_of(archscope.read(MASKED.replace("MASK", "causal: true, sliding_window: 5")))
    assert cache.windows == {"attention": 5}
    assert (cache.at(3), cache.at(50), cache.at(50).working) == (3 * 256, 5 * 256, "5·4·4·(8 + 8)")
    assert cache.reserved(50) == 16 * 256


def test_a_mask_that_shows_what_comes_later_remembers_nothing() -> None:
    with pytest.raises(archscope.ArchscopeError, match="remembers nothing"):
        cache_of(archscope.read(MASKED.replace("MASK", "sliding_window: 3")))


def test_layers_with_a_window_and_without_are_added_up_apart() -> None:
    # As in Gemma: one layer sees the last 4 tokens, the other all; keys and values of 32 features, 4 bytes each.
    network = archscope.read("""
        input: [7, 32]
        layers:
          mask: {type: attention_mask, length: 7, causal: true, sliding_window: 4}
          near: {type: multihead_attention, num_heads: 4, from: [input, input, input, mask]}
          far: {type: multihead_attention, num_heads: 4, causal: true, from: near}
        """)
    cache = cache_of(network)
    assert cache.token_bytes == 2 * 2 * 32 * 4
    assert cache.at(100) == (4 + 100) * 2 * 32 * 4
    assert cache.at(100).working == "4·4·2·4·8 + 100·4·2·4·8"


def test_a_mask_that_is_fed_in_is_not_covered() -> None:
    network = archscope.read("""
        input: {x: [7, 32], mask: [7, 7]}
        layers:
          attention: {type: multihead_attention, num_heads: 4, from: [x, x, x, mask]}
        """)
    assert "hides what comes later is not known" in cache_of(network).not_covered["attention"]


CAPPED = (
    ROLES
    + """
      upright: {type: transpose, dim0: 1, dim1: 2, from: k}
      product: {type: matmul, from: [q, upright]}
      capped: {type: tanh, from: product}
      hidden: {type: add, from: [capped, for_heads]}
      shares: {type: softmax, dim: -1, from: hidden}
      left: {type: dropout, from: shares}
      seen: {type: matmul, from: [left, v]}
    """
)


def test_attention_that_is_written_out_remembers_as_one_layer_of_it_does() -> None:
    written, whole = (cache_of(archscope.read(text.replace("MASK", "causal: true"))) for text in (CAPPED, MASKED))
    assert written.token_bytes == whole.token_bytes == 4 * 4 * (8 + 8)
    assert [*written.layers] == ["shares"]
    inside = cache_of(archscope.read(CAPPED.replace("MASK", "causal: true, sliding_window: 3")))
    assert (inside.windows, inside.at(50)) == ({"shares": 3}, 3 * 4 * 4 * (8 + 8))


@pytest.mark.parametrize("both", ["[biased, hidden]", "[hidden, biased]"])
def test_a_bias_of_each_head_may_be_the_first_of_a_sum(both: str) -> None:
    bias = "biased: {type: relative_position_bias, num_heads: 4, num_buckets: 8, max_distance: 16, length: 7}"
    text = CAPPED.replace("MASK", "causal: true").replace("from: hidden}", "from: sum}")
    text = text.replace("shares:", f"{bias}\n      sum: {{type: add, from: {both}}}\n      shares:")
    assert cache_of(archscope.read(text)).token_bytes == 4 * 4 * (8 + 8)


def test_attention_that_is_written_out_and_hides_nothing_remembers_nothing() -> None:
    with pytest.raises(archscope.ArchscopeError, match="remembers nothing"):
        cache_of(archscope.read(CAPPED.replace("MASK", "sliding_window: 3")))


def test_a_softmax_of_scores_that_choose_nothing_by_a_product_is_no_attention() -> None:
    chosen = CAPPED.replace("MASK", "causal: true").replace("[left, v]", "[turned, left]")
    chosen = chosen.replace("upright:", "turned: {type: transpose, dim0: 1, dim1: 2, from: v}\n      upright:")
    with pytest.raises(archscope.ArchscopeError, match="remembers nothing"):
        cache_of(archscope.read(chosen))


def test_of_a_module_that_remembers_in_its_own_way_nothing_is_claimed() -> None:
    torch = pytest.importorskip("torch")

    class Scan(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        """Adds up what came, position by position."""

        def __init__(self) -> None:
            super().__init__()
            self.out = torch.nn.Linear(8, 8)

        def forward(self, x: object) -> object:
            return self.out(torch.cumsum(x, 1))

    with pytest.raises(archscope.ArchscopeError, match=r"Scan: not covered, as no layer is causal .* a scan"):
        cache_of(archscope.trace(Scan(), (5, 8)))


@pytest.mark.parametrize("repeats", ["expand", "repeat", "interleave"])
def test_keys_and_values_that_code_repeats_for_heads_that_share_them_are_held_once(repeats: str) -> None:
    import torch
    from torch import Tensor, nn

    class Shares(nn.Module):
        """Four heads of queries on two of keys and values, which its code repeats, with a mask of its own."""

        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v = nn.Linear(32, 32), nn.Linear(32, 16), nn.Linear(32, 16)

        def forward(self, x: Tensor) -> Tensor:
            q, k, v = (each(x).view(len(x), -1, heads, 8).transpose(1, 2)
                       for each, heads in ((self.q, 4), (self.k, 2), (self.v, 2)))  # fmt: skip
            k, v = map(self.repeated, (k, v))
            later = torch.full((x.shape[1], x.shape[1]), -torch.inf).triu(1)
            y: Tensor = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=later)
            return y

        def repeated(self, x: Tensor) -> Tensor:
            if repeats == "interleave":
                return x.repeat_interleave(2, dim=1)
            apart = x[:, :, None]
            made = apart.expand(-1, -1, 2, -1, -1) if repeats == "expand" else apart.repeat(1, 1, 2, 1, 1)
            return made.reshape(len(x), 4, -1, 8)

    cache = cache_of(archscope.trace(Shares(), (6, 32)))
    # Two heads of 8 features for keys and 8 for values, 4 bytes each.
    assert (cache.token_bytes, cache.token_bytes.working) == (128, "4·2·(8 + 8)")
