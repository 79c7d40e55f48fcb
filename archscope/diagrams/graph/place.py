"""Graphviz's part of the layout: which of the things in a rank is left of which, and where each stands across.

Graphviz's ``dot`` runs inside the process, from the wheel of `pygraphviz`. It is given boxes of fixed size, no
text, and edges from one rank to the next only, so what it answers depends on no font and no setting of the machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from archscope.diagrams.graph.plainly import plainly
from archscope.errors import MissingExtra

_POINTS = 72

_FINE = 4
"""Graphviz rounds the cells of a table to whole points; it is given everything this much larger."""


_WIDEST_CELL: Final = 65_535
"""The widest cell that Graphviz takes; of a wider one it makes nothing, and says so on the terminal."""
LARGEST: Final = 1_000
"""Slots that Graphviz is given at once: its time grows with the square, and with more it warns on the terminal."""
_KEPT: Final = 100
"""Answers of Graphviz that are kept; a network of hundreds of blocks has few that differ in more than their names."""


@dataclass(frozen=True)
class Slot:
    """A place in a rank: a node, a block, a point where a line passes, or an end of the lines through a border.

    ``ports`` are the places on it where lines end, from its left side; without any they end in its middle.
    """

    key: str
    width: float
    ports: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """A line from one rank to the next; a heavier one is kept straighter."""

    source: str
    target: str
    source_port: str = ""
    target_port: str = ""
    weight: int = 1


def places(
    slots: Sequence[Slot], links: Sequence[Link], gap: float, *, ordered: bool = False,
    ranks: Mapping[str, int] | None = None,
) -> dict[str, float]:  # fmt: skip
    """Where the middle of every slot stands across, by its key.

    Args:
        slots: what stands in the ranks.
        links: what joins them.
        gap: between neighbours.
        ordered: whether the targets of a slot must stand in the order of its links.
        ranks: which rank each slot stands in, as `plainly` takes it; Graphviz finds them by itself.

    Raises:
        MissingExtra: pygraphviz is not installed.
    """
    if len(slots) > LARGEST or any(slot.ports and _FINE * slot.width > _WIDEST_CELL for slot in slots):
        return plainly(slots, links, gap, ordered=ordered, ranks=ranks)
    try:
        import pygraphviz  # noqa: F401
    except ImportError:
        raise MissingExtra("a graph", "Graphviz", "diagrams") from None
    names = {slot.key: f"s{number}" for number, slot in enumerate(slots)}
    ports = {(slot.key, port): f"p{number}" for slot in slots for number, port in enumerate(slot.ports)}
    order = "ordering=out; " if ordered else ""
    lines = [f'digraph {{ {order}nodesep={_inches(gap)}; node [shape=box fixedsize=true label="" height=0.1];']
    lines += [_node(slot, names[slot.key], ports) for slot in slots]
    for link in links:
        tail = names[link.source] + _port(ports.get((link.source, link.source_port)), "s")
        head = names[link.target] + _port(ports.get((link.target, link.target_port)), "n")
        lines.append(f"{tail} -> {head} [weight={link.weight}];")
    found = _asked("\n".join([*lines, "}"]))
    return {slot.key: round(4 * found[names[slot.key]]) / 4 for slot in slots}


@lru_cache(maxsize=_KEPT)
def _asked(graph: str) -> Mapping[str, float]:
    """Where Graphviz puts the middle of each node of a graph: blocks that look the same are asked about once."""
    import pygraphviz

    plain = pygraphviz.AGraph(string=graph).draw(format="plain", prog="dot").decode("ascii")
    return {
        words[1]: float(words[2]) * _POINTS / _FINE
        for words in map(str.split, plain.splitlines())
        if words[0] == "node"
    }


def _port(name: str | None, side: str) -> str:
    return "" if name is None else f":{name}:{side}"


def _inches(length: float) -> str:
    return f"{_FINE * length / _POINTS:.5f}"


def _node(slot: Slot, name: str, ports: Mapping[tuple[str, str], str]) -> str:
    if not slot.ports:
        return f"{name} [width={_inches(slot.width)}];"
    rows = []
    for port, offset in slot.ports.items():
        before, width = max(round(_FINE * offset) - 1, 1), round(_FINE * slot.width)
        cells = (_cell(before, ""), _cell(2, f' PORT="{ports[slot.key, port]}"'), _cell(width - before - 2, ""))
        rows.append(f"<TR><TD>{_table('<TR>' + ''.join(cells) + '</TR>')}</TD></TR>")
    return f"{name} [shape=plain fixedsize=false width=0 height=0 label=<{_table(''.join(rows))}>];"


def _table(rows: str) -> str:
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{rows}</TABLE>'


def _cell(width: int, port: str) -> str:
    return f'<TD{port} FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="4"></TD>'
