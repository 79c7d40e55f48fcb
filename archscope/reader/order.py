"""The order in which layers can run, each after what it reads; a cycle has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from archscope.reader.entries import Entry, Reads
from archscope.reader.report import Report


def in_order(entries: Mapping[str, Entry], reads: Mapping[str, list[Reads]], report: Report) -> list[str]:
    """A topological order that keeps the written one where it can; a cycle is reported once."""
    order: list[str] = []
    state: dict[str, int] = {}
    depth: dict[str, int] = {}  # of those that are on the stack
    lows: list[int] = []  # for each of those, the least depth that it leads back to
    for start in entries:
        stack = [(start, iter(reads[start]))] if start not in state else []
        state.setdefault(start, 1)
        while stack:
            name, rest = stack[-1]
            if len(lows) < len(stack):
                depth[name] = len(lows)
                lows.append(len(entries))
            following = next((each for each in rest if each.layer in entries and state.get(each.layer) != 2), None)
            if following is None:
                stack.pop()
                state[name] = 2
                order.append(name)
                low = lows.pop()
                entries[name].broken = entries[name].broken or low <= len(stack)
                if low < len(stack):
                    lows[-1] = min(lows[-1], low)
            elif following.layer in state:
                first = depth[following.layer]
                lows[-1] = min(lows[-1], first)
                shown = [each for each, _ in (*stack[first : first + _LONGEST_CYCLE], *stack[-_LONGEST_CYCLE:])]
                _report_cycle(shown, len(stack) - first, following, entries, report)
            else:
                state[following.layer] = 1
                stack.append((following.layer, iter(reads[following.layer])))
    return order


_LONGEST_CYCLE: Final = 20
"""Layers of a cycle that are named; of a longer one the ends."""


def _report_cycle(ends: list[str], length: int, back: Reads, entries: Mapping[str, Entry], report: Report) -> None:
    """Report a cycle of some length, of which the layers at both ends are given."""
    turned = ends[::-1][: min(length, _LONGEST_CYCLE)]
    if length > _LONGEST_CYCLE:
        turned = [*turned[: _LONGEST_CYCLE // 2], "…", *ends[: _LONGEST_CYCLE // 2][::-1]]
    shown = " → ".join("…" if name == "…" else f"`{name}`" for name in [back.layer, *turned])
    reader = entries[ends[-1]]
    report.place(reader.origin, reader.span)
    at = back.span if reader.reads is not None else reader.span
    message = f"{reader.title} reads itself" if length == 1 else f"a cycle: {shown}"
    report.add("cycle", message, at, help="data flows one way; change one `from:`")
