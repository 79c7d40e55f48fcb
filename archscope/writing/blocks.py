"""A class for each block in a framework's source, and the calls of blocks in the classes around them."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from archscope.layers import Facts, Layer
from archscope.network import Group, Network, Node, free_name
from archscope.writing.classes import Arguments, Draft, Made, Statement, joined, on_one_line, statements, unify
from archscope.writing.listing import Listing, assignment, class_name, doc, laid_out, spread
from archscope.writing.loops import loop_of
from archscope.writing.pieces import Call, Piece, Uncut, cut
from archscope.writing.ties import Tied, Ties

_Called = Callable[[Node, list[str], Listing], str]
Lines = tuple[Listing, str, str]
"""A network's lines, the arguments of its function and its result."""

Listed = Callable[..., Lines]
"""How a network's own layers are listed, given how to write a call."""


WIDTH: Final = 90
"""Characters of a line within a constructor, which stands eight further in."""


@dataclass(frozen=True)
class Dialect:
    """How a framework has a class of layers.

    Attributes:
        base: what the class of a block is of, ``nn.Module``; empty for a class of nothing.
        runs: what its function is called, ``forward``.
        names: what the source calls the framework's modules.
        arguments: what it calls the arguments of its own classes.
        chain: the class of layers that run one after another; empty where a list and a loop say so.
        row: the class of a list of layers; empty where a list of Python is one.
        given: what every class is made with, by name; empty for nothing.
    """

    base: str
    runs: str
    names: frozenset[str]
    arguments: Arguments
    chain: str = ""
    row: str = ""
    given: str = ""

    @property
    def lists(self) -> frozenset[str]:
        """The classes of several layers."""
        return frozenset({self.chain, self.row}) - {""}

    def around(self, chained: bool) -> tuple[str, str]:
        """What stands before and after layers that are made for a list."""
        if chained and self.chain:
            return f"{self.chain}(", ")"
        return (f"{self.row}([", "])") if self.row else ("[", "]")


def in_classes(
    network: Network, listed: Listed, tied: Tied | None, name: str, dialect: Dialect
) -> tuple[Lines, list[str]]:
    """The lines of a network's own class, and those of its blocks' classes before it.

    Args:
        network: what is written.
        listed: how the layers of a piece are listed.
        tied: how a layer is given the weights of one in another class; None if it cannot be.
        name: what the class of the whole is called.
        dialect: how the framework has a class of layers.

    Raises:
        Uncut: it has no blocks, or cannot be cut along them.
    """
    whole, ties = cut(network, lambda piece: loop_of(piece, *listed(piece.network)) is not None)
    classes = Classes(whole, Ties(network, ties, tied), listed, name, dialect)
    listing, arguments, results = classes.listed(whole)
    listing.constructor = rolled(listing.constructor, dialect)
    return (listing, arguments, results), classes.text()


def source(
    network: Network, lines: Lines, before: Sequence[str], imports: Sequence[str], base: str, dialect: Dialect
) -> str:
    """The source of a module: its imports, the classes of the blocks ``before``, and that of the whole, of ``base``."""
    listing, arguments, results = lines
    given = f", {dialect.given}" if dialect.given else ""
    return laid_out(
        [*imports, *(["", "", *before[:-2]] if before else [])],
        _head(class_name(network), base), doc(network), listing,
        f"def {dialect.runs}(self, {arguments}):", results, f"def __init__(self{given}):",
    )  # fmt: skip


