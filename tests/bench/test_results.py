"""A result file that is not what `archscope bench` wrote is refused in one line; kept ceilings are measured anew."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest

from archscope.bench import ceilings
from archscope.bench.compare import read_result
from archscope.bench.run import exit_status
from archscope.bench.schema import RESULT
from archscope.cli import main
from archscope.errors import UsageError

WHOLE = json.loads((Path(__file__).parents[1] / "site" / "lenet5-bench.json").read_text(encoding="utf-8"))


def changed(value: Any, *place: Any) -> dict[str, Any]:
    made: Any = copy.deepcopy(WHOLE)
    at = made
    for key in place[:-1]:
        at = at[key]
    if value is ...:
        del at[place[-1]]
    else:
        at[place[-1]] = value
    return dict(made)


CHANGES = [
    (math.nan, ("cells", 0, "time", "latency", "value"), "not JSON: it has NaN, which is no number"),
    (math.inf, ("cells", 0, "time", "latency", "value"), "not JSON: it has Infinity"),
    (1e300, ("cells", 0, "time", "latency", "value"), "`cells.0.time.latency.value` must be smaller than or equal to"),
    (0, ("cells", 0, "time", "latency", "value"), "`cells.0.time.latency.value` must be bigger"),
    (10**400, ("cells", 0, "model", "parameters"), "`cells.0.model.parameters` must be smaller"),
    (..., ("cells", 0, "time"), "`cells.0` must contain"),
    ("period", ("cells", 0, "rate_basis"), "`cells.0.time.period` must be object"),
    ([], ("cells", 0, "layers"), "`cells.0.layers` must contain at least 1 items"),
    ("many", ("cells", 0, "layers", 0, "flops"), "`cells.0.layers.0.flops` must be integer"),
    (None, ("cells", 0, "layers", 0, "time"), "`cells.0.layers.0.time` must be number"),
    ({}, ("cells", 0, "floors"), "`cells.0.floors` must contain"),
    (None, ("cells", 0, "batch"), "`cells.0.batch` must be integer"),
    (5, ("ceilings",), "`ceilings` must be object or null"),
    (..., ("ceilings", "launch"), "`ceilings` must contain"),
    (-1, ("ceilings", "peak_flops", "fp32"), "`ceilings.peak_flops.fp32` must be bigger"),
    ("three", ("settings", "rounds"), "`settings.rounds` must be integer"),
    ([1], ("cells", 0), "`cells.0` must be object"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "place", "message"), CHANGES, ids=[str(each[1]) for each in CHANGES])
def test_a_changed_result_is_refused_with_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], value: Any, place: tuple[Any, ...], message: str
) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(changed(value, *place)), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_result(path)
    assert message in str(caught.value)
    for arguments in (["--read", str(path)], ["--read", str(path), "--compare", str(path)]):
        assert main(["bench", *arguments]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert all(each.startswith("error: ") for each in said)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b'{"schema": "archscope.bench/1", "cells": ['])
def test_a_torn_file_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="not JSON"):
        read_result(path)


def test_what_was_measured_without_ceilings_is_reported_and_has_no_roofline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(changed(None, "ceilings")), encoding="utf-8")
    assert main(["bench", "--read", str(path)]) == 0
    assert main(["bench", "--read", str(path), "--plot", str(tmp_path / "plot.svg")]) == 2
    assert "cannot draw" in capsys.readouterr().err


def test_the_schema_says_what_is_required_and_nothing_of_what_may_be_added() -> None:
    added = {**WHOLE, "remark": {"by": "a person"}}
    assert "remark" not in RESULT["properties"]
    assert read_result_of(added)["remark"] == {"by": "a person"}


def read_result_of(document: Any) -> Any:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return read_result(path)


KEPT = {
    "device": "a device", "source": "measured", "peak_flops": {"fp32": 1e11}, "bandwidth": {"copy": 1e10}, "launch": {},
    "noise": "ok", "measured": 1000.0,
}  # fmt: skip


@pytest.mark.parametrize(
    "content",
    ["", "[]", "null", "5", '"text"', "{", json.dumps(KEPT)[:60], json.dumps({**KEPT, "measured": math.nan}),
     json.dumps({**KEPT, "measured": 1e308}), json.dumps({**KEPT, "measured": [1]}),
     json.dumps({**KEPT, "measured": None}),
     json.dumps({**KEPT, "peak_flops": {"fp32": 1e308}}), json.dumps({**KEPT, "peak_flops": {"fp32": math.nan}}),
     json.dumps({**KEPT, "peak_flops": []}), json.dumps({**KEPT, "ceilings": []}),
     json.dumps({**KEPT, "bandwidth": None}),
     json.dumps({**KEPT, "launch": [1]}), "[" * 100_000, None],
)  # fmt: skip
def test_kept_ceilings_that_are_not_what_was_kept_are_measured_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    place = ceilings._cache_file({"device": "x"})
    place.parent.mkdir()
    if content is None:
        place.mkdir()
    else:
        place.write_text(content, encoding="utf-8")
    assert ceilings.cached({"device": "x"}, now=1500.0) is None
    fresh = ceilings.Ceilings("a device", "measured", {"fp32": 1e11}, {"copy": 1e10})
    assert ceilings.keep(fresh, {"device": "x"}, now=1500.0) is (content is not None)


def test_kept_ceilings_hold_for_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fresh = ceilings.Ceilings("a device", "measured", {"fp32": 1e11}, {"copy": 1e10})
    assert ceilings.keep(fresh, {"device": "x"}, now=1000.0)
    found = ceilings.cached({"device": "x"}, now=1500.0)
    assert found is not None
    assert found.peak_flops == {"fp32": 1e11}
    assert ceilings.cached({"device": "x"}, now=1000.0 + ceilings.DAY) is None


def test_an_interval_that_ends_before_it_begins_compares_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, base = tmp_path / "whole.json", tmp_path / "base.json"
    whole.write_text(json.dumps(WHOLE))
    base.write_text(json.dumps(changed([0.001, 0], "cells", 0, "time", WHOLE["cells"][0]["rate_basis"], "ci")))
    assert main(["bench", "--read", str(whole), "--compare", str(base)]) == 0
    assert "too few samples for an interval" in capsys.readouterr().out


def test_layers_of_a_cell_that_failed_are_no_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failed = {"id": "lenet5/1", "status": "error", "error": "no memory", "layers": [{"type": "conv2d"}]}
    path = tmp_path / "failed.json"
    path.write_text(json.dumps(changed([failed], "cells")))
    main(["bench", "--read", str(path), "--format", "csv"])
    assert capsys.readouterr().out.count("\n") == 2


def test_a_roofline_has_a_name_that_a_file_may_have(tmp_path: Path) -> None:
    odd = changed("a/b\0\ud800", "cells", 0, "id")
    odd["cells"].append({**odd["cells"][0], "id": "other"})
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(odd))
    main(["bench", "--read", str(path), "--plot", str(tmp_path / "plot.svg")])
    assert {each.name for each in tmp_path.glob("plot*")} >= {"plot-a-b--.svg", "plot-other.svg"}


def test_the_exit_status_says_whether_an_output_differs_or_nothing_could_be_measured() -> None:
    def status(*statuses: str) -> int:
        return exit_status({"cells": [{"status": each} for each in statuses]})

    assert [status("ok"), status("ok", "oom"), status("ok", "incorrect"), status("oom", "killed")] == [0, 0, 1, 1]
