"""One layer's numbers step by step, as a lecture would write them on the board.

Nothing is worked out here: every formula, every letter and every number was kept by the count it belongs to.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from archscope.analysis import Analysis, Row
from archscope.escaping import terminal
from archscope.formats.columns import COLUMNS
from archscope.formats.sheet import NOT_COVERED
from archscope.layers.base import Facts, Layer, Shape, Weight, spell_shape, spell_shapes
from archscope.network import Network, Node
from archscope.options import spell
from archscope.record import Record
from archscope.stages import Stage
from archscope.working import Count, bare, total

_AXES: Final = {
    1: ("values",),
    2: ("channels", "length"),
    3: ("channels", "height", "width"),
    4: ("channels", "depth", "height", "width"),
}
_GAP: Final = re.compile(r"(?<=\S)  +")
_FIELD_LETTERS: Final = "r, j, a: receptive field, jump and start of the layer before"
_SIDE_LETTERS: Final = {"i": "side of the input", "k": "kernel", "s": "stride", "p": "padding", "p₁": "padding before",
                        "p₂": "and after", "d": "dilation", "o": "output padding"}  # fmt: skip
_COUNTED: Final = ("parameters", "fixed", "connections", "connections_in_bounds", "macs", "flops", "units",
                   "dense_equivalent")  # fmt: skip


TOTAL: Final = "total"
"""What the whole network is called, as in a published figure."""


class Section(Record):
    """A heading and the lines under it."""

    heading: str
    lines: tuple[str, ...]


def write(analysis: Analysis, layer: str, *, width: int | None = None, color: bool = False) -> str:
    """A layer's derivation as text.

    Raises:
        NotFound: the network has no layer of that name.

    >>> import archscope
    >>> print(write(archscope.analyze(archscope.load("lenet5")), "C1"))
    C1 of LeNet-5...
    Parameters: trainable values
      (k·k·c + 1)·n    with k = 5, c = 1, n = 6
      = (5·5·1 + 1)·6
      = 156
    ...
    """
    bold, plain = ("\x1b[1m", "\x1b[0m") if color else ("", "")
    return "\n\n".join(
        "\n".join(
            [
                *(f"{bold}{line}{plain}" for line in _wrapped([section.heading], width)),
                *_wrapped(section.lines, width),
            ]
        )
        for section in derive(analysis, layer)
    )


def derive(analysis: Analysis, layer: str) -> tuple[Section, ...]:
    """A layer's derivation, section by section.

    Raises:
        NotFound: the network has no layer of that name.
    """
    if layer == TOTAL and TOTAL not in {row.name for row in analysis.rows}:
        return _derive_total(analysis)
    row = analysis[layer]
    if isinstance(row, Stage):
        return _derive_stage(analysis, row)
    sections = [
        Section(f"{row.name} of {analysis.title}", tuple(_what(row))),
        Section("Options", tuple(_options(row.node.layer))),
        Section("Shapes", tuple(_shapes(analysis, row))),
        Section("Weights, by name and shape", tuple(_weights(row))),
    ]
    sections += [_count_section(row, quantity) for quantity in _COUNTED if _told(row, quantity)]
    sections.append(Section("Receptive field", tuple(_field(row))))
    sections.append(_in_print(analysis, row.name))
    return tuple(section for section in sections if section.lines)


def _derive_total(analysis: Analysis) -> tuple[Section, ...]:
    """The numbers of the whole network: how those of its blocks and layers add up."""
    rows = analysis.at(1)
    sections = [
        Section(f"{analysis.title}, all of it", (f"{len(analysis.nodes):,} nodes of the network",)),
        Section("Shapes", tuple(_ends(analysis.network))),
        Section("What it holds", tuple(_parts_of(rows))),
    ]
    for quantity in _COUNTED:
        column, counts = COLUMNS[quantity], [row.count_of(quantity) for row in rows]
        known = total(Count(int(each)) for each in counts if each)
        whole = analysis.totals.count_of(quantity)
        if whole is None:
            said = [f"  {NOT_COVERED} {analysis.totals.reasons[quantity]}"]
        else:
            # What was read of a module may hold more than its layers.
            said = list(_steps(known if known == whole else whole)) if whole else []
        sections.append(Section(f"{column.heading}: {column.doc}", tuple(said)))
    sections.append(_in_print(analysis, None))
    return tuple(section for section in sections if section.lines)


def _ends(network: Network) -> Iterable[str]:
    """What comes in, by name, and what goes out."""
    yield from (f"  in   {spell_shape(shape)}  {name}" for name, shape in network.inputs.items())
    rows = {node.name: node.row for node in network.nodes}  # an activation named on a layer has no other
    for ref in network.outputs:
        yield f"  out  {spell_shape(network.shape_of(ref))}  from {rows.get(ref.node, ref.node)}"


def _in_print(analysis: Analysis, layer: str | None) -> Section:
    """What was published about it, and what is to be said of that."""
    lines = []
    for figure in analysis.network.published:
        if figure.layer == layer:
            printed = figure.value if figure.printed is None else figure.printed.text
            said = f"“{figure.claim}”" if figure.quantity is None else f"{_shown(printed)} {figure.quantity}"
            remark = f", which does not hold: {figure.why}" if figure.why else f": {figure.note}" if figure.note else ""
            lines.append(f"  {said} ({figure.cited}){remark}")
    return Section("In print", tuple(lines))


def _shown(printed: Any) -> str:
    if isinstance(printed, tuple):
        return spell_shape(printed)
    return f"{printed:,}" if isinstance(printed, int) else str(printed)


def _derive_stage(analysis: Analysis, row: Stage) -> tuple[Section, ...]:
    """A group's numbers: what it holds, and how the parts add up."""
    sections = [
        Section(f"{row.shown} of {analysis.title}", (f"{row.label}: {len(row.nodes)} nodes of the network",)),
        Section("Shapes", tuple(_stage_shapes(row))),
        Section("What it holds", tuple(_parts_of(row.parts))),
    ]
    sections += [_count_section(row, quantity) for quantity in _COUNTED if _told(row, quantity)]
    sections.append(Section("Receptive field", tuple(_field(row))))
    sections.append(_in_print(analysis, row.name))
    return tuple(section for section in sections if section.lines)


