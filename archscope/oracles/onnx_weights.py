"""Weights of an ONNX file as PyTorch's modules hold them: matrices turned, gates of recurrence in PyTorch's order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from archscope.importing.onnx.attention import THIRDS
from archscope.network import Network
from archscope.observed import Source

_GATES: Final = {"lstm": (0, 2, 3, 1), "gru": (1, 0, 2), "rnn": (0,)}
"""Where each of PyTorch's gates is in ONNX: input, output, forget and cell there; update, reset and new there."""


def laid(network: Network, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The weights by node and name, as far as the file holds them as they are.

    Args:
        network: as it was read from the file.
        stored: the file's arrays by name.
    """
    sources: Mapping[tuple[str, str], Source] = {} if network.observed is None else network.observed.sources
    found: dict[str, Any] = {}
    for node in network.nodes:
        for weight in network.facts[node.name].weights:
            source = sources.get((node.name, weight.name))
            array = None if source is None else _array(node.layer.type, source, stored)
            if array is not None and array.size == math.prod(map(int, weight.shape)):
                found[f"{node.name}.{weight.name}"] = array.reshape(tuple(map(int, weight.shape)))
    return found


def _array(type_: str, source: Source, stored: Mapping[str, Any]) -> Any:
    """The values of one weight; None where the file makes it of others."""
    if source.name in stored:
        return stored[source.name].T if source.turned else stored[source.name]
    tensor, _, part = source.name.rpartition(".")
    if part in THIRDS and tensor in stored:
        whole = stored[tensor].T if source.turned else stored[tensor]
        return whole.reshape(3, -1, *whole.shape[1:])[THIRDS.index(part)]
    if type_ not in _GATES or tensor not in stored:
        return None
    one = stored[tensor][1 if part.endswith("_reverse") else 0]
    gates = _GATES[type_]
    if part.startswith("bias"):  # those of both products, one behind the other
        one = one.reshape(2, -1)[0 if part.startswith("bias_ih") else 1]
    parts = one.reshape(len(gates), -1, *one.shape[1:])
    return parts[list(gates)].reshape(one.shape)
