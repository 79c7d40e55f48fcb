"""A network → lines and blocks of a spec: groups that are alike become one block, copies in series ``repeat``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from archscope.layers import TYPES
from archscope.network import Group, Network
from archscope.record import Record
from archscope.writing.block_options import Block, Line
from archscope.writing.parts import Leaf, Out, Part, Tree
from archscope.writing.spec import place, usual_init, what


class Fold(Record):
    """The lines of a spec with blocks, the blocks by name, and the outputs as these lines call them."""

    lines: Mapping[str, Mapping[str, Any]]
    blocks: Mapping[str, Mapping[str, Any]]
    ends: tuple[str, ...]


def folded(network: Network) -> Fold | None:
    """The lines and blocks of a network; None where nothing in it is alike.

    >>> from archscope.reader import read
    >>> fold = folded(read("input: [4]\\nlayers: {a: {type: linear, out_features: 4, repeat: 3}}"))
    >>> {name: {**line} for name, line in fold.lines.items()}
    {'a': {'type': 'linear', 'out_features': 4, 'repeat': 3}}
    """
    folding = _Folding(network)
    uses = {".".join(each.path): each for each in _uses(folding, folding.tree.root)}
    if not uses or folding.tree.root.clash:
        return None
    reached = folding.reach(uses.values())
    for block in reached:
        block.settle()
    _name(reached, network)
    top = _Top(folding, uses)
    blocks = {block.name: block.definition() for block in reached}
    return Fold(dict(top.lines()), blocks, tuple(top.called(out) for out in folding.tree.ends))


def _uses(folding: _Folding, part: Part) -> Iterator[Part]:
    """The outermost groups that become lines with a block; groups of a module list stand apart from each other."""
    for child in part.children.values():
        if isinstance(child, Part):
            yield from [child] if folding.worth(child) else _uses(folding, child)


class _Folding:
    """Finds blocks from the innermost groups outwards."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.tree = Tree(network)
        self.common = usual_init(network)
        self.blocks: dict[Any, Block] = {}
        self.block_of: dict[tuple[str, ...], Block] = {}
        self.run_of: dict[tuple[str, ...], Line] = {}
        inner = [part for part in self.tree.root.parts() if part.path and part.plain]
        for part in sorted(inner, key=lambda part: (-len(part.path), -len(part.children))):
            run = self._run(part)
            if run is not None:
                self.run_of[part.path] = run
            else:
                self._settle(part)

    def _settle(self, part: Part) -> None:
        lines = tuple(self.line(part, child) for child in part.children.values())
        end = part.called(part.made)
        key = (len(part.given), end, tuple(line.key for line in lines))
        if key not in self.blocks:
            joined = next((each for each in self.blocks.values() if each.join(len(part.given), end, lines)), None)
            self.blocks[key] = joined or Block(len(part.given), end, lines)
        block = self.block_of[part.path] = self.blocks[key]
        block.found.append((part, {line.name: line for line in lines}))

    def line(self, scope: Part, child: Part | Leaf) -> Line:
        """A line of a block: what it is, and what it reads in the block's own names."""
        if isinstance(child, Leaf):
            return self._leaf(scope, child)
        made = self.run_of.get(child.path)
        outs = child.given
        reads = tuple(_local(scope, out) for out in outs)
        if made is not None:
            return Line(child.name, reads, made.block, made.parts, made.leaf, {}, run=True, times=made.times)
        return Line(child.name, reads, self.block_of[child.path], (child,))

    def _leaf(self, scope: Part, leaf: Leaf) -> Line:
        said = place(self.network, leaf.row, leaf.nodes, self.common)
        if "shares" in said:
            said["shares"] = scope.called((said["shares"], 0))
        reads = tuple(_local(scope, out) for out in self.tree.reads[leaf.row])
        return Line(leaf.name, reads, None, (), leaf, said)

    def _run(self, part: Part) -> Line | None:
        """The copies of a run: groups of one block, or equal rows, of which each reads the one before."""
        children = [*part.children.values()]
        if [child.name for child in children] != [str(number) for number in range(len(children))]:
            return None
        parts = [child for child in children if isinstance(child, Part) and child.path in self.block_of]
        if len(parts) == len(children):
            blocks = {id(self.block_of[child.path]) for child in parts}
            chained = all(_follows(one.made, one.given, two.given) for one, two in itertools.pairwise(parts))
            fits = len(blocks) == 1 and chained and part.given == parts[0].given
            return Line(part.name, (), self.block_of[parts[0].path], tuple(parts), run=True) if fits else None
        leaves = [child for child in children if isinstance(child, Leaf)]
        if len(leaves) < max(len(children), 2):
            return None
        equal = all(what(leaf.nodes) == what(leaves[0].nodes) for leaf in leaves)
        bare = not any(place(self.network, leaf.row, leaf.nodes, self.common) for leaf in leaves)
        reads = [self.tree.reads[leaf.row] for leaf in leaves]
        chained = all(
            _follows((leaf.row, 0), one, two) for leaf, one, two in zip(leaves, reads, reads[1:], strict=False)
        )
        if not (equal and bare and chained and part.given == reads[0]):
            return None
        return Line(part.name, (), None, (), leaves[0], {}, run=True, times=len(leaves))

    def worth(self, part: Part) -> bool:
        """Whether something in a group stands there more than once."""
        if not part.plain:
            return False
        run = self.run_of.get(part.path)
        if run is not None and max(len(run.parts), run.times) > 1:
            return True
        block = self.block_of.get(part.path)
        if block is not None and len(block.found) > 1 and len(part.rows) > 1:
            return True
        return any(self.worth(child) for child in part.children.values() if isinstance(child, Part))

    def reach(self, parts: Any) -> list[Block]:
        """The blocks that some groups use, inner ones first, each with the groups that are copies of it."""
        paths = {each.path for part in parts for each in part.parts()}
        order: dict[Block, None] = {}
        for block in self.blocks.values():
            block.found = [(part, lines) for part, lines in block.found if part.path in paths]
            if block.found:
                order.update(dict.fromkeys(block.within()))
        return [*order]


