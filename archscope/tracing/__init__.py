"""Any `torch.nn.Module` as a network.

Importing this package needs no PyTorch; reading a module does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archscope.errors import require_torch
from archscope.network import Network
from archscope.tracing.inputs import Call, Given

if TYPE_CHECKING:
    import torch


def trace(module: torch.nn.Module, *inputs: Sequence[int], name: str | None = None) -> Network:
    """Any `torch.nn.Module` as a network, from the shapes of its inputs.

    It runs once, at inference, on tensors without values where it can, and is left as it was found. What a layer
    type describes becomes that layer; of anything else the shapes and weights are kept, and what cannot be known
    of it is not covered.

    Args:
        module: any module.
        inputs: the shape of each input of its ``forward``, without the batch axis.
        name: what the network is called; the module's class, if left out.

    Raises:
        MissingExtra: PyTorch is not installed.
        UsageError: it does not run on such inputs; says where it stops and why.

    >>> from torch import nn
    >>> network = trace(nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(3456, 10)), (1, 28, 28))
    >>> [(node.name, node.layer.label) for node in network.nodes]
    [('0', 'conv 5×5'), ('0.relu', 'ReLU'), ('2', 'flatten'), ('3', 'linear')]
    """
    require_torch("reading a module")
    from archscope.tracing.following import trace_module

    shapes = [Given(tuple(int(extent) for extent in shape)) for shape in inputs]
    return trace_module(module, Call(tuple(shapes)), name)


__all__ = ["trace"]
