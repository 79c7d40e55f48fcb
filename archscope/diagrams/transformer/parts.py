"""Which layers stand together as one block of the figure, and in which order the blocks are stacked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams.once import once
from archscope.diagrams.transformer.heads import with_heads
from archscope.diagrams.transformer.merging import merged
from archscope.diagrams.transformer.model import (
    Fork,
    Framed,
    Heads,
    Model,
    Node,
    Part,
    Sublayer,
    Sum,
    last_of,
    parts_of,
)
from archscope.diagrams.transformer.pieces import Piece, Pieces, Run
from archscope.diagrams.transformer.roles import GLUE, attends, composite, role_of, tables_of
from archscope.diagrams.transformer.stream import (
    Bubble,
    Item,
    Joined,
    Met,
    NotATransformerError,
    Parted,
    Residual,
    Source,
    Step,
    Streams,
)

MOST_PARTS: Final = 80
"""A figure of more blocks is none that a page holds."""


@once
def model_of(analysis: Analysis) -> Model:
    """What the figure of a network shows.

    Raises:
        NotATransformerError: it is no stream with attention in it.
    """
    title = analysis.title
    if not attends(row.node.layer for row in analysis.nodes):
        raise NotATransformerError(f"nothing in {title} attends, so style transformer has no block for it")
    pieces = Pieces(analysis)
    streams = Streams(pieces)
    ends = list(dict.fromkeys(pieces.drawn_as(ref.node) for ref in analysis.network.outputs))
    stacks = [streams.stream(max(ends, key=pieces.behind))]
    if len(streams.memories) > 1:
        told = ", ".join(f"`{name}`" for name in streams.memories)
        raise NotATransformerError(f"{title} attends to {told}, and style transformer shows one encoder beside one "
                                   "decoder")  # fmt: skip
    towers, stacks = _towers(stacks, streams)
    stacks = with_heads([*(streams.stream(name) for name in list(streams.memories)), *stacks], ends, streams)
    model = Model(pieces, [_framed(_Arrangement(pieces).arranged(stack)) for stack in stacks], towers=towers)
    for node in (node for stack in model.stacks for node in stack):
        if isinstance(node, Part) and tables_of(node.head):
            node.role = "positions"
    _settle(model)
    if not any(part.role == "attention" for part in _added(model)):
        raise NotATransformerError(f"no layer of {title} that attends is added to what it attends to, as in a "
                                   "transformer's blocks")  # fmt: skip
    if len(model.parts) > MOST_PARTS:
        raise NotATransformerError(f"{title} as a transformer is {len(model.parts)} blocks that are not equal")
    model.folded = any(part.copies > 1 for part in model.parts)
    return model


def _towers(stacks: list[tuple[Item, ...]], streams: Streams) -> tuple[bool, list[tuple[Item, ...]]]:
    """Whether streams from several inputs meet, and these with what follows as stacks of their own."""
    first, *rest = stacks[-1]
    if not isinstance(first, Met):
        return False, stacks
    if streams.memories or any(isinstance(way[0], Met) for way in first.ways):
        title = streams.pieces.analysis.title
        raise NotATransformerError(f"`{first.join.name}` reads streams of {title} that met before")
    return True, [*first.ways, (Step(first.join), *rest)]


def _added(model: Model) -> Iterator[Part]:
    """The blocks beside a stream."""

    def inside(node: Node) -> Iterator[Part]:
        if isinstance(node, Sublayer):
            yield from (part for each in node.inner for part in parts_of(each) if isinstance(part, Part))
        elif isinstance(node, Framed):
            yield from (part for each in node.inner for part in inside(each))

    for stack in model.stacks:
        for node in stack:
            yield from inside(node)


def _settle(model: Model) -> None:
    """Give every piece its block: what no stream passes joins the block that reads it, or the one it reads."""
    for stack in model.stacks:
        for node in stack:
            for part in parts_of(node):
                for name in [part.name] if isinstance(part, Source) else [piece.name for piece in part.pieces]:
                    if name in model.home:
                        raise NotATransformerError(f"`{name}` stands on two ways through {model.analysis.title}, which "
                                                   "style transformer does not show")  # fmt: skip
                    model.home[name] = part
    for piece in reversed(model.pieces.all):
        readers = model.pieces.readers[piece.name]
        _take_in(model, piece, [each.name for each in readers])
    for piece in model.pieces.all:
        _take_in(model, piece, piece.reads)
    lost = [each for each in (*model.analysis.network.inputs, *model.pieces.by_name) if each not in model.home]
    if lost:
        raise NotATransformerError(f"`{lost[0]}` stands on no stream of {model.analysis.title}")


def _take_in(model: Model, piece: Piece, names: Sequence[str]) -> None:
    """Let a piece that has no block join the first that one of the names has."""
    part = next((model.home[name] for name in names if name in model.home), None)
    if piece.name not in model.home and isinstance(part, Part):
        part.pieces.append(piece)
        model.home[piece.name] = part


class _Arrangement:
    """Blocks of the items of a stream."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces

    def arranged(self, items: Sequence[Item], *, inner: bool = False) -> tuple[Node, ...]:
        nodes = merged(_without_glue([self._node(item) for item in items]))
        if inner:
            nodes = _fed(_attending(nodes))
        return tuple(_normalized(nodes))

    def _node(self, item: Item) -> Node:
        if isinstance(item, Source):
            return item
        if isinstance(item, Step):
            return self._step(item)
        if isinstance(item, Residual):
            role = "add" if item.add.layer.symbol else role_of(item.add)
            return Sublayer(self.arranged(item.inner, inner=True), Part(role, [item.add]))
        if isinstance(item, Joined):
            return Sum(Part(role_of(item.join), [item.join]), tuple(self.arranged(side) for side in item.sides))
        if isinstance(item, Parted):
            return Heads(item.place, tuple(self.arranged(way, inner=True) for way in item.ways))
        if isinstance(item, Met):
            raise NotATransformerError(f"`{item.join.name}` reads streams of several inputs, and something beside them")
        return self._bubble(item)

    def _step(self, item: Step) -> Node:
        part = Part(role_of(item.piece), [item.piece])
        if item.beside and item.piece.layer.symbol in ("+", "‖"):
            sides = ((each,) for name in item.beside if (each := self._learned(name, item.piece)))
            return Sum(part, tuple(sides))
        return part

    def _learned(self, name: str, reader: Piece) -> Part | None:
        """What no input leads to and only this reads, as one block."""
        found: dict[str, Piece] = {}
        for piece in reversed(self.pieces.all):
            if piece.name != name and not self.pieces.leads(piece.name, name):
                continue
            if all(each is reader or each.name in found for each in self.pieces.readers[piece.name]):
                found[piece.name] = piece
        own = list(found.values())
        own.sort(key=lambda piece: not piece.row.weights)
        return Part("learned", own) if own else None

    def _bubble(self, item: Bubble) -> Node:
        everything = [*item.pieces, item.join]
        apart = item.ways and item.join.layer.symbol in ("+", "×")
        if attends([piece.layer for piece in everything]) and not apart:
            head = next((piece for piece in everything if attends([piece.layer])), everything[-1])
            return Part("attention", [head, *(piece for piece in everything if piece is not head)])
        role = composite(everything)
        if role is None and item.ways:
            ways = [self.arranged(way, inner=True) for way in item.ways]
            ways.sort(key=_place)
            return Fork(tuple(ways), Part(role_of(item.join), [item.join]))
        if role is None and item.join.layer.symbol and any(piece.owned for piece in everything):
            return Part("block", everything[::-1])
        return Part(role or "other", everything if role else everything[::-1])


