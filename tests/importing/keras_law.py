"""Run as a program with ``KERAS_BACKEND=torch``: models of layers at random, and what Keras says of them when they run.

``python keras_law.py FOLDER SEED…`` saves each as ``.keras`` and ``.json``, and prints weights, shapes and products.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import torch
from keras import layers as kl
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

Draw = random.Random
Step = Callable[[Draw, Any], Any]


def grids(axes: int) -> list[Step]:
    """Layers over a grid with channels last."""
    name = f"{axes}D"

    def of(stem: str, tail: str = "") -> Any:
        return getattr(kl, f"{stem}{name}{tail}")

    found: list[Step] = [
        lambda r, x: of("Conv")(2 * r.randint(1, 3), r.randint(1, 3), strides=r.randint(1, 2),
                                padding=r.choice(["same", "valid"]),
                                groups=r.choice([1, x.shape[-1]]) if x.shape[-1] < 3 else 1, use_bias=r.random() < 0.5,
                                activation=r.choice([None, "relu", "gelu", "softmax"]))(x),
        lambda r, x: of("Conv")(4, 2, dilation_rate=2, padding="same")(x),
        lambda r, x: of("Conv", "Transpose")(3, r.randint(1, 4), strides=r.randint(1, 3),
                                             padding=r.choice(["same", "valid"]))(x),
        lambda r, x: of("MaxPooling")(2, strides=r.choice([None, 1]), padding=r.choice(["same", "valid"]))(x),
        lambda r, x: of("AveragePooling")(2, padding=r.choice(["same", "valid"]))(x),
        lambda r, x: of("AdaptiveAveragePooling")(r.randint(1, 3))(x),
        lambda r, x: of("AdaptiveMaxPooling")(r.randint(1, 3))(x),
        lambda r, x: of("ZeroPadding")(1)(x), lambda r, x: of("UpSampling")(2)(x),
        lambda r, x: of("SpatialDropout")(0.1)(x),
        lambda r, x: kl.BatchNormalization(scale=r.random() < 0.7, center=r.random() < 0.7)(x),
        lambda r, x: kl.GroupNormalization(1)(x), lambda r, x: kl.UnitNormalization()(x),
        lambda r, x: kl.PReLU(shared_axes=r.choice([None, list(range(1, axes + 1))]))(x),
        lambda r, x: kl.SpectralNormalization(of("Conv")(3, 1))(x),
        lambda r, x: kl.EinsumDense("...a,ab->...b", (5,), activation="relu", bias_axes=r.choice([None, "b"]))(x),
        lambda r, x: kl.Concatenate()([x, of("Conv")(3, 1)(x)]),
        lambda r, x: kl.Multiply()([x, of("Conv")(x.shape[-1], 1)(x)]),
        lambda r, x: kl.MultiHeadAttention(2, 3, attention_axes=r.choice([None, (1,)]),
                                           value_dim=r.choice([None, 2]))(x, x),
    ]  # fmt: skip
    if axes < 3:
        found += [
            lambda r, x: of("DepthwiseConv")(r.randint(1, 3), depth_multiplier=r.randint(1, 2), padding="same")(x),
            lambda r, x: of("SeparableConv")(4, 2, depth_multiplier=r.randint(1, 2), padding="same")(x),
        ]
    if axes > 1:  # the first axis as steps
        inner = f"{axes - 1}D"
        found += [
            lambda r, x: kl.TimeDistributed(getattr(kl, f"Conv{inner}")(3, 2, padding="same", activation="relu"))(x),
            lambda r, x: kl.TimeDistributed(getattr(kl, f"GlobalMaxPooling{inner}")())(x),
            lambda r, x: getattr(kl, f"ConvLSTM{inner}")(2, 2, padding="same", return_sequences=r.random() < 0.5,
                                                         go_backwards=r.random() < 0.3)(x),
        ]  # fmt: skip
    return found


def stated(r: Draw, x: Any) -> Any:
    kind = r.choice([kl.LSTM, kl.GRU, kl.SimpleRNN])
    y, *states = kind(3, return_state=True, return_sequences=True)(x)
    made = kind(3, return_sequences=r.random() < 0.5)(y, initial_state=states)
    return r.choice([lambda: made, lambda: kl.Concatenate()(states) if len(states) > 1 else states[0]])()


def directions(r: Draw, x: Any) -> Any:
    kind = r.choice([kl.LSTM, kl.GRU, kl.SimpleRNN])
    made = kl.Bidirectional(kind(3, return_sequences=r.random() < 0.5, use_bias=r.random() < 0.7),
                            merge_mode=r.choice(["concat", "sum", "mul", "ave", None]))(x)  # fmt: skip
    return kl.Average()(list(made)) if isinstance(made, (list, tuple)) else made


def cells(r: Draw, x: Any) -> Any:
    some = [r.choice([kl.LSTMCell, kl.GRUCell, kl.SimpleRNNCell])(r.randint(2, 4)) for _ in range(r.randint(1, 3))]
    made = kl.RNN(some if len(some) > 1 else some[0], return_state=r.random() < 0.3, return_sequences=True)(x)
    return made[0] if isinstance(made, (list, tuple)) else made


def attention(r: Draw, x: Any) -> Any:
    kind = r.choice([kl.Attention, kl.AdditiveAttention])
    options = {"score_mode": "concat"} if kind is kl.Attention and r.random() < 0.4 else {}
    other = kl.Dense(x.shape[-1])(x)
    made = kind(use_scale=r.random() < 0.5, **options)([x, other], use_causal_mask=r.random() < 0.5,
                                                       return_attention_scores=r.random() < 0.3)  # fmt: skip
    return made[0] if isinstance(made, (list, tuple)) else made


def heads(r: Draw, x: Any) -> Any:
    key = kl.Dense(5)(x) if r.random() < 0.4 else x
    more = {"dropout": 0.1} if r.random() < 0.2 else {}
    return kl.MultiHeadAttention(2, r.randint(1, 4), value_dim=r.choice([None, 3]), output_shape=r.choice([None, 6]),
                                 use_bias=r.random() < 0.7, use_gate=r.random() < 0.3, **more)(
        x, key, use_causal_mask=r.random() < 0.4)  # fmt: skip


SEQUENCES: list[Step] = [
    stated, directions, cells, attention, heads,
    lambda r, x: r.choice([kl.LSTM, kl.GRU, kl.SimpleRNN])(4, return_sequences=r.random() < 0.6,
                                                          go_backwards=r.random() < 0.3,
                                                          activation=r.choice(["tanh", "relu", "elu"]))(x),
    lambda r, x: kl.GRU(3, reset_after=False)(x),
    lambda r, x: kl.GroupQueryAttention(3, 4, r.choice([1, 2, 4]), use_gate=r.random() < 0.3)(x, x),
    lambda r, x: kl.Masking()(x), lambda r, x: kl.Permute((2, 1))(x), lambda r, x: kl.TimeDistributed(kl.Dense(4))(x),
    lambda r, x: kl.Dense(4, activation="tanh")(x), lambda r, x: kl.LayerNormalization()(x),
    lambda r, x: kl.RMSNormalization()(x),
    lambda r, x: kl.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes=r.choice([None, "d", "de"]))(x),
    lambda r, x: kl.EinsumDense("abc,bd->adc", (4, None), bias_axes=r.choice([None, "d"]))(x),
    lambda r, x: kl.Dot(2, normalize=r.random() < 0.5)([x, kl.Dense(x.shape[-1])(x)]),
    lambda r, x: kl.Add()([x, kl.MultiHeadAttention(2, 2)(x, x)]), *grids(1),
]  # fmt: skip
VECTORS: list[Step] = [
    lambda r, x: kl.Dense(r.randint(2, 6), activation=r.choice(["elu", "mish", "softmax", None]))(x),
    lambda r, x: kl.BatchNormalization()(x), lambda r, x: kl.RepeatVector(3)(x), lambda r, x: kl.Reshape((-1, 1))(x),
    lambda r, x: kl.SpectralNormalization(kl.Dense(4))(x), lambda r, x: kl.PReLU()(x),
    lambda r, x: kl.EinsumDense("ab,bcd->acd", (2, 3))(kl.Dense(4)(x)),
    lambda r, x: kl.Dot(1)([x, kl.Dense(x.shape[-1])(x)]),
]  # fmt: skip
BY_AXES = {1: VECTORS, 2: SEQUENCES, 3: grids(2), 4: grids(3)}


def model(seed: int) -> Any:
    r = random.Random(seed)
    shapes: list[tuple[int, ...]] = [(6,), (7, 4), (7, 4), (6, 7, 2), (6, 7, 2), (4, 5, 6, 2)]
    given = keras.Input(r.choice(shapes))
    value, left = given, r.randint(2, 5)
    while left:
        if len(value.shape) > 2 and r.random() < 0.1:
            value = kl.Flatten()(value)
        axes = len(value.shape) - 1
        try:
            made = r.choice(BY_AXES[axes])(r, value)
        except (ValueError, IndexError, TypeError, RuntimeError):  # Keras does not take it there
            continue
        if all(isinstance(each, int) and 1 < each < 100 for each in made.shape[1:]) and len(made.shape) - 1 in BY_AXES:
            value, left = made, left - 1
    return keras.Model(given, value, name=f"law{seed}")


def ran(made: Any) -> dict[str, Any]:
    """What a model makes where it runs on PyTorch, and what that multiplies; None where Keras cannot run it."""
    for each in made._flatten_layers():  # a loop over steps would run the first twice
        each.unroll = True
    given = torch.zeros((1, *made.input_shape[1:]))
    twice = any(isinstance(each, kl.StackedRNNCells) for each in made._flatten_layers())  # it does all the same
    try:
        # Fused attention is not counted by PyTorch.
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
            output = list(made(given).shape[1:])
    except Exception:  # noqa: BLE001 - whatever Keras cannot do itself
        return {"output": None, "products": None}
    return {"output": output, "products": None if twice else counter.get_total_flops() / 2}


def main(folder: Path, seeds: list[int]) -> None:
    said = {}
    for seed in seeds:
        keras.utils.clear_session()
        made = model(seed)
        made.save(folder / f"{seed}.keras")
        (folder / f"{seed}.json").write_text(made.to_json())
        trained = sum(int(each.numpy().size) for each in made.trainable_weights)
        said[seed] = {"weights": made.count_params(), "trained": trained, **ran(made)}
    print(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), list(map(int, sys.argv[2:])))
