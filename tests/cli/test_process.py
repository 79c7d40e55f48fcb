"""The program as a whole process: what it loads, and what it does on a terminal, in a pipe and without colour."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

PROGRAM = [sys.executable, "-m", "archscope"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}


def on_a_terminal(*arguments: str, columns: int = 80, **environment: str) -> str:
    """What a terminal of some width receives."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    child = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdout=follower,
        stderr=follower,
        stdin=follower,
        env={**ENVIRONMENT, "TERM": "xterm-256color", **environment},
    )
    os.close(follower)
    received = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux's way of saying that the other end has closed
            break
        if not piece:
            break
        received += piece
    os.close(leader)
    assert child.wait() == 0
    return received.decode().replace("\r\n", "\n")


def piped(*arguments: str, **environment: str) -> str:
    """What a pipe receives."""
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, env={**ENVIRONMENT, **environment}, check=True)
    return done.stdout.decode()


def test_a_terminal_of_80_columns_gets_80_columns_in_colour() -> None:
    text = on_a_terminal("table", "alexnet")
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[\d+m", "", text)
    assert max(len(line) for line in plain.split("\n")) <= 80
    assert "60,965,224" in plain


def test_no_color_leaves_the_same_table_without_a_single_code() -> None:
    text = on_a_terminal("table", "alexnet", NO_COLOR="1")
    assert "\x1b" not in text
    assert text == re.sub(r"\x1b\[\d+m", "", on_a_terminal("table", "alexnet"))


def test_a_dumb_terminal_gets_no_codes() -> None:
    assert "\x1b" not in on_a_terminal("table", "lenet5", TERM="dumb")


def test_verification_shows_how_far_it_is_on_a_terminal_and_nowhere_else() -> None:
    arguments = ("verify", "lenet1", "-w", "module", "-w", "published")
    text = on_a_terminal(*arguments)
    bar, _, result = text.rpartition("\x1b[2K")
    assert "importing PyTorch" in bar
    assert "lenet1: published" in bar
    assert "━" not in result
    assert "nothing differs" in result
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, env=ENVIRONMENT, check=True)
    assert done.stderr == b""


def test_a_pipe_gets_every_column_and_no_codes() -> None:
    text = piped("table", "lenet5", "--working", COLUMNS="40")
    assert "\x1b" not in text
    assert "Activation" in text
    assert "Left out" not in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_pipe_gets_utf8_whatever_the_locale(encoding: str) -> None:
    assert "6×28×28" in piped("table", "lenet5", PYTHONIOENCODING=encoding)


def test_a_reader_that_goes_away_is_not_worth_a_message() -> None:
    program = subprocess.Popen(
        [*PROGRAM, "table", "alexnet", "--format", "json", "--all"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**ENVIRONMENT, "PYTHONUNBUFFERED": "1"},
    )
    assert program.stdout is not None
    program.stdout.close()
    assert program.stderr is not None
    assert program.stderr.read() == b""
    program.stderr.close()
    assert program.wait() == 141


@pytest.mark.parametrize(
    "command",
    [
        ["table", "lenet5"],
        ["explain", "lenet5", "C1"],
        ["list"],
        ["code", "alexnet", "--to", "pytorch"],
        ["code", "alexnet", "--to", "keras"],
        ["--help"],
    ],
)
def test_the_everyday_commands_load_nothing_heavy(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "archscope", *command],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "archscope" in loaded
    assert not loaded & {
        "torch",
        "numpy",
        "keras",
        "pygraphviz",
        "graphviz",
        "PIL",
        "fontTools",
        "matplotlib",
        "pydantic",
    }


def test_import_archscope_loads_nothing_heavy() -> None:
    code = "import sys, archscope; print(sorted({'torch', 'numpy', 'keras', 'pygraphviz', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
