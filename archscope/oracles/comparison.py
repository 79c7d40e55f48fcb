"""`compare`: a module that somebody else wrote, held against a network layer by layer, in execution order."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from archscope.analysis import analyze
from archscope.errors import UsageError
from archscope.escaping import json_text
from archscope.network import Network
from archscope.oracles.alignment import align
from archscope.oracles.expected import expectations
from archscope.oracles.findings import spell
from archscope.oracles.held import count_values, never_run, unlike
from archscope.oracles.recorded import Recording, record
from archscope.oracles.wired import wired
from archscope.record import EMPTY
from archscope.tracing.factory import Factory, raised
from archscope.tracing.inputs import Call, Given
from archscope.tracing.standin import shadowed
from archscope.tracing.strangers import misfit

_LIKELY: Final = (28, 32, 64, 224, 227, 256, 299)
"""Input sizes that are tried when a module does not run at the spec's."""


@dataclass(frozen=True)
class Comparison:
    """What a module and a network have in common.

    Attributes:
        network: the network's name.
        module: how the module was named.
        same: whether no layer differs.
        sentences: where they part, in execution order; one sentence each.
        matched: layers that are alike.
        parameters: trainable values of the module and of the network.
    """

    network: str
    module: str
    same: bool
    sentences: tuple[str, ...]
    matched: int
    parameters: tuple[int, int]


def compare_factory(
    network: Network, factory: str, options: Mapping[str, Any] = EMPTY, call: Call | None = None
) -> Comparison:
    """Import a factory, call it, and compare what it makes with a network.

    ``options`` are the factory's arguments, and ``call`` is what its module is called with, if that is known; else it
    is given the network's inputs, by name where it takes those names.

    The module is made on meta, where a large network costs nothing. One that cannot be made there, or does not run
    there to its end, is made on the CPU: some code looks at values, and meta has none.

    Raises:
        UsageError: the factory cannot be imported, raises, or returns no module; says what and where.
    """
    maker = Factory(factory, options)
    if not maker.makes:
        return compare(network, maker.module(), name=factory, call=call)
    try:
        module = maker.module("meta")
        recording = _recorded(network, module, factory, call)
    except UsageError:
        recording = None
    if recording is None or recording.stopped is not None:
        module = maker.module()
        recording = _recorded(network, module, factory, call)
    return _compared(network, module, recording, factory, call)


def compare(network: Network, module: nn.Module, *, name: str = "the module", call: Call | None = None) -> Comparison:
    """Hold a module against a network.

    >>> import archscope
    >>> network = archscope.load("lenet5-pytorch")
    >>> compare(network, archscope.build(network)).same
    True
    """
    if any(nn.parameter.is_lazy(each) for each in (*module.parameters(), *module.buffers())):
        module = _copied(module, name)
        return _compared(network, module, _recorded(network, module, name, call), name, call)
    _refuse_scripts(module, name)
    with shadowed(module) as twin:  # what it writes while it runs is not the person's
        return _compared(network, twin, _recorded(network, twin, name, call), name, call)


def _copied(module: nn.Module, name: str) -> nn.Module:
    """A copy of a lazy module, which takes its shapes from the first input that it sees."""
    try:
        return copy.deepcopy(module)
    except ValueError as error:
        raise UsageError(f"{name} has lazy layers that PyTorch cannot copy; give it one input first, "
                         "or name what makes it") from error  # fmt: skip


def _compared(
    network: Network, module: nn.Module, recording: Recording, name: str, call: Call | None = None
) -> Comparison:
    expected = expectations(network, {step.type for step in recording.steps})
    if not recording.steps and recording.stopped is None and any(expected):
        raise UsageError(f"{name} runs no layer that PyTorch's functions make")
    edits = min(
        (align(each, recording.steps, recording.stopped is not None) for each in expected), key=lambda each: each.cost
    )
    seen = None if recording.stopped is not None else wired(network, module, *_arguments(network, module, call))
    layers, matched = edits.sentences, edits.matched
    if seen is not None and seen.alike and not any(step.remark for step in recording.steps):
        # Other clothes: what PyTorch's functions are called for is another thing than what the module works out.
        layers, matched = (*seen.layers, *seen.wiring), edits.matched if not edits.sentences else seen.matched
    sentences = [*layers, *never_run(module, recording)]
    if recording.stopped is not None:
        sentences.append(_stopped(network, module, recording, recording.stopped))
    counted = count_values(module), int(analyze(network).totals.parameters)
    if not sentences:
        sentences += unlike(network, module, recording)
    if not sentences and seen is not None:
        sentences += seen.ends
    return Comparison(network.name, name, not sentences, tuple(sentences), matched, counted)


