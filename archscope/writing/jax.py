"""A network as Flax NNX source: a class for each block, channels last as Flax has it, without a trace of archscope.

What Keras has of NumPy stands there as it does in Keras's source; layers with weights are Flax's own. Writing it needs
no JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from archscope.building.constructions import no_layer
from archscope.errors import UsageError
from archscope.layers.base import spell_shape
from archscope.network import Network, Node
from archscope.writing import keras, keras_pooling, keras_sequences, keras_windows, scores
from archscope.writing.blocks import Dialect, in_classes
from archscope.writing.classes import Arguments
from archscope.writing.jax_functions import method, translated
from archscope.writing.jax_layers import LAYERS
from archscope.writing.keras_axes import AXES, channels_first, channels_last
from archscope.writing.keras_functions import FUNCTIONS, cannot, function
from archscope.writing.listing import Listing, Place, assignment, class_name, doc, laid_out, transcribe
from archscope.writing.pieces import Uncut

_STARTS: Final = {
    "normal": "nnx.initializers.normal({1})",
    "uniform": "self.within({0}, {1})",
    "constant": "nnx.initializers.constant({0})",
    "xavier_uniform": "nnx.initializers.xavier_uniform()",
    "xavier_normal": "nnx.initializers.xavier_normal()",
    "kaiming_uniform": "nnx.initializers.he_uniform()",
    "kaiming_normal": "nnx.initializers.he_normal()",
    "zeros": "nnx.initializers.zeros_init()",
    "ones": "nnx.initializers.ones_init()",
}


class _Place(Place):
    """One node before a writer.

    Attributes:
        framework: what it is written in.
    """

    framework = "Flax"

    def construct(self, *lines: str) -> None:
        """Have lines in the constructor, unless another node's layer is run again."""
        super().construct(*(translated(each, self) for each in lines))

    def made(self, layer: str) -> str:
        """Make a layer of Flax's and call it; ``layer`` is its class and arguments."""
        if self.tied:
            raise cannot(self, f"a layer there does not take the weights of `{self.node.shares}`, which runs otherwise")
        call = f"nnx.{layer.removesuffix(')')}, rngs=rngs)"
        self.construct(*assignment(f"self.{self.name}", call))
        return f"self.{self.name}({', '.join(self.taken)})"

    def weight(self, name: str, shape: Sequence[int], initializer: str, trainable: bool = True) -> str:
        """Make a weight of the model's own, unless it is another layer's, and name it."""
        if name in self.tied:
            return f"self.{self.owner}_{name}[...]"
        full = f"{self.name}_{name}"
        extents = f"({', '.join(str(int(extent)) for extent in shape)}{',' if len(shape) == 1 else ''})"
        kind = "Param" if trainable else "Variable"
        self.construct(
            *assignment(f"self.{full}", f"nnx.{kind}({self.start_of(initializer)}(rngs.params(), {extents}))")
        )
        return f"self.{full}[...]"

    def method(self, name: str) -> str:
        """Have a method of the class, and name it."""
        self.listing.methods[name] = method(name, self)
        return f"self.{name}"

    @property
    def initializers(self) -> str:
        """Arguments that start the weights of a layer as the spec says."""
        return "".join(
            f", {'kernel' if weight == 'weight' else weight}_init={self.start(*how)}"
            for weight, how in self.starts.items()
            if weight != "bias" or not getattr(self.layer, "untie_biases", False)
        )

    def started(self, weight: str, otherwise: str) -> str:
        """How a weight of the model's own starts: as the spec says, or else otherwise."""
        return self.start(*self.starts[weight]) if weight in self.starts else otherwise

    def start(self, scheme: str, numbers: Sequence[float | str]) -> str:
        """How a weight starts, as an expression."""
        if scheme == "normal" and float(numbers[0]):
            raise self.cannot("weights there start around 0, where they are normal")
        if scheme == "uniform":
            self.method("within")
        shown = (each if isinstance(each, str) else f"{each:.6g}" for each in numbers)
        return _STARTS[scheme].format(*shown)

    def start_of(self, text: str) -> str:
        """Keras's word for how a weight starts as Flax's."""
        if text in ('"zeros"', '"ones"'):
            return f"nnx.initializers.{text[1:-1]}_init()"
        for name, scheme in (("RandomNormal", "normal"), ("RandomUniform", "uniform"), ("Constant", "constant")):
            head = f"keras.initializers.{name}("
            if text.startswith(head):
                numbers = text.removeprefix(head)[:-1]
                return self.start(scheme, [numbers] if scheme == "constant" else numbers.split(", "))
        return text

    def cannot(self, why: str) -> UsageError:
        """The layer cannot be written."""
        return cannot(self, why)


