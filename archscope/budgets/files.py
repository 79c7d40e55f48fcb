"""Where budgets are written: a TOML file with ``keep`` and ``[networks]``, or ``keep:`` in a spec."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from archscope.budgets.expressions import Budget, read_budget
from archscope.errors import UsageError, did_you_mean
from archscope.files import is_there
from archscope.limits import LARGEST_FILE
from archscope.reader import load
from archscope.record import Record

USUAL: Final = "archscope.toml"
"""The file that is read where none is named."""

_KEYS: Final = ("keep", "networks")
_SAID: Final = ("spec", "input", "set", "kwargs", "batch", "example")


class Named(Record):
    """A network that a file gives a name: what it is, and what is said about it."""

    said: dict[str, Any]


class File(Record):
    """The budgets of one file, and the networks that it names."""

    path: str
    budgets: tuple[Budget, ...]
    named: Mapping[str, Named]


def read_file(path: str) -> File:
    """The budgets that a file has: a TOML file, or a spec with ``keep:``.

    Raises:
        UsageError: it cannot be read, or has no budgets; says what is wrong and where.
    """
    return _toml(path) if path.endswith(".toml") else _spec(path)


def _spec(path: str) -> File:
    network = load(path)
    if not network.keep:
        raise UsageError(f"{path} keeps nothing; write `keep: [parameters <= 25 M]` in it")
    name = "this"
    budgets = tuple(_placed(path, each, name) for each in network.keep)
    return File(path, budgets, {name: Named({"spec": path})})


def _placed(path: str, text: Any, alone: str = "") -> Budget:
    try:
        return read_budget(text, alone)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _toml(path: str) -> File:
    if not is_there(path):
        raise UsageError(f'there is no file {path}; budgets stand in a TOML file with `keep = ["net.macs <= 1.2 G"]`')
    try:
        if Path(path).stat().st_size > LARGEST_FILE:
            raise UsageError(f"{path} is larger than {LARGEST_FILE:,} bytes; that is no list of budgets")
        with Path(path).open("rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no TOML: {error}") from None
    for key in document:
        if key not in _KEYS:
            raise UsageError(f"{path}: unknown key `{key}`; {did_you_mean(key, _KEYS, what='keys')}")
    keep = document.get("keep", [])
    if not isinstance(keep, list) or not keep:
        raise UsageError(f'{path} keeps nothing; write `keep = ["net.parameters <= 25 M"]`')
    networks = document.get("networks", {})
    if not isinstance(networks, dict):
        raise UsageError(f'{path}: `networks` gives networks names: [networks], then `net = "specs/net.yaml"`')
    named = {name: _named(path, name, said) for name, said in networks.items()}
    return File(path, tuple(_placed(path, each) for each in keep), named)


def _named(path: str, name: str, said: Any) -> Named:
    """A network by name: its spec, or a table with its spec and what is said about it."""
    if isinstance(said, str):
        return Named({"spec": _beside(path, said)})
    if not isinstance(said, dict) or not isinstance(said.get("spec"), str):
        raise UsageError(f"{path}: network `{name}` is no spec; write `{name} = \"specs/net.yaml\"`, "
                         f"or {{spec = \"specs/net.yaml\", set = [\"conv1.padding=2\"]}}")  # fmt: skip
    for key in said:
        if key not in _SAID:
            raise UsageError(f"{path}: network `{name}`: unknown key `{key}`; {did_you_mean(key, _SAID, what='keys')}")
    found: dict[str, Any] = {"spec": _beside(path, said["spec"])}
    found.update({key: said[key] for key in ("input", "kwargs", "batch", "example") if key in said})
    if "set" in said:
        found["changes"] = said["set"]
    return Named(found)


def _beside(path: str, spec: str) -> str:
    """A spec's path as it is from here, where it is written from the file's folder."""
    beside = Path(path).parent / spec.rpartition("@")[0] if "@" in spec else Path(path).parent / spec
    if "/" not in spec and not spec.endswith((".yaml", ".yml")):
        return spec
    if ":" in spec or not is_there(beside):
        return spec
    return str(Path(path).parent / spec)
