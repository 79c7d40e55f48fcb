"""The layers on a page: the cards that answer the live figure, and the table with working."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from archscope.analysis import Analysis, Row
from archscope.classroom.content import crossed
from archscope.formats.columns import COLUMNS, OFF_THE_GRID
from archscope.formats.sheet import NOT_COVERED
from archscope.layers.base import Layer, spell_shape, spell_shapes
from archscope.options import spell as spell_option
from archscope.site.audit import SAID, Finding
from archscope.site.formula import formula, numbers
from archscope.site.frame import scrolling
from archscope.site.letters import along, meaning
from archscope.site.markup import Markup, join, prose, tag
from archscope.site.page import WORKED, Page, Step, steps, told
from archscope.site.repeats import Repeats
from archscope.working import Count, count


def cards(page: Page) -> Markup:
    """One card a layer; a script shows one at a time, and without it all of them stand there."""
    rows = page.analysis.rows
    worked = _worked(rows)
    repeats = Repeats(fragment for each in worked for fragment in each)
    each = (_card(page, row, place, worked[place], repeats) for place, row in enumerate(rows))
    return tag("div", *each, class_="cards", id="cards")


class _Worked(NamedTuple):
    """The arithmetic on a card: of the output's sides, of what the layer sees, of its counts."""

    sides: Markup | None
    field: Markup | None
    counts: Markup


def _worked(rows: Sequence[Row]) -> list[_Worked]:
    """The arithmetic of every row; what follows from facts is worked out once for all rows that have the same."""
    known: dict[tuple[object, ...], tuple[Markup | None, Markup]] = {}
    worked = []
    for row in rows:
        of = (row.node.layer.family, row.shared, *map(id, row.facts))
        found = known.get(of)
        if found is None:
            shown = {quantity: steps(row, quantity) for quantity in WORKED if told(row, quantity)}
            found = _sides(row), join(*_workings(row, shown), _letters(row, shown))
            if not any(step.node for each in shown.values() for step in each):  # a node's name is this row's own
                known[of] = found
        worked.append(_Worked(found[0], _field(row), found[1]))
    return worked


def table(page: Page) -> Markup:
    """Every layer in a line, its arithmetic under each count."""
    analysis = page.analysis
    quantities = _quantities(analysis)
    head = tag(
        "tr",
        *(tag("th", text, scope="col") for text in ("Layer", "Type", "Output")),
        *(
            tag("th", COLUMNS[name].heading, scope="col", class_="number", title=COLUMNS[name].doc)
            for name in quantities
        ),
        tag("th", "Sees", scope="col", class_="number", title="receptive field: " + COLUMNS["receptive_field"].doc),
        tag("th", "Jump", scope="col", class_="number", title=COLUMNS["jump"].doc),
    )
    body = (_line(row, quantities) for row in analysis.rows)
    whole = tag(
        "table",
        tag("caption", f"The layers of {analysis.title}", class_="unseen"),
        tag("thead", head),
        tag("tbody", *body),
        tag("tfoot", _totals(analysis, quantities)),
        class_="layers",
    )
    return join(_asking(), scrolling(whole, "Table of layers"), _reasons(analysis, quantities))


def _asking() -> Markup:
    """The switch that makes a sheet of the table, for a reader with a script."""
    switch = tag("button", "Hide the numbers", type="button", class_="asking-switch", aria_pressed="false")
    return tag("div", switch, tag("span", role="status", class_="asking-status"), class_="asking-bar", hidden=True)


def _quantities(analysis: Analysis) -> tuple[str, ...]:
    """The usual counts, and the fixed values of a network that has some."""
    return ("parameters", *(("fixed",) if analysis.totals.fixed else ()), "connections", "macs")


def _line(row: Row, quantities: Sequence[str]) -> Markup:
    return tag(
        "tr",
        tag("th", tag("a", row.name, href=f"#layer-{row.name}"), scope="row"),
        tag("td", row.node.layer.label, _activation(row), class_="op"),
        tag("td", spell_shapes(row.outputs), class_="shape"),
        *(_count_cell(row, quantity) for quantity in quantities),
        tag("td", _window(row.receptive_field), class_="number"),
        tag("td", _window(row.jump), class_="number"),
        id=f"row-{row.name}",
        data_row=row.name,
    )


def _activation(row: Row) -> Markup | None:
    return None if row.activation is None else tag("small", f" · {row.activation}")


def _count_cell(row: Row, quantity: str) -> Markup:
    value = row.count_of(quantity)
    if value is None:
        return tag("td", tag("abbr", NOT_COVERED, title=_why(row, quantity)), class_="number")
    written = f"{int(value):,}"
    working = value.working
    shown = tag("small", working, class_="working") if value and working != written else None
    return tag("td", tag("b", written) if value else tag("small", "0"), shown, class_="number")


def _why(row: Row, quantity: str) -> str:
    return row.reasons.get(quantity) or COLUMNS[quantity].reason


