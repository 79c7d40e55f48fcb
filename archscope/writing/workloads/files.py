"""A file for each product: ``{layer}`` in its name is what the product is called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path


def file_of(pattern: Path, names: Iterable[str]) -> Mapping[str, Path]:
    """The file of each product; what no file can be called is ``_``, and no two are one file.

    >>> {name: str(path) for name, path in file_of(Path("out/{layer}.yaml"), ["a.0", "a/0", "a:0"]).items()}
    {'a.0': 'out/a.0.yaml', 'a/0': 'out/a_0.yaml', 'a:0': 'out/a_0_2.yaml'}
    """
    found: dict[str, Path] = {}
    taken: dict[str, int] = {}
    for name in names:
        plain = re.sub(r"[^\w.-]", "_", name).lstrip(".") or "_"
        taken[plain.lower()] = taken.get(plain.lower(), 0) + 1
        number = f"_{taken[plain.lower()]}" if taken[plain.lower()] > 1 else ""
        found[name] = pattern.with_name(pattern.name.replace("{layer}", f"{plain}{number}"))
    return found
