"""A network as PyTorch source: one class, without a trace of archscope.

The constructor lines are what PyTorch's own layers say of themselves, with their defaults left out; only the
layers that PyTorch does not have are written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import nn

from archscope.layers import Shape
from archscope.network import Network, Node
from archscope.pytorch import historic, modules, padding
from archscope.pytorch.builders import build_layer
from archscope.pytorch.listing import Listing, assignment, attribute, class_name, doc, laid_out, nests, variables

_OVER_TABLE = '''
@staticmethod
def over_table(x, weight, bias, table, **options):
    """Convolve over a connection table: each output map sees the input maps of its row."""
    kernels = weight.split([len(row) for row in table])
    maps = [F.conv2d(x[:, row], kernel[None], **options) for row, kernel in zip(table, kernels)]
    x = torch.cat(maps, dim=1)
    return x if bias is None else x + bias[:, None, None]
'''

_SUBSAMPLE = '''
@staticmethod
def subsample(x, weight, bias, kernel_size, stride=None):
    """Sum each window; scale and shift each map by values of its own."""
    x = F.avg_pool2d(x, kernel_size, stride, divisor_override=1)
    return x * weight[:, None, None] + bias[:, None, None]
'''

_SQUASH = '''
@staticmethod
def squash(x, amplitude=1.7159, slope=2 / 3):
    """LeCun's scaled tanh."""
    return amplitude * torch.tanh(slope * x)
