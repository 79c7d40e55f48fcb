"""`Case`, one layer in one place with numbers worked out by hand; `Wrong`, one that a layer refuses.

Each family of layer types has its rows in ``<family>_cases.py``; `test_layers.py` checks them all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from archscope.layers import TYPES, Layer, Shape

SAME: Final = -1
"""Stands for "as without the padding": nothing of this layer falls outside its input."""

UNCHECKED: Final = ()


@dataclass(frozen=True)
class Case:
    """What a layer must say of itself; every number is worked out by hand in ``why``.

    ``why`` is prose with equations such as ``(5·5·1 + 1)·6 = 156``; each is evaluated by a test, and each of
    the numbers of parameters, connections and MACs must stand in it. ``windows`` are ``(kernel, stride,
    padding, dilation)`` along each axis, None where the grid is lost.
    """

    type: str
    options: Mapping[str, Any]
    inputs: tuple[Shape, ...]
    why: str
    outputs: tuple[Shape, ...]
    parameters: int = 0
    fixed: int = 0
    connections: int | None = 0
    connections_in_bounds: int | None = SAME
    macs: int | None = 0
    macs_in_bounds: int | None = SAME
    units: int = 0
    windows: tuple[tuple[int, int, int, int], ...] | None = ()
    label: str | None = None
    working: Mapping[str, str] = field(default_factory=dict)
    formula: Mapping[str, str] = field(default_factory=dict)

    @property
    def layer(self) -> Layer:
        return TYPES[self.type](**self.options)

    @property
    def expected(self) -> dict[str, int | None]:
        """The counts, by name."""
        return {
            "parameters": self.parameters,
            "fixed": self.fixed,
            "connections": self.connections,
            "connections_in_bounds": self.connections
            if self.connections_in_bounds == SAME
            else self.connections_in_bounds,
            "macs": self.macs,
            "macs_in_bounds": self.macs if self.macs_in_bounds == SAME else self.macs_in_bounds,
            "units": self.units,
        }


def case(type: str, *inputs: Shape, why: str, output: Shape | None = None, **rest: Any) -> Case:
    """A row: the options of the layer and the expected numbers side by side."""
    names = Case.__dataclass_fields__
    expected = {name: value for name, value in rest.items() if name in names}
    options = {name: value for name, value in rest.items() if name not in names}
    if output is not None:
        expected["outputs"] = (output,)
    return Case(type, options, inputs, why, **expected)


@dataclass(frozen=True)
class Wrong:
    """Options or inputs that a layer refuses, and the whole message."""

    type: str
    inputs: tuple[Shape, ...]
    options: Mapping[str, Any]
    message: str
    blamed: str | None
    at: int | None


def wrong(
    type: str, *inputs: Shape, message: str, blamed: str | None = None, at: int | None = None, **options: Any
) -> Wrong:
    """A row: ``blamed`` is the option and ``at`` the input that the message is about."""
    return Wrong(type, inputs, options, message, blamed, at)


def name_of(row: Case | Wrong) -> str:
    """A readable name for a test."""
    options = ",".join(
        f"{name}={value}" for name, value in row.options.items() if name not in ("connection_table", "codes")
    )
    return f"{row.type}({options})-{'-'.join('x'.join(map(str, shape)) for shape in row.inputs)}".replace(" ", "")


EQUATION: Final = re.compile(r"([0-9(⌊⌈][0-9,·+−/()⌊⌋⌈⌉ ]*) = ([\d,]*\d)")


def evaluate(text: str, letters: Mapping[str, int] | None = None) -> int:
    """The value of an expression as it is printed; knows nothing of how counts are made.

    >>> evaluate("⌊(227 − 11)/4⌋ + 1"), evaluate("(k·k·c/g + 1)·n", {"k": 3, "c": 64, "g": 2, "n": 10})
    (55, 2890)
    """
    tokens = re.findall(r"\d[\d,]*|max|[^\W\d_][^\W\d_]*[′₀-₉]*|[-+−·/()⌊⌋⌈⌉,]", text.replace(", ", " , "))
    if "".join(tokens) != text.replace(" ", ""):
        raise ValueError(f"cannot read {text}")
    python = []
    for token in tokens:
        if token[0].isdigit():
            python.append(f"Fraction({token.replace(',', '')})")
        elif token == "max" or token in "+/(),":
            python.append(token)
        elif token in "·−":
            python.append({"·": "*", "−": "-"}[token])
        elif token in "⌊⌈":
            python.append({"⌊": "floor(", "⌈": "ceil("}[token])
        elif token in "⌋⌉":
            python.append(")")
        else:
            python.append(f"Fraction({(letters or {})[token]})")
    scope = {
        "Fraction": Fraction,
        "floor": lambda x: Fraction(math.floor(x)),
        "ceil": lambda x: Fraction(math.ceil(x)),
        "max": max,
    }
    value = eval("".join(python), {"__builtins__": {}}, scope)
    if value.denominator != 1:
        raise ValueError(f"{text} is no whole number")
    return int(value)
