"""The module itself before PyTorch's memory tracker: a shadow of it on fake tensors, in inference and in training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from archscope.oracles.allocated import cuda
from archscope.oracles.case import SMALL, Case
from archscope.oracles.findings import Finding
from archscope.oracles.memory import beside, given
from archscope.oracles.tracking import Called
from archscope.tracing.calling import Called as Theirs
from archscope.tracing.fakes import faked
from archscope.tracing.standin import stand_in

NAME = "memory"


def observe(case: Case) -> Iterator[Finding]:
    """Hold inference and steps of training against the tracker."""
    small = sum(each.numel() for each in case.called.module.parameters()) <= SMALL
    valued = partial(_with_values, case.called)
    yield from beside(case, case.batch, lambda: called(case.called, case.batch), valued if small else None)
    if small or cuda():
        yield from given(case, case.batch, valued, small=small)


@contextmanager
def called(theirs: Theirs, batch: int) -> Iterator[Called]:
    """Their module on fake tensors."""
    with faked(theirs, batch) as (module, args, kwargs):
        yield Called(module, args, kwargs)


@contextmanager
def _with_values(theirs: Theirs) -> Iterator[Called]:
    with stand_in(theirs, values=True) as standin:
        yield Called(standin.module, standin.args, standin.kwargs)
