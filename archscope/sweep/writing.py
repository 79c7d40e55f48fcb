"""Rows of a sweep → CSV, JSON, Parquet and tables, one row at a time where there may be a million."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import IO, Any, Final

from archscope.errors import MissingExtra, UsageError
from archscope.escaping import json_text
from archscope.formats.grid import WRITERS, Grid, plain
from archscope.sweep.lines import to_lines
from archscope.sweep.rows import Rows

SCHEMA: Final = "archscope.sweep/1"
SHOWN: Final = 200
"""Rows of a table; who wants more wants a file."""
_TOLD: Final = 5
_BATCH: Final = 20_000


def csv(rows: Rows, file: IO[bytes]) -> None:
    """A heading and a line for each row."""
    file.write(to_lines([rows.heading]).encode())
    if rows.front is None:
        file.writelines(each.encode() for each in rows.journal.lines())
    else:
        file.writelines(to_lines([each]).encode() for each in rows)


def json(rows: Rows, file: IO[bytes]) -> None:
    """One document; its rows have a line each."""
    head = json_text({"schema": SCHEMA, "columns": list(rows.heading)}, compact=True)
    file.write(f'{head.removesuffix("}")},"rows":['.encode())
    between = "\n"
    for row in rows:
        file.write(f"{between}{json_text(dict(zip(rows.heading, row, strict=True)), compact=True)}".encode())
        between = ",\n"
    file.write(b"\n]}\n")


def parquet(rows: Rows, file: IO[bytes]) -> None:
    """Columns of numbers and texts, some ten thousand rows at a time.

    Raises:
        MissingExtra: pyarrow is not installed.
        UsageError: a number is larger than Parquet's are.
    """
    require_pyarrow()
    import pyarrow as pa
    from pyarrow import parquet as pq

    kinds = [pa.int64(), *[pa.string()] * (rows.texts - 1), *[pa.int64()] * len(rows.plan.columns), pa.string()]
    schema = pa.schema(list(zip(rows.heading, kinds, strict=True)))
    with pq.ParquetWriter(file, schema) as writer:
        for batch in _batches(rows):
            try:
                columns = [pa.array(each, kind) for each, kind in zip(zip(*batch, strict=True), kinds, strict=True)]
            except (OverflowError, pa.ArrowInvalid):
                raise UsageError("a number here is larger than Parquet holds; write CSV or JSON") from None
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def require_pyarrow() -> None:
    """Insist on pyarrow, without importing it.

    Raises:
        MissingExtra: it is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtra("Parquet", "pyarrow", "sweep")


def _batches(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    left = iter(rows)
    while batch := [*itertools.islice(left, _BATCH)]:
        yield batch


def _text(write: Callable[[Grid], str]) -> Callable[[Rows, IO[bytes]], None]:
    return lambda rows, file: _put(file, write(grid(rows)))


def _put(file: IO[bytes], text: str) -> None:
    file.write(text.encode() + b"\n")


def grid(rows: Rows) -> Grid:
    """A table for a person: its first rows, and in sentences what there is of others and why some have no numbers."""
    many, unfit, _ = rows.tally
    shown = [*itertools.islice(rows, SHOWN)]
    several = any(row[1] != shown[0][1] for row in shown) or not rows.plan.keys
    columns = [at for at in range(1, len(rows.heading) - 1) if at > 1 or several]
    cells = tuple(tuple(_cell(row[at], number=at >= rows.texts) for at in columns) for row in shown)
    whole = len(rows.best) if rows.front is not None else many
    said = []
    if whole > len(shown):
        said.append(f"The first {len(shown):,} of {whole:,} networks; `-o sweep.csv` has them all.")
    if rows.front is not None:
        said.append(f"On the front of {rows.front.first} and {rows.front.second}: {whole:,} of {many:,} networks.")
    why: dict[str, list[str]] = {}
    for row in shown:
        if row[-1]:
            why.setdefault(row[-1], []).append(_called(row, rows))
    said += [f"{names[0]}{_and_others(names)}: {each}" for each, names in [*why.items()][:_TOLD]]
    if unfit > 1:
        said.append(f"{unfit:,} settings in all fit no network.")
    title = f"{many:,} networks" if several or not shown else f"{many:,} networks of {shown[0][1]}"
    return Grid(title, tuple(rows.heading[at] for at in columns), cells, tuple(said))


def _and_others(names: Sequence[str]) -> str:
    more = len(names) - 1
    return f" and {more:,} other{'s' * (more > 1)}" if more else ""


def _called(row: Sequence[Any], rows: Rows) -> str:
    said = [
        f"{key} {value}" for key, value in zip(rows.plan.keys, row[2 : rows.texts], strict=True) if value is not None
    ]
    return f"{row[1]} with {', '.join(said)}" if said else str(row[1])


def _cell(value: Any, *, number: bool) -> str:
    if value is None:
        return "–" if number else ""
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


FORMATS: Final[Mapping[str, Callable[[Rows, IO[bytes]], None]]] = MappingProxyType(
    {
        "table": _text(plain),
        "csv": csv,
        "json": json,
        "parquet": parquet,
        **{name: _text(write) for name, write in WRITERS.items() if name != "csv"},
    }
)
"""Every format of rows by name."""

__all__ = ["FORMATS", "SCHEMA", "SHOWN", "csv", "grid", "json", "parquet", "require_pyarrow"]
