"""An LSTM is one operation of PyTorch in some types, and runs position by position in the others."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import archscope
from archscope.layers import recurring
from archscope.memory import memory
from archscope.network import Network
from archscope.oracles import Verdict
from archscope.oracles.memory import tracked
from archscope.working import bare
from tests.memory.witnessed import held

OPTIONS = ("", "num_layers: 2, ", "bidirectional: true, ", "bias: false, ", "proj_size: 4, ")
TYPES = ("float32", "float64", "float16", "bfloat16")
BEFORE = {"lower": "{type: linear, out_features: 16, every_position: true}", "float32": "{type: layer_norm}"}
"""What stands before it, by the type in which it gives its values on under autocast."""


def behind(first: str, options: str) -> Network:
    return archscope.read(f"input: [6, 16]\nlayers:\n  a: {first}\n  b: {{type: lstm, {options}hidden_size: 12}}\n")


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("options", OPTIONS)
def test_the_tracker_counts_the_same_for_an_lstm_in_every_type(options: str, dtype: str, optimizer: str | None) -> None:
    network = behind(BEFORE["lower"], options)
    assert held(network, 3, optimizer, dtype=dtype) == tracked(network, 3, optimizer, dtype=dtype)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("autocast", ["float16", "bfloat16"])
@pytest.mark.parametrize("given", BEFORE)
@pytest.mark.parametrize("options", OPTIONS)
def test_the_tracker_counts_the_same_for_an_lstm_by_the_type_that_it_is_given(
    options: str, given: str, autocast: str, optimizer: str | None
) -> None:
    network = behind(BEFORE[given], options)
    assert held(network, 3, optimizer, autocast=autocast) == tracked(network, 3, optimizer, autocast=autocast)


def test_numbers_are_those_of_processors_with_avx_512_wherever_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    network = behind(BEFORE["lower"], "")

    def most(dtype: str) -> int:
        return bare(memory(network, 3, dtype=dtype).peak.most.total)

    assert recurring.APART_IN == ("float64", "float16")
    assert 2 * most("bfloat16") == most("float32")
    assert 2 * most("float16") > most("float32")


@pytest.mark.parametrize("supported", [True, False])
def test_verify_asks_no_tracker_where_the_processor_runs_something_else(
    monkeypatch: pytest.MonkeyPatch, *, supported: bool
) -> None:
    module = torch.nn.LSTM(8, 12, batch_first=True).bfloat16()
    monkeypatch.undo()
    here = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if supported and not here:
        pytest.skip("this processor has no AVX-512")
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: supported)
    found: Any = archscope.verify(archscope.trace(module, (6, 8)))
    assert not [each for each in found.findings if each.verdict is Verdict.DIFFERS]
    told = [each for each in found.findings if "AVX-512" in (each.why)]
    assert bool(told) is not supported
