"""What a module is called with: tensors that are there, or described by shape and type.

Importing this needs no PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from archscope.layers.base import Shape
from archscope.record import EMPTY, Record


class Given(Record):
    """One tensor that a module is called with, described and not there.

    Attributes:
        shape: extents of one sample; ``()`` is one number a sample.
        dtype: PyTorch's name of its type, ``"int64"``; None where nobody said: the module's own precision is tried
            first, then whole numbers.
        batched: whether there is a batch axis beside the shape; None where nobody said: with one first, then without.
        axis: where the batch axis is; behind time where layers take that first.
    """

    shape: Shape
    dtype: str | None = None
    batched: bool | None = None
    axis: int = 0

    def whole(self, batch: int) -> Shape:
        """The extents of so many samples.

        >>> Given((5, 8)).whole(3), Given((5, 8), axis=1).whole(3)
        ((3, 5, 8), (5, 3, 8))
        """
        return (*self.shape[: self.axis], batch, *self.shape[self.axis :])


class Call(Record):
    """The arguments of one call of a module.

    They are nested in lists, tuples, dicts and dataclasses. What lies in them is a `Given`, a ``torch.Tensor``, which
    is called as it is, or anything else, which is handed on: ``3``, ``None``, ``"mean"``.

    Attributes:
        args: by position.
        kwargs: by name.
        batch: samples that run at once where tensors are described; those that are there bring theirs.
        axes: which axis of each tensor that is there is the batch's, in order; the first of all, if left out.
        whole: whether what is described has these extents with its batch, wherever in them that is.
        more: whether it has one sample more than was asked for; nothing of it is counted, or heard.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = EMPTY
    batch: int = 1
    axes: tuple[int, ...] = ()
    whole: bool = False
    more: bool = False

    def mapped(self, change: Callable[[Any], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with everything that lies in them changed."""
        return tuple(_mapped(each, change) for each in self.args), {
            name: _mapped(each, change) for name, each in self.kwargs.items()
        }

    @property
    def alone(self) -> bool:
        """Whether all that is described in it is one sample, without an axis for more.

        >>> Call((Given((3,), batched=False), 2)).alone, Call((Given((3,)),)).alone, Call((2,)).alone
        (True, False, False)
        """
        held = [each for _, each in self.named(()) if isinstance(each, Given) or hasattr(each, "dtype")]
        return bool(held) and not self.whole and all(getattr(each, "batched", None) is False for each in held)

    def named(self, parameters: Sequence[str]) -> Iterator[tuple[str, Any]]:
        """What lies in them with a name each, from the names of the parameters of ``forward``.

        >>> call = Call((Given((3,)), [Given((4,)), Given((5,))]), {"more": {"ids": Given((6,))}})
        >>> [(name, each.shape) for name, each in call.named(["x", "maps"])]
        [('x', (3,)), ('maps.0', (4,)), ('maps.1', (5,)), ('more.ids', (6,))]
        """
        for place, each in enumerate(self.args):
            yield from _named(parameters[place] if place < len(parameters) else f"input{place}", each)
        for name, each in self.kwargs.items():
            yield from _named(name, each)


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        changed = {key: _mapped(each, change) for key, each in value.items()}
        return changed if type(value) is dict else type(value)(changed)  # type: ignore[call-arg]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_mapped(each, change) for each in value))
    if type(value) in (list, tuple):
        return type(value)(_mapped(each, change) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        made = object.__new__(type(value))
        for each in fields(value):
            object.__setattr__(made, each.name, _mapped(getattr(value, each.name), change))
        return made
    return change(value)


def _named(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        parts = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        parts = list(zip(value._fields, value, strict=True))
    elif type(value) in (list, tuple):
        parts = [(str(place), each) for place, each in enumerate(value)]
    elif is_dataclass(value) and not isinstance(value, type):
        parts = [(each.name, getattr(value, each.name)) for each in fields(value)]
    else:
        yield name, value
        return
    for key, each in parts:
        yield from _named(f"{name}.{key}", each)
