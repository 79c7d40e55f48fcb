"""Networks that differ in options and not in form, worked out without reading their spec again for each.

A spec is read in full for the first network of a form, and for each new value of what touches some of its lines. What
those lines became is remembered; the next network is put together from what is remembered, and each layer is asked for
its facts as `archscope.network.propagate` does, once for each shape that reaches it. The numbers are those of the
layers' rules and of `archscope.rows.Row`; nothing here knows how to count.

Where a network has another form (other layers, other names, other wires), where lines hang on shapes (``$in``, ``when:
changes``), or where weights are shared with other shapes, the spec is read for each network, which is slower and
always right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from archscope.analysis import Analysis
from archscope.errors import ArchscopeError, Rejects
from archscope.layers.base import Facts, Layer, Shape, values_in
from archscope.limits import MOST_SHAPE_VALUES
from archscope.network import Network
from archscope.reader.touching import INPUT, Outline, line_of, outline
from archscope.rows import Row

MOST_REMEMBERED: Final = 200_000
"""Facts that one form of a network remembers before it begins afresh; some hundred megabytes."""

_MOST_FORMS: Final = 64
_NUMBER: Final = re.compile(r"0|[1-9]\d{0,8}")
_EXTENTS: Final = re.compile(r"[1-9]\d{0,8}(,[1-9]\d{0,8})*")

Settings = tuple[str | None, ...]
Read = Callable[[Settings], Network]
Lines = tuple[Mapping[str, Shape] | None, tuple[Layer, ...]]
"""What some lines have become: the inputs of the network, if they are among them, and layers."""


class Misfit(ArchscopeError):
    """A layer does not take what reaches it; the message is the one of the reader."""


class Sums:
    """A network that was put together: sums that are ready, and the whole of it for whoever asks for more."""

    def __init__(self, counts: Mapping[str, int], network: Callable[[], Network]) -> None:
        self.counts, self.network = counts, network


class Form:
    """Every network of one form: the same layers, names and wires.

    Args:
        network: the first of them.
        keys: what is set.
        written: the spec.
        groups: which settings say what becomes of which lines, each with the lines.
        counts: the sums that are asked for, of `archscope.network.COUNTS`.
    """

    def __init__(
        self,
        network: Network,
        keys: Sequence[str],
        written: Outline,
        groups: Sequence[tuple[tuple[int, ...], frozenset[str]]],
        counts: Sequence[str],
    ) -> None:
        self.network = network
        self.names = tuple(keys)
        self.written = written
        self.counts = tuple(counts)
        self.shape = _form(network)
        lines = frozenset(line for _, those in groups for line in those)
        stands = [line_of(node.row, lines) for node in network.nodes]
        self.groups = tuple(
            (keys, INPUT in those, tuple(at for at, line in enumerate(stands) if line in those))
            for keys, those in groups
        )
        self.known: list[dict[Settings, Lines]] = [{} for _ in groups]
        place = {node.name: at for at, node in enumerate(network.nodes)}
        self.reads = [[(place.get(ref.node, -1), ref.node, ref.output) for ref in node.inputs]
                      for node in network.nodes]  # fmt: skip
        self.layers: list[Layer] = [node.layer for node in network.nodes]
        self._same: dict[Layer, Layer] = {}
        self._facts: list[dict[tuple[int, tuple[Shape, ...]], Facts | str]] = [{} for _ in network.nodes]
        types = {node.row: node.layer.type for node in reversed(network.nodes)}
        self._titles = [f"`{node.row}` ({types[node.row]})" for node in network.nodes]
        self._rows = [(row, tuple(place[node.name] for node in row.nodes)) for row in Analysis(network).rows]
        self._sums: list[dict[tuple[int, ...], tuple[int, ...] | None]] = [{} for _ in self._rows]
        self._held = 0

    def takes(self, network: Network) -> bool:
        """Whether a network has this form."""
        return _form(network) == self.shape

    def remember(self, settings: Settings, network: Network) -> None:
        """Keep what the lines have become in a network of this form."""
        for (keys, given, places), known in zip(self.groups, self.known, strict=True):
            layers = tuple(self._one(network.nodes[at].layer) for at in places)
            self._held += 1
            known[tuple(settings[key] for key in keys)] = (network.inputs if given else None, layers)

    def _one(self, layer: Layer) -> Layer:
        """The first layer that is equal, so that equal ones are known by their identity."""
        return self._same.setdefault(layer, layer)

    def unknown(self, settings: Settings) -> list[int]:
        """The groups of settings that have not been seen."""
        if self._held > MOST_REMEMBERED:
            self._forget()
        found = []
        for at, ((keys, given, places), known) in enumerate(zip(self.groups, self.known, strict=True)):
            own = tuple([settings[key] for key in keys])
            if own not in known:
                made = (
                    self._given(keys, own)
                    if given and not places
                    else None
                    if given
                    else self._rebuilt(keys, own, places)
                )
                if made is None:
                    found.append(at)
                else:
                    known[own] = made
                    self._held += 1
        return found

    def _rebuilt(self, keys: Sequence[int], own: Settings, places: Sequence[int]) -> Lines | None:
        """What a line becomes whose own options are whole numbers; None where the reader has to look at the spec."""
        line, options = "", dict[str, int]()
        for key, text in zip(keys, own, strict=True):
            place, _, option = self.names[key].rpartition(".")
            if text is None or not _NUMBER.fullmatch(text) or line not in ("", place):
                return None
            line, options[option] = place, int(text)
        nodes = [self.network.nodes[at] for at in places]
        layer = self.written.layer(line, options) if all(node.row == line for node in nodes) else None
        if layer is None:
            return None
        old = next(node.layer for node in nodes if not node.folded)
        if layer.type != old.type or layer.output_names != old.output_names:
            return None
        return None, tuple(self.layers[at] if node.folded else self._one(layer)
                           for at, node in zip(places, nodes, strict=True))  # fmt: skip

    def _given(self, keys: Sequence[int], own: Settings) -> Lines | None:
        """The inputs of shapes in plain numbers; None where the reader has to look at them."""
        made = dict(self.network.inputs)
        for key, text in zip(keys, own, strict=True):
            place, _, name = self.names[key].partition(".")
            name = name or next(iter(made))
            if (
                text is None
                or place != INPUT  # a name of let, which is one of the numbers of a shape
                or not _EXTENTS.fullmatch(text)
                or name not in made
                or (len(made) > 1 and self.names[key] == INPUT)
            ):
                return None
            shape = tuple(map(int, text.split(",")))
            if len(shape) != len(made[name]) or values_in(shape) > MOST_SHAPE_VALUES:
                return None
            made[name] = shape
        return made, ()

    def sums(self, settings: Settings) -> Sums | None:
        """The sums of a network that can be put together; None where it has to be read after all.

        Raises:
            Misfit: a layer does not take what reaches it.
        """
        inputs, layers = self.network.inputs, [*self.layers]
        for (keys, _, places), known in zip(self.groups, self.known, strict=True):
            now, changed = known[tuple([settings[key] for key in keys])]
            inputs = inputs if now is None else now
            for at, layer in zip(places, changed, strict=True):
                layers[at] = layer
        facts = self._propagated(inputs, layers)
        totals = self._totals(facts)
        return None if totals is None else Sums(totals, lambda: self._whole(inputs, layers, facts))

    def _propagated(self, inputs: Mapping[str, Shape], layers: Sequence[Layer]) -> list[Facts]:
        found: list[Facts] = []
        for at, (layer, reads) in enumerate(zip(layers, self.reads, strict=True)):
            shapes = tuple([found[node].outputs[output] if node >= 0 else inputs[name] for node, name, output in reads])
            known = self._facts[at].get((id(layer), shapes))
            if known is None:
                known = self._asked(at, layer, shapes)
            if isinstance(known, str):
                raise Misfit(known)
            found.append(known)
        return found

    def _asked(self, at: int, layer: Layer, shapes: tuple[Shape, ...]) -> Facts | str:
        """The facts of a layer, or why it does not take the shapes."""
        made: Facts | str
        try:
            made = layer.facts(*shapes)
        except Rejects as error:
            made = f"{self._titles[at]}: {error.message}"
        self._held += 1
        self._facts[at][id(layer), shapes] = made
        return made

    def _totals(self, facts: Sequence[Facts]) -> dict[str, int] | None:
        """The sums over the rows; None where a number is not covered, and the reason has to be found."""
        sums: list[tuple[int, ...]] = []
        for known, (row, places) in zip(self._sums, self._rows, strict=True):
            own = tuple([id(facts[at]) for at in places])
            if own not in known:
                known[own] = _counted(row.replace(facts=tuple(facts[at] for at in places)), self.counts)
            counted = known[own]
            if counted is None:
                return None
            sums.append(counted)
        return dict(zip(self.counts, map(sum, zip(*sums, strict=True)), strict=True))

    def _whole(self, inputs: Mapping[str, Shape], layers: Sequence[Layer], facts: Sequence[Facts]) -> Network:
        """The network itself, for numbers that are no sums."""
        old = self.network.nodes
        nodes = [
            node if node.layer is layer else node.replace(layer=layer)
            for node, layer in zip(old, layers, strict=True)
        ]  # fmt: skip
        by_name = {node.name: each for node, each in zip(old, facts, strict=True)}
        return self.network.replace(nodes=nodes, inputs=inputs, facts=by_name)

    def _forget(self) -> None:
        """Begin afresh: what is remembered must not grow with the sweep."""
        self._held = 0
        self._same.clear()
        self.known = [{} for _ in self.known]
        self._facts = [{} for _ in self._facts]
        self._sums = [{} for _ in self._sums]


def _counted(row: Row, counts: Sequence[str]) -> tuple[int, ...] | None:
    found = [row.count_of(each) for each in counts]
    return None if None in found else tuple(int(each) for each in found if each is not None)


def _form(network: Network) -> tuple[Any, ...]:
    """All of a network but its options and its numbers."""
    nodes = tuple((node.name, node.inputs, node.row, node.group, node.tower, node.folded, node.layer.type)
                  for node in network.nodes)  # fmt: skip
    return nodes, network.outputs, {name: len(shape) for name, shape in network.inputs.items()}


class Variations:
    """One spec with any settings of some keys.

    Args:
        text: the spec.
        variant: of it.
        keys: what is set.
        read: reads it with settings, in full.
        counts: the sums that are asked for.
    """

    def __init__(self, text: str, variant: str | None, keys: Sequence[str], read: Read, counts: Sequence[str]) -> None:
        self.read = read
        self.counts = counts
        self._keys = keys
        self._written = outline(text, variant)
        self._lines = [] if self._written is None else [self._written.touched(key) for key in keys]
        self._forming: set[int] = set()
        self._groups: list[tuple[tuple[int, ...], frozenset[str]]] = []
        self._forms: dict[Settings, Form] = {}
        self._regroup()

    def sums(self, settings: Settings) -> Sums | Network:
        """The sums of the network with these settings, or the network where they are not ready.

        Raises:
            ArchscopeError: there is no such network; says why.
        """
        if self._written is None:
            return self.read(settings)
        own = tuple([settings[key] for key in sorted(self._forming)])
        form = self._forms.get(own)
        if form is None:
            return self._first(own, settings, self._written)
        unknown = form.unknown(settings)
        if not unknown:
            return form.sums(settings) or self.read(settings)
        network = self.read(settings)
        if form.takes(network):
            form.remember(settings, network)
        else:  # one of these settings, or several, decide about the form
            self._forming |= {key for at in unknown for key in self._groups[at][0]}
            self._regroup()
        return network

    def _first(self, own: Settings, settings: Settings, written: Outline) -> Network:
        network = self.read(settings)
        if network.observed or network.vocabularies or any(node.shares for node in network.nodes):
            self._written = None
            return network
        if len(self._forms) >= _MOST_FORMS:
            self._forms.clear()
        self._forms[own] = form = Form(network, self._keys, written, self._groups, self.counts)
        form.remember(settings, network)
        return network

    def _regroup(self) -> None:
        """Settings that touch a line together, or the same line one after another, belong together."""
        self._forms.clear()
        groups: list[tuple[tuple[int, ...], frozenset[str]]] = []
        for key, lines in enumerate(self._lines):
            if key in self._forming:
                continue
            joined = [each for each in groups if each[1] & lines]
            groups = [each for each in groups if each not in joined]
            groups.append((
                (*(one for each in joined for one in each[0]), key),
                lines.union(*(each[1] for each in joined)),
            ))  # fmt: skip
        self._groups = groups
