"""Figures without a cause: what their specs say was tried does not give them, worked out from the papers' tables."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Final, NamedTuple

import pytest

import archscope


class Row(NamedTuple):
    """A row of GoogLeNet's Table 1: channels that go in, the widths, and the parameters printed, in K."""

    channels: int
    one: int
    reduce3: int
    three: int
    reduce5: int
    five: int
    proj: int
    printed: int

    def kernels(self, channels: int | None = None, nine: int = 9, square: int = 25) -> int:
        """Values of the module's kernels."""
        thin = (self.channels if channels is None else channels) * (self.one + self.reduce3 + self.reduce5 + self.proj)
        return thin + nine * self.reduce3 * self.three + square * self.reduce5 * self.five


_ROWS: Final = {
    "4a": Row(480, 192, 96, 208, 16, 48, 64, 364),
    "4b": Row(512, 160, 112, 224, 24, 64, 64, 437),
    "4c": Row(512, 128, 128, 256, 24, 64, 64, 463),
    "4d": Row(512, 112, 144, 288, 32, 64, 64, 580),
    "4e": Row(528, 256, 160, 320, 32, 128, 128, 840),
    "5a": Row(832, 256, 160, 320, 32, 128, 128, 1072),
    "5b": Row(832, 384, 192, 384, 48, 128, 128, 1388),
}  # fmt: skip

_TRIED: Final[dict[str, Callable[[Row], int]]] = {
    "kernels": Row.kernels,
    "biases": lambda row: row.kernels() + row.one + row.reduce3 + row.three + row.reduce5 + row.five + row.proj,
    "3×3 as a column and a row": lambda row: row.kernels(nine=6),
    "5×5 as a column and a row": lambda row: row.kernels(square=10),
    "5×5 as two 3×3": lambda row: row.kernels(square=9) + 9 * row.five * row.five,
    "without reductions": lambda row: row.kernels() - row.channels * (row.reduce3 + row.reduce5),
    "without projection": lambda row: row.kernels() - row.channels * row.proj,
}


@pytest.mark.parametrize("kilo", [1000, 1024])
@pytest.mark.parametrize("tried", _TRIED)
def test_nothing_that_was_tried_gives_two_rows_of_googlenets_table(tried: str, kilo: int) -> None:
    fits = [name for name, row in _ROWS.items() if int(_TRIED[tried](row) / kilo) <= row.printed
            <= round(_TRIED[tried](row) / kilo + 0.499)]  # fmt: skip
    assert len(fits) < 2


@pytest.mark.parametrize(
    ("name", "channels"), [("4a", 472), ("4b", 509), ("4c", 409), ("4d", 481), ("4e", 516), ("5a", 928), ("5b", 804)]
)
def test_a_row_would_fit_with_other_channels_that_go_in(name: str, channels: int) -> None:
    row = _ROWS[name]
    assert round(row.kernels(channels) / 1024) == row.printed
    (figure,) = [each for each in archscope.load("googlenet").published
                 if each.layer == f"inception{name}" and each.quantity == "parameters"]  # fmt: skip
    assert figure.why is not None
    assert f"{channels} input channels" in figure.why


def test_the_table_and_the_spec_are_the_same_modules() -> None:
    network = archscope.load("googlenet")
    for name, row in _ROWS.items():
        kernels = sum(int(weight.values) for node in network.nodes if node.name.startswith(f"inception{name}.")
                      for weight in network.facts[node.name].weights if weight.name == "weight")  # fmt: skip
        assert kernels == row.kernels()


def test_nothing_that_was_tried_gives_both_of_mobilenet_v3s_figures() -> None:
    counts = {}
    for name, printed in (("large", 219), ("small", 56)):
        network = archscope.load(f"mobilenet-v3@{name}")
        made: dict[str, int] = {"expansion": 16 * 16 * 112 * 112}
        for node in network.nodes:
            facts = network.facts[node.name]
            read = facts.inputs[0] if node.layer.type == "adaptive_avg_pool2d" else facts.output
            if node.name != "pool":
                made[node.layer.type] = made.get(node.layer.type, 0) + prod(int(extent) for extent in read)
        counts[name] = (int(archscope.analyze(network).totals.macs or 0), made, printed)
    large = counts["large"][1]
    assert (large["adaptive_avg_pool2d"], large["multiply"], large["add"]) == (597_408, 597_408, 423_360)
    assert (large["hardswish"], large["expansion"]) == (1_511_264, 3_211_264)
    kinds = ("adaptive_avg_pool2d", "multiply", "add", "hardswish", "batch_norm", "expansion")
    for chosen in range(2 ** len(kinds)):
        taken = [kind for place, kind in enumerate(kinds) if chosen >> place & 1]
        fits = [
            printed - 0.5 <= (macs + sum(made[kind] for kind in taken)) / 1e6 < printed + 1
            for macs, made, printed in counts.values()
        ]
        assert not all(fits), taken
