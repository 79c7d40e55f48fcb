"""fvcore's trace of the module: multiply-accumulates of each of its parts."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final

from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, Verdict, first_line, not_covered
from archscope.oracles.fvcore import PRODUCTS
from archscope.oracles.own import einsums
from archscope.oracles.own.conventions import AROUND, handed_up, judged, total
from archscope.oracles.own.flops import exclusive
from archscope.oracles.own.parts import Part, Plain, leading, parts_of
from archscope.tracing.standin import stand_in

NAME = "fvcore"
UNTRACED: Final = "its trace leaves out what no output is made of, such as what a branch hangs on"
LARGEST: Final = 300_000_000
"""Values of a module up to which it is traced: the trace needs them all, and runs them."""


def observe(case: Case) -> Iterator[Finding]:
    """Let fvcore trace the module."""
    if sum(each.numel() for each in case.called.module.parameters()) > LARGEST:
        yield not_covered(NAME, None, "macs", f"its trace needs values, and the module holds more than {LARGEST:,}")
        return
    import torch

    with warnings.catch_warnings():
        # On import and while tracing, fvcore uses parts of PyTorch that are going away.
        warnings.simplefilter("ignore")
        from fvcore.nn import FlopCountAnalysis

        with stand_in(case.called, values=True) as standin, torch.no_grad():
            parts = parts_of(case, standin.module)
            count = FlopCountAnalysis(Plain(standin, case.called), standin.tensors)
            count = count.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
            count = count.set_op_handle("aten::einsum", einsums.counted)
            try:
                by_module = count.by_module_and_operator()
                uncalled = {path.removeprefix("inner.") for path in count.uncalled_modules()}
            except Exception as error:  # noqa: BLE001 - whatever a trace of a stranger's module raises is told
                yield not_covered(NAME, None, "macs", f"PyTorch cannot trace it: {first_line(error)}")
                return
    counts = _sums(by_module, PRODUCTS)
    own, around = handed_up(parts, exclusive(counts))
    as_run = exclusive(_sums(by_module, PRODUCTS - {"einsum"} | {einsums.AS_RUN}))
    found, read = list[Finding](), leading(case.network)
    for part in parts:
        case.pace.at(part.row)
        if part.macs or own.get(part.path):
            blind = AROUND if part.path in around else UNTRACED if part.path in uncalled else ""
            theirs = own.get(part.path, 0)
            seen = _without_unread(judged(NAME, part, theirs, case.batch, blind), part, read, case.batch)
            if seen.verdict is Verdict.DIFFERS and (why := _of_einsums(part, as_run.get(part.path, 0), theirs, read)):
                seen = replace(seen, verdict=Verdict.EXPLAINED, why=why)
            found.append(seen)
            yield found[-1]
    yield total(NAME, "macs", case.analysis.totals.macs, counts.get("", 0), found)


def _without_unread(seen: Finding, part: Part, read: Collection[str], batch: int) -> Finding:
    """A finding that differs, explained where fvcore counts all but what no output is made of."""
    nodes = tuple(each for each in part.nodes if each[0].name in read)
    if seen.verdict is not Verdict.DIFFERS or nodes in ((), part.nodes):
        return seen
    again = judged(NAME, replace(part, nodes=nodes), int(seen.theirs or 0), batch)
    if again.verdict is Verdict.DIFFERS:
        return seen
    return replace(seen, verdict=Verdict.EXPLAINED, why="; ".join(filter(None, (UNTRACED, again.why))))


def _of_einsums(part: Part, as_run: int, theirs: int, read: Collection[str]) -> str:
    """Why a count differs where each ``einsum`` as it ran makes it ours, or that of what outputs are made of."""
    if as_run == theirs:
        return ""
    if as_run == part.macs:
        return einsums.WHY
    left = sum(int(facts.macs or 0) for node, facts in part.nodes if node.name in read)
    return f"{UNTRACED}; {einsums.WHY}" if as_run == left else ""


def _sums(by_module: Mapping[str, Mapping[str, float]], names: Collection[str]) -> dict[str, int]:
    """What is counted under some names, by the path of the module."""
    return {
        path.removeprefix("inner").removeprefix("."): sum(int(own[name]) for name in names if name in own)
        for path, own in by_module.items()
        if path
    }
