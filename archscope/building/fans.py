"""How many inputs a unit of a weight has, and how far from 0 its values reach by a scheme that specs name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from archscope.errors import UsageError

Plain = tuple[str, tuple[float, ...]]
"""``("normal", (mean, std))``, ``("uniform", (least, largest))`` or ``("constant", (value,))``."""

_PLAIN: Final = {"normal": (0.0, 1.0), "uniform": (0.0, 1.0), "constant": ()}
_CONSTANTS: Final = {"zeros": 0.0, "ones": 1.0}


def fan_in(layer: Any, weight: str, shapes: Mapping[str, Sequence[int]]) -> int:
    """Inputs of one unit of a weight; a bias has those of the matrix it stands beside.

    ``shapes`` are those of all weights of the layer by name. Over a connection table each output map has a number of
    inputs of its own: it is not asked here.

    >>> from archscope.layers import Conv2d, RNNCell
    >>> fan_in(Conv2d(out_channels=8, kernel_size=(3, 3)), "bias", {"weight": (8, 4, 3, 3), "bias": (8,)})
    36
    >>> fan_in(RNNCell(hidden_size=5), "bias_hh", {"weight_ih": (5, 3), "weight_hh": (5, 5), "bias_hh": (5,)})
    5
    """
    if layer.type == "subsampling":
        return math.prod(layer.kernel_size)
    matrix = shapes[_matrix_of(weight, shapes)]
    if layer.type.startswith("conv_transpose"):
        return int(matrix[0]) // int(layer.groups) * math.prod(matrix[2:])
    if layer.type == "mixture_of_experts":
        return int(matrix[-1])
    return max(1, math.prod(matrix[1:]))


def _matrix_of(weight: str, shapes: Mapping[str, Sequence[int]]) -> str:
    """The weight itself, or the one a bias is added beside."""
    if "bias" not in weight:
        return weight
    beside = (weight.removesuffix("_bias"), weight.replace("bias", "weight"))
    return next((name for name in beside if name != weight and name in shapes), weight)


def plain(how: Plain, shape: Sequence[int], inputs: int, name: str) -> Plain:
    """A scheme as what is drawn: a normal or an even distribution, or a constant.

    Args:
        how: the scheme and its numbers.
        shape: extents of the weight, in PyTorch's order: PyTorch's schemes go by the first two.
        inputs: of one unit, as `fan_in` has them.
        name: what the weight is called in an error.

    Raises:
        UsageError: the scheme goes by the extents of a matrix, and this is a vector.

    >>> plain(("kaiming_uniform", ()), (8, 6), 6, "`fc.weight`")
    ('uniform', (-1.0, 1.0))
    >>> plain(("uniform_fan_in", (2.4,)), (8,), 120, "`fc.bias`")
    ('uniform', (-0.02, 0.02))
    """
    scheme, numbers = how
    if scheme in _PLAIN:
        return scheme, numbers or _PLAIN[scheme]
    if scheme in _CONSTANTS:
        return "constant", (_CONSTANTS[scheme],)
    if scheme == "uniform_fan_in":
        return "uniform", (-numbers[0] / inputs, numbers[0] / inputs)
    if len(shape) < 2:
        raise needs_a_matrix(scheme, name)
    window = math.prod(shape[2:])
    came, made = shape[1] * window, shape[0] * window
    among = came + made if scheme.startswith("xavier") else came
    if scheme.endswith("normal"):
        return "normal", (0.0, (2 / among) ** 0.5)
    return "uniform", (-((6 / among) ** 0.5), (6 / among) ** 0.5)


def needs_a_matrix(scheme: str, name: str) -> UsageError:
    """A scheme that goes by the extents of a matrix was said of a vector."""
    return UsageError(f"{name}: `{scheme}` needs a matrix, and this is a vector; use `uniform_fan_in` or a constant")
