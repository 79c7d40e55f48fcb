"""Write a network's architecture once; get every number about it, with the arithmetic shown.

A spec that comes along, or a file of your own, becomes a `Network`; its analysis has every number and its working:

>>> import archscope
>>> analysis = archscope.analyze("lenet5")
>>> analysis["C1"].parameters, analysis["C1"].working("parameters")
(156, '(5·5·1 + 1)·6')
>>> analysis["C3"].receptive_field
(14, 14)

What if it were padded, or the input smaller?

>>> padded = archscope.load("lenet5", changes={"C1.padding": 2}, input=(1, 28, 28))
>>> archscope.analyze(padded)["C1"].output
(6, 28, 28)

`draw` makes its figure, `build` its PyTorch module, and `verify` asks independent witnesses for the same numbers:

>>> archscope.draw(analysis).style
'planes'
"""

from typing import TYPE_CHECKING, Any

from archscope.analysis import Analysis, Row, Totals, Towers
from archscope.building import build
from archscope.errors import ArchscopeError, MissingExtra, NotFound, Rejects, SpecError, UsageError
from archscope.flow import Field
from archscope.network import Network, Node, Published, Ref, ShapeError
from archscope.opening import analyze, draw
from archscope.reader import load, read
from archscope.tracing import trace
from archscope.working import Count

if TYPE_CHECKING:
    from archscope.diagrams import Drawing
    from archscope.oracles import Verification, verify

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
    "Verification",
    "analyze",
    "build",
    "draw",
    "load",
    "read",
    "trace",
    "verify",
]


_LATER = {
    "Drawing": "archscope.diagrams",
    "Verification": "archscope.oracles",
    "verify": "archscope.oracles",
}
"""Names that a table does not need, by the package that has them: imported when they are asked for."""


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    """All public names, also those that are imported later; for completion."""
    return sorted({*globals(), *__all__})
