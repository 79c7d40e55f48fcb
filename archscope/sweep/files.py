"""A file of settings → axes: CSV, JSON, YAML or TOML.

A list of rows is walked along, one network a row; a mapping is a grid, each key with its values:

>>> [found] = axes_of("C1.padding,C5.kernel_size\\n0,5\\n2,7\\n", ".csv", "settings.csv")
>>> found.keys, found.several
(('C1.padding', 'C5.kernel_size'), (('0', '5'), ('2', '7')))
>>> [(each.keys, [*each.single]) for each in axes_of('"C1.padding" = "0..1"\\nd = [64, 128]', ".toml", "settings.toml")]
[(('C1.padding',), ['0', '1']), (('let.d',), ['64', '128'])]
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from archscope.diagnostics import Source
from archscope.errors import UsageError, did_you_mean
from archscope.escaping import line
from archscope.limits import LARGEST_FILE
from archscope.reader.touching import INPUT
from archscope.source import Invalid, parse, to_data
from archscope.sweep.plan import Axis, axis, full_key, input_axis
from archscope.sweep.ranges import values

SUFFIXES: Final = (".csv", ".json", ".toml", ".yaml", ".yml")


def read_settings(path: Path) -> list[Axis]:
    """The axes of a file.

    Raises:
        UsageError: it cannot be read, is none of these kinds, or holds no settings.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path}: {did_you_mean(suffix, SUFFIXES, what='files of settings')}")
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UsageError(f"{path} is larger than {LARGEST_FILE:,} bytes; say it as ranges with --set")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    return axes_of(text, suffix, str(path))


def axes_of(text: str, suffix: str, where: str) -> list[Axis]:
    """The axes that a text says; ``where`` begins messages."""
    if suffix == ".csv":
        return [_rows(_table(text, where), where)]
    return _said(_parsed(text, suffix, where), where)


def _table(text: str, where: str) -> list[Mapping[str, Any]]:
    try:
        lines = [*csv.reader(io.StringIO(text), strict=True)]
    except csv.Error as error:
        raise UsageError(f"{where} is no CSV: {error}") from None
    lines = [each for each in lines if any(cell.strip() for cell in each)]
    if len(lines) < 2:
        raise UsageError(f"{where} has no settings; write a line of keys, such as C1.padding, and a line for each row")
    for number, each in enumerate(lines[1:], 2):
        if len(each) != len(lines[0]):
            raise UsageError(f"{where}: line {number} has {len(each)} cells under {len(lines[0])} keys")
    keys = [each.strip() for each in lines[0]]
    twice = next((key for place, key in enumerate(keys) if key in keys[:place] or not key), None)
    if twice is not None:
        raise UsageError(f"{where}: the key `{twice}` stands there twice" if twice else f"{where}: a key is empty")
    return [dict(zip(keys, each, strict=True)) for each in lines[1:]]


def _parsed(text: str, suffix: str, where: str) -> Any:
    try:
        if suffix == ".json":
            return json.loads(text)
        if suffix == ".toml":
            import tomllib

            return tomllib.loads(text)
        tree, mistakes = parse(Source(where, text))
    except Invalid as error:
        raise UsageError(f"{where}: {error.diagnostic.message}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is no {suffix[1:].upper()}: {error}") from None
    if mistakes:
        raise UsageError(f"{where}: {mistakes[0].message}")
    return to_data(tree)


def _said(said: Any, where: str) -> list[Axis]:
    if isinstance(said, Mapping) and set(said) == {"settings"}:  # TOML has no list without a name
        said = said["settings"]
    if isinstance(said, list) and said and all(isinstance(each, Mapping) and each for each in said):
        return [_rows([_flat(each) for each in said], where)]
    if not isinstance(said, Mapping) or not said:
        raise UsageError(f"{where} has no settings; write a list of rows, or keys with their values: "
                         "`C1.padding: 0..4`")  # fmt: skip
    return [each for key, value in _flat(said).items() for each in _grid(str(key), value, where)]


def _flat(said: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Keys with dots, which TOML takes apart where they are not in quotes."""
    flat: dict[str, Any] = {}
    for key, value in said.items():
        whole = f"{before}{key}"
        flat.update(_flat(value, f"{whole}.") if isinstance(value, Mapping) and value else {whole: value})
    return flat


def _grid(key: str, value: Any, where: str) -> list[Axis]:
    said = f"{where}: {key}="
    if key == INPUT or key.startswith(f"{INPUT}."):
        several = value if isinstance(value, list) and any(isinstance(each, (list, str)) for each in value) else [value]
        name = key.partition(".")[2]
        texts = [_text(each).strip("[]") for each in several]
        return input_axis([f"{name}={each}" if name else each for each in texts])
    if isinstance(value, str):
        return [axis(full_key(key), values(value, said))]
    several = value if isinstance(value, list) else [value]
    if not several:
        raise UsageError(f"`{said}` has no values")
    return [axis(full_key(key), tuple(_text(each) for each in several))]


def _rows(rows: Sequence[Mapping[str, Any]], where: str) -> Axis:
    keys = tuple(dict.fromkeys(str(key) for row in rows for key in row))
    several = tuple(tuple(_shape_or_text(key, row.get(key)) for key in keys) for row in rows)
    full = tuple(full_key(key) for key in keys)
    if len(set(full)) < len(full):
        raise UsageError(f"{where}: `{next(key for key in full if full.count(key) > 1)}` is set twice in a row")
    return Axis(full, several=several)


def _shape_or_text(key: str, value: Any) -> str | None:
    text = None if value is None or value == "" else _text(value)
    of_input = key == INPUT or key.startswith(f"{INPUT}.")
    return text.strip("[]").replace(" ", "").replace("x", ",").replace("×", ",") if text and of_input else text


def _text(value: Any) -> str:
    """A value as it would be written behind ``--set``."""
    return line(value.strip()) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
