"""Open extents and options of a network, so that every number about it becomes a formula in them.

>>> from archscope.analysis import Analysis
>>> from archscope.reader import load
>>> network, ground = opened(load("lenet5"), ["height"])
>>> print(Analysis(network)["C1"].macs, *ground.ranges.values(), sep="; ")
16,800·m − 16,800; height = 4·m, m ≥ 8
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, Final, NoReturn

from archscope.errors import Rejects, UsageError, did_you_mean
from archscope.layers.base import Facts, Layer, Shape
from archscope.lettings import FREE, Letting, letting, of_module
from archscope.limits import MOST_SYMBOLS
from archscope.network import COUNTS, Network, Node, propagate
from archscope.polynomials import Polynomial, symbol
from archscope.proofs import prove
from archscope.symbols import Ground, NotOpen, Refined, Symbolic
from archscope.working import Count, count

BATCH: Final = "batch"
"""The symbol for the samples that run at once."""

LENGTH: Final = "length"
"""The symbol for the positions of a sequence; learned values of as many positions grow with it."""

CACHED: Final = "cached"
"""The symbol for the tokens whose keys and values are there when one more token is made."""

RESOLUTION: Final = "resolution"
"""The symbol for the two sides of a square image."""

_GRID: Final = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def opened(network: Network, names: Sequence[str]) -> tuple[Network, Ground]:
    """A network with symbols for some of its numbers, and the ground its formulas stand on.

    Args:
        network: any network.
        names: what to open: ``batch``, an axis of its input (``length``, ``height``, ``channels``, and ``resolution``
            for both sides of a square; ``image.height`` where inputs differ), an option (``C1.out_channels``) or a
            name of the spec's ``let`` (``d``, or ``let.d``).

    Raises:
        UsageError: there is no such number to open; a layer cannot be worked out with it open.
    """
    places = _places(network)
    _check(network, names, places)
    if CACHED in names and LENGTH in names:
        raise UsageError(f"`{CACHED}` is about one more token, so there is no `{LENGTH}` to leave open beside it")
    named = list(dict.fromkeys(names))
    if len(named) > MOST_SYMBOLS:
        raise UsageError(f"{len(named)} numbers to leave open; formulas have at most {MOST_SYMBOLS}")
    if CACHED in named:
        network = _anew(network, {CACHED: 1}, places)[0]
        places = {**_places(network), CACHED: places[CACHED]}
    lettings = {name: letting(network, places[name].let) for name in named if places[name].let}
    for name in named if network.again is not None else ():
        if _of_module(name, places[name]):
            lettings[name] = of_module(network, name, places[name].value, partial(_with_length, network, name))
    ground = Ground({name: places[name].value for name in named}, {name: each.step for name, each in lettings.items()})
    ground.plain = _remembered(network, ground)
    while True:
        try:
            symbols = {name: ground.open(name) for name in ground.ranges}
            made = _worked_out(network, {name: places[name] for name in symbols}, symbols, _let(lettings, ground))
        except Refined:
            continue
        made = made.replace(ground=ground)
        prove(ground, made, numbers_of)
        return made, ground


def _remembered(network: Network, ground: Ground) -> Callable[[Mapping[str, int]], Network]:
    """The network with numbers in the places of symbols, each made once; of a module it is known where it was read."""
    made = lru_cache(maxsize=64)(lambda values: at(network, dict(values)))
    places = _places(network) if network.again is not None else {}
    lengths = [name for name in ground.ranges if name in places and _of_module(name, places[name])]

    def plain(values: Mapping[str, int]) -> Network:
        found = made(tuple(values.items()))
        for name in lengths:
            ground.read.setdefault(name, set()).add(values[name])
        return found

    return plain


def numbers_of(network: Network) -> list[tuple[str, Any]]:
    """The counts and the extents of all layers, with what to call each layer."""
    return [
        (f"`{node.name}` ({node.layer.type})", each)
        for node in network.nodes
        for facts in (network.facts[node.name],)
        for each in (
            *(getattr(facts, name) for name in COUNTS),
            *(extent for shape in facts.outputs for extent in shape),
        )
    ]


def at(network: Network, values: Mapping[str, int]) -> Network:
    """A network with other numbers in the places that `opened` can open; the rules work them out anew.

    Raises:
        UsageError: there is no such number, or a layer does not take it.

    >>> from archscope.analysis import Analysis
    >>> from archscope.reader import load
    >>> Analysis(at(load("lenet5"), {"C1.out_channels": 12}))["C1"].parameters
    312
    """
    places = _places(network)
    _check(network, values, places)
    wrong = next((name for name, value in values.items() if value < 1), None)
    if wrong is not None:
        raise UsageError(f"`{wrong}={values[wrong]}`: write a whole number above 0")
    network, values = _anew(network, values, places)
    let = {f"let.{places[name].let}": value for name, value in values.items() if places[name].let}
    if let and network.reread is not None:
        network = network.reread(let)
    others = {name: value for name, value in values.items() if not places[name].let}
    if not others:
        return network
    places = _places(network)
    return _worked_out(
        network, {name: places[name] for name in others}, {name: count(each) for name, each in others.items()}
    )


def _with_length(network: Network, name: str, length: int) -> Network:
    return at(network, {name: length})


def _of_module(name: str, place: _Place) -> bool:
    """Whether a number is the length of an input's axes, by which a module may do something else."""
    return bool(place.axes) and name != CACHED


