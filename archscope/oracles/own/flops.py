"""PyTorch's `FlopCounterMode` around the module, halved: multiply-accumulates of each of its parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, first_line, not_covered
from archscope.oracles.flops import quick_counter
from archscope.oracles.own.conventions import AROUND, ELSEWHERE, handed_up, judged, total
from archscope.oracles.own.parts import parts_of
from archscope.tracing.standin import stand_in

NAME = "FLOPs"


def observe(case: Case) -> Iterator[Finding]:
    """Count while the module runs."""
    import torch

    counter = quick_counter()
    with stand_in(case.called, values=case.values) as standin:
        # Its tracker of modules asks a view of a parameter for a gradient's function, which has none here.
        standin.module.requires_grad_(False)
        try:
            with torch.no_grad(), counter:
                standin.run()
        except Exception as error:  # noqa: BLE001 - whatever it raises over a stranger's module is told
            yield not_covered(NAME, None, "macs", f"it does not run the module: {first_line(error)}")
            return
        parts = parts_of(case, standin.module)
        root = type(standin.module).__name__
    counts = {path.removeprefix(root).removeprefix("."): sum(ops.values()) // 2
              for path, ops in counter.get_flop_counts().items() if path != "Global"}  # fmt: skip
    own, around = handed_up(parts, exclusive(counts))
    whole = counter.get_total_flops() // 2
    beyond = whole - sum((part.macs or 0) if part.path in around else own.get(part.path, 0) for part in parts)
    found = []
    for part in parts:
        case.pace.at(part.row)
        if part.macs or own.get(part.path):
            blind = AROUND if part.path in around else ELSEWHERE if beyond else ""
            found.append(judged(NAME, part, own.get(part.path, 0), case.batch, blind))
            yield found[-1]
    yield total(NAME, "macs", case.analysis.totals.macs, whole, found)


def exclusive(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts of modules without those of the modules in them.

    >>> exclusive({"": 30, "a": 30, "a.b": 10, "a.c": 12})
    {'': 0, 'a': 8, 'a.b': 10, 'a.c': 12}
    """
    own = dict(counts)
    for path, count in counts.items():
        above = path
        while above:
            above = above.rpartition(".")[0]
            if above in own:
                own[above] -= count
                break
    return own
