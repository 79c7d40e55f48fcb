"""The Jacobian probe: connections as non-zeros of a layer's Jacobian in float64, plus the bias lines.

A layer with few enough values is probed exactly, every output against every input. Of a larger one a sample
of units is: the corners and others drawn with a fixed seed, and a few channels stand for all (`archscope.oracles.cut`).
The gradient of each unit says how many lines it has, and must agree with a pass of ones through the layer with all its
weights at one, which adds up the lines of every unit.
Lines into the padding are seen on a copy of the layer without padding, given an input that is larger by as much.
"""

from __future__ import annotations

import copy
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.instancenorm import _InstanceNorm

from archscope.building.builders import build_layer
from archscope.building.constructions import NoLayer
from archscope.building.historic import EuclideanRBF, TableConv2d
from archscope.building.local import LocallyConnected1d, LocallyConnected2d
from archscope.building.modules import Experts
from archscope.building.sequences import GroupedAttention, SinusoidalPositions
from archscope.building.sides import same_sides
from archscope.layers import Layer, Shape
from archscope.oracles.case import Case
from archscope.oracles.cut import cut
from archscope.oracles.findings import Finding, compared, not_covered
from archscope.record import EMPTY

if TYPE_CHECKING:
    from torch import Tensor

NAME = "Jacobian"
EXACT: Final = 8_000_000
"""Most entries of a Jacobian that is worked out whole; C1 of LeNet-5 has 4.8 million."""
WORK: Final = 2_000_000_000
"""Most multiplications spent on one; the slice of each input runs through the whole layer."""
UNITS: Final = 32
"""Units of a sample, the corners among them."""

_SAMPLE: Final = (
    f"{UNITS} units by gradient, corners among them, and every one by a pass of ones; "
    "a few maps or outputs stand for all (`--format json` says how many)"
)

_ATTENDS: Final = "attention multiplies inputs with inputs, so not every entry is one weighted line"
_RECURS: Final = "its connections lie between steps and gates, inside the layer"
_OTHERWISE: Final[Mapping[type[nn.Module], str]] = {
    nn.LayerNorm: "its statistics join every output to every input, by lines without weights",
    nn.GroupNorm: "its statistics join every output to every input, by lines without weights",
    nn.RMSNorm: "its statistics join every output to every input, by lines without weights",
    nn.MultiheadAttention: _ATTENDS,
    GroupedAttention: _ATTENDS,
    SinusoidalPositions: "what it adds is fixed, and no line carries a weight",
    nn.RNNBase: _RECURS,
    nn.RNNCellBase: _RECURS,
    nn.Embedding: "tokens have no gradient",
    nn.EmbeddingBag: "tokens have no gradient",
    Experts: "which lines there are depends on the values: a position runs the experts that it chooses",
}
"""Layers whose connections are no entries of a Jacobian between input and output, and why."""


@dataclass(frozen=True)
class Lines:
    """What the probe found: all lines of a layer, how many of them are bias lines, and how it went about it."""

    total: int
    biases: int
    how: str
    sampled: bool = False

    @property
    def weighted(self) -> int:
        """Lines that multiply an input: multiply-accumulates, in a layer of products."""
        return self.total - self.biases


_LOCAL: Final = (LocallyConnected1d, LocallyConnected2d)
PRODUCTS: Final = (_ConvNd, TableConv2d, nn.Linear, EuclideanRBF, *_LOCAL)
"""Modules whose every weighted line is one multiply-accumulate."""


