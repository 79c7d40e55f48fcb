"""Which layer a call is that turns, cuts, sums up or scales what it is given: exactly that one, or none.

The shape of a result does not tell which axes were turned, so a call is read only where its axes are those of one
sample: the batch comes first before and after, and the call does not name its axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from torch import Tensor

from archscope.errors import Rejects
from archscope.layers import TYPES, Layer

Move = Callable[[Tensor, Sequence[Any], Mapping[str, Any], Sequence[Tensor]], tuple[Layer, ...]]
"""From the input, the other arguments by position, those by name, and the results."""

SEVERAL: Final = frozenset({"chunk", "split", "split_with_sizes", "tensor_split", "unsafe_chunk", "unsafe_split"})
"""Functions that give several results."""


def read_move(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any], made: Sequence[Tensor], batch: int | None
) -> tuple[Layer, ...]:
    """The layers that a call is, one after another; none if it is no layer of this kind.

    >>> import torch
    >>> x = torch.zeros(1, 5, 8)
    >>> read_move("getitem", (x, (slice(None), -1)), {}, [x[:, -1]], 1)
    (Select(index=-1),)
    >>> read_move("transpose", (x, 1, 2), {}, [x.transpose(1, 2)], 1), read_move("transpose", (x, 0, 1), {}, [x], 1)
    ((Transpose(dim0=0, dim1=1),), ())
    """
    if name not in _MOVES or not args or not isinstance(args[0], Tensor) or not made:
        return ()
    given = args[0]
    if batch is None or given.dim() < 2 or any(not each.dim() or each.shape[0] != batch for each in (given, *made)):
        return ()
    try:
        return _MOVES[name](given, args[1:], kwargs, made)
    except (ArithmeticError, IndexError, KeyError, Rejects, TypeError, ValueError):  # called in a way of its own
        return ()


def _argument(args: Sequence[Any], kwargs: Mapping[str, Any], place: int, name: str, default: Any = None) -> Any:
    return args[place] if place < len(args) else kwargs.get(name, default)


def _axis(dim: int, rank: int) -> int:
    """An axis of the sample.

    Raises:
        ValueError: it is the batch's.
    """
    if dim % rank == 0:
        raise ValueError("the axis of the batch")
    return dim % rank - 1


def _axes(dim: Any, rank: int) -> list[int]:
    if dim is None:
        raise ValueError("all axes, the batch's too")
    return [_axis(each, rank) for each in (dim if isinstance(dim, (tuple, list)) else (dim,))]


def _many(args: Sequence[Any]) -> Sequence[Any]:
    return args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args


def _transpose(input: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any], _: Any) -> tuple[Layer, ...]:
    both = (_argument(args, kwargs, 0, "dim0"), _argument(args, kwargs, 1, "dim1"))
    first, second = (_axis(each, input.dim()) for each in both)
    return (TYPES["transpose"](dim0=first, dim1=second),)


def _last_two(input: Tensor, *_: Any) -> tuple[Layer, ...]:
    first, second = _axes((-2, -1), input.dim())
    return (TYPES["transpose"](dim0=first, dim1=second),)


def _permute(input: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any], _: Any) -> tuple[Layer, ...]:
    first, *rest = [each % input.dim() for each in (_many(args) or kwargs["dims"])]
    return () if first else (TYPES["permute"](dims=[each - 1 for each in rest]),)


def _expand(input: Tensor, _: Any, __: Any, made: Sequence[Tensor]) -> tuple[Layer, ...]:
    same = input.dim() == made[0].dim()
    return (TYPES["expand"](size=list(made[0].shape[1:])),) if same else ()


def _getitem(input: Tensor, args: Sequence[Any], *_: Any) -> tuple[Layer, ...]:
    """Slices and places along axes, the last axis first, so that those before keep their numbers; then new axes."""
    written = args[0] if isinstance(args[0], tuple) else (args[0],)
    named = sum(each is not None and each is not Ellipsis for each in written)
    every: list[Any] = []
    for each in written:
        every += [slice(None)] * (input.dim() - named) if each is Ellipsis else [each]
    if not every or every[0] != slice(None):
        return ()
    layers: list[Layer] = []
    axis, place, added = 0, 0, []
    for each in every[1:]:
        if each is None:
            added.append(place)
            place += 1
            continue
        if isinstance(each, slice):
            layers += _sliced(each, axis)
            place += 1
        elif type(each) is int:
            layers.append(TYPES["select"](dim=axis, index=each))
        else:
            return ()
        axis += 1
    return (*reversed(layers), *(TYPES["unsqueeze"](dim=each) for each in added))


def _sliced(index: slice, axis: int) -> list[Layer]:
    if index == slice(None):
        return []
    return [TYPES["slice"](dim=axis, start=index.start or 0, end=index.stop, step=index.step or 1)]


def _select(input: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any], _: Any) -> tuple[Layer, ...]:
    dim = _axis(_argument(args, kwargs, 0, "dim"), input.dim())
    return (TYPES["select"](dim=dim, index=_argument(args, kwargs, 1, "index")),)


def _narrow(input: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any], _: Any) -> tuple[Layer, ...]:
    dim = _axis(_argument(args, kwargs, 0, "dim"), input.dim())
    start, length = _argument(args, kwargs, 1, "start"), _argument(args, kwargs, 2, "length")
    return (TYPES["slice"](dim=dim, start=start, end=start + length),) if start >= 0 else ()


def _split(input: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any], made: Sequence[Tensor]) -> tuple[Layer, ...]:
    dim = _argument(args, kwargs, 1, "dim", 0) % input.dim()
    return (TYPES["split"](dim=_axis(dim, input.dim()), split_size=[each.shape[dim] for each in made]),)


def _reduced(type_: str) -> Move:
    def move(input: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any], _: Any) -> tuple[Layer, ...]:
        axes = _axes(_argument(args, kwargs, 0, "dim"), input.dim())
        return (TYPES[type_](dim=axes, keepdim=bool(_argument(args, kwargs, 1, "keepdim", False))),)

    return move


def _plain(type_: str) -> Move:
    return lambda *_: (TYPES[type_](),)


def _power(_: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any], __: Any) -> tuple[Layer, ...]:
    exponent = _argument(args, kwargs, 0, "exponent")
    return (TYPES["power"](exponent=exponent),) if isinstance(exponent, (int, float)) else ()


def _between(type_: str, scaled: Callable[[float], tuple[float, float]]) -> Move:
    """A sum or product of two inputs, or with one number: ``factor · x + shift``."""

    def move(
        input: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any], made: Sequence[Tensor]
    ) -> tuple[Layer, ...]:
        other = _argument(args, kwargs, 0, "other")
        if kwargs.get("alpha", 1) != 1 or kwargs.get("rounding_mode") is not None:
            return ()
        if isinstance(other, (int, float)) and not isinstance(other, bool) and made[0].dtype == input.dtype:
            factor, shift = scaled(float(other))
            return (TYPES["scale"](factor=factor, shift=shift),)
        alike = isinstance(other, Tensor) and other.dim() == input.dim() == made[0].dim() and bool(type_)
        return (TYPES[type_](),) if alike else ()

    return move


_TABLE: Final[tuple[tuple[str, Move], ...]] = (
    ("transpose swapaxes swapdims", _transpose),
    ("mT mH", _last_two),
    ("permute", _permute),
    ("expand", _expand),
    ("getitem", _getitem),
    ("select", _select),
    ("narrow", _narrow),
    (" ".join(sorted(SEVERAL)), _split),
    ("mean", _reduced("mean")),
    ("sum", _reduced("sum")),
    ("amax", _reduced("max")),
    ("abs", _plain("abs")),
    ("exp", _plain("exp")),
    ("log", _plain("log")),
    ("sqrt", _plain("sqrt")),
    ("pow", _power),
    ("add radd iadd", _between("", lambda number: (1.0, number))),
    ("sub isub subtract", _between("subtract", lambda number: (1.0, -number))),
    ("rsub", _between("", lambda number: (-1.0, number))),
    ("mul rmul imul multiply", _between("", lambda number: (number, 0.0))),
    ("div truediv itruediv divide true_divide", _between("divide", lambda number: (1 / number, 0.0))),
)
"""Functions by plain name, and what makes layers of a call."""

_MOVES: Final[Mapping[str, Move]] = MappingProxyType({name: move for names, move in _TABLE for name in names.split()})