def _place(way: Sequence[Node]) -> int:
    """Where a way stands among others: attention on the left, then what has a function in it, as a gate has."""
    parts = [part for node in way for part in parts_of(node) if isinstance(part, Part)]
    return 0 if any(part.role == "attention" for part in parts) else 1 if any(map(_gates, parts)) else 2


def _gates(part: Part) -> bool:
    return any(piece.layer.family == "activation" for piece in part.pieces)


def _without_glue(nodes: Sequence[Node]) -> list[Node]:
    """What only turns or drops values, scales them or applies a function is a part of the block before it."""
    kept: list[Node] = []
    waiting: list[Piece] = []
    for node in nodes:
        role = node.role if isinstance(node, Part) else ""
        before = last_of(kept[-1]) if kept else None
        joins = role == GLUE or (role in ("activation", "scale") and before is not None)
        if isinstance(node, Part) and joins:
            if isinstance(before, Part):
                before.pieces += node.pieces
            else:
                waiting += node.pieces
            continue
        if waiting and isinstance(node, Heads):
            kept.append(Part("other", waiting))
            waiting = []
        first = next((part for part in parts_of(node) if isinstance(part, Part)), None)
        if waiting and first is not None and not isinstance(node, Source):
            first.pieces += waiting
            waiting = []
        kept.append(node)
    if waiting:
        kept.append(Part("other", waiting))
    return kept


