"""A class of PyTorch for each block, and the calls of blocks in the classes around them."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from archscope.network import Group, Node
from archscope.writing.classes import Draft, Made, Statement, statements, unify
from archscope.writing.listing import Listing, assignment, laid_out, split_arguments
from archscope.writing.pieces import Call, Piece, Uncut

_Called = Callable[[Node, list[str], Listing], str]
Listed = Callable[..., tuple[Listing, str, str]]
"""How a network's own layers are listed, given how to write a call."""


WIDTH: Final = 90
"""Characters of a line within a constructor, which stands eight further in."""


class Classes:
    """The classes that the pieces of a network need, each block's before those that use it."""

    def __init__(self, whole: Piece, listed: Listed, taken: str) -> None:
        self.made: list[Made] = []
        self._listed = listed
        self._names: set[str] = {taken, "F", "nn", "torch"}
        self._built: dict[int, str] = {}
        levels: dict[int, list[Piece]] = {}
        for piece, height in _heights(whole):
            if piece.group is not None and piece.group.block:
                levels.setdefault(height, []).append(piece)
        for height in sorted(levels):
            self._level(levels[height])

    def call(self, node: Node, taken: list[str], listing: Listing) -> str:
        """The expression that calls a piece; what makes it goes into the constructor.

        Raises:
            Uncut: it is a run of copies that do not simply follow one another.
        """
        layer: object = node.layer
        if not isinstance(layer, Call):
            raise TypeError(node.name)
        target = f"self.{listing.attributes[node.name]}"
        piece = layer.piece
        if id(piece) in self._built:
            listing.constructor += assignment(target, self._built[id(piece)])
            return f"{target}({', '.join(taken)})"
        one = len(piece.network.inputs) == 1
        listing.constructor += self._run(f"{target} = ", piece, "nn.Sequential" if one else "nn.ModuleList", "")
        if one:
            return f"{target}({taken[0]})"
        value = listing.attributes[node.name]
        listing.forward += [f"{value} = {taken[0]}", f"for block in {target}:",
                            f"    {value} = block({', '.join([value, *taken[1:]])})"]  # fmt: skip
        return value

    def _run(self, head: str, piece: Piece, kind: str, indent: str) -> list[str]:
        """Lines that make a run of copies, equal ones in a loop."""
        if not piece.chained:
            raise Uncut
        made: list[list[str]] = []
        for call in piece.calls.values():
            if id(call) in self._built:
                made.append([f"{indent}    {self._built[id(call)]}"])
            else:
                inner = "nn.Sequential" if len(call.network.inputs) == 1 else "nn.ModuleList"
                made.append(self._run("", call, inner, f"{indent}    "))
        body: list[str] = []
        at = 0
        while at < len(made):
            times = next((n for n in range(at, len(made)) if made[n] != made[at]), len(made)) - at
            lines = made[at]
            if times > 1 and len(lines) == 1:
                lines = _looped(lines[0].strip(), times, f"{indent}    ")
                at += times
            else:
                at += 1
            lines = lines if len(lines) > 1 else _spread(lines[0])
            body += [*lines[:-1], f"{lines[-1]},"]
        opening, closing = ("([", "])") if kind == "nn.ModuleList" else ("(", ")")
        return [f"{indent}{head}{kind}{opening}", *body, f"{indent}{closing}"]

    def _level(self, pieces: Sequence[Piece]) -> None:
        """The classes of pieces that need no class of one another."""
        groups: dict[tuple[object, ...], list[tuple[Piece, Draft]]] = {}
        for piece in pieces:
            draft = self._draft(piece)
            groups.setdefault(draft.key, []).append((piece, draft))
        for held in groups.values():
            made, given = unify([draft for _, draft in held], self._class_name(held[0][1].block))
            self.made.append(made)
            for (piece, _), arguments in zip(held, given, strict=True):
                shown = [value if at < 2 else f"{name}={value}" for at, (name, value) in enumerate(arguments)]
                self._built[id(piece)] = f"{made.name}({', '.join(shown)})"

    def _draft(self, piece: Piece) -> Draft:
        listing, arguments, results = self._listed(piece.network, self.call)
        forward = (arguments, *listing.forward, results)
        said = [
            Statement(each.text) if each.made in ("nn.Sequential", "nn.ModuleList") else each
            for each in statements(listing.constructor, {made.name: made.parameters for made in self.made})
        ]
        group = piece.group or Group()
        return Draft(group.block, group.name, said, forward, listing.methods)

    def _class_name(self, block: str) -> str:
        plain = "".join(part[:1].upper() + part[1:] for part in block.split("_"))
        plain = plain if plain.isidentifier() and not keyword.iskeyword(plain) else f"Block{plain}"
        name, number = plain, 1
        while name in self._names:
            number += 1
            name = f"{plain}{number}"
        self._names.add(name)
        return name

    def text(self) -> list[str]:
        """The classes' lines, two empty ones after each."""
        return [line for made in self.made for line in (*_class(made), "", "")]


def _spread(line: str) -> list[str]:
    """A call on several lines if one would be too long."""
    if len(line) <= WIDTH:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    head, _, rest = line.strip().partition("(")
    arguments = split_arguments(rest.removesuffix(")"))
    return [f"{indent}{head}(", *(f"{indent}    {each}," for each in arguments), f"{indent})"]


def _looped(call: str, times: int, indent: str) -> list[str]:
    line = f"{indent}*({call} for _ in range({times}))"
    if len(line) <= WIDTH:
        return [line]
    return [f"{indent}*(", *_spread(f"{indent}    {call}"), f"{indent}    for _ in range({times})", f"{indent})"]


def _class(made: Made) -> list[str]:
    listing = Listing({}, methods=dict(made.methods))
    for target, text in made.constructor:
        listing.constructor += assignment(target, text) if target else text.split("\n")
    listing.forward += made.forward[1:-1]
    signature = ", ".join(["self", *made.parameters])
    docstring = [f'"""The block {made.block}, as in {made.place}."""']
    return laid_out([], f"class {made.name}(nn.Module):", docstring, listing, f"def forward(self, {made.forward[0]}):",
                    made.forward[-1], f"def __init__({signature}):").strip("\n").split("\n")  # fmt: skip


def _heights(whole: Piece) -> Iterator[tuple[Piece, int]]:
    """Every piece with how many levels of pieces it holds, those within before those around."""

    def visit(piece: Piece) -> Iterator[tuple[Piece, int]]:
        height = 0
        for call in piece.calls.values():
            for inner, level in visit(call):
                yield inner, level
                height = max(height, level + 1)
        yield piece, height

    yield from visit(whole)
