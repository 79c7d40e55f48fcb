"""What is said of a whole forward pass: what ran, what the module holds, and what nothing used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from archscope.layers.base import Weight
from archscope.network import Observed, Ref
from archscope.tracing.running import Run


def observed(run: Run, names: Mapping[str, str]) -> Observed:
    """What was seen of a module beside its layers; ``names`` are those of the nodes that they became."""
    ran = run.tracer.recording.accounts.finished([node.name for node in run.tracer.recording.nodes.nodes])
    place = {name: number for number, (name, _) in enumerate(run.shadow.named_parameters())}
    sources = sorted(run.tracer.recording.nodes.sources.items(), key=lambda each: place.get(each[1].name, len(place)))
    held = {id(each): (name, each) for name, each in reversed([*run.shadow.named_parameters()])}
    state = run.tracer.recording.state
    owned = {id(state[name]) for name in run.tracer.recording.nodes.owners if name in state}
    unused = [
        Weight(name, tuple(each.shape) or (1,), each.requires_grad, str(each.dtype).removeprefix("torch."))
        for id_, (name, each) in reversed(held.items())
        if id_ not in owned and each.numel()
    ]
    holding = run.tracer.recording.holding
    added: Counter[str] = Counter()
    for name, many in ran.items():
        added[names[name]] += many
    return Observed(
        operations=len(run.tracer.ledger.every),
        batch=run.batch,
        held=sum(each.numel() for _, each in held.values()),
        frozen=sum(each.numel() for _, each in held.values() if not each.requires_grad),
        unused=tuple(unused),
        looked=run.tracer.recording.looked.found,
        zeros=run.zeros,
        ran=added,
        sources={(names[name], own): source for (name, own), source in sources},
        lasts=_lasts(run, names),
        in_place=frozenset(names[name] for name in holding.in_place),
        unruled={names[name]: why for name, why in holding.unruled.items()},
        unruled_in_training={names[name]: why for name, why in holding.unruled_in_training.items()},
        constants=holding.constants,
    )


def _lasts(run: Run, names: Mapping[str, str]) -> dict[Ref, str]:
    """The last node that ran while the module's code had what a node made; of several that became one, the last."""
    recording = run.tracer.recording
    nodes = [node.name for node in recording.nodes.nodes]
    place = {name: number for number, name in enumerate(nodes)}
    lasts = [(ref, number) for ref, number in recording.values.lasts.items() if ref.node in place]
    found = sorted(lasts, key=lambda each: place[each[0].node])
    return {Ref(names[ref.node], ref.output): names[nodes[number - 1]] for ref, number in found}
