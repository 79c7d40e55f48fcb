"""Operators on maps that stand for one layer: norms across maps, and cropped transposed convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from archscope.importing.jax.counting import Tally
from archscope.importing.jax.written import Found, Written


def _response(written: Written, place: int) -> Found | None:
    """``x / (k + a · Σ x²) ^ β``, the sum over neighbouring maps, each a part of the padded squares."""
    end = written.operators[place]
    power = written.maker(end.inputs[1], "Pow") if end.type == "Div" else None
    beta = None if power is None else written.number(written.operators[power].inputs[1])
    plus = None if power is None else _with_number(written, written.operators[power].inputs[0], "Add")
    times = None if plus is None else _with_number(written, plus[1], "Mul")
    if power is None or beta is None or plus is None or times is None:
        return None
    parts, passed = _terms(written, times[1])
    cuts = [written.maker(each, "Slice") for each in parts]
    known = [written.operators[each] for each in cuts if each is not None]
    padded = {each.inputs[0] for each in known}
    pad = written.maker(next(iter(padded)), "Pad") if len(padded) == 1 and len(known) == len(parts) else None
    if pad is None:
        return None
    square = written.maker(written.operators[pad].inputs[0], "Pow")
    if square is None or written.operators[square].inputs[0] != end.inputs[0]:
        return None
    shape, size = written.shapes[end.inputs[0]], len(parts)
    sides = written.constants[written.operators[pad].inputs[1]].values
    rest = (0,) * (len(shape) - 2)
    plainly = (
        written.number(written.operators[square].inputs[1]) == 2
        and tuple(sides) == (0, size // 2, *rest, 0, (size - 1) // 2, *rest)
        and sorted(each.attributes["starts"][1] for each in known) == [*range(size)]
        and all(written.shapes[each.outputs[0]] == shape for each in known)
    )
    if not plainly:
        return None
    layer = end.replace(type="LRN", domain="", inputs=(end.inputs[0],), attributes={
        "opset": 18, "tally": Tally(), "size": size, "alpha": times[0] * size, "beta": beta, "bias": plus[0],
    })  # fmt: skip
    places = {square, pad, *(each for each in cuts if each is not None), *passed, *times[2:], *plus[2:], power, place}
    return layer, tuple(sorted(int(each) for each in places))


def _with_number(written: Written, name: str, type_: str) -> tuple[float, str, int] | None:
    """A number, a value, and the operator that joins them."""
    place = written.maker(name, type_)
    if place is None:
        return None
    one, other = written.operators[place].inputs
    first, second = written.number(one), written.number(other)
    if first is not None:
        return first, other, place
    return None if second is None else (second, one, place)


def _terms(written: Written, name: str) -> tuple[list[str], list[int]]:
    """What is summed up, and the operators that do."""
    place = written.maker(name, "Add")
    if place is None:
        return [name], []
    parts: list[str] = []
    passed = [place]
    for each in written.operators[place].inputs:
        if written.number(each) == 0:
            continue
        more, further = _terms(written, each)
        parts += more
        passed += further
    return parts, passed


def _cropped(written: Written, place: int) -> Found | None:
    """A transposed convolution of which the edges are cut off."""
    conv = written.operators[place]
    readers = written.readers(conv.outputs[0]) if conv.type == "ConvTranspose" else []
    if len(readers) != 1 or readers[0] < 0 or written.operators[readers[0]].type != "Slice":
        return None
    end, shape = written.operators[readers[0]], written.shapes[conv.outputs[0]]
    starts, ends, steps = (tuple(end.attributes[name]) for name in ("starts", "ends", "steps"))
    whole = starts[:2] == (0, 0) and ends[:2] == tuple(shape[:2])
    if not whole or any(each != 1 for each in steps) or any(conv.attributes["output_padding"]):
        return None
    pads, axes = conv.attributes["pads"], len(shape) - 2
    before = [pads[axis] + starts[axis + 2] for axis in range(axes)]
    after = [pads[axes + axis] + shape[axis + 2] - ends[axis + 2] for axis in range(axes)]
    made = conv.replace(outputs=end.outputs, attributes={**conv.attributes, "pads": [*before, *after]})
    return made, (place, readers[0])


FOUND: Final[tuple[Callable[[Written, int], Found | None], ...]] = (_response, _cropped, _cropped)
"""What finds each; a convolution is cropped once along each of two axes."""
