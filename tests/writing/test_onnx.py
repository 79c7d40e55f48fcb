"""ONNX files that archscope writes: they run as PyTorch does, and are read back as the network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

import archscope
from archscope import UsageError, analyze
from archscope.building.network import BuiltNetwork
from archscope.cli import main
from archscope.layers import TYPES
from archscope.layers.base import Weight
from archscope.network import Network, Node
from archscope.opening import open_network
from archscope.writing.onnx import file
from archscope.writing.onnx.file import write_onnx
from archscope.writing.onnx.model import FORMS, model_of, sheet_of, tensor
from archscope.writing.onnx.starts import drawn
from tests.building.builder_cases import CASES, Case
from tests.collection import thin
from tests.writing.options import together
from tools.fuzz import stacks

NARROW = {"fc6.out_features": 32, "fc7.out_features": 16, "fc8.out_features": 10}
MORE: list[Case] = [
    (TYPES["lrn"](size=4, alpha=0.5, beta=0.75, k=1.5), ((6, 5, 4),)),  # ONNX's own has the odd neighbour elsewhere
    (TYPES["avg_pool2d"](kernel_size=3, stride=2, padding=1, ceil_mode=True), ((2, 8, 8),)),
    (TYPES["normalize"](p=3.0), ((3, 4),)),
]
SAYABLE = [case for case in (*CASES, *MORE) if not getattr(case[0], "proj_size", None)]
FAMILIES = sorted({layer.family for layer, _ in CASES})


def model_with(network: Network, built: BuiltNetwork) -> onnx.ModelProto:
    """The network with the weights of its module."""
    weights = built.state_dict()

    def values(node: Node, weight: Weight) -> Any:
        return weights[f"{built.path(node.name)}.{weight.name}"].numpy()

    return model_of(*sheet_of(network, values), tensor)


def run(model: onnx.ModelProto | str, network: Network, given: tuple[torch.Tensor, ...]) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    source = model if isinstance(model, str) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    found: list[Any] = session.run(None, {name: each.numpy() for name, each in zip(network.inputs, given, strict=True)})
    return found


def assert_runs_as_pytorch(network: Network) -> None:
    torch.manual_seed(0)
    built = archscope.build(network).eval()
    with torch.no_grad():
        for name, each in (*built.named_parameters(), *built.named_buffers()):
            plain = bool((each == each.reshape(-1)[:1]).all())
            if plain and name.endswith(("mean", "var", "weight", "bias")):  # norms begin as nothing that is noticed
                each.add_(torch.rand_like(each) / 4)
        model = model_with(network, built)
        onnx.checker.check_model(model, full_check=True)
        given = built.example_inputs(2)
        wanted = built(*given)
    made = run(model, network, given)
    for ref, one, other in zip(network.outputs, wanted if isinstance(wanted, tuple) else (wanted,), made, strict=True):
        near = 1e-4 * max(1.0, float(one[one.isfinite()].abs().max()))
        np.testing.assert_allclose(other, one.numpy(), rtol=1e-4, atol=near, err_msg=f"{network.by_name[ref.node]}")


def test_every_layer_type_is_written() -> None:
    assert set(FORMS) == set(TYPES)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_computes_in_onnxruntime_what_it_computes_in_pytorch(family: str) -> None:
    assert_runs_as_pytorch(together([case for case in SAYABLE if case[0].family == family]))


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(lambda: archscope.load("lenet5-1998"), id="lenet5-1998"),
        pytest.param(lambda: archscope.load("lecun1989"), id="lecun1989"),
        pytest.param(lambda: archscope.load("alexnet", changes=NARROW), id="alexnet"),
        pytest.param(lambda: archscope.load("resnet@18", input=(3, 40, 36)), id="resnet@18"),
        pytest.param(lambda: archscope.load("resnet@50", input=(3, 40, 36)), id="resnet@50"),
        pytest.param(lambda: thin("gpt2@small"), id="gpt2"),
        pytest.param(lambda: thin("mixtral"), id="mixtral"),
        pytest.param(lambda: thin("transformer@base"), id="transformer"),
    ],
)
def test_a_network_computes_in_onnxruntime_what_it_computes_in_pytorch(network: Any) -> None:
    assert_runs_as_pytorch(network())


def rows(network: Any) -> list[tuple[Any, ...]]:
    """What a table says, row by row."""
    return [(row.name, row.type, row.outputs, row.parameters, row.fixed, row.macs, row.connections)
            for row in analyze(network).rows]  # fmt: skip


@pytest.mark.parametrize(
    "spec",
    ["lenet1", "lenet5", "lenet5-1998", "lecun1989", "lenet5-pytorch", "resnet-cifar@20", "shufflenet-v2@1.0",
     "squeezenet@1.1", "mobilenet-v2"],
)  # fmt: skip
def test_a_file_is_read_back_as_the_same_table(spec: str, tmp_path: Path) -> None:
    write_onnx(archscope.load(spec), tmp_path / "net.onnx", "zeros")
    assert rows(str(tmp_path / "net.onnx")) == rows(spec)


def test_operators_that_are_almost_a_layer_of_a_table_stay_what_they_are(tmp_path: Path) -> None:
    network, path = archscope.load("lenet5"), tmp_path / "net.onnx"
    write_onnx(network, path)
    model = onnx.load(path)
    (kernels,) = (each for node in model.graph.node if node.op_type == "Gather" and node.input[0] == "C3.weight"
                  for each in model.graph.initializer if each.name == node.input[1] and each.dims == [18])  # fmt: skip
    numbers = numpy_helper.to_array(kernels)
    assert list(numbers) == list(range(18))
    kernels.CopyFrom(numpy_helper.from_array(numbers[::-1].copy(), kernels.name))  # the kernels of other connections
    onnx.save(model, path)
    assert "C3" not in {row.name for row in analyze(str(path)).rows}
    write_onnx(network, path)
    model = onnx.load(path)
    model.graph.output.append(onnx.helper.make_tensor_value_info("S2/AveragePool_0", 1, ["batch", 6, 14, 14]))
    onnx.save(model, path)
    found = {row.name: row.type for row in analyze(str(path)).rows}
    assert found["S2.avg_pool2d"] == "avg_pool2d"  # somebody wants the mean itself
    assert found["S4"] == "subsampling"


UNEQUAL = {
    "embedding_bag": "what weighs a vector is no product to who reads it",
    "rnn_cell": "a product with a state of zeros is none of the input",
    "lstm_cell": "as above",
    "gru_cell": "as above",
}
"""Layers whose products are counted otherwise when they are read back."""


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_read_back_holds_and_multiplies_as_much(family: str, tmp_path: Path) -> None:
    cases = [(layer, shapes) for layer, shapes in SAYABLE if layer.family == family and shapes]
    cases = [each for each in cases if each[0].type not in UNEQUAL]
    network = together(cases)
    write_onnx(network, tmp_path / "net.onnx", "zeros")
    ours, back = (analyze(each).totals for each in (network, str(tmp_path / "net.onnx")))
    assert (back.parameters, back.fixed, back.macs) == (ours.parameters, ours.fixed, ours.macs)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 5, 6, 8, 11])
def test_a_random_stack_is_read_back_as_it_was(seed: int, tmp_path: Path) -> None:
    layers, _, shape = stacks._stack(Random(seed))
    lines = "\n".join(f"  l{place}: {{{', '.join(f'{k}: {v}' for k, v in each.items())}}}"
                      for place, each in enumerate(layers))  # fmt: skip
    network = archscope.read(f"input: {list(shape)}\nlayers:\n{lines}\n", name="stack")
    write_onnx(network, tmp_path / "net.onnx")
    assert layers_of(open_network(tmp_path / "net.onnx")) == layers_of(network)


def layers_of(network: Network) -> list[tuple[Any, ...]]:
    """Every layer with its label and its numbers, whether or not it is an activation in another's row."""
    facts = network.facts
    return [(node.layer.type, node.layer.label, each.outputs, each.parameters, each.fixed, each.macs, each.connections)
            for node in network.nodes for each in (facts[node.name],)]  # fmt: skip


