"""The memory of a network on its page: phases of a step of training, and which batch fits the usual cards."""

from __future__ import annotations

from typing import Final

from archscope.analysis import Analysis
from archscope.formats.memory import convention, reason, size_of, uncovered
from archscope.memory import Memory, Phase, Request, largest_batches, memory
from archscope.site.evidence import Evidence, Table

CARDS: Final = (
    (8, "RTX 4060, laptops"),
    (12, "RTX 3060"),
    (16, "T4, RTX 4080"),
    (24, "RTX 4090, L4"),
    (40, "A100"),
    (80, "A100, H100"),
)
"""Memory of usual cards in GiB."""

_OPTIMIZER: Final = "adam"
_AUTOCAST: Final = "bfloat16"


def held(analysis: Analysis) -> Evidence:
    """What it holds, and whether it fits.

    >>> from archscope.analysis import analyze
    >>> from archscope.reader import load
    >>> held(analyze(load("lenet5"))).lead.partition(",")[0]
    'One sample and a step with Adam take 1.3 MiB in float32'
    """
    found = memory(analysis.network, optimizer=_OPTIMIZER)
    rooms = [gib << 30 for gib, _ in CARDS]
    inference = largest_batches(analysis.network, rooms, Request())
    training = largest_batches(analysis.network, rooms, Request(optimizer=_OPTIMIZER))
    cast = Request(optimizer=_OPTIMIZER, autocast=_AUTOCAST)
    # Autocast casts what is in float32.
    mixed = largest_batches(analysis.network, rooms, cast) if found.request.dtype == "float32" else None
    notes = [f"Values decide: {each}." for each in uncovered(found.decided, quote="")]
    notes += [f"Not covered: {each}; all numbers are at least." for each in uncovered(found.not_covered, quote="")]
    return Evidence(
        "memory",
        "What it holds in memory, and whether it fits",
        "Memory",
        f"One sample and a step with Adam take {size_of(found, _size)} in {found.request.dtype}, most of it for "
        f"{reason(found)}. {_fits(found, training)}",
        (_phases(found), _batches(found.request.dtype, inference, training, mixed)),
        notes=(*notes[:3], convention(found.request)),
    )


def _fits(found: Memory, training: list[int]) -> str:
    """Whether a person's card is enough, and why not."""
    name = found.network.title or found.network.name
    for (gib, cards), batch in zip(CARDS, training, strict=True):
        if batch:
            smaller = gib == CARDS[0][0]
            less = "" if smaller else f" A smaller card cannot train it: {_why_not(found)}."
            return f"Does it fit your GPU? With {gib} GiB ({cards}) a batch of {batch:,} of {name} trains.{less}"
    return f"Does it fit your GPU? It does not train on any single card here: {_why_not(found)}."


def _why_not(found: Memory) -> str:
    alone = found["after build"].after
    fixed = alone.held["weights"] + alone.held["state"]
    gradients = found["backward"].after.held["gradients"]
    return (f"weights, gradients and Adam's state take {_size(fixed + gradients)} before there is a sample, "
            f"and at most {_size(found.at_most)} are held with one")  # fmt: skip


def _phases(found: Memory) -> Table:
    lines = [(phase.name, f"{phase.after.total:,}", _most(phase), phase.most.layer) for phase in found.phases]
    headings = ("Phase", "Bytes after it", "Most bytes in it", "Fullest at")
    title = f"A step of training with Adam, one sample, {found.request.dtype}"
    return Table(title, headings, (False, True, True, False), tuple(lines))


def _most(phase: Phase) -> str:
    low, high = f"{phase.most.total:,}", f"{phase.at_most:,}"
    return low if low == high else f"{low} to {high}"


def _batches(dtype: str, inference: list[int], training: list[int], mixed: list[int] | None) -> Table:
    columns = [("Batch that infers", inference), ("Batch that trains with Adam", training)]
    columns += [] if mixed is None else [("The same with autocast to bf16", mixed)]
    lines = [(f"{gib} GiB", cards, *(_batch(largest[place]) for _, largest in columns))
             for place, (gib, cards) in enumerate(CARDS)]  # fmt: skip
    headings = ("Memory", "Cards", *(heading for heading, _ in columns))
    return Table(
        f"The largest batch that fits, {dtype}", headings, (False, False, *(True for _ in columns)), tuple(lines)
    )


def _batch(largest: int) -> str:
    return f"{largest:,}" if largest else "none"


def _size(size: int) -> str:
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= scale:
            return f"{size / scale:,.1f} {unit}"
    return f"{size:,} B"
