"""Files say what activations and products at each position are as modules do: one recogniser reads both."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import archscope
from archscope.opening import opened, request_for
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
