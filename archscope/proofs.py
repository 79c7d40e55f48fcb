"""`prove`: formulas are held to the numbers of plain networks, at the sizes where they would differ first.

The rules of the layers say what they take for granted where they compare sizes, but not where two that differ as
formulas are the same number: an axis of one value, keys as wide as queries. Such sizes, the borders of the ranges and
some more are tried, and those at which a number is another are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final, TypeVar

from archscope.errors import ArchscopeError, UsageError
from archscope.network import Network
from archscope.polynomials import Polynomial, as_polynomial, roots, symbol
from archscope.ranges import Condition
from archscope.symbols import Ground, NotOpen, Refined, Symbolic

Made = TypeVar("Made")

Numbers = Callable[[Any], Sequence[tuple[str, Any]]]
"""The numbers of a network, each with what to call that which has it."""

_BESIDE: Final = (-1, 1, 7)
"""So many steps beside the network as it stands."""


def settled(ground: Ground | None, work: Callable[[], Made]) -> Made:
    """What some work makes, if it leaves the classes of sizes as they are.

    Raises:
        NotOpen: it would split them further.
    """
    if ground is None:
        return work()
    ranges, conditions, unlike = dict(ground.ranges), dict(ground.conditions), dict(ground.unlike)
    try:
        return work()
    except Refined:
        ground.ranges, ground.conditions, ground.unlike = ranges, conditions, unlike
        raise NotOpen("its divisions split the sizes further") from None


def prove(ground: Ground, made: Network, numbers: Numbers) -> None:
    """Hold formulas to numbers; leave out the sizes at which they are none.

    Raises:
        UsageError: they are none at sizes of which nothing says why.
    """
    formulas = numbers(made)
    why = ""
    tried: set[tuple[tuple[str, int], ...]] = set()
    while True:
        fresh = [each for each in _points(ground) if tuple(each.items()) not in tried]
        if not fresh:
            break
        for steps in fresh:
            tried.add(tuple(steps.items()))
            if ground.holds(steps) and (wrong := _wrong(ground, formulas, numbers, steps)):
                why = why or wrong
                _leave_out(ground, steps, wrong, lambda each: not _wrong(ground, formulas, numbers, each))
    for each in ground.ranges.values():
        if each.least == each.most:
            raise UsageError(f"`{each.name}`: a formula in it would hold for {each.value:,} alone"
                             f"{why and f' ({why})'}; leave another number open")  # fmt: skip


def _wrong(ground: Ground, formulas: Sequence[tuple[str, Any]], numbers: Numbers, steps: Mapping[str, int]) -> str:
    """What has another number than its formula says; empty if nothing has."""
    assert ground.plain is not None  # noqa: S101 - who has a ground has opened a network
    try:
        plain = numbers(ground.plain(ground.values(steps)))
    except ArchscopeError as error:
        return str(error).partition("\n")[0]
    if len(plain) != len(formulas):
        return f"{len(plain):,} numbers are {len(formulas):,} there"
    found = (called for (called, formula), (_, number) in zip(formulas, plain, strict=True)
             if _at(formula, steps) != (None if number is None else int(number)))  # fmt: skip
    wrong = next(found, None)
    why = f"has no formula in {', '.join(ground.ranges)}: a number of it goes by steps that no polynomial has"
    return "" if wrong is None else f"{wrong} {why}"


def _at(formula: Any, steps: Mapping[str, int]) -> int | None:
    if isinstance(formula, Symbolic):
        return formula.polynomial.at(**steps)
    return None if formula is None else int(formula)


def _points(ground: Ground) -> Iterator[dict[str, int]]:
    """The steps of all symbols, at the sizes to try: one symbol moves, then all, then where formulas would meet."""
    here, ranges = ground.here, list(ground.ranges.values())
    yield here
    for each in ranges:
        ends = [each.least, each.least + 1, *([] if each.most is None else [each.most])]
        ends += [*(each.here + more for more in _BESIDE), 4 * each.here + 1]
        yield from ({**here, each.step: step} for step in ends)
    if len(ranges) > 1:
        yield {each.step: each.least for each in ranges}
        yield {each.step: each.here + 1 for each in ranges}
    for polynomial in list(ground.unlike):
        yield from _meeting(ground, polynomial, here)


def _meeting(ground: Ground, polynomial: Polynomial, here: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Some steps at which a polynomial is 0: all for one symbol, and of several with the others at a few sizes."""
    known = {each.step: each for each in ground.ranges.values()}
    for name in polynomial.symbols:
        others = [other for other in polynomial.symbols if other != name]
        few = [sorted({known[other].least, known[other].least + 1, here[other]}) for other in others]
        for sizes in product(*few):
            fixed = dict(zip(others, sizes, strict=True))
            alone = polynomial
            for other, size in fixed.items():
                alone = alone.put(other, as_polynomial(size))
            yield from ({**here, **fixed, name: root} for root in roots(alone, name))


def _leave_out(ground: Ground, steps: Mapping[str, int], wrong: str, holds: Callable[[dict[str, int]], bool]) -> None:
    """Make the ranges smaller, or write down a condition, so that a point is in them no more."""
    here = ground.here
    moved = [each for each in ground.ranges.values() if steps[each.step] != here[each.step]]
    meets = next((each for each in ground.unlike if each.symbols and not each.at(**steps)), None)
    if len(moved) == 1:
        (known,) = moved
        end, now = steps[known.step], here[known.step]
        if meets is None or end in (known.least, known.most):
            good = _border(end, now, lambda step: holds({**here, known.step: step}))
            return ground.narrow(known.step, *((good, None) if end < now else (None, good)))
    if meets is None:
        raise UsageError(wrong)
    if len(meets.symbols) == 1:
        meets = symbol(meets.symbols[0]) - steps[meets.symbols[0]]
    ground.conditions[Condition(meets, "≠")] = None
    return None


def _border(end: int, here: int, holds: Callable[[int], bool]) -> int:
    """The step next to an end at which formulas hold, as far as they hold from there to the network as it stands."""
    bad, good = end, here
    while abs(good - bad) > 1:
        middle = (bad + good) // 2
        if holds(middle):
            good = middle
        else:
            bad = middle
    return good


__all__ = ["prove", "settled"]
