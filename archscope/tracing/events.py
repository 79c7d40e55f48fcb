"""`Events`: the calls of a module's code in their order, with the nodes that each became and the memory it took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor

from archscope.layers import Shape
from archscope.network import Ref
from archscope.recognising.operations import Frame
from archscope.tracing.strangers import tensors_in
from archscope.tracing.values import memory_of

if TYPE_CHECKING:
    from archscope.tracing.recording import Recording


class Event(NamedTuple):
    """A call that ran.

    Attributes:
        name: the function.
        nodes: the nodes that it became.
        made: bytes of each new memory that it took, if it became no node.
        copies: whether it handed on values of a node, perhaps as a copy.
        copied: whose those are.
        alone: whether it was given nothing else, and made the same values in the same type.
        of: the call that copied what it copied, where that is a copy itself.
        ordered: whether it put those in the order of their axes.
        results: the extents of what it gave, and where the batch is among them.
    """

    name: str
    nodes: tuple[str, ...]
    made: tuple[int, ...]
    copies: bool
    copied: Ref | None
    ordered: bool
    alone: bool = False
    of: int | None = None
    results: tuple[tuple[Shape, int], ...] = ()


class Events:
    """Writes down each call once it was recorded.

    Attributes:
        every: the calls.
        memories: which new memory of which call a memory is: the number of the call, and which of its memories.
    """

    def __init__(self, recording: Recording) -> None:
        self.every: list[Event] = []
        self.memories: dict[int, tuple[int, int]] = {}
        self._recording = recording
        self._seen = 0

    def over(self, name: str, frame: Frame, results: Sequence[Tensor] = ()) -> None:
        """A call was recorded."""
        nodes = self._recording.nodes.nodes
        names = tuple(node.name for node in nodes[self._seen :])
        self._seen = len(nodes)
        made = () if names or not frame.made else tuple(fresh(zip(frame.read, frame.made, strict=True)))
        for place, each in enumerate(made):
            self.memories[memory_of(each)] = len(self.every), place
        holding = self._recording.holding
        way, ref, memory = holding.copied()
        sizes, copies = tuple(map(size_of, made)), way == "as it is"
        of = holding.version(ref, memory) if ref is not None and memory is not None else None
        if copies and ref is not None and len(made) == 1:
            holding.copies_in[memory_of(made[0])] = len(self.every), ref
        at = map(self._recording.samples.place, results)
        stands = tuple(zip(extents(results), at, strict=True)) if names else ()
        self.every.append(Event(name, names, sizes, copies, ref, way == "in order", memory is not None, of, stands))


def extents(tensors: Sequence[Tensor]) -> tuple[Shape, ...]:
    """The extents of tensors; none of one whose samples have each their own."""
    return tuple(() if each.is_nested else tuple(each.shape) for each in tensors)


def fresh(ran: Iterable[tuple[Any, Any]]) -> Iterator[Tensor]:
    """Tensors of which an operation took the memory, of operations with what they read and made; each memory once."""
    known: set[int] = {0}
    for read, made in ran:
        known.update(memory_of(each) for each in tensors_in(read))
        for each in tensors_in(made):
            memory = memory_of(each)
            if memory not in known:
                known.add(memory)
                yield each


def size_of(tensor: Tensor) -> int:
    """Bytes of the memory that a tensor sees."""
    return int(tensor.untyped_storage().nbytes())


def total(events: Sequence[Event]) -> int:
    """Bytes of all new memory that became no node."""
    return sum(sum(each.made) for each in events if not each.ordered)
