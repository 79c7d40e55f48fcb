"""`Looks`: where a module looked at values, and which they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from torch import Tensor

from archscope.escaping import line, terminal
from archscope.layers.base import spell_shape
from archscope.network import Ref
from archscope.observed import Looked
from archscope.recognising.operations import Frame
from archscope.tracing.values import Values

_KEPT: Final = 3
"""Values of one place that are kept; of a loop's many, the first ones tell."""

_LONGEST: Final = 24
"""Characters of one value."""

_SEES: Final = frozenset({
    "getitem", "unbind", "select", "squeeze", "unsqueeze", "view", "reshape", "flatten", "clone", "detach", "cpu",
})  # fmt: skip
"""Functions after which numbers from 0 to below 1 are such numbers yet."""

_DECIDED: Final[Mapping[str, Callable[[float], bool]]] = MappingProxyType({
    **dict.fromkeys(("lt", "less", "ge", "greater_equal"), lambda bound: bound <= 0 or bound >= 1),
    **dict.fromkeys(("gt", "greater", "le", "less_equal"), lambda bound: bound < 0 or bound >= 1),
})  # fmt: skip
"""Comparisons of such numbers with another, and whether they come out one way whatever was drawn."""


class Looks:
    """The places where values left for Python's own code, or decided the shape of a result.

    Args:
        values: what is known of tensors.

    Attributes:
        at_drawn: whether random numbers that the code drew were looked at.
    """

    def __init__(self, values: Values) -> None:
        self._values = values
        self.at_drawn = False
        self._drawn: dict[int, Tensor] = {}
        self._uniform: dict[int, Tensor] = {}
        self._found: dict[tuple[str, str], tuple[list[str], int]] = {}

    def at(self, path: str, name: str, result: Any, frame: Frame, given: Sequence[Tensor], refs: Sequence[Ref]) -> None:
        """A function gave values to Python, or looked at them; constants that nobody learned decide nothing."""
        self.at_drawn |= any(id(each) in self._drawn for each in given)
        if not refs and not any(self._values.weights(each) for each in given):
            return
        kept, times = self._found.get((path, name.strip("_")), ([], 0))
        said = _spelled(result, frame)
        if said and said not in kept and len(kept) < _KEPT:
            kept.append(said)
        self._found[path, name.strip("_")] = (kept, times + 1)

    def constant(
        self, name: str, args: Sequence[Any], given: Sequence[Tensor], made: Sequence[Tensor], frame: Frame
    ) -> None:
        """A call on constants made or changed others, which are random if it draws, or what it was given is."""
        draws = any(each.operation.draws for each in frame.ran)
        uniform = bool(given) and all(id(each) in self._uniform for each in given)
        if uniform and len(args) > 1 and type(args[1]) in (int, float) and name in _DECIDED and _DECIDED[name](args[1]):
            return  # a layer is left out with a probability of 0
        if draws or any(id(each) in self._drawn for each in given):
            self._drawn.update((id(each), each) for each in made)
        if name in ("rand", "rand_like") or (name == "uniform" and len(args) == 1) or (uniform and name in _SEES):
            self._uniform.update((id(each), each) for each in made)

    @property
    def found(self) -> tuple[Looked, ...]:
        """All of them, in the order in which they were first looked at."""
        return tuple(Looked(name, path, tuple(kept), times) for (path, name), (kept, times) in self._found.items())


def _spelled(result: Any, frame: Frame) -> str:
    """A value in few characters; of a tensor, how many values were found."""
    if isinstance(result, bool) or result is None:
        return "" if result is None else str(result)
    if isinstance(result, (int, float, complex)):
        return f"{result:.6g}" if isinstance(result, float) else str(result)
    if isinstance(result, list):
        return terminal(line(str(result)), _LONGEST)
    made = next((each for each in [result, *frame.made] if isinstance(each, Tensor)), None)
    return "" if made is None or not frame.looked else f"{spell_shape(made.shape)} found"
