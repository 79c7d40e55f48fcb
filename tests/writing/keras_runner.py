"""Run as a program with ``KERAS_BACKEND=torch``: the Keras source of every spec against its built module."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import torch

import archscope
from archscope.writing.keras import write_keras


def shaped(source: np.ndarray[Any, Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """A weight of PyTorch in Keras's order of axes."""
    if source.shape == shape and source.ndim != 2:
        return source
    if source.ndim == 2:
        return source if shape == source.shape and source.shape[0] != source.shape[1] else source.T
    return np.transpose(source, (*range(2, source.ndim), 1, 0))


def difference(name: str) -> tuple[int, int, float]:
    # Keras chooses its backend on import, so this module may be looked at without it.
    import keras

    network = archscope.load(name)
    torch.manual_seed(0)
    built = archscope.build(network).eval()
    source = write_keras(network)
    assert "archscope" not in source, name
    module = ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
    (made,) = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, keras.Model)]
    model = made()
    (example,) = built.example_inputs(2)
    turned = example.movedim(1, -1) if example.dim() > 2 else example
    model(turned)
    for node in network.nodes:
        weights = [each for each in built.node(node.name).state_dict().items() if "num_batches" not in each[0]]
        if not weights:
            continue
        label = node.name.replace(".", "_")
        layer = getattr(model, label, None)
        targets = list(layer.weights) if layer is not None else [getattr(model, f"{label}_{key}") for key, _ in weights]
        order = ["weight", "bias", "running_mean", "running_var"]
        for (_, value), target in zip(sorted(weights, key=lambda each: order.index(each[0])), targets, strict=True):
            own = layer is None
            target.assign(value.numpy() if own else shaped(value.numpy(), tuple(target.shape)))
    expected = built(example).detach()
    got = torch.as_tensor(model(turned, training=False)).detach()
    counted = sum(int(np.prod(each.shape)) for each in model.trainable_weights)
    return int(archscope.analyze(network).totals.parameters), counted, float((expected - got).abs().max())


if __name__ == "__main__":
    for spec in sys.argv[1:]:
        ours, theirs, apart = difference(spec)
        print(spec, ours, theirs, f"{apart:.2e}")
