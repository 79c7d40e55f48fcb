"""Weights of attention that Keras, Flax and Equinox have by role, under the names that PyTorch's modules have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

ROLES: Final = ("query", "key", "value", "output")
_LETTERS: Final = ("q", "k", "v", "out")


def joined(names: Iterable[str], kernels: Mapping[str, Any], biases: Mapping[str, Any]) -> dict[str, Any]:
    """The weights of a layer by name; a name is left out where the roles have no array for it.

    Args:
        names: those that the layer has.
        kernels: a matrix for each of `ROLES`, of shape (features made, features read).
        biases: a vector for each that has one.

    >>> import numpy as np
    >>> eye = np.eye(2)
    >>> made = joined(["in_proj_weight", "out_proj.weight"], dict.fromkeys(ROLES, eye), {})
    >>> {name: array.shape for name, array in made.items()}
    {'in_proj_weight': (6, 2), 'out_proj.weight': (2, 2)}
    """
    import numpy as np

    found: dict[str, Any] = {}
    for role, letter in zip(ROLES, _LETTERS, strict=True):
        if role in kernels:
            found[f"{letter}_proj.weight"] = found[f"{letter}_proj_weight"] = kernels[role]
        if role in biases:
            found[f"{letter}_proj.bias"] = biases[role]
    for whole, parts in (("in_proj_weight", kernels), ("in_proj_bias", biases)):
        arrays = [parts[role] for role in ROLES[:3] if role in parts]
        if len(arrays) == 3 and len({each.shape[1:] for each in arrays}) == 1:
            found[whole] = np.concatenate(arrays)
    return {name: found[name] for name in names if name in found}


def of_heads(role: str, kernel: Any) -> Any:
    """A kernel of Keras or Flax, (read, heads, width) or (heads, width, made), as a matrix (made, read).

    >>> import numpy as np
    >>> of_heads("key", np.zeros((6, 2, 4))).shape, of_heads("output", np.zeros((2, 4, 6))).shape
    ((8, 6), (6, 8))
    """
    matrix = kernel.reshape(-1, kernel.shape[-1]) if role == "output" else kernel.reshape(kernel.shape[0], -1)
    return matrix.transpose()
