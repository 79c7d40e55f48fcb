"""A workload as YAML for ZigZag: each layer with its equation, its loops and where its operands come from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from archscope.escaping import line, visible
from archscope.network import Network, Node
from archscope.writing.workloads.nests import Nest, Workload


def write_zigzag(network: Network, work: Workload) -> str:
    """The text of a workload.

    >>> import archscope
    >>> from archscope.writing.workloads.nests import workload
    >>> network = archscope.load("lenet5-pytorch")
    >>> print(write_zigzag(network, workload(network)).split("- id")[1].split("  operand_precision")[0])
    : 0
      name: "conv1"
      operator_type: Conv
      equation: O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]
      dimension_relations: [iy=1*oy+1*fy, ix=1*ox+1*fx]
      loop_dims: [B, K, C, OY, OX, FY, FX]
      loop_sizes: [1, 6, 1, 28, 28, 5, 5]
      pr_loop_dims: [IY, IX]
      pr_loop_sizes: [32, 32]
      padding: [[0, 0], [0, 0]]
    """
    lines = [
        f"# {line(network.title or network.name)}: a workload for ZigZag, one sample.",
        "# Operands have 8 bits and sums 16, as in ZigZag's own workloads; change them to those of your accelerator.",
    ]
    lines += [f"# Left out: {line(each)}" for each in work.left_out]
    ids = {nest.name: number for number, (_, nest) in enumerate(work.nests)}
    made = _made(network, work, ids)
    for node, nest in work.nests:
        lines += ["", *_layer(node, nest, ids, made)]
    return "\n".join(lines)


def _made(network: Network, work: Workload, ids: Mapping[str, int]) -> Mapping[str, int]:
    """The product that each value comes from, through layers that multiply nothing; of several the last."""
    own = {node.name: ids[nest.name] for node, nest in work.nests}
    made: dict[str, int] = {}
    for node in network.nodes:
        came = [made[ref.node] for ref in node.inputs if ref.node in made]
        if node.name in own or came:
            made[node.name] = own[node.name] if node.name in own else max(came)
    return made


def _layer(node: Node, nest: Nest, ids: Mapping[str, int], made: Mapping[str, int]) -> Iterator[str]:
    number = ids[nest.name]

    def source(reads: int | str | None) -> int:
        """The product that an operand comes from; its own, as ZigZag has it, for what comes from none."""
        if isinstance(reads, str):
            return ids[f"{node.name}.{reads}"]
        return number if reads is None else made.get(node.inputs[reads].node, number)

    yield f"- id: {number}"
    yield f"  name: {json.dumps(visible(nest.name), ensure_ascii=False)}"
    yield f"  operator_type: {'Gemm' if nest.matrix else 'Conv'}"
    operands = ("".join(f"[{name}]" for name in each).lower() for each in (nest.output, nest.weights, nest.input))
    yield "  equation: O{}+=W{}*I{}".format(*operands)
    relations = (f"{each.name}={each.stride}*{each.at}+{each.dilation}*{each.tap}" for each in nest.slid.values())
    yield f"  dimension_relations: [{', '.join(relations).lower()}]"
    yield f"  loop_dims: [{', '.join(nest.loops)}]"
    yield f"  loop_sizes: [{', '.join(map(str, nest.loops.values()))}]"
    if any(name in nest.input for name in nest.slid):
        yield f"  pr_loop_dims: [{', '.join(nest.slid)}]"
        yield f"  pr_loop_sizes: [{', '.join(str(nest.extents[name]) for name in nest.slid)}]"
        yield f"  padding: [{', '.join(str(list(nest.padding[name])) for name in nest.slid)}]"
    yield "  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}"
    yield f"  operand_source: {{I: {source(nest.reads[0])}, W: {source(nest.reads[1])}}}"
