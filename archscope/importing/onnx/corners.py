"""Masks of many positions: large squares that are one number up to their diagonal and another above it.

Such a square is known by its corner, the first two rows and columns of it, and what operators make of squares by what
they make of their corners. What an attention hides is told by that as by a mask that is small enough to be read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archscope.importing.onnx.numbers import MOST, Array, made_of
from archscope.layers import Shape

if TYPE_CHECKING:
    import onnx_ir as ir

_BYTES: Final = 64 * 2**20
"""Bytes of the largest square that is read."""
_WORKED: Final = 2**26
"""Numbers that are worked out at most for the squares of one file."""
_READ_BY: Final = frozenset({
    "Add", "And", "Cast", "Equal", "Greater", "GreaterOrEqual", "Identity", "Less", "LessOrEqual", "Mul", "Not", "Or",
    "Reshape", "Slice", "Squeeze", "Sub", "Trilu", "Unsqueeze", "Where",
})  # fmt: skip
"""Operators that masks are read by, and no matrix of a layer."""
_BY_NUMBER: Final = _READ_BY - {"Identity", "Reshape", "Slice", "Squeeze", "Trilu", "Unsqueeze"} | {"Neg"}
"""Of those, what works number by number."""


class Corners:
    """The corners of a file's squares.

    Attributes:
        known: the first two rows and columns of each, with as many axes as it has, by name.

    Args:
        file: where the file is; tensors that lie in others are looked for beside it and nowhere else.
        arrays: the numbers of what is small.
        shapes: the extents of every value.
    """

    def __init__(self, file: str, arrays: Mapping[str, Array], shapes: Mapping[str, Shape]) -> None:
        self.known: dict[str, Array] = {}
        self._file = file
        self._arrays = arrays
        self._shapes = shapes
        self._left = _WORKED

    def squares(self) -> Iterator[tuple[str, Array]]:
        """Those that have as many rows as columns, which parts of a square may not have."""
        for name, corner in self.known.items():
            *_, rows, columns = self._shapes.get(name, (0, 1))
            if rows == columns:
                yield name, corner

    def enter(self, value: ir.Value, learned: Container[str]) -> None:
        """Know the corner of a tensor that the file holds, if it is such a square and masks alone are read so."""
        name, tensor = value.name or "", value.const_value
        if tensor is None or name in learned or not _is_square(self._shapes.get(name, ())):
            return
        if tensor.size <= MOST and name in self._arrays:
            return
        if not {use.node.op_type for use in value.uses()} <= _READ_BY:
            return
        numbers = _numbers(tensor, self._file)
        corner = None if numbers is None else _corner(numbers)
        if corner is not None:
            self.known[name] = corner

    def work_out(self, node: ir.Node) -> None:
        """Know the corner of what an operator makes, if that of what it reads is known or all of that is small."""
        if node.domain not in ("", "ai.onnx") or len(node.outputs) != 1:
            return
        names: list[str | None] = []
        for each in node.inputs:
            name = None if each is None else each.name or ""
            if name is not None and name not in self.known and name not in self._arrays:
                return
            names.append(name)
        if not names:
            return
        large = [name for name in names if name in self.known]
        made = self._of_corners(node, names, large) if large else self._of_numbers(node, names)
        if made is not None and made.ndim > 1 and made.shape[-2:] == (2, 2) and made.size == 4 and _is_one(made):
            self.known[node.outputs[0].name or ""] = made

    def _of_numbers(self, node: ir.Node, names: Sequence[str | None]) -> Array | None:
        """The corner of the square that comes of what is small."""
        import numpy as np

        given = [None if name is None else self._arrays[name] for name in names]
        if node.op_type in ("ConstantOfShape", "Expand"):
            shape = tuple(int(each) for each in given[-1].reshape(-1)) if given[-1] is not None else ()
            if not _is_square(shape) or (node.op_type == "Expand" and (given[0] is None or given[0].size != 1)):
                return None
            short = np.array([*(1 for _ in shape[:-2]), 2, 2], np.int64)
            return made_of(node, [short] if node.op_type == "ConstantOfShape" else [given[0], short])
        if node.op_type not in _BY_NUMBER or any(each is None for each in given):
            return None
        try:
            shape = np.broadcast_shapes(*(each.shape for each in given if each is not None))
        except ValueError:
            return None
        if not _is_square(shape) or math.prod(shape) > self._left:
            return None
        self._left -= math.prod(shape)
        made = made_of(node, given)
        return None if made is None else _corner(made)

    def _of_corners(self, node: ir.Node, names: Sequence[str | None], large: Sequence[str]) -> Array | None:
        """The corner of what comes of squares, and of single numbers beside them."""
        if node.op_type in _BY_NUMBER:
            rest = [self._arrays[name] for name in names if name is not None and name not in self.known]
            if len({self._shapes.get(name, ())[-2:] for name in large}) > 1 or any(each.size != 1 for each in rest):
                return None
        elif names[0] not in self.known or not self._keeps(node, names):
            return None
        given = [None if name is None else self.known.get(name, self._arrays.get(name)) for name in names]
        corner = given[0]
        if corner is not None and node.op_type in ("Reshape", "Slice"):  # the same corner, of as many axes
            axes = corner.ndim if given[1] is None or node.op_type == "Slice" else given[1].size
            return corner.reshape((1,) * (axes - 2) + (2, 2))
        return made_of(node, given)

    def _keeps(self, node: ir.Node, names: Sequence[str | None]) -> bool:
        """Whether an operator leaves a square's corner where it is."""
        shape = self._shapes.get(names[0] or "", ())
        numbers = [None if name is None else self._arrays.get(name) for name in names[1:]]
        if node.op_type == "Trilu":
            upper = node.attributes["upper"].value if "upper" in node.attributes else 1
            first = int(numbers[0].reshape(-1)[0]) if numbers and numbers[0] is not None else 0
            return first == upper
        if node.op_type == "Reshape":
            wanted = [] if numbers[0] is None else [int(each) for each in numbers[0].reshape(-1)]
            return len(wanted) > 1 and (*wanted[-2:],) == shape[-2:] and set(wanted[:-2]) <= {1}
        if node.op_type != "Slice":
            return node.op_type in ("Identity", "Squeeze", "Unsqueeze")
        if len(numbers) < 2 or any(each is None for each in numbers[:2]):
            return False
        starts, ends = ([int(each) for each in one.reshape(-1)] for one in numbers[:2] if one is not None)
        steps = numbers[3] if len(numbers) > 3 else None
        whole = steps is None or bool((steps == 1).all())
        return whole and not any(starts) and min(ends, default=0) > 1


