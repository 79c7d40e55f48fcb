"""``archscope diff`` on a command line: every way to name a network, exit status, pictures, mistakes in one line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run

Runs = Callable[..., Run]
LAST = "Parameters   61,706 − 60,850 = 900 (C3 is fully connected) − 12 (S2) − 32 (S4 carry no weights)"


def test_the_last_line_is_the_sum(archscope_run: Runs) -> None:
    run = archscope_run("diff", "lenet5", "lenet5-pytorch")
    assert (run.status, run.err) == (0, "")
    assert run.out.splitlines()[-1] == LAST


def test_the_exit_code_says_whether_anything_differs(archscope_run: Runs) -> None:
    assert archscope_run("diff", "lenet5", "lenet5-pytorch", "--exit-code").status == 1
    same = archscope_run("diff", "lenet5", "lenet5", "--exit-code")
    assert same.status == 0
    assert same.out.splitlines()[-1] == "Nothing differs: 7 layers are alike."


def test_what_is_set_is_another_network(archscope_run: Runs) -> None:
    run = archscope_run("diff", "lenet5", "--set", "OUTPUT.out_features=100", "--format", "json")
    document = json.loads(run.out)
    assert document["second"] == "lenet5 with OUTPUT.out_features=100"
    assert document["totals"]["parameters"] == {"first": 60850, "second": 68500, "difference": 7650}
    assert document["sums"]["parameters"]["terms"] == [
        {"value": 7650, "each": 7650, "times": 1, "why": "OUTPUT has 100 outputs instead of 10"}
    ]


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a spec that was changed once."""
    (tmp_path / "specs").mkdir()
    spec = tmp_path / "specs" / "net.yaml"
    git(tmp_path, "init", "-q", "-b", "main")
    spec.write_text("input: [4]\nlayers: {fc: {type: linear, out_features: 2}}\n", encoding="utf-8")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    spec.write_text("input: [4]\nlayers: {fc: {type: linear, out_features: 3}}\n", encoding="utf-8")
    git(tmp_path, "commit", "-qam", "two")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_spec_is_compared_with_itself_at_an_older_revision(archscope_run: Runs, repository: Path) -> None:
    run = archscope_run("diff", "HEAD~1:specs/net.yaml", "specs/net.yaml", "--exit-code")
    assert run.status == 1
    assert run.out.splitlines()[-1] == "Parameters   15 − 10 = 5 (fc has 3 outputs instead of 2)"
    assert archscope_run("table", "main:specs/net.yaml", "-f", "csv").out.splitlines()[1].startswith("fc,linear,,3,15")


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("HEAD~7:specs/net.yaml", "error: there is no revision `HEAD~7` in this repository"),
        ("HEAD:specs/other.yaml", "error: there is no file `specs/other.yaml` at `HEAD`"),
        ("HEAD:net.yaml", "error: there is no file `net.yaml` at `HEAD`; paths are from the repository's root"),
    ],
)
def test_a_revision_that_is_not_there_is_one_line(
    archscope_run: Runs, repository: Path, first: str, message: str
) -> None:
    run = archscope_run("diff", first, "specs/net.yaml")
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith(message)
    assert run.err.count("\n") == 1


def test_outside_a_repository_there_are_no_revisions(
    archscope_run: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    run = archscope_run("diff", "HEAD:net.yaml", "lenet5")
    assert run.status == 2
    assert run.err == "error: `HEAD:net.yaml` is a spec at a revision, and this folder is in no git repository\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet5"], "error: `diff` compares two networks; name the second, or what is another in it"),
        (["lenet5", "lenet6"], "error: no spec is called `lenet6`; did you mean `lenet5`?"),
        (["lenet5", "lenet5-keras", "-f", "jsn"], "error: no format `jsn`; did you mean `json`?"),
        (["lenet5", "dcgan@generator", "--input", "1,2"], "error"),
        (["lenet5", "lenet5-keras", "--diagram", "both.dot"],
         "error: two networks side by side are no dot; formats: svg, png, pdf, tikz"),
        (["lenet5", "vgg"], "error: vgg is a family of networks; name one of vgg@A"),
        (["-", "-"], "error: the standard input holds one spec; name a file for the other"),
    ],
)  # fmt: skip
def test_a_wrong_request_ends_with_2(archscope_run: Runs, arguments: list[str], message: str) -> None:
    run = archscope_run("diff", *arguments)
    assert run.status == 2
    assert run.out == ""
    assert run.err.startswith(message)


def test_two_networks_with_nothing_in_common_are_one_line(archscope_run: Runs, tmp_path: Path) -> None:
    path = tmp_path / "soft.yaml"
    path.write_text("input: [4]\nlayers: {a: {type: softmax}}\n", encoding="utf-8")
    run = archscope_run("diff", "lenet5", str(path))
    assert run.status == 2
    assert run.err == (
        f"error: lenet5 and {path} have nothing in common: no layer of one is like one of the other\n"
    )  # fmt: skip


def test_both_are_drawn_side_by_side(archscope_run: Runs, tmp_path: Path) -> None:
    run = archscope_run("diff", "vgg@D", "vgg@E", "--diagram", str(tmp_path / "both.svg"))
    assert run.status == 0
    drawn = (tmp_path / "both.svg").read_text(encoding="utf-8")
    assert 'data-layers="right:conv3.conv.3"' in drawn
    assert "conv3.conv.3: conv 3×3, relu: only here" in drawn


def test_the_picture_has_every_layer_once() -> None:
    import archscope
    from archscope.diagrams.side_by_side import SideBySide
    from archscope.difference import difference

    found = difference(archscope.load("resnet@18"), archscope.load("resnet@34"))
    names = [name for group in SideBySide(found).scene.groups("layer") for name in group.layers]
    assert len(names) == len(set(names))
    lefts = {f"left:{pair.a.name}" for pair in found.pairs if pair.a}
    assert lefts <= {*names}
