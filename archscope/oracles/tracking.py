"""A module on fake tensors, which have storages of their sizes and no values, before PyTorch's memory tracker.

`MemTracker` notes every storage as it is made and as it goes away; what autograd saved is asked of autograd itself.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from archscope.building.builders import COUNTERS
from archscope.interrupts import called_in_operations
from archscope.losses import DEFAULT, SEQUENCE
from archscope.record import EMPTY, Record

if TYPE_CHECKING:
    import torch

Held = Mapping[str, tuple[int, int]]
"""Bytes after each phase, and the most meanwhile."""


class Called(Record):
    """A module and what it is called with.

    Attributes:
        module: the module, on fake tensors.
        args: what it is called with, in order.
        kwargs: what it is called with by name.
    """

    module: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any] = EMPTY

    def run(self) -> Any:
        """What it makes."""
        return self.module(*self.args, **self.kwargs)

    def on(self, device: str) -> Called:
        """The same on a device."""

        def there(value: Any) -> Any:
            return value.to(device) if hasattr(value, "to") else value

        return Called(self.module.to(device), [there(each) for each in self.args],
                      {name: there(each) for name, each in self.kwargs.items()})  # fmt: skip


WAYS: Final[Mapping[str | None, str]] = MappingProxyType({None: "inference", "adam": "training with Adam"})
"""What networks are tracked in, by the optimizer: inference, and a step of training."""


class Ending:
    """An exception that waits until it may be raised.

    PyTorch calls Python in the middle of its operations, and an exception that leaves there may end the whole process.
    So what is raised there is kept, the rest of what runs is not looked at any more, and between two modules, or two
    phases, it comes.

    Args:
        each: called in the middle of operations.
    """

    def __init__(self, each: Callable[[], object]) -> None:
        self._each = each
        self._raised: Exception | None = None

    def goes_on(self) -> bool:
        """Whether to look at what runs: in the middle of an operation."""
        if self._raised is None:
            try:
                self._each()
            except Exception as error:  # noqa: BLE001 - it is raised in `come`
                self._raised = error
        return self._raised is None

    def come(self) -> None:
        """Raise what was raised before: between two operations."""
        if self._raised is not None:
            raise self._raised

    def _before(self, *_: Any) -> None:
        """Come before a module, but for one that runs again inside of a backward pass, which is one operation."""
        import torch

        if torch._C._current_graph_task_id() < 0:
            self.come()

    @contextmanager
    def between_modules(self) -> Iterator[None]:
        """Come before each module that is called."""
        from torch.nn.modules.module import register_module_forward_pre_hook

        handle = register_module_forward_pre_hook(self._before)
        try:
            yield
        finally:
            handle.remove()


Made = Callable[[], AbstractContextManager[Called]]
"""Makes a module and its inputs, while tensors are fake; they are there until it is left."""


def tracked(
    made: Made,
    optimizer: str | None = None,
    *,
    foreach: bool = False,
    autocast: str | None = None,
    values: bool = False,
    loss: str = DEFAULT,
    each: Callable[[], object] = lambda: None,
) -> Held:
    """What the tracker says of each phase; in training that of a second step, when the optimizer has its state.

    Args:
        made: makes the module and its inputs.
        optimizer: its name; None for inference.
        foreach: whether the optimizer changes all tensors at once.
        autocast: the type that a forward pass runs in where autocast has it so; None for none.
        values: whether tensors have values, as a module needs whose values decide what it runs.
        loss: what the backward pass starts from, by its name in `LOSSES`.
        each: called after each operation; what it raises ends the run, at the next place where that may be.
    """
    ending = Ending(each)
    with with_values() if values else without_values(), made() as called, ending.between_modules():
        tracker = _tracker(ending)
        model = called.module.train(optimizer is not None)
        held: dict[str, tuple[int, int]] = {}
        tracker.track_external(model, *tensors([*called.args, *called.kwargs.values()]))
        way = None if optimizer is None else _optimizer(optimizer, model, foreach)
        counters = sum(each.numel() * each.element_size() for name, each in model.named_buffers()
                       if name.rpartition(".")[2] in COUNTERS)  # fmt: skip
        begins = Beginning(loss)
        with tracker:
            if way is not None:
                _step(called, way, lambda _: None, autocast, begins)
                way.zero_grad()
                gc.collect()
                tracker.reset_mod_stats()

            def over(name: str) -> None:
                ending.come()
                held[name] = (tracker.held() - counters, tracker.most - counters)
                tracker.begin()

            tracker.begin()
            over("after build")
            _step(called, way, over, autocast, begins)
        return held


def beside(ours: Any, theirs: Held, kept: int | None, what: str) -> Iterator[tuple[str, int, int]]:
    """Each phase after it and at its fullest moment, and what is saved: as it is called, by the rules, by the tracker.

    Nothing is saved where ``kept``, which autograd says, is None.
    """
    for phase in ours.phases:
        after, most = theirs[phase.name]
        yield f"bytes after {phase.part}, {what}", phase.after.total, after
        yield f"most bytes in {phase.part}, {what}", phase.most.total, most
    if kept is not None:
        yield "saved bytes", ours["forward"].after.held["saved"], kept


def weights(made: Made) -> int:
    """Bytes of the storages that the tracker takes for parameters; one that layers share is there once."""
    with without_values(), made() as called:
        tracker = _tracker()
        tracker.track_external(called.module)
        held: int = tracker.weights()
        return held


class _Kept:
    """A tensor that autograd keeps; it goes when no output needs it any more.

    What an operation made would keep the operation that keeps it, and both would stay: its values are kept alone.
    """

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()


def saved(
    made: Made, autocast: str | None = None, *, values: bool = False, each: Callable[[], object] = lambda: None
) -> int:
    """Bytes of the storages that autograd keeps for the backward pass, the weights' own left out."""
    from torch.autograd.graph import saved_tensors_hooks

    ending = Ending(each)
    with with_values() if values else without_values(), made() as called, ending.between_modules():
        model = called.module.train()
        weights = {each.untyped_storage()._cdata for each in (*model.parameters(), *model.buffers())}
        there: WeakSet[_Kept] = WeakSet()

        @called_in_operations
        def keep(tensor: torch.Tensor) -> _Kept:
            kept = _Kept(tensor)
            if ending.goes_on():
                there.add(kept)
            return kept

        with saved_tensors_hooks(keep, lambda kept: kept.tensor), casting(autocast):
            made_ = called.run()
        ending.come()
        storages = [kept.tensor.untyped_storage() for kept in there]
        del made_
        return sum({each._cdata: each.nbytes() for each in storages if each._cdata not in weights}.values())


