"""The tracker's time may be up in the middle of any operation: the run ends, and the process does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
