"""`Written`: operators with who makes and who reads each value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archscope.importing.graph import Constant, Operator
from archscope.layers.base import Shape

Found = tuple[Operator, tuple[int, ...]]
"""A layer, and the operators that it stands for."""


class Written:
    """Operators, with who makes and who reads each value."""

    def __init__(
        self, operators: Sequence[Operator], shapes: Mapping[str, Shape], constants: Mapping[str, Constant],
        weights: Mapping[str, object], ends: Sequence[str],
    ) -> None:  # fmt: skip
        self.operators = list(operators)
        self.shapes = shapes
        self.constants = constants
        self.weights = weights
        self._ends = set(ends)
        self._made = {name: place for place, each in enumerate(operators) for name in each.outputs}
        self._readers: dict[str, list[int]] = {}
        for place, each in enumerate(operators):
            for name in dict.fromkeys(each.inputs):
                self._readers.setdefault(name, []).append(place)

    def maker(self, name: str, *types: str) -> int | None:
        """The operator that makes a value, if it is of one of some types."""
        place = self._made.get(name)
        return place if place is not None and self.operators[place].type in types else None

    def readers(self, name: str) -> list[int]:
        """The operators that read a value; one more that is none where it is an end."""
        return [*self._readers.get(name, ()), *([-1] if name in self._ends else [])]

    def number(self, name: str) -> float | None:
        """The one number that a constant is."""
        found = self.constants.get(name)
        value = None if found is None else found.number
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def source(self, name: str, *types: str) -> tuple[str, list[int]]:
        """What a value was before operators of some types, and these."""
        passed: list[int] = []
        while (place := self.maker(name, *types)) is not None:
            passed.append(place)
            name = self.operators[place].inputs[0]
        return name, passed
