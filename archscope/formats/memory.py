"""What a network holds, phase by phase, as text: a table, Markdown, CSV, JSON, HTML or LaTeX."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.constants import Constant
from archscope.errors import NotFound, did_you_mean
from archscope.escaping import json_text, terminal
from archscope.formats.grid import WRITERS, Grid
from archscope.formats.sheet import spell_bytes
from archscope.losses import LOSSES
from archscope.memory import Memory, Phase, Request, Tracked
from archscope.memory.ledger import KINDS

_CONVENTION: Final = (
    "A step once the optimizer has its state. What an allocator rounds up and what kernels take for themselves is not "
    "in it; on CUDA what the allocator reserves is more."
)

_FEW: Final = 5

_MOMENTS: Final[Mapping[str, str]] = MappingProxyType({"after": "after", "most": "at most in"})

_WORDS: Final[Mapping[str, str]] = MappingProxyType({
    "weights": "the weights, which no batch changes",
    "casts": "copies of the weights for autocast, which no batch changes",
    "state": "the optimizer's state, which no batch changes",
    "gradients": "the gradients of the weights, which no batch changes",
    "saved": "what the backward pass needs of the forward pass, which grows with the batch",
    "values": "values that layers read yet, which grow with the batch",
    "passing": "gradients of values, which grow with the batch",
    "temporary": "what one operation or the optimizer's step holds meanwhile",
})  # fmt: skip
"""What memory is held for, and whether a smaller batch needs less of it."""


def convention(request: Request) -> str:
    """What the numbers are, under every table.

    >>> convention(Request(optimizer="sgd", loss="mean"))[-67:]
    ' The backward pass starts from the mean of each output, one number.'
    """
    if request.optimizer is None:
        return _CONVENTION
    return f"{_CONVENTION} The backward pass starts from {LOSSES[request.loss]}."


def write(held: Memory, format: str = "table", fitting: str = "") -> str:
    """What is held, as text; ``fitting`` is a sentence about what fits.

    Raises:
        NotFound: there is no such format.
    """
    if format not in FORMATS:
        raise NotFound(f"no format `{format}`; {did_you_mean(format, FORMATS, what='formats')}")
    return FORMATS[format](held, fitting)


def _kinds(held: Memory) -> list[str]:
    """Copies of weights are there under autocast alone."""
    return [kind for kind in KINDS if kind != "casts" or held.request.autocast is not None]


def _lines(held: Memory) -> list[list[str]]:
    return [
        [phase.name, *(f"{phase.most.held[kind]:,}" for kind in _kinds(held)), f"{phase.after.total:,}",
         f"{phase.most.total:,}", *([f"{phase.at_most:,}"] if held.decided else [])] for phase in held.phases
    ]  # fmt: skip


def _sentences(held: Memory, fitting: str) -> list[str]:
    peak = held.peak
    where = f" at {peak.most.layer}" if peak.most.layer else ""
    said = [f"Most is held in {peak.part}{where}: {size_of(held)}."]
    said += [f"Values decide: {each}. What is held after each phase is the same whatever they decide."
             for each in uncovered(held.decided)]  # fmt: skip
    most = ", ".join(f"{layer or 'the network'} {kind} {size:,}" for layer, kind, size in held.holders[:_FEW])
    said.append(f"Who holds the most then: {most}.")
    said.append(f"Most of that is for {reason(held)}.")
    said += _made_beside(held)
    said += [f"Not covered: {each}; all numbers are at least." for each in uncovered(held.not_covered)]
    said += [] if held.tracked is None else [tracked(held)]
    return [*said, *([fitting] if fitting else []), convention(held.request)]


def tracked(held: Memory) -> str:
    """What PyTorch's tracker says of the module itself, beside what the rules say, in a sentence."""
    theirs, request = held.tracked or Tracked(), held.request
    as_it_is = f" of {theirs.batch:,} samples" if theirs.differing and theirs.batch != request.batch else ""
    if theirs.why:
        return f"PyTorch's memory tracker was not asked: {theirs.why}."
    if theirs.differing:
        few = [f"{each.counted:,} {_MOMENTS[each.moment]} {each.part} for {each.said:,}"
               for each in theirs.differing[:_FEW]]  # fmt: skip
        more = f" and {len(theirs.differing) - _FEW} more" if len(theirs.differing) > _FEW else ""
        return (f"Do not rely on these numbers: PyTorch's memory tracker counts other bytes of the module itself"
                f"{as_it_is}: {', '.join(few)}{more}.")  # fmt: skip
    if held.not_covered:
        part, most = max(((name, most) for name, (_, most) in theirs.counted.items()), key=lambda each: each[1])
        return f"PyTorch's memory tracker counts {most:,} bytes in {part.removeprefix('after ')} at most{as_it_is}."
    return f"PyTorch's memory tracker counts the same bytes of the module itself{as_it_is}."


def _constants(held: Memory) -> Sequence[Constant]:
    return () if held.network.observed is None else held.network.observed.constants.every


def _made_beside(held: Memory) -> list[str]:
    """What the code of a module makes that no layer does; the largest."""
    every = _constants(held)
    if not every:
        return []
    batch = held.request.batch
    largest = max(every, key=lambda each: each.bytes(batch))
    many = f"{len(every):,} tensors" if len(every) > 1 else "a tensor"
    whole = sum(each.bytes(batch) for each in every)
    said = f"In a forward pass the code makes {many} that no layer does, {whole:,} bytes together"
    most = f"the largest is {largest.bytes(batch):,} bytes of `{largest.function}` before {largest.before}"
    return [f"{said}, most of which go at once; {most}."]


