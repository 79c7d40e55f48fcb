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
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archscope.errors import NotFound, UsageError, did_you_mean
from archscope.escaping import line
from archscope.flow import Field, Lost, crossing_values, fields_of
from archscope.layers.base import NOTHING, Shape, Weight
from archscope.network import COUNTS as COUNTS
from archscope.network import Network, Node
from archscope.patience import without_collector
from archscope.precision import DTYPE_BYTES as DTYPE_BYTES
from archscope.precision import stored_bytes
from archscope.record import EMPTY, Record
from archscope.rows import Row as Row
from archscope.stages import Stage, rows_at, stage
from archscope.symbols import Ground
from archscope.working import Count, count, subtotal, total

if TYPE_CHECKING:
    from archscope.memory import Held, Memory


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

    def __repr__(self) -> str:
        known = "MACs not covered" if self.macs is None else f"{self.macs:,} MACs"
        return f"<archscope totals: {self.parameters:,} parameters, {known}>"

    def _repr_html_(self) -> str:
        """The numbers, which is what a notebook shows of them."""
        from archscope.formats.html import totals

        return totals(self)

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
    """Every number about a network, each worked out when it is first asked for.

    Where extents are left open, ``ground`` says for which sizes the formulas hold; see `symbolic`.
    """

    network: Network
    ground: Ground | None = None

    def symbolic(self, *names: str) -> Analysis:
        """The same with symbols in the place of some numbers: every count is a formula in them.

        Args:
            names: ``batch``, an axis of the input such as ``length``, ``height`` or ``resolution``, ``cached`` for one
                more token while so many are cached, an option such as ``C1.out_channels``, or a name of the spec's
                ``let``.

        Raises:
            UsageError: there is no such number to open; a layer cannot be worked out with it open.

        >>> from archscope.reader import load
        >>> analysis = analyze(load("lenet5")).symbolic("C1.out_channels")
        >>> str(analysis["C1"].parameters), analysis["C1"].parameters.at(**{"C1.out_channels": 6})
        ('26·C1.out_channels', 156)
        """
        from archscope.formulas import opened

        return Analysis(*opened(self.network, names))

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
            whole = sums["macs"]
            known = subtotal(row.macs_at_least for row in self.rows) if whole is None else whole
        unknown: Counter[str] = Counter()
        for row in () if whole is not None else self.rows:
            unknown.update(row.not_covered)
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

    def __repr__(self) -> str:
        return (
            f"<archscope analysis of {line(self.name)}: {len(self.rows)} rows, {self.totals.parameters:,} parameters>"
        )

    def _repr_html_(self) -> str:
        """The table that a notebook shows; nothing else here knows that there are formats."""
        from archscope.formats.html import fragment

        return fragment(self)

    def __getitem__(self, name: str) -> Row:
        """A row, or a node, by name.

        Raises:
            NotFound: there is none of that name.
        """
        found = self._by_name.get(name) or self._stage(name)
        if found is None:
            names = [*(row.name for row in self.rows), *(".".join(path) for path in self.network.groups)]
            raise NotFound(f"{self.name} has no layer `{name}`; {did_you_mean(name, names, what='layers')}")
        return found

    def at(self, depth: int) -> tuple[Row, ...]:
        """The rows with every group at a depth as one row, 1 for the outermost; equal groups in series as one.

        Raises:
            UsageError: the depth is below 1.
        """
        if depth < 1:
            raise UsageError(f"a depth of {depth} shows nothing; use 1 or more")
        with without_collector():
            return rows_at(self.network, self.rows, depth)

    def stage(self, path: tuple[str, ...]) -> Stage:
        """A group as one row.

        Raises:
            NotFound: no layer stands in it.
        """
        if path not in self._held:
            raise NotFound(f"{self.name} has no group `{'/'.join(path)}`")
        return stage(self.network, path, self._held[path])

    @cached_property
    def _held(self) -> Mapping[tuple[str, ...], list[Row]]:
        """The rows of every group."""
        held: dict[tuple[str, ...], list[Row]] = {}
        for row in self.rows:
            for depth in range(1, len(row.group) + 1):
                held.setdefault(row.group[:depth], []).append(row)
        return held

    def _stage(self, name: str) -> Stage | None:
        path = tuple(name.split("."))
        return self.stage(path) if path in self._held else None

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
            shared=frozenset([each for node in members for each in _another(network, node)]),
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
            return (self.totals.parameters + self.totals.fixed) * DTYPE_BYTES[dtype]
        return sum(
            stored_bytes(each.values, each.dtype) if each.stored is None else each.stored for each in self._weights_held
        )

    @property
    def weight_types(self) -> tuple[str, ...]:
        """PyTorch's names of the types of the weights, those of most values first; float32 where nothing is said."""
        values: Counter[str] = Counter()
        for each in self._weights_held:
            values[each.dtype or "float32"] += each.values
        return tuple(name for name, _ in values.most_common()) or ("float32",)

    @property
    def apart(self) -> int:
        """How many weights take other bytes than their values do one by one: they are sparse, or packed."""
        return sum(each.stored is not None for each in self._weights_held)

    @cached_property
    def _weights_held(self) -> tuple[Weight, ...]:
        unused = () if self.network.observed is None else self.network.observed.unused
        return (*(weight for row in self.rows for _, weight in row.weights), *unused)

    def peak_activation_bytes(self, dtype: str = "", batch: int = 1) -> int:
        """Most bytes of activations alive at once in a forward pass without gradients.

        A value is alive from the layer that makes it to the last that reads it; layers that only see their
        input differently (flatten, reshape, dropout at inference) take no memory of their own; what a layer holds
        meanwhile, beyond what it reads and makes, is in it. A lower bound where `memory` does not cover a layer.
        """
        from archscope.memory import activations

        if (dtype, batch) == ("", 1):
            return self._activations[0]
        return activations(self.network, batch, dtype)[0]

    @property
    def holds_unknown(self) -> Mapping[str, str]:
        """Layers of which no rule says what they hold, and why: with them `peak_activation_bytes` is a lower bound."""
        return self._activations[1]

    @cached_property
    def _activations(self) -> tuple[int, Mapping[str, str]]:
        """Of one sample in its own type, which every page says: both of the above in one walk."""
        from archscope.memory import activations

        return activations(self.network, 1, "")

    @property
    def runs_in(self) -> str:
        """What a forward pass runs in, in words: the type of the weights, if they are all in one."""
        from archscope.memory.trained import own_type, own_types

        return own_type(self.network) if len(own_types(self.network)) < 2 else "its own types"

    def held(self, *, optimizer: str | None = None, dtype: str = "", autocast: str | None = None) -> Held:
        """What is held after the forward pass of a step of training: formulas where numbers are open.

        >>> from archscope.reader import load
        >>> str(analyze(load("lenet5")).symbolic("batch").held().saved)
        '117,408·batch + 6,960'
        """
        from archscope.memory import after_forward

        return after_forward(self.network, optimizer=optimizer, dtype=dtype, autocast=autocast)

    def memory(self, batch: int = 1, **request: Any) -> Memory:
        """What it holds phase by phase, by the rules alone; see `archscope.memory.memory`.

        What a module's own code holds between layers no rule knows all of: `archscope memory` and `archscope.verify`
        send PyTorch's tracker through the module too.
        """
        from archscope.memory import memory

        return memory(self.network, batch, **request)


def analyze(network: Network) -> Analysis:
    """Work out every number about a network.

    >>> from archscope.reader import load
    >>> analyze(load("lenet5"))["C1"].parameters
    156
    """
    return Analysis(network)


def _another(network: Network, node: Node) -> Iterator[tuple[str, str]]:
    """The weights of a node that are those of the one it shares with: of the same name there."""
    if node.shares is not None:
        theirs = {weight.name for weight in network.facts[node.shares].weights}
        yield from ((node.name, each.name) for each in network.facts[node.name].weights if each.name in theirs)


def _joined(outputs: Sequence[tuple[Shape, ...]]) -> tuple[Shape, ...]:
    """The outputs of a layer's copies on its towers, joined along the channels."""
    if len(outputs) == 1:
        return outputs[0]
    return tuple((total(shape[0] for shape in copies), *copies[0][1:]) for copies in zip(*outputs, strict=True))
