"""What each primitive is in the words that files have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.importing.graph import Constant
from archscope.importing.jax import products, recurrent, stacking
from archscope.importing.jax.flat import Step
from archscope.importing.jax.lowering import JAX, OWN, SAME, Lowering, form_of, size
from archscope.importing.jax.shuffles import is_shuffled
from archscope.layers import TYPES

Reading = Callable[[Step, Lowering], None]


def lower(step: Step, low: Lowering) -> None:
    """Keep what an operation does."""
    if step.name in SAME:
        for name, other in zip(step.makes, step.reads, strict=False):
            low.same(name, other)
        return
    if all(low.origin(each) not in low.reached for each in step.reads) and _known(step, low):
        return
    _READINGS.get(step.name, _other)(step, low)
    if (step.tally.macs or step.tally.why) and all(low.origin(each) not in low.reached for each in step.reads):
        for each in step.makes:
            low.owe(low.plain(each), step.tally)


def _known(step: Step, low: Lowering) -> bool:
    """Numbers and weights of one axis that are spread, which stay what they are."""
    if not step.reads:
        return False
    source, made = step.reads[0], step.makes[0]
    number = low.constant(source) if step.name in _ALIKE else None
    if number is not None and number.number is not None:
        low.know(made, low.number(number.number))
        return True
    if step.name not in ("reshape", "broadcast_in_dim"):
        return False
    found = low.vector(source)
    before, after = low.flat.shapes[source], low.flat.shapes[made]
    if found is None or size(before) != size(after):
        return False
    weight, axis = found
    if step.name == "broadcast_in_dim":
        low.spread(made, weight, int(step.params["broadcast_dimensions"][axis]))
    else:
        places = [place for place, extent in enumerate(after) if extent == size(before)]
        if not places:
            return False
        low.spread(made, weight, places[-1] if size(before) == 1 else places[0])
    form = low.new(after, low.dtypes[made])
    low.add("Reshape", [low.plain(source)], [form], path=step.path)
    low.know(made, form)
    return True


def _other(step: Step, low: Lowering) -> None:
    """What has no other word: its own; what a scan stacks comes first, unless its last states alone are read."""
    forms = [form_of(made, low, maps=False) for made in stacking.in_order(step, low)]
    low.add(step.name, [low.plain(each) for each in step.reads], forms, domain=JAX, path=step.path, tally=step.tally)


def _scanned(step: Step, low: Lowering) -> None:
    if not recurrent.lower_scan(step, low):
        _other(step, low)


def _each_value(type_: str, domain: str = "", *, numbers: int = 0, **attributes: Any) -> Reading:
    """Works value by value, on maps as on others; the last arguments may be numbers, which are attributes."""

    def reading(step: Step, low: Lowering) -> None:
        more = dict(attributes)
        names = step.reads
        if numbers:
            found = [low.constant(each) for each in step.reads[1:]]
            names = step.reads[:1]
            if found and found[0] is not None:
                more["alpha"] = found[0].number
        _pointwise(step, low, type_, domain, names, more)

    return reading


def _pointwise(
    step: Step, low: Lowering, type_: str, domain: str, names: Sequence[str], attributes: Mapping[str, Any]
) -> None:  # fmt: skip
    made = step.makes[0]
    rank = len(low.flat.shapes[made])
    maps = low.last and rank > 2 and any(low.is_map(each) for each in names)
    reads = [_operand(each, made, low, maps=maps) for each in names]
    low.add(type_, reads, [form_of(made, low, maps=maps)], domain=domain, path=step.path, **attributes)


def _operand(name: str, made: str, low: Lowering, *, maps: bool) -> str:
    """A value beside others: a number as it is, a weight of one axis along that axis."""
    rank = len(low.flat.shapes[made])
    found = low.vector(name)
    if found is not None and found[1] == rank - 1:
        source = low.plain(found[0])
        if not maps:
            return source
        form = low.new((size(low.shapes[source]), *(1,) * (rank - 2)))
        low.add("Reshape", [source], [form])
        return form
    if len(low.flat.shapes[name]) != rank or not maps:
        return low.plain(name)
    if low.is_weight(name):
        return low.relaid(name, (0, rank - 1, *range(1, rank - 1)))
    return low.maps(name)


def _generic(step: Step, low: Lowering) -> None:
    """Works value by value, and has no word in files."""
    _pointwise(step, low, step.name.removeprefix("nn."), JAX, step.reads, {"pointwise": True})


def _power(step: Step, low: Lowering) -> None:
    exponent = step.params.get("y", 2)
    made = step.makes[0]
    maps = low.is_map(step.reads[0])
    source = low.maps(step.reads[0]) if maps else low.plain(step.reads[0])
    low.add("Pow", [source, low.number(exponent)], [form_of(made, low, maps=maps)], path=step.path)


def _root(step: Step, low: Lowering) -> None:
    """One over the root, in two steps, as norms are told by."""
    made = step.makes[0]
    maps = low.is_map(step.reads[0])
    source = low.maps(step.reads[0]) if maps else low.plain(step.reads[0])
    middle = low.new(low.shapes[source], low.dtypes[made])
    low.add("Sqrt", [source], [middle], path=step.path)
    low.add("Reciprocal", [middle], [form_of(made, low, maps=maps)], path=step.path)


def _clip(low_: float, high: float) -> Reading:
    def reading(step: Step, low: Lowering) -> None:
        maps = low.is_map(step.reads[0])
        source = low.maps(step.reads[0]) if maps else low.plain(step.reads[0])
        bounds = [low.number(float(each)) for each in (low_, high)]
        low.add("Clip", [source, *bounds], [form_of(step.makes[0], low, maps=maps)], path=step.path)

    return reading


def _axes(name: str, axes: Sequence[int], low: Lowering) -> tuple[str, tuple[int, ...]] | None:
    """A map and its axes, where what is left of them has one order either way."""
    rank = len(low.flat.shapes[name])
    if not low.is_map(name):
        return None
    gone = {int(axis) for axis in axes}
    if rank - 1 not in gone and not set(range(1, rank - 1)) <= gone:
        return None
    order = {0: 0, rank - 1: 1, **{axis: axis + 1 for axis in range(1, rank - 1)}}
    return low.maps(name), tuple(sorted(order[axis] for axis in gone))


def _reduced(type_: str) -> Reading:
    def reading(step: Step, low: Lowering) -> None:
        axes = [int(each) for each in step.params["axes"]]
        found = _axes(step.reads[0], axes, low)
        source, dims = found if found is not None else (low.plain(step.reads[0]), tuple(axes))
        form = form_of(step.makes[0], low, maps=False)
        low.add(type_, [source], [form], path=step.path, axes=dims, keepdims=0)
        if found is not None and dims == tuple(range(2, len(low.shapes[source]))):
            low.pooled.add(step.makes[0])

    return reading


def _is_pooled(step: Step, low: Lowering) -> bool:
    """Whether it gives a grid of one position to what was summed up over a whole grid; it is kept as a map then."""
    before, after = (low.flat.shapes[each] for each in (step.reads[0], step.makes[0]))
    if low.origin(step.reads[0]) not in low.pooled or after != (before[0], *(1 for _ in after[2:]), before[-1]):
        return False
    form = form_of(step.makes[0], low, maps=True)
    _unsqueezed(low.plain(step.reads[0]), form, range(2, len(after)), step, low)
    return True


def _chosen(step: Step, low: Lowering) -> None:
    axes = [int(each) for each in step.params["axes"]]
    form = form_of(step.makes[0], low, maps=False)
    low.add("ArgMax", [low.plain(step.reads[0])], [form], path=step.path, axis=axes[0], keepdims=0)


def _reshape(step: Step, low: Lowering) -> None:
    """Values in order; a map that becomes flat keeps its channels in front, and lies otherwise than in JAX."""
    source, made = step.reads[0], step.makes[0]
    before, after = low.flat.shapes[source], low.flat.shapes[made]
    if len(after) > 2 and _is_pooled(step, low):
        return
    flat = len(after) == 2 and before[:1] == after[:1]
    if before == after:
        low.same(made, source)
        return
    if is_shuffled(step, low):
        return
    grid = low.is_map(source) and flat
    form, result = low.maps(source) if grid else low.plain(source), form_of(made, low, maps=False)
    if grid and size(before[1:-1]) > 1:
        low.flattened.add(result)
    low.add("Reshape", [form], [result], path=step.path)


def _squeeze(step: Step, low: Lowering) -> None:
    dims = [int(each) for each in step.params["dimensions"]]
    name, axis, index = low.cuts.get(low.origin(step.reads[0]), ("", -1, 0))
    if dims == [axis]:
        source, maps, turned = _map_or_plain(name, low)
        rank = len(low.flat.shapes[name])
        form = form_of(step.makes[0], low, maps=maps and rank > 3 and axis != rank - 1)
        own = turned(list(range(rank))).index(axis)
        low.add("Gather", [source, low.number(index)], [form], path=step.path, axis=own)
        return
    found = _axes(step.reads[0], dims, low)
    source, axes = found if found is not None else (low.plain(step.reads[0]), tuple(dims))
    held = low.new((len(axes),), "int64")
    low.constants[held] = Constant((len(axes),), axes)
    low.add("Squeeze", [source, held], [form_of(step.makes[0], low, maps=False)], path=step.path)


def _broadcast(step: Step, low: Lowering) -> None:
    """New axes, then axes of one value repeated."""
    if not step.reads:
        _other(step, low)
        return
    if len(low.flat.shapes[step.makes[0]]) > 2 and _is_pooled(step, low):
        return
    source, made = low.plain(step.reads[0]), step.makes[0]
    before, after = low.shapes[source], low.flat.shapes[made]
    places = [int(each) for each in step.params["broadcast_dimensions"]]
    middle = tuple(before[places.index(axis)] if axis in places else 1 for axis in range(len(after)))
    if middle == after:
        new = [axis for axis in range(len(after)) if axis not in places]
        before_turns, order = low.turns(source)
        if low.origin(step.reads[0]) not in low.reached and new == list(range(len(new))):
            # A weight stays as it is held: its axes are turned after they are more, so that turns meet.
            led = low.new((*(1 for _ in new), *low.shapes[before_turns]), low.dtypes[made])
            _unsqueezed(before_turns, led, new, step, low)
            low.know(made, low.turned(led, [*new, *(len(new) + axis for axis in order)]))
            return
        _unsqueezed(source, form_of(made, low, maps=False), new, step, low)
        return
    if middle != before:
        spread = low.new(middle, low.dtypes[made])
        _unsqueezed(source, spread, [axis for axis in range(len(after)) if axis not in places], step, low)
        source = spread
    low.add("Expand", [source], [form_of(made, low, maps=False)], path=step.path)


def _unsqueezed(source: str, form: str, axes: Sequence[int], step: Step, low: Lowering) -> None:
    held = low.new((len(axes),), "int64")
    low.constants[held] = Constant((len(axes),), tuple(axes))
    low.add("Unsqueeze", [source, held], [form], path=step.path)


def _transpose(step: Step, low: Lowering) -> None:
    """Another order of axes; what is a map that way is one, and is turned where something needs it as JAX has it."""
    order = tuple(int(each) for each in step.params["permutation"])
    source, made = low.origin(step.reads[0]), step.makes[0]
    rank = len(order)
    front = (0, rank - 1, *range(1, rank - 1))  # from the batch, the channels and the grid
    if low.is_map(source):
        low.know(made, low.turned(low.maps(source), [front.index(axis) for axis in order]))
        return
    plain = low.plain(source)
    if low.last and rank > 2 and not low.is_weight(source) and [order[axis] for axis in front] == [*range(rank)]:
        low.know(made, plain, maps=True)
        return
    low.know(made, low.turned(plain, order))


def _concat(step: Step, low: Lowering) -> None:
    axis, made = int(step.params["dimension"]), step.makes[0]
    rank = len(low.flat.shapes[made])
    maps = low.last and rank > 2 and any(low.is_map(each) for each in step.reads)
    if maps:
        axis = 0 if axis == 0 else 1 if axis == rank - 1 else axis + 1
    reads = [low.maps(each) if maps else low.plain(each) for each in step.reads]
    low.add("Concat", reads, [form_of(made, low, maps=maps)], path=step.path, axis=axis)


def _map_or_plain(name: str, low: Lowering) -> tuple[str, bool, Callable[[Sequence[Any]], list[Any]]]:
    """A value, whether its channels are in front, and what turns what is said of each axis accordingly."""
    if low.is_map(name):
        return low.maps(name), True, lambda each: [each[0], each[-1], *each[1:-1]]
    return low.plain(name), False, list


def _slice(step: Step, low: Lowering) -> None:
    before, after = (low.flat.shapes[each] for each in (step.reads[0], step.makes[0]))
    cut = [axis for axis, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    if len(cut) == 1 and cut[0] and after[cut[0]] == 1:
        low.cuts[step.makes[0]] = step.reads[0], cut[0], int(step.params["start_indices"][cut[0]])
    source, maps, turned = _map_or_plain(step.reads[0], low)
    starts, ends = turned(step.params["start_indices"]), turned(step.params["limit_indices"])
    strides = turned(step.params["strides"] or (1,) * len(starts))
    low.add("Slice", [source], [form_of(step.makes[0], low, maps=maps)], path=step.path, starts=starts, ends=ends,
            steps=strides)  # fmt: skip


def _gather(step: Step, low: Lowering) -> None:
    """Some places of one axis, where they stand in the code."""
    numbers, sizes, held = step.params["dimension_numbers"], step.params["slice_sizes"], low.constant(step.reads[1])
    before, after = (low.flat.shapes[each] for each in (step.reads[0], step.makes[0]))
    axis = numbers.start_index_map[0] if len(numbers.start_index_map) == 1 else len(before)
    others = [place for place in range(len(before)) if place != axis]
    plainly = (
        held is not None
        and tuple(numbers.collapsed_slice_dims) == (axis,)
        and tuple(numbers.offset_dims) == tuple(others)
        and len(after) == len(before)
        and all(sizes[place] == before[place] for place in others)
        and all(0 <= each < before[axis] for each in held.values)
    )
    if held is None or not plainly:
        _other(step, low)
        return
    source, maps, turned = _map_or_plain(step.reads[0], low)
    chosen = low.new((len(held.values),), "int64")
    low.constants[chosen] = Constant((len(held.values),), held.values)
    low.add("Gather", [source, chosen], [form_of(step.makes[0], low, maps=maps)], path=step.path,
            axis=turned(list(range(len(before)))).index(axis))  # fmt: skip


def _split(step: Step, low: Lowering) -> None:
    axis = int(step.params["axis"])
    source, maps, turned = _map_or_plain(step.reads[0], low)
    rank = len(low.flat.shapes[step.reads[0]])
    place = turned(list(range(rank))).index(axis)
    if place and len({low.flat.shapes[each] for each in step.makes}) == 1:
        low.add("Chunk", [source], [form_of(each, low, maps=maps) for each in step.makes], domain=JAX, path=step.path,
                layer=TYPES["chunk"](chunks=len(step.makes), dim=place - 1))  # fmt: skip
        return
    low.add("Split", [source], [form_of(each, low, maps=maps) for each in step.makes], path=step.path, axis=place)


def _pad(step: Step, low: Lowering) -> None:
    config = step.params["padding_config"]
    number = low.constant(step.reads[1])
    if any(inside for _, _, inside in config) or number is None:
        _other(step, low)
        return
    source, maps, turned = _map_or_plain(step.reads[0], low)
    sides = turned(config)
    held = low.new((2 * len(sides),), "int64")
    low.constants[held] = Constant(low.shapes[held], (*(a for a, _, _ in sides), *(b for _, b, _ in sides)))
    low.add("Pad", [source, held, low.number(number.number)], [form_of(step.makes[0], low, maps=maps)], path=step.path)


def _log_softmax(step: Step, low: Lowering) -> None:
    inner = step.params["jaxpr"].jaxpr
    axes = next((each.params["axes"] for each in inner.eqns if each.primitive.name == "reduce_max"), (-1,))
    form = form_of(step.makes[0], low, maps=False)
    low.add("LogSoftmax", [low.plain(step.reads[0])], [form], path=step.path, axis=int(axes[0]))


_ALIKE: Final = frozenset({"reshape", "broadcast_in_dim", "slice", "dynamic_slice", "squeeze", "transpose", "rev"})
"""Operations that make values of one number of values that are all that number."""

_READINGS: Final[Mapping[str, Reading]] = MappingProxyType({
    "conv_general_dilated": products.conv, "dot_general": products.dot,
    "reduce_window_max": products.pool, "reduce_window_sum": products.pool,
    **{name: _each_value(type_) for name, type_ in (
        ("add", "Add"), ("add_any", "Add"), ("sub", "Sub"), ("mul", "Mul"), ("div", "Div"), ("max", "Max"),
        ("min", "Min"), ("pow", "Pow"), ("exp", "Exp"), ("log", "Log"), ("tanh", "Tanh"), ("logistic", "Sigmoid"),
        ("erf", "Erf"), ("neg", "Neg"), ("abs", "Abs"), ("sqrt", "Sqrt"), ("nn.relu", "Relu"), ("nn.selu", "Selu"),
        ("nn.softplus", "Softplus"), ("nn.soft_sign", "Softsign"))},
    **{name: _each_value(type_, numbers=1) for name, type_ in (
        ("nn.elu", "Elu"), ("nn.leaky_relu", "LeakyRelu"), ("nn.celu", "Celu"))},
    **{name: _each_value(type_, OWN) for name, type_ in (
        ("nn.silu", "SiLU"), ("nn.swish", "SiLU"), ("nn.mish", "Mish"), ("nn.hard_silu", "HardSwish"))},
    "nn.hard_sigmoid": _each_value("HardSigmoid", alpha=1 / 6, beta=0.5),
    "nn.relu6": _clip(0, 6), "nn.hard_tanh": _clip(-1, 1), "nn.log_softmax": _log_softmax,
    "nn.log_sigmoid": _generic, "rsqrt": _root, "integer_pow": _power, "square": _power,
    **dict.fromkeys((
        "sign", "floor", "ceil", "round", "sin", "cos", "tan", "log1p", "expm1", "cbrt", "erfc", "erf_inv", "exp2",
        "is_finite", "not", "and", "or", "xor", "eq", "ne", "lt", "le", "gt", "ge", "rem", "clamp", "select_n",
        "nextafter", "atan2", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh",
    ), _generic),
    "reduce_sum": _reduced("ReduceSum"), "reduce_max": _reduced("ReduceMax"), "reduce_min": _reduced("ReduceMin"),
    "argmax": _chosen, "argmin": _chosen, "reshape": _reshape, "squeeze": _squeeze, "broadcast_in_dim": _broadcast,
    "transpose": _transpose, "concatenate": _concat, "gather": _gather, "slice": _slice, "split": _split, "pad": _pad,
    "scan": _scanned, "stack": stacking.stack, "unstack": stacking.unstack,
})  # fmt: skip
