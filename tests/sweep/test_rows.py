"""Rows on their way to a file, and out of it: none lost, none doubled, read back as they were."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscope.diagrams.scatter import Plane, scatter
from archscope.diagrams.scene import Group
from archscope.diagrams.themes import theme
from archscope.errors import MissingExtra, UsageError
from archscope.sweep import Axis, Here, Journal, Plan, Rows, Sides, Spec, axis, plan, run, sides
from archscope.sweep import writing as writing_module
from archscope.sweep.front import Front
from archscope.sweep.lines import from_lines, to_lines
from archscope.sweep.plane import picture
from archscope.sweep.writing import FORMATS, grid

NET = """
input: [4]
layers:
  a: {type: linear, out_features: 2}
  b: {type: linear, out_features: 3}
"""


def small(last: int = 12, **said: Any) -> Plan:
    """Fifty networks and two that are none."""
    specs = [Spec("one@x", NET), Spec("other@y", NET)]
    return plan(specs, [axis("a.out_features", (*map(str, range(1, last)), "0")), axis("b.out_features", ["1", "2"])],
                "parameters,macs", **said)  # fmt: skip


def done(made: Plan, path: Path | None = None) -> Journal:
    journal = Journal(path, made.identity)
    run(made, journal, Here())
    return journal


Open = Callable[..., Rows]


@pytest.fixture
def rows_of() -> Iterator[Open]:
    """The rows of a sweep, whose journal is let go of when the test is over."""
    with contextlib.ExitStack() as stack:

        def opened(made: Plan, front: Sides | None = None) -> Rows:
            journal = done(made)
            stack.callback(journal.close)
            return Rows(made, journal, front)

        yield opened


def written(rows: Rows, format: str) -> bytes:
    file = io.BytesIO()
    FORMATS[format](rows, file)
    return file.getvalue()


def test_a_sweep_that_ends_at_any_byte_goes_on_without_a_row_lost_or_doubled(tmp_path: Path) -> None:
    made = small(where=["parameters != 13"])
    path = tmp_path / "rows.part"
    journal = done(made, path)
    journal.close()
    whole = path.read_bytes()
    for cut in sorted(random.Random(3).sample(range(len(whole)), 40)):
        path.write_bytes(whole[:cut])
        done(made, path).close()
        assert path.read_bytes() == whole


def test_only_what_is_missing_is_worked_out_again(tmp_path: Path) -> None:
    made = small()
    path = tmp_path / "rows.part"
    done(made, path).close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:31]) + lines[31][:4])
    journal = Journal(path, made.identity)
    assert journal.last == 29
    seen: list[int] = []
    run(made, journal, Here(), seen.append)
    assert seen[0] == 30
    assert seen[-1] == made.size
    journal.close(done=True)
    assert not path.exists()


def test_rows_of_another_sweep_are_not_mixed_with_these(tmp_path: Path) -> None:
    path = tmp_path / "rows.part"
    done(small(), path).close()
    kept = path.read_bytes()
    for other in (small(13), small(where=["macs > 1"]), small(fitting=True)):
        with pytest.raises(UsageError, match=r"has rows of another sweep; add --fresh"):
            Journal(path, other.identity)
        assert path.read_bytes() == kept
    journal = Journal(path, small(13).identity, fresh=True)
    assert journal.last == -1
    journal.close()


def test_two_programs_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.part"
    journal = done(small(), path)
    with pytest.raises(UsageError, match="another sweep is writing"):
        Journal(path, small().identity)
    journal.close()
    Journal(path, small().identity).close()


TEXTS = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=8).map(str.strip)


@given(st.lists(st.tuples(TEXTS, st.one_of(st.none(), st.integers(0, 10**20)), TEXTS), max_size=5))
def test_lines_are_rows_again(cells: list[tuple[str, int | None, str]]) -> None:
    rows = [(at, text or None, number, why) for at, (text, number, why) in enumerate(cells)]
    assert [*from_lines(to_lines(rows).splitlines(keepends=True), texts=2)] == rows


def test_csv_has_a_heading_and_plain_numbers(rows_of: Open) -> None:
    made = small()
    lines = [*csv.DictReader(io.StringIO(written(rows_of(made), "csv").decode()))]
    assert len(lines) == 48
    # 4 inputs and a bias to 2 units, 2 and a bias to 1: (4 + 1)·2 + (2 + 1)·1.
    assert lines[2] == {"point": "2", "network": "one@x", "a.out_features": "2", "b.out_features": "1",
                        "parameters": "13", "macs": "10", "why": ""}  # fmt: skip
    assert lines[-1]["parameters"] == ""
    assert "expected a positive integer, got 0" in lines[-1]["why"]


def test_a_number_that_is_set_stays_a_number_whatever_its_sign_and_a_formula_is_kept_from_being_one(
    rows_of: Open,
) -> None:
    made = plan([Spec("one", NET)], [axis("a.out_features", ["-2", "=2+2"])], "parameters")
    rows = rows_of(made)
    lines = [*csv.DictReader(io.StringIO(written(rows, "csv").decode()))]
    assert [each["a.out_features"] for each in lines] == ["-2", "'=2+2"]
    assert [row[2] for row in rows] == ["-2", "=2+2"]


def test_json_is_one_document_with_nothing_where_there_is_no_number(rows_of: Open) -> None:
    made = small()
    document = json.loads(written(rows_of(made), "json"))
    assert document["schema"] == "archscope.sweep/1"
    assert document["columns"] == [*made.heading]
    assert document["rows"][2]["parameters"] == 13
    assert document["rows"][-1]["macs"] is None
    assert len(document["rows"]) == 48


def test_parquet_holds_the_same_rows_as_json(rows_of: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(writing_module, "_BATCH", 7)
    made = small()
    rows = rows_of(made)
    table = parquet.read_table(io.BytesIO(written(rows, "parquet")))
    assert table.to_pylist() == json.loads(written(rows, "json"))["rows"]


def test_who_has_no_pyarrow_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"Parquet needs pyarrow: pip install 'archscope\[sweep\]'"):
        writing_module.require_pyarrow()


def test_a_table_tells_of_settings_that_fit_nothing_and_of_rows_that_it_does_not_show(
    rows_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_module, "SHOWN", 3)
    made = small()
    shown = grid(rows_of(made))
    assert shown.title == "48 networks of one@x"
    assert shown.headings == ("a.out_features", "b.out_features", "parameters", "macs")
    assert shown.rows[2] == ("2", "1", "13", "10")
    assert shown.sentences == (
        "The first 3 of 48 networks; `-o sweep.csv` has them all.", "4 settings in all fit no network.",
    )  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30))
def test_a_front_is_what_nothing_beats(places: list[tuple[int, int]]) -> None:
    front = Front()
    for at, (x, y) in enumerate(places):
        front.add(at, x, y)
    beaten = {
        at for at, (x, y) in enumerate(places)
        for x2, y2 in places if x2 <= x and y2 <= y and (x2, y2) != (x, y)
    }  # fmt: skip
    assert sorted(front) == [at for at in range(len(places)) if at not in beaten]
    assert [places[at] for at in front] == sorted(places[at] for at in front)


@pytest.mark.parametrize("format", ["csv", "json", "parquet", "table", "markdown"])
def test_the_front_of_two_quantities_is_what_is_written(rows_of: Open, format: str) -> None:
    if format == "parquet":
        pytest.importorskip("pyarrow")
    made = small()
    rows = rows_of(made, sides("macs,parameters"))
    best = [*rows]
    every = [row for row in rows.all() if row[4] is not None]
    wanted = [
        row for row in every
        if not any(o[4] <= row[4] and o[5] <= row[5] and (o[4], o[5]) != (row[4], row[5]) for o in every)
    ]  # fmt: skip
    assert best == wanted
    assert 0 < len(best) < len(every)
    if format in ("csv", "json"):
        assert written(rows, format).decode().count("\n") == len(best) + (1 if format == "csv" else 2)
    else:
        assert written(rows, format)


@pytest.mark.parametrize("text", ["parameters", "macs,macs", "a,b,c", "macs,"])
def test_a_front_of_anything_but_two_quantities_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="a front is of two quantities"):
        sides(text)


def test_a_plane_has_a_mark_for_each_network_and_names_families(rows_of: Open) -> None:
    made = small(4)
    rows = rows_of(made, sides("parameters,macs"))
    scene = picture(rows, "parameters", "macs", theme("light"))
    marks = [each.title for each in scene.groups("part") if each.title]
    assert "one x 2 1: parameters 13, macs 10" not in marks
    assert "x 2 1: parameters 13, macs 10" in marks
    texts = [each.string for each in scene.walk() if hasattr(each, "string")]
    assert {"one", "other", "parameters", "macs"} <= {*texts}


def test_members_of_one_family_have_a_colour_each(rows_of: Open) -> None:
    made = plan([Spec("one@x", NET), Spec("one@y", NET)], [axis("a.out_features", ["1", "2"])], "parameters,macs")
    scene = picture(rows_of(made), "parameters", "macs", theme("light"))
    assert {"one@x", "one@y"} <= {each.string for each in scene.walk() if hasattr(each, "string")}


def test_a_plane_of_a_million_networks_is_no_larger_than_what_can_be_told_apart() -> None:
    plane = Plane("parameters", "macs")
    for at in range(30_000):
        plane.add("net", f"net {at}", 1_000 + at % 150, 1_000_000 + at // 150)
    scene = scatter(plane, [], theme("light"))
    marks = sum(isinstance(each, Group) for each in scene.items)
    assert plane.many == 30_000
    assert marks < 100


def test_a_plane_without_any_network_is_refused() -> None:
    with pytest.raises(UsageError, match="there is nothing to draw"):
        scatter(Plane("parameters", "macs"), [], theme("light"))


@pytest.mark.parametrize("call", [lambda: Journal(Path("/nowhere/rows.part"), "x")])
def test_a_file_that_cannot_be_written_says_so(call: Callable[[], object]) -> None:
    with pytest.raises(UsageError, match=r"cannot write /nowhere/rows\.part: no such file or directory"):
        call()


def test_rows_that_leave_a_setting_alone_have_nothing_there(rows_of: Open) -> None:
    made = plan([Spec("one", NET)], [Axis(("a.out_features",), several=((None,), ("5",)))], "parameters")
    rows = [*rows_of(made)]
    assert [row[2] for row in rows] == [None, "5"]
