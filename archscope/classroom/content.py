"""What stands on a sheet and on its key, before it is Markdown, LaTeX, a page of PDF or a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from archscope.classroom.notation import spelled
from archscope.classroom.sheet import HEADINGS, QUANTITIES, TOTAL, Sheet, options_of, tables_of
from archscope.layers.base import spell_shape
from archscope.record import Record
from archscope.working import Count

if TYPE_CHECKING:
    from archscope.diagrams.scene import Scene

TASK: Final = (
    "Fill in every empty cell. A number may be written as arithmetic, such as (3·3·2 + 1)·4; a shape has its channels "
    "first, such as 4×30×30. Cells with a dash are not asked for."
)
NOT_ASKED: Final = "–"


class Cell(Record):
    """A cell: its text, and whether it is to be filled in."""

    text: str
    blank: bool = False


class Line(Record):
    """A line of the table: the layer, what it is, a cell for each column."""

    name: str
    options: str
    cells: tuple[Cell, ...]


class Step(Record):
    """A line of the key: a number with its formula, what the letters stand for, and the arithmetic."""

    layer: str
    quantity: str
    formula: str
    letters: str
    working: str
    value: str


def headings(sheet: Sheet) -> tuple[str, ...]:
    """What stands above the columns of cells."""
    return tuple(HEADINGS[each] for each in sheet.columns)


def definitions(sheet: Sheet) -> tuple[tuple[str, str], ...]:
    """What each quantity is."""
    return tuple((HEADINGS[each], QUANTITIES[each]) for each in sheet.columns)


def lines(sheet: Sheet, *, key: bool = False) -> tuple[Line, ...]:
    """The table: empty cells, or with the answers."""
    found = []
    for name in sheet.lines:
        cells = tuple(_cell(sheet, name, quantity, key) for quantity in sheet.columns)
        options = "all of it" if name == TOTAL else options_of(sheet.analysis[name])
        found.append(Line("Total" if name == TOTAL else name, options, cells))
    return tuple(found)


def _cell(sheet: Sheet, name: str, quantity: str, key: bool) -> Cell:
    if (name, quantity) in sheet.answers:
        value = sheet.answers[name, quantity].right
        return Cell(_answer(value) if key else "", blank=not key)
    value = sheet.value(name, quantity)
    if quantity in sheet.blank or value is None:
        return Cell(NOT_ASKED)
    return Cell(_answer(value))


def _answer(value: Any) -> str:
    return spelled(tuple(int(each) for each in value) if isinstance(value, tuple) else value)


def given(sheet: Sheet) -> str:
    """The input, in words, and which sheet it is."""
    inputs = ", ".join(f"{name} {spell_shape(shape)}" if len(sheet.analysis.network.inputs) > 1 else spell_shape(shape)
                       for name, shape in sheet.analysis.network.inputs.items())  # fmt: skip
    return f"Input: {inputs}, channels first." if len(sheet.analysis.input) > 1 else f"Input: {inputs}."


def tables(sheet: Sheet) -> Iterator[tuple[str, tuple[tuple[str, ...], ...]]]:
    """Each connection table with a heading: a line for each input map, a column for each output map."""
    for name, (maps, table) in tables_of(sheet).items():
        heading = f"Connection table of {name}: which maps (lines) each of its maps (columns) sees"
        yield heading, crossed(maps, table)


def crossed(maps: int, table: Sequence[Sequence[int]]) -> tuple[tuple[str, ...], ...]:
    """A connection table as a sheet shows it, under a line of the output maps' numbers.

    >>> crossed(3, ((0, 1), (2,)))
    (('', '0', '1'), ('0', 'X', ''), ('1', 'X', ''), ('2', '', 'X'))
    """
    body = ((str(at), *("X" if at in seen else "" for seen in table)) for at in range(maps))
    return (("", *map(str, range(len(table)))), *body)


def workings(sheet: Sheet) -> tuple[Step, ...]:
    """Every answer with its working."""
    return tuple(step for question in sheet.questions for step in _steps(question.layer, question.quantity,
                                                                          question.right))  # fmt: skip


def _steps(layer: str, quantity: str, right: Any) -> Iterator[Step]:
    name, heading = ("Total" if layer == TOTAL else layer), HEADINGS[quantity]
    if not isinstance(right, tuple):
        yield _step(name, heading, right, f"{int(right):,}")
        return
    made = [each for each in right if isinstance(each, Count) and each.op]
    told = dict.fromkeys((each.formula, each.working) for each in made)
    if not told:
        yield Step(name, heading, "", "", "", spelled(right))
    for formula, _ in told:
        each = next(each for each in made if each.formula == formula)
        step = _step(name, heading, each, spelled(right))
        yield step.replace(working=f"{step.working or step.formula} = {int(each):,}")


def _step(name: str, heading: str, right: Count, value: str) -> Step:
    if not right.op:
        return Step(name, heading, "", "", "", value)
    letters = ", ".join(f"{letter} = {each:,}" for letter, each in right.letters.items())
    formula = right.formula if right.formula != right.working else ""
    return Step(name, heading, formula, letters if formula else "", right.working, value)


def figure(sheet: Sheet) -> Scene | None:
    """The network's figure for an A4 page, without the numbers that are asked for; None where none fits."""
    from dataclasses import replace

    from archscope import diagrams
    from archscope.diagrams.scene import Group, Item
    from archscope.errors import ArchscopeError

    def muted(items: Sequence[Item]) -> tuple[Item, ...]:
        """Without the titles that a pointer reveals: they tell shapes and counts."""
        return tuple(replace(each, title="", items=muted(each.items)) if isinstance(each, Group) else each
                     for each in items)  # fmt: skip

    show = "name,op,kernel" if "output" in sheet.blank else "name,op,kernel,shape"
    for size in (8, 7, 6, 5):
        try:
            scene = diagrams.draw(sheet.analysis, page="a4", font_size=size, show=show, theme="print").tried
        except ArchscopeError:
            continue
        if scene.height <= 420:
            return replace(scene, title=sheet.title, description=f"{sheet.title}, drawn", items=muted(scene.items))
    return None
