"""`Plan`: which networks a sweep has, each by its number, without holding a million of them.

>>> found = plan([Spec("tiny", "input: [4]\\nlayers: {a: {type: linear, out_features: 2}}")],
...              [axis("a.out_features", values("1..3")), axis("input", shapes("4..8:4"))])
>>> len(found), found.keys, found.point(4).settings
(6, ('a.out_features', 'input'), ('3', '4'))
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from archscope.budgets import Asked, Budget, read_budget, read_quantity
from archscope.errors import UsageError
from archscope.reader.touching import INPUT
from archscope.record import Record
from archscope.sweep.ranges import MOST_POINTS, shapes, split, values

USUAL: Final = "parameters,macs"
"""What is asked of each network where nothing is said: sums that the layers' rules give."""

ALONE: Final = "network"
"""The name of the one network that a column or a filter is about."""

_FEW: Final = 5_000


class Spec(NamedTuple):
    """A network that is varied: the text of its spec, or where it is read from if it is a module."""

    name: str
    text: str
    variant: str | None = None
    path: str | None = None


class Point(NamedTuple):
    """One network of a sweep: which spec, and what is set, an entry for each key of the plan; None is left alone."""

    number: int
    spec: Spec
    settings: tuple[str | None, ...]


class Axis(Record):
    """What is varied together: some keys, and for each step along it a value of each."""

    keys: tuple[str, ...]
    single: Sequence[str] = ()
    several: Sequence[tuple[str | None, ...]] = ()

    def __len__(self) -> int:
        return len(self.single) or len(self.several)

    def at(self, step: int) -> tuple[str | None, ...]:
        """The values at a step."""
        return (self.single[step],) if self.single else self.several[step]


def axis(key: str, steps: Sequence[str]) -> Axis:
    """One key with its values."""
    return Axis((key,), single=steps)


class Plan(Record):
    """Every combination of some specs and axes, the last axis fastest; see `plan`.

    Attributes:
        specs: the networks that are varied.
        axes: what is varied.
        columns: the quantities of a row, as they are written.
        where: comparisons that a row has to keep to be written.
        fitting: whether settings that no network can have get no row.
        first: the number of the first point.
    """

    specs: tuple[Spec, ...]
    axes: tuple[Axis, ...]
    columns: tuple[str, ...]
    where: tuple[str, ...] = ()
    fitting: bool = False
    first: int = 0

    @property
    def size(self) -> int:
        """How many networks it has, which may be more than Python lets a length be."""
        many = len(self.specs)
        for each in self.axes:
            many *= len(each)
        return many

    def __len__(self) -> int:
        return self.size

    @property
    def keys(self) -> tuple[str, ...]:
        """What is set, in the order of the settings of a point."""
        return tuple(key for each in self.axes for key in each.keys)

    @property
    def heading(self) -> tuple[str, ...]:
        """The names of what a row holds."""
        return ("point", "network", *self.keys, *self.columns, "why")

    def asked(self) -> list[Asked]:
        """The columns as quantities."""
        return [read_quantity(each, ALONE) for each in self.columns]

    def budgets(self) -> list[Budget]:
        """The filters as comparisons."""
        return [read_budget(each, ALONE) for each in self.where]

    def point(self, number: int) -> Point:
        """One of its networks, by number."""
        rest, parts = number - self.first, []
        for each in reversed(self.axes):
            rest, step = divmod(rest, len(each))
            parts.append(each.at(step))
        return Point(number, self.specs[rest], tuple(value for part in reversed(parts) for value in part))

    def points(self, start: int, stop: int) -> Iterator[Point]:
        """Some of its networks, one after another."""
        return (self.point(number) for number in range(start, stop))

    @property
    def each(self) -> int:
        """How many networks there are of each spec."""
        return self.size // len(self.specs)

    def chunks(self, start: int, most: int) -> Iterator[tuple[int, int]]:
        """Numbers of points from ``start`` on, some of one spec at a time: the first, and the one behind the last."""
        while start < self.size:
            stop = min(start + most, (start // self.each + 1) * self.each)
            yield start, stop
            start = stop

    def part(self, start: int, stop: int) -> Plan:
        """What a worker needs for a chunk: its spec, and its points one by one where the values are many."""
        own = start // self.each
        only = self.replace(specs=(self.specs[own],), first=own * self.each)
        if sum(len(each.several) + len(each.single) * isinstance(each.single, tuple) for each in self.axes) <= _FEW:
            return only
        listed = Axis(self.keys, several=tuple(each.settings for each in self.points(start, stop)))
        return only.replace(axes=(listed,), first=start)

    @property
    def identity(self) -> str:
        """Tells a sweep from every other one: its specs, its values in their order, its columns and filters."""
        said = hashlib.sha256()
        axes = [(each.keys, each.several or [*getattr(each.single, "parts", each.single)]) for each in self.axes]
        for part in (self.specs, axes, self.columns, self.where, self.fitting):
            said.update(repr(part).encode(errors="surrogatepass"))
        return said.hexdigest()


def plan(
    specs: Sequence[Spec],
    axes: Sequence[Axis],
    columns: str = USUAL,
    where: Sequence[str] = (),
    *,
    fitting: bool = False,
) -> Plan:
    """Lay a sweep out.

    Raises:
        UsageError: something is set twice, there are too many points, or a column or a filter is none.
    """
    keys = [key for each in axes for key in each.keys]
    twice = next((key for place, key in enumerate(keys) if key in keys[:place]), None)
    if twice is not None:
        raise UsageError(f"`{twice}` is varied twice; write all its values at one place, with commas between")
    made = Plan(tuple(specs), tuple(axes), tuple(dict.fromkeys(split(columns))), tuple(where), fitting)
    if made.size > MOST_POINTS:
        raise UsageError(f"a sweep of {made.size:,} networks never ends; vary less, or take larger steps")
    made.asked()
    made.budgets()
    return made


def set_axis(text: str) -> Axis:
    """What follows ``--set``: ``C1.padding=0..4``.

    Raises:
        UsageError: it is no key with values.
    """
    key, sign, written = text.partition("=")
    key = key.strip()
    if not sign or not key:
        raise UsageError(f"`--set {text}`: write a layer's option and its values, such as C1.padding=0..4")
    return axis(full_key(key), values(written.strip(), f"--set {key}="))


def full_key(key: str) -> str:
    """A name alone is one of ``let``.

    >>> full_key("depth"), full_key("C1.padding")
    ('let.depth', 'C1.padding')
    """
    return key if "." in key or key == INPUT else f"let.{key}"


def input_axis(texts: Sequence[str]) -> list[Axis]:
    """What follows each ``--input``: shapes of the one input, or of those that are named.

    Raises:
        UsageError: an extent is empty or has no end.
    """
    grown: dict[str, list[str]] = {}
    for text in texts:
        name, _, written = text.partition("=")
        named = name.strip().isidentifier()
        key = f"{INPUT}.{name.strip()}" if named else INPUT
        grown.setdefault(key, []).extend(shapes(written if named else text, "--input "))
    return [axis(key, tuple(dict.fromkeys(each))) for key, each in grown.items()]
