"""Result files of `archscope bench`, as evidence on the page of the network that was measured.

The tables are those of the benchmark's own report, so a page says nothing that the file does not.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from archscope.analysis import Analysis
from archscope.bench.compare import read_result
from archscope.bench.report import heading, label, layer_sheet, network_sheets, remarks
from archscope.bench.roofline import write_svgs
from archscope.bench.sheets import Sheet
from archscope.bench.verdict import verdict
from archscope.errors import ArchscopeError, UsageError
from archscope.site.evidence import Evidence, Picture, Table
from archscope.site.page import slug


def read(paths: Iterable[str | os.PathLike[str]]) -> tuple[dict[Path, Mapping[str, Any]], list[str]]:
    """Result files, and a line for each that is none; a folder stands for the JSON files in it."""
    found: dict[Path, Mapping[str, Any]] = {}
    mistakes: list[str] = []
    for given in map(Path, paths):
        results = sorted(given.glob("*.json")) if given.is_dir() else [given]
        if not results:
            mistakes.append(f"{given}: no result of archscope bench is in it, no file named *.json")
        for path in results:
            try:
                found[path] = read_result(path)
            except ArchscopeError as error:
                mistakes.append(str(error))
    return found, mistakes


def measurement(analysis: Analysis, path: Path, document: Mapping[str, Any], place: int) -> Evidence | None:
    """What a file says of a network; None where it says nothing. ``place`` tells several files apart.

    Raises:
        UsageError: the file is broken, or was measured of another network of that name.
    """
    try:
        cells = [cell for cell in document["cells"] if cell.get("model", {}).get("name") == analysis.name]
        if not cells:
            return None
        _insist_on_same(analysis, cells, path)
        return _evidence({**document, "cells": cells}, place, analysis)
    # The file is somebody's JSON: anything in it may be missing or of another kind.
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError) as error:
        raise UsageError(f"{path}: not a whole result of archscope bench ({type(error).__name__}: {error})") from error


def _insist_on_same(analysis: Analysis, cells: Sequence[Mapping[str, Any]], path: Path) -> None:
    ours = (int(analysis.totals.parameters), None if analysis.totals.macs is None else int(analysis.totals.macs))
    for cell in cells:
        measured = (cell["model"]["parameters"], cell["model"]["macs"])
        if measured != ours:
            raise UsageError(
                f"{path}: `{analysis.name}` was measured with {measured[0]:,} parameters, and has {ours[0]:,} now; "
                "measure it again"
            )


def _evidence(document: Mapping[str, Any], place: int, analysis: Analysis) -> Evidence:
    sheets = network_sheets(document)
    notes: list[str] = []
    for cell in document["cells"]:
        if cell["status"] == "ok" and cell["layers"]:
            sheets.append(layer_sheet(cell, document))
            notes.append(f"{label(cell, document)}: {' '.join(verdict(cell))}")
    notes += remarks(document)
    device = (document.get("ceilings") or {}).get("device") or document.get("device") or "an unnamed device"
    suffix = "" if place == 1 else f"-{place}"
    named = {cell["id"]: label(cell, document) for cell in document["cells"]}
    pictures = (
        Picture(f"{slug(analysis.name)}-roofline{suffix}-{number}.svg", f"Roofline of {named[cell]} on {device}", svg)
        for number, (cell, svg) in enumerate(write_svgs(document).items(), 1)
    )
    return Evidence(
        name=f"benchmark{suffix}",
        heading=f"Benchmark: {device}",
        link="Benchmark" if place == 1 else f"Benchmark {place}",
        lead=f"Measured {str(document['created'])[:10]} on {device}.",
        tables=tuple(_table(sheet) for sheet in sheets),
        pictures=tuple(pictures),
        notes=(*heading(document)[1:], *notes),
    )


def _table(sheet: Sheet) -> Table:
    """A sheet without the columns in which nothing stands."""
    kept = [at for at in range(len(sheet.heads)) if any(row[at] not in ("", "–") for row in sheet.rows)]
    return Table(
        name=sheet.title,
        headings=tuple(sheet.heads[at].removeprefix(">") for at in kept),
        numeric=tuple(sheet.heads[at].startswith(">") for at in kept),
        lines=tuple(tuple(row[at] for at in kept) for row in sheet.rows),
    )
