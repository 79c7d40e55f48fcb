"""`archscope verify` and `archscope code` as a person runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

Runs = Callable[..., Any]
SOME = ("--witness", "module", "--witness", "torchinfo", "--witness", "published")


def test_the_matrix_has_a_line_for_each_layer_and_a_sentence(archscope_run: Runs) -> None:
    run = archscope_run("verify", "lenet5", *SOME)
    assert run.status == 0
    lines = run.out.splitlines()
    assert lines[0] == "LeNet-5 (lenet5)"
    assert lines[2].split() == ["layer", "module", "torchinfo", "published"]
    assert [line.split()[0] for line in lines[4:12]] == ["C1", "S2", "C3", "S4", "C5", "flatten", "F6", "OUTPUT"]
    assert lines[4].split() == ["C1", "agrees", "agrees", "agrees"]
    assert "nothing differs" in run.out
    assert "“C2→S3: convolution kernel (5x5)” (dlip2023)" in " ".join(run.out.split())


def test_a_figure_that_differs_without_a_reason_ends_with_1(archscope_run: Runs, tmp_path: Any) -> None:
    spec = tmp_path / "wrong.yaml"
    spec.write_text(
        "name: wrong\ntitle: Wrong\nsources: {book: A book.}\ninput: [1, 32, 32]\n"
        "layers:\n  C1: {type: conv2d, out_channels: 6, kernel_size: 5}\n"
        "published:\n  - {layer: C1, quantity: parameters, value: 157, source: book}\n",
        encoding="utf-8",
    )
    run = archscope_run("verify", str(spec), "--witness", "published")
    assert run.status == 1
    assert "DIFFERS" in run.out
    assert "C1: parameters is 156; book printed 157" in run.out
    stale = spec.read_text(encoding="utf-8").replace("157, source", "156, why: it is not, source")
    spec.write_text(stale, encoding="utf-8")
    run = archscope_run("verify", str(spec), "--witness", "published")
    assert run.status == 1
    assert "a stale explanation" in run.out


def test_json_has_every_finding(archscope_run: Runs) -> None:
    document = json.loads(archscope_run("verify", "lenet5", *SOME, "--format", "json").out)
    assert document["schema"] == "archscope.verification/1"
    assert document["differs"] == 0
    found = document["networks"][0]["findings"]
    assert {"witness": "torchinfo", "layer": "C3", "node": "C3", "quantity": "connections", "verdict": "agrees",
            "ours": 151600, "theirs": 151600, "why": "", "source": None} in found  # fmt: skip


def test_junit_has_a_case_for_each_finding(archscope_run: Runs) -> None:
    root = ElementTree.fromstring(archscope_run("verify", "lenet5", *SOME, "--format", "junit").out.split("\n", 1)[1])
    suite = root[0]
    assert suite.get("name") == "lenet5"
    assert suite.get("failures") == "0"
    assert len(suite) == int(suite.get("tests") or 0) > 50


def test_markdown_is_a_table(archscope_run: Runs) -> None:
    out = archscope_run("verify", "lenet5", *SOME, "--format", "markdown").out
    assert "| layer | module | torchinfo | published |" in out
    assert "| C1 | agrees | agrees | agrees |" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "lenet5", "--format", "pdf"), "error: there is no format `pdf`"),
        (("verify", "--against", "a:b"), "error: `--against` compares one spec with a module, got 0"),
        (("verify", "lenet5", "--against", "nowhere.at.all:Net"), "error: `nowhere.at.all` cannot be imported"),
        (("code", "lenet5", "--to", "kerass"), "error: there is no framework `kerass`; did you mean `keras`?"),
    ],
)
def test_a_wrong_request_is_one_line_and_ends_with_2(
    archscope_run: Runs, arguments: tuple[str, ...], message: str
) -> None:
    run = archscope_run(*arguments)
    assert run.status == 2
    assert run.err.startswith(message)
    assert len(run.err.splitlines()) == 1


def test_a_module_of_ones_own_is_compared(archscope_run: Runs) -> None:
    same = archscope_run("verify", "lenet5-pytorch", "--against", "tests.oracles.students:Net")
    assert (same.status, same.out.strip()) == (
        0, "tests.oracles.students:Net is lenet5-pytorch: 12 layers alike, 61,706 parameters.",
    )  # fmt: skip
    other = archscope_run("verify", "lenet5-pytorch", "--against", "tests.oracles.students:AveragePooled")
    assert other.status == 1
    assert "1. pool1: the module has an avg_pool2d where the spec has a max_pool2d" in other.out
    document = json.loads(
        archscope_run("verify", "lenet5-pytorch", "--against", "tests.oracles.students:TooWide", "-f", "json").out
    )
    assert document["parameters"] == {"module": 65586, "spec": 61706}


def test_code_prints_one_class(archscope_run: Runs) -> None:
    assert "class Lenet5(nn.Module):" in archscope_run("code", "lenet5").out
    assert "class Lenet5(keras.Model):" in archscope_run("code", "lenet5", "--to", "keras").out
