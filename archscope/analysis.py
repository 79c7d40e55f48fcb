"""Ask each layer for its facts, in order; fold them into the rows of a table; total them.

>>> from archscope.reader import load
>>> analysis = analyze(load("lenet5"))
>>> analysis["C3"].parameters, analysis["C3"].connections
(1516, 151600)
>>> analysis["C3"].working("connections")
'(5·5·60 + 16)·10·10'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from archscope.errors import NotFound, did_you_mean
from archscope.flow import Field, Lost, crossing_values, fields_of, peak_values, values_of
from archscope.layers.base import NOTHING, Facts, Shape, Weight
from archscope.network import COUNTS as COUNTS
from archscope.network import Network, Node
from archscope.patience import without_collector
from archscope.precision import DTYPE_BYTES, stored_bytes
from archscope.record import EMPTY, Record
from archscope.working import Count, count, subtotal, total

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
    shared: frozenset[str] = frozenset()
    reasons: Mapping[str, str] = EMPTY

    @property
    def node(self) -> Node:
        """The node that gives the row its name and type."""
        return self.nodes[0]

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
            if node.name not in self.shared
            for weight in facts.weights
        )

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

    @cached_property
    def parameters(self) -> Count:
        """Trainable values."""
        return total(facts.parameters for facts in self._owned())

    @cached_property
    def fixed(self) -> Count:
        """Values held but not trained."""
        return total(facts.fixed for facts in self._owned())

    @cached_property
    def connections(self) -> Count | None:
        """Weighted input lines of all units, bias lines and lines into the padding included."""
        return _sum_known(facts.connections for facts in self.facts)

    @cached_property
    def connections_in_bounds(self) -> Count | None:
        """Connections without the lines into the padding."""
        return _sum_known(facts.connections_in_bounds for facts in self.facts)

    @cached_property
    def macs(self) -> Count | None:
        """Multiply-accumulates of convolutions and matrix products."""
        return _sum_known(facts.macs for facts in self.facts)

    @cached_property
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

    @cached_property
    def macs_in_bounds(self) -> Count | None:
        """MACs without padding taps."""
        return _sum_known(facts.macs_in_bounds for facts in self.facts)

    @cached_property
    def flops(self) -> Count | None:
        """2 · MACs."""
        return None if self.macs is None else count(2) * self.macs if self.macs else NOTHING

    @cached_property
    def units(self) -> Count:
        """Output values, if it holds weights."""
        return total(facts.units for facts in self.facts)

    @cached_property
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

    def _owned(self) -> Iterator[Facts]:
        return (f for node, f in zip(self.nodes, self.facts, strict=True) if node.name not in self.shared)


class Totals(Record):
    """The numbers of a whole network; ``None`` where a layer's is not covered, with the reason.

    The parameters of a module that was read are all that it holds, those too that nothing used. Where ``macs`` is None,
    ``macs_at_least`` is the sum of what is known, and ``not_covered`` names what is not.
    """

    parameters: Count
    fixed: Count
    connections: Count | None
    connections_in_bounds: Count | None
    macs: Count | None
    macs_in_bounds: Count | None
    flops: Count | None
    units: Count
    dense_equivalent: Count
    reasons: Mapping[str, str] = EMPTY
    macs_at_least: Count = NOTHING
    not_covered: Mapping[str, int] = EMPTY

    def count_of(self, quantity: str) -> Count | None:
        """One of `COUNTS` by name."""
        value: Count | None = getattr(self, quantity)
        return value


class Towers(Record):
    """How a network is spread over towers.

    Attributes:
        parameters: trainable values on each tower.
        shared_parameters: trainable values of layers on no tower.
        crossing: values one tower computes and another needs, by the layer that needs them.
    """

    parameters: Mapping[str, Count]
    shared_parameters: Count
    crossing: Mapping[str, Count]


class Analysis(Record):
    """Every number about a network, each worked out when it is first asked for."""

    network: Network

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The layers of the spec, each with its activation and its copies on towers folded in."""
        members: dict[str, list[Node]] = {}
        for node in self.network.nodes:
            members.setdefault(node.row, []).append(node)
        row_of = {node.name: node.row for node in self.network.nodes}
        with without_collector():
            return tuple([self._row(name, nodes, row_of) for name, nodes in members.items()])

    @cached_property
    def nodes(self) -> tuple[Row, ...]:
        """Every node, as a row of its own."""
        return tuple([self._row(node.name, [node], {}) for node in self.network.nodes])

    @cached_property
    def totals(self) -> Totals:
        """The numbers of the whole network."""
        sums: dict[str, Count | None] = {}
        reasons: dict[str, str] = {}
        with without_collector():
            for quantity in COUNTS:
                counts = [*(row.count_of(quantity) for row in self.rows), *self._unused(quantity)]
                if None not in counts:
                    sums[quantity] = subtotal(each for each in counts if each is not None)
                    continue
                first = self.rows[counts.index(None)]
                sums[quantity] = None
                reasons[quantity] = f"`{first.name}` is not covered: {first.reason(quantity)}"
            known = subtotal(row.macs_at_least for row in self.rows)
        unknown = sum((Counter(row.not_covered) for row in self.rows), Counter[str]())
        return Totals(**sums, reasons=reasons, macs_at_least=known, not_covered=unknown)  # type: ignore[arg-type]

    def _unused(self, quantity: str) -> Iterator[Count]:
        """What a module holds and no row does, of a quantity."""
        seen = self.network.observed
        if seen is not None and quantity in ("parameters", "fixed"):
            yield from (count(each.values) for each in seen.unused if each.trainable is (quantity == "parameters"))

    @cached_property
    def towers(self) -> Towers | None:
        """How it is spread over towers, if it is."""
        if not self.network.towers:
            return None
        placed: dict[str | None, list[Count]] = {tower: [] for tower in (*self.network.towers, None)}
        for row in self.nodes:
            placed[row.node.tower].append(row.parameters)
        held = {tower: subtotal(placed[tower]) for tower in self.network.towers}
        return Towers(held, subtotal(placed[None]), crossing_values(self.network))

    @property
    def name(self) -> str:
        """The network's name."""
        return self.network.name

    @property
    def title(self) -> str:
        """The network's title."""
        return self.network.title or self.network.name

    @property
    def input(self) -> Shape:
        """The shape of the first network input."""
        return next(iter(self.network.inputs.values()))

    def _repr_html_(self) -> str:
        """The table that a notebook shows; nothing else here knows that there are formats."""
        from archscope.formats.html import fragment

        return fragment(self)

    def __getitem__(self, name: str) -> Row:
        """A row, or a node, by name.

        Raises:
            NotFound: there is none of that name.
        """
        found = self._by_name.get(name)
        if found is None:
            names = [row.name for row in self.rows]
            raise NotFound(f"{self.name} has no layer `{name}`; {did_you_mean(name, names, what='layers')}")
        return found

    def _row(self, name: str, members: Sequence[Node], row_of: Mapping[str, str]) -> Row:
        """One row of some nodes; ``row_of`` gives the names under which the others appear."""
        network = self.network
        inside = {node.name for node in members}
        read = {ref.node for node in members for ref in node.inputs}
        entering = [ref.node for node in members for ref in node.inputs if ref.node not in inside]
        ends = [node.name for node in members if node.name not in read]
        facts = tuple([network.facts[node.name] for node in members])
        reasons = {quantity: reason for each in facts for quantity, reason in each.reasons.items()}
        seen = self._seen[ends[0]]
        if isinstance(seen, Lost):
            above = "" if seen.at in inside else f"lost at `{row_of.get(seen.at, seen.at)}`: "
            reasons["receptive_field"] = above + seen.why
        return Row(
            name=name,
            type=members[0].layer.type,
            inputs=tuple(dict.fromkeys(row_of.get(each, each) for each in entering)),
            input_shapes=facts[0].inputs,
            outputs=_joined([network.facts[end].outputs for end in ends]),
            nodes=tuple(members),
            facts=facts,
            seen=None if isinstance(seen, Lost) else seen,
            shared=frozenset([node.name for node in members if node.shares is not None]),
            reasons=reasons,
        )

    @cached_property
    def _seen(self) -> Mapping[str, Field | Lost]:
        return fields_of(self.network)

    @cached_property
    def _by_name(self) -> Mapping[str, Row]:
        return {row.name: row for row in (*self.nodes, *self.rows)}

    def weight_bytes(self, dtype: str | None = None) -> int:
        """Bytes of all weights, trainable and fixed, a shared one once; in their own types, if no other is named."""
        if dtype is not None:
            return (int(self.totals.parameters) + int(self.totals.fixed)) * DTYPE_BYTES[dtype]
        return sum(stored_bytes(each.values, each.dtype) for each in self._held)

    @property
    def weight_types(self) -> tuple[str, ...]:
        """PyTorch's names of the types of the weights, those of most values first; float32 where nothing is said."""
        values: Counter[str] = Counter()
        for each in self._held:
            values[each.dtype or "float32"] += each.values
        return tuple(name for name, _ in values.most_common()) or ("float32",)

    @cached_property
    def _held(self) -> tuple[Weight, ...]:
        unused = () if self.network.observed is None else self.network.observed.unused
        return (*(weight for row in self.rows for _, weight in row.weights), *unused)

    def peak_activation_bytes(self, dtype: str = "float32", batch: int = 1) -> int:
        """Most bytes of activations alive at once in a forward pass without gradients.

        A value is alive from the layer that makes it to the last that reads it; layers that only see their
        input differently (flatten, reshape, dropout at inference) take no memory of their own.
        """
        return peak_values(self.network) * DTYPE_BYTES[dtype] * batch


def analyze(network: Network) -> Analysis:
    """Work out every number about a network.

    >>> from archscope.reader import load
    >>> analyze(load("lenet5"))["C1"].parameters
    156
    """
    return Analysis(network)


def _joined(outputs: Sequence[tuple[Shape, ...]]) -> tuple[Shape, ...]:
    """The outputs of a layer's copies on its towers, joined along the channels."""
    if len(outputs) == 1:
        return outputs[0]
    return tuple((total(shape[0] for shape in copies), *copies[0][1:]) for copies in zip(*outputs, strict=True))


def _sum_known(counts: Iterable[Count | None]) -> Count | None:
    known: list[Count] = []
    for each in counts:
        if each is None:
            return None
        known.append(each)
    return total(known)