class Classes:
    """The classes that the pieces of a network need, each block's before those that use it."""

    def __init__(self, whole: Piece, ties: Ties, listed: Listed, taken: str, dialect: Dialect) -> None:
        self.made: list[Made] = []
        self._ties = ties
        self._listed = listed
        self._dialect = dialect
        self._names: set[str] = {taken, *dialect.names}
        self._built: dict[int, str] = {}
        self._drafts: dict[object, Draft] = {}
        self._kinds: dict[object, int] = {}
        self._kind_of: dict[int, int] = {}
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
        chained = bool(self._dialect.chain) and len(piece.network.inputs) == 1
        made = self._run(f"{target} = ", piece, "", chained)
        listing.constructor += self._twin(piece, listing, target) or made
        if chained:
            return f"{target}({taken[0]})"
        value = _carried(node, taken, listing)
        listing.forward += [f"{value} = {taken[0]}"] if value != taken[0] else []
        listing.forward += _calls(target, piece, value, taken)
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

    def _run(self, head: str, piece: Piece, indent: str, chained: bool) -> list[str]:
        """Lines that make a run of copies, equal ones in a loop."""
        if not piece.chained:
            raise Uncut
        made: list[list[str]] = []
        for call in piece.calls.values():
            if id(call) in self._built:
                made.append([f"{indent}    {self._built[id(call)]}"])
            else:
                made.append(self._run("", call, f"{indent}    ", chained))
        opening, closing = self._dialect.around(chained)
        return [f"{indent}{head}{opening}", *_elements(made, indent), f"{indent}{closing}"]

    def _level(self, pieces: Sequence[Piece]) -> None:
        """The classes of pieces that need no class of one another."""
        copies: dict[int, tuple[Draft, list[Piece]]] = {}
        for piece in pieces:
            draft = self._draft(piece)
            copies.setdefault(id(draft), (draft, []))[1].append(piece)
        groups: dict[tuple[object, ...], list[tuple[Draft, list[Piece]]]] = {}
        for draft, found in copies.values():
            groups.setdefault(draft.key, []).append((draft, found))
        for held in groups.values():
            made, given = unify([draft for draft, _ in held], self._class_name(held[0][0].block))
            self.made.append(made)
            for (_, found), arguments in zip(held, given, strict=True):
                shown = [value if at < 2 else f"{name}={value}" for at, (name, value) in enumerate(arguments)]
                shown += [f"{self._dialect.given}={self._dialect.given}"] if self._dialect.given else []
                self._built.update(dict.fromkeys(map(id, found), f"{made.name}({', '.join(shown)})"))

    def _draft(self, piece: Piece) -> Draft:
        """What a piece is as a class; one for all that are alike, of which a network may have thousands."""
        alike = self._alike(piece)
        if alike is None:
            return self._drafted(piece)
        if alike not in self._drafts:
            self._drafts[alike] = self._drafted(piece)
        return self._drafts[alike]

    def _alike(self, piece: Piece) -> object | None:
        """Equal for pieces of the same lines; None where these go by the weights that it shares with others."""
        if self._ties.touch(piece):
            return None
        network, places = piece.network, list[object]()
        for node in network.nodes:
            call = piece.calls.get(node.name)
            if call is None:
                what: object = self._kind(node.layer), self._kind(network.facts[node.name])
            else:
                what = None if self._ties.touch(call) else self._built.get(id(call)) or self._alike(call)
                if what is None:
                    return None
            places.append((node.name, what, node.inputs, node.tower, node.shares, node.init, node.folded))
        group = piece.group or Group()
        return group.block, group.copies, tuple(network.inputs.items()), tuple(places), network.outputs

    def _kind(self, thing: Layer | Facts) -> int:
        """A number that equal layers have in common, or facts as far as source goes by them."""
        known = self._kind_of.get(id(thing))
        if known is None:
            own = thing if isinstance(thing, Layer) else (thing.inputs, thing.outputs, thing.weights)
            known = self._kind_of[id(thing)] = self._kinds.setdefault(own, len(self._kinds))
        return known

    def _drafted(self, piece: Piece) -> Draft:
        listing, arguments, results = self.listed(piece)
        forward = (arguments, *listing.forward, results)
        own = {made.name: made.parameters for made in self.made}
        said = [
            Statement(each.text) if each.made in self._dialect.lists else each
            for each in statements(listing.constructor, own, self._dialect.arguments)
        ]
        group = piece.group or Group()
        return Draft(group.block, group.name, said, forward, listing.methods)

    def _class_name(self, block: str) -> str:
        plain = "".join(part[:1].upper() + part[1:] for part in block.split("_"))
        plain = plain if plain.isidentifier() and not keyword.iskeyword(plain) else f"Block{plain}"
        return free_name(plain, self._names, joint="")

    def text(self) -> list[str]:
        """The classes' lines, two empty ones after each."""
        return [line for made in self.made for line in (*_class(made, self._dialect), "", "")]


def _calls(target: str, piece: Piece, value: str, taken: Sequence[str]) -> list[str]:
    """Lines that call the copies of a run one after another; copies that are runs themselves in a loop of their own."""
    call = f"{value} = block({', '.join([value, *taken[1:]])})"
    inner = [each for each in piece.calls.values() if each.group is not None and not each.group.block]
    if not inner:
        return [f"for block in {target}:", f"    {call}"]
    if len(inner) < len(piece.calls) or any(each.calls and not each.blocks for each in inner):
        raise Uncut
    return [f"for blocks in {target}:", "    for block in blocks:", f"        {call}"]


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


def rolled(lines: Sequence[str], dialect: Dialect) -> list[str]:
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
        runs.setdefault(copy[1], []).append([f"    {on_one_line(copy[3])}"])
    opening, closing = dialect.around(False)
    for name, made in runs.items():
        at = done.index(f"self.{name}.")
        done[at : at + 1] = [f"self.{name} = {opening}", *_elements(made, ""), closing]
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
    return [f"{indent}{each}" for each in spread("", line.strip(), "", WIDTH - len(indent))]


def _looped(call: str, times: int, indent: str) -> list[str]:
    line = f"{indent}*({call} for _ in range({times}))"
    if len(line) <= WIDTH:
        return [line]
    return [f"{indent}*(", *_spread(f"{indent}    {call}"), f"{indent}    for _ in range({times})", f"{indent})"]


def _class(made: Made, dialect: Dialect) -> list[str]:
    listing = Listing({}, methods=dict(made.methods))
    for target, text in made.constructor:
        listing.constructor += assignment(target, text) if target else text.split("\n")
    listing.constructor = rolled(listing.constructor, dialect)
    listing.forward += made.forward[1:-1]
    signature = ", ".join(["self", *made.parameters, *([dialect.given] if dialect.given else [])])
    docstring = [f'"""The block {made.block}, as in {made.place}."""']
    return laid_out(
        [], _head(made.name, dialect.base), docstring, listing,
        f"def {dialect.runs}(self, {made.forward[0]}):", made.forward[-1], f"def __init__({signature}):",
    ).strip("\n").split("\n")  # fmt: skip


def _head(name: str, base: str) -> str:
    return f"class {name}({base}):" if base else f"class {name}:"


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
