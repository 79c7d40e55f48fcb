"""A network as PyTorch source: a class for each block, without a trace of archscope. Writing it needs no PyTorch.

The constructor lines are the constructions that the built module is made by; only the layers that PyTorch does not
have are written by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from archscope.building.constructions import Construction, construction
from archscope.building.sides import Sides, flat, same_sides
from archscope.network import Network, Node
from archscope.patience import without_collector
from archscope.writing import pytorch_functions, pytorch_historic, pytorch_sequences, scores
from archscope.writing.blocks import Dialect, Lines, in_classes, source
from archscope.writing.classes import Arguments
from archscope.writing.listing import Listing, Place, assignment, class_name, summed, transcribe
from archscope.writing.pieces import Uncut
from archscope.writing.pytorch_historic import option, window
from archscope.writing.starting import shown

_METHODS: Final = {
    "dropped_path": '''
@staticmethod
def dropped_path(x, p, training):
    """Whole samples set to 0 at random while training, the others made larger by as much."""
    if not training or not p:
        return x
    kept = torch.rand(len(x), *[1] * (x.dim() - 1), device=x.device) >= p
    return x * kept / (1 - p) if p < 1 else x * 0
''',
}
"""Methods for the layers that PyTorch does not have, or has in another form."""

_FUNCTIONS: Final = {
    "ReLU": "F.relu({})", "Tanh": "torch.tanh({})", "Sigmoid": "torch.sigmoid({})", "SiLU": "F.silu({})",
    "ReLU6": "F.relu6({})", "SELU": "F.selu({})", "Hardswish": "F.hardswish({})",
    "Hardsigmoid": "F.hardsigmoid({})", "Flatten": "torch.flatten({}, 1)", "Identity": "{}",
    "Mish": "F.mish({})", "Softsign": "F.softsign({})", "LogSigmoid": "F.logsigmoid({})",
    "Tanhshrink": "F.tanhshrink({})",
}  # fmt: skip
"""Layers without options or weights, as functions, by the class that makes them."""


class _Place(Place):
    """One node before a writer, with the call that makes its layer."""

    def __init__(self, network: Network, node: Node, taken: Sequence[str], listing: Listing) -> None:
        super().__init__(network, node, taken, listing)
        sides = self._sides_of_same() if getattr(self.layer, "padding", None) == "same" else None
        self.call: Construction = construction(self.layer, *self.facts.inputs, padding=sides)

    def _sides_of_same(self) -> Sides:
        stride = self.layer.steps if self.layer.family == "pooling" else self.layer.stride
        dilation = getattr(self.layer, "dilation", (1,) * len(stride))
        return same_sides(self.shape[1:], self.layer.kernel_size, stride, dilation)

    @property
    def sides(self) -> Sides:
        """Padding that the call leaves to us."""
        sides: Sides = self.call.options.get("sides", ())
        return sides

    def spelled(self, name: str, *, without: Sequence[str] = ()) -> str:
        """The call of a class of ``torch.nn`` with this layer's arguments."""
        given = [_argument(each) for each in self.call.arguments]
        options = {option: value for option, value in self.call.options.items() if option not in without}
        given += [f"{each}={option(each, value)}" for each, value in options.items()]
        return f"nn.{name}({', '.join(given)})"

    def made(self, name: str, *, without: Sequence[str] = ()) -> str:
        """Make a layer of that class and name it."""
        self.construct(*assignment(f"self.{self.name}", self.spelled(name, without=without)))
        return f"self.{self.name}"

    def method(self, name: str) -> str:
        """Have a method of the class, and name it."""
        self.listing.methods[name] = {
            **_METHODS,
            **pytorch_historic.METHODS,
            **pytorch_sequences.METHODS,
            **scores.PYTORCH,
        }[name]
        return f"self.{name}"

    def padded(self, value: str, fill: str = "") -> str:
        """A value with the padding around it that the call leaves to us."""
        return f"F.pad({value}, {flat(self.sides)}{fill})" if any(map(any, self.sides)) else value


