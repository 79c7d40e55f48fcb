"""What JAX itself sees of a module's call: the shapes that leave each module, and XLA's count of each product.

The call is traced anew, in a copy of the module whose submodules tell where they begin and what they make. How
archscope reads a jaxpr has no part in it, nor have its rules: of every product XLA's own cost analysis is asked. A
distance from a weight that is squared and added up is no product there, and is one multiply-accumulate a value here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

import jax

from archscope.importing.jax.things import JaxCalled, Library, is_state, library_of
from archscope.importing.jax.tracing import modules_of, parameters_of
from archscope.oracles.leaves import Held

Shape = tuple[int, ...]

_INSIDE: Final = re.compile(r"archscope_in_(\d+)")
_MADE: Final = re.compile(r"archscope_made_(\d+)")
_PRODUCTS: Final = frozenset({"dot_general", "conv_general_dilated"})


class Seen(NamedTuple):
    """What was seen of one call.

    Attributes:
        paths: the modules, each by its path.
        outputs: by module, the shape of the first array that each of its calls makes; none for what runs in a loop.
        macs: by module, products in its own call without those of the modules in it; those with padding are left out.
        unknown: by module, why there are more than these.
        held: the arrays of the module.
    """

    paths: tuple[str, ...]
    outputs: dict[str, list[Shape]]
    macs: dict[str, int]
    unknown: dict[str, str]
    held: tuple[Held, ...]


def seen_of(called: JaxCalled) -> Seen:
    """Trace a module's call and look at it; its errors are the module's."""
    found = (_nnx if library_of(called.module) is Library.NNX else _equinox)(called)
    counting = _Counting(found.paths)
    whole = found.jaxpr.jaxpr
    counting.walk(whole, "", 1, dict.fromkeys(whole.invars[: -found.given], _Role.HELD))
    return Seen(found.paths, counting.outputs, counting.macs, counting.unknown, found.held)


class _Traced(NamedTuple):
    paths: tuple[str, ...]
    jaxpr: Any
    given: int
    held: tuple[Held, ...]


class _Role(Enum):
    """What a variable is to a sum of squared distances."""

    HELD = "it comes of weights alone"
    APART = "a difference from one of those"
    SQUARED = "the square of that"


def _nnx(called: JaxCalled) -> _Traced:
    from flax import nnx

    graph, state = nnx.split(called.module)
    paths = tuple(".".join(map(str, path)) for path, _ in nnx.iter_modules(called.module))

    def run(state: Any, args: Any, kwargs: Any) -> Any:
        made = nnx.merge(graph, state)
        made.eval()
        _tell([each for _, each in nnx.iter_modules(made)])
        return _arrays(made(*args, **kwargs))

    held = tuple(
        Held(".".join(map(str, path[:-1])), int(variable.get_value().size), isinstance(variable, nnx.Param))
        for path, variable in nnx.to_flat_state(state)
        if isinstance(variable, nnx.Variable) and not isinstance(variable, nnx.RngState)
    )
    return _Traced(paths, *_jaxpr(run, (state,), called), held)


def _equinox(called: JaxCalled) -> _Traced:
    import equinox as eqx

    arrays, form = eqx.partition((called.module, called.state), _is_array)
    wants = parameters_of(called.module)
    paths = tuple(path for path, _ in modules_of(called.module, ""))

    def run(arrays: Any, args: Any, kwargs: Any) -> Any:
        made, state = eqx.combine(arrays, form)
        made = eqx.nn.inference_mode(made)
        _tell([each for _, each in modules_of(made, "")])
        more = {"state": state} if state is not None and "state" in wants else {}
        if "key" in wants and wants["key"].default is wants["key"].empty and "key" not in kwargs:
            more["key"] = jax.random.key(0)
        axes = jax.tree.map(lambda each: 0 if isinstance(each, jax.Array) else None, (args, kwargs))
        each = jax.vmap(lambda args, kwargs: _arrays(made(*args, **more, **kwargs)), axes, axis_name="batch")
        return each(args, kwargs)

    whole = jax.tree_util.tree_flatten_with_path(called.module)[0]
    held = [Held(".".join(map(_step, path[:-1])), int(each.size), trained=True) for path, each in whole
            if _is_number(each)]  # fmt: skip
    kept = [Held("", int(each.size), trained=False) for each in jax.tree.leaves(called.state) if _is_number(each)]
    return _Traced(paths, *_jaxpr(run, (arrays,), called), (*held, *kept))


def _jaxpr(run: Callable[..., Any], held: tuple[Any, ...], called: JaxCalled) -> tuple[Any, int]:
    """The jaxpr of a call, and how many of its last variables are what is given; no array is handed on as it is."""
    flat, form = jax.tree.flatten((tuple(called.args), dict(called.kwargs)))
    places = [place for place, each in enumerate(flat) if isinstance(each, jax.ShapeDtypeStruct)]

    def filled(held: tuple[Any, ...], values: Sequence[Any]) -> Any:
        whole = list(flat)
        for place, value in zip(places, values, strict=True):
            whole[place] = value
        return run(*held, *jax.tree.unflatten(form, whole))

    return jax.make_jaxpr(filled)(held, [flat[place] for place in places]), len(places)


def _tell(modules: Sequence[Any]) -> None:
    """Make modules tell where their calls begin and what they make; they are a copy, and of classes of their own."""
    numbers = {id(each): number for number, each in enumerate(modules)}
    classes: dict[type, type] = {}
    for each in modules:
        kind = type(each)
        if callable(each):
            if kind not in classes:
                classes[kind] = _telling(kind, numbers)
            object.__setattr__(each, "__class__", classes[kind])


def _telling(kind: Any, numbers: dict[int, int]) -> type:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        number = numbers.get(id(self))
        if number is None:  # a transformation has put it together anew: it belongs to what it stands in
            return kind.__call__(self, *args, **kwargs)
        with jax.named_scope(f"archscope_in_{number}"):
            made = kind.__call__(self, *args, **kwargs)
        flat, form = jax.tree.flatten(made, is_leaf=is_state)
        places = [place for place, each in enumerate(flat) if isinstance(each, jax.Array)]
        if len({flat[place].shape for place in places}) == 1:  # of several shapes nobody knows which is its output
            flat[places[0]] = _handed_on(number)(flat[places[0]])
        return jax.tree.unflatten(form, flat)

    made: type = type(kind)(kind.__name__, (kind,), {"__call__": call, "__module__": kind.__module__})
    return made


def _handed_on(number: int) -> Any:
    """A function that does nothing, under a name that the jaxpr keeps."""

    def same(value: Any) -> Any:
        return value

    same.__name__ = f"archscope_made_{number}"
    return jax.jit(same)


class _Counting:
    """A walk over a jaxpr and those in it."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._known: dict[str, int] = {}
        self.outputs: dict[str, list[Shape]] = {}
        self.macs: dict[str, int] = {}
        self.unknown: dict[str, str] = {}

    def walk(self, jaxpr: Any, path: str, times: int, roles: dict[Any, _Role]) -> None:
        """Count what operations multiply, in the module whose call they stand in; ``roles`` grows as they go by."""
        for each in jaxpr.eqns:
            scopes = _INSIDE.findall(str(each.source_info.name_stack))
            within = self._paths[int(scopes[-1])] if scopes else path
            name = each.primitive.name
            made = _MADE.fullmatch(str(each.params.get("name", "")))
            if made is not None:
                shapes = self.outputs.setdefault(self._paths[int(made[1])], [])
                shapes.append(tuple(map(int, each.outvars[0].aval.shape)) if times == 1 else ())
            elif name in _PRODUCTS:
                self.macs[within] = self.macs.get(within, 0) + times * self._asked(each)
            elif name in ("while", "cond"):
                self._by_values(each, within)
            elif name == "reduce_sum" and _of(each.invars[0], roles) is _Role.SQUARED:
                self.macs[within] = self.macs.get(within, 0) + times * math.prod(each.invars[0].aval.shape)
            elif name.startswith("ragged_dot"):
                self.unknown[within] = f"XLA's count of a `{name}` is not that of its operation alone"
            else:
                for inner in _jaxprs(each):
                    known = _renamed(roles, each.invars, inner.invars)
                    self.walk(inner, within, times * int(each.params.get("length", 1)) if name == "scan" else times,
                              known)  # fmt: skip
                    roles |= _renamed(known, inner.outvars, each.outvars)
            role = _role(each, roles)
            if role is not None:
                roles |= dict.fromkeys(each.outvars, role)

    def _by_values(self, equation: Any, path: str) -> None:
        """What runs as often as values say is not known, unless it multiplies nothing, or the same in each case."""
        told = []
        for inner in _jaxprs(equation):
            each = _Counting(self._paths)
            each.walk(inner, path, 1, {})
            told.append((each.macs, each.unknown))
        if equation.primitive.name == "cond" and all(each == told[0] for each in told):
            for within, macs in told[0][0].items():
                self.macs[within] = self.macs.get(within, 0) + macs
            self.unknown |= told[0][1]
        elif any(macs or unknown for macs, unknown in told):
            self.unknown[path] = f"how often a `{equation.primitive.name}` multiplies is not known without values"

    def _asked(self, equation: Any) -> int:
        """XLA's count of one product, halved; it counts a multiplication and an addition, and none with padding."""
        taken = [jax.ShapeDtypeStruct(each.aval.shape, each.aval.dtype) for each in equation.invars]
        key = f"{equation.primitive.name} {[(each.shape, str(each.dtype)) for each in taken]} {equation.params}"
        if key not in self._known:
            alone = jax.jit(lambda *values: equation.primitive.bind(*values, **equation.params))
            cost = alone.lower(*taken).cost_analysis() or {}
            self._known[key] = int(cost.get("flops", 0)) // 2
        return self._known[key]


