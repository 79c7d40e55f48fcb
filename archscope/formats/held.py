"""What is held after the forward pass, as formulas, and for which sizes they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from archscope.errors import NotFound, did_you_mean
from archscope.escaping import json_text
from archscope.formats.grid import WRITERS, Grid, plain
from archscope.formats.memory import uncovered
from archscope.memory import Held
from archscope.record import Record
from archscope.symbols import Ground
from archscope.working import Count, digits


class Formulas(Record):
    """What is held, and of what.

    Attributes:
        name: the network's name.
        how: how it runs: the optimizer, the type, autocast.
        held: as formulas.
        ground: the numbers that are left open.
    """

    name: str
    how: str
    held: Held
    ground: Ground


def write(asked: Formulas, format: str = "table") -> str:
    """What is held, as text.

    Raises:
        NotFound: there is no such format.
    """
    if format not in FORMATS:
        raise NotFound(f"no format `{format}`; {did_you_mean(format, FORMATS, what='formats')}")
    return FORMATS[format](asked)


def _kinds(held: Held) -> Iterator[tuple[str, Count]]:
    every = {"weights": held.weights, "casts": held.casts, "state": held.state, "saved": held.saved,
             "values": held.values}  # fmt: skip
    yield from ((kind, size) for kind, size in every.items() if size)
    yield "all", held.total


def _sentences(asked: Formulas) -> Iterator[str]:
    for name, each in asked.ground.ranges.items():
        yield f"{name}: {each}; {each.value:,} in the network as it stands."
    yield from (f"{said}: {what}." for said, what in asked.ground.remarks)
    for layers in uncovered(asked.held.not_covered):
        yield f"Not covered: {layers}; what is saved is at least."


def _grid(asked: Formulas) -> Grid:
    rows = tuple((kind, digits(size)) for kind, size in _kinds(asked.held))
    title = f"{asked.name}: bytes after the forward pass, {asked.how}"
    return Grid(title, ("Kind", "Bytes"), rows, tuple(_sentences(asked)))


def _json(asked: Formulas) -> str:
    return json_text({
        "schema": "archscope.held/1",
        "name": asked.name,
        "how": asked.how,
        "bytes": {kind: digits(size) for kind, size in _kinds(asked.held)},
        "symbols": {name: {"value": each.value, "range": str(each)} for name, each in asked.ground.ranges.items()},
        "conditions": [*map(str, asked.ground.conditions)],
        "not_covered": dict(asked.held.not_covered),
    }, indent=2)  # fmt: skip


def _written(name: str) -> Callable[[Formulas], str]:
    return lambda asked: WRITERS[name](_grid(asked))


FORMATS: Final[Mapping[str, Callable[[Formulas], str]]] = MappingProxyType(
    {"table": lambda asked: plain(_grid(asked)), "json": _json, **{name: _written(name) for name in WRITERS}}
)
"""Every format by name."""
