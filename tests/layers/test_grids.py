"""What a layer says of the grid: how far a window reaches, and which layers leave the grid as it is."""

from __future__ import annotations

import pytest

from archscope.layers import TYPES, Window


@pytest.mark.parametrize(("kernel", "dilation", "extent"), [(1, 1, 1), (3, 1, 3), (3, 2, 5), (2, 3, 4), (5, 4, 17)])
def test_a_window_reaches_from_its_first_tap_to_its_last(kernel: int, dilation: int, extent: int) -> None:
    assert Window(kernel, dilation=dilation).extent == extent


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
