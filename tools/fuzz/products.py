"""The law of conservation: the products of all rows of a module are those that PyTorch's dispatcher saw."""

from __future__ import annotations

import warnings
from random import Random
from typing import Any, Final

import torch
import torch._dynamo.exc
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from archscope import ArchscopeError, analyze, trace
from tools.fuzz.pieces import PIECES, POSITIONS, Piece

_WITHOUT_A_FORMULA: Final = frozenset({
    "mv", "dot", "vdot", "addmv", "addr", "addbmm", "_trilinear", "_cdist_forward", "_euclidean_dist",
    "mkldnn_rnn_layer", "lstm", "gru", "rnn_tanh", "rnn_relu",
})  # fmt: skip
"""Operations that multiply, of which PyTorch's own counter has no formula."""
_MOST: Final = 4
"""Pieces of one module."""


def one(random: Random) -> str | None:
    """Hold a module of some pieces to the law."""
    chosen = [random.choice(PIECES) for _ in range(random.randint(1, _MOST))]
    return held(random, chosen)


def held(random: Random, chosen: list[Piece]) -> str | None:
    """Hold a module of these pieces to the law; what is wrong, if anything."""
    torch.manual_seed(random.getrandbits(32))
    wide = first = random.randint(2, 6)
    parts = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in chosen:
            part, wide = each(random, wide)
            parts.append(part)
        wrong = _broken(nn.Sequential(*parts), torch.randn(random.choice((1, 1, 3)), POSITIONS, first))
    return f"{[each.__name__ for each in chosen]}: {'; '.join(wrong)}" if wrong else None


def _broken(module: nn.Module, x: torch.Tensor) -> list[str]:
    try:
        before = module(x)
    except torch._dynamo.exc.TorchDynamoException:  # a scan of many shapes is beyond it
        return []
    try:
        analysis = analyze(trace(module, x))
    except ArchscopeError as error:
        return [f"refused: {error}"]
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return [f"{type(error).__name__}: {error}"]
    seen, totals = analysis.network.observed, analysis.totals
    if seen is None:
        return ["nothing was observed"]
    macs = int(totals.macs if totals.macs is not None else totals.macs_at_least or 0)
    rows = sum(int(row.macs or 0) for row in analysis.rows)
    held = sum(each.numel() for each in module.parameters())
    said = {
        f"rows have {rows} MACs, the total {macs}": rows != macs,
        f"{sum(seen.ran.values())} of {seen.operations} operations have a row": sum(
            seen.ran.values()) != seen.operations,
        "rows that are no node ran": seen.ran.keys() != {node.name for node in analysis.network.nodes},
        f"{int(totals.parameters)} parameters of {held}": int(totals.parameters) != held,
        "it gives another result than before": not torch.equal(module(x), before),
        **_counted(module, x, macs - seen.of_complex * 3 // 4, totals.not_covered),
    }  # fmt: skip
    return [text for text, wrong in said.items() if wrong]


def _counted(module: nn.Module, x: torch.Tensor, macs: int, not_covered: Any) -> dict[str, bool]:
    """What PyTorch's counter has, which knows fewer operations: as much, or less where such ran."""
    ran = _Ran()
    try:
        with FlopCounterMode(display=False) as counter, ran, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            module(x)
    except Exception:  # noqa: BLE001 - loops as one operation, lists of samples, and derivatives are beyond it
        return {}
    theirs = counter.get_total_flops() // 2
    more = not _WITHOUT_A_FORMULA.isdisjoint(ran.names) or ran.sparse
    text = f"{macs} MACs, PyTorch counts {theirs}, not covered: {dict(not_covered)}"
    return {text: macs < theirs if more else macs != theirs}


class _Ran(TorchDispatchMode):
    """The operations that run, by name."""

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.sparse = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(str(func).split(".")[1])
        self.sparse |= any(isinstance(each, torch.Tensor) and each.layout != torch.strided for each in args)
        return func(*args, **(kwargs or {}))
