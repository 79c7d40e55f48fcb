"""``archscope memory``: phases, the peak, what fits, and mistakes in a line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from archscope.cli import main


def test_it_names_the_fullest_phase_who_holds_it_and_what_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "alexnet-torchvision", "--batch", "16", "--optimizer", "adam", "--fits", "8GiB"]) == 0
    shown = capsys.readouterr().out
    assert "Most is held in optimizer step: 1,289,238,208 bytes (1.2 GiB)." in shown
    assert "A batch of 1,984 fits in 8,589,934,592 bytes (8.0 GiB)." in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_what_does_not_fit_says_what_is_held_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "alexnet-torchvision", "--fits", "1MB"]) == 0
    assert "Not even one sample fits in 1,000,000 bytes" in capsys.readouterr().out


def test_programs_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "lenet5", "--optimizer", "sgd", "--format", "json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert [phase["name"] for phase in read["phases"]][-1] == "optimizer step"
    assert main(["memory", "lenet5", "--format", "csv"]) == 0
    lines = [*csv.DictReader(capsys.readouterr().out.splitlines())]
    assert [int(line["weights"]) for line in lines] == [243_400, 243_400]
    assert main(["memory", "lenet5", "--format", "markdown"]) == 0
    assert "| forward | 243,400 |" in capsys.readouterr().out


def test_it_says_what_the_backward_pass_starts_from(capsys: pytest.CaptureFixture[str]) -> None:
    request = ["memory", "lenet5-pytorch", "--optimizer", "sgd", "--format", "json"]
    sizes = {}
    for loss in ("sum", "cross_entropy"):
        assert main([*request, "--loss", loss]) == 0
        read = json.loads(capsys.readouterr().out)
        assert read["loss"] == loss
        sizes[loss] = sum(read["phases"][0]["after"].values())
    assert sizes["cross_entropy"] - sizes["sum"] == 8  # the number of the class of one image
    assert main([*request[:-2], "--loss", "mse_loss"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "The backward pass starts from the mean squared error of each output" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--optimizer", "adan"], "error: no optimizer `adan`; did you mean `adam`?"),
        (
            ["--optimizer", "sgd", "--loss", "crossentropy"],
            "error: no loss `crossentropy`; did you mean `cross_entropy`?",
        ),
        (["--loss", "mean"], "error: `--loss mean` is what a backward pass starts from; name an `--optimizer` too"),
        (["--fits", "8x"], "error: `--fits 8x`: write a number and a unit, such as `24GiB`"),
        (["--fits", "24"], "error: `--fits 24`: write a number and a unit, such as `24GiB`"),
        (["--fits", "0GiB"], "error: `--fits 0GiB`: write a number and a unit, such as `24GiB`"),
        (
            ["--symbolic", "batch", "--fits", "1GiB"],
            "error: `--symbolic batch` is about no phases, and `--fits` says something of them; leave one of them out",
        ),
        (
            ["--symbolic", "batch", "--batch", "5"],
            "error: `--symbolic batch` is about no phases, and `--batch` says something of them; leave one of them out",
        ),
        (
            ["--cache", "5", "--optimizer", "sgd"],
            "error: `--cache 5` is about no phases, and `--optimizer` says something of them; leave one of them out",
        ),
        (["--batch", "0"], "error: a batch of 0 holds nothing; use 1 or more"),
        (["--autocast", "bf8"], "error: autocast runs in bfloat16 (bf16) or float16 (fp16), not in `bf8`"),
        (
            ["--autocast", "bf16", "--dtype", "fp16"],
            "error: autocast casts what is in float32, and all is in float16; leave the type out",
        ),
        (
            ["--autocast", "bf16", "--cache", "9"],
            "error: `--autocast` is for a pass over all positions; say what a cache is held in with `--dtype`",
        ),
        (["--symbolic", "bach"], "error: lenet5 has no `bach` to leave open; did you mean `batch`?"),
        (
            ["--symbolic", ","],
            "error: lenet5: a name to leave open is empty; write names with commas between them, such as `batch`",
        ),
        (["--format", "yml"], "error: no format `yml`; formats: table, json, markdown, csv, html, latex"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "lenet5", *arguments]) == 2
    assert capsys.readouterr().err.strip() == message


def test_a_batch_that_does_not_fit_says_which_does_and_what_takes_the_room(capsys: pytest.CaptureFixture[str]) -> None:
    request = ["memory", "alexnet-torchvision", "--optimizer", "adam", "--batch", "5000", "--fits", "8GiB"]
    assert main(request) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "A batch of 5,000 does not fit in 8,589,934,592 bytes (8.0 GiB), as it needs" in said
    assert "a batch of 1,984 fits." in said
    assert "Most of that is for what the backward pass needs of the forward pass, which grows with the batch:" in said


@pytest.mark.parametrize(("format", "begins"), [("html", "<!doctype html>"), ("latex", "% \\usepackage{booktabs}")])
def test_it_is_written_for_pages_and_papers(format: str, begins: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "lenet5", "--optimizer", "sgd", "--format", format]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(begins)
    assert "243,400" in shown


def test_a_picture_has_a_bar_for_each_layer_of_each_phase(tmp_path: Path) -> None:
    assert main(["memory", "lenet5", "--optimizer", "adam", "-o", str(tmp_path / "held.svg")]) == 0
    picture = (tmp_path / "held.svg").read_text()
    # C1, S2, C3, S4, C5, F6 and OUTPUT; what is flattened is seen, and takes nothing.
    assert picture.count("<title>forward ") == 7
    assert picture.count("<title>backward ") == 7
    assert "Most: " in picture
    assert main(["memory", "lenet5", "--format", "png"]) == 2  # no text


def test_what_is_remembered_says_its_formula(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "gpt2@small", "--cache", "1000", "--batch", "4", "--dtype", "fp16"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "A token takes 12·2·2·12·64 = 36,864 bytes in float16." in shown
    assert "4·1,000·12·2·2·12·64 = 147,456,000 bytes" in shown
    assert "4·⌈1,000/16⌉·16·12·2·2·12·64 = 148,635,648 bytes" in shown
    assert main(["memory", "gpt2@small", "--cache", "1000", "--window", "256", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == 256 * 73_728


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gpt2@small", "--cache", "0"], "error: `--cache 0`: write a whole number above 0"),
        (["gpt2@small", "--cache", "9", "--window", "0"], "error: a window of 0 holds no token; use 1 or more"),
        (["lenet5", "--cache", "9"], "error: LeNet-5 remembers nothing"),
    ],
)
def test_a_cache_that_is_none_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(message.replace("LeNet-5", "lenet5"))
    assert "\n" not in said


def test_autocast_holds_copies_of_the_weights_and_half_of_what_is_saved(capsys: pytest.CaptureFixture[str]) -> None:
    request = ["memory", "lenet5-pytorch", "--optimizer", "sgd", "--autocast", "bf16"]
    assert main([*request, "--format", "json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["autocast"] == "bfloat16"
    after = {phase["name"]: phase["after"] for phase in read["phases"]}
    # All copies but that of C1's bias and those of the constants of C3, C5, F6 and OUTPUT are kept: what C1 reads has
    # no gradient, but a convolution keeps its kernels all the same.
    matrices = 6 * 25 + 16 * 6 * 25 + 120 * 400 + 84 * 120 + 10 * 84
    assert after["forward"]["casts"] == 2 * matrices
    # Two bytes for the image, what ReLUs and poolings make; eight for the places of maxima.
    ours = 2 * (32 * 32 + 6 * 28 * 28 + 6 * 14 * 14 + 16 * 100 + 400 + 120 + 84) + 8 * (6 * 14 * 14 + 400)
    assert after["forward"]["saved"] == ours
    assert after["backward"]["gradients"] == after["backward"]["weights"] == 246_824
    assert main([*request, "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("phase,weights,casts,state,gradients,saved")
    assert main([*request, "--fits", "1MiB"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "training with sgd, batch 1, float32 with autocast to bfloat16" in shown
    assert "A batch of 13 fits in 1,048,576 bytes" in shown


def test_what_is_held_is_printed_as_formulas(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "lenet5-pytorch", "--symbolic", "batch", "--optimizer", "adam"]) == 0
    shown = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert shown[0] == ["lenet5-pytorch:", "bytes after the forward pass, training with adam, float32"]
    assert ["saved", "49,040·batch"] in shown
    assert ["all", "49,080·batch + 740,512"] in shown
    assert main(["memory", "lenet5-pytorch", "--symbolic", "batch", "--autocast", "bf16", "--format", "json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["bytes"]["saved"] == "30,824·batch"
    assert read["symbols"]["batch"]["value"] == 1


def test_a_layer_without_a_rule_is_a_line_beside_a_table_of_lower_bounds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "mixed.yaml"
    spec.write_text("name: mixed\ninput: [8]\nlayers:\n  first: {type: linear, out_features: 6}\n"
                    "  both: {type: bilinear, out_features: 4, from: [first, first]}\n")  # fmt: skip
    for more in (["--optimizer", "sgd"], ["--symbolic", "batch"]):
        assert main(["memory", str(spec), "--autocast", "bf16", *more]) == 2
        shown = capsys.readouterr()
        assert "at least" in shown.out
        assert shown.err.startswith("error: mixed: not covered: `both`, PyTorch's autocast does not run a bilinear")
        assert shown.err.count("\n") == 1


def test_a_picture_under_autocast_has_the_copies_of_weights(tmp_path: Path) -> None:
    assert main(["memory", "lenet5", "--optimizer", "sgd", "--autocast", "bf16", "-o", str(tmp_path / "a.svg")]) == 0
    assert ">casts<" in (tmp_path / "a.svg").read_text()
    assert main(["memory", "lenet5", "--optimizer", "sgd", "-o", str(tmp_path / "b.svg")]) == 0
    assert ">casts<" not in (tmp_path / "b.svg").read_text()


def test_where_no_layer_takes_anything_most_is_held_once_it_is_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "flat.yaml").write_text("name: flat\ninput: [1, 4, 4]\nlayers:\n  f: {type: flatten}\n")
    assert main(["memory", str(tmp_path / "flat.yaml")]) == 0
    assert "Most is held in build: 64 bytes." in capsys.readouterr().out
