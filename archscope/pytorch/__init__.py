"""The bridge to PyTorch: `build` makes a module of a network, `trace` a network of a module.

Importing this package needs no PyTorch; using it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archscope.errors import MissingExtra
from archscope.network import Network

if TYPE_CHECKING:
    import torch

    from archscope.pytorch.network import BuiltNetwork


def build(
    network: Network,
    *,
    device: torch.device | str | None = None,
    devices: Sequence[torch.device | str] | None = None,
) -> BuiltNetwork:
    """A network as a `torch.nn.Module`: trainable, with the spec's layer names in ``state_dict``.

    Args:
        network: what to build.
        device: where to make it; ``"meta"`` makes shapes without values.
        devices: one for each tower of a network with towers; what is on no tower runs on the first.

    Raises:
        MissingExtra: PyTorch is not installed.
        UsageError: the devices do not fit the towers.

    >>> from archscope.layers import Linear
    >>> from archscope.network import Node, Ref
    >>> net = Network("tiny", {"input": (3,)}, [Node("fc", Linear(out_features=2), (Ref("input"),), "fc")])
    >>> list(build(net, device="meta").state_dict())
    ['fc.weight', 'fc.bias']
    """
    require_torch("building a model")
    import torch

    from archscope.pytorch.network import BuiltNetwork

    if devices is not None:
        return BuiltNetwork(network, [torch.device(each) for each in devices])
    if device is None:
        return BuiltNetwork(network)
    with torch.device(device):
        return BuiltNetwork(network)


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
    from archscope.pytorch.tracing import trace_module

    return trace_module(module, inputs, name)


def require_torch(task: str) -> None:
    """Insist on PyTorch, without importing it.

    Raises:
        MissingExtra: it is not installed.
    """
    import importlib.util

    if importlib.util.find_spec("torch") is None:
        raise MissingExtra(task, "PyTorch", "torch")


__all__ = ["build", "require_torch", "trace"]
