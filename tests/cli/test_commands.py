"""The commands, as somebody at a keyboard meets them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest

import archscope
from archscope.cli import COMMANDS, app, main
from archscope.formats import FORMATS, derivation, write
from archscope.formats.columns import COLUMNS
from archscope.reader import spec_names
from archscope.rows import Row
from tests.collection import thin
from tests.conftest import Run

Runs = Callable[..., Run]


def test_the_table_of_lenet5_has_the_two_published_totals(archscope_run: Runs) -> None:
    run = archscope_run("table", "lenet5")
    assert (run.status, run.err) == (0, "")
    assert "60,850" in run.out
    assert "340,918" in run.out


def test_a_spec_may_be_a_path(archscope_run: Runs, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("input: [3]\nlayers:\n  only: {type: linear, out_features: 2}\n")
    assert "only" in archscope_run("table", str(path)).out


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_its_name_on_the_command_line(archscope_run: Runs, format: str) -> None:
    run = archscope_run("table", "lenet5", "--format", format)
    assert run.status == 0
    assert run.out == write(archscope.analyze(archscope.load("lenet5")), format) + "\n"


def test_set_answers_the_lectures_what_if(archscope_run: Runs) -> None:
    run = archscope_run("table", "lenet5", "--set", "C1.padding=2", "--input", "1,28,28", "--format", "json")
    first = json.loads(run.out)["layers"][0]
    assert first["output"] == [6, 28, 28]
    run = archscope_run("explain", "lenet5", "C1", "--set", "C1.padding=2")
    assert "= (5·5·1 + 1)·32·32·6\n  = 159,744" in run.out
    assert "= 148,440" in run.out


def test_set_may_be_said_more_than_once(archscope_run: Runs) -> None:
    run = archscope_run("table", "lenet5", "--set", "F6.out_features=10", "--set", "F6.bias=false", "-f", "csv")
    assert "F6,linear,scaled_tanh,10,1200," in run.out


def test_columns_are_split_at_commas_and_may_be_repeated(archscope_run: Runs) -> None:
    run = archscope_run("table", "lenet5", "-c", "macs, units", "-c", "jump", "-f", "csv")
    assert run.out.splitlines()[0] == "layer,macs,units,jump"


def test_all_and_working_reach_the_format(archscope_run: Runs) -> None:
    run = archscope_run("table", "lenet5", "--all", "--working")
    assert "C1.scaled_tanh" in run.out
    assert "(5·5·60 + 16)·10·10" in run.out


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("a.md", "## LeNet-5"),
        ("a.csv", "layer,"),
        ("a.json", "{"),
        ("a.html", "<!doctype"),
        ("a.tex", "%"),
        ("a.txt", "LeNet-5"),
    ],
)
def test_a_file_gets_the_format_of_its_suffix(archscope_run: Runs, tmp_path: Path, name: str, begins: str) -> None:
    run = archscope_run("table", "lenet5", "-o", str(tmp_path / name))
    assert (run.status, run.out, run.err) == (0, "", "")
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert text.startswith(begins)
    assert text.endswith("\n")
    assert "\x1b" not in text


def test_the_format_that_is_named_wins_over_the_suffix(archscope_run: Runs, tmp_path: Path) -> None:
    archscope_run("table", "lenet5", "-o", str(tmp_path / "a.txt"), "-f", "csv")
    assert (tmp_path / "a.txt").read_text().startswith("layer,")


def _listed(run: Run) -> list[str]:
    """The names of a list, without its head and without the headings, which are one word."""
    return [line.split()[0] for line in run.out.splitlines()[1:] if " " in line]


def test_list_names_every_spec(archscope_run: Runs) -> None:
    assert sorted(_listed(archscope_run("list"))) == sorted(spec_names(variants=True))


def test_list_is_by_task_and_by_year_and_keeps_a_family_together(archscope_run: Runs) -> None:
    lines = archscope_run("list").out.splitlines()
    headings = [line for line in lines if " " not in line]
    assert headings == sorted(headings)
    assert "vision" in headings
    years: list[int] = []
    for line in lines[1:]:
        years = [*years, int(line.split()[1])] if " " in line else []
        assert years == sorted(years), line
    names = _listed(archscope_run("list", "--task", "vision"))
    families = [name.partition("@")[0] for name in names]
    assert [each for each, after in pairwise([*families, ""]) if each != after] == list(dict.fromkeys(families))
    assert names.index("lenet1") < names.index("alexnet") < names.index("resnet@18") < names.index("convnext@T")


def test_list_can_be_asked_for_a_year_and_a_task(archscope_run: Runs) -> None:
    young = _listed(archscope_run("list", "--since", "2015", "--task", "vision"))
    assert {"resnet@50", "unet", "convnext@T"} <= {*young}
    assert not {"vgg@D", "lenet5", "dcgan@generator"} & {*young}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--task", "visoin"), "no network has the task `visoin`; did you mean `vision`?"),
        (("--task", "vision", "--since", "3000"), "no network is of 3000 or later; the latest is of 2022"),
    ],
)
def test_list_says_what_there_is_where_nothing_is_left(archscope_run: Runs, asked: tuple[str, ...], said: str) -> None:
    run = archscope_run("list", *asked)
    assert (run.status, run.out) == (2, "")
    assert said in run.err


def test_schema_is_a_json_schema_that_accepts_the_specs(archscope_run: Runs) -> None:
    schema = json.loads(archscope_run("schema").out)
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("spec", spec_names())
def test_a_layer_of_each_type_of_every_spec_explains_itself(archscope_run: Runs, spec: str) -> None:
    first = {row.type: row for row in reversed(archscope.analyze(archscope.load(spec)).rows)}
    for row in first.values():
        run = archscope_run("explain", spec, row.name)
        assert run.status == 0
        for count in counts_of(row):
            assert count in run.out, row.name


def counts_of(row: Row) -> list[str]:
    counts = [row.count_of(quantity) for quantity in ("parameters", "connections", "macs")]
    return [f"{int(count):,}" for count in counts if count]


def test_explain_writes_formula_letters_numbers_and_result() -> None:
    text = derivation.write(archscope.analyze(archscope.load("lenet5")), "C1")
    assert "(k·k·c + 1)·n    with k = 5, c = 1, n = 6\n  = (5·5·1 + 1)·6\n  = 156\n" in text
    assert "height, width = i − k + 1 = 32 − 5 + 1 = 28" in text
    assert "(32·32·1 + 1)·28·28·6\n  = 4,821,600" in text


@pytest.mark.parametrize("spec", spec_names())
def test_every_layer_explains_its_counts_within_the_width_of_a_terminal(spec: str) -> None:
    analysis = archscope.analyze(thin(spec))
    for row in analysis.rows:
        text = derivation.write(analysis, row.name, width=80)
        assert max(len(line) for line in text.split("\n")) <= 80, row.name
        for count in counts_of(row):
            assert count in text, row.name


def test_version_and_the_package_agree(archscope_run: Runs) -> None:
    assert archscope_run("--version").out == f"archscope {archscope.__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_reads_like_documentation(archscope_run: Runs, name: str) -> None:
    run = archscope_run(name, "--help")
    assert run.status == 0
    assert f"archscope {name}" in run.out.split("Arguments")[0].split("Usage:")[1], "no example"
    assert archscope_run("--help").out.count(f" {name} ") >= 1


def test_help_lists_every_column_that_can_be_chosen(archscope_run: Runs) -> None:
    words = archscope_run("table", "--help").out.replace(",", " ").replace(".", " ").split()
    assert set(COLUMNS) - {"layer"} <= set(words)


def test_no_arguments_print_the_help(archscope_run: Runs) -> None:
    run = archscope_run()
    assert run.status == 2
    assert "Usage: archscope" in run.out + run.err


def test_the_module_is_the_program() -> None:
    done = subprocess.run([sys.executable, "-m", "archscope", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("archscope ")


def _complete(typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    words = typed.split(" ")
    monkeypatch.setenv("_ARCHSCOPE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    with pytest.raises(SystemExit):
        app([], prog_name="archscope")
    return capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("archscope ta", ["table"]),
        ("archscope sp", ["spec"]),
        ("archscope table lenet5-p", ["lenet5-pytorch"]),
        ("archscope table lenet5 --format ma", ["markdown"]),
        ("archscope table lenet5 --columns macs,act", ["macs,activation", "macs,activation_bytes"]),
        ("archscope explain lenet5 S", ["S2", "S4"]),
        ("archscope table vgg @", [*["A", "B", "C", "D", "E"]]),
        ("archscope bench vgg @ D", ["D"]),
        ("archscope explain resnet @ 50 conv3.0.a", ["conv3.0.a.conv", "conv3.0.a.bn", "conv3.0.a"]),
        ("archscope list --task vi", ["vision"]),
    ],
)
def test_the_shell_completes_commands_specs_formats_columns_and_layers(
    typed: str, expected: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _complete(typed, monkeypatch, capsys) == expected


def test_main_can_be_called_twice_in_one_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert [main(["list"]), main(["list"])] == [0, 0]
    first, second = capsys.readouterr().out.split("Name")[1:]
    assert first == second
