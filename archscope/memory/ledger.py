"""`Ledger`: which blocks of memory are held, by kind, and when most were.

>>> ledger = Ledger()
>>> block = ledger.take(400, "weights")
>>> temporary = ledger.take(100, "temporary")
>>> ledger.drop(temporary)
>>> ledger.held, ledger.peak.total
(400, 500)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from archscope.record import EMPTY, Record

KINDS: Final = ("weights", "casts", "state", "gradients", "saved", "values", "passing", "temporary")
"""What memory is held for: weights; copies of them in the type that autocast runs in; the optimizer's state; gradients
of weights; values saved for the backward pass; values that are read yet; gradients of values; what one operation or the
optimizer holds meanwhile."""


class Moment(Record):
    """What was held at one moment: bytes by kind, and which layer ran."""

    phase: str = ""
    layer: str = ""
    held: Mapping[str, int] = EMPTY

    @property
    def total(self) -> int:
        """Bytes of all kinds."""
        return sum(self.held.values())


class _Block:
    __slots__ = ("count", "kind", "owner", "saved", "size")

    def __init__(self, size: int, kind: str, owner: str) -> None:
        self.size, self.kind, self.owner = size, kind, owner
        self.count = 1
        self.saved = 0


class Ledger:
    """Blocks of memory, each held until the last who has it drops it.

    ``phase`` and ``layer`` say what is going on. ``peak`` is the moment at which most was held since `begin`, and
    ``peak_tick`` its number; ``track`` has the fullest moment of each layer in each phase. ``owners`` says who held
    what at the moment of the number ``watch``, by layer and kind: to be read in a second run. ``totals`` has what was
    held at every moment.
    """

    def __init__(self, watch: int = -1) -> None:
        self.watch = watch
        self.tick = 0
        self.peak_tick = 0
        self.phase = ""
        self.layer = ""
        self.held = 0
        self.by_kind = dict.fromkeys(KINDS, 0)
        self.peak = Moment()
        self.owners: Mapping[tuple[str, str], int] = {}
        self.track: list[Moment] = []
        self.totals: list[int] = []
        self._blocks: dict[int, _Block] = {}
        self._next = 0
        self._peak = -1
        self._layer_peak: Moment | None = None
        self._began = (Moment(), 0, 0, 0)

    def begin(self, phase: str) -> None:
        """Begin a phase: its peak is looked for from here."""
        self.phase, self.layer = phase, ""
        self._peak = -1
        self._note()
        self._began = (self.peak, self.peak_tick, len(self.totals), len(self.track))

    def ends_alone(self) -> None:
        """Of this phase nothing is known but what was held when it began, and what is held now.

        >>> ledger = Ledger()
        >>> ledger.begin("backward")
        >>> ledger.drop(ledger.take(100, "temporary"))
        >>> ledger.ends_alone()
        >>> ledger.peak.total
        0
        """
        self.peak, self.peak_tick, totals, layers = self._began
        self._peak = self.peak.total
        del self.totals[totals:], self.track[layers:]
        self.layer, self._layer_peak = "", self.peak
        self._note()

    def take(self, size: int, kind: str) -> int:
        """Take a block, and return its number."""
        self._next += 1
        self._blocks[self._next] = _Block(size, kind, self.layer)
        self.held += size
        self.by_kind[kind] += size
        self._note()
        return self._next

    def share(self, block: int) -> int:
        """One more has a block."""
        self._blocks[block].count += 1
        return block

    def drop(self, block: int) -> None:
        """One fewer has a block; it is free when nobody has it."""
        held = self._blocks[block]
        held.count -= 1
        if not held.count:
            self.held -= held.size
            self.by_kind[self._kind(held)] -= held.size
            del self._blocks[block]

    def save(self, block: int) -> None:
        """Keep a block for the backward pass."""
        held = self._blocks[block]
        held.count += 1
        self._rekind(held, held.saved + 1)

    def release(self, block: int) -> None:
        """The backward pass needs a block no more."""
        held = self._blocks[block]
        self._rekind(held, held.saved - 1)
        self.drop(block)

    def rename(self, block: int, kind: str) -> None:
        """A block is from now on of another kind."""
        held = self._blocks[block]
        self.by_kind[self._kind(held)] -= held.size
        held.kind = kind
        self.by_kind[self._kind(held)] += held.size

    def shared(self, block: int) -> bool:
        """Whether more than one has a block."""
        return self._blocks[block].count > 1

    def size(self, block: int) -> int:
        """Bytes of a block."""
        return self._blocks[block].size

    def moment(self) -> Moment:
        """What is held now."""
        return Moment(self.phase, self.layer, dict(self.by_kind))

    def owned(self, kind: str) -> dict[str, int]:
        """Bytes of one kind that are held now, by the layer that took them."""
        held: dict[str, int] = {}
        for block in self._blocks.values():
            if self._kind(block) == kind:
                held[block.owner] = held.get(block.owner, 0) + block.size
        return held

    @property
    def most(self) -> int:
        """The most that was held while the layer ran."""
        return 0 if self._layer_peak is None else self._layer_peak.total

    def done(self) -> None:
        """A layer is done: note the most that was held while it ran."""
        if self._layer_peak is not None:
            self.track.append(self._layer_peak)
        self._layer_peak = None

    def _rekind(self, block: _Block, saved: int) -> None:
        self.by_kind[self._kind(block)] -= block.size
        block.saved = saved
        self.by_kind[self._kind(block)] += block.size

    def _note(self) -> None:
        if self._layer_peak is None or self.held > self._layer_peak.total:
            self._layer_peak = self.moment()
        self.tick += 1
        self.totals.append(self.held)
        if self.held > self._peak:
            self._peak = self.held
            self.peak = self.moment()
            self.peak_tick = self.tick
        if self.tick == self.watch:
            owners: dict[tuple[str, str], int] = {}
            for block in self._blocks.values():
                key = (block.owner, self._kind(block))
                owners[key] = owners.get(key, 0) + block.size
            self.owners = owners

    @staticmethod
    def _kind(block: _Block) -> str:
        return "saved" if block.saved and block.kind == "values" else block.kind