def _refuse_scripts(module: nn.Module, name: str) -> None:
    if any(isinstance(each, torch.jit.ScriptModule) for each in module.modules()):
        raise UsageError(f"{name} is TorchScript, which runs where nobody can watch its layers; "
                         "name the module that it was made from")  # fmt: skip


def _recorded(network: Network, module: nn.Module, name: str, call: Call | None = None) -> Recording:
    _refuse_scripts(module, name)
    return record(module, *_arguments(network, module, call))


def _arguments(network: Network, module: nn.Module, call: Call | None) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """What a module is called with: as somebody said, or the network's inputs, by name if it takes those names."""
    if call is not None:
        device = next((each.device for each in module.parameters()), torch.device("cpu"))
        return call.mapped(lambda value: _zeros(value, call.batch, device))
    inputs = _inputs(network, module)
    taken = inspect.signature(module.forward).parameters
    if len(inputs) > 1 and all(name in taken for name in network.inputs):
        return (), dict(zip(network.inputs, inputs, strict=True))
    return inputs, {}


def _zeros(value: Any, batch: int, device: torch.device) -> Any:
    if isinstance(value, Given):
        axes = () if value.batched is False else (batch,)
        return torch.zeros(*axes, *value.shape, dtype=getattr(torch, value.dtype or "float32"), device=device)
    return value.to(device) if isinstance(value, torch.Tensor) else value


def _inputs(network: Network, module: nn.Module, size: int | None = None) -> list[torch.Tensor]:
    """A sample of nothing but zeros, of the kind of number and on the device of the module's weights."""
    held = [each for each in (*module.parameters(), *module.buffers()) if each.is_floating_point()]
    device, dtype = (held[0].device, held[0].dtype) if held else (torch.device("cpu"), None)
    shapes = [tuple(int(extent) for extent in shape) for shape in network.inputs.values()]
    if size is not None:
        shapes = [(shape[0], *(size for _ in shape[1:])) for shape in shapes]
    return [
        torch.zeros(1, *shape, device=device, dtype=torch.long if name in network.tokens else dtype)
        for name, shape in zip(network.inputs, shapes, strict=True)
    ]


def _stopped(network: Network, module: nn.Module, recording: Recording, error: BaseException) -> str:
    """Why a module does not run, and at which size it would."""
    shape = " and ".join(spell(each) for each in network.inputs.values())
    where = f" at `{recording.at}`" if recording.at else ""
    why = misfit(module.get_submodule(recording.at), recording.given) or raised(error)
    sentence = f"given the spec's input of {shape}, the module stops{where}: {why}"
    for size in _LIKELY:
        inputs = _inputs(network, module, size)
        if record(module, inputs).stopped is None:
            return f"{sentence}; it does run on an input of {spell(inputs[0].shape[1:])}"
    return sentence


_SHOWN: Final = 30
"""Sentences that the terminal gets; JSON has them all."""


def write_comparison(found: Comparison) -> str:
    """Where a module and a spec part, for the terminal."""
    ours, theirs = found.parameters[1], found.parameters[0]
    layers, are = ("layer", "is") if found.matched == 1 else ("layers", "are")
    if found.same:
        return f"{found.module} is {found.network}: {found.matched} {layers} alike, {theirs:,} parameters."
    count = len(found.sentences)
    head = f"{found.module} and {found.network} part in {count:,} place{'s' if count > 1 else ''}:"
    places = [f"  {number}. {each}" for number, each in enumerate(found.sentences[:_SHOWN], 1)]
    if count > _SHOWN:
        places.append(f"  … and {count - _SHOWN:,} more; `--format json` has all of them")
    tail = f"{found.matched} {layers} {are} alike; {theirs:,} parameters in the module, {ours:,} in the spec."
    return "\n".join([head, "", *places, "", tail])


def write_comparison_json(found: Comparison) -> str:
    """The same for programs, schema ``archscope.comparison/1``."""
    document: Mapping[str, Any] = {
        "schema": "archscope.comparison/1",
        "network": found.network,
        "module": found.module,
        "same": found.same,
        "sentences": list(found.sentences),
        "matched": found.matched,
        "parameters": {"module": found.parameters[0], "spec": found.parameters[1]},
    }
    return json_text(document, indent=2)
