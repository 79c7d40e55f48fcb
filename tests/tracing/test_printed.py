"""What code prints while it is read is heard as often as one run says it, beside what is asked for."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.cli import main
from archscope.theirs import heard_apart, heard_once


class Loud(nn.Module):
    """Prints as it is made, and as it runs; takes whole numbers, which are not what is tried first."""

    def __init__(self) -> None:
        super().__init__()
        print("made")
        self.read, self.out = nn.Embedding(5, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        print("begins,", x.shape[0], "sample")
        found = self.read(x)
        for _ in range(2):
            print("twice")
        print("ends", end="")
        made: Tensor = self.out(found)
        return made


SAID = ["begins, 1 sample", "twice", "twice", "ends"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: archscope.trace(Loud(), (3,)),
        lambda: archscope.trace(Loud(), torch.zeros(1, 3, dtype=torch.long)),
    ],
)
def test_what_forward_prints_is_heard_as_often_as_one_run_says_it(
    ask: Callable[[], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # each time somebody asks
        ask()
        said = capsys.readouterr()
        assert said.out == "made\n"  # the user's own call, not ours
        assert said.err.splitlines() == SAID


@pytest.mark.parametrize("command", ["table", "verify", "code", "memory"])
def test_what_a_factory_prints_is_heard_once_in_a_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, f"{__name__}:Loud@3", *(["--seconds", "5"] if command == "verify" else [])]) == 0
    said = capsys.readouterr()
    assert [each for each in said.err.splitlines() if each in {"made", *SAID}] == ["made", *SAID]
    assert "sample\n" not in said.out.replace("one sample\n", "")


def test_a_line_that_only_another_attempt_says_is_heard_too(capsys: pytest.CaptureFixture[str]) -> None:
    with heard_once():
        for lines in (["a", "b"], ["a", "b", "b", "c"], ["b"], ["a", "c"]):
            with heard_apart():
                print(*lines, sep="\n")
        with heard_apart(quiet=True):
            print("nobody asked")
    assert capsys.readouterr().err.split() == ["a", "b", "b", "c"]


def test_what_is_said_on_the_error_stream_is_heard_once_too(capsys: pytest.CaptureFixture[str]) -> None:
    with heard_once():
        for _ in range(3):
            with heard_apart():
                print("both", file=sys.stderr)
                with heard_apart():
                    print("within", file=sys.stderr)
                    print("within")
                print("both")
        with heard_apart(quiet=True), heard_apart():
            print("nobody asked", file=sys.stderr)
    said = capsys.readouterr()
    assert said.err.split() == ["both", "within", "within", "both"]
    assert not said.out


def test_a_logger_made_while_code_runs_writes_as_it_likes_afterwards(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with heard_once():
        for quiet in (False, True):
            with heard_apart(quiet=quiet):
                handler = logging.StreamHandler()
                print("while it runs", file=sys.stderr)
            for _ in range(2):
                handler.stream.write("while it runs\n")
    assert capsys.readouterr().err.splitlines() == ["while it runs"] * 5


def test_a_prompt_is_heard_before_its_line_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with heard_once(), heard_apart():
        print("(Pdb) ", end="")
        sys.stdout.flush()
        assert capsys.readouterr().err == "(Pdb) "
