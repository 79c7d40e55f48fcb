"""`Accounts`: the row that each operation belongs to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor


class _Waiting:
    """Operations that made no row, until a row reads what they made."""

    __slots__ = ("after", "before", "many")

    def __init__(self, many: int, before: Sequence[_Waiting], after: str) -> None:
        self.many = many
        self.before = before
        self.after = after


class Accounts:
    """How many operations ran for each row; every one belongs to exactly one.

    An operation that made no row of its own belongs to the row whose values it handed on. If those are nobody's, an
    input's or a constant's, it belongs to the first row that reads what it made; if none does, to the row before it.
    """

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self._last = ""
        self._waiting: dict[int, _Waiting] = {}
        self._every: list[_Waiting] = []

    def ran_for(self, row: str, many: int, read: Iterable[Tensor]) -> None:
        """Operations ran for a row, which reads some tensors."""
        self.rows[row] += many
        self._last = row
        if self._waiting:
            for each in read:
                self.reads(row, each)

    def reads(self, row: str, tensor: Any) -> None:
        """A row reads a tensor: what made it, and belongs to nobody, belongs to the row."""
        todo = [self._waiting.pop(id(tensor), None)]
        while todo:
            each = todo.pop()
            if each is not None and each.many >= 0:
                self.rows[row] += each.many
                each.many = -1
                todo.extend(each.before)

    def handed_on(self, row: str | None, many: int, read: Iterable[Tensor], made: Iterable[Tensor]) -> None:
        """Operations handed on the values of a row; None where they are no row's."""
        if row is not None:
            self.rows[row] += many
            return
        before = [each for tensor in read if (each := self._waiting.get(id(tensor))) is not None]
        if not many and not before:
            return
        waiting = _Waiting(many, before, self._last)
        self._every.append(waiting)
        for tensor in made:
            self._waiting[id(tensor)] = waiting

    def finished(self, rows: Sequence[str]) -> dict[str, int]:
        """Operations by row, where all are done; what nobody read belongs to the row before it, or to the first."""
        for each in self._every:
            if each.many > 0 and rows:
                self.rows[each.after or rows[0]] += each.many
                each.many = -1
        return {row: self.rows[row] for row in rows}
