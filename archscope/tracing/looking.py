"""`Looking`: follows a module that runs again, for something else than the network that its first run wrote down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from archscope.recognising.operations import Frame, Operation, Ran
from archscope.tracing.ledger import Ledger, taken_from
from archscope.tracing.numbers import Numbers
from archscope.tracing.tracer import Tracer


class Lightly(Ledger):  # type: ignore[no-untyped-call]
    """A ledger that holds nothing of what runs, and works out no products."""

    def __init__(self, note: Callable[[Any, Any], None], *more: Any) -> None:
        super().__init__(*more)
        self._noted = note

    def _note(
        self, found: Operation, args: Any, given: dict[str, Any], result: Any,
        written: list[Tensor],  # noqa: ARG002 - a `Ledger` has it
    ) -> None:  # fmt: skip
        self._noted(taken_from(found, args), result)
        if self.frame is None:
            self._loose(found.called, args, given, result, Frame())
        else:
            self.frame.ran.append(Ran(found, None))

    def _on_meta(self, value: Any) -> Any:
        """It forgets what it has brought there."""
        made = super()._on_meta(value)
        self._twins.clear()
        return made


class Looking(Tracer):
    """Follows a module as `Tracer` does, and writes down no network."""

    writes = False

    def _ledger(self, before_write: Callable[[Tensor], None], numbers: Numbers) -> Ledger:
        return Lightly(self._noted, self._loose, before_write, numbers, self.turn)

    def _noted(self, read: Any, made: Any) -> None:
        """An operation has run; most runs look at calls alone."""


__all__ = ["Lightly", "Looking"]