def _renamed(roles: dict[Any, _Role], names: Sequence[Any], others: Sequence[Any]) -> dict[Any, _Role]:
    """The roles of variables that another jaxpr calls otherwise."""
    if len(names) != len(others):
        return {}
    found = ((other, _of(name, roles)) for name, other in zip(names, others, strict=True))
    return {other: role for other, role in found if role is not None}


def _of(atom: Any, roles: dict[Any, _Role]) -> _Role | None:
    """The role of a variable; a number that stands in the jaxpr has none, and cannot be a key."""
    return None if hasattr(atom, "val") else roles.get(atom)


def _role(equation: Any, roles: dict[Any, _Role]) -> _Role | None:
    """The role of what an operation makes."""
    reads, name = equation.invars, equation.primitive.name
    found = [_of(each, roles) for each in reads]
    if found and all(role is _Role.HELD or hasattr(each, "val") for each, role in zip(reads, found, strict=True)):
        return _Role.HELD
    if name == "sub" and _Role.HELD in found:
        return _Role.APART
    squares = name == "square" or (name == "integer_pow" and equation.params["y"] == 2)
    squares |= name == "mul" and reads[0] is reads[1]
    return _Role.SQUARED if squares and found[0] is _Role.APART else None


def _jaxprs(equation: Any) -> Iterator[Any]:
    """The jaxprs that an operation has in it."""
    for value in equation.params.values():
        for each in value if isinstance(value, (tuple, list)) else (value,):
            inner = getattr(each, "jaxpr", each)
            if hasattr(inner, "eqns"):
                yield inner


def _arrays(made: Any) -> list[Any]:
    return [each for each in jax.tree.leaves(made, is_leaf=is_state) if isinstance(each, jax.Array)]


def _is_array(thing: Any) -> bool:
    return isinstance(thing, (jax.Array, jax.ShapeDtypeStruct))


def _is_number(thing: Any) -> bool:
    """Whether it holds numbers, and no counter, flag or random key."""
    return _is_array(thing) and jax.dtypes.issubdtype(thing.dtype, jax.numpy.inexact)


def _step(key: Any) -> str:
    return str(next((getattr(key, name) for name in ("name", "idx", "key") if hasattr(key, name)), key))
