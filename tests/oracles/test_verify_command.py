"""`archscope verify` and `archscope code` as a person runs them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import archscope
from archscope.oracles import verify
from archscope.oracles.report import write_matrix

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
            "ours": 151600, "theirs": 151600, "why": "", "source": None, "where": None, "seen": None,
            "sampled": None} in found  # fmt: skip


@pytest.mark.parametrize("spec", ["lenet5", "lenet5-1998", "alexnet", "alexnet-pytorch"])
def test_junit_has_a_case_for_each_finding_under_a_name_of_its_own(archscope_run: Runs, spec: str) -> None:
    text = archscope_run("verify", spec, *SOME, "--format", "junit").out
    (suite,) = ElementTree.fromstring(text.split("\n", 1)[1])
    assert suite.get("name") == spec
    assert suite.get("failures") == "0"
    assert len(suite) == int(suite.get("tests") or 0) > 50
    assert len(suite.findall("testcase/skipped")) == int(suite.get("skipped") or 0)
    names = [(case.get("classname"), case.get("name")) for case in suite]
    assert len(set(names)) == len(names)


LONG = "a_layer_whose_name_somebody_did_not_want_to_cut_short_so_it_goes_on_and_on"
OWN = f"""
name: own
title: Own
sources: {{book: A book.}}
input: {{picture: [3, 12, 12], words: [7]}}
layers:
  {LONG}: {{type: conv2d, out_channels: 8, kernel_size: 3, padding: 1, activation: relu, from: picture}}
  apart: {{type: conv2d, out_channels: 8, kernel_size: 3, padding: 2, dilation: 2, groups: 8}}
  sum: {{type: add, from: [{LONG}, apart]}}
  up: {{type: conv_transpose2d, out_channels: 4, kernel_size: 3, stride: 2}}
  flat: {{type: flatten}}
  fc: {{type: linear, out_features: 16}}
  tokens: {{type: embedding, num_embeddings: 30, embedding_dim: 16, from: words}}
  attention: {{type: multihead_attention, num_heads: 4}}
  lstm: {{type: lstm, hidden_size: 16}}
  last: {{type: flatten, from: lstm.hidden}}
  tied1: {{type: linear, out_features: 16}}
  tied2: {{type: linear, out_features: 16, shares: tied1}}
  both: {{type: concat, from: [fc, tied2]}}
  out: {{type: linear, out_features: 5, activation: softmax}}
output: [out, fc]
published:
  - {{layer: out, quantity: parameters, value: 166, source: book, where: p. 1}}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN, encoding="utf-8")
    return path


def test_a_spec_of_ones_own_with_branches_attention_and_shared_weights(archscope_run: Runs, own: Path) -> None:
    run = archscope_run("verify", str(own))
    assert run.status == 1
    lines = run.out.splitlines()
    assert lines[lines.index("Differs") + 1 :][:2] == ["  published  out: parameters is 165; book printed 166", ""]
    assert "0 of 1 published figure holds; 1 fact differs." in run.out
    assert "field      tokens: tokens have no pixels" in run.out
    assert archscope_run("verify", str(own), "--set", "out.bias=false").status == 0


def test_of_a_network_with_other_options_nobody_printed_a_figure(archscope_run: Runs) -> None:
    for change in (("--set", "conv1.padding=2"), ("--input", "1,28,28")):
        run = archscope_run("verify", "lenet5-keras", *change, "-w", "module", "-w", "Keras", "-w", "published")
        assert run.status == 0
        assert "  Keras      everything: it speaks of the network as its spec has it" in run.out
        assert "  published  everything: it speaks of the network as its spec has it" in run.out
        assert run.out.splitlines()[-4].endswith("confirmed by 1 independent witness; nothing differs.")


