"""Shapes as pupils write them: ``6×28×28``, ``28x28x6``, ``(6, 28, 28)``, ``6@28×28``.

>>> read_shape("6@28×28"), read_shape("[28, 28, 6]"), read_shape("6 maps of 28 x 28")
((6, 28, 28), (28, 28, 6), (6, 28, 28))
"""

from __future__ import annotations

import re
from typing import Final

from archscope.classroom.expressions import LONGEST, NoNumber, evaluate
from archscope.escaping import terminal
from archscope.layers.base import Shape, spell_shape

_BETWEEN: Final = re.compile(r"\s*(?:[×xX*·⋅∙•✕⨯@,;]|\bby\b|\b(?:feature\s+)?(?:maps?|channels?)(?:\s+of)?\b)\s*|\s+")
_BATCH: Final = re.compile(r"\A[([]?\s*(?:None|N|B|-1|\?)\s*[,×x*]\s*", re.IGNORECASE)
_MOST_AXES: Final = 8


def read_shape(text: str) -> Shape:
    """The extents that were written, in their order; a batch axis with no number is left out.

    Raises:
        NoNumber: it is no shape.
    """
    if len(text) > LONGEST:
        raise NoNumber(f"it has {len(text):,} characters, more than {LONGEST}")
    bare = _BATCH.sub("", text.strip().lstrip("'=").strip()).strip("()[]{} ,")
    bare = re.sub(r"\A(?:torch\.)?Size\(\[?", "", bare)
    parts = [each for each in _BETWEEN.split(bare) if each]
    if not parts:
        raise NoNumber("there is nothing to read")
    if len(parts) > _MOST_AXES or any(not (each.isascii() and each.isdigit() and len(each) < 10) for each in parts):
        raise NoNumber(f"`{terminal(text.strip(), 40)}` is no shape; write its extents, such as 6×28×28")
    return tuple(int(each) for each in parts)


def same_shape(text: str, right: Shape) -> str | None:
    """How a written shape matches: ``""`` as it is, else in words what was read into it; None if it does not.

    Raises:
        NoNumber: it is no shape.

    >>> same_shape("28x28x6", (6, 28, 28)), same_shape("120", (120, 1, 1)), same_shape("6×32×32", (6, 28, 28))
    ('channels last', 'without its axes of 1', None)
    """
    right = tuple(int(each) for each in right)
    shape = _shape_or_number(text, right)
    if shape == right:
        return ""
    if len(right) > 1 and shape == (*right[1:], right[0]):
        return "channels last"
    if len(shape) == len(right) + 1 and shape[0] == 1 and shape[1:] in (right, (*right[1:], right[0])):
        return "with a batch of 1"
    squeezed = tuple(each for each in shape if each != 1)
    if squeezed == tuple(each for each in right if each != 1):
        return "without its axes of 1" if len(shape) < len(right) else "with an axis of 1"
    return None


def _shape_or_number(text: str, right: Shape) -> Shape:
    """``4,096`` is one extent where the shape has one axis."""
    if len(right) == 1:
        try:
            return (evaluate(text),)
        except NoNumber:
            pass
    return read_shape(text)


def channels_first(shape: Shape, right: Shape) -> Shape:
    """A wrong shape in the order of the right one, where that can be told: the side that both have stands last."""
    if len(shape) == len(right) == 3 and shape[0] == shape[1] != shape[2]:
        return (shape[2], shape[0], shape[1])
    return shape


def spelled(value: int | Shape) -> str:
    """A right answer as a sheet shows it."""
    return spell_shape(value) if isinstance(value, tuple) else f"{int(value):,}"