_DIALECT: Final = Dialect(
    base="nn.Module",
    runs="forward",
    names=frozenset({"F", "nn", "torch"}),
    arguments=Arguments(
        prefix="nn.",
        positions={
            "Conv": ("in_channels", "out_channels"),
            "Linear": ("in_features", "out_features"),
            "BatchNorm": ("features",),
            "LayerNorm": ("shape",),
            "Embedding": ("entries", "features"),
            "Parameter": ("channels", "height", "width"),
        },
        filled={"Conv": {"stride": "1", "padding": "0", "dilation": "1", "groups": "1", "bias": "True"}},
    ),
    chain="nn.Sequential",
    row="nn.ModuleList",
)


@without_collector()
def write_pytorch(network: Network) -> str:
    """The source of a PyTorch module.

    >>> import archscope
    >>> print(write_pytorch(archscope.load("lenet5-pytorch")).split("def forward")[1])
    (self, x):
            x = F.relu(self.conv1(x))
            x = self.pool1(x)
            x = F.relu(self.conv2(x))
            x = self.pool2(x)
            x = torch.flatten(x, 1)
            x = F.relu(self.fc1(x))
            x = F.relu(self.fc2(x))
            x = self.fc3(x)
            return x
    """
    try:
        lines, before = in_classes(network, _listed, _tied, class_name(network), _DIALECT)
    except Uncut:
        lines, before = _listed(network), []
    functions = _uses_functions(lines[0]) or any("F." in line for line in before)
    imports = ["import torch", *(["import torch.nn.functional as F"] if functions else []), "from torch import nn"]
    return source(network, lines, before, imports, "nn.Module", _DIALECT)


def _listed(network: Network, call: Callable[[Node, list[str], Listing], str] | None = None) -> Lines:
    """A network's lines, the arguments of its function and its result; ``call`` writes a node that calls a piece."""
    listing = Listing.of(network)
    places: list[_Place] = []

    def write(node: Node, taken: list[str]) -> str:
        if call is not None and node.layer.type == "call":
            return call(node, taken, listing)
        place = _Place(network, node, taken, listing)
        places.append(place)
        written = _written(place)
        if place.tied:
            owner = network.by_name[node.shares or ""]
            place.construct(*_tied(network, node, owner, f"self.{place.name}", f"self.{place.owner}"))
        return written

    arguments, results = transcribe(network, listing, write)
    _start(places, listing)
    listing.constructor += [f"{_called(place, weight)}.requires_grad_(False)" for place in places
                            if place.node.shares is None for weight in place.layer.frozen(place.facts)]  # fmt: skip
    return listing, arguments, results


def _uses_functions(listing: Listing) -> bool:
    return any("F." in line for line in (*listing.forward, *listing.constructor, *listing.methods.values()))


def _written(place: _Place) -> str:
    """The expression of a node; its constructor lines go into the listing."""
    name = place.call.name
    if name in _FUNCTIONS:
        return _FUNCTIONS[name].format(*place.taken)
    if name in pytorch_functions.FORMS:
        return pytorch_functions.FORMS[name](place)
    if name in _BY_HAND:
        return _BY_HAND[name](place)
    return f"{place.made(name)}({', '.join(place.taken)})"


def _argument(value: Any) -> str:
    return str(value[0]) if isinstance(value, tuple) and len(value) == 1 else str(value)


def _sided(place: _Place) -> str:
    return f"{place.made(place.call.name.removeprefix('Sided'), without=['sides'])}({place.padded(place.taken[0])})"


def _cropped(place: _Place) -> str:
    cut = tuple(-side for side in flat(place.sides))
    made = place.made(place.call.name.removeprefix("Cropped"), without=["sides"])
    return f"F.pad({made}({place.taken[0]}), {cut})"


