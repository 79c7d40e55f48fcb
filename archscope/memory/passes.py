"""`Asked`: a network and how it runs; `went`: its phases one after the other, and what each holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from archscope.errors import UsageError, did_you_mean
from archscope.losses import DEFAULT
from archscope.memory.autocast import FULL
from archscope.memory.ledger import Ledger, Moment
from archscope.memory.optimizers import optimizer
from archscope.memory.routes import Digits, Moments, Route, Span, all_to_the_first, span
from archscope.memory.running import Run
from archscope.memory.trained import own_type
from archscope.network import Network, Node
from archscope.precision import DTYPE_BYTES
from archscope.record import Record


class Request(Record):
    """What is asked: a batch, a type of values, how it trains.

    Attributes:
        batch: samples that run at once.
        dtype: PyTorch's name of the type of weights and values; empty for the network's own, see `own_type`.
        optimizer: its name; None for inference.
        foreach: whether the optimizer changes all tensors at once, as it does on CUDA unless told otherwise.
        checkpoint: groups whose layers run again in the backward pass instead of keeping what it needs.
        autocast: the type that a forward pass runs in where PyTorch's autocast has it so; None for no autocast.
        loss: what the backward pass starts from; see `archscope.losses`.
    """

    batch: int = 1
    dtype: str = ""
    optimizer: str | None = None
    foreach: bool = False
    checkpoint: tuple[str, ...] = ()
    autocast: str | None = None
    loss: str = DEFAULT


def type_of(network: Network, asked: str) -> str:
    """The type that a network runs in: what is asked, or its own.

    Raises:
        UsageError: there is no such type; the network's weights are in another already.
    """
    own = own_type(network)
    if asked and asked not in DTYPE_BYTES:
        raise UsageError(f"no type `{asked}`; {did_you_mean(asked, DTYPE_BYTES, what='types')}")
    if own != FULL and asked not in ("", own):
        raise UsageError(f"{network.name}: its weights are in {own}, and {asked} is asked; leave the type out, or make "
                         f"the module in {asked}")  # fmt: skip
    return asked or own


class Phase(Record):
    """One phase: what is held when it is over, and at its fullest moment.

    Attributes:
        name: what it is called.
        after: when it is over, which values never decide.
        most: at its fullest moment; the least that it can be where values decide.
        ceiling: bytes of the fullest moment that values can make of it; None where they decide nothing.
    """

    name: str
    after: Moment
    most: Moment
    ceiling: int | None = None

    @property
    def part(self) -> str:
        """The part of a step that it ends: ``build`` of ``after build``."""
        return self.name.removeprefix("after ")

    @property
    def at_most(self) -> int:
        """Bytes at its fullest moment, whatever values decide."""
        return self.most.total if self.ceiling is None else self.ceiling


class Asked(NamedTuple):
    """A network and how it runs: what is asked, groups that run again, whether it is what a tracker sees."""

    network: Network
    request: Request
    again: Sequence[Sequence[Node]]
    as_tracked: bool

    def run(self, route: Route = all_to_the_first, *, ledger: Ledger | None = None, by_node: bool = False) -> Run:
        """A run of it that has not begun."""
        request = self.request
        return Run(self.network, request.batch, type_of(self.network, request.dtype), again=self.again,
                   training=request.optimizer is not None, as_tracked=self.as_tracked, ledger=ledger, by_node=by_node,
                   autocast=request.autocast, route=route, loss=request.loss)  # fmt: skip


class Went(NamedTuple):
    """A phase that a run went through.

    ``owners`` says who held what at its fullest moment, by layer and kind; ``track`` has the fullest moment of each
    layer.
    """

    phase: Phase
    owners: Mapping[tuple[str, str], int]
    track: tuple[Moment, ...]


def went(run: Run, request: Request) -> tuple[Went, ...]:
    """The phases, the run having gone through them."""
    way = None if request.optimizer is None else optimizer(request.optimizer)
    ledger = run.ledger
    found: list[Went] = []

    def over(name: str) -> None:
        ledger.done()
        before = sum(len(each.track) for each in found)
        phase = Phase(name, ledger.moment(), ledger.peak)
        found.append(Went(phase, ledger.owners, tuple(ledger.track[before:])))

    run.build()
    sizes = run.trained()
    if way is not None and way.copies:
        ledger.take(sum(way.state(size) for size in sizes), "state")
    over("after build")
    run.surely_forward()
    over("forward")
    if way is not None:
        pending = run.start()
        over("start of backward")
        run.backward(pending)
        if run.not_covered:  # gradients go other ways, and what they take on the way may be less than it seems
            ledger.ends_alone()
        over("backward")
        ledger.begin("optimizer step")
        run.let_go()
        ledger.drop(ledger.take(way.temporary(sizes, foreach=request.foreach), "temporary"))
        over("optimizer step")
    return tuple(found)


class Decided(NamedTuple):
    """What values decide: the moments of a step in digits, and what the two passes hold at least and at most."""

    digits: Digits
    moments: Moments

    def spans(self) -> dict[str, Span]:
        """The least and the most of each pass."""
        passes = dict.fromkeys(phase for phase, _, _ in self.moments.noted if phase in ("forward", "backward"))
        return {name: span(self.digits, self.moments.noted, name) for name in passes}

    def totals(self) -> list[int]:
        """The most bytes of each moment, in order."""
        return [self.digits.most(held) for _, _, held in self.moments.noted]


def decided(asked: Asked) -> Decided | None:
    """What values decide of what is held; None where they decide nothing."""
    digits, moments = Digits(asked.network, asked.request.batch), Moments()
    if not digits.by_node:
        return None
    went(asked.run(digits.route, ledger=moments, by_node=True), asked.request)
    return Decided(digits, moments)