def _stage_shapes(row: Stage) -> Iterable[str]:
    for name, shape in zip(row.inputs, row.input_shapes, strict=False):
        yield f"  in   {spell_shape(shape)}  from {name}"
    yield from (f"  out  {spell_shape(shape)}" for shape in row.outputs)


def _parts_of(rows: Sequence[Row]) -> Iterable[str]:
    """A line for every part; `explain` takes its name."""
    lines = [(part.name, part.label, spell_shapes(part.outputs), f"{int(part.parameters):,}") for part in rows]
    widths = [max(len(line[at]) for line in lines) for at in range(4)]
    for name, label, shapes, parameters in lines:
        yield (
            f"  {name.ljust(widths[0])}  {label.ljust(widths[1])}  {shapes.ljust(widths[2])}  "
            f"{parameters.rjust(widths[3])} parameters"
        )


def _what(row: Row) -> Iterable[str]:
    layer = row.node.layer
    yield f"{layer.type}: {_summary(layer)}"
    for node in row.nodes:
        if node.folded and node.tower == row.node.tower:
            yield f"then {node.layer.type}: {_summary(node.layer)}"
    if row.towers:
        yield f"A copy on each of {', '.join(row.towers)}; the numbers are those of all copies together."
    if row.group:
        yield f"In the block {' › '.join(row.group)}."


def _summary(layer: Layer) -> str:
    return (type(layer).__doc__ or "").partition("\n")[0].replace("``", "`")


def _options(layer: Layer) -> Iterable[str]:
    shown = {name: _spelled(declared.kind.show(getattr(layer, name))) for name, declared in layer.options.items()}
    names = max((len(name) for name in shown), default=0)
    values = max((len(value) for value in shown.values()), default=0)
    for name, declared in layer.options.items():
        yield f"  {name.ljust(names)}  {shown[name].ljust(values)}  {declared.doc}"


def _spelled(value: Any) -> str:
    text = "unset" if value is None else spell(value)
    return text if len(text) <= 24 else f"{len(value)} entries" if isinstance(value, (list, tuple)) else text


def _shapes(analysis: Analysis, row: Row) -> Iterable[str]:
    rows = {node.name: node.row for node in analysis.network.nodes}  # an activation named on a layer has no other
    for ref, shape in zip(row.node.inputs, row.input_shapes, strict=True):
        name = rows.get(ref.node, ref.node)
        yield f"  in   {spell_shape(shape)}  from {name}"
    told: list[Count] = []
    for shape in row.outputs:
        yield f"  out  {spell_shape(shape)}"
        own = _own(shape, row.input_shapes)
        yield from (f"       {line}" for line in _sides(shape, own))
        told += own.values()
    letters = {letter for extent in told for letter in extent.letters}
    if letters & {*_SIDE_LETTERS}:
        yield f"       {'; '.join(f'{each}: {_SIDE_LETTERS[each]}' for each in _SIDE_LETTERS if each in letters)}"


def _own(shape: Shape, came: Sequence[Shape]) -> dict[int, Count]:
    """The extents that the layer itself worked out, by axis; one that it was given was told where it was made."""
    given = {id(extent) for each in came for extent in each}
    return {at: extent for at, extent in enumerate(shape)
            if isinstance(extent, Count) and extent.op and id(extent) not in given}  # fmt: skip


def _sides(shape: Shape, own: Mapping[int, Count]) -> Iterable[str]:
    """How each extent came about, equal ones once: ``height, width = ⌊(i − k)/s⌋ + 1 = … = 28``."""
    axes = _AXES.get(len(shape), tuple(f"axis {at}" for at in range(len(shape))))
    told: dict[tuple[str, str], list[str]] = {}
    extents: dict[tuple[str, str], Count] = {}
    for at, extent in own.items():
        key = (extent.formula, extent.working)
        told.setdefault(key, []).append(axes[at])
        extents[key] = extent
    for key, names in told.items():
        yield f"{', '.join(names)} = {' = '.join(_unequal([*key, f'{int(extents[key]):,}']))}"


