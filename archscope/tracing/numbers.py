"""`Numbers`: what tensors without values hold all the same: positions, masks and angles that the code makes itself.

Whatever is made of nothing but numbers in the code, and of buffers, is worked out beside the run, on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from archscope.recognising.operations import Operation
from archscope.tracing.products import operation
from archscope.tracing.roles import SHAPED
from archscope.tracing.strangers import tensors_in

MOST: Final = 1 << 20
"""Values of a tensor up to which it is worked out."""

ROOM: Final = 1 << 25
"""Bytes that are worked out at most; after that nothing more is known."""

_NOTHING: Final = frozenset({"aten::empty", "aten::empty_strided", "aten::empty_like", "aten::new_empty"})
"""Operations that make memory without values."""

_FILLS: Final = frozenset({"aten::fill_", "aten::zero_", "aten::copy_"})
"""Operations that write a tensor and read nothing of it."""


_Given = tuple[list[Any], dict[str, Any]]


class Numbers:
    """Tensors on meta whose values are known, each with a twin on the CPU; views of one memory stay views of one.

    What was worked out once is not worked out again: the masks of equal blocks are one twin. What several have, or
    the user, is copied before it is written.
    """

    def __init__(self) -> None:
        self._twins: Any = WeakTensorKeyDictionary()
        self._several: set[int] = set()
        self._spoiled: set[int] = set()
        self._blank: set[int] = set()
        self._worked_out: dict[Any, tuple[Any, Any]] = {}
        self._room = ROOM

    def of(self, tensor: Tensor) -> Tensor | None:
        """The values of a constant; None where they are not known."""
        if not tensor.is_meta:
            return tensor
        twin: Tensor | None = self._twins.get(tensor)
        return None if twin is None or _memory(tensor) in self._spoiled else twin

    def know(self, tensor: Tensor, other: Tensor) -> None:
        """A tensor on meta stands for one with values, which is not written."""
        twin = MADE.of(other) if other.is_meta else other
        if tensor.is_meta and twin is not None and twin.numel() <= MOST and not twin.is_meta and _lies(twin):
            twin = twin.detach().cpu()
            self._twins[tensor] = twin
            self._several.add(_memory(twin))

    def enters(self, tensor: Tensor, value: Any) -> None:
        """Numbers in the code became a tensor on meta."""
        if tensor.is_meta and tensor.numel() <= MOST and tensor not in self._twins:
            with suppress(RuntimeError, TypeError, ValueError, NotImplementedError):
                self._twins[tensor] = torch.tensor(value, dtype=tensor.dtype, device="cpu")

    def heard(self) -> AbstractContextManager[Any]:
        """Follow the operations that run meanwhile."""
        return _Making(self)

    def settled(self) -> None:
        """What is made from now on has nothing to do with what was made before."""
        self._worked_out.clear()
        self._room = ROOM

    def ran(self, func: Any, found: Operation, args: Any, kwargs: dict[str, Any], result: Any) -> None:
        """An operation has run on meta: work out what it made, if all that it read is known."""
        if self._spoiled or self._blank:
            self._take(args, kwargs, result)
        first = args[0] if args else None
        shaped = found.name.removeprefix("aten::") in SHAPED
        if isinstance(first, Tensor) and not found.writes and not shaped and self.of(first) is None:
            return
        made = [each for each in tensors_in(result) if each.is_meta and _lies(each)]
        written = self._written(found, args, kwargs)
        if not made and not written:
            return
        if found.name in _NOTHING:
            self._blank.update(map(_memory, made))
        if found.name in _FILLS and written[0] not in self._twins:
            self._enter(written[0])
        known = found.name not in _NOTHING and not _is_random(func)
        if not known or self._given(args, kwargs, shaped=shaped) is None:
            self._spoil(written)
        elif all(each.numel() <= MOST for each in made):
            for each in written:
                self._set_apart(each)
            given = self._given(args, kwargs, shaped=shaped)
            form = [first.shape, first.dtype] if shaped and isinstance(first, Tensor) else []
            # What lies on the CPU itself may be written without being seen here.
            again = given is not None and not written and all(each.is_meta for each in tensors_in([args, kwargs]))
            key = _key([func, form, given[0][shaped:], given[1]]) if again and given is not None else None
            self._work_out(func, given or ([], {}), made, written, key)

    def _work_out(self, func: Any, given: _Given, made: list[Tensor], written: list[Tensor], key: Any) -> None:
        """Make the twins of what an operation made."""
        args, kwargs = given
        try:
            worked_out = self._run(func, args, kwargs, key)
        except Exception:  # noqa: BLE001 - what has no kernel on the CPU is not known
            self._spoil(written)
            return
        if self._room >= 0:
            for mine, twin in zip(made, tensors_in(worked_out), strict=False):
                self._twins.setdefault(mine, twin)

    def _run(self, func: Any, args: list[Any], kwargs: dict[str, Any], key: Any) -> Any:
        """What an operation makes of values; if it has a key, what was made under that before."""
        if key in self._worked_out:
            return self._worked_out[key][0]
        made = func(*args, **kwargs)
        lent = {_memory(each) for each in tensors_in([args, kwargs])}
        own = {_memory(each): each.untyped_storage().nbytes() for each in tensors_in(made)}
        self._room -= sum(size for memory, size in own.items() if memory not in lent)
        if key is not None and self._room >= 0:
            self._worked_out[key] = made, (args, kwargs)
            self._several.update(own)
        return made

    def looked(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """What an operation on meta makes that looks at values, if all are known; None where one is not."""
        if all(not each.is_meta for each in tensors_in([args, kwargs])):
            return None
        twins = self._given(args, kwargs)
        return None if twins is None else self._back(func(*twins[0], **twins[1]))

    def _back(self, value: Any) -> Any:
        """What was worked out, as tensors on meta whose values are known."""
        if isinstance(value, Tensor):
            made = value.to("meta")
            self._twins[made] = value
            return made
        return type(value)(self._back(each) for each in value) if type(value) in (list, tuple) else value

    def _written(self, found: Operation, args: Any, kwargs: dict[str, Any]) -> list[Tensor]:
        places = [args[place] if place < len(args) else kwargs.get(name) for place, name in found.writes]
        return [each for each in tensors_in(places) if each.is_meta]

    def _enter(self, tensor: Tensor) -> None:
        """Memory that was empty is about to be filled, all of it or a part."""
        base = tensor if tensor._base is None else tensor._base
        whole = base is tensor
        if isinstance(base, nn.Parameter) or base.numel() > MOST or not (whole or _memory(base) in self._blank):
            return
        twin = torch.empty_strided(base.shape, base.stride(), dtype=base.dtype, device="cpu").zero_()
        self._room -= twin.untyped_storage().nbytes()
        if self._room >= 0 and tensor.is_meta:
            self._twins[base] = twin
            self._twins[tensor] = twin.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())

    def _set_apart(self, tensor: Tensor) -> None:
        """Give a tensor that is about to be written, and all that see its memory, values of their own."""
        twin = self._twins.get(tensor)
        if twin is None or _memory(twin) not in self._several:
            return
        memory = twin.untyped_storage().clone()
        self._room -= memory.nbytes()
        for other, theirs in [*self._twins.items()]:
            if _memory(other) == _memory(tensor) and _memory(theirs) == _memory(twin):
                place = theirs.storage_offset(), theirs.shape, theirs.stride()
                self._twins[other] = torch.empty(0, dtype=theirs.dtype).set_(memory, *place)

    def _take(self, args: Any, kwargs: dict[str, Any], result: Any) -> None:
        """Nothing is known yet of memory that an operation took, though another may have lain there before."""
        lent = {_memory(each) for each in tensors_in([args, kwargs]) if _lies(each)}
        taken = {_memory(each) for each in tensors_in(result) if _lies(each)} - lent
        self._spoiled -= taken
        self._blank -= taken

    def _spoil(self, tensors: list[Tensor]) -> None:
        """Something that is not known was written into them."""
        self._blank.difference_update(map(_memory, tensors))
        self._spoiled.update(_memory(each) for each in tensors if each in self._twins)

    def _given(self, args: Any, kwargs: dict[str, Any], *, shaped: bool = False) -> _Given | None:
        """The arguments with values; None where one has none. Of one that is only ``shaped``, the shape is enough."""
        head = [torch.empty(args[0].shape, dtype=args[0].dtype)] if shaped else []
        try:
            rest = [self._with(each) for each in args[len(head) :]]
            return [*head, *rest], {name: self._with(each) for name, each in kwargs.items()}
        except KeyError:
            return None

    def _with(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            known = self.of(value)
            if known is None or known.device.type != "cpu":
                raise KeyError
            return known
        if type(value) in (list, tuple):
            return type(value)(self._with(each) for each in value)
        return torch.device("cpu") if isinstance(value, torch.device) else value


def _key(value: Any) -> Any:
    """What a result depends on, if it can be told again; 1 is not 1.0 here, nor True."""
    if isinstance(value, Tensor):
        return id(value)
    if isinstance(value, dict):
        return tuple((name, _key(each)) for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(map(_key, value))
    return type(value), value


class _Making(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps the numbers of the buffers that a module is made with on meta."""

    def __init__(self, numbers: Numbers) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._numbers = numbers

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        result = func(*args, **given)
        if isinstance(func, torch._ops.OpOverload):
            self._numbers.ran(func, operation(func), args, given, result)
        return result


@contextmanager
def making() -> Iterator[None]:
    """Keep the numbers of the buffers of what is made on meta meanwhile."""
    try:
        with MADE.heard():
            yield
    finally:
        MADE.settled()


MADE: Final = Numbers()
"""What is known of modules that are made here; forgotten with them."""


def _lies(tensor: Tensor) -> bool:
    """Whether its numbers lie in one memory of its own; those of a sparse tensor do not, and are not known here."""
    return tensor.layout is torch.strided and not tensor.is_nested


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _is_random(func: Any) -> bool:
    return torch.Tag.nondeterministic_seeded in func.tags


__all__ = ["MADE", "Numbers", "making"]
