"""Layers of Keras's around another: at each step, with a norm of its weights, or one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.importing.keras.place import Nodes, Place, Value
from archscope.layers.base import Facts, Weight
from archscope.network import Ref
from archscope.recognising.function import Function
from archscope.working import Count, count

Making = Callable[[Mapping[str, Any], list[Value], Nodes, tuple[str, ...]], list[Value]]
"""Keeps a layer by what a file says of it, that is given some values, in a group; what it makes."""


def _at_each_step(place: Place, make: Making) -> list[Value]:
    """What each step of a sequence goes through by itself: as many times its products, its weights once."""
    value = place.value
    if len(value.shape) < 2:
        raise place.cannot("is given no steps")
    at = 1 if value.last else 0
    steps = count(int(value.shape[at]), "t")
    each = value._replace(ref=Ref("step"), shape=(*value.shape[:at], *value.shape[at + 1 :]))
    each = each._replace(last=value.last and len(each.shape) > 1)

    def along(own: Value) -> tuple[int, ...]:
        return (own.shape[0], int(steps), *own.shape[1:]) if own.last else (int(steps), *own.shape)

    def at_all(facts: Facts, made: list[Value]) -> Facts:
        return facts.replace(
            outputs=tuple(map(along, made)),
            **{name: _times(steps, getattr(facts, name)) for name in _REPEATED}, windows=None,
            reasons={**facts.reasons, "receptive_field": "each step goes through it by itself"},
        )  # fmt: skip

    return _kept(place, place.options["layer"], each, at_all, f"at each of {int(steps):,} steps", make)


_REPEATED: Final = ("macs", "macs_in_bounds", "macs_at_least", "connections", "connections_in_bounds")


def _times(steps: Count, number: Count | None) -> Count | None:
    return steps * number if number else number


def _normalized(place: Place, make: Making) -> list[Value]:
    """A layer whose kernel is divided by its norm in training, and a vector that this is estimated with."""
    value, waiting = place.value._replace(ref=Ref("step")), [True]

    def with_vector(facts: Facts, _: list[Value]) -> Facts:
        matrices = [each for each in facts.weights if len(each.shape) > 1]
        if not matrices or not waiting:
            return facts
        waiting.clear()
        vector = Weight("vector_u", (count(1), _last(place, matrices[0])), trainable=False)
        return facts.replace(weights=(*facts.weights, vector))

    made = _kept(place, place.options["layer"], value, with_vector, "spectral norm", make)
    place.options.get("power_iterations")
    if waiting:
        raise place.cannot("norms a layer that has no kernel")
    return made


def _last(place: Place, matrix: Weight) -> int:
    """The last axis that Keras has of a matrix that has its outputs in front here."""
    kind = str(place.options["layer"]["class_name"])
    if kind.startswith(("Depthwise", "Separable")):
        raise place.cannot("norms a layer whose kernel archscope does not read here")
    return int(matrix.shape[1 if kind == "Embedding" or kind.endswith("Transpose") else 0])


def _kept(
    place: Place, layer: Mapping[str, Any], value: Value, change: Callable[[Facts, list[Value]], Facts], beyond: str,
    make: Making,
) -> list[Value]:  # fmt: skip
    """Keep what a layer is by itself as functions like its layers, with other numbers."""
    if not isinstance(layer, dict) or "config" not in layer:
        raise place.cannot("is around no layer")
    inner = Nodes(place.nodes.file, first=place.nodes.first, batch=1)
    inner.named(value.ref.node)
    *group, name = place.path.split(".")
    said = {**layer, "name": name, "config": {**layer["config"], "name": name}}
    ends = make(said, [value], inner, tuple(group))
    inner.tidy([each.ref for each in ends])
    refs = {value.ref: place.value}
    for node in inner.nodes:
        facts = inner.facts[node.name]
        last = next((each.last for each in ends if each.ref.node == node.name), node.name in inner.last)
        made = [Value(Ref(node.name, number), shape, last and len(shape) > 1)
                for number, shape in enumerate(facts.outputs)]  # fmt: skip
        function = Function(node.layer.type, change(facts, made), like=node.layer, beyond=beyond)
        # One that was called before has the name of that, under which its weights are found.
        own = (node.shares or node.name).removeprefix(place.path)
        kept = place.stated(function, [refs[each] for each in node.inputs], name=own)
        kept = [each._replace(last=one.last and len(each.shape) > 1) for each, one in zip(kept, made, strict=True)]
        refs |= {one.ref: each for one, each in zip(made, kept, strict=True)}
    place.nodes.flattened |= inner.flattened
    return [refs[each.ref] for each in ends]


def _in_turn(place: Place, make: Making) -> list[Value]:
    values = [place.value]
    *group, name = place.path.split(".")
    for each in place.options["layers"]:
        values = make(each, values, place.nodes, (*group, name))
    return values


WRAPPERS: Final[Mapping[str, Callable[[Place, Making], list[Value]]]] = MappingProxyType({
    "TimeDistributed": _at_each_step, "SpectralNormalization": _normalized, "Pipeline": _in_turn,
})  # fmt: skip
"""Keras's classes around other layers, and what each is."""
