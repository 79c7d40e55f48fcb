"""The arithmetic of windows against a brute-force walk over every tap, and against PyTorch on random layers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from archscope.errors import Rejects
from archscope.layers import TYPES
from archscope.layers.windows import same_padding, slide

size = st.integers(1, 14)
kernel = st.integers(1, 5)
step = st.integers(1, 4)
spread = st.integers(1, 3)
side = st.integers(0, 4)
few = settings(max_examples=100)
fewer = settings(max_examples=25)


def windows_of(n: int, k: int, s: int, d: int, before: int, after: int) -> list[list[int]]:
    """The positions that each window along an axis looks at, found by trying."""
    found = []
    for start in itertools.count(-before, s):
        taps = [start + tap * d for tap in range(k)]
        if taps[-1] >= n + after:
            return found
        found.append(taps)
    return found


@few
@given(size, kernel, step, spread, side, side)
def test_a_window_stops_where_its_last_tap_would_leave_the_padding(
    n: int, k: int, s: int, d: int, before: int, after: int
) -> None:
    along = slide(n, kernel=k, stride=s, dilation=d, padding=(before, after))
    assert max(0, along.positions) == len(windows_of(n, k, s, d, before, after))


@few
@given(size, kernel, step, spread, side, side)
def test_taps_in_bounds_are_those_that_fall_on_a_value(n: int, k: int, s: int, d: int, before: int, after: int) -> None:
    windows = windows_of(n, k, s, d, before, after)
    assume(windows)
    along = slide(n, kernel=k, stride=s, dilation=d, padding=(before, after))
    assert along.taps_in_bounds() == sum(0 <= tap < n for taps in windows for tap in taps)


@few
@given(size, kernel, step, spread)
def test_same_padding_is_the_least_that_gives_a_window_to_every_stride(n: int, k: int, s: int, d: int) -> None:
    before, after = same_padding(n, kernel=k, stride=s, dilation=d)
    wanted = -(-n // s)
    assert len(windows_of(n, k, s, d, before, after)) >= wanted
    assert after - before in (0, 1)
    if before + after:
        assert len(windows_of(n, k, s, d, before, after - 1)) < wanted


@few
@given(size, kernel, step, st.integers(0, 2))
def test_with_ceil_mode_the_last_window_starts_on_a_value_and_no_value_is_left_over(
    n: int, k: int, s: int, p: int
) -> None:
    assume(p <= k // 2)
    positions = slide(n, kernel=k, stride=s, dilation=1, padding=(p, p), ceil_mode=True).positions
    assume(positions >= 1)
    last = (positions - 1) * s - p
    assert last < n
    # Another window would begin outside, or this one already reaches the end of the padding.
    assert last + s >= n or last + k >= n + p


convolutions = st.fixed_dictionaries(
    {
        "axes": st.integers(1, 3),
        "groups": st.sampled_from([1, 2, 3]),
        "maps": st.integers(1, 2),
        "kernels": st.integers(1, 2),
        "size": st.integers(3, 9),
        "kernel": st.integers(1, 3),
        "stride": st.integers(1, 3),
        "dilation": st.integers(1, 2),
        "padding": st.integers(0, 2),
        "bias": st.booleans(),
    }
)


def meta(module: Any, *shape: int) -> tuple[Any, int]:
    """A module's output shape without its batch of one, and the multiply-accumulates that PyTorch counts."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        result = module(torch.empty((1, *shape), device="meta"))
    return tuple(result.shape[1:]), counter.get_total_flops() // 2


