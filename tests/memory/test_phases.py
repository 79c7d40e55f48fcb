"""What a network holds, phase by phase: worked out by hand, and laws."""

from __future__ import annotations

import pytest

import archscope
from archscope import UsageError
from archscope.layers import (
    GRU,
    LSTM,
    RNN,
    Conv2d,
    Layer,
    Linear,
    Maxout,
    MaxPool2d,
    MultiheadAttention,
    ReLU,
    RNNCell,
    Scale,
)
from archscope.memory import Request, cache_of, largest_batch, memory, per_layer
from archscope.memory.fitting import _growing
from archscope.memory.ledger import Ledger
from archscope.network import Network, Node, Ref


def chain(shape: tuple[int, ...], *layers: object) -> Network:
    nodes: list[Node] = []
    for number, layer in enumerate(layers):
        before = nodes[-1].name if nodes else "input"
        nodes.append(Node(f"l{number}", layer, (Ref(before),), f"l{number}"))  # type: ignore[arg-type]
    return Network("chain", {"input": shape}, nodes)


def test_a_dense_layer_and_its_relu_hold_what_is_worked_out_by_hand() -> None:
    held = memory(chain((10,), Linear(out_features=20), ReLU(), Linear(out_features=5)), 8, optimizer="adam")
    weights = (10 * 20 + 20 + 20 * 5 + 5) * 4
    state = 2 * weights + 4 * 4  # two values for each weight, and a counter for each of four tensors
    assert held["after build"].after.total == weights + state + 8 * 10 * 4
    # The first layer keeps the input, the ReLU its output, which the last layer keeps too: once.
    assert held["forward"].after.held["saved"] == 8 * (10 + 20) * 4
    assert held["forward"].after.total == weights + state + 8 * (10 + 20) * 4 + 8 * 5 * 4
    assert held["backward"].after.held["gradients"] == weights
    # Of the largest weight, 20·10, a root and the root divided; of the one before, nothing.
    assert held["optimizer step"].most.held["temporary"] == 2 * 200 * 4
    assert held["optimizer step"].after.total == 2 * weights + state + 8 * 10 * 4


def test_maxout_sees_its_input_in_pieces_and_makes_no_second_one() -> None:
    network = chain((6,), Linear(out_features=6), Maxout(pieces=3))
    held = memory(network, 2)["forward"].most.held
    assert held["values"] == 2 * (6 + 6 + 2) * 4  # what is fed in, what is read, and what is made
    assert per_layer(network)["l1"].temporary_bytes == 0  # type: ignore[union-attr]


def test_max_pooling_keeps_eight_bytes_for_the_place_of_each_value_it_keeps() -> None:
    held = memory(chain((1, 4, 4), Conv2d(out_channels=2, kernel_size=1), MaxPool2d(kernel_size=2)), optimizer="sgd")
    assert held["forward"].after.held["saved"] == (16 + 32) * 4 + 8 * 8


@pytest.mark.parametrize(
    ("foreach", "phase", "most"), [(False, "optimizer step", 1_289_238_208), (True, "optimizer step", 1_231_650_656)]
)
def test_alexnet_with_adam_is_fullest_in_the_optimizer_step(foreach: bool, phase: str, most: int) -> None:
    # 4·244,403,360 bytes of weights, gradients and two values of state, 16 counters, the images of 16·3·224·224·4;
    # and in a loop 2·4096·9216·4 for fc6, all at once one value for each weight. The outputs of 64,000 are gone.
    held = memory(archscope.load("alexnet-torchvision"), 16, optimizer="adam", foreach=foreach)
    assert (held.peak.name, held.peak.most.total) == (phase, most)
    extra = 244_403_360 if foreach else 2 * 4_096 * 9_216 * 4 + 256 * 4  # conv5.bias came before fc6
    assert most == 4 * 244_403_360 + 16 * 4 + 16 * 3 * 224 * 224 * 4 + extra


