"""Time may be up, or an interrupt come, in the middle of any operation: the run ends, and the process does not."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from archscope.interrupts import between_operations, called_in_operations
from archscope.oracles.tracking import Ending

ENDS = """
import sys
import archscope
from archscope.oracles import tracking
from archscope.oracles.memory import built
from archscope.oracles.pace import TimeUp

network = archscope.read(sys.argv[1])

def run(most):
    count = 0
    def each():
        nonlocal count
        count += 1
        if count > most:
            raise TimeUp
    try:
        run_ = tracking.saved if sys.argv[2] == "saved" else tracking.tracked
        run_(lambda: built(network, 2), *([] if sys.argv[2] == "saved" else ["sgd"]), each=each)
    except TimeUp:
        return count
    return count, "whole"

whole = run(10**9)
some = range(0, whole[0], int(sys.argv[3]))
ended = [run(most) for most in some]
assert whole[1] == "whole" and ended == [most + 1 for most in some], (whole, ended)
print(whole[0])
"""
NET = "name: n\ninput: [6]\nlayers:\n  a: {type: linear, out_features: 5}\n  b: {type: linear, out_features: 3}\n"


@pytest.mark.parametrize(("what", "apart", "least"), [("saved", 1, 3), ("tracked", 19, 100)])
def test_a_run_ends_wherever_its_time_is_up(what: str, apart: int, least: int) -> None:
    # In a process of its own: PyTorch ends the whole of it where an exception leaves the middle of some operations.
    ran = subprocess.run(
        [sys.executable, "-c", ENDS, NET, what, str(apart)], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert int(ran.stdout) >= least


def test_nothing_is_looked_at_after_the_end_and_modules_say_so() -> None:
    from torch import nn, zeros

    calls = []

    def each() -> None:
        calls.append(1)
        raise ValueError("over")

    ending = Ending(each)
    ending.come()
    with ending.between_modules():
        nn.Identity()(zeros(1))
        assert [ending.goes_on(), ending.goes_on()] == [False, False]
        with pytest.raises(ValueError, match="over"):
            nn.Identity()(zeros(1))
    nn.Identity()(zeros(1))
    assert len(calls) == 1


INTERRUPTED = """
import signal, sys
import archscope
from archscope.interrupts import between_operations, called_in_operations
from archscope.oracles import tracking
from archscope.oracles.memory import built

# What a shell runs in the background ignores interrupts, and hands that on.
signal.signal(signal.SIGINT, signal.default_int_handler)

network = archscope.read(sys.argv[1])

def run(at):
    count = 0
    def each():
        nonlocal count
        count += 1
        if count == at:
            signal.raise_signal(signal.SIGINT)
    run_ = tracking.saved if sys.argv[2] == "saved" else tracking.tracked
    with between_operations():
        run_(lambda: built(network, 2), *([] if sys.argv[2] == "saved" else ["sgd"]), each=each)
    return count

whole = run(0)
for at in range(1, whole + 1, int(sys.argv[3])):
    before = sys.getprofile(), signal.getsignal(signal.SIGINT)
    try:
        run(at)
        print("no interrupt", at)
    except KeyboardInterrupt:
        assert (sys.getprofile(), signal.getsignal(signal.SIGINT)) == before
print(whole)
"""
COMMAND = """
import signal, sys
from archscope.cli import main
from archscope.oracles import tracking

# What a shell runs in the background ignores interrupts, and hands that on.
signal.signal(signal.SIGINT, signal.default_int_handler)

goes_on, count = tracking.Ending.goes_on, 0

def counted(self):
    global count
    count += 1
    if count == int(sys.argv[2]):
        signal.raise_signal(signal.SIGINT)
    return goes_on(self)

tracking.Ending.goes_on = counted
sys.exit(main(["verify", sys.argv[1], "-w", "module", "-w", "memory"]))
"""


@pytest.mark.parametrize(("what", "apart", "least"), [("saved", 1, 3), ("tracked", 19, 100)])
def test_an_interrupt_comes_after_the_operation_that_it_comes_in(what: str, apart: int, least: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, NET, what, str(apart)], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert int(ran.stdout) >= least


@pytest.mark.parametrize("at", [40, 200])
def test_verify_that_is_interrupted_in_an_operation_says_what_is_known(at: int, tmp_path: Path) -> None:
    (tmp_path / "n.yaml").write_text(NET, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", COMMAND, str(tmp_path / "n.yaml"), str(at)], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (130, "")
    assert "Stopped in memory; the rest was not asked." in " ".join(ran.stdout.split())


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Nobody else handles interrupts, and they are not ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_interrupts_that_somebody_else_handles_are_left_to_them() -> None:
    came = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append(1))
    try:
        with between_operations():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert came == [1]


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_that_waits_comes_though_nothing_is_called_any_more() -> None:
    @called_in_operations
    def hook() -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), between_operations():
        hook()


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_that_comes_as_something_goes_is_not_lost(capsys: pytest.CaptureFixture[str]) -> None:
    class Going:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), between_operations():
        Going()
    assert capsys.readouterr().err == ""
