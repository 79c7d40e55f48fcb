"""ONNX Runtime's product that turns what it reads and multiplies what it makes: written out in ONNX's own operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archscope.importing.onnx.numbers import plainly

if TYPE_CHECKING:
    import onnx_ir as ir

FUSED: Final = ("com.microsoft", "FusedMatMul")


def parts(node: ir.Node, ranks: tuple[int, int]) -> tuple[list[ir.Node], ir.Value | None, float]:
    """What it is written out as, and the factor that it multiplies by, if that is not one.

    Args:
        node: the product, of which what it makes is handed to the last of the operators.
        ranks: how many axes the two values have that it reads.
    """
    import onnx_ir as ir

    said = {name: each.value for name, each in node.attributes.items()}
    end, metadata = node.outputs[0], dict(node.metadata_props)
    made: list[ir.Node] = []
    read: list[ir.Value | None] = []

    def add(type_: str, *inputs: ir.Value | None, **attributes: tuple[int, ...]) -> ir.Value:
        value = ir.Value(name=f"{end.name}.{len(made)}")
        made.append(ir.node(type_, inputs, attributes, outputs=[value], name=node.name, metadata_props=metadata))
        return value

    for value, rank, side in zip(node.inputs, ranks, "AB", strict=True):
        axes = [*range(rank)]
        if said.get(f"transBatch{side}", 0):
            axes = [*axes[1:-1], axes[0], axes[-1]]
        if said.get(f"trans{side}", 0) and rank > 1:
            axes[-2:] = axes[:-3:-1]
        read.append(value if axes == [*range(rank)] else add("Transpose", value, perm=tuple(axes)))
    last, number = add("MatMul", *read), plainly(float(said.get("alpha", 1.0)))
    factor: ir.Value | None = None
    if number != 1:
        factor = ir.Value(name=f"{end.name}.alpha")
        last = add("Mul", last, factor)
    made[-1].outputs[0].name = end.name
    end.replace_all_uses_with(last, replace_graph_outputs=True)
    return made, factor, number
