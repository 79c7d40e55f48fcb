"""`Weighing`: a module's second run, with gradients: when each memory is taken and goes, and whether autograd wants it.

The run that writes a network down holds the tensors that it sees, and runs without gradients.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from archscope.recognising.operations import Frame
from archscope.tracing.events import fresh, size_of
from archscope.tracing.graded import WithGradients
from archscope.tracing.modules import given_to
from archscope.tracing.strangers import tensors_in
from archscope.tracing.values import memory_of

_ATTENTION: Final = "scaled_dot_product_attention"
_ASKING: Final = (Tensor.requires_grad_, Tensor.requires_grad.__set__)  # type: ignore[attr-defined]
"""What asks autograd for the gradient of a tensor, which then has all that it is asked of."""


class Memory:
    """A memory that a call took; ``gone`` is when it went."""

    __slots__ = ("event", "gone", "made", "size", "watched")

    def __init__(self, event: int, size: int, made: int) -> None:
        self.event, self.size, self.made = event, size, made
        self.gone: int | None = None
        self.watched: Any = None


class Weighing(WithGradients):
    """Follows a module as `Tracer` does, and writes down no network but the memory that its calls take.

    Attributes:
        ends: the moment at which each call was over.
        memories: what was taken, in order.
        kept: calls that want a memory for their backward pass, and the memory.
        graded: calls whose results lead to parameters.
        read: what each call was given, of memory that calls took.
        apart: whether attention was given a mask with which PyTorch runs it operation by operation.
        headless: whether it was given a mask of yes and no beside values without an axis of heads.
        masks: the shapes of masks of yes and no, by the calls of attention.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.ends: list[int] = []
        self.memories: list[Memory] = []
        self.kept: list[tuple[int, Memory]] = []
        self.graded: set[int] = set()
        self.read: dict[int, list[Memory]] = {}
        self.apart = self.headless = False
        self.masks: dict[int, tuple[int, ...]] = {}
        self._alive: dict[int, Memory] = {}
        self._moment = 0
        super().__init__(*args, **kwargs)

    def _call(self, func: Any, args: Any, given: dict[str, Any]) -> Any:
        with self.own():
            there = (self._alive.get(memory_of(each)) for each in tensors_in([args, given]))
            self.read[len(self.ends)] = [memory for memory in there if memory is not None]
        # At inference no gradient keeps what it is asked of.
        if func in _ASKING and not isinstance(args[0], nn.Parameter):
            args, given = (args[0], args[0].requires_grad), {}
        return super()._call(func, args, given)

    def heard(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any,
        frame: Frame,  # noqa: ARG002 - a `Tracer` has it
    ) -> Any:  # fmt: skip
        """A call has run."""
        if name == _ATTENTION:
            mask = args[3] if len(args) > 3 else kwargs.get("attn_mask")
            self._masked(mask)
            # Values without an axis of heads run in parts, and what becomes of yes and no there is not followed.
            self.headless |= mask is not None and mask.dtype == torch.bool and tensors_in([args, kwargs])[0].dim() != 4
        self._over(result)
        return result

    def _masked(self, mask: Tensor | None) -> None:
        """Attention ran with a mask; without values it ran in parts, which keep other things than it does as one."""
        event = len(self.ends)
        while self.kept and self.kept[-1][0] == event:
            self.kept.pop()
        if mask is None:
            return
        self.apart |= mask.dim() not in (2, 4)
        self._hidden(mask)

    def _hidden(self, mask: Tensor) -> None:
        """Attention keeps its mask, or the numbers that it makes of one of yes and no."""
        memory = self._alive.get(memory_of(mask))
        if mask.dtype == torch.bool:
            self.masks[len(self.ends)] = tuple(mask.shape)
        elif memory is not None:
            self.kept.append((len(self.ends), memory))

    def ended(self, module: Any, args: Any, kwargs: Any, made: list[Tensor], frame: Frame) -> None:  # noqa: ARG002
        """A module that is one layer has run."""
        given = given_to(module, args, kwargs) if isinstance(module, nn.MultiheadAttention) else {}
        mask = None if given.get("is_causal") else given.get("attn_mask")
        # Attention that drops weights runs operation by operation, none of which keeps a mask.
        if mask is not None and (mask.dtype == torch.bool or not module.dropout):
            self._hidden(mask)
        self._over(made)

    def _over(self, result: Any) -> None:
        if any(each.requires_grad for each in tensors_in(result)):
            self.graded.add(len(self.ends))
        self.ends.append(self._next())

    def _next(self) -> int:
        self._moment += 1
        return self._moment

    def _noted(self, read: Any, made: Any) -> None:
        for each in fresh([(read, made)]):
            memory = Memory(len(self.ends), size_of(each), self._next())
            place = memory_of(each)
            memory.watched = weakref.ref(each.untyped_storage(), self._going(memory, place))
            self.memories.append(memory)
            self._alive[place] = memory

    def _going(self, memory: Memory, place: int) -> Callable[[Any], None]:
        def gone(_: Any) -> None:
            memory.gone = self._next()
            if self._alive.get(place) is memory:
                del self._alive[place]

        return gone

    def _keep(self, tensor: Tensor) -> None:
        """Autograd wants a tensor for its backward pass; nothing is kept for it, as there is none."""
        with self.own():
            memory = self._alive.get(memory_of(tensor))
            if memory is not None:
                self.kept.append((len(self.ends), memory))

    def there(self) -> list[Memory]:
        """What has not gone."""
        return [*self._alive.values()]


__all__ = ["Memory", "Weighing"]
