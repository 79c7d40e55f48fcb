"""What a wrong number may have come from: every slip tried alone, and, where none fits, every two of them.

>>> import archscope
>>> from archscope.classroom.place import Place
>>> analysis = archscope.analyze(archscope.load("lenet5"))
>>> explained = Explained(Place.of(analysis, analysis["C3"], "parameters"))
>>> [each.slips for each in explained.of(2416)], [each.slips for each in explained.of(2400)]
([('table taken as dense',)], [('bias forgotten', 'table taken as dense')])
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from archscope.classroom.place import Place, Slipped
from archscope.classroom.slips import SLIPS
from archscope.errors import ArchscopeError
from archscope.record import Record


class Explanation(Record):
    """One or two slips that give a number.

    Attributes:
        slips: their names, the first one first.
        says: what a tutor says, without a full stop.
        value: the number they give, with its arithmetic.
    """

    slips: tuple[str, ...]
    says: str
    value: Any


def singles(place: Place) -> Iterator[tuple[str, Slipped]]:
    """Every slip that can be made in a place and changes what comes out."""
    right = plain(place.value)
    for name in SLIPS:
        for slipped in _again(place, name):
            if result_of(slipped.place) not in (None, right):
                yield name, slipped


def plain(value: Any) -> Any:
    """A number or a shape without its arithmetic."""
    return tuple(int(each) for each in value) if isinstance(value, tuple) else int(value)


def result_of(place: Place) -> Any:
    """What comes out; None where a layer of that kind cannot be, or does not tell it."""
    try:
        value = place.value
    except (ArchscopeError, ArithmeticError):
        return None
    if value is None:
        return None
    result = plain(value)
    extents = result if isinstance(result, tuple) else ()
    return None if any(each < 1 for each in extents) else result


class Explained:
    """What one wrong number may have come from: all single slips, and, where none fits, all pairs."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.first = [*singles(place)]
        self._pairs: dict[Any, list[Explanation]] | None = None
        self.by_value: dict[Any, list[Explanation]] = {}
        for name, slipped in self.first:
            result = result_of(slipped.place)
            if result is not None:
                _put(self.by_value, result, Explanation((name,), slipped.says, slipped.place.value))

    def of(self, value: Any) -> list[Explanation]:
        """The explanations of a number, the likeliest first; two slips only where no single one gives it."""
        found = self.by_value.get(value)
        return found if found else self.pairs.get(value, [])

    @property
    def pairs(self) -> Mapping[Any, list[Explanation]]:
        """What two slips give, one after the other."""
        if self._pairs is None:
            self._pairs = {}
            order = {name: at for at, name in enumerate(SLIPS)}
            names = sorted((order[a] + order[b], a, b) for a in SLIPS for b in SLIPS if order[a] < order[b])
            for _, name, other in names:
                for slipped in (each for given, each in self.first if given == name):
                    for second in _again(slipped.place, other):
                        result = result_of(second.place)
                        if result is not None:
                            says = f"{slipped.says}, and {second.says}"
                            _put(self._pairs, result, Explanation((name, other), says, second.place.value))
        return self._pairs


def _put(known: dict[Any, list[Explanation]], value: Any, explanation: Explanation) -> None:
    """Of several ways to make the same slips, the first is told."""
    others = known.setdefault(value, [])
    if all(each.slips != explanation.slips for each in others):
        others.append(explanation)


def _again(place: Place, name: str) -> Iterable[Slipped]:
    try:
        return [*SLIPS[name](place)]
    except (ArchscopeError, ArithmeticError):  # no layer of that kind takes what comes in
        return ()
