"""`Names`: what a name in a spec stands for, blocks included.

A block is no layer: its name stands for the output of its last line, ``block.input`` for what it is given. Both are
aliases here, and an alias ends at a layer or at an input of the network.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from archscope.diagnostics import Span
from archscope.reader.entries import Entry, Reads


class Names:
    """Layers, inputs and aliases by name, and what each line reads that `when` left out.

    >>> names = Names({}, {"input": None})
    >>> names.aliases["stage"] = "stage.0"
    >>> names.aliases["stage.0"] = "input"
    >>> names.find("stage"), names.find("stage.1")
    (('input', None), None)
    """

    def __init__(self, entries: dict[str, Entry], inputs: Mapping[str, Span | None]) -> None:
        self.entries = entries
        self.inputs = inputs
        self.aliases: dict[str, str] = {}
        self.left_out: dict[str, Sequence[Reads]] = {}

    def find(self, name: str) -> tuple[str, str | None] | None:
        """The layer or network input a name ends at, and which output of it; None if there is none."""
        seen = 0
        while name not in self.entries and name not in self.inputs:
            target = self.aliases.get(name)
            seen += 1
            if target is None or seen > len(self.aliases):
                return self._output(name) if target is None else None
            name = target
        return name, None

    def every(self, name: str) -> list[str]:
        """What ``stack.*.skip`` names: that line of each copy there is, in their order; a name without `*` is itself.

        A line that the copies do not have is named once, in the first; nothing is named where there are no copies.

        >>> names = Names({}, {"input": None})
        >>> names.aliases |= {"a.0": "input", "a.1": "input", "a.0.b": "input", "a.1.b": "input"}
        >>> names.every("a.*.b"), names.every("a.*.c"), names.every("c.*")
        (['a.0.b', 'a.1.b'], ['a.0.c'], [])
        """
        head, star, rest = name.partition(".*")
        if not star or (rest and not rest.startswith(".")):
            return [name]
        found: list[str] = []
        for number in itertools.count():
            copy = f"{head}.{number}"
            if copy not in self.entries and copy not in self.aliases:
                return found
            own = self.every(copy + rest)
            if len(own) == 1 and self.find(own[0]) is None:
                return own
            found += own
        return found

    def _output(self, name: str) -> tuple[str, str] | None:
        """A layer's output by name, ``rnn.hidden``."""
        head, dot, output = name.rpartition(".")
        return (head, output) if dot and head in self.entries else None

    def within(self, scope: str) -> Iterable[str]:
        """The names that a line of a block can use: those of its own lines and inputs, and of the outputs of those."""
        if not scope:
            yield from self.inputs
        yield from (name.removeprefix(scope) for name, entry in self.entries.items() if entry.scope == scope)
        for name in self.aliases:
            own = name.removeprefix(scope)
            if own.count(".") < 2 and name.startswith(scope) and not own.partition(".")[2].isdigit():
                yield own
