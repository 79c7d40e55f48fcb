"""Where values decide how many rows each part of a layer has: the least and the most that is held, over all ways.

Each position chooses ``k`` of ``n`` parts, each once, so that with ``t`` positions the rows ``r₁ … rₙ`` are at most
``t`` each and ``k·t`` together. Every block of memory is so many bytes a row, and what is held at a moment therefore
``c + w₁·r₁ + … + wₙ·rₙ``. Where all ``w`` are the same it is ``c + w·k·t``, whatever values decide. One run finds all
these sums: its rows are powers of a number that no sum reaches, so that the digits of what is held are ``c`` and the
``w`` (Kronecker's substitution).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from archscope.layers.steps import Routing
from archscope.memory.ledger import Ledger
from archscope.network import Network, Node
from archscope.record import Record

Route = Callable[[Node, Routing, int], Sequence[int] | None]
"""How many rows each part of a layer has, of so many positions of all samples; None where nobody knows."""


def all_to_the_first(node: Node, routing: Routing, positions: int) -> Sequence[int]:  # noqa: ARG001 - a `Route`
    """All rows to the first part, as what a layer keeps is the same however they are shared out.

    No position chooses a part twice, so that this is for what is kept alone, and not for what is held meanwhile.
    """
    return (positions * routing.chosen, *(0 for _ in range(routing.parts - 1)))


_WORD: Final = 64
"""Bits of a machine's word, of which a digit has two."""

_DIGIT: Final = 2 * _WORD
"""Bits of a digit: no sum of bytes reaches 2¹²⁸, however large the batch is."""

Rows = tuple[int, ...]

Noted = tuple[str, str, int]
"""A phase, a layer, and what is held, in digits."""


class Shares(Record):
    """Rows to share out: among how many parts, how many a position chooses, positions of all samples."""

    parts: int
    chosen: int
    positions: int

    @property
    def rows(self) -> int:
        """Rows of all parts together."""
        return self.chosen * self.positions

    def evenly(self) -> Rows:
        """As even as can be, the first parts having one more.

        >>> Shares(4, 2, 3).evenly()
        (2, 2, 1, 1)
        """
        each, more = divmod(self.rows, self.parts)
        return tuple(each + (part < more) for part in range(self.parts))


class Sum(Record):
    """What is held at a moment: bytes whatever the rows are, and bytes a row of each part."""

    fixed: int
    each: Rows

    @property
    def even(self) -> bool:
        """Whether a row of every part takes the same, so that it does not matter whose it is."""
        return len(set(self.each)) == 1

    def at(self, rows: Sequence[int]) -> int:
        """Bytes for some rows.

        >>> Sum(100, (4, 2)).at((10, 5))
        150
        """
        return self.fixed + sum(each * many for each, many in zip(self.each, rows, strict=True))

    def most(self, shares: Shares) -> int:
        """Most bytes, over all rows: all positions choose the same parts, those whose rows take most.

        >>> Sum(100, (4, 2, 3)).most(Shares(3, 2, 10))
        170
        """
        return self.fixed + shares.positions * sum(sorted(self.each, reverse=True)[: shares.chosen])

    def fewest(self, shares: Shares) -> int:
        """Fewest bytes, over all rows: all positions choose the parts whose rows take least."""
        return self.fixed + shares.positions * sum(sorted(self.each)[: shares.chosen])