def test_alexnet_with_a_large_batch_or_without_state_is_fullest_in_the_backward_pass() -> None:
    network = archscope.load("alexnet-torchvision")
    held = memory(network, 16, optimizer="sgd")
    # 545.4 MB; the backward pass starts from a sum: two numbers, itself and its gradient.
    assert (held.peak.name, held.peak.most.total) == ("backward", 545_403_968 + 8)
    held = memory(network, 256, optimizer="adam")
    assert (held.peak.name, held.peak.most.total) == ("backward", 1_951_143_360 + 8)


@pytest.mark.parametrize(
    ("loss", "made", "kept", "started"),
    # Of 16·1,000 scores: what else is held for the loss, its targets, and what a gradient of the outputs' size takes.
    [("none", 0, 0, 64_000), ("sum", 4, 0, 4), ("mean", 4, 0, 4), ("mse_loss", 4, 64_000, 4),
     ("cross_entropy", 4 + 4 + 64_000, 128, 4), ("nll_loss", 4 + 4, 128, 4)],
)  # fmt: skip
def test_what_a_backward_pass_starts_from_takes_what_is_worked_out_by_hand(
    loss: str, made: int, kept: int, started: int
) -> None:
    network = archscope.load("alexnet-torchvision")
    held = memory(network, 16, optimizer="sgd", loss=loss)
    # The loss, its total weight and the logarithms that it keeps are made; eight bytes hold the number of a class.
    grown = held["start of backward"].after.total - held["forward"].after.total
    assert grown == made + started
    plain = memory(network, 16, optimizer="sgd", loss="sum")
    assert held["after build"].after.total - plain["after build"].after.total == kept
    assert held["optimizer step"].after.total - plain["optimizer step"].after.total == kept


def test_a_loss_of_classes_wants_an_axis_of_them() -> None:
    network = chain((4,), Linear(out_features=3))
    one = Network("one", {"input": ()}, [Node("double", Scale(factor=2.0), (Ref("input"),), "double")])
    assert memory(network, 2, optimizer="sgd", loss="cross_entropy")["forward"].after.held["values"] == 2 * (3 * 4 + 8)
    with pytest.raises(UsageError, match="`cross_entropy` is of the scores of classes, and `double` is one number"):
        memory(one, 2, optimizer="sgd", loss="cross_entropy")


def test_what_is_held_after_forward_is_weights_state_saved_and_output() -> None:
    for name in ("lenet5", "lenet5-pytorch", "alexnet", "alexnet-torchvision", "resnet@18", "googlenet"):
        network = archscope.load(name)
        held = memory(network, 4, optimizer="adam")["forward"].after.held
        assert held["gradients"] == held["passing"] == held["temporary"] == 0, name
        output = sum(4 * 4 * int(archscope.layers.base.values_in(network.shape_of(ref))) for ref in network.outputs)
        # A softmax keeps its output, which is then saved and not beside it.
        assert held["values"] in (0, output), name


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "resnet@18", "mobilenet-v2"])
def test_half_the_bytes_a_value_are_half_the_bytes_but_for_places_and_counters(name: str) -> None:
    network = archscope.load(name)
    whole, half = (memory(network, 3, dtype=dtype, optimizer="sgd") for dtype in ("float32", "bfloat16"))
    for kind in ("weights", "gradients"):
        assert whole["backward"].after.held[kind] == 2 * half["backward"].after.held[kind]
    assert half["forward"].after.held["saved"] * 2 >= whole["forward"].after.held["saved"]


def test_more_samples_never_take_less_and_grow_evenly_once_forward_is_over() -> None:
    network = archscope.load("lenet5")
    after = [memory(network, batch, optimizer="sgd")["forward"].after.total for batch in (1, 2, 3, 10)]
    assert after[1] - after[0] == after[2] - after[1] == (after[3] - after[2]) // 7


@pytest.mark.parametrize("autocast", [None, "bfloat16"])
@pytest.mark.parametrize("optimizer", [None, "sgd", "adam"])
def test_the_largest_batch_fits_and_one_more_does_not(optimizer: str | None, autocast: str | None) -> None:
    network, room = archscope.load("lenet5"), 3 << 20
    batch = largest_batch(network, room, Request(optimizer=optimizer, autocast=autocast))
    assert memory(network, batch, optimizer=optimizer, autocast=autocast).peak.most.total <= room
    assert memory(network, batch + 1, optimizer=optimizer, autocast=autocast).peak.most.total > room


