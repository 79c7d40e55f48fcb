"""`compare`: a module that somebody else wrote, held against a network layer by layer, in execution order."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from archscope.analysis import Row, analyze
from archscope.errors import UsageError, did_you_mean
from archscope.network import Network
from archscope.oracles.alignment import COMPARED, align
from archscope.oracles.findings import spell
from archscope.oracles.recorded import Recording, Step, count_values, merged, record, sides_of

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


def load_factory(factory: str) -> nn.Module:
    """Import and call ``package.module:name``.

    Raises:
        UsageError: it cannot be imported, raises, or returns no module; says what and where.
    """
    place, colon, name = factory.partition(":")
    if not colon or not place or not name:
        raise UsageError(f"`{factory}` names no factory; write MODULE:FACTORY, such as mypkg.models:AlexNet")
    if os.getcwd() not in sys.path:  # noqa: PTH109 - as Python's own search path has it
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        found: Any = importlib.import_module(place)
    except Exception as error:
        raise UsageError(f"`{place}` cannot be imported: {_raised(error)}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            names = [each for each in vars(found) if not each.startswith("_")] if hasattr(found, "__dict__") else []
            raise UsageError(f"`{place}` has no `{name}`; {did_you_mean(name, names, what='it has')}")
        found = getattr(found, part)
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise UsageError(f"`{factory}` is a {type(found).__name__}, neither a module nor a function that makes one")
    return _called(found, factory)


def _called(make: Any, factory: str) -> nn.Module:
    """Call a factory on meta, where a large network costs nothing; on the CPU if it will not go there."""
    try:
        with torch.device("meta"):
            made = make()
    except Exception:  # noqa: BLE001 - the CPU shows whether the factory or the device was at fault
        try:
            made = make()
        except Exception as error:
            raise UsageError(f"`{factory}` raised {_raised(error)}") from error
    if not isinstance(made, nn.Module):
        raise UsageError(f"`{factory}` returned a {type(made).__name__}, not a torch.nn.Module")
    return made


def _raised(error: BaseException) -> str:
    """What was raised, and the last line of the person's own code that it came through."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith(("<", sys.base_prefix, sys.prefix, str(Path(__file__).parent))):
            place = f" (at {os.path.relpath(file)}:{trace.tb_lineno})"
        trace = trace.tb_next
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}{place}" if text else f"{type(error).__name__}{place}"


def compare_factory(network: Network, factory: str) -> Comparison:
    """Import a factory, call it, and compare what it makes with a network."""
    return compare(network, load_factory(factory), name=factory)


def compare(network: Network, module: nn.Module, *, name: str = "the module") -> Comparison:
    """Hold a module against a network.

    >>> import archscope
    >>> network = archscope.load("lenet5-pytorch")
    >>> compare(network, archscope.build(network)).same
    True
    """
    recording = _recorded(network, module)
    if not recording.steps and recording.stopped is None:
        raise UsageError(f"{name} runs no layer that PyTorch's functions make")
    edits = min(
        (align(expected, recording.steps, recording.stopped is not None) for expected in _expectations(network)),
        key=lambda each: each.cost,
    )
    sentences = list(edits.sentences)
    if recording.stopped is not None:
        sentences = sentences[: edits.before_end]
        sentences.append(_stopped(network, module, recording))
    counted = count_values(module), int(analyze(network).totals.parameters)
    if not sentences and counted[0] != counted[1]:
        sentences.append(f"the module holds {counted[0]:,} parameters and the spec {counted[1]:,}; "
                         "some are in no layer that runs")  # fmt: skip
    return Comparison(network.name, name, not sentences, tuple(sentences), edits.matched, counted)


def _recorded(network: Network, module: nn.Module) -> Recording:
    tensors = [*module.parameters(), *module.buffers()]
    device = tensors[0].device if tensors else torch.device("cpu")
    return record(module, _inputs(network, device))


def _inputs(network: Network, device: torch.device, size: int | None = None) -> list[torch.Tensor]:
    shapes = [tuple(int(extent) for extent in shape) for shape in network.inputs.values()]
    if size is not None:
        shapes = [(shape[0], *(size for _ in shape[1:])) for shape in shapes]
    tokens = {ref.node for node in network.nodes for ref in node.inputs if node.layer.type == "embedding"}
    return [
        torch.zeros(1, *shape, device=device, dtype=torch.long if name in tokens else None)
        for name, shape in zip(network.inputs, shapes, strict=True)
    ]


