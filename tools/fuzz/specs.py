"""Specs with changes in them, before the reader and everything that shows a network."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

from tools.fuzz.mutating import mutated
from tools.fuzz.watching import wrong_with

_ROOT = Path(__file__).parents[2]
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_BOMB: Final = re.compile(r"\*\w|repeat: \d{4}")
"""Aliases and repetitions of which some lines are a billion values: one try would take the time of a thousand."""
_LONGEST: Final = 12
"""Layers of a spec that is cut down: what is wrong with a long one is wrong with one of its pieces, and sooner seen."""
_MOST_VARIANTS: Final = 2
"""Variants that are left: a mistake in a family reads each of them once more."""


def ready() -> None:
    """Read what is mutated, so that no try takes as long as reading all of it."""
    _whole()


@cache
def _whole() -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Every spec that comes along, and every one whose mistake is known: those are short and say all that can be."""
    come, broken = [], []
    for folder, found in (("specs", come), ("tests/broken", broken)):
        for path in sorted((_ROOT / folder).glob("*.yaml")):
            text = path.read_text(encoding="utf-8", errors="replace")
            if _BOMB.search(text):
                continue
            try:
                found.append(yaml.safe_load(text))
            except (yaml.YAMLError, ValueError, RecursionError):  # that is its mistake
                continue
    return tuple(come), tuple(each for each in broken if isinstance(each, dict))


def one(random: Random) -> str | None:
    """Read a mutated spec; show it, if it is one."""
    text = written(mutated(chosen(random), random), random)
    if random.random() < 0.1:
        at = random.randrange(len(text) + 1)
        text = text[:at] + random.choice(("\t", "\x00", "&a ", "*a", "{", "]", ": ", "- ", "\ud800", "!!x")) + text[at:]
    return wrong_with(lambda: shown(text, random))


def chosen(random: Random) -> Any:
    """A spec as it is, or some of its layers."""
    come, broken = _whole()
    at = random.random()
    document = random.choice(come if at < 0.06 else broken)
    return _cut(document, random) if at > 0.005 else document


def _cut(document: Any, random: Random) -> Any:
    """The same document with a run of its layers alone, and few variants."""
    variants = document.get("variants")
    if isinstance(variants, dict) and len(variants) > _MOST_VARIANTS:
        kept = set(random.sample(list(variants), _MOST_VARIANTS))
        document = {**document, "variants": {name: each for name, each in variants.items() if name in kept}}
    layers = document.get("layers")
    if not isinstance(layers, dict) or len(layers) <= _LONGEST:
        return document
    start = random.choice((0, random.randrange(len(layers) - _LONGEST)))
    return {**document, "layers": dict([*layers.items()][start : start + random.randint(1, _LONGEST)])}


def written(document: Any, random: Random) -> str:
    """A document as YAML, in blocks down to a level chosen by chance; much faster than a writer for everything."""
    return "".join(_blocks(document, "", random.choice((0, 2, 2, 3, 9)))) or "{}\n"


def _blocks(value: Any, indent: str, levels: int) -> Iterator[str]:
    if levels and isinstance(value, dict) and value:
        for key, inner in value.items():
            yield f"{indent}{_flow(key)}:"
            yield from _below(inner, indent, levels)
    elif levels and isinstance(value, list) and value:
        for inner in value:
            yield f"{indent}-"
            yield from _below(inner, indent, levels)
    else:
        yield f"{indent}{_flow(value)}\n"


def _below(value: Any, indent: str, levels: int) -> Iterator[str]:
    if levels > 1 and isinstance(value, (dict, list)) and value:
        yield "\n"
        yield from _blocks(value, f"{indent}  ", levels - 1)
    else:
        yield f" {_flow(value)}\n"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_flow(key)}: {_flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=len(value) % 2 == 0)
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else f"{'-' * (value < 0)}.inf"
    return json.dumps(value, default=str)


def shown(text: str, random: Random) -> None:
    """Read a spec and print it in a way chosen by chance."""
    import archscope
    from archscope.formats import FORMATS, write
    from archscope.writing.keras import write_keras
    from archscope.writing.pytorch import write_pytorch
    from archscope.writing.spec import write_spec

    try:
        network = archscope.read(text, name="mutated")
    except archscope.SpecError as error:
        if any(each.span is None for each in error.diagnostics):
            raise ValueError(f"a mistake without its place: {error}") from None
        raise
    except archscope.ArchscopeError as error:
        if "is a family of networks" not in str(error):
            raise ValueError(f"a mistake without its place: {error}") from None
        raise
    analysis = archscope.analyze(network)
    way = random.randrange(20)
    if way < 4:
        write(analysis, random.choice(list(FORMATS))).encode()
    elif way < 6:
        random.choice((write_pytorch, write_keras, write_spec))(analysis.network).encode()
    elif way == 6:
        archscope.draw(analysis, style=random.choice(("auto", "graph"))).svg.encode()