def _local(scope: Part, out: Out) -> str | int:
    """An output as a line of a block calls it; the number of an input of the block for one from outside."""
    return scope.called(out) if out[0] in scope.rows else scope.given.index(out)


def _follows(made: Out, given: tuple[Out, ...], after: tuple[Out, ...]) -> bool:
    """Whether what reads ``after`` reads the copy before it first, and then what that one reads."""
    return len(given) == len(after) and after[:1] == (made,) and after[1:] == given[1:]


class _Top:
    """The spec's own lines."""

    def __init__(self, folding: _Folding, uses: Mapping[str, Part]) -> None:
        self.folding = folding
        self.uses = {row: (name, part) for name, part in uses.items() for row in part.rows}

    def lines(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each with what it says."""
        network, tree = self.folding.network, self.folding.tree
        above = next(iter(network.inputs)) if len(network.inputs) == 1 else None
        done: set[str] = set()
        for row, nodes in tree.rows.items():
            head, part = self.uses.get(row, ("", None))
            if part is None:
                reads = [self.called(out) for out in tree.reads[row]]
                said = place(network, row, nodes, self.folding.common)
                if "shares" in said:
                    said["shares"] = self.called((said["shares"], 0))
                yield row, {**what(nodes), **_from(reads, above), **said}
                above = row
            elif head not in done:
                done.add(head)
                line = self.folding.line(tree.root, part)
                yield head, line.said(None, [self.called(out) for out in part.given], above)
                above = head

    def called(self, out: Out) -> str:
        """An output by the name that a line of the spec has for it."""
        row, number = out
        nodes = self.folding.tree.rows.get(row)
        if nodes is None:
            return row
        name, part = self.uses.get(row, ("", None))
        if part is None:
            return row if number == 0 else f"{row}.{nodes[0].layer.output_names[number]}"
        return name if part.made == out else f"{name}.{part.called(out)}"


def _from(reads: list[str], above: str | None) -> dict[str, Any]:
    return {} if not reads or reads == [above] else {"from": reads if len(reads) > 1 else reads[0]}


def _name(blocks: list[Block], network: Network) -> None:
    """Give blocks names that are free: those that the network has for them, or what their copies' names share."""
    taken: set[str] = set()
    for block in blocks:
        parts = [part for part, _ in block.found]
        said = {network.groups.get(part.path, Group()).block for part in parts} - {""}
        wanted = min(said) if len(said) == 1 else _stem(parts)
        name = wanted
        number = 1
        while name in taken or name in TYPES:
            number += 1
            name = f"{wanted}_block" if number == 2 and name in TYPES else f"{wanted}_{number}"
        taken.add(name)
        block.name = name


def _stem(parts: list[Part]) -> str:
    """What the copies of a block have in common in their names: ``layer1.0`` and ``layer2.1`` are ``layer``."""
    names = [next((each for each in reversed(part.path) if not each.isdigit()), "block") for part in parts]
    common = names[0] if len({*names}) == 1 else names[0].rstrip("0123456789").rstrip("_")
    return common if re.match(r"[A-Za-z_]\w*\Z", common) else "block"