def _stopped(network: Network, module: nn.Module, recording: Recording) -> str:
    """Why a module does not run, and at which size it would."""
    shape = spell(next(iter(network.inputs.values())))
    where = f" at `{recording.at}`" if recording.at else ""
    reason = _misfit(module, recording) or recording.stopped
    sentence = f"given the spec's input of {shape}, the module stops{where}: {reason}"
    tensors = [*module.parameters(), *module.buffers()]
    device = tensors[0].device if tensors else torch.device("cpu")
    for size in _LIKELY:
        if record(module, _inputs(network, device, size)).stopped is None:
            smaller = "×".join(str(each) for each in _inputs(network, device, size)[0].shape[1:])
            return f"{sentence}; it does run on an input of {smaller}"
    return sentence


def _misfit(module: nn.Module, recording: Recording) -> str:
    """What the layer that stopped takes, and what it was given."""
    layer = module.get_submodule(recording.at) if recording.at else module
    if isinstance(layer, nn.Linear) and recording.given and recording.given[-1] != layer.in_features:
        return f"it takes {layer.in_features:,} features and is given {recording.given[-1]:,}"
    wanted = getattr(layer, "in_channels", None) or getattr(layer, "num_features", None)
    if wanted and recording.given and recording.given[0] != wanted:
        return f"it takes {wanted:,} channels and is given {recording.given[0]:,}"
    return ""


_IGNORED: Final = ("identity",)


def _expectations(network: Network) -> list[list[Step]]:
    """The steps of a network: every node, and where it stands on towers, the copies of each layer as one."""
    every = merged([_node_step(network, node.name) for node in network.nodes if node.layer.type not in _IGNORED])
    if not network.towers:
        return [every]
    return [_folded(network), every]


def _node_step(network: Network, name: str) -> Step:
    node = network.by_name[name]
    facts = network.facts[name]
    options = _options(node.layer, facts.inputs[0])
    kind = "flatten" if node.layer.type == "reshape" else node.layer.type
    return Step(kind, options, _plain(facts.output), int(facts.parameters), name)


def _folded(network: Network) -> list[Step]:
    """A layer's copies on its towers as one layer in groups; the joins between towers as nothing."""
    steps = []
    for row in analyze(network).rows:
        first = [node for node in row.nodes if node.tower == row.nodes[0].tower]
        if row.type == "concat" and _joins_towers(network, row):
            continue
        for node in first:
            copies = [each for each in row.nodes if each.layer.type == node.layer.type]
            step = _node_step(network, node.name)
            options = dict(step.options)
            if len(copies) > 1:
                apart = len({ref.node for each in copies for ref in each.inputs}) > 1
                for width in ("out_channels", "out_features"):
                    if width in options:
                        options[width] *= len(copies)
                if "groups" in options and apart:
                    options["groups"] *= len(copies)
            made = (step.output[0] * len(copies), *step.output[1:])
            steps.append(Step(step.type, options, made, step.parameters * len(copies), _title(node.name, row)))
    return merged([step for step in steps if step.type not in _IGNORED])


def _title(name: str, row: Row) -> str:
    """A node's name without its tower."""
    parts = name.split(".")
    return row.name if len(parts) < 3 and row.towers else ".".join((row.name, parts[-1])) if row.towers else name


def _joins_towers(network: Network, row: Row) -> bool:
    makers = [network.by_name[ref.node] for ref in row.node.inputs if ref.node in network.by_name]
    return len({maker.row for maker in makers}) == 1 and len({maker.tower for maker in makers}) > 1


def _plain(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(each) for each in shape)


def _options(layer: Any, shape: Sequence[int]) -> dict[str, Any]:
    options = {name: getattr(layer, name) for name in COMPARED if name in layer.options}
    if "kernel_size" in options:
        if layer.family == "pooling":
            options["stride"] = layer.steps
        stride, dilation = options["stride"], options.get("dilation", (1,) * len(options["kernel_size"]))
        if "padding" in options:
            options["padding"] = sides_of(
                options["padding"], _plain(shape[1:]), options["kernel_size"], stride, dilation
            )
    if options.get("connection_table") is None:
        options.pop("connection_table", None)
    return options


def write_comparison(found: Comparison) -> str:
    """Where a module and a spec part, for the terminal."""
    ours, theirs = found.parameters[1], found.parameters[0]
    if found.same:
        return f"{found.module} is {found.network}: {found.matched} layers alike, {theirs:,} parameters."
    count = len(found.sentences)
    head = f"{found.module} and {found.network} part in {count} place{'s' if count > 1 else ''}:"
    tail = f"{found.matched} layers are alike; {theirs:,} parameters in the module, {ours:,} in the spec."
    return "\n".join([head, "", *(f"  {number}. {each}" for number, each in enumerate(found.sentences, 1)), "", tail])


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
    return json.dumps(document, indent=2, ensure_ascii=False)
