"""Write a network's architecture once; get every number about it, with the arithmetic shown."""

from archscope.analysis import Analysis, Row, Totals, Towers, analyze
from archscope.errors import ArchscopeError, MissingExtra, NotFound, Rejects, SpecError, UsageError
from archscope.flow import Field
from archscope.network import Network, Node, Published, Ref, ShapeError
from archscope.pytorch import build
from archscope.reader import load, read
from archscope.working import Count

__version__ = "0.1.0"

__all__ = [
    "Analysis",
    "ArchscopeError",
    "Count",
    "Field",
    "MissingExtra",
    "Network",
    "Node",
    "NotFound",
    "Published",
    "Ref",
    "Rejects",
    "Row",
    "ShapeError",
    "SpecError",
    "Totals",
    "Towers",
    "UsageError",
    "analyze",
    "build",
    "load",
    "read",
]