def observe(case: Case) -> Iterator[Finding]:
    """Probe every layer with weights; equal layers once."""
    probed: dict[Any, tuple[Lines | str, Lines | str]] = {}
    totals: dict[str, int | None] = dict.fromkeys(("connections_in_bounds", "connections", "macs"), 0)
    for node, module, facts in case.nodes():
        if not facts.weights and not list(module.parameters()):
            if facts.macs != 0:
                totals["macs"] = None
            continue
        shapes = tuple(tuple(int(extent) for extent in shape) for shape in facts.inputs)
        key = (node.layer, shapes)
        case.pace.at(node.row)
        if key not in probed and case.pace.late:
            probed[key] = (case.pace.why, case.pace.why)
        if key not in probed:
            probed[key] = _lines(*key, math.prod(map(int, facts.output)))
        seen = probed[key][1]
        if isinstance(seen, Lines) and isinstance(module, PRODUCTS):
            totals["macs"] = _added(totals["macs"], seen.weighted)
        elif facts.macs != 0:
            totals["macs"] = None
        for suffix, found in zip(("_in_bounds", ""), probed[key], strict=True):
            if isinstance(found, str):
                totals[f"connections{suffix}"] = None
                yield not_covered(NAME, node.row, f"connections{suffix}", found, node=node.name)
                continue
            said = {f"connections{suffix}": found.total}
            if isinstance(module, PRODUCTS):
                said[f"macs{suffix}"] = found.weighted
            for quantity, theirs in said.items():
                ours = getattr(facts, quantity)
                sampled = _SAMPLE if found.sampled else ""
                yield compared(NAME, node.row, quantity, ours, theirs, node=node.name, why=found.how, sampled=sampled)
            totals[f"connections{suffix}"] = _added(totals[f"connections{suffix}"], found.total)
    for quantity, sum_ in totals.items():
        if sum_ is not None:
            yield compared(NAME, None, quantity, case.analysis.totals.count_of(quantity), sum_)


def _added(so_far: int | None, more: int | None) -> int | None:
    """A sum, of which nothing is known once a part is not."""
    return None if so_far is None or more is None else so_far + more


def _lines(layer: Layer, shapes: tuple[Shape, ...], outs: int) -> tuple[Lines | str, Lines | str]:
    """Lines of a layer as it is built: in bounds, and all; or why there is no telling."""
    with torch.device("meta"):
        module = build_layer(layer, *shapes).eval()
    return lines_of(module, shapes, outs)


def otherwise(module: nn.Module) -> str | None:
    """Why the connections of a module are no entries of a Jacobian between its input and output; None if they are."""
    return next((why for kind, why in _OTHERWISE.items() if isinstance(module, kind)), None)


def otherwise_built(layer: Layer, shapes: tuple[Shape, ...]) -> str | None:
    """The same of a layer, whoever wrote the module that runs for it."""
    try:
        with torch.device("meta"):
            return otherwise(build_layer(layer, *shapes))
    except NoLayer:
        return None


def lines_of(module: nn.Module, shapes: tuple[Shape, ...], outs: int) -> tuple[Lines | str, Lines | str]:
    """Lines of a module on meta, in bounds, and all lines; or why there is no telling."""
    why = otherwise(module)
    if why is None and isinstance(module, (_BatchNorm, _InstanceNorm)):
        why = _batch_norm(module)
    if why is None and len(shapes) != 1:
        why = "it has several inputs" if shapes else "it reads no input"
    if why is not None:
        return why, why
    in_bounds = count_lines(module, shapes[0], outs)
    bare, grown = unpadded(module, shapes[0])
    if bare is module:
        return in_bounds, in_bounds
    # A transposed convolution without padding makes more outputs; those cut off have no bias line.
    weighted = count_lines(bare, grown, outs).weighted
    return in_bounds, Lines(weighted + in_bounds.biases, in_bounds.biases, in_bounds.how, in_bounds.sampled)


def _batch_norm(module: _BatchNorm | _InstanceNorm) -> str | None:
    """Why a batch or instance normalization is not probed, if it is not."""
    if not module.track_running_stats:
        whose = "batch" if isinstance(module, _BatchNorm) else "map"
        return f"the statistics of the {whose} join every output to every input, by lines without weights"
    return None if module.affine else "it holds statistics and no weights"


