"""After the forward pass: weights, optimizer's state, saved and output are all, in numbers and as formulas."""

from __future__ import annotations

import random
from typing import Final

import pytest

import archscope
from archscope.formulas import at, opened
from archscope.layers import (
    GELU,
    Add,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    LayerNorm,
    Linear,
    MaxPool2d,
    MultiheadAttention,
    ReLU,
    Tanh,
)
from archscope.memory import after_forward, memory, per_layer
from archscope.network import Network, Node, Ref
from archscope.symbols import Symbolic


def stacked(seed: int) -> Network:
    """A network of layers drawn at random: maps first, then vectors, or a sequence all the way."""
    chance = random.Random(seed)
    if seed % 3 == 0:
        shape: tuple[int, ...] = (chance.randint(2, 6), 16)
        makes = (lambda: MultiheadAttention(num_heads=4, causal=chance.random() < 0.5), lambda: LayerNorm(
            normalized_shape=16), lambda: Linear(out_features=16), GELU, lambda: Dropout(p=0.3))  # fmt: skip
        tail: list[object] = []
    else:
        shape = (chance.randint(1, 3), 12, 12)
        makes = (lambda: Conv2d(out_channels=chance.randint(1, 5), kernel_size=3, padding=1), BatchNorm, ReLU, Tanh,
                 lambda: Dropout(p=0.3))  # fmt: skip
        tail = [chance.choice((MaxPool2d, AvgPool2d))(kernel_size=2), Flatten(), Linear(out_features=5)]
    nodes: list[Node] = []
    for number in range(chance.randint(2, 7)):
        before = nodes[-1].name if nodes else "input"
        nodes.append(Node(f"l{number}", chance.choice(makes)(), (Ref(before),), f"l{number}"))
        if seed % 3 == 0 and chance.random() < 0.4:
            nodes.append(Node(f"a{number}", Add(), (Ref(before), Ref(nodes[-1].name)), f"a{number}"))
    for number, layer in enumerate(tail):
        nodes.append(Node(f"t{number}", layer, (Ref(nodes[-1].name),), f"t{number}"))  # type: ignore[arg-type]
    return Network("stacked", {"input": shape}, nodes)


@pytest.mark.parametrize("seed", range(60))
def test_after_forward_is_weights_state_saved_and_output(seed: int) -> None:
    network, batch = stacked(seed), seed % 4 + 1
    held = memory(network, batch, optimizer="adam")["forward"].after
    weights = sum(4 * int(each.values) for node in network.nodes for each in network.facts[node.name].weights)
    trained = [4 * int(each.values) for node in network.nodes for each in network.facts[node.name].weights
               if each.trainable]  # fmt: skip
    assert held.held["weights"] == weights
    assert held.held["state"] == sum(2 * size + 4 for size in trained)
    assert held.held["gradients"] == held.held["passing"] == held.held["temporary"] == 0
    output = 4 * batch * int(archscope.layers.base.values_in(network.shape_of(network.outputs[0])))
    read = 4 * batch * int(archscope.layers.base.values_in(network.inputs["input"]))
    # An output that is saved is not beside that, and an input that nothing saved is.
    assert held.held["values"] in {0, output, read, output + read}
    assert held.total == weights + held.held["state"] + held.held["saved"] + held.held["values"]


@pytest.mark.parametrize("seed", range(0, 60, 4))
def test_the_tracker_counts_the_same_for_layers_stacked_at_random(seed: int) -> None:
    from archscope.oracles.memory import tracked

    network, batch = stacked(seed), seed % 3 + 2
    found = memory(network, batch, optimizer="momentum", as_tracked=True)
    trained = any(each.trainable for node in network.nodes for each in network.facts[node.name].weights)
    if not trained:
        pytest.skip("an optimizer wants something to train")
    assert {each.name: (each.after.total, each.most.total) for each in found.phases} == tracked(
        network, batch, "momentum"
    )


