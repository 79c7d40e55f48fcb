"""`Stage`: a group of layers as one row, with the sums of what it holds; equal ones in series as one, ``×N``.

>>> from archscope.analysis import analyze
>>> from archscope.reader import read
>>> text = "input: [4]\\nblocks: {b: {layers: {a: {type: linear, out_features: 4}, r: {type: relu}}}}\\n"
>>> analysis = analyze(read(text + "layers: {x: {type: b, repeat: 3}, y: {type: linear, out_features: 2}}"))
>>> [(row.name, row.label, int(row.parameters)) for row in analysis.at(1)]
[('x', 'b ×3', 60), ('y', 'linear', 10)]
>>> analysis["x"].working("parameters")
'3·20'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from archscope.layers.base import Shape
from archscope.network import COUNTS, Group, Network, Node, Ref
from archscope.rows import Row
from archscope.working import Count, bare, count, total

Path = tuple[str, ...]


class Stage(Row):
    """A group as one row.

    Its inputs are what it reads from outside, its outputs what others read of it, its counts the sums of its parts.

    Attributes:
        parts: the rows it holds, groups within it as one each.
        what: the block it is a copy of, and how often; or how many layers it holds.
        title: what the spec calls it.
        copies: how many equal groups in series this row stands for.
        path: the path of the group, of the first of several.
    """

    parts: tuple[Row, ...] = ()
    what: str = ""
    title: str = ""
    copies: int = 1
    path: Path = ()

    @property
    def label(self) -> str:
        """What it is, in a few words."""
        return self.what if self.copies == 1 else f"{self.what} ×{self.copies}"

    @property
    def shown(self) -> str:
        """What a table calls it."""
        return self.title or self.name

    @property
    def activation(self) -> str | None:
        """None: those of its layers are theirs."""
        return None

    @property
    def kernel(self) -> None:
        """None: it slides no window of its own."""
        return

    @property
    def group(self) -> Path:
        """The block around it, outermost first."""
        return self.path[:-1]

    def _sum(self, quantity: str) -> Count | None:
        """The sum of the parts, whose own working stands elsewhere; equal copies are multiplied."""
        terms: list[Count] = []
        for part in self.parts[:1] if self.copies > 1 else self.parts:
            value = part.count_of(quantity)
            if value is None:
                return None
            if value:
                terms.append(value if isinstance(part, Stage) and part.copies > 1 else count(value))
        return total(terms * self.copies)

    @cached_property
    def parameters(self) -> Count:
        """Trainable values."""
        return self._sum("parameters") or count(0)

    @cached_property
    def fixed(self) -> Count:
        """Values held but not trained."""
        return self._sum("fixed") or count(0)

    @cached_property
    def connections(self) -> Count | None:
        """Weighted input lines of all units."""
        return self._sum("connections")

    @cached_property
    def connections_in_bounds(self) -> Count | None:
        """Connections without the lines into the padding."""
        return self._sum("connections_in_bounds")

    @cached_property
    def macs(self) -> Count | None:
        """Multiply-accumulates of convolutions and matrix products."""
        return self._sum("macs")

    @cached_property
    def macs_in_bounds(self) -> Count | None:
        """MACs without padding taps."""
        return self._sum("macs_in_bounds")

    @cached_property
    def units(self) -> Count:
        """Output values of the layers that hold weights."""
        return self._sum("units") or count(0)

    @cached_property
    def dense_equivalent(self) -> Count:
        """Connections of untied maps in the places of its layers."""
        return self._sum("dense_equivalent") or count(0)


def rows_at(network: Network, rows: Sequence[Row], depth: int, *, within: Path = ()) -> tuple[Row, ...]:
    """The rows with every group at a depth as one row, equal groups in series folded.

    ``within`` picks the rows of one group.
    """
    inside = [row for row in rows if row.group[: len(within)] == within]
    members: dict[Path | str, list[Row]] = {}
    for row in inside:
        key: Path | str = row.group[:depth] if len(row.group) >= depth else row.name
        members.setdefault(key, []).append(row)
    shown = {
        row.name: ".".join(key) if isinstance(key, tuple) else key for key, held in members.items() for row in held
    }
    made = [stage(network, key, held, shown) if isinstance(key, tuple) else held[0] for key, held in members.items()]
    return tuple(_folded(made))


def stage(network: Network, path: Path, held: Sequence[Row], shown: Mapping[str, str] | None = None) -> Stage:
    """One group of a network as a row."""
    names = shown or {}
    nodes = tuple(node for row in held for node in row.nodes)
    inside = {node.name for node in nodes}
    entering = dict.fromkeys(ref for node in nodes for ref in node.inputs if ref.node not in inside)
    leaving = _leaving(network, nodes, inside)
    home = {node.name: row for row in network_rows(held) for node in row.nodes}
    ends = [home[ref.node] for ref in leaving] or [held[-1]]
    group = network.groups.get(path, Group())
    reasons = {quantity: reason for row in held for quantity, reason in row.reasons.items() if quantity in COUNTS}
    if ends[-1].seen is None:
        reasons["receptive_field"] = ends[-1].reason("receptive_field") or ""
    return Stage(
        name=".".join(path),
        type=group.block or "group",
        inputs=tuple(dict.fromkeys(names.get(_row_of(network, ref), _row_of(network, ref)) for ref in entering)),
        input_shapes=tuple(network.shape_of(ref) for ref in entering),
        outputs=_shapes(network, leaving) or held[-1].outputs,
        nodes=nodes,
        facts=tuple(network.facts[node.name] for node in nodes),
        seen=ends[-1].seen,
        shared=frozenset(each for row in held for each in row.shared),
        reasons=reasons,
        parts=rows_at(network, held, len(path) + 1, within=path),
        what=_what(network, path, group, held),
        title=group.title,
        path=path,
    )


def network_rows(held: Iterable[Row]) -> Iterable[Row]:
    """The rows of layers in some rows."""
    for row in held:
        if isinstance(row, Stage):
            yield from network_rows(row.parts)
        else:
            yield row


def _row_of(network: Network, ref: Ref) -> str:
    node = network.by_name.get(ref.node)
    return ref.node if node is None else node.row


def _leaving(network: Network, nodes: Sequence[Node], inside: set[str]) -> list[Ref]:
    """The outputs of some nodes that others read, or that are the network's, in their order."""
    wanted: dict[Ref, None] = {}
    for node in nodes:
        wanted.update(dict.fromkeys(ref for ref in network.outputs if ref.node == node.name))
        for reader in network.consumers[node.name]:
            if reader.name not in inside:
                wanted.update(dict.fromkeys(ref for ref in reader.inputs if ref.node == node.name))
    return [*wanted]


