"""PyTorch's memory tracker and autograd say the same, byte for byte."""

from __future__ import annotations

import importlib
import math
import random
from typing import Any

import pytest

import archscope
from archscope.layers import TYPES, PReLU
from archscope.losses import LOSSES
from archscope.memory import memory
from archscope.network import Network, Node, Ref
from tests.memory.witnessed import FAMILIES, PAIRS, VALUES_DECIDE, cases, decided, held, optimizers, probe

SPECS = ("lenet1", "lenet5", "lenet5-1998", "lenet5-keras", "lenet5-pytorch", "alexnet", "alexnet-keras",
         "alexnet-pytorch", "alexnet-torchvision", "vgg@A", "resnet@18", "mobilenet-v2", "mobilenet-v3@small",
         "lstm-lm@small", "transformer@base")  # fmt: skip


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("optimizer", [None, "adam"])
def test_the_tracker_counts_the_same_for_a_network_that_comes_along(name: str, optimizer: str | None) -> None:
    from archscope.oracles.memory import tracked

    network = archscope.load(name)
    assert held(network, 2, optimizer) == tracked(network, 2, optimizer)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("batch", [1, 7])
def test_the_tracker_counts_the_same_for_every_optimizer(optimizer: str, foreach: bool, batch: int) -> None:
    from archscope.oracles.memory import tracked

    network = archscope.load("lenet5")
    assert held(network, batch, optimizer, foreach=foreach) == tracked(network, batch, optimizer, foreach=foreach)


SCORES = {
    "classes": "input: [6]\n    layers:\n      out: {type: linear, out_features: 5}",
    "a sequence": "input: [4, 6]\n    layers:\n      out: {type: linear, out_features: 5, every_position: true}",
    "a sequence turned": "input: [6, 4]\n    layers:\n      conv: {type: conv1d, out_channels: 5, kernel_size: 1}\n"
    "      out: {type: permute, dims: [1, 0]}",
    "maps": "input: [2, 6, 6]\n    layers:\n      out: {type: conv2d, out_channels: 5, kernel_size: 3}",
    "what a norm over groups makes": "input: [6, 4]\n    layers:\n      conv: {type: conv1d, out_channels: 6, "
    "kernel_size: 1}\n      norm: {type: group_norm, num_groups: 2}\n      out: {type: permute, dims: [1, 0]}",
    "two": "input: [6]\n    layers:\n      a: {type: linear, out_features: 5}\n      b: {type: relu}\n"
    "    output: [a, b]",
}
"""Networks of scores of classes, and what they are scores of."""


@pytest.mark.parametrize("autocast", [None, "bfloat16"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("what", SCORES)
def test_the_tracker_counts_the_same_whatever_the_backward_pass_starts_from(
    what: str, loss: str, autocast: str | None
) -> None:
    from archscope.oracles.memory import tracked

    network = archscope.read(f"name: scores\n    {SCORES[what]}\n".replace("\n    ", "\n"))
    found = held(network, 3, "adam", loss=loss, autocast=autocast)
    assert found == tracked(network, 3, "adam", loss=loss, autocast=autocast)


def test_verify_starts_from_the_loss_that_is_named() -> None:
    from archscope.oracles import verify

    found = verify(archscope.load("lenet5"), ["memory"], loss="cross_entropy")
    assert not found.differing
    # Of two samples: the loss, its total weight, the gradient of it and the logarithms of ten classes.
    started, forward = (
        next(each.theirs for each in found.findings if each.quantity == f"bytes after {phase}, training with Adam")
        for phase in ("start of backward", "forward")
    )
    assert started - forward == 4 + 4 + 4 + 2 * 10 * 4
    with pytest.raises(archscope.UsageError, match="no loss `entropy`"):
        verify(archscope.load("lenet5"), ["memory"], loss="entropy")


LAST = {
    "a stride": "conv: {type: conv2d, out_channels: 24, kernel_size: 2, stride: 2}",
    "depthwise": "conv: {type: conv2d, out_channels: 6, kernel_size: 3, groups: 6}",
    "a point": "conv: {type: conv2d, out_channels: 24, kernel_size: 1}",
    "groups": "conv: {type: conv2d, out_channels: 24, kernel_size: 3, groups: 2}",
    "transposed": "conv: {type: conv_transpose2d, out_channels: 24, kernel_size: 3}",
    "a norm": "conv: {type: conv2d, out_channels: 24, kernel_size: 3, activation: relu}\n  norm: {type: batch_norm}",
    "turned back": "conv: {type: conv2d, out_channels: 24, kernel_size: 3}\n  back: {type: permute, dims: [1, 2, 0]}\n"
    "  norm: {type: layer_norm, normalized_shape: 24}",
}
"""What reads maps whose channels lie last."""


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("what", LAST)
def test_the_tracker_counts_the_same_for_maps_whose_channels_lie_last(what: str, batch: int) -> None:
    from archscope.oracles.memory import tracked

    first = "first: {type: linear, out_features: 6, every_position: true}\n  turned: {type: permute, dims: [2, 0, 1]}"
    network = archscope.read(f"name: last\ninput: [8, 8, 4]\nlayers:\n  {first}\n  {LAST[what]}\n")
    assert held(network, batch, "adam") == tracked(network, batch, "adam")


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "resnet@18"])
def test_autograd_saves_the_same(name: str) -> None:
    from archscope.oracles.memory import saved

    network = archscope.load(name)
    assert memory(network, 3, optimizer="sgd")["forward"].after.held["saved"] == saved(network, 3)


