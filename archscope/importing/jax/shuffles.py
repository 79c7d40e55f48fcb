"""Channels that are cut into groups, turned and laid together: shuffled, as ShuffleNet has it."""

from __future__ import annotations

from archscope.importing.jax.flat import Step
from archscope.importing.jax.lowering import JAX, Lowering, form_of
from archscope.layers import TYPES


def is_shuffled(step: Step, low: Lowering) -> bool:
    """Whether it lays channels together that were cut into groups, and turned; they are shuffled then."""
    source, made = step.reads[0], step.makes[0]
    before, after = low.flat.shapes[source], low.flat.shapes[made]
    rank = len(before)
    if low.is_map(source):
        if after[:-2] != before[:-1] or len(after) != rank + 1:
            return False
        result = form_of(made, low, maps=False)
        low.groups[result] = low.origin(source), int(after[-2])
        low.add("Reshape", [low.turned(low.maps(source), (0, *range(2, rank), 1))], [result], path=step.path)
        return True
    form, order = low.turns(low.plain(source))
    if form in low.groups and order == (*range(rank - 2), rank - 1, rank - 2):
        maps, groups = low.groups[form]
        if low.flat.shapes[maps] == after:
            layer = TYPES["channel_shuffle"](groups=groups)
            low.add("ChannelShuffle", [low.maps(maps)], [form_of(made, low, maps=True)], domain=JAX, path=step.path,
                    layer=layer)  # fmt: skip
            return True
    return False
