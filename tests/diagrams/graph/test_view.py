"""What a graph shows: everything once, whatever is absorbed, folded or collapsed."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

import archscope
from archscope.analysis import Analysis
from archscope.diagrams.graph.view import MOST_NODES, Frame, Node, View, view_of
from archscope.network import Network, Ref
from tests.diagrams.branching import NETWORKS, Builder, resnet

SPECS = ["alexnet", "alexnet-torchvision", "lenet5"]
DEPTHS = [1, 2, "auto", "full"]


@cache
def analysis_of(name: str) -> Analysis:
    return archscope.analyze(NETWORKS[name]() if name in NETWORKS else archscope.load(name))


def names(view: View) -> list[str]:
    return [node.name for node in view.nodes]


def edges(view: View) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in view.edges}


def frames(frame: Frame) -> list[Frame]:
    inner = [child for child in frame.children if isinstance(child, Frame)]
    return [*inner, *(each for child in inner for each in frames(child))]


def node_of(view: View, layer: str) -> Node:
    return next(node for node in view.nodes if layer in node.layers)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", [*NETWORKS, *SPECS])
def test_every_layer_is_named_in_exactly_one_node(name: str, depth: int) -> None:
    analysis = analysis_of(name)
    shown = Counter(layer for node in view_of(analysis, depth=depth).nodes for layer in node.layers)
    network = analysis.network
    assert {layer: shown[layer] for layer in (*network.inputs, *network.by_name)} == dict.fromkeys(
        (*network.inputs, *network.by_name), 1
    )


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", [*NETWORKS, *SPECS])
def test_the_visible_parameters_add_up_to_the_total(name: str, depth: int) -> None:
    analysis = analysis_of(name)
    view = view_of(analysis, depth=depth)
    assert view.parameters == sum(int(row.parameters) for row in analysis.nodes)
    assert view.parameters == analysis.totals.parameters


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", [*NETWORKS, *SPECS])
def test_every_edge_of_the_network_is_shown_and_no_other(name: str, depth: int) -> None:
    """Followed here through the nodes that show the layers, without the tree that the view was made from."""
    analysis = analysis_of(name)
    view = view_of(analysis, depth=depth)
    home = {layer: node.id for node in view.nodes for layer in node.layers}
    joined = {
        (home[ref.node], home[node.name]) for node in analysis.network.nodes for ref in node.inputs
    }  # fmt: skip
    wanted = {(source, target) for source, target in joined if source != target}
    shown = {(source, target) for source, target in edges(view) if not target.startswith("output")}
    carried = wanted - shown
    assert shown <= wanted
    # What is not drawn goes from one copy of a folded block to the next: there is a way back, so it closes a ring.
    for source, target in carried:
        assert source in _reached(shown, target), f"{source} to {target} is missing"


def _reached(shown: set[tuple[str, str]], start: str) -> set[str]:
    seen, stack = {start}, [start]
    while stack:
        here = stack.pop()
        for source, target in shown:
            if source == here and target not in seen:
                seen.add(target)
                stack.append(target)
    return seen


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", [*NETWORKS, *SPECS])
def test_a_graph_has_no_ring_even_between_frames(name: str, depth: int) -> None:
    view = view_of(analysis_of(name), depth=depth)

    def acyclic(frame: Frame) -> None:
        home = {}
        for place, child in enumerate(frame.children):
            for node in [child] if isinstance(child, Node) else _nodes(child):
                home[node.id] = place
        for source, target in edges(view):
            if source in home and target in home:
                assert home[source] <= home[target]
        for child in frame.children:
            if isinstance(child, Frame):
                acyclic(child)

    acyclic(view.root)


def _nodes(frame: Frame) -> list[Node]:
    return [node for child in frame.children for node in ([child] if isinstance(child, Node) else _nodes(child))]


def test_lenet5_is_its_eight_layers_in_a_row() -> None:
    view = view_of(analysis_of("lenet5"))
    assert names(view) == ["input", "C1", "S2", "C3", "S4", "C5", "F6", "OUTPUT", "output"]
    assert view.nodes[1].lines == ("C1", "conv 5×5 · scaled tanh", "6×28×28 · 156 parameters")


def test_alexnets_towers_end_where_they_meet() -> None:
    view = view_of(analysis_of("alexnet"))
    towers = [(frame.name, [child.name for child in frame.children]) for frame in frames(view.root)]
    assert [name for name, _ in towers] == ["GPU 0", "GPU 1"] * 4
    assert [children for _, children in towers[::2]] == [
        ["conv1", "pool1", "conv2", "pool2"], ["conv3", "conv4", "conv5", "pool5"], ["fc6"], ["fc7"],
    ]  # fmt: skip
    assert node_of(view, "conv1.gpu0").lines[1] == "conv 11×11 /4 · ReLU · LRN"


def test_an_activation_that_two_layers_read_is_still_absorbed_but_its_producer_is_not_read_past_it() -> None:
    b = Builder("net", input=(4, 8, 8))
    conv = b.add("conv", "conv2d", "input", out_channels=4, kernel_size=3, padding=1)
    relu = b.add("relu", "relu", conv)
    b.add("add", "add", relu, relu)
    view = view_of(archscope.analyze(b.network()))
    assert node_of(view, "relu") is node_of(view, "conv")

    b = Builder("net", input=(4, 8, 8))
    conv = b.add("conv", "conv2d", "input", out_channels=4, kernel_size=3, padding=1)
    b.add("add", "add", b.add("relu", "relu", conv), conv)
    view = view_of(archscope.analyze(b.network()))
    assert node_of(view, "relu") is not node_of(view, "conv")


def test_an_activation_in_another_block_or_of_an_output_is_not_absorbed() -> None:
    b = Builder("net", input=(4,))
    linear = b.add("linear", "linear", "input", out_features=4)
    b.add("relu", "relu", linear, group=["head"])
    view = view_of(archscope.analyze(b.network()), depth="full")
    assert node_of(view, "head.relu") is not node_of(view, "linear")

    b = Builder("net", input=(4,))
    linear = b.add("linear", "linear", "input", out_features=4)
    relu = b.add("relu", "relu", linear)
    view = view_of(archscope.analyze(b.network(linear, relu)))
    assert node_of(view, "relu") is not node_of(view, "linear")
    assert names(view)[-2:] == ["output linear", "output relu"]


def test_resnet_50_is_forty_nodes_with_its_equal_blocks_folded() -> None:
    view = view_of(analysis_of("resnet"))
    assert len([node for node in view.nodes if node.kind == "layer"]) == 40
    assert [frame.name for frame in frames(view.root.children[3])] == ["0", "1–2 ×2"]
    assert node_of(view, "layer3.4.conv2") is node_of(view, "layer3.1.conv2")
    assert node_of(view, "layer3.0.conv2") is not node_of(view, "layer3.1.conv2")
    assert node_of(view, "layer1.0.downsample.0").name == "downsample.0"


def test_a_collapsed_block_says_how_often_it_stands_there_and_counts_as_often() -> None:
    view = view_of(analysis_of("resnet"), depth=2)
    block = node_of(view, "layer3.2.conv1")
    assert (block.name, block.copies, block.weight) == ("1–5", 5, 5)
    assert block.lines == ("1–5", "10 layers", "1024×14×14 · 1,117,184 parameters each")
    whole = node_of(view_of(analysis_of("resnet"), depth=1), "layer3.2.conv1")
    assert whole.lines == ("layer3", "62 layers", "1024×14×14 · 7,098,368 parameters")


def test_parallel_twins_are_never_folded() -> None:
    view = view_of(analysis_of("towers"))
    assert {node.copies for node in view.nodes} == {1}
    assert node_of(view, "conv1.gpu0") is not node_of(view, "conv1.gpu1")


def chain_of_blocks(between: str = "", *, widths: tuple[int, ...] = (8, 8, 8), shares: bool = False) -> Network:
    """Blocks of two linear layers in series; with ``between``, that layer also reads the first."""
    b = Builder("blocks", input=(8,))
    last, first = "input", ""
    for number, width in enumerate(widths):
        group = [f"block{number}"]
        tied = f"block{number - 1}.up" if shares and number else None
        last = b.add("up", "linear", last, group=group, out_features=width, shares=tied)
        last = b.add("down", "linear", last, group=group, out_features=8)
        first = first or last
    b.add(between or "end", "add" if between else "linear", *([last, first] if between else [last]),
          **({} if between else {"out_features": 2}))  # fmt: skip
    return b.network()


def copies(network: Network) -> list[int]:
    return [node.copies for node in view_of(archscope.analyze(network), depth=1).nodes if node.kind == "block"]


def test_blocks_fold_only_if_they_are_equal() -> None:
    assert copies(chain_of_blocks()) == [3]
    assert copies(chain_of_blocks(widths=(8, 8, 16, 16))) == [2, 2]
    assert copies(chain_of_blocks(widths=(8, 16, 8))) == [1, 1, 1]


def test_a_block_that_something_else_reads_is_not_folded_with_the_next() -> None:
    assert copies(chain_of_blocks("skip")) == [1, 2]


def test_a_block_with_borrowed_weights_is_not_equal_to_the_one_that_owns_them() -> None:
    assert copies(chain_of_blocks(shares=True)) == [1, 2]


def test_three_equal_layers_in_series_fold_and_two_do_not() -> None:
    def layers(count: int) -> list[str]:
        b = Builder("mlp", input=(8,))
        last = "input"
        for number in range(count):
            last = b.add(f"hidden{number}", "linear", last, out_features=8)
        return names(view_of(archscope.analyze(b.network())))[1:-1]

    assert layers(2) == ["hidden0", "hidden1"]
    assert layers(3) == ["hidden0–2"]


def test_folded_blocks_may_all_read_one_other_thing() -> None:
    view = view_of(analysis_of("decoder"))
    (block,) = [frame for frame in frames(view.root) if frame.copies > 1]
    assert block.name == "block0–3 ×4"
    assert ("memory", "block0.join") in edges(view)
    assert ("block0.mlp", "head") in edges(view)


def test_the_automatic_depth_is_the_deepest_with_at_most_forty_nodes() -> None:
    for blocks in ((3, 4, 6, 3), (3, 8, 36, 3)):
        assert view_of(archscope.analyze(resnet(blocks))).depth == 3
    b = Builder("wide", input=(8,))
    last = "input"
    for number in range(MOST_NODES):
        last = b.add("up", "linear", last, group=[f"block{number}"], out_features=8 + number)
        last = b.add("down", "linear", last, group=[f"block{number}"], out_features=8)
    assert view_of(archscope.analyze(b.network())).depth == 1


def test_a_skip_connection_is_an_edge_of_its_own() -> None:
    view = view_of(analysis_of("residual"))
    assert {("stem", "block1.conv1"), ("stem", "block1.add"), ("block1.conv2", "block1.add")} <= edges(view)


def test_what_is_shown_can_be_chosen() -> None:
    def lines(*show: str) -> tuple[str, ...]:
        return node_of(view_of(analysis_of("alexnet"), show=show), "conv1.gpu0").lines

    assert lines("name") == ("conv1",)
    assert lines("op") == ("conv · ReLU · LRN",)
    assert lines("kernel") == ("11×11",)
    assert lines("shape", "macs") == ("48×55×55 · 52,707,600 MACs",)
    assert lines() == ()


def test_a_depth_of_zero_is_refused() -> None:
    with pytest.raises(archscope.UsageError, match="a depth of 0 shows nothing; use 1 or more, or `full`"):
        view_of(analysis_of("lenet5"), depth=0)


def test_an_output_does_not_take_the_name_of_a_layer() -> None:
    b = Builder("net", input=(4,))
    b.add("output", "linear", "input", out_features=4)
    view = view_of(archscope.analyze(b.network()))
    assert [node.id for node in view.nodes] == ["input", "output", "output_"]


def test_a_second_output_of_a_layer_is_joined_to_who_reads_it() -> None:
    b = Builder("net", input=(10, 4))
    lstm = b.add("lstm", "lstm", "input", hidden_size=4)
    b.add("state", "linear", Ref(lstm, 1), out_features=2)
    assert ("lstm", "state") in edges(view_of(archscope.analyze(b.network())))


def test_a_layer_with_the_weights_of_another_says_whose() -> None:
    twins = archscope.read(
        "name: twins\ninput: {a: [4], b: [4]}\nlayers:\n  one: {type: linear, out_features: 3, from: a}\n"
        "  other: {type: linear, out_features: 3, from: b, shares: one}\n  sum: {type: add, from: [one, other]}\n"
    )
    lines = {node.name: node.lines for node in view_of(archscope.analyze(twins)).nodes}
    assert lines["one"][-1] == "3 · 15 parameters"
    assert lines["other"][-1] == "3 · shared with one"


TITLED = """
input: [3, 8, 8]
blocks:
  conv:
    options: {c: }
    layers:
      conv: {type: conv2d, out_channels: $c, kernel_size: 3, padding: 1, bias: false}
      bn: {type: batch_norm, activation: relu}
      more: {type: conv2d, out_channels: $c, kernel_size: 3, padding: 1}
