"""What fvcore counts of an ``einsum``, and what PyTorch multiplies there, as its trace has it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from string import ascii_letters
from typing import Any, Final

AS_RUN: Final = "einsum as it ran"
WHY: Final = ("it counts an `einsum` as NumPy would multiply it: in NumPy's order, half for a product that nothing "
              "sums up, and read from what NumPy prints, in four digits")  # fmt: skip


def counted(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Give fvcore's own count, and beside it the products in the order in which PyTorch pairs the tensors."""
    from fvcore.nn.jit_handles import einsum_flop_jit, get_shape

    shapes = [tuple(get_shape(each)) for each in inputs[1].node().inputs()]
    path = _path(inputs[2]) if len(inputs) > 2 else None
    return Counter({
        "einsum": einsum_flop_jit(inputs, outputs),
        AS_RUN: products(inputs[0].toIValue(), shapes, path),
    })  # fmt: skip


def _path(value: Any) -> list[int] | None:
    """The order that PyTorch's planner chose, which a trace has as a list of constants; None where it had none."""
    if value.node().kind() == "prim::ListConstruct":
        return [each.toIValue() for each in value.node().inputs()]
    found: list[int] | None = value.toIValue()
    return found


def products(equation: str, shapes: Sequence[tuple[int, ...]], path: Sequence[int] | None = None) -> int:
    """Multiply-accumulates of an ``einsum`` that takes two tensors at a time; without a path those that stand first.

    >>> products("bi,ij,jk->bk", [(3, 4), (4, 5), (5, 6)]), products("bi,i->bi", [(3, 4), (4,)])
    (150, 0)
    """
    left, result, sizes = _read(equation, shapes)
    macs = 0
    for one, other in _pairs(len(left), path):
        b, a = left.pop(max(one, other)), left.pop(min(one, other))
        kept = result.union(*left)
        summed = {each for each in (a & b) - kept if sizes[each] > 1}
        if summed:  # else they are multiplied value by value; what one alone has is summed up before
            macs += math.prod(sizes[each] for each in summed | ((a | b) & kept))
        left.append((a | b) & kept)
    return macs


def _pairs(many: int, path: Sequence[int] | None) -> Iterator[tuple[int, int]]:
    if path is not None:
        yield from zip(path[::2], path[1::2], strict=True)
        return
    for left in range(many, 1, -1):
        yield (0, 1) if left == many else (0, left - 1)


def _read(equation: str, shapes: Sequence[tuple[int, ...]]) -> tuple[list[set[str]], set[str], dict[str, int]]:
    """The letters of each tensor and of the result, and how long they are; axes of ``...`` have their own letters."""
    taken, arrow, result = equation.replace(" ", "").partition("->")
    terms = taken.split(",")
    free = [each for each in ascii_letters if each not in equation]
    most = max((len(shape) - len(term) + 3 for term, shape in zip(terms, shapes) if "..." in term), default=0)  # noqa: B905
    spread, sizes = "".join(free[:most]), dict[str, int]()
    written = []
    for term, shape in zip(terms, shapes, strict=True):
        own = len(shape) - len(term) + 3
        letters = term.replace("...", spread[most - own :] if own else "") if "..." in term else term
        for letter, extent in zip(letters, shape, strict=True):
            sizes[letter] = max(sizes.get(letter, 1), int(extent))
        written.append(letters)
    if not arrow:
        seen = Counter("".join(written))
        result = spread + "".join(letter for letter, times in seen.items() if times == 1)
    return [*map(set, written)], set(result.replace("...", spread)), sizes