def _pooled(place: _Place, kind: str, value: str) -> str:
    """The call of a pooling function, and what PyTorch would leave out of its result."""
    options = {name: value for name, value in place.call.options.items() if name in ("dilation", "ceil_mode")}
    rest = "".join(f", {name}={option(name, each)}" for name, each in options.items())
    # Windows that `ceil_mode` begins in the padding after the input are none.
    made = ", ".join(f":{int(extent)}" for extent in place.facts.output[1:])
    cut = f"[..., {made}]" if place.layer.ceil_mode else ""
    return f"F.{kind}_pool{place.layer.axes}d({value}, {window(*place.call.arguments)}{rest}){cut}"


def _sided_max(place: _Place) -> str:
    return _pooled(place, "max", place.padded(place.taken[0], ', value=float("-inf")'))


def _sided_avg(place: _Place) -> str:
    pooled = _pooled(place, "avg", place.padded(place.taken[0]))
    if place.layer.count_include_pad:
        return pooled
    return f"{pooled} / {_pooled(place, 'avg', place.padded(f'torch.ones_like({place.taken[0]})'))}"


def _parameter(place: _Place) -> str:
    weight = f"self.{place.name}_weight"
    extents = ", ".join(str(int(extent)) for extent in place.facts.output)
    place.construct(*assignment(weight, f"nn.Parameter(torch.empty({extents}))"))
    if "weight" not in place.starts:
        place.construct(f"nn.init.normal_({weight}, std=0.02)")
    return f"{weight}.expand(batch{', -1' * len(place.facts.output)})"


def _constant(place: _Place) -> str:
    extents = ", ".join(str(int(extent)) for extent in place.facts.output)
    device = f"device={next(iter(place.listing.values.values()))}.device"  # the first input's
    made = {0.0: "zeros", 1.0: "ones"}.get(place.layer.value)
    if made is None:
        return f"torch.full((batch, {extents}), {place.layer.value!r}, {device})"
    return f"torch.{made}(batch, {extents}, {device})"


def _reshaped(place: _Place) -> str:
    """Axes that stay are not named, so that the class runs for other lengths of them too."""
    given, made = place.shape, tuple(map(int, place.facts.output))
    value, at = place.taken[0], min(len(given), len(made)) - 1
    if at > 0 and given[:at] == made[:at]:
        if len(made) == at + 1:
            return f"{value}.flatten({at + 1})"
        if len(given) == at + 1:
            return f"{value}.unflatten({at + 1}, {made[at:]})"
    return f"{value}.reshape(-1, {', '.join(map(str, made))})"


_Write = Callable[[_Place], str]

_BY_HAND: Final[dict[str, _Write]] = {
    "Parameter": _parameter,
    "Constant": _constant,
    "RelativePositionBias": scores.pytorch_bias,
    "AttentionMask": scores.pytorch_mask,
    "DropPath": lambda place: f"{place.method('dropped_path')}({place.taken[0]}, {place.layer.p!r}, self.training)",
    **{f"SidedConv{axes}d": _sided for axes in (1, 2, 3)},
    **{f"CroppedConvTranspose{axes}d": _cropped for axes in (1, 2, 3)},
    "SidedMaxPool": _sided_max,
    "SidedAvgPool": _sided_avg,
    **pytorch_historic.FORMS,
    **pytorch_sequences.FORMS,
    "Matmul": lambda place: " @ ".join(place.taken),
    "Add": lambda place: summed(place.taken),
    "Multiply": lambda place: " * ".join(place.taken),
    "Concat": lambda place: f"torch.cat([{', '.join(place.taken)}], dim={place.call.options['dim']})",
    "Reshape": _reshaped,
}
"""How to write the layers that PyTorch does not have, or has in another form, by the class that makes them."""

_OF_OWN: Final = frozenset({"Subsampling", "EuclideanRBF", "Parameter", "RelativePositionBias", "GroupedAttention",
                            "Experts", "LocallyConnected1d", "LocallyConnected2d"})  # fmt: skip
