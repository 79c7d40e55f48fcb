"""One residual network through every door that its own source opens has one table, and says where it came from."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np
import pytest
import torch

import archscope
from archscope import analyze
from archscope.network import Network
from archscope.opening import open_network
from archscope.oracles import verify
from archscope.oracles.keras import path_of_modules
from archscope.reader.library import specs_folder
from archscope.site import build
from archscope.site.origin import origin
from archscope.writing.jax import write_jax
from archscope.writing.keras import write_keras
from archscope.writing.onnx.file import write_onnx
from archscope.writing.pytorch import write_pytorch
from tests.importing.files import onnx_file

ONNX = """net (float[N,5,8] x) => (float y) {
  t = Transpose<perm=[1,0,2]>(x)
  first, ha, ca = LSTM<hidden_size=6>(t, wa, ra, ba)
  between = Squeeze(first, axis)
  second, hb, cb = LSTM<hidden_size=6>(between, wb, rb, bb)
  y = Squeeze(second, axis)
}"""
RESIDUAL = """
input: [3, 16, 16]
layers:
  conv1: {type: conv2d, out_channels: 4, kernel_size: 7, stride: 2, padding: 3, bias: false}
  bn1: {type: batch_norm, activation: relu}
  pool1: {type: max_pool2d, kernel_size: 3, stride: 2, padding: 1}
  conv2: {type: conv2d, out_channels: 4, kernel_size: 3, padding: 1, bias: false}
  bn2: {type: batch_norm}
  add: {type: add, from: [bn2, pool1], activation: relu}
  pool2: {type: adaptive_avg_pool2d, output_size: 1}
  flatten: {type: flatten}
  fc: {type: linear, out_features: 10}
