"""Loops that somebody wrote by hand: what takes a sequence apart for a cell stands in the cell."""

from __future__ import annotations

import pytest

import archscope
from archscope.diagrams.graph.view import view_of
from archscope.network import Network
from tests.diagrams.branching import Builder
from tests.diagrams.geometry import parameters, problems


def loop(steps: int, *, beside: bool = False, stacked: bool = False, given_on: bool = False) -> Network:
    """A cell that adds what it makes of its input to what it makes of its state, with the same weights at each step."""
    b = Builder("loop", input=(steps, 8))
    cells = ["cell", "more"] if stacked else ["cell"]
    states: dict[str, str] = {}
    for step in range(steps):
        given = b.add(f"x{step}", "select", "input", index=step)
        if beside and not step:
            b.add("aside", "relu", given)
        for cell in cells:
            first, second = (f"{cell}.{name}0" if step > at else None for at, name in enumerate(("in", "of")))
            made = b.add(f"in{step}", "linear", given, group=[cell], out_features=8, shares=first)
            if step:
                again = b.add(f"of{step - 1}", "linear", states[cell], group=[cell], out_features=8, shares=second)
                made = b.add(f"add{step}", "add", made, again, group=[cell])
            states[cell] = given = b.add(f"tanh{step}", "tanh", made, group=[cell])
    last = b.add("head", "linear", states[cells[-1]], out_features=3)
    return b.network(*(["aside"] if beside else []), *(["x1"] if given_on else []), last)


@pytest.mark.parametrize(("steps", "stacked"), [(3, False), (50, False), (12, True)])
def test_a_closed_cell_takes_its_sequence_as_a_whole(steps: int, stacked: bool) -> None:
    network = loop(steps, stacked=stacked)
    shown = view_of(archscope.analyze(network), depth=1)
    cells = [f"{cell}.in0" for cell in (["more"] if stacked else [])]
    assert [node.id for node in shown.nodes] == ["input", "x0", *cells, "head", "output"]
    assert shown.parameters == archscope.analyze(network).totals.parameters
    picture = archscope.draw(network, style="graph", depth=1)
    assert problems(picture.svg, network) == []
    assert parameters(picture.svg) == shown.parameters
    assert picture.scene.height < 200 / 25.4 * 72


def test_parts_that_something_else_reads_too_stand_before_the_cell() -> None:
    shown = view_of(archscope.analyze(loop(4, beside=True)), depth=1)
    assert [node.id for node in shown.nodes][:6] == ["input", "x0", "aside", "x1", "x2", "x3"]


def test_parts_that_the_network_gives_or_that_are_only_two_stand_there_as_well() -> None:
    for network, parts in ((loop(4, given_on=True), {"x0", "x2", "x3"}), (loop(2), {"x0", "x1"})):
        shown = view_of(archscope.analyze(network), depth=1)
        assert {"x1", *parts} <= {node.id for node in shown.nodes}