def count_lines(module: nn.Module, shape: Shape, outs: int) -> Lines:
    """Lines of a module on meta, for one input shape; ``outs`` only decides whether to look at every output.

    >>> with torch.device("meta"):
    ...     conv = nn.Conv2d(1, 6, 5)
    >>> count_lines(conv, (1, 32, 32), 4704).total
    122304
    """
    ins = math.prod(shape)
    parameters = sum(each.numel() for each in module.parameters())
    places = max(1, outs // _width(module, outs))
    if ins * outs <= EXACT and min(ins, outs) * max(outs, parameters * places) <= WORK:
        weighted, biases = _whole(module, shape)
        return Lines(weighted + biases, biases, "every output against every input")
    return _sampled(module, shape, outs)


def _width(module: nn.Module, default: int) -> int:
    """Output channels, or features."""
    width: int = getattr(module, "out_channels", None) or getattr(module, "out_features", None) or default
    return width


def unpadded(module: nn.Module, shape: Shape) -> tuple[nn.Module, Shape]:
    """The module without padding, and the input shape grown by it; so every line has an input value."""
    axes = range(len(shape) - 1)
    if isinstance(module, _ConvTransposeNd):
        if not any(module.padding) and not hasattr(module, "sides"):
            return module, shape
        bare: Any = copy.deepcopy(module)
        bare.padding = (0,) * len(axes)
        if hasattr(bare, "sides"):
            bare.sides = ((0, 0),) * len(axes)
        return bare, shape
    if not isinstance(module, (_ConvNd, TableConv2d, *_LOCAL)):
        return module, shape
    bare = copy.deepcopy(module)
    around = bare.sides if hasattr(bare, "sides") else bare.padding
    if isinstance(around, str):
        sides = same_sides(shape[1:], bare.kernel_size, bare.stride, bare.dilation)
    else:
        sides = tuple(each if isinstance(each, tuple) else (each, each) for each in around)
    if not any(map(any, sides)):
        return module, shape
    if hasattr(bare, "sides"):
        bare.sides = ((0, 0),) * len(axes)
    else:
        bare.padding = ((0, 0),) * len(axes) if isinstance(bare, TableConv2d) else (0,) * len(axes)
    return bare, (shape[0], *(extent + sum(side) for extent, side in zip(shape[1:], sides, strict=True)))


def _drawn(shape: Sequence[int]) -> Tensor:
    """The same values between 0 and 1 every time, and no one else's random numbers used up."""
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def _tensors(module: nn.Module, shapes: Mapping[str, tuple[int, ...]] = EMPTY) -> dict[str, Tensor]:
    """Values for everything it holds: weights drawn between a half and three halves, so that none is 0."""
    values = {}
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.is_floating_point():
            values[name] = _drawn(shapes.get(name, tensor.shape)) + 0.5
        else:
            values[name] = torch.zeros(tensor.shape, dtype=tensor.dtype)
    return values


def _call(module: nn.Module, tensors: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
    result: Tensor = functional_call(module, dict(tensors), (inputs,))
    return result


def _whole(module: nn.Module, shape: Shape) -> tuple[int, int]:
    """Every output against every input: the shorter side of the Jacobian is walked along."""
    tensors = _tensors(module)
    point = _drawn((1, *shape)) + 2.0
    with torch.no_grad():
        outs = _call(module, tensors, point).numel()
    ins = math.prod(shape)
    found = (
        _by_input(module, tensors, point, ins)
        if ins < outs and _affine(module, tensors, point)
        else _by_output(module, tensors, point, outs)
    )
    return found, int(_biased(module, tensors, point).count_nonzero())


_CHUNK: Final = 256


def _affine(module: nn.Module, tensors: Mapping[str, Tensor], point: Tensor) -> bool:
    """Whether the layer is linear but for its biases, tried at two points."""
    other = _drawn(tuple(point.shape)) - 0.5
    with torch.no_grad():
        none, one, two, both = (_call(module, tensors, each) for each in (point * 0, point, other, point + other))
    return torch.allclose(one - none + two, both)


def _by_input(module: nn.Module, tensors: Mapping[str, Tensor], point: Tensor, ins: int) -> int:
    """Columns of the Jacobian of an affine layer: its answers to unit impulses."""
    found = 0
    with torch.no_grad():
        rest = _call(module, tensors, point * 0)
        for first in range(0, ins, _CHUNK):
            size = min(_CHUNK, ins - first)
            impulses = torch.zeros(size, ins, dtype=torch.float64)
            impulses[torch.arange(size), torch.arange(first, first + size)] = 1
            answers = _call(module, tensors, impulses.view(size, *point.shape[1:]))
            found += int((answers != rest).count_nonzero())
    return found


def _by_output(module: nn.Module, tensors: Mapping[str, Tensor], point: Tensor, outs: int) -> int:
    found = 0
    for first in range(0, outs, _CHUNK):
        size = min(_CHUNK, outs - first)
        points = point.expand(size, *point.shape[1:]).contiguous().requires_grad_()
        outputs = _call(module, tensors, points).flatten(1)
        (gradient,) = torch.autograd.grad(outputs[torch.arange(size), torch.arange(first, first + size)].sum(), points)
        found += int(gradient.count_nonzero())
    return found


def _biased(module: nn.Module, tensors: Mapping[str, Tensor], point: Tensor) -> Tensor:
    """Which outputs move with a bias: the units that have a bias line."""
    moved = {name: each + 1.0 if name.rpartition(".")[2].startswith("bias") else each for name, each in tensors.items()}
    with torch.no_grad():
        return _call(module, moved, point) != _call(module, tensors, point)


def _sampled(whole: nn.Module, shape: Shape, outs: int) -> Lines:
    module, shape, shapes, per_line, per_unit, words = cut(whole, shape, outs)
    tensors = _tensors(module, shapes)
    lines = _by_ones(module, tensors, shape)
    biased = _biased(module, tensors, (_drawn((1, *shape)) + 2.0))[0]
    units = _units(tuple(lines.shape))
    counted = _at_once if isinstance(module, _ConvNd) else _one_by_one
    for unit, by_gradient in zip(units, counted(module, tensors, shape, units), strict=True):
        found = by_gradient + int(biased[unit])
        if found != int(lines[unit]):
            place = ", ".join(map(str, unit))
            raise ArithmeticError(f"unit ({place}): {found} lines by gradient, {int(lines[unit])} by a pass of ones")
    shown = f"{len(units)} units by gradient, corners among them; all by a pass of ones"
    weighted = (int(lines.sum()) - int(biased.sum())) * per_line * per_unit
    biases = int(biased.sum()) * per_unit
    return Lines(int(weighted + biases), int(biases), f"{shown}; {words}" if words else shown, sampled=True)


def _one_by_one(
    module: nn.Module, tensors: Mapping[str, Tensor], shape: Shape, units: Sequence[tuple[int, ...]]
) -> Iterator[int]:
    """Non-zeros of the gradient of each unit."""
    point = (_drawn((1, *shape)) + 2.0).requires_grad_()
    outputs = _call(module, tensors, point)[0]
    for unit in units:
        (gradient,) = torch.autograd.grad(outputs[unit], point, retain_graph=True)
        yield int(gradient.count_nonzero())


def _at_once(
    module: nn.Module, tensors: Mapping[str, Tensor], shape: Shape, units: Sequence[tuple[int, ...]]
) -> Iterator[int]:
    """The same for a convolution, in one pass: with weights of one, each unit is a binary digit of the gradient."""
    ones = {name: torch.ones_like(each) for name, each in tensors.items()}
    point = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    outputs = _call(module, ones, point)
    digits = torch.zeros_like(outputs)
    for place, unit in enumerate(units):
        digits[(0, *unit)] = 2.0**place
    (gradient,) = torch.autograd.grad(outputs, point, digits)
    exact = gradient.long()
    for place in range(len(units)):
        yield int((exact >> place & 1).sum())


def _by_ones(module: nn.Module, tensors: Mapping[str, Tensor], shape: Shape) -> Tensor:
    """Lines of every unit: its value when all inputs, weights and biases are one and nothing is shifted.

    A unit that adds up squared distances from its weights has the weights at nothing instead.
    """
    away = ("weight",) if isinstance(module, EuclideanRBF) else ("running_mean",)
    ones = {name: torch.zeros_like(each) if name.rpartition(".")[2] in away else torch.ones_like(each)
            for name, each in tensors.items()}  # fmt: skip
    with torch.no_grad():
        return _call(module, ones, torch.ones(1, *shape, dtype=torch.float64))[0].round()


def _units(shape: Shape) -> list[tuple[int, ...]]:
    """The corners of an output, and others drawn with a fixed seed."""
    corners = list(dict.fromkeys(itertools.product(*((0, extent - 1) for extent in shape))))
    drawing = random.Random(0)  # noqa: S311 - a sample, no secret
    units = dict.fromkeys(corners)
    while len(units) < min(UNITS, math.prod(shape)):
        units[tuple(drawing.randrange(extent) for extent in shape)] = None
    return list(units)