def test_nothing_fits_where_the_weights_do_not() -> None:
    assert largest_batch(archscope.load("alexnet-torchvision"), 1 << 20, Request()) == 0


def test_groups_that_run_again_keep_less_and_hold_the_same_in_the_end() -> None:
    network = archscope.load("resnet@18")
    plain = memory(network, 4, optimizer="adam")
    again = memory(network, 4, optimizer="adam", checkpoint=["basic"])
    assert again["forward"].after.held["saved"] < plain["forward"].after.held["saved"]
    assert again["backward"].most.total < plain["backward"].most.total
    assert again["backward"].after == plain["backward"].after
    assert again["optimizer step"] == plain["optimizer step"]


def test_who_holds_the_most_adds_up_to_the_peak() -> None:
    held = memory(archscope.load("alexnet"), 2, optimizer="momentum")
    assert sum(size for _, _, size in held.holders) == held.peak.most.total


def test_a_loss_and_its_targets_have_a_line_of_their_own() -> None:
    held = memory(archscope.load("lenet5-pytorch"), 64, optimizer="sgd", loss="cross_entropy")
    # 64 numbers of classes, 8 bytes each; what came in, 32·32 values each, is the network's.
    assert sum(size for layer, _, size in held.holders if layer == "the loss") >= 64 * 8
    assert sum(size for layer, _, size in held.holders if not layer) == 64 * 32 * 32 * 4
    assert held["start of backward"].most.layer == "the loss"


def test_the_state_of_an_optimizer_is_the_networks_and_not_the_losss() -> None:
    held = memory(archscope.load("lenet5-pytorch"), 1, optimizer="momentum")
    # 61,706 parameters, one number in four bytes each.
    assert [(layer, size) for layer, kind, size in held.holders if kind == "state"] == [("", 61_706 * 4)]


