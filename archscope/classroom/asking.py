"""A layer's numbers asked for one by one, as a tutor does it: a wrong one is explained, and asked for once more.

>>> import archscope
>>> said = []
>>> answers = iter(["6x28x28", "150", "156"])
>>> points = ask(archscope.analyze(archscope.load("lenet5")), "C1", lambda: next(answers, None), said.append)
>>> points
(2, 4)
>>> print(said[4])
Not yet: you have 150 = 5·5·1·6: the 6 biases are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from archscope.analysis import Analysis
from archscope.classroom.marking import Marked, Marker
from archscope.classroom.sheet import HEADINGS, QUANTITIES, TOTAL, USUAL, Question, Sheet, options_of, sheet_of
from archscope.errors import UsageError
from archscope.layers.base import spell_shapes
from archscope.working import Count

HOW: Final = "Type a number or its arithmetic. `?` shows the formula, an empty line the answer."
TRIES: Final = 2


def ask(
    analysis: Analysis, layer: str, answer: Callable[[], str | None], say: Callable[[str], None]
) -> tuple[int, int]:
    """Ask for every number of a layer; ``answer`` gives a line, or None where nobody answers any more.

    Returns:
        how many were right, and how many there are.

    Raises:
        NotFound: the network has no layer of that name.
        UsageError: nothing of it is worth asking for.
    """
    sheet = _sheet(analysis, layer)
    asker = _Asker(Marker(sheet), answer, say)
    say("\n".join(_head(sheet, layer)))
    right = sum(asker.asked(question) for question in sheet.questions)
    say(f"{right} of {len(sheet.questions)} right.")
    return right, len(sheet.questions)


def _sheet(analysis: Analysis, layer: str) -> Sheet:
    if layer == TOTAL and all(row.name != TOTAL for row in analysis.rows):
        sheet = Sheet(analysis, analysis.name, (), USUAL)
        if not sheet.questions:
            raise UsageError(f"{analysis.name} has no number to ask for")
        return sheet
    return sheet_of(analysis, layers=layer)


def _head(sheet: Sheet, layer: str) -> Iterator[str]:
    if layer == TOTAL and not sheet.rows:
        yield f"{sheet.title}, all of it."
    else:
        row = sheet.analysis[layer]
        yield f"{row.name} of {sheet.title}: {options_of(row)}"
        yield f"It reads {spell_shapes(row.input_shapes, ' and ')}."
        table = getattr(row.node.layer, "connection_table", None)
        if table is not None:
            yield "Its maps see the maps " + "; ".join(" ".join(map(str, each)) for each in table) + "."
    yield HOW


class _Asker:
    """Somebody who asks, and remembers what was answered."""

    def __init__(self, marker: Marker, answer: Callable[[], str | None], say: Callable[[str], None]) -> None:
        self.marker = marker
        self.answer = answer
        self.say = say
        self.given: dict[tuple[str, str], str] = {}
        self.gone = False

    def asked(self, question: Question) -> bool:
        """Ask for one number; tell whether it was right."""
        if self.gone:
            return False
        self.say(f"\n{HEADINGS[question.quantity]}, {QUANTITIES[question.quantity]}?")
        tries = 0
        while tries < TRIES:
            text = self.answer()
            if text is None:
                self.gone = True
                return False
            if text.strip() == "?":
                self.say(_hint(question))
                continue
            marked = self._marked(question, text)
            if marked.verdict in ("right", "carried"):
                self.say(marked.remark or "Right.")
                return marked.verdict == "right"
            if marked.verdict == "blank":
                self.say(marked.remark.removeprefix("Left blank; "))
                return False
            tries += 1
            self.say(marked.remark if tries == TRIES else f"Not yet: {marked.remark.partition('; ')[2]}")
        return False

    def _marked(self, question: Question, text: str) -> Marked:
        key = (question.layer, question.quantity)
        self.given[key] = text
        paper = self.marker.paper(self.given)
        return next(each for each in paper.answers if (each.question.layer, each.question.quantity) == key)


def _hint(question: Question) -> str:
    """The formula in letters."""
    counts = question.right if isinstance(question.right, tuple) else (question.right,)
    made = dict.fromkeys(each.formula for each in counts if isinstance(each, Count) and each.op and each.letters)
    return " and ".join(made) if made else "There is no formula to it: read it off the options and what comes in."
