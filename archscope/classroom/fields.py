"""The slips on a receptive field: ``r + (k − 1)·j`` went wrong in this layer, or in one of those before it.

>>> import archscope
>>> analysis = archscope.analyze(archscope.load("lenet5"))
>>> place = Place.of(analysis, analysis["C3"], "receptive_field")
>>> place.value.working, [each.place.value.working for each in strides(place)]
('6 + (5 − 1)·2', ['6 + (5 − 1)·1'])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from archscope.classroom import edits
from archscope.classroom.hops import Hop, paced
from archscope.classroom.place import Place, Slipped
from archscope.working import count

_NAMED: Final = 3
"""Layers that a sentence names one by one."""


def pools(place: Place) -> Iterator[Slipped]:
    """The windows of pools, or the pools themselves, left out."""
    before = [hop for hop in place.hops[:-1] if hop.pools]
    if before:
        whose = _named(before)
        says = f"{whose} left out: a pool widens the field as a convolution does, by (k − 1)·j"
        yield _with(place, [hop.replace(kernel=1) if hop in before else hop for hop in place.hops], says)
        says = f"{whose} left out: a pool widens the field, and its stride the steps of all layers after it"
        yield _with(place, paced([hop for hop in place.hops if hop not in before]), says)
    if len(place.hops) > 1 and place.hops[-1].pools:
        says = "that is the field of the layer before; a pool widens it too, by (k − 1)·j"
        yield _with(place, place.hops[:-1], says)


def strides(place: Place) -> Iterator[Slipped]:
    """The strides of the layers before forgotten, of all or of one kind."""
    stepping = [hop for hop in place.hops[:-1] if hop.stride != 1]
    kinds: list[list[Hop]] = [stepping, [each for each in stepping if each.pools],
                              [each for each in stepping if not each.pools]]  # fmt: skip
    for number, forgotten in enumerate(kinds):
        if forgotten and (not number or len(forgotten) < len(stepping)):
            word = "stride" if len(forgotten) == 1 else "strides"
            says = (f"the {word} of {_listed(forgotten)} {'is' if len(forgotten) == 1 else 'are'} forgotten: behind a "
                    "stride the taps lie further apart on the input")  # fmt: skip
            yield _with(place, paced([hop.replace(stride=1) if hop in forgotten else hop for hop in place.hops]), says)


def jumps(place: Place) -> Iterator[Slipped]:
    """Another number in the place of the jump."""
    steps = [1, *(hop.stride for hop in place.hops)]
    for jumped, says in (
        (paced([hop.replace(stride=hop.kernel) for hop in place.hops]),
         "the kernels are multiplied for the jump; it is the product of the strides before"),
        ([hop.replace(jump=hop.jump * hop.stride) for hop in place.hops],
         "the layer's own stride is in its jump; only the strides of the layers before it count"),
        ([hop.replace(jump=step) for hop, step in zip(place.hops, steps, strict=False)],
         "only the stride of the layer just before is taken; the jump is the product of all strides before"),
    ):  # fmt: skip
        yield _with(place, jumped, says)


def reaches(place: Place) -> Iterator[Slipped]:
    """``k`` for ``k − 1``, in this layer, in all, and in all with every tap beside the next."""
    says = "a window of k reaches k − 1 further, not k"
    yield _changed(place, edits.without_reach, says)
    whole = [hop.replace(less=0) for hop in place.hops]
    yield _with(place, whole, f"{says}, in each layer")
    if len(place.hops) > 1:
        added = count(sum(hop.kernel for hop in place.hops[:-1]), "r") + count(place.hops[-1].kernel, "k")
        yield Slipped(place.replace(hops=(), known=added),
                      "the sides of all windows are added up; each widens the field by (k − 1)·j")  # fmt: skip


def dilations(place: Place) -> Iterator[Slipped]:
    """Taps taken to lie side by side that a dilation keeps apart."""
    apart = [hop for hop in place.hops if hop.dilation != 1]
    if apart:
        says = f"the dilation of {_listed(apart)} is ignored: a window reaches (k − 1)·d further"
        yield _with(place, [hop.replace(dilation=1) for hop in place.hops], says)


def beginnings(place: Place) -> Iterator[Slipped]:
    """What the field is added to: nothing, or not what the layer before sees."""
    if not place.hops:
        return
    last = place.hops[-1]
    if len(place.hops) > 1:
        says = "that is the window of this layer on what it reads; each of those positions sees more of the input"
        yield _with(place, [last.replace(jump=1)], says)
        yield _with(place, [last], "the field of the layer before, r, is left out; this layer's reach is added to it")
    if place.value is not None:
        side = int(place.value)
        yield Slipped(place.replace(hops=(), known=count(side - 1)),
                      "it is one too few: a position of the input sees itself, so the count begins at 1")  # fmt: skip
        yield Slipped(place.replace(hops=(), known=count(side) * count(side)),
                      "that is the area; one side is asked for")  # fmt: skip


def _with(place: Place, hops: Iterable[Hop], says: str) -> Slipped:
    return Slipped(place.replace(hops=tuple(hops), known=None), says)


def _changed(place: Place, change: Callable[..., Iterable[int]], says: str) -> Slipped:
    return Slipped(place.replace(after=(*place.after, change)), says)


def _named(hops: Sequence[Hop]) -> str:
    return f"{_listed(hops)} {'is' if len(hops) == 1 else 'are'}"


def _listed(hops: Sequence[Hop]) -> str:
    """``S2``, ``S2 and S4``, ``5 layers before``."""
    names = [*dict.fromkeys(hop.name for hop in hops)]
    if len(names) > _NAMED:
        return f"{len(names)} layers before"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
