"""Totals by other tools' conventions are what those tools printed; two of them are asked on the spot."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

import archscope
from archscope.conventions import TOOLS, count
from archscope.errors import NotFound, UsageError
from archscope.layers import TYPES, Layer
from tests.building.builder_cases import CASES
from tests.conftest import Run
from tests.conventions.recorded import RECORDED, plain
from tests.oracles.test_layer_types import alone

Runs = Callable[..., Run]


def by_rule(layer: Layer, shapes: Any, tool: str) -> int:
    """A tool's count of one layer."""
    known = TOOLS[tool]
    assert known.rule is not None
    tally = known.rule(layer, layer.facts(*(tuple(shape) for shape in shapes)))
    return known.times * tally.macs + sum(amount for amount, _ in tally.extras)


def test_every_layer_counts_as_the_tools_counted_it() -> None:
    """Hundreds of single layers, by six tools; every one that differs is listed."""
    wrong, seen = [], 0
    for case in CASES:
        network = alone(case)
        layer = network.nodes[0].layer
        shapes = [[int(extent) for extent in shape] for shape in network.inputs.values()]
        for tool, printed in RECORDED["layers"].get(f"{layer!r} {shapes}", {}).items():
            seen += 1
            ours = by_rule(layer, shapes, tool)
            if ours != printed:
                wrong.append((tool, repr(layer), shapes, ours, printed))
    assert wrong == []
    assert seen > 500


def test_the_recorded_layers_are_modules_of_pytorch() -> None:
    layers = {repr(alone(case).nodes[0].layer) for case in CASES if plain(alone(case).nodes[0].layer)}
    assert {key.rpartition(" [[")[0] for key in RECORDED["layers"]} <= layers


_MODULES = {
    **{f"{kind.upper()} {options}": (kind, {"hidden_size": 8, **options}, (6, 12))
       for kind in ("rnn", "lstm", "gru")
       for options in ({}, {"num_layers": 2}, {"bidirectional": True, "num_layers": 2}, {"bias": False})},
    "LSTMCell": ("lstm_cell", {"hidden_size": 8}, (12,)),
    "GRUCell": ("gru_cell", {"hidden_size": 8}, (12,)),
    "RNNCell": ("rnn_cell", {"hidden_size": 8}, (12,)),
    "MHA": ("multihead_attention", {"num_heads": 4}, (6, 16)),
    "MHA nobias": ("multihead_attention", {"num_heads": 4, "bias": False}, (6, 16)),
    "same": ("conv2d", {"out_channels": 6, "kernel_size": 3, "padding": "same"}, (4, 9, 9)),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDED["modules"])
def test_pytorchs_own_modules_count_as_the_tools_counted_them(name: str) -> None:
    kind, options, shape = _MODULES[name]
    ours = {tool: by_rule(TYPES[kind](**options), [shape], tool) for tool in RECORDED["modules"][name]}
    assert ours == RECORDED["modules"][name]


@pytest.mark.parametrize("name", RECORDED["networks"])
def test_a_whole_network_counts_as_the_tools_counted_it(name: str) -> None:
    analysis = archscope.analyze(archscope.load(name))
    ours = {tool: count(analysis, tool).total for tool in RECORDED["networks"][name]}
    assert ours == RECORDED["networks"][name]


@pytest.mark.parametrize("name", ["lenet5-pytorch", "resnet-cifar@20", "squeezenet@1.1"])
def test_torchinfo_and_fvcore_are_asked_on_the_spot(name: str) -> None:
    import torchinfo

    network = archscope.load(name)
    module = archscope.build(network).eval()
    given = torch.zeros(1, *(int(extent) for extent in next(iter(network.inputs.values()))))
    analysis = archscope.analyze(network)
    printed = torchinfo.summary(module, input_data=given, verbose=0).total_mult_adds
    assert count(analysis, "torchinfo").total == printed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fvcore.nn import FlopCountAnalysis

        asked = FlopCountAnalysis(module, given).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        total = asked.tracer_warnings("none").total()
    assert count(analysis, "fvcore").total == total


def test_keras_counts_statistics_with_the_trained_values() -> None:
    counted = count(archscope.analyze(archscope.load("alexnet-keras")), "keras")
    # The course prints 25,730,506 in all, of which 21,156 are not trained.
    assert (counted.total, counted.base, counted.parts[0].amount) == (25_730_506, 25_709_350, 21_156)


@pytest.mark.parametrize(
    ("name", "tool", "printed"),
    [
        # The tables of torchvision's weights: AlexNet 0.71, VGG-16 15.47, ResNet-18 1.81, -50 4.09, ViT-B/16 17.56.
        ("alexnet-torchvision", "torchvision", "0.714 G"),
        ("vgg@D", "torchvision", "15.470 G"),
        ("resnet@18", "torchvision", "1.814 G"),
        ("resnet@50-v1.5", "torchvision", "4.089 G"),
        ("vit@b16", "torchvision", "17.564 G"),
        ("resnet@18", "timm", "1.82 G"),
    ],
)
def test_tables_are_rounded_as_they_print(name: str, tool: str, printed: str) -> None:
    assert count(archscope.analyze(archscope.load(name)), tool).printed == printed


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
