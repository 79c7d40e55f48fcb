"""What an allocator really gave: the ``[memory]`` events of PyTorch's profiler on the CPU, and CUDA's own peak.

Here a module runs with values. What is held once a pass is over is what the rules say; meanwhile kernels take memory
for themselves, which is in no rule.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from archscope.oracles.findings import Finding, Verdict, compared
from archscope.oracles.tracking import Beginning, Called, tensors

NAME: Final = "memory"

NUMBER_BYTES: Final = 8
"""A number that a tensor is multiplied with is a tensor of float64 to autograd."""

NUMBERS: Final = f"autograd keeps numbers that tensors are multiplied with, {NUMBER_BYTES} bytes each"

MASKS: Final = "CUDA's dropout keeps its mask in bytes, the CPU's in the type of its values"

CUDA_ROUNDS: Final = 512
"""CUDA's allocator gives multiples of so many bytes."""


class Taken(NamedTuple):
    """Bytes beside those held before: when a pass is over, the most meanwhile.

    ``pieces`` is how many pieces were given, ``rounds`` whether each is rounded up, ``masks`` how many bytes masks of
    dropout took less than those that the rules know.
    """

    after: int
    most: int
    pieces: int = 0
    rounds: bool = False
    masks: int = 0

    def beside(self, before: Taken) -> Taken:
        """The same, and what a pass before it left: what is let go of that was rounded up as it was given."""
        return self._replace(after=before.after + self.after, most=before.after + self.most, masks=before.masks)


Watch = Callable[[Callable[[], Any]], tuple[Any, Taken]]
"""Runs something, and says what it took."""


def on_the_cpu(run: Callable[[], Any]) -> tuple[Any, Taken]:
    """Run something on the CPU, and add up the profiler's ``[memory]`` events."""
    gc.collect()
    result, sizes = _events(run)
    held = most = 0
    for size in sizes:
        held += size
        most = max(most, held)
    return result, Taken(held, most, sum(size > 0 for size in sizes))


def on_cuda(run: Callable[[], Any]) -> tuple[Any, Taken]:
    """Run something on a CUDA device, and ask its allocator."""
    import torch

    gc.collect()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    result, masks = _masked(run)
    torch.cuda.synchronize()
    return result, Taken(torch.cuda.memory_allocated() - before, torch.cuda.max_memory_allocated() - before,
                         rounds=True, masks=masks)  # fmt: skip


def _masked(run: Callable[[], Any]) -> tuple[Any, int]:
    """What a run gave, and how many bytes fewer the masks of its fused dropouts take than those of plain ones."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    saved = 0

    class Masks(TorchDispatchMode):  # type: ignore[no-untyped-call, unused-ignore]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal saved
            made = func(*args, **(kwargs or {}))
            if func is torch.ops.aten.native_dropout.default:
                saved += made[1].numel() * (made[0].element_size() - made[1].element_size())
            return made

    with Masks():  # type: ignore[no-untyped-call]
        return run(), saved


def _events(run: Callable[[], Any]) -> tuple[Any, list[int]]:
    """What a run gave, and the bytes of every ``[memory]`` event; those given back are negative.

    The profiler of before Kineto is asked: Kineto takes seconds to begin, and its events are the same.
    """
    import torch

    autograd: Any = torch.autograd
    settings = autograd.ProfilerConfig(
        autograd.ProfilerState.CPU, False, True, False, False, False, torch._C._profiler._ExperimentalConfig()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        autograd._enable_profiler_legacy(settings)
        try:
            result = run()
        finally:
            threads = autograd._disable_profiler_legacy()
    return result, [each.cpu_memory_usage() for thread in threads for each in thread if each.kind() == "memory_alloc"]


def taken(called: Called, watch: Watch, loss: str) -> dict[str, Taken]:
    """What inference, and a step of training without an optimizer, take beside weights, inputs and targets."""
    import torch

    found: dict[str, Taken] = {}

    def infer() -> Any:
        with torch.no_grad():
            return called.run()

    called.module.eval()
    infer()  # kernels that are made once are made here
    result, found["inference"] = watch(infer)
    del result
    called.module.train()
    made, found["forward"] = watch(called.run)
    losses = Beginning(loss).losses([each for each in tensors(made) if each.requires_grad])
    if not losses:  # nothing of it is trained, and there is no way back
        return found
    started = [torch.ones_like(each) for each in losses]
    _, found["backward"] = watch(lambda: torch.autograd.backward(losses, started))
    called.module.zero_grad()
    return found


def cuda() -> str | None:
    """The CUDA device that there is; None where there is none."""
    import torch

    return "cuda" if torch.cuda.is_available() else None


def judged(where: str, called: Called, watch: Watch, ours: Any, inference: Any) -> Iterator[Finding]:
    """What an allocator gave beside what the rules say."""
    from torch import nn

    recurs = any(isinstance(each, nn.LSTM) for each in called.module.modules())
    found = taken(called, watch, ours.request.loss)
    begun = ours["after build"].after.total
    # The loss and its gradient are made aside here, between the passes, and the second is held until after both.
    aside = ours["start of backward"].after.total - ours["forward"].after.total
    passing = ours["start of backward"].after.held["passing"]
    mine = {
        "inference": _rise(inference["forward"], inference["after build"].after.total),
        "forward": _rise(ours["forward"], begun),
        "backward": _rise(ours["backward"], begun + aside, passing),
    }
    for name, theirs in found.items():
        what = name if name == "inference" else f"{name} pass of training"
        held = theirs if name != "backward" else theirs.beside(found["forward"])
        yield _after(f"bytes after {what}, {where}", mine[name].after, held._replace(masks=theirs.masks), recurs=recurs)
        yield _most(f"most bytes in {what}, {where}", mine[name].most, held, recurs=recurs)


def _rise(phase: Any, before: int, kept: int = 0) -> Taken:
    """What a phase holds beyond what was held before; ``kept`` is let go of in its rules, and not here."""
    return Taken(phase.after.total + kept - before, phase.most.total - before)


def _after(quantity: str, ours: int, theirs: Taken, *, recurs: bool) -> Finding:
    found = compared(NAME, None, quantity, ours, theirs.after)
    more = theirs.after - ours
    if found.verdict is Verdict.AGREES:
        return found
    if theirs.rounds:
        if -theirs.masks <= more < 0:
            return _but_for(found, MASKS)
        return found if more < 0 else _but_for(found, f"it gives multiples of {CUDA_ROUNDS} bytes, and kernels' own")
    if recurs and more:
        return _but_for(found, "the kernel of an LSTM keeps memory of its own until its backward pass")
    if abs(more) > NUMBER_BYTES * theirs.pieces:
        return found
    return _but_for(found, NUMBERS)


def _most(quantity: str, ours: int, theirs: Taken, *, recurs: bool) -> Finding:
    found = compared(NAME, None, quantity, ours, theirs.most)
    less = ours - theirs.most
    if 0 < less <= theirs.masks:
        return _but_for(found, MASKS)
    if less < 0 or (less > 0 and recurs):
        return _but_for(found, "kernels take memory for themselves, which is in no rule")
    return found


def _but_for(found: Finding, why: str) -> Finding:
    """It agrees but for something that no rule claims."""
    return Finding(NAME, None, found.quantity, Verdict.AGREES, found.ours, found.theirs, why)
