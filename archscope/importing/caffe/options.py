"""`Options`: what a message of a Caffe file says, asked for by the names of its fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archscope.errors import UsageError, did_you_mean
from archscope.escaping import line
from archscope.importing.caffe.text import Field, Message

Wrong = Callable[[str, int], UsageError]
"""What is wrong, and in which line, as an error."""


class Options:
    """The fields of a message, each asked for by name; what nobody asked for is a mistake.

    Args:
        message: what was said; None for nothing.
        wrong: makes the error of the layer that it belongs to.
        called: what the message is called.
    """

    def __init__(self, message: Message | None, wrong: Wrong, called: str) -> None:
        self._fields = {} if message is None else message.fields
        self._wrong = wrong
        self._called = called
        self._asked: set[str] = set()

    def said(self, name: str) -> list[Field]:
        """All values of a field."""
        self._asked.add(name)
        return self._fields.get(name, [])

    def one(self, name: str) -> Field | None:
        """The value of a field that may stand once."""
        found = self.said(name)
        if len(found) > 1:
            raise self._wrong(f"says `{name}` {len(found)} times", found[1].line)
        return found[0] if found else None

    def whole(self, name: str, usual: int, *, least: int = 0) -> int:
        """A whole number."""
        found = self.one(name)
        return usual if found is None else self._whole(name, found, least)

    def wanted(self, name: str) -> int:
        """A whole number, 1 or more, that has to be there."""
        found = self.one(name)
        if found is None:
            raise self._wrong(f"does not say `{name}` in `{self._called}`", 0)
        return self._whole(name, found, 1)

    def wholes(self, name: str, *, least: int = 0) -> list[int]:
        """Whole numbers, as many as there are."""
        return [self._whole(name, each, least) for each in self.said(name)]

    def number(self, name: str, usual: float) -> float:
        """Any number."""
        found = self.one(name)
        return usual if found is None else self._number(name, found)

    def numbers(self, name: str) -> list[float]:
        """Numbers, as many as there are."""
        return [self._number(name, each) for each in self.said(name)]

    def word(self, name: str, usual: str, words: tuple[str, ...] = ()) -> str:
        """A word, one of some."""
        found = self.one(name)
        if found is None:
            return usual
        if not isinstance(found.value, str) or (words and found.value not in words):
            raise self._wrong(f"has `{name}: {_shown(found)}`; it may be {', '.join(words) or 'a text'}", found.line)
        return found.value

    def words(self, name: str) -> list[str]:
        """Texts, as many as there are."""
        for each in self.said(name):
            if not isinstance(each.value, str):
                raise self._wrong(f"has `{name}: {_shown(each)}`, and a text is wanted", each.line)
        return [str(each.value) for each in self.said(name)]

    def flag(self, name: str, usual: bool) -> bool:
        """Yes or no."""
        found = self.one(name)
        if found is None:
            return usual
        known: dict[Any, bool] = {"true": True, "True": True, "t": True, 1: True,
                                  "false": False, "False": False, "f": False, 0: False}  # fmt: skip
        if isinstance(found.value, Message) or found.quoted or found.value not in known:
            raise self._wrong(f"has `{name}: {_shown(found)}`; it may be true or false", found.line)
        return known[found.value]

    def messages(self, name: str) -> list[Message]:
        """Messages, as many as there are."""
        found = []
        for each in self.said(name):
            if not isinstance(each.value, Message):
                raise self._wrong(f"has `{name}: {_shown(each)}`, and `{{` is wanted", each.line)
            found.append(each.value)
        return found

    def message(self, name: str) -> Message | None:
        """A message that may stand once."""
        self.one(name)
        found = self.messages(name)
        return found[0] if found else None

    def unimportant(self, *names: str) -> None:
        """Fields that change no number."""
        self._asked.update(names)

    def finish(self) -> None:
        """Insist that all that was said was asked for: what is not known may change any number."""
        for name, fields in self._fields.items():
            if name not in self._asked:
                raise self._wrong(f"has `{line(name)[:60]}` in `{self._called}`, which archscope does not know; "
                                  + did_you_mean(name, sorted(self._asked), what="it knows"),
                                  fields[0].line)  # fmt: skip

    def _whole(self, name: str, found: Field, least: int) -> int:
        value = found.value
        if not isinstance(value, int) or value < least:
            bound = f"a whole number from {least} on" if least > -(1 << 30) else "a whole number"
            raise self._wrong(f"has `{name}: {_shown(found)}`, and {bound} is wanted", found.line)
        return value

    def _number(self, name: str, found: Field) -> float:
        if not isinstance(found.value, (int, float)):
            raise self._wrong(f"has `{name}: {_shown(found)}`, and a number is wanted", found.line)
        return found.value


def _shown(field: Field) -> str:
    return "{…}" if isinstance(field.value, Message) else line(str(field.value))[:40]
