"""`archscope diff`, against the tables of the two networks, and against reading the two modules."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from archscope import analyze, build, load, trace
from archscope.difference import difference
from benchmarks.pairs import Claim, call, in_turns, python


def claims() -> Iterator[Claim]:
    """Two specs as processes; two modules as calls."""
    pair = in_turns(python("-m", "archscope", "diff", "resnet@50", "resnet@50-v1.5"),
                    python("-m", "archscope", "table", "resnet@50"))  # fmt: skip
    yield Claim("`archscope diff` of two ResNet-50 against one table", pair.ratio, 3, "at most", spread=pair.spread)
    modules = [build(load(name), device="meta").eval() for name in ("resnet@50", "resnet@50-v1.5")]
    given = torch.zeros(1, 3, 224, 224, device="meta")

    def both() -> object:
        return [analyze(trace(module, given)) for module in modules]

    def diff() -> object:
        one, other = (trace(module, given) for module in modules)
        return difference(one, other)

    read = in_turns(call(diff), call(both), turns=5)
    yield Claim("the same of two modules against reading both", read.ratio, 1.3, "at most", spread=read.spread)
