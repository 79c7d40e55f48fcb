"""Transformers as blocks stacked upward: what stands as one block, what comes from beside, what folds."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from typing import Any

import pytest

import archscope
from archscope.diagrams.scene import Text
from tests.diagrams.geometry import problems
from tests.diagrams.stacked import check, model, roles, strings

SPECS = ("transformer@base", "gpt2@small", "llama2@7b", "mixtral", "bert@base", "vit@b16")


OPTIONS: list[dict[str, Any]] = [
    {},
    {"theme": "dark", "show": "name,op,shape,parameters,macs"},
    {"theme": "print", "color": "macs", "width": "183mm", "font_size": 6},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", SPECS)
def test_nothing_is_in_the_way_and_nothing_is_left_out(name: str, options: dict[str, Any]) -> None:
    check(archscope.load(name), **options)


@pytest.mark.parametrize("name", SPECS)
def test_auto_chooses_it(name: str) -> None:
    assert archscope.draw(name).style == "transformer"


def test_the_transformer_is_the_figure_of_its_paper() -> None:
    attends = ["attention", "add-norm"]
    assert roles(model("transformer@base")) == [
        ["source", "embedding", "positions", *attends, "feed", "add-norm"],
        ["target", "embedding", "positions", *attends, *attends, "feed", "add-norm", "linear"],
    ]
    found = strings(archscope.draw("transformer@base").scene)
    assert found.count("×6") == 2
    assert {"Masked Multi-Head", "Cross-Attention", "Add & Norm", "Input Embedding", "Output Embedding"} <= set(found)
    assert found.count("Positional") == 2
    assert {"8 heads of 64", "512 → 2,048 → 512", "2,099,712 par.", "shared with Input Embedding"} <= set(found)
    assert (512 + 1) * 2048 + (2048 + 1) * 512 == 2_099_712


def test_values_keys_and_queries_are_three_arrows_and_two_of_them_come_from_the_encoder() -> None:
    scene = archscope.draw("transformer@base").scene
    lines = {(group.source, group.target): len(group.items) // 2 for group in scene.groups("edge")}
    assert lines["words_placed", "encoder.0.self.attention"] == 3
    assert lines["encoder.0.feed.add", "decoder.0.cross.attention"] == 2
    assert lines["decoder.0.self.add", "decoder.0.cross.attention"] == 1


def test_heads_that_share_keys_are_said_and_so_is_a_gate() -> None:
    found = strings(archscope.draw("llama2@70b").scene)
    assert {"Masked Grouped-Query", "64 heads of 128, 8 for K and V", "rotary positions", "Gate", "Up", "Down",
            "SiLU", "×80"} <= set(found)  # fmt: skip
    assert "Masked Multi-Head" in strings(archscope.draw("llama2@7b").scene)


def test_experts_are_drawn_with_their_router_and_those_that_run() -> None:
    found = strings(archscope.draw("mixtral").scene)
    assert {"Mixture of Experts", "2 of 8 experts run", "Router", "1", "8", "×32"} <= set(found)


def test_an_image_comes_in_patches_with_a_class_token_and_places() -> None:
    found = strings(archscope.draw("vit@b16").scene)
    assert {"Patch Embedding", "Class Token", "Position Embedding", "197 × 768", "Position 0"} <= set(found)


def test_an_embedding_of_another_input_comes_from_beside() -> None:
    found = model("bert@base")
    assert roles(found)[0][:6] == ["tokens", "embedding", "learned", "add", "segments", "embedding"]
    assert {"Token Embedding", "Segment Embedding"} <= set(strings(archscope.draw("bert@base").scene))


PARALLEL = """
name: parallel
input: {tokens: [16]}
blocks:
  block:
    layers:
      norm: {type: layer_norm, normalized_shape: 32}
      attn: {type: multihead_attention, num_heads: 4, causal: true}
      wide: {type: linear, out_features: 64, activation: gelu, from: norm}
      narrow: {type: linear, out_features: 32}
      both: {type: add, from: [attn, narrow]}
      out: {type: add, from: [input, both]}
layers:
  embed: {type: embedding, num_embeddings: 100, embedding_dim: 32}
  h: {type: block, repeat: 2}
