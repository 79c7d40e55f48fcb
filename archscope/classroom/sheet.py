"""`Sheet`: which numbers of which layers are asked for; the numbers themselves are the analysis's.

>>> import archscope
>>> sheet = sheet_of(archscope.analyze(archscope.load("lenet5")), layers="C1..S2", blank="parameters")
>>> [(each.layer, each.quantity, each.right.working) for each in sheet.questions]
[('C1', 'parameters', '(5·5·1 + 1)·6'), ('S2', 'parameters', '(1 + 1)·6')]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from archscope.analysis import Analysis, Row
from archscope.errors import NotFound, UsageError, did_you_mean
from archscope.layers.base import Shape
from archscope.options import spell
from archscope.record import EMPTY, Record, lazily
from archscope.working import Count

TOTAL: Final = "total"
"""What the line of the whole network is called."""

QUANTITIES: Final[Mapping[str, str]] = {
    "output": "the shape that goes out, channels first",
    "parameters": "trainable values",
    "fixed": "values held but not trained",
    "connections": "weighted input lines of all units; bias lines and lines into the padding count",
    "macs": "multiply-accumulates of convolutions and matrix products; biases do not count",
    "flops": "2 · MACs",
    "units": "output values of a layer that holds weights: the papers' neurons",
    "receptive_field": "input positions along one axis that reach one output value",
}
"""What can be asked for, with its definition."""

HEADINGS: Final[Mapping[str, str]] = {
    "output": "Output", "parameters": "Parameters", "fixed": "Fixed", "connections": "Connections", "macs": "MACs",
    "flops": "FLOPs", "units": "Units", "receptive_field": "Receptive field",
}  # fmt: skip

USUAL: Final = ("output", "parameters", "connections", "macs")
MOST_ROWS: Final = 400
"""Lines of a sheet: ten pages are no homework any more."""

Value = Count | Shape


class Question(Record):
    """One empty cell: a layer, or `TOTAL`, a quantity, and the right answer."""

    layer: str
    quantity: str
    right: Any


class Sheet(Record):
    """A worksheet.

    Attributes:
        analysis: the network's numbers.
        spec: what the network was called on the command line.
        rows: the layers that stand on it.
        blank: the quantities that are left empty.
        seed: which variation it is; None for the network as it is.
        changes: what the variation changed, by ``layer.option``.
        whole: whether a line for the whole network stands below.
    """

    analysis: Analysis
    spec: str
    rows: tuple[Row, ...]
    blank: tuple[str, ...]
    seed: int | None = None
    changes: Mapping[str, Any] = EMPTY
    whole: bool = True

    @property
    def title(self) -> str:
        """What stands at its head."""
        return self.analysis.title

    @property
    def number(self) -> str:
        """What tells it from its neighbour's: ``Sheet 7``."""
        return "" if self.seed is None else f"Sheet {self.seed}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The quantities that have a column; the output is given where it is not asked for."""
        return self.blank if "output" in self.blank else ("output", *self.blank)

    @lazily
    def questions(self) -> tuple[Question, ...]:
        """Every empty cell, line by line."""
        return tuple(self.answers.values())

    @lazily
    def answers(self) -> Mapping[tuple[str, str], Question]:
        """Every empty cell by layer and quantity."""
        found = [
            Question(name, quantity, value)
            for name in self.lines
            for quantity in self.blank
            if (value := self.value(name, quantity)) is not None and self.asks(name, quantity)
        ]
        return {(each.layer, each.quantity): each for each in found}

    @property
    def lines(self) -> tuple[str, ...]:
        """The names of its lines: the layers, and the whole where none is left out."""
        return (*(row.name for row in self.rows), *((TOTAL,) if self.whole else ()))

    def asks(self, name: str, quantity: str) -> bool:
        """Whether a cell is worth filling in: a count of what has neither weights nor a window is plainly 0."""
        if name == TOTAL:
            return quantity not in ("output", "receptive_field")
        row = self.analysis[name]
        if quantity == "output":
            return True
        if quantity == "receptive_field":
            return row.kernel is not None
        return bool(row.weights) or row.kernel is not None or bool(row.count_of(quantity))

    def value(self, name: str, quantity: str) -> Any:
        """The right answer; None where it is not covered."""
        if name == TOTAL:
            return None if quantity in ("output", "receptive_field") else self.analysis.totals.count_of(quantity)
        row = self.analysis[name]
        if quantity == "output":
            return row.outputs[0] if len(row.outputs) == 1 else None
        if quantity == "receptive_field":
            field = row.receptive_field
            return None if field is None or len({int(each) for each in field}) != 1 else field[0]
        return row.count_of(quantity)


