"""What is said of a whole forward pass: what ran, what the module holds, and what nothing used."""

from __future__ import annotations

from archscope.layers.base import Weight
from archscope.network import Observed
from archscope.tracing.running import Run


def observed(run: Run) -> Observed:
    """What was seen of a module beside its layers."""
    held = {id(each): (name, each) for name, each in reversed([*run.shadow.named_parameters()])}
    state = run.tracer.state
    owned = {id(state[name]) for name in run.tracer.nodes.owners if name in state}
    unused = [
        Weight(name, tuple(each.shape) or (1,), each.requires_grad, str(each.dtype).removeprefix("torch."))
        for place, (name, each) in reversed(held.items())
        if place not in owned
    ]
    return Observed(
        operations=len(run.tracer.ledger.every),
        batch=run.batch,
        held=sum(each.numel() for _, each in held.values()),
        frozen=sum(each.numel() for _, each in held.values() if not each.requires_grad),
        unused=tuple(unused),
        looked=tuple(dict.fromkeys(f"`{name}`{f' in `{path}`' if path else ''}" for path, name in run.tracer.looked)),
    )
