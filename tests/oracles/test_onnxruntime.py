"""ONNX Runtime as the witness of a file that it can run: shapes that come out, and elements of initialisers."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import archscope
from archscope.errors import MissingExtra
from archscope.network import Network
from archscope.opening import open_network
from archscope.oracles import Verdict, Verification, onnxruntime, verify
from archscope.oracles.onnx_run import shapes
from tests.importing.files import onnx_file

pytest.importorskip("onnxruntime")

NET = """net (float[N,3,8,8] x) => (float y) {
    a = Conv<pads=[1,1,1,1]>(x, w, b)  c = Relu(a)  d = Flatten(c)  e = MatMul(d, m)  y = Add(e, v)  }"""
HELD: dict[str, Any] = {"w": (4, 3, 3, 3), "b": (4,), "m": (256, 5), "v": (5,)}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file runs in this process, which has loaded the runtime already."""

    def asked(case: Any) -> dict[str, Any]:
        observed = case.network.observed
        return shapes(case.network.path, [each.name for each in observed.values.values()],
                      {each.name: each.shape for each in observed.given})  # fmt: skip

    monkeypatch.setattr(onnxruntime, "_asked", asked)


def asked(network: Network) -> Verification:
    return verify(network, ["onnxruntime"])


def test_a_process_of_its_own_runs_the_file_and_every_layer_agrees(tmp_path: Path) -> None:
    found = asked(open_network(onnx_file(tmp_path, NET, **HELD), batch=3))
    assert {each.verdict for each in found.findings} == {Verdict.AGREES}
    outputs = {each.place: each.theirs for each in found.findings if each.quantity == "output"}
    assert list(outputs.values()) == [((4, 8, 8),), ((4, 8, 8),), ((256,),), ((5,),)]
    totals = [(each.ours, each.theirs) for each in found.cell(None, "onnxruntime")]
    assert totals == [(4 * 27 + 4 + 256 * 5 + 5,) * 2]


def test_what_the_runtime_does_not_take_is_not_covered_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = onnx_file(tmp_path, "net (float[N,4] x) => (float[N,4] y) { a = Relu(x)  y = my.own.Wonder(a) }")
    with pytest.raises(Exception, match="Wonder"):
        shapes(path, ["a"], {"x": [1, 4]})

    def told(printed: str, status: int = 0) -> str:
        done = subprocess.CompletedProcess([], status, printed, "")
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
        (only,) = asked(open_network(path)).findings
        assert only.verdict is Verdict.NOT_COVERED
        return only.why

    assert told('{"failed": "no rule\\nfor it"}') == "it does not run the file: no rule for it"
    assert told("", -11) == "the runtime ended with -11 on net.onnx"


def test_weights_in_files_that_are_not_there_are_zeros_of_their_shapes(here: None, tmp_path: Path) -> None:
    path = onnx_file(tmp_path, NET, **HELD)
    onnx.save_model(onnx.load(path), path, save_as_external_data=True, location="w.data", size_threshold=64)
    (tmp_path / "w.data").unlink()
    found = asked(open_network(path))
    assert {each.verdict for each in found.findings} == {Verdict.AGREES}


def test_a_shape_that_is_another_when_the_file_runs_differs(here: None, tmp_path: Path) -> None:
    network = open_network(onnx_file(tmp_path, NET, **HELD))
    flat = network.nodes[2].name
    wrong = {**network.facts, flat: network.facts[flat].replace(outputs=((255,),))}
    (only,) = asked(network.replace(facts=wrong)).differing
    assert only.sentence == "d: output is 255; onnxruntime counts 256".replace("d:", f"{flat}:")


