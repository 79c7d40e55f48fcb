"""Weights that layers of different classes share: lines of the class around both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from archscope.network import Network, Node
from archscope.writing.listing import attributes
from archscope.writing.pieces import Piece, Tie, Uncut

Tied = Callable[[Network, Node, Node, str, str], list[str]]
"""Lines that give a layer the weights of another, from the expression of each."""


class Twin(NamedTuple):
    """The piece whose weights another has, and the node that calls it."""

    piece: Piece
    name: str


class Ties:
    """The weights that the pieces of a network share."""

    def __init__(self, network: Network, ties: Sequence[Tie], tied: Tied | None) -> None:
        self._network = network
        self._tied = tied
        self._apart = {tie.node.name for tie in ties}
        self._within: dict[int, list[Tie]] = {}
        for tie in ties:
            self._within.setdefault(id(tie.within), []).append(tie)
        self._attributes: dict[int, Mapping[str, str]] = {}
        self._settled: set[int] = set()
        self._twins = dict(self._found())

    def twin(self, piece: Piece) -> Twin | None:
        """The piece beside it whose weights all of its layers have, each those of the same place."""
        return self._twins.get(id(piece))

    def touch(self, piece: Piece) -> bool:
        """Whether the lines of a piece go by weights that others share with it or within it."""
        return id(piece) in self._within or id(piece) in self._twins

    def settle(self, piece: Piece) -> None:
        """Have no lines for a piece: it is its twin."""
        self._settled.add(id(piece))

    def lines(self, piece: Piece) -> list[str]:
        """The lines for the layers in a piece, none of which stand in one piece within it.

        Raises:
            Uncut: a layer cannot be given the weights of one in another class.
        """
        lines: list[str] = []
        for tie in self._within.get(id(piece), ()):
            inner = piece.calls.get(piece.held[tie.node.name])
            if inner is None or id(inner) not in self._settled:
                if self._tied is None:
                    raise Uncut
                places = (self._place(piece, each.name) for each in (tie.node, tie.owner))
                lines += self._tied(self._network, tie.node, tie.owner, *places)
        return lines

    def _found(self) -> list[tuple[int, Twin]]:
        pairs: dict[tuple[int, str, str], list[Tie]] = {}
        for ties in self._within.values():
            for tie in ties:
                held = tie.within.held
                pairs.setdefault((id(tie.within), held[tie.node.name], held[tie.owner.name]), []).append(tie)
        found = []
        for (_, mine, theirs), ties in pairs.items():
            calls = ties[0].within.calls
            if mine in calls and theirs in calls and self._alike(calls[mine], calls[theirs], ties):
                found.append((id(calls[mine]), Twin(calls[theirs], theirs)))
        return found

    def _alike(self, piece: Piece, other: Piece, ties: Sequence[Tie]) -> bool:
        if piece.group is None or other.group is None:
            return False
        weighted = (name for name in piece.held if self._network.facts[name].weights)
        by_name = self._network.by_name
        first = {name for name in weighted if name in self._apart or by_name[name].shares is None}
        return first == {tie.node.name for tie in ties} and all(
            tie.node.name.removeprefix(piece.group.name) == tie.owner.name.removeprefix(other.group.name)
            for tie in ties
        )

    def _place(self, piece: Piece, name: str) -> str:
        """The expression of a layer in the constructor of a piece around it."""
        path = "self"
        while True:
            local = piece.held[name]
            if piece.group is not None and not piece.group.block:
                path += f"[{local.partition('.')[0]}]"
            else:
                path += f".{self._attributes.setdefault(id(piece), attributes(piece.network))[local]}"
            if local not in piece.calls:
                return path
            piece = piece.calls[local]