@pytest.mark.parametrize("case", [each for each in cases() if not decided(each.values[0])])
def test_the_tracker_counts_the_same_for_every_layer(case: Any) -> None:
    from archscope.oracles.memory import tracked

    network = probe(case)

    # One sample is a case of its own: an axis of one value lies in any order. What runs without gradients is a part of
    # a step of training, held for a shorter time. Every case is tried in training, and each by chance in one of these.
    lone = (1 + (case.type == "batch_norm"), optimizers(network)[-1])
    for batch, optimizer in {(3, optimizers(network)[-1]), random.Random(repr(case.layer)).choice(((3, None), lone))}:
        assert held(network, batch, optimizer) == tracked(network, batch, optimizer)


NOT_NEEDED = """
    input: [4, 9, 8]
    layers:
      stem: {type: conv2d, out_channels: 4, kernel_size: 3, padding: 1, activation: tanh}
      small: {type: conv2d, out_channels: 5, kernel_size: 3, activation: gelu}
      norm: {type: batch_norm}
      pool: {type: max_pool2d, kernel_size: 2, stride: 1}
      cut: {type: crop, from: [stem, pool]}
      head: {type: conv2d, out_channels: 2, kernel_size: 1, activation: sigmoid}
    """
"""The first of what is cropped alone reaches the output; of the other only its size is asked."""


@pytest.mark.parametrize("autocast", [None, "bfloat16"])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_what_no_output_needs_is_kept_no_longer_than_it_is_read(optimizer: str | None, autocast: str | None) -> None:
    from archscope.oracles.memory import saved, tracked

    network = archscope.read(NOT_NEEDED)
    assert held(network, 3, optimizer, autocast=autocast) == tracked(network, 3, optimizer, autocast=autocast)
    # Of each image itself (4·9·8), what tanh makes (4·9·8; the crop is seen of it) and the output (2·6·5).
    kept = memory(network, 2, optimizer="sgd")["forward"].after.held["saved"]
    assert kept == saved(network, 2) == 2 * (288 + 288 + 60) * 4


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_the_kernel_of_a_bag_notes_what_the_rule_says(dtype: str, mode: str) -> None:
    # A tensor without values is said to note bags for a sum in bfloat16, too; what runs is asked instead.
    import torch

    weight, tokens = torch.zeros(10, 4, dtype=getattr(torch, dtype)), torch.zeros(18, dtype=torch.long)
    begins = torch.arange(0, 18, 6)
    kind = {"sum": 0, "mean": 1, "max": 2}[mode]
    _, bags, sizes, largest = torch.ops.aten._embedding_bag(weight, tokens, begins, False, kind)
    layer = archscope.layers.EmbeddingBag(num_embeddings=10, embedding_dim=4, mode=mode)
    step = layer.runs(layer.facts((6,)))[-1]
    made = {each.name: 3 * math.prod(each.shape) for each in step.makes}
    assert (made.get("bags", 0), made["sizes"], made["largest"]) == (bags.numel(), sizes.numel(), largest.numel())


@pytest.mark.parametrize("case", [each for each in cases() if not decided(each.values[0])])
def test_autograd_saves_the_same_for_every_layer(case: Any) -> None:
    from archscope.oracles.memory import saved

    network = probe(case)
    assert memory(network, 2, optimizer="sgd")["forward"].after.held["saved"] == saved(network, 2)


