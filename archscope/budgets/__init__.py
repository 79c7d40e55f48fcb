"""Budgets: limits and exact values that networks have to keep, for CI.

>>> from archscope.budgets.files import Named
>>> budgets = [read_budget("lenet5.C3.parameters <= 1.5 k"), read_budget('equal("vgg@D", "vgg@D")')]
>>> [(each.kept, each.sentence) for each in check(budgets, Networks({}, "here"))]
[(False, 'lenet5.C3.parameters is 1,516; that is 16 more'), (True, '23 layers are alike')]
"""

from __future__ import annotations

from archscope.budgets.checking import Kept, Networks, check
from archscope.budgets.expressions import Budget, read_budget
from archscope.budgets.files import USUAL, File, read_file
from archscope.budgets.report import FORMATS, Checked, write
from archscope.budgets.since import since

__all__ = [
    "FORMATS",
    "USUAL",
    "Budget",
    "Checked",
    "File",
    "Kept",
    "Networks",
    "check",
    "read_budget",
    "read_file",
    "since",
    "write",
]
