"""The columns a table can have: how each is called, headed, explained, and read off a row.

>>> [column.name for column in chosen(["layer", "macs"])]
['layer', 'macs']
>>> chosen(["mac"])
Traceback (most recent call last):
archscope.errors.NotFound: no column `mac`; did you mean `macs`?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.analysis import COUNTS, Analysis, Row
from archscope.errors import NotFound, did_you_mean
from archscope.layers.base import spell_shape
from archscope.memory import per_layer
from archscope.record import Record

_NO_RULE: Final = "no rule says what it holds while it runs"

OFF_THE_GRID: Final = "its values have no place on the input's grid"
"""Why a layer behind a flatten has no receptive field."""


class Column(Record):
    """One quantity of every row.

    Attributes:
        name: what ``--columns`` calls it.
        heading: what stands above it.
        doc: one line for ``archscope table --help`` and the documentation.
        value: the plain value for a row: an int, a text, a shape, a tuple of those, or None.
        numeric: whether it is aligned on its digits.
        reason: why None is *not covered*; empty where None only means that there is none.
        bound: for a quantity of a whole network's run, from an analysis to the value for a row.
    """

    name: str
    heading: str
    doc: str
    value: Callable[[Row], Any]
    numeric: bool = False
    reason: str = ""
    bound: Callable[[Analysis], Callable[[Row], Any]] | None = None

    @property
    def is_count(self) -> bool:
        """Whether it adds up over layers and carries its working."""
        return self.name in COUNTS


def _count(name: str, heading: str, doc: str) -> Column:
    return Column(name, heading, doc, lambda row: row.count_of(name), numeric=True, reason="no rule covers it")


def _on_grid(name: str, heading: str, doc: str) -> Column:
    return Column(name, heading, doc, lambda row: getattr(row, name), numeric=True, reason=OFF_THE_GRID)


def _weights(row: Row) -> tuple[str, ...]:
    several = len({node for node, _ in row.weights}) > 1
    return tuple(
        f"{f'{node}.' if several else ''}{weight.name} {spell_shape(weight.shape)}" for node, weight in row.weights
    )


def _held(name: str, heading: str, doc: str, together: Callable[[list[int]], int]) -> Column:
    """What a run holds for a layer: of one line it is that of its nodes together."""

    def bound(analysis: Analysis) -> Callable[[Row], int | None]:
        held = per_layer(analysis.network, meanwhile=name == "temporary_bytes")

        def of(row: Row) -> int | None:
            known = [getattr(held[node.name], name, None) for node in row.nodes]
            sizes = [each for each in known if each is not None]
            return together(sizes) if len(sizes) == len(known) else None

        return of

    return Column(name, heading, doc, lambda _: None, numeric=True, reason=_NO_RULE, bound=bound)


_ALL: Final = (
    Column("layer", "Layer", "its name in the spec", lambda row: row.name),
    Column("type", "Spec type", "its layer type, as a spec says it", lambda row: row.type),
    Column("label", "Type", "its type, kernel, stride and groups in a few words", lambda row: row.label),
    Column("activation", "Activation", "the activation named on it", lambda row: row.activation),
    Column("kernel", "Kernel", "the window it slides", lambda row: row.kernel),
    Column("inputs", "From", "the layers it reads", lambda row: row.inputs),
    Column("input", "Input", "the shapes that come in", lambda row: row.input_shapes),
    Column("output", "Output", "the shape that goes out, channels first", lambda row: row.outputs),
    Column("weights", "Weights", "its weights by name and shape", _weights),
    Column("shares", "Shared with", "the layers whose weights it uses", lambda row: row.shares),
    _count("parameters", "Parameters", "trainable values"),
    _count("fixed", "Fixed", "values held but not trained"),
    _count("connections", "Connections", "weighted input lines of all units, bias lines and padding included"),
    _count("connections_in_bounds", "In bounds", "connections without those into the padding"),
    _count("macs", "MACs", "multiply-accumulates of convolutions and matrix products, biases not included"),
    _count("flops", "FLOPs = 2·MACs", "multiplications and additions of the MACs, two each"),
    _count("units", "Units", "output values, if it holds weights: the papers' neurons"),
    Column("activation_bytes", "Bytes", "bytes of its output in float32", Row.activation_bytes, numeric=True),
    _held("saved_bytes", "Saved", "bytes of it that the backward pass needs, one sample in float32, once", sum),
    _held("temporary_bytes", "Temporary", "most bytes it holds meanwhile at inference, beyond input and output", max),
    _on_grid("receptive_field", "RF", "input positions that reach one output value"),
    _on_grid("jump", "Jump", "input positions between neighbouring outputs"),
    _on_grid("start", "Start", "the first input position the first output sees"),
    _count("dense_equivalent", "If dense", "connections of an untied map from all its inputs to all its units"),
    Column("tower", "Tower", "the towers it stands on", lambda row: row.towers),
    Column("group", "Block", "the block it belongs to, outermost first", lambda row: row.group),
)

COLUMNS: Final[Mapping[str, Column]] = MappingProxyType({column.name: column for column in _ALL})
"""Every column by name, in the order in which they are listed."""

USUAL: Final = ("layer", "label", "activation", "output", "parameters", "fixed", "connections", "macs",
                "receptive_field")  # fmt: skip
"""What a table shows unless it is told otherwise; ``fixed`` only where a network has fixed values."""

EXPENDABLE: Final = ("activation", "receptive_field", "macs", "label", "fixed", "connections")
"""Which of `USUAL` a narrow terminal does without, the first one first."""


def chosen(names: Sequence[str] | None, *, of: Analysis | None = None) -> tuple[Column, ...]:
    """Columns by name, the layer's name always first; `USUAL` for an analysis where none are named.

    Raises:
        NotFound: there is no such column.
    """
    if names is None:
        names = [name for name in USUAL if name != "fixed" or (of is not None and of.totals.fixed)]
    wanted = dict.fromkeys(["layer", *names])
    for name in wanted:
        if name not in COLUMNS:
            raise NotFound(f"no column `{name}`; {did_you_mean(name, COLUMNS, what='columns')}")
    columns = (COLUMNS[name] for name in wanted)
    return tuple(each if of is None or each.bound is None else each.replace(value=each.bound(of)) for each in columns)
