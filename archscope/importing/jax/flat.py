"""A jaxpr as one list of operations: what is called once is written out where it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

from archscope.importing.graph import Constant
from archscope.importing.jax.counting import INSIDE, Tally, jaxpr_of, products
from archscope.importing.jax.tracing import Traced
from archscope.layers.base import Shape
from archscope.record import EMPTY

MOST: Final = 4096
"""Values of the largest constant that is read."""

_ACTIVATIONS: Final = frozenset({
    "relu", "relu6", "silu", "swish", "mish", "elu", "leaky_relu", "celu", "selu", "softplus", "soft_sign",
    "log_sigmoid", "hard_tanh", "hard_sigmoid", "hard_silu", "log_softmax",
})  # fmt: skip
"""Functions of `jax.nn` that are jaxprs of their own, and layers."""


def _spread(params: Mapping[str, Any], values: Any) -> Any:
    shape = [1] * len(params["shape"])
    for axis, extent in zip(params["broadcast_dimensions"], values.shape, strict=True):
        shape[axis] = extent
    return np.broadcast_to(values.reshape(shape), params["shape"])


_WORKED_OUT: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType({
    "lt": lambda _, one, other: one < other,
    "add": lambda _, one, other: one + other,
    "select_n": lambda _, which, *cases: np.choose(which.astype(int), cases),
    "broadcast_in_dim": _spread,
    "reshape": lambda params, values: values.reshape(params["new_sizes"]),
})  # fmt: skip
"""Operations on whole numbers that stand in the code: what JAX makes of the places that an index names."""


class Step(NamedTuple):
    """One operation.

    Attributes:
        name: the primitive, or the function of `jax.nn` with ``nn.`` before it.
        reads: the values that it reads.
        makes: the values that it makes.
        params: what it is configured with.
        path: the module in whose call it stands.
        tally: what it multiplies.
        use: of a mark, the number of the call that begins or ends.
    """

    name: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    params: Mapping[str, Any] = EMPTY
    path: str = ""
    tally: Tally = Tally()
    use: int = -1


class Flat:
    """A call's operations in order.

    Attributes:
        steps: the operations.
        shapes: the extents of each value.
        dtypes: the types of their numbers.
        constants: numbers that stand in it, and are few.
        outputs: what it makes.

    Args:
        traced: the module's call.
    """

    def __init__(self, traced: Traced) -> None:
        self._traced = traced
        self.steps: list[Step] = []
        self.shapes: dict[str, Shape] = {}
        self.dtypes: dict[str, str] = {}
        self.constants: dict[str, Constant] = {}
        self._number = 0
        closed = traced.jaxpr
        names = [each.name if each is not None else "" for each in traced.weights] + list(traced.inputs)
        invars = closed.jaxpr.invars
        given = [name or self._new("state") for name in names]
        for variable, name in zip(invars, given, strict=True):
            self._know(name, variable)
        self.outputs = self._inline(closed.jaxpr, closed.consts, given, [])

    def _new(self, stem: str = "v") -> str:
        self._number += 1
        return f"{stem}:{self._number}"

    def _know(self, name: str, variable: Any) -> None:
        shape = getattr(variable.aval, "shape", ())
        self.shapes[name] = tuple(map(int, shape))
        self.dtypes[name] = str(getattr(variable.aval, "dtype", "float32"))

    def _constant(self, value: Any) -> str:
        name = self._new("constant")
        shape = tuple(map(int, np.shape(value)))
        self.shapes[name] = shape
        dtype = getattr(value, "dtype", None)
        self.dtypes[name] = str(dtype) if dtype is not None else "float32"
        if int(np.prod(shape)) <= MOST and self.dtypes[name][:3] in ("flo", "bfl", "int", "uin", "boo"):
            self.constants[name] = Constant(shape, tuple(np.asarray(value).reshape(-1).tolist()))
        return name

    def _inline(self, jaxpr: Any, consts: Sequence[Any], given: Sequence[str], open_: list[str]) -> tuple[str, ...]:
        """Write a jaxpr out; the names of what it makes. ``open_`` are the paths of calls that it stands in."""
        names: dict[Any, str] = dict(zip(jaxpr.invars, given, strict=True))
        for variable, value in zip(jaxpr.constvars, consts, strict=True):
            names[variable] = self._constant(value)

        def read(atom: Any) -> str:
            return self._constant(atom.val) if hasattr(atom, "val") else names[atom]

        opened = list(open_)
        for equation in jaxpr.eqns:
            reads = tuple(map(read, equation.invars))
            names.update(zip(equation.outvars, self._equation(equation, reads, opened), strict=True))
        return tuple(map(read, jaxpr.outvars))

    def _equation(self, equation: Any, reads: tuple[str, ...], opened: list[str]) -> tuple[str, ...]:
        name, params = equation.primitive.name, equation.params
        if name in ("archscope_begins", "archscope_ends"):
            number = params["call"]
            makes = self._made(equation)
            if name == "archscope_ends":
                opened.pop()
            self.steps.append(Step(name, reads, makes, path=opened[-1] if opened else "", use=number))
            if name == "archscope_begins":
                opened.append(self._traced.uses[number].path)
            return makes
        known = self._worked_out(name, params, reads)
        if known is not None:
            return (self._constant(known),)
        inner = params.get(INSIDE.get(name, ""))
        function = _function(name, params, inner)
        if inner is not None and not function and len(jaxpr_of(inner).invars) == len(reads):
            return self._inline(jaxpr_of(inner), getattr(inner, "consts", ()), reads, opened)
        makes = self._made(equation)
        path = opened[-1] if opened else ""
        self.steps.append(Step(function or name, reads, makes, params, path, products(equation)))
        return makes

    def _worked_out(self, name: str, params: Mapping[str, Any], reads: Sequence[str]) -> Any:
        """Whole numbers that come of others which stand in it, such as the places of an axis that it takes."""
        found = [self.constants.get(each) for each in reads]
        known = [each for each in found if each is not None]
        whole = name in _WORKED_OUT and all(self.dtypes[each][:3] in ("int", "uin", "boo") for each in reads)
        if not whole or len(known) != len(found) or not any(each.shape for each in known):
            return None
        arrays = [np.array(each.values, self.dtypes[name_]).reshape(each.shape)
                  for name_, each in zip(reads, known, strict=True)]  # fmt: skip
        return _WORKED_OUT[name](params, *arrays)

    def _made(self, equation: Any) -> tuple[str, ...]:
        makes = tuple(self._new() for _ in equation.outvars)
        for made, variable in zip(makes, equation.outvars, strict=True):
            self._know(made, variable)
        return makes


def _function(name: str, params: Mapping[str, Any], inner: Any) -> str:
    """The function of `jax.nn` that a jaxpr is, told by its name and the file that it was written in."""
    if name not in ("jit", "pjit") or params.get("name") not in _ACTIVATIONS:
        return ""
    told = getattr(jaxpr_of(inner), "debug_info", None)
    written = str(getattr(told, "func_src_info", "")).replace("\\", "/")
    return f"nn.{params['name']}" if "jax/_src/nn/functions.py" in written else ""