titles: {head: The classifier}
layers:
  stem: {type: conv, c: 8, title: The stem}
  body: {type: conv, c: 8, repeat: 3, title: Features}
  flatten: {type: flatten, group: head}
  fc: {type: linear, out_features: 10, group: head}
"""


@pytest.mark.parametrize("depth", [1, 2])
def test_a_block_is_called_by_the_title_that_the_spec_gives_it(depth: int) -> None:
    view = view_of(archscope.analyze(archscope.reader.read(TITLED)), depth=depth)
    inside = [child.name for child in view.root.children]
    assert inside == ["input", "The stem", "Features", "The classifier", "output"]


GLUED = """
name: glued
input: [8, 16]
layers:
  qkv: {type: linear, out_features: 48}
  split: {type: chunk, chunks: 3, dim: 1}
  mixed: {type: scaled_dot_product_attention, from: [split.0, split.1, split.2]}
  transpose: {type: transpose, dim0: 0, dim1: 1}
  back: {type: transpose, dim0: 0, dim1: 1}
  out: {type: linear, out_features: 4}
"""


def test_what_only_sees_its_input_differently_is_one_thin_line_or_absorbed_unless_it_is_asked_for() -> None:
    analysis = archscope.analyze(archscope.read(GLUED.replace("  split:", "  chunk:").replace("split.", "chunk.")))
    lines = {node.name: node.lines for node in view_of(analysis).nodes}
    assert lines["chunk"] == ("chunk in 3",)
    assert lines["mixed"] == ("mixed", "dot-product attention", "8×16")
    whole = {node.name: node.lines for node in view_of(analysis, glue=True).nodes}
    assert whole["chunk"] == ("chunk", "chunk in 3", "8×16, 8×16, 8×16")
    assert whole["transpose"] == ("transpose", "transpose 0, 1", "16×8")


def test_what_somebody_named_keeps_its_name() -> None:
    lines = {node.name: node.lines for node in view_of(archscope.analyze(archscope.read(GLUED))).nodes}
    assert lines["split"] == ("split", "chunk in 3", "8×16, 8×16, 8×16")


def test_a_convolution_of_as_many_groups_as_channels_is_depthwise_and_one_of_fewer_is_not() -> None:
    text = (
        "name: groups\ninput: [8, 6, 6]\nlayers:\n  all: {type: conv2d, out_channels: 8, kernel_size: 3, groups: 8}\n"
        "  some: {type: conv2d, out_channels: 4, kernel_size: 3, groups: 4}\n"
    )
    lines = {node.name: node.lines for node in view_of(archscope.analyze(archscope.read(text))).nodes}
    assert (lines["all"][1], lines["some"][1]) == ("depthwise conv 3×3", "conv 3×3 g4")


def test_a_style_without_permutations_does_not_take_them() -> None:
    with pytest.raises(archscope.UsageError, match="leave --glue out, or use style graph"):
        archscope.draw("lenet5", style="planes", glue=True)
    assert archscope.draw("gpt2@small", glue=True).style == "graph"


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_blocks_of_equal_rank_are_all_open_or_all_closed(depth: int) -> None:
    """The last stage has nothing but its blocks, and is one frame with them; it closes as those of the others do."""
    b = Builder("stages", input=(8,))
    last = "input"
    for stage in range(3):
        for number in range(2):
            group = ["stages", f"{stage}", "blocks", f"{number}"]
            last = b.add("fc", "linear", last, group=group, out_features=8 + stage)
            last = b.add("norm", ("layer_norm", "softmax")[number], last, group=group)
            last = b.add("act", "relu", last, group=group)
            last = b.add("out", "linear", last, group=group, out_features=8 + stage)
        if stage < 2:
            last = b.add("down", "linear", last, group=["stages", f"{stage}"], out_features=8 + stage)
    shown = view_of(archscope.analyze(b.network()), depth=depth)
    closed = [node.name.rpartition(".")[2] for node in shown.nodes if node.kind == "block"]
    assert closed == [["stages"], ["0", "1", "blocks"], ["blocks"] * 3, ["0", "1"] * 3][depth - 1]


def test_a_block_says_the_shapes_that_leave_it_and_not_those_between_its_copies() -> None:
    b = Builder("pairs", input=(8,))
    last = "input"
    for number in range(4):
        group = ["stage", "blocks", f"{number}"]
        last = b.add("one", "linear", last, group=group, out_features=8)
        last = b.add("two", ("layer_norm", "softmax")[number % 2], last, group=group)
        last = b.add("three", "linear", last, group=group, out_features=8)
    b.add("down", "linear", last, group=["stage"], out_features=5)
    shown = view_of(archscope.analyze(b.network()), depth=1)
    (node,) = [node for node in shown.nodes if node.kind == "block"]
    assert node.lines[-1].startswith("5 · ")
