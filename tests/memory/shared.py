"""`tracked_in`: what PyTorch's memory tracker says of one module in several ways, its passes run once."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from archscope.building.builders import COUNTERS
from archscope.oracles.tracking import (
    Beginning,
    Called,
    Held,
    Made,
    _optimizer,
    _tracker,
    casting,
    tensors,
    without_values,
)

if TYPE_CHECKING:
    from tests.memory.bars import Way


def tracked_in(made: Made, ways: Sequence[Way]) -> Mapping[Way, Held]:
    """What the tracker says of each phase, by the way.

    The passes run once for each type of autocast, after a first time in training, and each optimizer steps twice on
    their gradients: its state is what the first step leaves, and the second has its most.
    """
    with without_values(), made() as called:
        tracker = _tracker()
        model = called.module
        tracker.track_external(model, *tensors([*called.args, *called.kwargs.values()]))
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
                    passes[how] = _passes(called, tracker, how[0], training=how[1])
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
    outputs = [each for each in tensors(result) if each.requires_grad]
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
