"""A module of JAX's by the name of what makes it; nothing of JAX is imported here that nobody has imported."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from archscope.errors import UsageError, require_torch
from archscope.importing.jax.things import Made, found_in, is_loaded
from archscope.theirs import (
    THEIRS,
    arguments,
    check_library,
    check_options,
    heard_apart,
    imported,
    raised,
    refuse_missing,
)


def made_by(factory: str, options: Mapping[str, Any] | None) -> Made | None:
    """What a factory makes, if that is a module of JAX's; None where it may be one of PyTorch's.

    Raises:
        UsageError: it cannot be imported or called, or raises; says what and where.
        MissingExtra: it wants a package that is not installed.
    """
    try:
        found = imported(factory)
    except UsageError:
        if find_spec("torch") is None:
            require_torch(f"reading `{factory}`")
        raise
    check_library(factory, found)
    if not is_loaded():
        return None
    if found_in(found) is not None:
        if options is not None:
            raise UsageError(f"`--kwargs` are for a function that makes a module, and `{factory}` is a module already")
        return _made(found)
    if not callable(found) or _is_torchs(found):
        return None
    said = dict(options or {})
    check_options(factory, found, {**_keys(found), **said})
    making = _with_state(found)

    def again() -> Any:
        """What it makes, with values."""
        try:
            with heard_apart():
                return making(**{**_keys(found), **said})
        except THEIRS as error:
            refuse_missing(error, factory)
            raise UsageError(f"`{factory}` raised {raised(error)}") from error

    # A factory that looks at values, or keeps them elsewhere, does not run without them.
    with suppress(*THEIRS), heard_apart():
        described = _described(lambda: making(**{**_keys(found), **said}))
        if described is not None:
            return Made(*described, lambda: _made(again()))
    made = again()
    check_library(factory, made)
    return None if found_in(made) is None else _made(made)


def _with_state(found: Any) -> Any:
    """A class of Equinox whose modules are called with a state makes that beside them; any other as it is."""
    equinox = sys.modules.get("equinox")
    if equinox is None or not isinstance(found, type) or not issubclass(found, equinox.Module):
        return found
    called = next((vars(each)["__call__"] for each in found.__mro__ if "__call__" in vars(each)), None)
    state = None if called is None else inspect.signature(called).parameters.get("state")
    return found if state is None or state.default is not state.empty else equinox.nn.make_with_state(found)


def _described(make: Callable[[], Any]) -> tuple[Any, Any] | None:
    """A module and what Equinox keeps beside it, their arrays described; None where they are no such.

    Drawing the weights of a network of some size takes JAX seconds, and no number depends on them.
    """
    import jax

    flax, equinox = sys.modules.get("flax.nnx"), sys.modules.get("equinox")
    form: list[Callable[[Any], tuple[Any, Any]]] = []

    def arrays() -> Any:
        made = make()
        if found_in(made) is None:
            return None
        if flax is not None and isinstance(made, flax.Module):
            graph, state = flax.split(made)
            form.append(lambda shapes: (flax.merge(graph, shapes), None))
            return state
        both = made if isinstance(made, tuple) else (made, None)
        held, rest = equinox.partition(both, equinox.is_array)  # type: ignore[union-attr]
        form.append(lambda shapes: equinox.combine(shapes, rest))  # type: ignore[union-attr]
        return held

    shapes = jax.eval_shape(arrays)
    return form[0](shapes) if form else None


def _keys(factory: Any) -> dict[str, Any]:
    """The random keys that a factory wants, as each library calls them; no number depends on them."""
    called = factory.__init__ if isinstance(factory, type) else factory  # type: ignore[misc]
    try:
        wanted = {name for name, each in inspect.signature(called).parameters.items() if each.default is each.empty}
    except (TypeError, ValueError):
        return {}
    flax, jax = sys.modules.get("flax.nnx"), sys.modules.get("jax")
    made: dict[str, Any] = {}
    if "rngs" in wanted and flax is not None:
        made["rngs"] = flax.Rngs(0)
    if "key" in wanted and jax is not None:
        made["key"] = jax.random.key(0)
    return made


def _made(thing: Any) -> Made:
    return Made(found_in(thing), thing[1] if isinstance(thing, tuple) else None)


def _is_torchs(thing: Any) -> bool:
    """Whether it is a module of PyTorch's, its class, or a function whose author speaks of PyTorch alone.

    Such a function is not called to see what comes: PyTorch's way makes its module on meta, here it would have weights.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    if isinstance(thing, type):
        return issubclass(thing, torch.nn.Module)
    return isinstance(thing, torch.nn.Module) or _libraries(thing) == {"torch"}


def _libraries(function: Any) -> set[str]:
    """Which of the libraries that have modules a function's file speaks of, or the function itself where it imports."""
    named = getattr(function, "__globals__", {}).values()
    spoken = [
        *getattr(getattr(function, "__code__", None), "co_names", ()),
        *(each.__name__ if inspect.ismodule(each) else getattr(each, "__module__", None) for each in named),
    ]
    return {str(name).partition(".")[0] for name in spoken} & {"torch", "jax", "flax", "equinox"}


def example(name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a function of a person's says to call their module with: a tuple in order, a mapping by name, or both.

    Raises:
        UsageError: it cannot be imported or called, or raises; says what and where.
    """
    found = imported(name)
    if callable(found):
        check_options(name, found, {})
        try:
            with heard_apart():
                found = found()
        except THEIRS as error:
            raise UsageError(f"the example `{name}` raised {raised(error)}") from error
    return arguments(found)
