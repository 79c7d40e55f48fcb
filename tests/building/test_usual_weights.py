"""Built from a spec, a network takes the weights of its usual implementation in their order and gives its outputs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import nn

import archscope
from archscope.reader import read, specs_folder
from tests.building import usual

SMALL = (3, 64, 64)
NETWORKS: Mapping[str, tuple[tuple[int, ...], Callable[[], nn.Module]]] = {
    "resnet@18": (SMALL, lambda: usual.ResNet("basic", (2, 2, 2, 2))),
    "resnet@34": (SMALL, lambda: usual.ResNet("basic", (3, 4, 6, 3))),
    "resnet@50": (SMALL, lambda: usual.ResNet("bottleneck", (3, 4, 6, 3))),
    "resnet@101": (SMALL, lambda: usual.ResNet("bottleneck", (3, 4, 23, 3))),
    "vgg@A": ((3, 32, 32), lambda: usual.VGG((1, 1, 2, 2, 2), 512)),
    "vgg@D": ((3, 32, 32), lambda: usual.VGG((2, 2, 3, 3, 3), 512)),
    "densenet@121": (SMALL, lambda: usual.DenseNet(32, (6, 12, 24, 16))),
    "mobilenet-v2": (SMALL, usual.MobileNetV2),
    "squeezenet@1.0": ((3, 227, 227), lambda: usual.SqueezeNet("1.0")),
    "squeezenet@1.1": ((3, 224, 224), lambda: usual.SqueezeNet("1.1")),
    "googlenet": ((3, 224, 224), usual.GoogLeNet),
    "unet": ((1, 188, 188), usual.UNet),
}


def randomized(module: nn.Module) -> nn.Module:
    """Running statistics of no default, so that one in the wrong place shows."""
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.running_mean.uniform_(-0.2, 0.2)  # type: ignore[union-attr, operator]
            each.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr, operator]
            nn.init.uniform_(each.weight, 0.5, 1.5)
    return module.eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_spec_takes_the_weights_of_its_usual_implementation_and_gives_its_outputs(name: str) -> None:
    shape, make = NETWORKS[name]
    torch.manual_seed(0)
    theirs = randomized(make())
    ours = archscope.build(archscope.load(name, input=shape)).eval()
    mine, their = ours.state_dict(), theirs.state_dict()
    assert [tuple(each.shape) for each in mine.values()] == [tuple(each.shape) for each in their.values()]
    ours.load_state_dict(dict(zip(mine, their.values(), strict=True)))
    image = torch.rand(2, *shape)
    with torch.no_grad():
        torch.testing.assert_close(ours(image), theirs(image), atol=1e-5, rtol=1e-5)


def text_of(name: str) -> str:
    return (specs_folder() / f"{name}.yaml").read_text(encoding="utf-8")


def test_resnet_34_is_one_line_of_the_file_of_resnet_50_changed() -> None:
    lines = text_of("resnet").split("\n")
    start = next(place for place, line in enumerate(lines) if re.match(r'  "?50"?:', line))
    place = next(place for place in range(start, len(lines)) if "let:" in lines[place])
    changed = [*lines]
    changed[place] = changed[place].replace("bottleneck", "basic")
    assert sum(one != other for one, other in zip(lines, changed, strict=True)) == 1
    network = read("\n".join(changed), name="resnet", variant="50")
    assert archscope.analyze(network).totals.parameters == 21_797_672
    assert [node.layer for node in network.nodes] == [node.layer for node in archscope.load("resnet@34").nodes]


def sections(text: str, key: str) -> Iterator[list[str]]:
    """The parts below a top-level key, one for each name, without comments and empty lines."""
    body = re.search(rf"^{key}:\n((?:[ ].*\n|\n|#.*\n)*)", text, re.MULTILINE)
    lines = [] if body is None else [each for each in body[1].split("\n") if each.strip() and each.strip()[0] != "#"]
    part: list[str] = []
    for line in lines:
        if re.match(r"  \S", line) and part:
            yield part
            part = []
        part.append(line)
    if part:
        yield part


def length(name: str) -> int:
    """Lines of `layers:` and of the blocks that they use, the two headings among them."""
    family, _, variant = name.partition("@")
    text = text_of(family)
    layers = [line for part in sections(text, "layers") for line in part]
    blocks = {part[0].strip().partition(":")[0]: part for part in sections(text, "blocks")}
    chosen = re.search(rf'^  "?{variant}"?:(.*\n(?:    .*\n)*)', text, re.MULTILINE) if variant else None
    said = "\n".join([*layers, chosen[1] if chosen else ""])
    used: dict[str, list[str]] = {}
    waiting = [said]
    while waiting:
        for word in re.findall(r"\w+", waiting.pop()):
            if word in blocks and word not in used:
                used[word] = blocks[word]
                waiting.append("\n".join(blocks[word]))
    return 1 + len(layers) + (1 + sum(map(len, used.values())) if used else 0)


BARS: Mapping[str, tuple[int, int | None, int | None]] = {
    "resnet@50": (30, 25_557_032, 3_857_973_248),
    "gpt2@small": (25, 124_439_808, None),
    "mobilenet-v2": (30, 3_504_872, 300_774_272),
    "googlenet": (45, 6_998_552, None),
    "densenet@121": (30, 7_978_856, None),
    "unet": (40, 31_030_658, None),
    "transformer@base": (45, None, None),
    "vit@b16": (30, 86_567_656, None),
}


@pytest.mark.parametrize("name", BARS)
def test_a_spec_is_as_long_as_the_table_of_its_paper(name: str) -> None:
    lines, parameters, macs = BARS[name]
    assert 5 < length(name) <= lines
    totals: Any = archscope.analyze(archscope.load(name)).totals
    assert parameters in (None, int(totals.parameters))
    assert macs in (None, int(totals.macs))
