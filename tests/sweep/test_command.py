"""`archscope sweep` as a person types it, and what it says of each mistake."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from archscope.cli import main
from archscope.sweep import running

TWO = "a front is of two quantities, such as parameters,macs; `units:most` where more is better"
Sweep = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Sweep:
    """Run the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["sweep", *arguments])
        out, err = capfd.readouterr()
        return status, out, err

    return run


def test_a_front_of_networks_that_none_is_left_of_is_empty(sweep: Sweep) -> None:
    asked = ("--set", "C1.padding=0..1", "--where", "parameters<80", "--front", "parameters,macs")
    status, out, err = sweep("lenet5", *asked)
    assert (status, err) == (0, "")
    assert "0 of" in out


def test_every_combination_has_a_row(sweep: Sweep) -> None:
    assert sweep("lenet5", "--set", "C1.padding=0..1", "--set", "C1.out_channels=6,12") == (0, """\
4 networks of lenet5

C1.padding  C1.out_channels  parameters     macs
────────────────────────────────────────────────
0                         6      60,850  326,520
0                        12      61,018  444,120
1                         6      60,850  375,420
1                        12      61,018  510,420
""", "")  # fmt: skip


def test_two_families_stand_on_one_plane_after_one_command(sweep: Sweep, tmp_path: Path) -> None:
    assert sweep("vgg@A,B", "resnet@18,34", "--front", "parameters,macs", "-o", "plane.svg") == (0, "", "")
    drawn = (tmp_path / "plane.svg").read_text()
    for text in (">vgg<", ">resnet<", ">A<", ">B<", ">18<", ">34<"):
        assert text in drawn
    assert "A: parameters 132,863,336, macs 7,609,090,048" in drawn
    assert [each.name for each in tmp_path.iterdir()] == ["plane.svg"]


