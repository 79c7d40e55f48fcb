"""Budgets: what they can say, what they never do, what is printed, and that CI runs them on a scratch repository."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
import yaml

from archscope.budgets import Networks, check, read_budget, read_file
from archscope.budgets.files import Named
from archscope.errors import ArchscopeError, UsageError
from tests.conftest import Run
from tools.comment import body_of

Runs = Callable[..., Run]
ROOT = Path(__file__).parents[2]


def kept(text: str) -> tuple[bool, str]:
    (found,) = check([read_budget(text)], Networks({}, "budgets.toml"))
    return found.kept, found.sentence


@pytest.mark.parametrize(
    ("text", "holds", "sentence"),
    [
        ("alexnet.parameters == 60_965_224", True, "alexnet.parameters is 60,965,224"),
        ("lenet5.macs <= 0.3e6", False, "lenet5.macs is 326,520; that is 26,520 more"),
        ("lenet5.C3.parameters == 1516", True, "lenet5.C3.parameters is 1,516"),
        ('"resnet@18"["conv2.0.a.conv"].macs < 116 M', True, "resnet@18.conv2.0.a.conv.macs is 115,605,504"),
        ('"resnet@18".conv1.parameters == 9408 + 2*64', True, "resnet@18.conv1.parameters is 9,536"),
        ('"vgg@D".parameters < "vgg@E".parameters', True,
         "vgg@D.parameters is 138,357,544; vgg@E.parameters is 143,667,240"),
        ("1 < lenet5.C1.parameters <= 156", True, "lenet5.C1.parameters is 156"),
        ("lenet5.parameters != 60_850", False, "lenet5.parameters is 60,850"),
        # What one sample keeps: the pooling's places and maps, the activations; 49,040 bytes as `diff` has it.
        ("lenet5.weight_bytes == 4 * lenet5.parameters", True,
         "lenet5.weight_bytes is 243,400; lenet5.parameters is 60,850"),
        ('"lenet5-pytorch".saved_bytes(batch=1) == 49_040', True, "lenet5-pytorch.saved_bytes(batch=1) is 49,040"),
        ('"lenet5-pytorch".saved_bytes(batch=16) < 1 MiB', True, "lenet5-pytorch.saved_bytes(batch=16) is 784,640"),
        ('"lenet5-pytorch".saved_bytes(batch=16, dtype="float16") < 4 GiB', True, None),
        ('"lenet5-pytorch".peak_bytes(batch=64, optimizer="adam") == 4_864_096', True, None),
        ("lenet5.fixed == 0", True, "lenet5.fixed is 0"),
        ('equal("vgg@D", "vgg@D")', True, "23 layers are alike"),
        ('equal(lenet5, "lenet5-1998")', False,
         "OUTPUT: a Euclidean RBF instead of a linear layer: it trains nothing, and 1 more difference"),
        ('"gpt2@small".connections < 1', False,
         ("gpt2@small.connections is not covered: `wte` is not covered: a look-up selects weights; "
          "no input line carries one")),
    ],
)  # fmt: skip
def test_a_budget_is_held_against_the_numbers(text: str, holds: bool, sentence: str | None) -> None:
    found = kept(text)
    assert found == (holds, found[1] if sentence is None else sentence)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no budget"),
        ("net.parameters", "`net.parameters` compares nothing"),
        ("1 < 2", "`1 < 2` names no network"),
        ("net.params < 1", "no quantity `params`; did you mean `parameters`?"),
        ("net.macs in 5", "write ==, !=, <, <=, > or >="),
        ("net.macs < ", "`net.macs <` cannot be read"),
        ("__import__('os').getpid() == net.macs", "no quantity `getpid`"),
        ("open('x') == net.macs", "what a quantity takes is named"),
        ("net.macs.__class__ == 1", "`__class__` is no quantity and no layer"),
        ("net.__dict__.macs == 1", "`__dict__` is no quantity and no layer"),
        ("(lambda: 1)() < net.macs", "is no number"),
        ("[x for x in net] == 1", "is no number"),
        ("net.macs < 10**10", "is no number"),
        ("net.macs < 9e99", "no number of a network is so large"),
        ("net.macs(batch=1) < 1", "`macs` takes nothing"),
        ("net.saved_bytes(16) < 1", "what a quantity takes is named"),
        ("net.saved_bytes(size=16) < 1", "`saved_bytes` takes no `size`; it takes batch, dtype"),
        ("net.saved_bytes(batch=2+2) < 1", "write a plain number or word"),
        ("equal(net)", "`equal` takes two networks"),
        ("net[0].macs < 1", "a layer is named in quotes"),
        ("equal(net, net.macs)", "is no network"),
        ("net.macs < " + "(" * 300 + "1" + ")" * 300, "a budget of 612 letters"),
    ],
)  # fmt: skip
def test_what_is_no_budget_is_refused_before_anything_is_worked_out(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_budget(text)
    assert message in str(caught.value)


def test_dividing_by_nothing_is_a_mistake_and_not_a_crash() -> None:
    with pytest.raises(UsageError, match="divides by 0"):
        kept("lenet5.macs / lenet5.fixed < 1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resnet50.macs < 1", "no network is called `resnet50`; did you mean `resnet@50`?"),
        ("lenet6.macs < 1", "no network is called `lenet6`; did you mean `lenet5`?"),
        ("lenet5.C9.macs < 1", "lenet5 has no layer `C9`; layers: C1, S2"),
        ("lenet5.C1.saved_bytes(batch=1) < 1", "`saved_bytes` is asked of a whole network"),
        ("lenet5.saved_bytes(batch=0) < 1", "a batch of 0 holds nothing"),
        ("lenet5.saved_bytes(dtype=\"float31\") < 1", "no type `float31`; did you mean `float32`?"),
    ],
)  # fmt: skip
def test_a_budget_about_what_is_nowhere_is_a_mistake(text: str, message: str) -> None:
    with pytest.raises(ArchscopeError) as caught:
        kept(text)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_gives_networks_names(tmp_path: Path) -> None:
    path = tmp_path / "budgets.toml"
    path.write_text(
        'keep = ["wide.C1.output == 1" , "wide.C1.parameters == 156"]\n[networks]\n'
        'wide = {spec = "lenet5", set = ["C1.padding=2"]}\n',
        encoding="utf-8",
    )
    with pytest.raises(UsageError, match=r"budgets.toml: `wide.C1.output == 1`: no quantity `output`"):
        read_file(str(path))
    path.write_text(path.read_text().replace('"wide.C1.output == 1" , ', ""), encoding="utf-8")
    read = read_file(str(path))
    assert read.named == {"wide": Named({"spec": "lenet5", "changes": ["C1.padding=2"]})}
    assert [each.kept for each in check(read.budgets, Networks(read.named, read.path))] == [True]


SPEC = "input: [4]\n{keep}layers:\n  fc: {{type: linear, out_features: {wide}}}\n"


def test_a_spec_keeps_its_own_budgets(archscope_run: Runs, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC.format(keep="keep: [parameters <= 10, fc.macs == 8]\n", wide=2), encoding="utf-8")
    run = archscope_run("check", str(path))
    assert (run.status, run.err) == (0, "")
    assert run.out.splitlines()[-1] == "2 budgets kept."
    path.write_text(SPEC.format(keep="keep: parameters <= 10\n", wide=3), encoding="utf-8")
    run = archscope_run("check", str(path))
    assert run.status == 1
    assert "this.parameters is 15; that is 5 more" in run.out


def test_the_schema_knows_the_budgets_of_a_spec() -> None:
    import jsonschema

    schema = json.loads((ROOT / "specs" / "archscope.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(yaml.safe_load(SPEC.format(keep="keep: [macs <= 8]\n", wide=2)), schema)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scratch repository: a spec and its budgets on main, and a wider network on a branch."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "net.yaml").write_text(SPEC.format(keep="", wide=2), encoding="utf-8")
    (tmp_path / "archscope.toml").write_text(
        'keep = ["net.parameters <= 12"]\n[networks]\nnet = "specs/net.yaml"\n', encoding="utf-8"
    )
    _git("init", "-q", "-b", "main")
    _git("add", "-A")
    _git("commit", "-qm", "a network and its budget")
    _git("checkout", "-qb", "wider")
    (tmp_path / "specs" / "net.yaml").write_text(SPEC.format(keep="", wide=3), encoding="utf-8")
    return tmp_path


def _git(*arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


def test_a_pull_request_is_told_what_differs_from_its_base(archscope_run: Runs, repository: Path) -> None:
    run = archscope_run("check", "--base", "main", "--format", "markdown")
    assert run.status == 1
    assert run.out.startswith("## 1 of 1 budgets not kept.\n")
    assert "net.parameters is 15; that is 3 more" in run.out
    assert "What differs in specs/net.yaml since main" in run.out
    assert "- Parameters: 15 − 10 = 5 (fc has 3 outputs instead of 2)" in run.out


def test_a_spec_that_the_base_does_not_have_is_new(archscope_run: Runs, repository: Path) -> None:
    (repository / "specs" / "more.yaml").write_text(SPEC.format(keep="", wide=1), encoding="utf-8")
    text = (repository / "archscope.toml").read_text() + 'more = "specs/more.yaml"\n'
    (repository / "archscope.toml").write_text(text, encoding="utf-8")
    run = archscope_run("check", "--base", "main")
    assert run.out.splitlines()[-1] == "specs/more.yaml is new since main."


def test_a_ci_server_gets_a_test_case_for_each_budget(archscope_run: Runs, repository: Path) -> None:
    run = archscope_run("check", "--format", "junit")
    suite = ElementTree.fromstring(run.out).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert json.loads(archscope_run("check", "--format", "json").out)["kept"] is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.toml"], "error: there is no file nowhere.toml; budgets stand in a TOML file"),
        (["--base", "nowhere"], "error: there is no revision `nowhere` in this repository"),
        (["--format", "xml"], "error: no format `xml`; formats: table, markdown, json, junit"),
        (["specs/net.yaml"], "error: specs/net.yaml keeps nothing; write `keep: [parameters <= 25 M]` in it"),
    ],
)
def test_a_wrong_request_is_one_line(archscope_run: Runs, repository: Path, arguments: list[str], message: str) -> None:
    run = archscope_run("check", *arguments)
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith(message)
    assert run.err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("keep = 3", "keeps nothing"),
        ("keep = [", "is no TOML"),
        ("kept = []", "unknown key `kept`; did you mean `keep`?"),
        ('keep = ["a.macs < 1"]\nnetworks = 3', "`networks` gives networks names"),
        ('keep = ["a.macs < 1"]\n[networks]\na = 3', "network `a` is no spec"),
        (
            'keep = ["a.macs < 1"]\n[networks]\na = {spec = "lenet5", sets = []}',
            "unknown key `sets`; did you mean `set`?",
        ),
    ],
)
def test_a_file_that_is_wrong_is_one_line(archscope_run: Runs, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "budgets.toml"
    path.write_text(text, encoding="utf-8")
    run = archscope_run("check", str(path))
    assert (run.status, run.out) == (2, "")
    assert message in run.err
    assert run.err.count("\n") == 1


def _environment(folder: Path) -> dict[str, str]:
    """A shell in which `archscope` is this one."""
    bin_ = folder / ".git" / "bin"
    bin_.mkdir(exist_ok=True)
    program = bin_ / "archscope"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m archscope "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def test_the_hook_for_pre_commit_runs_on_a_scratch_repository(repository: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert re.search(hook["files"], "specs/net.yaml")
    assert hook["pass_filenames"] is False
    run = subprocess.run(
        hook["entry"].split(), env=_environment(repository), capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "MISSED  net.parameters <= 12" in run.stdout


def test_the_action_runs_on_a_scratch_repository(repository: Path, tmp_path: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    steps = {step["name"]: step for step in action["runs"]["steps"]}
    written = {name: repository / ".git" / name for name in ("output", "summary")}
    environment = {
        **_environment(repository), "FILES": action["inputs"]["files"]["default"], "BASE": "main", "INSTALL": "",
        "GITHUB_OUTPUT": str(written["output"]), "GITHUB_STEP_SUMMARY": str(written["summary"]),
        "RUNNER_TEMP": str(repository / ".git"),
    }  # fmt: skip
    for name, status in (("install", 0), ("check", 1)):
        shell = ["bash", "-e", "-o", "pipefail", "-c", steps[name]["run"]]
        run = subprocess.run(shell, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == status, run.stderr
        assert {*steps[name]["env"]} <= {*environment}
    assert written["output"].read_text() == f"report={repository}/.git/archscope-check.md\n"
    assert "fc has 3 outputs instead of 2" in written["summary"].read_text()


class _Forge(BaseHTTPRequestHandler):
    """Comments under a pull request, as GitHub's interface has them; two hundred others stand there already."""

    def answer(self, said: Any, status: int = 200) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    def do_GET(self) -> None:
        server: Any = self.server
        page = int(parse_qs(urlsplit(self.path).query)["page"][0])
        self.answer(server.comments[(page - 1) * 100 : page * 100])

    def do_POST(self) -> None:
        server: Any = self.server
        if self.headers["Authorization"] != "Bearer secret":
            self.answer({"message": "Resource not accessible by integration"}, 403)
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        number = int(self.path.rpartition("/")[2]) if self.command == "PATCH" else len(server.comments)
        comment = {"body": body, "url": f"http://127.0.0.1:{server.server_port}/repos/o/r/issues/comments/{number}"}
        server.comments[number : number + 1] = [comment]
        server.told.append((self.command, self.path))
        self.answer(comment)

    do_PATCH = do_POST  # noqa: N815 - the names are Python's

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def forge() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Forge)
    server.comments = [{"body": f"comment {number}", "url": ""} for number in range(200)]
    server.told = []
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def _comment(forge: Any, report: Path, token: str = "secret") -> str:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    (step,) = [step for step in action["runs"]["steps"] if step["name"] == "comment"]
    environment = {
        **_environment(report.parent), "GITHUB_API_URL": f"http://127.0.0.1:{forge.server_port}", "GH_TOKEN": token,
        "GITHUB_REPOSITORY": "o/r", "NUMBER": "7", "REPORT": str(report), "ACTION": str(ROOT),
    }  # fmt: skip
    assert {*step["env"]} <= {*environment}
    shell = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
    run = subprocess.run(shell, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_action_writes_one_comment_and_writes_it_anew(archscope_run: Runs, repository: Path, forge: Any) -> None:
    report = repository / "report.md"
    assert archscope_run("check", "--base", "main", "--format", "markdown", "-o", str(report)).status == 1
    _comment(forge, report)
    assert forge.told == [("POST", "/repos/o/r/issues/7/comments")]
    assert "fc has 3 outputs instead of 2" in forge.comments[200]["body"]
    report.write_text("All budgets are kept.", encoding="utf-8")
    _comment(forge, report)
    assert forge.told[1:] == [("PATCH", "/repos/o/r/issues/comments/200")]
    assert [each["body"] for each in forge.comments[199:]] == [
        "comment 199", "<!-- archscope check -->\nAll budgets are kept.",
    ]  # fmt: skip


def test_a_token_that_may_not_write_is_a_warning(repository: Path, forge: Any) -> None:
    report = repository / "report.md"
    report.write_text("All budgets are kept.", encoding="utf-8")
    told = _comment(forge, report, token="of a fork")
    assert told.startswith("::warning::no comment under the pull request: 403 Forbidden; the job needs `permissions:")
    assert len(forge.comments) == 200
    assert _comment(forge, repository / "none.md") == ""


def test_a_report_that_is_longer_than_a_comment_is_cut_between_lines() -> None:
    body = body_of("one line of many\n" * 10_000)
    assert len(body) < 65_536
    assert body.endswith("\none line of many\n\nThe rest is in the summary of the job.")


def test_a_budget_on_two_lines_is_one_expression_and_told_on_one_line() -> None:
    assert read_budget("net.macs\n  <= 1.2 G").text == "net.macs <= 1.2 G"
    with pytest.raises(UsageError) as caught:
        read_budget("net.macs\n<=\r\n")
    assert str(caught.value).startswith("`net.macs <=` cannot be read")
