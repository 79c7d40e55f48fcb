"""The language in which a budget is written, and what it comes to: numbers of networks, compared.

``net.parameters == 1_234_567``, ``net.C3.macs <= 1.2e9``, ``net.saved_bytes(batch=16) < 4 GiB``,
``equal(net, "vgg@D")``. A text is parsed as a Python expression and then walked here: there is nothing in it but
numbers, names, four kinds of arithmetic and comparisons, and nothing is ever called but what is named below.

>>> read_budget("net.macs <= 2 * 10").names
('net',)
>>> read_budget("net.macs.__class__ == 1")
Traceback (most recent call last):
archscope.errors.UsageError: `net.macs.__class__ == 1`: `__class__` is no quantity and no layer
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from archscope.errors import UsageError, did_you_mean
from archscope.escaping import line
from archscope.network import COUNTS
from archscope.record import Record

LONGEST: Final = 500
"""Letters a budget may have."""

_UNITS: Final = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
                 "TiB": 2**40, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}  # fmt: skip
_NUMBER: Final = re.compile(r"(?<![\w.\"'])(\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)\s*(" + "|".join(
    sorted(_UNITS, key=len, reverse=True)) + r")\b")  # fmt: skip
_COMPARES: Final[dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], bool]]]] = {
    ast.Eq: ("==", lambda a, b: a == b),
    ast.NotEq: ("!=", lambda a, b: a != b),
    ast.Lt: ("<", lambda a, b: a < b),
    ast.LtE: ("<=", lambda a, b: a <= b),
    ast.Gt: (">", lambda a, b: a > b),
    ast.GtE: (">=", lambda a, b: a >= b),
}
_ARITHMETIC: Final[dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}

CALLS: Final = {
    "saved_bytes": ("batch", "dtype"),
    "weight_bytes": ("dtype",),
    "peak_bytes": ("batch", "dtype", "optimizer", "loss"),
}
"""Quantities that are asked for with something, by name, and what they take."""

QUANTITIES: Final = (*COUNTS, *CALLS)
"""Every quantity by name."""


class Asked(Record):
    """A quantity of a network, or of one of its layers, as it is asked for."""

    network: str
    layer: str
    quantity: str
    said: tuple[tuple[str, Any], ...] = ()

    @property
    def written(self) -> str:
        """As a person writes it."""
        given = ", ".join(
            f"{name}={value!r}" if isinstance(value, str) else f"{name}={value}" for name, value in self.said
        )
        place = f"{self.network}.{self.layer}" if self.layer else self.network
        return f"{place}.{self.quantity}" + (f"({given})" if given else "")


class Budget(Record):
    """One budget, read and not yet worked out.

    Attributes:
        text: as it is written.
        tree: its comparison, or the call of ``equal``.
        alone: the network that quantities without a name are of; empty where every one needs a name.
    """

    text: str
    tree: Any
    alone: str = ""

    @property
    def asked(self) -> list[Asked]:
        """Every quantity that it compares."""
        return _asked_in(self)

    @property
    def names(self) -> tuple[str, ...]:
        """The networks that it is about."""
        if self.equal is not None:
            return self.equal
        return tuple(dict.fromkeys(each.network for each in _asked_in(self)))

    @property
    def equal(self) -> tuple[str, str] | None:
        """The two networks that have to be the same, where it says so."""
        if not isinstance(self.tree, ast.Call):
            return None
        first, second = (_network(each, self) for each in self.tree.args)
        return first, second


def read_budget(text: str, alone: str = "") -> Budget:
    """Read a budget.

    Raises:
        UsageError: it is none; says what is wrong in it.
    """
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f"{text!r} is no budget; write a comparison, such as `net.parameters <= 25 M`")
    if len(text) > LONGEST:
        raise UsageError(f"a budget of {len(text):,} letters; write several, of {LONGEST} at most")
    text = line(text)  # it is one expression on however many lines somebody wrote it
    try:
        tree = ast.parse(_NUMBER.sub(_scaled, text.strip()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(f"`{text}` cannot be read; write a comparison, such as `net.parameters <= 25 M`") from None
    budget = Budget(text.strip(), tree, alone)
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "equal":
        if len(tree.args) != 2 or tree.keywords:
            raise UsageError(f'`{text}`: `equal` takes two networks, such as `equal(net, "vgg@D")`')
        if budget.equal is None:
            raise UsageError(f"`{text}`: `equal` takes two networks")
        return budget
    if not isinstance(tree, ast.Compare):
        raise UsageError(f"`{text}` compares nothing; write ==, !=, <, <=, > or >=, or `equal(a, b)`")
    for op in tree.ops:
        if type(op) not in _COMPARES:
            raise UsageError(f"`{text}`: write ==, !=, <, <=, > or >=")
    if not _asked_in(budget):
        raise UsageError(f"`{text}` names no network; write NETWORK.QUANTITY, such as `net.parameters`")
    return budget


def read_quantity(text: str, alone: str) -> Asked:
    """Read one quantity, of the network ``alone`` where none is named.

    >>> read_quantity("saved_bytes(batch=16)", "net").written
    'net.saved_bytes(batch=16)'

    Raises:
        UsageError: it is none; says what is wrong in it.
    """
    if len(text) > LONGEST:
        raise UsageError(f"a quantity of {len(text):,} letters; it has a name, such as `parameters`")
    text = line(text).strip()
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(f"`{text}` is no quantity; {did_you_mean(text, QUANTITIES, what='quantities')}") from None
    return _asked(tree, Budget(text, tree, alone))


def _scaled(found: re.Match[str]) -> str:
    return f"({found[1]}*{_UNITS[found[2]]})"


def holds(budget: Budget, number: Callable[[Asked], int]) -> tuple[bool, list[Fraction]]:
    """Whether a comparison holds, and what its sides come to; ``number`` says what a quantity is."""
    sides = [budget.tree.left, *budget.tree.comparators]
    values = [_value(each, budget, number) for each in sides]
    kept = all(_COMPARES[type(op)][1](a, b) for op, a, b in zip(budget.tree.ops, values, values[1:], strict=False))
    return kept, values


def _asked_in(budget: Budget) -> list[Asked]:
    """Every quantity in a comparison; what else stands there is checked on the way."""
    found: list[Asked] = []

    def note(asked: Asked) -> int:
        found.append(asked)
        return 1

    for each in (budget.tree.left, *budget.tree.comparators):
        _value(each, budget, note, dry=True)
    return found


def _value(node: ast.expr, budget: Budget, number: Callable[[Asked], int], *, dry: bool = False) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return Fraction(repr(node.value)) if abs(node.value) < 1e30 else _too_large(budget)
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        left, right = (_value(each, budget, number, dry=dry) for each in (node.left, node.right))
        if isinstance(node.op, ast.Div) and not right:
            if dry:
                return Fraction(1)
            raise UsageError(f"`{budget.text}` divides by 0")
        return _ARITHMETIC[type(node.op)](left, right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, budget, number, dry=dry)
    return Fraction(number(_asked(node, budget)))


def _too_large(budget: Budget) -> Fraction:
    raise UsageError(f"`{budget.text}`: no number of a network is so large")


def _asked(node: ast.expr, budget: Budget) -> Asked:
    """A quantity with its place: ``net.parameters``, ``net.conv1.0.macs`` as ``net["conv1.0"].macs``."""
    said: tuple[tuple[str, Any], ...] = ()
    if isinstance(node, ast.Call):
        said = _said(node, budget)
        node = node.func
    if isinstance(node, ast.Name) and budget.alone:
        return Asked(budget.alone, "", _quantity(node.id, bool(said), said, budget), said)
    if not isinstance(node, ast.Attribute):
        raise UsageError(f"`{budget.text}`: `{ast.unparse(node)}` is no number; write NETWORK.QUANTITY, "
                         "such as `net.parameters`")  # fmt: skip
    quantity = _quantity(node.attr, bool(said), said, budget)
    layers: list[str] = []
    inner: ast.expr = node.value
    while isinstance(inner, (ast.Attribute, ast.Subscript)):
        if isinstance(inner, ast.Attribute):
            _plain(inner.attr, budget)
            layers.insert(0, inner.attr)
        elif isinstance(inner.slice, ast.Constant) and isinstance(inner.slice.value, str):
            layers.insert(0, inner.slice.value)
        else:
            raise UsageError(f'`{budget.text}`: a layer is named in quotes: net["conv2.0.a"]')
        inner = inner.value
    if layers and budget.alone and isinstance(inner, ast.Name):
        return Asked(budget.alone, ".".join([inner.id, *layers]), quantity, said)
    if budget.alone and isinstance(inner, ast.Name):
        return Asked(budget.alone, inner.id, quantity, said)
    return Asked(_network(inner, budget), ".".join(layers), quantity, said)


def _plain(name: str, budget: Budget) -> None:
    if name.startswith("_"):
        raise UsageError(f"`{budget.text}`: `{name}` is no quantity and no layer")


def _quantity(name: str, called: bool, said: tuple[tuple[str, Any], ...], budget: Budget) -> str:
    if name not in QUANTITIES:
        if name.startswith("_"):
            raise UsageError(f"`{budget.text}`: `{name}` is no quantity and no layer")
        raise UsageError(f"`{budget.text}`: no quantity `{name}`; {did_you_mean(name, QUANTITIES, what='quantities')}")
    if called and name not in CALLS:
        raise UsageError(f"`{budget.text}`: `{name}` takes nothing; write it without brackets")
    for key, _ in said:
        if key not in CALLS[name]:
            known = ", ".join(CALLS[name])
            raise UsageError(f"`{budget.text}`: `{name}` takes no `{key}`; it takes {known}")
    return name


def _said(node: ast.Call, budget: Budget) -> tuple[tuple[str, Any], ...]:
    if node.args:
        raise UsageError(f"`{budget.text}`: what a quantity takes is named, such as `saved_bytes(batch=16)`")
    said: list[tuple[str, Any]] = []
    for each in node.keywords:
        if each.arg is None or not isinstance(each.value, ast.Constant) or not isinstance(each.value.value, (int, str)):
            raise UsageError(f"`{budget.text}`: write a plain number or word, such as `saved_bytes(batch=16)`")
        said.append((each.arg, each.value.value))
    return tuple(said)


def _network(node: ast.expr, budget: Budget) -> str:
    if isinstance(node, ast.Name):
        _plain(node.id, budget)
        return node.id
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise UsageError(f"`{budget.text}`: `{ast.unparse(node)}` is no network; write its name, or a spec in quotes")
