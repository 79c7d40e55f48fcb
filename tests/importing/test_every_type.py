"""A layer of every type has the numbers of its spec as the program that PyTorch exports of it, but for a reason."""

from __future__ import annotations

import io
import warnings
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import pytest
import torch
from torch import nn

import archscope
from archscope.building import build
from archscope.building.padding import CroppedConvTranspose1d, CroppedConvTranspose2d, CroppedConvTranspose3d
from archscope.rows import Row
from tests.building.builder_cases import CASES, Case, name_of
from tests.oracles.test_layer_types import alone

FAMILIES: Final = sorted({layer.family for layer, _ in CASES})
APART: Final = "dense layers for queries, keys and values, which the spec has within one layer"


def why_not(case: Case) -> str:
    """Why the units and connections of a type are not the spec's; empty where they are."""
    layer: Any = case[0]
    if layer.type != "multihead_attention" or layer.head_dim or layer.num_kv_heads or len(layer.bias) not in (0, 4):
        return ""
    masked = len(case[1]) > 3 and len(case[1][3]) > 1
    added = layer.causal and (layer.add_bias_kv or layer.add_zero_attn)  # a mask that code makes
    return APART if masked or added else ""


class Every(nn.Module):
    """Networks side by side, each with inputs of its own: one program to export."""

    def __init__(self, nets: list[Any]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.many = [len(each.example_inputs(1)) for each in nets]

    def forward(self, *given: Any) -> list[Any]:
        made, at = [], 0
        for net, many in zip(self.nets, self.many, strict=True):
            made.append(net(*given[at : at + many]))
            at += many
        return made


def counted(rows: Iterable[Row], *, lines: bool = True) -> dict[str, Any]:
    """What rows add up to."""
    names = ("parameters", "fixed", "macs", *(("units", "connections") if lines else ()))
    each = [{name: getattr(row, name) for name in names} for row in rows]
    return {name: None if any(one[name] is None for one in each) else sum(one[name] for one in each) for name in names}


@pytest.mark.parametrize(
    "family", [pytest.param(each, marks=[pytest.mark.slow] if each == "sequence" else []) for each in FAMILIES]
)
def test_every_layer_type_has_the_numbers_of_its_spec_as_an_exported_program(family: str) -> None:
    cases = [case for case in CASES if case[0].family == family and case[1]]
    nets = [build(alone(case)).eval() for case in cases]
    given = [each for net in nets for each in net.example_inputs(1)]
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(Every(nets).eval(), tuple(given)), file)
        file.seek(0)
        analysis = archscope.analyze(torch.export.load(file))
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in analysis.rows:
        rows[row.name.split(".")[1]].append(row)
    for number, case in enumerate(cases):
        wanted, reason = archscope.analyze(alone(case)).rows, why_not(case)
        found = rows[str(number)]
        assert counted(found, lines=not reason) == counted(wanted, lines=not reason), name_of(case)
        # A reason that has gone has no place here.
        assert not reason or counted(found) != counted(wanted), name_of(case)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_transposed_convolution_whose_output_is_cut_is_one_layer_in_a_program(axes: int) -> None:
    kind = (CroppedConvTranspose1d, CroppedConvTranspose2d, CroppedConvTranspose3d)[axes - 1]
    options = {"stride": 2, "dilation": 2, "groups": 2, "output_padding": 1, "bias": axes != 2}
    net: Any = nn.Sequential(kind(4, 6, (3,) * axes, sides=((1, 2), (0, 1), (0, 0))[:axes], **options)).eval()
    given = torch.zeros(1, 4, *(5,) * axes)
    assert (
        archscope.analyze(torch.export.export(net, (given,))).rows[0].facts
        == archscope.analyze(net, given).rows[0].facts
    )