_DIALECT: Final = Dialect(
    base="nnx.Module",
    runs="__call__",
    names=frozenset({"jax", "jnp", "nnx"}),
    arguments=Arguments(
        prefix="nnx.",
        positions={
            "Conv": ("in_features", "out_features", "kernel_size"),
            "Linear": ("in_features", "out_features"),
            "Embed": ("num_embeddings", "features"),
            "BatchNorm": ("num_features",),
            "LayerNorm": ("num_features",),
            "RMSNorm": ("num_features",),
            "GroupNorm": ("num_features",),
            "InstanceNorm": ("num_features",),
            "Dropout": ("rate",),
            "MultiHeadAttention": ("num_heads", "in_features"),
        },
        filled={
            "Conv": {
                "strides": "1",
                "padding": '"VALID"',
                "kernel_dilation": "1",
                "feature_group_count": "1",
                "use_bias": "True",
            }
        },
    ),
    row="nnx.List",
    given="rngs",
)


def write_jax(network: Network) -> str:
    """The source of a Flax NNX module.

    Raises:
        UsageError: Flax has no such layer; names it.

    >>> import archscope
    >>> print(write_jax(archscope.load("lenet5-keras")).split("def __call__")[1])
    (self, x):
            x = jnp.tanh(self.conv1(x))
            x = nnx.avg_pool(x, (2, 2), (2, 2))
            x = jnp.tanh(self.conv2(x))
            x = nnx.avg_pool(x, (2, 2), (2, 2))
            x = jnp.reshape(jnp.transpose(x, (0, 3, 1, 2)), (-1, 400))
            x = jnp.tanh(self.fc1(x))
            x = jnp.tanh(self.fc2(x))
            x = nnx.softmax(self.fc3(x))
            return x
    """
    # What cannot be written is named as the network names it, and not as a block does: so once as a whole.
    (listing, arguments, results), before = _listed(network), list[str]()
    with suppress(Uncut):
        (listing, arguments, results), before = in_classes(network, _listed, None, class_name(network), _DIALECT)
    shapes = "; ".join(spell_shape(keras.last(shape)) for shape in network.inputs.values())
    text = "\n".join((*listing.constructor, *listing.forward, *listing.methods.values(), *before))
    imports = [f"# Takes batches of {shapes}, channels last; make it with rngs=nnx.Rngs(0).",
               *(["import jax"] if "jax." in text else []), *(["import jax.numpy as jnp"] if "jnp." in text else []),
               "from flax import nnx"]  # fmt: skip
    return laid_out(
        [*imports, *(["", "", *before[:-2]] if before else [])],
        f"class {class_name(network)}(nnx.Module):", doc(network), listing,
        f"def __call__(self, {arguments}):", results, "def __init__(self, rngs):",
    )  # fmt: skip


def _listed(
    network: Network, call: Callable[[Node, list[str], Listing], str] | None = None
) -> tuple[Listing, str, str]:
    """A network's lines, the arguments of its function and its result; ``call`` writes a node that calls a piece."""
    listing = Listing.of(network)

    def write(node: Node, taken: list[str]) -> str:
        if call is not None and node.layer.type == "call":
            return call(node, taken, listing)
        place = _Place(network, node, taken, listing)
        if node.layer.type not in FORMS:
            raise no_layer(node.layer) if node.layer.type not in keras.FORMS else cannot(place, _NOT_YET)
        return translated(FORMS[node.layer.type](place), place)

    arguments, results = transcribe(network, listing, write)
    return listing, arguments, results


_NOT_YET: Final = "archscope has no form of it for JAX yet"


def _subsampling(place: _Place) -> str:
    return keras.FORMS["subsampling"](place)  # type: ignore[arg-type]


