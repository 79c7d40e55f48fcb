"""The field probe and the rules say the same of random networks, or the probe says that it cannot see."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

import archscope
from archscope.errors import ArchscopeError
from archscope.layers import TYPES, Layer
from archscope.network import Network, Node, Ref
from archscope.oracles import Verdict, verify
from archscope.oracles.findings import Finding

NEEDED: dict[str, dict[str, Any]] = {"lrn": {"size": 3}, "threshold": {"threshold": 0.1, "value": 2.0}}
"""Options that a type cannot do without."""
# A gate of halves and a maximum of pieces leave another shape than they take.
GATES = ("glu", "geglu", "reglu", "swiglu", "maxout", "softmax2d")
ACTIVATIONS = sorted(each.type for each in TYPES.values() if each.family == "activation" and each.type not in GATES)


def each_axis(drawing: random.Random, axes: int, *values: int) -> tuple[int, ...]:
    return tuple(drawing.choice(values) for _ in range(axes))


def windowed(drawing: random.Random, axes: int) -> Layer:
    """A layer with windows: any kernel, stride, dilation, padding and way of rounding."""
    kind = drawing.choice(("conv", "conv", "max_pool", "max_pool", "avg_pool", "zero_pad", "subsampling", "slice"))
    if kind == "slice":
        return TYPES["slice"](dim=drawing.randint(0, axes), start=drawing.randint(0, 2), step=drawing.choice((1, 1, 2)))
    kernel = each_axis(drawing, axes, 1, 2, 3, 3, 5)
    options: dict[str, Any] = {"kernel_size": kernel, "stride": each_axis(drawing, axes, 1, 1, 2, 3, 4)}
    if kind == "zero_pad":
        return TYPES[f"zero_pad{axes}d"](padding=tuple(drawing.randrange(3) for _ in range(2 * axes)))
    if kind == "subsampling" and axes == 2:
        return TYPES["subsampling"](**options)
    pooling = kind.endswith("pool")
    most = [size // 2 if pooling else size for size in kernel]
    options["padding"] = drawing.choice((
        "same", [drawing.randint(0, each) for each in reversed(most) for _ in range(2)], 0,
    ))  # fmt: skip
    if kind != "avg_pool":
        options["dilation"] = each_axis(drawing, axes, 1, 1, 1, 2, 3)
    if pooling:
        options["ceil_mode"] = drawing.random() < 0.6
        return TYPES[f"{kind}{axes}d"](**options)
    return TYPES[f"conv{axes}d"](out_channels=4, groups=drawing.choice((1, 2, 4)), **options)


def pointwise(drawing: random.Random) -> Layer:
    kind = drawing.choice((*ACTIVATIONS, "batch_norm", "lrn", "dropout"))
    return TYPES[kind](**NEEDED.get(kind, {}))


def random_network(seed: int) -> Network:
    """A chain of windows and activations with branches that are added, multiplied or joined."""
    drawing = random.Random(seed)
    axes = drawing.choice((1, 2, 2, 2, 3))
    side = {1: 60, 2: 36, 3: 14}[axes]
    grid = tuple(drawing.randint(side // 2, side) for _ in range(axes))
    larger = tuple(each + drawing.choice((0, 0, 2)) for each in grid)
    inputs = {"input": (4, *grid)} if seed % 3 else {"input": (4, *grid), "other": (4, *larger)}
    nodes: list[Node] = []
    ends = [*inputs]
    wanted = drawing.randint(3, 9)
    for _ in range(6 * wanted):
        if len(nodes) == wanted:
            break
        name, kind = f"n{len(nodes)}", drawing.random()
        if kind < 0.3 and len(ends) > 1:
            layer: Layer = TYPES[drawing.choice(("add", "multiply", "concat", "crop"))]()
            sources = drawing.sample(ends[-4:], 2)
        else:
            layer = pointwise(drawing) if kind < 0.5 else windowed(drawing, axes)
            sources = [drawing.choice(ends[-2:])]
        node = Node(name, layer, tuple(Ref(each) for each in sources), name)
        try:
            Network("random", inputs, [*nodes, node])
        except ArchscopeError:
            continue
        nodes.append(node)
        ends.append(name)
    if not nodes:
        return random_network(seed + 100_000)
    return Network("random", inputs, nodes, tuple(Ref(each.name) for each in nodes))


def test_what_two_inputs_hand_on_is_seen_together() -> None:
    # The pair is added: in the middle 3 taps see pixels 5–7 of one image, 7 taps 3–9 of the other.
    shapes = {"left": (1, 12, 12), "right": (1, 12, 12)}
    near = Node("near", TYPES["conv2d"](out_channels=2, kernel_size=3, padding=1), (Ref("left"),), "near")
    far = Node("far", TYPES["conv2d"](out_channels=2, kernel_size=7, padding=3), (Ref("right"),), "far")
    both = Node("both", TYPES["add"](), (Ref("near"), Ref("far")), "both")
    network = Network("pair", shapes, [near, far, both])
    assert archscope.analyze(network)["both"].receptive_field == (7, 7)
    found = {each.layer: each for each in judged(network)}
    assert {each.verdict for each in found.values()} == {Verdict.AGREES}
    assert found["both"].theirs == "0–3 × 0–3; 3–9 × 3–9; 8–11 × 8–11"


def test_an_image_beside_a_vector_is_probed_too() -> None:
    shapes = {"image": (3, 9, 9), "label": (5,)}
    conv = Node("conv", TYPES["conv2d"](out_channels=2, kernel_size=3), (Ref("image"),), "conv")
    word = Node("word", TYPES["linear"](out_features=2), (Ref("label"),), "word")
    found = {each.layer: each.verdict for each in judged(Network("beside", shapes, [conv, word]))}
    assert found == {"conv": Verdict.AGREES, "word": Verdict.NOT_COVERED}


def judged(network: Network) -> tuple[Finding, ...]:
    return verify(network, ["field"]).findings


@pytest.mark.parametrize("block", range(6))
def test_rule_and_probe_agree_on_random_networks_or_the_probe_says_that_it_cannot_see(block: int) -> None:
    found: Counter[Verdict] = Counter()
    reasons = set()
    for seed in range(50 * block, 50 * block + 50):
        network = random_network(seed)
        lost = {each.name for each in archscope.analyze(network).rows if each.seen is None}
        for each in judged(network):
            assert each.verdict is not Verdict.DIFFERS, f"seed {seed}: {each.sentence}\n{network.nodes}"
            if each.layer not in lost:
                found[each.verdict] += 1
                reasons.add(each.why if each.verdict is Verdict.NOT_COVERED else "")
    assert reasons == {""}, "no layer type that comes along blinds the probe"
    assert found[Verdict.AGREES] > 100


def chain(shape: tuple[int, ...], *layers: Layer) -> Network:
    names = ["input", *(f"n{place}" for place in range(len(layers)))]
    nodes = [Node(own, layer, (Ref(above),), own) for above, own, layer in zip(names, names[1:], layers, strict=False)]
    return Network("chain", {"input": shape}, nodes)


def test_a_window_that_hangs_over_its_own_map_ends_where_the_map_ends() -> None:
    # Three windows of 3, 4 apart, see pixels 0–2, 4–6 and 8–10; pixel 11 is seen by none, so by no pooling either.
    conv = TYPES["conv2d"](out_channels=1, kernel_size=3, stride=4)
    pool = TYPES["max_pool2d"](kernel_size=2, stride=2, ceil_mode=True)
    found = judged(chain((1, 12, 12), conv, pool))
    assert [each.verdict for each in found] == [Verdict.AGREES] * 2
    assert found[1].theirs.split("; ")[-1] == "8–10 × 8–10"


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_no_activation_blinds_the_probe_however_many_stand_in_a_chain(kind: str) -> None:
    conv = TYPES["conv1d"](out_channels=8, kernel_size=3)
    found = judged(chain((8, 61), *[conv, TYPES[kind](**NEEDED.get(kind, {}))] * 30))
    assert {each.verdict for each in found} == {Verdict.AGREES}
    assert found[-1].theirs == "0–60"


def test_a_probe_that_cannot_see_says_so_and_where() -> None:
    conv = TYPES["conv1d"](out_channels=8, kernel_size=3)
    flat = TYPES["hardtanh"](min_val=1000.0, max_val=1001.0)
    found = judged(chain((8, 20), conv, flat, conv))
    assert [each.verdict for each in found] == [Verdict.AGREES, Verdict.NOT_COVERED, Verdict.NOT_COVERED]
    assert found[2].why == "at `n1` hardtanh passes no gradient on for any input that the probe tries"


def test_a_field_that_is_said_too_small_too_large_or_elsewhere_differs_under_ceil_mode_and_padding() -> None:
    conv = TYPES["conv2d"](out_channels=1, kernel_size=3, stride=4, padding=1)
    network = chain((1, 29, 29), conv, TYPES["max_pool2d"](kernel_size=2, stride=2, ceil_mode=True))
    for change in ({"kernel": 4}, {"kernel": 2}, {"padding": 2}, {"stride": 3}, {"dilation": 2}):
        facts = network.facts["n0"]
        windows = tuple(each.replace(**change) for each in facts.windows or ())
        wrong = network.replace(facts={**network.facts, "n0": facts.replace(windows=windows)})
        assert {each.verdict for each in judged(wrong)} == {Verdict.DIFFERS}, change
    assert {each.verdict for each in judged(network)} == {Verdict.AGREES}


def test_a_large_network_is_probed_at_a_sample_that_the_seconds_fix() -> None:
    convs = [TYPES["conv2d"](out_channels=2, kernel_size=3, padding=1)] * 12
    network = chain((2, 64, 64), *convs)

    def looked_at(seconds: float) -> list[str | None]:
        found = verify(network, ["field"], seconds=seconds, clock=lambda: 0.0).findings
        agreeing = sum(each.verdict is Verdict.AGREES for each in found)
        why = f"a large network is probed at {agreeing} of its 12 layers with a grid"
        assert {each.why for each in found if each.verdict is Verdict.NOT_COVERED} <= {why}
        return [each.layer for each in found if each.verdict is Verdict.AGREES]

    assert len(looked_at(60)) == 12
    few = looked_at(0.1)
    assert 1 <= len(few) < 12
    assert few[-1] == "n11"
    assert few == looked_at(0.1)