@contextmanager
def casting(autocast: str | None) -> Iterator[None]:
    """Autocast to a type on the CPU; nothing if there is none."""
    import torch

    if autocast is None:
        yield
        return
    with torch.autocast("cpu", dtype=getattr(torch, autocast)):
        yield
    # It remembers what it cast for as long as it stands in another one, such as the caller's.
    torch.clear_autocast_cache()


class Beginning:
    """What a backward pass starts from: losses of outputs, the targets made once and held from then on; or outputs."""

    def __init__(self, loss: str) -> None:
        self.loss = loss
        self.targets: list[Any] = []

    def losses(self, outputs: Sequence[Any]) -> list[Any]:
        """A loss of each output; the outputs themselves where there is none."""
        if self.loss == "none":
            return [*outputs]
        if self.loss in ("sum", "mean"):
            return [getattr(each, self.loss)() for each in outputs]
        if not self.targets:
            self.targets = [self._target(each) for each in outputs]
        return [self._beside(*each) for each in zip(outputs, self.targets, strict=True)]

    def _target(self, output: Any) -> Any:
        import torch

        if self.loss == "mse_loss":
            narrow = torch.is_autocast_enabled("cpu")
            return torch.zeros(output.shape, dtype=torch.float32 if narrow else output.dtype)
        scores = SEQUENCE if output.dim() == 1 + SEQUENCE else 1
        return torch.zeros([*output.shape[:scores], *output.shape[scores + 1 :]], dtype=torch.int64)

    def _beside(self, output: Any, target: Any) -> Any:
        from torch.nn import functional

        if self.loss != "mse_loss" and output.dim() == 1 + SEQUENCE:
            output, target = output.reshape(-1, output.shape[-1]), target.reshape(-1)
        return getattr(functional, self.loss)(output, target)


