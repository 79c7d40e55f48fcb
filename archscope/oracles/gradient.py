"""Autograd: the values that get a gradient are the parameters, and the products of the way back the MACs twice.

Every product of the forward pass has two factors, and the way back multiplies once for the gradient of each. So what
the census sees on the way back, where inputs, first states and frozen weights ask for a gradient too, is two
multiply-accumulates each. A square has one factor, so the way back of a squared distance multiplies as often as the way
forward.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, not_covered
from archscope.oracles.flops import spelled_out

if TYPE_CHECKING:
    from torch import Tensor, nn

NAME: Final = "gradient"


def observe(case: Case) -> Iterator[Finding]:
    """Run once and go back; no tensor keeps a gradient."""
    from archscope.oracles.census import otherwise

    reached, macs, unknown = _back(case)
    totals = case.analysis.totals
    yield compared(NAME, None, "parameters", totals.parameters, reached)
    if totals.macs is None:
        yield not_covered(NAME, None, "macs", "the products of the network are not known")
        return
    why = f"nothing is known of {', '.join(sorted(unknown))}" if unknown else otherwise(case.model, three=True)
    if why:
        yield not_covered(NAME, None, "macs", why)
    else:
        yield compared(NAME, None, "macs", totals.macs, macs)


def _back(case: Case) -> tuple[int, int, set[str]]:
    """Values a gradient reaches, multiply-accumulates by the way back, and operations of which nothing is known."""
    import torch

    from archscope.oracles.census import Census
    from archscope.tracing.strangers import tensors_in

    inputs = tuple(each.requires_grad_() if each.is_floating_point() else each for each in case.inputs())
    weights = [each for each in case.model.parameters() if each.requires_grad]
    with torch.enable_grad(), spelled_out(), _thawed(case.model) as frozen, _states(case.model) as states:
        outputs = [each for each in tensors_in(case.model(*inputs)) if each.requires_grad]
        asked = [*weights, *frozen, *(each for each in (*inputs, *states) if each.requires_grad)]
        if not outputs or not asked:
            return 0, 0, set()
        with Census() as census:
            found = torch.autograd.grad(outputs, asked, [torch.ones_like(each) for each in outputs], allow_unused=True)
    reached = sum(each.numel() for each in found[: len(weights)] if each is not None)
    return reached, census.macs // 2 + census.squares, census.unknown


@contextmanager
def _thawed(model: nn.Module) -> Iterator[list[Tensor]]:
    """Its frozen weights, which ask for a gradient meanwhile: their products go back like all others."""
    frozen: list[Tensor] = [each for each in model.parameters() if not each.requires_grad]
    try:
        for each in frozen:
            each.requires_grad_()
        yield frozen
    finally:
        for each in frozen:
            each.requires_grad_(False)


@contextmanager
def _states(model: nn.Module) -> Iterator[list[Tensor]]:
    """Give each recurrent layer the state it starts from, which then asks for a gradient as all others do."""
    import torch
    from torch import nn

    states: list[Tensor] = []

    def give(module: Any, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if len(args) > 1:
            return None
        own = [torch.zeros(len(args[0]), *shape, device=args[0].device, requires_grad=True) for shape in _kept(module)]
        states.extend(own)
        return (*args, *own)

    hooks = [each.register_forward_pre_hook(give) for each in model.modules()
             if isinstance(each, (nn.RNNBase, nn.RNNCellBase))]  # fmt: skip
    try:
        yield states
    finally:
        for hook in hooks:
            hook.remove()


def _kept(module: Any) -> list[tuple[int, ...]]:
    """The shapes of what a recurrent layer keeps from one step to the next, without the batch."""
    from torch import nn

    if isinstance(module, nn.RNNCellBase):
        return [(module.hidden_size,)] * (2 if isinstance(module, nn.LSTMCell) else 1)
    layers = module.num_layers * (2 if module.bidirectional else 1)
    state, cell = (layers, module.proj_size or module.hidden_size), (layers, module.hidden_size)
    return [state, cell] if isinstance(module, nn.LSTM) else [state]
