"""Blocks within blocks: the units of a network as a tree in which every block can be drawn as one box.

A block can be one box only if no path leaves it and comes back: AlexNet's first tower ends before the third
layer, which reads both towers, and begins again with it. So a block is split where a path would come back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from heapq import heappop, heappush

from archscope.diagrams.graph.units import Part, Unit
from archscope.errors import NotFound, did_you_mean
from archscope.record import lazily


@dataclass(frozen=True)
class Block:
    """A block, a tower or the whole network.

    Attributes:
        label: its name, within the block around it.
        children: what it holds, in an order in which they can run.
        tower: whether it is (a stretch of) a tower.
        copies: how many equal ones in series it stands for; the children are those of the first.
        turns: how many blocks that take turns it holds, if that is all that makes it one.
    """

    label: str
    children: tuple[Child, ...]
    tower: bool = False
    copies: int = 1
    turns: int = 0

    @property
    def name(self) -> str:
        """The name of its first unit, unique among the blocks beside it."""
        return self.children[0].name

    @lazily
    def units(self) -> tuple[Unit, ...]:
        """Every unit in it, in order."""
        return tuple([unit for child in self.children for unit in units(child)])

    @lazily
    def rank(self) -> int:
        """How many blocks of the network are around its units, itself included."""
        paths = [[part.name for part in unit.path] for unit in self.units]
        first = paths[0]
        return next((end for end in range(len(first), 0, -1) if all(path[:end] == first[:end] for path in paths)), 0)

    @lazily
    def is_list(self) -> bool:
        """Whether several stand in it of which none reads another: a name over the first is not theirs."""
        held = {unit.name: place for place, child in enumerate(self.children) for unit in units(child)}
        read = ((held.get(ref.node), held[unit.name]) for unit in self.units for ref in unit.inputs)
        return len(self.children) > 1 and all(source in (None, reader) for source, reader in read)


Child = Unit | Block


def units(child: Child) -> tuple[Unit, ...]:
    """Every unit in it, in order."""
    return (child,) if isinstance(child, Unit) else child.units


def blocks_in(child: Child) -> Iterator[Block]:
    """Every block within one."""
    for each in child.children if isinstance(child, Block) else ():
        if isinstance(each, Block):
            yield each
            yield from blocks_in(each)


def tree_of(found: Sequence[Unit]) -> Block:
    """The whole network as a tree of blocks."""
    return Block("", _level(found, 0))


def _level(found: Sequence[Unit], depth: int) -> tuple[Child, ...]:
    """What stands side by side at one depth, split so that drawing each as one box leaves no cycle."""
    stretches: list[tuple[Part | None, list[Unit]]] = []
    latest: dict[Part, int] = {}
    home: dict[str, int] = {}
    after: list[set[int]] = []
    for unit in found:
        part = unit.path[depth] if len(unit.path) > depth else None
        sources = {home[ref.node] for ref in unit.inputs if ref.node in home}
        place = None if part is None else latest.get(part)
        if place is None or not sources.isdisjoint(_reached(after, place)):
            place = len(stretches)
            stretches.append((part, []))
            after.append(set())
            if part is not None:
                latest[part] = place
        stretches[place][1].append(unit)
        home[unit.name] = place
        for source in sources - {place}:
            after[source].add(place)
    return tuple(_child(part, members, depth) for part, members in _in_running_order(stretches, after))


def _reached(after: Sequence[set[int]], start: int) -> set[int]:
    """The stretches that a path from ``start`` leads to."""
    seen: set[int] = set()
    stack = list(after[start])
    while stack:
        place = stack.pop()
        if place not in seen:
            seen.add(place)
            stack.extend(after[place])
    return seen


def _in_running_order(
    stretches: Sequence[tuple[Part | None, list[Unit]]], after: Sequence[set[int]]
) -> Iterator[tuple[Part | None, list[Unit]]]:
    """Sort so that each comes after what it reads, and otherwise as the network has them."""
    waiting = [0] * len(stretches)
    for targets in after:
        for target in targets:
            waiting[target] += 1
    ready = [place for place, count in enumerate(waiting) if not count]
    while ready:
        place = heappop(ready)
        yield stretches[place]
        for target in after[place]:
            waiting[target] -= 1
            if not waiting[target]:
                heappush(ready, target)


def _child(part: Part | None, members: list[Unit], depth: int) -> Child:
    if part is None:
        return members[0]
    children = _level(members, depth + 1)
    above = members[0].path[:depth]
    label = part.name
    for step in above:
        label = label.removeprefix(f"{step.name}.")
    only = children[0]
    if len(children) == 1 and not part.tower and not (isinstance(only, Block) and only.tower):
        return replace(only, label=part.title or f"{label}.{only.label}")
    return Block(part.title or label, children, part.tower)


def depth_of(child: Child) -> int:
    """The greatest ``--depth`` that still changes the picture: one more than blocks of the network are open then."""
    return 0 if isinstance(child, Unit) else max(child.rank + 1, *map(depth_of, child.children))


def is_open(block: Block, around: Sequence[Block], expand: Sequence[str], collapse: Sequence[str]) -> bool | None:
    """Whether somebody asked by name for a block, or for one inside it, to be open or closed; None if nobody did.

    A name is that of a block with those around it, ``*`` any letters: ``encoder.3``, ``stage*``.
    """
    path = ".".join(each.label for each in (*around, block))
    if any(fnmatchcase(path, each) for each in collapse):
        return False
    return True if any(_leads_to(block, path, each) for each in expand) else None


def _leads_to(block: Block, path: str, pattern: str) -> bool:
    inner = (each for each in block.children if isinstance(each, Block))
    return fnmatchcase(path, pattern) or any(_leads_to(each, f"{path}.{each.label}", pattern) for each in inner)


def require_blocks(root: Block, patterns: Sequence[str]) -> None:
    """Refuse names that no block has.

    Raises:
        NotFound: there is no such block; says which there are.
    """
    if not patterns:
        return
    names = list(_paths(root, ""))
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            known = did_you_mean(pattern, names, what="blocks") if names else "the network has no blocks"
            raise NotFound(f"no block `{pattern}`; {known}")


def _paths(block: Block, path: str) -> Iterator[str]:
    for each in block.children:
        if isinstance(each, Block):
            own = f"{path}.{each.label}" if path else each.label
            yield own
            yield from _paths(each, own)


def consumers(found: Sequence[Unit], outputs: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """Who reads each unit, by name; the empty name stands for the network's output."""
    readers: dict[str, set[str]] = {unit.name: set() for unit in found}
    for unit in found:
        for ref in unit.inputs:
            if ref.node in readers:
                readers[ref.node].add(unit.name)
    for name in outputs:
        if name in readers:
            readers[name].add("")
    return {name: frozenset(each) for name, each in readers.items()}
