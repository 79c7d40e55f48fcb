"""What a layer says of the grid: how far a window reaches, and which layers leave the grid as it is."""

from __future__ import annotations

import pytest

from archscope.analysis import analyze
from archscope.errors import Rejects
from archscope.layers import TYPES, Window
from archscope.oracles import verify
from archscope.reader import read


@pytest.mark.parametrize(("kernel", "dilation", "extent"), [(1, 1, 1), (3, 1, 3), (3, 2, 5), (2, 3, 4), (5, 4, 17)])
def test_a_window_reaches_from_its_first_tap_to_its_last(kernel: int, dilation: int, extent: int) -> None:
    assert Window(kernel, dilation=dilation).extent == extent


@pytest.mark.parametrize(
    ("repeats", "kept"), [((2, 1, 1), True), ((1, 1, 1), True), ((1, 2, 1), False), ((3, 1, 2), False)]
)
def test_channels_that_are_repeated_keep_the_grid_and_positions_lose_it(repeats: tuple[int, ...], kept: bool) -> None:
    facts = TYPES["repeat"](repeats=repeats).facts((3, 4, 5))
    assert (facts.windows is not None) is kept
    assert ("receptive_field" in facts.reasons) is not kept


@pytest.mark.parametrize("type_", ["softmax", "log_softmax"])
@pytest.mark.parametrize(
    ("dim", "shape", "pointwise"),
    [(0, (6, 16), True), (1, (6, 16), False), (-2, (6, 16), True), (-1, (6, 16), False), (0, (5,), True),
     (1, (4, 5, 6), False), (-3, (4, 5, 6), True)],
)  # fmt: skip
def test_a_softmax_over_channels_keeps_the_grid_and_one_along_it_loses_it(
    type_: str, dim: int, shape: tuple[int, ...], pointwise: bool
) -> None:
    facts = TYPES[type_](dim=dim).facts(shape)
    assert facts.windows == (() if pointwise else None)
    assert ("receptive_field" in facts.reasons) is not pointwise


@pytest.mark.parametrize("bias", [True, False])
def test_attention_reads_each_of_its_parameters_once_at_every_position(bias: bool) -> None:
    facts = TYPES["multihead_attention"](num_heads=2, bias=bias).facts((7, 12))
    assert facts.connections == facts.parameters * 7
    assert facts.macs == sum(each.values for each in facts.weights if len(each.shape) == 2) * 7 + 2 * 7 * 7 * 12


def test_keys_of_another_width_change_their_own_projection_alone() -> None:
    facts = TYPES["multihead_attention"](num_heads=2).facts((7, 12), (5, 10), (5, 8))
    shapes = {each.name: tuple(map(int, each.shape)) for each in facts.weights}
    assert (shapes["q_proj_weight"], shapes["k_proj_weight"], shapes["v_proj_weight"]) == ((12, 12), (12, 10), (12, 8))
    assert facts.output == (7, 12)
    assert facts.macs == 12 * 12 * 7 + 10 * 12 * 5 + 8 * 12 * 5 + 12 * 12 * 7 + 2 * 7 * 5 * 12


@pytest.mark.parametrize("type_", ["softmax", "log_softmax"])
def test_the_axis_of_the_channels_may_be_counted_from_the_end(type_: str) -> None:
    for shape in ((6, 16), (4, 5, 6)):
        first, last = (TYPES[type_](dim=dim).facts(shape) for dim in (-len(shape), -1))
        assert first.windows == TYPES[type_](dim=0).facts(shape).windows == ()
        assert last.windows is TYPES[type_](dim=len(shape) - 1).facts(shape).windows is None


@pytest.mark.parametrize("type_", ["add", "multiply"])
def test_an_input_whose_extents_are_repeated_is_known_by_its_place(type_: str) -> None:
    whole, repeated = (4, 6, 6), (4, 1, 6)
    assert TYPES[type_]().facts(whole, whole, whole).repeated == ()
    for inputs, place in (((whole, whole, repeated), 2), ((whole, repeated, whole), 1), ((repeated, whole, whole), 0)):
        facts = TYPES[type_]().facts(*inputs)
        assert (facts.output, facts.windows, facts.repeated) == (whole, (), (place,))


@pytest.mark.parametrize(
    "factors", ["{type: parameter, shape: [4, 1, 1]}", "{type: adaptive_avg_pool2d, output_size: 1, from: a}"]
)
def test_a_repeated_extent_keeps_the_grid_where_no_input_of_the_network_reaches_it(factors: str) -> None:
    network = read(
        "input: [3, 8, 8]\nlayers:\n"
        "  a: {type: conv2d, out_channels: 4, kernel_size: 3, padding: 1}\n"
        f"  factors: {factors}\n"
        "  scaled: {type: multiply, from: [factors, a]}\n"
        "  b: {type: conv2d, out_channels: 4, kernel_size: 3}\n"
    )
    analysis = analyze(network)
    if "parameter" in factors:  # LayerScale: a constant factor a channel
        assert (analysis["scaled"].receptive_field, analysis["b"].receptive_field) == ((3, 3), (5, 5))
        assert not verify(network, ["field"]).differing
        return
    assert analysis["b"].receptive_field is None  # a gate sees the whole input
    assert analysis["b"].reason("receptive_field") == "lost at `scaled`: a repeated extent has no grid"


@pytest.mark.parametrize("type_", ["add", "multiply", "concat"])
def test_the_input_that_does_not_fit_is_the_one_that_is_blamed(type_: str) -> None:
    fits, odd = (4, 6, 6), (4, 6, 5)
    for place in (1, 2, 3):
        inputs = [fits] * 4
        inputs[place] = odd
        with pytest.raises(Rejects) as caught:
            TYPES[type_]().facts(*inputs)
        assert caught.value.input == place