'''

_FUNCTIONS: Final[dict[type[nn.Module], str]] = {
    nn.ReLU: "F.relu({})", nn.Tanh: "torch.tanh({})", nn.Sigmoid: "torch.sigmoid({})",
    nn.SiLU: "F.silu({})", nn.ReLU6: "F.relu6({})", nn.SELU: "F.selu({})", nn.Hardswish: "F.hardswish({})",
    nn.Hardsigmoid: "F.hardsigmoid({})", nn.Flatten: "torch.flatten({}, 1)", nn.Identity: "{}",
}  # fmt: skip
"""Layers without options or weights, as functions."""

_AMPLITUDE: Final = 1.7159
_SLOPE: Final = 2 / 3

_DEFAULTS: Final = (
    "stride=1", "padding=0", "dilation=1", "ceil_mode=False", "inplace=False", "bias=True", "affine=True",
    "track_running_stats=True", "elementwise_affine=True", "eps=1e-05", "momentum=0.1", "count_include_pad=True",
    "output_padding=0", "groups=1",
)  # fmt: skip


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
    listing, names = Listing(), variables(network)
    inside: dict[str, str] = {}
    for node in network.nodes:
        taken = [inside.pop(ref.node, "") or _read(network, names, ref.node, ref.output) for ref in node.inputs]
        expression = _written(network, node, taken, listing)
        if nests(network, node):
            inside[node.name] = expression
        elif expression != names[node.name]:
            listing.forward += assignment(names[node.name], expression)
    _initialised(network, listing)
    results = ", ".join(_read(network, names, ref.node, ref.output) for ref in network.outputs)
    arguments = ", ".join(names[name] for name in network.inputs)
    return laid_out(
        ["import torch", "import torch.nn.functional as F", "from torch import nn"] if _uses_functions(listing)
        else ["import torch", "from torch import nn"],
        f"class {class_name(network)}(nn.Module):", doc(network), listing,
        f"def forward(self, {arguments}):", results, "def __init__(self):",
    )  # fmt: skip


def _uses_functions(listing: Listing) -> bool:
    return any("F." in line for line in (*listing.forward, *listing.constructor, *listing.methods.values()))


def _read(network: Network, names: Any, name: str, output: int) -> str:
    several = name in network.by_name and len(network.by_name[name].layer.output_names) > 1
    return f"{names[name]}[{output}]" if several else str(names[name])


def _written(network: Network, node: Node, taken: list[str], listing: Listing) -> str:
    """The expression of a node; its constructor lines go into the listing."""
    module = _module(node.layer, tuple(network.shape_of(ref) for ref in node.inputs))
    name = attribute(node.name)
    codes = getattr(node.layer, "codes", None)
    module.bitmaps = None if codes is None else ["".join(code.split()) for code in codes]
    module.made = tuple(int(extent) for extent in network.facts[node.name].output)
    if node.shares is not None and not isinstance(module, tuple(_BY_HAND)):
        return f"self.{attribute(node.shares)}({', '.join(taken)})"
    if node.shares is not None:
        name = attribute(node.shares)
    function = _FUNCTIONS.get(type(module))
    if function:
        return function.format(*taken)
    for kind, write in _BY_HAND.items():
        if type(module) is kind:
            own = listing if node.shares is None else Listing()
            expression = write(module, name, taken, own)
            listing.methods.update(own.methods)
            return expression
    listing.constructor += assignment(f"self.{name}", f"nn.{constructed(module)}")
    return f"self.{name}({', '.join(taken)})"


def _module(layer: Any, shapes: tuple[Shape, ...]) -> Any:
    """The layer as a module on meta, with `same` padding as the sides it comes to for this input."""
    with torch.device("meta"):
        module: Any = build_layer(layer, *shapes)
    if getattr(layer, "padding", None) != "same":
        return module
    stride = layer.steps if layer.family == "pooling" else layer.stride
    dilation = getattr(layer, "dilation", (1,) * len(stride))
    sides = padding.same_sides([int(extent) for extent in shapes[0][1:]], layer.kernel_size, stride, dilation)
    if layer.family == "convolution":
        stated = {name: getattr(layer, name) for name in layer.options}
        with torch.device("meta"):
            return build_layer(type(layer)(**{**stated, "padding": sides}), *shapes)
    module.sides = sides
    return module


def constructed(module: nn.Module) -> str:
    """The call that makes one of PyTorch's layers, without its defaults.

    >>> constructed(nn.Conv2d(1, 6, 5))
    'Conv2d(1, 6, kernel_size=5)'
    """
    text = re.sub(r"\((\d+)((?:, \1)+)\)", r"\1", repr(module).split("\n")[0])
    if isinstance(module, (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)):
        text = f"{text[:-1]}, ceil_mode={module.ceil_mode}, count_include_pad={module.count_include_pad})"
    text = re.sub(r"in_features=(\d+), out_features=", r"\1, ", text)
    for default in _DEFAULTS:
        text = re.sub(rf",? ?(?<![a-z_]){re.escape(default)}(?=[,)])", "", text)
    return re.sub(r"\(, ", "(", text)


def _uniform(tensor: str, bound: float) -> str:
    return f"nn.Parameter({tensor}.uniform_(-{bound:.6g}, {bound:.6g}))"


def _subsampling(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    maps, window = module.weight.shape[0], module.kernel_size[0] * module.kernel_size[1]
    listing.constructor += [
        f"self.{name}_weight = nn.Parameter(torch.full(({maps},), 1 / {window}))",
        f"self.{name}_bias = nn.Parameter(torch.zeros({maps}))",
    ]
    listing.methods["subsample"] = _SUBSAMPLE
    return f"self.subsample({taken[0]}, self.{name}_weight, self.{name}_bias, {_window(module)})"


def _table_conv(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    pairs, *kernel = module.weight.shape
    longest = max(len(row) for row in module.table)
    bound = (kernel[0] * kernel[1] * longest) ** -0.5
    listing.constructor += [f"self.{name}_table = [", *(f"    {list(row)}," for row in module.table), "]"]
    weight = _uniform(f"torch.empty({pairs}, {kernel[0]}, {kernel[1]})", bound)
    listing.constructor.append(f"self.{name}_weight = {weight}")
    if module.bias is not None:
        listing.constructor.append(f"self.{name}_bias = nn.Parameter(torch.zeros({module.out_channels}))")
    listing.methods["over_table"] = _OVER_TABLE
    options = "".join(
        f", {option}={value}" for option, value in (("stride", module.stride), ("dilation", module.dilation))
        if set(value) != {1}
    )  # fmt: skip
    padded = _padded(taken[0], module, 0.0)
    bias = f"self.{name}_bias" if module.bias is not None else "None"
    return f"self.over_table({padded}, self.{name}_weight, {bias}, self.{name}_table{options})"


def _rbf(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    units, lines = module.weight.shape
    bitmaps = module.bitmaps
    codes = f"torch.randint(0, 2, ({units}, {lines})) * 2.0 - 1.0"
    if bitmaps is not None:
        listing.constructor += ["codes = [", *(f'    "{bitmap}",' for bitmap in bitmaps), "]"]
        listing.constructor.append('values = [[1.0 if mark == "#" else -1.0 for mark in code] for code in codes]')
        codes = "torch.tensor(values)"
    if isinstance(module.weight, nn.Parameter):
        listing.constructor.append(f"self.{name}_weight = nn.Parameter({codes})")
    else:
        listing.constructor.append(f'self.register_buffer("{name}_weight", {codes})')
    return f"({taken[0]}.unsqueeze(-2) - self.{name}_weight).square().sum(-1)"


def _scaled_tanh(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    listing.methods["squash"] = _SQUASH
    usual = module.amplitude == _AMPLITUDE and abs(module.slope - _SLOPE) < 1e-12
    rest = "" if usual else f", amplitude={module.amplitude!r}, slope={module.slope!r}"
    return f"self.squash({taken[0]}{rest})"


def _padded(value: str, module: Any, fill: float) -> str:
    sides = getattr(module, "sides", None) or module.padding
    if not any(map(any, sides)):
        return value
    rest = "" if not fill else ', value=float("-inf")'
    return f"F.pad({value}, {tuple(padding.flat(sides))}{rest})"


def _sided(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    text = re.sub(r", sides=.*\)$", ")", repr(module)).removeprefix("Sided")
    text = re.sub(r"\((\d+)((?:, \1)+)\)", r"\1", text)
    text = re.sub(r", (stride=1|padding=0|dilation=1|groups=1|bias=True)(?=[,)])", "", text)
    listing.constructor += assignment(f"self.{name}", f"nn.{text}")
    return f"self.{name}({_padded(taken[0], module, 0.0)})"


def _cropped(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    text = re.sub(r", sides=.*\)$", ")", repr(module)).removeprefix("Cropped")
    listing.constructor += assignment(f"self.{name}", f"nn.{text}")
    cut = tuple(-side for side in padding.flat(module.sides))
    return f"F.pad(self.{name}({taken[0]}), {cut})"


def _window(module: Any) -> str:
    """Kernel and stride as arguments, the stride only where it is not the kernel."""
    kernel, stride = _short(module.kernel_size), _short(module.stride)
    return kernel if kernel == stride else f"{kernel}, {stride}"


def _short(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(set(values)) == 1 else str(tuple(values))


def _cut(module: Any) -> str:
    """Windows that `ceil_mode` begins in the padding after the input are none."""
    return f"[..., {', '.join(f':{extent}' for extent in module.made[1:])}]" if module.ceil_mode else ""


def _sided_max(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    rest = "" if set(module.dilation) == {1} else f", dilation={_short(module.dilation)}"
    rest += ", ceil_mode=True" if module.ceil_mode else ""
    pooled = f"F.max_pool{len(module.kernel_size)}d({_padded(taken[0], module, 1.0)}, {_window(module)}{rest})"
    return pooled + _cut(module)


def _sided_avg(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    rest = ", ceil_mode=True" if module.ceil_mode else ""
    pooled = f"F.avg_pool{len(module.kernel_size)}d({{}}, {_window(module)}{rest})" + _cut(module)
    padded = pooled.format(_padded(taken[0], module, 0.0))
    if module.count_include_pad:
        return padded
    return f"{padded} / {pooled.format(_padded(f'torch.ones_like({taken[0]})', module, 0.0))}"


def _attention(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    widths = "" if module._qkv_same_embed_dim else f", kdim={module.kdim}, vdim={module.vdim}"
    bias = "" if module.in_proj_bias is not None else ", bias=False"
    listing.constructor += assignment(
        f"self.{name}",
        f"nn.MultiheadAttention({module.embed_dim}, {module.num_heads}{bias}{widths}, batch_first=True)",
    )
    query, key, value = taken[0], taken[min(1, len(taken) - 1)], taken[-1]
    return f"self.{name}({query}, {key}, {value}, need_weights=False)[0]"


def _recurrent(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    listing.constructor += assignment(f"self.{name}", f"nn.{constructed(module)}")
    method = "states_of_lstm" if isinstance(module, nn.LSTM) else "states_of_gru"
    listing.methods[method] = _STATES[method]
    return f"self.{method}(*self.{name}({taken[0]}))"


def _add(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    return " + ".join(taken)


def _multiply(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    return " * ".join(taken)


def _concat(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    return f"torch.cat([{', '.join(taken)}], dim={module.dim})"


def _reshape(module: Any, name: str, taken: list[str], listing: Listing) -> str:
    return f"{taken[0]}.reshape(-1, {', '.join(map(str, module.made))})"


_STATES: Final = {
    "states_of_lstm": '''
