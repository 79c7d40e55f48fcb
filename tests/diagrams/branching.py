"""Networks that no spec has, made for the diagrams: branches, skips, towers, blocks within blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archscope.layers import TYPES, Layer
from archscope.network import Network, Node, Ref


class Builder:
    """Writes networks down shortly; every method returns the name of what it added."""

    def __init__(self, name: str, **inputs: tuple[int, ...]) -> None:
        self.name = name
        self.inputs = inputs
        self.nodes: list[Node] = []

    def add(
        self,
        name: str,
        type: str,
        *sources: str | Ref,
        group: Sequence[str] = (),
        tower: str | None = None,
        row: str | None = None,
        shares: str | None = None,
        **options: Any,
    ) -> str:
        full = ".".join((*group, name))
        refs = tuple(source if isinstance(source, Ref) else Ref(source) for source in sources)
        layer: Layer = TYPES[type](**options)
        self.nodes.append(Node(full, layer, refs, row or full, tuple(group), tower, shares))
        return full

    def conv(
        self, name: str, source: str, channels: int, kernel: int = 3, *, stride: int = 1, group: Sequence[str] = (),
        norm: bool = True, relu: bool = True,
    ) -> str:  # fmt: skip
        """A convolution that keeps the size, a norm and a ReLU."""
        last = self.add(name, "conv2d", source, group=group, out_channels=channels, kernel_size=kernel, stride=stride,
                        padding=kernel // 2, bias=not norm)  # fmt: skip
        if norm:
            last = self.add(f"{name}_bn", "batch_norm", last, group=group)
        return self.add(f"{name}_relu", "relu", last, group=group) if relu else last

    def network(self, *outputs: str) -> Network:
        return Network(self.name, self.inputs, self.nodes, tuple(Ref(name) for name in outputs))


def residual() -> Network:
    """Two blocks with a skip: one plain, one with a convolution on it."""
    b = Builder("residual", input=(16, 32, 32))
    last = b.conv("stem", "input", 16)
    for block, channels, stride in (("block1", 16, 1), ("block2", 32, 2)):
        entry = last
        last = b.conv("conv1", entry, channels, stride=stride, group=[block])
        last = b.conv("conv2", last, channels, group=[block], relu=False)
        if stride > 1:
            entry = b.conv("shortcut", entry, channels, 1, stride=stride, group=[block], relu=False)
        last = b.add("relu", "relu", b.add("add", "add", last, entry, group=[block]), group=[block])
    last = b.add("flatten", "flatten", b.add("pool", "adaptive_avg_pool2d", last, output_size=1))
    b.add("fc", "linear", last, out_features=10)
    return b.network()


def inception() -> Network:
    """Two modules of four branches that are joined."""
    b = Builder("inception", input=(3, 64, 64))
    last = b.conv("stem", "input", 64, 7, stride=2, norm=False)
    for module in ("3a", "3b"):
        group = [f"inception_{module}"]
        one = b.conv("b1", last, 64, 1, group=group, norm=False)
        three = b.conv("b2", b.conv("b2_reduce", last, 96, 1, group=group, norm=False), 128, group=group, norm=False)
        five = b.conv("b3", b.conv("b3_reduce", last, 16, 1, group=group, norm=False), 32, 5, group=group, norm=False)
        pool = b.add("pool", "max_pool2d", last, group=group, kernel_size=3, stride=1, padding=1)
        pool = b.conv("b4", pool, 32, 1, group=group, norm=False)
        last = b.add("join", "concat", one, three, five, pool, group=group)
    last = b.add("flatten", "flatten", b.add("pool", "adaptive_avg_pool2d", last, output_size=1))
    b.add("fc", "linear", last, out_features=1000)
    return b.network()


def dense() -> Network:
    """A block in which every layer reads all before it."""
    b = Builder("dense", input=(3, 32, 32))
    seen = [b.conv("stem", "input", 24)]
    for number in range(1, 5):
        entry = b.add(f"cat{number}", "concat", *seen, group=["dense1"]) if len(seen) > 1 else seen[0]
        seen.append(b.conv(f"conv{number}", entry, 12, group=["dense1"]))
    last = b.add("cat5", "concat", *seen, group=["dense1"])
    last = b.add("pool", "avg_pool2d", b.conv("transition", last, 36, 1), kernel_size=2)
    b.add("fc", "linear", b.add("flatten", "flatten", last), out_features=10)
    return b.network()


def u_shaped() -> Network:
    """Down and up again, each step of the way down joined to the one of its size."""
    b = Builder("u_shaped", input=(1, 64, 64))
    last, skips = "input", []
    for level, channels in enumerate((16, 32, 64), start=1):
        last = b.conv(
            "conv2", b.conv("conv1", last, channels, group=[f"down{level}"]), channels, group=[f"down{level}"]
        )
        skips.append(last)
        last = b.add(f"pool{level}", "max_pool2d", last, kernel_size=2)
    last = b.conv("conv2", b.conv("conv1", last, 128, group=["bottom"]), 128, group=["bottom"])
    for level, channels in ((3, 64), (2, 32), (1, 16)):
        group = [f"up{level}"]
        last = b.add("up", "conv_transpose2d", last, group=group, out_channels=channels, kernel_size=2, stride=2)
        last = b.add("join", "concat", skips[level - 1], last, group=group)
        last = b.conv("conv2", b.conv("conv1", last, channels, group=group), channels, group=group)
    b.add("head", "conv2d", last, out_channels=2, kernel_size=1)
    return b.network()


def towers() -> Network:
    """AlexNet's way: two towers that meet before the third layer and before the last."""
    b = Builder("towers", input=(3, 64, 64))
    sides = ("GPU 0", "GPU 1")

    def both(name: str, type: str, sources: Sequence[str], **options: Any) -> list[str]:
        return [
            b.add(f"{name}.gpu{number}", type, source, tower=tower, row=name, **options)
            for number, (tower, source) in enumerate(zip(sides, sources, strict=True))
        ]

    conv1 = both("conv1", "conv2d", ["input"] * 2, out_channels=24, kernel_size=11, stride=4, padding=2)
    relu1 = both("relu1", "relu", conv1)
    pool1 = both("pool1", "max_pool2d", relu1, kernel_size=3, stride=2)
    conv2 = both("conv2", "conv2d", pool1, out_channels=32, kernel_size=5, padding=2)
    join = b.add("join1", "concat", *both("relu2", "relu", conv2))
    conv3 = both("conv3", "conv2d", [join] * 2, out_channels=32, kernel_size=3, padding=1)
    flat = both("flatten", "flatten", both("relu3", "relu", conv3))
    fc4 = both("fc4", "linear", [b.add("join2", "concat", *flat)] * 2, out_features=64)
    b.add("fc5", "linear", b.add("join3", "concat", *both("relu4", "relu", fc4)), out_features=10)
    return b.network()


