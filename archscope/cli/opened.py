"""Opening what a command is about, with the warnings about it on the error stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from archscope.cli.terminal import complain

if TYPE_CHECKING:
    from archscope.diagnostics import Diagnostic
    from archscope.network import Network


def opened(
    spec: str,
    *,
    changes: Sequence[str] | None = None,
    input: Sequence[str] | None = None,
    example: str | None = None,
    kwargs: str | None = None,
    batch: int | None = None,
    strict: bool = False,
) -> Network:
    """The network that a person named; warnings about its spec are printed, or raised if they are mistakes."""
    from archscope.opening import open_network

    network = open_network(
        spec, changes=changes or (), input=input, example=example, kwargs=kwargs, batch=batch, strict=strict
    )
    warn(network.doubts)
    return network


def warn(doubts: Iterable[Diagnostic]) -> None:
    """Print warnings where they do not mix with results."""
    from archscope.reader.doubts import spell_doubts

    text = spell_doubts(doubts)
    if text:
        complain(text + "\n")
