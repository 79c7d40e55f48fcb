"""Operators that hide scores from positions, told by the numbers of constants, and what makes zeros of all hidden."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any, Final

from archscope.importing.graph import Constant, Operator
from archscope.importing.meaning import Values

_HIDES: Final = -1e4
"""What is added to scores that are to be nothing, at most; minus infinity or the lowest number of a type."""


def is_causal(mask: Constant | None) -> bool:
    """Whether what is added to scores hides what comes later, and nothing else.

    >>> is_causal(Constant((2, 2), (0.0, -1e9, 0.0, 0.0))), is_causal(Constant((2, 2), (0.0, 0.0, 0.0, 0.0)))
    (True, False)
    """
    if mask is None or not all(map(_is_number, mask.values)):
        return False
    return _is_later(mask, lambda each: each <= _HIDES) and all(not each or each <= _HIDES for each in mask.values)


def hides_later(operator: Operator, constant: Callable[[str], Constant | None]) -> bool:
    """Whether an operator on scores does: the mask that it adds, or those that it chooses in the place of a low number.

    >>> seen = Constant((2, 2), (True, False, True, True))
    >>> known = {"seen": seen, "low": Constant((), (float("-inf"),))}
    >>> hides_later(Operator("Where", ("seen", "scores", "low"), ("y",)), known.get)
    True
    """
    if operator.domain:
        return False
    if operator.type == "Add":
        return any(is_causal(constant(name)) for name in operator.inputs)
    if operator.type != "Where" or len(operator.inputs) != 3:
        return False
    chosen, one, other = map(constant, operator.inputs)
    if chosen is None or (one is None) == (other is None):
        return False
    low: Any = one or other
    hidden = one is not None
    lowest = _is_number(low.number) and low.number <= _HIDES
    return lowest and _is_later(chosen, lambda each: bool(each) is hidden)


def handed_on(operator: Operator, values: Values) -> str:
    """The value that an addition of zeros or a product with ones leaves as it is; empty for none.

    A mask that hides nothing is zeros, and the same numbers are a constant of a layer that nobody has trained.
    """
    number = {"Add": 0, "Mul": 1}.get(operator.name)
    for name, other in permutations(operator.inputs) if number is not None else ():
        if values.reached(name) or values.learned(name) or values.shape(other) != values.shape(operator.outputs[0]):
            continue
        known = values.constant(name)
        if known is not None and {*known.values} == {number}:
            values.plain(name)
            return other
    return ""


def unguarded(
    operators: Sequence[Operator], constant: Callable[[str], Constant | None], ends: Sequence[str]
) -> tuple[Operator, ...]:
    """Operators without what makes zeros of a softmax where it is no number, as of a row that hides everything.

    PyTorch's exporter writes that behind every attention with a mask; the softmax gives what comes of it.
    """
    made = {name: place for place, each in enumerate(operators) for name in each.outputs if name}
    read: dict[str, set[int]] = {}
    for place, each in enumerate(operators):
        for name in each.inputs:
            read.setdefault(name, set()).add(place)
    changed: dict[int, Operator | None] = {}
    for place, each in enumerate(operators):
        if each.name != "Where" or len(each.inputs) != 3:
            continue
        chosen, zero, value = each.inputs
        asks, source = made.get(chosen, place), made.get(value, place)
        known = constant(zero)
        if (
            operators[asks].name == "IsNaN"
            and operators[asks].inputs == (value,)
            and operators[source].name == "Softmax"
            and (known is not None and known.number == 0)
            and (read[chosen], read[value]) == ({place}, {asks, place})
            and {chosen, value}.isdisjoint(ends)
        ):
            changed |= {source: operators[source].replace(outputs=each.outputs), asks: None, place: None}
    found = (changed.get(place, each) for place, each in enumerate(operators))
    return tuple(each for each in found if each is not None)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_later(mask: Constant, hides: Callable[[Any], bool]) -> bool:
    """Whether a square hides above its diagonal and nowhere else."""
    length = mask.shape[-1] if len(mask.shape) > 1 else 0
    if length < 2 or mask.shape[-2] != length or math.prod(mask.shape) != length * length:
        return False
    return [hides(each) for each in mask.values] == [at % length > at // length for at in range(length * length)]


__all__ = ["hides_later", "is_causal", "unguarded"]
