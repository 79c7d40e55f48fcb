"""Opening what a command is about, with the warnings about it on the error stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from archscope.cli.terminal import complain

if TYPE_CHECKING:
    from archscope.diagnostics import Diagnostic
    from archscope.importing.jax.things import JaxCalled
    from archscope.network import Network
    from archscope.requests import Request
    from archscope.tracing.calling import Called


def opened(spec: str, *, changes: Sequence[str] | None = None, **said: Any) -> Network:
    """The network that a person named; warnings about its spec are printed, or raised if they are mistakes.

    It takes the arguments of `archscope.opening.open_network`.
    """
    return opened_with_module(spec, changes=changes, **said)[0]


def opened_with_module(
    spec: str, *, changes: Sequence[str] | None = None, **said: Any
) -> tuple[Network, Request, Called | JaxCalled | None]:
    """The network that a person named, how it was asked for, and their own module if it is one."""
    from archscope.opening import opened
    from archscope.requests import request_for

    request = request_for(spec, changes=changes or (), **said)
    network, module = opened(request)
    warn(network.doubts)
    return network, request, module


_INSTEAD: Final = {
    "table": ("LONG_TEXT", "a table", "`--depth 1` has a line for each block, `archscope explain` is about one layer"),
    "code": ("LONG_TEXT", "source", "`archscope table --depth 1` has a line for each block"),
    "diagram": ("LONG_PICTURE", "a picture", "`--depth 1` draws blocks closed, `--format dot` lays nothing out"),
    "html": ("LONG_PAGE", "a page", "`--format svg` draws equal blocks once, `--depth 1` draws them closed"),
    "figure": ("LONG_TEXT", "a picture", "`archscope table --depth 1` has a line for each block"),
    "verify": ("LONG_PICTURE", "a verification", "`--seconds 10` bounds it, `--witness published` asks one witness"),
    "memory": ("LONG_TEXT", "the memory", "`archscope table --columns saved_bytes` has what each layer leaves"),
    "diff": ("LONG_TEXT", "a comparison", "`archscope table --depth 1` of each has a line for each block"),
    "spec": ("LONG_TEXT", "a spec", "`archscope table --depth 1` has a line for each block"),
    "docs": ("LONG_PICTURE", "a page", "`archscope table` has the numbers alone"),
}
"""From how many layers on a command takes long, of which limit; what it makes; what to ask instead."""


def foretell(task: str, network: Network) -> None:
    """Say that a command will take long, before it does, and what is there sooner."""
    from archscope import limits

    limit, made, instead = _INSTEAD[task]
    most, layers = getattr(limits, limit), len(network.nodes)
    reads = sum(len(node.inputs) for node in network.nodes)
    if layers > most or reads > 4 * most:
        joined = f" with {reads:,} arrows between them" if reads > 4 * layers else ""
        complain(f"note: {made} of {layers:,} layers{joined} takes a while; {instead}")


def warn(doubts: Iterable[Diagnostic]) -> None:
    """Print warnings where they do not mix with results."""
    from archscope.reader.doubts import spell_doubts

    text = spell_doubts(doubts)
    if text:
        complain(text + "\n")