def test_weights_start_as_the_layers_of_pytorch_do() -> None:
    network = together([case for case in SAYABLE if case[1]])
    torch.manual_seed(0)
    built, values = archscope.build(network), drawn(network)
    theirs = built.state_dict()
    for node in network.nodes:
        for weight in network.facts[node.name].weights:
            one, other = values(node, weight), theirs[f"{built.path(node.name)}.{weight.name}"].numpy()
            label = f"{node.name}.{weight.name} {node.layer}"
            assert one.shape == other.shape, label
            if one.size < 30 or other.std() == 0 or node.layer.type == "sinusoidal_positions":
                if other.std() == 0 or node.layer.type == "sinusoidal_positions":
                    np.testing.assert_allclose(one, other, atol=1e-5, err_msg=label)
                continue
            # Uniform values end at their reach, √3 times the spread; of normal ones the tails are longer.
            assert one.std() == pytest.approx(other.std(), rel=0.5), label
            assert abs(one).max() == pytest.approx(abs(other).max(), rel=0.6), label


def test_weights_start_as_a_spec_says() -> None:
    network = archscope.load("lenet5")
    values = drawn(network)
    node = network.by_name["C3"]
    weight, bias = network.facts["C3"].weights
    table = node.layer.connection_table  # type: ignore[attr-defined]
    kernels = np.split(values(node, weight), np.cumsum([len(row) for row in table])[:-1])
    # 2.4 over the inputs of a unit, 25 of each map that it sees
    for row, each in zip(table, kernels, strict=True):
        assert 0.9 * 2.4 < abs(each).max() * 25 * len(row) <= 2.4
    assert dict(node.init)["weight"] == ("uniform_fan_in", (2.4,))
    assert values(node, bias).shape == (16,)