"""


def test_attention_and_a_dense_layer_side_by_side_are_two_ways() -> None:
    network = archscope.read(PARALLEL)
    assert roles(model(network)) == [["tokens", "embedding", "norm", "attention", "feed", "add", "add"]]
    check(network)


def random_spec(seed: int) -> str:
    """A decoder or an encoder of some form."""
    dice = random.Random(seed)
    norm = dice.choice(["{type: layer_norm, normalized_shape: 32}", "{type: rms_norm, normalized_shape: 32}"])
    pre, gated, drops = dice.random() < 0.5, dice.random() < 0.5, dice.random() < 0.5
    kept = dice.choice([1, 2, 4])
    lines = ["name: any", "input: {tokens: [16]}", "blocks:", "  block:", "    layers:"]
    stream = "input"
    for part in ("attn", "feed"):
        source = stream
        if pre:
            lines.append(f"      {part}_norm: {norm[:-1]}, from: {source}}}")
            source = f"{part}_norm"
        if part == "attn":
            lines.append(f"      attn: {{type: multihead_attention, num_heads: 4, num_kv_heads: {kept}, "
                         f"causal: {str(dice.random() < 0.5).lower()}, from: {source}}}")  # fmt: skip
            last = "attn"
        else:
            lines.append(f"      wide: {{type: linear, out_features: 48, activation: silu, from: {source}}}")
            if gated:
                lines += [f"      up: {{type: linear, out_features: 48, from: {source}}}",
                          "      gate: {type: multiply, from: [wide, up]}"]  # fmt: skip
            lines.append("      last: {type: linear, out_features: 32}")
            last = "last"
        if drops:
            lines.append(f"      {part}_drop: {{type: dropout, p: 0.1}}")
            last = f"{part}_drop"
        lines.append(f"      {part}_add: {{type: add, from: [{stream}, {last}]}}")
        stream = f"{part}_add"
        if not pre:
            lines.append(f"      {part}_norm: {norm}")
            stream = f"{part}_norm"
    lines += ["layers:", "  embed: {type: embedding, num_embeddings: 50, embedding_dim: 32}",
              f"  h: {{type: block, repeat: {dice.choice([1, 2, 5])}}}",
              "  head: {type: linear, out_features: 50}"]  # fmt: skip
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", range(16))
def test_any_form_of_block_is_drawn_whole(seed: int) -> None:
    network = archscope.read(random_spec(seed))
    check(network)
    assert archscope.draw(network).style == "transformer"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lenet5", "nothing in LeNet-5 attends, so style transformer has no block for it; use style planes"),
        ("lstm-lm@small", "nothing in LSTM language model, small attends"),
    ],
)
def test_what_is_no_transformer_is_refused_with_the_reason(name: str, message: str) -> None:
    with pytest.raises(archscope.UsageError, match=message):
        _ = archscope.draw(name, style="transformer").scene


def test_attention_that_nothing_adds_to_its_input_is_no_stream() -> None:
    text = "name: one\ninput: [8, 16]\nlayers:\n  attn: {type: multihead_attention, num_heads: 2}\n"
    with pytest.raises(archscope.UsageError, match="no layer of one that attends is added to what it attends to"):
        _ = archscope.draw(archscope.read(text), style="transformer").scene
    assert archscope.draw(archscope.read(text)).style == "graph"


def test_a_graph_language_is_refused() -> None:
    with pytest.raises(archscope.UsageError, match="format dot is written for style graph, not for transformer"):
        archscope.draw("gpt2@small", style="transformer").write("dot")


def test_a_page_that_is_too_small_is_refused_with_one_that_is_not() -> None:
    with pytest.raises(archscope.UsageError, match=r"needs --width \d+mm at least"):
        _ = archscope.draw("gpt2@small", style="transformer", width="20mm").scene


def test_the_bytes_are_those_of_every_process() -> None:
    code = "import archscope, sys; sys.stdout.write(archscope.draw('transformer@base').svg)"
    made = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                       env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(made) == 1


def test_pytorchs_own_transformer_is_drawn_from_its_module() -> None:
    torch = pytest.importorskip("torch")
    network = archscope.trace(torch.nn.Transformer(32, 4, 2, 2, 64, batch_first=True).eval(), (6, 32), (5, 32))
    check(network)
    assert [stack[-1] for stack in roles(model(network))] == ["norm", "norm"]


def test_a_norm_that_a_module_writes_out_is_one_block() -> None:
    torch = pytest.importorskip("torch")

    class Norm(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(32))

        def forward(self, x: Any) -> Any:
            return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))

    class Block(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.norm_2 = Norm(), Norm()
            self.qkv, self.out = torch.nn.Linear(32, 96), torch.nn.Linear(32, 32)
            self.wide, self.narrow = torch.nn.Linear(32, 64), torch.nn.Linear(64, 32)

        def forward(self, x: Any) -> Any:
            q, k, v = (each.unflatten(-1, (4, 8)).transpose(1, 2) for each in self.qkv(self.norm(x)).chunk(3, -1))
            y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).flatten(2))
            return x + self.narrow(self.wide(self.norm_2(x)).relu())

    network = archscope.trace(torch.nn.Sequential(*(Block() for _ in range(3))).eval(), (6, 32))
    assert roles(model(network)) == [["input", "norm", "attention", "add", "norm", "feed", "add"]]
    found = strings(archscope.draw(network).scene)
    assert {"RMS Norm", "Masked Multi-Head", "4 heads of 8", "×3"} <= set(found)
    check(network)


def test_a_table_that_the_first_block_holds_for_all_keeps_none_apart() -> None:
    torch = pytest.importorskip("torch")

    class Block(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, *, first: bool) -> None:
            super().__init__()
            self.norm = torch.nn.LayerNorm(8)
            self.q, self.k, self.v, self.o = (torch.nn.Linear(8, 8) for _ in range(4))
            self.table = torch.nn.Parameter(torch.randn(5, 5)) if first else None

        def forward(self, x: Any, table: Any) -> Any:
            n, table = self.norm(x), self.table if table is None else table
            attended = torch.nn.functional.scaled_dot_product_attention(self.q(n), self.k(n), self.v(n), table)
            return x + self.o(attended), table

    class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.blocks = torch.nn.ModuleList(Block(first=not number) for number in range(3))

        def forward(self, x: Any) -> Any:
            table = None
            for block in self.blocks:
                x, table = block(x, table)
            return x

    network = archscope.trace(Net(), torch.zeros(2, 5, 8))
    check(network)
    said = strings(archscope.draw(network).scene)
    # Four maps of 8 · 8 + 8 in each block, and 5 · 5 places once.
    assert {"×3", "288 par.", "25 par. for all 3"} <= set(said)


def test_an_embedding_of_two_kinds_is_of_segments_and_told_with_its_rows() -> None:
    torch = pytest.importorskip("torch")

    class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.words, self.kinds = torch.nn.Embedding(50, 8), torch.nn.Embedding(2, 8)
            self.register_buffer("zeros", torch.zeros(1, 5, dtype=torch.long))
            self.block = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, words: Any) -> Any:
            return self.block(self.words(words) + self.kinds(self.zeros))

    with torch.device("meta"):  # where no value of the buffer is known
        network = archscope.trace(Net().eval(), torch.zeros(1, 5, dtype=torch.long))
    assert {"Segment Embedding", "2 × 8", "Token Embedding", "50 × 8"} <= set(strings(archscope.draw(network).scene))


def test_a_layer_that_runs_again_and_again_with_the_same_weights_is_drawn_once() -> None:
    torch = pytest.importorskip("torch")

    class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.block = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, x: Any) -> Any:
            for _ in range(5):
                x = self.block(x)
            return x

    network = archscope.trace(Net().eval(), (6, 8))
    check(network)
    assert roles(model(network)) == [["input", "attention", "add-norm", "feed", "add-norm"]]
    # 8 · 24 + 24 for queries, keys and values and 8 · 8 + 8 behind them, held once.
    assert {"×5", "288 par. for all 5"} <= set(strings(archscope.draw(network).scene))


@pytest.mark.parametrize("negated", [True, False])
def test_positions_that_turn_queries_and_keys_are_said_without_values_too(negated: bool) -> None:
    torch = pytest.importorskip("torch")

    class Block(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v, self.o = (torch.nn.Linear(16, 16) for _ in range(4))
            self.register_buffer("cos", torch.zeros(6, 8))
            self.register_buffer("sin", torch.zeros(6, 8))

        def turned(self, x: Any) -> Any:
            first, second = x[..., :4], x[..., 4:]
            return x * self.cos + torch.cat((-second if negated else 2 * second, first), -1) * self.sin

        def forward(self, x: Any) -> Any:
            q, k, v = (each(x).unflatten(-1, (2, 8)).transpose(1, 2) for each in (self.q, self.k, self.v))
            y = torch.nn.functional.scaled_dot_product_attention(self.turned(q), self.turned(k), v)
            return x + self.o(y.transpose(1, 2).flatten(2))

    with torch.device("meta"):
        network = archscope.trace(Block().eval(), torch.zeros(1, 6, 16))
    check(network)
    assert ("rotary positions" in strings(archscope.draw(network).scene)) == negated


@pytest.mark.parametrize("name", SPECS)
def test_what_lies_in_rows_on_a_slide_is_in_nobodys_way(name: str) -> None:
    network = archscope.load(name)
    check(network, page="16:9", font_size=6 if name == "mixtral" else 9)


def test_attention_is_masked_where_the_mask_is_added_to_relative_positions() -> None:
    """T5's decoder: the layer that attends says nothing of what comes later, the mask that it reads does."""
    spec = """
        title: Relative positions behind a mask
        input: {tokens: [5]}
        blocks:
          block:
            layers:
              norm: {type: rms_norm, normalized_shape: 16}
              q: {type: linear, out_features: 16, bias: false, from: norm}
              q_heads: {type: reshape, shape: [5, 2, 8]}
              query: {type: transpose, dim0: 0, dim1: 1}
              k: {type: linear, out_features: 16, bias: false, from: norm}
              k_heads: {type: reshape, shape: [5, 2, 8]}
              key: {type: transpose, dim0: 0, dim1: 1}
              v: {type: linear, out_features: 16, bias: false, from: norm}
              v_heads: {type: reshape, shape: [5, 2, 8]}
              value: {type: transpose, dim0: 0, dim1: 1}
              bias: {type: relative_position_bias, num_heads: 2, num_buckets: 32, bidirectional: false, length: 5}
              mask: {type: attention_mask, length: 5, causal: true}
              masks: {type: reshape, shape: [1, 5, 5], from: mask}
              scores: {type: add, from: [bias, masks]}
              attend: {type: scaled_dot_product_attention, from: [query, key, value, scores]}
              back: {type: transpose, dim0: 0, dim1: 1}
              heads: {type: reshape, shape: [5, 16]}
              o: {type: linear, out_features: 16, bias: false}
              plus: {type: add, from: [o, input]}
              norm_2: {type: rms_norm, normalized_shape: 16}
              wide: {type: linear, out_features: 24, activation: relu}
              narrow: {type: linear, out_features: 16}
              plus_2: {type: add, from: [narrow, plus]}
        layers:
          embed: {type: embedding, num_embeddings: 50, embedding_dim: 16}
          first: {type: block}
    """
    hidden = archscope.read(spec)
    seen = archscope.read(spec.replace("causal: true", "sliding_window: 2"))
    said = strings(archscope.draw(hidden).scene)
    assert "Masked Multi-Head" in said
    assert "relative positions" in said
    assert "Multi-Head" in strings(archscope.draw(seen).scene)


@pytest.mark.parametrize("name", ["gpt2@small", "bert@base", "mixtral", "transformer@base", "vit@b16"])
@pytest.mark.parametrize("asked", [{}, {"page": "beamer"}], ids=["tall", "beamer"])
def test_every_block_that_is_coloured_by_its_cost_has_its_number_a_circle_beside_it(
    name: str, asked: dict[str, Any]
) -> None:
    drawing = archscope.draw(name, style="transformer", color="activation_bytes", **asked)
    groups = [
        group for group in drawing.scene.groups("layer") if group.layers[0] not in drawing.analysis.network.inputs
    ]
    told = [{item.string for item in group.items if isinstance(item, Text)} for group in groups]
    assert [group.title for group, said in zip(groups, told, strict=True) if not any("bytes" in x for x in said)] == []
    assert problems(drawing.svg, drawing.analysis.network) == []
