"""Pictures of modules that were called wrong once: what is computed, and what is no network, goes by its name."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

import archscope  # noqa: E402
from archscope.diagrams.scene import Text  # noqa: E402


def strings(picture: archscope.Drawing) -> list[str]:
    return [item.string for item in picture.scene.walk() if isinstance(item, Text)]


class Mean(torch.nn.Module):
    def forward(self, x: Any) -> Any:
        return x.pow(2).mean(-1)


class Block(torch.nn.Module):
    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.norm, self.fc = torch.nn.RMSNorm(width), torch.nn.Linear(width, width)
        self.scale = torch.nn.Parameter(torch.ones(width))

    def forward(self, x: Any) -> Any:
        return x + self.scale * self.fc(self.norm(x))


class Words(torch.nn.Module):
    """Places by a table, and a head that uses the weights of the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.emb, self.pos = torch.nn.Embedding(100, 32), torch.nn.Embedding(64, 32)
        self.head = torch.nn.Linear(32, 100, bias=False)
        self.head.weight = self.emb.weight

    def forward(self, tokens: Any) -> Any:
        return self.head(self.emb(tokens) + self.pos(torch.arange(tokens.shape[-1])))


def test_the_mean_of_features_is_no_pooling() -> None:
    said = strings(archscope.draw(Mean(), (4, 9), style="graph"))
    assert "mean over axis 1" in said
    assert not any("pool" in each for each in said)


def test_blocks_with_weights_of_free_functions_fold() -> None:
    said = strings(archscope.draw(torch.nn.Sequential(*(Block() for _ in range(6))), (7, 32), style="graph"))
    assert "0–5 ×6" in said


def test_places_have_their_name_and_a_tied_head_says_whose_weights_it_uses() -> None:
    said = strings(archscope.draw(Words(), torch.zeros(1, 9, dtype=torch.long), style="graph"))
    # 9 of 64 places are looked at, and all 64·32 values are held.
    assert "pos" in said
    assert "9×100 · shared with emb" in said


def test_relative_positions_are_said_where_they_are_looked_up() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.T5Config(num_layers=2, d_model=64, d_kv=16, num_heads=4, d_ff=128, vocab_size=200)
    picture = archscope.draw(transformers.T5EncoderModel(config), torch.zeros(1, 12, dtype=torch.long))
    assert picture.style == "transformer"
    # T5 holds its table of relative positions in the first block alone.
    assert strings(picture).count("relative positions") == 1


@pytest.mark.parametrize("value", [3, None, [1]])
def test_what_is_no_network_is_refused_at_once(value: Any) -> None:
    for ask in (archscope.draw, archscope.analyze):
        with pytest.raises(archscope.UsageError, match=f"a value of type {type(value).__name__} is no network"):
            ask(value)


class Grouped(torch.nn.Module):
    """Eight heads of queries read two of keys and values, each of which is repeated first, by one of two functions."""

    def __init__(self, repeated: str, keys: int) -> None:
        super().__init__()
        self.repeated, self.keys = repeated, keys
        self.norm = torch.nn.LayerNorm(32)
        self.q, self.k, self.v = (torch.nn.Linear(32, 4 * heads) for heads in (8, keys, keys))
        self.out = torch.nn.Linear(32, 32)

    def _all(self, x: Any) -> Any:
        if self.repeated == "repeat_interleave":
            return x.repeat_interleave(8 // self.keys, 1)
        batch, _, length, width = x.shape
        return x[:, :, None].expand(batch, self.keys, 8 // self.keys, length, width).reshape(batch, 8, length, width)

    def forward(self, x: Any) -> Any:
        y = self.norm(x)
        q, k, v = (layer(y).unflatten(2, (-1, 4)).transpose(1, 2) for layer in (self.q, self.k, self.v))
        attended = torch.nn.functional.scaled_dot_product_attention(q, self._all(k), self._all(v), is_causal=True)
        return x + self.out(attended.transpose(1, 2).flatten(2))


@pytest.mark.parametrize(("keys", "title", "heads"), [
    (2, "Masked Grouped-Query", "8 heads of 4, 2 for K and V"),
    (1, "Masked Multi-Query", "8 heads of 4, 1 for K and V"),
    (8, "Masked Multi-Head", "8 heads of 4"),
])  # fmt: skip
@pytest.mark.parametrize("repeated", ["repeat_interleave", "expand"])
def test_heads_of_keys_that_a_module_repeats_are_told_as_they_were(
    repeated: str, keys: int, title: str, heads: str
) -> None:
    picture = archscope.draw(Grouped(repeated, keys).eval(), torch.zeros(1, 6, 32), style="transformer")
    assert {title, heads} <= set(strings(picture))


class Chosen(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Two convolutions side by side, and a number that is made of the image alone."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(3, 8, 3)

    def forward(self, x: Any) -> Any:
        return (self.one(x) + self.two(x)) * x.argmax()


def test_a_module_that_makes_a_number_of_an_input_is_a_graph() -> None:
    choice = archscope.draw(Chosen().eval(), torch.zeros(1, 3, 8, 8)).choice
    assert choice is not None
    assert choice.refused["boxes"] == "`argmax` gives scalar, and a box has three axes at most"