def test_a_long_name_goes_on_below_and_verdicts_are_never_cut_short(own: Path) -> None:
    found = verify(archscope.load(own), ["module", "torchinfo", "fvcore", "FLOPs", "Jacobian", "published"])
    lines = write_matrix([found], width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    head = lines.index(next(line for line in lines if line.startswith("layer"))) + 2
    assert lines[head].split()[1:] == ["agrees"] * 5
    assert "".join(line.split()[0] for line in lines[head:] if line)[: len(LONG)] == LONG


def test_markdown_is_a_table(archscope_run: Runs) -> None:
    out = archscope_run("verify", "lenet5", *SOME, "--format", "markdown").out
    assert "| layer | module | torchinfo | published |" in out
    assert "| C1 | agrees | agrees | agrees |" in out
    assert "- total: parameters: 60,000 (dlip2023), archscope 60,850. Rounded to its 1 significant digit." in out
    assert "- total: “C2→S3: convolution kernel (5x5)” (dlip2023). A slip in the slide; the step is S2→C3." in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "lenet5", "--format", "pdf"), "error: there is no format `pdf`"),
        (("verify", "--against", "a:b"), "error: `--against` compares one spec with a module, got 0"),
        (("verify", "lenet5", "--against", "nowhere.at.all:Net"), "error: `nowhere.at.all` cannot be imported"),
        (("verify", "lenet5", "--against", "a:b", "-w", "fvcore"), "error: `--against` asks no witness; leave out"),
        (("verify", "lenet5", "--against", "a:b", "-f", "pdf"), "error: there is no format `pdf`"),
        (
            ("verify", "lenet5", "--against", "tests.oracles.ports:Wants"),
            "error: `tests.oracles.ports:Wants` cannot be called without `classes`, `width`",
        ),
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


@pytest.mark.parametrize(
    ("missing", "arguments", "message"),
    [
        ("torch", ("lenet5",), "verify needs PyTorch: pip install 'archscope[torch]'"),
        ("torch", ("lenet5", "--against", "a:b"), "verify --against needs PyTorch: pip install 'archscope[torch]'"),
        ("keras", ("lenet5-keras", "-w", "Keras"),
         "the Keras witness of lenet5-keras needs Keras: pip install 'archscope[keras]'"),
    ],
)  # fmt: skip
def test_a_missing_package_is_one_line_and_ends_with_3(
    archscope_run: Runs, monkeypatch: pytest.MonkeyPatch, missing: str, arguments: tuple[str, ...], message: str
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == missing else real(name, *more))
    run = archscope_run("verify", *arguments)
    assert (run.status, run.out, run.err) == (3, "", f"error: {message}\n")


def test_a_module_of_ones_own_is_compared(archscope_run: Runs) -> None:
    same = archscope_run("verify", "lenet5-pytorch", "--against", "tests.oracles.students:Net")
    assert (same.status, same.out.strip()) == (
        0, "tests.oracles.students:Net is lenet5-pytorch: 7 layers alike, 61,706 parameters.",
    )  # fmt: skip
    wide = ("verify", "lenet5-pytorch", "--against", "tests.oracles.students:TooWide")
    other = archscope_run(*wide)
    assert other.status == 1
    assert "1. fc1: 128 outputs instead of 120\n   Parameters            +3,208" in other.out
    assert "Parameters   65,586 − 61,706 = 3,208 (fc1 has 128 outputs instead of 120)" in other.out
    document = json.loads(archscope_run(*wide, "-f", "json").out)
    assert document["difference"]["totals"]["parameters"] == {"first": 61706, "second": 65586, "difference": 3880}
    assert "1. **fc1**: 128 outputs instead of 120" in archscope_run(*wide, "-f", "markdown").out
    talking = archscope_run("verify", "lenet5-pytorch", "--against", "tests.oracles.ports:Talks", "-f", "json")
    assert json.loads(talking.out)["same"] is True


def test_the_difference_is_what_diff_says(archscope_run: Runs) -> None:
    names = ("lenet5-pytorch", "tests.oracles.students:TooWide")
    assert archscope_run("verify", names[0], "--against", names[1]).out == archscope_run("diff", *names).out


@pytest.mark.parametrize(
    ("factory", "status", "failing"),
    [("students:Net", 0, []), ("students:TooWide", 1, ["layers"]), ("ports:Stops", 1, ["runs"]),
     ("ports:Stride2", 1, ["runs", "layers"])],
)  # fmt: skip
def test_a_ci_server_gets_two_cases_for_a_module(
    archscope_run: Runs, factory: str, status: int, failing: list[str]
) -> None:
    run = archscope_run("verify", "lenet5-pytorch", "--against", f"tests.oracles.{factory}", "-f", "junit")
    cases = ElementTree.fromstring(run.out.encode()).findall("testsuite/testcase")
    assert run.status == status
    assert [case.get("name") for case in cases] == ["runs", "layers"]
    assert [case.get("name") for case in cases if case.find("failure") is not None] == failing


def test_code_prints_one_class(archscope_run: Runs) -> None:
    assert "class Lenet5(nn.Module):" in archscope_run("code", "lenet5").out
    # Keras saves a functional model with its layers: the class makes one, and is none itself.
    keras = archscope_run("code", "lenet5", "--to", "keras").out
    assert "class Lenet5:" in keras
    assert "\ndef model():" in keras
