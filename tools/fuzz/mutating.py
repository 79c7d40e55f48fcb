"""Changes to a document of dicts and lists that leave it one, and to bytes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any, Final

ODD: Final = (
    None, True, False, 0, -1, 1, 2, 3, 7, 255, 10**9, 10**30, 10**400, 0.5, -0.0, 1e-320, 1e308, float("inf"),
    float("nan"), "", " ", "input", "relu", "conv2d", "\x1b[31m", "\ud800", "é 층", "x" * 5000, "1e999", "=1+1",
    [], {}, [[]], [None], {"": None}, [0], [-1, 1], [1, 2, 3], {"type": "relu"}, ["input"], [[[[[[]]]]]],
)  # fmt: skip
"""Values that a person or a torn file may put anywhere."""

Place = tuple[Any, Any]


def places(value: Any) -> Iterator[Place]:
    """Every container and key in it by which a value is reached."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from places(inner)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield value, at
            yield from places(inner)


def mutated(document: Any, random: Random) -> Any:
    """A copy with one to three changes."""
    made = copy.deepcopy(document)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        found = list(places(made))
        if not found:
            return random.choice(ODD)
        _change(*random.choice(found), found, random)
    return made


def torn(content: bytes, random: Random) -> bytes:
    """Bytes with one to four changes: another byte, or some that are gone."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(changed))
        if random.random() < 0.7:
            changed[place] = random.randrange(256)
        else:
            del changed[place : place + random.randint(1, 9)]
            changed = changed or bytearray(b"x")
    return bytes(changed)


def _change(container: Any, key: Any, found: list[Place], random: Random) -> None:
    """Put something else in a place: an odd value, another place's, a number nearby; or remove it, or say it twice."""
    kind = random.randrange(7)
    value = container[key]
    if kind <= 1:
        container[key] = copy.deepcopy(random.choice(ODD))
    elif kind == 2:
        other, where = random.choice(found)
        container[key] = copy.deepcopy(other[where])
    elif kind == 3 and isinstance(value, (int, float)) and not isinstance(value, bool):
        container[key] = random.choice((value + 1, value - 1, -value, value * 1000, value * 0, value // 3))
    elif kind == 4:
        del container[key]
    elif kind == 5 and isinstance(container, list):
        container.insert(key, copy.deepcopy(value))
    elif kind == 5:
        container[random.choice(("x", "name", "type", "from", "input", "é", ""))] = container.pop(key)
    elif isinstance(value, str) and value:
        at = random.randrange(len(value))
        container[key] = value[:at] + random.choice(("", "\x00", "'", "/", "%", "{", "\n", value)) + value[at + 1 :]
    else:
        container[key] = [value]
