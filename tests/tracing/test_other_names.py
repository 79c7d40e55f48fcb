"""Functions of PyTorch's that do what others do have the numbers of these, whatever they are called."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope
from archscope import Analysis

Code = Callable[[Any, Tensor], Tensor]


class Of(nn.Module):
    """Code over parameters of these shapes."""

    def __init__(self, code: Code, **shapes: tuple[int, ...]) -> None:
        super().__init__()
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.rand(shape) + 0.5))
        self.code = code

    def forward(self, x: Tensor) -> Tensor:
        return self.code(self, x)


def counted(analysis: Analysis) -> tuple[Any, ...]:
    totals = analysis.totals
    return totals.parameters, totals.units, totals.connections, totals.connections_in_bounds, totals.macs


def read(code: Code, shapes: dict[str, tuple[int, ...]], samples: int = 1) -> tuple[Any, ...]:
    return counted(archscope.analyze(Of(code, **shapes).eval(), torch.rand(samples, 4, 6)))


LAYERS: dict[str, tuple[dict[str, tuple[int, ...]], Code, Code]] = {
    "a layer norm": (
        {"w": (6,), "b": (6,)},
        lambda s, x: torch.native_layer_norm(x, [6], s.w, s.b, 1e-5)[0],
        lambda s, x: F.layer_norm(x, [6], s.w, s.b),
    ),
    "a group norm": (
        {"w": (4,), "b": (4,)},
        lambda s, x: torch.native_group_norm(x, s.w, s.b, len(x), 4, 6, 2, 1e-5)[0],
        lambda s, x: F.group_norm(x, 2, s.w, s.b),
    ),
    "a batch norm": (
        {"w": (4,), "b": (4,)},
        lambda s, x: torch.native_batch_norm(x, s.w, s.b, None, None, True, 0.1, 1e-5)[0],
        lambda s, x: F.batch_norm(x, None, None, s.w, s.b, True),
    ),
    "a convolution": (
        {"w": (6, 2, 3), "b": (6,)},
        lambda s, x: torch.convolution(x, s.w, s.b, [2], [1], [1], False, [0], 2),
        lambda s, x: F.conv1d(x, s.w, s.b, 2, 1, 1, 2),
    ),
    "a dilated one by names": (
        {"w": (5, 4, 3)},
        lambda s, x: torch.convolution(x, s.w, None, stride=[1], padding=[2], dilation=[2], transposed=False,
                                       output_padding=[0], groups=1),
        lambda s, x: F.conv1d(x, s.w, None, 1, 2, 2),
    ),
    "a transposed one": (
        {"w": (4, 5, 3), "b": (5,)},
        lambda s, x: torch.convolution(x, s.w, s.b, [2], [1], [1], True, [1], 1),
        lambda s, x: F.conv_transpose1d(x, s.w, s.b, 2, 1, 1),
    ),
    "a transposed one that is dilated": (
        {"w": (4, 5, 3)},
        lambda s, x: torch.convolution(x, s.w, None, [1], [0], [2], True, [0], 2),
        lambda s, x: F.conv_transpose1d(x, s.w, None, groups=2, dilation=2),
    ),
    "the inside of a convolution": (
        {"w": (6, 4, 3), "b": (6,)},
        lambda s, x: torch._convolution(x, s.w, s.b, [1], [1], [1], False, [0], 1, False, False, False, False),
        lambda s, x: F.conv1d(x, s.w, s.b, padding=1),
    ),
    "one of two axes": (
        {"w": (3, 1, 2, 3)},
        lambda s, x: torch.convolution(x[:, None], s.w, None, [1, 2], [1, 0], [1, 1], False, [0, 0], 1),
        lambda s, x: F.conv2d(x[:, None], s.w, None, (1, 2), (1, 0)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_by_another_name_is_that_layer(name: str) -> None:
    shapes, other, usual = LAYERS[name]
    found, wanted = (archscope.analyze(Of(code, **shapes).eval(), torch.rand(1, 4, 6)) for code in (other, usual))
    assert counted(found) == counted(wanted)
    assert found.totals.connections
    assert [(row.label, row.type, row.outputs[0]) for row in found.rows] == [
        (row.label, row.type, row.outputs[0]) for row in wanted.rows
    ]


@pytest.mark.parametrize("name", ["a layer norm", "a group norm", "a convolution", "a transposed one"])
def test_a_program_whose_operations_are_the_plainest_is_read(name: str) -> None:
    shapes, _, usual = LAYERS[name]
    module, given = Of(usual, **shapes).eval(), torch.rand(1, 4, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module, (given,)).run_decompositions()
    assert counted(archscope.analyze(program)) == counted(archscope.analyze(module, given))


JOINED: dict[str, tuple[dict[str, tuple[int, ...]], Code, Code]] = {
    "a product that is added": (
        {"p": (6,)}, lambda s, x: torch.addcmul(x, x, s.p), lambda s, x: x + x * s.p),
    "one that is added to a learned value": (
        {"p": (6,), "q": (4, 1)}, lambda s, x: torch.addcmul(s.q, x, s.p), lambda s, x: s.q + x * s.p),
    "a quotient": (
        {"p": (4, 6)}, lambda s, x: torch.addcdiv(x, x, s.p, value=2.0), lambda s, x: x + 2.0 * (x / s.p)),
    "between two values": (
        {"p": (6,)}, lambda s, x: torch.lerp(x, x * x, s.p), lambda s, x: x + s.p * (x * x - x)),
    "of its own": (
        {"p": (6,)}, lambda s, x: x.lerp(x * x, s.p), lambda s, x: x + s.p * (x * x - x)),
    "nothing learned": (
        {}, lambda s, x: torch.addcmul(x, x, x.sigmoid()), lambda s, x: x + x * x.sigmoid()),
    "one of two": (
        {"p": (6,)}, lambda s, x: torch.hypot(x, s.p), lambda s, x: torch.maximum(x, s.p)),
}  # fmt: skip


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("name", JOINED)
def test_a_learned_value_beside_others_has_the_lines_that_it_has_written_out(name: str, samples: int) -> None:
    shapes, whole, written_out = JOINED[name]
    assert read(whole, shapes, samples) == read(written_out, shapes, samples)


@pytest.mark.parametrize("p", [2.0, 1.0, float("inf")])
@pytest.mark.parametrize("samples", [1, 3])
def test_a_distance_to_a_learned_place_has_a_line_from_every_value(p: float, samples: int) -> None:
    found = read(lambda s, x: torch.cdist(x, s.w, p=p), {"w": (5, 6)}, samples)
    # From each of 6 values to each of 5 places, for each of 4 rows; squares are products, and of that distance alone.
    assert found == (30, 20, 120, 120, 120 * samples if p == 2 else 0)
