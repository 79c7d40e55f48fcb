"""Layers that files have written out in operators: channels that are shuffled, and what neighbouring maps respond."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archscope import analyze
from archscope.opening import open_network
from tests.importing.files import onnx_file

SHUFFLE = """net (float[N,6,5,4] x) => (float y) {{
  apart = Reshape(x, groups)
  turned = Transpose<perm=[0,2,1,3,4]>(apart)
  {copied} = {copy}(turned)
  y = Reshape({copied}, maps)
}}"""


def shuffled(folder: Path, copy: str) -> list[str]:
    graph = SHUFFLE.format(copied="copied", copy=copy)
    held = {"groups": np.array([-1, 3, 2, 5, 4]), "maps": np.array([-1, 6, 5, 4])}
    return [row.label for row in analyze(onnx_file(folder, graph, **held)).rows]


def test_channels_that_are_shuffled_with_a_copy_between_are_a_layer(tmp_path: Path) -> None:
    assert shuffled(tmp_path, "Identity") == ["channel shuffle g3"]
    assert shuffled(tmp_path, "Relu") == ["reshape", "transpose 0, 1", "reshape"]


RESPONSE = """net (float[2,6,5,4] x, float[2,6,5,4] other) => (float y) {{
  {square}
  laid = Reshape(square, {laid})
  around = Pad(laid, pads)
  mean = AveragePool<kernel_shape=[{kernel}]>(around)
  back = Reshape(mean, whole)
  {grown}
  shifted = Add(grown, k)
  power = Pow(shifted, beta)
  y = {end}
}}"""
USUAL = {"square": "square = Mul(x, x)", "laid": "apart", "kernel": "5,1,1", "grown": "grown = Mul(back, alpha)",
         "end": "Div(x, power)"}  # fmt: skip
WAYS = {
    "as PyTorch has it": {},
    "a power": {"square": "square = Pow(x, two)"},
    "laid out in a row": {"laid": "row"},
}
OTHERS = {
    "squares of another": {"square": "square = Mul(other, other)"},
    "a product": {"square": "square = Mul(x, other)"},
    "a third power": {"square": "square = Pow(x, three)"},
    "over another": {"end": "Div(other, power)"},
    "upside down": {"end": "Div(power, x)"},
    "along maps, too": {"kernel": "5,1,4"},
    "laid out across maps": {"laid": "across"},
    "nothing of the mean": {"grown": "grown = Mul(back, zero)"},
    "less for more": {"grown": "grown = Neg(back)"},
}


def response(folder: Path, before: int = 2, after: int = 2, **said: str) -> list[str]:
    """What the layers of such a file are called."""
    held = {
        "apart": np.array([2, 1, 6, 5, 4]), "row": np.array([2, 1, 6, 1, 20]), "across": np.array([2, 1, 5, 6, 4]),
        "whole": np.array([2, 6, 5, 4]), "pads": np.array([0, 0, before, 0, 0, 0, 0, after, 0, 0]),
        "alpha": np.array(2e-4, np.float32), "k": np.array(2, np.float32), "beta": np.array(0.75, np.float32),
        "two": np.array(2, np.float32), "three": np.array(3, np.float32), "zero": np.array(0, np.float32),
    }  # fmt: skip
    graph = RESPONSE.format_map(USUAL | said)
    if said.get("kernel") == "5,1,4":
        graph = graph.replace("AveragePool<", "AveragePool<strides=[1,1,1], pads=[0,0,1,0,0,2],")
    network = open_network(onnx_file(folder, graph, **held))
    found = [node.layer for node in network.nodes if node.layer.type == "lrn"]
    return [f"{layer.size} {layer.alpha:g} {layer.beta:g} {layer.k:g}" for layer in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", WAYS)
def test_local_response_normalization_that_is_written_out_is_a_layer(way: str, tmp_path: Path) -> None:
    assert response(tmp_path, **WAYS[way]) == ["5 0.0002 0.75 2"]


def test_of_an_even_number_of_maps_more_come_before(tmp_path: Path) -> None:
    assert response(tmp_path, 1, 1, kernel="3,1,1") == ["3 0.0002 0.75 2"]
    assert response(tmp_path, 2, 1, kernel="4,1,1") == ["4 0.0002 0.75 2"]
    assert response(tmp_path, 1, 2, kernel="4,1,1") == []


@pytest.mark.parametrize("other", OTHERS)
def test_what_is_almost_local_response_normalization_stays_what_it_is(other: str, tmp_path: Path) -> None:
    assert response(tmp_path, **OTHERS[other]) == []