def sheet_of(
    analysis: Analysis,
    *,
    spec: str = "",
    layers: str | None = None,
    blank: str | Sequence[str] | None = None,
    seed: int | None = None,
    changes: Mapping[str, Any] = EMPTY,
) -> Sheet:
    """A sheet of some layers, ``"C1..F6"`` or ``"C1,C3"``, with some quantities left empty.

    Raises:
        NotFound: there is no such layer or quantity.
        UsageError: it would leave nothing blank, or be too long.
    """
    chosen = _chosen(analysis, layers)
    if len(chosen) > MOST_ROWS:
        raise UsageError(f"a sheet of {len(chosen):,} layers is too long; name up to {MOST_ROWS} of them with --layers")
    whole = layers is None and all(row.name != TOTAL for row in chosen)
    sheet = Sheet(analysis, spec or analysis.name, chosen, _blanks(blank), seed, changes, whole)
    if not sheet.questions:
        asked = ", ".join(sheet.blank) or "no quantity"
        raise UsageError(f"this sheet of {analysis.name} leaves nothing blank: {asked} of {layers or 'all layers'}; "
                         f"name other quantities with --blank: {', '.join(QUANTITIES)}")  # fmt: skip
    return sheet


def _chosen(analysis: Analysis, layers: str | None) -> tuple[Row, ...]:
    rows = analysis.rows
    if layers is None:
        return rows
    names = [row.name for row in rows]
    wanted: list[str] = []
    for part in layers.split(","):
        first, dots, last = (each.strip() for each in part.partition(".."))
        for each in (first, last) if dots else (first,):
            if each not in names:
                raise NotFound(f"{analysis.name} has no layer `{each}`; {did_you_mean(each, names, what='layers')}")
        if dots and names.index(last) < names.index(first):
            raise UsageError(f"`--layers {layers}`: `{last}` stands before `{first}`")
        wanted += names[names.index(first) : names.index(last) + 1] if dots else [first]
    return tuple(row for row in rows if row.name in wanted)


def _blanks(blank: str | Sequence[str] | None) -> tuple[str, ...]:
    if blank is None:
        return USUAL
    names = [each.strip() for each in (blank.split(",") if isinstance(blank, str) else blank)]
    names = [each for each in names if each]
    for each in names:
        if each not in QUANTITIES:
            raise NotFound(f"no quantity `{each}` to leave blank; {did_you_mean(each, QUANTITIES, what='quantities')}")
    return tuple(each for each in QUANTITIES if each in names)


def options_of(row: Row) -> str:
    """A layer's options as a sheet states them, in one line: ``conv2d: out_channels 6, kernel_size 5``."""
    layer = row.node.layer
    copies = len(row.towers)
    stated = [f"{name} {_spelled(value)}" for name, value in layer.stated().items()]
    text = f"{layer.type}: {', '.join(stated)}" if stated else layer.type
    if row.activation:
        text += f", then {row.activation}"
    return f"{text}; on each of {copies} towers" if copies > 1 else text


def _spelled(value: Any) -> str:
    if isinstance(value, (list, tuple)) and any(isinstance(each, (list, tuple)) for each in value) and len(value) > 3:
        return "below"
    text = spell(value)
    return text if len(text) <= 40 else "see the spec"


def tables_of(sheet: Sheet) -> Mapping[str, tuple[int, tuple[tuple[int, ...], ...]]]:
    """The connection tables of its layers: how many input maps there are, and which of them each output map sees."""
    found = {}
    for row in sheet.rows:
        table = getattr(row.node.layer, "connection_table", None)
        if table is not None:
            found[row.name] = (int(row.input_shapes[0][0]), table)
    return found
