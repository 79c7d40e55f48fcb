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


_Noted = tuple[str, str, Mapping[str, int]]
"""A moment, until somebody asks for it: its phase, its layer, bytes by kind."""

_Owners = dict[tuple[str, str], int]
"""Bytes by the layer that took them and their kind."""


class _Block:
    __slots__ = ("count", "kind", "owner", "saved", "size")

    def __init__(self, size: int, kind: str, owner: str) -> None:
        self.size, self.kind, self.owner = size, kind, owner
        self.count = 1
        self.saved = 0


class Ledger:
    """Blocks of memory, each held until the last who has it drops it.

    ``phase`` and ``layer`` say what is going on. ``peak`` is the moment at which most was held since `begin`, and
    ``owners`` says who held what then, by layer and kind; ``track`` has the fullest moment of each layer in each phase.
    """

    def __init__(self) -> None:
        self.phase = ""
        self.layer = ""
        self.held = 0
        self.by_kind = dict.fromkeys(KINDS, 0)
        self.track: list[Moment] = []
        self._blocks: dict[int, _Block] = {}
        self._next = 0
        self._most = -1
        self._full: _Noted = ("", "", EMPTY)
        self._most_of_layer = -1
        self._full_of_layer = self._full
        self._owners: _Owners = {}
        self._changes: list[tuple[str, str, int]] = []
        self._kept = 0
        self._began: tuple[int, _Noted, _Owners, int] = (0, self._full, {}, 0)

    def begin(self, phase: str) -> None:
        """Begin a phase: its peak is looked for from here."""
        self.phase, self.layer = phase, ""
        self._most = -1
        self._note()
        self._changes.clear()
        self._kept = 0
        self._began = (self._most, self._full, {**self._owners}, len(self.track))

    def ends_alone(self) -> None:
        """Of this phase nothing is known but what was held when it began, and what is held now.

        >>> ledger = Ledger()
        >>> ledger.begin("backward")
        >>> ledger.drop(ledger.take(100, "temporary"))
        >>> ledger.ends_alone()
        >>> ledger.peak.total
        0
        """
        self._most, self._full, owners, layers = self._began
        self._owners, self._kept = {**owners}, 0
        del self.track[layers:]
        self.layer = ""
        self._most_of_layer, self._full_of_layer = self._most, self._full
        self._note()

    def take(self, size: int, kind: str) -> int:
        """Take a block, and return its number."""
        self._next += 1
        self._blocks[self._next] = _Block(size, kind, self.layer)
        self.held += size
        self._own(self.layer, kind, size)
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
            self._own(held.owner, self._kind(held), -held.size)
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
        self._own(held.owner, self._kind(held), -held.size)
        held.kind = kind
        self._own(held.owner, self._kind(held), held.size)

    def shared(self, block: int) -> bool:
        """Whether more than one has a block."""
        return self._blocks[block].count > 1

    def standing(self) -> Mapping[int, int]:
        """How many have each block, beside the backward pass."""
        return {number: block.count - block.saved for number, block in self._blocks.items()}

    def back_to(self, standing: Mapping[int, int]) -> None:
        """As many have each block as had it then, and the backward pass what it needs by now; the rest goes.

        >>> ledger = Ledger()
        >>> before = ledger.standing()
        >>> kept, other = ledger.take(8, "values"), ledger.take(4, "values")
        >>> ledger.save(kept)
        >>> ledger.back_to(before)
        >>> ledger.held
        8
        """
        for number, block in [*self._blocks.items()]:
            block.count = standing.get(number, 0) + block.saved + 1
            self.drop(number)

    def size(self, block: int) -> int:
        """Bytes of a block."""
        return self._blocks[block].size

    def about(self, block: int) -> tuple[int, str, int, int]:
        """Of a block: its bytes, its kind, how many have it, and how many times it is kept for the backward pass."""
        held = self._blocks[block]
        return held.size, held.kind, held.count, held.saved

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
        return max(0, self._most_of_layer)

    @property
    def peak(self) -> Moment:
        """The moment at which most was held since the phase began."""
        return Moment(*self._full)

    @property
    def owners(self) -> Mapping[tuple[str, str], int]:
        """Bytes that each layer held of each kind at that moment."""
        return {**self._owners}

    def done(self) -> None:
        """A layer is done: note the most that was held while it ran."""
        if self._most_of_layer >= 0:
            self.track.append(Moment(*self._full_of_layer))
        self._most_of_layer = -1

    def _rekind(self, block: _Block, saved: int) -> None:
        self._own(block.owner, self._kind(block), -block.size)
        block.saved = saved
        self._own(block.owner, self._kind(block), block.size)

    def _own(self, owner: str, kind: str, size: int) -> None:
        self.by_kind[kind] += size
        self._changes.append((owner, kind, size))

    def _note(self) -> None:
        held = self.held
        if held > self._most_of_layer or held > self._most:
            now = (self.phase, self.layer, dict(self.by_kind))
            if held > self._most_of_layer:
                self._most_of_layer, self._full_of_layer = held, now
            if held > self._most:
                self._most, self._full = held, now
                self._keep_owners()

    def _keep_owners(self) -> None:
        """Bring who holds what up to this moment: each change is gone through once, however many moments are full."""
        owners = self._owners
        for owner, kind, size in self._changes[self._kept :]:
            left = owners.get((owner, kind), 0) + size
            if left:
                owners[owner, kind] = left
            else:
                owners.pop((owner, kind), None)
        self._kept = len(self._changes)

    @staticmethod
    def _kind(block: _Block) -> str:
        return "saved" if block.saved and block.kind == "values" else block.kind


class Adding(Ledger):
    """A ledger that compares nothing: which moment is the fullest is no formula."""

    def _note(self) -> None:
        pass
