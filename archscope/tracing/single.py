"""Which operation of PyTorch a call is, or which in a line, each of what the one before made."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from archscope.recognising.operations import Frame, base_name
from archscope.tracing.events import fresh
from archscope.tracing.strangers import tensors_in
from archscope.tracing.values import memory_of


def single(frame: Frame) -> tuple[str, int, tuple[str, ...]] | None:
    """What ran, of how many numbers it made tensors first, and what ran before it in a line; None of anything else."""
    return _alone(frame) or in_line(frame) or _REPEATS.get(_names(frame))


def in_line(frame: Frame) -> tuple[str, int, tuple[str, ...]] | None:
    """The last of several operations, each of one value, that of the one before, as large; and those before."""
    if len(frame.ran) < 2 or not len(frame.ran) == len(frame.read) == len(frame.made):
        return None
    values = [tensors_in(frame.read[0]), *map(tensors_in, frame.made)]
    if not all(len(each) == 1 and each[0].shape == values[0][0].shape for each in values):
        return None
    if any(memory_of(one[0]) == memory_of(other[0]) for one, other in pairwise(values)):
        return None
    reads = [[memory_of(each) for each in tensors_in(read)] for read in frame.read]
    if any(read != [memory_of(value[0])] for read, value in zip(reads, values, strict=False)):
        return None
    *before, last = _names(frame)
    return last, 0, tuple(before)


def _alone(frame: Frame) -> tuple[str, int, tuple[str, ...]] | None:
    """The one operation that makes something, at last, and of how many numbers it makes tensors first."""
    names = [*_names(frame)]
    while names[1:] and names[-1] in ("detach", "alias"):
        names.pop()
    ran = zip(names, frame.read, frame.made, strict=False)
    taking = [name for name, read, made in ran if next(fresh([(read, made)]), None) is not None]
    *first, last = (taking if len(names) > 1 else names) or [""]  # several views take no memory
    return (last, len(first), ()) if last and last == names[-1] and {*first} <= {"scalar_tensor"} else None


def _names(frame: Frame) -> tuple[str, ...]:
    """What ran."""
    return tuple(base_name(each.operation.called) for each in frame.ran)


_REPEATS: Final[Mapping[tuple[str, ...], tuple[str, int, tuple[str, ...]]]] = MappingProxyType(
    {("unsqueeze", "expand", "clone", "view"): ("repeat_interleave", 0, ())}
)
"""What PyTorch writes as several operations, of which one makes something."""
