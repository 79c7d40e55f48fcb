"""A module of JAX's as a jaxpr: traced without values, at inference; nothing of the module changes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import jax

from archscope.importing.jax.marks import Use, watched
from archscope.importing.jax.things import Library, is_state, library_of
from archscope.layers.base import Weight
from archscope.theirs import THEIRS

_SWITCHES: Final = {"train": False, "training": False, "is_training": False, "deterministic": True, "inference": True}
"""Arguments that say that a module is at inference, for where nobody says it."""


class Stopped(Exception):
    """Their code raised something in this call: ``__cause__``."""


@contextmanager
def stopping() -> Iterator[None]:
    """Run somebody's code, and tell what it raises from what archscope raises."""
    try:
        yield
    except THEIRS as error:
        raise Stopped from error


class Traced(NamedTuple):
    """A module's call.

    Attributes:
        jaxpr: what it computes, closed over what it found in its surroundings.
        weights: the weights that are its first arguments, None for other state.
        inputs: the names of the arguments that come then.
        uses: the calls of modules in it.
    """

    jaxpr: Any
    weights: tuple[Weight | None, ...]
    inputs: tuple[str, ...]
    uses: Sequence[Use]


def traced(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any], extra: Any) -> Traced:
    """The jaxpr of a call.

    Args:
        module: of Flax NNX or Equinox.
        args: what it is called with, arrays described by `jax.ShapeDtypeStruct`, with the batch in front.
        kwargs: what it is called with by name.
        extra: the state beside an Equinox module; None where there is none.

    Raises:
        Stopped: their code raised something; what is raised otherwise is archscope's own fault.
    """
    weights, run, classes = _opened(module, extra)
    arrays, form = jax.tree.flatten((tuple(args), dict(kwargs)))
    places = [place for place, each in enumerate(arrays) if isinstance(each, jax.ShapeDtypeStruct)]
    names = _names(args, kwargs, module)
    paths: dict[int, str] = {}

    def called(values: list[Any], *given: Any) -> list[Any]:
        filled = list(arrays)
        for place, value in zip(places, given, strict=True):
            filled[place] = value
        return run(values, *jax.tree.unflatten(form, filled), paths)

    held = [jax.ShapeDtypeStruct(each.shape, each.dtype) for _, _, each in weights]
    with watched(classes, lambda each, within: _path(paths, each, within)) as uses:
        jaxpr = jax.make_jaxpr(called)(held, *(arrays[place] for place in places))
    described = tuple(_weight(name, trainable, each) for name, trainable, each in weights)
    return Traced(jaxpr, described, tuple(names[place] for place in range(len(places))), uses)


def held_by(module: Any, extra: Any) -> tuple[Held, Run]:
    """What a module holds by name, and a function that calls it with such values, as at inference.

    Args:
        module: of Flax NNX or Equinox.
        extra: the state beside an Equinox module; None where there is none.
    """
    weights, run, _ = _opened(module, extra)
    return weights, run


def _opened(module: Any, extra: Any) -> tuple[Held, Run, set[type]]:
    return (_nnx if library_of(module) is Library.NNX else _equinox)(module, extra)


def _path(paths: Mapping[int, str], module: Any, within: Sequence[Use]) -> str:
    """Where a module is; one that a transformation has put together anew is called like its class."""
    if id(module) in paths:
        return paths[id(module)]
    above = within[-1].path if within else ""
    return f"{above}.{type(module).__name__.lower()}".lstrip(".")


def _weight(name: str, trainable: bool | None, array: Any) -> Weight | None:
    if trainable is None:
        return None
    return Weight(name, tuple(map(int, array.shape)) or (1,), trainable, str(array.dtype))


def _names(args: Sequence[Any], kwargs: Mapping[str, Any], module: Any) -> list[str]:
    """What each array is called: as the parameter that it is given to, those by name in JAX's order, the alphabet's."""
    own = list(parameters_of(module))
    found: list[str] = []
    placed = [(own[place] if place < len(own) else f"input{place}", each) for place, each in enumerate(args)]
    for name, each in (*placed, *sorted(kwargs.items())):
        count = len([leaf for leaf in jax.tree.leaves(each) if isinstance(leaf, jax.ShapeDtypeStruct)])
        found += [name] if count == 1 else [f"{name}{place}" for place in range(count)]
    return found


def parameters_of(module: Any) -> dict[str, inspect.Parameter]:
    """What a module's ``__call__`` takes, by name."""
    try:
        return dict(inspect.signature(module.__call__).parameters)
    except (TypeError, ValueError):
        return {}


