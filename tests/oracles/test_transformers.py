"""Networks that `transformers` has too: its parameters and running statistics are ours to the last one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import archscope

transformers = pytest.importorskip("transformers")

Make = Callable[[], nn.Module]


def _bert(**options: Any) -> Make:
    return lambda: transformers.BertModel(transformers.BertConfig(**options))


def _gpt2(wide: int, layers: int, heads: int) -> Make:
    config = {"n_embd": wide, "n_layer": layers, "n_head": heads}
    return lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config(**config))


def _llama(**options: Any) -> Make:
    return lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**options))


def _sized(wide: int, layers: int, heads: int, inner: int) -> dict[str, int]:
    return {"hidden_size": wide, "num_hidden_layers": layers, "num_attention_heads": heads, "intermediate_size": inner}


def _vit(patch: int, *size: int) -> Make:
    config = {**_sized(*size), "patch_size": patch, "num_labels": 1000}
    return lambda: transformers.ViTForImageClassification(transformers.ViTConfig(**config))


def _convnext(deep: int, wide: int) -> Make:
    config = {"depths": [3, 3, deep, 3], "hidden_sizes": [wide << place for place in range(4)], "num_labels": 1000}
    return lambda: transformers.ConvNextForImageClassification(transformers.ConvNextConfig(**config))


def _resnet(*depths: int, kind: str = "bottleneck") -> Make:
    first = 256 if kind == "bottleneck" else 64
    config = {"depths": list(depths), "layer_type": kind, "hidden_sizes": [first << place for place in range(4)]}
    return lambda: transformers.ResNetForImageClassification(transformers.ResNetConfig(**config, num_labels=1000))


def _mobile(name: str, **options: Any) -> Make:
    config = getattr(transformers, f"{name}Config")
    return lambda: getattr(transformers, f"{name}ForImageClassification")(config(num_labels=1000, **options))


SAME: dict[str, Make] = {
    "bert@base": _bert(),
    "bert@large": _bert(**_sized(1024, 24, 16, 4096)),
    "gpt2@small": _gpt2(768, 12, 12),
    "gpt2@medium": _gpt2(1024, 24, 16),
    "gpt2@large": _gpt2(1280, 36, 20),
    "gpt2@xl": _gpt2(1600, 48, 25),
    "llama2@7b": _llama(),
    "llama2@13b": _llama(**_sized(5120, 40, 40, 13_824)),
    "llama2@70b": _llama(**_sized(8192, 80, 64, 28_672), num_key_value_heads=8),
    "mixtral": lambda: transformers.MixtralForCausalLM(transformers.MixtralConfig()),
    "vit@b16": _vit(16, 768, 12, 12, 3072),
    "vit@b32": _vit(32, 768, 12, 12, 3072),
    "vit@l16": _vit(16, 1024, 24, 16, 4096),
    "vit@l32": _vit(32, 1024, 24, 16, 4096),
    "vit@h14": _vit(14, 1280, 32, 16, 5120),
    "convnext@T": _convnext(9, 96),
    "convnext@S": _convnext(27, 96),
    "convnext@B": _convnext(27, 128),
    "convnext@L": _convnext(27, 192),
    "resnet@18": _resnet(2, 2, 2, 2, kind="basic"),
    "resnet@34": _resnet(3, 4, 6, 3, kind="basic"),
    "resnet@50": _resnet(3, 4, 6, 3),
    "resnet@101": _resnet(3, 4, 23, 3),
    "resnet@152": _resnet(3, 8, 36, 3),
    "efficientnet-b0": _mobile("EfficientNet", width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280),
    "mobilenet-v1@1.0-224": _mobile("MobileNetV1"),
    "mobilenet-v2": _mobile("MobileNetV2"),
}


@pytest.mark.parametrize("name", SAME)
def test_a_network_of_transformers_has_our_parameters_and_statistics(name: str) -> None:
    with torch.device("meta"):  # weights have shapes and take no memory
        theirs = SAME[name]()
    totals = archscope.analyze(archscope.load(name)).totals
    statistics = sum(buffer.numel() for key, buffer in theirs.named_buffers() if "running" in key)
    assert sum(each.numel() for each in theirs.parameters()) == totals.parameters
    assert statistics == totals.fixed
