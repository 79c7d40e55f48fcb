"""A user's caches hold and have counted the same after a module was read, and nothing of the run stays there."""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope import UsageError, analyze, trace
from archscope.tracing.caches import StandIn
from tests.tracing import caching
from tests.tracing.reachable import state_of


@pytest.fixture(autouse=True)
def emptied() -> Iterator[None]:
    yield
    for each in caching.CACHES:
        each.cache_clear()


def held(cache: Any) -> list[Any]:
    """All that a cache holds; one that is bounded shows it in the order of its use."""
    return [id(each) for each in gc.get_referents(cache)]


def around(module: nn.Module) -> list[Any]:
    names = tuple(each for name, each in vars(caching).items() if not name.startswith("__"))
    kind = tuple(each for name, each in vars(caching.Caching).items() if not name.startswith("__"))
    caches = (*caching.CACHES, module.own)
    return [state_of(module, names, kind, caches), [each.cache_info() for each in caches], list(map(held, caches))]


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("error", [None, ValueError("no"), KeyboardInterrupt()])
def test_every_cache_is_as_before(warm: bool, error: BaseException | None) -> None:
    module = caching.Caching()
    if warm:
        module(torch.zeros(2, 4))
        caching.bounded(7)
        caching.bounded(4)  # used last
    if error is not None:
        module.register_forward_hook(lambda *_: (_ for _ in ()).throw(error))
    before = around(module)
    if error is None:
        analyze(module, (4,))
    else:
        with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else UsageError):
            trace(module, (4,))
    assert around(module) == before
    module._forward_hooks.clear()
    assert module(torch.zeros(2, 4)).device.type == "cpu"


def test_what_a_user_has_cached_decides_what_runs() -> None:
    class Wide(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x @ torch.ones(4, caching.settings()["width"], device=x.device)

    assert analyze(Wide(), (4,)).totals.macs == 16
    caching.settings()["width"] = 8
    assert analyze(Wide(), (4,)).totals.macs == 32
    assert caching.settings() == {"width": 8}


def test_what_a_module_has_cached_of_its_own_decides_what_runs() -> None:
    width = [4]

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = functools.lru_cache(lambda of: width[0])

        def forward(self, x: Tensor) -> Tensor:
            return x @ torch.ones(4, self.wide(self), device=x.device)

    module = Own()
    module(torch.zeros(1, 4))
    width[0] = 8
    assert analyze(module, (4,)).totals.macs == 16
    module.wide.cache_clear()
    assert analyze(module, (4,)).totals.macs == 32
    assert module.wide.cache_info().currsize == 0


@pytest.mark.parametrize(
    "options", [{}, {"maxsize": 3}, {"maxsize": None}, {"typed": True}, {"maxsize": None, "typed": True}]
)
def test_a_stand_in_knows_what_the_original_knows(options: dict[str, Any]) -> None:
    calls: list[Any] = []

    @functools.lru_cache(**options)
    def asked(*args: Any, **kwargs: Any) -> Any:
        calls.append((args, kwargs))
        return (args, kwargs), "x"

    known: list[Any] = [((1, "x"), {}), (("x",), {}), ((), {"a": "x", "b": 2})]
    for args, kwargs in known:
        asked(*args, **kwargs)
    before, info = held(asked), asked.cache_info()
    stand_in = StandIn(asked, asked.__wrapped__).cache
    calls.clear()
    assert [stand_in(*args, **kwargs) for args, kwargs in known] == [(each, "x") for each in known]
    assert calls == []
    new: list[Any] = [((), {"b": 2, "a": "x"}), ((("x",),), {}), ((), {"a": "y"}), ((1, "y"), {})]
    for args, kwargs in new:
        stand_in(*args, **kwargs)
    assert calls == new
    stand_in(1.0, "x")
    assert len(calls) == len(new) + options.get("typed", False)  # 1 and 1.0 are one value of two types
    assert (held(asked), asked.cache_info()) == (before, info)
    stand_in.cache_clear()
    stand_in("x")
    assert calls[-1] == known[1]


def test_a_cache_that_keeps_nothing_is_called_each_time() -> None:
    calls = []
    asked = functools.lru_cache(maxsize=0)(calls.append)
    stand_in = StandIn(asked, asked.__wrapped__).cache
    stand_in(1), stand_in(1)
    assert (calls, asked.cache_info().misses) == ([1, 1], 0)


def test_a_cache_that_lies_in_a_set_keeps_nothing_of_a_run() -> None:
    class Loose(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            (cache,) = caching.LOOSE
            return x + cache(4)  # type: ignore[no-any-return]

    (cache,) = caching.LOOSE
    trace(Loose(), (4,))
    assert cache.cache_info().currsize == 0
    assert cache(4).device.type == "cpu"
    cache.cache_clear()


def test_who_holds_a_stand_in_longer_than_the_run_is_answered_by_the_original() -> None:
    kept: list[Any] = []

    class Keeps(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            caching.boundless(4)
            kept_by_others(caching.boundless)
            return x + caching.boundless(4)

    def kept_by_others(function: Any) -> None:
        sink.send(function)

    def taking() -> Iterator[None]:
        while True:
            kept.append((yield))

    sink: Any = taking()
    next(sink)
    trace(Keeps(), (4,))
    assert all(each(4) is caching.boundless(4) for each in kept)
    assert caching.boundless(4).device.type == "cpu"


def test_a_result_that_is_a_key_as_well_is_no_key_of_what_lies_behind_it() -> None:
    count = functools.lru_cache(maxsize=8)(lambda number: number + 1)
    assert (count(2), count(1)) == (3, 2)  # 2 is a key, and what 1 gives
    stand = StandIn(count, lambda number: -1)
    assert stand.entries == {2: 3, 1: 2}
    assert (stand.cache(1), stand.cache(2), stand.cache(3)) == (2, 3, -1)