def _totals(analysis: Analysis, quantities: Sequence[str]) -> Markup:
    cells = []
    for quantity in quantities:
        value = analysis.totals.count_of(quantity)
        cells.append(tag("td", NOT_COVERED if value is None else tag("b", f"{int(value):,}"), class_="number"))
    return tag("tr", tag("th", "Total", scope="row"), tag("td"), tag("td"), *cells, tag("td"), tag("td"))


def _reasons(analysis: Analysis, quantities: Sequence[str]) -> Markup | None:
    told_ = [reason for quantity, reason in analysis.totals.reasons.items() if quantity in quantities]
    return tag("ul", *(tag("li", prose(reason)) for reason in dict.fromkeys(told_)), class_="notes") if told_ else None


def _window(extents: Sequence[int] | None) -> str:
    if extents is None:
        return NOT_COVERED
    return str(int(extents[0])) if len(set(extents)) == 1 else spell_shape(extents)


def _card(page: Page, row: Row, place: int, worked: _Worked, repeats: Repeats) -> Markup:
    layer = row.node.layer
    number = tag("p", f"Layer {place + 1} of {len(page.analysis.rows)}", class_="place")
    sides, field, counts = (repeats.shown(fragment, row.name) for fragment in worked)
    heading = tag("h3", tag("span", row.name, class_="name"), " ", tag("span", layer.label, class_="op"))
    return tag(
        "article",
        tag("header", heading, number),
        tag("p", _summary(layer), class_="doc"),
        tag("div", _flow(page, row, sides), _facts(row, field), class_="about"),
        tag("div", counts, class_="workings"),
        _said(page, row),
        id=f"layer-{row.name}",
        class_="card",
        data_row=row.name,
        data_family=layer.family,
        tabindex="-1",
    )


def _summary(layer: Layer) -> Markup:
    """What its type does, in the first line of its documentation."""
    return prose((type(layer).__doc__ or "").partition("\n")[0].replace("``", "`"))


def _flow(page: Page, row: Row, sides: Markup | None) -> Markup:
    """Shapes in and out, as a little line of boxes."""
    ins = [
        tag("span", tag("b", spell_shape(shape)), tag("small", f" from {name}"), class_="box")
        for name, shape in zip(_from(page.analysis, row), row.input_shapes, strict=True)
    ]
    outs = [tag("span", tag("b", spell_shape(shape)), class_="box") for shape in row.outputs]
    return tag(
        "dl",
        tag("div", tag("dt", "in"), tag("dd", *ins)),
        tag("div", tag("dt", "out"), tag("dd", *outs, sides)),
        class_="flow",
    )


def _from(analysis: Analysis, row: Row) -> list[str]:
    """The layers it reads, as the spec calls them; the network's inputs by their own name."""
    nodes = analysis.network.by_name
    return [nodes[ref.node].row if ref.node in nodes else ref.node for ref in row.node.inputs]


def _sides(row: Row) -> Markup | None:
    """How the extents of the output came about; here the letters are those of one axis."""
    return _axes(row.output[1:], row.node.layer.family)


def _axes(extents: Iterable[int], family: str) -> Markup | None:
    """The working of every axis, equal ones once, and its letters, which mean something else than those of a count."""
    shown: dict[str, Markup] = {}
    worked: list[Count] = []
    for each in extents:
        if isinstance(each, Count) and each.op and (working := each.working) != each.text:
            worked.append(each)
            if working not in shown:
                shown[working] = _chain(each, working)
    if not shown:
        return None
    named = ", ".join(
        f"{letter}\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{_either(at)} ({along(letter, family)})"
        for letter, at in _values(worked).items()
    )
    return tag(
        "small",
        *(tag("span", each, class_="axis") for each in shown.values()),
        named,
        class_="sides",
    )


def _values(counts: Iterable[Count]) -> dict[str, list[int]]:
    """What each letter of some workings stands for; several numbers where they differ."""
    values: dict[str, list[int]] = {}
    for each in counts:
        for letter, value in each.letters.items():
            if value not in values.setdefault(letter, []):
                values[letter].append(value)
    return values


def _either(values: Iterable[int]) -> str:
    return " or ".join(map(_spelled, values))


def _spelled(value: int) -> str:
    return f"{int(value):,}".replace("-", "−")


def _chain(value: Count, working: str) -> Markup:
    """``formula = numbers = result``, each step once."""
    parts = [tag("span", formula(value), class_="in-letters")] if value.letters else []
    if value.op and working != value.text:
        parts.append(tag("span", numbers(value, working)))
    parts.append(tag("b", _spelled(value)))
    return tag("span", *_between(parts), class_="chain")


def _between(parts: Sequence[Markup]) -> Iterable[Markup]:
    for place, part in enumerate(parts):
        yield tag("span", tag("i", "="), " ", part) if place else part


