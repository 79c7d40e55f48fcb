"""The module map, from the docstrings, and the contracts between modules, from ``pyproject.toml``."""

from __future__ import annotations

import ast
import textwrap
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.pages.markdown import fenced, page, prose, table

ROOT = Path(__file__).parents[2]


def pages() -> dict[str, str]:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    parts = []
    for contract in declared["contracts"]:
        parts.append(f"### {contract['name']}")
        parts.append(_contract(contract))
    return {
        "architecture/modules.md": page(
            "Modules",
            "What each module is for, in its own words. [Architecture](index.md) says why they are cut so.",
            table(("module", "what it is for"), _modules()),
            "## Contracts",
            "import-linter checks these on every change.",
            *parts,
        )
    }


def _modules() -> list[tuple[str, str]]:
    rows = []
    for path in sorted((ROOT / "archscope").rglob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if docstring:
            rows.append((f"`{name}`", prose(" ".join(docstring.partition("\n\n")[0].split()))))
    return sorted(rows)


def _contract(contract: dict[str, Any]) -> str:
    if contract["type"] == "layers":
        layers = contract["layers"]
        return (
            "A line imports only from lines below it; what stands beside `|` does not know each other; what is in "
            "brackets may be missing.\n\n" + fenced("\n".join(_wrapped(layers)))
        )
    if contract["type"] == "independence":
        return f"Independent: {_named(contract['modules'])}."
    return f"{_named(contract['source_modules'])} never import {_named(contract['forbidden_modules'])}."


def _named(modules: list[str]) -> str:
    return ", ".join(f"`{each}`" for each in modules)


def _wrapped(layers: Sequence[str]) -> list[str]:
    """Lines that fit a page: what stands beside the others goes on below them."""
    return [
        part
        for layer in layers
        for part in textwrap.wrap(layer, 90, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False)
    ]
