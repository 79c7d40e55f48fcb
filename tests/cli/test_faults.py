"""A fault list of what surrounds the program: pipes, streams, names and folders; never a traceback, never exit 70."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archscope import reader
from archscope.errors import NotFound, UsageError
from archscope.files import is_there, write_text
from tests.patience import PATIENCE

SPEC = "input: [28, 28, 1]\nlayers:\n  a: {type: conv2d, out_channels: 2, kernel_size: 1}\n"
PROGRAM = f"{sys.executable} -m archscope"
ROOT = str(Path(__file__).parents[2])

# command line (A is the program, S a spec with a warning), exit status, what it says, whether a result is printed
FAULTS = {
    "a spec through a pipe": ("cat S | A table /dev/stdin", 0, "warning[channels-last]", True),
    "a spec from the standard input": ("cat S | A table -", 0, "warning[channels-last]", True),
    "a spec from a process": ("A table <(cat S)", 0, "warning[channels-last]", True),
    "nothing on the standard input": ("A table - < /dev/null", 2, "error[empty-spec]: <stdin> is empty", False),
    "a standard input that is closed": ("A table - <&-", 2, "error: the standard input is closed", False),
    "a device without end": ("A table /dev/zero", 2, "is larger than 67,108,864 bytes", False),
    "an output that is full": ("A table lenet1 > /dev/full", 2, "standard output: no space left on device", False),
    "an output that is closed": ("A table lenet1 >&-", 2, "error: cannot write to the standard output", False),
    "errors that go nowhere": ("A table lenet9 2>&-", 2, "", False),
    "errors that find no room": ("A table lenet9 2> /dev/full", 2, "", False),
    "warnings that find no room": ("A table S 2> /dev/full", 0, "", True),
    "nothing open at all": ("A table lenet9 >&- 2>&-", 2, "", False),
    "ASCII alone": ("PYTHONIOENCODING=ascii:strict A table S", 0, "warning[channels-last]", True),
    "a name that ASCII has not": (
        "PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 LC_ALL=C A table нет.yaml", 2, "error: there is no file", False),
    "a name that is no text": (r"A table $'b\xff.yaml'", 2, "error: there is no file b�.yaml", False),
    "no working folder": ("mkdir gone; cd gone; rmdir ../gone; A table S", 0, "warning[channels-last]", True),
    "no working folder to write to": (
        "mkdir gone; cd gone; rmdir ../gone; A table lenet1 -o x.md", 2,
        "cannot write x.md: the folder that this runs in is not there any more", False),
}  # fmt: skip


@pytest.mark.skipif(not is_there("/dev/full"), reason="needs the devices of Linux")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_around_the_program_is_met_in_words(fault: str, tmp_path: Path) -> None:
    line, status, says, prints = FAULTS[fault]
    spec = tmp_path / "net.yaml"
    spec.write_text(SPEC)
    command = re.sub(r"\bS\b", str(spec), re.sub(r"\bA\b(?= table)", PROGRAM, line))
    run = subprocess.run(["bash", "-c", command], capture_output=True, cwd=tmp_path, timeout=PATIENCE, check=False,
                         env={**os.environ, "PYTHONPATH": ROOT})  # fmt: skip
    err, out = run.stderr.decode(), run.stdout.decode()
    assert run.returncode == status, err
    assert says in err
    assert "Traceback" not in err
    assert "failed with" not in err
    assert ("Parameters" in out) is prints


@pytest.mark.parametrize("name", ["a" * 5000, "a/" * 3000 + "x.yaml", "a\0b", ""])
def test_a_name_that_no_file_can_have_is_not_found(name: str) -> None:
    with pytest.raises(NotFound):
        reader.find(name)
    assert not is_there("a" * 5000)


def test_a_file_whose_name_is_too_long_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="file name too long"):
        write_text(tmp_path / ("a" * 300), "")


FACTORIES = """
import sys
from torch import nn
class Odd(BaseException): pass
def odd(): raise Odd("boom")
def ends(): raise GeneratorExit
def leaves(): sys.exit(3)
class Mute(Exception):
    def __str__(self): raise Odd
def mute(): raise Mute
class WithValues(nn.Module):
    def __init__(self, raised=None):
        super().__init__()
        self.f, self.raised = nn.Linear(4, 4), raised
    def forward(self, x):
        if not x.is_meta: raise self.raised
        return self.f(x)
def leaves_later(): return WithValues(SystemExit(0))
def odd_later(): return WithValues(Odd("boom"))
def mute_later(): return WithValues(Mute())
def deep(): return deep()
def moon(): return [0] * 10**14
def itself():
    made = nn.Sequential(nn.Linear(4, 4))
    made.append(nn.Sequential(made))
    return made
class Forward(nn.Module):
    def forward(self, x): raise Odd("in forward")
class Again(nn.Module):
    def forward(self, x): return self(x)
class Asked(nn.Linear):
    def __init__(self): super().__init__(4, 4)
    def __hash__(self): sys.exit(0)
class Trains(Asked):
    __hash__ = nn.Module.__hash__
    def train(self, mode=True): raise Odd("no training")
"""


@pytest.mark.parametrize(
    ("factory", "says"),
    [
        ("odd", "raised Odd: boom"), ("ends", "raised GeneratorExit"), ("leaves", "raised SystemExit: 3"),
        ("mute", "raised Mute (at "),
        ("deep", "raised RecursionError"), ("moon", "raised MemoryError"),
        ("itself", "itself is a module that contains itself, as `1.0`"), ("Forward", "Odd: in forward"),
        ("Again", "Again, given 4, stops: RecursionError"),
        ("Asked", "`faulty_factories:Asked` cannot be read: its `__hash__` raised SystemExit: 0 (at "),
        ("Trains", "`faulty_factories:Trains` cannot be read: its `train` raised Odd: no training (at "),
    ],
)  # fmt: skip
def test_whatever_a_factory_does_is_told(archscope_run, factory, says, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "faulty_factories.py").write_text(FACTORIES)
    monkeypatch.syspath_prepend(str(tmp_path))
    run = archscope_run("table", f"faulty_factories:{factory}@4")
    assert run.status == 2
    assert says in run.err


@pytest.mark.parametrize(("factory", "says"), [
    ("leaves_later", "the module raised SystemExit: 0"), ("odd_later", "the module raised Odd: boom"),
    ("mute_later", "it does not run with values: Mute"),
])  # fmt: skip
def test_what_ends_a_module_that_has_values_ends_no_verification(
    archscope_run: Any, factory: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "later_factories.py").write_text(FACTORIES)
    monkeypatch.syspath_prepend(str(tmp_path))
    run = archscope_run("verify", f"later_factories:{factory}@4", "--witness", "module", "--witness", "FLOPs")
    assert run.status == 0
    assert f"module  everything: {says}" in run.out


@pytest.mark.parametrize(("asked", "there", "said"), [
    ("nowhere.onnx", "zz9.onnx", "error: there is no file nowhere.onnx; .onnx files there: zz9.onnx\n"),
    ("vg16.prototxt", "vgg16.prototxt", "error: there is no file vg16.prototxt; did you mean vgg16.prototxt?\n"),
    ("k.keras", "net.onnx", "error: there is no file k.keras\n"),
])  # fmt: skip
def test_a_file_of_another_tool_that_is_not_there_is_no_name_of_a_spec(
    asked: str, there: str, said: str, archscope_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / there).touch()
    monkeypatch.chdir(tmp_path)
    run = archscope_run("table", asked)
    assert (run.status, run.err) == (2, said)
