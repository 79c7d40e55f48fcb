"""fvcore: MACs of convolutions and matrix products, from a trace of each layer.

fvcore traces, and PyTorch cannot trace a convolution on the meta device. So each layer is traced by itself:
with one sample on the CPU where it convolves, so that no more than one layer's values exist at a time, on meta
where it does not.

It has no rule for squares. It is given one here: a value that is squared and added up, as a squared distance is, is one
multiply-accumulate; its trace says how many there are.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from archscope.layers import Layer, Shape
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, first_line, not_covered, part_missing

if TYPE_CHECKING:
    from torch import nn

NAME = "fvcore"

PRODUCTS: Final = frozenset({"conv", "linear", "addmm", "matmul", "mm", "bmm", "baddbmm", "einsum", "square"})
"""What fvcore calls operations whose count is one of multiply-accumulates."""

_PLAIN: Final = """
    cat add index pad constant_pad_nd sub rsub add_ mul mul_ div sigmoid_ tanh tanh_ silu gelu softmax sum topk
    nonzero_numpy index_add mT unsafe_chunk
"""
NO_PRODUCTS: Final = frozenset(f"aten::{name}" for name in _PLAIN.split())
"""Operations it has no rule for that, beside a convolution or a product, move values or change them one by one."""


def observe(case: Case) -> Iterator[Finding]:
    """Let fvcore count layer by layer; equal layers are traced once."""
    counted: dict[tuple[Layer, tuple[Shape, ...]], tuple[int, str]] = {}
    lacking: list[str] = []
    total = 0
    for node, _, facts in case.nodes():
        case.pace.at(node.row)
        key = (node.layer, tuple(tuple(int(extent) for extent in shape) for shape in facts.inputs))
        if key not in counted and case.pace.late:
            counted[key] = (0, case.pace.why)
        if key not in counted:
            counted[key] = _count(*key, case.device)
        macs, why = counted[key]
        if why:
            if facts.macs != 0:
                lacking.append(node.row)
            yield not_covered(NAME, node.row, "macs", why, node=node.name)
        else:
            total += macs
            yield compared(NAME, node.row, "macs", facts.macs, macs, node=node.name)
    if lacking:
        yield not_covered(NAME, None, "macs", part_missing(lacking))
    else:
        yield compared(NAME, None, "macs", case.analysis.totals.macs, total)


def _count(layer: Layer, shapes: tuple[Shape, ...], device: str) -> tuple[int, str]:
    """Multiply-accumulates, or why there is no count."""
    import torch

    with warnings.catch_warnings():
        # On import and while tracing, fvcore uses parts of PyTorch that are going away.
        warnings.simplefilter("ignore")
        from fvcore.nn import FlopCountAnalysis

        module = _placed(layer, shapes, device)
        device = next((each.device.type for each in module.parameters()), device)
        inputs = tuple(
            torch.zeros(1, *shape, device=device, dtype=torch.long if place < layer.tokens else None)
            for place, shape in enumerate(shapes)
        )
        with torch.no_grad():
            count = FlopCountAnalysis(module, inputs).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
            count = count.tracer_warnings("none").set_op_handle("aten::square", _summed)
            try:
                operators: dict[str, int] = dict(count.by_operator())
            except Exception as error:  # noqa: BLE001 - whatever its trace and its rules raise is told
                return 0, f"it fails: {type(error).__name__}: {first_line(error)}"
            unknown: list[str] = sorted(count.unsupported_ops())
    macs = sum(int(number) for name, number in operators.items() if name in PRODUCTS)
    strange = [name for name in unknown if name not in NO_PRODUCTS]
    if macs and not strange:
        return macs, ""
    if strange or unknown:
        return 0, f"no rule for {', '.join(name.removeprefix('aten::') for name in strange or unknown)}"
    return 0, f"{type(module).__name__} has no products for fvcore to count"


def _summed(_: list[Any], outputs: list[Any]) -> int:
    """Squares of a trace that are added up at once."""
    from fvcore.nn.jit_handles import get_shape

    (squares,) = outputs
    users = {each.user.kind() for each in squares.uses()}
    return math.prod(get_shape(squares) or (0,)) if users == {"aten::sum"} else 0


def _placed(layer: Layer, shapes: tuple[Shape, ...], device: str) -> nn.Module:
    """The layer's module on a device, or on the CPU if it convolves."""
    import torch
    from torch.nn.modules.conv import _ConvNd

    from archscope.building.builders import build_layer
    from archscope.building.historic import TableConv2d
    from archscope.tracing.strangers import keeping_random

    with torch.device(device), keeping_random():
        module = build_layer(layer, *shapes)
    if device == "meta" and isinstance(module, (_ConvNd, TableConv2d)):
        module = module.to_empty(device="cpu")
    return module.eval()
