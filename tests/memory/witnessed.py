"""What is held to PyTorch's memory tracker, and a network around a layer alone."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from archscope.layers import PReLU
from archscope.memory import memory
from archscope.network import Network, Node, Ref

FAMILIES = ("activation", "arithmetic", "axes", "convolution", "dense", "merge", "normalization", "pooling", "sequence",
            "shape")  # fmt: skip


VALUES_DECIDE = {"mixture_of_experts"}
"""Types of which values decide what they hold meanwhile; `tests.memory.test_experts` is about them."""


def decided(case: Any) -> bool:
    """Whether values decide what a layer holds meanwhile."""
    return case.type in VALUES_DECIDE


UNLIKE = {
    "identity": "the probe's own output is the layer's",
    "flatten": "the probe's own output is the layer's",
    "split": "one part of the whole",
}
"""Where the probe, not the rule, is another than what is asked; and why."""


def held(network: Network, batch: int, optimizer: str | None, **more: Any) -> dict[str, tuple[int, int]]:
    found = memory(network, batch, optimizer=optimizer, as_tracked=True, **more)
    return {phase.name: (phase.after.total, phase.most.total) for phase in found.phases}


def cases() -> Iterator[Any]:
    for family in FAMILIES:
        for case in importlib.import_module(f"tests.layers.{family}_cases").CASES:
            if case.type not in UNLIKE:
                yield pytest.param(case, id=f"{case.type}-{'-'.join('x'.join(map(str, s)) for s in case.inputs)}")


def probe(case: Any) -> Network:
    """The layer behind layers with a weight, so that gradients have to pass through it."""
    nodes: list[Node] = []
    inputs: dict[str, tuple[int, ...]] = {} if case.inputs else {"input": (1,)}
    read = []
    for place, shape in enumerate(case.inputs):
        inputs[f"in{place}"] = shape
        if place < case.layer.tokens:
            read.append(Ref(f"in{place}"))
            continue
        nodes.append(Node(f"before{place}", PReLU(), (Ref(f"in{place}"),), f"before{place}"))
        read.append(Ref(nodes[-1].name))
    nodes.append(Node("layer", case.layer, tuple(read), "layer"))
    outputs = range(len(case.layer.facts(*case.inputs).outputs))
    return Network("probe", inputs, nodes, tuple(Ref("layer", place) for place in outputs))


def optimizers(network: Network) -> tuple[str | None, ...]:
    """With and without an optimizer; where nothing is trained there is none."""
    return (None, "sgd") if any(facts.weights for facts in network.facts.values()) else (None,)


PAIRS = """
    input: [4, 8, 8]
    blocks:
      pair:
        layers:
          one: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1, activation: relu}
          two: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1, activation: relu}
    layers:
      stem: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}
      body: {type: pair, repeat: 3}
      head: {type: conv2d, out_channels: 2, kernel_size: 1}
    """
