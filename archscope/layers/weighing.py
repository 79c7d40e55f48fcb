"""What `torch.nn.MultiheadAttention` runs where it gives its weights, as it does unless it is told not to."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.layers.attending import FUSED, bmm
from archscope.layers.steps import Made, Step, dropped_out, output_name

WEIGHTS = output_name(1)
"""What steps call the weights that it gives, which are no output of the layer."""


def giving_weights(steps: Sequence[Step], *, averaged: bool) -> tuple[Step, ...]:
    """The steps of attention that gives its weights: each operation by itself, and at last the mean of all heads.

    ``averaged`` says whether it is that mean which it gives; else the weights of each head.

    >>> from archscope.layers import TYPES
    >>> layer = TYPES["multihead_attention"](num_heads=2)
    >>> steps = giving_weights(layer.runs(layer.facts((5, 8))), averaged=True)
    >>> [step.op for step in steps if not step.views]
    ['linear', 'mul', 'bmm', 'softmax', 'bmm', 'linear', 'mean']
    """
    place = next(place for place, step in enumerate(steps) if step.op == FUSED)
    before, fused, after = steps[:place], steps[place], steps[place + 1 :]
    shapes = {made.name: made.shape for step in before for made in step.makes}
    queries, keys, values = fused.reads
    heads, length, each = shapes[queries]
    seen = shapes[keys][1]
    scores, masks = (heads, length, seen), fused.reads_too
    came = "shares"
    ran = [
        Step("mul", (queries,), (Made("queries scaled", (heads, length, each)),)),
        Step("transpose", (keys,), (Made("keys upright", (heads, each, seen)),), views=True, turns=(0, 1, 3, 2)),
        bmm("queries scaled", "keys upright", Made("scores", scores)).replace(reads_too=masks),
        Step("softmax", ("scores",), (Made(came, scores),), (came,)),
    ]
    if any(step.op == "bernoulli" for step in fused.parts):
        ran += dropped_out(came, "shares left", Made("", scores))
        came = "shares left"
    ran.append(bmm(came, values, Made("seen", (heads, length, each))))
    *out, last = after
    given = (
        Step("mean", (came,), (Made(WEIGHTS, (length, seen)),))
        if averaged
        else Step("view", (came,), (Made(WEIGHTS, scores),), views=True, splits=True)
    )
    # The queries are there until all is given, and keys and values that lie in one memory with them.
    return (*before, *ran, *out, given, last.replace(reads_too=(*last.reads_too, queries)))
