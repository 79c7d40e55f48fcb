"""Witnesses that fail on what they look at: not covered, with the reason, and the others are asked all the same."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

import archscope
from archscope.oracles import verify
from archscope.reader import read


def reasons(text: str, witnesses: list[str]) -> dict[tuple[str, str | None], str]:
    found = verify(read(text), witnesses)
    return {(each.witness, each.layer): each.why for each in found.findings if each.why}


def test_a_tool_that_fails_on_a_layer_says_with_what() -> None:
    ten = "[2, 2, 2, 2, 2, 2, 2, 2, 2, 2]"
    said = reasons(f"input: {ten}\nlayers: {{it: {{type: layer_norm, normalized_shape: {ten}}}}}", ["fvcore", "FLOPs"])
    assert said["fvcore", "it"].startswith("it fails: AssertionError: [1, 2, 2, ")
    assert ("FLOPs", "it") in said


def of_many(kind: str, many: int = 6_000) -> str:
    return f"input: [2]\nlayers: {{it: {{type: {kind}, from: [{', '.join(['input'] * many)}]}}}}"


def test_a_sum_of_thousands_of_terms_is_source_that_python_compiles() -> None:
    found = verify(read(of_many("add")), ["source"])
    assert {(each.quantity, each.verdict.value) for each in found.findings} == {
        ("parameters", "agrees"), ("macs", "agrees"),
    }  # fmt: skip


def test_source_that_python_does_not_compile_is_not_covered_for_that_reason() -> None:
    said = reasons(of_many("multiply"), ["source"])
    assert said == {("source", None): "an expression of it has more operands than Python compiles"}


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        MemoryError(),
    ],
    ids=["cpu", "cuda", "python"],
)
def test_a_witness_without_memory_for_a_layer_says_so(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("archscope.oracles.jacobian")

    def full(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(module, "_lines", full)
    found = verify(archscope.load("lenet5"), ["Jacobian", "module"])
    assert [each.sentence for each in found.findings if each.witness == "Jacobian"] == [
        "total: everything is not covered by Jacobian: there is no memory for what it makes at C1"
    ]
    assert any(each.witness == "module" for each in found.findings)


def test_any_other_failure_is_a_fault_of_archscope(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("archscope.oracles.jacobian")

    def wrong(*_: Any) -> Any:
        raise RuntimeError("sizes do not match")

    monkeypatch.setattr(module, "_lines", wrong)
    with pytest.raises(RuntimeError, match="sizes"):
        verify(archscope.load("lenet5"), ["Jacobian"])
