"""The same network with other kernels, channels and paddings: a sheet for each seed, so that neighbours differ.

Every seed names one place in the list of all combinations. Two neighbours are far apart in it; seeds that are less
than `APART` apart never name the same one, unless the network has fewer combinations than that.

>>> vary("lenet5", 1).changes == vary("lenet5", 1).changes, vary("lenet5", 1).changes == vary("lenet5", 2).changes
(True, False)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from archscope.errors import ArchscopeError, UsageError
from archscope.network import Network, Node
from archscope.reader import load
from archscope.record import Record

APART: Final = 1283
TRIES: Final = 400
MOST_LAYERS: Final = 6
"""Layers that are changed, those nearest to the input and the last dense ones: more would not make it harder."""
MOST_NAMED: Final = 24
"""Options of blocks and names of ``let`` that are looked at; each is a network that is read."""

Again = Callable[[Mapping[str, Any]], Network | None]
"""Reads the spec with changes; None where that is no valid network."""

_CHANNELS: Final = (0.5, 0.625, 0.75, 0.875, 1.125, 1.25, 1.5, 1.75, 2.0)
_SIDES: Final = (3, 5, 7, 9, 11)


class Variation(Record):
    """A network as a seed changed it."""

    network: Network
    seed: int
    changes: Mapping[str, Any]


class Choice(Record):
    """An option of a layer or of a block, or a name of ``let``: the value it has, and those it may take."""

    name: str
    own: Any
    values: tuple[Any, ...]


def vary(spec: str, seed: int, **said: Any) -> Variation:
    """The variation of a spec that a seed names; ``said`` goes to `archscope.load`.

    Raises:
        UsageError: no combination makes a valid network, or the spec has nothing to vary.
    """
    if not 0 <= seed <= 10**9:
        raise UsageError(f"`--vary {seed}`: a seed is a whole number from 0 to 1,000,000,000")
    own = load(spec, **said)
    stated = _written(said.pop("changes", ()))

    def again(changes: Mapping[str, Any]) -> Network | None:
        """The network with changes, if it is valid and no more doubtful than as it is."""
        try:
            network = load(spec, changes=[*stated, *_written(changes)], **said)
        except ArchscopeError:
            return None
        return network if len(network.doubts) <= len(own.doubts) else None

    choices = choices_of(own, again)
    many = math.prod(len(each.values) for each in choices)
    if many < 2:
        raise UsageError(f"{own.name} has nothing to vary: no kernel, window, channel or padding that can be set")
    usual = {each.name: each.own for each in choices}
    for changes in _combinations(choices, seed, many):
        changed = {key: value for key, value in changes.items() if value != usual[key]}
        network = again(changed) if changed else None
        if network is not None:
            return Variation(network, seed, changed)
    raise UsageError(f"no variation of {own.name} makes a valid network for seed {seed}; "
                     f"{min(many, TRIES):,} were tried: choose another seed")  # fmt: skip


MOST_SHEETS: Final = 1000
"""Sheets that one command makes."""


def seeds_in(text: str) -> tuple[int, ...]:
    """The seeds that ``--vary`` names: one, or from one to another.

    Raises:
        UsageError: it names none.

    >>> seeds_in("7"), seeds_in("1..3")
    ((7,), (1, 2, 3))
    """
    first, dots, last = (each.strip() for each in text.partition(".."))
    ends = (first, last) if dots else (first, first)
    if any(not (each.isascii() and each.isdigit() and len(each) <= 10) for each in ends):
        raise UsageError(f"`--vary {text}`: write a seed, such as 7, or several, such as 1..40")
    low, high = map(int, ends)
    if not low <= high < low + MOST_SHEETS:
        raise UsageError(f"`--vary {text}`: from a seed to a larger one, {MOST_SHEETS:,} sheets at most")
    return tuple(range(low, high + 1))


def vary_named(spec: str, seed: int, *, changes: Any = None, input: Any = None, strict: bool = False) -> Variation:
    """The variation of what a person named on a command line.

    Raises:
        UsageError: it is no spec; and as `vary`.
    """
    from archscope.requests import request_for

    request = request_for(spec, changes=changes or (), input=input, strict=strict)
    if request.of_module:
        raise UsageError(f"`{spec}` is a module: only a spec can be varied; `archscope spec {spec}` writes one")
    if spec == "-":
        raise UsageError("the standard input is read once; to vary a spec, name its file")
    given: dict[str, Any] = {"changes": request.changes, "strict": strict}
    if request.inputs:
        if len(request.inputs) > 1 or "=" in request.inputs[0]:
            named = (each.partition("=") for each in request.inputs)
            given["input"] = {name: shape for name, _, shape in named}
        else:
            given["input"] = request.inputs[0]
    return vary(spec, seed, **given)


def _written(changes: Any) -> list[str]:
    """Changes as a command line has them."""
    if isinstance(changes, Mapping):
        return [f"{name}={value}" for name, value in changes.items()]
    return [*changes]


def choices_of(network: Network, again: Again) -> tuple[Choice, ...]:
    """What of a network is varied, the kernels first; ``again`` reads it with changes.

    What stands in blocks is set from outside: by the options that a layer gives to its block, and by names of ``let``.
    """
    nodes = list({node.row: node for node in reversed(network.nodes)}.values())[::-1]
    convolutions = [node for node in nodes if not node.group and _has(node, "out_channels", "kernel_size")]
    dense = [node for node in nodes if _has(node, "out_features")]
    fixed = _held(network)
    found: list[Choice] = []
    for node in convolutions[:MOST_LAYERS]:
        found += _kernels(node)
    for node in [*convolutions[:MOST_LAYERS], *dense[-MOST_LAYERS:-1]]:
        option = "out_channels" if _has(node, "out_channels") else "out_features"
        if node.row not in fixed and not node.group:
            own = getattr(node.layer, option)
            found.append(Choice(f"{node.row}.{option}", own, _channels(own)))
    # A larger window leaves smaller maps: those that fit behind the widest paddings and smallest kernels may be had.
    room = {each.name: max(each.values) if each.name.endswith(".padding") else min(each.values) for each in found
            if each.name.endswith((".padding", ".kernel_size"))}  # fmt: skip
    found += [*_of_blocks(network, again), *_windows(nodes, room, again)]
    return tuple(each for each in found if len(each.values) > 1)


def _of_blocks(network: Network, again: Again) -> Iterator[Choice]:
    """Numbers on which kernels or channels inside of blocks depend, found by setting each to another value."""
    named = {**{f"let.{name}": value for name, value in network.lets.items()}, **network.of_blocks}
    room = {"kernel_size": MOST_LAYERS, "out_channels": MOST_LAYERS}
    for name, own in [*named.items()][:MOST_NAMED]:
        other = again({name: own + 2 if own in (1, *_SIDES) else 2 * own})
        moved = None if other is None else _moved(network, other)
        if moved is not None and room[moved]:
            room[moved] -= 1
            yield Choice(name, own, _channels(own) if moved == "out_channels" else _sides(own))


def _moved(network: Network, other: Network) -> str | None:
    """Which option of the convolutions is another one; None where none is, or what comes out is."""
    if any(network.shape_of(one) != other.shape_of(two)
           for one, two in zip(network.outputs, other.outputs, strict=True)):  # fmt: skip
        return None
    # A shortcut may come or go with a channel; what both have is compared.
    both = [(node.layer, other.by_name[node.name].layer) for node in network.nodes
            if node.name in other.by_name and _has(node, "out_channels", "kernel_size")]  # fmt: skip
    for option in ("out_channels", "kernel_size"):
        if any(getattr(one, option) != getattr(two, option, None) for one, two in both):
            return option
    return None


def _windows(nodes: Sequence[Node], room: Mapping[str, Any], again: Again) -> Iterator[Choice]:
    """The windows of pools and of trained sub-sampling, where another one fits, as it is or with ``room``."""
    pools = [node for node in nodes if node.layer.family == "pooling" and _has(node, "kernel_size")
             and len(set(node.layer.kernel or ())) == 1]  # fmt: skip
    for node in pools[:MOST_LAYERS]:
        name, own = f"{node.row}.kernel_size", (node.layer.kernel or (0,))[0]
        fitting = [side for side in (own - 1, own + 1)
                   if side > 1 and any(again({**given, name: side}) is not None for given in ({}, room))]  # fmt: skip
        yield Choice(name, own, tuple(sorted({own, *fitting})))


def _has(node: Node, *options: str) -> bool:
    return all(option in node.layer.options for option in options) and not node.folded


def _held(network: Network) -> frozenset[str]:
    """Layers whose channels something else states too: those of a table, and those before it; the last one."""
    held = set()
    by_name = network.by_name
    for node in network.nodes:
        if getattr(node.layer, "connection_table", None) is not None:
            held.add(node.row)
            above = node
            while above.inputs and above.inputs[0].node in by_name:
                above = by_name[above.inputs[0].node]
                held.add(above.row)
                if _has(above, "out_channels"):
                    break
    return frozenset(held)


def _kernels(node: Node) -> Iterator[Choice]:
    layer: Any = node.layer
    if node.group or len(set(layer.kernel_size)) != 1:
        return
    side = layer.kernel_size[0]
    yield Choice(f"{node.row}.kernel_size", side, _sides(side))
    if layer.padding != "same" and len({each for sides in layer.padding for each in sides}) == 1:
        own = layer.padding[0][0]
        yield Choice(f"{node.row}.padding", own, tuple(sorted({own, *range(3)})))


def _channels(own: int) -> tuple[int, ...]:
    return tuple(sorted({own, *(round(own * part) for part in _CHANNELS if own * part >= 2 and own * part % 1 == 0)}))


def _sides(own: int) -> tuple[int, ...]:
    return tuple(sorted({own, *(each for each in _SIDES if abs(each - own) <= 4)}))


def _combinations(choices: Sequence[Choice], seed: int, many: int) -> Iterator[dict[str, Any]]:
    """The combination of a seed, then those that it falls back on."""
    step = round(many * 0.6180339887) | 1
    while math.gcd(step, many) != 1:
        step += 1
    for attempt in range(min(many, TRIES)):
        place = (seed + attempt * APART) * step % many
        chosen = {}
        for choice in reversed(choices):
            place, digit = divmod(place, len(choice.values))
            chosen[choice.name] = choice.values[digit]
        yield dict(reversed(chosen.items()))
