"""`Ledger`: every operation that really runs, in the call that it belongs to, with what it multiplies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.nested._internal.nested_tensor import NestedTensor
from torch.utils._python_dispatch import TorchDispatchMode

from archscope.recognising.operations import Frame, Kind, Operation, Ran, base_name, is_complex
from archscope.theirs import said_by
from archscope.tracing.forms import Forms
from archscope.tracing.numbers import Numbers
from archscope.tracing.others import Others
from archscope.tracing.packed import SPARSE, sparse_products
from archscope.tracing.products import operation
from archscope.tracing.strangers import tensors_in
from archscope.tracing.turns import Turn
from archscope.working import Count, total

_LIFTS: Final = frozenset({"aten::lift", "aten::lift_fresh"})
"""What `torch.tensor` runs on a tensor that it has made of numbers."""

_JAGGED: Final[Any] = NestedTensor


def taken_from(found: Operation, args: Sequence[Any]) -> Sequence[Any]:
    """What an operation read, as far as memory goes.

    What numbers were made into took memory where nobody saw, so the lift takes it. No numbers take none.
    """
    return () if found.name in _LIFTS and args[0].numel() else args


class Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees the operations under PyTorch's functions, and writes each into the frame that is open.

    Attributes:
        frame: the call that is open.
        every: all that ran.
        of_complex: products of real numbers that those of complex ones are made of.
        missed: whether something wanted values, and there were none.
        asleep: whether what runs is archscope's own.
        others: is told what operations gave, so that it can tell what nobody followed.

    Args:
        loose: is told of an operation that ran in no call that was followed, with its arguments and its result.
        before_write: is told of a tensor that is about to be written.
        numbers: what tensors without values hold all the same.
        turn: of threads that are followed, one at a time writes.
    """

    supports_higher_order_operators = True

    def __init__(
        self,
        loose: Callable[[str, Sequence[Any], dict[str, Any], Any, Frame], None],
        before_write: Callable[[Tensor], None],
        numbers: Numbers,
        turn: Turn,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers = numbers
        self.frame: Frame | None = None
        self.every: list[Ran] = []
        self.of_complex = 0
        self.missed = False
        self.asleep = False
        self.others = Others()
        self._loose = loose
        self._turn = turn
        self._before_write = before_write
        self._twins: dict[int, tuple[Tensor, Tensor]] = {}
        self._forms = Forms()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with self._turn:
            if self.asleep:
                return func(*args, **(kwargs or {}))
            # Out of a scripted part an operation comes here first; running it is no call of anybody's.
            with torch._C.DisableTorchFunction():
                if _JAGGED in types:  # what it does is done to the values of all its samples
                    with self:
                        return _JAGGED.__torch_dispatch__(func, (), args, kwargs or {})
                return self._ran(func, args, kwargs or {})

    def _ran(self, func: Any, args: Any, given: dict[str, Any]) -> Any:
        found = operation(func)
        if found.kind is Kind.PARTS:
            with self:
                parts = func.decompose(*args, **given)
            if parts is not NotImplemented:
                return parts
        written = self._written(found, args, given) if found.writes else []
        result = self._run(func, found, args, given)
        self.others.ran_here([args, result] if found.name in _LIFTS else result)
        self.numbers.ran(func, found, args, given, result)
        self._note(found, args, given, result, written)
        return result

    def _note(self, found: Operation, args: Any, given: dict[str, Any], result: Any, written: list[Tensor]) -> None:
        """Write down an operation that has run."""
        ran = Ran(found, _products(found, args, result))
        self.every.append(ran)
        self.of_complex += int(ran.macs or 0) if is_complex(result) else 0
        frame = self.frame or Frame()
        frame.ran.append(ran)
        frame.read.append(taken_from(found, args))
        frame.made.append(result)
        frame.wrote += written
        frame.looked |= _looks(found, args)
        if self.frame is None:
            self._loose(found.called, args, given, result, frame)

    def multiplied(self, frame: Frame, products: Count | None) -> None:
        """A function that works value by value makes products that are summed up, or those of two matrices."""
        place = next(
            (number for number, each in enumerate(frame.ran) if base_name(each.operation.name) == "aten::mul"), None
        )
        if place is None or frame.multiplies or not products:
            return
        ran = frame.ran[place]
        counted = frame.ran[place] = ran._replace(macs=products)
        at = next(number for number in reversed(range(len(self.every))) if self.every[number] is ran)
        self.every[at] = counted

    def _written(self, found: Operation, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Tensor]:
        chosen = [args[place] if place < len(args) else kwargs.get(name) for place, name in found.writes]
        tensors = tensors_in(chosen)
        for each in tensors:
            self._before_write(each)
        self.others.writes_here(tensors)
        return tensors

    def _run(self, func: Any, found: Operation, args: Any, kwargs: dict[str, Any]) -> Any:
        """Run it; a constant that was made elsewhere is first brought to where tensors have no values."""
        if found.name == "aten::_grouped_mm" and args[0].is_meta and args[0].dtype != torch.bfloat16:
            # On meta this operation knows one precision only.
            return func(args[0].bfloat16(), args[1].bfloat16(), *args[2:], **kwargs).to(args[0].dtype)
        if found.looks:
            known = self.numbers.looked(func, args, kwargs)
            if known is not None:
                return known
        try:
            return self._forms.run(func, found, args, kwargs)
        except (RuntimeError, NotImplementedError) as error:
            tensors = tensors_in([args, kwargs])
            places = {each.device.type for each in tensors}
            if "meta" not in places:
                raise
            if len(places) > 1 and not any(each.device.type != "meta" for each in self._targets(found, args)):
                args, kwargs = self._on_meta(args), self._on_meta(kwargs)
                return func(*args, **kwargs)
            self.missed |= found.looks or isinstance(error, NotImplementedError) or "meta" in said_by(error).lower()
            raise

    def _targets(self, found: Operation, args: Sequence[Any]) -> Iterable[Tensor]:
        return tensors_in([args[place] for place, _ in found.writes if place < len(args)])

    def _on_meta(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            if value.device.type == "meta":
                return value
            return self._twins.setdefault(id(value), (value, value.to("meta")))[1]
        if type(value) is dict:
            return {key: self._on_meta(each) for key, each in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self._on_meta(each) for each in value)
        return torch.device("meta") if isinstance(value, torch.device) else value


def _products(found: Operation, args: Sequence[Any], result: Any) -> Count | None:
    """What it multiplies; of samples with lengths of their own, each by itself."""
    tensors = tensors_in([args, result])
    if all(each.layout is torch.strided and not each.is_nested for each in tensors):
        return found.products(args, result)
    if any(each.layout in SPARSE for each in tensors_in(args)):
        return sparse_products(found, args)
    lists = [each for each in tensors if each.is_nested]
    if not lists or found.kind is not Kind.RULE:
        return found.products(args, result)
    many = min(each.size(0) for each in lists)
    each = [found.products(_sample(args, number), _sample(result, number)) for number in range(many)]
    return None if None in each else total(each)  # type: ignore[arg-type]


def _sample(value: Any, number: int) -> Any:
    """What one sample has of arguments or of a result."""
    if isinstance(value, Tensor):
        return value.unbind()[number] if value.is_nested else value
    return [_sample(each, number) for each in value] if isinstance(value, (list, tuple)) else value


def _looks(found: Operation, args: Sequence[Any]) -> bool:
    """Whether an operation looked at values; an index of whole numbers is none."""
    if not found.looks or found.name not in ("aten::index", "aten::index_put", "aten::index_put_"):
        return found.looks
    return any(each.dtype in (torch.bool, torch.uint8) for each in tensors_in(args[1]))
