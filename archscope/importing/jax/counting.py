"""What each operation of a jaxpr multiplies: one rule for each that does, and a list of those that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from archscope.layers.base import NOTHING
from archscope.working import Count, count, product, total


class Tally(NamedTuple):
    """What operations multiply.

    Attributes:
        macs: the multiply-accumulates that are known.
        why: why that is not all; empty if it is.
    """

    macs: Count = NOTHING
    why: str = ""

    @property
    def known(self) -> bool:
        """Whether it is all."""
        return not self.why


INSIDE: Final[Mapping[str, str]] = MappingProxyType({
    "jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr", "call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr", "custom_vjp_call_jaxpr": "fun_jaxpr",
    "checkpoint": "jaxpr", "remat": "jaxpr", "remat2": "jaxpr", "custom_lin": "call_jaxpr",
})  # fmt: skip
"""Operations that are another jaxpr, called once; and under which name they have it."""

_NONE: Final = frozenset({
    "abs", "accum_grad", "acos", "acosh", "add", "add_any", "add_jaxvals", "addupdate", "after_all",
    "all_gather", "all_to_all", "and", "approx_top_k", "archscope_begins", "archscope_ends", "argmax", "argmin",
    "argsort", "asin", "asinh", "atan", "atan2", "atanh", "axis_index", "bessel_i0e", "bessel_i1e",
    "bitcast_convert_type", "broadcast", "broadcast_in_dim", "cbrt", "ceil", "clamp", "clz", "complex",
    "concatenate", "conj", "convert_element_type", "copy", "copy_p", "cos", "cosh", "create_token",
    "cumlogsumexp", "cummax", "cummin", "cumprod", "cumsum", "debug_callback", "debug_print", "device_put",
    "digamma", "div", "dynamic_slice", "dynamic_update_slice", "empty", "empty2", "eq", "eq_to", "erf",
    "erf_inv", "erfc", "exp", "exp2", "expm1", "floor", "gather", "ge", "ge_to", "get", "gt", "gt_to", "igamma",
    "igamma_grad_a", "igammac", "imag", "integer_pow", "iota", "is_finite", "layout_constraint", "le", "le_to",
    "lgamma", "log", "log1p", "logistic", "lt", "lt_to", "max", "mesh_cast", "min", "mul", "mulhi", "name",
    "ne", "neg", "nextafter", "not", "optimization_barrier", "or", "pad", "pbroadcast", "pmax", "pmean", "pmin",
    "polygamma", "population_count", "pow", "ppermute", "psum", "psum_invariant", "pvary", "ragged_all_to_all",
    "random_bits", "random_clone", "random_fold_in", "random_gamma", "random_key_data", "random_seed",
    "random_split", "random_unwrap", "random_wrap", "real", "reduce", "reduce_and", "reduce_max", "reduce_min",
    "reduce_or", "reduce_precision", "reduce_prod", "reduce_sum", "reduce_window", "reduce_window_max",
    "reduce_window_min", "reduce_window_sum", "reduce_xor", "regularized_incomplete_beta", "rem", "reshape",
    "rev", "rng_bit_generator", "rng_uniform", "round", "rsqrt", "scatter", "scatter-add", "scatter-max",
    "scatter-min", "scatter-mul", "scatter-sub", "scatter_add", "scatter_max", "scatter_min", "scatter_mul",
    "scatter_sub", "select_and_gather_add", "select_and_scatter", "select_and_scatter_add", "select_n",
    "sharding_constraint", "shift_left", "shift_right_arithmetic", "shift_right_logical", "sign", "sin", "sinh",
    "slice", "sort", "split", "sqrt", "square", "squeeze", "stack", "stop_gradient", "sub", "swap", "tan",
    "tanh", "threefry2x32", "tile", "top_k", "transpose", "unstack", "xor", "zeta",
})  # fmt: skip
"""Operations that move, compare, add or work value by value."""


def _times(*factors: int) -> Count:
    """A product written without its ones."""
    return product(count(int(each)) for each in factors if each != 1)


def _shape(variable: Any) -> tuple[int, ...]:
    return tuple(map(int, variable.aval.shape))


def _dot(equation: Any) -> Tally:
    """Every value that is made sums up the axes that are contracted."""
    contracted = equation.params["dimension_numbers"][0][0]
    left = _shape(equation.invars[0])
    return Tally(_times(*_shape(equation.outvars[0]), *(left[axis] for axis in contracted)))


def _ragged(equation: Any) -> Tally:
    """Each row meets one matrix of several; where the axis that is summed up is cut, each part is summed up once."""
    left, made = _shape(equation.invars[0]), _shape(equation.outvars[0])
    numbers = equation.params.get("ragged_dot_dimension_numbers")
    if numbers is None:
        return Tally(_times(*made, left[-1]))
    contracted = numbers.dot_dimension_numbers[0][0]
    whole = _times(*made, *(left[axis] for axis in contracted))
    ragged = numbers.lhs_ragged_dimensions[0]
    if ragged in contracted:
        return Tally(_times(*made[1:], *(left[axis] for axis in contracted)))
    if ragged in numbers.dot_dimension_numbers[1][0]:
        return Tally(NOTHING, "a `ragged_dot` in which samples are cut multiplies as many as their values say")
    return Tally(whole)


def _conv(equation: Any) -> Tally:
    """Every value that is made meets one kernel of one group; where zeros lie between those it reads, each of these."""
    params = equation.params
    numbers = params["dimension_numbers"]
    given, kernel, made = _shape(equation.invars[0]), _shape(equation.invars[1]), _shape(equation.outvars[0])
    spec = numbers.rhs_spec
    window = tuple(kernel[axis] for axis in spec[2:])
    if all(apart == 1 for apart in params["lhs_dilation"]):
        return Tally(_times(*_ordered(made, numbers.out_spec), *window, kernel[spec[1]]))
    if any(step != 1 for step in params["window_strides"]) or params["batch_group_count"] != 1:
        return Tally(NOTHING, "a convolution with zeros between its values and a stride is none that archscope counts")
    groups = int(params["feature_group_count"])
    return Tally(_times(*_ordered(given, numbers.lhs_spec), kernel[spec[0]] // groups, *window))


def _ordered(shape: tuple[int, ...], spec: tuple[int, ...]) -> tuple[int, ...]:
    """Batch, channels, grid."""
    return tuple(shape[axis] for axis in spec)


def _scan(equation: Any) -> Tally:
    """The body, as often as it runs."""
    each = tally(equation.params["jaxpr"].jaxpr)
    length = int(equation.params["length"])
    if length == 0:
        return Tally()
    return Tally(count(length, "steps") * each.macs if each.macs and length != 1 else each.macs, each.why)


def _while(equation: Any) -> Tally:
    """As often as values say; what multiplies nothing does so however often."""
    inside = [tally(equation.params[name].jaxpr) for name in ("body_jaxpr", "cond_jaxpr")]
    if all(each.known and not each.macs for each in inside):
        return Tally()
    return Tally(NOTHING, "how often a `while_loop` runs is not known without its values")


def _cond(equation: Any) -> Tally:
    """What all branches multiply alike; at least what the cheapest does."""
    branches = [tally(each.jaxpr) for each in equation.params["branches"]]
    why = next((each.why for each in branches if each.why), "")
    least = min(branches, key=lambda each: each.macs)
    if not why and any(each.macs != least.macs for each in branches):
        return Tally(least.macs, "which branch of a `cond` runs is not known without its values")
    return Tally(least.macs, why)


_RULES: Final[Mapping[str, Callable[[Any], Tally]]] = MappingProxyType({
    "dot_general": _dot, "ragged_dot": _ragged, "ragged_dot_general": _ragged, "conv_general_dilated": _conv,
    "scan": _scan, "while": _while, "cond": _cond,
})  # fmt: skip


def tally(jaxpr: Any) -> Tally:
    """What a whole jaxpr multiplies, that of every jaxpr in it included."""
    found = [products(each) for each in jaxpr.eqns]
    why = next((each.why for each in found if each.why), "")
    return Tally(total(each.macs for each in found if each.macs), why)


def products(equation: Any) -> Tally:
    """What one operation multiplies."""
    name = equation.primitive.name
    if name in _RULES:
        return _RULES[name](equation)
    if name in INSIDE and INSIDE[name] in equation.params:
        return tally(jaxpr_of(equation.params[INSIDE[name]]))
    if name in _NONE:
        inner = [tally(each) for each in _jaxprs(equation)]
        if all(each.known and not each.macs for each in inner):
            return Tally()
    return Tally(NOTHING, f"what `{name}` multiplies is not known")


def jaxpr_of(thing: Any) -> Any:
    """A jaxpr, out of one that is closed over constants."""
    return getattr(thing, "jaxpr", thing)


def _jaxprs(equation: Any) -> Iterator[Any]:
    for value in equation.params.values():
        for each in value if isinstance(value, (tuple, list)) else (value,):
            if hasattr(jaxpr_of(each), "eqns"):
                yield jaxpr_of(each)
