"""``archscope memory``: phases, the peak, what fits, and mistakes in a line."""

from __future__ import annotations

import csv
import json

import pytest

from archscope.cli import main


def test_it_names_the_fullest_phase_who_holds_it_and_what_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "alexnet-torchvision", "--batch", "16", "--optimizer", "adam", "--fits", "8GiB"]) == 0
    shown = capsys.readouterr().out
    assert "Most is held in optimizer step: 1,289,238,208 bytes (1.2 GiB)." in shown
    assert "A batch of 1,982 fits in 8,589,934,592 bytes (8.0 GiB)." in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_what_does_not_fit_says_what_is_held_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "alexnet-torchvision", "--fits", "1MB"]) == 0
    assert "Not even one sample fits in 1,000,000 bytes" in capsys.readouterr().out


def test_programs_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "lenet5", "--optimizer", "sgd", "--format", "json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert [phase["name"] for phase in read["phases"]][-1] == "optimizer step"
    assert main(["memory", "lenet5", "--format", "csv"]) == 0
    lines = [*csv.DictReader(capsys.readouterr().out.splitlines())]
    assert [int(line["weights"]) for line in lines] == [243_400, 243_400]
    assert main(["memory", "lenet5", "--format", "markdown"]) == 0
    assert "| forward | 243,400 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--optimizer", "adan"], "error: no optimizer `adan`; did you mean `adam`?"),
        (["--fits", "8x"], "error: `--fits 8x`: write a number and a unit, such as `24GiB`"),
        (["--batch", "0"], "error: a batch of 0 holds nothing; use 1 or more"),
        (["--format", "yml"], "error: no format `yml`; formats: table, markdown, csv, json"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "lenet5", *arguments]) == 2
    assert capsys.readouterr().err.strip() == message
