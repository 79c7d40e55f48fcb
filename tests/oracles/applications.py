"""``python -m tests.oracles.applications`` prints how many values networks of ``keras.applications`` train and keep.

A process of its own, where Keras runs on PyTorch: Keras chooses what it runs on when it is imported.
"""

from __future__ import annotations

import math
import sys


def main() -> None:
    import keras
    from keras import applications

    for name in sys.argv[1:]:
        with keras.device("meta"):  # weights have shapes and take no memory
            model = getattr(applications, name)(weights=None)
        trained = sum(math.prod(each.shape) for each in model.trainable_variables)
        kept = (each for layer in model.layers for each in layer.non_trainable_variables if "moving" in each.name)
        biases = (
            math.prod(each.shape)
            for layer in model.layers
            if type(layer).__name__ == "Conv2D"
            for each in layer.trainable_variables
            if each.name == "bias"
        )
        print(name, trained, sum(math.prod(each.shape) for each in kept), sum(biases))


if __name__ == "__main__":
    main()
