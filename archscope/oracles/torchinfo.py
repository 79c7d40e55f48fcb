"""torchinfo: shapes, parameters, and its mult-adds, which count the bias and so are our connections."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from archscope.layers import Facts
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, not_covered

NAME = "torchinfo"


def observe(case: Case) -> Iterator[Finding]:
    """Let torchinfo summarise the module."""
    from torchinfo import summary

    result = summary(
        case.model, input_data=list(case.inputs()), device=case.device, verbose=0, depth=64, mode="eval",
        cache_forward_pass=False,
    )  # fmt: skip
    by_module = {each.layer_id: each for each in result.summary_list if each.executed}
    complete = True
    for node, module, facts in case.nodes():
        case.pace.at(node.row)
        summarised = by_module[id(module)]
        shape = tuple(int(extent) for extent in summarised.output_size[1:])
        if len(facts.outputs) > 1:
            yield not_covered(NAME, node.row, "output", "torchinfo looks at one of several outputs", node=node.name)
        else:
            yield compared(NAME, node.row, "output", facts.output, shape, node=node.name)
        if not facts.weights and not summarised.num_params:
            continue
        yield compared(NAME, node.row, "parameters", facts.parameters, summarised.trainable_params, node=node.name)
        if facts.fixed:
            yield not_covered(NAME, node.row, "fixed", "torchinfo counts no buffers", node=node.name)
        reason = _cannot(module, facts)
        if reason:
            complete = False
            yield not_covered(NAME, node.row, "connections", reason, node=node.name)
        else:
            yield compared(NAME, node.row, "connections", facts.connections, summarised.macs, node=node.name)
    totals = case.analysis.totals
    if any(node.shares for node in case.network.nodes):
        yield not_covered(NAME, None, "parameters", "torchinfo counts shared weights once for each layer that has them")
    else:
        yield compared(NAME, None, "parameters", totals.parameters, result.trainable_params)
    if complete:
        yield compared(NAME, None, "connections", totals.connections, result.total_mult_adds)
    else:
        yield not_covered(NAME, None, "connections", "torchinfo's mult-adds of some layers are no connections")


def _cannot(module: Any, facts: Facts) -> str:
    """Why its mult-adds of a layer are not its connections; nothing where they are."""
    from torch import nn
    from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

    from archscope.building.historic import TableConv2d, UntiedConv2d

    if isinstance(module, _ConvTransposeNd):
        return "torchinfo multiplies a transposed convolution's weights with its own outputs, not its inputs"
    if isinstance(module, UntiedConv2d) or getattr(module, "places", None) is not None:
        return "torchinfo counts the bias of each unit once for every position"
    if isinstance(module, (_ConvNd, TableConv2d)):
        return ""
    if isinstance(module, nn.Linear):
        places = math.prod(int(extent) for extent in facts.output[:-1])
        return "" if places == 1 else "torchinfo counts a dense layer at one position of several"
    return f"torchinfo has no rule for {type(module).__name__}; it counts its parameters once"
