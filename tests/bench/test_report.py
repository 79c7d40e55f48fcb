"""What a person is told: tables, verdicts, comparisons and the plot."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from archscope import NotFound, UsageError
from archscope.bench.compare import compare, read_result
from archscope.bench.plan import Cell
from archscope.bench.report import comparison, write
from archscope.bench.roofline import write_svgs
from archscope.bench.verdict import verdict
from tests.bench.results import figure, finished, measured


def alexnet(cell: Cell, time: int) -> dict[str, Any]:
    return measured(cell, 0.08 * cell.batch)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    def some(cell: Cell, time: int) -> dict[str, Any]:
        if cell.batch == 4096:
            return {"status": "oom", "error": "needs at least 17,799,723,860,896 bytes and 24,271,327,232 are free"}
        noisy = {"verdict": "noisy", "reasons": ["programs waited for a CPU 30 % of the time"], "remedy": "wait"}
        return {**alexnet(cell, time), **({"noise": noisy} if cell.batch == 8 else {})}

    return finished(some, ("alexnet",), batches=(1, 8, 4096))


def test_no_line_of_a_report_is_wider_than_a_terminal(document: dict[str, Any]) -> None:
    assert max(map(len, write(document, "table").splitlines())) <= 80


def test_a_report_says_what_was_seen(document: dict[str, Any]) -> None:
    text = write(document, "table")
    assert "Speed (fp32, nchw, eager, infer)" in text
    assert "alexnet b8: noisy: programs waited for a CPU 30 % of the time; wait" in text
    assert "alexnet b4096: oom: needs at least" in text
    assert "the largest" in text
    assert "Layers of alexnet b1, timed in place" in text
    assert "between layers" in text


def test_the_verdict_names_lrn_as_the_largest_loss_by_itself(document: dict[str, Any]) -> None:
    first, second, third = verdict(document["cells"][0])
    assert first.startswith("lrn1 takes the most time: ")
    assert second.startswith("lrn2 (lrn) loses the most: it takes ")  # as long as lrn1, over fewer values
    assert "the 2 lrn layers lose 46 % of the whole time." in second
    assert "one fused operation instead of 14 operations" in third


def test_no_layer_takes_the_most_where_more_passes_between_layers() -> None:
    def first(between: float) -> str:
        layers = [{"name": name, "type": kind, "time": time, "floor": 0, "bound": "memory", "launches": 1}
                  for name, kind, time in (("a", "linear", 2e-3), ("between layers", None, between))]  # fmt: skip
        return verdict({"layers": layers, "launch_bound": True, "time": {"period": None}})[0]

    assert first(1e-3) == "a takes the most time: 2 ms, 67 % of the whole."
    assert first(8e-3) == (
        "Of the layers, a takes the most time: 2 ms, 20 % of the whole. 80 % of it, 8 ms, passes between layers, "
        "in functions that the module's code calls, and is not told apart."
    )


def with_bound(bound: str, *, launch_bound: bool = False, floor: float = 1e-3, **axes: object) -> str:
    layer = {"name": "a", "type": "conv2d", "time": 2e-3, "floor": floor, "bound": bound, "launches": 1}
    cell = {"layers": [layer], "launch_bound": launch_bound, "time": {"period": axes.pop("period", None)}}
    return verdict(cell | {"dtype": "fp32", "layout": "nchw", "engine": "eager"} | axes)[2]


def test_what_would_help_depends_on_what_a_layer_waits_for() -> None:
    assert "CUDA graph" in with_bound("compute", launch_bound=True)
    assert "arithmetic that keeps it busy" in with_bound("compute")
    assert "one fused operation, reading its input once" in with_bound("memory")
    assert "a larger batch would help" in with_bound("launch")


def test_what_a_cell_has_already_is_not_said_to_help() -> None:
    on_gpu = {"period": 2e-3, "dtype": "bf16", "layout": "nhwc"}
    assert with_bound("compute", **on_gpu) == "It is arithmetic that keeps it busy: --engine compile would help."
    assert with_bound("compute", **on_gpu, engine="compile") == "It is arithmetic that keeps it busy."
    assert "a lower precision (--dtype bf16) or --layout nhwc" in with_bound("compute", period=2e-3)


def test_a_kernel_far_from_the_devices_arithmetic_is_not_kept_busy_by_it() -> None:
    assert with_bound("compute", floor=3e-5, dtype="bf16") == (
        "Its kernel reaches 1.5 % of the arithmetic that the device has: --layout nhwc or --engine compile may find a "
        "better one."
    )


def test_a_cell_without_layers_has_no_verdict() -> None:
    assert verdict({"layers": None, "launch_bound": None, "time": {"period": None}}) == ()


def test_csv_has_a_row_for_each_cell_and_each_layer(document: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(write(document, "csv"))))
    cells = [row for row in rows if not row["layer"]]
    assert [row["status"] for row in cells] == ["ok", "ok", "oom"]
    assert float(cells[0]["time"]) == document["cells"][0]["time"]["latency"]["value"]
    assert sum(float(row["share"]) for row in rows if row["layer"] and "/b1/" in row["id"]) == pytest.approx(1)


def test_markdown_has_as_many_cells_in_every_line_of_a_table(document: dict[str, Any]) -> None:
    for block in write(document, "markdown").split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1


def test_json_is_the_document(document: dict[str, Any]) -> None:
    assert json.loads(write(document, "json")) == json.loads(json.dumps(document))


def test_a_gpu_report_tells_the_four_times_apart() -> None:
    def asynchronous(cell: Cell, time: int) -> dict[str, Any]:
        figures = {"latency": 79.5e-6, "period": 70.6e-6, "device": 42e-6, "host": 70e-6}
        return measured(cell, 79.5e-6, figures={name: figure(value) for name, value in figures.items()})

    text = write(finished(asynchronous), "table")
    assert "Four times of one call" in text
    assert "a CUDA graph (--engine graph)" in " ".join(text.split())


ALEXNET = "alexnet/b1/fp32/nchw/eager/infer"


def test_every_good_cell_is_drawn(document: dict[str, Any]) -> None:
    assert list(write_svgs(document)) == [ALEXNET, ALEXNET.replace("b1", "b8")]


def test_the_plot_has_a_point_for_every_layer_that_does_anything(document: dict[str, Any]) -> None:
    root = ElementTree.fromstring(write_svgs(document)[ALEXNET])
    names = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")][1:]
    layers = [layer["name"] for layer in document["cells"][0]["layers"] if layer["floor"]]
    assert sorted(set(names)) == sorted(layers)
    assert names.count("lrn1") == 1
    assert names.count("conv1") == 2
    texts = " ".join(text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "peak 100 GFLOP/s" in texts
    assert "memory 20 GB/s" in texts
    assert "starting one operation: 1 µs" in texts


def test_no_name_in_the_plot_lies_outside_it(document: dict[str, Any]) -> None:
    root = ElementTree.fromstring(write_svgs(document)[ALEXNET])
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 <= float(text.get("x", "-1")) <= 760
        assert 0 <= float(text.get("y", "-1")) <= 980


def test_the_name_of_the_slope_stays_right_of_the_axis() -> None:
    # Of the measurements on the pages one has a ridge far to the left.
    document = read_result(Path(__file__).parents[2] / "docs" / "benchmarks" / "cpu.json")
    for cell, svg in write_svgs(document).items():
        name = next(text for text in ElementTree.fromstring(svg).iter() if (text.text or "").startswith("memory "))
        width = 7 * len(name.text or "") if name.get("text-anchor") == "end" else 0
        assert float(name.get("x", "0")) - width >= 92, cell


def test_without_layers_there_is_no_plot() -> None:
    assert write_svgs(finished(lambda cell, time: measured(cell, 1e-3, layers=None))) == {}


def timed(*seconds: float, verdict: str = "ok") -> dict[str, Any]:
    noise = {"verdict": verdict, "reasons": ["x"], "remedy": "y"}
    return finished(lambda cell, time: measured(cell, seconds[time - 1], noise=noise))


BASE = (1.000, 1.001, 1.002)


@pytest.mark.parametrize(
    ("new", "word"),
    [
        ((1.000, 1.001, 1.002), "SAME"),
        ((1.005, 1.006, 1.007), "SAME"),
        ((0.900, 0.901, 0.902), "FAST"),
        ((1.100, 1.101, 1.102), "SLOW"),
        ((0.9, 1.0, 1.1), "AMBIGUOUS"),
    ],
)
def test_each_word_of_a_comparison(new: tuple[float, ...], word: str) -> None:
    (found,) = compare(timed(*BASE), timed(*new))
    assert found.word == word
    assert f"{word} " in comparison([found], "base.json")


def test_a_noisy_run_is_ambiguous_whatever_it_measured() -> None:
    (found,) = compare(timed(*BASE), timed(0.5, 0.5, 0.5, verdict="noisy"))
    assert (found.word, found.why) == ("AMBIGUOUS", "this run was noisy")


def test_different_devices_are_not_compared() -> None:
    other = timed(*BASE)
    other["ceilings"]["device"] = "another device"
    with pytest.raises(UsageError, match="different devices: a fake device, then another device"):
        compare(timed(*BASE), other)


def test_results_without_a_cell_in_common_are_not_compared() -> None:
    other = finished(lambda cell, time: measured(cell, 1e-3), batches=(7,))
    with pytest.raises(UsageError, match="no good cell in common"):
        compare(timed(*BASE), other)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "archscope.analysis/1", "cells": []}'])
def test_what_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "base.json"
    path.write_text(text)
    with pytest.raises(UsageError):
        read_result(path)


def test_a_missing_result_is_named() -> None:
    with pytest.raises(NotFound, match=r"cannot read nowhere\.json"):
        read_result("nowhere.json")


def test_names_of_points_keep_clear_of_the_roofs_name() -> None:
    result = read_result(Path(__file__).parents[2] / "docs" / "benchmarks" / "h200.json")
    drawn = write_svgs(result)["alexnet/b256/fp32/nchw/eager/infer"]
    name = re.search(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="end"[^>]*>peak ', drawn)
    points = [
        float(each) for each in re.findall(r'<circle cx="([\d.]+)" cy="[\d.]+" r="5"[^/]*><title>conv[2-5]', drawn)
    ]
    # conv2 to conv5 lie above the roof, where its name would stand: it begins at the ridge instead.
    assert name is not None
    assert len(points) == 8
    assert all(float(name[1]) < each - 50 for each in points[:4])
