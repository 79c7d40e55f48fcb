"""What the program says when something is wrong: one report, an exit status, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archscope import cli, files
from archscope.errors import MissingExtra, UsageError
from tests.conftest import Run

Runs = Callable[..., Run]
BROKEN = sorted((Path(__file__).parents[1] / "broken").glob("*.yaml"))


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_spec_is_reported_in_its_place(archscope_run: Runs, path: Path) -> None:
    run = archscope_run("table", str(path))
    assert run.status == 2
    assert run.out == ""
    assert run.err.startswith("error[")
    assert "Traceback" not in run.err


MEANT = [
    ("resnet50", "resnet@50"),
    ("resnet50v1.5", "resnet@50-v1.5"),
    ("vgg16", "vgg@D"),
    ("mobilenetv2", "mobilenet-v2"),
    ("gpt-2", "gpt2@small"),
    ("gpt2-xl", "gpt2@xl"),
    ("efficientnet_b0", "efficientnet-b0"),
    ("bert-base", "bert@base"),
    ("shufflenetv2", "shufflenet-v2@1.0"),
    ("vit_b_16", "vit@b16"),
    ("resnet51", "resnet@50"),
]
"""How people write names, and the spec of it."""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["tabel"], "error: no such command `tabel`. Did you mean `table`? (see `archscope --help`)"),
        (["table"], "error: missing argument `SPEC` (see `archscope table --help`)"),
        (["table", "lenet5", "--fromat", "csv"], "error: no such option: --fromat"),
        (["table", "lenet6"], "error: no spec is called `lenet6`; did you mean `lenet5`?"),
        *((["table", name], f"error: no spec is called `{name}`; did you mean `{near}`?") for name, near in MEANT),
        (["table", "lenet5", "--format", "jsn"], "error: no format `jsn`; did you mean `json`?"),
        (["table", "lenet5", "--columns", "mac"], "error: no column `mac`; did you mean `macs`?"),
        (["explain", "lenet5", "c1"], "error: lenet5 has no layer `c1`; did you mean `C1`?"),
        (["table", "lenet5", "--set", "C1.paddin=2"], "error[unknown-option]: `C1` (conv2d): unknown option `paddin`"),
        (["table", "lenet5", "--set", "C1"], "error"),
        (["table", "lenet5", "--input", "1,2"], "error[shape-mismatch]"),
        (["table", "lenet5", "--input", "banana"], "error"),
        (["table", "lenet5", "-o", "no/out.csv"], "error: cannot write no/out.csv: there is no folder no"),
        (["table", "lenet5", "-o", "/"], "error: cannot write /: it is a folder; name a file in it"),
        (["table", "tests"], "error"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_one_report_and_exit_2(archscope_run: Runs, arguments: list[str], says: str) -> None:
    run = archscope_run(*arguments)
    assert run.status == 2
    assert run.out == ""
    assert run.err.startswith(says)
    assert "Traceback" not in run.err
    if not run.err.startswith("error["):
        assert run.err.count("\n") == 1


def _fails_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(*arguments: object, **named: object) -> None:
        raise error

    raises.__code__ = raises.__code__.replace(co_filename=cli.__file__)  # whose fault it is, its file says

    monkeypatch.setattr("archscope.opening.opened", raises)


def test_a_missing_extra_is_exit_3(archscope_run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    _fails_with(MissingExtra("verify", "PyTorch", "torch"), monkeypatch)
    run = archscope_run("table", "lenet5")
    assert (run.status, run.err) == (3, "error: verify needs PyTorch: pip install 'archscope[torch]'\n")


def test_a_fault_of_the_program_is_exit_70_and_says_how_to_see_more(
    archscope_run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fails_with(ZeroDivisionError("division by zero"), monkeypatch)
    run = archscope_run("table", "lenet5")
    assert run.status == 70
    assert run.err == (
        "error: archscope failed with ZeroDivisionError: division by zero\n"
        "help: `archscope --debug table lenet5` shows where\n"
    )


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    _fails_with(ZeroDivisionError("division by zero"), monkeypatch)
    with pytest.raises(ZeroDivisionError):
        cli.main(["--debug", "table", "lenet5"])


def test_debug_belongs_to_the_program_and_not_to_a_file_of_that_name(archscope_run: Runs) -> None:
    assert archscope_run("table", "--debug").status == 2


def test_an_interrupt_is_exit_130(archscope_run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    _fails_with(KeyboardInterrupt(), monkeypatch)
    run = archscope_run("table", "lenet5")
    assert (run.status, run.err) == (130, "")


def test_a_file_that_cannot_be_written_keeps_its_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(UsageError, match=r"a\.txt: no space left on device"):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_keeps_its_permissions_and_a_link_stays_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    files.write_text(link, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777, link.is_symlink()) == ("new", 0o640, True)


def test_a_path_through_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(UsageError, match="is no folder"):
        files.write_bytes(tmp_path / "a" / "b", b"")
