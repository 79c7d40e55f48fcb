"""Recurrence of several layers is what as many of one layer are, one after the other, through every door."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import pytest
import torch

import archscope
from archscope import Analysis, analyze
from archscope.building import build
from archscope.writing.jax import write_jax
from archscope.writing.onnx.file import write_onnx
from tests.importing.keras_written import layer, model, written

DEPTH = 2
KINDS: dict[str, dict[str, Any]] = {
    "rnn": {"hidden_size": 5},
    "rnn twice": {"hidden_size": 5, "bidirectional": True, "nonlinearity": "relu"},
    "lstm": {"hidden_size": 5, "bias": False},
    "lstm twice": {"hidden_size": 5, "bidirectional": True},
    "lstm projected": {"hidden_size": 5, "proj_size": 2, "bidirectional": True},
    "gru": {"hidden_size": 5},
    "gru twice": {"hidden_size": 5, "bidirectional": True, "bias": False},
}
DOORS = ["spec", "module", "program", "ONNX", "JAX"]
SLOW = {("program", "rnn twice"), ("program", "gru twice"), ("JAX", "rnn twice"), ("JAX", "lstm"), ("JAX", "gru")}


def spec(kind: str, *, stacked: bool) -> archscope.Network:
    """Such recurrence over 7 positions, and a dense layer of what its last layer makes."""
    one = {"type": kind.partition(" ")[0], **KINDS[kind]}
    layers = {"r": {**one, "num_layers": DEPTH}} if stacked else {f"r{depth}": one for depth in range(DEPTH)}
    lines = [f"  {name}: {{{', '.join(f'{key}: {str(value).lower()}' for key, value in said.items())}}}"
             for name, said in layers.items()]  # fmt: skip
    return archscope.read("\n".join(["input: [7, 4]", "layers:", *lines, "  head: {type: linear, out_features: 3}"]),
                          name="net")  # fmt: skip


def through(door: str, network: archscope.Network, folder: Path) -> Analysis:
    """What such a network has, read through a door."""
    if door == "spec":
        return analyze(network)
    if door == "ONNX":
        write_onnx(network, folder / "net.onnx")
        return analyze(str(folder / "net.onnx"))
    if door == "JAX":
        module = ModuleType(f"stacked_{folder.name}")
        exec(compile(write_jax(network), module.__name__, "exec"), module.__dict__)
        sys.modules[module.__name__] = module
        return analyze(f"{module.__name__}:Net@4,7")
    net = build(network).eval()
    given = net.example_inputs(1)
    if door == "module":
        return archscope.analyze(net, *given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(net, tuple(given)), folder / "net.pt2")
    return analyze(str(folder / "net.pt2"))


def counted(analysis: Analysis) -> dict[str, Any]:
    """What adds up over layers, however they are cut."""
    totals = analysis.totals
    return {
        **{name: getattr(totals, name) for name in ("parameters", "fixed", "units", "connections",
                                                    "connections_in_bounds", "macs", "flops")},
        "dense": sum(row.dense_equivalent for row in analysis.rows),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "door"),
    [pytest.param(kind, door, marks=[pytest.mark.slow] if (door, kind) in SLOW else [])
     for kind in KINDS for door in DOORS if (kind, door) != ("lstm projected", "ONNX")],
)  # fmt: skip
def test_recurrence_of_several_layers_is_what_they_are_one_after_the_other(
    kind: str, door: str, tmp_path: Path
) -> None:
    stacked, apart = ((tmp_path / each) for each in ("stacked", "apart"))
    for folder in (stacked, apart):
        folder.mkdir()
    found = counted(through(door, spec(kind, stacked=True), stacked))
    assert found == counted(through(door, spec(kind, stacked=False), apart))
    assert door == "JAX" or found == counted(analyze(spec(kind, stacked=False)))


def test_units_of_two_layers_are_those_of_both_in_both_directions() -> None:
    (row, _) = analyze(spec("gru twice", stacked=True)).rows
    assert (row.units, row.working("units")) == (7 * 10 * DEPTH, "2·10·7")
    # In by 4, or by what both directions made before, over all positions.
    assert row.dense_equivalent == 7 * 4 * 70 + 70 * 70


def test_states_to_begin_with_are_lines_of_the_layer_that_takes_them() -> None:
    kind = archscope.layers.TYPES["lstm"]
    stacked, one = kind(hidden_size=5, num_layers=2), kind(hidden_size=5)
    both = stacked.facts((7, 4), (2, 5), (2, 5))
    first, second = one.facts((7, 4), (1, 5), (1, 5)), one.facts((7, 5), (1, 5), (1, 5))
    assert (both.units, both.dense_equivalent) == (
        first.units + second.units, first.dense_equivalent + second.dense_equivalent)  # fmt: skip


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_cells_of_keras_one_behind_the_other_are_as_many_layers(kind: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"units": 5, "use_bias": False, "return_sequences": True}
    cell: dict[str, Any] = {"class_name": f"{kind}Cell", "config": {"units": 5, "use_bias": False}}
    cells: dict[str, Any] = {"class_name": "StackedRNNCells", "config": {"cells": [cell] * DEPTH}}
    end: dict[str, Any] = {"units": 3, "use_bias": True}
    stacked = model(layer("RNN", "r", "x", cell=cells, return_sequences=True), layer("Dense", "head", "r", **end),
                    shape=(None, 7, 4))  # fmt: skip
    apart = model(*(layer(kind, f"r{depth}", f"r{depth - 1}" if depth else "x", **options) for depth in range(DEPTH)),
                  layer("Dense", "head", f"r{DEPTH - 1}", **end), shape=(None, 7, 4))  # fmt: skip
    (tmp_path / "apart").mkdir()
    found = counted(analyze(written(tmp_path, stacked)))
    assert found == counted(analyze(written(tmp_path / "apart", apart)))
    ours = {"SimpleRNN": "rnn", "LSTM": "lstm", "GRU": "gru"}[kind]
    text = (f"input: [7, 4]\nlayers:\n  r: {{type: {ours}, hidden_size: 5, bias: false, num_layers: {DEPTH}}}\n"
            "  head: {type: linear, out_features: 3}\n")  # fmt: skip
    assert found == counted(analyze(archscope.read(text, name="net")))
