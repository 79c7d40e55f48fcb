"""A working laid out as a formula: fractions stacked, letters in italics, in MathML that needs no script.

>>> from archscope.working import count
>>> k, n = count(5, "k"), count(16, "n")
>>> formula((k * k).over(25) + n)
'<math><mfrac><mrow><mi>k</mi><mo>·</mo><mi>k</mi></mrow><mn>25</mn></mfrac><mo>+</mo><mi>n</mi></math>'
>>> each, third = k * k + n, (k + n).over(3)
>>> numbers(each, each.working)
'5·5 + 16'
>>> numbers(third, third.working)
'<math><mfrac><mrow><mn>5</mn><mo>+</mo><mn>16</mn></mrow><mn>3</mn></mfrac></math>'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from archscope.site.markup import Markup, join, leaf, tag
from archscope.working import Count

_FRACTION: Final = re.compile("[/⌊⌈]")
_SUM: Final = 1
_PRODUCT: Final = 2
_ATOM: Final = 3
_RANK: Final = {"+": _SUM, "-": _SUM, "·": _PRODUCT, "/": _ATOM, "⌊/⌋": _ATOM, "⌈/⌉": _ATOM}
_SIGN: Final = {"+": "+", "-": "−", "·": "·"}


def formula(value: Count) -> Markup:
    """The arithmetic in letters; numbers without a letter stay numbers."""
    return tag("math", _laid_out(value, _letter))


def numbers(value: Count, working: str) -> Markup:
    """The arithmetic in numbers, ``working`` being its line of text, which it is where no fraction is stacked."""
    return tag("math", _laid_out(value, _number)) if _FRACTION.search(working) else join(working)


def _letter(count: Count) -> Markup:
    if not count.letter:
        return _number(count)
    name, index = count.letter.rstrip("₀₁₂₃₄₅₆₇₈₉"), count.letter.lstrip("abcdefghijklmnopqrstuvwxyz")
    if index and name + index == count.letter:
        return tag("msub", leaf("mi", name), leaf("mn", index.translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789"))))
    if count.letter.endswith("′"):
        return tag("msup", leaf("mi", count.letter[:-1]), leaf("mo", "′"))
    if len(count.letter) == 2 and count.letter[0] == "k":  # a side of the kernel: kh, kw
        return tag("msub", leaf("mi", count.letter[0]), leaf("mi", count.letter[1]))
    return leaf("mi", count.letter)


def _number(count: Count) -> Markup:
    number = int(count)
    return Markup(f"<mo>−</mo><mn>{-number:,}</mn>" if number < 0 else f"<mn>{number:,}</mn>")


def _laid_out(root: Count, of_leaf: Callable[[Count], Markup]) -> Markup:
    """Without recursion: a sum over 10,000 layers is 10,000 deep."""
    done: list[tuple[Markup, int]] = []
    stack: list[tuple[Count, bool]] = [(root, False)]
    while stack:
        top, ready = stack.pop()
        if not top.op:
            inner = of_leaf(top)
            done.append((inner, _SUM if inner.startswith("<mo>−") else _ATOM))
        elif top.op == "Σ":
            done.append((join(*_added(top.parts)), _SUM))
        elif not ready:
            stack.append((top, True))
            stack.extend((part, False) for part in reversed(top.parts))
        else:
            first = len(done) - len(top.parts)
            terms = done[first:]
            del done[first:]
            joined = terms[0]
            for term in terms[1:]:  # a sum has any number of parts, all else two
                joined = _joined(top.op, joined, term), _RANK[top.op]
            done.append(joined)
    return done[0][0]


def _added(parts: Sequence[Count]) -> Iterable[Markup]:
    """The numbers of a sum over layers, whose own arithmetic stands with each of them."""
    for place, part in enumerate(parts or (Count(0),)):
        if place:
            yield leaf("mo", "+")
        yield _number(part)


def _joined(op: str, left: tuple[Markup, int], right: tuple[Markup, int]) -> Markup:
    if op in ("/", "⌊/⌋", "⌈/⌉"):
        fraction = tag("mfrac", _grouped(left[0]), _grouped(right[0]))
        return fraction if op == "/" else tag("mrow", _fence(op[0]), fraction, _fence(op[-1]))
    rank = _RANK[op]
    needed = rank + 1 if op == "-" else rank
    return join(_fenced(left, rank), leaf("mo", _SIGN[op]), _fenced(right, needed))


def _grouped(inner: Markup) -> Markup:
    """One element, as the parts of a fraction have to be."""
    alone = inner.startswith(("<mi>", "<mn>")) and inner.count("</") == 1
    return inner if alone else tag("mrow", inner)


def _fenced(term: tuple[Markup, int], needed: int) -> Markup:
    inner, rank = term
    return inner if rank >= needed else tag("mrow", _fence("("), inner, _fence(")"))


def _fence(sign: str) -> Markup:
    """A fence that grows around a fraction alone: one that may grow brings room of its own along."""
    return tag("mo", sign, stretchy="false" if sign in "()" else None)
