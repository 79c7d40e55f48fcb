"""The classroom: worksheets with empty cells, their keys, and marks that say which term is wrong.

A sheet asks for the numbers of an analysis; its key is their working. A wrong number is explained by making the known
slips on that working until one of them gives it.

>>> import archscope
>>> sheet = sheet_of(archscope.analyze(archscope.load("lenet5")), layers="C1", blank="parameters")
>>> paper = mark(sheet, {("C1", "parameters"): "150"})
>>> paper.answers[0].remark
'156 = (5·5·1 + 1)·6; you have 150 = 5·5·1·6: the 6 biases are missing.'
"""

from __future__ import annotations

from archscope.classroom.marking import Marked, Marker, Paper, mark
from archscope.classroom.sheet import QUANTITIES, TOTAL, Question, Sheet, sheet_of
from archscope.classroom.variation import Variation, vary

__all__ = ["QUANTITIES", "TOTAL", "Marked", "Marker", "Paper", "Question", "Sheet", "Variation", "mark", "sheet_of",
           "vary"]  # fmt: skip