def resnet(blocks: Sequence[int] = (3, 4, 6, 3)) -> Network:
    """ResNet with bottlenecks: (3, 4, 6, 3) is ResNet-50, (3, 8, 36, 3) ResNet-152."""
    b = Builder(f"resnet{3 * sum(blocks) + 2}", input=(3, 224, 224))
    last = b.add("maxpool", "max_pool2d", b.conv("conv1", "input", 64, 7, stride=2), kernel_size=3, stride=2, padding=1)
    for stage, count in enumerate(blocks):
        for block in range(count):
            group = [f"layer{stage + 1}", str(block)]
            width, stride, entry = 64 << stage, 2 if stage and not block else 1, last
            last = b.conv("conv1", entry, width, 1, group=group)
            last = b.conv("conv2", last, width, 3, stride=stride, group=group)
            last = b.conv("conv3", last, 4 * width, 1, group=group, relu=False)
            if not block:
                entry = b.conv("0", entry, 4 * width, 1, stride=stride, group=[*group, "downsample"], relu=False)
            last = b.add("relu", "relu", b.add("add", "add", last, entry, group=group), group=group)
    last = b.add("flatten", "flatten", b.add("avgpool", "adaptive_avg_pool2d", last, output_size=1))
    b.add("fc", "linear", last, out_features=1000)
    return b.network()


