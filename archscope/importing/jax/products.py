"""Convolutions, pools and products of matrices, as files have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archscope.importing.jax.flat import Step
from archscope.importing.jax.lowering import OWN, Lowering, in_front, size


def conv(step: Step, low: Lowering, *, given: str = "", bias: str = "", made: str = "") -> None:
    """A convolution; inside a module's call, of what that is given, with its biases.

    Args:
        step: the operation.
        low: the operators so far.
        given: what the module is given, with channels in front; what the operation reads, if left out.
        bias: its constants; empty for none.
        made: the value of the jaxpr that the module makes; what the operation makes, if left out.
    """
    params = step.params
    numbers = params["dimension_numbers"]
    axes = len(numbers.lhs_spec) - 2
    whole = given or _ordered(step.reads[0], numbers.lhs_spec, low)
    kernel = low.relaid(step.reads[1], numbers.rhs_spec)
    window = low.shapes[kernel][2:]
    attributes: dict[str, Any] = {"group": int(params["feature_group_count"]), "dilations": params["rhs_dilation"]}
    pads, apart = params["padding"], params["lhs_dilation"]
    plainly = params["batch_group_count"] == 1 and axes in (1, 2, 3)
    type_ = "Conv"
    if all(each == 1 for each in apart):
        attributes |= {"strides": params["window_strides"], "pads": [*(a for a, _ in pads), *(b for _, b in pads)]}
    else:
        type_ = "ConvTranspose"
        plainly &= all(each == 1 for each in params["window_strides"])
        reach = [extent * (size_ - 1) for size_, extent in zip(window, params["rhs_dilation"], strict=True)]
        before = [far - low_ for far, (low_, _) in zip(reach, pads, strict=True)]
        after = [far - high for far, (_, high) in zip(reach, pads, strict=True)]
        more = [max(first - last, 0) for first, last in zip(before, after, strict=True)]
        plainly &= all(each >= 0 for each in before)
        attributes |= {"strides": apart, "pads": [*before, *(a + b for a, b in zip(after, more, strict=True))],
                       "output_padding": more}  # fmt: skip
        kernel = _transposed(kernel, attributes["group"], low)
    reads = [whole, kernel, *([bias] if bias else [])]
    out = made or step.makes[0]
    shape = low.flat.shapes[out]
    if not plainly:
        form = low.new(shape, low.dtypes[out])
        low.add(step.name, reads, [form], domain="jax", path=step.path, tally=step.tally)
        low.know(out, form)
        return
    if made:
        form = low.new(in_front(shape) if low.last else shape, low.dtypes[out])
        low.add(type_, reads, [form], path=step.path, tally=step.tally, **attributes)
        low.know(out, form, maps=low.last)
        return
    form = low.new(tuple(shape[axis] for axis in numbers.out_spec), low.dtypes[out])
    low.add(type_, reads, [form], path=step.path, tally=step.tally, **attributes)
    if low.last and tuple(numbers.out_spec) == (0, axes + 1, *range(1, axes + 1)):
        low.know(out, form, maps=True)
    else:
        back = [tuple(numbers.out_spec).index(axis) for axis in range(axes + 2)]
        low.know(out, low.turned(form, back))


def _ordered(name: str, spec: Sequence[int], low: Lowering) -> str:
    rank = len(spec)
    if low.last and tuple(spec) == (0, rank - 1, *range(1, rank - 1)):
        return low.maps(name)
    return low.turned(low.plain(name), spec)


def _transposed(kernel: str, groups: int, low: Lowering) -> str:
    """A kernel as PyTorch has that of a transposed convolution: inputs in front, outputs of one group behind them."""
    out, each, *window = low.shapes[kernel]
    shape = (each * groups, out // groups, *window)
    if kernel in low.weights:
        low.weights[kernel] = low.weights[kernel].replace(shape=shape)
        low.shapes[kernel] = shape
        return kernel
    made = low.new(shape, low.dtypes[kernel])
    low.add("Reshape", [kernel], [made])
    return made


def pool(step: Step, low: Lowering) -> None:
    """The largest, or the sum, of each window."""
    params = step.params
    window, strides, pads = (tuple(params[name]) for name in ("window_dimensions", "window_strides", "padding"))
    rank = len(window)
    last = low.last and window[-1] == 1 and strides[-1] == 1 and not any(pads[-1])
    spatial = range(1, rank - 1) if last else range(2, rank)
    outside = [axis for axis in range(rank) if axis not in spatial]
    plainly = rank in (3, 4, 5) and all(window[axis] == strides[axis] == 1 and not any(pads[axis]) for axis in outside)
    plainly &= all(each == 1 for each in params.get("base_dilation") or ())
    made = step.makes[0]
    shape = low.flat.shapes[made]
    low.settle(step.reads[0])
    if not plainly:
        form = low.new(shape, low.dtypes[made])
        low.add(step.name, [low.plain(step.reads[0])], [form], domain="jax", path=step.path, tally=step.tally)
        low.know(made, form)
        return
    form = low.new(in_front(shape) if last else shape, low.dtypes[made])
    attributes = {
        "kernel_shape": tuple(window[axis] for axis in spatial),
        "strides": tuple(strides[axis] for axis in spatial),
        "dilations": tuple((params.get("window_dilation") or (1,) * rank)[axis] for axis in spatial),
        "pads": [*(pads[axis][0] for axis in spatial), *(pads[axis][1] for axis in spatial)],
    }
    given = low.maps(step.reads[0]) if last else low.plain(step.reads[0])
    type_, domain = ("MaxPool", "") if step.name == "reduce_window_max" else ("SumPool", OWN)
    low.add(type_, [given], [form], domain=domain, path=step.path, tally=step.tally, **attributes)
    low.know(made, form, maps=last)


def dot(step: Step, low: Lowering) -> None:
    """A product of matrices: with a weight, or of two values."""
    (left, right), (left_batch, right_batch) = step.params["dimension_numbers"]
    one, other = step.reads
    for each in step.reads:
        low.settle(each)
    batch = (tuple(left_batch), tuple(right_batch))
    held = [each for each in (one, other) if low.origin(each) not in low.reached]
    if not batch[0] and len(held) == 1:
        swapped = held[0] == one
        value, weight = (other, one) if swapped else (one, other)
        _dense(step, low, value, weight, tuple(right if swapped else left), tuple(left if swapped else right), swapped)
        return
    _matmul(step, low, (one, other), (tuple(left), tuple(right)), batch)


def _rest(rank: int, *taken: Sequence[int]) -> list[int]:
    gone = {int(axis) for each in taken for axis in each}
    return [axis for axis in range(rank) if axis not in gone]


def _dense(
    step: Step, low: Lowering, value: str, weight: str, summed: tuple[int, ...], along: tuple[int, ...], swapped: bool
) -> None:  # fmt: skip
    """A value with a matrix that comes of no input; ``swapped`` says that the matrix stood in front."""
    given, held = low.flat.shapes[value], low.flat.shapes[weight]
    free, made_by = _rest(len(given), summed), _rest(len(held), along)
    matrix = low.turned(low.plain(weight), [*along, *made_by])
    inner, outer = size([given[axis] for axis in summed]), size([held[axis] for axis in made_by])
    if len(held) != 2 or len(along) != 1:
        matrix = _reshaped(matrix, (inner, outer), low)
    x = low.turned(low.plain(value), [*free, *summed])
    if len(summed) != 1:
        x = _reshaped(x, (*(given[axis] for axis in free), inner), low, step.path)
    lead = tuple(given[axis] for axis in free)
    form = low.new((*lead, outer), low.dtypes[step.makes[0]])
    low.add("MatMul", [x, matrix], [form], path=step.path, tally=step.tally)
    parts = tuple(held[axis] for axis in made_by)
    if len(parts) != 1:
        form = _reshaped(form, (*lead, *parts), low, step.path)
    if swapped:
        many = len(lead)
        form = low.turned(form, [*range(many, many + len(parts)), *range(many)])
    low.know(step.makes[0], form)


def _reshaped(form: str, shape: tuple[int, ...], low: Lowering, path: str = "") -> str:
    if low.shapes[form] == shape:
        return form
    made = low.new(shape, low.dtypes[form])
    low.add("Reshape", [form], [made], path=path)
    return made


def _matmul(
    step: Step, low: Lowering, names: tuple[str, str], summed: tuple[tuple[int, ...], tuple[int, ...]],
    batch: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:  # fmt: skip
    """Two values; where the first would have to be turned and the second lies as it should, they change places."""
    ranks = [len(low.flat.shapes[each]) for each in names]
    order = (0, 1)
    if summed[1] == (ranks[1] - 1,) and summed[0] != (ranks[0] - 1,):
        order = (1, 0)
    forms, free = [], []
    for turn, place in enumerate(order):
        shape = low.flat.shapes[names[place]]
        rest = _rest(ranks[place], batch[place], summed[place])
        free.append([shape[axis] for axis in rest])
        lead = [shape[axis] for axis in batch[place]]
        inner, outer = size([shape[axis] for axis in summed[place]]), size(free[-1])
        form = low.turned(low.plain(names[place]), [*batch[place], *rest, *summed[place]])
        form = _reshaped(form, (*lead, outer, inner), low, step.path)
        if turn == 1:
            form = _exchanged(form, low, step.path, apart=summed[place] == (ranks[place] - 1,))
        forms.append(form)
    lead_ = tuple(low.flat.shapes[names[0]][axis] for axis in batch[0])
    made = low.new((*lead_, size(free[0]), size(free[1])), low.dtypes[step.makes[0]])
    if all(low.origin(each) not in low.reached for each in names):
        low.owe(made, step.tally)
        low.add("MatMul", forms, [made], path=step.path)
    else:
        low.add("MatMul", forms, [made], path=step.path, tally=step.tally)
    made = _reshaped(made, (*lead_, *free[0], *free[1]), low, step.path)
    if order == (1, 0):
        first, second = len(free[0]), len(free[1])
        start = len(lead_)
        made = low.turned(made, [*range(start), *range(start + first, start + first + second),
                                 *range(start, start + first)])  # fmt: skip
    low.know(step.makes[0], made)


def _exchanged(form: str, low: Lowering, path: str, *, apart: bool) -> str:
    """The last two axes exchanged; ``apart`` where that is a step of its own, as with the keys of attention."""
    rank = len(low.shapes[form])
    order = [*range(rank - 2), rank - 1, rank - 2]
    if not apart:
        return low.turned(form, order)
    made = low.new(tuple(low.shapes[form][axis] for axis in order), low.dtypes[form])
    low.add("Transpose", [form], [made], path=path, perm=tuple(order))
    return made
