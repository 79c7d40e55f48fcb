"""A stream that leads to several outputs parts above its last block that attends: a head for each."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.diagrams.transformer.pieces import Piece
from archscope.diagrams.transformer.roles import attends
from archscope.diagrams.transformer.stream import (
    Item,
    NotATransformerError,
    Parted,
    Residual,
    Source,
    Step,
    Streams,
)

Stream = tuple[Item, ...]


def with_heads(stacks: Sequence[Stream], ends: Sequence[str], streams: Streams) -> list[Stream]:
    """The streams of a network, each with a head for every output that it leads to beside its own end.

    What leaves a stream further down and holds no weights needs no head: it is a part of the block that it leaves.

    Args:
        stacks: the streams; the last leads to an output.
        ends: what gives the outputs, in order.
        streams: what walks from an end to where it leaves a stream.

    Raises:
        NotATransformerError: what leaves a stream further down holds weights.
    """
    return _Heads(streams, ends).on(stacks)


class _Heads:
    def __init__(self, streams: Streams, ends: Sequence[str]) -> None:
        self.streams = streams
        self.pieces = streams.pieces
        self.ends = ends

    def on(self, stacks: Sequence[Stream]) -> list[Stream]:
        main = _name(stacks[-1][-1])
        found = list(stacks)
        groups = self._groups([end for end in self.ends if end != main], main)
        for number, stack in enumerate(stacks):
            # What an encoder gives to its decoder leaves it at its end.
            spine = stack if number == len(stacks) - 1 else stack[-1:]
            here = [group for group in groups if self._place(spine, group, main) is not None]
            groups = [group for group in groups if group not in here]
            found[number] = (*stack[: len(stack) - len(spine)], *self._grown(spine, here, main))
        for group in groups:
            self._needs_none(group, main)
        return found

    def _grown(self, stack: Stream, groups: Sequence[Sequence[str]], main: str) -> Stream:
        """A stream with ways to groups of ends, of which each shares what leads to it alone."""
        end = _name(stack[-1])
        places: dict[int, list[Sequence[str]]] = {}
        for group in groups:
            place = self._place(stack, group, main)
            if place is None:
                self._needs_none(group, main)
            elif [*group] != [end]:  # what an encoder makes and gives as well needs no way to itself
                places.setdefault(place, []).append(group)
        reached = [end] if end in self.ends else []
        for at, leaving in sorted(places.items(), reverse=True):
            ways = [(group, self._way(group, _name(stack[at]))) for group in leaving]
            above = stack[at + 1 :]
            if reached:
                ways.append((reached, above))
            ways.sort(key=lambda each: min(map(self.ends.index, each[0])))
            stack = (*stack[: at + 1], Parted(_name(stack[at]), tuple(way for _, way in ways)))
            reached = [name for names, _ in ways for name in names]
        return stack

    def _way(self, group: Sequence[str], start: str) -> Stream:
        """What leads to a group of ends from where it leaves a stream; nothing, to that place itself."""
        end = max(group, key=self.pieces.behind)
        way = self.streams.stream(end, start)
        rest = [name for name in group if name != end]
        return self._grown(way, self._groups(rest, end), end) if rest else way

    def _groups(self, ends: Sequence[str], main: str) -> list[list[str]]:
        """Ends that share something which does not lead to the main one stand together."""
        groups: list[tuple[list[str], set[str]]] = []
        for end in ends:
            own = {piece.name for piece in self._own([end], main)}
            apart = [each for each in groups if not each[1] & own]
            shared = [each for each in groups if each[1] & own]
            names = [name for group, _ in shared for name in group]
            groups = [*apart, ([*names, end], own.union(*(each for _, each in shared)))]
        return [group for group, _ in groups]

    def _own(self, group: Sequence[str], main: str) -> list[Piece]:
        """What leads to a group of ends and not to the main one."""
        return [
            piece
            for piece in self.pieces.all
            if not self._is_on(piece.name, main)
            and not self.pieces.is_constant(piece.name)
            and any(self._is_on(piece.name, end) for end in group)
        ]

    def _is_on(self, name: str, end: str) -> bool:
        return name == end or self.pieces.leads(name, end)

    def _place(self, stack: Stream, group: Sequence[str], main: str) -> int | None:
        """Where on a stream all of a group leaves it, if nothing attends from there on."""
        own = self._own(group, main)
        names = {piece.name for piece in own}
        left = {name for piece in own for name in piece.reads if name not in names}
        left = {name for name in left if not self.pieces.is_constant(name)} if own else set(group)
        at = next((at for at, item in enumerate(stack) if left == {_name(item)}), None)
        if at is None:
            return None
        place = _name(stack[at])
        above = [
            each for each in self.pieces.all if self.pieces.leads(place, each.name) and self._is_on(each.name, main)
        ]
        # To what else an encoder leads is no matter of its heads.
        above = above if self._is_on(place, main) and _name(stack[-1]) == main else []
        return None if attends([piece.layer for piece in (*above, *own)]) else at

    def _needs_none(self, group: Sequence[str], main: str) -> None:
        held = [piece.name for piece in self._own(group, main) if piece.owned]
        if held:
            raise NotATransformerError(
                f"`{held[0]}` leads to an output, but not from above the last block that attends, and style "
                "transformer draws heads there alone"
            )


def _name(item: Item) -> str:
    """Of the place at which an item ends."""
    if isinstance(item, Source):
        return item.name
    if isinstance(item, Step):
        return item.piece.name
    if isinstance(item, Residual):
        return item.add.name
    if isinstance(item, Parted):
        return item.place
    return item.join.name