"""


def opened_by(network: Network, kind: str, size: int, folder: Path) -> dict[str, str]:
    """What each door but that of the spec is opened by; the module and the program have no weights of their own."""
    name = kind.lower()
    for framework, source in (("torch", write_pytorch(network)), ("jax", write_jax(network))):
        module = ModuleType(f"{name}_{framework}")
        exec(compile(source, module.__name__, "exec"), module.__dict__)
        sys.modules[module.__name__] = module
    net = getattr(sys.modules[f"{name}_torch"], kind)
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        program = torch.export.export(net().eval(), (torch.zeros(1, 3, size, size),))
    torch.export.save(program, folder / f"{name}.pt2")
    write_onnx(network, folder / f"{name}.onnx")
    (folder / f"{name}.py").write_text(write_keras(network))
    subprocess.run([sys.executable, "-W", "ignore", str(Path(__file__).with_name("saved_sources.py")), str(folder)],
                   check=True, env={**path_of_modules(), "KERAS_BACKEND": "torch"})  # fmt: skip
    return {
        "module": f"{name}_torch:{kind}@3,{size},{size}",
        "program": str(folder / f"{name}.pt2"),
        "ONNX": str(folder / f"{name}.onnx"),
        "Keras": str(folder / f"{name}.json"),
        "JAX": f"{name}_jax:{kind}@{size},{size},3",
    }


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each door is opened by."""
    folder = tmp_path_factory.mktemp("doors")
    (folder / "residual.yaml").write_text(RESIDUAL)
    network = archscope.read(RESIDUAL, name="residual")
    return {"spec": str(folder / "residual.yaml"), **opened_by(network, "Residual", 16, folder)}


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The same of ResNet-50."""
    return opened_by(archscope.load("resnet@50"), "Resnet_50", 224, tmp_path_factory.mktemp("resnet"))


def rows(path: str) -> list[tuple[Any, ...]]:
    return [(row.label, row.activation, row.output, row.parameters, row.fixed, row.connections, row.macs,
             row.receptive_field) for row in analyze(path).rows]  # fmt: skip


@pytest.mark.parametrize("door", ["module", "program", "ONNX", "Keras", "JAX"])
def test_a_residual_network_has_one_table_through_every_door(door: str, doors: dict[str, str]) -> None:
    assert rows(doors[door]) == rows(doors["spec"])
    assert analyze(doors[door]).totals == analyze(doors["spec"]).totals


@pytest.mark.slow
@pytest.mark.parametrize("door", ["module", "program", "ONNX", "Keras", "JAX"])
def test_resnet_50_itself_has_one_table_through_every_door(door: str, resnet: dict[str, str]) -> None:
    assert rows(resnet[door]) == rows("resnet@50")
    totals = analyze(resnet[door]).totals
    assert totals == analyze("resnet@50").totals
    assert (totals.parameters, totals.macs) == (25_557_032, 3_857_973_248)  # He et al. 2015: "3.8 × 10⁹"


@pytest.mark.parametrize(("door", "said"), [
    ("program", "a program that PyTorch exported"), ("ONNX", "ONNX, opset"), ("Keras", "a Keras model"),
    ("JAX", "a module of Flax NNX"),
])  # fmt: skip
def test_what_was_read_says_where_it_came_from(door: str, said: str, doors: dict[str, str]) -> None:
    observed = open_network(doors[door]).observed
    assert observed is not None
    assert said in " ".join(observed.origin)
    assert Path(doors[door]).name.partition("@")[0] in observed.origin[0]


FROM = {
    "spec": "Read from residual.yaml: a spec.",
    "module": "Read from residual_torch:Residual of residual_torch 1.4.2: a module of PyTorch.",
    "program": "Read from residual.pt2: a program that PyTorch exported.",
    "ONNX": "Read from residual.onnx",
    "Keras": "Read from residual.json: a Keras model",
    "JAX": "Read from residual_jax:Residual of residual_jax 0.9: a module of Flax NNX",
}


@pytest.mark.parametrize("format", ["html", "markdown"])
@pytest.mark.parametrize("door", FROM)
def test_a_page_says_once_where_its_network_came_from_and_never_where_that_lies(
    door: str, format: str, doors: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["residual_torch"], "__version__", "1.4.2", raising=False)
    monkeypatch.setattr(sys.modules["residual_jax"], "__version__", "0.9", raising=False)
    site = build([doors[door]], format=format)
    assert not site.mistakes
    suffix = "html" if format == "html" else "md"
    (page,) = [text.decode() for name, text in site.files.items() if name.endswith(f"/index.{suffix}")]
    begins, ends = ("<h1", "<dl") if format == "html" else ("# ", "## Layers")
    head = page[page.index(begins) :].partition(ends)[0].replace("\\", "")
    assert head.count("Read from") == 1
    assert FROM[door] in head
    folder = Path(doors["spec"]).parent
    assert not any(str(folder).encode() in text for text in site.files.values())


@pytest.mark.parametrize("version", [None, 3, "", "/home/ada", "1.0 of 2", "1" * 99])
def test_what_is_no_version_is_not_told(
    version: object, doors: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = open_network(doors["module"])
    monkeypatch.setattr(sys.modules["residual_torch"], "__version__", version, raising=False)
    assert origin(network) == "Read from residual_torch:Residual: a module of PyTorch."


def test_a_page_of_a_kept_spec_names_its_command_and_that_of_an_own_one_of_its_name_does_not(tmp_path: Path) -> None:
    own = tmp_path / "lenet5.yaml"
    own.write_text((specs_folder() / "lenet5.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    for spec, from_here in (("lenet5", False), (str(own), True)):
        page = build([spec]).files["lenet5/index.html"].decode()
        assert ("archscope table lenet5" in page) is not from_here
        assert ("Read from lenet5.yaml: a spec." in page) is from_here


@pytest.fixture
def recurrent(tmp_path: Path) -> Network:
    """One LSTM behind another in a file, of which nobody reads the last states."""
    held: dict[str, Any] = {f"{key}{layer}": shape for layer, wide in (("a", 8), ("b", 6))
                            for key, shape in (("w", (1, 24, wide)), ("r", (1, 24, 6)), ("b", (1, 48)))}  # fmt: skip
    return open_network(onnx_file(tmp_path, ONNX, axis=np.array([1]), **held))


def test_a_file_needs_the_memory_of_what_archscope_builds_of_it_which_has_every_result_of_a_layer(
    recurrent: Network,
) -> None:
    assert [node.layer.type for node in recurrent.nodes] == ["lstm", "lstm"]
    spec = recurrent.replace(observed=None)
    for optimizer in (None, "adam"):
        found, wanted = (analyze(each).memory(2, optimizer=optimizer) for each in (recurrent, spec))
        assert [each.most.held for each in found.phases] == [each.most.held for each in wanted.phases]


def test_a_recurrence_whose_state_is_wider_than_its_weights_has_no_numbers_and_a_true_reason(tmp_path: Path) -> None:
    text = """net (float[N,5,8] x) => (float y) {
      t = Transpose<perm=[1,0,2]>(x)
      y, h, c = LSTM<hidden_size=6>(t, w, r, b, , first, cell)
    }"""
    held = {"w": (1, 24, 8), "r": (1, 24, 6), "b": (1, 48), "first": (1, 1, 6)}
    fits, odd = (analyze(open_network(onnx_file(tmp_path, text, cell=(1, 1, wide), **held))) for wide in (6, 7))
    assert (fits.totals.macs, odd.totals.macs) == (5 * (24 * 8 + 24 * 6), None)
    assert odd.rows[0].reasons["macs"] == "its first state has 7 values and its weights are of 6, which runs nowhere"


def test_the_memory_tracker_agrees_about_a_file_with_one_lstm_behind_another(recurrent: Network) -> None:
    found = verify(recurrent, ["memory"])
    assert [each.sentence for each in found.differing] == []
    assert any(each.theirs and "most bytes in forward" in each.quantity for each in found.findings)