def _is_square(shape: Sequence[int]) -> bool:
    """Whether there are rows and columns, as many, and one such square."""
    return len(shape) > 1 and shape[-1] == shape[-2] > 1 and math.prod(shape) == shape[-1] ** 2


def _is_one(corner: Array) -> bool:
    """Whether a corner has one number up to its diagonal."""
    up_to = {*corner.reshape(-1)[[0, 2, 3]].tolist()}
    return len(up_to) == 1


def _corner(numbers: Array) -> Array | None:
    """The corner of a square that has one number up to its diagonal and one above it; None of any other."""
    import numpy as np

    length = numbers.shape[-1]
    square, places = numbers.reshape(length, length), np.arange(length)
    below, above = square[0, 0], square[0, 1]
    for row in range(0, length, 256):
        part, later = square[row : row + 256], places > places[row : row + 256, None]
        if not bool((part == np.where(later, above, below)).all()):
            return None
    return numbers[..., :2, :2].copy()


def _numbers(tensor: Any, file: str) -> Array | None:
    """The numbers of a tensor that is not too large; those in another file, if that lies beside the model's."""
    import onnx_ir as ir

    try:
        kind, shape = tensor.dtype.numpy(), tuple(map(int, tensor.shape))
        if tensor.size * kind.itemsize > _BYTES or tensor.nbytes != tensor.size * kind.itemsize:
            return None
        if not isinstance(tensor, ir.ExternalTensor):
            found: Array = tensor.numpy()
            return found
        return _beside(tensor, Path(file).resolve().parent, kind, shape)
    except (AssertionError, AttributeError, NotImplementedError, OSError, OverflowError, RuntimeError, TypeError,
            ValueError):  # fmt: skip
        return None


def _beside(tensor: ir.ExternalTensor, folder: Path, kind: Any, shape: Shape) -> Array | None:
    """The numbers that lie in another file: a plain one, in the folder of the model or below it."""
    import numpy as np

    path, size = (folder / os.fspath(tensor.location)).resolve(), math.prod(shape) * kind.itemsize
    if not path.is_relative_to(folder) or not path.is_file():
        return None
    start = int(tensor.offset or 0)
    if start < 0 or (tensor.length is not None and int(tensor.length) != size):
        return None
    with path.open("rb") as stored:
        stored.seek(start)
        held = stored.read(size)
    return np.frombuffer(held, kind.newbyteorder("<") if kind.isbuiltin else kind).reshape(shape)


__all__ = ["Corners"]
