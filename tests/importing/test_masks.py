"""Masks of more positions than are read number by number: told by their corner, wherever their numbers come from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from archscope import analyze
from archscope.importing.onnx import corners
from tests.importing.files import onnx_file

L = 70
"""Positions of which 70·70 are more than a small constant has."""
LOW = float(np.finfo(np.float32).min)
SEEN = np.tril(np.ones((L, L), bool))
HIDES = np.where(SEEN, 0, -np.inf).astype(np.float32)
PLACES = {"place": np.arange(L).reshape(1, L), "row": np.arange(L).reshape(L, 1)}
NUMBERS = {"zero": np.array(0, np.float32), "low": np.array(LOW, np.float32), "one": np.array(1, np.float32)}
WINDOW = SEEN & ~np.tril(np.ones((L, L), bool), -8)
CHOSEN = "mask = Where(chosen, zero, low) hidden = Add(scaled, mask)"
LONGER = np.tril(np.ones((1, 1, 100, 100), bool))
ROWS = {"first": np.array([0]), "many": np.array([L]), "second": np.array([1]), "axes2": np.array([2]),
        "axes3": np.array([3]), "later": np.array([30]), "end": np.array([100]), "whole": np.array([L, L])}  # fmt: skip
ADDED = "hidden = Add(scaled, mask)"
ONES = "ones = Expand(one, whole) lower = Trilu<upper=0>(ones)"
LOWS = "all = Expand(low, whole)"
PART = "part = Slice(longer, first, many, axes2)"
SHORT = f"chosen = Squeeze(short, first) {CHOSEN}"


def attention(folder: Path, lines: str, held: dict[str, Any]) -> str:
    """A file of attention over 70 positions, in which ``lines`` make what is ``hidden`` of what is ``scaled``."""
    graph = f"""net (float[2,{L},4] q, float[2,{L},4] k, float[2,{L},4] v) => (float y) {{
      turned = Transpose<perm=[0,2,1]>(k)
      scores = MatMul(q, turned)
      scaled = Mul(scores, half)
      {lines}
      weights = Softmax<axis=-1>(hidden)
      y = MatMul(weights, v)
    }}"""
    return onnx_file(folder, graph, half=np.array(0.5, np.float32), **held)


def labels(path: str) -> list[str]:
    rows = analyze(path).rows
    assert sum(row.macs for row in rows if row.macs is not None) == 2 * 2 * L * L * 4  # by each of two samples
    return [row.label for row in rows]


SQUARES = {
    "added": (ADDED, {"mask": HIDES}),
    "of four axes": ("squeezed = Squeeze(mask, first) hidden = Add(scaled, squeezed)",
                     {"mask": HIDES.reshape(1, 1, L, L), "first": np.array([0])}),
    "the lowest number": (ADDED, {"mask": np.where(SEEN, 0, LOW).astype(np.float32)}),
    "chosen": ("hidden = Where(seen, scaled, low)", {"seen": SEEN, **NUMBERS}),
    "chosen otherwise": ("hidden = Where(later, low, scaled)", {"later": ~SEEN, **NUMBERS}),
    "worked out of others": (f"both = And(seen, all) chosen = And(both, yes) {CHOSEN}",
                             {"seen": SEEN, "all": np.ones((L, L), bool), "yes": np.array(True), **NUMBERS}),
    "of places": (f"chosen = LessOrEqual(place, row) {CHOSEN}", {**PLACES, **NUMBERS}),
    "of places later": ("later = Greater(place, row) hidden = Where(later, low, scaled)", {**PLACES, **NUMBERS}),
    "a triangle of ones": (f"{ONES} chosen = Cast<to=9>(lower) {CHOSEN}", {**NUMBERS, **ROWS}),
    "a triangle of what is low": (f"{LOWS} mask = Trilu<upper=1>(all, second) {ADDED}", {**NUMBERS, **ROWS}),
    "laid out anew": ("mask = Reshape(held, whole) hidden = Add(scaled, mask)",
                      {"held": HIDES.reshape(1, 1, L, L), **ROWS}),
    "the first of more": (f"{PART} short = Slice(part, first, many, axes3) {SHORT}",
                          {"longer": LONGER, **ROWS, **NUMBERS}),
    "no longer": ("seen = Not(later) hidden = Where(seen, scaled, low)", {"later": ~SEEN, **NUMBERS}),
}  # fmt: skip


@pytest.mark.parametrize("called", SQUARES)
def test_a_mask_of_many_positions_that_hides_what_comes_later_is_causal(called: str, tmp_path: Path) -> None:
    lines, held = SQUARES[called]
    path = attention(tmp_path, lines, held)
    assert labels(path) == ["causal dot-product attention"]
    assert analyze(path).totals.parameters == 0


def one_less(numbers: Any, row: int, column: int, value: Any) -> Any:
    changed = numbers.copy()
    changed[row, column] = value
    return changed


OTHERS = {
    "a window": (ADDED, {"mask": np.where(WINDOW, 0, -np.inf).astype(np.float32)}),
    "one that is seen": (ADDED, {"mask": one_less(HIDES, 3, L - 1, 0)}),
    "one that is hidden": (ADDED, {"mask": one_less(HIDES, L - 1, 0, -np.inf)}),
    "itself": (ADDED, {"mask": np.where(SEEN, -np.inf, 0).astype(np.float32)}),
    "a little": (ADDED, {"mask": np.where(SEEN, 0, -1).astype(np.float32)}),
    "shifted": (ADDED, {"mask": np.where(SEEN, 1, -np.inf).astype(np.float32)}),
    "what came before": ("hidden = Where(seen, low, scaled)", {"seen": SEEN, **NUMBERS}),
    "a triangle with its diagonal": (f"{LOWS} mask = Trilu<upper=1>(all) {ADDED}", {**NUMBERS, **ROWS}),
    "a triangle further on": (f"{LOWS} mask = Trilu<upper=1>(all, axes2) {ADDED}", {**NUMBERS, **ROWS}),
    "a lower triangle": (f"{LOWS} mask = Trilu<upper=0>(all, second) {ADDED}", {**NUMBERS, **ROWS}),
    "others of more": (f"{PART} short = Slice(part, later, end, axes3) {SHORT}",
                       {"longer": LONGER, **ROWS, **NUMBERS}),
    "of places and one more": (f"chosen = Less(place, row) {CHOSEN}", {**PLACES, **NUMBERS}),
    "one for each row": ("shifted = Add(mask, each) hidden = Add(scaled, shifted)",
                         {"mask": HIDES, "each": np.arange(L)[:, None].astype(np.float32)}),
}  # fmt: skip


@pytest.mark.parametrize("called", OTHERS)
def test_a_mask_of_many_positions_that_hides_something_else_is_not_causal(called: str, tmp_path: Path) -> None:
    lines, held = OTHERS[called]
    assert not any("causal" in each for each in labels(attention(tmp_path, lines, held)))


def beside(folder: Path, numbers: Any = HIDES, **said: Any) -> str:
    """The same attention with its mask in another file, of which it says what ``said`` says."""
    path = attention(folder, ADDED, {"mask": numbers})
    model = onnx.load(path)
    (mask,) = (each for each in model.graph.initializer if each.name == "mask")
    (folder / "net.data").write_bytes(b"\0" * 16 + mask.raw_data)
    values = {"location": "net.data", "offset": 16, "length": len(mask.raw_data), **said}
    mask.ClearField("raw_data")
    mask.data_location = onnx.TensorProto.EXTERNAL
    for key, value in values.items():
        mask.external_data.add(key=key, value=str(value))
    Path(path).write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("numbers", [HIDES, HIDES.astype(np.float64).astype(np.float32).reshape(1, L, L)])
def test_a_mask_in_another_file_is_read_from_there(numbers: Any, tmp_path: Path) -> None:
    assert labels(beside(tmp_path, numbers)) == ["causal dot-product attention"]


def test_a_mask_that_lies_elsewhere_than_beside_the_file_is_not_read(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    path = beside(inner, location="../net.data")
    (inner / "net.data").rename(tmp_path / "net.data")
    absolute = str(tmp_path / "net.data")
    for location in ("../net.data", absolute, "linked.data", "pipe.data", "none.data", ".", "net\0.data"):
        if location == "linked.data":
            (inner / "linked.data").symlink_to(absolute)
        elif location == "pipe.data":
            os.mkfifo(inner / "pipe.data")
        model = onnx.load(path, load_external_data=False)
        for each in model.graph.initializer:
            for said in each.external_data:
                said.value = location if said.key == "location" else said.value
        Path(path).write_bytes(model.SerializeToString())
        assert not any("causal" in each for each in labels(path)), location


@pytest.mark.parametrize("said", [{"length": 12}, {"offset": 400}, {"offset": 10**15}, {"length": 10**15}])
def test_a_mask_that_is_not_where_the_file_says_is_not_read(said: dict[str, int], tmp_path: Path) -> None:
    assert not any("causal" in each for each in labels(beside(tmp_path, **said)))


def test_no_more_of_another_file_is_read_than_masks_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = beside(tmp_path)
    monkeypatch.setattr(corners, "_BYTES", 4 * L * L - 1)
    assert not any("causal" in each for each in labels(path))


def test_squares_are_worked_out_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = attention(tmp_path, *SQUARES["of places"])
    monkeypatch.setattr(corners, "_WORKED", L * L - 1)
    assert not any("causal" in each for each in labels(path))
