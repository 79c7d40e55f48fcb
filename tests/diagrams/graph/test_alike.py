"""Blocks that are equal but for the distance of their taps, that take turns, or whose values something gathers."""

from __future__ import annotations

from typing import Any

import pytest

import archscope
from archscope.diagrams.graph import alike, fold
from archscope.diagrams.graph.view import Frame, Node, View, view_of
from archscope.network import Network
from tests.diagrams.branching import Builder, unlike
from tests.diagrams.geometry import problems


def wavenet(dilations: list[int], *, kernel: int = 2, gathered: str = "skip") -> Network:
    """Gated dilated convolutions, each added to what it reads, with a value of each summed up (van den Oord 2016)."""
    b = Builder("wavenet", input=(4, 64))
    last, total = b.add("causal", "conv1d", "input", out_channels=8, kernel_size=1), ""
    for number, dilation in enumerate(dilations):
        in_block: dict[str, Any] = {"group": ["stack", f"{number}"]}
        pad = b.add("pad", "zero_pad1d", last, padding=[dilation * (kernel - 1), 0], **in_block)
        wide: dict[str, Any] = {"out_channels": 8, "kernel_size": kernel, "dilation": dilation, **in_block}
        gate = b.add("gate", "conv1d", pad, **wide)
        skip = b.add("skip", "conv1d", gate, out_channels=8, kernel_size=1, **in_block)
        back = b.add("back", "conv1d", gate, out_channels=8, kernel_size=1, **in_block)
        last = b.add("sum", "add", back, last, **in_block)
        value = skip if gathered == "skip" or number % 2 else gate
        total = b.add(f"total{number}", "add", total, value) if total else value
    b.add("end", "conv1d", total, out_channels=3, kernel_size=1)
    return b.network()


def view(network: Network, depth: Any = "full") -> View:
    return view_of(archscope.analyze(network), depth=depth)


def frames(child: Node | Frame) -> list[str]:
    return [] if isinstance(child, Node) else [child.name, *(name for each in child.children for name in frames(each))]


def lines(shown: View, name: str) -> tuple[str, ...]:
    (node,) = [node for node in shown.nodes if node.name == name]
    return node.lines


@pytest.mark.parametrize(
    ("dilations", "told"),
    [
        ([1, 2, 4, 8], "dilation 1, 2, 4, 8"),
        ([2**each for each in range(6)], "dilation 1, 2, 4, …, 32"),
        ([2, 4, 8, 2, 4, 8], "dilation 2, 4, 8, 2 times"),
    ],
)
def test_layers_that_differ_in_their_dilation_alone_are_drawn_once(dilations: list[int], told: str) -> None:
    network = wavenet(dilations)
    shown = view(network)
    assert f"0–{len(dilations) - 1} ×{len(dilations)}" in "".join(frames(shown.root))
    assert lines(shown, "gate")[1] == f"conv 2 {told}"
    # Of what padding makes larger no shape is that of all copies.
    assert lines(shown, "pad") == ("pad", "zero padding")
    assert shown.parameters == archscope.analyze(network).totals.parameters
    picture = archscope.draw(network, style="graph", depth="full")
    assert problems(picture.svg, network) == []


def test_a_dilation_is_told_where_there_is_one() -> None:
    b = Builder("net", input=(8, 32, 32))
    b.add("far", "conv2d", b.add("near", "conv2d", "input", out_channels=8, kernel_size=3), out_channels=4,
          kernel_size=3, dilation=[6, 3])  # fmt: skip
    shown = view(b.network())
    assert lines(shown, "near")[1] == "conv 3×3"
    assert lines(shown, "far")[1] == "conv 3×3 dilation 6×3"


def test_blocks_that_differ_in_more_than_their_dilation_are_not_equal() -> None:
    b = Builder("net", input=(8, 64))
    last = "input"
    for number, (dilation, groups) in enumerate([(1, 1), (2, 2), (4, 2)]):
        group = [f"block{number}"]
        pad = b.add("pad", "zero_pad1d", last, group=group, padding=[dilation, 0])
        last = b.add("conv", "conv1d", pad, group=group, out_channels=8, kernel_size=2, dilation=dilation,
                     groups=groups)  # fmt: skip
    assert [node.copies for node in view(b.network(), 1).nodes if node.kind == "block"] == [1, 2]


