"""`memory`: the phases of a step of training or of inference, what each holds, and which is the fullest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archscope.errors import NotFound, UsageError, did_you_mean
from archscope.losses import DEFAULT, loss_of
from archscope.memory.autocast import checked
from archscope.memory.groups import groups_of
from archscope.memory.leaps import Fullest
from archscope.memory.ledger import Adding, Moment
from archscope.memory.passes import Asked, Decided, Phase, Request, Went, decided, type_of, went
from archscope.memory.routes import Digits, Moments, Route, all_to_the_first, span
from archscope.memory.running import Run
from archscope.memory.written import as_it_runs, written_out
from archscope.network import Network, Node
from archscope.proofs import prove, settled
from archscope.record import EMPTY, Record


class Differing(Record):
    """What was said to be held, and what a tracker counted instead.

    Attributes:
        part: the part of a step, such as ``forward``.
        moment: ``after`` it, or at its fullest, ``most``.
        said: bytes by the rules.
        counted: bytes by the tracker.
    """

    part: str
    moment: str
    said: int
    counted: int


class Tracked(Record):
    """What PyTorch's memory tracker says of the module that a network was read from.

    Attributes:
        counted: bytes after each phase, and the most meanwhile, of tensors that have no values.
        differing: where that is not what the rules say.
        why: why it was not asked; empty if it was.
        batch: samples that ran at once.
    """

    counted: Mapping[str, tuple[int, int]] = EMPTY
    differing: tuple[Differing, ...] = ()
    why: str = ""
    batch: int = 1


class Memory(Record):
    """What a network holds, phase by phase.

    Attributes:
        network: the network.
        request: what was asked.
        phases: in their order.
        holders: who held what at the fullest moment of all: layer, kind, bytes, the most first.
        track: the fullest moment of each layer in each phase, in order.
        not_covered: layers without a rule, and why; where there are any, all numbers are "at least".
        decided: layers of which values decide what is held meanwhile, and why; see `Phase.ceiling`.
        tracked: what PyTorch's tracker says of the module itself; None where there is no module, or nobody asked.
    """

    network: Network
    request: Request
    phases: tuple[Phase, ...]
    holders: tuple[tuple[str, str, int], ...]
    track: tuple[Moment, ...]
    not_covered: Mapping[str, str] = EMPTY
    decided: Mapping[str, str] = EMPTY
    tracked: Tracked | None = None

    @property
    def at_most(self) -> int:
        """Bytes at the fullest moment of all, whatever values decide."""
        return max(phase.at_most for phase in self.phases)

    @property
    def peak(self) -> Phase:
        """The fullest phase, the first of several; where values decide, by the least that they make of each."""
        return max(self.phases, key=lambda phase: phase.most.total)

    def __getitem__(self, name: str) -> Phase:
        """A phase by name.

        Raises:
            NotFound: there is none of that name.
        """
        for phase in self.phases:
            if phase.name == name:
                return phase
        names = [phase.name for phase in self.phases]
        raise NotFound(f"no phase `{name}`; {did_you_mean(name, names, what='phases')}")


def differing(ours: Memory, counted: Mapping[str, tuple[int, int]]) -> tuple[Differing, ...]:
    """Where what a tracker counts after each phase, and at most in it, is not what is said.

    What is at least may be less than it, and what values decide is between the least and the most that they can make.
    """
    return tuple(
        Differing(phase.part, moment, said, there)
        for phase in ours.phases
        for moment, said, most, there in (
            ("after", phase.after.total, phase.after.total, counted[phase.name][0]),
            ("most", phase.most.total, phase.at_most, counted[phase.name][1]),
        )
        if not (said <= there if ours.not_covered else said <= there <= most)
    )


def memory(
    network: Network,
    batch: int = 1,
    *,
    dtype: str = "",
    optimizer: str | None = None,
    foreach: bool = False,
    checkpoint: Sequence[str] = (),
    autocast: str | None = None,
    loss: str = DEFAULT,
    as_tracked: bool = False,
    route: Route | None = None,
) -> Memory:
    """What a network holds in inference or, with an optimizer, in a step of training once its state is there.

    Args:
        network: any network.
        batch: samples that run at once.
        dtype: PyTorch's name of the type of weights and values; empty for the type that the weights are in.
        optimizer: ``sgd``, ``momentum``, ``adam`` or ``adamw``; None for inference.
        foreach: whether the optimizer changes all tensors at once.
        checkpoint: groups whose layers run again in the backward pass.
        autocast: ``bfloat16`` or ``float16``: the type that the forward pass runs in where PyTorch's autocast on a CPU
            has it so. Weights, gradients and state stay in float32.
        loss: what the backward pass starts from: ``sum``, the sum of each output; another of `LOSSES`, such as
            ``cross_entropy``; or ``none``, a gradient of the outputs' size that comes from outside.
        as_tracked: whether what a tracker of tensors without values sees is asked, not what runs; see `Operations`.
        route: how many rows each expert has, where that is known; else each phase is the least that values can make of
            it, and says how much it can be.

    Raises:
        UsageError: there is no such optimizer, type, loss or group; the weights are in another type already; the batch
            is below 1; autocast has nothing to cast; an output has no classes for the loss.
    """
    if batch < 1:
        raise UsageError(f"a batch of {batch} holds nothing; use 1 or more")
    if batch > 1 and network.observed is not None and network.observed.alone:
        raise UsageError(f"{network.name} takes one sample and no batch, so there is none of {batch:,}; use 1")
    network = as_it_runs(network, training=optimizer is not None)
    _runs(network, batch)
    dtype = type_of(network, dtype)
    request = Request(batch, dtype, optimizer, foreach, tuple(checkpoint), checked(autocast, dtype), loss_of(loss))
    runs = written_out(network)
    asked = Asked(runs, request, groups_of(runs, checkpoint), as_tracked)
    values = decided(asked) if route is None else None
    if values is None:
        run = asked.run(route or all_to_the_first)
        found, unknown = went(run, request), dict(run.not_covered)
    else:
        found, unknown = _least(asked, values)
    peak = max(found, key=lambda each: each.phase.most.total)
    holders = sorted(((layer, kind, size) for (layer, kind), size in peak.owners.items()), key=lambda each: -each[2])
    phases = tuple(each.phase for each in found)
    track = tuple(moment for each in found for moment in each.track)
    varies = any(phase.ceiling is not None for phase in phases)
    decides = values.digits.layers(runs) if varies and values is not None else {}
    return Memory(network, request, phases, tuple(holders), track, unknown, decides)


def _runs(network: Network, batch: int) -> None:
    """Refuse a batch of which a module that was read does not run."""
    seen = network.observed
    if seen is not None and seen.refuses and batch != seen.batch:
        raise UsageError(f"{network.name} stops where it is given {seen.batch + 1:,} samples instead of {seen.batch:,} "
                         f"({seen.refuses}), so there is no batch of {batch:,}; use {seen.batch:,}")  # fmt: skip


def _least(asked: Asked, values: Decided) -> tuple[tuple[Went, ...], dict[str, str]]:
    """The phases where values decide: each with the rows with which it holds the least, and the most that it can."""
    spans = values.spans()

    def through(name: str) -> tuple[tuple[Went, ...], Run]:
        rows = spans[name].rows
        run = asked.run(lambda node, *_: None if rows is None else rows[node.name])
        return went(run, asked.request), run

    found, run = through([*spans][-1])
    chosen: list[Went] = []
    for place, each in enumerate(found):
        span = spans.get(each.phase.name)
        if span is None or span.rows is None:
            chosen.append(each)
            continue
        least = each if each.phase.most.total == span.least else through(each.phase.name)[0][place]
        ceiling = span.most if span.most > span.least and not run.not_covered else None
        chosen.append(least._replace(phase=least.phase.replace(ceiling=ceiling)))
    return tuple(chosen), dict(run.not_covered)


def activations(network: Network, batch: int, dtype: str) -> tuple[int, Mapping[str, str]]:
    """Most bytes beside the weights in a forward pass without gradients, and the layers that are not covered.

    Where values decide it is the least that it can be, and the layers are named.
    """
    dtype = type_of(network, dtype)

    network = written_out(network)
    digits = Digits(network, batch)
    if not digits.by_node:
        plain = _forward(Fullest(network, batch, dtype))
        return plain.ledger.peak.total - plain.ledger.peak.held["weights"], plain.not_covered
    moments = Moments()
    unknown = _forward(Run(network, batch, dtype, training=False, holds_inputs=False, ledger=moments,
                           route=digits.route, by_node=True)).not_covered  # fmt: skip
    found = span(digits, moments.noted, "forward")
    decides = digits.layers(network) if found.most > found.least else {}
    return found.least - moments.by_kind["weights"], {**unknown, **decides}


def saved(network: Network, batch: int = 1, dtype: str = "") -> tuple[Mapping[str, int], Mapping[str, str]]:
    """Bytes that a forward pass keeps for the backward pass, by the layer that made them, and what is not covered.

    Those of the network's inputs stand under an empty name; what several layers keep is counted once.

    >>> from archscope.reader import load
    >>> held, unknown = saved(load("lenet5-pytorch"))
    >>> sum(held.values()), unknown
    (49040, {})
    """
    run = _forward(Run(network, batch, type_of(network, dtype), training=True))
    return run.ledger.owned("saved"), run.not_covered


def _forward(run: Run) -> Run:
    """The run, its forward pass over."""
    run.build()
    run.forward()
    return run


def _by_node(network: Network, saved_: Mapping[str, int]) -> Mapping[str, int]:
    """What is saved by node of a network; what runs while training alone counts for the node before it."""
    then = as_it_runs(network, training=True)
    if then is network:
        return saved_
    kept = [node for node in then.nodes if node.name in network.by_name and
            (node.layer, then.facts[node.name].outputs)
            == (network.by_name[node.name].layer, network.facts[node.name].outputs)]  # fmt: skip
    before = next((node.name for node in kept), network.nodes[0].name)
    names, found = {node.name for node in kept}, dict[str, int]()
    for name in then.by_name:
        before = name if name in names else before
        found[before] = found.get(before, 0) + saved_.get(name, 0)
    return found


class LayerHeld(Record):
    """What one node holds, in bytes of one sample in float32.

    Attributes:
        saved_bytes: that it made and the backward pass needs.
        temporary_bytes: most that it holds meanwhile at inference, beyond what it reads and makes; None where values
            decide, and where other layers run between operations that it is written out as.
    """

    saved_bytes: int
    temporary_bytes: int | None


def per_layer(network: Network, *, meanwhile: bool = True) -> Mapping[str, LayerHeld | None]:
    """What each node holds; None where no rule says. What several keep is counted for the one that made it.

    Without what is held ``meanwhile`` no moments are compared, of which formulas hold for few sizes.

    >>> from archscope.reader import load
    >>> per_layer(load("lenet5"))["C1.scaled_tanh"]
    LayerHeld(saved_bytes=37632, temporary_bytes=18816)
    """
    held = settled(network.ground, lambda: _per_layer(network, meanwhile))
    if network.ground is not None:
        prove(network.ground, network, lambda each: _numbers(held if each is network else _per_layer(each, meanwhile)))
    return held


def _numbers(held: Mapping[str, LayerHeld | None]) -> list[tuple[str, int | None]]:
    return [(f"`{name}`", size) for name, each in held.items()
            for size in ((None, None) if each is None else (each.saved_bytes, each.temporary_bytes))]  # fmt: skip


def _per_layer(network: Network, meanwhile: bool) -> Mapping[str, LayerHeld | None]:
    trained = _forward(Run(network, 1, "float32", training=True, by_node=True, ledger=Adding()))
    saved_ = _by_node(network, trained.ledger.owned("saved"))
    run = _forward(Run(network, 1, "float32", training=False, by_node=True)) if meanwhile else trained
    left = {node.name for node in network.nodes} - run.meanwhile.most.keys() if run.stopped else set[str]()
    unknown = {*trained.not_covered, *run.not_covered, *left}

    def held(node: Node) -> LayerHeld:
        decides = node.layer.routing(network.facts[node.name]) is not None
        return LayerHeld(saved_.get(node.name, 0), None if decides or not meanwhile else run.meanwhile.most[node.name])

    return {node.name: None if node.name in unknown else held(node) for node in network.nodes}
