"""A whole class: every file that was handed in, marked; a broken one holds up nobody else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from archscope.analysis import Analysis, analyze
from archscope.classroom.marking import Marker, Paper
from archscope.classroom.sheet import HEADINGS, Sheet, sheet_of
from archscope.classroom.submissions import Submission, files_in, read_answers
from archscope.classroom.variation import Variation
from archscope.errors import ArchscopeError, MissingExtra, UsageError
from archscope.record import Record


class Class(Record):
    """The papers of a class, and a line for each thing that could not be read."""

    papers: tuple[Paper, ...]
    complaints: tuple[str, ...]


class Marking:
    """Marks files against the sheets of one network.

    Args:
        plain: the network as it is.
        varied: the variation of a seed.
        layers, blank: what the sheets ask for, as in `archscope.classroom.sheet_of`.
        seed: the sheet of files that name none.
        carries: whether what follows rightly from a wrong number gets its point.
    """

    def __init__(
        self, plain: Analysis, varied: Callable[[int], Variation], *, spec: str = "", layers: str | None = None,
        blank: str | None = None, seed: int | None = None, carries: bool = True,
    ) -> None:  # fmt: skip
        self.varied = varied
        self.seed = seed
        self.carries = carries
        self.asked = {"spec": spec, "layers": layers, "blank": blank}
        self.lines = sheet_of(plain, **self.asked).lines  # type: ignore[arg-type]
        self.plain = plain
        self._markers: dict[int | None, Marker] = {}

    def everything(self, paths: Iterable[str | os.PathLike[str]]) -> Class:
        """Every file, marked.

        Raises:
            UsageError: no file is there.
            MissingExtra: openpyxl is needed and not installed.
        """
        papers: list[Paper] = []
        complaints: list[str] = []
        for path in files_in(paths):
            try:
                submission = read_answers(path, self.lines)
                paper = self._paper(submission)
            except MissingExtra:
                raise
            except ArchscopeError as error:
                complaints.append(str(error))
                continue
            papers.append(paper)
            complaints += _unread(submission, paper)
        return Class(tuple(papers), tuple(complaints))

    def _paper(self, submission: Submission) -> Paper:
        seed = submission.seed
        if seed is not None and self.seed is not None and seed != self.seed:
            raise UsageError(f"{submission.path}: it answers sheet {seed}, and `--vary` says {self.seed}")
        marker = self._marker(self.seed if seed is None else seed)
        return marker.paper(submission.answers, pupil=submission.pupil, notes=_notes(submission, marker.sheet))

    def _marker(self, seed: int | None) -> Marker:
        if seed not in self._markers:
            if seed is None:
                sheet = sheet_of(self.plain, **self.asked)  # type: ignore[arg-type]
            else:
                varied = self.varied(seed)
                sheet = sheet_of(analyze(varied.network), seed=seed, changes=varied.changes, **self.asked)  # type: ignore[arg-type]
            self._markers[seed] = Marker(sheet, carries=self.carries)
        return self._markers[seed]


def _notes(submission: Submission, sheet: Sheet) -> Sequence[str]:
    lacking = [HEADINGS[each] for each in sheet.blank if each not in submission.quantities]
    beyond = [HEADINGS[each] for each in submission.quantities if each not in sheet.blank and each != "output"]
    notes = []
    if lacking:
        notes.append(f"The file has no column for {', '.join(lacking)}: they count as blank. If the sheet did not ask "
                     "for them, say so with --blank.")  # fmt: skip
    if beyond:
        notes.append(f"{', '.join(beyond)} is not asked for, and not marked.")
    return notes


def _unread(submission: Submission, paper: Paper) -> Iterable[str]:
    for each in paper.answers:
        if each.verdict == "unread":
            place = submission.places.get((each.question.layer, each.question.quantity), "")
            why = each.remark.partition("what is written is no answer: ")[2].rstrip(".")
            yield f"{submission.path}: {place}: `{each.text}`: {why}"
