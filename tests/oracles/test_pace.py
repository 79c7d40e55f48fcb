"""Witnesses in reasonable time: a few channels stand for all, the clock ends the rest, an interrupt keeps the start."""

from __future__ import annotations

import importlib
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

import archscope
from archscope.errors import Rejects
from archscope.layers import TYPES, Layer
from archscope.network import Network, Node, Ref
from archscope.oracles import WITNESSES, Verdict, cut, jacobian, verify
from archscope.oracles.report import write_json, write_matrix

QUICK = [name for name in WITNESSES if name != "Keras"]


def one(layer: Layer, shape: tuple[int, ...]) -> Network:
    return Network("one", {"input": shape}, [Node("it", layer, (Ref("input"),), "it")])


def drawn(drawing: random.Random) -> tuple[Layer, tuple[int, ...]]:
    axes = drawing.choice((1, 2, 2, 3))
    groups = drawing.choice((1, 1, 2, 4, 8))
    ins, outs = 8 * drawing.randint(1, 2), 8 * drawing.randint(1, 2)
    shape = (ins, *(drawing.randint(3, 7) for _ in range(axes)))
    kind = drawing.choice(("conv", "conv_transpose", "batch_norm", "prelu", "subsampling"))
    options: dict[str, Any] = {}
    if kind.startswith("conv"):
        options = {"out_channels": outs, "kernel_size": drawing.randint(1, 3), "stride": drawing.randint(1, 3),
                   "dilation": drawing.randint(1, 2), "groups": groups, "bias": drawing.random() < 0.5,
                   "padding": [drawing.randint(0, 2) for _ in range(2 * axes)]}  # fmt: skip
        kind += f"{axes}d"
    if kind == "prelu":
        options = {"num_parameters": drawing.choice((1, ins))}
    if kind == "subsampling":
        shape, options = (*shape[:2], 6)[:3], {"kernel_size": 2}
    return TYPES[kind](**options), shape


def test_a_few_channels_stand_for_all_of_a_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = random.Random(0)
    monkeypatch.setattr(jacobian, "EXACT", 0)
    monkeypatch.setattr(cut, "LIGHT", 0)
    said = set()
    tried = 0
    while tried < 150:
        layer, shape = drawn(drawing)
        try:
            network = one(layer, shape)
        except (archscope.errors.ArchscopeError, Rejects):
            continue
        tried += 1
        found = verify(network, ["Jacobian"]).findings
        assert {each.verdict for each in found} == {Verdict.AGREES}, (layer, shape, found)
        said |= {part for each in found for part in re.split("[;,] ", each.why)}
    assert {"2 of 16 input maps", "2 of 16 output maps", "2 of 8 groups", "2 of 16 maps", "2 of 4 input maps"} <= said


def test_a_wrong_count_is_noticed_where_a_few_channels_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jacobian, "EXACT", 0)
    monkeypatch.setattr(cut, "LIGHT", 0)
    network = one(TYPES["conv2d"](out_channels=16, kernel_size=3, padding=1), (16, 9, 9))
    facts = network.facts["it"]
    for quantity in ("connections", "connections_in_bounds", "macs", "macs_in_bounds"):
        wrong = network.replace(facts={"it": facts.replace(**{quantity: getattr(facts, quantity) + 1})})
        differing = {each.quantity for each in verify(wrong, ["Jacobian"]).differing if each.layer}
        assert differing == {quantity}