def filled(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name with those that say that it is at inference, and a key where one is wanted."""
    found = dict(kwargs)
    for place, (name, each) in enumerate(parameters_of(module).items()):
        if place < len(args) or name in found or each.default is not each.empty:
            continue
        if name in _SWITCHES:
            found[name] = _SWITCHES[name]
    return found


Held = list[tuple[str, "bool | None", Any]]
"""Arrays by name, and whether they are trained; None for what is no weight, such as a random key."""
Run = Callable[..., list[Any]]


def _nnx(module: Any, _: Any) -> tuple[Held, Run, set[type]]:
    from flax import nnx

    with stopping():
        graph, state = nnx.split(module)
        flat = list(nnx.to_flat_state(state))
    held: Held = []
    for path, variable in flat:
        kind = True if isinstance(variable, nnx.Param) else None if isinstance(variable, nnx.RngState) else False
        value = variable.get_value() if isinstance(variable, nnx.Variable) else variable
        held.append((".".join(map(str, path)), kind, value))

    def run(values: list[Any], args: Any, kwargs: Any, paths: dict[int, str]) -> list[Any]:
        changed = [(path, each.replace(value) if isinstance(each, nnx.Variable) else value)
                   for (path, each), value in zip(flat, values, strict=True)]  # fmt: skip
        made = nnx.merge(graph, nnx.from_flat_state(changed))
        with stopping():
            made.eval()
        for path, each in nnx.iter_modules(made):
            paths.setdefault(id(each), ".".join(map(str, path)))
        with stopping():
            return _arrays(made(*args, **kwargs))

    classes = {owner for _, each in nnx.iter_modules(module) for owner in type(each).__mro__}
    return held, run, classes


def _equinox(module: Any, state: Any) -> tuple[Held, Run, set[type]]:
    import equinox as eqx

    both, form = jax.tree_util.tree_flatten_with_path((module, state))
    own = [
        place for place, (_, each) in enumerate(both) if eqx.is_array(each) or isinstance(each, jax.ShapeDtypeStruct)
    ]
    kept = _of_state(module, state)
    wants = parameters_of(module)
    held: Held = []
    for place in own:
        path, value = both[place]
        numbers = jax.dtypes.issubdtype(value.dtype, jax.numpy.inexact)
        name = kept.get(id(value)) or ".".join(_step(each) for each in path[1:])
        held.append((name, numbers and id(value) not in kept if numbers or id(value) in kept else None, value))

    def run(values: list[Any], args: Any, kwargs: Any, paths: dict[int, str]) -> list[Any]:
        leaves = [each for _, each in both]
        for place, value in zip(own, values, strict=True):
            leaves[place] = value
        made, beside = jax.tree.unflatten(form, leaves)
        made = eqx.nn.inference_mode(made)
        for path, each in modules_of(made, ""):
            paths.setdefault(id(each), path)

        def sample(args: Any, kwargs: Any) -> list[Any]:
            more = {} if state is None else {"state": beside} if "state" in wants else {}
            if "key" in wants and wants["key"].default is wants["key"].empty and "key" not in kwargs:
                more["key"] = jax.random.key(0)
            with stopping():
                return _arrays(made(*args, **more, **kwargs))

        axes = jax.tree.map(lambda each: 0 if isinstance(each, jax.Array) else None, (args, kwargs))
        made_of_all: list[Any] = jax.vmap(sample, in_axes=axes, axis_name="batch")(args, kwargs)
        return made_of_all

    classes = {owner for _, each in modules_of(module, "") for owner in type(each).__mro__}
    return held, run, classes


def _of_state(module: Any, state: Any) -> dict[int, str]:
    """The names of arrays that Equinox keeps beside a module, by identity: those of the layers that they are of."""
    import equinox as eqx

    if state is None:
        return {}
    indices = jax.tree_util.tree_flatten_with_path(module, is_leaf=lambda each: isinstance(each, eqx.nn.StateIndex))[0]
    found: dict[int, str] = {}
    for path, each in indices:
        if isinstance(each, eqx.nn.StateIndex):
            own = jax.tree.leaves(state.get(each))
            name = ".".join(map(_step, path))
            found |= {id(leaf): name if len(own) == 1 else f"{name}.{place}" for place, leaf in enumerate(own)}
    return found


def _step(key: Any) -> str:
    for name in ("name", "idx", "key"):
        if hasattr(key, name):
            return str(getattr(key, name))
    return str(key)


def modules_of(thing: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Equinox modules in a module, each with its path."""
    if library_of(thing) is Library.EQUINOX:
        yield path, thing
        parts = [(name, value) for name, value in vars(thing).items()]
    elif isinstance(thing, Mapping):
        parts = [(str(name), value) for name, value in thing.items()]
    elif isinstance(thing, (list, tuple)):
        parts = [(str(place), value) for place, value in enumerate(thing)]
    else:
        return
    for name, value in parts:
        yield from modules_of(value, f"{path}.{name}".lstrip("."))


def _arrays(made: Any) -> list[Any]:
    """The arrays that a call has made, without the state that it hands on."""
    flat = jax.tree.leaves(made, is_leaf=is_state)
    return [each for each in flat if isinstance(each, jax.Array)]
