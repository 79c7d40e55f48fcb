"""Budgets: limits and exact values that networks have to keep, for CI.

>>> from archscope.budgets.files import Named
>>> budgets = [read_budget("lenet5.C3.parameters <= 1.5 k"), read_budget('equal("vgg@D", "vgg@D")')]
>>> [(each.kept, each.sentence) for each in check(budgets, Networks({}, "here"))]
[(False, 'lenet5.C3.parameters is 1,516; that is 16 more'), (True, '23 layers are alike')]
"""

from __future__ import annotations

from archscope.budgets.checking import Kept, Networks, check, number_of
from archscope.budgets.expressions import Asked, Budget, holds, read_budget, read_quantity
from archscope.budgets.files import USUAL, File, read_file
from archscope.budgets.report import FORMATS, Checked, write
from archscope.budgets.since import since

__all__ = [
    "FORMATS",
    "USUAL",
    "Asked",
    "Budget",
    "Checked",
    "File",
    "Kept",
    "Networks",
    "check",
    "holds",
    "number_of",
    "read_budget",
    "read_file",
    "read_quantity",
    "since",
    "write",
]
