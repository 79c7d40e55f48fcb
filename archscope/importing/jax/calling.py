"""How a module of JAX's is called: what was said is taken as it is, and types that nobody stated are tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, Final, NamedTuple

import jax
import numpy as np

from archscope.errors import UsageError
from archscope.importing.jax.reading import read_traced
from archscope.importing.jax.things import JaxCalled, Library, is_state, library_of
from archscope.importing.jax.tracing import Stopped, Traced, filled, parameters_of, traced
from archscope.layers.base import Shape, spell_shape
from archscope.network import Network
from archscope.record import Record
from archscope.theirs import Unusual, heard_apart, raised

_WHOLE: Final = re.compile(r"(.*_)?(ids?|idx|index|indices|labels?|targets?|tokens?|words?|timesteps?)", re.IGNORECASE)
"""Names of inputs that are mostly whole numbers."""

_DTYPES: Final = {"int64": "int32", "float64": "float32"}
"""Types that JAX holds in fewer bits, unless it is told otherwise."""


class Sample(Record):
    """An input that is described.

    Attributes:
        shape: extents of one sample, without the batch.
        dtype: its type of numbers; None where nobody said.
    """

    shape: Shape
    dtype: str | None = None


class _Call(NamedTuple):
    """A module with what it is called with, and what Equinox keeps beside it."""

    module: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    state: Any


def described(value: Any) -> Any:
    """What a module is called with: a tuple of whole numbers is the shape of a sample, an array its own description.

    >>> described((28, 28, 1)), described([(8,), 2.5])
    (Sample(shape=(28, 28, 1), dtype=None), [Sample(shape=(8,), dtype=None), 2.5])
    """
    if isinstance(value, (tuple, list)) and not hasattr(value, "_fields") and (value or isinstance(value, tuple)):
        if all(isinstance(each, int) and not isinstance(each, bool) for each in value):
            if any(each < 1 for each in value):
                raise UsageError(f"{spell_shape(value)} is no shape: every axis has a length of one or more")
            return Sample(tuple(value))
        return type(value)(described(each) for each in value)
    if isinstance(value, Mapping) and type(value) is dict:
        return {name: described(each) for name, each in value.items()}
    if isinstance(value, (jax.Array, np.ndarray)):
        return jax.ShapeDtypeStruct(value.shape, jax.dtypes.canonicalize_dtype(value.dtype))
    return value


def call_module(
    thing: Any, args: Sequence[Any], kwargs: Mapping[str, Any], *, name: str | None = None, path: str = "",
    batch: int | None = None, extra: Any = None,
) -> JaxCalled:  # fmt: skip
    """Read a module that is called so.

    Args:
        thing: of Flax NNX or Equinox.
        args: what it is called with, as `described` has it.
        kwargs: what it is called with by name.
        name: what the network is called; the module's class, if left out.
        path: what it can be opened by again.
        batch: samples that run at once; one, if left out.
        extra: what Equinox keeps beside the module.

    Raises:
        UsageError: it takes other inputs, or does not run on these; says where it stops and why.
    """
    called = name or type(thing).__name__
    if not callable(thing):
        raise UsageError(f"{called} is no module that can be called: it has no `__call__`")
    extra = next((each for each in args if is_state(each)), extra)
    args = [each for each in args if not is_state(each)]
    kwargs = filled(thing, args, kwargs)
    if not any(_is_input(each) for each in jax.tree.leaves((args, kwargs), is_leaf=_is_input)):
        raise UsageError(f"`{called}` does not say what it takes; state the shape of its input without the batch, as "
                         f"it takes it: {path.partition('@')[0] + '@28,28,1' if path else '(28, 28, 1)'}")  # fmt: skip
    stopped: BaseException | None = None
    whole = _takes_whole(thing, args, kwargs)
    for usual in ("int32", "float32") if whole else ("float32", "int32"):
        given, named, size = _filled(thing, args, kwargs, batch, usual)
        found = _read(_Call(thing, given, named, extra), called, path, size)
        if isinstance(found, JaxCalled):
            return found
        stopped = stopped or found
    why = "" if stopped is None else raised(stopped)
    if isinstance(stopped, (AttributeError, NameError)):
        raise UsageError(f"{called} does not run: {why}") from stopped
    raise UsageError(f"{called} does not run on such inputs: {why}; write a sample's shape as the module takes it, "
                     "with channels last in Flax: --input 28,28,1, or ids=128:int32") from stopped  # fmt: skip


def _read(call: _Call, name: str, path: str, batch: int) -> JaxCalled | BaseException:
    """A call with its network, which reads it anew with other shapes of its inputs; or what their code raised."""
    found = _run(*call)
    if not isinstance(found, Traced):
        return found
    # Outside of what watches their code: what goes wrong from here on is archscope's own fault.
    network, lies = read_traced(found, call.module, name=name, path=path, batch=batch)

    def again(shapes: Mapping[str, Shape]) -> Network:
        own = dict(zip(found.inputs, network.inputs, strict=True))
        other = {name: shapes[each] for name, each in own.items() if shapes.get(each, network.inputs[each])
                 != network.inputs[each]}  # fmt: skip
        args, kwargs = _reshaped(call, found.inputs, other, lies.maps)
        anew = _read(call._replace(args=args, kwargs=kwargs), name, path, batch)
        if isinstance(anew, JaxCalled):
            return anew.network
        raise UsageError(f"{name} does not run on such inputs: {raised(anew)}") from anew

    return JaxCalled(*call, network.replace(again=again), lies)


def _reshaped(
    call: _Call, names: Sequence[str], shapes: Mapping[str, Shape], maps: Container[str]
) -> tuple[list[Any], dict[str, Any]]:
    """What a module is called with where some inputs have other shapes, with the batch as it was."""
    left = iter(names)

    def changed(value: Any) -> Any:
        if not isinstance(value, jax.ShapeDtypeStruct):
            return value
        shape = shapes.get(name := next(left))
        if shape is None:
            return value
        sample = (*shape[1:], shape[0]) if name in maps else shape
        return jax.ShapeDtypeStruct((*value.shape[: len(value.shape) - len(sample)], *sample), value.dtype)

    args, kwargs = jax.tree.map(changed, (tuple(call.args), dict(call.kwargs)))
    return list(args), kwargs


def _run(thing: Any, args: Sequence[Any], kwargs: Mapping[str, Any], extra: Any) -> Traced | BaseException:
    """The jaxpr of a call, or what their code raised in it."""
    try:
        with heard_apart():
            return traced(thing, args, kwargs, extra)
    except Stopped as error:
        return error.__cause__ or error
    except Unusual as error:
        return error


def _is_input(value: Any) -> bool:
    return isinstance(value, (Sample, jax.ShapeDtypeStruct))


def _takes_whole(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether what nobody stated is mostly whole numbers, by its name."""
    own = list(parameters_of(module))
    named = [*zip(own, args, strict=False), *kwargs.items()]
    return any(isinstance(each, Sample) and each.dtype is None and _WHOLE.fullmatch(name) for name, each in named)


def _filled(
    module: Any, args: Sequence[Any], kwargs: Mapping[str, Any], batch: int | None, usual: str
) -> tuple[list[Any], dict[str, Any], int]:  # fmt: skip
    """The call with arrays of so many samples, and how many these are."""
    equinox = library_of(module) is Library.EQUINOX
    there = [each for each in jax.tree.leaves((args, kwargs), is_leaf=_is_input)
             if isinstance(each, jax.ShapeDtypeStruct) and each.shape]  # fmt: skip
    size = batch or (int(there[0].shape[0]) if there and not equinox else 1)

    def array(value: Any) -> Any:
        if isinstance(value, Sample):
            dtype = value.dtype or usual
            return jax.ShapeDtypeStruct((size, *value.shape), jax.numpy.dtype(_DTYPES.get(dtype, dtype)))
        if isinstance(value, jax.ShapeDtypeStruct) and equinox:
            return jax.ShapeDtypeStruct((size, *value.shape), value.dtype)
        return value

    change: Callable[[Any], Any] = lambda tree: jax.tree.map(array, tree, is_leaf=_is_input)  # noqa: E731
    return [change(each) for each in args], {name: change(each) for name, each in kwargs.items()}, size
