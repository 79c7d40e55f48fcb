"""Where the batch stands among the axes: what a module's code puts behind another one lies in memory otherwise.

Rules give extents of one sample, and the batch is taken to stand in front. A value made with positions first, as
recurrent layers have it by default, lies so; a layer that reads it so works on it as it lies, and one that has the
batch in front sees it turned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from archscope.layers.base import Facts
from archscope.layers.steps import Made, Step, input_name, output_name
from archscope.memory.values import Value
from archscope.network import Node, Ref
from archscope.observed import Observed

FRONT: Final = 0
"""The place of the batch where nothing else is said."""

BEHIND: Final = 1
"""The place of the batch behind positions."""

_TURNED: Final = (1, 0, 2)
"""Positions and samples in the place of each other."""

Put = Callable[[Made], Made]


def inputs_at(name: str, observed: Observed | None) -> int:
    """Where the batch stands in what is fed in."""
    places = None if observed is None else observed.places.get(name)
    return FRONT if places is None else places.makes[0] or FRONT


def placed(
    node: Node, facts: Facts, steps: tuple[Step, ...], observed: Observed | None
) -> tuple[tuple[Step, ...], tuple[int | None, ...], int]:
    """The steps of a node, where the batch stands in what they read, and in what they make.

    Layers that move axes themselves, or take one position of one, are said with the batch in front.
    """
    places = None if observed is None else observed.places.get(node.name)
    many = len(node.inputs)
    if places is not None and node.layer.type == "multihead_attention" and {*places.reads[:3]} == {BEHIND}:
        return _stays(steps, many), (*(BEHIND for _ in places.reads[:3]), *(FRONT for _ in range(many - 3))), BEHIND
    moves = any(
        step.turns or (step.takes is not None and step.op != "stack") or step.lies or step.parts or step.sums
        for step in steps
    )
    if places is None or moves or len(places.reads) != many:
        return steps, (FRONT,) * many, FRONT
    rank = max(map(len, facts.inputs), default=0)
    outputs = {output_name(number) for number in range(len(places.makes))}
    first, after = places.reads[0] if places.reads else FRONT, places.makes[0]

    def put(made: Made) -> Made:
        at = after if made.name in outputs or len(made.shape) != rank else first
        if at is None or not made.each or made.folded or made.at or made.like:
            return made
        return made.replace(folded=at < 0, at=min(max(at, FRONT), len(made.shape)))

    return tuple(_joined_at(_changed(step, put), after) for step in steps), places.reads, after or FRONT


def _joined_at(step: Step, stand: int | None) -> Step:
    """A step that puts values side by side along a new axis, which stands before the batch or behind it."""
    if step.op != "stack" or step.takes is None or not stand:
        return step
    axis = step.takes - 1
    return step.replace(takes=None if stand < 0 else axis + (axis >= stand))


def _stays(steps: tuple[Step, ...], many: int) -> tuple[Step, ...]:
    """Attention that is given positions first, as it works: it turns neither what it reads nor what it makes."""
    given = {input_name(place) for place in range(min(many, 3))}
    return tuple(step.replace(turns=(), same=True) if step.turns == _TURNED and (
        given & {*step.reads} or step.makes[0].name == output_name(0)) else step for step in steps)  # fmt: skip


def _changed(step: Step, put: Put) -> Step:
    return step.replace(makes=tuple(map(put, step.makes)), unlined=tuple(_changed(each, put) for each in step.unlined))


def facing(value: Value, stand: int | None, *, stood: bool = False) -> Step | None:
    """What sees a value with its batch at a place, which it may have ``stood`` at all the time; None where it does."""
    rank = len(value.layout.shape)
    if stand is None or stand == value.at or min(stand, value.at) < 0 or max(stand, value.at) >= rank or value.once:
        return None
    axes = [axis for axis in range(rank) if axis != value.at]
    axes.insert(stand, value.at)
    made = (Made("copy", ()),)
    return Step("transpose", ("as made",), made, views=True, turns=tuple(axes), in_place=stood)


def stood(ref: Ref, stand: int | None, observed: Observed | None) -> bool:
    """Whether a layer has made a value with its batch at a place, so that none sees it turned."""
    places = None if observed is None else observed.places.get(ref.node)
    return places is not None and places.makes[ref.output : ref.output + 1] == (stand,)