def least(sums: Iterable[Sum], shares: Shares) -> tuple[int, Rows | None]:
    """The smallest, over all rows, of the largest of some sums; rows that reach it, None where none were found.

    Parts run one after the other. Sums are of one of two forms, a row being counted beside what it takes once all
    parts have run, of which nothing is there before:

    * it keeps something: ``… 0, α, -κ, -κ …``; the later parts have, the less is held while an earlier one runs;
    * it keeps nothing: ``… 0, β, α, 0 …`` with ``β ≤ α``: what is left of the part before is held yet.

    A bound holds if each part in turn can be given as many rows as it allows and none are left: in the first form from
    the last part, in the second from the first, as a row less for one never makes room for two of the next. Sums of
    another form are left out, which makes a bound smaller and no less true; it is reached if the rows found keep to it
    with all sums.

    >>> least([Sum(0, (8, 0)), Sum(0, (2, 8))], Shares(2, 1, 18))  # 8·10; 2·10 + 8·8
    (84, (10, 8))
    """
    every = [*sums]
    if shares.chosen == shares.parts:  # every part has all positions
        return max(each.at(shares.evenly()) for each in every), shares.evenly()
    keeps = any(min(each.each) < 0 for each in every)
    forms = [form for each in every if (form := _form(each, keeps=keeps)) is not None]
    order = range(shares.parts - 1, -1, -1) if keeps else range(shares.parts)
    by_part = [[form for form in forms if form.part == part] for part in range(shares.parts)]

    def within(bound: int) -> Rows | None:
        """Rows with which no sum is more; None where there are none."""
        rows, left, given = [0] * shares.parts, shares.rows, 0
        for part in order:
            room = min(shares.positions, left)
            for form in by_part[part]:
                if form.own > 0:
                    room = min(room, (bound - form.fixed - form.next_to * (given if keeps else rows[part - 1]))
                               // form.own)  # fmt: skip
            if room < 0:
                return None
            rows[part] = room
            left, given = left - room, given + room
        return None if left or any(form.sum.at(rows) > bound for form in forms) else tuple(rows)

    found = shares.evenly()
    high = max(form.sum.at(found) for form in forms)
    low = max(form.sum.fewest(shares) for form in forms)
    while low < high:
        middle = (low + high) // 2
        rows = within(middle)
        if rows is None:
            low = middle + 1
        else:
            high, found = middle, rows
    return high, found if all(each.at(found) <= high for each in every) else None


class _Form(Record):
    """A sum by the last part that it goes by: bytes a row of that part, and of the one before or of all later ones."""

    sum: Sum
    part: int
    own: int
    next_to: int

    @property
    def fixed(self) -> int:
        return self.sum.fixed


def _form(sum: Sum, *, keeps: bool) -> _Form | None:
    """A sum as `least` needs it; None where it is of neither form."""
    parts = [part for part, each in enumerate(sum.each) if each]
    if not parts:
        return _Form(sum, 0, 0, 0)
    first, rest = parts[0], sum.each[parts[0] + 1 :]
    if keeps:
        later = rest[0] if rest else 0
        return _Form(sum, first, sum.each[first], later) if later <= 0 and len({*rest}) <= 1 else None
    if len(parts) == 1:
        return _Form(sum, first, sum.each[first], 0)
    pair = parts == [first, first + 1] and sum.each[first] <= sum.each[first + 1]
    return _Form(sum, first + 1, sum.each[first + 1], sum.each[first]) if pair else None


class Span(Record):
    """What a phase holds at its fullest moment, over all rows.

    Attributes:
        least: the least that it can be.
        most: the most that it can be.
        rows: rows with which it is the least, by the name of each layer where values decide; None where a layer has
            none that were found, so that it may be more.
    """

    least: int
    most: int
    rows: Mapping[str, Rows] | None


class Moments(Ledger):
    """A ledger that notes each moment."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[Noted] = []

    def _note(self) -> None:
        self.noted.append((self.phase, self.layer, self.held))

    def ends_alone(self) -> None:
        """Nothing is noted of this phase but what was held when it began, and what is held now."""
        first = next(place for place, (phase, _, _) in enumerate(self.noted) if phase == self.phase)
        del self.noted[first + 1 :]
        super().ends_alone()


class Digits:
    """Rows of which what is held says how many bytes go by each: those of layers that share out alike are the same."""

    def __init__(self, network: Network, batch: int) -> None:
        self.by_node: dict[str, Shares] = {}
        for node in network.nodes:
            routing = node.layer.routing(network.facts[node.name])
            if routing is not None:
                self.by_node[node.name] = Shares(routing.parts, routing.chosen, batch * routing.positions)
        self._begin: dict[Shares, int] = {}
        self._many = 1
        for shares in dict.fromkeys(self.by_node.values()):
            self._begin[shares] = self._many
            self._many += shares.parts

    def route(self, node: Node, routing: Routing, positions: int) -> Rows:  # noqa: ARG002 - a `Route`
        """The rows of a layer, as digits."""
        shares = self.by_node[node.name]
        return tuple(1 << (_DIGIT * (self._begin[shares] + part)) for part in range(shares.parts))

    def layers(self, network: Network) -> dict[str, str]:
        """The layers of which values decide, and what they decide."""
        return {node.row: node.layer.varies for node in network.nodes if node.name in self.by_node}

    def sums(self, held: int) -> Mapping[Shares, Sum]:
        """What is held, by those that share out alike; of the others' rows only how many there are counts."""
        words = array("Q", held.to_bytes(self._many * _DIGIT // 8, "little"))
        digits = tuple(low | high << _WORD for low, high in zip(words[::2], words[1::2], strict=True))
        parts = {shares: digits[first : first + shares.parts] for shares, first in self._begin.items()}
        others = {shares: min(each) * shares.rows for shares, each in parts.items()}
        fixed = digits[0] + sum(others.values())
        return {shares: Sum(fixed - others[shares], each) for shares, each in parts.items()}

    def most(self, held: int) -> int:
        """Most bytes, over all rows."""
        return max(each.most(shares) for shares, each in self.sums(held).items())


def span(digits: Digits, noted: Sequence[Noted], phase: str) -> Span:
    """The least and the most of a phase, of moments in digits."""
    held_by: dict[str, dict[int, None]] = {}
    for name, layer, held in noted:
        if name == phase:
            held_by.setdefault(layer if layer in digits.by_node else "", {})[held] = None
    most = max(digits.most(held) for every in held_by.values() for held in every)
    floor = max((digits.most(held) for held in held_by.pop("", ())), default=0)
    rows: dict[str, Rows | None] = {}
    known: dict[tuple[Shares, frozenset[Sum]], tuple[int, Rows | None]] = {}
    for layer, every in held_by.items():
        shares = digits.by_node[layer]
        sums = [digits.sums(held)[shares] for held in every]
        # Once a layer has run, and before its backward pass, a row of any part takes the same.
        kept = max(sums[0].each[0], *(each.each[0] for each in sums if each.even))
        # Layers that are alike differ by what is held around them, whatever the rows are.
        around = min(each.fixed for each in sums) + kept * shares.rows
        own = frozenset(Sum(each.fixed + kept * shares.rows - around, tuple(one - kept for one in each.each))
                        for each in sums)  # fmt: skip
        if (shares, own) not in known:
            known[shares, own] = least(own, shares)
        bound, rows[layer] = known[shares, own]
        floor = max(floor, around + bound)
    reached = {layer: found for layer, found in rows.items() if found is not None}
    return Span(floor, most, reached if len(reached) == len(rows) else None)
