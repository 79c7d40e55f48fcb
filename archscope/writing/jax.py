"""A network as Flax NNX source: a class for each block, channels last as Flax has it, without a trace of archscope.

What Keras has of NumPy stands there as it does in Keras's source; layers with weights are Flax's own. Writing it needs
no JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from archscope.building.constructions import no_layer
from archscope.network import Network, Node
from archscope.patience import without_collector
from archscope.writing import keras_pooling, keras_recurrent, keras_sequences, keras_windows, scores
from archscope.writing.blocks import Dialect, Lines, source
from archscope.writing.channels_last import SHARED, ChannelsLast, batches, in_classes_or_whole, listed
from archscope.writing.classes import Arguments
from archscope.writing.jax_functions import method, translated
from archscope.writing.jax_layers import LAYERS
from archscope.writing.keras_axes import AXES
from archscope.writing.keras_functions import FUNCTIONS, function
from archscope.writing.listing import Listing
from archscope.writing.starting import shown

_STARTS: Final = {
    "normal": "nnx.initializers.normal({1})",
    "uniform": "self.within({0}, {1})",
    "constant": "nnx.initializers.constant({0})",
    "xavier_uniform": "nnx.initializers.xavier_uniform()",
    "xavier_normal": 'nnx.initializers.variance_scaling(1.0, "fan_avg", "normal")',
    "kaiming_uniform": "nnx.initializers.he_uniform()",
    "kaiming_normal": 'nnx.initializers.variance_scaling(2.0, "fan_in", "normal")',
    "zeros": "nnx.initializers.zeros_init()",
    "ones": "nnx.initializers.ones_init()",
}


class _Place(ChannelsLast):
    """One node before a writer."""

    framework = "Flax"
    initializer = "init"
    value = "[...]"
    rows = tuple

    def construct(self, *lines: str) -> None:
        """Have lines in the constructor, unless another node's layer is run again."""
        super().construct(*(translated(each, self) for each in lines))

    def layer_of(self, layer: str) -> str:
        return f"nnx.{layer.removesuffix(')')}, rngs=rngs)"

    def dense_of(self, into: int, made: int, rest: str) -> str:
        return self.layer_of(f"Linear({into}, {made}{rest})")

    def own_weight(self, name: str, extents: str, initializer: str, trainable: bool) -> str:  # noqa: ARG002 - Keras's
        kind = "Param" if trainable else "Variable"
        return f"nnx.{kind}({self.start_of(initializer)}(rngs.params(), {extents}))"

    def method(self, name: str) -> str:
        self.listing.methods[name] = method(name, self)
        return f"self.{name}"

    def start(self, scheme: str, numbers: Sequence[float | str]) -> str:
        given = [each if isinstance(each, str) else shown(each) for each in numbers]
        if scheme == "normal" and float(given[0]):
            return f"{self.method('around')}({', '.join(given)})"
        if scheme == "uniform":
            self.method("within")
        return _STARTS[scheme].format(*given)

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

    def start_within(self, reach: str) -> str:
        self.construct(f"reach = jnp.array([[[{reach}]] for row in self.{self.name}_table for _ in row])")
        return f"{self.method('within')}(-reach, reach)"

    def window(self, values: Sequence[int]) -> str:
        return str(tuple(values))


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


@without_collector()
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
    lines, before = in_classes_or_whole(network, _listed, _DIALECT)
    listing = lines[0]
    text = "\n".join((*listing.constructor, *listing.forward, *listing.methods.values(), *before))
    imports = [f"# Takes {batches(network)}; make it with rngs=nnx.Rngs(0).",
               *(["import jax"] if "jax." in text else []), *(["import jax.numpy as jnp"] if "jnp." in text else []),
               "from flax import nnx"]  # fmt: skip
    return source(network, lines, before, imports, "nnx.Module", _DIALECT)


def _listed(network: Network, call: Callable[[Node, list[str], Listing], str] | None = None) -> Lines:
    def write(node: Node, taken: list[str], listing: Listing) -> str:
        if node.layer.type not in FORMS:
            raise no_layer(node.layer)
        place = _Place(network, node, taken, listing)
        return translated(place.written(FORMS[node.layer.type](place)), place)

    return listed(network, call, write)


FORMS: Final[dict[str, Callable[[Any], str]]] = {
    **FUNCTIONS,
    **AXES,
    **{name: keras_sequences.SEQUENCES[name] for name in ("matmul", "scaled_dot_product_attention", "rotary",
                                                          "sinusoidal_positions", "mixture_of_experts")},
    **keras_recurrent.RECURRENT,
    **{name: keras_windows.WINDOWS[name] for name in ("prelu", "bilinear", "reflection_pad3d",
                                                      *(f"replication_pad{n}d" for n in (1, 2, 3)),
                                                      *(f"locally_connected{n}d" for n in (1, 2)))},
    **{f"zero_pad{n}d": keras_pooling.POOLING[f"zero_pad{n}d"] for n in (1, 2, 3)},
    **SHARED,
    **LAYERS,
    "mish": function("jax.nn.mish({})"),
    "attention_mask": scores.jax_mask,
    "relative_position_bias": scores.keras_bias,
}  # fmt: skip
"""How to write each layer type."""
