"""Where the tensors of a running module come from: which node made each, or which weights it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from archscope.network import Ref


class Values:
    """Tensors by identity; each is kept alive, so that no other is given its address."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self._refs: dict[int, Ref] = {}
        self._weights: dict[int, frozenset[str]] = {}
        self._kept: list[Tensor] = []
        for name, tensor in weights.items():
            self._weights.setdefault(id(tensor), frozenset([name]))

    def made(self, tensor: Tensor, ref: Ref) -> None:
        """A node made it; or changed it in place, and is what is read from now on."""
        self._kept.append(tensor)
        self._refs[id(tensor)] = ref

    def came_of(self, tensor: Tensor, weights: frozenset[str]) -> None:
        """It was made of weights alone."""
        self._kept.append(tensor)
        self._weights[id(tensor)] = weights

    def ref(self, tensor: Any) -> Ref | None:
        """The node that made a tensor, if the input reaches it."""
        return self._refs.get(id(tensor))

    def weights(self, tensor: Any) -> frozenset[str]:
        """The weights that a tensor is, or was made of."""
        return self._weights.get(id(tensor), frozenset())
