"""Run as a program with ``KERAS_BACKEND=torch``: the Keras source of specs or layer types against what is built."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from random import Random
from types import ModuleType
from typing import Any

import numpy as np
import torch

import archscope
from archscope.network import Network
from archscope.writing.keras import write_keras
from archscope.writing.keras_papers import CLASSES
from tests.collection import thin


def shaped(source: np.ndarray[Any, Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """A weight of PyTorch in Keras's order of axes."""
    if source.shape == shape and source.ndim != 2:
        return source
    if source.ndim == 2:
        return source if shape == source.shape and source.shape[0] != source.shape[1] else source.T
    return np.transpose(source, (*range(2, source.ndim), 1, 0))


def lasting(value: torch.Tensor) -> torch.Tensor:
    """A batch with its channels in the last place, as Keras has them."""
    return value.movedim(1, -1) if value.dim() > 2 else value


def tensors(value: Any) -> list[torch.Tensor]:
    return [torch.as_tensor(each).detach() for each in (value if isinstance(value, (tuple, list)) else (value,))]


def attention_of(module: Any) -> list[np.ndarray[Any, Any]]:
    """The weights of attention as Keras has them: heads on an axis of their own, each matrix before its bias."""
    held = {name: value.detach().numpy() for name, value in module.state_dict().items()}
    heads = getattr(module, "num_heads", None) or module.heads
    groups = getattr(module, "groups", heads)
    made = []
    for place, (name, count) in enumerate(zip("qkv", (heads, groups, groups), strict=True)):
        if "in_proj_weight" in held:
            matrix = np.split(held["in_proj_weight"], 3)[place]
        else:
            matrix = held.get(f"{name}_proj_weight", held.get(f"{name}_proj.weight"))
        bias = np.split(held["in_proj_bias"], 3)[place] if "in_proj_bias" in held else held.get(f"{name}_proj.bias")
        made.append(matrix.T.reshape(matrix.shape[1], count, -1))
        made += [] if bias is None else [bias.reshape(count, -1)]
    matrix = held["out_proj.weight"]
    made.append(matrix.T.reshape(heads, -1, matrix.shape[0]))
    return [*made, held["out_proj.bias"]] if "out_proj.bias" in held else made


def owned(model: Any, label: str, key: str) -> Any:
    """A weight of the model's own, or of a layer within one of ours: an expert's or the router's."""
    within, _, name = key.rpartition(".")
    if not within:
        return getattr(model, f"{label}_{key}")
    layer = getattr(model, f"{label}_{within.replace('.', '_')}")
    return Turned(layer.kernel) if name == "weight" else layer.bias


def found(model: Any, name: str) -> tuple[Any, str]:
    """The object that has a layer of a spec, and its name there: `.2` is `[2]`, all else are attributes."""
    held, left = model, name.split(".")
    while left:
        if left[0].isdigit() and isinstance(held, (list, tuple)):
            held, left = held[int(left[0])], left[1:]
            continue
        for many in range(len(left), 0, -1):
            label = "_".join(left[:many])
            if many == len(left) and any(each == label or each.startswith(f"{label}_") for each in vars(held)):
                return held, label
            inner = getattr(held, label, None)
            if isinstance(inner, (list, tuple, keras_layer())) or type(inner).__module__ == type(held).__module__:
                held, left = getattr(held, label), left[many:]
                break
        else:
            raise AssertionError(name)
    return held, ""


def keras_layer() -> type:
    import keras

    return keras.layers.Layer


class Turned:
    """A matrix of a dense layer of Keras, which takes PyTorch's."""

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix

    def assign(self, value: np.ndarray[Any, Any]) -> None:
        self.matrix.assign(value.T)


def stir(built: Any) -> None:
    """Weights so large that every layer of a deep network has a say in what comes out."""
    for name, held in [*built.named_parameters(), *built.named_buffers()]:
        if not held.is_floating_point():
            continue
        if name.endswith("running_var"):
            held.data.uniform_(0.5, 1.5)
        elif held.dim() > 1 and isinstance(held, torch.nn.Parameter):
            held.data.normal_(0, (2 / max(held[0].numel(), 1)) ** 0.5)
        elif isinstance(held, torch.nn.Parameter) or name.endswith("running_mean"):
            held.data += 0.1 * torch.randn_like(held)


def ready(scope: dict[str, Any], examples: list[Any]) -> tuple[Any, Any, Callable[[], Any]]:
    """What has the layers of a source, the Keras model of it, and a function that runs that on examples."""
    # Keras chooses its backend on import, so this module may be looked at without it.
    import keras

    part = [each for each in scope.values() if isinstance(each, type)][-1]()
    if isinstance(part, keras.Model):
        part(*examples)
        return part, part, lambda: part(*examples, training=False)
    inputs = [keras.Input(tuple(each.shape[1:]), dtype=str(each.dtype).removeprefix("torch.")) for each in examples]
    model = keras.Model(inputs, scope["named"](part)(*inputs))
    return part, model, lambda: model(examples, training=False)