def test_a_layer_of_which_values_decide_is_named() -> None:
    from archscope.layers import MixtureOfExperts

    held = memory(chain((10, 16), MixtureOfExperts(num_experts=4, top_k=2, hidden_features=8)), optimizer="sgd")
    assert not held.not_covered
    assert held.decided == {
        "l0": "what it holds meanwhile goes by how many positions choose each expert, which values decide"
    }


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"optimizer": "adan"}, "no optimizer `adan`; did you mean `adam`?"),
        ({"batch": 0}, "a batch of 0 holds nothing; use 1 or more"),
        ({"loss": "cross-entropy"}, "no loss `cross-entropy`; did you mean `cross_entropy`?"),
        ({"dtype": "float8"}, "no type `float8`"),
        ({"autocast": "int8"}, "autocast runs in bfloat16 (bf16) or float16 (fp16), not in `int8`"),
        ({"autocast": "bfloat16", "dtype": "float64"}, "autocast casts what is in float32, and all is in float64"),
        ({"checkpoint": ["conv"]}, "lenet5 has no groups of layers, so there is no `conv` to run again"),
    ],
)
def test_a_request_that_means_nothing_is_refused(request_: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        memory(archscope.load("lenet5"), **request_)  # type: ignore[arg-type]
    assert message in str(raised.value)


def attention(heads: int, groups: int, width: int, **options: object) -> Network:
    layer = MultiheadAttention(num_heads=heads, num_kv_heads=groups, bias=False, causal=True, **options)
    return Network("decoder", {"input": (8, width)}, [Node("a", layer, (Ref("input"),), "a")])


@pytest.mark.parametrize(
    ("groups", "token"),
    # Keys and values, 2 bytes each: 32 heads of 128, eight of them, one.
    [(32, 2 * 2 * 32 * 128), (8, 2 * 2 * 8 * 128), (1, 2 * 2 * 1 * 128)],
)
def test_a_token_takes_keys_and_values_of_the_heads_that_have_their_own(groups: int, token: int) -> None:
    cache = cache_of(attention(32, groups, 4_096), dtype="float16")
    assert cache.token_bytes == token
    assert cache.at(1_000) == 1_000 * token
    assert cache.reserved(1_000) == 1_008 * token  # 63 pages of 16
    assert cache.at(1_000, batch=3) == 3 * cache.at(1_000)


def test_a_window_of_tokens_bounds_the_cache() -> None:
    cache = cache_of(attention(8, 8, 64), window=100)
    assert cache.at(99) == 99 * cache.token_bytes
    assert cache.at(100) == cache.at(5_000) == 100 * cache.token_bytes
    assert cache.reserved(5_000) == 112 * cache.token_bytes


def test_a_state_takes_the_same_however_long_the_sequence_is() -> None:
    nodes = [Node("cell", RNNCell(hidden_size=32), (Ref("input"), Ref("state")), "cell")]
    cache = cache_of(Network("rnn", {"input": (16,), "state": (32,)}, nodes))
    assert cache.at(1) == cache.at(1_000) == 32 * 4


@pytest.mark.parametrize(
    ("layer", "state"),
    # Two layers of 32 units: the last states, and those of an LSTM's cells, 4 bytes each.
    [
        (RNN(hidden_size=32, num_layers=2), 2 * 32 * 4),
        (GRU(hidden_size=32, num_layers=2), 2 * 32 * 4),
        (LSTM(hidden_size=32, num_layers=2), (2 * 32 + 2 * 32) * 4),
        (LSTM(hidden_size=32, num_layers=2, proj_size=8), (2 * 8 + 2 * 32) * 4),
    ],
)
def test_a_recurrent_layer_remembers_its_states_and_not_what_it_put_out(layer: Layer, state: int) -> None:
    cache = cache_of(chain((10, 16), layer))
    assert cache.at(1) == cache.at(1_000) == state


def test_a_layer_that_reads_from_both_ends_remembers_nothing() -> None:
    with pytest.raises(UsageError, match="remembers nothing"):
        cache_of(chain((10, 16), GRU(hidden_size=32, bidirectional=True)))


def test_a_network_that_remembers_nothing_has_no_cache() -> None:
    with pytest.raises(UsageError, match="lenet5 remembers nothing"):
        cache_of(archscope.load("lenet5"))


@pytest.mark.parametrize("way", [{}, {"optimizer": "adam"}, {"optimizer": "sgd", "foreach": True}], ids=str)
@pytest.mark.parametrize("name", ["lenet5", "mixtral", "resnet-cifar@20", "lstm-lm@small"])
def test_who_held_what_adds_up_to_the_fullest_moment_by_kind(name: str, way: dict[str, object]) -> None:
    held = memory(archscope.load(name), 3, **way)  # type: ignore[arg-type]
    kinds = {kind: sum(size for _, each, size in held.holders if each == kind) for kind in held.peak.most.held}
    assert kinds == dict(held.peak.most.held)


def test_who_held_what_is_of_the_moment_that_is_told_where_of_a_phase_its_ends_are_known() -> None:
    ledger = Ledger()
    ledger.begin("forward")
    ledger.layer = "a"
    kept = ledger.take(100, "values")
    ledger.begin("backward")
    ledger.layer = "b"
    more = ledger.take(50, "passing")
    ledger.drop(kept)
    ledger.drop(ledger.take(500, "temporary"))
    ledger.ends_alone()
    assert (ledger.peak.total, ledger.owners) == (100, {("a", "values"): 100})
    ledger.take(70, "gradients")
    assert (ledger.peak.total, ledger.owners) == (120, {("b", "passing"): 50, ("", "gradients"): 70})
    ledger.drop(more)
    ledger.begin("optimizer step")
    assert (ledger.peak.total, ledger.owners) == (70, {("", "gradients"): 70})


def test_what_is_less_than_nothing_without_a_sample_grows_as_evenly() -> None:
    assert _growing(lambda batch: [5 * batch - 3, 7, 2 * batch + 1], evenly=True) == {(7, 5), (7, 0), (5, 2)}
