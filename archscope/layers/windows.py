"""Arithmetic of windows that slide along an axis; shared by convolution and pooling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archscope.errors import Rejects
from archscope.layers.base import Shape, Window, spell_shape
from archscope.paddings import Padding, Sides
from archscope.record import Record
from archscope.working import Count, bare, count

AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
LETTERS = {1: ("l",), 2: ("h", "w"), 3: ("d", "h", "w")}
SHAPES = {axes: f"(channels, {', '.join(names)})" for axes, names in AXES.items()}


class Slide(Record):
    """A window sliding along one axis of ``size`` values.

    ``positions`` is how many outputs it makes, with its working.
    """

    size: int
    window: Window
    after: int
    positions: Count

    def taps_in_bounds(self) -> int:
        """Over all positions, the taps that fall on input values and not on padding.

        >>> slide_same = slide(8, kernel=3, stride=1, dilation=1, padding=(1, 1))
        >>> slide_same.taps_in_bounds()
        22
        """
        if not self.window.padding and not self.after:
            return self.window.kernel * bare(self.positions)
        return landing(self.window, bare(self.positions), self.size)

    @property
    def holds_nothing(self) -> bool:
        """Whether a position has all its taps beside the input: they stride over it, from padding to padding.

        >>> slide(2, kernel=2, stride=1, dilation=3, padding=(1, 1)).holds_nothing  # taps at −1 and 2
        True
        """
        size, between = self.size, self.window.dilation
        if size >= between or not self.window.padding:
            return False
        begun_before = min(bare(self.positions), -(-self.window.padding // self.window.stride))
        first = -self.window.padding % between  # of the taps of the first position, the one at 0 or after it
        skipped = max(0, -((first - size) // self.window.stride))  # the next position whose tap is past the end
        return skipped < begun_before and first + skipped * self.window.stride < between


def landing(window: Window, positions: int, size: int) -> int:
    """Over all positions of a window, the taps that fall on one of ``size`` places.

    >>> landing(Window(kernel=3, padding=1), positions=8, size=8)
    22
    """
    before = _landing_before(window.padding, window, positions)
    return _landing_before(window.padding + size, window, positions) - before


def _landing_before(end: int, window: Window, positions: int) -> int:
    """Over all positions, the taps in the first ``end`` places: ``Σᵢ min(k, ⌈(end − i·s) / d⌉)``, without a loop."""
    kernel, stride, dilation = window.kernel, window.stride, window.dilation
    whole = min(positions, max(0, (end - 1 - (kernel - 1) * dilation) // stride + 1))
    some = min(positions, max(0, (end - 1) // stride + 1))
    cut = some - whole  # positions of which some taps lie behind the end; the last of them has the fewest taps
    return whole * kernel + cut + floor_sum(cut, dilation, stride, end - 1 - (some - 1) * stride)


def floor_sum(terms: int, divisor: int, step: int, first: int) -> int:
    """``Σ ⌊(step·i + first) / divisor⌋`` over ``0 ≤ i < terms``, in as many steps as Euclid's algorithm takes.

    >>> floor_sum(4, 3, 2, 5), sum((2 * i + 5) // 3 for i in range(4))
    (9, 9)
    """
    result = 0
    while terms > 0:
        result += (step // divisor) * (terms * (terms - 1) // 2) + (first // divisor) * terms
        step, first = step % divisor, first % divisor
        top = step * terms + first
        if top < divisor:
            break
        terms, first = divmod(top, divisor)
        step, divisor = divisor, step
    return result


def slide(
    size: int, *, kernel: int, stride: int, dilation: int, padding: tuple[int, int], ceil_mode: bool = False
) -> Slide:
    """Slide a window along an axis; positions are ``⌊(i + 2p − k)/s⌋ + 1`` as PyTorch has it.

    With ``ceil_mode`` the last window may hang over the end, as long as it begins inside the axis or the
    padding before it.

    >>> slide(227, kernel=11, stride=4, dilation=1, padding=(0, 0)).positions.working
    '⌊(227 − 11)/4⌋ + 1'
    """
    window = Window(kernel, stride, padding[0], dilation)
    free = _free(size, window, padding)
    if ceil_mode:
        positions = free.ceil_over(count(stride, "s")) + 1
        if (bare(positions) - 1) * stride >= size + padding[0]:
            positions = positions - 1
    elif stride == 1:
        positions = free + 1
    else:
        positions = free.floor_over(count(stride, "s")) + 1
    return Slide(size, window, padding[1], positions)


def _free(size: int, window: Window, padding: tuple[int, int]) -> Count:
    """How far the window can move: ``i + 2p − k``, or with dilation ``i + 2p − (d·(k − 1) + 1)``."""
    return padded(size, padding) - reach(window.kernel, window.dilation)


def padded(size: int, sides: tuple[int, int]) -> Count:
    """An axis with the padding on its two sides: ``i + 2·p``, or ``i + p₁ + p₂`` where they differ.

    >>> padded(28, (2, 2)).working, padded(32, (3, 4)).working
    ('28 + 2·2', '32 + 3 + 4')
    """
    return count(size, "i") + both_sides(sides) if any(sides) else count(size, "i")


def both_sides(sides: tuple[int, int]) -> Count:
    """The padding before and after an axis together: ``2·p`` or ``p₁ + p₂``."""
    before, after = sides
    return count(2) * count(before, "p") if before == after else count(before, "p₁") + count(after, "p₂")


def reach(kernel: int, dilation: int) -> Count:
    """Positions from a window's first tap to its last: ``k``, or ``d·(k − 1) + 1`` with dilation.

    >>> reach(3, 2).working
    '2·(3 − 1) + 1'
    """
    if dilation == 1:
        return count(kernel, "k")
    return count(dilation, "d") * (count(kernel, "k") - 1) + 1


def same_padding(size: int, *, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Keras's ``same``: as much padding as gives ``⌈n/s⌉`` positions, the odd one after.

    >>> same_padding(32, kernel=11, stride=4, dilation=1)
    (3, 4)
    """
    positions = -(-size // stride)
    needed = max((positions - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return needed // 2, needed - needed // 2


def slides(
    shape: Shape,
    *,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Padding,
    ceil_mode: bool = False,
) -> tuple[Slide, ...]:
    """Slide a window over the spatial axes of a ``(channels, …)`` shape.

    Raises:
        Rejects: the shape has another number of axes, or the window is larger than the padded input.
    """
    axes = len(kernel)
    check_axes(shape, axes)
    result = []
    for axis, (size, k, s, d) in enumerate(zip(shape[1:], kernel, stride, dilation, strict=True)):
        size = bare(size)
        sides = same_padding(size, kernel=k, stride=s, dilation=d) if padding == "same" else padding[axis]
        along = slide(size, kernel=k, stride=s, dilation=d, padding=sides, ceil_mode=ceil_mode)
        if along.positions < 1:
            raise Rejects(
                _too_large(AXES[axes][axis], along.window, size, sides),
                option="kernel_size",
                input=0,
                help=f"use a kernel of at most {max(1, (size + sum(sides) - 1) // d + 1)}, "
                "more padding, or a larger input",
            )
        result.append(along)
    return tuple(result)


def check_axes(shape: Shape, axes: int) -> None:
    """Insist on a shape of channels and ``axes`` spatial axes.

    Raises:
        Rejects: with the type of this layer that would take the shape.
    """
    if len(shape) != axes + 1:
        raise Rejects(f"takes {SHAPES[axes]}, got {spell_shape(shape)}", input=0, help=_rank_help(shape))


def _rank_help(shape: Shape) -> str | None:
    if len(shape) == 1:
        return "a flattened vector has no window; put this layer before the `flatten`"
    if 2 <= len(shape) <= 4:
        return f"use the {len(shape) - 1}d type of this layer"
    return None


def _too_large(axis: str, window: Window, size: int, sides: tuple[int, int]) -> str:
    dilated = f" (dilated to {window.extent})" if window.dilation > 1 else ""
    widened = f" (padded to {size + sum(sides)})" if any(sides) else ""
    return f"a kernel of {window.kernel}{dilated} is larger than the input's {axis} of {size}{widened}"


def kernel_counts(kernel: Sequence[int]) -> tuple[Count, ...]:
    """The window's sides as letters: ``k`` if all are equal, else ``k`` with the axis."""
    if len(set(kernel)) == 1:
        return tuple(count(each, "k") for each in kernel)
    return tuple(count(each, "k" + axis) for each, axis in zip(kernel, LETTERS[len(kernel)], strict=True))


def side_counts(sides: Iterable[int], mark: str = "{}") -> tuple[Count, ...]:
    """The sides of a grid as letters ``h``, ``w``, ``d`` or ``l``, each with a mark where it needs one.

    >>> [side.letter for side in side_counts((28, 30), "{}′")]
    ['h′', 'w′']
    """
    known = tuple(sides)
    return tuple(count(each, mark.format(axis)) for each, axis in zip(known, LETTERS[len(known)], strict=True))


def spell_window(kernel: Sequence[int], stride: Sequence[int], default_stride: Sequence[int] | None = None) -> str:
    """A window in a label, its stride only if it is not the usual one: ``11×11 /4``."""
    text = spell_shape(kernel)
    usual = default_stride if default_stride is not None else (1,) * len(kernel)
    if tuple(stride) == tuple(usual):
        return text
    unique = set(stride)
    return f"{text} /{spell_shape(stride[:1] if len(unique) == 1 else stride)}"


def padded_sides(padding_: Padding, shape: Shape, kernel: Sequence[int], stride: Sequence[int],
                 dilation: Sequence[int]) -> Sides:  # fmt: skip
    """The positions before and after each axis, ``same`` worked out."""
    if padding_ != "same":
        return padding_
    along = zip(shape[1:], kernel, stride, dilation, strict=True)
    return tuple(same_padding(bare(n), kernel=k, stride=s, dilation=d) for n, k, s, d in along)


def padded_shape(shape: Shape, sides: Sides) -> Shape:
    """A shape, widened on both sides of each axis but the first."""
    along = zip(shape[1:], sides, strict=True)
    return (shape[0], *(bare(extent) + before + after for extent, (before, after) in along))
