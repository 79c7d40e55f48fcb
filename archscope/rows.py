"""`Row`: one line of an analysis, a layer with its activation and its copies on towers folded in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from archscope.escaping import line
from archscope.flow import Field, values_of
from archscope.layers.base import NOTHING, Facts, Shape, Weight, spell_shapes
from archscope.network import Node
from archscope.precision import DTYPE_BYTES
from archscope.record import EMPTY, Record, lazily
from archscope.working import Count, as_count, count, total

_FOLLOWS: Final = {
    "flops": "macs",
    "macs_in_bounds": "macs",
    "connections_in_bounds": "connections",
    "jump": "receptive_field",
    "start": "receptive_field",
}


class Row(Record):
    """One line of an analysis: a layer of the spec with its activation folded in, or a single node.

    Its numbers are those of its nodes added up; its outputs those of the last one, joined along the
    channels where the layer stands on several towers.
    """

    name: str
    type: str
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    nodes: tuple[Node, ...]
    facts: tuple[Facts, ...]
    seen: Field | None
    shared: frozenset[tuple[str, str]] = frozenset()
    reasons: Mapping[str, str] = EMPTY

    def __repr__(self) -> str:
        shapes = spell_shapes(self.outputs)
        return f"<archscope row {line(self.name)}: {line(self.label)}, output {shapes}, {self.parameters:,} parameters>"

    def _repr_html_(self) -> str:
        """Its numbers and how they come about, which is what a notebook shows of it."""
        from archscope.formats.html import numbers

        return numbers(self)

    @property
    def node(self) -> Node:
        """The node that gives the row its name and type."""
        return self.nodes[0]

    @property
    def label(self) -> str:
        """Its type, kernel, stride and groups in a few words: ``depthwise conv 3×3`` where it is one."""
        return self.node.layer.label_here(self.facts[0])

    @property
    def shown(self) -> str:
        """What a table calls it."""
        return self.name

    @property
    def kernel(self) -> tuple[int, ...] | None:
        """The window it slides."""
        return self.node.layer.kernel

    @property
    def output(self) -> Shape:
        """Shape of the (first) output."""
        return self.outputs[0]

    @property
    def activation(self) -> str | None:
        """The type of the activation that is folded in."""
        return next((node.layer.type for node in self.nodes if node.folded), None)

    @property
    def towers(self) -> tuple[str, ...]:
        """The towers it stands on."""
        return tuple(dict.fromkeys(node.tower for node in self.nodes if node.tower is not None))

    @property
    def group(self) -> tuple[str, ...]:
        """The block it belongs to, outermost first."""
        return self.node.group

    @property
    def weights(self) -> tuple[tuple[str, Weight], ...]:
        """``(node name, weight)`` of all it holds, those it shares with another layer left out."""
        return tuple(
            (node.name, weight)
            for node, facts in zip(self.nodes, self.facts, strict=True)
            for weight in facts.weights
            if (node.name, weight.name) not in self.shared
        )

    @property
    def shares(self) -> tuple[str, ...]:
        """The layers whose weights it uses."""
        return tuple(dict.fromkeys(node.shares for node in self.nodes if node.shares is not None))

    @property
    def receptive_field(self) -> tuple[int, ...] | None:
        """Input positions that reach one output value, an axis at a time."""
        return None if self.seen is None else self.seen.size

    @property
    def jump(self) -> tuple[int, ...] | None:
        """Input positions between the windows of neighbouring outputs."""
        return None if self.seen is None else self.seen.jump

    @property
    def start(self) -> tuple[int, ...] | None:
        """The first input position that the first output sees; negative inside the padding."""
        return None if self.seen is None else self.seen.start

    @lazily
    def parameters(self) -> Count:
        """Trainable values."""
        return total([facts.parameters for facts in self._owned()])

    @lazily
    def fixed(self) -> Count:
        """Values held but not trained."""
        return total(facts.fixed for facts in self._owned())

    @lazily
    def connections(self) -> Count | None:
        """Weighted input lines of all units, bias lines and lines into the padding included."""
        return _sum_known([facts.connections for facts in self.facts])

    @lazily
    def connections_in_bounds(self) -> Count | None:
        """Connections without the lines into the padding."""
        return _sum_known([facts.connections_in_bounds for facts in self.facts])

    @lazily
    def macs(self) -> Count | None:
        """Multiply-accumulates of convolutions and matrix products."""
        return _sum_known([facts.macs for facts in self.facts])

    @lazily
    def macs_at_least(self) -> Count:
        """What is known of the MACs, where not all are."""
        return total(facts.macs_at_least if facts.macs is None else facts.macs for facts in self.facts)

    @property
    def not_covered(self) -> Mapping[str, int]:
        """What has products that are not known, with how often it ran: operations, else the layer's type."""
        unknown: Counter[str] = Counter()
        for node, facts in zip(self.nodes, self.facts, strict=True):
            if facts.macs is None:
                unknown.update(dict(facts.not_covered) or {node.layer.type: 1})
        return unknown

    @lazily
    def macs_in_bounds(self) -> Count | None:
        """MACs without padding taps."""
        return _sum_known([facts.macs_in_bounds for facts in self.facts])

    @lazily
    def flops(self) -> Count | None:
        """2 · MACs."""
        return None if self.macs is None else count(2) * self.macs if self.macs else NOTHING

    @lazily
    def units(self) -> Count:
        """Output values, if it holds weights."""
        return total(facts.units for facts in self.facts)

    @lazily
    def dense_equivalent(self) -> Count:
        """Connections of an untied map from all its inputs; 0 without weights."""
        return total(facts.dense_equivalent for facts in self.facts)

    def activation_bytes(self, dtype: str = "float32") -> int:
        """Bytes of its outputs for one sample."""
        return sum(values_of(shape) for shape in self.outputs) * DTYPE_BYTES[dtype]

    def count_of(self, quantity: str) -> Count | None:
        """One of `COUNTS` by name."""
        value: Count | None = getattr(self, quantity)
        return value

    def reason(self, quantity: str) -> str | None:
        """Why a number is not covered; a number that follows from another has that one's reason."""
        return self.reasons.get(quantity) or self.reasons.get(_FOLLOWS.get(quantity, ""))

    def working(self, quantity: str) -> str | None:
        """The arithmetic of one of `COUNTS`, ``(5·5·1 + 1)·6``; None where it is not covered."""
        value = self.count_of(quantity)
        return None if value is None else value.working

    def _owned(self) -> Iterable[Facts]:
        """The facts of each node, without the weights that are another's."""
        return self._without_shared() if self.shared else self.facts

    def _without_shared(self) -> Iterator[Facts]:
        for node, facts in zip(self.nodes, self.facts, strict=True):
            own = tuple(weight for weight in facts.weights if (node.name, weight.name) not in self.shared)
            if len(own) == len(facts.weights):
                yield facts
            elif own:
                yield Facts(facts.inputs, facts.outputs, own)


def _sum_known(counts: Sequence[Count | None]) -> Count | None:
    if len(counts) == 1 and counts[0]:
        return as_count(counts[0])
    known: list[Count] = []
    for each in counts:
        if each is None:
            return None
        known.append(each)
    return total(known)
