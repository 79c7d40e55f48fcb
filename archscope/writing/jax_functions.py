"""Keras's expressions in JAX's words: what Keras has of NumPy is NumPy's there too, and activations are Flax's."""

from __future__ import annotations

import re
from typing import Any, Final

from archscope.writing.keras import ALL_METHODS
from archscope.writing.keras_functions import cannot

_OF_NUMPY: Final = frozenset({
    "abs", "arange", "array", "broadcast_to", "clip", "concatenate", "cos", "einsum", "exp", "expand_dims", "flip",
    "log", "matmul", "max", "maximum", "mean", "min", "minimum", "ones", "pad", "power", "repeat", "reshape",
    "roll", "sin", "split", "sqrt", "square", "squeeze", "stack", "std", "sum", "swapaxes", "take", "tanh", "tile",
    "transpose", "tril", "var", "where", "zeros",
})  # fmt: skip
"""Functions that NumPy has with the same arguments."""

_OTHERS: Final = {
    **{name: f"nnx.{name}" for name in ("relu", "silu", "sigmoid", "relu6", "selu", "hard_sigmoid", "hard_silu",
                                        "leaky_relu", "elu", "gelu", "softmax", "log_softmax", "softplus", "celu",
                                        "log_sigmoid")},
    "softsign": "nnx.soft_sign",
    "logsumexp": "jax.nn.logsumexp",
    "norm": "jnp.linalg.norm",
}  # fmt: skip

METHODS: Final = {
    "subsample": '''
@staticmethod
def subsample(x, weight, bias, size, strides):
    """Sum each window; scale and shift each map by values of its own."""
    summed = nnx.avg_pool(x, size, strides) * (size[0] * size[1])
    return summed * weight + bias
''',
    "waves": '''
@staticmethod
def waves(length, features, base=10000.0):
    """Sines and cosines of the position."""
    angles = jnp.arange(length)[:, None] / base ** (jnp.arange(0, features, 2) / features)
    pairs = jnp.stack((jnp.sin(angles), jnp.cos(angles)), axis=-1)
    return lambda key, shape: jnp.reshape(pairs, shape)
''',
    "within": '''
@staticmethod
def within(low, high):
    """Start each value evenly between two numbers."""
    return lambda key, shape, *_: jax.random.uniform(key, shape, minval=low, maxval=high)
''',
    "around": '''
@staticmethod
def around(mean, std):
    """Start the values normally around a mean."""
    return lambda key, shape, *_: mean + std * jax.random.normal(key, shape)
''',
    "given": '''
@staticmethod
def given(values):
    """Start as these values."""
    return lambda key, shape: jnp.array(values)
''',
    "over_table": '''
@staticmethod
def over_table(x, weight, table, strides, dilation):
    """Convolve over a connection table: each output map sees the input maps of its row."""
    maps, first = [], 0
    for row in table:
        kernel = weight[first : first + len(row)][None]
        seen = jnp.take(x, jnp.array(row), axis=-1)
        order = ("NHWC", "OIHW", "NHWC")
        options = {"rhs_dilation": dilation, "dimension_numbers": order}
        maps.append(jax.lax.conv_general_dilated(seen, kernel, strides, "VALID", **options))
        first += len(row)
    return jnp.concatenate(maps, axis=-1)
''',
}
"""Methods that are written in another way than Keras's."""

_AS_KERAS: Final = frozenset({
    "normalize_maps", "normalize_within", "squash", "attend", "rotate", "slope", "hiding", "rows_of_distances",
})  # fmt: skip
"""Methods that are Keras's in JAX's words."""

_CALL: Final = re.compile(r"\b(?P<module>ops|keras|layers)\.(?P<name>[\w.]+)")


def translated(text: str, place: Any) -> str:
    """Source with Keras's functions as JAX has them.

    Raises:
        UsageError: it has no such function.
    """

    def there(found: re.Match[str]) -> str:
        name = found["name"]
        if found["module"] == "ops" and name in _OF_NUMPY:
            return f"jnp.{name}"
        if found["module"] == "ops" and name in _OTHERS:
            return _OTHERS[name]
        raise cannot(place, f"no function there is what `{name.rpartition('.')[2]}` is")

    return _CALL.sub(there, text)


def method(name: str, place: Any) -> str:
    """A method of a class.

    Raises:
        UsageError: it takes functions that JAX does not have.
    """
    if name in METHODS:
        return METHODS[name]
    if name not in _AS_KERAS:
        raise cannot(place, "archscope has no form of it for JAX yet")
    return translated(ALL_METHODS[name], place)
