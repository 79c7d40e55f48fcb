"""The receptive-field probe: which input positions reach one output unit through the whole network, by gradient.

The network is built with all weights and inputs positive, so that no gradient is cancelled or cut off, and every
maximum replaced by the mean of the same window: a maximum hands its gradient to one tap and hides the others.
What cuts values off at a threshold is left out, for the same reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from archscope.analysis import Row
from archscope.building import build
from archscope.building.historic import EuclideanRBF, Subsampling
from archscope.building.network import BuiltNetwork
from archscope.building.padding import SidedMaxPool, pad_sides
from archscope.network import Network, Ref
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, not_covered
from archscope.tracing.strangers import keeping_random

NAME = "field"
SHALLOW: Final = 30
"""Layers with windows up to which the smallest gradient, a product of one over each window, fits float32."""
WORK: Final = 40_000_000_000
"""Multiplications that one network's probe may cost; a larger one is probed at fewer layers."""

_CUTTING: Final = (nn.Threshold, nn.Softshrink, nn.Hardshrink)
"""Functions of one value that hand no gradient on where they cut it off; each looks at its own position alone."""

Box = tuple[tuple[int, int], ...]


class Mean(nn.Module):
    """The mean of the windows of a maximum pooling."""

    def __init__(self, pool: Any, sides: Any) -> None:
        super().__init__()
        axes = {nn.MaxPool1d: 1, nn.MaxPool2d: 2, nn.MaxPool3d: 3}.get(type(pool), 0)
        self.kernel_size = _each(pool.kernel_size, axes)
        self.stride = _each(pool.stride, axes)
        self.dilation = _each(pool.dilation, axes)
        self.pool = pool
        self.sides = sides if isinstance(sides, str) else tuple(
            each if isinstance(each, tuple) else (each, each) for each in _each(sides, axes)
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        convolve = (F.conv1d, F.conv2d, F.conv3d)[len(self.kernel_size) - 1]
        padded = pad_sides(input, self.sides, self.kernel_size, self.stride, self.dilation)
        # A last window that `ceil_mode` lets hang over the end sees nothing there.
        padded = F.pad(padded, [side for step in reversed(self.stride) for side in (0, step - 1)])
        maps = input.shape[1]
        weight = input.new_full((maps, 1, *self.kernel_size), 1 / math.prod(self.kernel_size))
        means = convolve(padded, weight, stride=self.stride, dilation=self.dilation, groups=maps)
        windows = self.pool(input).shape[2:]
        inside: tuple[Any, ...] = (..., *(slice(extent) for extent in windows))
        return means[inside]


def _each(value: Any, axes: int) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,) * axes


def observe(case: Case) -> Iterator[Finding]:
    """Follow gradients from units at two or three places of every layer that has a grid."""
    rows = [row for row in case.analysis.rows if row.seen is not None]
    for row in case.analysis.rows:
        if row.seen is None:
            why = row.reason("receptive_field") or "there is no grid"
            yield not_covered(NAME, row.name, "receptive_field", why)
    if not rows:
        return
    if len(case.network.inputs) != 1:
        for row in rows:
            yield not_covered(NAME, row.name, "receptive_field", "the network has several inputs")
        return
    chosen = _affordable(case, rows)
    for row in rows:
        if row not in chosen:
            yield not_covered(NAME, row.name, "receptive_field", "a large network is probed at a sample of its layers")
    boxes = _boxes(case, chosen)
    for row in chosen:
        units, seen = boxes[row.name]
        ours = tuple(_within(case, _expected(case, row, unit), box) for unit, box in zip(units, seen, strict=True))
        yield compared(NAME, row.name, "receptive_field", _spell(ours), _spell(seen),
                       why=f"input positions that reach {len(units)} units")  # fmt: skip


def _precision(case: Case) -> torch.dtype:
    windowed = [facts for facts in case.facts_of.values() if any(each.kernel > 1 for each in facts.windows or ())]
    return torch.float32 if len(windowed) <= SHALLOW else torch.float64


