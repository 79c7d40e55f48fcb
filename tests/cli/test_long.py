"""A command that will take long says so before it does, and what is there sooner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import archscope
from archscope import limits
from archscope.diagrams.chain import chain, has_weights
from tests.conftest import Run
from tests.steps import counted


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["table", "lenet1"], "note: a table of 11 layers takes a while; `--depth 1` has a line for each block"),
        (["code", "lenet1"], "note: source of 11 layers takes a while; `archscope table --depth 1`"),
        (
            ["diagram", "lenet1", "--style", "graph"],
            "note: a picture of 11 layers takes a while; `--depth 1` draws blocks closed",
        ),
        (["diagram", "lenet1", "--style", "boxes"], "note: a picture of 11 layers takes a while; `archscope table"),
        (
            ["diagram", "lenet1", "--style", "boxes", "--format", "html"],
            "note: a page of 11 layers takes a while; `--format svg` draws equal blocks once",
        ),
        (
            ["diagram", "lenet1", "--style", "graph", "--format", "html"],
            "note: a page of 11 layers takes a while; `--format svg` draws equal blocks once",
        ),
        (["verify", "lenet1", "-w", "published"], "note: a verification of 11 layers takes a while; `--seconds 10`"),
        (["memory", "lenet1"], "note: the memory of 11 layers takes a while; `archscope table --columns saved_bytes`"),
        (["diff", "lenet1", "lenet5"], "note: a comparison of 14 layers takes a while; `archscope table --depth 1`"),
        (["spec", "lenet1"], "note: a spec of 11 layers takes a while; `archscope table --depth 1` has a line for"),
        (["docs", "lenet1"], "note: a page of 11 layers takes a while; `archscope table` has the numbers alone"),
    ],
)
def test_what_takes_long_is_foretold(
    archscope_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], says: str
) -> None:
    more = ["-o", str(tmp_path / "out.svg")] if arguments[0] in ("diagram", "docs") else []
    assert "takes a while" not in archscope_run(*arguments, *more).err
    monkeypatch.setattr(limits, "LONG_TEXT", 7)
    monkeypatch.setattr(limits, "LONG_PICTURE", 7)
    monkeypatch.setattr(limits, "LONG_PAGE", 7)
    run = archscope_run(*arguments, *([] if not more else ["-o", str(tmp_path / "again.svg")]))
    assert run.status == 0
    assert says in run.err


def test_what_asks_for_less_is_not_told_of_it(
    archscope_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LONG_TEXT", 7)
    assert archscope_run("table", "lenet1", "--depth", "1").err == ""


def test_a_picture_that_draws_equal_blocks_once_takes_no_while(
    archscope_run: Callable[..., Run], tmp_path: Path
) -> None:
    run = archscope_run("diagram", "mixtral", "-o", str(tmp_path / "out.svg"))
    assert (run.status, run.err) == (0, "note: style transformer: blocks that attend are added to one stream\n")


def test_twice_as_long_a_chain_takes_twice_as_many_steps_to_lay_out() -> None:
    def steps(layers: int) -> int:
        text = "".join(f"  l{each}: {{type: linear, out_features: 4}}\n" for each in range(layers))
        analysis = archscope.analyze(archscope.read(f"input: [4]\nlayers:\n{text}"))
        assert len(analysis.nodes) == layers
        return counted(lambda: chain(analysis, has_weights))

    assert steps(120) < 2.2 * steps(60)


def test_a_spec_from_a_pipe_is_not_measured(archscope_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archscope.reader.read_standard_input", lambda: b"input: [4]\nlayers:\n  a: {type: relu}\n")
    run = archscope_run("bench", "-", "--quick")
    assert (run.status, "cannot read a pipe" in run.err) == (2, True)
