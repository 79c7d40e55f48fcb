"""Every spec in every format, compared with the text that was looked at."""

from __future__ import annotations

import pytest

import archscope
from archscope.reader import spec_names
from tests.golden import FOLDER, pages, paths


@pytest.mark.parametrize("spec", spec_names())
def test_a_spec_prints_as_it_was_looked_at(spec: str) -> None:
    lines = 0
    for path, text in pages(spec):
        lines += text.count("\n")
        assert path.exists(), f"{path} is missing; `python tasks.py golden` writes it"
        assert text == path.read_text(encoding="utf-8"), f"{path} differs; `python tasks.py golden` writes it anew"
    assert lines < 3000, "more than anybody reads"


def test_there_is_no_golden_of_a_spec_or_a_format_that_is_gone() -> None:
    expected = {path for spec in spec_names() for path in paths(spec, archscope.analyze(archscope.load(spec)))}
    assert set(FOLDER.rglob("*.txt")) == expected
