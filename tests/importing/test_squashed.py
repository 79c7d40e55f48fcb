"""Files say what activations and products at each position are as modules do: one recogniser reads both."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import archscope
from archscope import analyze, trace
from archscope.opening import open_network, opened, request_for
from tests.importing.files import onnx_file
from tests.importing.test_onnx import exported
from tests.tracing.test_merging import Net
from tests.tracing.test_squashed import WRITTEN, Between


def rows(network: archscope.Network) -> list[tuple[str, str | None, int]]:
    """What each row is, its activation and its parameters."""
    return [(row.label, row.activation, int(row.parameters)) for row in archscope.analyze(network).rows]


@pytest.mark.parametrize("name", ["as Megatron", "as BERT", "as MobileNetV3", "swish of an exponential", "mish"])
def test_an_activation_that_is_written_out_is_the_same_in_a_file(name: str, tmp_path: Path) -> None:
    module = Between(WRITTEN[name][1])
    path = exported(module, (torch.zeros(1, 4),), tmp_path / "net.onnx", dynamo=False)
    assert rows(opened(request_for(path))[0]) == rows(archscope.trace(module, (4,)))


@pytest.mark.parametrize(
    "module", [Net(), nn.Sequential(nn.Linear(8, 8), nn.GELU(approximate="tanh"))], ids=["flat", "gelu"]
)
def test_what_is_read_of_a_module_is_read_of_its_file(module: nn.Module, tmp_path: Path) -> None:
    path = exported(module, (torch.zeros(1, 5, 8),), tmp_path / "net.onnx", dynamo=False)
    assert rows(opened(request_for(path))[0]) == rows(archscope.trace(module, (5, 8)))


class WrittenOut(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


class Flattened(nn.Module):
    """GELU in a module of its own, and its samples and positions as one axis for what comes next."""

    def __init__(self) -> None:
        super().__init__()
        self.act, self.fc = WrittenOut(), nn.Sequential(nn.Linear(4, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.act(x).view(-1, 4)).view(*x.shape[:-1], 3)


FLATTENED = """net (float[1,6,4] x) => (float[1,6,3] y) {
  d = Div(x, root)
  e = Erf(d)
  a = Add(e, one)
  m = Mul(x, a)
  g = Mul(m, half)
  flat = Reshape(g, rows)
  p = Gemm<transB=1>(flat, w, b)
  y = Reshape(p, back)
}"""


@pytest.mark.parametrize("file", [True, False])
def test_an_activation_that_is_written_out_before_a_reshape_is_that_activation(file: bool, tmp_path: Path) -> None:
    if file:
        numbers = {"root": math.sqrt(2), "one": 1, "half": 0.5}
        path = onnx_file(
            tmp_path, FLATTENED, **{name: np.array(each, np.float32) for name, each in numbers.items()},
            rows=np.array([-1, 4]), back=np.array([1, 6, 3]), w=(3, 4), b=(3,),
        )  # fmt: skip
        model = onnx.load(path)
        for node in model.graph.node[:5]:
            node.name = f"/act/{node.op_type}"
        model.graph.node[6].name = "/head/fc/Gemm"
        onnx.save(model, path)
        network = open_network(path)
    else:
        network = trace(Flattened(), (6, 4))
    assert [row.type for row in analyze(network).rows if row.macs] == ["linear"]
    assert "gelu" in [node.layer.type for node in network.nodes]
