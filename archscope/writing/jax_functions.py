"""Keras's expressions in JAX's words: what Keras has of NumPy is NumPy's there too, and activations are Flax's."""

from __future__ import annotations

import re
from typing import Any, Final

from archscope.writing import scores
from archscope.writing.keras import ALL_METHODS
from archscope.writing.keras_functions import cannot

_OF_NUMPY: Final = frozenset({
    "abs", "arange", "array", "broadcast_to", "clip", "concatenate", "cos", "einsum", "exp", "expand_dims", "flip",
    "log", "matmul", "max", "maximum", "mean", "min", "minimum", "ones", "pad", "power", "repeat", "reshape",
    "roll", "sin", "split", "sqrt", "square", "squeeze", "stack", "std", "sum", "swapaxes", "take", "tanh", "tile",
    "transpose", "tril", "var", "where", "zeros", "equal", "shape", "zeros_like",
})  # fmt: skip
"""Functions that NumPy has with the same arguments."""

_OTHERS: Final = {
    **{name: f"nnx.{name}" for name in ("relu", "silu", "sigmoid", "relu6", "selu", "hard_sigmoid", "hard_silu",
                                        "leaky_relu", "elu", "gelu", "softmax", "log_softmax", "softplus", "celu",
                                        "log_sigmoid")},
    "softsign": "nnx.soft_sign",
    "logsumexp": "jax.nn.logsumexp",
    "norm": "jnp.linalg.norm",
    "top_k": "jax.lax.top_k",
}  # fmt: skip

METHODS: Final = {
    **scores.JAX,
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
    "columns_of": '''
@staticmethod
def columns_of(x, size, strides=(1, 1), dilation=(1, 1)):
    """Each window as a row of its values, map by map."""
    options = {"rhs_dilation": dilation, "dimension_numbers": ("NHWC", "HWIO", "NHWC")}
    found = jax.lax.conv_general_dilated_patches(x, size, strides, "VALID", **options)
    return jnp.reshape(found, (x.shape[0], -1, found.shape[-1]))
''',
    "laid_over": '''
@staticmethod
def laid_over(x, cut, shape):
    """Rows of values as the windows that are cut out of maps, added up where they lie over one another."""
    _, back = jax.vjp(cut, jnp.zeros((x.shape[0], *shape)))
    return back(x)[0]
''',
    "recur": '''
@staticmethod
def recur(x, steps, first=(), sizes=(), directions=1, dropped=None):
    """Every state of the last layer, and every layer's last, positions behind features."""
    first = [*first, *(jnp.zeros((x.shape[0], size, len(steps)), x.dtype) for size in sizes)]
    x, last = jnp.transpose(x, (2, 0, 1)), []
    for depth in range(0, len(steps), directions):
        sides = []
        for side in range(directions):

            def run(states, now, step=steps[depth + side]):
                states = step(now, states)
                return states, states[0]

            states = tuple(each[..., depth + side] for each in first)
            states, made = jax.lax.scan(run, states, x, reverse=side == 1)
            sides.append(made)
            last.append(states)
        x = jnp.concatenate(sides, axis=-1)
        if dropped is not None and depth + directions < len(steps):
            x = dropped(x)
    return [jnp.transpose(x, (1, 2, 0)), *(jnp.stack(each, axis=-1) for each in zip(*last))]
''',
    "resized": '''
@staticmethod
def resized(x, made):
    """Maps of another size, each value between its neighbours."""
    return jax.image.resize(x, (x.shape[0], *made, x.shape[-1]), "linear", antialias=False)
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
    """A method of a class: Keras's in JAX's words, where it is not written in another way."""
    return METHODS[name] if name in METHODS else translated(ALL_METHODS[name], place)
