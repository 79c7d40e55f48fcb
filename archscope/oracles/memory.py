"""PyTorch's memory tracker: what is held in inference and in a step of training, byte for byte.

The module runs on fake tensors, which have storages of their sizes and no values. `MemTracker` notes every storage as
it is made and as it goes away; what autograd saved is asked of autograd itself.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, not_covered

if TYPE_CHECKING:
    from archscope.building.network import BuiltNetwork
    from archscope.network import Network

NAME: Final = "memory"

BATCH: Final = 2
"""Samples that run at once: more than one, so that what is held for each and what for all come apart."""

Held = Mapping[str, tuple[int, int]]
"""Bytes after each phase, and the most meanwhile."""


def observe(case: Case) -> Iterator[Finding]:
    """Hold inference, and a step with Adam, against the tracker."""
    network = case.network
    if case.module is not None:
        yield not_covered(NAME, None, "bytes", "the tracker is sent through modules that are built here alone")
        return
    for optimizer in (None, "adam"):
        ours = case.analysis.memory(BATCH, optimizer=optimizer, adds_in_place=False)
        what = "inference" if optimizer is None else "training with Adam"
        if ours.not_covered:
            layer, why = next(iter(ours.not_covered.items()))
            yield not_covered(NAME, None, f"bytes in {what}", f"`{layer}`: {why}")
            continue
        try:
            theirs = tracked(network, BATCH, optimizer)
            kept = saved(network, BATCH) if optimizer is not None else None
        except Exception as error:  # noqa: BLE001 - some operations do not run without values, each in its own way
            yield not_covered(NAME, None, f"bytes in {what}", f"it does not run without values: {type(error).__name__}")
            continue
        for phase in ours.phases:
            after, most = theirs[phase.name]
            yield compared(NAME, None, f"bytes after {phase.name}, {what}", phase.after.total, after)
            yield compared(NAME, None, f"most bytes in {phase.name}, {what}", phase.most.total, most)
        if kept is not None:
            yield compared(NAME, None, "saved bytes", ours["forward"].after.held["saved"], kept)


def tracked(
    network: Network,
    batch: int,
    optimizer: str | None = None,
    *,
    foreach: bool = False,
    again: Sequence[Sequence[str]] = (),
) -> Held:
    """What the tracker says of each phase; in training that of a second step, when the optimizer has its state.

    ``again`` are groups of nodes, by name, that run again in the backward pass.
    """
    with _without_values():
        tracker = _tracker()
        model: Any = _model(network, training=optimizer is not None)
        if again:
            from archscope.oracles.again import Again

            model = Again(model, again)
        inputs = model.example_inputs(batch)
        held: dict[str, tuple[int, int]] = {}
        tracker.track_external(model, *inputs)
        way = None if optimizer is None else _optimizer(optimizer, model, foreach)
        counters = sum(each.numel() * each.element_size() for name, each in model.named_buffers()
                       if name.endswith("num_batches_tracked"))  # fmt: skip
        with tracker:
            if way is not None:
                _step(model, inputs, way, lambda _: None)
                way.zero_grad()
                gc.collect()
                tracker.reset_mod_stats()

            def over(name: str) -> None:
                held[name] = (tracker.held() - counters, tracker.most - counters)
                tracker.begin()

            tracker.begin()
            over("after build")
            _step(model, inputs, way, over)
        return held


def saved(network: Network, batch: int) -> int:
    """Bytes of the storages that autograd keeps for the backward pass, the weights' own left out."""
    import torch
    from torch.autograd.graph import saved_tensors_hooks

    with _without_values():
        model = _model(network, training=True)
        inputs = model.example_inputs(batch)
        weights = {each.untyped_storage()._cdata for each in (*model.parameters(), *model.buffers())}
        storages: dict[int, Any] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            storages[storage._cdata] = storage
            return tensor

        with saved_tensors_hooks(keep, lambda tensor: tensor):
            model(*inputs)
        return sum(each.nbytes() for name, each in storages.items() if name not in weights)


def _step(model: Any, inputs: Any, way: Any, over: Callable[[str], None]) -> None:
    import torch

    with torch.set_grad_enabled(way is not None):
        made = model(*inputs)
    over("forward")
    if way is None:
        return
    outputs = made if isinstance(made, tuple) else (made,)
    started = tuple(torch.ones_like(each) for each in outputs)
    over("start of backward")
    torch.autograd.backward(outputs, started)
    del started
    over("backward")
    del made, outputs
    way.step()
    over("optimizer step")


def _model(network: Network, *, training: bool) -> BuiltNetwork:
    from archscope.building.network import BuiltNetwork

    return BuiltNetwork(network).train(training)


def _optimizer(name: str, model: Any, foreach: bool) -> Any:
    from torch import optim

    ways: dict[str, Callable[[], Any]] = {
        "sgd": lambda: optim.SGD(model.parameters(), lr=0.1, foreach=foreach),
        "momentum": lambda: optim.SGD(model.parameters(), lr=0.1, momentum=0.9, foreach=foreach),
        "adam": lambda: optim.Adam(model.parameters(), foreach=foreach),
        "adamw": lambda: optim.AdamW(model.parameters(), foreach=foreach),
    }
    return ways[name]()


@contextmanager
def _without_values() -> Iterator[None]:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with warnings.catch_warnings(), _usual_settings():
        # What PyTorch says of its own parts is no news for who verifies a network.
        warnings.simplefilter("ignore")
        with FakeTensorMode():
            yield


@contextmanager
def _usual_settings() -> Iterator[None]:
    """float32 on the CPU, gradients and no autocast, whatever the caller has set; and as it was, afterwards."""
    import torch

    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with (
            torch.device("cpu"),
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast("cpu", enabled=False),
        ):
            yield
    finally:
        torch.set_default_dtype(dtype)


def _tracker() -> Any:
    """PyTorch's tracker; it keeps the totals alone, and not a copy of them for every module at every operation."""
    from torch.distributed._tools.mem_tracker import _TOTAL_KEY, MemTracker
    from torch.distributed._tools.mod_tracker import ModTracker

    class Totals(MemTracker):  # type: ignore[misc, no-untyped-call, unused-ignore]
        most = 0

        def held(self) -> int:
            return sum(each[_TOTAL_KEY] for each in self._curr_mem_snap.values())

        def begin(self) -> None:
            self.most = self.held()

        def _update_peak_stats(self, _: Any) -> None:
            self.most = max(self.most, self.held())

    class Unwatched(ModTracker):  # type: ignore[misc, no-untyped-call, unused-ignore]
        """Modules without hooks: one that waits for the gradients of all a module read would hold the first of them."""

        def _fw_pre_hook(self, *_: Any) -> None:
            pass

        def _fw_post_hook(self, *_: Any) -> None:
            pass

    tracker = Totals()
    tracker._mod_tracker = Unwatched()  # type: ignore[no-untyped-call, unused-ignore]
    return tracker
