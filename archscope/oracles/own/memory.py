"""The module itself before PyTorch's memory tracker: a shadow of it on fake tensors, in inference and in training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from archscope.oracles.allocated import cuda
from archscope.oracles.case import SMALL, Case
from archscope.oracles.findings import Finding, not_covered
from archscope.oracles.memory import beside, given
from archscope.oracles.tracking import Called
from archscope.tracing.calling import Called as Theirs
from archscope.tracing.fakes import faked
from archscope.tracing.inputs import Given
from archscope.tracing.standin import stand_in

NAME = "memory"


def observe(case: Case) -> Iterator[Finding]:
    """Hold inference and steps of training against the tracker, of two batches where the module takes another one."""
    small = sum(each.numel() for each in case.called.module.parameters()) <= SMALL
    valued = partial(with_values, case.called)
    yield from beside(case, case.batch, lambda: called(case.called, case.batch), valued if small else None)
    seen = case.network.observed
    refuses = seen is not None and seen.refuses
    if not (case.called.fixed or refuses) and any(_is_described(each) for _, each in case.called.call.named(())):
        yield from _of_another(case, case.batch + 1, small=small)
    if small or cuda():
        yield from given(case, case.batch, valued, small=small)


def _of_another(case: Case, batch: int, *, small: bool) -> Iterator[Finding]:
    """The same of another batch, as long as there is time."""
    what = f", {batch} samples"
    if case.pace.late:
        yield not_covered(NAME, None, f"bytes{what}", case.pace.why)
        return
    valued = partial(with_values, case.called, batch)
    for each in beside(case, batch, lambda: called(case.called, batch), valued if small else None):
        yield replace(each, quantity=f"{each.quantity}{what}")


def _is_described(value: object) -> bool:
    """Whether a part of a call says a shape, so that there may be any number of samples of it."""
    return isinstance(value, Given) and value.batched is not False


@contextmanager
def called(theirs: Theirs, batch: int) -> Iterator[Called]:
    """Their module on fake tensors."""
    with faked(theirs, batch) as (module, args, kwargs):
        yield Called(module, args, kwargs)


@contextmanager
def with_values(theirs: Theirs, batch: int | None = None) -> Iterator[Called]:
    """Their module on tensors with values."""
    with stand_in(theirs, values=True, batch=batch) as standin:
        yield Called(standin.module, standin.args, standin.kwargs)
