"""A flat spec is the network it was written from."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import archscope
from archscope.network import Network
from archscope.writing.spec import write_spec
from tests.blocks.specs import MOBILENET_V2
from tests.collection import MEMBERS
from tests.conftest import Run


def compared(network: Network) -> Network:
    nodes = [node.replace(init=tuple(sorted(node.init))) for node in network.nodes]
    return network.replace(nodes=nodes, published=(), path=None, summary=" ".join(network.summary.split()))


@pytest.mark.parametrize("name", MEMBERS)
def test_the_flat_spec_reads_as_the_same_network(name: str) -> None:
    network = archscope.load(name)
    again = archscope.read(write_spec(network))
    # Figures for a changed spec are stated for the changes of the spec in blocks, and stay there.
    assert compared(again) == compared(network)
    assert {path: each.title for path, each in again.groups.items()} == {
        path: each.title for path, each in network.groups.items()
    }


def test_the_flat_spec_has_no_blocks_and_says_what_is_not_the_usual_order() -> None:
    text = write_spec(archscope.read(MOBILENET_V2))
    assert not {"$", "blocks:", "repeat", "when"} & {*text.split()}
    assert "  body.1.1.sum: {type: add, from: [body.1.1.project.bn, body.1.0.project.bn]}\n" in text
    assert "  stem.bn: {type: batch_norm, activation: relu6}\n" in text


def test_a_dollar_of_a_text_is_written_twice_and_read_as_one() -> None:
    text = """
        input: [4]
        let: {price: "$$9"}
        blocks:
          block:
            options: {said: "costs $$5"}
            layers:
              a: {type: linear, out_features: 4, caption: $said}
        layers:
          a: {type: linear, out_features: 4, caption: "$$x and $$$$", group: $$g/h}
          b: {type: block}
          c: {type: block, said: $price}
    """
    network = archscope.read(text, name="net")
    assert [node.caption for node in network.nodes] == ["$x and $$", "costs $5", "$9"]
    assert network.nodes[0].group == ("$g", "h")
    written = write_spec(network)
    assert 'group: "$$g/h", caption: "$$x and $$$$"' in written
    assert archscope.read(written).nodes == network.nodes


def test_titles_groups_outputs_and_towers_are_kept() -> None:
    text = (
        "input: {x: [4, 8, 8], y: [4, 8, 8]}\nlayers:\n"
        "  a: {type: conv2d, out_channels: 4, kernel_size: 3, padding: same, towers: [GPU 0, GPU 1], from: x}\n"
        "  j: {type: concat, group: b/c}\n"
        "  k: {type: add, from: [y, x], group: b, activation: {type: leaky_relu, negative_slope: 0.3}}\n"
        "output: [k, j]\ntitles: {b/c: 'A: join'}\n"
    )
    network = archscope.read(text)
    again = archscope.read(write_spec(network))
    assert again.nodes == network.nodes
    assert again.outputs == network.outputs
    assert again.groups["b", "c"].title == "A: join"


def test_the_command_prints_a_spec(archscope_run: Callable[..., Run]) -> None:
    assert "conv2.0.a.conv: {type: conv2d, out_channels: 64, kernel_size: 3" in archscope_run("expand", "resnet@18").out