@pytest.mark.parametrize(
    ("name", "symbols"),
    [("lenet5", ["batch"]), ("alexnet", ["resolution"]), ("gpt2@small", ["length"]), ("lenet5", ["height", "batch"]),
     ("transformer@base", ["source.length", "target.length"]), ("vit@b16", ["batch"]), ("googlenet", ["batch"])],
)  # fmt: skip
def test_a_formula_of_what_is_saved_gives_what_a_run_gives_at_another_size(name: str, symbols: list[str]) -> None:
    network = archscope.load(name)
    made, ground = opened(network, symbols)
    held = after_forward(made, optimizer="adam")
    values = {each: known.modulus * (known.here + 3) + known.rest for each, known in ground.ranges.items()}
    plain = after_forward(at(network, values), optimizer="adam")
    for kind in ("weights", "state", "saved", "values", "total"):
        formula = getattr(held, kind)
        found = formula.at(**values) if isinstance(formula, Symbolic) else int(formula)
        assert found == int(getattr(plain, kind)), kind


def test_gpt2_saves_no_more_than_the_length_asks_for() -> None:
    # Fused attention keeps no scores: what is saved is linear in the length, while the products are not.
    analysis = archscope.analyze(archscope.load("gpt2@small")).symbolic("length")
    assert str(analysis.held().saved) == "596,752·length"
    assert str(analysis.totals.macs) == "18,432·length² + 123,532,032·length"


def test_saved_bytes_of_layers_and_of_the_input_are_the_saved_bytes_of_the_network() -> None:
    network = archscope.load("lenet5")
    layers = per_layer(network)
    of_layers = sum(each.saved_bytes for each in layers.values() if each is not None)
    assert of_layers + 4 * 32 * 32 == memory(network, optimizer="sgd")["forward"].after.held["saved"]


LENET_TODAY: Final = """
    input: [1, 28, 28]
    layers:
      c1: {type: conv2d, out_channels: 6, kernel_size: 5, padding: 2, activation: relu}
      s2: {type: avg_pool2d, kernel_size: 2}
      c3: {type: conv2d, out_channels: 16, kernel_size: 5, activation: relu}
      s4: {type: avg_pool2d, kernel_size: 2}
      flatten: {type: flatten}
      c5: {type: linear, out_features: 120, activation: relu}
      f6: {type: linear, out_features: 84, activation: relu}
      output: {type: linear, out_features: 10}
    """


def test_lenet_as_most_write_it_today_holds_two_and_a_half_megabytes() -> None:
    # 28×28 padded by 2, averages instead of maxima, which note no places: per image 784 + 4,704 + 1,176 + 1,600 +
    # 400 + 120 + 84 values are saved, 64·8,868·4 bytes. The spec reads 32×32 and takes maxima: 3,138,560.
    network = archscope.load("lenet5-pytorch")
    held = memory(archscope.read(LENET_TODAY), 64, optimizer="sgd")["forward"].after.held
    assert (held["weights"], held["saved"], held["values"]) == (246_824, 64 * 8_868 * 4, 64 * 10 * 4)
    assert held["saved"] == 2_270_208
    assert memory(network, 64, optimizer="sgd")["forward"].after.held["saved"] == 3_138_560


def test_alexnet_without_the_pooling_that_changes_nothing_saves_a_little_less() -> None:
    # torchvision's `avgpool` makes 6×6 of 6×6 and keeps its input for that: 16·9,216·4 bytes.
    network = archscope.load("alexnet-torchvision")
    held = memory(network, 16, optimizer="adam")["forward"].after.held
    assert held["saved"] - 16 * 9_216 * 4 == 59_269_120
    assert held["weights"] + 59_269_120 + held["values"] == 303_736_480


def test_a_backward_pass_from_a_sum_holds_as_much_less_as_the_gradient_that_it_begins_with() -> None:
    # `output.sum().backward()` begins with a number that is repeated: MemTracker says 545,403,976 and 1,951,143,368,
    # 8 of them for the sum and its gradient. With a gradient of the output from outside, 16·1,000·4 bytes, it is those.
    network = archscope.load("alexnet-torchvision")
    for batch, optimizer, layer, most in ((16, "sgd", "conv2", 545_403_976), (256, "adam", "conv5", 1_951_143_368)):
        peak = memory(network, batch, optimizer=optimizer).peak
        assert (peak.name, peak.most.layer, peak.most.total) == ("backward", layer, most)
        given = memory(network, batch, optimizer=optimizer, loss="none").peak
        assert (given.name, given.most.total) == ("backward", most - 8 + batch * 1_000 * 4)