class Clock:
    """A clock that goes on by as much each time it is read."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_when_time_is_up_the_rest_is_not_covered_and_says_so() -> None:
    found = verify(archscope.load("alexnet"), ["field", "fvcore", "Jacobian"], seconds=60, clock=Clock(100))
    assert not found.differing
    assert not found.of(Verdict.AGREES)
    reasons = {each.why for each in found.findings}
    assert "the time was up (60 s for all witnesses); give more with `--seconds`" in reasons
    assert verify(archscope.load("alexnet"), ["fvcore"], clock=Clock(0)).of(Verdict.AGREES)


def test_the_memory_tracker_ends_between_two_operations_when_time_is_up() -> None:
    clock = Clock(1)
    found = verify(archscope.load("alexnet"), ["memory"], seconds=60, clock=clock)
    assert clock.now <= 75  # it was asked at each operation, and ran hardly any after the end
    late = {each.quantity for each in found.of(Verdict.NOT_COVERED) if each.why and "the time was up" in each.why}
    assert "bytes in training with Adam" in late
    assert not found.differing


def test_a_total_is_not_covered_for_the_layers_that_have_no_count() -> None:
    in_time = verify(archscope.load("alexnet"), ["fvcore"], seconds=60, clock=Clock(100))
    assert [each.why for each in in_time.findings if each.layer is None] == [
        "it has no count of `conv1` and 7 more layers"
    ]
    two_ways = one(TYPES["lstm"](hidden_size=4, bidirectional=True), (5, 3))
    assert {each.layer: each.why for each in verify(two_ways, ["fvcore"]).findings} == {
        "it": "no rule for lstm", None: "it has no count of `it`",
    }  # fmt: skip


def test_progress_names_the_witness_and_the_layer() -> None:
    told: list[tuple[str, str, str]] = []
    verify(archscope.load("lenet5"), QUICK, progress=lambda *each: told.append(each))
    rows = {row.name for row in archscope.analyze(archscope.load("lenet5")).rows}
    for witness in QUICK:
        layers = {layer for network, name, layer in told if (network, name) == ("lenet5", witness)}
        assert layers - {""} <= rows
        silent = ("published", "memory", "profiler", "source", "gradient", "onnxruntime", "program", "JAX", "weights")
        assert "C3" in layers or witness in silent


def interrupting(at: str) -> Callable[..., None]:
    def told(network: str, witness: str, layer: str) -> None:
        if (witness, layer) == ("Jacobian", at):
            raise KeyboardInterrupt

    return told


def test_an_interrupt_keeps_what_is_known_so_far() -> None:
    found = verify(archscope.load("lenet5"), QUICK, progress=interrupting("C5"))
    assert found.stopped == "Jacobian at C5"
    assert {each.witness for each in found.findings} == {
        "module", "torchinfo", "fvcore", "FLOPs", "profiler", "source", "gradient", "Jacobian",
    }  # fmt: skip
    assert [each.layer for each in found.findings if each.witness == "Jacobian"][-1] == "S4"
    text = write_matrix([found])
    assert "nothing differs so far. Stopped in Jacobian at C5; the rest was not asked." in " ".join(text.split())
    assert '"stopped": "Jacobian at C5"' in write_json([found])


def test_an_interrupt_ends_the_command_with_130_after_what_is_known(
    archscope_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("archscope.oracles.jacobian")

    def interrupted(_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "observe", interrupted)
    run = archscope_run("verify", "lenet5", "lenet1", "-w", "module", "-w", "Jacobian")
    assert run.status == 130
    assert "Stopped in Jacobian; the rest was not asked." in " ".join(run.out.split())
    assert "LeNet-1" not in run.out


def test_a_few_seconds_are_taken_at_the_word(archscope_run: Callable[..., Any]) -> None:
    assert archscope_run("verify", "lenet5", "-w", "published", "--seconds", "5").status == 0
    assert archscope_run("verify", "lenet5", "-w", "published", "--seconds", "0").status == 2


def test_what_was_looked_at_by_a_sample_is_said_with_how_much() -> None:
    found = verify(archscope.load("alexnet-pytorch"), ["Jacobian", "field"])
    ways = {each.layer: each.why for each in found.findings if each.witness == "Jacobian" and each.sampled}
    assert ways["conv3"].endswith("corners among them; all by a pass of ones; 2 of 384 output maps")
    assert ways["fc6"].endswith("corners among them; all by a pass of ones; 32 of 4,096 outputs")
    _, _, sampled = " ".join(write_matrix([found]).split()).partition("Looked at by a sample ")
    assert sampled.startswith("Jacobian conv1, conv2, conv3 and 5 more: 32 units by gradient, corners among them")
    assert "field conv1, lrn1, pool1 and 7 more: the first, the middle and the last unit of a map" in sampled
    assert "Jacobian" not in write_matrix([verify(archscope.load("lenet5"), ["Jacobian"])]).partition("by a sample")[2]
