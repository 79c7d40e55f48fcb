"""Which style shows a network well, and why none of the others: what ``auto`` means.

>>> import archscope
>>> print(choose(archscope.analyze("lenet5")))
style planes: a chain of 7 layers, none of more than 16 maps
>>> print(choose(archscope.analyze("alexnet-pytorch")))
style boxes: a chain of 8 layers; not planes: 11 layers, and 8 read well
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams import chain, neurons, recurrence, transformer, volumes
from archscope.diagrams.circuits import Cell
from archscope.diagrams.handmade import by_hand
from archscope.diagrams.loops import NoLoopError
from archscope.diagrams.once import once
from archscope.diagrams.refusal import NotShownError
from archscope.layers.base import spell_count

_PLANES: Final = 9
_MAPS: Final = 16
_DENSE: Final = 8
_BOXES: Final = 12
"""So many columns, and maps in one of them, read well."""


@dataclass(frozen=True)
class Choice:
    """A style, why it shows a network, and why those that one might expect do not."""

    style: str
    why: str
    refused: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        others = "".join(f"; not {style}: {why}" for style, why in self.refused.items())
        return f"style {self.style}: {self.why}{others}"


@once
def choose(analysis: Analysis) -> Choice:
    """The first style that shows a network well."""
    refused: dict[str, str] = {}
    layers = [row.node.layer for row in analysis.nodes]
    recurs = next((row for row in analysis.nodes if row.node.layer.verb == "Recurrence"), None)
    # Attention that is written out is a part of recurrence where there is any.
    if any(transformer.attends([each]) for each in layers) or (recurs is None and transformer.attends(layers)):
        try:
            transformer.model_of(analysis)
        except NotShownError as error:
            refused["transformer"] = str(error)
        else:
            return Choice("transformer", "blocks that attend are added to one stream")
    if recurs is not None or _written_out(analysis):
        try:
            sides = recurrence.sides_of(analysis)
        except NotShownError as error:
            if recurs is None:
                return _without_recurrence(analysis, {**refused, "unrolled": str(error)})
            told = f"`{recurs.name}` ({recurs.node.layer.label}) goes through steps, which a box does not show"
            return Choice("graph", "for any network", {**refused, "unrolled": str(error), "boxes": told})
        else:
            why = "a chain with recurrence in it" if len(sides) == 1 else "recurrence that begins where another ends"
            if any(level.attends for side in sides for level in side.levels):
                why = "recurrence that attends to the states of another"
            return Choice("unrolled", why + _by_hand(sides), refused)
    return _without_recurrence(analysis, refused)


def _written_out(analysis: Analysis) -> bool:
    """Whether code writes recurrence out, of layers that are no cells."""
    try:
        return bool(by_hand(analysis))
    except NoLoopError:
        return False


def _without_recurrence(analysis: Analysis, refused: dict[str, str]) -> Choice:
    try:
        found = _of_a_chain(analysis, refused)
    except NotShownError as error:
        found, branches = None, str(error)
    else:
        branches = ""
    if found is not None:
        return found
    against = volumes.against(analysis)
    if against is None:
        return Choice("boxes", "a convolutional network with branches" if branches else "a long convolutional network",
                      refused)  # fmt: skip
    return Choice("graph", branches or "for any network", {**refused, "boxes": against})


def _by_hand(sides: Sequence[recurrence.Side]) -> str:
    """What is said of cells that a loop calls; empty where layers run through the sequence themselves."""
    cells = [
        level.unit.label if isinstance(level.unit, Cell) else level.unit.name
        for side in sides
        for level in side.levels
        if level.depth and level.words
    ]
    named = " and ".join(f"`{name}`" for name in cells)
    return f", in a loop that calls {named} again at each step" if cells else ""


def _of_a_chain(analysis: Analysis, refused: dict[str, str]) -> Choice | None:
    """The style for a chain or for towers, if one shows it.

    Raises:
        NotAChainError: it is neither.
    """
    dense = chain.chain(analysis, chain.has_weights)
    if not dense.towers and neurons.odd_of(dense) is None:
        if len(dense.columns) <= _DENSE:
            return Choice("neurons", f"a chain of {_layers(dense)}, all of them dense")
        refused["neurons"] = f"{_layers(dense)}, and {_DENSE - 1} read well"
    whole = chain.chain(analysis, chain.has_own_column)
    against = _against_planes(whole)
    if not against:
        return Choice("planes", f"a chain of {_layers(whole)}, none of more than {_MAPS} maps", refused)
    refused["planes"] = against
    folded = chain.fold(dense)
    convolves = any(column.piece.row is not None and column.piece.row.kernel for column in folded.columns)
    if convolves and len(folded.columns) <= _BOXES and folded.ranks <= chain.BOXES:
        towers = f"{len(folded.towers)} towers" if folded.towers else "a chain"
        return Choice("boxes", f"{towers} of {_layers(dense)}", refused)
    return None


def _layers(whole: chain.Chain) -> str:
    """How many there are, without the input."""
    many = len(whole.columns) - 1
    return spell_count(many, "layer")


def _against_planes(whole: chain.Chain) -> str:
    """Why planes do not show a chain; empty if they do."""
    if whole.towers:
        return "it stands on towers"
    if len(whole.columns) > _PLANES:
        return f"{_layers(whole)}, and {_PLANES - 1} read well"
    grids = [column.piece.shape for column in whole.columns if chain.is_grid(column.piece.shape)]
    most = max((shape[0] for shape in grids), default=0)
    if most > _MAPS:
        return f"up to {most} maps, and {_MAPS} can be told apart"
    return "" if whole.ranks <= chain.PLANES else "some of its values are neither maps nor vectors"