@pytest.mark.parametrize("format", ["csv", "json", "markdown", "html", "latex", "svg"])
def test_rows_are_printed_in_a_format_or_written_by_the_suffix(sweep: Sweep, tmp_path: Path, format: str) -> None:
    suffix = {"markdown": "md", "latex": "tex"}.get(format, format)
    status, out, err = sweep("lenet5", "--set", "C1.padding=0..2", "-f", format)
    assert (status, err) == (0, "")
    assert sweep("lenet5", "--set", "C1.padding=0..2", "-o", f"rows.{suffix}") == (0, "", "")
    assert (tmp_path / f"rows.{suffix}").read_text() == out
    if format == "json":
        assert [row["parameters"] for row in json.loads(out)["rows"]] == [60_850, 60_850, 91_090]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 2, "error: name the networks: `archscope sweep lenet5 --set C1.padding=0..4`, or a family, `vgg`"),
        (("lenet55",), 2, "error: no spec is called `lenet55`; did you mean `lenet5`?"),
        (("lenet5", "--set", "C11.padding=0..4"), 2,
         "error: `--set C11.padding=`: lenet5: there is no layer `C11` to change; did you mean `C1`?"),
        (("lenet5", "--set", "C1.padding=4..0"), 2,
         "error: `--set C1.padding=4..0`: the range 4..0 is empty; write the smaller number first"),
        (("lenet5", "--set", "C1.padding=0.."), 2,
         "error: `--set C1.padding=0..`: a range without an end; write both, such as 0..4"),
        (("lenet5", "--set", "C1.padding"), 2,
         "error: `--set C1.padding`: write a layer's option and its values, such as C1.padding=0..4"),
        (("lenet5", "--input", "1,32..28,="), 2,
         "error: `--input 32..28`: the range 32..28 is empty; write the smaller number first"),
        (("lenet5", "--input", "mask=1,28,28"), 2,
         "error: the network has no input `mask`; inputs: input"),
        (("lenet5", "--where", "parameters"), 2,
         "error: `parameters` compares nothing; write ==, !=, <, <=, > or >=, or `equal(a, b)`"),
        (("lenet5", "-q", "weights"), 2,
         "error: `weights`: no quantity `weights`; did you mean `weight_bytes`?"),
        (("lenet5", "--front", "macs"), 2,
         f"error: `--front macs`: {TWO}"),
        (("lenet5", "--set", "C1.kernel_size=99"), 2,
         "error: no setting fits; the first: `C1` (conv2d): a kernel of 99 is larger than the input's height of 32"),
        (("lenet5", "-f", "tabel"), 2, "error: no format `tabel`; did you mean `table`?"),
        (("lenet5", "-f", "parquet"), 2, "error: `--format parquet` is no text: name a file with `--output`"),
        (("lenet5", "--file", "none.csv"), 2, "error: none.csv cannot be read: no such file or directory"),
        (("lenet5", "-o", "nowhere/rows.csv"), 2,
         "error: cannot write nowhere/rows.csv.part: no such file or directory"),
        (("lenet5", "--scheduler", "here"), 2,
         "error: `--scheduler here` is no address; write it as `tcp://host:8786`"),
        (("lenet5", "--scheduler", "tcp://127.0.0.1:8786", "--workers", "2"), 2,
         "error: `--workers` are processes here, and `--scheduler` is a cluster; leave one of them out"),
        (("lenet5", "-f", "svg", "-q", "macs"), 2, "error: a plot is of two quantities: `-q parameters,macs`"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(sweep: Sweep, arguments: Sequence[str], status: int, message: str) -> None:
    if "--scheduler" in arguments:
        pytest.importorskip("distributed")
    left, out, err = sweep(*arguments)
    assert (left, err) == (status, message + "\n")
    assert not out or "kernel_size" in arguments[-1]


def test_a_setting_that_does_not_fit_says_why_and_the_others_go_on(sweep: Sweep) -> None:
    status, out, err = sweep("lenet5", "--set", "C5.kernel_size=4..7")
    assert (status, err) == (0, "")
    assert [line.split() for line in out.splitlines()[4:8]] == [
        ["4", "73,810", "431,640"], ["5", "60,850", "326,520"], ["6", "–", "–"], ["7", "–", "–"],
    ]  # fmt: skip
    assert "lenet5 with C5.kernel_size 6: `C5` (conv2d): a kernel of 6 is larger than the" in out


def test_a_network_without_the_number_that_is_asked_for_is_one_all_the_same(sweep: Sweep) -> None:
    status, out, err = sweep("gpt2@small", "--set", "layers=1..2", "-q", "connections")
    assert (status, err) == (0, "")
    assert "connections is not covered: `wte` is not covered: a look-up selects weights" in " ".join(out.split())
    assert "fit no network" not in out


def test_an_interrupt_keeps_the_rows_and_the_same_command_goes_on(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("lenet5", "--set", "C1.padding=0..4", "--set", "F6.out_features=1..100", "-o", "rows.csv")
    assert sweep(*asked)[0] == 0
    whole = (tmp_path / "rows.csv").read_bytes()
    (tmp_path / "rows.csv").unlink()
    work, calls = running.work, []

    def interrupted(*said: object) -> str:
        calls.append(said)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return work(*said)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "work", interrupted)
    status, out, err = sweep(*asked)
    assert (status, out) == (130, "")
    assert err == ("note: stopped after 93 of 500 networks; rows.csv.part keeps them, and the same command goes on\n")
    assert not (tmp_path / "rows.csv").exists()
    status, out, err = sweep(*asked[:-2], "--where", "macs < 1", *asked[-2:])
    assert err == "error: rows.csv.part has rows of another sweep; add --fresh to begin again, or remove it\n"
    assert sweep(*asked) == (0, "", "")
    assert (tmp_path / "rows.csv").read_bytes() == whole
    assert [each.name for each in tmp_path.iterdir()] == ["rows.csv"]


KILLED = """
import os, signal, sys
from archscope.cli import main
from archscope.sweep.journal import Journal

add, many = Journal.add, []

def killed(journal, text):
    many.append(text)
    add(journal, text if len(many) < 3 else text[:-9])
    if len(many) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

Journal.add = killed
main(sys.argv[1:])
"""
"""The command, killed amid a line of the third rows that it writes."""


def test_a_program_that_is_killed_leaves_rows_from_which_the_next_one_goes_on(tmp_path: Path) -> None:
    asked = ["sweep", "lenet5", "--set", "C5.out_channels=1..30", "--set", "F6.out_features=1..30", "--workers", "1",
             "-o", "rows.csv"]  # fmt: skip
    part = tmp_path / "rows.csv.part"
    killed = subprocess.run([sys.executable, "-c", KILLED, *asked], cwd=tmp_path, check=False)
    assert killed.returncode == -signal.SIGKILL
    left = part.read_bytes()
    assert not left.endswith(b"\n")
    assert 50 < left.count(b"\n") < 900
    subprocess.run([sys.executable, "-m", "archscope", *asked], cwd=tmp_path, check=True)
    rows = (tmp_path / "rows.csv").read_text().splitlines()
    assert [int(row.partition(",")[0]) for row in rows[1:]] == [*range(900)]
    assert not part.exists()


def test_nothing_loads_dask_before_a_cluster_is_asked_for() -> None:
    work = """
import sys
import archscope, archscope.sweep
from archscope.cli import main
main(["sweep", "lenet5", "--set", "C1.padding=0..1"])
print([name for name in ("dask", "distributed", "pyarrow", "numpy", "torch") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
