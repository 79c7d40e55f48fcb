"""What is one layer and stands in a module as several: an activation in arithmetic, attention in projections."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from archscope.difference.elements import Element, Source
from archscope.layers import TYPES
from archscope.layers.base import spell_count

_FORMS: Final[Mapping[tuple[str, ...], str]] = {
    ("+1", "add", "multiply", "tanh", "to the power 3", "×0.044715", "×0.5", "×0.797885"): "gelu, approximate tanh",
    ("+1", "erf", "multiply", "×0.5", "×0.707107"): "gelu",
    ("multiply", "sigmoid"): "silu",
    ("multiply", "sigmoid", "×1.702"): "gelu, by a sigmoid",
}
"""Activations by the operations that somebody wrote them in, sorted."""

_LONGEST: Final = max(map(len, _FORMS))
_PROJECTS: Final = ("linear",)
_BETWEEN: Final = ("scale", "softmax", "dropout")
_CARRIES: Final = ("transpose", "permute", "chunk", "split", "slice", "select", "expand", "unbind", "dropout")


def written_out(elements: Mapping[str, Element]) -> list[tuple[str, list[str], str]]:
    """The layer that is followed by an activation in arithmetic, the elements of that, and which it is."""
    readers: dict[str, list[str]] = {}
    for name, element in elements.items():
        for source in dict.fromkeys(each for each, _ in element.reads):
            readers.setdefault(source, []).append(name)
    found = []
    for name, element in elements.items():
        if len(readers.get(name, ())) < 2 or element.activation or element.family in ("arithmetic", "activation"):
            continue
        inner = _closed(name, elements, readers)
        form = _FORMS.get(tuple(sorted(word for each in inner for word in _words(elements[each]))))
        if form is not None:
            found.append((name, inner, form))
    return found


def _words(element: Element) -> list[str]:
    said = element.label if element.type in ("scale", "power") else element.type
    return [said, element.activation] if element.activation else [said]


def _closed(entry: str, elements: Mapping[str, Element], readers: Mapping[str, list[str]]) -> list[str]:
    """The elements that read nothing but one and each other, up to where they come together in one."""
    inside: dict[str, None] = {}
    waiting = {entry}
    for name in _after(entry, elements):
        if not all(source == entry or source in inside for source, _ in elements[name].reads):
            continue
        inside[name] = None
        if len(inside) > _LONGEST:
            break
        waiting = {each for made in (entry, *inside) for each in readers.get(made, ()) if each not in inside}
        if waiting <= {*readers.get(name, ())} and not any(
            each in waiting for made in (entry, *list(inside)[:-1]) for each in readers.get(made, ())
        ):
            return [*inside]
    return []


def _after(entry: str, elements: Mapping[str, Element]) -> Iterator[str]:
    """The elements behind one that read something, in the order in which they run."""
    names = iter(elements)
    for name in names:
        if name == entry:
            break
    yield from (name for name in islice(names, 4 * _LONGEST) if elements[name].reads)


def attention(elements: dict[str, Element]) -> None:
    """Put projections, the product of queries, keys and values, and the projection after it together as one layer."""
    readers: dict[str, list[str]] = {}
    for name, element in elements.items():
        for source in dict.fromkeys(each for each, _ in element.reads):
            readers.setdefault(source, []).append(name)
    for name, element in list(elements.items()):
        if element.type == "matmul" and len(element.reads) == 2:
            _product(name, elements, readers)
    for name, element in list(elements.items()):
        if element.type == "scaled_dot_product_attention":
            _joined(name, elements, readers)


def _product(name: str, elements: dict[str, Element], readers: dict[str, list[str]]) -> None:
    """Two products with a scaled softmax between them are the product of queries, keys and values."""
    core = elements[name]
    way = [core.reads[0][0]]
    while way[-1] in elements and elements[way[-1]].type in _BETWEEN and len(elements[way[-1]].reads) == 1:
        way.append(elements[way[-1]].reads[0][0])
    scores = elements.get(way[-1])
    if scores is None or scores.type != "matmul" or len(scores.reads) != 2:
        return
    inner = [elements[each] for each in way]
    last = len(scores.output) - 1
    soft = sum(each.activation == f"softmax, dim {last}" for each in inner) + sum(
        each.type == "softmax" and each.options.get("dim") == last for each in inner
    )
    factors = [each.options for each in inner if each.type == "scale"]
    scaled = len(factors) == 1 and factors[0].get("shift") == 0
    wanted = math.prod(scores.inputs[0][-1:]) ** -0.5
    known = sum(bool(each.activation) or each.type == "softmax" for each in inner) == soft == 1
    following = [name, *way[:-1]]
    alone = all(readers.get(each) == [after] for each, after in zip(way, following, strict=True))
    if not (known and scaled and alone and math.isclose(factors[0]["factor"], wanted, rel_tol=1e-4)):
        return
    like = TYPES["scaled_dot_product_attention"]()
    core.type, core.family, core.label = like.type, like.family, like.label
    core.options = {each: declared.kind.show(getattr(like, each)) for each, declared in like.options.items()}
    core.reads, core.inputs = [*scores.reads, core.reads[1]], [*scores.inputs, core.inputs[1]]
    core.windows = None
    core.absorb(inner)
    for each in way:
        del elements[each]
    for before, _ in scores.reads:
        readers[before] = [name if reader == way[-1] else reader for reader in readers.get(before, ())]


def _joined(name: str, elements: dict[str, Element], readers: Mapping[str, list[str]]) -> None:
    core = elements[name]
    before = [_up(source, elements) for source, _ in core.reads[:3]]
    after = _down(name, elements, readers)
    if None in before or after is None or len(before) < 3:
        return
    ways = [each for each in before if each is not None]
    inner = dict.fromkeys([*(each for way in ways for each in way), *after[:-1]])
    projections = list(dict.fromkeys(way[-1] for way in ways))
    read: list[Source] = list(dict.fromkeys(source for each in projections for source in elements[each].reads))
    heads = core.output[0] if core.output else 1
    end = elements[after[-1]]
    causal = core.label.startswith("causal")
    biased = all(elements[each].options.get("bias") for each in (*projections, after[-1]))
    inside = {*inner, name, after[-1]}
    if any(reader not in inside for each in (*inner, name) for reader in readers.get(each, ())):
        return
    values = heads * core.output[-1]
    if any(elements[each].output[:-1] != end.output[:-1] for each in projections) or values != end.inputs[0][-1]:
        return
    whole = Element(core.rows[0])
    whole.name, whole.type, whole.family, whole.group = end.name, "multihead_attention", core.family, end.group
    whole.label = f"{'causal ' if causal else ''}attention, {spell_count(heads, 'head')}"
    whole.options = {"num_heads": heads, "bias": biased, "causal": causal}
    whole.reads = read
    whole.inputs = [elements[projections[0]].inputs[0]] * len(read)
    whole.outputs = end.outputs
    whole.windows = None
    whole.activation = end.activation
    whole.rows = []
    whole.absorb(elements[each] for each in (*inner, name, after[-1]))
    for each in (*inner, name):
        elements.pop(each, None)
    # In the place of the last projection, so that the order still runs.
    elements[after[-1]] = whole


def _up(source: str, elements: Mapping[str, Element]) -> list[str] | None:
    """The way from what attention reads up to the projection that made it."""
    way: list[str] = []
    while source in elements:
        element = elements[source]
        way.append(source)
        if element.type in _PROJECTS:
            return way if len(element.reads) == 1 and element.output else None
        if element.type not in _CARRIES or len(element.reads) != 1:
            return None
        source = element.reads[0][0]
    return None


def _down(name: str, elements: Mapping[str, Element], readers: Mapping[str, list[str]]) -> list[str] | None:
    """The way from attention to the projection after it."""
    way: list[str] = []
    while len(readers.get(name, ())) == 1:
        name = readers[name][0]
        way.append(name)
        element = elements[name]
        if element.type in _PROJECTS:
            return way
        if element.type not in _CARRIES:
            return None
    return None
