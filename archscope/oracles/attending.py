"""An attention as people write it: its projections and products as steps of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from archscope.layers import Facts
from archscope.oracles.steps import Step

Form = tuple[bool, bool]
"""Whether one product makes queries, keys and values together, and whether one function attends."""

FORMS: Final[tuple[Form, ...]] = ((True, True), (False, True), (True, False), (False, False))


def written_out(layer: Any, facts: Facts, name: str, form: Form) -> Iterator[Step]:
    """The steps of a `multihead_attention` in one of its forms.

    >>> from archscope.layers import TYPES
    >>> layer = TYPES["multihead_attention"](num_heads=2)
    >>> [(step.type, step.output) for step in written_out(layer, layer.facts((5, 8)), "a", (True, False))]
    [('linear', (5, 24)), ('matmul', (2, 5, 5)), ('softmax', (2, 5, 5)), ('matmul', (2, 5, 4)), ('linear', (5, 8))]
    """
    together, fused = form
    shapes = [tuple(map(int, shape)) for shape in facts.inputs[:3]]
    query, key, value = (shapes[min(place, len(shapes) - 1)] for place in range(3))
    heads = layer.num_heads
    wide = query[1] // heads if layer.head_dim is None else layer.head_dim
    read, shared = heads * wide, layer.key_heads * wide
    if together and len(shapes) == 1:
        yield _dense(name, query, read + 2 * shared, "query" in layer.bias)
    else:
        for taken, made, which in ((query, read, "query"), (key, shared, "key"), (value, shared, "value")):
            yield _dense(name, taken, made, which in layer.bias)
    made, scores = (heads, query[0], wide), (heads, query[0], key[0])
    split = {"num_heads": heads}
    if fused:
        yield Step("scaled_dot_product_attention", split, made, name=name, given=made)
    else:
        yield Step("matmul", split, scores, name=name)
        yield Step("softmax", {"dim": 2}, scores, name=name, given=scores)
        yield Step("matmul", split, made, name=name)
    yield _dense(name, (query[0], read), query[1], "output" in layer.bias)


def _dense(name: str, taken: tuple[int, ...], made: int, bias: bool) -> Step:
    held = (taken[-1] + bias) * made
    return Step("linear", {"out_features": made, "bias": bias}, (*taken[:-1], made), held, name, taken)
