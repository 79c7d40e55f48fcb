"""Which style `auto` chooses, what it says of it, and what an asked style says that shows another network."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

import archscope
from archscope.diagrams.choosing import choose
from archscope.diagrams.drawing import FORMATS
from archscope.diagrams.request import request
from tests.conftest import Run
from tests.diagrams import branching, networks

SAID = {
    "lenet5": "style planes: a chain of 7 layers, none of more than 16 maps",
    "perceptron": "style neurons: a chain of 2 layers, all of them dense",
    # Eight dense layers are one more than neurons take; nine columns are what planes take.
    "autoencoder@mnist": "style planes: a chain of 8 layers, none of more than 16 maps; "
    "not neurons: 8 layers, and 7 read well",
    "alexnet": "style boxes: 2 towers of 8 layers; not planes: it stands on towers",
    "sound": "style boxes: a chain of 3 layers; not planes: up to 64 maps, and 16 can be told apart",
    "twenty_layers": "style boxes: a long convolutional network; not planes: 20 layers, and 8 read well",
    "unet": "style boxes: a convolutional network with branches",
    "gpt2@small": "style transformer: blocks that attend are added to one stream",
    "lstm-lm@small": "style unrolled: a chain with recurrence in it",
    "two_inputs": "style graph: two_inputs has 2 inputs, and a chain has one; "
    "not boxes: no layer with weights slides a window over maps",
    "cube": "style graph: for any network; not planes: some of its values are neither maps nor vectors; "
    "not boxes: `input` gives 1×8×8×8, and a box has three axes at most",
}


@pytest.mark.parametrize("name", SAID)
def test_auto_says_which_style_and_why_no_other(name: str) -> None:
    assert str(choose(archscope.analyze(networks.network(name)))) == SAID[name]


@pytest.mark.parametrize(
    ("name", "maker"), [("gpt2@small", "transformer.parts.Pieces"), ("unet", "volumes.forming.Former")]
)
def test_what_a_style_makes_of_a_network_to_be_chosen_is_what_it_draws(
    monkeypatch: pytest.MonkeyPatch, name: str, maker: str
) -> None:
    module, made = importlib.import_module(f"archscope.diagrams.{maker.rpartition('.')[0]}"), []
    wanted = maker.rpartition(".")[2]
    make = getattr(module, wanted)
    monkeypatch.setattr(module, wanted, lambda *given: made.append(given) or make(*given))
    assert archscope.draw(networks.network(name)).svg
    assert len(made) == 1


def test_a_recurrence_that_branches_is_no_boxes_and_says_where_it_stops_being_a_chain() -> None:
    net = archscope.read(
        "name: two\ninput: {words: [9, 8]}\nlayers:\n"
        "  left: {type: gru, hidden_size: 4}\n  right: {type: gru, hidden_size: 4, from: words}\n"
        "  both: {type: add, from: [left, right]}\n"
    )
    chosen = choose(archscope.analyze(net))
    assert chosen.style == "graph"
    assert chosen.refused["unrolled"] == "two is no chain at `right`, and style unrolled shows one"


def test_windows_before_a_recurrence_make_no_boxes_of_it() -> None:
    """As in Tacotron 2's encoder: a sequence goes through windows, and then through steps."""
    net = archscope.read(
        "name: speech\ninput: [8, 30]\nlayers:\n  c: {type: conv1d, out_channels: 8, kernel_size: 5, padding: 2}\n"
        "  turned: {type: transpose, dim0: 0, dim1: 1}\n  lstm: {type: lstm, hidden_size: 4}\n"
    )
    chosen = choose(archscope.analyze(net))
    assert chosen.style == "graph"
    assert chosen.refused["boxes"] == "`lstm` (LSTM) goes through steps, which a box does not show"


def test_vectors_that_weigh_maps_do_not_count_against_boxes() -> None:
    assert choose(archscope.analyze(branching.weighed())).style == "boxes"
    line = "  d{}: {{type: linear, out_features: {}, from: {}}}\n"
    dense = "".join(line.format(at, at + 9, f"d{at - 1}" if at else "flat") for at in range(9))
    net = archscope.read(
        "name: head\ninput: [3, 8, 8]\nlayers:\n  c: {type: conv2d, out_channels: 3, kernel_size: 3, padding: 1}\n"
        f"  add: {{type: add, from: [input, c]}}\n  flat: {{type: flatten}}\n{dense}"
    )
    assert str(choose(archscope.analyze(net))).endswith("not boxes: of its 11 values only 2 are maps")


def test_a_chain_too_long_for_boxes_says_how_many_they_would_be() -> None:
    assert choose(archscope.analyze(branching.chain(45))).refused["boxes"] == "it takes 46, and 32 read well"


