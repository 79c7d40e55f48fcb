"""Figures in the prose of the page on memory are what the program says; its blocks run as those of all pages do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import archscope
from archscope.memory import Memory, memory

PAGE: Final = (Path(__file__).parents[2] / "docs" / "explanation" / "memory.md").read_text()
PROSE: Final = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)


def _said(number: int) -> bool:
    return re.search(rf"(?<![\d,]){number:,}(?![\d,]*\d)", PROSE) is not None


def _held(found: Memory, phase: str, kind: str) -> int:
    return found[phase].after.held[kind]


def test_what_lenet_leaves_behind_is_the_table() -> None:
    found = memory(archscope.load("lenet5-pytorch"), 64, optimizer="adam")
    rows = re.findall(r"^\|.*\| ([\d,]+) \|$", PROSE, re.MULTILINE)
    *parts, whole = (int(each.replace(",", "")) for each in rows)
    maps = [1 * 32 * 32, 6 * 28 * 28, 2 * 6 * 14 * 14, 6 * 14 * 14, 16 * 10 * 10, 2 * 16 * 5 * 5, 16 * 5 * 5]
    values = [*maps, 120 + 84]
    assert parts == [4 * 64 * each for each in values]
    assert whole == sum(parts) == _held(found, "forward", "saved")
    sixteen = 16 * archscope.analyze(archscope.load("lenet5-pytorch")).totals.parameters
    assert _said(sixteen)
    assert round(found.peak.most.total / sixteen) == 5


def test_what_alexnet_holds_is_what_is_said() -> None:
    alexnet = archscope.load("alexnet-torchvision")
    adam, loop = memory(alexnet, 16, optimizer="adam", foreach=True), memory(alexnet, 16, optimizer="adam")
    sgd, many = memory(alexnet, 16, optimizer="sgd"), memory(alexnet, 256, optimizer="adam")
    pooled = 4 * 16 * 256 * 6 * 6
    weights, saved, values = (_held(sgd, "forward", kind) for kind in ("weights", "saved", "values"))
    for number in (saved, pooled, weights + saved + values - pooled, weights + saved + values):
        assert _said(number), number
    for found, phase in ((loop, "optimizer step"), (adam, "optimizer step"), (sgd, "backward"), (many, "backward")):
        assert found.peak.name == phase
        assert _said(found.peak.most.total), (phase, found.peak.most.total)
    assert many.peak.most.layer == "conv5"
