"""A difference of two networks as text, in one format a module.

>>> from archscope.difference import difference
>>> from archscope.reader import load
>>> print(write(difference(load("vgg@D"), load("vgg@E")), "csv"))
kind,first,second,what,parameters_first,parameters_second,...
added,,conv3.conv.3,"only in the second: conv 3×3, relu",0,590080,...
...
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from archscope.difference import Difference
from archscope.errors import NotFound, did_you_mean

FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "table": "for the terminal",
        "markdown": "for GitHub and notebooks",
        "csv": "for a spreadsheet: a line for every pair of layers that differs",
        "json": "for programs: schema archscope.difference/1",
        "html": "a page that stands alone",
        "latex": "for a paper",
    }
)
"""Every format by name, with what it is for."""


def write(found: Difference, format: str = "table", *, width: int | None = None) -> str:
    """A difference as text, without a line end behind the last line; ``width`` is for the terminal.

    Raises:
        NotFound: there is no such format.
    """
    if format not in FORMATS:
        raise NotFound(f"no format `{format}`; {did_you_mean(format, FORMATS, what='formats')}")
    if format == "table":
        from archscope.formats.differences import table

        return table.write(found, width)
    text: str = importlib.import_module(f"archscope.formats.differences.{format}").write(found)
    return text
