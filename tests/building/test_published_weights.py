"""Weights of the usual implementations, taken over in the order of the spec, give the same outputs.

A spec's ``state_dict`` lists weights in the order in which the network runs. Others list them in the order in which
they were declared, hold queries, keys and values apart, or a matrix the other way round; each test says what it moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.building import build
from archscope.reader import specs_folder

transformers = pytest.importorskip("transformers")

State = dict[str, Tensor]


def small(folder: Path, name: str, lets: str, **extents: str) -> nn.Module:
    """A small member of a family: names of ``let:``, and numbers written in the spec, in other sizes."""
    text = (specs_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    ends = [text.index(f"\n{key}:") for key in ("training", "published", "variants") if f"\n{key}:" in text]
    text = text[: min(ends)] + f"\nvariants: {{small: {{let: {lets}}}}}\n"
    for old, new in extents.items():
        assert old[1:] in text
        text = text.replace(old[1:], new)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    torch.manual_seed(0)
    return build(archscope.load(folder / f"{name}.yaml@small")).eval()


def agree(ours: nn.Module, theirs: Sequence[Tensor], run: Callable[..., Tensor]) -> None:
    state = ours.state_dict()
    assert [tuple(each.shape) for each in state.values()] == [tuple(each.shape) for each in theirs]
    ours.load_state_dict(dict(zip(state, theirs, strict=True)))
    inputs = ours.example_inputs(2)
    with torch.no_grad():
        torch.testing.assert_close(ours(*inputs), run(*inputs), atol=1e-5, rtol=1e-5)


def joined(state: State, stem: str, names: Sequence[str]) -> Iterator[Tensor]:
    """Queries, keys and values as one matrix and one bias."""
    for kind in ("weight", "bias"):
        yield torch.cat([state[f"{stem}{name}.{kind}"] for name in names])


def both(state: State, *stems: str) -> list[Tensor]:
    return [state[f"{stem}.{kind}"] for stem in stems for kind in ("weight", "bias")]


def test_gpt2_takes_the_weights_of_transformers(tmp_path: Path) -> None:
    ours = small(tmp_path, "gpt2", "{d: 32, heads: 4, layers: 2}", _50257="97", _1024="16")
    config = transformers.GPT2Config(vocab_size=97, n_positions=16, n_embd=32, n_layer=2, n_head=4, bos_token_id=None,
                                     eos_token_id=None)  # fmt: skip
    theirs = transformers.GPT2LMHeadModel(config).eval()
    # Its `Conv1D` holds the matrix of a dense layer the other way round.
    turned = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    weights = [each.T if name.endswith(turned) else each for name, each in theirs.state_dict().items()]
    agree(ours, weights, lambda tokens: theirs(tokens).logits)


def test_the_vision_transformer_takes_the_weights_of_transformers(tmp_path: Path) -> None:
    lets = "{d: 32, heads: 4, n: 2, p: 8}"
    extents = {"_224//": "16//", "_[3, 224, 224]": "[3, 16, 16]", "_1000}": "10}"}
    ours = small(tmp_path, "vit", lets, **extents)
    config = transformers.ViTConfig(image_size=16, patch_size=8, hidden_size=32, num_hidden_layers=2,
                                    num_attention_heads=4, intermediate_size=128, layer_norm_eps=1e-6,
                                    num_labels=10)  # fmt: skip
    theirs = transformers.ViTForImageClassification(config).eval()
    state = theirs.state_dict()
    weights = both(state, "vit.embeddings.patch_embeddings.projection")
    # The token and the positions have an axis of extent 1 for the batch.
    weights += [state["vit.embeddings.cls_token"][0], state["vit.embeddings.position_embeddings"][0]]
    for layer in (f"vit.layers.{place}." for place in range(2)):
        weights += both(state, f"{layer}layernorm_before")
        weights += joined(state, f"{layer}attention.", ("q_proj", "k_proj", "v_proj"))
        names = ("attention.o_proj", "layernorm_after", "mlp.fc1", "mlp.fc2")
        weights += both(state, *(layer + name for name in names))
    weights += both(state, "vit.layernorm", "classifier")
    agree(ours, weights, lambda image: theirs(image).logits)


def test_bert_takes_the_weights_of_transformers(tmp_path: Path) -> None:
    ours = small(tmp_path, "bert", "{d: 32, heads: 4, n: 2}", _30522="97", _512="16")
    config = transformers.BertConfig(vocab_size=97, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                                     intermediate_size=128, max_position_embeddings=16)  # fmt: skip
    theirs = transformers.BertModel(config).eval()
    state = theirs.state_dict()
    weights: list[Tensor] = []
    for name, each in state.items():
        stem, _, last = name.rpartition("query.")
        if last == "weight":
            weights += joined(state, stem, ("query", "key", "value"))
        elif not any(part in name for part in (".query.", ".key.", ".value.")):
            weights.append(each)
    agree(ours, weights, lambda tokens, segments: theirs(tokens, token_type_ids=segments).pooler_output)


LLAMA = {"vocab_size": 97, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "bos_token_id": 1,
         "eos_token_id": 2}  # fmt: skip


def decoder(state: State, feed: Callable[[str], Sequence[Tensor]]) -> list[Tensor]:
    weights = [state["model.embed_tokens.weight"]]
    for layer in (f"model.layers.{place}." for place in range(2)):
        weights.append(state[f"{layer}input_layernorm.weight"])
        weights += [state[f"{layer}self_attn.{name}_proj.weight"] for name in "qkvo"]
        weights.append(state[f"{layer}post_attention_layernorm.weight"])
        weights += feed(layer)
    return [*weights, state["model.norm.weight"], state["lm_head.weight"]]


def test_llama_takes_the_weights_of_transformers(tmp_path: Path) -> None:
    lets = "{d: 32, groups: 2, hidden: 48, n: 2}"
    ours = small(tmp_path, "llama2", lets, _128="8", _4096="16", _32000="97")
    theirs = transformers.LlamaForCausalLM(transformers.LlamaConfig(**LLAMA)).eval()
    state = theirs.state_dict()
    weights = decoder(state, lambda layer: [state[f"{layer}mlp.{name}_proj.weight"] for name in ("gate", "up", "down")])
    agree(ours, weights, lambda tokens: theirs(tokens).logits)


def test_mixtral_takes_the_weights_of_transformers(tmp_path: Path) -> None:
    lets = "{d: 32, groups: 2, hidden: 48, n: 2, vocabulary: 97}"
    ours = small(tmp_path, "mixtral", lets, _128="8", _32768="16")
    config = transformers.MixtralConfig(**LLAMA, num_local_experts=8, num_experts_per_tok=2, rope_theta=1e6)
    theirs = transformers.MixtralForCausalLM(config).eval()
    state = theirs.state_dict()

    def experts(layer: str) -> list[Tensor]:
        gate, up = state[f"{layer}mlp.experts.gate_up_proj"].chunk(2, dim=1)
        return [gate, up, state[f"{layer}mlp.experts.down_proj"], state[f"{layer}mlp.gate.weight"]]

    agree(ours, decoder(state, experts), lambda tokens: theirs(tokens).logits)


LARGE = {
    "bert@base": ("BertModel", "BertConfig", {}),
    "bert@large": ("BertModel", "BertConfig", {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
                                               "intermediate_size": 4096}),
    "llama2@7b": ("LlamaForCausalLM", "LlamaConfig", {}),
    "llama2@70b": ("LlamaForCausalLM", "LlamaConfig", {
        "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64,
        "num_key_value_heads": 8}),
    "mixtral": ("MixtralForCausalLM", "MixtralConfig", {}),
    "gpt2@xl": ("GPT2LMHeadModel", "GPT2Config", {"n_embd": 1600, "n_layer": 48, "n_head": 25}),
    "vit@l32": ("ViTForImageClassification", "ViTConfig", {
        "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
        "patch_size": 32, "num_labels": 1000}),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_parameters_are_those_of_transformers(name: str) -> None:
    kind, config, options = LARGE[name]
    with torch.device("meta"):
        theirs = getattr(transformers, kind)(getattr(transformers, config)(**options))
    held = sum(each.numel() for each in {id(each): each for each in theirs.parameters()}.values())
    assert archscope.analyze(archscope.load(name)).totals.parameters == held
