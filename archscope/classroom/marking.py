"""Mark what pupils answered: right, wrong, and which term of the arithmetic is wrong.

>>> import archscope
>>> from archscope.classroom.sheet import sheet_of
>>> sheet = sheet_of(archscope.analyze(archscope.load("lenet5")), layers="C1", blank="parameters")
>>> marked = mark(sheet, {("C1", "parameters"): "5*5*1*6"}, pupil="Ada")
>>> print(marked.answers[0].remark)
156 = (5·5·1 + 1)·6; you have 150 = 5·5·1·6: the 6 biases are missing.
>>> marked.points, marked.asked
(0, 1)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal

from archscope.analysis import Analysis
from archscope.classroom import edits
from archscope.classroom.explained import Explained, Explanation, plain, result_of
from archscope.classroom.expressions import NoNumber, Written, read
from archscope.classroom.notation import channels_first, read_shape, same_shape, spelled
from archscope.classroom.place import Place
from archscope.classroom.sheet import TOTAL, Question, Sheet
from archscope.escaping import terminal
from archscope.layers.base import Shape
from archscope.record import Record, lazily
from archscope.working import Count, subtotal

Verdict = Literal["right", "carried", "wrong", "unread", "blank"]

VERDICTS: Final[Mapping[Verdict, str]] = {
    "right": "the right number",
    "carried": "right for the pupil's own wrong number before it",
    "wrong": "another number",
    "unread": "no number and no arithmetic",
    "blank": "nothing was written",
}

Answers = Mapping[tuple[str, str], str]
"""What was written in each cell, by layer and quantity."""


class Marked(Record):
    """One answer, marked.

    Attributes:
        question: what was asked.
        text: what was written.
        verdict: one of `VERDICTS`.
        remark: what a tutor says of it; empty where it is right and plain.
        slips: the slips that give the number, the likelier ones first; a pair where it takes two.
    """

    question: Question
    text: str
    verdict: Verdict
    remark: str = ""
    slips: tuple[tuple[str, ...], ...] = ()


class Paper(Record):
    """What one pupil handed in, marked.

    Attributes:
        pupil: whose it is.
        sheet: the sheet it answers.
        answers: every cell of the sheet.
        carries: whether a number that follows rightly from a wrong one gets its point.
        notes: what is to be said of the file.
    """

    pupil: str
    sheet: Sheet
    answers: tuple[Marked, ...]
    carries: bool = True
    notes: tuple[str, ...] = ()

    @lazily
    def points(self) -> int:
        """A point for each right answer."""
        return sum(each.verdict == "right" or (self.carries and each.verdict == "carried") for each in self.answers)

    @property
    def asked(self) -> int:
        """How many there are to have."""
        return len(self.answers)

    def count(self, verdict: Verdict) -> int:
        """How many answers were found so."""
        return sum(each.verdict == verdict for each in self.answers)


class Marker:
    """Marks the answers to one sheet; what was worked out for one pupil serves the next."""

    def __init__(self, sheet: Sheet, *, carries: bool = True) -> None:
        self.sheet = sheet
        self.carries = carries
        self._explained: dict[tuple[str, str], Explained] = {}

    def paper(self, answers: Answers, *, pupil: str = "", notes: Sequence[str] = ()) -> Paper:
        """Everything that one pupil answered, marked."""
        own: dict[tuple[str, str], Any] = {}
        marked = []
        for question in self.sheet.questions:
            text = answers.get((question.layer, question.quantity), "")
            marked.append(self._marked(question, text, own))
        return Paper(pupil, self.sheet, tuple(marked), self.carries, tuple(notes))

    def _marked(self, question: Question, text: str, own: dict[tuple[str, str], Any]) -> Marked:
        """One answer; ``own`` are this pupil's numbers before it, and this one is put to them."""
        shown = terminal(" ".join(text.split()), 60)
        if not text.strip().strip("_.…?-–—"):
            return Marked(question, "", "blank", f"Left blank; {_right(question)}.")
        try:
            if question.quantity == "output":
                return self._shape(question, text, shown, own)
            written = read(text) if question.quantity != "receptive_field" else _field(text)
        except NoNumber as why:
            return Marked(question, shown, "unread", f"{_right(question)}; what is written is no answer: {why}.")
        own[question.layer, question.quantity] = written.value
        if written.value == int(question.right):
            slip = "" if written.worked is None else f"Right; your own arithmetic comes to {written.worked:,}, though."
            return Marked(question, shown, "right", slip)
        return self._wrong(question, shown, written.value, written, own)

    def _shape(self, question: Question, text: str, shown: str, own: dict[tuple[str, str], Any]) -> Marked:
        how = same_shape(text, question.right)
        if how is not None:
            return Marked(question, shown, "right", f"Right, {how}." if how else "")
        shape = channels_first(read_shape(text), question.right)
        own[question.layer, "output"] = shape
        return self._wrong(question, shown, shape, None, own)

    def _wrong(
        self, question: Question, shown: str, value: Any, written: Written | None, own: Mapping[tuple[str, str], Any]
    ) -> Marked:
        if question.layer == TOTAL:
            return self._whole(question, shown, value, own)
        right = _right(question)
        carried = _carried(self.sheet, question, own)
        for place, why in carried:
            if result_of(place) == value:
                remark = f"{right}; you have {_shown(value, place.value)}, which follows from your {why}."
                return Marked(question, shown, "carried", remark, (("carried error",),))
        worked = _arithmetic(written)
        if worked:
            return Marked(question, shown, "wrong", f"{right}; {worked}", (("arithmetic",),))
        found = self._known(question).by_value.get(value, [])
        for place, why in () if found else carried:
            found = [each.replace(slips=("carried error", *each.slips),
                                  says=f"{each.says}, and it goes on with your {why}")
                     for each in Explained(place).by_value.get(value, [])]  # fmt: skip
            if found:
                break
        found = found or [*self._elsewhere(question, value), *self._known(question).of(value)]
        if not found:
            why = _unknown(question, written)
            return Marked(question, shown, "wrong", f"{right}; you have {spelled(value)}: {why}")
        return Marked(question, shown, "wrong", f"{right}; {_told(value, found)}", tuple(each.slips for each in found))

    def _known(self, question: Question) -> Explained:
        key = (question.layer, question.quantity)
        if key not in self._explained:
            analysis = self.sheet.analysis
            self._explained[key] = Explained(Place.of(analysis, analysis[question.layer], question.quantity))
        return self._explained[key]

    def _elsewhere(self, question: Question, value: Any) -> Iterator[Explanation]:
        """The line of the sheet on which the number would be right, if no slip alone gives it."""
        for other in self.sheet.questions if value else ():
            if other.quantity == question.quantity and other.layer != question.layer and plain(other.right) == value:
                yield Explanation(("line mistaken",), f"that is the number of {other.layer}", other.right)
                return

    def _whole(self, question: Question, shown: str, value: int, own: Mapping[tuple[str, str], Any]) -> Marked:
        """The total: right for the pupil's own numbers, or with a line left out."""
        right, quantity = _right(question), question.quantity
        rows = [(row.name, row.count_of(quantity)) for row in self.sheet.rows]
        mine = [own.get((name, quantity), int(known or 0)) for name, known in rows]
        if sum(mine) == value:
            remark = f"{right}; you have {value:,}, the sum of your own numbers."
            return Marked(question, shown, "carried", remark, (("carried error",),))
        for numbers, whose in ((mine, "your"), ([int(known or 0) for _, known in rows], "the")):
            for (name, _), number in zip(rows, numbers, strict=True):
                if number and sum(numbers) - number == value:
                    remark = f"{right}; you have {value:,}: {name} is missing, {whose} {number:,}."
                    return Marked(question, shown, "wrong", remark, (("layer left out",),))
        return Marked(question, shown, "wrong", f"{right}; you have {value:,}: that is not the sum of your numbers, "
                                                f"which is {sum(mine):,}.")  # fmt: skip