def test_an_axis_of_a_concatenation_may_be_counted_from_the_end() -> None:
    shapes = ((2, 3, 4), (2, 3, 4))
    for dim in range(3):
        first, second = (TYPES["concat"](dim=each).facts(*shapes) for each in (dim, dim - 3))
        assert (first.output, first.windows) == (second.output, second.windows)
        assert first.output[dim] == 2 * shapes[0][dim]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_a_concatenation_loses_the_grid_if_it_puts_two_inputs_side_by_side_on_it(dim: int, count: int) -> None:
    facts = TYPES["concat"](dim=dim).facts(*[(2, 3, 4)] * count)
    assert facts.windows == (None if dim and count > 1 else ())


def test_a_batch_normalization_is_of_up_to_three_axes() -> None:
    for axes in range(5):
        shape = (3, *([2] * axes))
        if axes <= 3:
            assert TYPES["batch_norm"]().facts(shape).output == shape
        else:
            with pytest.raises(Rejects, match="takes channels with up to 3 axes"):
                TYPES["batch_norm"]().facts(shape)


@pytest.mark.parametrize(("count", "odd"), [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)])
def test_attention_blames_the_input_that_is_no_sequence(count: int, odd: int) -> None:
    inputs: list[tuple[int, ...]] = [(5, 8)] * count
    inputs[odd] = (5, 8, 2)
    with pytest.raises(Rejects, match=r"takes \(positions, features\), got 5×8×2") as caught:
        TYPES["multihead_attention"](num_heads=2).facts(*inputs)
    assert caught.value.input == odd


def test_attention_blames_the_values_that_are_not_as_many_as_the_keys() -> None:
    with pytest.raises(Rejects, match="5 keys but 4 values") as caught:
        TYPES["multihead_attention"](num_heads=2).facts((6, 8), (5, 8), (4, 8))
    assert caught.value.input == 2


@pytest.mark.parametrize("shape", [(3, 4), (3, -1), (-1,), (2, -1, 3), (12,), (5, 2)])
def test_values_are_put_into_another_shape_if_pytorch_can(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    for values in range(1, 25):
        try:
            expected = tuple(torch.zeros(values).reshape(shape).shape)
        except RuntimeError:
            with pytest.raises(Rejects, match="do not fill"):
                TYPES["reshape"](shape=list(shape)).facts((values,))
        else:
            assert TYPES["reshape"](shape=list(shape)).facts((values,)).output == expected


@pytest.mark.parametrize(("size", "kernel", "stride"), [(1, 2, 1), (1, 3, 2), (2, 3, 1), (3, 2, 2), (2, 4, 3)])
def test_a_transposed_convolution_covers_what_its_windows_reach_less_what_is_cut_off(
    size: int, kernel: int, stride: int
) -> None:
    reached = {place * stride + tap for place in range(size) for tap in range(kernel)}
    length = max(reached) + 1
    for before in range(4):
        for after in range(4):
            layer = TYPES["conv_transpose1d"](
                out_channels=1, kernel_size=kernel, stride=stride, padding=[before, after]
            )
            left = range(before, length - after)
            if left:
                assert layer.facts((1, size)).output == (1, len(left))
            else:
                with pytest.raises(Rejects, match=f"leaves nothing of an output of {length}"):
                    layer.facts((1, size))


@pytest.mark.parametrize("type_", ["conv", "max_pool", "avg_pool", "adaptive_avg_pool", "zero_pad"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_shape_of_another_rank_is_sent_to_the_type_that_takes_it(type_: str, axes: int) -> None:
    needed = {"conv": {"out_channels": 1, "kernel_size": 1}, "zero_pad": {"padding": 1},
              "adaptive_avg_pool": {"output_size": 1}}.get(type_, {"kernel_size": 1})  # fmt: skip
    layer = TYPES[f"{type_}{axes}d"](**needed)
    for rank in range(7):
        if rank == axes + 1:
            assert len(layer.facts((2,) * rank).output) == rank
            continue
        with pytest.raises(Rejects) as caught:
            layer.facts((2,) * rank)
        remedy = f"use the {rank - 1}d type of this layer" if 2 <= rank <= 4 else None
        flat = "a flattened vector has no window; put this layer before the `flatten`"
        assert caught.value.help == (flat if rank == 1 else remedy)


@pytest.mark.parametrize(
    ("size", "kernel", "dilation", "padding", "said"),
    [
        (4, 5, 1, [0, 0], "a kernel of 5 is larger than the input's length of 4"),
        (4, 3, 2, [0, 0], "a kernel of 3 (dilated to 5) is larger than the input's length of 4"),
        (2, 4, 1, [0, 1], "a kernel of 4 is larger than the input's length of 2 (padded to 3)"),
        (2, 3, 3, [1, 1], "a kernel of 3 (dilated to 7) is larger than the input's length of 2 (padded to 4)"),
    ],
)
def test_a_window_that_does_not_fit_is_said_with_all_that_makes_it_large(
    size: int, kernel: int, dilation: int, padding: list[int], said: str
) -> None:
    layer = TYPES["conv1d"](out_channels=1, kernel_size=kernel, dilation=dilation, padding=padding)
    with pytest.raises(Rejects) as caught:
        layer.facts((3, size))
    assert caught.value.message == said
    fits = TYPES["conv1d"](out_channels=1, kernel_size=1, dilation=dilation, padding=padding)
    assert fits.facts((3, size)).output == (1, size + sum(padding))
