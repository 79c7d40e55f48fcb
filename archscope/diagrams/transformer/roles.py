"""What a layer is to a transformer, by the words that it states of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from archscope.layers.base import Layer, Weight

if TYPE_CHECKING:
    from archscope.diagrams.transformer.pieces import Piece

GLUE: Final = "glue"
"""Turns axes, cuts, or drops while training: no block of its own."""

_ROLES: Final[Mapping[str, str]] = {
    "Attention": "attention",
    "Experts": "experts",
    "Normalization": "norm",
    "Full connection": "linear",
    "Embedding": "embedding",
    "Positions": "positions",
    "Activation": "activation",
    "Arithmetic": "scale",
    "Parameter": "learned",
    "Convolutions": "convolution",
    "Addition": "add",
    "Multiplication": "scale",
    "Selection": "other",
    "Reduction": "other",
    "Upsampling": "other",
    "Dropout": GLUE,
    "Rotation": GLUE,
    "Relative positions": "learned",
    "Mask": GLUE,
}

_COMPUTED: Final = frozenset({"Full connection", "Attention", "Convolutions", "Experts", "Embedding", "Recurrence"})
"""What no norm and no function written out has in it."""


def role_of(piece: Piece) -> str:
    """What a layer is: of a block, its role."""
    layer = piece.layer
    if attends([layer]):
        return "attention"
    if layer.verb == "Activation" and layer.label == "softmax":
        return "softmax"
    role = _ROLES.get(layer.verb)
    if role is not None:
        return role
    return GLUE if layer.family in ("shape", "axes") or layer.shares_memory else "other"


def attends(layers: Iterable[Layer]) -> bool:
    """Whether layers attend: one that says so, or two products with a softmax between them."""
    known = list(layers)
    if any(_says_so(layer) for layer in known):
        return True
    return sum(layer.symbol == "@" for layer in known) > 1 and any(layer.label == "softmax" for layer in known)


def _says_so(layer: Layer) -> bool:
    """Whether it is attention, or a function that was seen to be attention but for something."""
    return layer.verb == "Attention" or (layer.family == "function" and "dot-product attention" in layer.label)


def tables_of(piece: Piece) -> tuple[Weight, ...]:
    """What a function that adds holds with a row for each position: one table, or two for the sides of a grid.

    Other weights may scale them. None where the sizes are not those of positions.
    """
    shapes = piece.row.input_shapes
    if piece.layer.family != "function" or piece.layer.label != "add" or len(shapes) != 1 or len(shapes[0]) != 2:
        return ()
    positions, features = (int(extent) for extent in shapes[0])
    if positions < 2 or shapes[0] != piece.row.output:
        return ()
    tables = {}
    for weight in (weight for facts in piece.row.facts for weight in facts.weights):
        shape = [int(extent) for extent in weight.shape if int(extent) > 1]
        if len(shape) == 2:
            tables[weight] = shape
    wide = [weight for weight, (rows, width) in tables.items() if rows >= positions and width == features]
    if wide:
        return tuple(wide[:1])
    sides = [shape for shape in tables.values() if shape[1] < features]
    grid = len(sides) == 2 and sum(width for _, width in sides) == features
    return tuple(tables) if grid and len(tables) == 2 and sides[0][0] * sides[1][0] >= positions else ()


def composite(pieces: Sequence[Piece]) -> str | None:
    """The role of layers that write a norm or a function out; None for anything else."""
    layers = [piece.layer for piece in pieces]
    if any(layer.label == "topk" for layer in layers):
        return "experts"
    if any(layer.verb in _COMPUTED for layer in layers):
        return None
    known = {"arithmetic", "merge", "activation", "axes", "shape", "pooling"}
    if not all(layer.family in known or layer.verb in ("Parameter", "Dropout") for layer in layers):
        return None
    if any(layer.verb == "Reduction" or layer.family == "pooling" for layer in layers):
        return "norm"
    return "activation" if any(layer.family in ("activation", "arithmetic") for layer in layers) else None