def mark(sheet: Sheet, answers: Answers, *, pupil: str = "", carries: bool = True) -> Paper:
    """Mark the answers of one pupil."""
    return Marker(sheet, carries=carries).paper(answers, pupil=pupil)


def _field(text: str) -> Written:
    """A receptive field: one side, or equal ones."""
    try:
        return read(text)
    except NoNumber:
        shape = read_shape(text)
        if len(set(shape)) != 1:
            raise
        return Written(shape[0], text)


def _right(question: Question) -> str:
    """``156 = (5·5·1 + 1)·6``."""
    return _shown(plain(question.right), question.right)


def _shown(value: Any, worked: Any) -> str:
    if isinstance(worked, tuple):
        if len(worked) == 1 and isinstance(worked[0], Count) and worked[0].op:
            return f"{spelled(value)} = {worked[0].working}"
        sides = dict.fromkeys(each.working for each in worked if isinstance(each, Count) and each.op)
        return spelled(value) + (f" with {' and '.join(sides)} = {_equal(worked)}" if len(sides) == 1 else "")
    text = f"{value:,}"
    working = worked.working if isinstance(worked, Count) and worked.op != "Σ" else text
    if isinstance(worked, Count) and worked.op == "Σ":
        working = subtotal(worked.parts).working if len(worked.parts) <= 8 else text
    return text if working == text else f"{text} = {working}"


