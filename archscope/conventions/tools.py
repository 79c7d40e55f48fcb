"""Every tool whose total is known: what it prints, in which unit, and by which version that was learned."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from archscope.conventions import fvcore, profilers, ptflops, tables, thop, torchinfo
from archscope.conventions.tally import Rule
from archscope.record import Record

Unit = Literal["MACs", "FLOPs", "parameters"]


class Tool(Record):
    """A tool and its convention.

    Attributes:
        name: what a person calls it.
        printed: what it calls its total.
        unit: what that is a number of, as it means it.
        times: what it multiplies multiply-accumulates with: 2 where it counts two FLOPs for each.
        convention: the convention in one sentence.
        learned: the version whose source and numbers the convention was learned from.
        rule: what it counts of a layer; None where it counts parameters.
        rounds: digits of a thousand million that its table prints; None where it prints every digit.
    """

    name: str
    printed: str
    unit: Unit
    times: int
    convention: str
    learned: str
    rule: Rule | None
    rounds: int | None = None


_ALL: Final = (
    Tool("torchinfo", "Total mult-adds", "MACs", 1,
         "weights times output positions, the bias with them; modules only, one position of a dense layer",
         "torchinfo 1.8.0", torchinfo.rule),
    Tool("fvcore", "FlopCountAnalysis.total()", "MACs", 1,
         "multiply-accumulates, which it calls flops, norms, adaptive pooling and resizing; no bias, no activations",
         "fvcore 0.1.5.post20221221", fvcore.rule),
    Tool("thop", "MACs of thop.profile", "MACs", 1,
         "multiply-accumulates of modules that it knows, and norms, softmax and average pooling; no bias",
         "thop 0.1.1.post2209072238", thop.rule),
    Tool("ptflops", "Computational complexity", "MACs", 1,
         "multiply-accumulates, biases, and one for each value of activations, poolings and norms, many of them twice",
         "ptflops 0.7.5, pytorch backend", ptflops.rule),
    Tool("calflops", "fwd FLOPs", "FLOPs", 2,
         "two for a multiply-accumulate, and the biases of convolutions, norms, activations and poolings",
         "calflops 0.3.2", profilers.calflops),
    Tool("deepspeed", "fwd flops", "FLOPs", 2,
         "two for a multiply-accumulate, and the biases of convolutions, norms, activations and poolings",
         "deepspeed 0.19.8", profilers.deepspeed),
    Tool("keras", "Total params", "parameters", 1,
         "every value that is held, the statistics of batch normalization with the trained ones; no work at all",
         "keras 3", None),
    Tool("timm", "gmacs of its benchmark tables", "MACs", 1,
         "fvcore's convention on attention that is written as products, which fvcore then sees; in thousands of "
         "millions with two digits",
         "timm's results/benchmark-infer-amp-nchw-pt240-cu124-rtx3090.csv", fvcore.with_attention, 2),
    Tool("torchvision", "GFLOPS of its weights", "MACs", 1,
         "multiply-accumulates of convolutions and matrix products, which it calls flops, in thousands of millions "
         "with three digits",
         "torchvision 0.29.1", tables.torchvision, 3),
)  # fmt: skip

TOOLS: Final[Mapping[str, Tool]] = MappingProxyType({tool.name: tool for tool in _ALL})
"""Every tool by name."""
