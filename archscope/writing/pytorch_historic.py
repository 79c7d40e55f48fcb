"""Layers of the first convolutional networks, and others that PyTorch does not have, as PyTorch source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.building.sides import flat, symmetric
from archscope.writing.listing import assignment, short

METHODS: Final = {
    "over_table": '''
@staticmethod
def over_table(x, weight, bias, table, **options):
    """Convolve over a connection table: each output map sees the input maps of its row."""
    kernels = weight.split([len(row) for row in table])
    maps = [F.conv2d(x[:, row], kernel[None], **options) for row, kernel in zip(table, kernels)]
    x = torch.cat(maps, dim=1)
    return x if bias is None else x + bias[:, None, None]
''',
    "subsample": '''
@staticmethod
def subsample(x, weight, bias, kernel_size, stride=None):
    """Sum each window; scale and shift each map by values of its own."""
    x = F.avg_pool2d(x, kernel_size, stride, divisor_override=1)
    return x * weight[:, None, None] + bias[:, None, None]
''',
    "normalize_within": '''
@staticmethod
def normalize_within(x, size, alpha, beta, k):
    """Local response normalization over neighbours in the same map."""
    mean = F.avg_pool2d(x * x, size, stride=1, padding=size // 2)
    return x / (k + alpha * mean) ** beta
''',
    "over_places": '''
@staticmethod
def over_places(x, weight, bias, maps, size, kernel_size, stride=1):
    """Windows as in a convolution, with a kernel for each map at every position."""
    windows = F.unfold(x, kernel_size, stride=stride)
    x = torch.einsum("nlk,bkl->bnl", weight.reshape(maps, windows.shape[2], -1), windows)
    x = x if bias is None else x + bias.reshape(maps, -1)
    return x.unflatten(2, size)
''',
    "squash": '''
@staticmethod
def squash(x, amplitude=1.7159, slope=2 / 3):
    """LeCun's scaled tanh."""
    return amplitude * torch.tanh(slope * x)
