"""Relative positions and masks of attention as source, in PyTorch, in Keras and in Flax."""

from __future__ import annotations

from typing import Any, Final

from archscope.writing.keras_axes import channels_last
from archscope.writing.listing import assignment

_PLAIN: Final = {
    "rows_of_window": '''
@staticmethod
def rows_of_window(window, class_token=False):
    """The row of the table for every query and key: the offset between two places."""
    places, table = [()], 1
    for extent in window:
        places = [(*place, at) for place in places for at in range(extent)]
        table *= 2 * extent - 1
    rows = []
    for query in places:
        rows.append([])
        for key in places:
            row = 0
            for mine, theirs, extent in zip(query, key, window):
                row = row * (2 * extent - 1) + mine - theirs + extent - 1
            rows[-1].append(row)
    if class_token:
        rows = [[table + 2] + [table] * len(rows), *([table + 1, *row] for row in rows)]
    return [row for query in rows for row in query]
''',
    "rows_of_distances": '''
@staticmethod
def rows_of_distances(queries, keys, buckets, most, both=True):
    """The row of the table for every query and key: the bucket of their distance."""
    many = buckets // 2 if both else buckets
    exact = many // 2

    def bucket(apart):
        first = many if both and apart > 0 else 0
        distance = abs(apart) if both else max(0, -apart)
        if distance < exact:
            return first + distance
        far = (exact * (most / exact) ** (k / (many - exact)) for k in range(1, many - exact))
        return first + exact + sum(distance >= each for each in far)

    found = {apart: bucket(apart) for apart in range(1 - queries, keys)}
    return [found[key - query] for query in range(queries) for key in range(keys)]
''',
    "regions": '''
@staticmethod
def regions(grid, window, shift):
    """For each window which part of the grid each of its positions was in before it was shifted."""

    def places(extents):
        found = [()]
        for extent in extents:
            found = [(*place, at) for place in found for at in range(extent)]
        return found

    def region(place):
        found = 0
        for at, extent, size, moved in zip(place, grid, window, shift):
            found = 3 * found + (moved > 0) * ((at >= extent - size) + (at >= extent - moved))
        return found

    corners = places([extent // size for extent, size in zip(grid, window)])
    within = places(window)
    return [
        [region([c * m + p for c, m, p in zip(corner, window, place)]) for place in within]
        for corner in corners
    ]
''',
}
"""Which row of a table, or which region, in plain Python."""

PYTORCH: Final = {
    **_PLAIN,
    "hiding": '''
@staticmethod
def hiding(hidden):
    """A mask that is added to scores: −∞ where something is hidden."""
    return torch.zeros(hidden.shape).masked_fill(hidden, float("-inf"))
''',
}
"""Methods for them in PyTorch."""

KERAS: Final = {
    **_PLAIN,
    "hiding": '''
@staticmethod
def hiding(hidden):
    """A mask that is added to scores: −∞ where something is hidden."""
    return ops.where(hidden, float("-inf"), 0.0)
''',
}
"""Methods for them in Keras."""

JAX: Final = {
    "apart": '''
@staticmethod
def apart(queries, keys):
    """How far each key is before each query."""
    return jnp.arange(queries)[:, None] - jnp.arange(keys)[None]
''',
    "unlike": '''
@staticmethod
def unlike(regions):
    """For each window which of its positions were in another part of the grid than which."""
    regions = jnp.array(regions)
    return regions[:, None, :] != regions[:, :, None]
''',
}
"""Methods for them in JAX, beside those of Keras in its words."""


def _rows(place: Any) -> str:
    """The rows of the table that a bias looks up, as an expression for the constructor."""
    layer = place.layer
    if layer.window is not None:
        token = ", class_token=True" if layer.class_token else ""
        return f"{place.method('rows_of_window')}({layer.window}{token})"
    queries, keys = layer.lengths
    one = "" if layer.bidirectional else ", both=False"
    method = place.method("rows_of_distances")
    return f"{method}({queries}, {keys}, {layer.num_buckets}, {layer.max_distance}{one})"


