"""``archscope memory``: phases, the peak, what fits, and mistakes in a line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

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
        (["--format", "yml"], "error: no format `yml`; formats: table, json, markdown, csv, html, latex"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "lenet5", *arguments]) == 2
    assert capsys.readouterr().err.strip() == message


def test_a_batch_that_does_not_fit_says_which_does_and_what_takes_the_room(capsys: pytest.CaptureFixture[str]) -> None:
    request = ["memory", "alexnet-torchvision", "--optimizer", "adam", "--batch", "5000", "--fits", "8GiB"]
    assert main(request) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "A batch of 5,000 does not fit in 8,589,934,592 bytes (8.0 GiB), as it needs" in said
    assert "a batch of 1,982 fits." in said
    assert "Most of that is for what the backward pass needs of the forward pass, which grows with the batch:" in said


@pytest.mark.parametrize(("format", "begins"), [("html", "<!doctype html>"), ("latex", "% \\usepackage{booktabs}")])
def test_it_is_written_for_pages_and_papers(format: str, begins: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "lenet5", "--optimizer", "sgd", "--format", format]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(begins)
    assert "243,400" in shown


def test_a_picture_has_a_bar_for_each_layer_of_each_phase(tmp_path: Path) -> None:
    assert main(["memory", "lenet5", "--optimizer", "adam", "-o", str(tmp_path / "held.svg")]) == 0
    picture = (tmp_path / "held.svg").read_text()
    # C1, S2, C3, S4, C5, F6 and OUTPUT; what is flattened is seen, and takes nothing.
    assert picture.count("<title>forward ") == 7
    assert picture.count("<title>backward ") == 7
    assert "Most: " in picture
    assert main(["memory", "lenet5", "--format", "png"]) == 2  # no text


def test_what_is_remembered_says_its_formula(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "gpt2@small", "--cache", "1000", "--batch", "4", "--dtype", "fp16"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "A token takes 12·2·2·12·64 = 36,864 bytes in float16." in shown
    assert "4·1,000·12·2·2·12·64 = 147,456,000 bytes" in shown
    assert "4·⌈1,000/16⌉·16·12·2·2·12·64 = 148,635,648 bytes" in shown
    assert main(["memory", "gpt2@small", "--cache", "1000", "--window", "256", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == 256 * 73_728


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gpt2@small", "--cache", "0"], "error: `--cache 0`: write a whole number above 0"),
        (["gpt2@small", "--cache", "9", "--window", "0"], "error: a window of 0 holds no token; use 1 or more"),
        (["lenet5", "--cache", "9"], "error: LeNet-5 remembers nothing"),
    ],
)
def test_a_cache_that_is_none_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(message.replace("LeNet-5", "lenet5"))
    assert "\n" not in said
