"""Every layer type with every option of its own declaration changed, one or two at a time, and where it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from archscope import UsageError
from archscope.errors import Rejects
from archscope.layers import TYPES, Shape
from archscope.network import Network, Node, Ref
from archscope.options import Option
from tests.building.builder_cases import CASES, Case

_INTEGERS = (1, 2, 3, 4, 0, 5, -1, -2, 6, 8)
_NUMBERS = (0.5, 0.1, 1.0, 2.0, 3.0, 0.0, 0.9, 1e-3, -0.5, -1.0)


def drawn(schema: dict[str, Any], random: Random) -> Any:
    """A value that the declaration of an option allows."""
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else random.choice(schema["enum"])
    if "anyOf" in schema:
        return drawn(random.choice(schema["anyOf"]), random)
    if schema.get("type") == "array":
        least = schema.get("minItems", 0)
        many = random.randint(least, max(least, min(schema.get("maxItems", 4), 4)))
        return [drawn(schema.get("items", {}), random) for _ in range(many)]
    if schema.get("type") == "boolean":
        return random.choice((False, True))
    if schema.get("type") in ("integer", "number"):
        least, most = schema.get("minimum", -1e9), schema.get("maximum", 1e9)
        above = schema.get("exclusiveMinimum", -1e9)
        every = _INTEGERS if schema["type"] == "integer" else _NUMBERS
        return random.choice([each for each in every if least <= each <= most and each > above])
    return None


def changed(case: Case, names: Iterable[str], random: Random) -> Case | None:
    """A case with other values of some options; None if the layer does not take them."""
    layer, shapes = case
    options: Mapping[str, Option] = type(layer).options
    said = layer.stated()
    said |= {name: drawn(options[name].kind.schema, random) for name in names}
    try:
        made = type(layer)(**said)
        made.facts(*shapes)
    except Rejects:
        return None
    return None if made == layer else (made, shapes)


def variations(random: Random, each: int = 1) -> Iterator[tuple[Case, str]]:
    """Of every layer type and every option so many cases in which it is another, and the option."""
    for type_ in TYPES:
        cases = [case for case in CASES if case[0].type == type_]
        for name in TYPES[type_].options:
            found: dict[str, Case] = {}
            for _ in range(600):
                others = random.sample([*TYPES[type_].options], random.choice((0, 0, 1)))
                made = changed(random.choice(cases), dict.fromkeys([name, *others]), random)
                if made is not None:
                    found.setdefault(repr(made), made)
                if len(found) == each:
                    break
            yield from ((made, name) for made in found.values())


def together(cases: Sequence[Case]) -> Network:
    """A network of layers that have nothing to do with one another."""
    inputs: dict[str, Shape] = {"input": (3,)}
    nodes, outputs = [], []
    for number, (layer, shapes) in enumerate(cases):
        names = [f"in{number}.{place}" for place in range(len(shapes))]
        inputs |= dict(zip(names, shapes, strict=True))
        name = f"{layer.type}.{number}"
        nodes.append(Node(name, layer, tuple(map(Ref, names)), name))
        outputs += [Ref(name, each) for each in range(len(layer.facts(*shapes).outputs))]
    return Network("together", inputs, nodes, tuple(outputs))


def unlike(
    cases: Sequence[Case],
    write: Callable[[Network], str],
    difference: Callable[[Network], tuple[int, int, float]],
    many: int = 12,
) -> Iterator[str]:
    """The cases whose source holds or computes something else than what is built, or that are refused without a word.

    So many are run as one network, which takes a compiler less time.
    """
    written = []
    for case in cases:
        try:
            write(together([case]))
        except UsageError as error:
            if " cannot be written in " not in str(error):
                yield f"{case}: {error}"
        else:
            written.append(case)
    for start in range(0, len(written), many):
        some = written[start : start + many]
        told = _told(some, difference)
        if told:
            found = [f"{case}: {why}" for case in some if (why := _told([case], difference))]
            yield from found or [f"{some}: {told}"]


def _told(cases: Sequence[Case], difference: Callable[[Network], tuple[int, int, float]]) -> str:
    """What is not as it is built, if anything."""
    try:
        ours, theirs, apart = difference(together(cases))
    except Exception as error:  # noqa: BLE001 - whatever a source raises is told with its case
        return f"{type(error).__name__}: {error}"
    if ours != theirs:
        return f"{theirs} parameters, not {ours}"
    return "" if apart < 1e-5 else f"outputs {apart:.1e} apart"
