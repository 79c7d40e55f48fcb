"""Operators that are written out as others once the shapes of what they read are known.

ONNX Runtime's product that turns what it reads and multiplies what it makes, a value that is cut into a list, and a
change of type to that of another value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archscope.importing.onnx.numbers import Array, plainly
from archscope.layers.base import Shape

if TYPE_CHECKING:
    import onnx_ir as ir


class Known(NamedTuple):
    """What is known of the values before an operator.

    Attributes:
        shapes: their extents.
        dtypes: ONNX's names of the types of their numbers.
        arrays: the numbers of constants.
        lists: what lists of values are, by the name of the list.
    """

    shapes: Mapping[str, Shape]
    dtypes: Mapping[str, str]
    arrays: Mapping[str, Array]
    lists: dict[str, list[ir.Value]]


class Others:
    """What one operator is written out as.

    Attributes:
        nodes: the operators.
        numbers: constants that they read, and what these are.

    Args:
        node: the operator.
        known: what is known of the values before it.
    """

    def __init__(self, node: ir.Node, known: Known) -> None:
        self.node, self.known = node, known
        self.nodes: list[ir.Node] = []
        self.numbers: list[tuple[ir.Value, Any]] = []
        self.names = ["" if each is None else each.name or "" for each in node.inputs]
        self.said: Mapping[str, Any] = {name: each.value for name, each in node.attributes.items()}

    def add(self, type_: str, *inputs: ir.Value | None, many: int = 1, **attributes: Any) -> list[ir.Value]:
        """One of ONNX's operators; what it makes."""
        import onnx_ir as ir

        end, at = self.node.outputs[0].name, len(self.nodes)
        made = [ir.Value(name=f"{end}.{at}.{place}") for place in range(many)]
        self.nodes.append(ir.node(type_, inputs, attributes, outputs=made, name=self.node.name,
                                  metadata_props=dict(self.node.metadata_props)))  # fmt: skip
        return made

    def number(self, numbers: Any) -> ir.Value:
        """A constant."""
        import onnx_ir as ir

        value = ir.Value(name=f"{self.node.outputs[0].name}.number{len(self.numbers)}")
        self.numbers.append((value, numbers))
        return value

    def ends(self) -> None:
        """Let the last operator make what the one that is written out made."""
        end, (last,) = self.node.outputs[0], self.nodes[-1].outputs
        last.name = end.name
        end.replace_all_uses_with(last, replace_graph_outputs=True)


def _product(others: Others) -> None:
    import numpy as np

    said = others.said
    read: list[ir.Value | None] = []
    for value, name, side in zip(others.node.inputs, others.names, "AB", strict=True):
        axes = [*range(len(others.known.shapes[name]))]
        plain = [*axes]
        if said.get(f"transBatch{side}", 0):
            axes = [*axes[1:-1], axes[0], axes[-1]]
        if said.get(f"trans{side}", 0) and len(axes) > 1:
            axes[-2:] = axes[:-3:-1]
        read += [value] if axes == plain else others.add("Transpose", value, perm=tuple(axes))
    (made,) = others.add("MatMul", *read)
    factor = plainly(float(said.get("alpha", 1.0)))
    if factor != 1:
        others.add("Mul", made, others.number(np.float32(factor)))
    others.ends()


def _list(others: Others) -> None:
    import numpy as np

    shape, axis = others.known.shapes[others.names[0]], int(others.said.get("axis", 0))
    lengths = others.known.arrays[others.names[1]]
    if not lengths.ndim:  # of as many each, and what is left
        whole, each = shape[axis], max(int(lengths), 1)
        lengths = np.asarray([min(each, whole - start) for start in range(0, whole, each)])
    name = others.node.outputs[0].name or ""
    sizes = others.number(lengths.astype(np.int64))
    others.known.lists[name] = others.add("Split", others.node.inputs[0], sizes, many=lengths.size, axis=axis)


def _entry(others: Others) -> None:
    place = int(others.known.arrays[others.names[1]].reshape(-1)[0])
    others.add("Identity", others.known.lists[others.names[0]][place])
    others.ends()


def _cast(others: Others) -> None:
    """With the type of another value, which then need not be one that it reads."""
    import onnx_ir as ir

    others.add("Cast", others.node.inputs[0], to=int(ir.DataType[others.known.dtypes[others.names[1]]]))
    others.ends()


_WRITTEN: Final[Mapping[tuple[str, str], Callable[[Others], None]]] = MappingProxyType({
    ("com.microsoft", "FusedMatMul"): _product,
    ("", "CastLike"): _cast,
    ("", "SplitToSequence"): _list,
    ("", "SequenceAt"): _entry,
})  # fmt: skip
"""Operators by library and name, and what writes each out."""


def others_of(node: ir.Node, known: Known) -> Others | None:
    """What an operator is written out as; None where it stays, or too little is known."""
    write = _WRITTEN.get((node.domain, node.op_type))
    if write is None:
        return None
    made = Others(node, known)
    try:
        write(made)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None
    return made
