"""How a module is wired, held against a network: a skip from the wrong place changes no layer and no number.

The module is read as a network of its own and laid beside the other by `archscope.difference`, which knows layers that
are written in other ways: views that fold the batch, embeddings of constant positions, attention in projections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from torch import nn

from archscope.difference import Change, Difference, difference
from archscope.errors import ArchscopeError, one
from archscope.network import Network

_QUIET: Final = ("dropout", "drop_path")
"""What does nothing at inference, so that it stands in nobody's way."""


@dataclass(frozen=True)
class Wired:
    """What `difference` makes of a module and a network.

    Attributes:
        alike: whether every layer of the one is one of the other, but for what does nothing at inference.
        layers: where they part in layers after all, a sentence each.
        wiring: where a layer reads another than it should, a sentence each; only where they are alike.
        ends: the same of what the outputs are taken from.
        matched: layers that are alike.
    """

    alike: bool
    layers: tuple[str, ...]
    wiring: tuple[str, ...]
    ends: tuple[str, ...]
    matched: int


def wired(network: Network, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Wired | None:
    """Read a module and lay it beside a network; None where it cannot be read, or has nothing in common with it."""
    from archscope.tracing import trace

    try:
        found = difference(network, trace(module, *args, **kwargs), names=("the spec", "the module"))
    except ArchscopeError:
        return None
    return _told(found)


def _told(found: Difference) -> Wired:
    changes = [change for item in found.items for change in item.changes if item.kind not in ("follows", "rest")]
    rewired = [change for change in changes if change.kind == "rewired" and change.at >= 0]
    ends = [f"at the end: the output is {change.facets[0].phrase}" for change in changes
            if change.kind == "rewired" and change.at < 0]  # fmt: skip
    left = [change for change in changes if change.kind != "rewired"]
    alike = all(change.kind in ("added", "removed") and change.label.startswith(_QUIET) for change in left)
    layers = [_alone(change) for change in left] if alike else []
    wiring = [_read(change) for change in rewired] if alike else []
    return Wired(alike, tuple(layers), tuple(wiring), tuple(ends) if alike else (), found.alike)


def _alone(change: Change) -> str:
    if change.kind == "removed":
        return f"{change.a}: the module has no {change.label} here"
    return f"the module has {one(change.label)} (`{change.b}`) that the spec does not have"


def _read(change: Change) -> str:
    """``short: in the module it reads a instead of stem``, by the names of the module."""
    return f"{change.a}: in the module it {change.facets[0].phrase}"
