"""PyTorch's profiler with ``with_flops``: formulas in C++, of two-dimensional convolutions and matrix products.

It notes each operation with its shapes as it runs, on meta unless the network is small. It has no formula for other
convolutions, so nothing is said of a network that has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, not_covered
from archscope.oracles.flops import spelled_out

if TYPE_CHECKING:
    from torch import Tensor, nn

NAME: Final = "profiler"

COUNTED: Final = frozenset(f"aten::{name}" for name in ("mm", "addmm", "bmm", "baddbmm", "conv2d"))
"""Operations that it has a formula for, and whose count is one of multiplications and additions."""

_AROUND: Final = frozenset(f"aten::{name}" for name in (
    "linear", "matmul", "convolution", "_convolution", "mkldnn_convolution", "_slow_conv2d_forward",
    "scaled_dot_product_attention", "_conv_depthwise2d", "_nnpack_spatial_convolution",
))  # fmt: skip
"""Operations that are made of those, or are how a device runs one of them."""


def observe(case: Case) -> Iterator[Finding]:
    """Profile one run."""
    from archscope.oracles.census import otherwise

    flops, strange = profiled(case.model, case.inputs())
    why = otherwise(case.model) or (f"no formula for {', '.join(sorted(strange))}" if strange else "")
    if why or case.analysis.totals.flops is None:
        yield not_covered(NAME, None, "flops", why or "the products of the network are not known")
    else:
        yield compared(NAME, None, "flops", case.analysis.totals.flops, flops)


def profiled(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[int, set[str]]:
    """FLOPs of one run, and operations with products that the profiler has no formula for."""
    import torch

    # The newer one has the same formulas and writes lines of its own to the terminal.
    from torch.autograd.profiler_legacy import profile

    watch: Any = profile
    with torch.no_grad(), spelled_out(), watch(record_shapes=True, with_flops=True) as found:
        module(*inputs)
    flops, strange = 0, set[str]()
    for each in found.function_events:
        # On meta one product may run as another, and both are noted.
        if not _counts_products(each.name) or _within(each):
            continue
        if each.name in COUNTED:
            flops += int(each.flops or 0)
        else:
            strange.add(each.name.removeprefix("aten::"))
    return flops, strange


def _counts_products(name: str) -> bool:
    """Whether an operation has products, and is none that only wraps one of these."""
    from archscope.recognising.rules import RULES

    return name in COUNTED or name == "aten::square" or (
        name not in _AROUND and (name in RULES or name.startswith("aten::conv"))
    )  # fmt: skip


def _within(event: Any) -> bool:
    """Whether an operation is a part of another one that has products."""
    while (event := event.cpu_parent) is not None:
        if _counts_products(event.name):
            return True
    return False
