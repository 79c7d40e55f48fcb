"""`same` holds a module to PyTorch's memory tracker; `tracked_in` asks that of one in several ways, passes run once."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from archscope.building.builders import COUNTERS
from archscope.memory import memory
from archscope.oracles.own.memory import called
from archscope.oracles.tracking import (
    Beginning,
    Called,
    Held,
    Made,
    _optimizer,
    _tracker,
    casting,
    tensors,
    tracked,
    without_values,
)
from archscope.tracing.calling import Called as Read
from archscope.tracing.calling import call_thing

if TYPE_CHECKING:
    from tests.memory.bars import Way


Shapes = tuple[int, ...] | Sequence[tuple[int, ...]]
"""The shape of one sample of the only input, or of each of several."""


def differences(
    module: nn.Module, shape: Shapes, optimizer: str | None, batch: int, *, values: bool = False
) -> tuple[str, list[str]]:
    """Why numbers of a module are at least, empty if they are exact; and phases of which they are no such numbers.

    ``values`` says that the tracker's tensors have some, which the module looks at.
    """
    return beside(
        call_thing(module, [shape] if isinstance(shape, tuple) else [*shape], {}), optimizer, batch, values=values
    )


def beside(theirs: Read, optimizer: str | None, batch: int, *, values: bool = False) -> tuple[str, list[str]]:
    """The same of a module that was read."""
    found = memory(theirs.network, batch, optimizer=optimizer, as_tracked=True)
    said = {phase.name: (phase.after.total, phase.most.total) for phase in found.phases}
    held = tracked(lambda: called(theirs, batch), optimizer, values=values)
    assert said.keys() == held.keys()
    why = "; ".join(found.not_covered.values())

    def fits(ours: tuple[int, int], other: tuple[int, int]) -> bool:
        return (ours[0] <= other[0] and ours[1] <= other[1]) if why else ours == other

    return why, [f"{name}: {ours} here, {held[name]} tracked" for name, ours in said.items()
                 if not fits(ours, held[name])]  # fmt: skip


def same(
    module: nn.Module, shape: Shapes, optimizer: str | None, batch: int = 2, *, values: bool = False
) -> None:  # fmt: skip
    """Every phase of a module is covered, and holds what PyTorch's tracker says, byte for byte."""
    why, wrong = differences(module, shape, optimizer, batch, values=values)
    assert not why, why
    assert not wrong, "; ".join(wrong)


def tracked_in(made: Made, ways: Sequence[Way]) -> Mapping[Way, Held]:
    """What the tracker says of each phase, by the way.

    The passes run once for each type of autocast, after a first time in training, and each optimizer steps twice on
    their gradients: its state is what the first step leaves, and the second has its most.
    """
    with without_values(), made() as it:
        tracker = _tracker()
        model = it.module
        tracker.track_external(model, *tensors([*it.args, *it.kwargs.values()]))
        counters = sum(each.numel() * each.element_size() for name, each in model.named_buffers()
                       if name.rpartition(".")[2] in COUNTERS)  # fmt: skip
        passes: dict[tuple[str | None, bool], Held] = {}
        steps: dict[tuple[str, bool], tuple[int, int, int]] = {}
        with tracker:
            for way in ways:
                how = way.autocast, way.optimizer is not None
                for _ in range(0 if how in passes else 1 + how[1]):
                    model.zero_grad()
                    gc.collect()
                    passes[how] = _passes(it, tracker, how[0], training=how[1])
                if way.optimizer is not None and (way.optimizer, way.foreach) not in steps:
                    steps[way.optimizer, way.foreach] = _steps(model, tracker, way)
        return {way: _together(way, passes, steps, counters) for way in ways}


def _passes(called: Called, tracker: Any, autocast: str | None, *, training: bool) -> Held:
    """Both passes, gradients left where they are; only the one forward in inference."""
    called.module.train(training)
    held: dict[str, tuple[int, int]] = {}

    def over(name: str) -> None:
        held[name] = (tracker.held(), tracker.most)
        tracker.begin()

    tracker.begin()
    over("after build")
    with torch.set_grad_enabled(training), casting(autocast):
        result = called.run()
    over("forward")
    if not training:
        return held
    outputs = [*{id(each): each for each in tensors(result) if each.requires_grad}.values()]
    with casting(autocast):
        losses = Beginning("sum").losses(outputs)
    started = [torch.ones_like(each) for each in losses]
    over("start of backward")
    torch.autograd.backward(losses, started)
    del started
    over("backward")
    del result, outputs, losses
    gc.collect()
    held["left"] = (tracker.held(), 0)
    return held


def _steps(model: Any, tracker: Any, way: Way) -> tuple[int, int, int]:
    """Bytes of the state, and beside the weights, gradients and state what a step leaves and the most in it."""
    before = tracker.held()
    optimizer = _optimizer(str(way.optimizer), model, way.foreach)
    optimizer.step()
    gc.collect()
    state = tracker.held() - before
    tracker.begin()
    optimizer.step()
    found = state, tracker.held() - before - state, tracker.most - before - state
    del optimizer
    gc.collect()
    assert tracker.held() == before
    return found


def _together(way: Way, passes: Mapping[Any, Held], steps: Mapping[Any, tuple[int, int, int]], counters: int) -> Held:
    held = passes[way.autocast, way.optimizer is not None]
    state, after, most = (0, 0, 0) if way.optimizer is None else steps[way.optimizer, way.foreach]
    more = state - counters
    found = {name: (each[0] + more, each[1] + more) for name, each in held.items() if name != "left"}
    if way.optimizer is not None:
        left = held["left"][0]
        found["optimizer step"] = left + after + more, max(held["backward"][0], left + most) + more
    return found
