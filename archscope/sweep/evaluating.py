"""`Evaluator`: the rows of a sweep, one for each point.

>>> from archscope.sweep.plan import Spec, axis, plan
>>> text = "input: [4]\\nlayers: {a: {type: linear, out_features: 2}}"
>>> made = plan([Spec("tiny", text)], [axis("a.out_features", ["2", "x"])], "parameters")
>>> [Evaluator(made).row(point) for point in made.points(0, 2)]
[(0, 'tiny', '2', 10, ''), (1, 'tiny', 'x', None, "`a` (linear): `out_features`: expected a positive integer, got 'x'")]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from archscope.analysis import Analysis
from archscope.budgets import Asked, holds, number_of
from archscope.errors import ArchscopeError, SpecError
from archscope.escaping import line
from archscope.network import COUNTS, Network
from archscope.opening import open_network
from archscope.reader import read
from archscope.reader.touching import INPUT
from archscope.sweep.frames import Settings, Sums, Variations
from archscope.sweep.plan import Plan, Point, Spec

Row = tuple[Any, ...]
"""What a row holds, as `Plan.heading` names it: numbers, None where there is none, and texts."""


class Evaluator:
    """Works out rows; what it has read serves the next ones of the same specs and keys."""

    def __init__(self, plan: Plan) -> None:
        self.keys = plan.keys
        self.columns = plan.asked()
        self.budgets = plan.budgets()
        self.fitting = plan.fitting
        asked = [*self.columns, *(each for budget in self.budgets for each in budget.asked)]
        counts = {each.quantity for each in asked if _is_sum(each)}
        self.counts = [each for each in COUNTS if each in counts]
        self._varied: dict[Spec, Variations] = {}

    def row(self, point: Point) -> Row | None:
        """The row of a point; None where a filter takes it away."""
        start = (point.number, point.spec.name, *point.settings)
        numbers: dict[Asked, int | str] = {}
        try:
            found = self._variations(point.spec).sums(point.settings)
            number = _numbers(found, numbers)
            values = [number(each) for each in self.columns]
            if not self._kept(number):
                return None
        except ArchscopeError as error:
            return None if self.fitting else (*start, *(None for _ in self.columns), reason(error))
        why = dict.fromkeys(f"{uncovered(each)}{value}" for each, value in numbers.items() if isinstance(value, str))
        return (*start, *(None if isinstance(value, str) else value for value in values), line("; ".join(why)))

    def _kept(self, number: Callable[[Asked], int | str]) -> bool:
        """Whether the filters keep a row; a number that is not covered takes none away, and the row says so."""
        for budget in self.budgets:
            unknown: list[str] = []

            def known(asked: Asked, unknown: list[str] = unknown) -> int:
                value = number(asked)
                if isinstance(value, str):
                    unknown.append(value)
                    return 1
                return value

            kept, _ = holds(budget, known)
            if not kept and not unknown:
                return False
        return True

    def _variations(self, spec: Spec) -> Variations:
        if spec not in self._varied:
            self._varied[spec] = Variations(spec.text, spec.variant, self.keys, reader(spec, self.keys), self.counts)
        return self._varied[spec]


def uncovered(asked: Asked) -> str:
    """What a row says of a number that no rule gives, before the reason."""
    return f"{asked.quantity} is not covered: "


def _is_sum(asked: Asked) -> bool:
    return not asked.layer and asked.quantity in COUNTS


def _numbers(found: Sums | Network, numbers: dict[Asked, int | str]) -> Callable[[Asked], int | str]:
    """What says a quantity of a network, or why it is not covered; each is worked out once."""
    counts = found.counts if isinstance(found, Sums) else {}
    whole: list[Analysis] = []

    def number(asked: Asked) -> int | str:
        if asked not in numbers:
            if _is_sum(asked) and asked.quantity in counts:
                numbers[asked] = counts[asked.quantity]
            else:
                if not whole:
                    whole.append(Analysis(found.network() if isinstance(found, Sums) else found))
                numbers[asked] = number_of(whole[0], asked)
        return numbers[asked]

    return number


def reader(spec: Spec, keys: Sequence[str]) -> Callable[[Settings], Network]:
    """What reads a spec with settings, an entry for each key."""

    def network(settings: Settings) -> Network:
        said = [(key, value) for key, value in zip(keys, settings, strict=True) if value is not None]
        changes = [f"{key}={value}" for key, value in said if not _of_input(key)]
        given = {key: value for key, value in said if _of_input(key)}
        if spec.path is not None:
            shapes = [value if key == INPUT else f"{_name(key)}={value}" for key, value in given.items()]
            return open_network(spec.path, changes=changes, input=shapes)
        shape: Any = given.get(INPUT) or {_name(key): value for key, value in given.items()} or None
        return read(spec.text, name=spec.name.partition("@")[0], variant=spec.variant, changes=changes, input=shape)

    return network


def _of_input(key: str) -> bool:
    return key == INPUT or key.startswith(f"{INPUT}.")


def _name(key: str) -> str:
    return key.partition(".")[2]


def reason(error: ArchscopeError) -> str:
    """Why there is no such network, in one line."""
    if isinstance(error, SpecError):
        return line(error.diagnostics[0].message)
    return line(str(error).partition("\n")[0])
