"""Every command on a module of one's own, by the name of what makes it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run

pytest.importorskip("torch")

from torch import Tensor, nn

from tests.tracing import strangers

Runs = Callable[..., Run]
RESIDUAL = "tests.tracing.strangers:Residual@3,32,32"
SPECTRUM = "tests.tracing.beyond:Spectrum@8"
PATCHES = "tests.tracing.strangers:Patches@3,16,16"


def test_a_table_of_a_module_has_its_numbers(archscope_run: Runs) -> None:
    run = archscope_run("table", RESIDUAL, "--format", "json")
    document = json.loads(run.out)
    assert document["name"] == "Residual"
    assert document["totals"]["parameters"] == 5_710
    named = {layer["name"]: layer for layer in document["layers"]}
    assert named["layer2.0.add"]["inputs"] == ["layer2.0.bn2", "layer2.0.downsample"]


def test_the_shape_may_stand_apart(archscope_run: Runs) -> None:
    together = archscope_run("table", PATCHES)
    assert together.status == 0
    assert archscope_run("table", PATCHES.partition("@")[0], "--input", "3,16,16") == together
    assert "Patches: input 3×16×16" in together.out


def test_several_inputs_are_joined_by_a_plus(archscope_run: Runs) -> None:
    run = archscope_run("table", "tests.tracing.strangers:TwoInputs@5,8+7,6", "--format", "json")
    assert json.loads(run.out)["layers"][0]["inputs"] == ["query", "memory"]


def test_a_layer_of_a_module_is_explained(archscope_run: Runs) -> None:
    run = archscope_run("explain", RESIDUAL, "fc")
    assert "(12 + 1)·10" in run.out


def test_every_witness_is_asked_about_a_module(archscope_run: Runs) -> None:
    run = archscope_run("verify", RESIDUAL, "--witness", "module", "--witness", "fvcore", "--witness", "FLOPs")
    assert run.status == 0
    assert "facts confirmed by 3 independent witnesses" in run.out
    assert "nothing differs" in run.out


def test_a_module_is_drawn(archscope_run: Runs, tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz")
    assert archscope_run("diagram", RESIDUAL, "-o", str(tmp_path / "it.svg")).status == 0
    assert "downsample" in (tmp_path / "it.svg").read_text(encoding="utf-8")


def test_a_module_becomes_source_without_its_authors_code(archscope_run: Runs) -> None:
    run = archscope_run("code", RESIDUAL)
    assert "class Residual(nn.Module):" in run.out
    assert "self.layer2_0_downsample = nn.Conv2d(8, 12, kernel_size=1, stride=2)" in run.out


class LooksBack(nn.Module):
    """Keeps the sorted values of a layer, which nothing reads."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.out = nn.Linear(4, 6), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Any:
        x = self.fc(x)
        self.seen = x.sort(-1)[0]
        return self.out(x)


def test_source_leaves_out_what_nothing_reads_as_a_spec_does_and_says_so(archscope_run: Runs) -> None:
    run = archscope_run("code", "tests.cli.test_modules:LooksBack@4")
    assert (run.status, run.err) == (0, "left out, as nothing reads it: sort\n")
    assert "self.out = nn.Linear(6, 2)" in run.out
    assert "sort" not in run.out


NAMED = ("tests.tracing.strangers:TwoInputs", "--input", "query=5,8", "--input", "memory=7,6")


@pytest.mark.parametrize("command", ["table", "memory", "expand", "spec", "code", "verify"])
def test_every_command_is_told_the_inputs_of_a_module_by_name(archscope_run: Runs, command: str) -> None:
    run = archscope_run(command, *NAMED, *(("--witness", "module") if command == "verify" else ()))
    expected = {"spec": (0, 1)}.get(command, (0,))
    assert run.status in expected, run.err
    assert "TwoInputs" in run.out


