"""How the reference of the library reads docstrings: their sessions become blocks of code."""

from __future__ import annotations

from typing import Any

import griffe

from tools.pages.markdown import prose


class Sessions(griffe.Extension):
    """Fence the ``>>>`` sessions of every docstring, and write its double backticks as Markdown does."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = prose(obj.docstring.value)
