"""`Forms`: what operations make on meta, by what they are given; what ran once is not worked out again.

A tensor on meta is its form alone: shape, strides and type. Most of the time of a run goes into PyTorch's working it
out, and a network of equal blocks asks for the same ones in every block.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from archscope.recognising.operations import Operation
from archscope.tracing.products import operation
from archscope.tracing.strangers import tensors_in

_TENSORS: Final = frozenset({Tensor, nn.Parameter})
_PLAIN: Final = frozenset({
    type(None), bool, int, float, str, torch.dtype, torch.device, torch.layout, torch.memory_format,
})  # fmt: skip


class _Unlike(Exception):
    """An argument or a result is more than its form."""


class _Form(NamedTuple):
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype


_ITSELF: Final = "itself"
"""What an operation makes that writes its first argument, and hands it back."""


class Forms:
    """Runs operations, or makes again what they made of arguments of the same forms."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def run(self, func: Any, found: Operation, args: Any, kwargs: dict[str, Any]) -> Any:
        """What an operation makes of its arguments."""
        if not _repeats(func):
            return func(*args, **kwargs)
        try:
            given: Any = [_given(each) for each in args]
            given += [(name, _given(each)) for name, each in kwargs.items()]
        except _Unlike:
            return func(*args, **kwargs)
        key = (func, torch.get_default_dtype(), *given)
        made = self._known.get(key)
        if made is not None:
            return args[0] if made is _ITSELF else _again(made)
        result = func(*args, **kwargs)
        with suppress(_Unlike):
            self._known[key] = _made(result, args, kwargs, found)
        return result


@cache
def _repeats(func: Any) -> bool:
    """Whether what an operation makes depends on the forms of its arguments alone, and is memory of its own."""
    if not isinstance(func, torch._ops.OpOverload) or func.namespace != "aten":
        return False
    found = operation(func)
    if found.looks or torch.Tag.nondeterministic_seeded in func.tags:
        return False
    arguments = func._schema.arguments
    if not any("Tensor" in str(each.type) for each in arguments):
        return False
    aliased = [each for each in arguments if each.alias_info is not None]
    return not aliased or (found.pointwise and len(aliased) == 1 and aliased[0] is arguments[0])


def _given(value: Any) -> Any:
    """An argument as far as what is made depends on it; 1 is not 1.0 here, nor True."""
    kind = type(value)
    if kind in _TENSORS:
        return _form(value)
    if kind in _PLAIN:
        return kind, value
    if kind is list or kind is tuple:
        return tuple([_given(each) for each in value])
    raise _Unlike


def _form(tensor: Tensor) -> _Form:
    if not tensor.is_meta or tensor.layout is not torch.strided or tensor.is_nested or tensor.is_complex():
        raise _Unlike
    return _Form(tensor.shape, tensor.stride(), tensor.dtype)


def _made(result: Any, args: Any, kwargs: dict[str, Any], found: Operation) -> Any:
    """The forms of what was made."""
    if found.writes:
        if not args or result is not args[0]:
            raise _Unlike
        return _ITSELF
    tensors = tensors_in(result)
    memories = {each.untyped_storage()._cdata for each in tensors_in([args, kwargs])}
    own = {each.untyped_storage()._cdata for each in tensors if not each.storage_offset()}
    if len(own) != len(tensors) or not memories.isdisjoint(own):
        raise _Unlike
    return _forms(result)


def _forms(result: Any) -> Any:
    if type(result) is Tensor:
        return _form(result)
    if type(result) in (list, tuple):
        return type(result)(None if each is None else _forms(each) for each in result)
    raise _Unlike


def _again(made: Any) -> Any:
    if type(made) is _Form:
        return torch.empty_strided(made.shape, made.stride, dtype=made.dtype, device="meta")
    return None if made is None else type(made)(_again(each) for each in made)