def _held_rows(place: Any) -> str:
    """The rows as an attribute of the layer's own, also where it uses another's table."""
    held, rows = f"self.{place.listing.attributes[place.node.name]}_rows", _rows(place)
    # Flax compares what a module holds beside its weights, and a list cannot be.
    place.listing.constructor += assignment(held, f"tuple({rows})" if getattr(place, "rows", list) is tuple else rows)
    return held


def _regions(place: Any) -> str:
    """The region of each position of each window, as an expression."""
    return f"{place.method('regions')}({place.layer.grid}, {place.layer.window}, {place.layer.shift})"


def _far(layer: Any, apart: str, absolute: str) -> str:
    """What a mask hides of keys so far before a query, as an expression."""
    if layer.sliding_window is None:
        return f"{apart} < 0"
    if not layer.causal:
        return f"{absolute.format(apart)} >= {layer.sliding_window}"
    return f"({apart} < 0) | ({apart} >= {layer.sliding_window})"


def _hidden(place: Any, arange: str, tensor: str, absolute: str) -> list[str]:
    """Lines of the constructor that say what a mask hides, as ``hidden``; the framework's words are given."""
    if place.layer.grid is not None:
        made = f"region = {tensor.format(_regions(place))}"
        return [made, "hidden = region[:, None, :] != region[:, :, None]"]
    queries, keys = place.layer.lengths
    apart = f"apart = {arange.format(queries)}[:, None] - {arange.format(keys)}[None]"
    return [apart, f"hidden = {_far(place.layer, 'apart', absolute)}"]


def pytorch_bias(place: Any) -> str:
    """A bias in PyTorch: rows of a parameter, a head in front."""
    (weight,) = place.facts.weights
    held = f"self.{place.name}_weight"
    place.construct(*assignment(held, f"nn.Parameter(torch.empty{tuple(map(int, weight.shape))})"))
    if "weight" not in place.starts:
        place.construct(f"nn.init.normal_({held}, std=0.02)")
    queries, keys = place.layer.lengths
    looked_up = f"{held}[{_held_rows(place)}].view({queries}, {keys}, -1)"
    return f"{looked_up}.permute(2, 0, 1).expand(batch, -1, -1, -1)"


def pytorch_mask(place: Any) -> str:
    """A mask in PyTorch: a buffer that the state does not hold."""
    place.construct(*_hidden(place, "torch.arange({})", "torch.tensor({})", "{}.abs()"))
    place.construct(f'self.register_buffer("{place.name}", {place.method("hiding")}(hidden), persistent=False)')
    return f"self.{place.name}.expand(batch{', -1' * len(place.facts.output)})"


def keras_bias(place: Any) -> str:
    """A bias in Keras: rows of a weight; the heads, which are a spec's channels, stay last."""
    (weight,) = place.facts.weights
    start = place.started("weight", "keras.initializers.RandomNormal(0, 0.02)")
    table = place.weight("weight", weight.shape, start)
    queries, keys = place.layer.lengths
    looked_up = f"ops.take({table}, ops.array({_held_rows(place)}), axis=0)"
    heads = int(place.facts.output[0])
    made = f"ops.reshape({looked_up}, {(1, queries, keys, heads)})"
    return f"ops.broadcast_to({made}, (batch, {queries}, {keys}, {heads}))"


def keras_mask(place: Any) -> str:
    """A mask in Keras."""
    place.construct(*_hidden(place, "ops.arange({})", "ops.array({})", "ops.abs({})"))
    held = f"self.{place.name}"
    place.construct(*assignment(held, f"{place.method('hiding')}(hidden)[None]"))
    return _for_all(place, held)


def jax_mask(place: Any) -> str:
    """A mask in Flax, made where it is used: an array that a module holds and no variable is lost when it is traced."""
    if place.layer.grid is not None:
        hidden = f"{place.method('unlike')}({_regions(place)})"
    else:
        queries, keys = place.layer.lengths
        hidden = _far(place.layer, f"{place.method('apart')}({queries}, {keys})", "jnp.abs({})")
    return _for_all(place, f"{place.method('hiding')}({hidden})[None]")


def _for_all(place: Any, mask: str) -> str:
    """The mask for every sample, channels last."""
    first, *rest = (int(extent) for extent in place.facts.output)
    extents = ", ".join(map(str, (*rest, first)))
    return f"ops.broadcast_to({channels_last(mask, len(rest) + 1)}, (batch, {extents}))"
