"""Write a network's architecture once; get every number about it, with the arithmetic shown."""

from typing import TYPE_CHECKING, Any

from archscope.analysis import Analysis, Row, Totals, Towers, analyze
from archscope.errors import ArchscopeError, MissingExtra, NotFound, Rejects, SpecError, UsageError
from archscope.flow import Field
from archscope.network import Network, Node, Published, Ref, ShapeError
from archscope.pytorch import build
from archscope.reader import load, read
from archscope.working import Count

if TYPE_CHECKING:
    from archscope.diagrams import Drawing, draw

__version__ = "0.1.0"

__all__ = [
    "Analysis",
    "ArchscopeError",
    "Count",
    "Drawing",
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
    "draw",
    "load",
    "read",
]


def __getattr__(name: str) -> Any:
    """Pictures are imported when they are asked for: a table needs none."""
    if name not in ("Drawing", "draw"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from archscope import diagrams

    return getattr(diagrams, name)