def test_every_layer_type_has_a_rule_for_all_of_its_cases_but_where_values_decide() -> None:
    tried = set()
    for family in FAMILIES:
        for case in importlib.import_module(f"tests.layers.{family}_cases").CASES:
            tried.add(case.type)
            found = case.layer.runs(case.layer.facts(*case.inputs))
            assert (found is None) == decided(case), case
            assert (case.layer.routing(case.layer.facts(*case.inputs)) is None) != decided(case), case
            assert bool(case.layer.varies) == (case.type in VALUES_DECIDE), case
    assert tried == set(TYPES)


@pytest.mark.parametrize(("name", "block", "batch"), [("resnet@18", "basic", 2), ("chain", "pair", 3)])
def test_the_tracker_counts_the_same_where_groups_run_again(name: str, block: str, batch: int) -> None:
    from archscope.memory.groups import groups_of
    from archscope.oracles.memory import tracked

    network = archscope.read(PAIRS) if name == "chain" else archscope.load(name)
    again = [[node.name for node in group] for group in groups_of(network, [block])]
    found = memory(network, batch, optimizer="adam", checkpoint=[block], as_tracked=True)
    counted = tracked(network, batch, "adam", again=again)
    assert {phase.name: (phase.after.total, phase.most.total) for phase in found.phases} == counted
    plain = memory(network, batch, optimizer="adam")["forward"].after.held["saved"]
    assert found["forward"].after.held["saved"] < plain


@pytest.mark.parametrize("inputs", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "options",
    [{"add_bias_kv": True}, {"add_zero_attn": True}, {"add_bias_kv": True, "add_zero_attn": True, "causal": True},
     {"add_bias_kv": True, "add_zero_attn": True, "dropout": 0.1}, {"causal": True, "dropout": 0.1}],
)  # fmt: skip
def test_the_tracker_counts_the_same_for_keys_of_its_own_masks_and_dropout(
    options: dict[str, Any], inputs: int
) -> None:
    if inputs == 4 and options.get("causal"):
        pytest.skip("a mask says what may be seen itself")
    from archscope.layers import MultiheadAttention
    from archscope.oracles.memory import tracked

    shapes = [(5, 8), (7, 8), (7, 8), (5, 7)][:inputs]
    nodes = [Node(f"b{place}", PReLU(), (Ref(f"i{place}"),), f"b{place}") for place in range(inputs)]
    read = tuple(Ref(f"b{place}") for place in range(inputs))
    nodes.append(Node("attention", MultiheadAttention(num_heads=2, **options), read, "attention"))
    network = Network("attends", {f"i{place}": shape for place, shape in enumerate(shapes)}, nodes)
    assert held(network, 3, "sgd") == tracked(network, 3, "sgd")


@pytest.mark.parametrize("read", ["aa", "aaa", "abb", "aab", "aba", "aaam", "abbm", "abcm"])
def test_the_tracker_counts_the_same_in_attention_that_reads_a_value_twice(read: str) -> None:
    from archscope.layers import MultiheadAttention
    from archscope.oracles.memory import tracked

    shapes = {"a": (6, 8), "b": (6, 8), "c": (6, 8), "m": (6, 6)}
    nodes = [Node(f"{name} in", PReLU(), (Ref(name),), name) for name in shapes]
    refs = tuple(Ref(f"{name} in") for name in read)
    nodes.append(Node("attention", MultiheadAttention(num_heads=2), refs, "attention"))
    network = Network("attends", shapes, nodes, (Ref("attention"),))
    assert held(network, 3, None) == tracked(network, 3, None)
    assert held(network, 3, "sgd") == tracked(network, 3, "sgd")


@pytest.mark.parametrize(("read", "output"), [("r.hidden", "[a, b]"), ("a", "[b, r.hidden]")])
def test_all_results_of_a_layer_of_a_spec_are_held_as_long_as_one_is_needed(read: str, output: str) -> None:
    from archscope.oracles.memory import tracked

    wide = f"{{type: linear, out_features: 4000, every_position: true, from: {read}}}"
    layers = f"{{r: {{type: gru, hidden_size: 4}}, a: {{type: relu, from: r}}, b: {wide}}}"
    network = archscope.read(f"name: n\ninput: [50, 4]\nlayers: {layers}\noutput: {output}\n")
    assert held(network, 3, None) == tracked(network, 3, None)