def test_a_weight_that_was_not_read_differs_and_constants_are_told_apart(here: None, tmp_path: Path) -> None:
    network = open_network(onnx_file(tmp_path, NET.replace("y = Add(e, v)", "f = Mul(e, k)  y = Add(f, v)"),
                                     k=np.array(0.5, np.float32), **HELD))  # fmt: skip
    found = asked(network)
    assert found.differing == ()
    (only,) = found.of(Verdict.EXPLAINED)
    assert only.why == "initialisers that are no layer's weights hold 1 more: `k`"
    conv = network.nodes[0].name
    less = {**network.facts, conv: network.facts[conv].replace(weights=network.facts[conv].weights[:1])}
    seen = {each.place: (each.ours, each.theirs) for each in asked(network.replace(facts=less)).findings
            if each.quantity == "weights"}  # fmt: skip
    assert seen[conv] == (108, 108)
    assert seen["total"] == (108 + 1285, 112 + 1285 + 1)


def test_the_batch_may_stand_behind_other_axes_or_nowhere(here: None, tmp_path: Path) -> None:
    graph = "net (float[N,4,6] x) => (float y) { a = Transpose<perm=[1,0,2]>(x)  y = MatMul(a, w) }"
    found = asked(open_network(onnx_file(tmp_path, graph, w=(6, 5)), batch=2))
    assert {each.verdict for each in found.findings} == {Verdict.AGREES}
    assert [each.theirs for each in found.findings if each.quantity == "output"][-1] == ((4, 5),)


@pytest.mark.parametrize(("limit", "why"), [("_LARGEST", "one run would hold"), ("_MOST_MACS", "one run multiplies")])
def test_what_is_too_large_is_not_run(limit: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, limit, 100)
    (only,) = asked(open_network(onnx_file(tmp_path, NET, **HELD))).findings
    assert (only.verdict, only.why.startswith(why)) == (Verdict.NOT_COVERED, True)


def test_it_is_asked_of_onnx_files_alone_and_says_so_where_it_is_named(tmp_path: Path) -> None:
    from archscope.oracles.verification import asked_of

    assert "onnxruntime" in asked_of(open_network(onnx_file(tmp_path, NET, **HELD)))
    assert "onnxruntime" not in asked_of(archscope.load("lenet5"))
    (only,) = asked(archscope.load("lenet5")).findings
    assert only.why == "it runs ONNX files, and this network comes from none"


def test_without_the_package_it_is_not_covered_or_missing_where_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "find_spec", lambda name: None)
    network = open_network(onnx_file(tmp_path, NET, **HELD))
    with pytest.raises(MissingExtra, match=r"archscope\[onnxruntime\]"):
        asked(network)
    monkeypatch.setattr(
        "archscope.oracles.verification.WITNESSES", {"onnxruntime": archscope.oracles.WITNESSES["onnxruntime"]}
    )
    (only,) = verify(network).findings
    assert "pip install 'archscope[onnxruntime]'" in only.why


def test_a_file_of_which_no_module_can_be_built_is_asked_of_its_runtime_all_the_same(
    here: None, tmp_path: Path
) -> None:
    picked = (
        """net (float[N,4,6] x) => (float y) <int64[3] some = {0, 2, 2}> { a = Gather<axis=1>(x, some)  y = Relu(a) }"""
    )
    found = verify(open_network(onnx_file(tmp_path, picked)), ["module", "FLOPs", "onnxruntime"])
    assert {each.theirs for each in found.of(Verdict.AGREES) if each.layer} == {((3, 6),)}
    why = {each.witness: each.why for each in found.of(Verdict.NOT_COVERED)}
    assert why["module"] == why["FLOPs"]
    assert why["module"].startswith("no module can be built: `index_select` at ")
    assert found.differing == ()


@pytest.mark.parametrize(("word", "type_"), [("float16", np.float16), ("double", np.float64)])
def test_memory_of_a_file_in_another_type_is_that_of_the_network_built_in_it(
    word: str, type_: Any, tmp_path: Path
) -> None:
    graph = NET.replace("float", word)
    network = open_network(onnx_file(tmp_path, graph, **{key: np.full(each, 0.5, type_) for key, each in HELD.items()}))
    found = verify(network, ["memory"])
    assert not found.differing
    assert {"bytes after forward, training with Adam", "parameters"} <= {
        each.quantity for each in found.of(Verdict.AGREES)
    }
