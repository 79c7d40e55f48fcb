"""The tensors that stand for the user's while a module runs: without values, or with values of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from archscope.tracing.numbers import Numbers

_COPIED: Final = 1 << 26
"""Bytes up to which values are copied before a run; larger tensors are lent, and watched."""


class Twins:
    """Tensors like others. What lies in one memory stays in one.

    With values, they are copies while they are small; after that they see the user's memory, which is saved before
    anything writes it, and put back at the end.

    Attributes:
        numbers: what twins without values hold all the same.

    Args:
        values: whether they have the values of what they stand for; otherwise they are on meta.
    """

    def __init__(self, *, values: bool) -> None:
        self._values = values
        self._room = _COPIED
        self._memories: dict[int, torch.UntypedStorage] = {}
        self._lent: dict[int, Tensor] = {}
        self.numbers = Numbers()
        self._known = False
        self._saved: list[tuple[Tensor, int, torch.UntypedStorage]] = []

    def twin(self, tensor: Tensor) -> Tensor:
        """The tensor that stands for another."""
        twin = self._twin(tensor)
        if self._known and not isinstance(tensor, nn.Parameter) and not is_lazy(tensor):
            self.numbers.know(twin, tensor)
        return twin

    @contextmanager
    def known(self) -> Iterator[None]:
        """What is met now is a module's: what its buffers hold is known where their twins hold nothing."""
        self._known = not self._values
        try:
            yield
        finally:
            self._known = False

    def _twin(self, tensor: Tensor) -> Tensor:
        if is_lazy(tensor):
            device = tensor.device if self._values else torch.device("meta")
            return _dressed(tensor, torch.empty(0, dtype=tensor.dtype, device=device))
        if not _is_plain(tensor):
            own = tensor.detach()
            twin = _dressed(tensor, own.clone() if self._values or _not_on_meta(tensor) else own.to("meta"))
            if tensor.layout is torch.jagged:  # how long each sample is are values, also where the samples have none
                vars(twin).update(vars(tensor))
            return twin
        memory = self._memory(tensor)
        if memory is None:
            return _dressed(tensor, tensor.data)
        twin = torch.empty(0, dtype=tensor.dtype, device=memory.device)
        return _dressed(tensor, twin.set_(memory, tensor.storage_offset(), tensor.shape, tensor.stride()))

    def watch(self, tensor: Tensor) -> None:
        """Have a tensor of the user's that is not copied, and may be written."""
        if tensor.device.type != "meta" and _is_plain(tensor):
            self._lent[tensor.untyped_storage()._cdata] = tensor

    def before_write(self, tensor: Tensor) -> None:
        """Save the values of one that is about to be written, if it is lent."""
        if not self._lent or not _is_plain(tensor):
            return
        lent = self._lent.pop(tensor.untyped_storage()._cdata, None)
        if lent is not None:
            self._saved.append((lent, lent._version, _copied(lent.untyped_storage())))

    def save(self, tensors: Iterable[Tensor]) -> None:
        """Have the user's own tensors, which another thread may write."""
        for each in tensors:
            self.watch(each)
            self.before_write(each)

    def restore(self) -> None:
        """Put back what was written."""
        for tensor, version, values in self._saved:
            tensor.untyped_storage().copy_(values)
            torch._C._autograd._unsafe_set_version_counter((tensor,), (version,))

    def _memory(self, tensor: Tensor) -> torch.UntypedStorage | None:
        """The memory for a twin; None if it is lent that of the user."""
        theirs = tensor.untyped_storage()
        place = theirs._cdata
        if place not in self._memories:
            size = theirs.nbytes()
            if not self._values:
                self._memories[place] = _empty(size, torch.device("meta"))
            elif size > self._room:
                self.watch(tensor)
                return None
            else:
                self._room -= size
                self._memories[place] = _copied(theirs)
        return self._memories[place]


def _copied(memory: torch.UntypedStorage) -> torch.UntypedStorage:
    return _empty(memory.nbytes(), memory.device).copy_(memory)


def _empty(size: int, device: torch.device) -> torch.UntypedStorage:
    return torch.UntypedStorage(size, device=device)  # type: ignore[no-untyped-call]


def _is_plain(tensor: Tensor) -> bool:
    """Whether it is made of one piece of memory, whatever its class is called."""
    own = "__torch_dispatch__" in vars(type(tensor)) and type(tensor) is not Tensor
    return not (own or tensor.is_quantized or tensor.is_nested) and tensor.layout is torch.strided


def _not_on_meta(tensor: Tensor) -> bool:
    """Whether PyTorch has none of its kind on meta, or forgets there how many values it has."""
    return tensor.layout not in (torch.strided, torch.jagged) or (tensor.is_nested and tensor.layout is torch.strided)


def _dressed(tensor: Tensor, twin: Tensor) -> Tensor:
    """A twin of the same class; its attributes are copied where it is made."""
    kind: Any = type(tensor)
    if kind is not Tensor and type(twin) is Tensor:
        twin = Tensor._make_subclass(kind, twin, tensor.requires_grad)
    elif tensor.requires_grad and not twin.requires_grad:
        twin.requires_grad_()
    return twin


__all__ = ["Twins"]
