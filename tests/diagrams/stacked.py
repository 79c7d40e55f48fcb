"""What holds for every figure of blocks stacked upward."""

from __future__ import annotations

import re
from typing import Any

import archscope
from archscope.diagrams.scene import Scene, Text
from archscope.diagrams.transformer import model_of
from archscope.diagrams.transformer.model import Model, Part, parts_of
from archscope.diagrams.words import named_output
from archscope.network import Network
from tests.diagrams.geometry import problems


def model(network: Network | str) -> Model:
    found = archscope.load(network) if isinstance(network, str) else network
    return model_of(archscope.analyze(found))


def roles(found: Model) -> list[list[str]]:
    """What stands in each stack, in order."""
    return [
        [part.role if isinstance(part, Part) else part.name for node in stack for part in parts_of(node)]
        for stack in found.stacks
    ]


def strings(scene: Scene) -> list[str]:
    return [item.string for item in scene.walk() if isinstance(item, Text)]


def check(network: Network, **options: Any) -> None:
    """Nothing is in the way of anything, and every layer, edge and parameter is there."""
    drawn = archscope.draw(network, style="transformer", **options)
    found = problems(drawn.svg, network)
    # From one copy of a block to the next no line is drawn; the lines are held to the model below.
    assert [each for each in found if not each.startswith(("edge missing", "edge too many"))] == []
    known = model(network)
    edges = {(group.source, group.target) for group in drawn.scene.groups("edge")}
    assert {each for each in edges if not each[1].startswith("output")} == known.edges
    told = sorted(text.removeprefix("→ ") for text in strings(drawn.scene) if re.match("(→ )?output", text))
    names = sorted(f"output {named_output(ref, network)}" for ref in network.outputs)
    assert told == (names if len(names) > 1 else ["output"])
    assert [name for part in known.parts for name in stray(part, known)] == []
    held = sum(each * part.copies + once for part in known.parts for each, once in [part.parameters])
    assert held == archscope.analyze(network).totals.parameters
    assert sorted(name for part in known.parts for name in part.layers) == sorted(node.name for node in network.nodes)


def stray(part: Part, known: Model) -> list[str]:
    """What holds weights in a block, and leads to nothing that others read of it: it stands in the wrong one."""
    names = {piece.name for piece in part.pieces}
    read = {name for piece in known.pieces.all if piece.name not in names for name in piece.reads} & names
    return [
        piece.name
        for piece in part.pieces
        if piece.owned and any(name != piece.name and not known.pieces.leads(piece.name, name) for name in read)
    ]
