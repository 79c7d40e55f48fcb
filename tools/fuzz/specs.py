"""Specs with changes in them, before the reader and everything that shows a network."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from tools.fuzz.mutating import mutated
from tools.fuzz.watching import wrong_with

_ROOT = Path(__file__).parents[2]


@cache
def _whole() -> tuple[Any, ...]:
    """Every spec that comes along."""
    found = sorted((_ROOT / "specs").glob("*.yaml"))
    return tuple(yaml.safe_load(path.read_text(encoding="utf-8")) for path in found)


def one(random: Random) -> str | None:
    """Read a mutated spec; show it, if it is one."""
    document = mutated(random.choice(_whole()), random)
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=10_000)
    if random.random() < 0.1:
        at = random.randrange(len(text) + 1)
        text = text[:at] + random.choice(("\t", "\x00", "&a ", "*a", "{", "]", ": ", "- ", "\ud800", "!!x")) + text[at:]
    return wrong_with(lambda: shown(text, random))


def shown(text: str, random: Random) -> None:
    """Read a spec and print it in a way chosen by chance."""
    import archscope
    from archscope.formats import FORMATS, write
    from archscope.writing.keras import write_keras
    from archscope.writing.pytorch import write_pytorch

    analysis = archscope.analyze(archscope.read(text, name="mutated"))
    way = random.randrange(6)
    if way < 3:
        write(analysis, random.choice(list(FORMATS))).encode()
    elif way == 3:
        random.choice((write_pytorch, write_keras))(analysis.network).encode()
    else:
        archscope.draw(analysis, style=random.choice(("auto", "graph"))).svg.encode()