def test_the_same_network_is_the_same_file_and_says_what_it_is(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_onnx(archscope.load("lenet5"), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    model = onnx.load(tmp_path / "one")
    assert model.producer_name == "archscope"
    assert model.graph.doc_string == "LeNet-5"
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert [node.name for node in model.graph.node][:4] == ["C1", "C1.scaled_tanh/Mul", "C1.scaled_tanh/Tanh",
                                                            "C1.scaled_tanh/Mul_2"]  # fmt: skip
    assert {each.name for each in model.graph.initializer} >= {"C1.weight", "C3.weight", "C3.bias"}


def test_a_weight_that_two_layers_share_stands_there_once(tmp_path: Path) -> None:
    network = thin("gpt2@small")
    written = write_onnx(network, tmp_path / "net.onnx")
    assert written.bytes == 4 * analyze(network).totals.parameters
    assert "head.weight" not in {each.name for each in onnx.load(tmp_path / "net.onnx").graph.initializer}


def test_many_weights_stand_beside_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, path = archscope.load("lenet5-pytorch"), tmp_path / "net.onnx"
    inside = write_onnx(network, path)
    given = archscope.build(network).example_inputs(2)
    wanted = run(str(path), network, given)
    monkeypatch.setattr(file, "INSIDE", 1000)
    apart = write_onnx(network, path, "random")
    assert (inside.beside, apart.beside, apart.weights) == (None, "net.onnx.data", "random")
    assert path.stat().st_size < 10_000
    assert (tmp_path / "net.onnx.data").stat().st_size == apart.bytes == 4 * 61_706
    onnx.checker.check_model(str(path), full_check=True)
    np.testing.assert_array_equal(run(str(path), network, given), wanted)
    # Zeros are one stretch, as long as the largest weight, 120·400 of them; unasked where there are many.
    zeros = write_onnx(network, path)
    assert (zeros.weights, (tmp_path / "net.onnx.data").stat().st_size) == ("zeros", 4 * 120 * 400)
    assert not run(str(path), network, given)[0].any()
    assert rows(str(path)) == rows(network)


def test_an_lstm_with_a_projection_is_refused() -> None:
    network = archscope.read("input: [6, 12]\nlayers: {again: {type: lstm, hidden_size: 8, proj_size: 3}}", name="n")
    with pytest.raises(UsageError, match=r"`again` \(lstm\): ONNX's LSTM has no projection; leave `proj_size` out"):
        sheet_of(network, drawn(network))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["--to", "onnx"], "an ONNX file is no text to print; name a file for it: -o net.onnx"),
        (["--to", "onnx", "--weights", "zero", "-o", "x.onnx"], "there are no weights `zero`; did you mean `zeros`?"),
        (["--weights", "zeros"], "`--weights zeros` is for `--to onnx`"),
        (["--to", "onnx", "-o", "nowhere/x.onnx"], "cannot write nowhere/x.onnx: there is no folder nowhere"),
    ],
)
def test_what_cannot_be_written_is_said(said: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["code", "lenet5", *said]) == 2
    assert told in capsys.readouterr().err


def test_the_command_needs_no_pytorch_and_says_what_it_wrote(tmp_path: Path) -> None:
    program = ("import sys; sys.modules['torch'] = None; from archscope.cli import main; "
               "sys.exit(main(['code', 'lenet5', '--to', 'onnx', '-o', 'net.onnx']))")  # fmt: skip
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr == ("net.onnx: ONNX, opset 23; weights of 243,400 bytes (237.7 KiB): "
                          "values drawn as the layers start\n")  # fmt: skip
    onnx.checker.check_model(str(tmp_path / "net.onnx"), full_check=True)
