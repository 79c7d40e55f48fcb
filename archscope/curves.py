"""`curve`: how the cost of a network grows with one of its numbers, and where a square overtakes what is linear.

>>> from archscope.reader import load
>>> grown = curve(load("transformer@base"), "source.length", 64, 256, ["macs"])
>>> grown.values
(64, 128, 256)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from archscope import formulas
from archscope.analysis import Analysis
from archscope.errors import UsageError, did_you_mean
from archscope.memory import after_forward, cache_of
from archscope.network import Network
from archscope.polynomials import Polynomial
from archscope.record import Record
from archscope.symbols import Symbolic

MOST_POINTS: Final = 64
"""So many sizes are worked out at most."""


class Curve(Record):
    """Costs at some sizes.

    Attributes:
        name: the network's name.
        over: what grows.
        values: at which sizes.
        lines: by quantity, what it costs at each.
        formulas: by quantity, the polynomial, where there is one on all sizes.
        overtaken: by quantity, from which size on the part in the square is larger than that in the size itself.
    """

    name: str
    over: str
    values: tuple[int, ...]
    lines: Mapping[str, tuple[int, ...]]
    formulas: Mapping[str, str]
    overtaken: Mapping[str, int]


def _count(name: str) -> Callable[[Network], int]:
    def of(network: Network) -> int:
        value = Analysis(network).totals.count_of(name)
        if value is None:
            raise UsageError(f"{network.name}: `{name}` is not covered: {Analysis(network).totals.reasons[name]}")
        return value

    return of


def _saved(network: Network) -> int:
    held = after_forward(network)
    if held.not_covered:
        layer, why = next(iter(held.not_covered.items()))
        raise UsageError(f"{network.name}: `saved_bytes` is not covered: `{layer}`: {why}")
    return held.saved


def _cache(network: Network) -> int:
    cache = cache_of(network)
    if cache.not_covered:
        layer, why = next(iter(cache.not_covered.items()))
        raise UsageError(f"{network.name}: `cache_bytes` is not covered: `{layer}`: {why}")
    length = next(iter(network.inputs.values()))[0]
    return cache.at(length, network.batch)


QUANTITIES: Final[Mapping[str, Callable[[Network], int]]] = MappingProxyType({
    **{name: _count(name) for name in ("macs", "flops", "parameters", "connections", "units")},
    "weight_bytes": lambda network: after_forward(network).weights,
    "saved_bytes": _saved,
    "cache_bytes": _cache,
})  # fmt: skip
"""What a curve can be of: a number of a network, in float32 where it is bytes."""


def curve(network: Network, over: str, first: int, last: int, quantities: Sequence[str]) -> Curve:
    """Work out quantities at sizes that double from the first to the last.

    Raises:
        UsageError: there is no such number or quantity; a layer does not take a size; a quantity is not covered.
    """
    if not 0 < first < last:
        raise UsageError(f"`{over}={first}..{last}`: write two whole numbers above 0, the smaller one first")
    for name in quantities:
        if name not in QUANTITIES:
            raise UsageError(f"no quantity `{name}`; {did_you_mean(name, QUANTITIES, what='quantities')}")
    values = [first]
    while values[-1] * 2 < last and len(values) < MOST_POINTS:
        values.append(values[-1] * 2)
    values.append(last)
    grown = [formulas.at(network, {over: value}) for value in values]
    lines = {name: tuple(int(QUANTITIES[name](each)) for each in grown) for name in quantities}
    found = _formulas(network, over, quantities)
    return Curve(
        network.name,
        over,
        tuple(values),
        lines,
        {name: str(each) for name, each in found.items()},
        {name: place for name, each in found.items() if (place := _overtakes(each, over)) is not None},
    )


def _formulas(network: Network, over: str, quantities: Sequence[str]) -> Mapping[str, Polynomial]:
    """The polynomials of quantities, where a number can be left open for all sizes; none where it cannot."""
    try:
        made, ground = formulas.opened(network, [over])
    except UsageError:
        return {}
    if ground.ranges[over].modulus != 1:
        return {}
    found = {}
    for name in quantities:
        value = QUANTITIES[name](made)
        if isinstance(value, Symbolic):
            found[name] = value.polynomial
    return found


def _overtakes(polynomial: Polynomial, name: str) -> int | None:
    """The least size at which the part in the square is no less than that in the size; None where there is none."""
    parts = {power: factor.constant for power, factor in polynomial.by_power(name).items()}
    square, linear = parts.get(2, 0), parts.get(1, 0)
    return None if square <= 0 or linear <= 0 else -(-linear // square)
