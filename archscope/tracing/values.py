"""Where the tensors of a running module come from: which node made each, or which weights it was made of."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from sys import getrefcount
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from archscope.network import Ref
from archscope.tracing.roles import IN_ORDER, TURNING

_OURS: Final = 3
"""Who has a tensor that nobody's code has any more: the loop that looks, by two names, and the count itself."""


def _base() -> int:
    """How often a tensor is counted because PyTorch itself has it, as what a view is one of; so since 2.10 or so."""
    with torch.no_grad():
        tensor = torch.empty(1)
        before = getrefcount(tensor)
        seen = tensor.view(1)
        after = getrefcount(tensor)
    del seen
    return after - before


_BASE: Final = _base()


class Held(NamedTuple):
    """A parameter or buffer by its name in the module, and whether its two axes are exchanged."""

    name: str
    turned: bool


class Values:
    """Tensors by identity.

    Args:
        weights: the tensors that a module holds, by name.
        keep: whether tensors are kept, so that no other is given one's address; otherwise they are forgotten when
            they are freed.
    """

    def __init__(self, weights: Mapping[str, Tensor], *, keep: bool) -> None:
        self._keep = keep
        self._refs: dict[int, Ref] = {}
        self._weights: dict[int, frozenset[str]] = {}
        self._held: dict[int, Held] = {}
        self._kept: dict[int, Any] = {}
        self._unplaced: list[int] = []
        self._places: dict[int, int] = {}
        self._moment = 0
        self._moments: dict[int, int] = {}
        self._written: dict[int, tuple[Ref, int]] = {}
        self._batches: dict[int, int] = {}
        self._steps: dict[int, int] = {}
        self._apart: set[int] = set()
        self._living: list[Tensor] = []
        self.lasts: dict[Ref, int] = {}
        """The number of the last node that ran while the code still had what a node made, by output of a node."""
        self.graded: dict[Ref, int] = {}
        """The same of what it had with its gradient."""
        self.parts: set[Ref] = set()
        """What it has handed on without."""
        for name, tensor in weights.items():
            self._weights.setdefault(id(tensor), frozenset([name]))
            self._held.setdefault(id(tensor), Held(name, False))
            self._hold(tensor)

    def made(self, tensor: Tensor, ref: Ref) -> None:
        """A node made it; or changed it in place, and is what is read from now on."""
        self.on_the_way(tensor, ref)
        self._living.append(tensor)

    def on_the_way(self, tensor: Tensor, ref: Ref) -> None:
        """An operation of a node made it, and no code has it."""
        self._hold(tensor)
        self._refs[id(tensor)] = ref
        self._apart.discard(id(tensor))

    def ran(self, number: int) -> None:
        """So many nodes have run: know which of the tensors the code still has.

        They are held here until then, so that it is the number of those who have one that tells.
        """
        self._look()
        for tensor in self._living:
            ref = self._refs.get(id(tensor))
            if ref is not None:
                self.lasts[ref] = number
                if id(tensor) not in self._apart:
                    self.graded[ref] = number

    def living(self) -> frozenset[Ref]:
        """What nodes made that the code has now."""
        self._look()
        return frozenset(ref for each in self._living if (ref := self._refs.get(id(each))) is not None)

    def _look(self) -> None:
        """Hold no tensor longer that the code has no more."""
        living: dict[int, Tensor] = {}
        while self._living:
            tensor = self._living.pop()
            viewed: Any = tensor
            ours = _OURS + self._keep + (_BASE if viewed._use_count() > 1 else 0)
            if id(tensor) not in living and getrefcount(tensor) > ours:
                living[id(tensor)] = tensor
        self._living = [*living.values()]

    def came_of(self, tensor: Tensor, weights: frozenset[str]) -> None:
        """It was made of weights alone, or of nothing."""
        self._hold(tensor)
        self._refs.pop(id(tensor), None)
        self._held.pop(id(tensor), None)
        self._weights[id(tensor)] = weights

    def is_held(self, tensor: Tensor, held: Held) -> None:
        """A constant is a tensor that the module holds, seen or stored differently."""
        self._hold(tensor)
        self._held[id(tensor)] = held

    def held(self, tensor: Any) -> Held | None:
        """The tensor of the module that a constant is, if it is one of them, whole and unchanged."""
        return self._held.get(id(tensor))

    def handed_on(self, name: str, given: list[Tensor], made: list[Tensor]) -> Held | None:
        """The tensor of the module that a call on one handed on, whole and unchanged but for its form."""
        held = self.held(given[0]) if given and len(made) == 1 else None
        if held is None or given[0].numel() != made[0].numel():
            return None
        if name in IN_ORDER:
            return held if made[0].shape == given[0].shape or not held.turned else None
        if name in TURNING and given[0].dim() == 2:
            return Held(held.name, held.turned != (made[0].stride() != given[0].stride()))
        return None

    def put(self, tensor: Tensor, place: int) -> None:
        """Know where the batch axis of a tensor is; see `archscope.recognising.batches`."""
        if self.known(tensor):
            self._batches[id(tensor)] = place

    def place(self, tensor: Any) -> int | None:
        """Where the batch axis of a tensor is, if that was said."""
        return self._batches.get(id(tensor))

    def pack(self, tensor: Tensor, steps: int) -> None:
        """A tensor has samples of several lengths behind each other; the longest has so many steps."""
        self._hold(tensor)
        self._steps[id(tensor)] = steps

    def steps(self, tensor: Any) -> int | None:
        """The steps of the longest sample that is packed in a tensor, if several are."""
        return self._steps.get(id(tensor))

    def ref(self, tensor: Any) -> Ref | None:
        """The node that made a tensor, if one did."""
        return self._refs.get(id(tensor))

    def of_nodes(self, tensors: Iterable[Tensor]) -> list[Tensor]:
        """Those that nodes made."""
        return [each for each in tensors if self.ref(each) is not None]

    def weights(self, tensor: Any) -> frozenset[str]:
        """The weights that a tensor is, or was made of."""
        return self._weights.get(id(tensor), frozenset())

    def known(self, tensor: Any) -> bool:
        """Whether it was seen before."""
        return id(tensor) in self._kept

    def same(self, tensor: Tensor, other: Tensor) -> None:
        """A tensor holds what another holds."""
        ref, apart = self.ref(other), self.apart(other)
        if ref is not None:
            self.made(tensor, ref)
        else:
            self.came_of(tensor, self.weights(other))
        if apart:
            self.parted(tensor)
        if other is not tensor:
            if id(other) in self._held and tensor.shape == other.shape:
                self._held[id(tensor)] = self._held[id(other)]
            place = self.place(other)
            if place is not None:
                self.put(tensor, place)

    def parted(self, tensor: Tensor) -> None:
        """A tensor is handed on without its gradient."""
        self._apart.add(id(tensor))
        ref = self.ref(tensor)
        self.parts.update([] if ref is None else [ref])

    def apart(self, tensor: Tensor) -> bool:
        """Whether a tensor holds what another holds, without its gradient."""
        return id(tensor) in self._apart

    def found(self, tensor: Tensor) -> bool:
        """Know a tensor that appeared by itself from another in the same memory; False if there is none."""
        other = self.beside(tensor)
        if other is not None:
            self.same(tensor, other)
        return other is not None

    def beside(self, tensor: Tensor) -> Tensor | None:
        """Another tensor that is known, in the same memory."""
        left: list[int] = []
        for place in self._unplaced:
            known = self._tensor(place)
            if known is tensor:
                left.append(place)
            elif known is not None:
                self._places[memory_of(known)] = place
        self._unplaced = left
        memory = memory_of(tensor)
        other = self._tensor(self._places.get(memory, 0)) if memory else None
        return None if other is None or other is tensor or memory_of(other) != memory else other

    def wrote(self, tensor: Tensor, ref: Ref) -> None:
        """A node wrote into the memory of a tensor; others may see the same memory."""
        self.made(tensor, ref)
        self._written[memory_of(tensor)] = (ref, self._moment)

    def written(self, tensor: Tensor) -> Ref | None:
        """The node that wrote into a tensor's memory through another tensor since this one was made, if one did."""
        if not self._written:
            return None
        ref, moment = self._written.get(memory_of(tensor), (None, 0))
        return ref if moment > self._moments.get(id(tensor), 0) else None

    def _hold(self, tensor: Tensor) -> None:
        place = id(tensor)
        self._moment += 1
        self._moments[place] = self._moment
        if place not in self._kept:
            self._kept[place] = tensor if self._keep else weakref.ref(tensor, lambda _: self._forget(place))
            self._unplaced.append(place)

    def _tensor(self, place: int) -> Any:
        known = self._kept.get(place)
        return known() if isinstance(known, weakref.ref) else known

    def _forget(self, place: int) -> None:
        every = self._kept, self._refs, self._weights, self._held, self._moments, self._batches, self._steps
        for known in every:
            known.pop(place, None)
        self._apart.discard(place)


def memory_of(tensor: Tensor) -> int:
    """What identifies the memory that a tensor sees; 0 where it shows none."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):
        return 0
