"""Why two networks' numbers differ: their layers side by side, what each difference costs, and a sum that is exact.

>>> from archscope.reader import load
>>> found = difference(load("lenet5"), load("lenet5-pytorch"))
>>> [(term.value, term.why) for term in found.terms["parameters"]]
[(900, 'C3 is fully connected'), (-12, 'S2'), (-32, 'S4 carry no weights')]
"""

from __future__ import annotations

from archscope.difference.compare import Difference, difference
from archscope.difference.elements import QUANTITIES
from archscope.difference.items import Change, Cost, Item

__all__ = ["QUANTITIES", "Change", "Cost", "Difference", "Item", "difference"]
