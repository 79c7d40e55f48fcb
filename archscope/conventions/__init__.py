"""What another tool would print for a network, derived from its analysis by that tool's convention.

>>> from archscope.analysis import analyze
>>> from archscope.reader import load
>>> counted = count(analyze(load("resnet@18")), "thop")
>>> [(part.amount, part.why) for part in counted.parts]
[(9934848, 'it counts batch, layer and instance norms, four for each value, two without learned factors'), (25600, ...)]
>>> counted.total - counted.base == sum(part.amount for part in counted.parts)
True
"""

from __future__ import annotations

from archscope.conventions.counting import Counted, Part, count
from archscope.conventions.tools import TOOLS, Tool

__all__ = ["TOOLS", "Counted", "Part", "Tool", "count"]
