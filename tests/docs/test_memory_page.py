"""Figures in the prose of the page on memory are what the program says; its blocks run as those of all pages do."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Final

import archscope
from archscope.layers import MultiheadAttention
from archscope.memory import Memory, memory
from tests.memory.test_after import LENET_TODAY

PAGE: Final = (Path(__file__).parents[2] / "docs" / "explanation" / "memory.md").read_text()
PROSE: Final = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)


def _said(number: int) -> bool:
    return re.search(rf"(?<![\d,]){number:,}(?![\d,]*\d)", PROSE) is not None


def _held(found: Memory, phase: str, kind: str) -> int:
    return found[phase].after.held[kind]


def test_what_lenet_leaves_behind_is_the_table() -> None:
    found = memory(archscope.load("lenet5-pytorch"), 64, optimizer="adam")
    rows = re.findall(r"^\|.*\| ([\d,]+) \|$", PROSE, re.MULTILINE)
    *parts, whole = (int(each.replace(",", "")) for each in rows)
    maps = [1 * 32 * 32, 6 * 28 * 28, 2 * 6 * 14 * 14, 6 * 14 * 14, 16 * 10 * 10, 2 * 16 * 5 * 5, 16 * 5 * 5]
    values = [*maps, 120 + 84]
    assert parts == [4 * 64 * each for each in values]
    assert whole == sum(parts) == _held(found, "forward", "saved")
    sixteen = 16 * archscope.analyze(archscope.load("lenet5-pytorch")).totals.parameters
    assert _said(sixteen)
    assert round(found.peak.most.total / sixteen) == 5


def test_what_alexnet_holds_is_what_is_said() -> None:
    alexnet = archscope.load("alexnet-torchvision")
    adam, loop = memory(alexnet, 16, optimizer="adam", foreach=True), memory(alexnet, 16, optimizer="adam")
    sgd, many = memory(alexnet, 16, optimizer="sgd"), memory(alexnet, 256, optimizer="adam")
    pooled = 4 * 16 * 256 * 6 * 6
    weights, saved, values = (_held(sgd, "forward", kind) for kind in ("weights", "saved", "values"))
    for number in (saved, pooled, weights + saved + values - pooled, weights + saved + values):
        assert _said(number), number
    for found, phase in ((loop, "optimizer step"), (adam, "optimizer step"), (sgd, "backward"), (many, "backward")):
        assert found.peak.name == phase
        assert _said(found.peak.most.total), (phase, found.peak.most.total)
    assert many.peak.most.layer == "conv5"


BLOCKS: Final = """
    input: [256, 768]
    blocks:
      block:
        layers:
          ln_1: {type: layer_norm, normalized_shape: 768}
          attn: {type: multihead_attention, num_heads: 12, causal: true}
          add_1: {type: add, from: [input, attn]}
          ln_2: {type: layer_norm, normalized_shape: 768}
          c_fc: {type: linear, out_features: 3072, activation: {type: gelu, approximate: tanh}}
          c_proj: {type: linear, out_features: 768}
          add_2: {type: add, from: [add_1, c_proj]}
    layers:
      h: {type: block, repeat: 12}
      ln_f: {type: layer_norm, normalized_shape: 768}
    """


def _mega(number: int, digits: int) -> str:
    return f"({number / 1e6:,.{digits}f} MB)"


def test_what_no_other_test_of_the_page_works_out_is_what_is_said() -> None:
    lenet, alexnet = archscope.load("lenet5-pytorch"), archscope.load("alexnet-torchvision")
    facts = archscope.analyze(lenet)
    parameters = facts.totals.parameters
    tensors = [weight for each in lenet.facts.values() for weight in each.weights]
    assert len(tensors) == 10
    matrices = sum(math.prod(each.shape) for each in tensors if len(each.shape) > 1)
    cast = memory(lenet, 64, optimizer="adam", autocast="bfloat16")["forward"].after.held
    values, places = (
        1 * 32 * 32 + 6 * 28 * 28 + 6 * 14 * 14 + 16 * 10 * 10 + 16 * 5 * 5 + 120 + 84,
        6 * 14 * 14 + 16 * 5 * 5,
    )
    assert cast["saved"] == 64 * (2 * values + 8 * places)
    assert cast["casts"] == 2 * matrices
    averages = _held(memory(archscope.read(LENET_TODAY), 64, optimizer="adam"), "forward", "saved")
    sgd, many = memory(alexnet, 16, optimizer="sgd"), memory(alexnet, 256, optimizer="adam")
    whole = sum(_held(sgd, "forward", kind) for kind in ("weights", "saved", "values"))
    gpt2 = archscope.load("gpt2@small")
    classes = gpt2.facts["head"].output[-1]
    masks, sums = 3 * 16 * (9216 + 4096), 12 * 16 * 256 * 768 * 4
    adam = memory(alexnet, 16, optimizer="adam")
    attention = [each.layer for each in gpt2.nodes if isinstance(each.layer, MultiheadAttention)]
    heads, width = attention[0].num_heads, gpt2.facts["ln_f"].output[-1]
    said = [
        f"{parameters:,}·4 bytes", "4 for each of ten tensors",
        f"64·(2·{values:,} + 8·{places:,})", f"{cast['casts']:,} = 2·{matrices:,}",
        f"{averages:,} bytes {_mega(averages, 2)}", _mega(whole - 4 * 16 * 256 * 6 * 6, 2),
        _mega(sgd.peak.most.total, 1), f"{many.peak.most.total:,} {_mega(many.peak.most.total, 1)}",
        f"GPT-2 has {classes:,} scores a token", f"3·16·(9,216 + 4,096) = {masks:,}",
        f"12·16·256·768·4 = {sums:,}", f"A step with Adam holds {adam.peak.most.total:,} bytes",
        f"GPT-2 small has {len(attention)} layers of {heads} heads of {width // heads} features",
    ]  # fmt: skip
    flat = " ".join(PROSE.split())
    for working, bytes_ in re.findall(r"^\|.*\| ([\d·+ ]+(?: \(8 bytes\))?) \| ([\d,]+) \|$", PROSE, re.MULTILINE):
        each = sum(math.prod(map(int, part.split("·"))) for part in working.removesuffix(" (8 bytes)").split(" + "))
        assert f"{64 * each * (8 if '(8 bytes)' in working else 4):,}" == bytes_, working
    assert [each for each in said if each not in flat] == []
    differences = {"AlexNet (torchvision)": f"− {masks:,}", "12 blocks of GPT-2, 256 tokens": f"+ {sums:,}"}
    networks = {
        "LeNet-5 (PyTorch)": lenet, "AlexNet (torchvision)": alexnet, "ResNet-50": archscope.load("resnet@50"),
        "12 blocks of GPT-2, 256 tokens": archscope.read(BLOCKS),
    }  # fmt: skip
    for name, network in networks.items():
        found = memory(network, 16, optimizer="adam")
        forward, backward, step = (found[each] for each in ("forward", "backward", "optimizer step"))
        here = [forward.after, backward.after, step.after, step.most, backward.most]
        assert f"| {name} | {here[0].total:,} {differences.get(name, '+ 0')} | " in flat
        (row,) = re.findall(rf"^\| {re.escape(name)} \| (.*) \|$", PROSE, re.MULTILINE)
        assert [cell.split()[0] for cell in row.split(" | ")] == [f"{each.total:,}" for each in here], name