def test_a_page_of_a_module_is_told_its_inputs_by_name(archscope_run: Runs, tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz")
    run = archscope_run("docs", *NAMED, "--format", "markdown", "-o", str(tmp_path))
    assert run.status == 0, run.err
    assert "| second" in (tmp_path / "TwoInputs" / "index.md").read_text(encoding="utf-8")


def test_a_page_says_which_argument_is_for_modules_alone(archscope_run: Runs, tmp_path: Path) -> None:
    run = archscope_run("docs", "lenet5", "--kwargs", "depth=3", "-o", str(tmp_path))
    assert run.status == 2
    assert "`--kwargs` is for a module of your own, and lenet5 is a spec" in run.err


def test_memory_of_a_module_is_that_of_its_layers(archscope_run: Runs) -> None:
    """Two linears with biases, 8·6 + 6 and 6·3 + 3 values, in float32, and as much again for each gradient."""
    run = archscope_run("memory", "tests.cli.test_modules:small", "--input", "8", "--optimizer", "sgd", "-f", "json")
    assert run.status == 0, run.err
    phases = {each["name"]: each for each in json.loads(run.out)["phases"]}
    assert phases["after build"]["after"]["weights"] == 4 * (8 * 6 + 6 + 6 * 3 + 3)


def small() -> object:
    from torch import nn

    return nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))


def test_a_page_of_a_module_says_why_it_has_no_source(archscope_run: Runs, tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz")
    assert archscope_run("docs", SPECTRUM, "--format", "markdown", "-o", str(tmp_path)).status == 0
    text = (tmp_path / "Spectrum" / "index.md").read_text(encoding="utf-8")
    assert "is a function of a network that was read, and no layer that can be made" in text


def test_a_module_is_benchmarked_without_a_device(archscope_run: Runs) -> None:
    run = archscope_run("bench", RESIDUAL, "--dry-run", "--hardware", "h200", "--dtype", "bf16")
    assert run.status == 0, run.err
    assert "Residual" in run.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tests.tracing.strangers:Residual",), "does not say what it takes; state the shape of its input"),
        (("tests.tracing.strangers:Residual@3,x",), "`3,x` is no shape; write whole numbers with commas"),
        (("tests.tracing.strangers:Residual@3,0",), "`3,0` is no shape; write whole numbers with commas"),
        (("tests.tracing.strangers:Residul@3,32,32",), "has no `Residul`; did you mean `Residual`?"),
        (("tests.tracing.nowhere:Net@3",), "`tests.tracing.nowhere` cannot be imported: ModuleNotFoundError"),
        (("tests.tracing.strangers:Bottleneck@3,8,8",), "cannot be called without `maps`, `made`"),
        (("tests.tracing.strangers:Twice@3,32,32",), "stops at `head`: it takes 12 features and is given 192"),
        (("tests.tracing.strangers:Lazy@3",), "Lazy, given 3, stops: RuntimeError: Expected 3D (unbatched) or 4D"),
        ((RESIDUAL, "--set", "fc.bias=false"), "`--set` changes a spec, and `tests.tracing.strangers:Residual`"),
    ],
)
def test_what_is_wrong_with_a_module_is_one_line(archscope_run: Runs, arguments: tuple[str, ...], message: str) -> None:
    run = archscope_run("table", *arguments)
    assert run.status == 2
    assert run.out == ""
    assert message in run.err
    assert len(run.err.splitlines()) == 1


def test_lazy_layers_get_their_shapes_first(archscope_run: Runs) -> None:
    run = archscope_run("table", "tests.tracing.strangers:Lazy@1,8,8", "--format", "json")
    assert json.loads(run.out)["totals"]["parameters"] == 2 * 10 + 72 * 3 + 3


