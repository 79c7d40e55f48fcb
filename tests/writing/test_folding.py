"""Groups that are alike are one block of the spec, and a spec with blocks is the flat one, node for node."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.writing import stating
from archscope.writing.folding import Fold, folded
from archscope.writing.renaming import renamed
from archscope.writing.spec import document, write_spec
from archscope.writing.stating import state
from tests.collection import MEMBERS
from tests.tracing import strangers
from tests.writing.test_stating import same


class Basic(nn.Module):
    """Two convolutions and a shortcut, with a projection where the shape changes."""

    def __init__(self, given: int, maps: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(given, maps, 3, stride, 1, bias=False), nn.BatchNorm2d(maps)
        self.conv2, self.bn2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False), nn.BatchNorm2d(maps)
        self.relu = nn.ReLU()
        self.downsample = None
        if stride > 1 or given != maps:
            self.downsample = nn.Sequential(nn.Conv2d(given, maps, 1, stride, bias=False), nn.BatchNorm2d(maps))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """ResNet-18 as everybody writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1, self.relu = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Basic(64, 64), Basic(64, 64))
        self.layer2 = nn.Sequential(Basic(64, 128, 2), Basic(128, 128))
        self.layer3 = nn.Sequential(Basic(128, 256, 2), Basic(256, 256))
        self.layer4 = nn.Sequential(Basic(256, 512, 2), Basic(512, 512))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(512, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Attending(nn.Module):
    """A block of GPT-2."""

    def __init__(self, wide: int, heads: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(wide), nn.LayerNorm(wide)
        self.attn = nn.MultiheadAttention(wide, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(wide, 4 * wide), nn.GELU(), nn.Linear(4 * wide, wide))

    def forward(self, x: Tensor) -> Tensor:
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """Tokens, blocks in series, and the matrix of the tokens again."""

    def __init__(self, wide: int = 32, heads: int = 4, deep: int = 6, words: int = 50) -> None:
        super().__init__()
        self.wte = nn.Embedding(words, wide)
        self.h = nn.ModuleList([Attending(wide, heads) for _ in range(deep)])
        self.ln_f, self.head = nn.LayerNorm(wide), nn.Linear(wide, words, bias=False)
        self.head.weight = self.wte.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.wte(ids)
        for each in self.h:
            x = each(x)
        return self.head(self.ln_f(x))


class Down(nn.Module):
    """Two convolutions; it gives what they make, and that made smaller."""

    def __init__(self, given: int, maps: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(given, maps, 3, padding=1), nn.BatchNorm2d(maps)
        self.again, self.pool = nn.Conv2d(maps, maps, 3, padding=1), nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.again(self.norm(self.conv(x)).relu()).relu()
        return self.pool(y), y


class Up(nn.Module):
    """Two convolutions of what is made larger, beside what was skipped."""

    def __init__(self, given: int, maps: int) -> None:
        super().__init__()
        self.grow, self.conv = nn.Upsample(scale_factor=2), nn.Conv2d(given, maps, 3, padding=1)
        self.norm, self.again = nn.BatchNorm2d(maps), nn.Conv2d(maps, maps, 3, padding=1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.again(self.norm(self.conv(torch.cat([self.grow(x), skip], 1))).relu()).relu()


class UNet(nn.Module):
    """Blocks that give two things, and blocks that take two."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.down3 = Down(1, 8), Down(8, 16), Down(16, 32)
        self.up3, self.up2, self.up1 = Up(64, 32), Up(48, 16), Up(24, 8)

    def forward(self, x: Tensor) -> Tensor:
        x, first = self.down1(x)
        x, second = self.down2(x)
        x, third = self.down3(x)
        return self.up1(self.up2(self.up3(x, third), second), first)


MODULES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "ResNet": (ResNet, (3, 64, 64)),
    "GPT": (GPT, (10,)),
    "U-Net": (UNet, (1, 16, 16)),
    "MLP": (lambda: nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU()), (8,)),
}


def traced(name: str) -> archscope.Network:
    make, shape = MODULES[name]
    example = torch.zeros(1, *shape, dtype=torch.long) if name == "GPT" else shape
    return archscope.trace(make(), example)


@pytest.mark.parametrize("name", MODULES)
def test_a_spec_with_blocks_has_the_numbers_of_the_module(name: str) -> None:
    network = traced(name)
    made = state(network)
    assert made.differences == ()
    assert (made.blocks > 0) is (name != "MLP")
    same(network, made.network)


def test_the_stages_of_a_resnet_are_lines_of_one_block() -> None:
    text = state(traced("ResNet")).text
    assert text.count("\n") < 30
    assert "  layer1: {type: layer, out_channels: 64, repeat: 2}\n" in text
    assert "  layer3: {type: layer, out_channels: 256, first: {stride: 2, downsample: true}, repeat: 2}\n" in text
    assert "downsample: {type: downsample, out_channels: $out_channels, from: input, when: $downsample}\n" in text
    assert archscope.analyze(archscope.read(text)).totals.parameters == 11_689_512


def test_the_blocks_of_a_transformer_are_one_line() -> None:
    text = state(traced("GPT")).text
    assert "  h: {type: h, repeat: 6}\n" in text
    # 50·32 + 6·(2·64 + 4·(32·32 + 32) + 32·128 + 128 + 128·32 + 32) + 64
    assert archscope.analyze(archscope.read(text)).totals.parameters == 77_888


def test_blocks_give_and_take_several_things() -> None:
    text = state(traced("U-Net")).text
    assert "  down1: {type: down, out_channels: 8}\n  down2: {type: down, out_channels: 16}\n" in text
    assert "  up2: {type: up, out_channels: 16, from: [up3, down2.again]}\n" in text
    assert "  up1: {type: up, out_channels: 8, from: [up2, down1.again]}" in text


@pytest.mark.parametrize("name", MEMBERS)
def test_what_folds_is_the_flat_network_and_shorter(name: str) -> None:
    network = archscope.load(name)
    fold = folded(network)
    if fold is None:
        assert not network.groups
        return
    made = state(network)
    text, flat = document(network, fold.lines, fold.blocks, ends=fold.ends), write_spec(network)
    assert archscope.read(text).nodes == archscope.read(flat).nodes == made.network.nodes
    shorter = text.count("\n") < flat.count("\n")
    assert made.blocks == (len(fold.blocks) if shorter else 0)
    assert made.text.count("\n") <= flat.count("\n")


@pytest.mark.parametrize("name", strangers.KNOWN)
def test_no_module_folds_into_another_network(name: str) -> None:
    make, shapes = strangers.KNOWN[name]
    plain, _ = renamed(archscope.trace(make(), *shapes))
    fold = folded(plain)
    if fold is not None:
        text = document(plain, fold.lines, fold.blocks, ends=fold.ends)
        assert archscope.read(text).nodes == archscope.read(write_spec(plain)).nodes


def _random_spec(seed: int) -> str:
    """Blocks with options, branches, repeats and lines that are sometimes there."""
    draw = random.Random(seed)
    one = ["conv: {type: conv2d, out_channels: $c, kernel_size: 3, padding: 1, stride: $s}"]
    if draw.random() < 0.6:
        one.append("bn: {type: batch_norm, activation: relu}")
    if draw.random() < 0.7:
        one.append("short: {type: conv2d, out_channels: $c, kernel_size: 1, stride: $s, from: input, when: changes}")
        one.append(f"sum: {{type: add, from: [{one[-2].partition(':')[0]}, short]}}")
    two = [f"{name}: {{type: one, c: {draw.choice(['$c', '2*$c'])}}}" for name in "xy"[: draw.randint(1, 2)]]
    lines = [f"a{at}: {{type: {draw.choice(['one', 'two'])}, c: {draw.choice([4, 8])}, repeat: {draw.randint(1, 3)}"
             + draw.choice(["", ", first: {c: 8}", ", last: {c: 2}"]) + "}" for at in range(4)]  # fmt: skip
    lines.append("z: {type: two, c: 4}")
    lines.append("w: {type: one, c: 4}")
    return "\n".join([
        "input: [4, 16, 16]", "blocks:", "  one:", "    options: {c: , s: 1}", "    layers:",
        *(f"      {each}" for each in one),
        "  two:", "    options: {c: }", "    layers:", *(f"      {each}" for each in two), "layers:",
        *(f"  {each}" for each in lines),
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_blocks_at_random_are_found_again(seed: int) -> None:
    network = archscope.read(_random_spec(seed))
    fold = folded(network)
    assert fold is not None
    assert fold.blocks
    text = document(network, fold.lines, fold.blocks, ends=fold.ends)
    assert archscope.read(text).nodes == archscope.read(write_spec(network)).nodes
    same(network, archscope.read(text))


def _agrees(text: str) -> str:
    """The spec with blocks that a flat one becomes, which is the same network."""
    network = archscope.read(text)
    fold = folded(network)
    assert fold is not None
    made = document(network, fold.lines, fold.blocks, ends=fold.ends)
    assert archscope.read(made).nodes == network.nodes
    return made


def test_copies_beside_each_other_are_no_copies_in_series() -> None:
    line = "  b.{0}.x: {{type: linear, out_features: 4, from: input}}\n  b.{0}.y: {{type: tanh}}\n"
    lines = [line.format(at) for at in range(3)]
    made = _agrees(f"input: [4]\nlayers:\n{''.join(lines)}  sum: {{type: add, from: [b.0.y, b.1.y, b.2.y]}}\n")
    assert "repeat" not in made
    assert "  sum: {type: add, from: [b.0, b.1, b]}" in made


def test_what_is_no_multiple_is_an_option_of_its_own() -> None:
    lines = [
        f"  {name}.x: {{type: linear, out_features: {one}}}\n  {name}.y: {{type: linear, out_features: {other}}}\n"
        for name, one, other in (("a", 4, 8), ("b", 6, 12), ("c", 4, 9))
    ]
    made = _agrees(f"input: [4]\nlayers:\n{''.join(lines)}")
    assert "  c: {type: a, y_out_features: 9}" in made


@pytest.mark.parametrize(
    "lines",
    [
        ["{0}.x: {{type: linear, out_features: 4, group: elsewhere}}", "{0}.y: {{type: tanh, group: elsewhere}}"],
        ["{0}.x: {{type: linear, out_features: 4, shares: first}}", "{0}.y: {{type: tanh}}"],
    ],
    ids=["in a group of another name", "with weights from outside"],
)
def test_groups_that_no_block_can_be_stay_as_they_are(lines: list[str]) -> None:
    body = "".join(f"  {line.format(name)}\n" for name in "ab" for line in lines)
    network = archscope.read(f"input: [4]\nlayers:\n  first: {{type: linear, out_features: 4}}\n{body}")
    assert folded(network) is None
    assert state(network).text == write_spec(network)


def test_rows_that_do_not_follow_one_another_are_no_block() -> None:
    body = "".join(f"  {name}.{line}: {{type: linear, out_features: 4}}\n" for line in "xy" for name in "ab")
    assert folded(archscope.read(f"input: [4]\nlayers:\n{body}")) is None


def test_a_fold_that_is_another_network_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    network = archscope.read("input: [4]\nlayers: {a: {type: linear, out_features: 4, repeat: 3}}")
    line = {"type": "linear", "out_features": 4, "repeat": 2}
    monkeypatch.setattr(stating, "folded", lambda _: Fold({"a": line}, {}, ("a",)))
    assert state(network).text == write_spec(network)