''',
}
"""Methods for them."""

_PER_AXIS: Final = frozenset({"kernel_size", "stride", "padding", "dilation", "output_padding", "output_size"})
"""Options that take one number for all axes."""


def option(name: str, value: Any) -> str:
    return short(value) if name in _PER_AXIS and isinstance(value, tuple) else repr(value)


def window(kernel: Sequence[int], steps: Sequence[int]) -> str:
    """Kernel and stride as arguments, the stride only where it is not the kernel."""
    return short(kernel) if tuple(kernel) == tuple(steps) else f"{short(kernel)}, {short(steps)}"


def _subsampling(place: Any) -> str:
    maps, kernel, steps = place.call.arguments
    weight, bias = f"self.{place.name}_weight", f"self.{place.name}_bias"
    place.construct(
        f"{weight} = nn.Parameter(torch.full(({maps},), 1 / {place.fan_in}))",
        f"{bias} = nn.Parameter(torch.zeros({maps}))",
    )
    return f"{place.method('subsample')}({place.taken[0]}, {weight}, {bias}, {window(kernel, steps)})"


def _table_conv(place: Any) -> str:
    weight, *bias = (tuple(int(extent) for extent in each.shape) for each in place.facts.weights)
    table = f"self.{place.name}_table"
    place.construct(f"{table} = [", *(f"    {list(row)}," for row in place.layer.connection_table), "]")
    place.construct(f"self.{place.name}_weight = nn.Parameter(torch.empty{weight})")
    if bias:
        place.construct(f"self.{place.name}_bias = nn.Parameter(torch.empty({', '.join(map(str, bias[0]))}))")
    options = "".join(
        f", {name}={option(name, place.call.options[name])}"
        for name in ("stride", "dilation") if name in place.call.options
    )  # fmt: skip
    sides = place.call.options["padding"]
    value = f"F.pad({place.taken[0]}, {flat(sides)})" if any(map(any, sides)) else place.taken[0]
    untied = place.layer.untie_biases
    shift = f"self.{place.name}_bias" if bias and not untied else "None"
    made = f"{place.method('over_table')}({value}, self.{place.name}_weight, {shift}, {table}{options})"
    return f"{made} + self.{place.name}_bias" if untied else made


def _untied(place: Any) -> str:
    """PyTorch's convolution without a bias, and a constant for each unit."""
    options = {**place.call.options, "bias": False}
    places, sides = options.pop("places"), options.pop("sides")
    around = symmetric(sides)
    if around is not None and any(around):
        options["padding"] = around
    value = f"F.pad({place.taken[0]}, {flat(sides)})" if around is None else place.taken[0]
    place.call = place.call.replace(options=options)
    made = place.made("Conv2d")
    reach = f"{place.fan_in} ** -0.5"
    extents = ", ".join(map(str, (place.layer.out_channels, *places)))
    started = f"nn.Parameter(torch.empty({extents}).uniform_(-({reach}), {reach}))"
    place.construct(*assignment(f"self.{place.name}_bias", started))
    return f"{made}({value}) + self.{place.name}_bias"


def _local(place: Any) -> str:
    """A kernel for each map at every position; along one axis as over an image of one row."""
    layer, own = place.layer, f"self.{place.name}"
    for weight in place.facts.weights:
        shape = tuple(int(extent) for extent in weight.shape)
        reach = f"{place.fan_in} ** -0.5"
        extents = f"({shape[0]})" if len(shape) == 1 else str(shape)
        value = f"nn.Parameter(torch.empty{extents}.uniform_(-({reach}), {reach}))"
        place.construct(*assignment(f"{own}_{weight.name}", value))
    value = place.padded(place.taken[0])
    kernel, stride = tuple(layer.kernel_size), tuple(layer.stride)
    if layer.axes == 1:
        value, kernel, stride = f"{value}.unsqueeze(2)", (1, *kernel), (1, *stride)
    bias = f"{own}_bias" if layer.bias else "None"
    made = tuple(int(extent) for extent in place.facts.output[1:])
    rest = f", {short(stride)}" if set(stride) != {1} else ""
    arguments = f"{value}, {own}_weight, {bias}, {layer.out_channels}, {made}, {short(kernel)}{rest}"
    return f"{place.method('over_places')}({arguments})"


def _within(place: Any) -> str:
    layer = place.layer
    numbers = f"{layer.size}, {layer.alpha!r}, {layer.beta!r}, {layer.k!r}"
    return f"{place.method('normalize_within')}({place.taken[0]}, {numbers})"


def _rbf(place: Any) -> str:
    lines, units = place.call.arguments
    bitmaps = place.call.options["codes"]
    codes = f"torch.randint(0, 2, ({units}, {lines})) * 2.0 - 1.0"
    if bitmaps is not None:
        place.construct("codes = [", *(f'    "{bitmap}",' for bitmap in bitmaps), "]")
        place.construct('values = [[1.0 if mark == "#" else -1.0 for mark in code] for code in codes]')
        codes = "torch.tensor(values)"
    if place.call.options["trainable"]:
        place.construct(f"self.{place.name}_weight = nn.Parameter({codes})")
    else:
        place.construct(f'self.register_buffer("{place.name}_weight", {codes})')
    return f"({place.taken[0]}.unsqueeze(-2) - self.{place.name}_weight).square().sum(-1)"


def _scaled_tanh(place: Any) -> str:
    rest = "".join(f", {name}={value!r}" for name, value in place.layer.stated().items())
    return f"{place.method('squash')}({place.taken[0]}{rest})"


FORMS: Final[Mapping[str, Callable[[Any], str]]] = MappingProxyType({
    "Subsampling": _subsampling,
    "TableConv2d": _table_conv,
    "UntiedConv2d": _untied,
    "EuclideanRBF": _rbf,
    "LocallyConnected1d": _local,
    "LocallyConnected2d": _local,
    "WithinChannelNorm": _within,
    "ScaledTanh": _scaled_tanh,
})  # fmt: skip
"""How to write each, by the class that makes it."""
