"""Models of the `transformers` package and networks written from their papers become specs that compute the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope import analyze, trace
from archscope.writing.stating import state
from tests.writing import papers

pytestmark = pytest.mark.filterwarnings("ignore")

SMALL = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64}
TEXT = {**SMALL, "vocab_size": 99, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
VISION = {**SMALL, "image_size": 32, "patch_size": 8}
GPT2 = {"n_layer": 2, "n_embd": 32, "n_head": 4, "vocab_size": 99, "n_positions": 64, "bos_token_id": 1,
        "eos_token_id": 2}  # fmt: skip

TRANSFORMERS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "GPT-2": ("GPT2LMHeadModel", "GPT2Config", GPT2, "input_ids"),
    "BERT": ("BertModel", "BertConfig", TEXT, "input_ids"),
    "DistilBERT": ("DistilBertModel", "DistilBertConfig", {"n_layers": 2, "dim": 32, "n_heads": 4, "hidden_dim": 64,
                                                          "vocab_size": 99}, "input_ids"),
    "OPT": ("OPTForCausalLM", "OPTConfig", {**TEXT, "ffn_dim": 64, "word_embed_proj_dim": 32}, "input_ids"),
    "Llama": ("LlamaForCausalLM", "LlamaConfig", {**TEXT, "num_key_value_heads": 2}, "input_ids"),
    "Qwen 2": ("Qwen2ForCausalLM", "Qwen2Config", {**TEXT, "num_key_value_heads": 2}, "input_ids"),
    "GPT-NeoX": ("GPTNeoXForCausalLM", "GPTNeoXConfig", TEXT, "input_ids"),
    "Mistral": ("MistralForCausalLM", "MistralConfig", {**TEXT, "num_key_value_heads": 2, "sliding_window": 3},
                "input_ids"),
    # The first block alone has the table of distances: of three, each on lines of its own would be shorter.
    "T5": ("T5EncoderModel", "T5Config", {"num_layers": 4, "d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64,
                                          "vocab_size": 99}, "input_ids"),
    "Swin": ("SwinModel", "SwinConfig", {"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [2, 2],
                                         "num_heads": [2, 4], "window_size": 4}, "pixel_values"),
    "BEiT": ("BeitModel", "BeitConfig", {**VISION, "use_relative_position_bias": True}, "pixel_values"),
    "ViT": ("ViTForImageClassification", "ViTConfig", VISION, "pixel_values"),
    "DeiT": ("DeiTModel", "DeiTConfig", VISION, "pixel_values"),
    "ConvNeXt": ("ConvNextForImageClassification", "ConvNextConfig", {"hidden_sizes": [8, 12, 16, 20],
                                                                      "depths": [2, 2, 2, 2]}, "pixel_values"),
    "ResNet": ("ResNetForImageClassification", "ResNetConfig", {"embedding_size": 8, "hidden_sizes": [16, 32],
                                                               "depths": [2, 2]}, "pixel_values"),
    "RegNet": ("RegNetForImageClassification", "RegNetConfig", {"embedding_size": 8, "hidden_sizes": [16, 32],
                                                               "depths": [2, 2], "groups_width": 8}, "pixel_values"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_model_of_transformers_is_a_spec_that_computes_the_same(name: str) -> None:
    transformers: Any = pytest.importorskip("transformers", reason="the models are those of the transformers package")
    model, config, options, what = TRANSFORMERS[name]
    module = getattr(transformers, model)(getattr(transformers, config)(**options)).eval()
    generator = torch.Generator().manual_seed(1)
    given = torch.randint(3, 99, (2, 8), generator=generator) if what == "input_ids" else torch.randn(
        2, 3, 32, 32, generator=generator)  # fmt: skip
    _holds(module, {what: given}, folded=True)


@pytest.mark.parametrize("name", papers.NETWORKS)
def test_a_network_from_its_paper_is_a_spec_that_computes_the_same(name: str) -> None:
    make, shape, folded = papers.NETWORKS[name]
    torch.manual_seed(1)
    given = torch.randint(0, 50, (2, *shape)) if name.endswith("text") else torch.randn(2, *shape)
    _holds(make().eval(), {"x": given}, folded=folded)


def _holds(module: nn.Module, given: dict[str, Tensor], *, folded: bool) -> None:
    """Its spec has its numbers and, with its weights, gives what it gives."""
    _scatter(module)
    network = trace(module, **{name: each[:1] for name, each in given.items()})
    stated = state(network)
    assert stated.differences == ()
    assert (stated.blocks > 0) == folded
    here, there = analyze(network).totals, analyze(stated.network).totals
    assert (here.parameters, here.macs) == (there.parameters, there.macs)

    read = archscope.build(network).eval()
    read.load_state_dict(module.state_dict(), strict=False)
    built = archscope.build(stated.network).eval()
    mine = dict(read.named_parameters())
    alike = mine.keys() == dict(built.named_parameters()).keys()  # else names were changed, and the order was not
    for (name, theirs), other in zip(built.named_parameters(), mine.values(), strict=True):
        with torch.no_grad():
            theirs.copy_(mine[name] if alike else other)
    for held, theirs in zip(read.buffers(), built.buffers(), strict=True):
        theirs.copy_(held)
    with torch.no_grad():
        wanted = _first(module(**given))
        assert torch.allclose(_first(built(*given.values())), wanted, atol=1e-4 * float(wanted.abs().max()))


def _scatter(module: nn.Module) -> None:
    """Weights that are zero or one at the start hide what is done with them."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for each in module.parameters():
            each.add_(torch.randn(each.shape, generator=generator) * 0.1)
        for name, each in module.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                each.add_(torch.rand(each.shape, generator=generator) * 0.2)


def _first(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else _first(value[0])
