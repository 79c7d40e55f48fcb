"""What stands in for a cache of results while a module runs, so that its owner's entries and counts stay his own."""

from __future__ import annotations

import functools
import gc
from collections.abc import Hashable
from typing import Any, Final

CACHE: Final[Any] = functools._lru_cache_wrapper
"""What `functools.cache` and `functools.lru_cache` make."""

_MISSING: Final = object()


class StandIn:
    """A cache of its own around the function of another, which answers with what that one knows.

    Entries that a run adds are the stand-in's. Where code holds it longer than the run, it hands on to the original.

    Args:
        original: the cache that it stands for; it is neither asked nor changed while the run lasts.
        function: what is called for what the original does not know.

    Attributes:
        cache: what takes the original's place.
        entries: what the original knows, by its keys.
    """

    def __init__(self, original: Any, function: Any) -> None:
        self.entries, mark = _entries(original)
        said = original.cache_parameters()
        self._over = False

        def answer(*args: Any, **kwargs: Any) -> Any:
            if self._over:
                return original(*args, **kwargs)
            if self.entries:
                found = self.entries.get(_key(args, kwargs, mark, typed=said["typed"]), _MISSING)
                if found is not _MISSING:
                    return found
            return function(*args, **kwargs)

        self.cache: Any = functools.lru_cache(**said)(answer)
        self._forget = self.cache.cache_clear
        vars(self.cache).update(vars(original), __wrapped__=function, cache_clear=self._clear)

    def _clear(self) -> None:
        self.entries.clear()
        self._forget()

    def end(self) -> None:
        """The run is over: who still holds the stand-in is answered by the original."""
        self._over = True
        self._forget()


def _entries(cache: Any) -> tuple[dict[Hashable, Any], Any]:
    """What a cache knows by its keys, and what stands there between places and names; nothing where it does not show.

    A cache does not tell its entries, but the garbage collector sees all that it holds: a dictionary, and where the
    entries are bounded, key, value and kind of each link of a chain, the longest unused first.
    """
    held = gc.get_referents(cache)
    mark = next((each for each in held if type(each) is object), None)
    many = cache.cache_info().currsize
    for inside in held:
        if type(inside) is not dict or inside is vars(cache) or len(inside) != many or not many:
            continue
        if cache.cache_parameters()["maxsize"] is None:
            return dict(inside), mark
        link = type(next(iter(inside.values())))
        keys = set(map(id, inside))
        triples = zip(held, held[1:], held[2:], strict=False)
        found = {key: result for key, result, kind in triples if kind is link and id(key) in keys}
        if len(found) == many:
            return found, mark
    return {}, mark


def _key(args: tuple[Any, ...], kwargs: dict[str, Any], mark: Any, *, typed: bool) -> Any:
    """What Python looks a call up by."""
    if not typed and not kwargs:
        return args[0] if len(args) == 1 and type(args[0]) in (int, str) else args
    key = args
    if kwargs:
        key += (mark, *(each for pair in kwargs.items() for each in pair))
    if typed:
        key += (*map(type, args), *map(type, kwargs.values()))
    return key


__all__ = ["CACHE", "StandIn"]
