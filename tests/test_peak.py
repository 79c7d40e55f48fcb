"""The most memory that values take at once, and what weights and activations take."""

from __future__ import annotations

from archscope import analyze
from archscope.layers import (
    Add,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
)
from archscope.network import Network, Node, Ref
from tests.small import chain, of

# Layer: parameters, connections (lecun1998 and dlip2023, both checked by hand).
LENET5 = {
    "C1": (156, 122_304), "S2": (12, 5_880), "C3": (1_516, 151_600), "S4": (32, 2_000), "C5": (48_120, 48_120),
    "F6": (10_164, 10_164), "OUTPUT": (850, 850),
}  # fmt: skip


# Layer: parameters, MACs, MACs in bounds, units (of both towers together).
def peak(nodes: list[Node], *shape: int) -> int:
    return analyze(Network("memory", {"input": shape}, nodes)).peak_activation_bytes("int8")


def test_peak_memory_of_lenet5_is_c1_being_squashed() -> None:
    # 28·28·6 = 4,704 values of C1, as many times the slope, as many squashed; the image of 1,024 is gone by then.
    assert of("lenet5").peak_activation_bytes() == 3 * 4_704 * 4
    assert of("lenet5").peak_activation_bytes("float16", batch=10) == 3 * 4_704 * 2 * 10


def test_peak_memory_of_alexnet_is_a_tower_being_normalized_while_the_other_waits() -> None:
    # Both towers' conv1 of 55·55·48 = 145,200, and of the one the mean of squares, that scaled, that shifted.
    assert of("alexnet").peak_activation_bytes() == (2 + 3) * 145_200 * 4


def test_peak_memory_of_a_network_of_plain_layers_is_what_one_reads_and_makes() -> None:
    # 224·224·3 = 150,528 pixels are gone when 55·55·64 = 193,600 values are rectified.
    assert of("alexnet-torchvision").peak_activation_bytes() == 2 * 193_600 * 4


def test_a_value_lives_until_its_last_reader() -> None:
    nodes = chain(Linear(out_features=10), Linear(out_features=20), Linear(out_features=10))
    nodes.append(Node("sum", Add(), (Ref(nodes[0].name), Ref(nodes[2].name)), "sum"))
    # While layer 2 runs: 10 kept for the sum, 20 read, 10 made.
    assert peak(nodes, 5) == 10 + 20 + 10


def test_a_value_nobody_waits_for_is_gone() -> None:
    assert peak(chain(Linear(out_features=10), Linear(out_features=20), Linear(out_features=10)), 5) == 20 + 10


def test_views_take_no_memory_and_keep_what_they_look_at() -> None:
    nodes = chain(Conv2d(out_channels=3, kernel_size=1), Flatten(), Dropout(), Linear(out_features=4))
    # 4 pixels in, 12 values; flatten and dropout are the same 12; then 4 more.
    assert peak(nodes, 1, 2, 2) == max(4 + 12, 12 + 4)
    nodes.append(Node("sum", Concat(), (Ref(nodes[3].name), Ref(nodes[1].name)), "sum"))
    assert peak(nodes, 1, 2, 2) == 12 + 4 + 16


def test_a_network_output_is_kept_to_the_end() -> None:
    nodes = chain(Linear(out_features=50), Linear(out_features=2), Linear(out_features=30))
    network = Network("two", {"input": (5,)}, nodes, outputs=(Ref(nodes[0].name), Ref(nodes[2].name)))
    assert analyze(network).peak_activation_bytes("int8") == 50 + 2 + 30


def test_weights_are_as_many_bytes_as_their_type_says() -> None:
    assert of("lenet5-1998").weight_bytes() == (60_000 + 840) * 4
    assert of("lenet5-1998").weight_bytes("float64") == (60_000 + 840) * 8


def test_the_outputs_of_a_layer_are_its_activation_bytes() -> None:
    assert of("lenet5")["C1"].activation_bytes() == 28 * 28 * 6 * 4
    assert of("alexnet")["conv1"].activation_bytes("float16") == 55 * 55 * 96 * 2


# ── towers, tied weights, several outputs ─────────────────────────────────────────────────────────────────────────