def test_a_file_of_that_name_is_a_spec(archscope_run: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("some:spec").write_text("input: [3]\nlayers:\n  only: {type: linear, out_features: 2}\n", encoding="utf-8")
    assert "only" in archscope_run("table", "some:spec").out


def test_without_pytorch_a_module_is_one_line_and_exit_3(archscope_run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == "torch" else found(name, *rest))
    run = archscope_run("table", RESIDUAL)
    assert (run.status, run.err) == (
        3, "error: reading `tests.tracing.strangers:Residual` needs PyTorch: pip install 'archscope[torch]'\n"
    )  # fmt: skip


@pytest.mark.parametrize("name", strangers.KNOWN)
def test_a_module_that_is_read_is_the_module_to_who_compares_them(archscope_run: Runs, name: str) -> None:
    """Two readers of one module, of which neither knows the other."""
    make, shapes = strangers.KNOWN[name]
    factory = f"tests.tracing.strangers:{make.__name__}"
    spec = f"{factory}@{'+'.join(','.join(map(str, shape)) for shape in shapes)}"
    run = archscope_run("verify", spec, "--against", factory)
    assert (run.status, run.err) == (0, ""), run.out


@pytest.mark.parametrize("spec", [PATCHES, "tests.tracing.strangers:Heads@5,8"])
def test_functions_that_are_no_layers_are_not_compared(archscope_run: Runs, spec: str) -> None:
    assert archscope_run("verify", spec, "--against", spec.partition("@")[0]).status == 0


def test_a_module_is_compared_with_another(archscope_run: Runs) -> None:
    factory = RESIDUAL.partition("@")[0]
    assert archscope_run("verify", RESIDUAL, "--against", factory).status == 0
    assert archscope_run("verify", RESIDUAL, "--against", "tests.tracing.strangers:Twice").status == 1


CALLED = "tests.tracing.called"


@pytest.mark.parametrize(
    "arguments",
    [
        ("TokensAndImage@10+3,16,16",),
        ("TokensAndImage", "--input", "10:int64", "--input", "3,16,16"),
        ("TokensAndImage", "--input", "image=3,16,16", "--input", "ids=10"),
        ("TokensAndImage@10", "--input", "image=3,16,16"),
        ("TokensAndImage", "--input", "image=3,16,16", "--input", "ids=10:int64"),
        ("TokensAndImage", "--example", f"{CALLED}:as_tuple"),
        ("TokensAndImage", "--example", f"{CALLED}:as_names"),
        ("TokensAndImage", "--example", f"{CALLED}:as_both"),
        ("TokensAndImage", "--example", f"{CALLED}:as_exported"),
        ("TokensAndImage", "--example", f"{CALLED}:as_shapes"),
    ],
)
def test_inputs_are_stated_in_every_form(archscope_run: Runs, arguments: tuple[str, ...]) -> None:
    run = archscope_run("table", f"{CALLED}:{arguments[0]}", *arguments[1:], "--format", "json")
    assert run.status == 0, run.err
    totals = json.loads(run.out)["totals"]
    assert (totals["parameters"], totals["macs"]) == (642, 42_352)


def test_values_and_the_factorys_arguments_are_stated(archscope_run: Runs) -> None:
    stated = ("--input", "16", "--input", "steps=3", "--input", "scale=0.5", "--input", "mask=16:bool")
    run = archscope_run("table", f"{CALLED}:Steps", *stated, "--kwargs", "width=16, bias=False", "--format", "json")
    assert run.status == 0, run.err
    totals = json.loads(run.out)["totals"]
    assert (totals["parameters"], totals["macs"]) == (16 * 16, 3 * 16 * 16)


@pytest.mark.parametrize("command", ["table", "explain", "diagram", "code"])
def test_every_command_takes_inputs(archscope_run: Runs, command: str) -> None:
    layer = ("o",) if command == "explain" else ()
    run = archscope_run(command, f"{CALLED}:TokensAndImage", *layer, "--input", "ids=10", "--input", "image=3,16,16")
    assert run.status == 0, run.err


def test_the_inputs_of_a_spec_are_changed_by_name(archscope_run: Runs, tmp_path: Path) -> None:
    spec = tmp_path / "two.yaml"
    spec.write_text(
        "input: {image: [3, 8, 8], code: [10]}\nlayers:\n"
        "  conv: {type: conv2d, out_channels: 4, kernel_size: 3, from: image}\n"
        "  pool: {type: adaptive_avg_pool2d, output_size: 1}\n  flat: {type: flatten}\n"
        "  fc: {type: linear, out_features: 4, from: code}\n  sum: {type: add, from: [flat, fc]}\n", encoding="utf-8",
    )  # fmt: skip
    for command in ("table", "code", "diagram", "verify"):
        stated = ("--input", "image=3,16,16", "--input", "code=5")
        run = archscope_run(command, str(spec), *stated, *(("--witness", "module") if command == "verify" else ()))
        assert run.status == 0, run.err
    run = archscope_run("table", str(spec), "--input", "code=5", "--input", "image=3,16,16", "--format", "json")
    assert json.loads(run.out)["totals"]["parameters"] == 28 * 4 + 6 * 4
    for stated, message in (
        (("6",), "the network has 2 inputs, `image`, `code`; name the one that is meant: --input image=6"),
        (("imag=6",), "the network has no input `imag`; did you mean `image`?"),
        (("code=5:int64",), "an input of a spec has a shape and no type; write --input code=5"),
        (("code=5", "6"), "`--input 6` beside others does not say which input it is"),
        (("code=word",), "`--input code=` is given no shape"),
    ):
        run = archscope_run("table", str(spec), *(each for text in stated for each in ("--input", text)))
        assert run.status == 2
        assert message in run.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Steps", "--example", f"{CALLED}:raising"), "raised ValueError: there is no data (at tests/tracing/called"),
        (("Steps", "--example", f"{CALLED}:nothing"), "returned nothing; let it return what to call"),
        (("Steps", "--example", f"{CALLED}:wanting"), "cannot be called without `size`; write a function without"),
        (("Steps", "--example", f"{CALLED}:missing"), "has no `missing`"),
        (("Steps", "--example", f"{CALLED}:as_tuple", "--input", "8"), "both say what to call the module with"),
        (("Steps@8", "--example", f"{CALLED}:as_tuple"), "and `@8` both say what to call the module with"),
        (("Steps@8", "--input", "x=8"), "the input `x` of Steps is stated twice, in its place and by name"),
        (("TokensAndImage@10",), "wants `image` too; write --input image=3,224,224, or image=128:int64 for whole"),
        (("TokensAndImage", "--input", "image=3,16,16"), "wants `ids` too; write --input ids=128:int64, or ids=3"),
        (("Steps@8", "--kwargs", "widht=3"), "takes no argument `widht`; did you mean `width`?"),
        (("Steps@8", "--kwargs", "width=wide"), "write width='wide' for the word, or a function that passes it"),
        (("Steps@8", "--kwargs", "width=2*n"), "`2 * n` is no value that can be written down; write a function that"),
        (("Steps@8", "--kwargs", "3"), "has a value without a name"),
        (("wanting@8",), "cannot be called without `size`; state them, `--kwargs \"size=…\"`"),
        (("wrapped@8", "--kwargs", "width=3"), "is a module already"),
        (("Steps@8", "--batch", "0"), "a batch has one sample or more"),
        (("Steps", "--example", f"{CALLED}:nested", "--batch", "3"), "the example brings a batch of its own"),
        (("Steps", "--input", "8:int46"), "`int46` is no type of number; did you mean `int64`?"),
        (("Steps", "--input", "8", "--input", "step=3"), "takes no input `step`; did you mean `steps`?"),
        (("Steps", "--input", "8", "--input", "steps=3x"), "`3x` is neither a shape nor a number"),
        (("Steps", "--input", "9"), "it takes 8 features and is given 9 (at tests/tracing/called.py:"),
    ],
)  # fmt: skip
def test_a_mistake_about_inputs_is_one_line(archscope_run: Runs, arguments: tuple[str, ...], message: str) -> None:
    run = archscope_run("table", f"{CALLED}:{arguments[0]}", *arguments[1:])
    assert (run.status, run.out) == (2, "")
    assert message in run.err
    assert len(run.err.splitlines()) == 1


@pytest.mark.parametrize("flag", ["--example", "--kwargs", "--batch"])
def test_what_is_said_of_modules_is_not_said_of_specs(archscope_run: Runs, flag: str) -> None:
    run = archscope_run("table", "lenet5", flag, "3")
    assert run.status == 2
    assert f"`{flag}` is for a module of your own, and lenet5 is a spec" in run.err
