"""torch's `FlopCounterMode`, on meta unless the network is small: two FLOPs a multiply-accumulate.

An operation without a formula is not covered, never 0. The counter has none for squares and is given one: a value that
is squared and added up, as a squared distance is, is one multiply-accumulate.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from archscope.network import Node
from archscope.oracles.case import Case, watching
from archscope.oracles.findings import Finding, compared, not_covered, part_missing

if TYPE_CHECKING:
    from torch.utils.flop_counter import FlopCounterMode

NAME = "FLOPs"

NO_PRODUCTS: Final = frozenset({
    "add", "sub", "neg", "mean", "sum", "cat", "stack", "constant_pad_nd", "index", "index_select", "select", "slice",
    "view", "_unsafe_view", "reshape", "expand", "permute", "transpose", "t", "squeeze", "unsqueeze", "split", "chunk",
    "unbind", "clone", "_to_copy", "copy_", "contiguous", "detach", "alias", "empty", "zeros", "ones", "new_zeros",
    "full", "fill_", "relu", "tanh", "sigmoid", "_softmax", "_safe_softmax", "div", "mul", "unsafe_chunk",
    "split_with_sizes", "rsub", "new_empty", "zeros_like", "scalar_tensor", "arange", "unsafe_split", "as_strided",
    "add_", "where", "lift_fresh", "eq", "logical_not", "any", "abs", "exp", "log", "sqrt", "amax",
    "amin", "var", "std", "logsumexp", "linalg_vector_norm", "clamp_min", "maximum", "minimum",
    "transpose_", "mul_", "sigmoid_", "tanh_",
    "masked_fill_", "triu", "tril", "silu", "gelu", "topk", "nonzero", "index_add", "repeat", "pow", "rsqrt",
    "cos", "sin", "im2col", "col2im", "roll", "masked_fill", "lt", "ge", "ne", "bitwise_or",
})  # fmt: skip
"""Operations beside a convolution or matrix product that move, add or scale single values: no MACs."""


def observe(case: Case) -> Iterator[Finding]:
    """Count while the module runs."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    from archscope.oracles.census import SumsOfSquares

    counter = quick_counter()
    before: dict[str, int] = {}
    flops: dict[str, int] = {}
    sums, squares = SumsOfSquares(), dict[str, int]()
    unknown: dict[str, set[str]] = {}
    running: list[str] = []

    def enter(node: Node, _: Any) -> None:
        running.append(node.name)
        before[node.name] = counter.get_total_flops()

    def leave(node: Node, _: Any) -> None:
        running.pop()
        flops[node.name] = counter.get_total_flops() - before[node.name] + 2 * squares.get(node.name, 0)

    class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call, unused-ignore]
        """Notes the operations that the counter has no formula for, and sums of squares, by the node that runs."""

        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            return False

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if running and func.overloadpacket not in counter.flop_registry:
                unknown.setdefault(running[-1], set()).add(func.overloadpacket.__name__)
            result = func(*args, **(kwargs or {}))
            if running:
                squares[running[-1]] = squares.get(running[-1], 0) + sums.forward(func, args, result)
            return result

    with watching(case, before=enter, after=leave), torch.no_grad(), spelled_out(), Recorder(), counter:  # type: ignore[no-untyped-call]
        case.model(*case.inputs())
    lacking: list[str] = []
    for node, module, facts in case.nodes():
        without = unknown.get(node.name, set())
        strange = sorted(without - NO_PRODUCTS)
        if flops[node.name] and not strange:
            yield compared(NAME, node.row, "flops", facts.flops, flops[node.name], node=node.name)
        else:
            names = ", ".join(strange or sorted(without)) or "its operations"
            why = f"no formula for {names}" if without else f"{type(module).__name__} runs no operation"
            if facts.macs != 0:
                lacking.append(node.row)
            yield not_covered(NAME, node.row, "flops", why, node=node.name)
    if lacking:
        yield not_covered(NAME, None, "flops", part_missing(lacking))
    else:
        yield compared(NAME, None, "flops", case.analysis.totals.flops, sum(flops.values()))


@contextmanager
def spelled_out() -> Iterator[None]:
    """Have attention and recurrence run product by product, where PyTorch has them as one operation as well."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    quick, fused = torch.backends.mha.get_fastpath_enabled(), torch._C._get_mkldnn_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    torch._C._set_mkldnn_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(quick)
        torch._C._set_mkldnn_enabled(fused)


def quick_counter() -> FlopCounterMode:
    """PyTorch's counter; without the compiler, which takes longer to import than all there is to count.

    The counter's mode is wrapped so that the compiler leaves it alone, and the wrapper imports the compiler first.
    Nothing is compiled here, so the same mode is used without the wrapper.
    """
    from torch.utils import flop_counter

    wrapped: Any = getattr(flop_counter, "_FlopCounterMode", None)
    if wrapped is None:
        return flop_counter.FlopCounterMode(display=False)

    class Mode(wrapped):  # type: ignore[misc]
        __torch_dispatch__ = inspect.unwrap(wrapped.__torch_dispatch__)

        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            return False

    class Counter(flop_counter.FlopCounterMode):
        def __enter__(self) -> flop_counter.FlopCounterMode:
            self.flop_counts.clear()
            self.mod_tracker.__enter__()  # type: ignore[no-untyped-call]
            self.mode = Mode(self)
            self.mode.__enter__()
            return self

    return Counter(display=False)
