"""Run as a program with ``KERAS_BACKEND=torch``: saves models of every family, and prints what Keras says of each."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import keras
from keras import layers as kl
from keras import ops

import archscope
from archscope.oracles.keras_file import described
from archscope.writing.keras import write_keras


def functional(name: str, shape: tuple[int, ...], build: Any, dtype: str = "float32") -> Any:
    given = keras.Input(shape, dtype=dtype)
    return keras.Model(given, build(given), name=name)


def residual(x: Any) -> Any:
    x = kl.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(x)
    x = kl.ReLU(name="stem_relu")(kl.BatchNormalization(name="stem_bn")(x))
    y = kl.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise")(x)
    y = kl.BatchNormalization(scale=False, name="bn")(y)
    z = kl.SeparableConv2D(8, 3, strides=2, padding="same", name="separable")(x)
    x = kl.Concatenate(name="joined")([kl.Add(name="sum")([y, z]), kl.MaxPooling2D(2, name="pool")(x)])
    x = kl.Conv2DTranspose(4, 3, strides=2, padding="same", name="up")(kl.ZeroPadding2D(((1, 0), (0, 1)))(x))
    x = kl.UpSampling2D(2)(kl.Cropping2D(1)(kl.AveragePooling2D(3, 1, padding="same")(x)))
    x = kl.PReLU(shared_axes=[1, 2], name="slopes")(kl.GroupNormalization(2, name="groups")(x))
    x = kl.SpatialDropout2D(0.1)(kl.Rescaling(2.0)(x))
    return kl.Dense(10, activation="softmax", name="out")(kl.GlobalAveragePooling2D(name="mean")(x))


def words(x: Any) -> Any:
    x = kl.Embedding(50, 16, name="table")(x)
    x = kl.Conv1D(16, 3, padding="causal", name="conv")(x)
    x = kl.Add()([x, kl.MultiHeadAttention(4, 4, name="attention")(x, x, use_causal_mask=True)])
    x = kl.LayerNormalization(name="norm")(x)
    x = kl.TimeDistributed(kl.Dense(16), name="each")(kl.Dense(12, activation="gelu", name="wide")(x))
    x = kl.Bidirectional(kl.LSTM(8, return_sequences=True), name="both")(x)
    x = kl.GRU(6, return_sequences=True, name="gru")(x)
    return kl.SimpleRNN(5, name="last")(x)


def shared(x: Any) -> Any:
    half = kl.Dense(8, name="half")
    inner = keras.Sequential([keras.Input((8,)), kl.Dense(8, activation="tanh", name="d")], name="inner")
    return half(inner(half(kl.Flatten()(kl.Permute((2, 1))(kl.Reshape((2, 4))(x))))))


def norms(x: Any) -> Any:
    x = kl.GroupNormalization(3, scale=False, name="shifted")(kl.Conv2D(6, 3, name="conv")(x))
    x = kl.LayerNormalization(scale=False, name="layer")(kl.GroupNormalization(2, center=False, name="scaled")(x))
    for axes in ([1, 3], [3], [1, 2, 3], None):
        x = kl.PReLU(shared_axes=axes)(x)
    gate = kl.Reshape((1, 1, 6))(kl.GlobalAveragePooling2D()(x))
    x = kl.Multiply()([x, kl.Conv2D(6, 1, name="gate")(kl.Conv2D(2, 1, name="squeeze")(gate))])
    x = kl.RepeatVector(3)(kl.GlobalMaxPooling2D()(x))
    return kl.Bidirectional(kl.GRU(4, trainable=False), name="both")(x)


def frozen(x: Any) -> Any:
    return kl.Dense(3, name="thawed")(kl.Dense(4, name="frozen", trainable=False)(x))


def both() -> Any:
    """A picture and some words, through every layer whose weights lie otherwise in PyTorch."""
    image, ids = keras.Input((16, 16, 3), name="image"), keras.Input((10,), dtype="int32", name="ids")
    x = kl.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(image)
    x = kl.ReLU()(kl.BatchNormalization(name="norm")(x))
    y = kl.DepthwiseConv2D(3, padding="same", name="apart")(x)
    z = kl.SeparableConv2D(8, 3, padding="same", name="split", activation="tanh")(x)
    x = kl.Add()([x, y, z])
    x = kl.Conv2DTranspose(4, 3, strides=2, padding="same", name="up")(kl.MaxPooling2D(2)(x))
    x = kl.Conv2D(6, 3, groups=2, name="grouped")(kl.LayerNormalization(name="each")(x))
    x = kl.Dense(5, name="image_head")(kl.Dropout(0.1)(kl.Flatten()(x)))
    w = kl.Conv1D(6, 3, padding="causal", name="conv")(kl.Embedding(50, 8, name="table")(ids))
    w = kl.MultiHeadAttention(2, 4, name="wide")(kl.MultiHeadAttention(2, 3, name="seen")(w, w), w)
    w = kl.Dense(4, name="every")(w)
    w = kl.Dense(5, activation="sigmoid", name="half")(kl.Flatten()(w))
    model = keras.Model([image, ids], kl.Add()([x, w]), name="both")
    draw = keras.random.SeedGenerator(0)
    for each in model.weights:
        each.assign(keras.random.uniform(each.shape, 0.1 if "variance" in each.name else -0.4, 0.6, seed=draw))
    return model


def functions(x: Any) -> Any:
    """What `keras.ops` makes between layers."""
    x = kl.Conv2D(8, 3, strides=2, name="padded")(ops.pad(x, [[0, 0], [1, 1], [2, 0], [0, 0]]))
    x = kl.MaxPooling2D(3, 2, name="pool")(ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=-float("inf")))
    a, b = ops.split(ops.relu(x), [3], axis=-1)
    x = ops.concatenate([b * 2 - 1, ops.tanh(a)], axis=-1)
    gate = ops.sigmoid(kl.Dense(8, name="gate")(ops.mean(x, axis=(1, 2))))
    x = x * gate[:, None, None] + 1 - x / 4
    y = ops.pad(x, [[0, 0], [1, 0], [0, 0], [0, 0]])[:, 1:, ::2, :4]
    x = ops.reshape(ops.transpose(ops.max(x, axis=1), (0, 2, 1)), (-1, 4, 2, 2))
    x = ops.swapaxes(ops.squeeze(ops.expand_dims(x[:, :, 1], 1), 1), 1, 2)
    x = ops.stack([ops.matmul(x, ops.transpose(x, (0, 2, 1))), ops.exp(-ops.square(x[:, :, :2]))], axis=1)
    x = ops.concatenate([ops.reshape(x, (-1, 8)), ops.reshape(y, (-1, 8))], axis=1)
    return kl.Dense(10, name="out")(ops.maximum(x**2.0, 0))


def written(name: str) -> Any:
    """The model that the source of a spec makes."""
    scope: dict[str, Any] = {}
    exec(write_keras(archscope.load(name)), scope)
    return scope["model"]()


OURS = ("lenet1", "lenet5", "lenet5-keras", "resnet-cifar@20", "squeezenet@1.1")
"""Specs whose source is saved."""


def prepared(x: Any) -> Any:
    x = kl.RandomRotation(0.1, name="turned")(kl.RandomFlip(name="flipped")(x))
    x = kl.Normalization(name="normed")(kl.Resizing(6, 5, name="resized")(x))
    x = kl.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 1.0, 4.0], name="stated")(x)
    return kl.GlobalMaxPooling2D(name="top")(kl.Conv2D(4, 3, name="conv")(kl.RandomCrop(6, 5, name="cut")(x)))


def translated() -> Any:
    """An encoder whose states the decoder begins with; what is padding is masked; Bahdanau's attention, and Luong's."""
    source, target = keras.Input((7,), dtype="int32", name="source"), keras.Input((5,), dtype="int32", name="target")
    seen, *states = kl.LSTM(6, return_sequences=True, return_state=True, name="encoder")(
        kl.Embedding(20, 4, mask_zero=True, name="words")(source))  # fmt: skip
    table = kl.ReversibleEmbedding(30, 8, name="table")
    said = kl.LSTM(6, return_sequences=True, name="decoder")(table(target), initial_state=states)
    found = kl.AdditiveAttention(name="bahdanau")([said, seen])
    luong, scores = kl.Attention(use_scale=True, name="luong")([said, seen], return_attention_scores=True)
    said = kl.Concatenate(name="joined")([found, luong, said, scores])
    said = kl.RNN([kl.LSTMCell(4), kl.GRUCell(5)], return_sequences=True, name="cells")(said)
    said = kl.GroupQueryAttention(2, 4, 2, name="grouped")(said, said, use_causal_mask=True)
    said = kl.EinsumDense("...a,ab->...b", (8,), bias_axes="b", name="wide")(said)
    return keras.Model([source, target], table(said, reverse=True), name="translated")


def films(x: Any) -> Any:
    """Each picture of a film by itself, and recurrence over maps."""
    inner = keras.Sequential(
        [keras.Input((6, 6, 3)), kl.Conv2D(4, 3, activation="relu", name="conv"), kl.MaxPooling2D(2)]
    )
    x = kl.TimeDistributed(inner, name="each")(x)
    x = kl.ConvLSTM2D(5, 2, padding="same", name="maps")(x)
    return kl.SpectralNormalization(kl.Conv2D(3, 1), name="normed")(x)


def of_int8() -> Any:
    model = keras.Sequential([keras.Input((6,)), kl.Dense(4, name="first"), kl.Dense(3, name="second")], name="of_int8")
    model.quantize("int8")
    return model


MODELS = {
    "translated": translated,
    "films": lambda: functional("films", (4, 6, 6, 3), films),
    "of_int8": of_int8,
    "prepared": lambda: functional("prepared", (8, 8, 3), prepared),
    "functions": lambda: functional("functions", (8, 8, 3), functions),
    **{name: partial(written, name) for name in OURS},
    "both": both,
    "residual": lambda: functional("residual", (16, 16, 3), residual),
    "words": lambda: functional("words", (10,), words, "int32"),
    "shared": lambda: functional("shared", (8,), shared),
    "norms": lambda: functional("norms", (6, 7, 3), norms),
    "frozen": lambda: functional("frozen", (5,), frozen),
    "course": lambda: keras.Sequential([
        keras.Input((28, 28, 1)), kl.Conv2D(6, 5, padding="same", activation="tanh"), kl.AveragePooling2D(2),
        kl.Flatten(), kl.Dense(10, activation="softmax"),
    ], name="course"),
}  # fmt: skip


def main(folder: Path) -> None:
    said = {}
    for name, make in MODELS.items():
        model = make()
        model.save(folder / f"{name}.keras")
        (folder / f"{name}.json").write_text(model.to_json())
        trained = sum(int(each.numpy().size) for each in model.trainable_weights)
        if name in OURS:
            continue
        said[name] = {"all": model.count_params(), "trained": trained, "output": model.outputs[0].shape[1:],
                      "witness": described(str(folder / f"{name}.json"))}  # fmt: skip
    print(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
