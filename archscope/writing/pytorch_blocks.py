"""A class of PyTorch for each block, and the calls of blocks in the classes around them."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from archscope.network import Group, Node
from archscope.writing.classes import Draft, Made, Statement, joined, statements, unify
from archscope.writing.listing import Listing, assignment, laid_out, split_arguments
from archscope.writing.loops import loop_of
from archscope.writing.pieces import Call, Piece, Uncut
from archscope.writing.ties import Ties

_Called = Callable[[Node, list[str], Listing], str]
Listed = Callable[..., tuple[Listing, str, str]]
"""How a network's own layers are listed, given how to write a call."""


WIDTH: Final = 90
"""Characters of a line within a constructor, which stands eight further in."""


class Classes:
    """The classes that the pieces of a network need, each block's before those that use it."""

    def __init__(self, whole: Piece, ties: Ties, listed: Listed, taken: str) -> None:
        self.made: list[Made] = []
        self._ties = ties
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
        if piece.plain:
            return self._loop(piece, node, taken, listing)
        if id(piece) in self._built:
            listing.constructor += self._twin(piece, listing, target) or assignment(target, self._built[id(piece)])
            return f"{target}({', '.join(taken)})"
        one = len(piece.network.inputs) == 1
        made = self._run(f"{target} = ", piece, "nn.Sequential" if one else "nn.ModuleList", "")
        listing.constructor += self._twin(piece, listing, target) or made
        if one:
            return f"{target}({taken[0]})"
        value = _carried(node, taken, listing)
        listing.forward += [f"{value} = {taken[0]}"] if value != taken[0] else []
        listing.forward += [f"for block in {target}:", f"    {value} = block({', '.join([value, *taken[1:]])})"]
        return value

    def _twin(self, piece: Piece, listing: Listing, target: str) -> list[str]:
        """The line that has a piece be the one beside it whose weights it has, where both are made alike."""
        twin = self._ties.twin(piece)
        if twin is None or self._whole(twin.piece) != self._whole(piece):
            return []
        self._ties.settle(piece)
        return [f"{target} = self.{listing.attributes[twin.name]}"]

    def _whole(self, piece: Piece) -> object:
        """Equal for pieces that are made alike."""
        return self._built.get(id(piece)) or [self._whole(each) for each in piece.calls.values()] or id(piece)

    def _loop(self, piece: Piece, node: Node, taken: list[str], listing: Listing) -> str:
        """The variable that has what a run of a plain layer makes; its layers are made one by one, see `rolled`."""
        loop = loop_of(piece, *self._listed(piece.network))
        if loop is None or piece.group is None:
            raise Uncut
        attribute, value = listing.attributes[node.name], _carried(node, taken, listing)
        for at, made in enumerate(loop.layers):
            listing.constructor += f"self.{attribute}.{at} = {made}".split("\n")
        listing.constructor += [line.replace("{run}", f"self.{attribute}") for line in loop.starts]
        listing.methods.update(loop.methods)
        listing.forward += loop.after(f"self.{attribute}", value, taken, piece.group.copies)
        return value

    def listed(self, piece: Piece) -> tuple[Listing, str, str]:
        """The lines of a class: of a block, or of the whole network."""
        listing, arguments, results = self._listed(piece.network, self.call)
        ties = self._ties.lines(piece)
        listing.constructor = [*_without(listing.constructor, ties), *ties]
        return listing, arguments, results

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
        body = _elements(made, indent)
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
        listing, arguments, results = self.listed(piece)
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


def loops(listed: Listed) -> Callable[[Piece], bool]:
    """Whether a run of a plain layer can be a list and a loop."""
    return lambda piece: loop_of(piece, *listed(piece.network)) is not None


def _without(lines: Sequence[str], ties: Sequence[str]) -> list[str]:
    """Lines of a constructor without those that make what is then another layer, and that nothing else names."""
    texts = joined(lines)
    words = Counter(word for text in texts for word in re.findall(r"self\.\w+", text))
    others = {target for target in (line.partition(" = ")[0] for line in ties) if words[target] == 1}
    return [line for text in texts if text.partition(" = ")[0] not in others for line in text.split("\n")]


def _carried(node: Node, taken: list[str], listing: Listing) -> str:
    """The variable that goes through a loop: that of its result, where nothing else that the loop reads is in it."""
    value = listing.values[node.name]
    used = any(re.search(rf"\b{value}\b", each) for each in taken[1:])
    return listing.attributes[node.name] if used else value


_COPY: Final = re.compile(r"self\.(\w+)\.(\d+) = (.*)\Z", re.DOTALL)


def rolled(lines: Sequence[str]) -> list[str]:
    """Lines of a constructor where layers that are made for places of a list become that list."""
    done: list[str] = []
    runs: dict[str, list[list[str]]] = {}
    for text in joined(lines):
        copy = _COPY.match(text)
        if copy is None:
            done += text.split("\n")
            continue
        if copy[1] not in runs:
            done.append(f"self.{copy[1]}.")
        first, *rest = (part.strip() for part in copy[3].split("\n"))
        whole = f"{first}{' '.join(rest[:-1]).rstrip(',')}{''.join(rest[-1:])}"
        runs.setdefault(copy[1], []).append([f"    {whole}"])
    for name, made in runs.items():
        at = done.index(f"self.{name}.")
        done[at : at + 1] = [f"self.{name} = nn.ModuleList([", *_elements(made, ""), "])"]
    return done


def _elements(made: Sequence[list[str]], indent: str) -> list[str]:
    """Lines that make the elements of a list, equal ones in a loop."""
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
    return body


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
    listing.constructor = rolled(listing.constructor)
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