def chain(length: int = 45) -> Network:
    """A long chain without blocks, no two neighbours alike."""
    b = Builder("chain", input=(8, 32, 32))
    last = "input"
    for number in range(length):
        last = b.conv(f"conv{number}", last, 8 + 8 * (number % 2), norm=False)
    return b.network()


def decoder() -> Network:
    """Two inputs; equal blocks in series that all read the second one, and an output on the way."""
    b = Builder("decoder", input=(10, 64), memory=(10, 64))
    last, middle = "input", ""
    for number in range(4):
        group = [f"block{number}"]
        entry = last
        last = b.add(
            "mix", "linear", b.add("join", "concat", last, "memory", group=group, dim=1), group=group, out_features=64
        )
        last = b.add("norm", "layer_norm", b.add("add", "add", last, entry, group=group), group=group)
        last = b.add("mlp", "linear", last, group=group, out_features=64)
    middle = last
    b.add("head", "linear", last, out_features=5)
    return b.network("head", middle)


def unlike(stages: int, blocks: int, layers: int) -> Network:
    """Stages of residual blocks of which no two are equal, so that nothing folds: a node for every layer and sum."""
    b = Builder("unlike", input=(2, 8, 8))
    last, number = "input", 0
    for stage in range(stages):
        for block in range(blocks):
            entry, group = last, (f"stage{stage}", f"block{block}")
            for layer in range(layers - 1):
                number += 1
                kernel = 1 + 2 * (number * number % 31)
                last = b.add(f"conv{layer}", "conv2d", last, group=group, out_channels=2, kernel_size=kernel,
                             padding=kernel // 2)  # fmt: skip
            last = b.add("add", "add", last, entry, group=group)
    return b.network()


def weighed(blocks: int = 3) -> Network:
    """Residual blocks whose maps are weighed by channel, as in squeeze-and-excitation: fewer maps than vectors."""
    b = Builder("weighed", input=(3, 32, 32))
    last = b.conv("stem", "input", 16)
    for number in range(blocks):
        group, entry = [f"block{number}"], last
        maps = b.conv("conv", entry, 16, 3 + 2 * number, group=group)
        pool = b.add("pool", "adaptive_avg_pool2d", maps, group=group, output_size=1)
        less = b.conv("less", pool, 4, 1, group=group, norm=False)
        gate = b.add("gate", "sigmoid", b.conv("more", less, 16, 1, group=group, norm=False, relu=False), group=group)
        last = b.add("add", "add", b.add("weigh", "multiply", maps, gate, group=group), entry, group=group)
    b.add("fc", "linear", b.add("flatten", "flatten", last), out_features=10)
    return b.network()


def gated() -> Network:
    """A U whose copies pass a gate that the enlarged maps open, which are joined again after it."""
    b = Builder("gated", input=(1, 32, 32))
    skips, last, channels = [], "input", (8, 16, 32)
    for number, each in enumerate(channels):
        last = b.conv(str(number), last, each, group=["enc"], norm=False)
        skips.append(last)
        if number < 2:
            last = b.add(f"pool{number}", "max_pool2d", last, kernel_size=2)
    for number in (1, 0):
        group, each = [f"gate{number}"], channels[number]
        last = b.add(str(number), "conv_transpose2d", last, group=["up"], out_channels=each, kernel_size=2, stride=2)
        one = b.conv("wg", last, 4, 1, group=group, norm=False, relu=False)
        other = b.conv("wx", skips[number], 4, 1, group=group, norm=False, relu=False)
        both = b.add("relu", "relu", b.add("add", "add", one, other, group=group), group=group)
        gate = b.add("sigmoid", "sigmoid", b.conv("psi", both, 1, 1, group=group, norm=False, relu=False), group=group)
        through = b.add("multiply", "multiply", skips[number], gate, group=group)
        last = b.conv(f"dec{number}", b.add(f"join{number}", "concat", through, last), each, norm=False)
    return b.network()


NETWORKS = {
    make.__name__: make
    for make in (residual, inception, dense, u_shaped, towers, resnet, chain, decoder, weighed, gated)
}
