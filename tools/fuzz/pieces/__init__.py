"""Pieces of modules that people write and no layer type describes, over ``(batch, positions, features)``."""

from __future__ import annotations

from typing import Final

from tools.fuzz.pieces import attending, gathering, numbers, running, usual, weighing
from tools.fuzz.pieces.common import POSITIONS, Does, Piece

PIECES: Final[tuple[Piece, ...]] = (
    *attending.PIECES,
    *gathering.PIECES,
    *weighing.PIECES,
    *numbers.PIECES,
    *running.PIECES,
    *usual.PIECES,
)

__all__ = ["PIECES", "POSITIONS", "Does", "Piece"]
