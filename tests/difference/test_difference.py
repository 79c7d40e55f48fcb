"""Gaps add up exactly, names do not matter, wiring does, and what is written in another way is the same."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest

import archscope
from archscope.difference import QUANTITIES, Difference, difference
from archscope.errors import UsageError
from archscope.network import Network, Node, Ref
from archscope.reader import read, spec_names

Changes = tuple[str, ...]


def between(first: str, second: str) -> Difference:
    return difference(read(first, name="first"), read(second, name="second"))


def test_the_tutorials_lenet_has_856_parameters_more_and_each_has_its_reason() -> None:
    found = difference(archscope.load("lenet5"), archscope.load("lenet5-pytorch"))
    # C3: (5·5·6 + 1)·16 − (5·5·60 + 16) = 2,416 − 1,516; S2: 2·6; S4: 2·16.
    assert (
        found.sums["parameters"] == "61,706 − 60,850 = 900 (C3 is fully connected) − 12 (S2) − 32 (S4 carry no weights)"
    )
    assert found.sums["macs"] == "416,520 − 326,520 = 90,000 (C3 is fully connected)"


def _members() -> list[str]:
    """Networks of moderate size with a convolution, which any two of them have in common."""
    left_out = ("densenet", "gpt2", "transformer", "autoencoder")
    return [name for name in spec_names(variants=True) if not name.startswith(left_out)]


@pytest.mark.parametrize("seed", range(15))
def test_the_parts_of_a_gap_add_up_to_it_whatever_two_networks_are_compared(seed: int) -> None:
    a, b = random.Random(seed).sample(_members(), 2)
    found = difference(archscope.load(a), archscope.load(b))
    assert found.sums  # spelled only if the parts are exactly the gap
    for quantity, terms in found.terms.items():
        cost = found.totals[quantity]
        assert sum(term.value for term in terms) == cost.gap == int(cost.after or 0) - int(cost.before or 0)


def test_parts_that_do_not_add_up_are_no_sum() -> None:
    from archscope.difference.sums import Term, spell_sum

    with pytest.raises(ArithmeticError, match="the parts of Parameters are"):
        spell_sum("Parameters", 10, 4, [Term(5, 1, "x")])


@pytest.mark.parametrize("pair", [("lenet5", "lenet5-keras"), ("vgg@D", "vgg@E"), ("resnet@18", "resnet@34")])
def test_the_other_way_round_every_gap_is_the_opposite(pair: tuple[str, str]) -> None:
    one, other = (archscope.load(name) for name in pair)
    there, back = difference(one, other), difference(other, one)
    assert {name: cost.gap for name, cost in there.totals.items()} == {
        name: None if cost.gap is None else -cost.gap for name, cost in back.totals.items()
    }
    assert there.alike == back.alike


@pytest.mark.parametrize("name", [each for each in spec_names() if not each.startswith("densenet")])
def test_a_network_is_itself(name: str) -> None:
    network = archscope.load(name)
    assert difference(network, network).same


def renamed(network: Network, name: Callable[[str], str]) -> Network:
    """The same network under other names."""
    names = {each.name: name(each.name) for each in network.nodes}
    rows = {each.row: name(each.row) for each in network.nodes}

    def ref(each: Ref) -> Ref:
        return each.replace(node=names.get(each.node, each.node))

    nodes = [
        Node(names[each.name], each.layer, tuple(map(ref, each.inputs)), rows[each.row], tower=each.tower,
             shares=None if each.shares is None else names[each.shares], folded=each.folded)
        for each in network.nodes
    ]  # fmt: skip
    return Network(
        "renamed", network.inputs, nodes, tuple(map(ref, network.outputs)), vocabularies=network.vocabularies
    )


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "resnet@18", "googlenet", "unet", "gpt2@small"])
def test_names_do_not_matter(name: str) -> None:
    network = archscope.load(name)
    count = itertools.count()
    found = difference(network, renamed(network, lambda _: f"x{next(count)}"))
    assert found.same, [item.phrases for item in found.items]


RESIDUAL = """
input: [8, 6, 6]
layers:
  stem: {{type: conv2d, out_channels: 8, kernel_size: 1}}
{body}
  out: {{type: linear, out_features: 2, from: flat}}
