"""`Numbers`: what tensors without values hold all the same: positions, masks and angles that the code makes itself.

Whatever is made of nothing but numbers in the code, and of buffers, is worked out beside the run, on the CPU.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from archscope.tracing.products import Operation, operation
from archscope.tracing.roles import SHAPED
from archscope.tracing.strangers import tensors_in

MOST: Final = 1 << 20
"""Values of a tensor up to which it is worked out."""

_NOTHING: Final = frozenset({"aten::empty", "aten::empty_strided", "aten::empty_like", "aten::new_empty"})
"""Operations that make memory without values."""

_FILLS: Final = frozenset({"aten::fill_", "aten::zero_", "aten::copy_"})
"""Operations that write a tensor and read nothing of it."""


class Numbers:
    """Tensors on meta whose values are known, each with a twin on the CPU; views of one memory stay views of one."""

    def __init__(self) -> None:
        self._twins: Any = WeakTensorKeyDictionary()
        self._lent: set[int] = set()
        self._spoiled: set[int] = set()

    def of(self, tensor: Tensor) -> Tensor | None:
        """The values of a constant; None where they are not known."""
        if not tensor.is_meta:
            return tensor
        twin = self._twins.get(tensor)
        return None if twin is None or _memory(twin) in self._spoiled else twin

    def know(self, tensor: Tensor, other: Tensor) -> None:
        """A tensor on meta stands for one with values, which is not written."""
        twin = MADE.of(other) if other.is_meta else other
        if tensor.is_meta and twin is not None and twin.numel() <= MOST and twin.device.type == "cpu":
            twin = twin.detach()
            self._twins[tensor] = twin
            self._lent.add(_memory(twin))

    def ran(self, func: Any, found: Operation, args: Any, kwargs: dict[str, Any], result: Any) -> None:
        """An operation has run on meta: work out what it made, if all that it read is known."""
        first = args[0] if args else None
        shaped = found.name.removeprefix("aten::") in SHAPED
        if isinstance(first, Tensor) and not found.writes and not shaped and self.of(first) is None:
            return
        made = [each for each in tensors_in(result) if each.is_meta]
        written = self._written(found, args, kwargs)
        if not made and not written:
            return
        if shaped:
            args = (torch.empty(args[0].shape, dtype=args[0].dtype), *args[1:])
        if found.name in _FILLS and written[0]._base is None and written[0] not in self._twins:
            self._enter(written[0])
        twins = None if found.name in _NOTHING or _is_random(func) else self._given(args, kwargs)
        if written and (twins is None or any(self._is_lent(each) for each in written)):
            self._spoil(written)
            return
        if twins is None or any(each.numel() > MOST for each in made):
            return
        try:
            worked_out = func(*twins[0], **twins[1])
        except Exception:  # noqa: BLE001 - what has no kernel on the CPU is not known
            self._spoil(written)
            return
        for mine, twin in zip(made, tensors_in(worked_out), strict=False):
            self._twins.setdefault(mine, twin)

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
        """Memory that was empty is about to be filled."""
        if tensor.is_meta and tensor.numel() <= MOST and not isinstance(tensor, nn.Parameter):
            self._twins[tensor] = torch.zeros(tensor.shape, dtype=tensor.dtype, device="cpu")

    def _is_lent(self, tensor: Tensor) -> bool:
        return tensor in self._twins and _memory(self._twins[tensor]) in self._lent

    def _spoil(self, tensors: list[Tensor]) -> None:
        """Something that is not known was written into them."""
        self._spoiled.update(_memory(self._twins[each]) for each in tensors if each in self._twins)

    def _given(self, args: Any, kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]] | None:
        """The arguments with values; None where one has none."""
        try:
            return [self._with(each) for each in args], {name: self._with(each) for name, each in kwargs.items()}
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


class _Making(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps the numbers of the buffers that a module is made with on meta."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        result = func(*args, **given)
        if isinstance(func, torch._ops.OpOverload):
            MADE.ran(func, operation(func), args, given, result)
        return result


def making() -> AbstractContextManager[object]:
    """Keep the numbers of the buffers of what is made on meta meanwhile."""
    return _Making()  # type: ignore[no-untyped-call]


MADE: Final = Numbers()
"""What is known of modules that are made here; forgotten with them."""


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _is_random(func: Any) -> bool:
    return torch.Tag.nondeterministic_seeded in func.tags


__all__ = ["MADE", "Numbers", "making"]
