"""torchinfo's summary of the module: parameters, and its mult-adds of each of its parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, Verdict, compared, first_line, not_covered
from archscope.oracles.own.conventions import ELSEWHERE, judged, total
from archscope.oracles.own.parts import Part, parts_of
from archscope.tracing.standin import StandIn, stand_in

NAME = "torchinfo"
TABLE = "it counts a table whose rows are picked by their numbers; here it is a learned value, which multiplies nothing"
ON_CONSTANTS = "it counts calls on constants too, which depend on no input and make no row"
TIED = "it counts shared weights once for each layer that has them"


_TABLES: Final = frozenset({"parameter", "relative_position_bias"})
"""Layers that a table of vectors is where the places that are looked up in it are the same for every input."""


def observe(case: Case) -> Iterator[Finding]:
    """Let torchinfo summarise the module."""
    with stand_in(case.called, values=case.values) as standin:
        try:
            result = _summarised(standin)
        except Exception as error:  # noqa: BLE001 - whatever it raises over a stranger's module is told
            why = f"it does not run the module: {first_line(error.__cause__ or error)}"
            yield not_covered(NAME, None, "everything", why)
            return
        parts = parts_of(case, standin.module)
        ids = {id(part.module): part.path for part in parts}
        tied = sum(each.numel() for _, each in standin.module.named_parameters(remove_duplicate=False))
        tied -= sum(each.numel() for each in standin.module.parameters())
    counts: dict[str, int] = {}
    calls = Counter[str]()
    for each in result.summary_list:
        path = ids.get(each.layer_id)
        if path is not None and each.executed and each.is_leaf_layer:
            counts[path] = counts.get(path, 0) + int(each.macs)
            calls[path] += 1
    beyond = int(result.total_mult_adds) - sum(counts.values())
    found = []
    for part in parts:
        case.pace.at(part.row)
        theirs = counts.get(part.path, 0)
        if theirs and not part.macs and any(node.layer.type in _TABLES for node, _ in part.nodes):
            found.append(replace(not_covered(NAME, part.row, "macs", TABLE, node=part.path or part.row),
                                 theirs=theirs))  # fmt: skip
        elif part.macs or theirs:
            seen = judged(NAME, part, theirs, case.batch, ELSEWHERE if beyond else "")
            found.append(_without_constants(seen, part, calls[part.path], case.batch))
        else:
            continue
        yield found[-1]
    yield _parameters(case, int(result.trainable_params), tied, _counted_again(result))
    yield total(NAME, "macs", case.analysis.totals.macs, int(result.total_mult_adds), found)


def _without_constants(seen: Finding, part: Part, calls: int, batch: int) -> Finding:
    """A finding that differs, explained where a module ran on constants as well, which makes no row."""
    runs = sum(bool(facts.weights) for _, facts in part.nodes)
    theirs, left = divmod(int(seen.theirs or 0) * runs, max(calls, 1))
    if seen.verdict is not Verdict.DIFFERS or not 0 < runs < calls or left:
        return seen
    again = judged(NAME, part, theirs, batch)
    if again.verdict is Verdict.DIFFERS:
        return seen
    return replace(seen, verdict=Verdict.EXPLAINED, why="; ".join(filter(None, (again.why, ON_CONSTANTS))))


def _summarised(standin: StandIn) -> Any:
    from torchinfo import summary

    device = next((each.device for each in standin.module.parameters()), None)
    # Given nothing in order, it would run nothing: what is given by name is then all of its input.
    given, named = (list(standin.args), standin.kwargs) if standin.args else (dict(standin.kwargs), {})
    return summary(
        standin.module, input_data=given, device=device, verbose=0, depth=64, mode="eval",
        cache_forward_pass=False, **named,
    )  # fmt: skip


def _counted_again(result: Any) -> int:
    """What its layers have beyond the whole, where a module has less than those in it: it takes that for 0."""
    holders = [each for each in result.summary_list if not each.is_leaf_layer and not each.is_recursive]
    return -sum(min(int(each.leftover_trainable_params()), 0) for each in holders)


def _parameters(case: Case, theirs: int, tied: int, again: int) -> Finding:
    found = compared(NAME, None, "parameters", case.analysis.totals.parameters, theirs)
    if found.verdict is Verdict.DIFFERS and tied and theirs == int(case.analysis.totals.parameters) + again:
        short = "" if again == tied else f"; {tied - again:,} that a module with others in it holds itself are lost"
        return replace(found, verdict=Verdict.EXPLAINED, why=f"{TIED}{short}")
    return found
