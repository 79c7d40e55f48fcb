"""Random stacks of layers against modules put together here by hand: nothing of `archscope.building` takes part."""

from __future__ import annotations

from random import Random
from typing import Any

import torch
from torch import nn

_BY_HAND: dict[str, Any] = {
    "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "silu": nn.SiLU, "gelu": nn.GELU,
}  # fmt: skip


def one(random: Random) -> str | None:
    """Shapes, parameters and MACs of a stack, as PyTorch runs it."""
    import archscope

    spec, module, shape = _stack(random)
    lines = "\n".join(
        f"  l{place}: {{{', '.join(f'{k}: {v}' for k, v in each.items())}}}" for place, each in enumerate(spec)
    )
    text = f"input: {list(shape)}\nlayers:\n{lines}\n"
    try:
        analysis = archscope.analyze(archscope.read(text, name="stack"))
    except archscope.ArchscopeError as error:
        refused = str(error).split("\n")[0]
        return None if _runs(module, shape) is None else f"refused what PyTorch runs: {refused}\n{text}"
    seen = _runs(module, shape)
    if seen is None:
        return f"accepted what PyTorch refuses\n{text}"
    shapes, macs = seen
    ours = [tuple(int(each) for each in row.output) for row in analysis.rows]
    if ours != shapes:
        return f"shapes {ours} and PyTorch's {shapes}\n{text}"
    parameters = sum(each.numel() for each in module.parameters())
    if int(analysis.totals.parameters) != parameters:
        return f"{int(analysis.totals.parameters)} parameters and PyTorch's {parameters}\n{text}"
    counted = analysis.totals.macs
    if counted is not None and int(counted) != macs:
        return f"{int(counted)} MACs, and {macs} counted\n{text}"
    return None


def _stack(random: Random) -> tuple[list[dict[str, Any]], nn.Sequential, tuple[int, ...]]:
    channels = random.randint(1, 8)
    shape: tuple[int, ...] = (channels, random.randint(1, 24), random.randint(1, 24))
    spec: list[dict[str, Any]] = []
    layers: list[nn.Module] = []
    flat = False
    for _ in range(random.randint(1, 6)):
        kind = random.choice(("conv", "conv", "pool", "act", "norm", "flatten"))
        if flat or kind == "act":
            name = random.choice(list(_BY_HAND))
            spec.append({"type": name})
            layers.append(_BY_HAND[name]())
        elif kind == "conv":
            made, layer, channels = _convolution(random, channels)
            spec.append(made)
            layers.append(layer)
        elif kind == "pool":
            size, step, pad = random.randint(1, 4), random.randint(1, 4), random.choice((0, 0, 1))
            ceil = random.random() < 0.3
            which = random.choice(("max", "avg"))
            made = {
                "type": f"{which}_pool2d",
                "kernel_size": size,
                "stride": step,
                "padding": pad,
                "ceil_mode": str(ceil).lower(),
            }
            spec.append(made)
            maker: Any = nn.MaxPool2d if which == "max" else nn.AvgPool2d
            layers.append(maker(size, step, pad, ceil_mode=ceil))
        elif kind == "norm":
            spec.append({"type": "batch_norm"})
            layers.append(nn.BatchNorm2d(channels))
        else:
            spec.append({"type": "flatten"})
            layers.append(nn.Flatten())
            flat = True
    return spec, nn.Sequential(*layers).eval(), shape


def _convolution(random: Random, channels: int) -> tuple[dict[str, Any], nn.Module, int]:
    groups = random.choice([each for each in range(1, channels + 1) if channels % each == 0])
    out = groups * random.randint(1, 4)
    size = [random.randint(1, 5), random.randint(1, 5)]
    step, spread, pad = random.randint(1, 3), random.randint(1, 3), random.randint(0, 3)
    bias = random.random() < 0.5
    made = {"type": "conv2d", "out_channels": out, "kernel_size": size, "stride": step, "padding": pad,
            "dilation": spread, "groups": groups, "bias": str(bias).lower()}  # fmt: skip
    return made, nn.Conv2d(channels, out, (size[0], size[1]), step, pad, spread, groups, bias), out


def _runs(module: nn.Sequential, shape: tuple[int, ...]) -> tuple[list[tuple[int, ...]], int] | None:
    """Every layer's output shape, and the multiplications of the convolutions, place by place; None if it refuses."""
    value, shapes, macs = torch.zeros(1, *shape), [], 0
    try:
        with torch.no_grad():
            for layer in module:
                value = layer(value)
                shapes.append(tuple(value.shape[1:]))
                if isinstance(layer, nn.Conv2d):
                    macs += value[0].numel() * layer.weight[0].numel()
    except RuntimeError:
        return None
    return shapes, macs
