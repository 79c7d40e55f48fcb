"""Where each module's call begins and ends in a jaxpr: two primitives that hand their values on.

While a module is traced, its classes' ``__call__`` is watched. A context of JAX's own keeps what is traced then out of
everybody else's caches, and the classes are as before afterwards.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import jax
from jax.extend import core
from jax.interpreters import ad, batching, mlir


class Use(NamedTuple):
    """One call of a module.

    Attributes:
        path: where the module is.
        module: the module itself, as it was when it was called.
        args: what it was called with.
        kwargs: what it was called with by name.
    """

    path: str
    module: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


Paths = Callable[[Any, list[Use]], str]
"""Says where a module is, from itself and the calls that it stands in."""


def owner_of(module: Any) -> type | None:
    """The class whose ``__call__`` a module has: a library's, or a person's own."""
    return next((each for each in type(module).__mro__ if "__call__" in each.__dict__), None)


def _mark(name: str) -> core.Primitive:
    mark = core.Primitive(name)
    mark.multiple_results = True
    mark.def_impl(lambda *values, **_: list(values))
    mark.def_abstract_eval(lambda *values, **_: list(values))
    batching.primitive_batchers[mark] = functools.partial(_batched, mark)
    ad.primitive_jvps[mark] = functools.partial(_differentiated, mark)
    mlir.register_lowering(mark, lambda _, *values, **__: list(values))
    return mark


def _batched(mark: core.Primitive, values: Any, dims: Any, **params: Any) -> Any:
    """Several samples at once, in front."""
    front = [
        value if dim is None else jax.numpy.moveaxis(value, dim, 0) for value, dim in zip(values, dims, strict=True)
    ]
    return mark.bind(*front, **params), [None if dim is None else 0 for dim in dims]


def _differentiated(mark: core.Primitive, values: Any, tangents: Any, **params: Any) -> Any:
    return mark.bind(*values, **params), list(tangents)


BEGINS: Final = _mark("archscope_begins")
ENDS: Final = _mark("archscope_ends")

_WATCHED: Final = jax.make_user_context(None)


@contextmanager
def watched(classes: set[type], paths: Paths) -> Iterator[list[Use]]:
    """Watch calls of some classes; the calls so far, by number.

    Args:
        classes: those whose ``__call__`` is watched.
        paths: says where a module is.
    """
    uses: list[Use] = []
    within: list[Use] = []
    own = [(each, each.__dict__["__call__"]) for each in classes if "__call__" in each.__dict__]
    try:
        for each, call in own:
            type.__setattr__(each, "__call__", _watching(each, call, uses, within, paths))
        with _WATCHED(object()):
            yield uses
    finally:
        for each, call in own:
            type.__setattr__(each, "__call__", call)


def _watching(owner: type, call: Any, uses: list[Use], within: list[Use], paths: Paths) -> Any:
    def marked(self: Any, *args: Any, **kwargs: Any) -> Any:
        bound = call.__get__(self, owner)
        if within and within[-1].module is self:
            return bound(*args, **kwargs)  # what its parent class does, as a part of its own call
        number, use = len(uses), Use(paths(self, within), self, args, kwargs)
        uses.append(use)
        within.append(use)
        ended = False
        try:
            given = _handed(BEGINS, args, number)
            made = _handed(ENDS, bound(*given, **kwargs), number)
            ended = True
            return made
        finally:
            within.pop()
            if not ended:
                ENDS.bind(call=number)

    return marked


def _handed(mark: core.Primitive, values: Any, number: int) -> Any:
    """Values with a mark on the arrays among them."""
    flat, form = jax.tree.flatten(values)
    places = [place for place, each in enumerate(flat) if _is_array(each)]
    for place, value in zip(places, mark.bind(*(flat[each] for each in places), call=number), strict=True):
        flat[place] = value
    return jax.tree.unflatten(form, flat)


def _is_array(thing: Any) -> bool:
    return isinstance(thing, jax.Array) and not jax.dtypes.issubdtype(thing.dtype, jax.dtypes.prng_key)
