"""What several steps of a picture need of a network, such as the choice of its style and the style, is worked out once.

>>> import archscope
>>> analysis = archscope.analyze("lenet5")
>>> layers = once(lambda analysis: list(analysis.nodes))
>>> layers(analysis) is layers(analysis)
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from archscope.analysis import Analysis

_Made = TypeVar("_Made")


def once(make: Callable[[Analysis], _Made]) -> Callable[[Analysis], _Made]:
    """The function, its answers kept beside the numbers of each analysis and gone with it; nobody may change them."""
    name = f"{make.__module__}:{make.__qualname__}"

    def kept(analysis: Analysis) -> _Made:
        state = analysis.__dict__
        if name not in state:
            state[name] = make(analysis)
        made: _Made = state[name]
        return made

    kept.__doc__ = make.__doc__
    return kept
