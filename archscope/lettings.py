"""`letting`: what of a network a ``let`` name says, as polynomials in it, so that the name can be left open.

The spec is read at a few values of the name; what changes evenly, by a square at most, is a polynomial. Steps are the
divisors of the value that stands there, until the spec takes its multiples: heads divide features.

>>> from archscope.reader import load
>>> found = letting(load("gpt2@small"), "d")
>>> found.step, [str(each) for each in found.options["h.0.c_fc", "out_features"]]
(12, ['48·m'])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from archscope.errors import ArchscopeError, UsageError
from archscope.network import Network
from archscope.polynomials import Polynomial, as_polynomial, symbol
from archscope.record import Record

FREE: Final = "m"
"""The symbol of the polynomials: the name's value is ``step·m``."""

_STEPS: Final = (1, 2, 4, 8, 16, 32)
"""Steps of the lengths at which a module is read: windows and strides divide them."""

_GROWS: Final = 3
"""Where so many lengths, each longer than the one before, run more layers each, longer ones are not tried."""

_MORE: Final = (1, 2, 3, 4)
"""Steps above the value that stands there at which the spec is read: two fix a polynomial, the others prove it."""


class Letting(Record):
    """What a ``let`` name says.

    Attributes:
        value: the number that it stands for.
        step: it is taken in multiples of this.
        options: by node and option, a polynomial for each of its numbers.
        axes: by input and axis, the polynomial of its extent.
    """

    value: int
    step: int
    options: Mapping[tuple[str, str], tuple[Polynomial, ...]]
    axes: Mapping[tuple[str, int], Polynomial]


def letting(network: Network, name: str) -> Letting:
    """What a name of ``let`` says in the spec that a network was read from.

    Raises:
        UsageError: it says how many layers there are, or what no polynomial says.
    """
    value, reread = network.lets[name], network.reread
    assert reread is not None  # noqa: S101 - who has names has read a spec
    why = ""
    for step in _divisors(value):
        try:
            read = [network, *(reread({f"let.{name}": value + more * step}) for more in _MORE)]
        except ArchscopeError as error:
            why = why or str(error).partition("\n")[0]
            continue
        if any([node.name for node in each.nodes] != [node.name for node in network.nodes] for each in read):
            raise UsageError(f"`{name}` says how many layers there are, and no formula has layers that come and go")
        found = _fitted(read, value, step)
        if found is not None:
            return found
    raise UsageError(
        f"`{name}`: nothing here is a polynomial in it" + (f"; other values are refused: {why}" if why else "")
    )


def of_module(network: Network, name: str, value: int, read: Callable[[int], Network]) -> Letting:
    """What the length of an input's axes says in a module, which is read at a few lengths.

    Raises:
        UsageError: it runs other layers at others, or does what no polynomial says.
    """
    why, layers = "", [len(network.nodes)]
    for step in _STEPS:
        several = [network]
        try:
            for more in _MORE:
                several.append(read(value + more * step))
                if _wired(several[-1]) != _wired(network):
                    break
        except ArchscopeError as error:
            why = why or str(error).partition("\n")[0]
            continue
        if _wired(several[-1]) != _wired(network):
            why = why or f"other layers run at {value + step:,}, and no formula has layers that come and go"
            layers.append(len(several[-1].nodes))
            if layers == sorted(set(layers)) and len(layers) == _GROWS:  # it takes a step for each
                break
            continue
        found = _fitted(several, value, step)
        if found is not None:
            return found
    told = why or "nothing here is a polynomial in it"
    raise UsageError(f"`{name}`: {told}; `--at {name}=…` reads the module anew")


def _wired(network: Network) -> list[Any]:
    return [(node.name, node.layer.type, node.inputs) for node in network.nodes]


def _divisors(value: int) -> Iterator[int]:
    return (each for each in range(1, value + 1) if value % each == 0)


def _fitted(read: Sequence[Network], value: int, step: int) -> Letting | None:
    """The polynomials through networks that were read a step apart; None where something goes another way."""
    start = value // step
    options: dict[tuple[str, str], tuple[Polynomial, ...]] = {}
    for nodes in zip(*(each.nodes for each in read), strict=True):
        for option in nodes[0].layer.options:
            several = [_numbers(getattr(node.layer, option)) for node in nodes]
            if (
                None in several
                or len({len(each or ()) for each in several}) > 1
                or several.count(several[0]) == len(several)
            ):
                continue
            lines = [_through(numbers, start) for numbers in zip(*several, strict=True)]
            if None in lines:
                return None
            options[nodes[0].name, option] = tuple(each for each in lines if each is not None)
    axes: dict[tuple[str, int], Polynomial] = {}
    for name, shape in read[0].inputs.items():
        for axis in range(len(shape)):
            extents = [int(each.inputs[name][axis]) for each in read]
            line = _through(extents, start)
            if line is None:
                return None
            if len(set(extents)) > 1:
                axes[name, axis] = line
    return Letting(value, step, options, axes)


def _numbers(value: Any) -> tuple[int, ...] | None:
    """The whole numbers an option is; None where it is something else."""
    values = value if isinstance(value, tuple) else (value,)
    return values if all(isinstance(each, int) and not isinstance(each, bool) for each in values) else None


def _through(values: Sequence[int], start: int) -> Polynomial | None:
    """The polynomial of degree 2 at most that has these values from ``start`` on; None where none has."""
    first, second = values[1] - values[0], values[2] - 2 * values[1] + values[0]
    if second % 2:
        return None
    at = symbol(FREE) - start
    found = as_polynomial(values[0]) + first * at + second // 2 * (at * (at - 1))
    right = all(found.at(**{FREE: start + more}) == each for more, each in enumerate(values))
    return found if right else None


__all__ = ["FREE", "Letting", "letting", "of_module"]