def test_what_auto_chooses_can_be_drawn_and_asked_for_by_name() -> None:
    for name in SAID:
        net = networks.network(name)
        drawn = archscope.draw(net)
        assert archscope.draw(net, style=drawn.style).svg == drawn.svg


@pytest.mark.parametrize(
    ("name", "style", "use"),
    [("gpt2@small", "boxes", "transformer"), ("resnet@18", "planes", "boxes"), ("lenet5", "unrolled", "planes"),
     ("lstm-lm@small", "neurons", "unrolled"), ("two_inputs", "planes", "graph")],
)  # fmt: skip
def test_a_style_that_does_not_show_a_network_names_one_that_does(name: str, style: str, use: str) -> None:
    net = networks.network(name)
    with pytest.raises(archscope.UsageError, match=rf"; use style {use}$"):
        _ = archscope.draw(net, style=style).svg
    assert archscope.draw(net, style=use).svg


def test_the_note_is_one_line_beside_the_picture_and_only_for_auto(
    archscope_run: Callable[..., Run], tmp_path: Path
) -> None:
    run = archscope_run("diagram", "lenet5")
    assert run.out == archscope.draw("lenet5").svg
    assert run.err == f"note: {SAID['lenet5']}\n"
    assert archscope_run("diagram", "lenet5", "--style", "planes").err == ""
    run = archscope_run("diagram", "lenet5", "-f", "dot")
    assert run.err == "note: style graph: the one that dot is written for\n"
    assert archscope_run("diagram", "unet", "-o", str(tmp_path / "unet.html")).err.startswith("note: style graph: ")


@pytest.mark.parametrize(
    ("name", "options", "asked", "where"),
    [
        ("resnet@18", ("-f", "html"), ("--width", "90mm"), "in the reader's window"),
        ("lenet5", ("-f", "html", "--style", "graph"), ("--height", "9cm"), "in the reader's window"),
        ("lenet5", ("-f", "mermaid"), ("--page", "a4"), "by the program that reads it"),
        ("lenet5", ("-f", "html", "--style", "planes"), ("--width", "240mm"), None),
        ("lenet5", ("-f", "html", "--style", "graph", "--steps"), ("--width", "90mm"), None),
    ],
)
def test_a_width_that_says_nothing_is_told(
    archscope_run: Callable[..., Run], name: str, options: tuple[str, ...], asked: tuple[str, str], where: str | None
) -> None:
    said = f"note: this graph is laid out {where}; --width, --height and --page say nothing there\n"
    alone, wide = archscope_run("diagram", name, *options), archscope_run("diagram", name, *options, *asked)
    assert "laid out" not in alone.err
    assert wide.err.endswith(said) if where else "laid out" not in wide.err
    if where:
        assert wide.out == alone.out


def test_a_style_in_the_spec_is_asked_for(archscope_run: Callable[..., Run], tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text("input: [4]\nlayers:\n  fc: {type: linear, out_features: 2}\nfigure: {style: graph}\n")
    assert archscope_run("diagram", str(spec)).err == ""


def test_each_format_knows_its_style() -> None:
    drawing = archscope.draw("lenet5")
    styles = {name: drawing.chosen_for(name).style for name in FORMATS}
    assert {name for name, style in styles.items() if style == "graph"} == {"dot", "mermaid"}
    with pytest.raises(archscope.NotFound, match="no format `bmp`"):
        drawing.chosen_for("bmp")


@pytest.mark.parametrize("page", ["a4", "16:9"])
def test_a_transformer_that_a_page_has_no_room_for_is_a_graph(page: str) -> None:
    """Its blocks have other numbers of heads each, so that none stands for another."""
    last, layers = "x", ""
    for number in range(8):
        heads = f"a{number}: {{type: multihead_attention, num_heads: {2 << number % 3}}}"
        layers += (
            f"  n{number}: {{type: layer_norm}}\n  {heads}\n  s{number}: {{type: add, from: [a{number}, {last}]}}\n"
        )
        last = f"s{number}"
    network = archscope.read(f"name: heads\ninput: {{x: [16, 32]}}\nlayers:\n{layers}")
    picture = archscope.draw(network, page=page)
    assert (archscope.draw(network).style, picture.style) == ("transformer", "graph")
    assert picture.choice.why == "a graph fits the page better than transformer"
    assert picture.scene.height <= (request(page=page).height or 0)
    # One that fits stays what it is, also where a graph would have larger letters.
    assert archscope.draw("transformer@base", page="beamer").style == "transformer"
    with pytest.raises(archscope.UsageError, match=r"; or --style graph.*, which fits$"):
        _ = archscope.draw(network, page=page, style="transformer").scene