def _equal(worked: Shape) -> str:
    return f"{int(next(each for each in worked if isinstance(each, Count) and each.op)):,}"


def _arithmetic(written: Written | None) -> str:
    """What is wrong where the expression was right and what stands behind it is not."""
    if written is None or written.worked is None:
        return ""
    return f"you have {written.value:,}, but your own arithmetic comes to {written.worked:,}."


def _told(value: Any, found: Sequence[Explanation]) -> str:
    """The likeliest explanation; the others too, where the same number may have come about otherwise."""
    first, *others = found
    text = f"you have {_shown(value, first.value)}: {first.says}"
    if not others:
        return f"{text}."
    more = others[:2]
    told = "; or ".join(f"{each.says} ({each.value.working})" if isinstance(each.value, Count) else each.says
                        for each in more)  # fmt: skip
    left = len(others) - len(more)
    rest = f"; {left} more give it too" if left else ""
    return f"{text}. It may also be that {told}{rest}."


def _unknown(question: Question, written: Written | None) -> str:
    """What can be said where no slip gives the number: the one number in the arithmetic that is another, if it is."""
    if written is not None and isinstance(question.right, Count):
        if not written.plain:
            ours = _numbers(question.right.working)
            missing, strange = _without(ours, written.numbers), _without(written.numbers, ours)
            if len(missing) == len(strange) == 1:
                return f"in your arithmetic stands {strange[0]:,} for {missing[0]:,}."
        right, given = f"{int(question.right)}", f"{written.value}"
        if len(right) > 2 and sorted(right) == sorted(given):
            return "two digits changed places."
    return "no known slip gives that; compare the arithmetic term by term."


def _numbers(working: str) -> Sequence[int]:
    try:
        return read(working).numbers
    except NoNumber:  # it is longer than any pupil's
        return ()


def _without(numbers: Sequence[int], others: Sequence[int]) -> list[int]:
    """What stands in one and not in the other; a factor of 1 says nothing."""
    left = list(others)
    result = []
    for each in numbers:
        if each in left:
            left.remove(each)
        elif each != 1:
            result.append(each)
    return result


def _carried(sheet: Sheet, question: Question, own: Mapping[tuple[str, str], Any]) -> list[tuple[Place, str]]:
    """The layer as it stands behind the pupil's own wrong shapes."""
    analysis = sheet.analysis
    row = analysis[question.layer]
    place = Place.of(analysis, row, question.quantity)
    found: list[tuple[Place, str]] = []
    if question.quantity == "receptive_field":
        for name in row.inputs:
            mine, seen = own.get((name, question.quantity)), place.value.letters.get("r")
            if mine is not None and seen is not None and mine != seen and seen == _seen(analysis, name):
                changed = place.replace(after=(partial(edits.with_letters, values={"r": mine}),))
                found.append((changed, f"{spelled(mine)} of {name}"))
        return found
    if question.quantity != "output" and (row.name, "output") in own:
        mine = own[row.name, "output"]
        found.append((place.replace(stated=mine), f"{spelled(mine)} of {row.name}"))
    for name in row.inputs:
        mine = own.get((name, "output"))
        if mine is None:
            continue
        right = plain(analysis[name].outputs[0])
        changed = place.with_inputs(partial(_behind, mine, right))
        if changed.parts != place.parts:
            found.append((changed, f"{spelled(mine)} of {name}"))
    return [each for each in found if result_of(each[0]) is not None]


def _seen(analysis: Analysis, name: str) -> int | None:
    """The receptive field of what comes in; an input's is no row's."""
    row = next((row for row in analysis.rows if row.name == name), None)
    return None if row is None or row.receptive_field is None else int(row.receptive_field[0])


def _behind(mine: Shape, right: Shape, shape: Shape) -> Shape:
    """What comes in where the layer before makes another shape; a tower sees its part of the maps."""
    if plain(shape) == right:
        return mine
    if len(mine) == len(shape) and plain(shape)[1:] == right[1:] and mine[0] == right[0]:
        return (shape[0], *mine[1:])
    return shape


def class_slips(papers: Sequence[Paper]) -> Iterator[tuple[str, int]]:
    """How many papers have each slip, the commonest first; where several explain a number, the likeliest counts."""
    seen: dict[str, int] = {}
    for paper in papers:
        for name in dict.fromkeys(name for each in paper.answers if each.slips for name in each.slips[0]):
            seen[name] = seen.get(name, 0) + 1
    yield from sorted(seen.items(), key=lambda each: (-each[1], each[0]))
