"""Models of the `transformers` package, without weights: published parameter counts, and the MACs PyTorch counts."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from archscope import analyze, trace

transformers: Any = pytest.importorskip("transformers", reason="the models are those of the transformers package")

pytestmark = pytest.mark.filterwarnings("ignore")


class Published(NamedTuple):
    """A model, its inputs, and the number of its parameters that whoever trained it states."""

    make: Callable[[], Any]
    inputs: dict[str, Tensor]
    parameters: int
    counted: bool = True


def _tokens(count: int) -> Tensor:
    return torch.zeros(1, count, dtype=torch.long, device="meta")


def _picture() -> Tensor:
    return torch.zeros(1, 3, 224, 224, device="meta")


def _llama() -> Any:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=32_000, hidden_size=4096, intermediate_size=11_008, num_hidden_layers=32, num_attention_heads=32,
    ))  # fmt: skip


def _mamba() -> Any:
    return transformers.MambaForCausalLM(transformers.MambaConfig(hidden_size=768, num_hidden_layers=24))


MODELS: dict[str, Published] = {
    "GPT-2": Published(
        lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config()), {"input_ids": _tokens(16)}, 124_439_808
    ),
    "BERT base": Published(
        lambda: transformers.BertModel(transformers.BertConfig()), {"input_ids": _tokens(16)}, 109_482_240
    ),
    "Llama 2 7B": Published(_llama, {"input_ids": _tokens(16)}, 6_738_415_616),
    "T5 small": Published(
        lambda: transformers.T5ForConditionalGeneration(transformers.T5Config()),
        {"input_ids": _tokens(12), "decoder_input_ids": _tokens(8)},
        60_506_624,
    ),
    "Whisper tiny": Published(
        lambda: transformers.WhisperForConditionalGeneration(transformers.WhisperConfig()),
        {"input_features": torch.zeros(1, 80, 3000, device="meta"), "decoder_input_ids": _tokens(8)},
        37_760_640,
    ),
    "Mamba 130M": Published(_mamba, {"input_ids": _tokens(4)}, 129_135_360),
    # PyTorch's own counter does not run it: its grouped product knows one precision only on meta.
    "Mixtral 8x7B": Published(
        lambda: transformers.MixtralForCausalLM(transformers.MixtralConfig()),
        {"input_ids": _tokens(4)},
        46_702_792_704,
        counted=False,
    ),
    "ViT base": Published(
        lambda: transformers.ViTModel(transformers.ViTConfig()), {"pixel_values": _picture()}, 86_389_248
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_published_model_has_its_published_parameters_and_the_products_that_pytorch_counts(name: str) -> None:
    model = MODELS[name]
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = model.make().eval()
    analysis = analyze(trace(module, **model.inputs))
    seen = analysis.network.observed
    assert seen is not None
    assert seen.held == model.parameters
    assert analysis.totals.macs is not None
    if model.counted:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            module(**model.inputs)
        assert 2 * int(analysis.totals.macs) == counter.get_total_flops()


def test_experts_that_are_not_reached_are_held_and_those_that_are_multiply() -> None:
    """Two of eight experts a token: three matrices of 4096·14336 each, in each of 32 layers."""
    model = MODELS["Mixtral 8x7B"]
    with torch.device("meta"):
        module = model.make().eval()
    analysis = analyze(trace(module, **model.inputs))
    experts = [row for row in analysis.rows if row.name.endswith("grouped_mm") or "experts" in row.name]
    assert sum(int(row.macs or 0) for row in experts) == 32 * 4 * 2 * 3 * 4096 * 14_336


def test_the_operator_that_stands_for_experts_in_an_exported_program_multiplies_each_token_once() -> None:
    import transformers.integrations.moe  # noqa: F401 - registers the operator

    class Experts(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.held = torch.nn.Parameter(torch.zeros(4, 6, 5))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            ends = torch.tensor([2, 3, 3, 7])
            return torch.ops.transformers.grouped_mm_fallback(x[0], self.held, ends)[None]

    totals = analyze(trace(Experts(), (7, 6))).totals
    # 7 tokens by a matrix of 6·5 each, whichever of the four it is.
    assert (totals.parameters, totals.macs) == (4 * 30, 7 * 30)
