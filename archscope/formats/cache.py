"""What is remembered from one token to the next, as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from archscope.errors import NotFound, did_you_mean
from archscope.escaping import json_text
from archscope.formats.grid import WRITERS, Grid, plain
from archscope.formats.memory import uncovered
from archscope.formats.sheet import spell_bytes
from archscope.memory import Cache
from archscope.record import Record
from archscope.working import Count


class Asked(Record):
    """A cache, and of what.

    Attributes:
        name: the network's name.
        cache: what it remembers.
        length: tokens that were seen.
        batch: samples at once.
    """

    name: str
    cache: Cache
    length: int
    batch: int = 1


def write(asked: Asked, format: str = "table") -> str:
    """What is remembered, as text.

    Raises:
        NotFound: there is no such format.
    """
    if format not in FORMATS:
        raise NotFound(f"no format `{format}`; {did_you_mean(format, FORMATS, what='formats')}")
    return FORMATS[format](asked)


def _shown(bytes_: Count) -> str:
    return f"{bytes_.working} = {int(bytes_):,}" if bytes_.op else f"{int(bytes_):,}"


def _of_the_last(window: int | None) -> str:
    return "all" if window is None else f"{window:,}"


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}{'s' * (number > 1)}"


def _sentences(asked: Asked) -> tuple[str, ...]:
    cache, length, batch = asked.cache, asked.length, asked.batch
    held, reserved = cache.at(length, batch), cache.reserved(length, batch)
    window = "" if cache.window is None else f", of the last {cache.window:,}"
    said = [
        f"A token takes {_shown(cache.token_bytes)} bytes in {cache.dtype}{window}.",
        f"After {_many(length, 'token')} and {_many(batch, 'sample')}: {held.working} = {spell_bytes(int(held))}.",
        f"In whole pages of {cache.page:,} tokens: {reserved.working} = {spell_bytes(int(reserved))}.",
    ]
    if cache.fixed_bytes:
        said.insert(1, f"However many tokens there are, {_shown(cache.fixed_bytes)} bytes.")
    said.append("Counted are keys and values of attention and states of recurrent layers, and nothing else.")
    said += [f"Not covered: {each}; all numbers are at least." for each in uncovered(cache.not_covered)]
    return tuple(said)


def _grid(asked: Asked) -> Grid:
    windows = asked.cache.windows
    rows = [
        (layer, f"{int(each):,}", f"{int(once):,}", *([_of_the_last(windows.get(layer))] if windows else []),
         (each or once).working)
        for layer, (each, once) in asked.cache.layers.items()
    ]  # fmt: skip
    headings = ("Layer", "Bytes a token", "Bytes once", *(["Of the last"] if windows else []), "Working")
    return Grid(
        f"{asked.name}: what is remembered from one token to the next", headings, tuple(rows), _sentences(asked)
    )


def _json(asked: Asked) -> str:
    cache = asked.cache
    return json_text({
        "schema": "archscope.cache/1",
        "name": asked.name,
        "dtype": cache.dtype,
        "window": cache.window,
        "page": cache.page,
        "length": asked.length,
        "batch": asked.batch,
        "token_bytes": int(cache.token_bytes),
        "fixed_bytes": int(cache.fixed_bytes),
        "bytes": int(cache.at(asked.length, asked.batch)),
        "reserved_bytes": int(cache.reserved(asked.length, asked.batch)),
        "not_covered": dict(cache.not_covered),
        "layers": {layer: {"each": int(each), "once": int(once), "working": (each or once).working}
                       | ({"window": cache.windows[layer]} if layer in cache.windows else {})
                   for layer, (each, once) in cache.layers.items()},
    }, indent=2)  # fmt: skip


def _written(name: str) -> Callable[[Asked], str]:
    return lambda asked: WRITERS[name](_grid(asked))


FORMATS: Final[Mapping[str, Callable[[Asked], str]]] = MappingProxyType(
    {"table": lambda asked: plain(_grid(asked)), "json": _json, **{name: _written(name) for name in WRITERS}}
)
"""Every format by name."""
