"""Any `torch.nn.Module` as a network.

Importing this package needs no PyTorch; reading a module does.
"""

from __future__ import annotations

from typing import Any

from archscope.errors import require_torch
from archscope.network import Network


def trace(module: Any, /, *args: Any, name: str | None = None, **kwargs: Any) -> Network:
    """Any `torch.nn.Module` as a network, from what it is called with.

    It runs once, at inference, on tensors without values where it can, and is left as it was found. What a layer
    type describes becomes that layer; of anything else the shapes and weights are kept, and what cannot be known
    of it is not covered.

    Args:
        module: any module; out of `DataParallel`, ``torch.compile`` or an exported program comes what they hold.
        args: what it is called with: tensors and arrays as they are, with their batch; a tuple of whole numbers is
            the shape of an input without the batch axis. They may lie in lists, dicts and dataclasses, and anything
            else is handed on. An exported program needs none.
        name: what the network is called; the module's class, if left out.
        kwargs: what it is called with by name.

    Raises:
        MissingExtra: PyTorch is not installed.
        UsageError: it takes other inputs, or does not run on these; says where it stops, why, and what to write.

    >>> from torch import nn
    >>> network = trace(nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(3456, 10)), (1, 28, 28))
    >>> [(node.name, node.layer.label) for node in network.nodes]
    [('0', 'conv 5×5'), ('0.relu', 'ReLU'), ('2', 'flatten'), ('3', 'linear')]
    """
    require_torch("reading a module")
    from archscope.tracing.calling import call_thing

    return call_thing(module, args, kwargs, name).network


__all__ = ["trace"]