def _attending(nodes: list[Node]) -> list[Node]:
    """Attention with the projection before it, where it is one for all three, and the one after it."""
    nodes = _written_out(nodes)
    found = list(nodes)
    for at, node in enumerate(nodes):
        if not (isinstance(node, Part) and node.role == "attention"):
            continue
        # A function may hold a table that it adds; its projections are layers of their own.
        own = bool(node.head.row.weights) and node.head.layer.family != "function"
        before = nodes[at - 1] if at and not own else None
        after = nodes[at + 1] if at + 1 < len(nodes) and not own else None
        for other in (before, after):
            if isinstance(other, Part) and other.role == "linear":
                node.pieces += other.pieces
                found.remove(other)
    return found


def _written_out(nodes: list[Node]) -> list[Node]:
    """Products with keys and values of another stream, one after the other, as one block that attends."""
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Part) and node.head.layer.symbol == "@" and node.role != "attention":
            inside: list[Part] = []
            while len(inside) < len(found) and isinstance(before := found[-1 - len(inside)], Part):
                inside.insert(0, before)
                if before.head.layer.symbol == "@":
                    break
            pieces = [piece for part in (*inside, node) for piece in part.pieces]
            if inside and inside[0].head.layer.symbol == "@" and attends([piece.layer for piece in pieces]):
                del found[-len(inside) :]
                node = Part("attention", [node.head, *(piece for piece in pieces if piece is not node.head)])
        found.append(node)
    return found


def _fed(nodes: list[Node]) -> list[Node]:
    """Dense layers in series as one feed-forward layer; behind a gate, the one that follows is its last."""
    found: list[Node] = []
    for node in nodes:
        before = found[-1] if found else None
        if isinstance(node, Part) and isinstance(before, Part) and before.role == "experts" and node.role == "other":
            before.pieces += node.pieces
            continue
        if isinstance(node, Part) and node.role == "linear":
            if isinstance(before, Part) and before.role in ("linear", "feed"):
                before.pieces += node.pieces
                before.role = "feed"
                continue
            if isinstance(before, Fork) and before.join.head.layer.symbol == "×":
                node.role = "down"
        if isinstance(node, Fork) and node.join.head.layer.symbol == "×":
            for way in node.ways:
                for part in way:
                    if isinstance(part, Part) and part.role == "linear":
                        part.role = "gate" if _gates(part) else "up"
        found.append(node)
    return found


def _normalized(nodes: Sequence[Node]) -> Iterator[Node]:
    """An addition and the norm that alone reads it, in the same block, as one: Add & Norm."""
    waiting: Node | None = None
    for node in nodes:
        if isinstance(waiting, Sublayer) and isinstance(node, Part) and node.role == "norm":
            home = waiting.add.head.group
            if home in (node.head.group, node.head.group[:-1]):
                waiting.add.role = "add-norm"
                waiting.add.pieces += node.pieces
                continue
        if waiting is not None:
            yield waiting
        waiting = node
    if waiting is not None:
        yield waiting


def _framed(nodes: Sequence[Node], depth: int = 0) -> tuple[Node, ...]:
    """Equal blocks in series within frames, within one another where they are."""
    found: list[Node] = []
    inside: list[Node] = []
    run: Run | None = None
    for node in (*nodes, None):
        if isinstance(node, Heads):
            node = Heads(node.place, tuple(_framed(way, depth) for way in node.ways))
        own = None if node is None or isinstance(node, Heads) else _run(node, depth)
        if own is None and isinstance(node, Sublayer):
            node = Sublayer(_framed(node.inner, depth), node.add)
        if run is not None and own != run:
            found.append(Framed(_framed(inside, depth + 1), run))
            inside = []
        run = own
        if own is None:
            found += [] if node is None else [node]
        else:
            inside.append(node)  # type: ignore[arg-type]
    return tuple(found)


def _run(node: Node, depth: int) -> Run | None:
    parts = [part for part in parts_of(node) if isinstance(part, Part)]
    runs = {part.head.runs[depth] if len(part.head.runs) > depth else None for part in parts}
    return runs.pop() if len(runs) == 1 else None
