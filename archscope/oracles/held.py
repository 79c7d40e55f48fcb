"""What a module holds beside its layers, and what comes out of it, where its layers are those of a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from torch import nn

from archscope.analysis import analyze
from archscope.network import Network
from archscope.oracles.findings import spell
from archscope.oracles.recorded import Recording

_MANY = 4


def count_values(module: nn.Module) -> int:
    """Trainable values of a module, each once."""
    return sum(each.numel() for each in module.parameters() if each.requires_grad and not nn.parameter.is_lazy(each))


def never_run(module: nn.Module, recording: Recording) -> Iterator[str]:
    """Layers with weights that no one calls, a sentence each."""
    if recording.stopped is not None:
        return
    for path, each in module.named_modules():
        own = [held for held in each.parameters(recurse=False) if held.requires_grad and not nn.parameter.is_lazy(held)]
        if not own or any(id(held) in recording.used for held in own):
            continue
        values = f"it holds {sum(held.numel() for held in own):,} parameters"
        if any(True for _ in each.children()):
            names = [f"{path}.{name}".lstrip(".") for name, _ in each.named_parameters(recurse=False)]
            yield f"{_listed(names)} {'is' if len(names) == 1 else 'are'} never used; {values}"
        else:
            yield f"`{path}` is defined and never runs; {values}"


def unlike(network: Network, module: nn.Module, recording: Recording) -> Iterator[str]:
    """Where a module with a network's layers is another all the same, a sentence each."""
    ours, theirs = int(analyze(network).totals.parameters), count_values(module)
    if ours != theirs:
        yield f"the module trains {theirs:,} parameters and the spec {ours:,}; {_reason(network, module, recording)}"
    wanted = [tuple(map(int, network.shape_of(ref))) for ref in network.outputs]
    returned = recording.returned or []
    for shape in dict.fromkeys(wanted):
        if shape not in returned:
            what = " and ".join(spell(each) for each in returned) or "no tensor"
            hint = "" if returned else "; its `forward` lacks a `return`"
            yield f"at the end: the module returns {what} where the spec's output is {spell(shape)}{hint}"


def _reason(network: Network, module: nn.Module, recording: Recording) -> str:
    """Why the same layers hold another number of parameters, as far as that can be seen."""
    frozen = [name for name, each in module.named_parameters() if not each.requires_grad]
    if frozen:
        return f"{_listed(frozen)} {'is' if len(frozen) == 1 else 'are'} frozen, `requires_grad` is false"
    shared = [f"`{node.name}` has those of `{node.shares}`" for node in network.nodes if node.shares is not None]
    if shared:
        return f"in the spec layers share weights: {', '.join(shared)}"
    times = Counter(step.name for step in recording.steps if step.parameters and step.name)
    again = [name for name, count in times.items() if count > 1]
    if again:
        return f"{_listed(again)} run{'s' if len(again) == 1 else ''} more than once with the same weights"
    own = {name for name, _ in module.named_parameters()}
    tied = [name for name, _ in module.named_parameters(remove_duplicate=False) if name not in own]
    if tied:
        return f"{_listed(tied)} {'is' if len(tied) == 1 else 'are'} another layer's too"
    return "what the layers hold is alike, so the difference is outside the layers that can be compared"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(f"`{name}`" for name in names[:_MANY]) + more
