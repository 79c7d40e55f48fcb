"""The course's two Keras models, as it wrote them; run as a program, because Keras chooses its backend on import.

``KERAS_BACKEND=torch python -m archscope.oracles.keras_course lenet5-keras`` prints what Keras says of its layers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


def lenet5() -> Any:
    """LeNet-5, channels last, with average pooling and a softmax."""
    import keras
    from keras import layers

    # The course writes `AveragePooling2D()`; Keras 3 wants the size that was the default.
    return keras.Sequential([
        keras.Input((32, 32, 1)),
        layers.Conv2D(6, (5, 5), activation="tanh", name="conv1"),
        layers.AveragePooling2D(pool_size=(2, 2), name="pool1"),
        layers.Conv2D(16, (5, 5), activation="tanh", name="conv2"),
        layers.AveragePooling2D(pool_size=(2, 2), name="pool2"),
        layers.Flatten(name="flatten"),
        layers.Dense(120, activation="tanh", name="fc1"),
        layers.Dense(84, activation="tanh", name="fc2"),
        layers.Dense(10, activation="softmax", name="fc3"),
    ])  # fmt: skip


def alexnet() -> Any:
    """AlexNet on 32×32 images, with batch normalization and `same` padding."""
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input((32, 32, 3))])
    kernels = ((96, 11, 4), (256, 5, 1), (384, 3, 1), (384, 3, 1), (256, 3, 1))
    for number, (filters, size, stride) in enumerate(kernels, start=1):
        model.add(layers.Conv2D(filters, (size, size), strides=(stride, stride), padding="same", name=f"conv{number}"))
        model.add(layers.BatchNormalization(name=f"bn{number}"))
        model.add(layers.Activation("relu"))
        if number in (1, 2, 5):
            model.add(layers.MaxPooling2D((2, 2), strides=(2, 2), padding="same", name=f"pool{number}"))
    model.add(layers.Flatten(name="flatten"))
    for number, units in ((6, 4096), (7, 4096), (8, 1000)):
        model.add(layers.Dense(units, name=f"fc{number}"))
        model.add(layers.BatchNormalization(name=f"bn{number}"))
        model.add(layers.Activation("relu"))
        model.add(layers.Dropout(0.4, name=f"drop{number}"))
    model.add(layers.Dense(10, name="fc9"))
    model.add(layers.BatchNormalization(name="bn9"))
    model.add(layers.Activation("softmax"))
    return model


MODELS: dict[str, Callable[[], Any]] = {"lenet5-keras": lenet5, "alexnet-keras": alexnet}
"""The course's models, by the spec that describes each."""


def described(model: Any) -> dict[str, Any]:
    """What Keras says: layers with shapes, channels last, and counts; the totals of ``count_params``."""
    layers = [
        {
            "name": layer.name,
            "output": list(layer.output.shape[1:]),
            "parameters": count_values(layer.trainable_weights),
            "fixed": count_values(layer.non_trainable_weights),
        }
        for layer in model.layers
    ]
    totals = {
        "count_params": int(model.count_params()),
        "parameters": count_values(model.trainable_weights),
        "fixed": count_values(model.non_trainable_weights),
    }
    return {"layers": layers, "totals": totals}


def count_values(weights: list[Any]) -> int:
    """How many values weights of Keras's have."""
    total = 0
    for weight in weights:
        size = 1
        for extent in weight.shape:
            size *= int(extent)
        total += size
    return total


if __name__ == "__main__":
    print(json.dumps(described(MODELS[sys.argv[1]]())))