def difference(network: Network) -> tuple[int, int, float]:
    """Parameters of the built module and of the Keras model, and how far apart their outputs are for their size."""
    torch.manual_seed(0)
    built = archscope.build(network).eval()
    stir(built)
    source = write_keras(network)
    assert "archscope" not in source, network.name
    module = ModuleType(network.name)
    exec(compile(source, network.name, "exec"), module.__dict__)
    examples = built.example_inputs(2)
    turned = [lasting(each) for each in examples]
    whole, model, run = ready(module.__dict__, turned)
    for node in network.nodes:
        weights = [each for each in built.node(node.name).state_dict().items() if "num_batches" not in each[0]]
        if not weights or node.shares is not None:  # what is shared has its values where it is held
            continue
        owner, label = found(whole, node.name)
        layer = getattr(owner, label, None) if label else owner
        if node.layer.type == "multihead_attention":
            made_of = attention_of(built.node(node.name))
            for value, target in zip(made_of, layer.weights, strict=True):
                target.assign(value)
            continue
        targets = list(layer.weights) if layer is not None else [owned(owner, label, key) for key, _ in weights]
        order = ["weight", "bias", "running_mean", "running_var"]
        if layer is not None:
            weights.sort(key=lambda each: order.index(each[0]))
        if getattr(node.layer, "untie_biases", False) and layer is not None:
            targets.append(owned(owner, label, "bias"))  # one for each unit stands beside the layer
        for (_, value), target in zip(weights, targets, strict=True):
            own = layer is None or type(layer).__name__ in CLASSES
            target.assign(value.numpy() if own else shaped(value.numpy(), tuple(target.shape)))
    expected = [lasting(each) for each in tensors(built(*examples))]
    got = tensors(run())
    # A root or a logarithm of what is below 0 is no number in either.
    pairs = [(one.nan_to_num(), other.nan_to_num()) for one, other in zip(expected, got, strict=True)]
    apart = max(float((one - other).abs().max() / one.abs().max().clamp(min=1e-6)) for one, other in pairs)
    counted = sum(int(np.prod(each.shape)) for each in model.trainable_weights)
    return int(archscope.analyze(network).totals.parameters), counted, apart


def loaded(name: str) -> Network:
    """A spec by name, with small numbers where it is large; ``resnet@18:3,64,64`` with another input."""
    spec, _, shape = name.partition(":")
    return thin(spec, shape or None)


def layer_types() -> Iterator[tuple[str, Network]]:
    """A network of one layer, for every case of every layer type."""
    from tests.building.builder_cases import CASES, name_of
    from tests.writing.test_source import single

    for case in CASES:
        yield name_of(case).replace(" ", ""), single(case)


def unlike_said() -> Iterator[tuple[str, list[str]]]:
    """Of each network whose weights are drawn, its layer type and the weights that start otherwise than is said."""
    import keras

    from tests.writing.test_starts import DRAWN, unlike

    for network, wanted in DRAWN:
        scope: dict[str, Any] = {}
        try:
            exec(write_keras(network), scope)
        except archscope.UsageError:
            yield network.nodes[0].layer.type, ["refused"]
            continue
        given = [keras.ops.zeros((1, *shape[1:], shape[0])) for shape in network.inputs.values()]
        _, model, _ = ready(scope, given)
        held = [keras.ops.convert_to_numpy(each) for each in model.trainable_weights]
        yield network.nodes[0].layer.type, unlike(held, wanted)


def unlike_options(seed: int, many: int) -> Iterator[str]:
    """Of so many layers with an option changed, those whose source is not as what is built."""
    from tests.writing.options import unlike, variations

    random = Random(seed)
    cases = [case for case, _ in variations(random, 1 + many // 300)]
    yield from unlike(random.sample(cases, many), write_keras, difference, many=1)


def main(names: list[str]) -> None:
    if names[0] == "options":
        print(*unlike_options(*map(int, names[1:])), f"{names[2]} tried", sep="\n")
        return
    if names == ["starts"]:
        for layer, weights in unlike_said():
            print(layer, *weights)
        return
    networks = layer_types() if names == ["layers"] else ((name, loaded(name)) for name in names)
    for name, network in networks:
        try:
            ours, theirs, apart = difference(network)
        except archscope.UsageError as error:
            print(name, "cannot:", str(error).partition("Keras: ")[2] or error)
        else:
            print(name, ours, theirs, f"{apart:.2e}")


if __name__ == "__main__":
    main(sys.argv[1:])
