"""`memory`: the phases of a step of training or of inference, what each holds, and which is the fullest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from archscope.errors import NotFound, UsageError, did_you_mean
from archscope.memory.autocast import checked
from archscope.memory.ledger import KINDS, Moment
from archscope.memory.optimizers import optimizer
from archscope.memory.running import Run
from archscope.network import Network, Node
from archscope.precision import DTYPE_BYTES
from archscope.record import EMPTY, Record

LARGEST_BATCH: Final = 1 << 24
"""No batch above this is looked for."""


class Request(Record):
    """What is asked: a batch, a type of values, how it trains.

    Attributes:
        batch: samples that run at once.
        dtype: PyTorch's name of the type of weights and values.
        optimizer: its name; None for inference.
        foreach: whether the optimizer changes all tensors at once, as it does on CUDA unless told otherwise.
        checkpoint: groups whose layers run again in the backward pass instead of keeping what it needs.
        autocast: the type that a forward pass runs in where PyTorch's autocast has it so; None for no autocast.
    """

    batch: int = 1
    dtype: str = "float32"
    optimizer: str | None = None
    foreach: bool = False
    checkpoint: tuple[str, ...] = ()
    autocast: str | None = None


class Phase(Record):
    """One phase: what is held when it is over, and at its fullest moment."""

    name: str
    after: Moment
    most: Moment


class Memory(Record):
    """What a network holds, phase by phase.

    Attributes:
        network: the network.
        request: what was asked.
        phases: in their order.
        holders: who held what at the fullest moment of all: layer, kind, bytes, the most first.
        track: the fullest moment of each layer in each phase, in order.
        not_covered: layers without a rule, and why; where there are any, all numbers are "at least".
    """

    network: Network
    request: Request
    phases: tuple[Phase, ...]
    holders: tuple[tuple[str, str, int], ...]
    track: tuple[Moment, ...]
    not_covered: Mapping[str, str] = EMPTY

    @property
    def peak(self) -> Phase:
        """The fullest phase; the first of several."""
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


def memory(
    network: Network,
    batch: int = 1,
    *,
    dtype: str = "float32",
    optimizer: str | None = None,
    foreach: bool = False,
    checkpoint: Sequence[str] = (),
    autocast: str | None = None,
    as_tracked: bool = False,
) -> Memory:
    """What a network holds in inference or, with an optimizer, in a step of training once its state is there.

    Args:
        network: any network.
        batch: samples that run at once.
        dtype: PyTorch's name of the type of weights and values.
        optimizer: ``sgd``, ``momentum``, ``adam`` or ``adamw``; None for inference.
        foreach: whether the optimizer changes all tensors at once.
        checkpoint: groups whose layers run again in the backward pass.
        autocast: ``bfloat16`` or ``float16``: the type that the forward pass runs in where PyTorch's autocast on a CPU
            has it so. Weights, gradients and state stay in float32.
        as_tracked: whether what a tracker of tensors without values sees is asked, not what runs; see `Operations`.

    Raises:
        UsageError: there is no such optimizer, type or group; the batch is below 1; autocast has nothing to cast.
    """
    if batch < 1:
        raise UsageError(f"a batch of {batch} holds nothing; use 1 or more")
    if dtype not in DTYPE_BYTES:
        raise UsageError(f"no type `{dtype}`; {did_you_mean(dtype, DTYPE_BYTES, what='types')}")
    request = Request(batch, dtype, optimizer, foreach, tuple(checkpoint), checked(autocast, dtype))
    again = groups_of(network, checkpoint)
    phases, run, tick = _phases(network, request, again, as_tracked, -1)
    _, watched, _ = _phases(network, request, again, as_tracked, tick)
    owners = watched.ledger.owners
    holders = sorted(((layer, kind, size) for (layer, kind), size in owners.items()), key=lambda each: -each[2])
    return Memory(network, request, phases, tuple(holders), tuple(run.ledger.track), run.not_covered)


def _phases(
    network: Network, request: Request, again: Sequence[Sequence[Node]], as_tracked: bool, watch: int
) -> tuple[tuple[Phase, ...], Run, int]:
    """The phases, the run that went through them, and the number of its fullest moment."""
    way = None if request.optimizer is None else optimizer(request.optimizer)
    run = Run(network, request.batch, request.dtype, training=way is not None, again=again,
              as_tracked=as_tracked, watch=watch, autocast=request.autocast)  # fmt: skip
    ledger, phases = run.ledger, []
    best, tick = -1, 0

    def over(name: str) -> None:
        nonlocal best, tick
        phases.append(Phase(name, ledger.moment(), ledger.peak))
        if ledger.peak.total > best:
            best, tick = ledger.peak.total, ledger.peak_tick

    run.build()
    sizes = run.trained()
    if way is not None and way.copies:
        ledger.take(sum(way.state(size) for size in sizes), "state")
    ledger.done()
    over("after build")
    run.forward()
    over("forward")
    if way is not None:
        pending = run.start()
        over("start of backward")
        run.backward(pending)
        over("backward")
        ledger.begin("optimizer step")
        run.let_go()
        ledger.drop(ledger.take(way.temporary(sizes, foreach=request.foreach), "temporary"))
        over("optimizer step")
        ledger.done()
    return tuple(phases), run, tick


def activations(network: Network, batch: int, dtype: str) -> tuple[int, Mapping[str, str]]:
    """Most bytes beside the weights in a forward pass without gradients, and the layers that are not covered."""
    run = _forward(Run(network, batch, dtype, training=False, holds_inputs=False))
    return run.ledger.peak.total - run.ledger.peak.held["weights"], run.not_covered


def saved(network: Network, batch: int = 1, dtype: str = "float32") -> tuple[Mapping[str, int], Mapping[str, str]]:
    """Bytes that a forward pass keeps for the backward pass, by the layer that made them, and what is not covered.

    Those of the network's inputs stand under an empty name; what several layers keep is counted once.

    >>> from archscope.reader import load
    >>> held, unknown = saved(load("lenet5-pytorch"))
    >>> sum(held.values()), unknown
    (49040, {})
    """
    run = _forward(Run(network, batch, dtype, training=True))
    return run.ledger.owned("saved"), run.not_covered


def _forward(run: Run) -> Run:
    """The run, its forward pass over."""
    run.build()
    run.forward()
    return run


class LayerHeld(Record):
    """What one node holds, in bytes of one sample in float32.

    Attributes:
        saved_bytes: that it made and the backward pass needs.
        temporary_bytes: most that it holds meanwhile at inference, beyond what it reads and makes.
    """

    saved_bytes: int
    temporary_bytes: int


def per_layer(network: Network) -> Mapping[str, LayerHeld | None]:
    """What each node holds; None where no rule says. What several keep is counted for the one that made it.

    >>> from archscope.reader import load
    >>> per_layer(load("lenet5"))["C1.scaled_tanh"]
    LayerHeld(saved_bytes=37632, temporary_bytes=18816)
    """
    trained = _forward(Run(network, 1, "float32", training=True, by_node=True))
    saved_ = trained.ledger.owned("saved")
    run = _forward(Run(network, 1, "float32", training=False, by_node=True))
    unknown = {*trained.not_covered, *run.not_covered}
    return {
        node.name: None if node.name in unknown else LayerHeld(saved_.get(node.name, 0), run.meanwhile[node.name])
        for node in network.nodes
    }


def groups_of(network: Network, names: Sequence[str]) -> tuple[tuple[Node, ...], ...]:
    """The nodes of each group that goes by a name: its path, ``conv2.0``, or the block it is a copy of.

    Raises:
        UsageError: there is no such group.
    """
    paths = {node.group[:depth] for node in network.nodes for depth in range(1, len(node.group) + 1)}
    known = {".".join(path) for path in paths} | {group.block for group in network.groups.values() if group.block}
    for name in names:
        if name not in known:
            raise UsageError(
                f"{network.name} has no group `{name}`; {did_you_mean(name, sorted(known), what='groups')}"
                if known
                else f"{network.name} has no groups of layers, so there is no `{name}` to run again"
            )
    held: dict[tuple[str, ...], list[Node]] = {}
    for node in network.nodes:
        path = _named(network, node, names)
        if path is not None:
            held.setdefault(path, []).append(node)
    return tuple(run for nodes in held.values() for run in _in_series(network, nodes))


def _named(network: Network, node: Node, names: Sequence[str]) -> tuple[str, ...] | None:
    """The outermost group of a node that goes by one of the names."""
    for depth in range(1, len(node.group) + 1):
        path = node.group[:depth]
        group = network.groups.get(path)
        if ".".join(path) in names or (group is not None and group.block in names):
            return path
    return None


def _in_series(network: Network, nodes: Sequence[Node]) -> list[tuple[Node, ...]]:
    """Nodes that run one after the other, together."""
    place = {node.name: number for number, node in enumerate(network.nodes)}
    runs: list[list[Node]] = []
    for node in nodes:
        if runs and place[node.name] == place[runs[-1][-1].name] + 1:
            runs[-1].append(node)
        else:
            runs.append([node])
    return [tuple(run) for run in runs]


def largest_batch(network: Network, room: int, request: Request) -> int:
    """The largest batch whose fullest moment fits in some bytes; 0 if not even one sample does.

    >>> from archscope.reader import load
    >>> largest_batch(load("lenet5-pytorch"), 1 << 20, Request(optimizer="sgd"))
    9
    """
    return largest_batches(network, [room], request)[0]


def largest_batches(network: Network, rooms: Sequence[int], request: Request) -> list[int]:
    """The largest batch for each of some rooms; what is held at a moment grows evenly with the samples, from two on.

    >>> from archscope.reader import load
    >>> largest_batches(load("lenet5-pytorch"), [1 << 20, 1 << 30], Request(optimizer="sgd"))
    [9, 17703]
    """
    again = groups_of(network, request.checkpoint)

    def totals(batch: int) -> list[int]:
        _, run, _ = _phases(network, request.replace(batch=batch), again, True, -1)
        return run.ledger.totals

    two, three = totals(2), totals(3)
    lines = {(held, more - held) for held, more in zip(two, three, strict=True)}
    alone = None
    found: list[int] = []
    for room in rooms:
        fitting = min(
            (room - held) // each + 2 if each else LARGEST_BATCH if held <= room else 0 for held, each in lines
        )
        if fitting < 2:
            alone = max(totals(1)) if alone is None else alone
            fitting = int(alone <= room)
        found.append(min(fitting, LARGEST_BATCH))
    return found


__all__ = [
    "KINDS",
    "LayerHeld",
    "Memory",
    "Phase",
    "Request",
    "activations",
    "groups_of",
    "largest_batch",
    "largest_batches",
    "memory",
    "per_layer",
]