def test_sums_of_sums_are_one_sign() -> None:
    shown = view(wavenet([1, 2, 4, 8, 16]))
    (node,) = [node for node in shown.nodes if node.name == "total1–total4"]
    assert node.layers == ("total1", "total2", "total3", "total4")
    assert "of 5 values" in node.lines
    # Two sums in a row stay two.
    assert {"total1", "total2"} <= {node.name for node in view(wavenet([1, 2, 4])).nodes}


def test_a_sum_that_something_else_reads_or_that_comes_out_stays_one_of_its_own() -> None:
    b = Builder("net", input=(8,))
    values = [b.add(f"v{number}", "linear", "input", out_features=8) for number in range(5)]
    last = values[0]
    sums = [last := b.add(f"s{number}", "add", last, value) for number, value in enumerate(values[1:])]
    b.add("end", "linear", last, out_features=2)
    assert "s0–s3" in {node.name for node in view(b.network()).nodes}
    assert {"s0", "s1", "s2", "s3"} <= {node.name for node in view(b.network("end", sums[1])).nodes}


def test_a_sum_of_sums_says_how_many_values_it_adds_however_many_each_of_them_takes() -> None:
    b = Builder("sums", input=(8,))
    values = [b.add(f"v{number}", "linear", "input", out_features=8) for number in range(7)]
    first = b.add("a", "add", *values[:3])
    second = b.add("b", "add", first, values[3])
    b.add("c", "add", second, *values[4:])
    told = [line for node in view(b.network()).nodes for line in node.lines if line.startswith("of ")]
    assert told == ["of 7 values"]


def test_blocks_of_which_something_gathers_different_values_are_not_folded() -> None:
    shown = view(wavenet([1, 2, 4, 8], gathered="by turns"))
    assert [name.removeprefix("stack.") for name in frames(shown.root) if "×" in name] == ["0–3, in pairs ×2"]


def turns(pattern: str) -> Network:
    """Blocks in series of the kinds that letters say."""
    b = Builder("turns", input=(8,))
    last = "input"
    for number, kind in enumerate(pattern):
        last = b.add("one", "linear", last, group=["blocks", f"{number}"], out_features=8)
        last = b.add("two", {"a": "relu", "b": "gelu", "c": "layer_norm"}[kind], last, group=["blocks", f"{number}"])
        last = b.add("three", "linear", last, group=["blocks", f"{number}"], out_features=8)
    return b.network()


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("ababab", "0–5, in pairs ×3"),
        ("abcabc", "0–5, in threes ×2"),
        ("aaa", "0–2 ×3"),
    ],
)
def test_blocks_that_take_turns_are_drawn_once(pattern: str, told: str) -> None:
    shown = view(turns(pattern))
    assert told in [name.removeprefix("blocks.") for name in frames(shown.root)]
    assert shown.parameters == len(pattern) * 144 + 16 * pattern.count("c")
    assert problems(archscope.draw(turns(pattern), style="graph", depth="full").svg, turns(pattern)) == []


def test_blocks_that_take_no_turns_stand_for_themselves() -> None:
    assert not [name for name in frames(view(turns("abcb")).root) if "×" in name]
    # Neighbours that are equal are folded first.
    assert [name for name in frames(view(turns("aabab")).root) if "×" in name] == ["0–1 ×2"]


def test_several_blocks_are_compared_only_where_their_layers_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten thousand layers of which none are equal, every two, three … six blocks were compared, layer by layer."""
    compared = []

    def counted(child: Any, **how: bool) -> Any:
        compared.append(child.name)
        return alike.signature(child, **how)

    monkeypatch.setattr(fold, "signature", counted)
    view(unlike(1, 30, 4))
    assert len(compared) == 1 + 30 + 30 * 4  # the stage, its blocks, their layers: each once