def size_of(held: Memory, spell: Callable[[int], str] = spell_bytes) -> str:
    """The most that is held, as far as it can be known.

    >>> from archscope.memory import memory
    >>> from archscope.reader import load
    >>> size_of(memory(load("lenet5"))), size_of(memory(load("mixtral")), lambda size: f"{size >> 30} GiB")
    ('303,944 bytes (296.8 KiB)', 'at least 178 GiB and at most 181 GiB')
    """
    size = spell(held.peak.most.total)
    if held.decided:
        return f"at least {size} and at most {spell(held.at_most)}"
    return f"at least {size}" if held.not_covered else size


def missing(name: str, not_covered: Mapping[str, str]) -> str:
    """The layers of a network that are not covered, in a line."""
    return f"{name}: not covered: {'; '.join(uncovered(not_covered))}; all numbers are at least"


def uncovered(not_covered: Mapping[str, str], quote: str = "`") -> list[str]:
    """Layers that are not covered, those of one reason together.

    >>> uncovered({"a": "no rule says", "b": "no rule says", "c": "values decide"})
    ['`a` and 1 more, no rule says', '`c`, values decide']
    """
    layers: dict[str, list[str]] = {}
    for layer, why in not_covered.items():
        layers.setdefault(why, []).append(layer)
    return [f"{quote}{names[0]}{quote}{f' and {len(names) - 1:,} more' if len(names) > 1 else ''}, {why}"
            for why, names in layers.items()]  # fmt: skip


def reason(held: Memory) -> str:
    """What most of the memory is for at the fullest moment, and whether a smaller batch needs less of it."""
    most = held.peak.most
    kind = max(most.held, key=most.held.__getitem__)
    return f"{_WORDS[kind]}: {most.held[kind] / most.total:.0%}"


def _title(held: Memory) -> str:
    request = held.request
    how = "inference" if request.optimizer is None else f"training with {request.optimizer}"
    cast = "" if request.autocast is None else f" with autocast to {request.autocast}"
    return (f"{held.network.name}: {how}, batch {request.batch:,}, {request.dtype}{cast}; "
            "bytes by kind where most is held")  # fmt: skip


def _heading(held: Memory, phase: Phase) -> str:
    size = spell_bytes(phase.most.total)
    if phase.ceiling is not None:
        return f"{phase.name}: at least {size}\n{' ' * len(phase.name)}   at most {spell_bytes(phase.ceiling)}"
    return f"{phase.name}: {'at least ' if held.not_covered else ''}{size}"


def _table(held: Memory, fitting: str) -> str:
    """For the terminal: a block for each phase, so that 80 columns hold it."""
    label = max(len(kind) for kind in (*KINDS, "after"))
    parts = ["\n".join(textwrap.wrap(terminal(_title(held)), 79))]
    for phase in held.phases:
        rows = [(kind, size) for kind, size in phase.most.held.items() if size]
        parts.append("\n".join([
            _heading(held, phase),
            *(f"  {kind:<{label}}  {size:>20,}" for kind, size in rows),
            f"  {'after':<{label}}  {phase.after.total:>20,}",
        ]))  # fmt: skip
    return "\n\n".join(
        [*parts, "\n".join(line for each in _sentences(held, fitting) for line in textwrap.wrap(terminal(each), 79))]
    )


def _grid(name: str) -> Callable[[Memory, str], str]:
    def write_(held: Memory, fitting: str) -> str:
        rows = tuple(tuple(line) for line in _lines(held))
        headings = ("Phase", *(kind.capitalize() for kind in _kinds(held)), "After", "Most",
                    *(("At most",) if held.decided else ()))  # fmt: skip
        return WRITERS[name](Grid(_title(held), headings, rows, tuple(_sentences(held, fitting))))

    return write_


def _json(held: Memory, fitting: str) -> str:
    request, kinds = held.request, _kinds(held)
    plain: dict[str, Any] = {
        "schema": "archscope.memory/1",
        "name": held.network.name,
        "batch": request.batch,
        "dtype": request.dtype,
        "autocast": request.autocast,
        "optimizer": request.optimizer,
        "loss": None if request.optimizer is None else request.loss,
        "phases": [
            {"name": phase.name, "after": {kind: phase.after.held[kind] for kind in kinds},
             "most": {kind: phase.most.held[kind] for kind in kinds}, "at": phase.most.layer, "at_most": phase.at_most}
            for phase in held.phases
        ],
        "holders": [{"layer": layer, "kind": kind, "bytes": size} for layer, kind, size in held.holders],
        "constants": [
            {"function": each.function, "bytes": each.bytes(request.batch), "a_sample": each.each,
             "before": each.before, "until": _until(held, each), "kept_for": [*each.kept]}
            for each in _constants(held)
        ],
        "not_covered": dict(held.not_covered),
        "decided": dict(held.decided),
        "tracked": None if held.tracked is None else {
            "counted": {name: {"after": after, "most": most} for name, (after, most) in held.tracked.counted.items()},
            "differing": [{"part": each.part, "moment": each.moment, "said": each.said, "counted": each.counted}
                          for each in held.tracked.differing],
            "why": held.tracked.why,
            "batch": held.tracked.batch,
        },
        "fitting": fitting,
    }  # fmt: skip
    return json_text(plain, indent=2)


def _until(held: Memory, constant: Constant) -> str | None:
    """The node that runs when the code has a tensor no more; None where it has it to the end."""
    observed = held.network.observed
    moments = {} if observed is None else observed.constants.moments
    return next((name for name, moment in sorted(moments.items(), key=lambda each: each[1])
                 if constant.gone is not None and moment > constant.gone), None)  # fmt: skip


FORMATS: Final[Mapping[str, Callable[[Memory, str], str]]] = MappingProxyType(
    {"table": _table, "json": _json, **{name: _grid(name) for name in WRITERS}}
)
"""Every format by name."""
