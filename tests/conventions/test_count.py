"""Totals by other tools' conventions are what those tools print, which are asked on the spot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import archscope
from archscope.conventions import TOOLS, count
from archscope.errors import NotFound, UsageError
from tests.conftest import Run
from tests.conventions.asked import HERE, NETWORKS, ask
from tests.conventions.cases import layers, modules

Runs = Callable[..., Run]

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))
"""What DeepSpeed printed, which is no package to install for a test; `asked.py` writes it where it is installed."""


def by_rule(network: archscope.Network, tool: str) -> int:
    """Our count of what a tool prints."""
    return count(archscope.analyze(network), tool).total


_NOT = {("calflops", "Upsample(scale_factor=(1.5, 2.3), mode='bilinear') [[4, 13, 17]]")}
"""What a tool fails on: calflops takes the scale for one number."""


def _asks_attention_by_class(tool: str, name: str) -> bool:
    """Whether a tool knows PyTorch's attention by its class alone, for which `archscope.build` has its own."""
    return tool == "ptflops" and name.startswith("MultiheadAttention") and "num_kv_heads" not in name


@pytest.mark.parametrize("tool", HERE)
def test_every_layer_counts_as_the_tool_counts_it(tool: str) -> None:
    """Some three hundred single layers, each tool asked on the spot; every one that differs is listed."""
    wrong, seen = [], 0
    for name, network in layers():
        if (tool, name) in _NOT or _asks_attention_by_class(tool, name):
            continue
        seen += 1
        ours, theirs = by_rule(network, tool), ask(tool, network)
        if ours != theirs:
            wrong.append((name, ours, theirs))
    assert wrong == []
    assert seen > 290


@pytest.mark.parametrize("tool", HERE)
def test_pytorchs_own_modules_count_as_the_tool_counts_them(tool: str) -> None:
    told = {name: (by_rule(network, tool), ask(tool, network, module.eval())) for name, network, module in modules()}
    assert {name: each for name, each in told.items() if each[0] != each[1]} == {}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_whole_network_counts_as_every_tool_counts_it(name: str) -> None:
    network = archscope.load(name)
    module = archscope.build(network).eval()
    asked = {tool: ask(tool, network, module) for tool in HERE}
    assert {tool: by_rule(network, tool) for tool in HERE} == asked


def test_deepspeed_counted_the_same_when_it_was_asked() -> None:
    ours = {name: by_rule(network, "deepspeed") for name, network in layers()}
    wrong = {name: (ours[name], theirs) for name, theirs in RECORDED["layers"].items() if ours[name] != theirs}
    assert wrong == {}
    assert {name: by_rule(network, "deepspeed") for name, network, _ in modules()} == RECORDED["modules"]
    assert {name: by_rule(archscope.load(name), "deepspeed") for name in NETWORKS} == RECORDED["networks"]
    assert len(RECORDED["layers"]) > 290


def test_the_tools_are_the_ones_that_were_learned_from() -> None:
    for tool in HERE:
        assert version(tool).replace("-", ".post") in TOOLS[tool].learned