def _weights(row: Row) -> Iterable[str]:
    shared = dict.fromkeys(
        (name, node.shares) for node in row.nodes for at, name in sorted(row.shared) if at == node.name
    )
    yield from (f"  {name}  shared with {owner}, and counted there" for name, owner in shared)
    if not row.weights:
        if not shared:
            yield "  none"
        return
    owners = {node for node, _ in row.weights}
    told: dict[tuple[str, ...], int] = {}
    for node, weight in row.weights:
        own = [each for each in row.nodes if each.name == node]
        prefix = f"{own[0].layer.type}." if len(owners) > 1 and own[0].folded else ""
        told[_weight(prefix, weight)] = told.get(_weight(prefix, weight), 0) + 1
    widths = [max(len(line[at]) for line in told) for at in range(4)]
    for line, times in told.items():
        text = "  ".join(each.ljust(width) for each, width in zip(line, widths, strict=True)).rstrip()
        yield f"  {text}" + (f", {times} times" if times > 1 else "")


def _weight(prefix: str, weight: Weight) -> tuple[str, str, str, str]:
    letters = "×".join(getattr(each, "formula", "") or str(int(each)) for each in weight.shape)
    numbers = spell_shape(weight.shape)
    kind = "trainable" if weight.trainable else "fixed"
    return (prefix + weight.name, letters if letters != numbers else "", numbers, f"{weight.values:,} {kind} values")


def _told(row: Row, quantity: str) -> bool:
    value = row.count_of(quantity)
    if quantity == "connections_in_bounds" and value is not None and row.connections is not None:
        return int(value) != int(row.connections)
    return value is None or value != 0


def _count_section(row: Row, quantity: str) -> Section:
    column = COLUMNS[quantity]
    heading = f"{column.heading}: {column.doc}"
    value = row.count_of(quantity)
    if value is None:
        return Section(heading, (f"  {NOT_COVERED} not covered: {row.reason(quantity) or column.reason}",))
    parts = [] if isinstance(row, Stage) else [(node, count) for node, count in _parts(row, quantity) if count]
    if len(parts) < 2 or not _clashing(count for _, count in parts):
        return Section(heading, tuple(_steps(value)))
    lines = [line for node, count in parts for line in (f"  {node.name}", *(f"  {each}" for each in _steps(count)))]
    return Section(
        heading, (*lines, f"  together {' + '.join(f'{int(count):,}' for _, count in parts)} = {int(value):,}")
    )


def _parts(row: Row, quantity: str) -> Iterable[tuple[Node, Count]]:
    for node, facts in zip(row.nodes, row.facts, strict=True):
        count = _of(facts, quantity)
        if count is not None:
            yield node, count


def _of(facts: Facts, quantity: str) -> Count | None:
    value: Count | None = getattr(facts, quantity)
    return value


def _clashing(counts: Iterable[Count]) -> bool:
    """Whether one letter stands for two numbers."""
    seen: dict[str, int] = {}
    return any(seen.setdefault(letter, value) != value for count in counts for letter, value in count.letters.items())


def _steps(count: Count) -> Iterable[str]:
    """The formula with what its letters stand for, then in numbers, then the number."""
    letters = ", ".join(f"{letter} = {value:,}" for letter, value in count.letters.items())
    formula, *rest = _unequal([count.formula, count.working, f"{int(count):,}"])
    yield f"  {formula}" + (f"    with {letters}" if letters and rest else "")
    yield from (f"  = {step}" for step in rest)


def _unequal(steps: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(steps))


def _field(row: Row) -> Iterable[str]:
    if row.seen is None:
        yield f"  {NOT_COVERED} {row.reason('receptive_field') or COLUMNS['receptive_field'].reason}"
        return
    # What has no window of its own hands on what it was given; how that came about is not its arithmetic.
    moves = any(facts.windows for facts in row.facts)
    for name, known in (("size", row.seen.size), ("jump", row.seen.jump), ("start", row.seen.start)):
        entries = known if moves else [bare(each) for each in known]
        yield from (f"  {name.ljust(5)}  {line}" for line in _along(entries))
    if moves and any(isinstance(each, Count) and each.op for each in row.seen.size):
        yield f"  {_FIELD_LETTERS}; k, s, p: kernel, stride and padding of this one"


def _along(entries: Sequence[int]) -> Iterable[str]:
    """One line for all axes that have the same arithmetic."""
    told = dict.fromkeys(
        " = ".join(_unequal([each.formula, each.working, f"{int(each):,}"])) if isinstance(each, Count) else str(each)
        for each in entries
    )
    yield from told


def _wrapped(lines: Iterable[str], width: int | None) -> Iterable[str]:
    """Lines that hang below their last column, or a little inwards, where they are too long."""
    for line in map(terminal, lines):
        if width is None or len(line) <= width:
            yield line
            continue
        column = max((gap.end() for gap in _GAP.finditer(line)), default=0)
        indent = column if 0 < column <= width // 2 else len(line) - len(line.lstrip()) + 4
        yield from textwrap.wrap(line, width, subsequent_indent=" " * indent)
