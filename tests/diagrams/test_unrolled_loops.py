"""Loops that call a cell again at each step, drawn as the layer that they are."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.network import Network
from tests.diagrams.geometry import parameters, problems
from tests.diagrams.unrolled import heads, strings


def by_hand(
    steps: int, *, cell: str = "gru", order: str = "", more: str = "", head: str = "shares: tag", end: str = "stack"
) -> Network:
    """A loop that calls a cell, and a layer on what it gives, at each step."""
    lines = ["name: loop", f"input: {{words: [{steps}, 8]}}", "layers:"]
    for number in range(1, steps + 1):
        at = int(order[number - 1]) if order else number - 1
        again = "" if number == 1 else ", shares: cell"
        before = "cell" if number == 2 else f"cell{number - 1}"
        states = "" if number == 1 else f", {before}" + (f", {before}.cell" if cell == "lstm" else "")
        name, tag = ("cell", "tag") if number == 1 else (f"cell{number}", f"tag{number}")
        shared = "" if number == 1 else f", {head}" if head else ""
        lines += [
            f"  x{number}: {{type: select, index: {at}, from: words}}",
            f"  {name}: {{type: {cell}_cell, hidden_size: 16{again}, from: [x{number}{states}]}}",
            f"  {tag}: {{type: linear, out_features: 5, activation: softmax{shared}, from: {name}}}",
        ]
    tags = ", ".join("tag" if number == 1 else f"tag{number}" for number in range(1, steps + 1))
    return archscope.read("\n".join([*lines, f"  tags: {{type: {end}, from: [{tags}]}}", more, ""]))


@pytest.mark.parametrize(("cell", "steps"), [("gru", 6), ("lstm", 3), ("rnn", 2)])
def test_a_cell_that_a_loop_calls_is_drawn_as_the_layer_that_it_is(cell: str, steps: int) -> None:
    drawn = by_hand(steps, cell=cell)
    picture = archscope.draw(drawn, show="name,op,shape,parameters,macs")
    assert str(picture.choice) == (
        "style unrolled: a chain with recurrence in it, in a loop that calls `cell` again at each step"
    )
    assert problems(picture.svg, drawn) == []
    # Weights are counted once, products at each step: an input of 8 and a state of 16 to 16 values, for each gate.
    gates = {"gru": 3, "lstm": 4, "rnn": 1}[cell]
    weights = gates * 16 * (8 + 16)
    said = strings(picture.scene)
    assert f"{steps}×16 · {weights + gates * 2 * 16:,} parameters · {steps * weights:,} MACs" in said
    assert f"{steps}×5 · 85 parameters · {steps * 80:,} MACs" in said
    assert "linear · softmax" in said
    assert parameters(picture.svg) == archscope.analyze(drawn).totals.parameters
    # With its loop, and at each step or three of them.
    assert said.count(cell.upper()) == 1 + min(steps, 3)


def test_values_of_all_steps_in_one_vector_are_no_sequence() -> None:
    drawn = by_hand(3, end="concat, dim: 0")
    assert archscope.draw(drawn).style == "graph"


def test_the_inside_of_a_cell_in_a_loop_is_that_of_the_layer() -> None:
    assert "cell: inside the cell" in strings(archscope.draw(by_hand(3), show="name,cell").scene)


def test_what_follows_a_loop_stands_at_each_step() -> None:
    drawn = by_hand(4, more="  after: {type: linear, out_features: 3}")
    assert heads(archscope.draw(drawn).scene, "after") == 5


@pytest.mark.parametrize(
    ("more", "stand"),
    [("", {"input": 3, "one": 1}), ("  out: {type: linear, out_features: 3}\n", {"input": 3, "one": 1, "out": 1})],
)
def test_of_a_loop_whose_end_alone_is_read_or_comes_out_only_that_does(more: str, stand: dict[str, int]) -> None:
    drawn = archscope.read(
        "name: end\ninput: [2, 8]\nlayers:\n  a: {type: select, index: 0}\n  one: {type: gru_cell, hidden_size: 4}\n"
        "  b: {type: select, index: 1, from: input}\n"
        f"  two: {{type: gru_cell, hidden_size: 4, shares: one, from: [b, one]}}\n{more}"
    )
    picture = archscope.draw(drawn)
    assert problems(picture.svg, drawn) == []
    assert {name: heads(picture.scene, name) for name in stand} == stand


def test_a_loop_begins_with_the_last_states_of_a_layer() -> None:
    drawn = archscope.read(
        "name: two\ninput: {source: [5, 8], target: [2, 8]}\nlayers:\n"
        "  encoder: {type: lstm, hidden_size: 4, from: source}\n"
        "  h: {type: select, index: 0, from: encoder.hidden}\n  c: {type: select, index: 0, from: encoder.cell}\n"
        "  a: {type: select, index: 0, from: target}\n  b: {type: select, index: 1, from: target}\n"
        "  one: {type: lstm_cell, hidden_size: 4, from: [a, h, c]}\n"
        "  two: {type: lstm_cell, hidden_size: 4, shares: one, from: [b, one, one.cell]}\n"
        "  all: {type: stack, from: [one, two]}\n"
    )
    picture = archscope.draw(drawn)
    assert str(picture.choice).endswith("begins where another ends, in a loop that calls `one` again at each step")
    assert problems(picture.svg, drawn) == []


@pytest.mark.parametrize(
    "drawn", [by_hand(3, order="210"), by_hand(3, order="001"), by_hand(3, head="")],
    ids=["backwards", "a step twice", "another layer at each step"],
)  # fmt: skip
def test_a_loop_that_is_not_the_same_at_each_step_is_said_to_be_one(drawn: Network) -> None:
    said = r"step by step in a loop \(`cell2` is a step\), and style unrolled shows one cell whose steps are alike"
    with pytest.raises(archscope.UsageError, match=said):
        _ = archscope.draw(drawn, style="unrolled").scene
    assert archscope.draw(drawn).style != "unrolled"


class Begins(nn.Module):
    """A loop whose state its code begins with ones, beside numbers that each step reads."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.ones(len(x), 4)
        for step in x.unbind(1):
            state = self.cell(step, state * torch.full((len(x), 4), 0.5))
        return state


def test_a_loop_that_reads_what_its_code_makes_is_drawn() -> None:
    network = archscope.trace(Begins(), (3, 4))
    drawn = archscope.draw(network)
    assert "cell" in drawn.svg
    assert problems(drawn.svg, network) == []
