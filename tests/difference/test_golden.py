"""What each difference prints is what is written down, and no golden is left over."""

from __future__ import annotations

import pytest

from archscope.formats.differences import FORMATS, write
from tests.difference.golden import FOLDER, PAIRS, found


@pytest.mark.parametrize("name", PAIRS)
def test_a_difference_reads_as_it_is_written_down(name: str) -> None:
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    assert write(found(*PAIRS[name]), "table", width=80) + "\n" == text


@pytest.mark.parametrize("form", [each for each in FORMATS if each != "table"])
def test_every_format_says_the_same(form: str) -> None:
    text = (FOLDER / f"lenet5-pytorch.{form}.txt").read_text(encoding="utf-8")
    assert write(found(*PAIRS["lenet5-pytorch"]), form) + "\n" == text


def test_no_golden_is_left_over() -> None:
    wanted = {*PAIRS, *(f"lenet5-pytorch.{form}" for form in FORMATS if form != "table")}
    assert {path.name.removesuffix(".txt") for path in FOLDER.glob("*")} == wanted


def test_no_line_is_wider_than_a_terminal() -> None:
    for name in PAIRS:
        for line in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            # A row of totals is as wide as two names and three numbers are.
            assert len(line) <= 80 or line.startswith(("Parameters", "Fixed", "Connections", "MACs", "Saved", " ")), (
                line
            )
