"""Sweeps: every combination of some networks and settings, a row for each, on one core or a cluster.

>>> from archscope.sweep.naming import named
>>> grid = plan(named(["lenet5"]), [set_axis("C1.out_channels=6,12")], "C1.parameters", ["parameters < 61 k"])
>>> journal = Journal(None, grid.identity)
>>> run(grid, journal, Here())
>>> [row[2:4] for row in Rows(grid, journal)]
[('6', 156)]
>>> journal.close()
"""

from archscope.sweep.front import Sides, sides
from archscope.sweep.journal import Journal, beside
from archscope.sweep.plan import USUAL, Axis, Plan, Point, Spec, axis, input_axis, plan, set_axis
from archscope.sweep.rows import Rows
from archscope.sweep.running import Here, run

__all__ = [
    "USUAL", "Axis", "Here", "Journal", "Plan", "Point", "Rows", "Sides", "Spec", "axis", "beside", "input_axis",
    "plan", "run", "set_axis", "sides",
]  # fmt: skip
