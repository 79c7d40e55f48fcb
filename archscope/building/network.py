"""`BuiltNetwork`: a network as one PyTorch module, a submodule for every node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from archscope.building.builders import build_layer
from archscope.building.initialise import initialise
from archscope.building.taken import in_a_module
from archscope.errors import UsageError
from archscope.layers import Shape
from archscope.network import Network, Node
from archscope.observed import Source


class Step(NamedTuple):
    """One node in execution order.

    Attributes:
        name: the node's name.
        path: where its module sits among the submodules.
        inputs: which values it reads: a node or network input, and which of its outputs.
        done: values that nothing reads after it.
        device: where it runs, if the network is spread over several devices.
    """

    name: str
    path: tuple[str, ...]
    inputs: tuple[tuple[str, int], ...]
    done: tuple[str, ...]
    device: torch.device | None


class BuiltNetwork(nn.Module):
    """A network in PyTorch; make one with `archscope.build`.

    Every node is a submodule under its own name, so ``state_dict`` has the spec's layer names: ``C1.weight``,
    ``conv1.gpu0.weight``. An activation named on a layer sits beside it: ``C1_scaled_tanh``.
    Called with a batch for each network input; returns the output, or a tuple where there are several.
    """

    def __init__(self, network: Network, devices: Sequence[torch.device] | None = None) -> None:
        super().__init__()
        self._inputs = {name: tuple(int(extent) for extent in shape) for name, shape in network.inputs.items()}
        self._results = tuple((ref.node, ref.output) for ref in network.outputs)
        self._tokens = dict(network.tokens)
        places = _paths(network.nodes)
        spread = None if devices is None else _placed(network, devices)
        last_read = _last_read(network)
        steps = []
        for node in network.nodes:
            device = None if spread is None else spread[node.name]
            self._insert(places[node.name], _module(network, node, device))
            inputs = tuple((ref.node, ref.output) for ref in node.inputs)
            steps.append(Step(node.name, places[node.name], inputs, last_read.get(node.name, ()), device))
        self._steps = tuple(steps)
        self._by_name = {step.name: step for step in steps}
        self._sources = dict(_sources(network, self.path))
        self.register_load_state_dict_pre_hook(_take_parameters)  # type: ignore[no-untyped-call]
        for node in network.nodes:
            if node.shares is not None:
                _tie(self.node(node.name), self.node(node.shares))
            # What is frozen was said by a file or a module; of a spec the module itself is to be a witness.
            for name in () if network.observed is None else node.layer.frozen(network.facts[node.name]):
                self.node(node.name).get_parameter(name).requires_grad_(False)

    def forward(self, *inputs: Tensor) -> Any:
        return self.run(inputs)

    def run(self, inputs: Sequence[Tensor], after: Callable[[], object] | None = None) -> Any:
        """The output, as calling the module gives it; ``after`` is called after every node, to read a clock."""
        if len(inputs) != len(self._inputs):
            raise TypeError(f"takes {len(self._inputs)} inputs ({', '.join(self._inputs)}), got {len(inputs)}")
        values: dict[str, Any] = dict(zip(self._inputs, inputs, strict=True))
        for step in self._steps:
            taken = [_pick(values[name], output) for name, output in step.inputs]
            if step.device is not None:
                taken = [each.to(step.device) for each in taken]
            module = self._at(step.path)
            # What reads nothing is told how many samples there are.
            values[step.name] = module(*taken) if taken else module(inputs[0].shape[0])
            if after is not None:
                after()
            for name in step.done:
                del values[name]
        results = tuple(_pick(values[name], output) for name, output in self._results)
        return results[0] if len(results) == 1 else results

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of what it is called with, in order."""
        return tuple(self._inputs)

    def nodes(self) -> Iterator[tuple[str, nn.Module]]:
        """Every node's name and module, in the order in which they run."""
        for step in self._steps:
            yield step.name, self._at(step.path)

    def node(self, name: str) -> nn.Module:
        """The module of a node."""
        return self._at(self._by_name[name].path)

    def path(self, name: str) -> str:
        """The name of a node's module among the submodules, as ``state_dict`` and hooks see it."""
        return ".".join(self._by_name[name].path)

    def example_inputs(
        self, batch: int = 1, *, device: torch.device | str | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, ...]:
        """Random inputs that it takes: normal values, or token numbers where an embedding reads them."""
        examples = []
        meta = torch.device("cpu" if device is None else device).type == "meta"
        for name, shape in self._inputs.items():
            if meta:
                # There is nothing to draw, and drawing on meta imports PyTorch's compiler.
                dtype = torch.long if name in self._tokens else None
                drawn = torch.empty(batch, *shape, dtype=dtype, device=device)
            elif name in self._tokens:
                drawn = torch.randint(self._tokens[name], (batch, *shape), device=device, generator=generator)
            else:
                drawn = torch.randn(batch, *shape, device=device, generator=generator)
            examples.append(drawn)
        return tuple(examples)

    def _at(self, path: tuple[str, ...]) -> nn.Module:
        module: nn.Module = self
        for part in path:
            module = module._modules[part]  # type: ignore[assignment]
        return module

    def _insert(self, path: tuple[str, ...], module: nn.Module) -> None:
        parent: nn.Module = self
        for part in path[:-1]:
            if part not in parent._modules:
                parent._modules[part] = nn.Module()
            parent = parent._modules[part]  # type: ignore[assignment]
        parent.add_module(path[-1], module)


