"""The products of a layer as nests of loops, each iteration one multiply-accumulate.

The loops have ZigZag's names: ``B`` samples, ``G`` groups, ``K`` outputs and ``C`` inputs of a product, ``OX``, ``OY``
and ``OZ`` positions of the output, ``FX``, ``FY`` and ``FZ`` places of a window, ``IX``, ``IY`` and ``IZ`` positions of
the input, ``D`` rows of a matrix, ``H`` matrices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.building.sides import same_sides
from archscope.layers import Facts, Layer
from archscope.network import Network, Node
from archscope.record import EMPTY, Record

AXES: Final = ("X", "Y", "Z")
"""Axes of space, the last one of a shape first."""


class Slid(Record):
    """An index that two loops make: ``stride · at + dilation · tap``.

    Attributes:
        name: what it is called, ``IX``.
        at, tap: the loop over positions and the one over places of the window.
        stride, dilation: by what each is multiplied.
    """

    name: str
    at: str
    tap: str
    stride: int
    dilation: int


class Nest(Record):
    """One product of a layer.

    Attributes:
        name: what it is called: the layer's name, and a part of it where the layer has several.
        loops: how often each runs, outermost first.
        output, weights, input: what each operand is indexed by: loops, and names of slid indices.
        slid: the slid indices by name.
        extents: how long each slid index is in the operand that has it, without its padding.
        padding: what stands before and after it there.
        matrix: whether it is a product of matrices and no convolution.
        reads: where the input comes from and where the weights do: the number of an input of the layer, the name of
            another of its products, or None for what it holds itself.
    """

    name: str
    loops: Mapping[str, int]
    output: tuple[str, ...]
    weights: tuple[str, ...]
    input: tuple[str, ...]
    slid: Mapping[str, Slid] = EMPTY
    extents: Mapping[str, int] = EMPTY
    padding: Mapping[str, tuple[int, int]] = EMPTY
    matrix: bool = False
    reads: tuple[int | str, int | str | None] = (0, None)

    @property
    def macs(self) -> int:
        """How often the innermost line runs."""
        return math.prod(self.loops.values())


class Workload(Record):
    """The products of a network.

    Attributes:
        nests: each with the node that it is of.
        left_out: what has none, or none that are loops, and why.
    """

    nests: tuple[tuple[Node, Nest], ...]
    left_out: tuple[str, ...]


def workload(network: Network) -> Workload:
    """The products of a network, for one sample.

    >>> import archscope
    >>> [(nest.name, nest.macs) for _, nest in workload(archscope.load("lenet5-pytorch")).nests][:2]
    [('conv1', 117600), ('conv2', 240000)]
    """
    found: list[tuple[Node, Nest]] = []
    without, others = list[str](), list[str]()
    for node in network.nodes:
        facts = network.facts[node.name]
        nests = list(_nests(node, facts))
        if nests and sum(nest.macs for nest in nests) == facts.macs:
            found += [(node, nest) for nest in nests]
        elif facts.macs == 0:
            without.append(node.name)
        else:
            many = (
                "MACs are not covered" if facts.macs is None else f"{int(facts.macs):,} MACs are no products in loops"
            )
            others.append(f"`{node.name}` ({node.layer.type}): its {many}")
    return Workload(tuple(found), (*([_idle(without)] if without else []), *others))


def _idle(names: Sequence[str]) -> str:
    """Those that multiply nothing, the first few by name."""
    many = "1 layer multiplies" if len(names) == 1 else f"{len(names):,} layers multiply"
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{many} nothing: {', '.join(names[:_NAMED])}{more}"


_NAMED: Final = 6


def _nests(node: Node, facts: Facts) -> Iterator[Nest]:
    rule = _RULES.get(node.layer.type)
    if rule is None:
        return
    for part, nest in rule(node.layer, facts):
        yield nest.replace(name=f"{node.name}.{part}" if part else node.name)


Parts = Iterator[tuple[str, Nest]]


def _plain(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(extent) for extent in shape)


def _conv(layer: Any, facts: Facts) -> Parts:
    (came, *before), (made, *after) = _plain(facts.inputs[0]), _plain(facts.output)
    table = getattr(layer, "connection_table", None)
    if table is None:
        yield "", _windows(layer, before, after, layer.groups, made // layer.groups, came // layer.groups)
        return
    sizes = sorted({len(row) for row in table})
    for many in sizes:
        rows = sum(len(row) == many for row in table)
        yield f"of_{many}" if len(sizes) > 1 else "", _windows(layer, before, after, rows, 1, many)


def _windows(layer: Any, before: Sequence[int], after: Sequence[int], groups: int, made: int, came: int) -> Nest:
    """A convolution; for ``groups`` groups, ``made`` outputs and ``came`` inputs of each."""
    axes = AXES[: len(after)][::-1]
    dilation = getattr(layer, "dilation", (1,) * len(axes))
    sides = layer.padding
    if sides == "same":
        sides = same_sides(before, layer.kernel_size, layer.stride, dilation)
    grouped = ("G",) if groups > 1 else ()
    at, taps, slid = ([f"{letter}{axis}" for axis in axes] for letter in "OFI")
    return Nest(
        "",
        {"B": 1, **({"G": groups} if groups > 1 else {}), "K": made, "C": came,
         **dict(zip(at, after, strict=True)), **dict(zip(taps, layer.kernel_size, strict=True))},
        output=("B", *grouped, "K", *at),
        weights=(*grouped, "K", "C", *taps),
        input=("B", *grouped, "C", *slid),
        slid=_slid(slid, at, taps, layer.stride, dilation),
        extents=dict(zip(slid, before, strict=True)),
        padding=dict(zip(slid, sides, strict=True)),
    )  # fmt: skip


def _slid(names: Sequence[str], *parts: Sequence[Any]) -> Mapping[str, Slid]:
    return {name: Slid(name, *each) for name, *each in zip(names, *parts, strict=True)}


def _local(layer: Any, facts: Facts) -> Parts:
    (came, *before), (made, *after) = _plain(facts.inputs[0]), _plain(facts.output)
    nest = _windows(layer, before, after, 1, made, came)
    at = nest.output[2:]
    yield "", nest.replace(weights=(*nest.weights[:2], *at, *nest.weights[2:]))


def _transposed(layer: Any, facts: Facts) -> Parts:
    """Every input value times a window of weights: the positions are the input's, and the output's index is slid."""
    (came, *before), (made, *after) = _plain(facts.inputs[0]), _plain(facts.output)
    axes = AXES[: len(after)][::-1]
    groups = layer.groups
    grouped = ("G",) if groups > 1 else ()
    at, taps, slid = ([f"{letter}{axis}" for axis in axes] for letter in "IFO")
    yield "", Nest(
        "",
        {"B": 1, **({"G": groups} if groups > 1 else {}), "K": made // groups, "C": came // groups,
         **dict(zip(at, before, strict=True)), **dict(zip(taps, layer.kernel_size, strict=True))},
        output=("B", *grouped, "K", *slid),
        weights=(*grouped, "K", "C", *taps),
        input=("B", *grouped, "C", *at),
        slid=_slid(slid, at, taps, layer.stride, layer.dilation),
        extents=dict(zip(slid, after, strict=True)),
        padding=dict(zip(slid, layer.padding, strict=True)),
    )  # fmt: skip


Reads = tuple[int | str, int | str | None]


def _matrix(rows: int, units: int, inputs: int, matrices: int = 0, reads: Reads = (0, None)) -> Nest:
    """Rows times a matrix; with ``matrices``, as many of both."""
    row, many = ("D",) if rows > 1 or matrices else (), ("H",) if matrices else ()
    return Nest(
        "",
        {"B": 1, **({"H": matrices} if matrices else {}), **({"D": rows} if row else {}), "K": units, "C": inputs},
        output=("B", *many, *row, "K"),
        weights=("B", *many, "K", "C") if matrices else ("K", "C"),
        input=("B", *many, *row, "C"),
        matrix=True,
        reads=reads,
    )


def _linear(layer: Any, facts: Facts) -> Parts:
    *rows, came = _plain(facts.inputs[0])
    yield "", _matrix(math.prod(rows), int(layer.out_features), came)


def _bilinear(layer: Any, facts: Facts) -> Parts:
    *rows, left = _plain(facts.inputs[0])
    right, many = int(facts.inputs[1][-1]), math.prod(rows)
    yield "first", _matrix(many, layer.out_features * right, left)
    yield "second", _matrix(layer.out_features, 1, right, many, reads=("first", 1))


def _matmul(layer: Layer, facts: Facts) -> Parts:
    *_, rows, inner = _plain(facts.inputs[0])
    *many, _, units = _plain(facts.output)
    yield "", _matrix(rows, units, inner, math.prod(many), reads=(0, 1))


def _attended(heads: int, lengths: tuple[int, int], widths: tuple[int, int], reads: Sequence[int | str]) -> Parts:
    """The scores of every head, and the sums by them."""
    query, key, value = reads
    yield "scores", _matrix(lengths[0], lengths[1], widths[0], heads, reads=(query, key))
    yield "sums", _matrix(lengths[0], widths[1], lengths[1], heads, reads=("scores", value))


def _dot_product(layer: Any, facts: Facts) -> Parts:
    (*heads, length, width), (*_, seen, _), (*_, made) = (_plain(shape) for shape in facts.inputs[:3])
    yield from _attended(math.prod(heads), (length, seen), (width, made), range(3))


_ROLES: Final = ("query", "key", "value")


def _multihead(layer: Any, facts: Facts) -> Parts:
    last = min(len(facts.inputs), 3) - 1
    which = (0, min(1, last), last)
    shapes = [_plain(facts.inputs[at]) for at in which]
    width = layer.head_dim or shapes[0][1] // layer.num_heads
    made = (layer.num_heads, layer.key_heads, layer.key_heads)
    for role, at, (length, came), heads in zip(_ROLES, which, shapes, made, strict=True):
        yield role, _matrix(length, heads * width, came, reads=(at, None))
    lengths = shapes[0][0], shapes[1][0] + layer.more_keys
    yield from _attended(layer.num_heads, lengths, (width, width), _ROLES)
    yield "out", _matrix(shapes[0][0], shapes[0][1], layer.num_heads * width, reads=("sums", None))


def _recurrent(layer: Layer, facts: Facts) -> Parts:
    """A product for every matrix, at every step."""
    steps = int(facts.inputs[0][0]) if len(facts.inputs[0]) > 1 else 1
    before: int | str = 0
    for weight in facts.weights:
        if len(weight.shape) == 2:
            made, came = _plain(weight.shape)
            yield weight.name, _matrix(steps, made, came, reads=(before, None))
            before = weight.name


def _experts(layer: Any, facts: Facts) -> Parts:
    *rows, _ = _plain(facts.inputs[0])
    positions = math.prod(rows)
    for weight in facts.weights:
        if weight.name.endswith("bias"):
            continue
        *_, made, came = _plain(weight.shape)
        chosen = len(weight.shape) == 3
        yield weight.name.removesuffix(".weight"), _matrix(positions * (layer.top_k if chosen else 1), made, came)


_RULES: Final[Mapping[str, Callable[[Any, Facts], Parts]]] = MappingProxyType({
    **{f"conv{axes}d": _conv for axes in (1, 2, 3)},
    **{f"conv_transpose{axes}d": _transposed for axes in (1, 2, 3)},
    **{f"locally_connected{axes}d": _local for axes in (1, 2)},
    "linear": _linear,
    "bilinear": _bilinear,
    "matmul": _matmul,
    "scaled_dot_product_attention": _dot_product,
    "multihead_attention": _multihead,
    **dict.fromkeys(("rnn", "lstm", "gru", "rnn_cell", "lstm_cell", "gru_cell"), _recurrent),
    "mixture_of_experts": _experts,
})  # fmt: skip
"""The products of each layer type, each with the name of its part; none of them for differences that are squared."""
