"""`Census`: every operation that reaches PyTorch's dispatcher, and what it multiplies by its shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from archscope.recognising.operations import Kind
from archscope.tracing.products import operation

_ATEN = torch.ops.aten
_WEIGHTS = 6
"""Where a bag of embeddings is given the weights of its rows."""


class Census(TorchDispatchMode):  # type: ignore[no-untyped-call, unused-ignore]
    """Counts multiply-accumulates while it is entered, on the way forward and on the way back.

    A value that is squared and added up is one of them: a squared distance multiplies once for each unit and input.
    On its way back it multiplies once too, where a product of two factors multiplies twice, so that is kept apart.

    Attributes:
        macs: what was multiplied so far.
        squares: what the way back of sums of squares multiplied so far.
        unknown: the operations of which nothing is known.

    >>> with Census() as census, torch.no_grad():
    ...     _ = torch.nn.Conv2d(1, 6, 5)(torch.zeros(1, 1, 32, 32))
    >>> census.macs, census.unknown
    (117600, set())
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.macs = 0
        self.squares = 0
        self.unknown: set[str] = set()
        self._sums = SumsOfSquares()
        self._compared: tuple[Any, Any] = (None, None)
        self._chosen_from: list[Any] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found, given = operation(func), kwargs or {}
        if found.kind is Kind.PARTS:
            with self:
                parts = func.decompose(*args, **given)
            if parts is not NotImplemented:
                return parts
        if func is _ATEN.nonzero.default and args[0].is_meta:
            return self._places(args[0])
        result = func(*args, **given)
        weighed = "_embedding_bag" in found.name and len(args) > _WEIGHTS and args[_WEIGHTS] is not None
        if weighed:
            self.unknown.add(found.called)
        elif func is _ATEN.convolution_backward.default:
            self.macs += _both_ways(args)
        elif "backward" not in found.name or found.kind is Kind.RULE:
            products = found.products(args, result)
            if products is None:
                self.unknown.add(found.called)
            else:
                self.macs += int(products)
        elif "attention" in found.name or "rnn" in found.name:
            self.unknown.add(found.called)
        self.macs += self._sums.forward(func, args, result)
        self.squares += self._sums.back(func, args, result)
        if func is _ATEN.eq.Scalar:
            self._compared = (result, args[0])
        return result

    def _places(self, asked: Any) -> Any:
        """Where a choice is one number, without values: everywhere for the first number that is asked for.

        A choice is one number in each place, so over all numbers there are as many places as choices.
        """
        choices = self._compared[1] if asked is self._compared[0] else asked
        rows = 0 if any(choices is each for each in self._chosen_from) else asked.numel()
        self._chosen_from.append(choices)
        return torch.empty(rows, asked.dim(), dtype=torch.long, device="meta")


class SumsOfSquares:
    """Values that are squared and added up, as operations go by: on the way forward, and on the way back.

    Autograd goes back through ``sum`` by handing one value to all that were added up, and through ``x²`` by
    multiplying it with ``2·x¹``.
    """

    def __init__(self) -> None:
        self._square: Any = None
        self._first_power: Any = None
        self._twice: Any = None
        self._spread: Any = None

    def forward(self, func: Any, args: Sequence[Any], result: Any) -> int:
        """How many values this operation adds up that the one before squared."""
        if func is _ATEN.pow.Tensor_Scalar and args[1] == 2:
            self._square = result
        return int(args[0].numel()) if func is _ATEN.sum.dim_IntList and args[0] is self._square else 0

    def back(self, func: Any, args: Sequence[Any], result: Any) -> int:
        """How many values this operation multiplies to go back through such a sum."""
        if func is _ATEN.expand.default:
            self._spread = result
        elif func is _ATEN.pow.Tensor_Scalar and args[1] == 1:
            self._first_power = result
        elif func is _ATEN.mul.Scalar and args[0] is self._first_power and args[1] == 2:
            self._twice = result
        elif func is _ATEN.mul.Tensor and args[0] is self._spread and args[1] is self._twice:
            return int(result.numel())
        return 0


def otherwise(model: nn.Module, *, three: bool = False) -> str:
    """Why some products of a network are no products of two matrices; empty where all are.

    ``three`` asks for those of three factors as well, whose gradients multiply more often than twice.
    """
    reasons: dict[type[nn.Module], str] = {
        nn.EmbeddingBag: "a bag of embeddings weighs its rows as it adds them up",
        **({nn.Bilinear: "a bilinear layer multiplies three factors"} if three else {}),
    }
    return next((why for kind, why in reasons.items() if any(isinstance(each, kind) for each in model.modules())), "")


def _both_ways(args: Sequence[Any]) -> int:
    """The gradients of a convolution: that of the input and that of the kernels each multiply as often as it did."""
    made, read, kernels, transposed, wanted = args[0], args[1], args[2], args[7], args[10]
    places = read.numel() if transposed else made.numel()
    each: int = places * kernels.numel() // kernels.shape[0]
    return each * sum(map(bool, wanted[:2]))
