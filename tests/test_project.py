"""The project itself: what the README shows, what installing brings, what every check runs."""

from __future__ import annotations

import doctest
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import archscope
import tasks
from archscope.reader import spec_names
from tests.conftest import Run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]


def blocks(language: str) -> list[str]:
    """The fenced blocks of the README in some language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def shown() -> Iterator[tuple[list[str], str]]:
    """Each command the README shows, with the output it shows."""
    for block in blocks("console"):
        for part in re.split(r"^\$ archscope ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command.split(), output


@pytest.mark.parametrize(("arguments", "output"), [*shown()], ids=[" ".join(each) for each, _ in shown()])
def test_the_readme_shows_what_the_program_prints(
    archscope_run: Callable[..., Run], arguments: list[str], output: str
) -> None:
    pattern = ".*".join(re.escape(part) for part in re.split(r"^…\n", output, flags=re.MULTILINE))
    assert re.fullmatch(pattern, archscope_run(*arguments).out, re.DOTALL)


def test_the_readme_shows_at_least_a_table_a_derivation_and_the_specs() -> None:
    assert {arguments[0] for arguments, _ in shown()} >= {"table", "explain", "list"}


def test_the_python_of_the_readme_runs() -> None:
    for block in blocks("python"):
        test = doctest.DocTestParser().get_doctest(block, {}, "README.md", "README.md", 0)
        assert test.examples
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_the_spec_of_the_readme_is_a_spec() -> None:
    (block,) = blocks("yaml")
    assert archscope.analyze(archscope.read(block)).totals.parameters > 0


def test_two_commands_of_the_readme_do_all_the_set_up() -> None:
    install, test = blocks("sh")
    assert re.fullmatch(r"pip install \S+ && archscope table lenet5\n", install)
    assert re.fullmatch(r"pip install -e '\.\[dev\]' && python tasks\.py test\n", test)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "command_of install" in script
    assert "command_of test" in script


def test_ci_runs_every_check_of_the_task_runner() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    listed = re.search(r"^for task in (.*); do$", script, re.MULTILINE)
    assert listed
    # The tests do what `docs` does: they build the pages, strictly, and compare every generated one.
    assert {*listed[1].split(), "test", "docs"} == set(tasks.CHECKS)
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_the_base_installation_brings_neither_pytorch_nor_numpy() -> None:
    names = {re.split(r"[<>=\[ ]", each)[0] for each in PROJECT["dependencies"]}
    assert names == {"typer", "rich", "pyyaml", "fastjsonschema"}


def test_there_is_an_extra_for_each_heavy_thing() -> None:
    extras = PROJECT["optional-dependencies"]
    assert {"torch", "keras", "diagrams", "docs", "dev"} <= set(extras)
    assert "torch==2.13.0" in extras["dev"]


def test_extras_that_messages_name_exist() -> None:
    named = {
        extra
        for path in (ROOT / "archscope").rglob("*.py")
        for extra in re.findall(r'MissingExtra\("[^"]*", "[^"]*", "(\w+)"\)', path.read_text(encoding="utf-8"))
    }
    assert named <= set(PROJECT["optional-dependencies"])


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(archscope.__file__).parent / "py.typed").is_file()


def test_the_version_of_the_changelog_is_the_package_s() -> None:
    assert f"## {archscope.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_public_name_exists_and_is_documented() -> None:
    for name in archscope.__all__:
        assert getattr(archscope, name).__doc__, name


def test_specs_go_into_the_wheel() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["force-include"] == {"specs": "archscope/specs"}
    assert spec_names()


def test_no_module_has_grown_past_what_one_reads_at_a_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("archscope", "benchmarks", "tests", "tools")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := path.read_text(encoding="utf-8").count("\n")) > 400
    }
    assert not long


def test_witnesses_are_kept_from_every_rule_there_is() -> None:
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    (kept,) = [each for each in contracts if each["name"].startswith("Witnesses")]
    rules = {f"archscope.layers.{path.stem}" for path in (ROOT / "archscope" / "layers").glob("*.py")}
    common = {f"archscope.layers.{name}" for name in ("__init__", "base", "doubt", "facts")}
    assert rules - common <= set(kept["forbidden_modules"])


def test_the_task_runner_refuses_a_task_it_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    assert tasks.main(["tests"]) == 2
    assert "no task `tests`; tasks: lint" in capsys.readouterr().err


def test_the_task_runner_fails_where_a_check_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tasks.CHECKS, "lint", [["false"]])
    monkeypatch.setitem(tasks.CHECKS, "types", [["true"]])
    assert tasks.main(["lint", "types"]) == 1
    assert tasks.main(["types"]) == 0