def _facts(row: Row, field: Markup | None) -> Markup:
    """What else is set or known, in a few lines."""
    layer = row.node.layer
    pairs: list[tuple[str, str | Markup]] = []
    if row.activation is not None:
        activation = next(node.layer for node in row.nodes if node.folded)
        pairs.append(("then", join(tag("code", row.activation), " ", tag("small", _summary(activation)))))
    if row.towers:
        pairs.append(("on each of", ", ".join(row.towers)))
    if row.group:
        pairs.append(("block", " › ".join(row.group)))
    stated = {name: _option(value) for name, value in layer.stated().items()}
    if stated:
        pairs.append(("options", join(*_listed(tag("code", f"{name}: {value}") for name, value in stated.items()))))
    table = getattr(layer, "connection_table", None)
    if table is not None:
        pairs.append(("table", _crossed(row, table)))
    weights = dict.fromkeys(
        f"{weight.name} {spell_shape(weight.shape)}{'' if weight.trainable else ', fixed'}" for _, weight in row.weights
    )
    if weights:
        pairs.append(("weights", join(*_listed(tag("code", each) for each in weights))))
    pairs.append(("sees", join(_seen(row), field)))
    return tag("dl", *(tag("div", tag("dt", key), tag("dd", value)) for key, value in pairs), class_="facts")


def _listed(items: Iterable[Markup]) -> Iterable[Markup]:
    for place, item in enumerate(items):
        yield join(Markup(" ") if place else None, item)


def _crossed(row: Row, table: Sequence[Sequence[int]]) -> Markup:
    """Which maps each of a layer's maps sees, as it stands on a worksheet."""
    head, *body = crossed(int(row.input_shapes[0][0]), table)
    shown = tag(
        "table",
        tag("caption", "a line for each map that comes in, a column for each that goes out"),
        tag("thead", tag("tr", tag("td"), *(tag("th", each, scope="col") for each in head[1:]))),
        tag("tbody", *(tag("tr", tag("th", at, scope="row"), *(tag("td", each) for each in cells))
                       for at, *cells in body)),
        class_="crossed",
    )  # fmt: skip
    return scrolling(shown, f"Connection table of {row.name}")


def _option(value: object) -> str:
    text = spell_option(value)
    if len(text) <= 24 or not isinstance(value, (list, tuple)):
        return text
    return f"{len(value)} entries"


def _seen(row: Row) -> str:
    if row.seen is None:
        return f"everything: {row.reasons.get('receptive_field') or OFF_THE_GRID}"
    start = row.seen.start
    padded = f", from {_window(start)} on".replace("-", "−") if any(each < 0 for each in start) else ""
    size = spell_shape(row.seen.size)
    jump = _window(row.seen.jump)
    return f"{size} of the input, {jump} apart{padded}" if row.seen.size else "one value of the input"


def _field(row: Row) -> Markup | None:
    """How far a layer sees, from how far the layer before it does."""
    if row.seen is None:
        return None
    return _axes((*row.seen.size, *row.seen.jump, *row.seen.start), row.node.layer.family)


def _workings(row: Row, shown: Mapping[str, Sequence[Step]]) -> Iterable[Markup]:
    for quantity, every in shown.items():
        column = COLUMNS[quantity]
        # In few words: it stands at every layer, and the whole of it at the head of the table.
        term = tag("dt", tag("span", column.heading, title=column.doc.partition(",")[0]))
        if every:
            yield tag("dl", term, *(tag("dd", _step(step)) for step in every), class_="work", data_quantity=quantity)
        else:
            why = prose(f"{NOT_COVERED} not covered: {_why(row, quantity)}")
            yield tag("dl", term, tag("dd", why), class_="work", data_quantity=quantity)


def _step(step: Step) -> Markup:
    return join(tag("small", f"{step.node}: ") if step.node else None, _chain(step.value, step.value.working))


def _letters(row: Row, shown: Mapping[str, Sequence[Step]]) -> Markup | None:
    """Every letter of the workings, named, with its value; several where nodes of the row differ."""
    family = row.node.layer.family
    values = _values(step.value for every in shown.values() for step in every)
    if not values:
        return None
    items = (
        tag(
            "div",
            tag("dt", formula(count(at[0], letter))),
            tag("dd", tag("b", _either(at)), tag("small", meaning(letter, family))),
        )
        for letter, at in values.items()
    )
    return tag("dl", *items, class_="letters", aria_label="Letters")


def _said(page: Page, row: Row) -> Markup | None:
    """What was published about the layer."""
    found = page.findings_by_row.get(row.name, ())
    if not found:
        return None
    return tag("ul", *(_saying(place, finding) for place, finding in found), class_="said", aria_label="Published")


def _saying(place: int, finding: Finding) -> Markup:
    figure = finding.figure
    where = f", {figure.where}" if figure.where else ""
    return tag(
        "li",
        tag("span", SAID[finding.verdict], class_=f"verdict {finding.verdict}"),
        " ",
        tag("a", f"{figure.source}{where}", href=f"#published-{place + 1}"),
        ": ",
        tag("b", finding.printed),
        f" {finding.subject}",
        join("; ", prose(finding.remark)) if finding.remark else None,
    )
