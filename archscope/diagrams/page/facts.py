"""What the page shows at its side of a shape: the numbers of its layers with their working, or a block's sums.

>>> import archscope
>>> facts = Facts(archscope.analyze("lenet5"))
>>> facts.rows(["C1"])
[[0, 'C1']]
>>> facts.told[0]["facts"][1]
['parameters', '156', '(5·5·1 + 1)·6']
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from archscope.analysis import Analysis, Row
from archscope.diagrams.cost import Coloring
from archscope.layers.base import spell_shape, spell_shapes

QUANTITIES: Final = ("parameters", "fixed", "connections", "macs", "units")
"""The numbers that are shown of a layer, where they are not 0."""

_NAMES: Final[Mapping[str, str]] = {"macs": "MACs"}


class Facts:
    """Of one network.

    Attributes:
        told: what layers have to say, each once; a shape says where in it that stands.
    """

    def __init__(self, analysis: Analysis, coloring: Coloring | None = None) -> None:
        self.analysis = analysis
        self.coloring = None if coloring is None or coloring.quantity in QUANTITIES else coloring
        self.told: list[Mapping[str, Any]] = []
        self._places: dict[str, int] = {}
        self._nodes = {row.name: row for row in analysis.nodes}

    def rows(self, layers: Iterable[str]) -> list[list[Any]]:
        """The layers of one shape, those with the same numbers together: the place of these, then the names."""
        found: dict[int, list[Any]] = {}
        for name in layers:
            row = self._nodes.get(name)
            if row is None:
                shape = self.analysis.network.inputs.get(name, ())
                one: dict[str, Any] = {"is": "input", "facts": [["output", spell_shape(shape)]]}
            else:
                one = {"is": row.label, "facts": [*_numbers(row), *self._price([name])]}
            place = self._place(one)
            found.setdefault(place, [place]).append(name)
        return list(found.values())

    def _place(self, one: Mapping[str, Any]) -> int:
        key = json.dumps(one)
        if key not in self._places:
            self._places[key] = len(self.told)
            self.told.append(one)
        return self._places[key]

    def _price(self, layers: Iterable[str]) -> Iterator[list[str]]:
        """What the colours say, where no number of a table says it."""
        said = self.coloring.said(layers) if self.coloring else ""
        if self.coloring and said:
            yield [self.coloring.unit, said]

    def sums(self, layers: Sequence[str]) -> list[list[str]]:
        """The sums of a block, copies included, and what part of the whole network each is."""
        rows = self._rows_of(layers)
        sums = [["layers", f"{len({row.node.row for row in rows}):,}"]]
        for quantity in QUANTITIES:
            name, total = name_of(quantity), _total(rows, quantity)
            if total is None:
                sums.append([name, "not covered"])
            elif total:
                sums.append([name, f"{total:,}", *(f"{each} of the whole" for each in self._share(total, quantity))])
        return [*sums, *self._price(layers)]

    def lines(self, layers: Iterable[str], copies: int) -> Iterator[str]:
        """What stands on a closed block: its parameters and its MACs, copies included, and their part of the whole."""
        rows = self._rows_of(layers)
        for quantity in ("parameters", "macs"):
            total = _total(rows, quantity)
            if total:
                times = f"{copies} × {total // copies:,}" if copies > 1 and total % copies == 0 else f"{total:,}"
                name = name_of(quantity) if total > 1 else name_of(quantity).removesuffix("s")
                yield " · ".join((f"{times} {name}", *self._share(total, quantity)))

    def _rows_of(self, layers: Iterable[str]) -> list[Row]:
        return [self._nodes[name] for name in layers if name in self._nodes]

    def _share(self, total: int, quantity: str) -> Iterator[str]:
        whole = self.analysis.totals.count_of(quantity)
        if whole:
            yield f"{100 * total / int(whole):.1f} %"


def name_of(quantity: str) -> str:
    """What a quantity is called for readers."""
    return _NAMES.get(quantity, quantity)


def _numbers(row: Row) -> Iterator[list[str]]:
    yield ["output", spell_shapes(row.outputs)]
    for quantity in QUANTITIES:
        count = row.count_of(quantity)
        if count is None:
            yield [name_of(quantity), "not covered", *filter(None, (row.reasons.get(quantity),))]
        elif count:
            yield [name_of(quantity), f"{int(count):,}", *((count.working,) if count.op else ())]
    if row.receptive_field:
        yield ["receptive field", spell_shape(row.receptive_field)]


def _total(rows: Iterable[Row], quantity: str) -> int | None:
    counts = [row.count_of(quantity) for row in rows]
    return None if None in counts else sum(int(each) for each in counts if each is not None)


def common(names: Sequence[str]) -> str:
    """What all names of layers begin with.

    >>> common(["conv2.0.a", "conv2.0.b"])
    'conv2.0'
    """
    parts = [name.split(".") for name in names]
    shared = 0
    while all(len(each) > shared and each[shared] == parts[0][shared] for each in parts):
        shared += 1
    return ".".join(parts[0][:shared])
