"""What stands over a solid: its name or that of the open block that it begins, and how often that is there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from archscope.diagrams.graph.tree import Block, units
from archscope.diagrams.volumes.stages import Seen


class Headings:
    """Each open block is named once, over the first of its solids, and its copies are told there too.

    ``held_in`` says how many layers there are under a path, ``drawn`` how many the figure shows of all.
    """

    def __init__(self, held_in: Mapping[tuple[str, ...], int], drawn: int) -> None:
        self.held_in, self.drawn = held_in, drawn
        self.begun: set[str] = set()
        self.counted: set[tuple[str, ...]] = set()

    def over(self, seen: Seen, own: str, many: int) -> tuple[str, int, int]:
        """A heading, the copies of the block that it names, and those of other blocks that begin here."""
        name, named = self._heading(seen, own, many)
        begin = self._begin(seen)
        inside = units(named) if named is not None else ()
        headed = [block for block in begin if len(units(block)) == len(inside)]
        copies = math.prod(block.copies for block in headed)
        return name, copies, math.prod(block.copies for block in begin) // copies

    def _begin(self, seen: Seen) -> list[Block]:
        """The folded blocks around of which nothing was placed yet."""
        found = []
        for place, block in enumerate(seen.around):
            path = (*(each.name for each in seen.around[:place]), block.name)
            if block.copies > 1 and path not in self.counted:
                self.counted.add(path)
                found.append(block)
        return found

    def _heading(self, seen: Seen, own: str, many: int) -> tuple[str, Block | None]:
        """The name of the open block that it begins, or its own and of those around it; empty within a block."""
        # What is most of the picture, or a list of what stands in many places, tells nothing of where one stands.
        for place, block in enumerate(seen.around):
            inside = units(block)
            if len(inside) * 2 > self.drawn or block.is_list:
                continue
            name = self._called([each.label for each in seen.around[: place + 1]], len(inside) * block.copies)
            if name in self.begun:
                return "", None
            self.begun.add(name)
            return name, block
        return self._called([*(each.label for each in seen.around), own], many), None

    def _called(self, labels: Sequence[str], many: int) -> str:
        """The name of a block without what says no more: `down1` for `down1.conv`, if that is all of it."""
        name = ".".join(labels)
        steps = name.split(".")
        for end in range(1, len(steps)):
            if self.held_in[tuple(steps[:end])] == many:
                return ".".join(steps[:end])
        return name
