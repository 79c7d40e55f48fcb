"""The rule's own working with a term changed: a `Count` taken apart and put together again.

>>> from archscope.working import count
>>> right = (count(5, "k") * count(5, "k") * count(1, "c") + 1) * count(6, "n")
>>> [changed.working for changed in without_constant(right)], [each.working for each in without(right, "n")]
(['5·5·1·6'], ['5·5·1 + 1'])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from archscope.working import Count, count

Edit = Callable[[Count], Count | None]
"""What a node becomes; None leaves it, and its parts are looked at."""


def edited(root: Count, edit: Edit) -> Count:
    """A count with some of its nodes replaced, from the root downwards."""
    changed = edit(root)
    if changed is not None:
        return changed
    if not root.op:
        return root
    parts = tuple(edited(part, edit) for part in root.parts)
    return root if all(a is b for a, b in zip(parts, root.parts, strict=True)) else made(root.op, parts)


def made(op: str, parts: tuple[Count, ...]) -> Count:
    """A count of some parts; a division that does not come out is rounded down."""
    first = parts[0]
    if op in ("+", "Σ") and len(parts) != 2:
        return first.summed(op, parts)
    second = parts[1]
    if op == "+":
        return first + second
    if op == "Σ":
        return first.summed("Σ", parts)
    if op == "-":
        return first - second
    if op == "·":
        return first * second
    if op == "⌈/⌉":
        return first.ceil_over(second)
    if op == "/" and not int(first) % int(second):
        return first.over(second)
    return first.floor_over(second)


def _changed(root: Count, edit: Edit) -> Iterator[Count]:
    """The count, if an edit changes anything."""
    result = edited(root, edit)
    if result is not root:
        yield result


def _constant(node: Count) -> bool:
    return not node.op and not node.letter and int(node) == 1


def without_constant(root: Count) -> Iterator[Count]:
    """Every ``+ 1`` left out, and the ``+ n`` of a layer over a table."""

    def edit(node: Count) -> Count | None:
        if node.op == "+" and len(node.parts) == 2:
            left, right = node.parts
            if _constant(right) or right.letter == "n":
                return left
        return None

    return _changed(root, edit)


def constant_once(root: Count) -> Iterator[Count]:
    """``(k·k·c + 1)·n`` as ``k·k·c·n + 1``: the constant added once and not for each."""

    def edit(node: Count) -> Count | None:
        inner, factors = node, []
        while inner.op == "·":
            factors.append(inner.parts[1])
            inner = inner.parts[0]
        if not factors or inner.op != "+" or len(inner.parts) != 2 or not _constant(inner.parts[1]):
            return None
        product = inner.parts[0]
        for factor in reversed(factors):
            product = product * factor
        return product + 1

    return _changed(root, edit)


def without(root: Count, *letters: str) -> Iterator[Count]:
    """Every factor of some letters left out, what divides it too."""

    def is_one(node: Count) -> bool:
        return node.letter in letters or (node.op == "/" and is_one(node.parts[0]))

    def edit(node: Count) -> Count | None:
        if node.op == "·" and len(node.parts) == 2:
            left, right = node.parts
            if is_one(right):
                return edited(left, edit)
            if is_one(left):
                return edited(right, edit)
        return None

    return _changed(root, edit)


def without_one(root: Count, letter: str) -> Iterator[Count]:
    """One factor of a letter left out where there are several: ``k·k·c`` as ``k·c``."""

    def edit(node: Count) -> Count | None:
        if node.op == "·" and node.parts[0].letter == letter and node.parts[1].letter == letter:
            return node.parts[1]
        return None

    return _changed(root, edit)


def with_letters(root: Count, values: Mapping[str, int]) -> Iterator[Count]:
    """Other numbers in the place of letters."""

    def edit(node: Count) -> Count | None:
        if not node.op and node.letter in values and int(node) != values[node.letter]:
            return count(values[node.letter], node.letter)
        return None

    return _changed(root, edit)


def rounded_up(root: Count) -> Iterator[Count]:
    """Every division that was rounded down, rounded up."""
    return _divided(root, "⌊/⌋", Count.ceil_over)


def rounded_down(root: Count) -> Iterator[Count]:
    """Every division that was rounded up, rounded down."""
    return _divided(root, "⌈/⌉", Count.floor_over)


def multiplied(root: Count) -> Iterator[Count]:
    """Multiplied where it is divided."""
    return _divided(root, "⌊/⌋", Count.__mul__)


def _divided(root: Count, op: str, instead: Callable[[Count, int], Count]) -> Iterator[Count]:
    return _changed(root, lambda node: instead(node.parts[0], node.parts[1]) if node.op == op else None)


def one_inside(root: Count) -> Iterator[Count]:
    """``⌊(i − k)/s⌋ + 1`` as ``⌊(i − k + 1)/s⌋``: the one is added before the division."""

    def edit(node: Count) -> Count | None:
        if node.op == "+" and node.parts[0].op == "⌊/⌋" and _constant(node.parts[1]):
            free, stride = node.parts[0].parts
            return (free + 1).floor_over(stride)
        return None

    return _changed(root, edit)


def divided_first(root: Count) -> Iterator[Count]:
    """``⌊(i − k)/s⌋ + 1`` as ``⌊i/s⌋ − k + 1``: the stride divides the input alone."""

    def edit(node: Count) -> Count | None:
        if node.op == "⌊/⌋" and node.parts[0].op == "-":
            (size, kernel), stride = node.parts[0].parts, node.parts[1]
            return size.floor_over(stride) - kernel
        return None

    return _changed(root, edit)


def padded_once(root: Count) -> Iterator[Count]:
    """``i + 2·p`` as ``i + p``."""

    def edit(node: Count) -> Count | None:
        return node.parts[1] if node.op == "·" and node.parts[1].letter == "p" and int(node.parts[0]) == 2 else None

    return _changed(root, edit)


def without_reach(root: Count) -> Iterator[Count]:
    """``k − 1`` as ``k``."""

    def edit(node: Count) -> Count | None:
        return node.parts[0] if node.op == "-" and _constant(node.parts[1]) else None

    return _changed(root, edit)