def _anew(
    network: Network, values: Mapping[str, int], places: Mapping[str, _Place]
) -> tuple[Network, Mapping[str, int]]:
    """A module read anew where its inputs have other lengths, and the numbers that are left to put in their places."""
    if network.again is None:
        return network, values
    lengths = {name: 1 if name == CACHED else value for name, value in values.items() if places[name].axes}
    shapes = {name: list(shape) for name, shape in network.inputs.items()}
    for name, value in lengths.items():
        for input_, axis in places[name].axes:
            shapes[input_][axis] = value
    found = {name: tuple(shape) for name, shape in shapes.items() if tuple(shape) != network.inputs[name]}
    left = {name: value for name, value in values.items() if name not in lengths or name == CACHED}
    made = network.again(found) if found else network
    if CACHED in left and CACHED not in _places(made):
        raise UsageError(f"{network.name} does something else with one token by itself, so leave `{CACHED}` out")
    return made, left


def _let(lettings: Mapping[str, Letting], ground: Ground) -> dict[tuple[str, str], tuple[Symbolic, ...]]:
    """What ``let`` names say of options and of axes, ``(node, option)`` and ``(input, axis)``, as open numbers."""
    sums: dict[tuple[str, str], list[Polynomial]] = {}
    for name, found in lettings.items():
        known = ground.ranges[name]
        # Classes may have been made finer since the spec was read: ``step·m`` is the name's own value.
        free = (known.modulus // found.step) * symbol(known.step) + known.rest // found.step
        here = {FREE: found.value // found.step}
        lines = {**found.options, **{(input_, str(axis)): (line,) for (input_, axis), line in found.axes.items()}}
        for place, parts in lines.items():
            before = sums.get(place)
            moved = [each.put(FREE, free) for each in parts]
            # Of several names each adds by how much it changes the number.
            sums[place] = moved if before is None else [
                old + new - part.at(**here) for old, new, part in zip(before, moved, parts, strict=True)]  # fmt: skip
    return {place: tuple(Symbolic.leaf(each, ground) for each in parts) for place, parts in sums.items()}


def _check(network: Network, names: Iterable[str], places: Mapping[str, _Place]) -> None:
    for name in names:
        if not name:
            raise UsageError(f"{network.name}: a name to leave open is empty; write names with commas between them, "
                             f"such as `{next(iter(places))}`")  # fmt: skip
        if name not in places:
            raise UsageError(
                f"{network.name} has no `{name}` to leave open; {did_you_mean(name, places, what='symbols')}"
            )


class _Place:
    """Where a symbol stands in a network, and the number that stands there now."""

    def __init__(
        self,
        value: int,
        axes: Sequence[tuple[str, int]] = (),
        option: tuple[str, str] | None = None,
        places: Sequence[str] = (),
        let: str = "",
    ) -> None:
        self.value = value
        self.axes = tuple(axes)
        self.option = option
        self.places = tuple(places)
        """Nodes that hold a learned value for each position."""
        self.let = let
        """The name that it has in the spec's ``let``."""


def _places(network: Network) -> dict[str, _Place]:
    """Everything that can be opened, by name."""
    alone = network.observed is not None and network.observed.alone
    places = {} if alone else {BATCH: _Place(1)}
    for name, value, axes in _axes(network):
        grows = network.again is None and name.rpartition(".")[2] == LENGTH
        learned = _positions(network, value) if grows else ()
        places[name] = _Place(value, axes, places=learned)
    for node in network.nodes:
        for option in node.layer.options:
            number = _whole(getattr(node.layer, option))
            if number is not None:
                places[f"{node.name}.{option}"] = _Place(number, option=(node.name, option))
    if LENGTH in places and any(_has_cache(network, node) for node in network.nodes):
        whole = places[LENGTH]
        places[CACHED] = _Place(max(1, whole.value - 1), whole.axes, places=whole.places)
    for name, value in network.lets.items() if network.reread is not None else ():
        for called in (name, f"let.{name}"):
            places.setdefault(called, _Place(value, let=name))
    return places


def _positions(network: Network, length: int) -> tuple[str, ...]:
    """Learned values that have one for every position: they read nothing and their first axis is as long."""
    learned = (node for node in network.nodes if not node.inputs and len(getattr(node.layer, "shape", ())) > 1)
    return tuple(node.name for node in learned if getattr(node.layer, "shape")[0] == length)  # noqa: B009


def _whole(value: Any) -> int | None:
    """The whole number an option is, on every axis; None where it is none."""
    values = set(value) if isinstance(value, tuple) else {value}
    number = next(iter(values)) if len(values) == 1 else None
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else None


def _axes(network: Network) -> Iterator[tuple[str, int, list[tuple[str, int]]]]:
    """The axes of the inputs by name; without an input's name where they are equal on all that have them."""
    found: dict[str, list[tuple[str, int, int]]] = {}
    for name, shape in network.inputs.items():
        names = _axis_names(network, name, shape)
        for axis, called in enumerate(names):
            found.setdefault(called, []).append((name, axis, int(shape[axis])))
            yield f"{name}.{called}", int(shape[axis]), [(name, axis)]
    for called, stand in found.items():
        if len({extent for _, _, extent in stand}) == 1:
            yield called, stand[0][2], [(name, axis) for name, axis, _ in stand]
    if "height" in found and "width" in found:
        sides = [*found["height"], *found["width"]]
        if len({extent for _, _, extent in sides}) == 1:
            yield RESOLUTION, sides[0][2], [(name, axis) for name, axis, _ in sides]


def _axis_names(network: Network, name: str, shape: Shape) -> tuple[str, ...]:
    """What the axes of an input are called; who reads it says whether channels or positions come first."""
    grid = max((reader.layer.axes for reader in network.consumers.get(name, ())), default=0)
    if len(shape) == 1:
        return ("length",)
    if len(shape) == 2 and grid != 1:
        return ("length", "features")
    return ("channels", *_GRID[len(shape) - 1]) if len(shape) - 1 in _GRID else ()


def _worked_out(
    network: Network,
    places: Mapping[str, _Place],
    values: Mapping[str, Count],
    let: Mapping[tuple[str, str], tuple[Symbolic, ...]] = MappingProxyType({}),
) -> Network:
    inputs = {name: list(shape) for name, shape in network.inputs.items()}
    options: dict[str, dict[str, Any]] = {}
    cached = values.get(CACHED)
    if cached is not None:
        values = {**values, CACHED: count(1)}  # the sequence is the token that is made
    for (place_, which), numbers in let.items():
        if place_ in inputs:
            inputs[place_][int(which)] = numbers[0]
        else:
            several = isinstance(getattr(network.by_name[place_].layer, which), tuple)
            options.setdefault(place_, {})[which] = numbers if several else numbers[0]
    for name, place in places.items():
        for input_, axis in place.axes:
            inputs[input_][axis] = values[name]
        if place.option is not None:
            options.setdefault(place.option[0], {})[place.option[1]] = values[name]
        for node in place.places:
            shape = getattr(network.by_name[node].layer, "shape")  # noqa: B009
            rest = options.setdefault(node, {}).get("shape", shape)[1:]
            options[node]["shape"] = (values[name], *rest)
    nodes = [_changed(node, options[node.name]) if node.name in options else node for node in network.nodes]
    shapes = {name: tuple(shape) for name, shape in inputs.items()}
    facts = propagate(nodes, shapes, _refuse)
    if cached is not None:
        facts = _of_a_token(network, nodes, facts, cached)
    if BATCH in places:
        facts = {name: _of_many(each, values[BATCH]) for name, each in facts.items()}
    return network.replace(inputs=shapes, nodes=tuple(nodes), facts=facts, batch=values.get(BATCH, 1))


def _has_cache(network: Network, node: Node) -> bool:
    held = node.layer.remembers(network.facts[node.name])
    return held is not None and bool(held.each)


def _of_a_token(network: Network, nodes: Sequence[Node], facts: Mapping[str, Facts], cached: Count) -> dict[str, Facts]:
    """The facts of one token, with the products that go over those that are cached; tables stay as long as they are."""
    found = {}
    for node in nodes:
        mine = facts[node.name]
        each = node.layer.recalls(mine)
        if each is None:
            raise UsageError(f"`{node.name}` ({node.layer.type}) sees what comes later, or another sequence: "
                             f"its tokens are not made one by one, so leave `{CACHED}` out")  # fmt: skip
        if each:
            more = cached * each
            counts = {
                name: getattr(mine, name) + more
                for name in ("macs", "macs_in_bounds")
                if getattr(mine, name) is not None
            }
            mine = mine.replace(**counts)
        if node.name in _tables(network):
            rows = network.facts[node.name].weights[0].shape[0]
            mine = mine.replace(weights=tuple(one.replace(shape=(rows, *one.shape[1:])) for one in mine.weights))
        found[node.name] = mine
    return found


def _tables(network: Network) -> tuple[str, ...]:
    """Learned values that have one for every position."""
    return _positions(network, max((int(shape[0]) for shape in network.inputs.values() if shape), default=0))


def _changed(node: Node, options: Mapping[str, Any]) -> Node:
    try:
        return node.replace(layer=_with(node.layer, options))
    except Rejects as error:
        _refuse(node, error, ())


def _with(layer: Layer, options: Mapping[str, Any]) -> Layer:
    """The layer with other numbers, or symbols, in the place of options that are numbers."""
    made = object.__new__(type(layer))
    for name, value in vars(layer).items():
        symbol = options.get(name)
        several = isinstance(value, tuple) and not isinstance(symbol, tuple)
        put = value if symbol is None else (symbol,) * len(value) if several else symbol
        object.__setattr__(made, name, put)
    made.check()
    return made


def _of_many(facts: Facts, batch: Count) -> Facts:
    """What runs, for a batch of samples; what is held, and shapes, are those of one."""
    scaled = ("macs", "macs_in_bounds", "macs_at_least", "connections", "connections_in_bounds")
    counts = {name: getattr(facts, name) for name in scaled}
    return facts.replace(**{name: batch * each for name, each in counts.items() if each})


def _refuse(node: Node, error: Rejects, _: tuple[Shape, ...]) -> NoReturn:
    why = "cannot be worked out with it open" if isinstance(error, NotOpen) else "does not take what it is given"
    raise UsageError(f"`{node.name}` ({node.layer.type}) {why}: {error}")


__all__ = ["BATCH", "RESOLUTION", "at", "opened"]
