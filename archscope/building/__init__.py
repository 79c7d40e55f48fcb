"""A network as a `torch.nn.Module`.

Importing this package needs no PyTorch; building does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archscope.errors import require_torch
from archscope.network import Network

if TYPE_CHECKING:
    import torch

    from archscope.building.network import BuiltNetwork


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

    from archscope.building.network import BuiltNetwork

    if devices is not None:
        return BuiltNetwork(network, [torch.device(each) for each in devices])
    if device is None:
        return BuiltNetwork(network)
    with torch.device(device):
        return BuiltNetwork(network)


__all__ = ["build"]