def _parameter(place: _Place) -> str:
    (weight,) = place.facts.weights
    value = place.weight("weight", weight.shape, place.started("weight", "keras.initializers.RandomNormal(0, 0.02)"))
    made = channels_last(f"{value}[None]", len(weight.shape))
    extents = ", ".join(str(extent) for extent in keras.last(place.facts.output))
    return f"jnp.broadcast_to({made}, (batch, {extents}))"


def _table_conv(place: Any) -> str:
    layer = place.layer
    sides, _ = keras_pooling.sides_of(place, layer.stride, layer.dilation)
    weight, *bias = place.facts.weights
    place.construct(f"self.{place.name}_table = (", *(f"    {tuple(row)}," for row in layer.connection_table), ")")
    reach = "[[[(" + str(place.layer.kernel_size[0] * place.layer.kernel_size[1]) + " * len(row)) ** -0.5]]"
    place.construct(f"reach = jnp.array({reach} for row in self.{place.name}_table for _ in row])")
    kernels = place.weight("weight", weight.shape, f"{place.method('within')}(-reach, reach)")
    value = keras_pooling.around(place.taken[0], sides)
    table = f"self.{place.name}_table"
    steps = f"{tuple(layer.stride)}, {tuple(layer.dilation)}"
    run = f"{place.method('over_table')}({value}, {kernels}, {table}, {steps})"
    if not bias:
        return run
    shift = place.weight("bias", bias[0].shape, place.started("bias", '"zeros"'))
    return f"{run} + {shift if len(bias[0].shape) == 1 else f'jnp.transpose({shift}, (1, 2, 0))'}"


def _rbf(place: Any) -> str:
    (weight,) = place.facts.weights
    held = '"ones"'
    if place.layer.codes is not None:
        rows = (f'    "{"".join(code.split())}",' for code in place.layer.codes)
        place.construct("codes = (", *rows, ")")
        place.construct('values = [[1.0 if mark == "#" else -1.0 for mark in code] for code in codes]')
        held = f"{place.method('given')}(values)"
    codes = place.weight("weight", weight.shape, held, weight.trainable)
    return f"jnp.sum(jnp.square(jnp.expand_dims({place.taken[0]}, -2) - {codes}), axis=-1)"


def _waves(place: Any) -> str:
    (table,) = place.facts.weights
    length, features = (int(each) for each in table.shape)
    base = f", {place.layer.base!r}" if "base" in place.layer.stated() else ""
    start = f"{place.method('waves')}({length}, {features}{base})"
    held = place.weight(table.name, table.shape, start, trainable=False)
    cut = "" if length == place.shape[0] else f"[:{place.shape[0]}]"
    return channels_last(f"({channels_first(place.taken[0], 2)} + {held}{cut})", 2)


def _conv(place: Any) -> str:
    if getattr(place.layer, "connection_table", None) is not None:
        return _table_conv(place)
    return LAYERS["conv"](place)


FORMS: Final[dict[str, Callable[[Any], str]]] = {
    **FUNCTIONS,
    **AXES,
    "matmul": keras_sequences.SEQUENCES["matmul"],
    "scaled_dot_product_attention": keras_sequences.SEQUENCES["scaled_dot_product_attention"],
    "rotary": keras_sequences.SEQUENCES["rotary"],
    **{name: keras_windows.WINDOWS[name] for name in ("upsample", "prelu", "bilinear", "reflection_pad3d",
                                                      *(f"replication_pad{n}d" for n in (1, 2, 3)))},
    **{f"zero_pad{n}d": keras_pooling.POOLING[f"zero_pad{n}d"] for n in (1, 2, 3)},
    **LAYERS,
    **{f"conv{axes}d": _conv for axes in (1, 2, 3)},
    **{name: keras.FORMS[name] for name in ("lrn", "flatten", "concat", "scaled_tanh")},
    "mish": function("jax.nn.mish({})"),
    "subsampling": _subsampling,
    "rbf": _rbf,
    "sinusoidal_positions": _waves,
    "parameter": _parameter,
    "attention_mask": scores.keras_mask,
    "relative_position_bias": scores.keras_bias,
}  # fmt: skip
"""How to write each layer type."""
del FORMS["conv"]

__all__ = ["FORMS", "channels_first", "write_jax"]
