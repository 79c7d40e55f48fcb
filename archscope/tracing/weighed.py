"""`weighed`: what a module's code holds beside its layers, of two runs: the one written down, and one of a sample more.

The second has gradients. How what is held grows with the batch is seen from both.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from torch import nn

from archscope.constants import COPIED_ON, COPIED_WITH_GRADIENT, NONE, Constant, Constants, Copied
from archscope.network import Ref
from archscope.record import EMPTY
from archscope.tracing.events import Event, total
from archscope.tracing.running import Run, larger, run_once
from archscope.tracing.strangers import tensors_in
from archscope.tracing.training import DROPS
from archscope.tracing.values import memory_of
from archscope.tracing.weighing import Memory, Weighing

_OTHERWISE: Final = "its code makes tensors beside its layers, and other ones in another batch"
_STOPS: Final = "its code makes tensors beside its layers, and did not run again so that they could be followed"
_COPIES: Final = "its code copies what layers make (`{}`), and which of the two it has longer is not followed"
_GRADIENT: Final = "its code works on parameters beside its layers (`{}`), and no rule follows their gradients"
_COPYING: Final = COPIED_WITH_GRADIENT | COPIED_ON

_AS_THEY_ARE: Final = frozenset({"cat", "clone", "add", "radd", "sub", "contiguous"})
"""Functions that may copy a parameter, and whose backward pass hands its gradient on."""

_LAYERS: Final = "its code copies layers, and no rule follows what becomes of the copies"
_APART: Final = "its code gives attention a mask of other than two or four axes, with which it runs in parts"
_YES_OR_NO: Final = (
    "its code gives attention a mask of yes and no beside values without heads, with which it runs in parts"
)
_AFTER: Final = "its code makes tensors after its last layer, and no rule follows what it has until then"
_LATER: Final = "its code keeps what it makes in one pass (`{}`) for the next"


class Weighed(NamedTuple):
    """What the code holds beside its layers.

    Attributes:
        constants: tensors that no layer makes.
        lasts: until which node the code has parameters that are layers of their own.
        worked: parameters that it works on without changing them, so that no layer does, and why no rule follows that.
    """

    constants: Constants
    lasts: Mapping[Ref, str] = MappingProxyType({})
    worked: Mapping[str, str] = EMPTY


def weighed(module: nn.Module, names: Sequence[str], run: Run, now: Mapping[str, str]) -> Weighed:
    """Run a module once more, as it ran; ``now`` are the names of the nodes that became others."""
    events = run.tracer.events.every
    recording = run.tracer.recording
    if not (total(events) or recording.holding.masked or recording.learned.drops):
        return Weighed(NONE)
    more = not run.way.alone and recording.samples.batch is not None
    asked = larger(run.call, run.batch) if more else run.call
    try:
        again = run_once(module, asked, names, run.way, tracer=Weighing)
    except Exception:  # noqa: BLE001 - another batch, or gradients, may be more than a stranger's code takes
        return Weighed(Constants(unknown=_STOPS))
    tracer, shadow = again.tracer, again.shadow
    assert isinstance(tracer, Weighing)  # noqa: S101 - it is what was asked for
    there = tracer.there()
    # What goes with the result is the result's; what its modules have yet is kept for the next time.
    del again
    if tracer.there():
        gc.collect()
    # A copied module is held by who watches it, and by nobody else.
    given = {id(memory) for memory in there if memory.gone is not None and not tracer.copied}
    del shadow
    for memory in there:
        memory.gone, memory.watched = None, None
    return _Reading(run, tracer, given, now).weighed(more=more)


class _Reading:
    """Puts together what both runs saw."""

    def __init__(self, run: Run, weighing: Weighing, given: set[int], now: Mapping[str, str]) -> None:
        self.events: Sequence[Event] = run.tracer.events.every
        self.batch = run.batch
        self.weighing = weighing
        self.given = given
        self.now = now
        self.run = run
        self.by_event: dict[int, list[Memory]] = {}
        for memory in weighing.memories:
            self.by_event.setdefault(memory.event, []).append(memory)
        self.unknown = (
            _LAYERS if weighing.copied else _APART if weighing.apart else _YES_OR_NO if weighing.headless else ""
        )
        self.unknown_in_training = DROPS if run.tracer.recording.learned.drops else ""
        learned = run.tracer.recording.learned
        facts = run.tracer.recording.nodes.facts
        placed = {learned.seen_of.get(ref, ref).node for _, ref in learned.placed}
        self.layers = {name for name in placed if not (facts[name].weights or facts[name].inputs)}
        self.beside: dict[int, tuple[str, str]] = {}
        self.placed: dict[int, Ref] = {}
        self.placed_in: dict[int, str] = {}
        self.rows: dict[str, str] = {}
        self.for_each: set[str] = set()
        self.in_front: set[str] = set()
        self.copies: set[int] = set()
        self.fronted: set[str] = set()
        for tensor, ref in learned.placed:
            event, place = run.tracer.events.memories.get(memory_of(tensor), (-1, 0))
            memories = self.by_event.get(event, [])
            if place < len(memories):
                root = self.placed_in[event] = learned.seen_of.get(ref, ref).node
                if id(tensor) in learned.rows:
                    self.rows[ref.node] = learned.rows[id(tensor)]
                    if memories[place].size > self.events[event].made[place]:
                        self.for_each.add(ref.node)
                    elif tensor.dim() > 2 and tensor.shape[0] == 1:
                        self.in_front.add(ref.node)
                if root not in self.layers:
                    self.placed[id(memories[place])] = learned.seen_of.get(ref, ref)
                    self._note_copy(ref.node, memories[place])
                else:
                    self.beside[id(memories[place])] = ref.node, root
                    self.fronted.update([ref.node, root] if run.tracer.recording.samples.place(tensor) >= 0 else ())

    def _note_copy(self, node: str, memory: Memory) -> None:
        """Memory of its own that has the values of a parameter as they are: ``weight + 0``."""
        recording = self.run.tracer.recording
        learned = recording.learned
        if node in recording.nodes.parameters - learned.repeated - {*learned.copied} - self.rows.keys():
            self.copies.add(id(memory))

    def weighed(self, *, more: bool) -> Weighed:
        """What is held, and until when learned values are."""
        moments = self._moments()
        if moments is None:
            return Weighed(Constants(unknown=_OTHERWISE))
        order = sorted(moments, key=moments.__getitem__)
        every, numbers, places = list[Constant](), dict[str, int](), dict[int, int]()
        self.numbers: dict[int, int] = {}
        for memory, name, size in self._constants():
            each = memory.size - size if more else 0
            fixed = size - each * self.batch
            if each < 0 or fixed < 0:
                self.unknown = _OTHERWISE
            before = next((node for node in order if moments[node] > memory.made), order[-1])
            kept = [self._keeper(event) for event, wanted in self.weighing.kept if wanted is memory]
            if memory.gone is None and id(memory) not in self.given:
                self.unknown_in_training = self.unknown_in_training or _LATER.format(name)
            places[id(memory)] = self.numbers[memory.event] = len(every)
            numbers.update((self.now[layer], len(every)) for layer in self.beside.get(id(memory), ()))
            every.append(Constant(name, fixed, each, memory.made, memory.gone, before,
                                  tuple(dict.fromkeys(node for node in kept if node)),
                                  given=id(memory) in self.given, copies=self._copied(memory.event)))  # fmt: skip
        starts, masks = self._starts(places), self._masks(more=more)
        rows = {self.now[name]: by for name, by in self.rows.items()}
        learned = self.run.tracer.recording.learned
        for_each, in_front, spread = (
            frozenset(map(self.now.__getitem__, each & self.rows.keys()))
            for each in (self.for_each, self.in_front | learned.in_front, learned.spread)
        )
        ahead = frozenset(name for name in map(self.now.__getitem__, self.fronted) if more and name in numbers
                          and not every[numbers[name]].each)  # fmt: skip
        layers = frozenset(self.now[name] for name in self.layers if name in self.now)
        constants = Constants(tuple(every), moments, layers, starts, masks, rows, for_each, in_front, spread, ahead,
                              self._reads(), {**self._after(every, moments), **self._originals()}, self._ends(),
                              self.unknown,
                              self.unknown_in_training)  # fmt: skip
        return Weighed(constants, self._lasts(order, moments), self._worked())

    def _worked(self) -> dict[str, str]:
        """Parameters of which the code copies the values, so that their gradient is another one: ``weight * 1``."""
        copied = [(self.events[memory.event].name, self.placed[id(memory)].node)
                  for memory in self.weighing.memories if id(memory) in self.copies]  # fmt: skip
        return {self.now[node]: _GRADIENT.format(name) for name, node in copied if name.strip("_") not in _AS_THEY_ARE}

    def _starts(self, places: Mapping[int, int]) -> dict[str, tuple[int, ...]]:
        """By node, which constants its states begin with."""
        found: dict[str, tuple[int, ...]] = {}
        for tensor, node in self.run.tracer.recording.learned.starts:
            event, place = self.run.tracer.events.memories.get(memory_of(tensor), (-1, 0))
            memories = self.by_event.get(event, [])
            number = places.get(id(memories[place])) if place < len(memories) else None
            if number is not None:
                found[self.now[node]] = (*found.get(self.now[node], ()), number)
        return found

    def _masks(self, *, more: bool) -> dict[str, tuple[int, int]]:
        """By node of attention, the values of a mask of yes and no, and how many more there are for a sample."""
        found: dict[str, tuple[int, int]] = {}
        for event, shape in self.weighing.masks.items():
            each = math.prod(shape[1:]) if more and len(shape) > 2 and shape[0] == self.batch + 1 else 0
            for node in self.events[event].nodes[-1:]:
                found[self.now[node]] = (0, each) if each else (math.prod(shape), 0)
        return found

    def _constants(self) -> Iterator[tuple[Memory, str, int]]:
        """The memories that no layer has: with the function that took each, and its size in the first run."""
        mixed = self._mixed()
        for number, event in enumerate(self.events):
            memories = self.by_event.get(number, [])
            if event.nodes or event.ordered or not (event.made or memories):
                continue
            if len(event.made) != len(memories):
                self.unknown = _OTHERWISE
                continue
            if event.copies and (mixed or self._copied(number) is None):
                self.unknown = self.unknown or _COPIES.format(event.name)
                continue
            if number in self.weighing.graded and not event.copies and number not in self.placed_in:
                self.unknown_in_training = self.unknown_in_training or _GRADIENT.format(event.name)
            for memory, size in zip(memories, event.made, strict=True):
                if id(memory) not in self.placed or id(memory) in self.copies:
                    yield memory, event.name.strip("_"), size

    def _copied(self, number: int) -> Copied | None:
        """What a call copied."""
        event = self.events[number]
        if event.copied is None or not event.alone or len(event.made) != 1 or event.name.strip("_") not in _COPYING:
            return None
        key = self._named(event.copied)
        if key is None or (event.of is None and not self._has(key[0]) and len(self.weighing.read[number]) != 1):
            return None
        return Copied(*key, None if event.of is None else self.numbers.get(event.of), event.name.strip("_"))

    def _has(self, name: str) -> bool:
        """Whether that is an input, which who called the module has."""
        return name in self.run.inputs

    def _named(self, ref: Ref) -> tuple[str, int] | None:
        """The output of a node by the name that it has now, or an input."""
        name = self.now.get(ref.node, ref.node if self._has(ref.node) else "")
        return (name, ref.output) if name else None

    def _reads(self) -> dict[tuple[str, str, int], int]:
        """Which copies nodes read."""
        found: dict[tuple[str, str, int], int] = {}
        for (node, ref), number in self.run.tracer.recording.holding.versions.items():
            if number in self.numbers and node in self.now and (key := self._named(ref)) is not None:
                found[self.now[node], *key] = self.numbers[number]
        return found

    def _originals(self) -> dict[tuple[str, int], int | None]:
        """What was copied, and until when the code has it."""
        found: dict[tuple[str, int], int | None] = {}
        for number in self.numbers:
            event = self.events[number]
            if event.copied is not None and event.of is None and (key := self._named(event.copied)) is not None:
                found.update({} if self._has(key[0]) else {key: self.weighing.read[number][0].gone})
        return found

    def _after(self, every: Sequence[Constant], moments: Mapping[str, int]) -> dict[tuple[str, int], int | None]:
        """What layers made, and until when the code has it, where it makes tensors after the last of them."""
        found: dict[tuple[str, int], int | None] = {}
        over, facts = max(moments.values(), default=0), self.run.tracer.recording.nodes.facts
        events = enumerate(self.events if any(each.made > over for each in every) else ())
        for number, nodes in ((number, event.nodes) for number, event in events if event.nodes):
            late = [each for each in self.by_event.get(number, ()) if each.gone is None or each.gone > over]
            names = [self.now[name] for name in self._had(nodes[-1])]
            alone = len(facts[nodes[-1]].outputs) == 1 and all([*self.now.values()].count(name) == 1 for name in names)
            if len(late) == 1 and alone:
                found.update(((name, 0), late[0].gone) for name in names)
            elif late:
                self.unknown = self.unknown or _AFTER
        return found

    def _had(self, name: str) -> list[str]:
        """Of a node, and dropout after it, which makes no tensor of its own at inference, those that the code has yet.

        Where nothing drops what the node made, the memory of it is all that tells.
        """
        nodes = self.run.tracer.recording.nodes.nodes
        found = [name]
        for node in nodes:
            if "drop" in node.layer.type and node.inputs[0] == Ref(found[-1]):
                found.append(node.name)
        lasts = self.run.tracer.recording.values.lasts
        return found if len(found) == 1 else [each for each in found if lasts.get(Ref(each), 0) == len(nodes)]

    def _ends(self) -> dict[tuple[str, int], int]:
        """Which copies the module gives."""
        found: dict[tuple[str, int], int] = {}
        for ref, number in self._given():
            if number in self.numbers and (key := self._named(ref)) is not None:
                found[key] = self.numbers[number]
        return found

    def _given(self) -> set[tuple[Ref, int | None]]:
        """What the module gives, and by which call it was copied."""
        recording = self.run.tracer.recording
        given = [(recording.values.ref(each), memory_of(each)) for each in tensors_in(self.run.result)]
        return {(ref, recording.holding.version(ref, memory)) for ref, memory in given if ref is not None}

    def _mixed(self) -> bool:
        """Whether a node reads, or the module gives, a value and a copy of it."""
        given = self._given()
        return self.run.tracer.recording.holding.mixed or len({ref for ref, _ in given}) < len(given)

    def _moments(self) -> dict[str, int] | None:
        """When each node ran, by the name that it has now; None where the second run had other calls."""
        if len(self.events) != len(self.weighing.ends):
            return None
        nodes = self.run.tracer.recording.nodes.nodes
        moments = {
            name: end for event, end in zip(self.events, self.weighing.ends, strict=True) for name in event.nodes
        }
        for memory in self.weighing.memories:
            if id(memory) in self.placed:
                moments[self.placed[id(memory)].node] = memory.made
        taken = {ref.node for ref in self.placed.values()}  # repeated, say: it is known when
        for name, many in self.run.tracer.recording.learned.before.items():
            if many < len(nodes) and name in moments and name not in taken:
                moments[name] = min(moments[name], moments.get(nodes[many - 1].name, 0) if many else 0)
        for node in reversed(nodes):
            for ref in node.inputs:
                if ref.node in moments and node.name in moments:
                    moments[ref.node] = min(moments[ref.node], moments[node.name])
        now: dict[str, int] = {}
        for node in nodes:
            name = self.now[node.name]
            # What is written through a view becomes a node as it is read, and no call makes that.
            read = max((now[self.now[ref.node]] for ref in node.inputs if ref.node in self.now), default=0)
            now[name] = max(now.get(name, 0), moments.get(node.name, read))
        return now

    def _keeper(self, event: int) -> str:
        """The node of a call; of one that became none, the node of the learned value that it made."""
        nodes = self.events[event].nodes
        name = nodes[-1] if nodes else self.placed_in.get(event, "")
        return self.now.get(name, "")

    def _lasts(self, order: Sequence[str], moments: Mapping[str, int]) -> dict[Ref, str]:
        found: dict[Ref, str] = {}
        for memory in self.weighing.memories:
            ref = self.placed.get(id(memory))
            if ref is not None:
                has = [name for name in order if memory.gone is None or moments[name] < memory.gone]
                found[Ref(self.now[ref.node], ref.output)] = has[-1] if has else order[0]
        return found


__all__ = ["Weighed", "weighed"]
