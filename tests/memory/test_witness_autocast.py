"""PyTorch's memory tracker and autograd say the same under autocast and in types of two bytes, byte for byte."""

from __future__ import annotations

import random
from typing import Any

import pytest

import archscope
from archscope.layers import TYPES, BatchNorm, Conv2d, GroupNorm, InstanceNorm, LayerNorm
from archscope.memory import memory
from archscope.network import Network, Node, Ref
from tests.collection import thin
from tests.memory.witnessed import PAIRS, cases, decided, held, optimizers, probe

NOT_CAST = {
    "bilinear": "PyTorch does not run it on values of another type than its weights",
}
"""Types that are not tried under autocast, and why."""


CAST = ("convolution", "dense", "normalization", "sequence")
"""Families whose layers autocast runs in another type; of the others, which take what they get, a sample is tried."""


@pytest.mark.parametrize("case", [
    each for place, each in enumerate(cases())
    if not decided(each.values[0]) and each.values[0].type not in NOT_CAST
    and (place % 3 == 0 or TYPES[each.values[0].type].family in CAST)
])  # fmt: skip
def test_the_tracker_counts_the_same_for_every_layer_under_autocast(case: Any) -> None:
    from archscope.oracles.memory import tracked

    network = probe(case)
    optimizer = random.Random(repr(case.layer)).choice(optimizers(network))
    assert held(network, 3, optimizer, autocast="bfloat16") == tracked(network, 3, optimizer, autocast="bfloat16")


@pytest.mark.parametrize("meet", ["concat", "stack, dim: 0", "add"])
@pytest.mark.parametrize("read", ["[low, wide]", "[wide, low]"])
def test_the_tracker_counts_the_same_where_two_types_meet_under_autocast(read: str, meet: str) -> None:
    from archscope.oracles.memory import tracked

    # A norm keeps the input's float32, and what a convolution makes is in bfloat16.
    network = archscope.read(f"""
        input: [4, 6, 6]
        layers:
          wide: {{type: batch_norm}}
          low: {{type: conv2d, out_channels: 4, kernel_size: 1}}
          both: {{type: {meet}, from: {read}}}
          last: {{type: gelu}}
        """)
    assert held(network, 3, "sgd", autocast="bfloat16") == tracked(network, 3, "sgd", autocast="bfloat16")


OF_TWO_BYTES = [*cases()][::4]
"""A sample of all layers."""


@pytest.mark.parametrize("case", [
    each for each in OF_TWO_BYTES if not decided(each.values[0]) and each.values[0].type != "embedding_bag"
])  # fmt: skip
def test_the_tracker_counts_the_same_for_layers_in_bfloat16(case: Any) -> None:
    from archscope.oracles.memory import tracked

    network = probe(case)
    optimizer = random.Random(repr(case.layer)).choice(optimizers(network))
    assert held(network, 3, optimizer, dtype="bfloat16") == tracked(network, 3, optimizer, dtype="bfloat16")


@pytest.mark.parametrize("name", ["lenet5", "gpt2@small", "lstm-lm@small"])
@pytest.mark.parametrize("optimizer", [None, "adam"])
def test_the_tracker_counts_the_same_for_a_network_under_autocast(name: str, optimizer: str | None) -> None:
    from archscope.oracles.memory import saved, tracked

    network = thin(name)
    assert held(network, 2, optimizer, autocast="bfloat16") == tracked(network, 2, optimizer, autocast="bfloat16")
    after = memory(network, 2, optimizer="sgd", autocast="bfloat16", as_tracked=True)["forward"].after.held
    assert after["saved"] + after["casts"] == saved(network, 2, "bfloat16")


@pytest.mark.parametrize("layer", [
    BatchNorm(), BatchNorm(affine=False), BatchNorm(affine=False, track_running_stats=False), GroupNorm(num_groups=2),
    GroupNorm(num_groups=2, affine=False), LayerNorm(), LayerNorm(elementwise_affine=False), InstanceNorm(),
])  # fmt: skip
def test_autograd_saves_the_same_of_a_norm_that_really_runs_under_autocast(layer: Any) -> None:
    # Tensors without values have its statistics in the type of its input; what runs has them in that of its weights.
    import torch
    from torch.autograd.graph import saved_tensors_hooks

    from archscope.building import build

    nodes = [Node("conv", Conv2d(out_channels=4, kernel_size=3), (Ref("input"),), "conv"),
             Node("norm", layer, (Ref("conv"),), "norm")]  # fmt: skip
    network = Network("normed", {"input": (3, 8, 8)}, nodes)
    model = build(network).train()
    weights = {each.untyped_storage().data_ptr() for each in (*model.parameters(), *model.buffers())}
    storages: dict[int, Any] = {}

    def keep(tensor: Any) -> Any:
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor), torch.autocast("cpu", dtype=torch.bfloat16):
        model(torch.zeros(2, 3, 8, 8))
    after = memory(network, 2, optimizer="sgd", autocast="bfloat16")["forward"].after.held
    kept = sum(each.nbytes() for place, each in storages.items() if place not in weights)
    assert after["saved"] + after["casts"] == kept


def test_the_tracker_counts_the_same_where_groups_run_again_under_autocast() -> None:
    from archscope.memory.groups import groups_of
    from archscope.oracles.memory import tracked

    network = archscope.read(PAIRS)
    again = [[node.name for node in group] for group in groups_of(network, ["pair"])]
    found = held(network, 3, "adam", checkpoint=["pair"], autocast="bfloat16")
    assert found == tracked(network, 3, "adam", again=again, autocast="bfloat16")