def _step(called: Called, way: Any, over: Callable[[str], None], autocast: str | None, begins: Beginning) -> None:
    import torch

    with torch.set_grad_enabled(way is not None), casting(autocast):
        made = called.run()
    over("forward")
    if way is None:
        return
    # What is given twice is one output.
    outputs = [*{id(each): each for each in tensors(made) if each.requires_grad}.values()]
    with casting(autocast):
        losses = begins.losses(outputs)
    started = [torch.ones_like(each) for each in losses]
    over("start of backward")
    torch.autograd.backward(losses, started)
    del started
    over("backward")
    del made, outputs, losses
    way.step()
    over("optimizer step")


def tensors(value: Any) -> list[Any]:
    from archscope.tracing.strangers import tensors_in

    return tensors_in(value)


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
def without_values() -> Iterator[None]:
    """Make tensors fake, with PyTorch's usual settings."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with with_values(), FakeTensorMode():
        yield


@contextmanager
def with_values() -> Iterator[None]:
    """PyTorch's usual settings, and what it says of its own parts, which is no news for who verifies a network."""
    with warnings.catch_warnings(), usual_settings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def usual_settings() -> Iterator[None]:
    """float32 on the CPU, gradients and no autocast, whatever the caller has set; and as it was, afterwards."""
    import torch

    dtype, cast = torch.get_default_dtype(), torch.is_autocast_enabled("cpu")
    torch.set_default_dtype(torch.float32)
    # Not as a context: inside one, autocast remembers what it cast for as long as that lasts.
    torch.set_autocast_enabled("cpu", False)
    try:
        with (
            torch.device("cpu"),
            torch.inference_mode(False),
            torch.enable_grad(),
        ):
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_autocast_enabled("cpu", cast)


def _tracker(ending: Ending | None = None) -> Any:
    """PyTorch's tracker; it keeps the totals alone, and not a copy of them for every module at every operation."""
    from torch.distributed._tools.mem_tracker import _TOTAL_KEY, MemTracker, _MemRefType
    from torch.distributed._tools.mod_tracker import ModTracker

    class Totals(MemTracker):  # type: ignore[misc, no-untyped-call, unused-ignore]
        most = 0

        def held(self) -> int:
            return sum(each[_TOTAL_KEY] for each in self._curr_mem_snap.values())

        def weights(self) -> int:
            return sum(each[_MemRefType.PARAM] for each in self._curr_mem_snap.values())

        def begin(self) -> None:
            self.most = self.held()

        def _update_peak_stats(self, _: Any) -> None:
            self.most = max(self.most, self.held())

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if ending is not None and not ending.goes_on():
                return func(*args, **kwargs or {})
            return super().__torch_dispatch__(func, types, args, kwargs)  # type: ignore[no-untyped-call, unused-ignore]

    class Unwatched(ModTracker):  # type: ignore[misc, no-untyped-call, unused-ignore]
        """Modules without hooks: one that waits for the gradients of all a module read would hold the first of them."""

        def _fw_pre_hook(self, *_: Any) -> None:
            pass

        def _fw_post_hook(self, *_: Any) -> None:
            pass

    tracker = Totals()
    tracker._mod_tracker = Unwatched()  # type: ignore[no-untyped-call, unused-ignore]
    return tracker