def _affordable(case: Case, rows: Sequence[Row]) -> list[Row]:
    """All rows, or evenly spread ones with the last among them."""
    costs, so_far = [], 0
    for row in case.analysis.rows:
        so_far += int(row.macs or 0)
        if row in rows:
            costs.append(6 * so_far + 1)
    if sum(costs) <= WORK:
        return list(rows)
    wanted = max(1, WORK // costs[-1])
    step = max(1, math.ceil(len(rows) / wanted))
    return [row for place, row in enumerate(rows) if (len(rows) - 1 - place) % step == 0]


def _boxes(case: Case, rows: Sequence[Row]) -> dict[str, tuple[list[tuple[int, ...]], tuple[Box, ...]]]:
    ends = {_end(row): row for row in rows}
    model = _positive(case, set(ends))
    made: dict[str, Tensor] = {}
    handles = [
        model.node(name).register_forward_hook(lambda _, __, result, name=name: made.__setitem__(name, result))
        for name in ends
    ]
    shape = next(iter(case.network.inputs.values()))
    extents = [int(extent) for extent in shape]
    point = torch.full((1, *extents), 0.5, dtype=_precision(case), requires_grad=True)
    try:
        model(point)
    finally:
        for handle in handles:
            handle.remove()
    boxes = {}
    for name, row in ends.items():
        output = made[name] if isinstance(made[name], Tensor) else made[name][0]
        units = _units(case, row, output.shape[2:])
        boxes[row.name] = (units, tuple(_reach(output, unit, point) for unit in units))
    return boxes


def _end(row: Row) -> str:
    """The last node of a row, of its first tower."""
    own = [node for node in row.nodes if node.tower == row.nodes[0].tower]
    return own[-1].name


def _units(case: Case, row: Row, extents: Sequence[int]) -> list[tuple[int, ...]]:
    """The first and the middle unit, and the last where the input's border cuts off what the middle one sees."""
    first, middle, last = (tuple(place) for place in zip(*((0, each // 2, each - 1) for each in extents), strict=True))
    whole = all(to - from_ + 1 == size for (from_, to), size in
                zip(_expected(case, row, middle), row.receptive_field or (), strict=True))  # fmt: skip
    return list(dict.fromkeys((first, middle) if whole else (first, middle, last)))


def _reach(output: Tensor, unit: tuple[int, ...], point: Tensor) -> Box:
    """First and last input position, an axis at a time, with a gradient to the unit."""
    place: tuple[Any, ...] = (0, slice(None), *unit)
    # Different shares, because the channels of a softmax add up to one whatever the input is.
    shares = torch.arange(1, output.shape[1] + 1, dtype=output.dtype)
    value = (output[place] * shares).sum()
    (gradient,) = torch.autograd.grad(value, point, retain_graph=True)
    touched = (gradient[0] != 0).any(0)
    places = touched.nonzero()
    if not len(places):
        return ((0, -1),) * touched.dim()
    first, last = places.amin(0).tolist(), places.amax(0).tolist()
    return tuple(zip(first, last, strict=True))


def _expected(case: Case, row: Row, unit: tuple[int, ...]) -> Box:
    """Where the row's field puts a unit, cut off at the input's borders."""
    extents = next(iter(case.network.inputs.values()))[1:]
    assert row.seen is not None  # noqa: S101 - rows without a field are not probed
    box = []
    along = zip(row.seen.start, row.seen.jump, row.seen.size, unit, extents, strict=True)
    for start, jump, size, place, extent in along:
        first = int(start) + place * int(jump)
        inside = max(first, 0), min(first + int(size), int(extent)) - 1
        box.append(inside if inside[0] <= inside[1] else (0, -1))
    return tuple(box)


def _within(case: Case, ours: Box, seen: Box) -> Box:
    """Our box, where a dilated window is cut off by the border and the taps left inside do not reach its edge."""
    if all(each.dilation == 1 for facts in case.facts_of.values() for each in facts.windows or ()):
        return ours
    extents = next(iter(case.network.inputs.values()))[1:]
    box = []
    for (first, last), (from_, to), extent in zip(ours, seen, extents, strict=True):
        cut_before, cut_after = first == 0 <= from_ <= last, last == int(extent) - 1 >= to >= first
        box.append((from_ if cut_before else first, to if cut_after else last))
    return tuple(box)


def _spell(boxes: Sequence[Box]) -> str:
    def positions(first: int, last: int) -> str:
        return f"{first}–{last}" if first <= last else "none"

    return "; ".join(" × ".join(positions(*along) for along in box) for box in boxes)


def _positive(case: Case, wanted: set[str]) -> BuiltNetwork:
    """The network up to the last wanted node, with positive weights that keep values near one."""
    nodes, left = [], set(wanted)
    for node in case.network.nodes:
        if not left:
            break
        nodes.append(node)
        left.discard(node.name)
    outputs = tuple(Ref(name) for name in sorted(wanted))
    shortened = Network(case.network.name, case.network.inputs, nodes, outputs)
    with keeping_random():
        model = build(shortened, device=case.device)
    # Straight on the CPU a large network would first be filled with random numbers.
    model = (model.to_empty(device="cpu") if case.device == "meta" else model).to(_precision(case)).eval()
    for path, module in list(model.named_modules()):
        replacement = _averaging(module)
        if replacement is not None:
            parent, _, name = path.rpartition(".")
            model.get_submodule(parent)._modules[name] = replacement
        for name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
            if tensor.is_floating_point():
                with torch.no_grad():
                    tensor.fill_(_start(module, name, tensor))
    return model


def _averaging(module: nn.Module) -> nn.Module | None:
    if isinstance(module, _BatchNorm) and not module.track_running_stats:
        return nn.Identity()
    if isinstance(module, _CUTTING):
        return nn.Identity()
    if isinstance(module, SidedMaxPool):
        return Mean(module, module.sides)
    if isinstance(module, (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)):
        return Mean(module, module.padding)
    adaptive = {nn.AdaptiveMaxPool1d: nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool2d: nn.AdaptiveAvgPool2d,
                nn.AdaptiveMaxPool3d: nn.AdaptiveAvgPool3d}  # fmt: skip
    for maximum, average in adaptive.items():
        if isinstance(module, maximum):
            return average(module.output_size)
    return None


def _start(module: nn.Module, name: str, tensor: Tensor) -> float:
    if name.startswith("bias"):
        return 0.1
    if name == "running_mean":
        return 0.0
    if tensor.dim() < 2:
        return 1 / math.prod(module.kernel_size) if isinstance(module, Subsampling) else 1.0
    if isinstance(module, EuclideanRBF):
        return -1.0
    return 1 / max(1, tensor[0].numel())