def _shapes(network: Network, refs: Sequence[Ref]) -> tuple[Shape, ...]:
    """The shapes of some outputs; copies on towers are one, joined along the channels."""
    by_row: dict[tuple[str, int], list[Shape]] = {}
    for ref in refs:
        by_row.setdefault((_row_of(network, ref), ref.output), []).append(network.shape_of(ref))
    return tuple(
        shapes[0] if len(shapes) == 1 else (total(each[0] for each in shapes), *shapes[0][1:])
        for shapes in by_row.values()
    )


def _what(network: Network, path: Path, group: Group, held: Sequence[Row]) -> str:
    """The block, or the layer, and how often; else how many layers."""
    if group.block:
        return group.block
    if group.copies:
        blocks = {network.groups.get((*path, str(at)), Group()).block for at in range(group.copies)}
        block = blocks.pop() if len(blocks) == 1 else ""
        if block:
            return block if group.copies == 1 else f"{block} ×{group.copies}"
        labels = {row.label for row in held}
        return f"{labels.pop()} ×{group.copies}" if len(labels) == 1 else f"{group.copies} stages"
    return f"{len(held)} layer{'s' if len(held) > 1 else ''}"


def _folded(rows: Sequence[Row]) -> Iterable[Row]:
    run: list[Stage] = []
    for row in [*rows, None]:
        if run and isinstance(row, Stage) and _follows(row, run[-1]):
            run.append(row)
            continue
        if len(run) > 1:
            yield _merged(run)
        elif run:
            yield run[0]
        run = []
        if isinstance(row, Stage):
            run = [row]
        elif row is not None:
            yield row


def _follows(row: Stage, before: Stage) -> bool:
    return row.group == before.group and before.name in row.inputs and _signature(row) == _signature(before)


def _signature(row: Stage) -> Any:
    counts = tuple(None if (each := row.count_of(name)) is None else bare(each) for name in COUNTS)
    layers = tuple((node.layer, node.tower, node.shares is None) for node in row.nodes)
    return row.title, row.what, layers, row.input_shapes[:1], row.outputs, counts


def _merged(run: Sequence[Stage]) -> Stage:
    first, last = run[0], run[-1]
    return last.replace(
        name=f"{first.name}–{last.path[-1]}",
        inputs=first.inputs,
        input_shapes=first.input_shapes,
        nodes=tuple(node for each in run for node in each.nodes),
        facts=tuple(facts for each in run for facts in each.facts),
        shared=frozenset(weight for each in run for weight in each.shared),
        parts=tuple(run),
        copies=len(run),
        path=first.path,
    )
