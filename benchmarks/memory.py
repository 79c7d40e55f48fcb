"""`archscope memory` of a large network without PyTorch, and a table of formulas against the plain one."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.pairs import Claim, in_turns, python

LARGE = ("-m", "archscope", "memory", "gpt2@xl", "--batch", "4", "--optimizer", "adam")
PLAIN = ("-m", "archscope", "table", "gpt2@xl", "--depth", "1")


def claims() -> Iterator[Claim]:
    """A step of training of GPT-2 XL, and `--symbolic` of a small and a larger network."""
    large = in_turns(python(*LARGE), python(*PLAIN), turns=5)
    yield Claim("`archscope memory gpt2@xl`", min(large.first), 2, "at most", unit="s")
    yield Claim("the same against `archscope table gpt2@xl --depth 1`", large.ratio, 4, "at most", spread=large.spread)
    for name, symbol in (("lenet5", "height"), ("resnet@50", "resolution")):
        plain = ("-m", "archscope", "table", name)
        formulas = in_turns(python(*plain, "--symbolic", symbol), python(*plain), turns=5)
        yield Claim(f"`table {name} --symbolic {symbol}` against `table {name}`", formulas.ratio, 3, "at most",
                    spread=formulas.spread)  # fmt: skip
