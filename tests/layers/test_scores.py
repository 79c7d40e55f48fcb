"""Relative positions and masks by hand, and against those who thought of them: T5, Swin and BEiT of `transformers`."""

from __future__ import annotations

from typing import Any

import pytest

from archscope.building.builders import build_layer
from archscope.building.scores import rows_of_distances, rows_of_window
from archscope.layers import AttentionMask, RelativePositionBias
from archscope.writing.scores import KERAS, PYTORCH

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


def test_offsets_in_a_window_of_two_by_two_are_those_worked_out_by_hand() -> None:
    # Places 0 = (0,0), 1 = (0,1), 2 = (1,0), 3 = (1,1); the row of an offset (dy, dx) is 3·(dy + 1) + dx + 1.
    assert rows_of_window([2, 2]) == [
        4, 3, 1, 0,
        5, 4, 2, 1,
        7, 6, 4, 3,
        8, 7, 5, 4,
    ]  # fmt: skip


def test_a_class_token_has_the_three_rows_behind_the_offsets() -> None:
    # 3 offsets of two places; then from the token to a place 3, from a place to the token 4, from it to itself 5.
    assert rows_of_window([2], class_token=True) == [5, 3, 3, 4, 1, 0, 4, 2, 1]


def test_distances_of_one_direction_go_into_buckets_worked_out_by_hand() -> None:
    # 4 buckets: distances 0 and 1 each by itself, 2 from 2 on, and 3 from 2·(8/2)^(1/2) = 4 on.
    rows = rows_of_distances(7, 7, 4, 8, both=False)
    assert rows[-7:] == [3, 3, 3, 2, 2, 1, 0]
    assert rows[:7] == [0] * 7


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize(("buckets", "most"), [(32, 128), (8, 20), (6, 16)])
def test_buckets_are_those_of_t5(both: bool, buckets: int, most: int) -> None:
    t5: Any = pytest.importorskip("transformers.models.t5.modeling_t5")
    queries, keys = torch.arange(40)[:, None], torch.arange(300)[None]
    theirs = t5.T5Attention._relative_position_bucket(keys - queries, both, buckets, most)
    assert rows_of_distances(40, 300, buckets, most, both=both) == theirs.flatten().tolist()


def test_offsets_are_those_of_swin_and_of_beit() -> None:
    beit: Any = pytest.importorskip("transformers.models.beit.modeling_beit")
    swin: Any = pytest.importorskip("transformers.models.swin.modeling_swin")
    theirs = swin.SwinRelativePositionBias(1, (3, 4)).relative_position_index
    assert rows_of_window([3, 4]) == theirs.flatten().tolist()
    index = beit.BeitRelativePositionBias.generate_relative_position_index((3, 3))
    assert rows_of_window([3, 3], class_token=True) == index.flatten().tolist()


def test_a_causal_window_hides_what_is_later_and_what_is_too_long_ago() -> None:
    inf = float("-inf")
    mask = build_layer(AttentionMask(length=4, causal=True, sliding_window=2))(1)
    assert mask[0].tolist() == [[0, inf, inf, inf], [0, 0, inf, inf], [inf, 0, 0, inf], [inf, inf, 0, 0]]
    both = build_layer(AttentionMask(length=3, sliding_window=2))(2)
    assert both.tolist() == [[[0, 0, inf], [0, 0, 0], [inf, 0, 0]]] * 2


def test_what_came_round_the_edge_is_another_region() -> None:
    # Four columns shifted by one: 0 and 1 are a window of old neighbours, 2 and 3 meet at the edge.
    mask = build_layer(AttentionMask(grid=[4], window=[2], shift=[1]))(1)
    inf = float("-inf")
    assert mask[0].tolist() == [[[0, 0], [0, 0]], [[0, inf], [inf, 0]]]


def test_a_mask_of_shifted_windows_hides_what_that_of_swin_hides() -> None:
    swin: Any = pytest.importorskip("transformers.models.swin.modeling_swin")
    config = swin.SwinConfig(window_size=4)
    layer = swin.SwinLayer(config, 8, (8, 12), 2, shift_size=2)
    theirs = layer.get_attn_mask(8, 12, torch.float32, torch.device("cpu"))
    mine = build_layer(AttentionMask(grid=[8, 12], window=[4, 4], shift=[2, 2]))(1)[0]
    assert torch.equal(mine == 0, theirs == 0)


def test_a_mask_follows_the_module_in_its_type() -> None:
    assert build_layer(AttentionMask(length=2, causal=True)).to(torch.bfloat16)(1).dtype == torch.bfloat16


def test_a_bias_and_a_mask_give_what_their_places_say() -> None:
    layer = RelativePositionBias(num_heads=2, window=[2, 3])
    module: Any = build_layer(layer)
    rows = torch.tensor(rows_of_window([2, 3])).view(6, 6)
    assert torch.equal(module(3)[2, 1], module.weight[:, 1][rows])


def of_the_source(name: str) -> Any:
    """A function as a written model has it, in either framework."""
    scope: dict[str, Any] = {}
    exec(PYTORCH[name].replace("@staticmethod", ""), scope)
    assert PYTORCH[name] == KERAS[name]
    return scope[name]


@pytest.mark.parametrize("both", [True, False])
# At 4 buckets up to 8 and at 8 up to 32, distances 4 and 8 are themselves the beginning of a bucket.
@pytest.mark.parametrize(("buckets", "most"), [(4, 8), (8, 32), (8, 20), (32, 128)])
def test_the_source_puts_distances_into_the_buckets_of_the_built_module(buckets: int, most: int, both: bool) -> None:
    asked = (12, 40, buckets, most)
    assert of_the_source("rows_of_distances")(*asked, both=both) == rows_of_distances(*asked, both=both)


@pytest.mark.parametrize("window", [[5], [2, 3], [2, 3, 2]])
def test_the_source_looks_offsets_up_where_the_built_module_does(window: list[int]) -> None:
    for token in (False, True):
        assert of_the_source("rows_of_window")(window, token) == rows_of_window(window, class_token=token)