class _Zaremba(nn.Module):
    """The small language model of Zaremba 2014, as a person writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10_000, 200)
        self.lstm = nn.LSTM(200, 200, 2, batch_first=True)
        self.decoder = nn.Linear(200, 10_000)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.lstm(self.embedding(tokens))[0])


@pytest.mark.parametrize("tool", [each for each in HERE if each != "fvcore"])  # which knows no recurrent layer
def test_a_language_model_of_pytorchs_lstm_counts_as_the_tool_counts_it(tool: str) -> None:
    network = archscope.load("lstm-lm@small")
    assert by_rule(network, tool) == ask(tool, network, _Zaremba().eval())


def test_keras_counts_statistics_with_the_trained_values() -> None:
    counted = count(archscope.analyze(archscope.load("alexnet-keras")), "keras")
    # The course prints 25,730,506 in all, of which 21,156 are not trained.
    assert (counted.total, counted.base, counted.parts[0].amount) == (25_730_506, 25_709_350, 21_156)


_TORCHVISION = {
    # `_ops` of each model's weights in torchvision/models/*.py of github.com/pytorch/vision, as its pages print it.
    "alexnet-torchvision": "0.714",
    "vgg@D": "15.47",
    "resnet@18": "1.814",
    "resnet@50-v1.5": "4.089",
    "densenet@121": "2.834",
    "inception-v3": "5.713",
    "mobilenet-v2": "0.301",
    "mobilenet-v3@large": "0.217",
    "efficientnet-b0": "0.386",
    "convnext@T": "4.456",
    "vit@b16": "17.564",
    # Of an older revision (07a929e8), with one digit.
    "convnext@S": "8.7", "convnext@B": "15.4", "convnext@L": "34.4",
    "vit@b32": "4.4", "vit@l16": "61.6", "vit@l32": "15.4", "vit@h14": "167.3",
}  # fmt: skip

_TIMM = {
    # infer_gmacs of results/benchmark-infer-amp-nchw-pt240-cu124-rtx3090.csv in
    # github.com/huggingface/pytorch-image-models, revision 7479d451.
    "resnet@18": "1.82", "resnet@34": "3.67", "resnet@50-v1.5": "4.11",
    "vgg@A": "7.61", "vgg@B": "11.31", "vgg@D": "15.47", "vgg@E": "19.63",
    "densenet@121": "2.87", "densenet@169": "3.40", "densenet@201": "4.34",
    "inception-v3": "5.73", "efficientnet-b0": "0.40",
    "mobilenet-v1@1.0-224": "0.58", "mobilenet-v2": "0.31", "mobilenet-v3@large": "0.23", "mobilenet-v3@small": "0.06",
    "convnext@T": "4.47", "convnext@S": "8.71", "convnext@B": "15.38", "convnext@L": "34.40",
    "vit@b16": "17.58", "vit@b32": "4.41",
}  # fmt: skip


@pytest.mark.parametrize("name", _TORCHVISION)
def test_torchvisions_table_is_what_its_weights_say(name: str) -> None:
    counted = count(archscope.analyze(archscope.load(name)), "torchvision")
    _, _, digits = _TORCHVISION[name].partition(".")
    assert f"{counted.total / 1e9:.{len(digits)}f}" == _TORCHVISION[name]


@pytest.mark.parametrize("name", _TIMM)
def test_timms_table_is_what_it_prints(name: str) -> None:
    assert count(archscope.analyze(archscope.load(name)), "timm").printed == f"{_TIMM[name]} G"


_IN_KERAS = (
    "alexnet-keras", "lenet5-keras", "lenet5", "autoencoder@mnist", "mobilenet-v3@small", "shufflenet-v2@0.5",
    "convnext@T", "vit@b32", "lstm-lm@small", "gpt2@small",
)  # fmt: skip


@pytest.mark.slow
def test_keras_counts_the_parameters_of_its_own_models_as_we_say_it_would() -> None:
    command = [sys.executable, "-m", "tests.conventions.keras_counts", *_IN_KERAS]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "KERAS_BACKEND": "torch"},
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = dict(line.split() for line in done.stdout.splitlines())
    assert said == {name: str(by_rule(archscope.load(name), "keras")) for name in _IN_KERAS}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", ["lenet5", "mobilenet-v2", "dcgan@generator", "vit@b32"])
def test_the_parts_and_the_base_are_the_total(name: str, tool: str) -> None:
    counted = count(archscope.analyze(archscope.load(name)), tool)
    assert counted.total == counted.base + sum(part.amount for part in counted.parts)
    assert all(part.why and part.layers for part in counted.parts)


def test_a_tool_that_is_wrong_is_said_to_be() -> None:
    analysis = archscope.analyze(archscope.load("dcgan@generator"))
    for tool in ("torchinfo", "thop"):
        (part,) = [each for each in count(analysis, tool).parts if "wrong" in each.why]
        # Strides of 2 in both directions: four times as much in every layer but the first, whose stride is 1.
        assert "four times as much for a stride of 2" in part.why
        assert part.amount > 0


def test_attention_that_is_missed_is_said() -> None:
    parts = count(archscope.analyze(archscope.load("vit@b32")), "fvcore").parts
    missed = [part for part in parts if part.why == "it misses the two products of attention"]
    # 12 layers, 50 positions, 768 wide: 2·50·50·768 each.
    assert [part.amount for part in missed] == [-12 * 2 * 50 * 50 * 768]


def test_an_unknown_tool_is_refused() -> None:
    with pytest.raises(NotFound, match=r"no tool `torchinf`; did you mean `torchinfo`\?"):
        count(archscope.analyze(archscope.load("lenet5")), "torchinf")


def test_what_is_no_module_of_pytorch_is_not_guessed() -> None:
    text = "input: [12]\nlayers: {moe: {type: mixture_of_experts, num_experts: 4, top_k: 1, hidden_features: 8}}"
    with pytest.raises(UsageError, match="which is no module of PyTorch; nobody knows what thop would make of it"):
        count(archscope.analyze(archscope.read(text)), "thop")


def test_the_command_prints_the_way_to_the_total(archscope_run: Runs) -> None:
    run = archscope_run("count", "lenet5-pytorch", "--as", "torchinfo")
    assert (run.status, run.err) == (0, "")
    assert run.out.splitlines()[0] == "lenet5-pytorch: torchinfo prints 423,038 (Total mult-adds)"
    assert " 416,520  multiply-accumulates" in run.out.splitlines()
    assert all(len(line) < 80 for line in run.out.splitlines())


@pytest.mark.parametrize("form", ["markdown", "csv", "json"])
def test_every_format_has_the_total(archscope_run: Runs, form: str) -> None:
    run = archscope_run("count", "lenet5-pytorch", "--as", "deepspeed", "--format", form)
    assert run.status == 0
    if form == "json":
        (counted,) = json.loads(run.out)["counts"]
        assert counted["total"] == counted["base"] + sum(part["amount"] for part in counted["parts"]) == 852_156
    elif form == "csv":
        assert sum(int(line.split(",")[2]) for line in run.out.splitlines()[1:]) == 852_156
    else:
        assert "**852,156**" in run.out


def test_all_tools_are_asked_where_none_is_named(archscope_run: Runs) -> None:
    run = archscope_run("count", "lenet5")
    assert [line.split()[1] for line in run.out.splitlines() if " prints " in line] == list(TOOLS)


def test_a_wrong_tool_is_one_line(archscope_run: Runs) -> None:
    run = archscope_run("count", "lenet5", "--as", "thopp")
    assert (run.status, run.out, run.err) == (2, "", "error: no tool `thopp`; did you mean `thop`?\n")


def test_a_convolution_that_a_tool_has_no_rule_for_is_told_by_what_makes_it_special(archscope_run: Runs) -> None:
    told = " ".join(archscope_run("count", "lenet5", "--as", "thop").out.split())
    assert "−150,000 it has no rule for conv2d with a connection table and counts nothing there (C3)" in told
