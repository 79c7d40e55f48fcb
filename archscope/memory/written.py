"""Networks as code writes them out: where several operations are one layer, what is held is that of the operations."""

from __future__ import annotations

from collections.abc import Mapping

from archscope.network import Network
from archscope.record import EMPTY


def as_it_runs(network: Network, *, training: bool) -> Network:
    """The network whose layers run: of a module whose code does something else while training, that of then."""
    then = None if network.observed is None or not training else network.observed.training
    return network if then is None else then


def written_out(network: Network) -> Network:
    """The network of the operations that run; most are it already."""
    observed = network.observed
    return network if observed is None or observed.written is None else observed.written


def layers_of(network: Network) -> Mapping[str, str]:
    """The layers that operations became, by the names of their nodes where these are written out."""
    return EMPTY if network.observed is None else network.observed.within


class Meanwhile:
    """The most that each layer holds while it runs, beyond what there is when it is done; None where it was left."""

    def __init__(self) -> None:
        self.most: dict[str, int | None] = {}
        self._layer, self._peak = "", 0

    def ran(self, layer: str, peak: int, held: int) -> None:
        """An operation of a layer has run: the most that was held while it did, and what is held now."""
        again = layer == self._layer
        self._peak = max(peak, self._peak) if again else peak
        left = layer in self.most and (not again or self.most[layer] is None)
        self._layer = layer
        self.most[layer] = None if left else max(0, self._peak - held)
