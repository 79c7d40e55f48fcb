"""Nothing of the user's is touched when a module is read: not on success, not on failure, not when interrupted."""

from __future__ import annotations

import decimal
import os
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archscope import UsageError, trace, verify
from archscope.tracing import threads
from archscope.tracing.calling import call_thing
from archscope.tracing.surroundings import everybodys_kept
from tests.tracing import everybodys, meddlers
from tests.tracing.reachable import state_of

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


class Ends(nn.Module):
    """Runs another module and then raises, if it is told to."""

    def __init__(self, inner: nn.Module, error: BaseException | None) -> None:
        super().__init__()
        self.inner, self.error = inner, error

    def forward(self, x: Tensor) -> Any:
        made = self.inner(x)
        if self.error is not None:
            raise self.error
        return made


def surroundings() -> tuple[Any, ...]:
    names = tuple((name, each) for name, each in vars(meddlers).items() if not name.startswith("__"))
    classes = [each for _, each in names if isinstance(each, type) and each.__module__ == meddlers.__name__]
    inside = [(name, each) for kind in classes for name, each in vars(kind).items() if not name.startswith("__")]
    return (*names, *inside, torch.backends.cudnn.benchmark)


def trained(name: str) -> nn.Module:
    """A module that was trained one step."""
    make, shape = meddlers.KEEPS_NOTHING[name]
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    module: nn.Module = make()
    step = torch.optim.SGD([each for each in module.parameters() if each.requires_grad], lr=0.1, momentum=0.9)
    if name not in ("in place", "looks"):  # their weights are written in the way of the gradient
        result = module(torch.randn(2, *shape))
        torch.set_default_dtype(torch.float32)
        (result[0] if isinstance(result, tuple) else result).sum().backward()
        step.step()
    settings_back()  # or what is set again while it is read would be no change
    return module


def settings_back() -> None:
    torch.set_default_dtype(torch.float32)
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = False
    torch.set_float32_matmul_precision("highest")
    for put, _, value in everybodys.FOR_ALL:
        put(value)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    settings_back()
    os.environ.pop("ARCHSCOPE_TESTS", None)
    meddlers.STEP.set(0)


@pytest.mark.parametrize("end", ["success", "failure", "interrupt"])
@pytest.mark.parametrize("name", meddlers.KEEPS_NOTHING)
def test_nothing_that_a_module_reaches_is_changed(name: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What may be shared with another thread, such as a queue, stays what it is; those of the tests wait at nothing.
    monkeypatch.setattr(threads, "others_run", lambda: False)
    error = {"success": None, "failure": ValueError("no"), "interrupt": KeyboardInterrupt()}[end]
    module = Ends(trained(name), error)
    before = state_of(module, surroundings())
    if end == "success":
        trace(module, meddlers.KEEPS_NOTHING[name][1])
    elif end == "failure":
        with pytest.raises(UsageError, match="ValueError: no"):
            trace(module, meddlers.KEEPS_NOTHING[name][1])
    else:
        with pytest.raises(KeyboardInterrupt):
            trace(module, meddlers.KEEPS_NOTHING[name][1])
    after = state_of(module, surroundings())
    assert [each for each in zip(before, after, strict=False) if each[0] != each[1]] == []
    assert len(before) == len(after)


@pytest.mark.parametrize("name", meddlers.KEEPS_NOTHING)
def test_a_module_that_was_read_trains_as_one_that_was_not(name: str) -> None:
    shape = meddlers.KEEPS_NOTHING[name][1]
    read, other = trained(name), trained(name)
    trace(read, shape)
    for module in (read, other):
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)
        if name in ("in place", "looks"):
            with torch.no_grad():
                module(torch.randn(2, *shape))
            continue
        result = module(torch.randn(2, *shape))
        torch.set_default_dtype(torch.float32)
        (result[0] if isinstance(result, tuple) else result).sum().backward()
    for mine, theirs in zip(read.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        assert (mine.grad is None) == (theirs.grad is None)
        assert mine.grad is None or torch.allclose(mine.grad, theirs.grad, equal_nan=True)


def test_the_comparison_sees_what_was_left_behind() -> None:
    for name, (make, shape) in meddlers.KEEPS_NOTHING.items():
        module = make()
        before = state_of(module, surroundings())
        with torch.no_grad():
            module(torch.zeros(2, *shape))
        torch.set_default_dtype(torch.float32)
        changed = state_of(module, surroundings()) != before
        assert changed is (name not in ("copies", "recurrent", "scripted")), name


class _Decimals(nn.Linear):
    """Counts in decimals in its own way, in the caller's context and then in one of its own."""

    def forward(self, x: Tensor) -> Tensor:
        decimal.getcontext().prec = 7
        decimal.getcontext().traps[decimal.Inexact] = False
        str(decimal.Decimal(1) / 3)
        if self.bias is not None:
            decimal.setcontext(decimal.Context(prec=3))
        return super().forward(x)


@pytest.mark.parametrize("bias", [False, True])
def test_decimals_are_counted_as_before(bias: bool) -> None:
    with decimal.localcontext() as context:
        context.prec, context.flags[decimal.Inexact] = 31, False
        before = repr(context)
        trace(_Decimals(4, 4, bias=bias), (4,))
        assert decimal.getcontext() is context
        assert repr(context) == before


class _Sets(nn.Module):
    """Sets a variable of the context and another context of decimals, when it is called and when it is set anew."""

    def __init__(self, error: type[BaseException] | None = None) -> None:
        super().__init__()
        self.l, self.error = nn.Linear(4, 4), error
        self.register_buffer("wide", torch.zeros((), dtype=torch.long))

    def _set(self) -> None:
        meddlers.STEP.set(meddlers.STEP.get() + 1)
        decimal.setcontext(decimal.Context(prec=3))

    def reset_parameters(self) -> None:
        self._set()
        self.wide = torch.ones((), dtype=torch.long)
        if self.error is not None:
            raise self.error

    def forward(self, x: Tensor) -> Tensor:
        self._set()
        return self.l(x)[..., : int(self.wide)]


@pytest.mark.parametrize("error", [None, ValueError])
def test_the_context_of_whoever_asks_stays_his_own(error: type[BaseException] | None) -> None:
    with torch.device("meta"):
        module = _Sets(error)
    with decimal.localcontext() as context:
        trace(module, (4,))
        assert (decimal.getcontext() is context, meddlers.STEP.get()) == (True, 0)


def test_the_context_of_whoever_verifies_stays_his_own() -> None:
    called = call_thing(_Sets(), [(4,)], {})
    with decimal.localcontext() as context:
        assert not verify(called.network, module=called).differing
        assert (decimal.getcontext() is context, meddlers.STEP.get()) == (True, 0)


def test_another_context_of_decimals_is_put_back() -> None:
    with decimal.localcontext() as context:
        with everybodys_kept():
            decimal.setcontext(decimal.Context(prec=3))
        assert decimal.getcontext() is context
