"""The two networks of the specification, in the course's PyTorch form, written in Python."""

from __future__ import annotations

from archscope.layers import TYPES
from archscope.network import Network, Node, Ref


def chain(name: str, shape: tuple[int, ...], *steps: tuple[str, str, dict[str, object]]) -> Network:
    """A network whose layers follow one another; a step is a name, a type and its options."""
    nodes, last = [], "input"
    for step, kind, options in steps:
        nodes.append(Node(step, TYPES[kind](**options), (Ref(last),), step.partition(".")[0]))
        last = step
    return Network(name, {"input": shape}, nodes)


def conv(name: str, out: int, kernel: int, **more: object) -> tuple[tuple[str, str, dict[str, object]], ...]:
    options = {"out_channels": out, "kernel_size": kernel, **more}
    return (name, "conv2d", options), (f"{name}.relu", "relu", {})


def dense(name: str, out: int) -> tuple[tuple[str, str, dict[str, object]], ...]:
    return (name, "linear", {"out_features": out}), (f"{name}.relu", "relu", {})


def pool(name: str, kernel: int, stride: int) -> tuple[str, str, dict[str, object]]:
    return name, "max_pool2d", {"kernel_size": kernel, "stride": stride}


def lrn(name: str) -> tuple[str, str, dict[str, object]]:
    return name, "lrn", {"size": 5}


LENET = chain(
    "lenet5-pytorch",
    (1, 32, 32),
    *conv("conv1", 6, 5),
    pool("pool1", 2, 2),
    *conv("conv2", 16, 5),
    pool("pool2", 2, 2),
    ("flatten", "flatten", {}),
    *dense("fc1", 120),
    *dense("fc2", 84),
    ("fc3", "linear", {"out_features": 10}),
)

ALEXNET = chain(
    "alexnet-pytorch",
    (3, 227, 227),
    *conv("conv1", 96, 11, stride=4),
    lrn("lrn1"),
    pool("pool1", 3, 2),
    *conv("conv2", 256, 5, padding=2, groups=2),
    lrn("lrn2"),
    pool("pool2", 3, 2),
    *conv("conv3", 384, 3, padding=1),
    *conv("conv4", 384, 3, padding=1, groups=2),
    *conv("conv5", 256, 3, padding=1, groups=2),
    pool("pool5", 3, 2),
    ("flatten", "flatten", {}),
    *dense("fc6", 4096),
    *dense("fc7", 4096),
    ("fc8", "linear", {"out_features": 1000}),
    ("softmax", "softmax", {}),
)