def _sources(network: Network, path: Callable[[str], str]) -> Iterator[tuple[str, Source]]:
    """What weights are called elsewhere: a learned value has its node's name, others what a module called them."""
    for node in network.nodes:
        if node.layer.type in ("parameter", "relative_position_bias"):
            yield f"{path(node.name)}.weight", Source(path(node.name))
    if network.observed is not None:
        for (name, own), source in network.observed.sources.items():
            yield f"{path(name)}.{own}", source


def _take_parameters(model: nn.Module, weights: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """Weights of a module that was read have the names they have there: `places`, not `places.weight`."""
    into = dict((*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)))
    taken: set[str] = set()
    for own, source in model._sources.items():  # type: ignore[union-attr, operator]
        given, wanted = f"{prefix}{source.name}", f"{prefix}{own}"
        if given not in weights or own not in into:
            continue
        if wanted in weights:
            # One number for each map stands in files as `(maps, 1, 1)`.
            if given == wanted and _without_ones(weights[wanted]) == _without_ones(into[own]):
                weights[wanted] = weights[wanted].reshape(into[own].shape)
            continue
        value = weights[given].T if source.turned else weights[given]
        weights[wanted] = value.reshape(into[own].shape) if value.numel() == into[own].numel() else value
        taken.add(source.name)
    for name in taken - into.keys():
        del weights[f"{prefix}{name}"]


def _without_ones(tensor: Tensor) -> list[int]:
    return [extent for extent in tensor.shape if extent != 1]


def _pick(value: Any, output: int) -> Tensor:
    chosen: Tensor = value[output] if isinstance(value, tuple) else value
    return chosen


def _module(network: Network, node: Node, device: torch.device | None) -> nn.Module:
    shapes: tuple[Shape, ...] = tuple(network.shape_of(ref) for ref in node.inputs)
    module = build_layer(node.layer, *shapes)
    initialise(module, node)
    return module if device is None else module.to(device)


def _paths(nodes: Sequence[Node]) -> dict[str, tuple[str, ...]]:
    """Where each module goes: by the parts of its node's name, but never inside another layer's module.

    What PyTorch's modules have already stands with an underscore, as in the source: ``half_.weight``.
    """
    names = {node.name for node in nodes}
    have = frozenset(dir(nn.Module()))
    paths: dict[str, tuple[str, ...]] = {}
    taken: set[tuple[str, ...]] = {tuple(name.split(".")) for name in names}
    for name in names:
        parts = name.split(".")
        path: list[str] = []
        for depth, part in enumerate(parts, start=1):
            above = ".".join(parts[: depth - 1])
            if above in names:
                path[-1] += f"_{part}"
            else:
                path.append(in_a_module(part, have))
        while tuple(path) != tuple(parts) and tuple(path) in taken:
            path[-1] += "_"
        taken.add(tuple(path))
        paths[name] = tuple(path)
    return paths


def _placed(network: Network, devices: Sequence[torch.device]) -> dict[str, torch.device]:
    towers = network.towers
    if not towers:
        raise UsageError(f"{network.name} has no towers to spread over {len(devices)} devices; use `device=`")
    if len(devices) != len(towers):
        raise UsageError(f"{network.name} has {len(towers)} towers ({', '.join(towers)}) for {len(devices)} devices; "
                         "name one for each tower")  # fmt: skip
    place = dict(zip(towers, devices, strict=True))
    return {node.name: devices[0] if node.tower is None else place[node.tower] for node in network.nodes}


def _last_read(network: Network) -> dict[str, tuple[str, ...]]:
    """For each node, the values that nothing reads after it."""
    reader: dict[str, str] = {}
    for node in network.nodes:
        reader[node.name] = node.name
        for ref in node.inputs:
            reader[ref.node] = node.name
    kept = {ref.node for ref in network.outputs}
    done: dict[str, list[str]] = {}
    for value, last in reader.items():
        if value not in kept:
            done.setdefault(last, []).append(value)
    return {name: tuple(values) for name, values in done.items()}


def _tie(module: nn.Module, source: nn.Module) -> None:
    """Make a module use another's weights, those of the same names."""
    own = {name for name, _ in (*module.named_parameters(), *module.named_buffers())}
    theirs = (*source.named_parameters(remove_duplicate=False), *source.named_buffers(remove_duplicate=False))
    for name, tensor in theirs:
        if name in own:
            owner, _, attribute = name.rpartition(".")
            setattr(module.get_submodule(owner), attribute, tensor)