"""


def residual(*lines: str) -> str:
    body = "\n".join(f"  {line}" for line in lines)
    return RESIDUAL.replace("{{", "{").replace("}}", "}").replace("{body}", body)


A = "a: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1, from: stem, activation: relu}"
B = "b: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1, from: a}"
SHORT = "short: {type: conv2d, out_channels: 8, kernel_size: 1, from: stem}"
SUM = "sum: {type: add, from: [b, short]}"
FLAT = "flat: {type: flatten, from: sum}"


def test_the_order_in_which_branches_are_written_does_not_matter() -> None:
    assert between(residual(A, B, SHORT, SUM, FLAT), residual(SHORT, A, B, SUM, FLAT)).same
    swapped = SUM.replace("[b, short]", "[short, b]")
    assert between(residual(A, B, SHORT, SUM, FLAT), residual(A, B, SHORT, swapped, FLAT)).same


def test_a_skip_from_the_wrong_place_is_found_although_every_number_is_the_same() -> None:
    wrong = SHORT.replace("from: stem", "from: a")
    found = between(residual(A, B, SHORT, SUM, FLAT), residual(A, wrong, B, SUM, FLAT))
    assert [(item.kind, item.names, item.phrases) for item in found.items] == [
        ("rewired", "short", ("reads a instead of stem",))
    ]
    assert not any(cost.gap for cost in found.totals.values())


def test_what_is_put_in_between_does_not_rewire_its_neighbours() -> None:
    norm = "norm: {type: batch_norm, from: b}"
    found = between(residual(A, B, SHORT, SUM, FLAT), residual(A, B, norm, SHORT, SUM.replace("[b,", "[norm,"), FLAT))
    # What b makes is kept now, because the norm needs it; nobody reads from elsewhere.
    assert [(item.kind, item.names) for item in found.items] == [("added", "norm"), ("follows", "b")]
    assert found.items[1].cost("saved_bytes").gap == 8 * 6 * 6 * 4


def test_an_output_that_is_taken_from_another_layer_is_found() -> None:
    layers = (
        "layers: {a: {type: linear, out_features: 4}, b: {type: relu}, c: {type: linear, out_features: 4, from: a}}"
    )
    texts = [f"input: [4]\noutput: [{names}]\n{layers}" for names in ("b, c", "c, b")]
    found = between(*texts)
    assert found.items[0].names == "the output"
    assert found.items[0].phrases == ("taken from c and b instead of b and c",)


@pytest.mark.parametrize(
    ("first", "second", "phrases"),
    [
        ("{type: conv2d, out_channels: 4, kernel_size: 3, padding: same}",
         "{type: conv2d, out_channels: 4, kernel_size: 3, padding: 1}", []),
        ("{type: conv2d, out_channels: 4, kernel_size: 3, padding: 1}",
         "{type: conv2d, out_channels: 4, kernel_size: 3, padding: 1, bias: false}", ["no bias instead of a bias"]),
        ("{type: max_pool2d, kernel_size: 2}", "{type: max_pool2d, kernel_size: 2, stride: 2}", []),
        ("{type: max_pool2d, kernel_size: 2}", "{type: avg_pool2d, kernel_size: 2}",
         ["an average pool 2×2 /2 instead of a max pool 2×2 /2"]),
        ("{type: lrn, size: 5}", "{type: lrn, size: 5, alpha: 0.001}", ["`alpha` 0.001 instead of 0.0001"]),
        ("{type: batch_norm, activation: relu}",
         "{type: batch_norm, activation: {type: leaky_relu, negative_slope: 0.2}}",
         ["leaky_relu, negative_slope 0.2 instead of relu"]),
    ],
)  # fmt: skip
def test_options_are_compared_by_what_they_mean(first: str, second: str, phrases: list[str]) -> None:
    spec = "input: [2, 6, 6]\nlayers:\n  a: LAYER\n"
    found = between(spec.replace("LAYER", first), spec.replace("LAYER", second))
    changed = [item for item in found.items if item.kind not in ("follows", "rest")]
    assert [phrase for item in changed for phrase in item.phrases] == phrases


def test_an_activation_on_a_line_of_its_own_is_that_of_the_layer_before() -> None:
    first, last = "{type: linear, out_features: 4, activation: relu}", "{type: linear, out_features: 2}"
    spec = f"input: [4]\nlayers:\n  a: {first}\n  b: {last}\n"
    apart = spec.replace(", activation: relu}", "}\n  r: {type: relu}")
    assert between(spec, apart).same


def test_a_head_that_is_tied_says_whose_weights_it_uses() -> None:
    tied = (
        "input: {tokens: [8]}\nlayers:\n  e: {type: embedding, num_embeddings: 10, embedding_dim: 4}\n"
        "  head: {type: linear, out_features: 10, bias: false, shares: e}\n"
    )
    found = between(tied, tied.replace(", shares: e", ""))
    assert [item.phrases for item in found.items] == [("has weights of its own instead of those of e",)]
    assert found.sums["parameters"] == "80 − 40 = 40 (head has weights of its own)"


def test_a_block_that_only_one_has_is_told_as_a_block() -> None:
    found = difference(archscope.load("resnet@18"), archscope.load("resnet@34"))
    (item,) = found.items
    assert (item.kind, item.names, item.changes[0].label) == (
        "added",
        "conv2–5.2, conv3–4.3 and conv4.4–5",
        "block `basic`",
    )
    # A basic block of 64 channels: two convolutions of 3·3·64·64 and two norms of 2·64.
    assert item.changes[0].costs["parameters"].after == 2 * 3 * 3 * 64 * 64 + 2 * 2 * 64


def test_a_figure_that_is_another_networks_is_told() -> None:
    found = difference(archscope.load("vit@l16"), archscope.load("vit@l32"))
    assert found.published == (
        (
            "dosovitskiy2021, Table 1, prints 307M parameters for vit@l16, which has 304,326,632: "
            "that is what vit@l32 has, 306,535,400."
        ),
    )


def test_networks_with_nothing_in_common_are_refused() -> None:
    with pytest.raises(UsageError, match="first and second have nothing in common"):
        between("input: [4]\nlayers: {a: {type: linear, out_features: 2}}", "input: [4]\nlayers: {a: {type: softmax}}")


def test_numbers_that_are_not_covered_are_never_zero() -> None:
    found = difference(archscope.load("gpt2@small"), archscope.load("gpt2@small", changes=["let.vocabulary=100"]))
    assert found.totals["connections"].gap is None
    assert "connections" not in found.sums
    assert "a look-up selects weights" in found.reasons["connections"]


def test_very_large_networks_are_laid_side_by_side_by_what_is_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    from archscope.difference import alignment

    monkeypatch.setattr(alignment, "LARGEST", 400)
    found = difference(archscope.load("resnet@18"), archscope.load("resnet@34"))
    assert sum(term.value for term in found.terms["parameters"]) == 21_797_672 - 11_689_512
    assert found.alike >= 40


def test_every_quantity_has_a_total() -> None:
    found = difference(archscope.load("lenet5"), archscope.load("lenet5-1998"))
    assert {*found.totals} == {*QUANTITIES}
