"""`Sheet`: an analysis brought into lines of text, before any format has its way with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from archscope.analysis import Analysis, Row, Totals
from archscope.errors import Rejects
from archscope.formats.columns import OFF_THE_GRID, Column, chosen
from archscope.layers.base import spell_shape
from archscope.memory import after_forward
from archscope.observed import Looked, Observed
from archscope.record import Record
from archscope.symbols import Ground, Refined
from archscope.working import Count, digits, factor

NOT_COVERED = "–"
"""What stands where a number is not known; a note below says why."""

_FEW: Final = 8
"""Names that a line lists before it says how many more there are."""


class View(Record):
    """What to show of an analysis, and how.

    Attributes:
        columns: names out of `archscope.formats.columns.COLUMNS`; None for the usual ones.
        working: whether the arithmetic behind each count is shown.
        every_node: a line for every node instead of one for each layer of the spec.
        depth: a line for every group at this depth, 1 for the outermost; None for a line for every layer.
        most: lines, of which the first half and the last are those of the table; None for all.
        width: characters a line may have; None where nothing is cut or wrapped.
        color: whether terminal codes may be written.
    """

    columns: tuple[str, ...] | None = None
    working: bool = False
    every_node: bool = False
    depth: int | None = None
    most: int | None = None
    width: int | None = None
    color: bool = False

    def rows(self, analysis: Analysis) -> tuple[Row, ...]:
        """The rows it shows."""
        if self.depth is not None:
            return analysis.at(self.depth)
        return analysis.nodes if self.every_node else analysis.rows


class Cell(Record):
    """One number or text; ``note`` is the number of the note on it: why it is not covered, or whose weights it uses."""

    text: str
    note: int | None = None
    count: Count | None = None

    @property
    def working(self) -> str | None:
        """The arithmetic behind it, where there is any; written when it is asked for, which most formats never do."""
        return self.count.working if self.count else None


class Step(Record):
    """The arithmetic behind one count."""

    layer: str
    quantity: str
    working: str
    value: str


class Sheet(Record):
    """Everything a page shows, in order: a heading, the table, its totals, what is below, the notes."""

    title: str
    subtitle: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    totals: tuple[Cell, ...]
    steps: tuple[Step, ...]
    below: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    left: int = 0
    """Lines that are left out, in the middle of the rows."""


def lay_out(analysis: Analysis, view: View) -> Sheet:
    """Bring what a view asks for into text.

    Raises:
        NotFound: the view names a column that does not exist.
    """
    columns = chosen(view.columns, of=analysis)
    notes: dict[str, int] = {}
    rows = view.rows(analysis)
    lost = _where_the_grid_is_lost(rows)
    left = len(rows) - view.most if view.most is not None and len(rows) > view.most else 0
    if left and view.most is not None:
        rows = rows[: view.most - view.most // 2] + rows[len(rows) - view.most // 2 :]
    inputs = ", ".join(_input(analysis, name) for name in analysis.network.inputs)
    return Sheet(
        title=analysis.title,
        subtitle=f"{analysis.name}: {inputs}",
        columns=columns,
        rows=tuple(tuple(_cell(column, row, lost, notes) for column in columns) for row in rows),
        totals=tuple(_total(column, analysis, notes) for column in columns),
        steps=tuple(_steps(rows, columns)) if view.working else (),
        below=tuple(_below(analysis)),
        notes=tuple(notes),
        left=left,
    )


def _input(analysis: Analysis, name: str) -> str:
    shape, many = spell_shape(analysis.network.inputs[name]), analysis.network.vocabularies.get(name)
    return f"{name} {shape}" if many is None else f"{name} {shape} of a vocabulary of {many:,}"


def spell(column: Column, value: Any) -> str:
    """The plain value of a column as a person reads it."""
    if value is None:
        return "" if not column.reason else NOT_COVERED
    if isinstance(value, int):
        return digits(value)
    if isinstance(value, str):
        return value
    if column.numeric:
        return str(value[0]) if len(set(value)) == 1 else spell_shape(value)
    if column.name == "kernel":
        return spell_shape(value)
    return ", ".join(each if isinstance(each, str) else spell_shape(each) for each in value)


def _cell(column: Column, row: Row, lost: Mapping[str, str], notes: dict[str, int]) -> Cell:
    value = column.value(row)
    text = row.shown if column.name == "layer" else spell(column, value)
    if value is None and column.reason:
        reason = row.reason(column.name) if column.is_count else lost.get(row.name)
        return Cell(_at_least(column, row, text), _note(reason or column.reason, notes))
    shared = row.shares if column.name == "parameters" and len({node.row for node in row.nodes}) == 1 else ()
    note = _note(f"{row.shown}: shared with {', '.join(shared)}, and counted there", notes) if shared else None
    return Cell(text, note, row.count_of(column.name) if column.is_count else None)


def _where_the_grid_is_lost(rows: Sequence[Row]) -> dict[str, str]:
    """For each row without a receptive field, the first layer that took it away, and why."""
    lost: dict[str, str] = {}
    constant: set[str] = set()  # what no input of the network reaches took nothing away from what it is joined with
    for row in rows:
        if constant.issuperset(row.inputs):
            constant.add(row.name)
        if row.receptive_field is None:
            sources = [name for name in row.inputs if name in lost and (name not in constant or row.name in constant)]
            before = next((lost[name] for name in sources), None)
            own = row.reason("receptive_field")
            told = f"from {row.name} on: {own}" if row.inputs else own  # what reads nothing took nothing away
            lost[row.name] = before or (told if own and told else OFF_THE_GRID)
    return lost


def _total(column: Column, analysis: Analysis, notes: dict[str, int]) -> Cell:
    if column.name == "layer":
        return Cell("Total")
    if not column.is_count:
        return Cell("")
    value = analysis.totals.count_of(column.name)
    if value is None:
        text = _at_least(column, analysis.totals, NOT_COVERED)
        return Cell(text, _note(analysis.totals.reasons[column.name], notes))
    return Cell(digits(value))


def _at_least(column: Column, of: Row | Totals, otherwise: str) -> str:
    """A lower bound, where something is known of a number that is not."""
    known = {"macs": of.macs_at_least, "flops": 2 * of.macs_at_least}.get(column.name, 0)
    return f"≥ {int(known):,}" if known else otherwise


def _note(reason: str, notes: dict[str, int]) -> int:
    """The number of a note below the table, which is of the first who needed it."""
    return notes.setdefault(reason, len(notes) + 1)


def _steps(rows: Sequence[Row], columns: Sequence[Column]) -> Iterable[Step]:
    for row in rows:
        for column in columns:
            value = row.count_of(column.name) if column.is_count else None
            if value:
                yield Step(row.name, column.heading, value.working, digits(value))


def _below(analysis: Analysis) -> Iterable[tuple[str, str]]:
    totals = analysis.totals
    if analysis.network.batch != 1:
        samples = f"{factor(analysis.network.batch)} samples"
        yield ("Batch", f"{samples}: connections and MACs are of all of them; shapes, units and parameters of one")
    if analysis.ground is not None:
        yield from _formulas(analysis)
        yield from _symbols(analysis.ground)
        return
    fixed = f" and {digits(totals.fixed)} fixed" if totals.fixed else ""
    types = " and ".join(analysis.weight_types)
    types += f" ({analysis.apart:,} sparse or packed)" if analysis.apart else ""
    yield (
        "Weights",
        f"{spell_bytes(analysis.weight_bytes())} in {types}: {digits(totals.parameters)} trainable{fixed} values",
    )
    peak = f"{spell_bytes(analysis.peak_activation_bytes())} in {analysis.runs_in}, forward pass of one sample"
    unknown = analysis.holds_unknown
    missing = f"; what {_some(unknown)} hold{'s' * (len(unknown) == 1)} meanwhile is not covered"
    yield ("Peak activations", f"at least {peak}{missing}" if unknown else peak)
    if analysis.network.observed is not None:
        yield from _observed(analysis, analysis.network.observed)
    if analysis.towers is None:
        return
    for tower, parameters in analysis.towers.parameters.items():
        yield (tower, f"{digits(parameters)} parameters")
    yield ("On no tower", f"{digits(analysis.towers.shared_parameters)} parameters")
    crossing = analysis.towers.crossing
    carried = ", ".join(f"{layer} {digits(values)}" for layer, values in crossing.items())
    yield ("Values that cross", carried or "none")


def _observed(analysis: Analysis, seen: Observed) -> Iterable[tuple[str, str]]:
    """What is said of a module that ran, or of a file, where it is not what everybody expects."""
    missing = analysis.totals.not_covered
    for place, sentence in enumerate(seen.origin):
        yield ("Note" if place else "Origin"), sentence
    if seen.batch > 1:
        yield "Batch", f"{seen.batch:,} samples ran at once; MACs are those of all of them"
    if seen.frozen:
        trained = f"{seen.held - seen.frozen:,} trainable and {seen.frozen:,} frozen"
        yield "Parameters", f"{seen.held:,} in the module, {trained}"
    if seen.unused:
        places = dict.fromkeys(weight.name.rpartition(".")[0] or weight.name for weight in seen.unused)
        within = "in what is covered of" if missing else "in"
        many = sum(each.values for each in seen.unused)
        yield "Not used", f"{many:,} parameters {within} this forward pass: {_some(places)}"
    if seen.of_complex:
        yield "Complex", f"{seen.of_complex:,} MACs are of complex numbers: four of real ones for each product of two"
    if missing:
        covered = seen.operations - sum(missing.values())
        listed = _some({f"{name} ×{times:,}": None for name, times in missing.items()}, quote="")
        yield "Coverage", f"{covered:,} of {seen.operations:,} operations; not covered: {listed}"
    if seen.looked:
        on = ", on inputs of zeros" if seen.zeros else ""
        yield (
            "Values",
            f"may have decided what ran, or gone on as numbers{on}: {_some(map(_looked, seen.looked), quote='')}",
        )


def _looked(seen: Looked) -> str:
    """Where a module looked at values, and at which."""
    place = f" in `{seen.path}`" if seen.path else ""
    more = ", …" if seen.times > len(seen.values) > 1 else ""
    return f"`{seen.function}`{place}{' gave ' + ', '.join(seen.values) + more if seen.values else ''}"


def _some(names: Iterable[str], *, quote: str = "`") -> str:
    """The first few of many names."""
    every = list(names)
    listed = ", ".join(f"{quote}{name}{quote}" for name in every[:_FEW])
    return listed if len(every) <= _FEW else f"{listed} and {len(every) - _FEW:,} more"


def _formulas(analysis: Analysis) -> Iterable[tuple[str, str]]:
    """What is held, as formulas."""
    try:
        held = after_forward(analysis.network)
    except (Rejects, Refined) as error:
        yield ("Saved", f"has no formula here: {error or 'its divisions split the sizes further'}")
        return
    yield ("Weights", f"{digits(held.weights)} bytes in float32")
    least = "at least " if held.not_covered else ""
    yield ("Saved", f"{least}{digits(held.saved)} bytes in float32, for the backward pass")


def _symbols(ground: Ground) -> Iterable[tuple[str, str]]:
    """For which sizes the formulas hold."""
    for name, each in ground.ranges.items():
        yield (name, f"{each}; {each.value:,} in the network as it stands")
    yield from ground.remarks


def spell_bytes(size: int) -> str:
    """Bytes exactly, and in the unit a person thinks in.

    >>> spell_bytes(243400)
    '243,400 bytes (237.7 KiB)'
    """
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= scale:
            return f"{size:,} bytes ({size / scale:,.1f} {unit})"
    return f"{size:,} bytes"
