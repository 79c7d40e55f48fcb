"""An analysis as text, in one format a module; nothing here asks what type a layer is.

>>> import archscope
>>> analysis = archscope.analyze(archscope.load("lenet5"))
>>> print(write(analysis, "csv", View(columns=("parameters", "connections"))))
layer,parameters,connections
C1,156,122304
...
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from archscope.analysis import Analysis
from archscope.errors import NotFound, did_you_mean
from archscope.formats.sheet import View as View
from archscope.patience import without_collector

FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "table": "for the terminal",
        "markdown": "for GitHub and notebooks",
        "csv": "for a spreadsheet: plain numbers, no totals",
        "json": "for programs: schema archscope.analysis/1",
        "html": "a page that stands alone",
        "latex": "for a paper: a table with booktabs",
    }
)
"""Every format by name, with what it is for; ``csv`` is the function ``write`` of ``archscope/formats/csv.py``."""


@without_collector()
def write(analysis: Analysis, format: str = "table", view: View | None = None) -> str:
    """An analysis as text, without a line end behind the last line.

    Raises:
        NotFound: there is no such format, or no such column.
    """
    if format not in FORMATS:
        raise NotFound(f"no format `{format}`; {did_you_mean(format, FORMATS, what='formats')}")
    text: str = importlib.import_module(f"archscope.formats.{format}").write(analysis, view or View())
    return text
