"""Whether a module without values turns its queries and keys by their places: x·cos + (−x₂ ‖ x₁)·sin.

With values the tables of cosines and sines are seen, and a layer says so itself; without, the halves that change places
are left, which nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from archscope.diagrams.transformer.pieces import Piece

Named = Mapping[str, Piece]


def turns(pieces: Iterable[Piece]) -> bool:
    """Whether some pieces do so.

    >>> turns([])
    False
    """
    own: Named = {piece.name: piece for piece in pieces}
    return any(_is_sum_of_turned(piece, own) for piece in own.values())


def _is_sum_of_turned(piece: Piece, own: Named) -> bool:
    if piece.layer.symbol != "+" or len(piece.reads) != 2:
        return False
    one, other = (_multiplied(own.get(name)) for name in piece.reads)
    return bool(one and other) and (_turned(other, own) == one or _turned(one, own) == other)


def _multiplied(piece: Piece | None) -> str:
    """What a piece multiplies by something of no input."""
    known = piece is not None and piece.layer.label in ("mul", "multiply") and len(piece.reads) == 1
    return piece.reads[0] if piece is not None and known else ""


def _turned(name: str, own: Named) -> str:
    """Of what a piece is the second half, negated, before the first half."""
    whole = own.get(name)
    if whole is None or whole.layer.symbol != "‖" or len(whole.reads) != 2:
        return ""
    negated, first = (own.get(each) for each in whole.reads)
    if negated is None or first is None or negated.layer.label != "×−1" or len(negated.reads) != 1:
        return ""
    second = own.get(negated.reads[0])
    if second is None or second.layer.verb != "Slice" or first.layer.verb != "Slice" or second.reads != first.reads:
        return ""
    half = first.row.output[-1]
    ends = (first.layer.label == f"slice :{half}", second.layer.label == f"slice {half}:")
    return first.reads[0] if all(ends) and whole.row.output == first.row.input_shapes[0] else ""