@staticmethod
def states_of_lstm(output, states):
    """Every state, the last states and the last cells, batch first."""
    return output, states[0].transpose(0, 1), states[1].transpose(0, 1)
''',
    "states_of_gru": '''
@staticmethod
def states_of_gru(output, states):
    """Every state and the last states, batch first."""
    return output, states.transpose(0, 1)
''',
}

_Write = Callable[[Any, str, list[str], Listing], str]

_BY_HAND: Final[dict[type[nn.Module], _Write]] = {
    historic.Subsampling: _subsampling,
    historic.TableConv2d: _table_conv,
    historic.EuclideanRBF: _rbf,
    historic.ScaledTanh: _scaled_tanh,
    padding.SidedConv1d: _sided,
    padding.SidedConv2d: _sided,
    padding.SidedConv3d: _sided,
    padding.CroppedConvTranspose1d: _cropped,
    padding.CroppedConvTranspose2d: _cropped,
    padding.CroppedConvTranspose3d: _cropped,
    padding.SidedMaxPool: _sided_max,
    padding.SidedAvgPool: _sided_avg,
    modules.Attention: _attention,
    modules.LSTM: _recurrent,
    modules.GRU: _recurrent,
    modules.Add: _add,
    modules.Multiply: _multiply,
    modules.Concat: _concat,
    modules.Reshape: _reshape,
}  # fmt: skip
"""How to write the layers that PyTorch does not have, by the class that builds them."""


def _initialised(network: Network, listing: Listing) -> None:
    """Lines that start the weights as the spec says, layers of one scheme together."""
    groups: dict[tuple[str, str, tuple[float, ...]], list[str]] = {}
    held = "\n".join(listing.constructor)
    for node in network.nodes:
        name = attribute(node.name)
        for weight, (scheme, numbers) in node.init:
            flat = f"self.{name}_{weight} = nn.Parameter"
            target = f"self.{name}_{weight}" if flat in held else f"self.{name}.{weight}"
            known = {each.name for each in network.facts[node.name].weights if each.trainable}
            if weight not in known or node.shares is not None or (scheme == "uniform_fan_in" and flat in held):
                continue
            if scheme == "uniform_fan_in":
                lines = next(each.shape for each in network.facts[node.name].weights if each.name == "weight")
                fan_in = 1
                for extent in lines[1:]:
                    fan_in *= int(extent)
                scheme, numbers = "uniform", (-numbers[0] / fan_in, numbers[0] / fan_in)
            groups.setdefault((weight, scheme, numbers), []).append(target)
    for (_, scheme, numbers), targets in groups.items():
        values = "".join(f", {number:.6g}" for number in numbers)
        if len(targets) == 1:
            listing.constructor.append(f"nn.init.{scheme}_({targets[0]}{values})")
            continue
        listing.constructor.append("for weight in (")
        listing.constructor += [f"    {target}," for target in targets]
        listing.constructor += ["):", f"    nn.init.{scheme}_(weight{values})"]
