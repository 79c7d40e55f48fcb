"""`Fullest`: a run of which the fullest moment alone is asked; of equal blocks in a row it runs as many as differ.

What a layer takes and lets go follows from what it is and from what lies where when it begins. Where a block has left
what the one before it left, the blocks after it, which are the same, take and let go the same once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from archscope.memory.running import Run
from archscope.network import Network, Node, Ref
from archscope.observed import Observed

_FEWEST: Final = 4
"""Blocks in a row of which running two and comparing what they leave is less work than running all."""
_TRIED: Final = 8
"""Layers of the same kind after one at which a block may begin again: a block has few that are wholly alike."""
_MOST_HELD: Final = 64
"""Values between two blocks that are compared: networks whose blocks repeat hand on a few."""
_OF_NO_LAYER: Final = frozenset({"operations", "batch", "held", "frozen", "built", "origin", "buffers", "pointed"})
"""What is observed of a whole network."""
_WORK: Final = 20
"""Comparisons for each layer in looking for blocks: what repeats nothing is given up."""

Place = tuple[int, int]
"""A value by the number of the layer that makes it, below 0 for an input, and which of its results it is."""


class Blocks(NamedTuple):
    """Equal blocks of layers in a row: the number of the first layer, layers of each block, how many blocks."""

    start: int
    layers: int
    many: int


class Fullest(Run):
    """A run of one forward pass at inference of which the fullest moment is asked, not who held what when.

    Its ``track`` and ``meanwhile`` know nothing of the blocks that it leaves out. A module or file of which more
    was observed than how many layers it has runs layer by layer: what was observed goes by the names of layers.

    Args:
        network: any network.
        batch: samples that run at once.
        dtype: PyTorch's name of the type of weights and values.
    """

    def __init__(self, network: Network, batch: int, dtype: str) -> None:
        super().__init__(network, batch, dtype, training=False, holds_inputs=False)
        plain = _plain(self.network)
        self._number = {node.name: number for number, node in enumerate(self._order)} if plain else {}
        self._number |= {name: -1 - number for number, name in enumerate(self.network.inputs)}
        self._blocks = self._found() if plain else iter(())
        self._here = next(self._blocks, None)
        self._left: tuple[object, ...] | None = None

    def _found(self) -> Iterator[Blocks]:
        kinds: dict[object, int] = {}
        layers: dict[object, int] = {}
        parts, reads = [], []
        for node in self._order:
            done = sorted(map(self._place, self._last.get(node.name, ())))
            shared = [] if node.shares is None else [(self._number[node.shares], 0)]
            layer = layers.setdefault(node.layer, len(layers))
            kind = (layer, id(self.network.facts[node.name]), len(node.inputs), len(done), len(shared))
            parts.append(kinds.setdefault(kind, len(kinds)))
            reads.append((*map(self._place, node.inputs), *shared, *done))
        return in_a_row(parts, reads)

    def _place(self, ref: Ref) -> Place:
        return self._number[ref.node], ref.output

    def _ahead(self, node: Node) -> int:
        if self._here is None:
            return 0
        start, layers, many = self._here
        end = self._number[node.name] + 1
        done, within = divmod(end - start, layers)
        if done < 1 or within:
            return 0
        before, self._left = self._left, self._leaves(start, end)
        left = (many - done) * layers
        if left and (self._left is None or self._left != before):
            return 0
        self._here, self._left = next(self._blocks, None), None
        if left:
            self._leap(start, end, layers, left)
        return left

    def _leaves(self, start: int, end: int) -> tuple[object, ...] | None:
        """What there is between two blocks, as it is for whoever runs next; None if that is too much to compare."""
        if len(self._values) > _MOST_HELD:
            return None
        values: dict[int, int] = {}
        blocks: dict[int, int] = {}

        def seen_from_here(ref: Ref) -> tuple[bool, int, int]:
            number, output = self._place(ref)
            return (True, number - end, output) if number >= start else (False, number, output)

        found: list[object] = [self.ledger.held]
        for place, ref in sorted((seen_from_here(ref), ref) for ref in self._values):
            value = self._values[ref]
            found.append((
                place, seen_from_here(self._untouched.get(ref, ref)),
                values.setdefault(id(value), len(values)), blocks.setdefault(value.block, len(blocks)),
                *self.ledger.about(value.block), value.size, value.layout, value.dtype, value.at, value.names,
                value.grad, value.weight, value.leaf, value.seen, value.ahead, value.once,
            ))  # fmt: skip
        return tuple(found)

    def _leap(self, start: int, end: int, layers: int, left: int) -> None:
        """What the last block has left is from now on what the last of the blocks after it leaves."""

        def later(ref: Ref) -> Ref:
            number = self._number[ref.node]
            return ref if number < start else Ref(self._order[number + left].name, ref.output)

        self._untouched = {later(ref): later(self._untouched[ref]) for ref in self._values if ref in self._untouched}
        self._values = {later(ref): value for ref, value in self._values.items()}
        for number in range(end, end + left) if self.not_covered else ():
            why = self.not_covered.get(self._order[end - layers + (number - end) % layers].row)
            if why:
                self.not_covered.setdefault(self._order[number].row, why)


def _plain(network: Network) -> bool:
    """Whether nothing was observed that makes one layer run otherwise than another that is the same."""
    seen = network.observed
    return seen is None or all(
        getattr(seen, name) == usual for name, usual in Observed._defaults.items() if name not in _OF_NO_LAYER
    )


def in_a_row(kinds: Sequence[int], reads: Sequence[Sequence[Place]]) -> Iterator[Blocks]:
    """Equal blocks in a row, of layers of some kinds: each reads what the one a block before it reads, a block on.

    What is made before the first block may be read by every block, too. Nothing that a block but the first reads a
    block on is made before the first.

    >>> chain = [((number - 1, 0),) for number in range(9)]
    >>> [*in_a_row([7, 1, 2, 1, 2, 1, 2, 1, 2], chain)]
    [Blocks(start=1, layers=2, many=4)]
    """
    following: list[int | None] = [None] * len(kinds)
    latest: dict[int, int] = {}
    for number in range(len(kinds) - 1, -1, -1):
        following[number] = latest.get(kinds[number])
        latest[kinds[number]] = number
    start, work = 0, _WORK * len(kinds)
    while start < len(kinds) and work > 0:
        again = following[start]
        for _ in range(_TRIED):
            if again is None:
                break
            layers = again - start
            end = again
            while end < len(kinds) and kinds[end] == kinds[end - layers] and _alike(reads, start, end, layers):
                end += 1
            work -= end - again + 1
            many = (end - start) // layers
            if many >= _FEWEST:
                yield Blocks(start, layers, many)
                start += many * layers - 1
                break
            again = following[again]
        start += 1


def _alike(reads: Sequence[Sequence[Place]], start: int, number: int, layers: int) -> bool:
    """Whether a layer reads what the one a block before it does: the same from outside, or what is a block on."""
    least = start if number < start + 2 * layers else start + layers  # what the first block reads may lie before it
    return all(
        output == before and (there == here < start or (there - here == layers and there >= least))
        for (there, output), (here, before) in zip(reads[number], reads[number - layers], strict=True)
    )
