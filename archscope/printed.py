"""`Printed`: a number as somebody printed it, which is as precise as it is printed.

* Every printed digit counts: ``138M`` says millions, ``70.9K`` hundreds, ``0.57B`` ten millions, ``87e6`` millions.
* Zeros at the end of a whole number that is written out only hold the place: ``86700000`` says hundred thousands and
  ``1,800`` hundreds.
* A number holds if it *rounds* to what is printed. If it only *cuts off* to it, that is said. Anything else differs.
* ``about 70,000`` holds if it is off by less than one in its last digit; ``nearly 70M`` if it is less, by no more.
* ``>25M``, ``over``, ``at least``, ``<``, ``under``, ``up to`` and the like are bounds: they hold on their side.
* ``exactly 70,000`` holds for 70,000 alone.
* K, M, G and T are powers of 1,000, or of 1,024 where an entry says ``kilo: 1024``; Ki, Mi and Gi always of 1,024.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final, Literal

from archscope.errors import Rejects
from archscope.record import Record

Relation = Literal["is", "exactly", "about", "nearly", "above", "at least", "below", "at most"]

_RELATIONS: Final[dict[Relation, tuple[str, ...]]] = {
    "exactly": ("exactly", "="),
    "about": ("about", "around", "approximately", "approx.", "approx", "roughly", "circa", "ca.", "ca", "c.", "some",
              "~", "≈", "∼"),
    "nearly": ("nearly", "almost"),
    "at least": ("at least", ">=", "≥"),
    "above": ("over", "more than", "above", ">"),
    "at most": ("at most", "up to", "<=", "≤"),
    "below": ("under", "less than", "fewer than", "below", "<"),
}  # fmt: skip
_SAID: Final = {word: relation for relation, words in _RELATIONS.items() for word in words}
_THOUSANDS: Final = {"k": 1, "m": 2, "g": 3, "t": 4}
_ALWAYS: Final = {"thousand": 1000, "million": 1000**2, "b": 1000**3, "bn": 1000**3, "billion": 1000**3,
                  "trillion": 1000**4, "ki": 1024, "mi": 1024**2, "gi": 1024**3}  # fmt: skip
_COUNTED: Final = ("parameters", "params", "weights", "connections", "macs", "mac", "mult-adds", "multiply-adds",
                   "multiply-accumulates", "flops", "units", "neurons", "values")  # fmt: skip
_RAISED: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_NUMBER: Final = re.compile(
    r"(?P<whole>[0-9]{1,3}(?:[,_ \u00a0\u2009\u202f'’][0-9]{3})+|[0-9]*)"
    r"(?P<part>\.[0-9]+)?"
    r"(?:e(?P<power>[-+]?[0-9]{1,2})| ?[×x*·] ?10\^?(?P<raised>-?[0-9]{1,2}|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]{1,3}))?"
    r"(?: ?(?P<suffix>[a-z]+))?(?P<more>\+)?(?: (?P<counted>[a-z-]+))?\Z"
)
_HELP: Final = 'write a number, or what was printed in quotes: "138M", "70.9K", "about 70,000", ">25M"'
LONGEST: Final = 60
"""Letters a figure may have."""


class Printed(Record):
    """A number as it was printed: ``digits`` times ``unit_over / unit_under``, the place of its last digit.

    >>> figure = read_printed("70.9K")
    >>> figure.digits, figure.unit_over, figure.value
    (709, 100, 70900)
    """

    text: str
    digits: int
    unit_over: int = 1
    unit_under: int = 1
    relation: Relation = "is"

    @property
    def value(self) -> int | float:
        """The number."""
        over = self.digits * self.unit_over
        return over / self.unit_under if over % self.unit_under else over // self.unit_under

    def match(self, ours: int) -> str | None:
        """How a number matches: ``""`` to the last digit, else in words; None if it does not.

        >>> for text in ("71965224", "72M", "71M", "about 71M", ">71M", "70M"):
        ...     print(read_printed(text).match(71_965_224))
        <BLANKLINE>
        rounded to its 2 significant digits
        truncated to its 2 significant digits
        about it: off by less than one in its last digit
        more than it, as printed
        None
        """
        ours_scaled, printed = ours * self.unit_under, self.digits * self.unit_over
        off = ours_scaled - printed
        if self.relation in _HOLDS:
            return f"{_HOLDS[self.relation][1]}, as printed" if _HOLDS[self.relation][0](off) else None
        if not off:
            return ""
        if self.relation == "exactly":
            return None
        if self.relation in ("about", "nearly"):
            close = abs(off) < self.unit_over and (self.relation == "about" or off < 0)
            return f"{self.relation} it: off by less than one in its last digit" if close else None
        many = len(str(self.digits))
        words = f"its {many} significant digit{'s' if many > 1 else ''}"
        if 2 * abs(off) <= self.unit_over:
            return f"rounded to {words}"
        return f"truncated to {words}" if 0 < off < self.unit_over else None


_HOLDS: Final[dict[Relation, tuple[Callable[[int], bool], str]]] = {
    "above": (lambda off: off > 0, "more than it"),
    "at least": (lambda off: off >= 0, "at least it"),
    "below": (lambda off: off < 0, "less than it"),
    "at most": (lambda off: off <= 0, "at most it"),
}


def read_printed(text: str, kilo: int = 1000) -> Printed:
    """Read a number as it was printed.

    Raises:
        Rejects: it is no number in any of these notations.

    >>> read_printed("about 70,000").relation, read_printed("0.57B").value, read_printed("64K", kilo=1024).value
    ('about', 570000000, 65536)
    """
    relation, rest = _relation(" ".join(text.split()).lower())
    found = _NUMBER.match(rest) if len(text) <= LONGEST else None
    if found is None or not (found["whole"] or found["part"]):
        raise Rejects(f"expected a number or a shape, got {_spelled(text)}", help=_HELP)
    suffix, counted = found["suffix"] or "", found["counted"] or ""
    if suffix in _COUNTED and not counted:
        suffix, counted = "", suffix
    if (counted and counted not in _COUNTED) or (suffix and suffix not in _THOUSANDS and suffix not in _ALWAYS):
        raise Rejects(f"there is no `{counted or suffix}` in a figure, got {_spelled(text)}", help=_HELP)
    if found["more"]:
        relation = "at least"
    part = (found["part"] or ".")[1:]
    power = int((found["power"] or found["raised"] or "0").translate(_RAISED)) - len(part)
    digits = int(re.sub(r"[^0-9]", "", found["whole"]) + part or "0")
    over = _ALWAYS.get(suffix, kilo ** _THOUSANDS.get(suffix, 0))
    under = 1
    if power >= 0:
        over *= 10**power
    else:
        under = 10**-power
    written_out = not (part or suffix or found["power"] or found["raised"])
    if written_out and relation != "exactly":
        while digits and not digits % 10:
            digits, over = digits // 10, over * 10
    common = math.gcd(over, under)
    return Printed(text.strip(), digits, over // common, under // common, relation)


def _relation(text: str) -> tuple[Relation, str]:
    for word in sorted(_SAID, key=len, reverse=True):
        if text.startswith(word):
            rest = text[len(word) :]
            if rest[:1] in (" ", ".") or not word[-1].isalpha():
                return _SAID[word], rest.strip()
    return "is", text


def _spelled(text: str) -> str:
    return f"'{text if len(text) <= LONGEST else text[:LONGEST] + '…'}'"


def printed_number(value: float) -> Printed:
    """A number that was given as one, as a person would print it.

    >>> printed_number(87e6).match(86_704_128), printed_number(1800).match(1792)
    ('rounded to its 2 significant digits', 'rounded to its 2 significant digits')
    """
    return read_printed(str(value) if isinstance(value, int) else f"{value:.15g}".replace("+", ""))
