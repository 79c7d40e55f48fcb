"""Hold what a cell computes against a float64 reference, within what its number format can promise of this network.

One bound for every network would accuse those whose output is what is left when large numbers cancel: two logits of
0.01 made of sums near one carry the rounding of the sums. So where an output is farther away than a format's usual
tolerance, the reference itself is moved: its weights and inputs are changed by no more than one rounding, and how far
its own output goes is what the format leaves open.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from archscope.bench.draws import same_draws
from archscope.bench.precision import Precision
from archscope.theirs import heard_apart
from archscope.tracing.inputs import Call
from archscope.tracing.strangers import tensors_in

GRADIENT_SLACK: Final = 10.0
"""How much farther a gradient may be from its reference than an output: it has been through twice the layers."""

ROUNDING_SLACK: Final = 6.0
"""How many times as far as one rounding of weights and inputs takes it an output may be: results of layers are rounded
as well. Of 400 small recurrent networks with random weights in bfloat16 the farthest was at 4 times."""

MOST: Final = 0.5
"""What no output may be away, however its numbers cancel: one that has nothing to do with its reference is near 1."""

_DRAWS: Final = 8


@dataclass(frozen=True, slots=True)
class Check:
    """How far the output, or the gradients, are from the reference.

    Attributes:
        of: "output" or "gradients".
        rel_l2: as a relative L2 distance.
        allowed: how far it may be.
        passed: whether it is no farther.
    """

    of: str
    rel_l2: float
    allowed: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """A network in float64 on the CPU, and what it is called with; its weights are as before after each method.

    Attributes:
        module: the network.
        call: what it is called with.
        drawn: the type that what it draws at random is rounded to; see `archscope.bench.draws`.
    """

    module: nn.Module
    call: Call
    drawn: torch.dtype = torch.float64

    def outputs(self) -> tuple[Tensor, ...]:
        """The tensors that come out."""
        return self.run()[0]

    def run(self) -> tuple[tuple[Tensor, ...], bool]:
        """The tensors that come out, and whether it drew random numbers of PyTorch's for them."""
        args, kwargs = self.call.args, self.call.kwargs
        with torch.no_grad(), heard_apart(), same_draws(self.drawn) as draws:
            made = tuple(each.detach().clone() for each in tensors_in(self.module(*args, **kwargs)))
        return made, draws is not None and draws.many > 0

    def gradients(self, forward: AbstractContextManager[Any] | None = None) -> Tensor:
        """The gradients of all weights together, for what `incoming` draws; ``forward`` is what the pass runs in."""
        args, kwargs = self.call.args, self.call.kwargs
        self.module.zero_grad(set_to_none=True)
        with forward or nullcontext():
            made = self.module(*args, **kwargs)
        made.backward(incoming(made))
        found = together([each.grad for each in self.module.parameters() if each.grad is not None])
        self.module.zero_grad(set_to_none=True)
        return found

    def spread(self, unit: float) -> float:
        """How far the output goes when weights and inputs change by at most ``unit`` of themselves.

        A relative L2 distance, the root of the mean square of a few draws from a fixed seed.
        """
        return self._spread(unit, lambda reference: together(reference.outputs()))

    def spread_of_gradients(self, tolerance: float) -> float:
        """The same of the gradients, for changes as large as an output may be away.

        They jump where another value of a window becomes its largest, or one passes zero: what kernels add up in
        another order does that, and not the rounding of weights alone.
        """
        return self._spread(tolerance, Reference.gradients)

    def _spread(self, unit: float, asked: Callable[[Reference], Tensor]) -> float:
        expected = asked(self)
        weights = [each for each in self.module.parameters() if each.is_floating_point()]
        before = [each.detach().clone() for each in weights]
        generator = torch.Generator().manual_seed(0)

        def moved(value: Any) -> Any:
            if not isinstance(value, Tensor) or not value.is_floating_point():
                return value
            return value * (1 + unit * (2 * torch.rand(value.shape, generator=generator, dtype=value.dtype) - 1))

        def written(values: Iterable[Tensor]) -> None:
            with torch.no_grad():
                for weight, value in zip(weights, values, strict=True):
                    weight.copy_(value)

        distances = []
        try:
            for _ in range(_DRAWS):
                written(map(moved, before))
                found = asked(Reference(self.module, Call(*self.call.mapped(moved)), self.drawn))
                distances.append(distance(found, expected))
        finally:
            written(before)
        return math.sqrt(sum(each**2 for each in distances) / _DRAWS)


def incoming(made: Tensor) -> Tensor:
    """The gradient that a backward pass from an output begins with, drawn from a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(made.shape, generator=generator, dtype=torch.float64)
    return drawn.to(made.device, made.dtype)


def held_against(
    found: Tensor, expected: Tensor, precision: Precision, spread: Callable[[float], float] | None,
    of: str = "output", slack: float = 1.0,
) -> Check:  # fmt: skip
    """Hold an output, or gradients, against its reference.

    A value that is not finite never passes.

    Args:
        found: the numbers that came out.
        expected: those of the reference.
        precision: the number format.
        spread: how far the reference goes for roundings of a size, asked only where the usual tolerance is exceeded;
            None where there is nothing to ask.
        of: what they are.
        slack: how many times the format's usual tolerance they may be away.
    """
    away = distance(found, expected)
    allowed = slack * precision.tolerance
    if spread is not None and allowed < away <= MOST:
        allowed = max(allowed, min(MOST, ROUNDING_SLACK * spread(precision.unit)))
    return Check(of, away, allowed, away <= allowed)


def together(outputs: Sequence[Tensor]) -> Tensor:
    """All numbers of some tensors, in float64 on the CPU."""
    return torch.cat([each.detach().double().cpu().flatten() for each in outputs])


def distance(found: Tensor, expected: Tensor) -> float:
    """The relative L2 distance; infinite where it is no number.

    >>> round(distance(torch.tensor([1.0, 2.2]), torch.tensor([1.0, 2.0])), 3)
    0.089
    """
    away = float(torch.linalg.vector_norm(found - expected) / torch.linalg.vector_norm(expected))
    return away if away == away else float("inf")
