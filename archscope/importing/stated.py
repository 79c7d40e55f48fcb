"""What a person said of the inputs of a file's network, and the extents that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archscope.errors import UsageError, did_you_mean
from archscope.layers.base import Shape, spell_shape
from archscope.record import EMPTY, Record


class Stated(Record):
    """Shapes of samples, without the batch.

    Attributes:
        alone: the one that was given without a name.
        named: those that were given by name.
        batch: samples that run at once; None where nobody said.
    """

    alone: Shape | None = None
    named: Mapping[str, Shape] = EMPTY
    batch: int | None = None


class Entry(Record):
    """An input as a file has it.

    Attributes:
        name: what it is called.
        axes: the length of each axis: a number, the name of one that may have any, or None where nothing is said.
    """

    name: str
    axes: tuple[int | str | None, ...]


class Resolved(Record):
    """The inputs in numbers.

    Attributes:
        shapes: the extents of each, with the batch.
        batch: samples that run at once; None where there is no axis for them.
        unbatched: those without an axis for it.
        names: how long the axes with a name are.
    """

    shapes: Mapping[str, Shape]
    batch: int | None
    names: Mapping[str, int]
    unbatched: frozenset[str] = frozenset()


def resolved(entries: tuple[Entry, ...], stated: Stated, file: str) -> Resolved:
    """The extents of each input, from the file and from what was said.

    An axis with the same name has the same length everywhere. The first axis is the batch where it has a name, or
    where all inputs have it in common.

    Raises:
        UsageError: what was said fits no input; an axis is left without a number; says what to write.

    >>> entries = (Entry("x", ("N", 3, "H", "W")),)
    >>> resolved(entries, Stated((3, 8, 8)), "net.onnx").shapes
    {'x': (1, 3, 8, 8)}
    """
    said = _said(entries, stated, file)
    batched = {each.name for each in entries if each.axes and _leads(each, entries)}
    batch = _batch(entries, batched, stated, file)
    names: dict[str, int] = {}
    shapes: dict[str, Shape] = {}
    for each in entries:
        rest = each.axes[1:] if each.name in batched else each.axes
        if each.name in said:
            _fill(each, rest, said[each.name], names, file)
    for each in entries:
        rest = each.axes[1:] if each.name in batched else each.axes
        own = said.get(each.name) or tuple(_extent(each, axis, names, rest, file) for axis in rest)
        shapes[each.name] = (batch or 1, *own) if each.name in batched else own
    unbatched = frozenset(each.name for each in entries if each.name not in batched)
    names |= {each.axes[0]: batch or 1 for each in entries if each.name in batched and isinstance(each.axes[0], str)}
    return Resolved(shapes, batch if batched else None, names, unbatched if batched else frozenset())


def _said(entries: tuple[Entry, ...], stated: Stated, file: str) -> dict[str, Shape]:
    names = [each.name for each in entries]
    for name in stated.named:
        if name not in names:
            raise UsageError(f"{file} takes no input `{name}`; {did_you_mean(name, names, what='it takes')}")
    said = dict(stated.named)
    if stated.alone is not None:
        if len(entries) != 1:
            listed = ", ".join(f"`{name}`" for name in names)
            shape = ",".join(map(str, stated.alone))
            raise UsageError(f"{file} takes {len(entries)} inputs, {listed}; name each: --input {names[0]}={shape}")
        said[names[0]] = stated.alone
    return said


def _leads(entry: Entry, entries: tuple[Entry, ...]) -> bool:
    """Whether the first axis of an input is the batch: one with a name, or the number that all inputs have there."""
    first = entry.axes[0]
    if not isinstance(first, int):
        return True
    return first == 1 or len({each.axes[0] if each.axes else None for each in entries}) == 1


def _batch(entries: tuple[Entry, ...], batched: set[str], stated: Stated, file: str) -> int | None:
    fixed = {each.axes[0] for each in entries if each.name in batched and isinstance(each.axes[0], int)}
    found = fixed.pop() if fixed else None
    if isinstance(found, int):
        if stated.batch not in (None, found):
            raise UsageError(f"{file} was written for a batch of {found}; leave out `--batch {stated.batch}`")
        return found
    return stated.batch or 1


def _fill(entry: Entry, rest: tuple[Any, ...], said: Shape, names: dict[str, int], file: str) -> None:
    """Hold a shape that was said against the axes of the file, and know the names in it."""
    fits = len(said) == len(rest) and all(
        not isinstance(axis, int) or axis == extent for axis, extent in zip(rest, said, strict=True)
    )
    if not fits:
        wanted = "×".join("?" if axis is None else str(axis) for axis in rest) or "one number"
        raise UsageError(f"the input `{entry.name}` of {file} is {wanted} without the batch, and "
                         f"{spell_shape(said)} was stated")  # fmt: skip
    for axis, extent in zip(rest, said, strict=True):
        if isinstance(axis, str) and names.setdefault(axis, extent) != extent:
            raise UsageError(f"`{axis}` is {names[axis]} in one input of {file}, and {extent} in `{entry.name}`")


def _extent(entry: Entry, axis: int | str | None, names: Mapping[str, int], rest: tuple[Any, ...], file: str) -> int:
    if isinstance(axis, int):
        return axis
    if axis in names and isinstance(axis, str):
        return names[axis]
    image = len(rest) > 2  # its channels in front
    usual = [3 if image and not place else 224 if image else 128 for place in range(len(rest))]
    example = ",".join(str(each if isinstance(each, int) else own) for each, own in zip(rest, usual, strict=True))
    called = f"`{axis}`" if axis else "one of its axes"
    raise UsageError(f"the input `{entry.name}` of {file} leaves {called} open; say how long it is: "
                     f"--input {entry.name}={example}")  # fmt: skip