"""Classes whose weights are the model's own: `self.S2_weight`, not `self.S2.weight`."""


def _start(places: Sequence[_Place], listing: Listing) -> None:
    """Lines that start the weights as the spec says, layers of one scheme together."""
    groups: dict[tuple[str, str, tuple[float, ...]], list[str]] = {}
    for place in places:
        if place.over_table and place.node.shares is None:
            listing.constructor += _over_table_starts(place)
            continue
        for weight, how in place.starts.items():
            # PyTorch has no `uniform_fan_in`: it is uniform.
            scheme, numbers = place.starts.plain(weight) if how[0] == "uniform_fan_in" else how
            groups.setdefault((weight, scheme, numbers), []).append(_called(place, weight))
    for (_, scheme, numbers), targets in groups.items():
        if len(targets) == 1:
            listing.constructor.append(_started(targets[0], scheme, numbers))
            continue
        listing.constructor.append("for weight in (")
        listing.constructor += [f"    {target}," for target in targets]
        listing.constructor += ["):", f"    {_started('weight', scheme, numbers)}"]


def _called(place: _Place, weight: str) -> str:
    """A weight in the constructor: `self.S2_weight` where it is the model's own, else `self.C1.weight`."""
    if place.call.name not in _OF_OWN and not (place.call.name == "UntiedConv2d" and weight == "bias"):
        return f"self.{place.name}.{weight}"
    within, dot, name = weight.rpartition(".")
    return f"self.{place.name}_{within.replace('.', '_')}{dot}{name}"


def _tied(network: Network, node: Node, owner: Node, target: str, source: str) -> list[str]:
    """Lines that give a layer the weights of another, from the expression of each."""
    own, theirs = ([each.name for each in network.facts[each.name].weights] for each in (node, owner))
    class_ = construction(node.layer, *network.facts[node.name].inputs, padding=()).name
    if class_ in _OF_OWN or class_ == "TableConv2d":
        parts = dict.fromkeys(name.rpartition(".")[0].replace(".", "_") or name for name in own)
        return [f"{target}_{part} = {source}_{part}" for part in parts]
    apart = [f"{target}_bias = {source}_bias"] if class_ == "UntiedConv2d" else []
    if node.layer == owner.layer:
        return [f"{target} = {source}", *apart]
    # A layer that runs otherwise, as with another stride, has the weights alone.
    return [
        f"{target}.{name} = {source}.{name}" for name in own if name in theirs and (name != "bias" or not apart)
    ] + apart


def _started(target: str, scheme: str, numbers: Sequence[float]) -> str:
    return f"nn.init.{scheme}_({target}{''.join(f', {shown(number)}' for number in numbers)})"


def _over_table_starts(place: _Place) -> list[str]:
    """The kernels of an output map start by its own number of inputs; as PyTorch's convolutions, if nothing is said."""
    window = math.prod(place.layer.kernel_size)
    lines = [f"for kernels in self.{place.name}_weight.data.split([len(row) for row in self.{place.name}_table]):"]
    lines.append("    " + _reaching("kernels", "kernels.numel()", "kernels[None]", place.starts.get("weight")))
    if len(place.facts.weights) > 1:
        lines.append(f"for row, bias in zip(self.{place.name}_table, self.{place.name}_bias.data.split(1)):")
        lines.append("    " + _reaching("bias", f"({window} * len(row))", "bias", place.starts.get("bias")))
    return lines


def _reaching(target: str, fan_in: str, shaped: str, how: tuple[str, tuple[float, ...]] | None) -> str:
    if how is None:
        return f"nn.init.uniform_({target}, -({fan_in} ** -0.5), {fan_in} ** -0.5)"
    scheme, numbers = how
    if scheme == "uniform_fan_in":
        return f"nn.init.uniform_({target}, {shown(-numbers[0])} / {fan_in}, {shown(numbers[0])} / {fan_in})"
    return _started(shaped, scheme, numbers)