def refused(module: Any, *shape: int) -> bool:
    """Whether PyTorch will not run a module, or makes nothing of its input; only on a real device does it check all."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    try:
        result = module.to_empty(device="cpu")(torch.zeros((1, *shape)))
    except RuntimeError:
        return True
    return bool(result.numel() == 0 or result.isinf().any())  # the largest of no values is −∞


def held(module: Any) -> int:
    return sum(each.numel() for each in module.parameters())


@fewer
@given(convolutions)
def test_a_random_convolution_is_pytorchs(drawn: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    axes, g = drawn["axes"], drawn["groups"]
    shape = (g * drawn["maps"], *range(drawn["size"], drawn["size"] + axes))
    options = {name: drawn[name] for name in ("stride", "dilation", "padding", "groups", "bias")}
    options |= {"out_channels": g * drawn["kernels"], "kernel_size": drawn["kernel"]}
    theirs = getattr(torch.nn, f"Conv{axes}d")(shape[0], device="meta", **options)
    layer = TYPES[f"conv{axes}d"](**options)
    try:
        facts = layer.facts(shape)
    except Rejects:
        assert refused(theirs, *shape)
        return
    assert meta(theirs, *shape) == (facts.output, facts.macs)
    assert held(theirs) == facts.parameters


@fewer
@given(convolutions, st.integers(0, 2))
def test_a_random_transposed_convolution_is_pytorchs(drawn: dict[str, Any], extra: int) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    axes, g = drawn["axes"], drawn["groups"]
    shape = (g * drawn["maps"], *range(drawn["size"], drawn["size"] + axes))
    options = {name: drawn[name] for name in ("stride", "dilation", "padding", "groups", "bias")}
    options |= {"out_channels": g * drawn["kernels"], "kernel_size": drawn["kernel"], "output_padding": extra}
    theirs = getattr(torch.nn, f"ConvTranspose{axes}d")(shape[0], device="meta", **options)
    try:
        facts = TYPES[f"conv_transpose{axes}d"](**options).facts(shape)
    except Rejects:
        assert refused(theirs, *shape)
        return
    assert meta(theirs, *shape) == (facts.output, facts.macs)
    assert held(theirs) == facts.parameters


@fewer
@given(convolutions, st.booleans(), st.sampled_from(["max", "avg"]))
def test_a_random_pooling_is_pytorchs(drawn: dict[str, Any], ceil_mode: bool, kind: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    axes = drawn["axes"]
    shape = (2, *range(drawn["size"] - 2, drawn["size"] - 2 + axes))
    options = {"kernel_size": drawn["kernel"], "stride": drawn["stride"], "padding": drawn["padding"]}
    options |= {"ceil_mode": ceil_mode} | ({"dilation": drawn["dilation"]} if kind == "max" else {})
    theirs = getattr(torch.nn, f"{kind.title()}Pool{axes}d")(**options)
    if kind == "avg" and axes == 3 and min(shape[1:]) < drawn["kernel"]:
        # Of all poolings only AvgPool3d wants an input as large as its window before the padding is added.
        assert refused(theirs, *shape)
        return
    try:
        facts = TYPES[f"{kind}_pool{axes}d"](**options).facts(shape)
    except Rejects:
        assert refused(theirs, *shape)
        return
    assert meta(theirs, *shape)[0] == facts.output


@few
@given(convolutions, side, side)
def test_macs_in_bounds_are_the_products_with_no_zero_of_the_padding(
    drawn: dict[str, Any], before: int, after: int
) -> None:
    shape = (drawn["groups"] * drawn["maps"], drawn["size"], drawn["size"] + 1)
    sides = [before, after, drawn["padding"], 0]
    layer = TYPES["conv2d"](
        out_channels=drawn["groups"] * drawn["kernels"],
        kernel_size=drawn["kernel"],
        padding=sides,
        **{name: drawn[name] for name in ("stride", "dilation", "groups", "bias")},
    )
    rows, columns = (
        windows_of(n, drawn["kernel"], drawn["stride"], drawn["dilation"], *around)
        for n, around in ((shape[1], (drawn["padding"], 0)), (shape[2], (before, after)))
    )
    assume(rows and columns)
    unfolded = sum(
        0 <= row < shape[1] and 0 <= column < shape[2]
        for taps in rows
        for row in taps
        for others in columns
        for column in others
    )
    facts = layer.facts(shape)
    assert facts.macs_in_bounds == unfolded * drawn["maps"] * layer.out_channels
    biases = int(facts.units) if drawn["bias"] else 0
    assert facts.connections_in_bounds == facts.macs_in_bounds + biases
    assert facts.connections == facts.macs + biases


@few
@given(convolutions, side, side)
def test_a_transposed_convolution_keeps_the_products_that_land_in_its_output(
    drawn: dict[str, Any], before: int, after: int
) -> None:
    layer = TYPES["conv_transpose1d"](
        out_channels=1, kernel_size=drawn["kernel"], stride=drawn["stride"], dilation=drawn["dilation"],
        padding=[before, after],
    )  # fmt: skip
    n, reach = drawn["size"], (drawn["kernel"] - 1) * drawn["dilation"] + 1
    out = (n - 1) * drawn["stride"] + reach - before - after
    assume(out > 0)
    landed = sum(
        0 <= place * drawn["stride"] + tap * drawn["dilation"] - before < out
        for place in range(n)
        for tap in range(drawn["kernel"])
    )
    facts = layer.facts((1, n))
    assert facts.output == (1, out)
    assert facts.macs_in_bounds == landed


def _stepping_over() -> list[tuple[dict[str, Any], int, bool]]:
    """Every small max pooling, and whether one of its windows has all its taps beside the input, found by trying."""
    found = []
    for n, k, s, d, ceil in itertools.product(range(1, 8), range(1, 5), range(1, 5), range(1, 9), (False, True)):
        for padding in (*range(k // 2 + 1), "same"):
            before, after = (
                same_padding(n, kernel=k, stride=s, dilation=d) if isinstance(padding, str) else (padding, padding)
            )
            along = slide(n, kernel=k, stride=s, dilation=d, padding=(before, after), ceil_mode=ceil)
            if along.positions < 1:
                continue
            windows = [[s * at - before + tap * d for tap in range(k)] for at in range(along.positions)]
            misses = not all(any(0 <= tap < n for tap in taps) for taps in windows)
            options = {"kernel_size": k, "stride": s, "dilation": d, "padding": padding, "ceil_mode": ceil}
            found.append((options, n, misses))
    return found


def test_a_max_pooling_is_refused_exactly_where_a_window_steps_over_the_whole_input() -> None:
    tried = _stepping_over()
    assert {misses for _, _, misses in tried} == {True, False}
    for options, n, misses in tried:
        layer = TYPES["max_pool1d"](**options)
        if misses:
            with pytest.raises(Rejects, match="stride over the whole length"):
                layer.facts((1, n))
        else:
            layer.facts((1, n))


def test_pytorch_gives_minus_infinity_where_a_max_pooling_is_refused() -> None:
    torch = pytest.importorskip("torch")
    for options, n, misses in _stepping_over():
        if options["padding"] == "same" or options["ceil_mode"]:
            continue
        given = torch.nn.MaxPool1d(options["kernel_size"], options["stride"], options["padding"], options["dilation"])
        assert bool(given(torch.zeros(1, 1, n)).isinf().any()) is misses, (options, n)
