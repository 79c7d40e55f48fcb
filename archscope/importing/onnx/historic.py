"""Layers that ONNX has no operator for, in the operators that exporters write for each.

Convolutions over a connection table, LeCun's tanh, Euclidean RBF units, biases of a unit's own, and
channels that are shuffled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from archscope.errors import Rejects
from archscope.importing.onnx.written import Found, Pattern, Written, is_close, whole_layer
from archscope.layers import TYPES, Layer


def _made(written: Written, type_: str, value: str, result: str, **options: Any) -> Layer | None:
    """A layer, if it makes that result of that value."""
    given, wanted = written.shape(value), written.shape(result)
    try:
        layer = TYPES[type_](**options)
        fits = tuple(layer.facts(given[1:]).output) == wanted[1:]
    except Rejects:
        return None
    return layer if fits else None


def _scaled_tanh(written: Written, place: int) -> Found | None:
    """``a · tanh(s · x)``, with the paper's numbers; with others, where it is all that a module of archscope's does."""
    core = written.operators[place]
    before, after = written.maker(core.inputs[0], "Mul"), written.reader(core.outputs[0], "Mul")
    if before is None or after is None:
        return None
    factor = written.scaling(before)
    amplitude = written.number(written.beside(after, core.outputs[0]))
    if factor is None or amplitude is None:
        return None
    value, slope = factor
    # The file has single floats: what is the usual one there is the usual one.
    usual = {"slope": 2 / 3, "amplitude": 1.7159}
    said = {"slope": slope, "amplitude": amplitude}
    options = {name: each for name, each in said.items() if not math.isclose(each, usual[name], rel_tol=1e-6)}
    if options and not core.alone:  # a module's code, of which each line is a row
        return None
    layer = _made(written, "scaled_tanh", value, written.operators[after].outputs[0], **options)
    return None if layer is None else whole_layer(written, (before, place, after), layer, (value,))


def _rbf(written: Written, place: int) -> Found | None:
    """The sum of squared differences from the code of each unit."""
    apart = written.operators[place]
    codes = apart.inputs[1]
    if not written.is_matrix(codes):
        codes = written.unfolded(codes) or ""
        if len(written.shape(codes)) != 2 or written.shape(apart.inputs[1]) != (1, *written.shape(codes)):
            return None
    before, square = written.maker(apart.inputs[0], "Unsqueeze"), written.only_reader(apart.outputs[0], "Mul", "Pow")
    if before is None or square is None:
        return None
    by_itself = len(set(written.operators[square].inputs[:2])) == 1
    power = written.operators[square].type == "Pow"
    if not (is_close(written.number(written.operators[square].inputs[1]), 2) if power else by_itself):
        return None
    after = written.reader(written.operators[square].outputs[0], "ReduceSum")
    if after is None or not written.over_last(after, kept=False):
        return None
    value = written.operators[before].inputs[0]
    # The features lie along the codes' own, and the units before them.
    if written.shape(apart.inputs[0]) != (written.shape(value)[0], 1, *written.shape(value)[1:]):
        return None
    options: dict[str, Any] = {"out_features": written.shape(codes)[0]}
    options |= {"trainable": True} if written.is_trained(codes) else {}
    layer = _made(written, "rbf", value, written.operators[after].outputs[0], **options)
    return None if layer is None else whole_layer(written, (before, place, square, after), layer, (value, codes))


def _channel_shuffle(written: Written, place: int) -> Found | None:
    """Maps in groups, one of each group after the other."""
    apart = written.operators[place]
    value, groups = apart.inputs[0], written.shape(apart.outputs[0])
    turned = written.reader(apart.outputs[0], "Transpose")
    copied = None if turned is None else written.reader(written.operators[turned].outputs[0], "Identity")
    last = turned if copied is None else copied  # a copy in order, which an exporter that optimizes leaves out
    after = None if last is None else written.reader(written.operators[last].outputs[0], "Reshape")
    if turned is None or last is None or after is None or len(groups) < 4:
        return None
    end, rank = written.operators[after].outputs[0], len(groups)
    came, made = written.shape(value), written.shape(end)
    order = [int(each) for each in written.operators[turned].attributes["perm"]]
    if order != [0, 2, 1, *range(3, rank)] or came != made or came[2:] != groups[3:] or came[0] != groups[0]:
        return None
    layer = _made(written, "channel_shuffle", value, end, groups=groups[1])
    places = sorted({place, turned, last, after})
    return None if layer is None else whole_layer(written, places, layer, (value,))


class _Part(NamedTuple):
    """Output maps that see as many input maps each: a convolution with a group for each of them."""

    places: tuple[int, ...]
    value: str
    rows: list[list[int]]
    weight: str
    kernels: list[list[int]]
    settings: tuple[Any, ...]


_SETTINGS: Final = ("strides", "pads", "dilations", "auto_pad")


def _part(written: Written, place: int) -> _Part | None:
    """A convolution of chosen maps, whose kernels are some of a weight that has one for each connection."""
    conv = written.operators[place]
    seen = written.maker(conv.inputs[0], "Gather")
    kernel = written.shape(conv.inputs[1])
    if seen is None or conv.input(2) or len(kernel) != 4 or written.operators[seen].attributes.get("axis", 0) != 1:
        return None
    chosen = written.indices(written.operators[seen].inputs[1])
    maps, many = kernel[:2]
    source = written.maker(conv.inputs[1], "Reshape", "Unsqueeze")
    if chosen is None or conv.attributes.get("group", 1) != maps or len(chosen) != maps * many or source is None:
        return None
    weight, kernels = written.rows(written.operators[source].inputs[0])
    if kernels is None or len(kernels) != maps * many or not written.is_stored(weight):
        return None
    if written.shape(weight)[1:] != kernel[2:]:
        return None
    settings = tuple(tuple(each) if isinstance(each, (list, tuple)) else each
                     for each in map(conv.attributes.get, _SETTINGS))  # fmt: skip
    value = written.operators[seen].inputs[0]
    return _Part((seen, place), value, _cut(chosen, many), weight, _cut(kernels, many), settings)


def _cut(values: Sequence[int], many: int) -> list[list[int]]:
    return [list(values[at : at + many]) for at in range(0, len(values), many)]


def _over_table(written: Written, place: int) -> Found | None:
    """Convolutions of chosen maps, one beside the other: one over a connection table."""
    first = _part(written, place)
    if first is None:
        return None
    made = written.operators[place].outputs[0]
    parts, places = [first], [*first.places]
    joined = written.reader(made, "Concat")
    if joined is not None:
        if written.operators[joined].attributes.get("axis") != 1:
            return None
        makers = [written.maker(name, "Conv") for name in written.operators[joined].inputs]
        found = [None if each is None else _part(written, each) for each in makers]
        parts = [each for each in found if each is not None]
        if len(parts) != len(found) or len({(each.value, each.weight, each.settings) for each in parts}) > 1:
            return None
        places = [joined, *(each for part in parts for each in part.places)]
        made = written.operators[joined].outputs[0]
    rows, kernels = ([row for part in parts for row in getattr(part, name)] for name in ("rows", "kernels"))
    ordered = written.reader(made, "Gather")
    if ordered is not None and written.operators[ordered].attributes.get("axis", 0) == 1:
        order = written.indices(written.operators[ordered].inputs[1])
        if order is None or sorted(order) != list(range(len(rows))):
            return None
        rows, kernels = [rows[at] for at in order], [kernels[at] for at in order]
        places, made = [*places, ordered], written.operators[ordered].outputs[0]
    if [each for row in kernels for each in row] != list(range(written.shape(first.weight)[0])):
        return None
    return _shifted(written, places, made, first, {"connection_table": rows})


def _shifted(written: Written, places: Sequence[int], made: str, first: _Part, options: dict[str, Any]) -> Found | None:
    """The convolution with the constants that are added to it, one for each map or for each unit."""
    shape, weights = written.shape(made), [first.weight]
    by_map, by_unit = written.by_map(made, "Add", shape[1]), written.by_unit(made, shape[1:])
    shift = by_map or by_unit
    options = options | ({} if by_map else {"untie_biases": True} if by_unit else {"bias": False})
    if shift is not None:
        places, made = [*places, shift[0]], written.operators[shift[0]].outputs[0]
        weights.append(shift[1])
    strides, pads, dilations, auto = first.settings
    if auto not in (None, "NOTSET"):
        return None
    before = pads or (0,) * 4
    options |= {"padding": tuple(zip(before[:2], before[2:], strict=True))}
    options |= {"stride": strides or (1, 1), "dilation": dilations or (1, 1)}
    options |= {"out_channels": shape[1], "kernel_size": written.shape(first.weight)[-2:]}
    layer = _made(written, "conv2d", first.value, made, **options)
    return None if layer is None else whole_layer(written, places, layer, (first.value, *weights))


def _untied(written: Written, place: int) -> Found | None:
    """A convolution of which each unit has a constant of its own, added in the same module or by the same name."""
    conv = written.operators[place]
    if conv.input(2) or not written.is_stored(conv.inputs[1]):
        return None
    kernel, made = written.shape(conv.inputs[1]), conv.outputs[0]
    found = written.by_unit(made, written.shape(made)[1:])
    if found is None or len(kernel) != 4:
        return None
    if written.operators[found[0]].path != conv.path and found[1] != f"{conv.path}_bias":
        return None
    settings = tuple(map(conv.attributes.get, _SETTINGS))
    part = _Part((place,), conv.inputs[0], [], conv.inputs[1], [], settings)
    return _shifted(written, [place], made, part, {"groups": conv.attributes.get("group", 1)})


PATTERNS: Final[tuple[Pattern, ...]] = (
    (("Tanh",), _scaled_tanh),
    (("Sub",), _rbf),
    (("Reshape",), _channel_shuffle),
    (("Conv",), _over_table),
    (("Conv",), _untied),
)
"""What finds each, from an operator of some types."""
