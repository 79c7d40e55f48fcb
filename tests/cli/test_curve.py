"""``archscope curve``: costs at sizes that double, their polynomial, and where the square overtakes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import archscope
from archscope.cli import main
from archscope.curves import curve

GPT2 = ["curve", "gpt2@small", "--over", "length=128..1000", "--quantities", "macs,saved_bytes"]


def test_a_table_has_the_sizes_the_polynomial_and_the_mark(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(GPT2) == 0
    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.splitlines()[4:8]] == ["128", "256", "512", "1,000"]
    assert "macs = 18,432·length² + 123,532,032·length" in shown
    # 18,432·n² ≥ 123,532,032·n from n = 6,702.04 on.
    assert "From length = 6,703 on the square is the larger part of macs." in shown


def test_programs_read_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*GPT2, "--format", "csv"]) == 0
    lines = [*csv.DictReader(capsys.readouterr().out.splitlines())]
    assert int(lines[-1]["length"]) == 1_000
    assert int(lines[-1]["macs"]) == 18_432 * 1_000**2 + 123_532_032 * 1_000
    assert main([*GPT2, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["overtaken"] == {"macs": 6_703}


def test_a_plot_marks_where_the_square_overtakes(tmp_path: Path) -> None:
    request = ["curve", "gpt2@small", "--over", "length=128..32768", "-q", "macs", "-o", str(tmp_path / "c.svg")]
    assert main(request) == 0
    assert "macs: square overtakes at 6,703" in (tmp_path / "c.svg").read_text()


def test_every_size_is_worked_out_by_the_rules() -> None:
    grown = curve(archscope.load("lenet5"), "batch", 1, 100, ["macs", "saved_bytes"])
    assert grown.values == (1, 2, 4, 8, 16, 32, 64, 100)
    assert grown.lines["macs"][-1] == 100 * 326_520
    held = archscope.analyze(archscope.load("lenet5")).memory(100, optimizer="sgd")["forward"].after.held
    assert grown.lines["saved_bytes"][-1] == held["saved"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--over", "bach=1..8"], "error: lenet5 has no `bach` to leave open; did you mean `batch`?"),
        (["--over", "batch=8"], "error: `--over batch=8`: write a name and two numbers, such as `length=128..32768`"),
        (["--over", "batch=9..8"], "error: `batch=9..8`: write two whole numbers above 0, the smaller one first"),
        (["--over", "batch=1..8", "-q", "mac"], "error: no quantity `mac`; did you mean `macs`?"),
        (["--over", "batch=1..8", "-q", "cache_bytes"], "error: lenet5 remembers nothing from one token to the next"),
        (["--over", "height=3..64"], "error: `C1` (conv2d) does not take what it is given: a kernel of 5"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["curve", "lenet5", *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(message)
    assert "\n" not in said
