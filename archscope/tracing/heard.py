"""`Heard`: a call of a function that has run; and what of it is a number, though the code holds it as a tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from torch import Tensor

from archscope.recognising.operations import Frame
from archscope.recognising.signatures import plain_name

_EITHER: Final = frozenset({"mul", "imul", "multiply", "add", "iadd"})
_SECOND: Final = _EITHER | {"sub", "isub", "subtract", "div", "truediv", "itruediv", "divide", "true_divide"}
"""Arithmetic in which the second value, or either of the two, may be a number."""


class Heard(NamedTuple):
    """A call of a function that has run.

    Attributes:
        name: the function.
        args: what it was given.
        kwargs: what it was given by name.
        given: the tensors among that.
        made: the tensors that it made.
        frame: the operations that ran for it.
        why: why nothing is known of its lines, if that is so.
    """

    name: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    given: list[Tensor]
    made: list[Tensor]
    frame: Frame
    why: str

    def with_number(self, known: Callable[[Tensor], Tensor | None]) -> Heard:
        """The call with a number in the place of a constant of one value: the factor of an embedding in a buffer, say.

        ``known`` says the values of a constant; nothing of a value that is learned, or made of others.
        """
        name = plain_name(self.name)
        if name not in _SECOND or self.kwargs or len(self.args) != 2 or len(self.given) != 2:
            return self
        one, other = self.given
        if name in _EITHER and one.dim() < other.dim():
            one, other = other, one
        found = known(other) if other.numel() == 1 and other.dim() <= one.dim() and one.numel() > 1 else None
        if found is None or found.is_complex() or not math.isfinite(found.item()):
            return self
        return self._replace(name=name, args=[one, float(found.item())], given=[one])
